//===- WarpFlow.cpp - who gives what to whom within a warp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/WarpFlow.h"

namespace tegula::layout {
namespace {

class FlowSolver : WarpFlow {
public:
  FlowSolver(const Layout &from, const Layout &to, bool shuffles) : from(from), to(to), shuffles(shuffles) {
    laneBits = from.inBits(Input::Lane);
    threadBits = from.inBits() - from.inBits(Input::Register);
    assert(laneBits == to.inBits(Input::Lane) && threadBits == to.inBits() - to.inBits(Input::Register));
  }

  const WarpFlow &solve() {
    withinWarp = solveRegisters() && solveThreads();
    found = withinWarp && (solveLanes(true) || solveLanes(false));
    return *this;
  }

private:
  using Tag = Span::Tag;
  static Tag laneTag(unsigned lane) { return Tag(1) << (32 + lane); }
  uint32_t fromThread(unsigned i) const { return from.bases()[from.inBits(Input::Register) + i]; }
  uint32_t toThread(unsigned i) const { return to.bases()[to.inBits(Input::Register) + i]; }

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

  const Layout &from, &to;
  bool shuffles;
  Span inThread, inWarp; ///< the source; tags: register bits below, lane bits above
  Span target;           ///< the destination's registers; tags: rounds
  Span stay; ///< the source's registers and the destination's; tags: registers below, rounds above
  llvm::SmallVector<Mover, 8> copies; ///< lanes of the source that hold what others hold
  llvm::SmallVector<uint32_t, 12> roundBases;
};

} // namespace

WarpFlow solveWarpFlow(const Layout &from, const Layout &to, bool shuffles) {
  return FlowSolver(from, to, shuffles).solve();
}

} // namespace tegula::layout
