//===- WarpProgram.cpp - conversions that stay within a warp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The flow (WarpFlow.h) becomes one of these programs, the cheapest:
//
//     direct       P by Swaps, one Shuffle of all rounds, Q by Swaps
//     exchanges    where M is the identity, and what a lane asks of another it pays for with a register that it does not
//                  keep: an Exchange for each dimension of B
//
// Elements below 32 bits are packed so that what travels together (rounds t with B(t) = 0) makes a word, by permutations of
// bytes before and after; or words stay as they are, and an Exchange within words sends them whole and picks from two.
//
//===----------------------------------------------------------------------===//

#include "ir/layout/WarpProgram.h"
#include "ir/layout/WarpFlow.h"

#include <algorithm>

namespace tegula::layout {

unsigned packBits(const Layout &layout, unsigned elementBits) {
  unsigned most = elementBits < 8 || elementBits >= 32 ? 0 : 5 - unsigned(std::countr_zero(elementBits));
  return std::min(most, layout.inBits(Input::Register));
}

uint32_t permuteCost(const BitMatrix &registers, unsigned oldPack, unsigned newPack, unsigned elementBits) {
  if (elementBits >= 32 || elementBits < 8 || (oldPack == 0 && newPack == 0))
    return 0;
  Span words, outer, positions;
  bool identity = true;
  for (unsigned i = 0; i < registers.size(); i++) {
    if (i < newPack) {
      words.insert(registers[i] >> oldPack);
      identity &= registers[i] == 1u << i;
    } else {
      outer.insert(registers[i]);
      positions.insert(registers[i] & lowBits(oldPack));
    }
  }
  uint32_t different = 1u << outer.dimension();
  if (words.dimension())
    return different * words.dimension();
  // From one word each: nothing to do where the elements already stand at its low end.
  return identity ? different - (different >> positions.dimension()) : different;
}

namespace {

struct Swaps {
  llvm::SmallVector<uint32_t, 8> threads, flips;
};

/// map(thread) as a sum of flips, each under the parity of some bits of the thread.
Swaps swapsOf(const BitMatrix &map) {
  Swaps out;
  Span span;
  for (uint32_t column : map.columns())
    if (span.insert(column, Span::Tag(1) << out.flips.size()))
      out.flips.push_back(column);
  out.threads.resize(out.flips.size());
  for (unsigned bit = 0; bit < map.size(); bit++)
    forEachBit(*span.solve(map[bit]), [&](unsigned i) { out.threads[i] |= 1u << bit; });
  return out;
}

/// A basis of a space of registers and the way from registers to coordinates.
struct Coordinates {
  BitMatrix vectors;
  Span span;

  bool add(uint32_t vector) {
    if (!span.insert(vector, Span::Tag(1) << vectors.size()))
      return false;
    vectors.append(vector);
    return true;
  }
  unsigned size() const { return vectors.size(); }
  uint32_t of(uint32_t vector) const { return uint32_t(*span.solve(vector)); }
  BitMatrix of(const BitMatrix &map) const {
    BitMatrix out;
    for (uint32_t column : map.columns())
      out.append(of(column));
    return out;
  }
};

class WarpPlanner : WarpFlow {
public:
  WarpPlanner(const Layout &from, const Layout &to, unsigned elementBits, bool shuffles)
      : WarpFlow(solveWarpFlow(from, to, shuffles)), elementBits(elementBits), majors(from.majors()),
        fromBits(from.inBits(Input::Register)), oldPack(packBits(from, elementBits)),
        newPack(packBits(to, elementBits)) {}

  WarpProgram plan() {
    WarpProgram out;
    out.withinWarp = withinWarp;
    out.found = found;
    if (!found)
      return out;
    if (B.isZero() && laneIdentity) {
      stayInThread(out);
    } else {
      direct(out);
      for (bool wholeWords : {false, true}) {
        WarpProgram chain;
        if (!laneIdentity || (wholeWords && oldPack == 0) || !exchanges(chain, wholeWords) ||
            chain.cost.cycles() >= out.cost.cycles())
          continue;
        out.steps = chain.steps;
        out.cost = chain.cost;
      }
    }
    scale(out.cost);
    return out;
  }

private:
  using Tag = Span::Tag;

  void permute(WarpProgram &out, const BitMatrix &registers, unsigned oldSize, unsigned oldPack,
               unsigned pack) {
    if (registers.isIdentity() && registers.size() == oldSize && oldPack == pack)
      return;
    Step step = {Step::Kind::Permute, uint8_t(pack)};
    step.registers = registers;
    out.cost.bytePermutes += permuteCost(registers, oldPack, pack, elementBits);
    out.steps.push_back(step);
  }

  /// Swaps of registers in coordinates, of which those of `needed` are asked for afterwards.
  void swap(WarpProgram &out, const BitMatrix &map, const BitMatrix &needed, unsigned pack) {
    Swaps swaps = swapsOf(map);
    Span words;
    for (uint32_t column : needed.columns())
      words.insert(column >> pack);
    for (size_t i = swaps.flips.size(); i-- > 0;) {
      uint32_t count = 1u << words.dimension();
      (swaps.flips[i] & lowBits(pack) ? out.cost.bytePermutes : out.cost.selects) += count;
      words.insert(swaps.flips[i] >> pack);
      Step step = {Step::Kind::Swap, uint8_t(pack)};
      step.threads = swaps.threads[i];
      step.flip = swaps.flips[i];
      out.steps.push_back(step);
    }
    std::reverse(out.steps.end() - long(swaps.flips.size()), out.steps.end());
  }

  void stayInThread(WarpProgram &out) {
    BitMatrix registers = F.compose(toRound);
    swap(out, P, registers, oldPack);
    permute(out, registers, fromBits, oldPack, newPack);
  }

  /// Rounds that travel together and make a word: those that do so without a permutation of bytes on one side, if there
  /// are enough; B is zero on each.
  llvm::SmallVector<uint32_t, 2> wordRounds(const BitMatrix &sources) const {
    unsigned most = elementBits < 8 || elementBits >= 32 ? 0 : 5 - unsigned(std::countr_zero(elementBits));
    llvm::SmallVector<uint32_t, 2> out;
    if (most == 0)
      return out;
    llvm::SmallVector<uint32_t, 8> still = B.kernel();
    Span bySource;
    for (auto [i, round] : llvm::enumerate(still))
      bySource.insert(sources(round), Tag(1) << i);
    for (unsigned i = 0; i < most; i++) {
      std::optional<Tag> tags = bySource.solve(1u << i);
      if (!tags || i >= oldPack)
        break;
      uint32_t round = 0;
      forEachBit(*tags, [&](unsigned k) { round ^= still[k]; });
      out.push_back(round);
    }
    if (out.size() < std::min<size_t>(most, still.size())) {
      llvm::SmallVector<uint32_t, 2> natural;
      Span independent;
      for (unsigned i = 0; i < newPack && B(toRound[i]) == 0 && independent.insert(toRound[i]); i++)
        natural.push_back(toRound[i]);
      if (natural.size() > out.size())
        out = natural;
    }
    Span independent;
    for (uint32_t round : out)
      independent.insert(round);
    for (uint32_t round : still)
      if (out.size() < most && independent.insert(round))
        out.push_back(round);
    return out;
  }

  static void addUnits(Coordinates &out, const Span &within, unsigned bits) {
    for (unsigned i = 0; i < bits; i++)
      if (within.contains(1u << i))
        out.add(1u << i);
    within.forEachVector([&](uint32_t vector) { out.add(vector); });
  }

  void direct(WarpProgram &out) {
    llvm::SmallVector<uint32_t, 2> together = wordRounds(rounds);
    unsigned pack = unsigned(together.size());
    Coordinates round, source;
    Span needed;
    for (uint32_t column : rounds.columns())
      needed.insert(column);
    for (uint32_t column : offer.columns())
      needed.insert(column);
    for (uint32_t vector : together) {
      round.add(vector);
      source.add(rounds(vector));
    }
    for (unsigned t = 0; t < rounds.size(); t++)
      round.add(1u << t);
    addUnits(source, needed, fromBits);

    permute(out, source.vectors, fromBits, oldPack, pack);
    Step shuffle = {Step::Kind::Shuffle, uint8_t(pack)};
    shuffle.registers = source.of(rounds.compose(round.vectors));
    shuffle.lanes = M;
    shuffle.laneFlips = B.compose(round.vectors);
    swap(out, source.of(offer), shuffle.registers, pack);
    uint32_t words = 1u << (round.size() - pack);
    out.cost.shuffles += words - (laneIdentity ? words >> B.rank() : 0);
    out.steps.push_back(shuffle);
    swap(out, round.of(Q), BitMatrix::identity(round.size()), pack);
    permute(out, round.of(toRound), round.size(), pack, newPack);
  }

  /// `wholeWords`: words stay as they are packed.
  bool exchanges(WarpProgram &out, bool wholeWords) {
    Span stays; // registers that go nowhere; what is given is taken modulo these
    for (uint32_t column : F.columns())
      stays.insert(column);
    Coordinates source;
    unsigned pack = oldPack;
    llvm::SmallVector<Give, 5> gives;
    if (wholeWords) {
      if (!giveWords(stays, source, gives))
        return false;
    } else {
      llvm::SmallVector<uint32_t, 2> together = wordRounds(F);
      pack = unsigned(together.size());
      for (uint32_t vector : together)
        source.add(F(vector));
    }
    addUnits(source, stays, fromBits);
    Span reached; // tags: gives
    for (auto [i, give] : llvm::enumerate(gives))
      reached.insert(give.laneFlip, Tag(1) << i);
    for (uint32_t flip : B.columns()) {
      if (!reached.insert(flip, Tag(1) << gives.size()))
        continue;
      gives.push_back({source.size(), flip});
      if (!source.add(P(flip))) // nothing to give in return
        return false;
    }
    for (uint32_t column : P.columns())
      source.add(column);

    BitMatrix own = source.of(P), result = source.of(F);
    permute(out, source.vectors, fromBits, oldPack, pack);
    uint32_t words = 1u << (source.size() - pack);
    for (const Give &give : gives) {
      Step step = {Step::Kind::Exchange, uint8_t(pack)};
      step.flip = 1u << give.bit;
      step.laneFlip = give.laneFlip;
      for (unsigned bit = 0; bit < threadBits; bit++)
        step.threads |= (own[bit] >> give.bit & 1) << bit;
      out.steps.push_back(step);
      out.cost.shuffles += give.bit < pack ? words : words / 2;
      (give.bit < pack ? out.cost.bytePermutes : out.cost.selects) += give.bit < pack ? words : words / 2 * 3;
    }
    for (unsigned t = 0; t < B.size(); t++)
      forEachBit(*reached.solve(B[t]), [&](unsigned i) { result[t] ^= 1u << gives[i].bit; });
    BitMatrix registers = result.compose(toRound);
    for (unsigned bit = 0; bit < threadBits; bit++)
      own[bit] ^= result(Q[bit]);
    swap(out, own, registers, pack);
    permute(out, registers, source.size(), pack, newPack);
    return true;
  }

  /// A register bit that is given to lane ^ laneFlip, in coordinates.
  struct Give {
    unsigned bit;
    uint32_t laneFlip;
  };

  /// The bits within words as coordinates of their own, and what is given of them.
  bool giveWords(const Span &stays, Coordinates &source, llvm::SmallVectorImpl<Give> &gives) const {
    Span modulo = stays, own = stays; // tags of the latter: rounds whose lanes are asked
    for (unsigned t = 0; t < B.size(); t++)
      own.insert(P(B[t]), Tag(1) << t);
    for (unsigned bit = 0; bit < oldPack; bit++) {
      source.add(1u << bit);
      if (stays.contains(1u << bit))
        continue;
      if (!modulo.insert(1u << bit)) // a sum of such bits stays
        return false;
      std::optional<Tag> rounds = own.solve(1u << bit);
      if (!rounds)
        continue;
      uint32_t laneFlip = 0;
      forEachBit(*rounds, [&](unsigned t) { laneFlip ^= B[t]; });
      if (laneFlip)
        gives.push_back({bit, laneFlip});
    }
    return true;
  }

  /// From one major's words of up to 32 bits to all words.
  void scale(Cost &cost) const {
    uint32_t words = elementBits > 32 ? elementBits / 32 : 1;
    if (elementBits < 8) // predicates become numbers for a shuffle, and predicates again
      cost.selects += 2 * cost.shuffles;
    cost.selects *= words * majors;
    cost.shuffles *= words * majors;
    cost.bytePermutes *= majors;
  }

  unsigned elementBits, majors, fromBits, oldPack, newPack;
};

} // namespace

WarpProgram planWarpProgram(const Layout &from, const Layout &to, unsigned elementBits, bool shuffles) {
  return WarpPlanner(from, to, elementBits, shuffles).plan();
}

} // namespace tegula::layout
