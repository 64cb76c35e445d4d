//===- F2.h - linear algebra over the field of two elements ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A vector is a word of bits, addition is exclusive or. A linear map is given by its columns: what each bit of the input
// flips in the output. With columns 1, 2, 6 the input 101 goes to 1 ^ 6 = 7.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <optional>

namespace tegula::layout {

constexpr unsigned maxBits = 32;

/// Calls `visit(i)` for every bit of `mask`, lowest first.
template <class Word, class Visit> void forEachBit(Word mask, Visit visit) {
  for (; mask; mask &= mask - 1)
    visit(unsigned(std::countr_zero(mask)));
}

inline uint32_t lowBits(unsigned count) { return count >= 32 ? ~0u : (1u << count) - 1; }
inline bool parity(uint32_t x) { return std::popcount(x) & 1; }

/// A subspace, grown vector by vector. Each inserted vector has a tag, a word with a bit or more of the caller's choice;
/// solutions come as the exclusive or of the tags of the vectors they are made of.
class Span {
public:
  using Tag = uint64_t;

  unsigned dimension() const { return unsigned(std::popcount(leads)); }

  /// The part of `vector` outside the span; zero if it lies inside. `tags` is changed by the tags of what was taken off.
  uint32_t reduce(uint32_t vector, Tag &tags) const {
    for (uint32_t hit = vector & leads; hit; hit = vector & leads) {
      unsigned lead = 31u - unsigned(std::countl_zero(hit));
      vector ^= vectors[lead];
      tags ^= tagOf[lead];
    }
    return vector;
  }
  bool contains(uint32_t vector) const {
    Tag unused = 0;
    return reduce(vector, unused) == 0;
  }
  /// The tags of inserted vectors that add up to `vector`. Only vectors that were independent when they came take part.
  std::optional<Tag> solve(uint32_t vector) const {
    Tag tags = 0;
    return reduce(vector, tags) ? std::nullopt : std::optional<Tag>(tags);
  }
  /// False if `vector` lay in the span already; `relation`, if given, is then a set of tags that adds up to zero.
  bool insert(uint32_t vector, Tag tag = 0, Tag *relation = nullptr) {
    vector = reduce(vector, tag);
    if (!vector) {
      if (relation)
        *relation = tag;
      return false;
    }
    unsigned lead = 31u - unsigned(std::countl_zero(vector));
    leads |= 1u << lead;
    vectors[lead] = vector;
    tagOf[lead] = tag;
    return true;
  }
  /// A basis, lowest leading bit first.
  template <class Visit> void forEachVector(Visit visit) const {
    forEachBit(leads, [&](unsigned lead) { visit(vectors[lead]); });
  }

private:
  uint32_t leads = 0; ///< leading bits of the vectors; all else is undefined where a bit is clear
  std::array<uint32_t, maxBits> vectors;
  std::array<Tag, maxBits> tagOf;
};

/// A linear map by its columns.
class BitMatrix {
public:
  BitMatrix() = default;
  explicit BitMatrix(llvm::ArrayRef<uint32_t> columns);
  static BitMatrix identity(unsigned size);
  static BitMatrix zero(unsigned columns);

  unsigned size() const { return count; }
  uint32_t operator[](unsigned column) const { return values[column]; }
  uint32_t &operator[](unsigned column) { return values[column]; }
  llvm::ArrayRef<uint32_t> columns() const { return {values.data(), count}; }
  void append(uint32_t column) {
    assert(count < maxBits);
    values[count++] = column;
  }
  /// The image of one vector.
  uint32_t operator()(uint32_t input) const {
    uint32_t out = 0;
    forEachBit(input, [&](unsigned i) { out ^= values[i]; });
    return out;
  }
  /// First `inner`, then this map.
  BitMatrix compose(const BitMatrix &inner) const;

  bool isZero() const;
  bool isIdentity() const;
  unsigned rank() const;
  /// Inputs that add up to every input with image zero.
  llvm::SmallVector<uint32_t, 8> kernel() const;
  llvm::SmallVector<uint32_t, 8> image() const;
  /// An input for every unit vector of `rows` output bits, made of the earliest columns; none if one is out of reach.
  std::optional<BitMatrix> rightInverse(unsigned rows) const;
  /// The same if there is exactly one.
  std::optional<BitMatrix> inverse(unsigned rows) const;

  friend bool operator==(const BitMatrix &a, const BitMatrix &b) { return a.columns() == b.columns(); }

private:
  uint32_t count = 0;
  std::array<uint32_t, maxBits> values = {};
};

} // namespace tegula::layout
