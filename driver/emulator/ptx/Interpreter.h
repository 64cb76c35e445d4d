//===- Interpreter.h - what the loop over a warp and the block around it ask of each other ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/emulator/ptx/Machine.h"

namespace tegula::ptx {

/// What the chooser keeps of a bar or barrier instruction.
struct BarrierInfo {
  enum class Kind : uint8_t { sync, arrive, redAnd, redOr, redCount } kind = Kind::sync;
  bool aligned = false;
  int idSource = -1, countSource = -1; ///< which src; -1: barrier 0, all threads
};

Frame *makeFrame(Warp &w, const Routine &routine, Frame *caller);

/// Runs a warp until all its splits wait or have exited, or `budget` instructions have run.
void runWarp(Warp &w, int64_t &budget);

/// The lanes of `mask` come to a barrier; true if the split must not wait (arrive). May release splits of any warp.
/// `together`: the lanes of the warp that come at once, of which these are the last; 0 when more follow.
void arriveAtBarrier(Warp &w, const Instr &i, uint32_t mask, Split *waits, uint32_t together);

/// After lanes have exited: barriers that wait for all threads may be complete.
void recheckBarriers(BlockState &block);

} // namespace tegula::ptx
