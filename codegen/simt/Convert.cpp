//===- Convert.cpp - changes of layout within a thread and within a warp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The steps that ir/layout/Conversion.h plans, on 32-bit words: elements below 32 bits are packed, elements of 64 bits are
// two words that take the same way.
//

#include "codegen/simt/Emitter.h"
#include "ir/layout/Conversion.h"

using namespace mlir;

namespace tegula::simt {

using layout::Step;

/// Parity of the thread bits that `mask` picks, as an i1.
llvm::Value *Emitter::threadParity(uint32_t mask) {
  SmallVector<uint32_t, 12> bases;
  for (unsigned bit = 0; mask >> bit; ++bit)
    bases.push_back(mask >> bit & 1);
  llvm::Value *bits = threadBits(bases);
  return b.CreateICmpNE(bits, b.getInt32(0));
}

/// The new words of a step that moves whole ones. `wordBits`: of the numbers of the words before it.
static SmallVector<llvm::Value *> moveWords(const Step &step, llvm::ArrayRef<llvm::Value *> words,
                                            unsigned wordBits, unsigned pack) {
  SmallVector<llvm::Value *> out;
  unsigned newBits = step.registers.size() - pack;
  for (size_t major = 0; major < words.size() >> wordBits; ++major)
    for (uint32_t word = 0; word < 1u << newBits; ++word)
      out.push_back(words[(major << wordBits) + (step.registers(word << pack) >> pack)]);
  return out;
}

/// One half (of 64-bit elements) or all of a tile through the plan.
SmallVector<llvm::Value *> Emitter::runSteps(const layout::Conversion &plan, SmallVector<llvm::Value *> words,
                                             unsigned pack, unsigned elementBits) {
  unsigned bits = plan.fromBits; // register bits, elements counted
  for (const Step &step : plan.steps) {
    unsigned wordBits = bits - pack;
    switch (step.kind) {
    case Step::Kind::Permute: {
      if (elementBits >= 32 || (pack == 0 && step.pack == 0)) {
        words = moveWords(step, words, wordBits, 0);
      } else {
        layout::BytePlan bytes = layout::planBytes(step, bits, pack, elementBits);
        SmallVector<llvm::Value *> out;
        for (size_t major = 0; major < words.size() >> wordBits; ++major) {
          SmallVector<llvm::Value *> all(words.begin() + (major << wordBits),
                                         words.begin() + ((major + 1) << wordBits));
          for (const layout::BytePermute &permute : bytes.permutes)
            all.push_back(target.bytePermute(b, all[permute.first], all[permute.second], permute.selector));
          for (uint32_t word : bytes.result)
            out.push_back(all[word]);
        }
        words = std::move(out);
      }
      bits = step.registers.size();
      pack = step.pack;
      break;
    }
    case Step::Kind::Swap: {
      llvm::Value *swaps = threadParity(step.threads);
      SmallVector<llvm::Value *> out;
      uint32_t wordFlip = step.flip >> pack, inWord = step.flip & layout::lowBits(pack);
      for (size_t i = 0; i < words.size(); ++i) {
        llvm::Value *other = words[i ^ wordFlip];
        if (inWord) // elements of a word change places
          other = target.bytePermute(b, other, other, flippedBytes(inWord, elementBits));
        out.push_back(b.CreateSelect(swaps, other, words[i]));
      }
      words = std::move(out);
      break;
    }
    case Step::Kind::Exchange: {
      // Of the two words of a pair each lane sends the one that its partner is to have.
      uint32_t flip = step.flip >> pack;
      llvm::Value *odd = step.threads ? threadParity(step.threads) : b.getFalse();
      SmallVector<llvm::Value *> out(words.size());
      for (size_t i = 0; i < words.size(); ++i) {
        if (i & flip)
          continue;
        // d = parity(r & flip) ^ odd: word i moves where odd, word i ^ flip where not.
        llvm::Value *low = words[i], *high = words[i ^ flip];
        llvm::Value *got = target.shuffleXor(b, b.CreateSelect(odd, low, high), step.laneFlip);
        out[i] = b.CreateSelect(odd, got, low);
        out[i ^ flip] = b.CreateSelect(odd, high, got);
      }
      words = std::move(out);
      break;
    }
    case Step::Kind::Shuffle: {
      SmallVector<llvm::Value *> moved = moveWords(step, words, wordBits, pack);
      llvm::Value *lane = threadBits(step.lanes.columns());
      bool isOwn = true; // lanes(thread) is the lane itself
      for (unsigned i = 0; i < step.lanes.size(); ++i)
        isOwn &= step.lanes[i] == (i < llvm::Log2_32(target.warpSize) ? 1u << i : 0);
      SmallVector<llvm::Value *> out;
      for (size_t i = 0; i < moved.size(); ++i) {
        uint32_t reg = (uint32_t(i) << pack) & layout::lowBits(step.registers.size());
        uint32_t flip = step.laneFlips(reg & layout::lowBits(step.laneFlips.size()));
        if (isOwn)
          out.push_back(flip ? target.shuffleXor(b, moved[i], flip) : moved[i]);
        else
          out.push_back(target.shuffleFrom(b, moved[i], flip ? b.CreateXor(lane, b.getInt32(flip)) : lane));
      }
      words = std::move(out);
      bits = step.registers.size();
      break;
    }
    }
  }
  return words;
}

/// The bytes of a word whose elements number e and e ^ flip change places.
std::array<uint8_t, 4> Emitter::flippedBytes(uint32_t flip, unsigned elementBits) {
  std::array<uint8_t, 4> selector;
  unsigned bytes = elementBits / 8;
  for (unsigned i = 0; i < 4; ++i)
    selector[i] = uint8_t(((i / bytes) ^ flip) * bytes + i % bytes);
  return selector;
}

void Emitter::emitMove(Value source, Value result) {
  Type element = tile::elementType(result.getType());
  unsigned bits = tile::memoryBits(element);
  const layout::Layout &from = layoutOf(source), &to = layoutOf(result);
  layout::ConversionLimits limits;
  limits.shared = false;
  layout::Conversion plan = layout::planConversion(from, to, bits, limits);
  using Kind = layout::Conversion::Kind;
  if (plan.kind == Kind::Nothing || plan.kind == Kind::Registers) {
    selectRegisters(source, result, [&](unsigned reg) { return plan.source(reg); });
    return;
  }
  if (plan.kind == Kind::Shared || plan.kind == Kind::Indexed)
    unsupported(result.getDefiningOp());
  unsigned pack = layout::packBits(from, bits), count = registersOf(source);
  TileValue out;
  if (bits == 64) {
    SmallVector<llvm::Value *> low, high;
    for (unsigned reg = 0; reg < count; ++reg) {
      Words halves = toWords({asInteger(this->element(source, reg))}, 64);
      low.push_back(halves[0]);
      high.push_back(halves[1]);
    }
    low = runSteps(plan, std::move(low), 0, 32);
    high = runSteps(plan, std::move(high), 0, 32);
    for (auto [l, h] : llvm::zip(low, high))
      appendWords(out, {l, h}, 1, element);
    return set(result, std::move(out));
  }
  SmallVector<llvm::Value *> in;
  for (unsigned reg = 0; reg < count; reg += 1u << pack) {
    // A word is the elements of 2^pack registers; fewer than that are widened.
    Words part = words(source, reg, 1u << pack);
    in.push_back(b.CreateZExtOrTrunc(part[0], b.getInt32Ty()));
  }
  SmallVector<llvm::Value *> moved = runSteps(plan, std::move(in), pack, bits);
  unsigned outPack = layout::packBits(to, bits);
  out.pack = bits << outPack == 32 && !element.isInteger(1) ? 1u << outPack : 1;
  for (llvm::Value *word : moved) {
    if (out.pack > 1 || bits == 32)
      appendWords(out, {word}, 1u << outPack, element);
    else
      appendWords(out, {b.CreateTrunc(word, b.getIntNTy(bits << outPack))}, 1u << outPack, element);
  }
  set(result, std::move(out));
}

} // namespace tegula::simt
