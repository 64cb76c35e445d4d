//===- WarpProgram.cpp - conversions that stay within a warp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// S is the map of the source, D of the destination. For the registers t of the destination and a thread, three linear maps
// say where the elements are (`solve`):
//
//     D(t ^ Q(thread), ...) = S(F(t) ^ P(thread), lane M(thread) ^ B(t), same warp)
//
// M, P, Q are of the thread, F and B of t. In *round* t a thread gets one register from lane M(thread) ^ B(t); which of its
// registers it gets in which round may differ from lane to lane (Q), so that the lane at the other end has to offer only one
// register (P): M is chosen invertible on lanes that do not hold copies. Where every thread holds something that it shall
// hold, M is the identity, and the rounds with B(t) = 0 need no shuffle.
//
// The program is then either direct: P by Swaps, one Shuffle of all rounds, Q by Swaps; or, with M the identity, a chain of
// Exchanges, one for each dimension of B, where P maps B's lanes to registers that do not stay. The cheaper one is taken.
//
// Elements below 32 bits are packed so that what travels together (registers t with B(t) = 0) makes a word.
//
//===----------------------------------------------------------------------===//

#include "ir/layout/WarpProgram.h"

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

class WarpPlanner {
public:
  WarpPlanner(const Layout &from, const Layout &to, unsigned elementBits, bool shuffles)
      : from(from), to(to), elementBits(elementBits), shuffles(shuffles), laneBits(from.inBits(Input::Lane)),
        threadBits(from.inBits() - from.inBits(Input::Register)), oldPack(packBits(from, elementBits)),
        newPack(packBits(to, elementBits)) {
    assert(laneBits == to.inBits(Input::Lane) && threadBits == to.inBits() - to.inBits(Input::Register));
  }

  WarpProgram plan() {
    WarpProgram out;
    if (!solveRegisters() || !solveThreads())
      return out;
    out.withinWarp = true;
    if (!solveLanes(true) && !solveLanes(false))
      return out;
    out.found = true;
    if (B.isZero() && laneIdentity) {
      stayInThread(out);
    } else {
      direct(out);
      WarpProgram chain;
      if (laneIdentity && exchanges(chain) && chain.cost.cycles() < out.cost.cycles())
        out = chain;
      out.withinWarp = out.found = true;
    }
    scale(out.cost);
    return out;
  }

private:
  using Tag = Span::Tag;
  static Tag laneTag(unsigned lane) { return Tag(1) << (32 + lane); }
  uint32_t fromThread(unsigned i) const { return from.bases()[from.inBits(Input::Register) + i]; }
  uint32_t toThread(unsigned i) const { return to.bases()[to.inBits(Input::Register) + i]; }

  //===--- Where everything is ---------------------------------------------===//

  bool solveRegisters() {
    for (unsigned i = 0; i < from.inBits(Input::Register); i++)
      inThread.insert(from.bases()[i], Tag(1) << i);
    inWarp = inThread;
    for (unsigned i = 0; i < laneBits && shuffles; i++) {
      Tag relation = 0;
      if (!inWarp.insert(fromThread(i), laneTag(i), &relation))
        copies.push_back({uint32_t(relation >> 32), uint32_t(relation), 0});
    }
    llvm::ArrayRef<uint32_t> registers = to.bases(Input::Register);
    for (uint32_t basis : registers) {
      if (!target.insert(basis, Tag(1) << F.size()))
        continue; // repeats others: no round of its own
      roundBases.push_back(basis);
      std::optional<Tag> source = inWarp.solve(basis);
      if (!source)
        return false;
      F.append(uint32_t(*source));
      B.append(uint32_t(*source >> 32));
    }
    for (uint32_t basis : registers)
      toRound.append(uint32_t(*target.solve(basis)));
    return true;
  }

  /// For the lanes only what lies ahead; warps and blocks altogether.
  bool solveThreads() {
    M = BitMatrix::zero(threadBits), P = M, Q = M;
    stay = inThread;
    for (auto [t, basis] : llvm::enumerate(roundBases))
      stay.insert(basis, laneTag(unsigned(t))); // the upper half of a tag counts rounds here
    for (unsigned i = 0; i < laneBits; i++)
      if (!inWarp.contains(toThread(i)))
        return false;
    for (unsigned i = laneBits; i < threadBits; i++) {
      uint32_t difference = toThread(i) ^ fromThread(i);
      if (std::optional<Tag> near = stay.solve(difference)) {
        P[i] = uint32_t(*near);
        Q[i] = uint32_t(*near >> 32);
      } else if (std::optional<Tag> far = inWarp.solve(difference)) {
        P[i] = uint32_t(*far);
        M[i] = uint32_t(*far >> 32);
      } else {
        return false;
      }
    }
    return true;
  }

  /// What a lane (or a sum of lanes) of the destination reads.
  struct Reader {
    uint32_t lanes; ///< of the destination
    uint32_t source, registers, round;
  };
  struct Mover {
    uint32_t lane, registers, round;
  };

  bool solveLanes(bool keepLanes) {
    llvm::SmallVector<Reader, 8> readers;
    uint32_t open = 0; // lanes of the destination that read elsewhere
    Span residues;
    llvm::SmallVector<Tag, 8> places;
    for (unsigned i = 0; i < laneBits; i++) {
      Tag place = 0, relation = 0;
      uint32_t residue = stay.reduce(toThread(i) ^ fromThread(i), place);
      places.push_back(place);
      if (!keepLanes || residues.insert(residue, Tag(1) << i, &relation)) {
        open |= 1u << i;
        continue;
      }
      Tag sum = 0;
      forEachBit(relation, [&](unsigned k) { sum ^= places[k]; });
      readers.push_back({uint32_t(relation), uint32_t(relation), uint32_t(sum), uint32_t(sum >> 32)});
    }
    laneIdentity = keepLanes && open == 0;
    if (!laneIdentity && !shuffles)
      return false;
    if (!placeOpenLanes(readers, open))
      return false;
    Span lanes, sources;
    for (auto [i, reader] : llvm::enumerate(readers)) {
      lanes.insert(reader.lanes, Tag(1) << i);
      if (reader.source)
        sources.insert(reader.source, Tag(1) << i);
    }
    BitMatrix offered = BitMatrix::zero(laneBits); // registers that a lane of the source offers
    for (unsigned i = 0; i < laneBits; i++) {
      sources.insert(1u << i);
      M[i] = P[i] = Q[i] = 0;
      forEachBit(*lanes.solve(1u << i), [&](unsigned k) {
        M[i] ^= readers[k].source;
        P[i] ^= readers[k].registers;
        Q[i] ^= readers[k].round;
      });
    }
    for (unsigned i = 0; i < laneBits; i++)
      forEachBit(*sources.solve(1u << i), [&](unsigned k) { offered[i] ^= readers[k].registers; });
    offer = P;
    for (unsigned i = 0; i < threadBits; i++) {
      if (i < laneBits)
        offer[i] = offered[i];
      else
        offer[i] ^= offered(M[i]);
      laneIdentity &= M[i] == (i < laneBits ? 1u << i : 0);
    }
    rounds = F;
    for (unsigned t = 0; t < rounds.size(); t++)
      rounds[t] ^= offered(B[t]);
    return true;
  }

  /// Chooses whom the open lanes read so that no two read one lane, lanes with copies excepted.
  bool placeOpenLanes(llvm::SmallVectorImpl<Reader> &readers, uint32_t open) {
    Span used, spanned = target;
    llvm::SmallVector<uint32_t, 8> basis; // of the lanes of the destination
    for (const Reader &reader : readers) {
      used.insert(reader.source);
      uint32_t index = 0;
      forEachBit(reader.lanes, [&](unsigned i) { index ^= toThread(i); });
      spanned.insert(index, laneTag(unsigned(basis.size())));
      basis.push_back(reader.lanes);
    }
    llvm::SmallVector<Mover, 8> movers(copies);
    for (unsigned t = 0; t < F.size(); t++)
      if (B[t])
        movers.push_back({B[t], F[t], 1u << t});
    bool possible = true;
    forEachBit(open, [&](unsigned lane) {
      Tag relation = 0;
      basis.push_back(1u << lane);
      if (!spanned.insert(toThread(lane), laneTag(unsigned(basis.size()) - 1), &relation)) {
        // With these lanes the same elements are held: they all read one lane.
        uint32_t lanes = 0;
        forEachBit(uint32_t(relation >> 32), [&](unsigned k) { lanes ^= basis[k]; });
        readers.push_back({lanes, 0, 0, uint32_t(relation)});
        return;
      }
      Tag source = *inWarp.solve(toThread(lane));
      Reader reader = {1u << lane, uint32_t(source >> 32), uint32_t(source), 0};
      for (size_t i = 0; used.contains(reader.source) && i < movers.size(); i++)
        if (!used.contains(reader.source ^ movers[i].lane))
          reader = {reader.lanes, reader.source ^ movers[i].lane, reader.registers ^ movers[i].registers,
                    movers[i].round};
      possible &= used.insert(reader.source);
      readers.push_back(reader);
    });
    return possible;
  }

  //===--- Programs --------------------------------------------------------===//

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
    permute(out, registers, from.inBits(Input::Register), oldPack, newPack);
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
    addUnits(source, needed, from.inBits(Input::Register));

    permute(out, source.vectors, from.inBits(Input::Register), oldPack, pack);
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

  bool exchanges(WarpProgram &out) {
    llvm::SmallVector<uint32_t, 5> flips; // lanes that B reaches
    Span reached, stays, all;
    for (uint32_t flip : B.columns())
      if (reached.insert(flip, Tag(1) << flips.size()))
        flips.push_back(flip);
    for (uint32_t column : F.columns())
      stays.insert(column);
    all = stays;
    llvm::SmallVector<uint32_t, 2> together = wordRounds(F);
    unsigned pack = unsigned(together.size());
    Coordinates source;
    for (uint32_t vector : together)
      source.add(F(vector));
    addUnits(source, stays, from.inBits(Input::Register));
    unsigned firstBit = source.size();
    for (uint32_t flip : flips)
      if (!source.add(P(flip))) // nothing to give in return
        return false;
    for (uint32_t column : P.columns())
      source.add(column);

    BitMatrix own = source.of(P), result = source.of(F);
    permute(out, source.vectors, from.inBits(Input::Register), oldPack, pack);
    uint32_t words = 1u << (source.size() - pack);
    for (unsigned i = 0; i < flips.size(); i++) {
      Step step = {Step::Kind::Exchange, uint8_t(pack)};
      step.flip = 1u << (firstBit + i);
      step.laneFlip = flips[i];
      for (unsigned bit = 0; bit < threadBits; bit++)
        step.threads |= (own[bit] >> (firstBit + i) & 1) << bit;
      out.steps.push_back(step);
      out.cost.shuffles += words / 2;
      out.cost.selects += words / 2 * 3;
    }
    for (unsigned t = 0; t < B.size(); t++)
      result[t] ^= uint32_t(*reached.solve(B[t])) << firstBit;
    BitMatrix registers = result.compose(toRound);
    for (unsigned bit = 0; bit < threadBits; bit++)
      own[bit] ^= result(Q[bit]);
    swap(out, own, registers, pack);
    permute(out, registers, source.size(), pack, newPack);
    return true;
  }

  /// From one major's words of up to 32 bits to all words.
  void scale(Cost &cost) const {
    uint32_t words = elementBits > 32 ? elementBits / 32 : 1;
    if (elementBits < 8) // predicates become numbers for a shuffle, and predicates again
      cost.selects += 2 * cost.shuffles;
    cost.selects *= words * from.majors();
    cost.shuffles *= words * from.majors();
    cost.bytePermutes *= from.majors();
  }

  const Layout &from, &to;
  unsigned elementBits;
  bool shuffles, laneIdentity = false;
  unsigned laneBits, threadBits, oldPack, newPack;

  Span inThread, inWarp; ///< the source; tags: register bits below, lane bits above
  Span target;           ///< the destination's registers; tags: rounds
  Span stay; ///< the source's registers and the destination's; tags: registers below, rounds above
  llvm::SmallVector<Mover, 8> copies; ///< lanes of the source that hold what others hold
  llvm::SmallVector<uint32_t, 12> roundBases;
  BitMatrix toRound, F, B, M, P, Q;
  BitMatrix offer;  ///< P as the lane that is read sees it
  BitMatrix rounds; ///< F, less what `offer` adds for B
};

} // namespace

WarpProgram planWarpProgram(const Layout &from, const Layout &to, unsigned elementBits, bool shuffles) {
  return WarpPlanner(from, to, elementBits, shuffles).plan();
}

} // namespace tegula::layout
