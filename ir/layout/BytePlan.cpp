//===- BytePlan.cpp - permutations of elements within words as instructions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/Conversion.h"

#include <algorithm>

namespace tegula::layout {
namespace {

/// A byte of the source.
struct Byte {
  uint32_t word;
  uint8_t at;
  friend bool operator==(const Byte &, const Byte &) = default;
};
using Word = std::array<Byte, 4>;

class BytePlanner {
public:
  BytePlanner(const Step &permute, unsigned sourceBits, unsigned sourcePack, unsigned elementBits)
      : elementBytes(elementBits / 8) {
    plan.words = 1u << (sourceBits - sourcePack);
    for (uint32_t w = 0; w < 1u << (permute.registers.size() - permute.pack); w++)
      targets.push_back(wordOf(permute, w, sourcePack));
    plan.result.assign(targets.size(), ~0u);
  }

  BytePlan run() {
    for (uint32_t w = 0; w < targets.size(); w++) {
      if (uint32_t before = same(w); before < w) {
        plan.result[w] = plan.result[before];
        continue;
      }
      llvm::SmallVector<uint32_t, 4> sources = sourcesOf(targets[w]);
      if (sources.size() == 1 && isWhole(targets[w]))
        plan.result[w] = sources[0];
      else if (sources.size() <= 2)
        plan.result[w] = emit(targets[w], sources[0], sources.back());
      else
        plan.result[w] = join(w);
    }
    return std::move(plan);
  }

private:
  /// Bytes past the elements of a word that is not full are whatever comes along when it is rotated.
  Word wordOf(const Step &permute, uint32_t w, unsigned sourcePack) const {
    Word out;
    unsigned bytes = elementBytes << permute.pack;
    for (unsigned byte = 0; byte < 4; byte++) {
      uint32_t source = permute.registers(w << permute.pack | std::min(byte, bytes - 1) / elementBytes);
      unsigned at = (source & lowBits(sourcePack)) * elementBytes + byte % elementBytes;
      out[byte] = {source >> sourcePack, uint8_t(byte < bytes ? at : (out[0].at + byte) & 3)};
    }
    return out;
  }
  uint32_t same(uint32_t w) const {
    return uint32_t(std::find(targets.begin(), targets.end(), targets[w]) - targets.begin());
  }
  static llvm::SmallVector<uint32_t, 4> sourcesOf(llvm::ArrayRef<Byte> bytes) {
    llvm::SmallVector<uint32_t, 4> out;
    for (const Byte &byte : bytes)
      if (std::find(out.begin(), out.end(), byte.word) == out.end())
        out.push_back(byte.word);
    return out;
  }
  static bool isWhole(const Word &word) {
    for (unsigned byte = 0; byte < 4; byte++)
      if (word[byte].at != byte)
        return false;
    return true;
  }
  uint32_t emit(const Word &word, uint32_t first, uint32_t second) {
    BytePermute permute = {first, second, {}};
    for (unsigned byte = 0; byte < 4; byte++)
      permute.selector[byte] = uint8_t(word[byte].at + (word[byte].word == first ? 0 : 4));
    plan.permutes.push_back(permute);
    return plan.words + uint32_t(plan.permutes.size()) - 1;
  }

  /// Two bytes, or one, of each of two source words that a word still needs, kept for it in one permute.
  struct Half {
    std::array<Byte, 2> bytes;
    uint32_t value; ///< word that has them
    uint8_t at;     ///< from this byte on
  };

  /// A word from three or four: from two halves, each of two words. What is free in a half holds a half of another word.
  uint32_t join(uint32_t w) {
    llvm::SmallVector<uint32_t, 4> sources = sourcesOf(targets[w]);
    // Pairs of bytes (0 1)(2 3) or, where each word then has its own half, (0 2)(1 3), (0 3)(1 2).
    std::array<std::array<unsigned, 4>, 3> pairings = {{{0, 1, 2, 3}, {0, 2, 1, 3}, {0, 3, 1, 2}}};
    auto costOf = [&](const std::array<unsigned, 4> &order) {
      int known = 0;
      for (unsigned i : {0u, 2u})
        known += find({targets[w][order[i]], targets[w][order[i + 1]]}) != nullptr;
      return -known;
    };
    auto order = *std::min_element(pairings.begin(), pairings.end(),
                                   [&](const auto &a, const auto &b) { return costOf(a) < costOf(b); });
    std::array<uint32_t, 2> values;
    std::array<uint8_t, 4> where;
    for (unsigned i = 0; i < 2; i++) {
      std::array<Byte, 2> bytes = {targets[w][order[2 * i]], targets[w][order[2 * i + 1]]};
      const Half *half = find(bytes);
      if (!half) {
        make(bytes, w);
        half = find(bytes);
      }
      values[i] = half->value;
      for (unsigned k = 0; k < 2; k++)
        where[order[2 * i + k]] = uint8_t(4 * i + half->at + (half->bytes[k] == bytes[k] ? k : 1 - k));
    }
    plan.permutes.push_back({values[0], values[1], where});
    return plan.words + uint32_t(plan.permutes.size()) - 1;
  }
  const Half *find(std::array<Byte, 2> bytes) const {
    for (const Half &half : halves)
      if (half.bytes == bytes || half.bytes == std::array<Byte, 2>{bytes[1], bytes[0]})
        return &half;
    return nullptr;
  }
  void make(std::array<Byte, 2> bytes, uint32_t w) {
    Word word = {bytes[0], bytes[1], bytes[0], bytes[1]};
    std::array<Byte, 2> other = bytes;
    // A later word that needs two more bytes of the same two words.
    for (uint32_t later = w + 1; later < targets.size() && other == bytes; later++) {
      if (sourcesOf(targets[later]).size() <= 2)
        continue;
      llvm::SmallVector<Byte, 4> fitting;
      for (const Byte &byte : targets[later])
        if (byte.word == bytes[0].word || byte.word == bytes[1].word)
          fitting.push_back(byte);
      if (fitting.size() == 2 && fitting[0].word != fitting[1].word && !find({fitting[0], fitting[1]}))
        other = {fitting[0], fitting[1]};
    }
    word[2] = other[0];
    word[3] = other[1];
    uint32_t value = emit(word, bytes[0].word, bytes[1].word);
    halves.push_back({bytes, value, 0});
    if (other != bytes)
      halves.push_back({other, value, 2});
  }

  unsigned elementBytes;
  llvm::SmallVector<Word, 16> targets;
  llvm::SmallVector<Half, 16> halves;
  BytePlan plan;
};

} // namespace

BytePlan planBytes(const Step &permute, unsigned sourceBits, unsigned sourcePack, unsigned elementBits) {
  assert(elementBits == 8 || elementBits == 16);
  return BytePlanner(permute, sourceBits, sourcePack, elementBits).run();
}

} // namespace tegula::layout
