//===- WarpFlow.h - who gives what to whom within a warp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// S is the map of the source, D of the destination. For the registers t of the destination and a thread, linear maps say
// where the elements are:
//
//     D(t ^ Q(thread), thread) = S(F(t) ^ P(thread), lane M(thread) ^ B(t) of the same warp)
//
// M, P, Q are of the thread, F and B of t. In *round* t a thread gets one register from lane M(thread) ^ B(t); which of its
// registers it gets in which round may differ from lane to lane (Q), so that the lane at the other end has to offer only one
// register (P): M is chosen invertible on lanes that do not hold copies. Where every thread holds something that it shall
// hold, M is the identity, and the rounds with B(t) = 0 need no shuffle.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/Layout.h"

namespace tegula::layout {

struct WarpFlow {
  bool withinWarp = false;   ///< every warp holds what it shall hold; else all below is empty
  bool found = false;        ///< there are such maps
  bool laneIdentity = false; ///< M is the lane of the thread
  unsigned laneBits = 0, threadBits = 0;
  BitMatrix
      toRound; ///< from register bits of the destination; registers that repeat others have no round of their own
  BitMatrix F, B;
  BitMatrix M, P, Q;
  BitMatrix offer;  ///< P as the lane that is read sees it: from the bits of its thread
  BitMatrix rounds; ///< F, less what `offer` adds for B: the registers offered in the rounds
};

/// The layouts are of one tile and as many threads. Without `shuffles` only what stays in the thread is found.
WarpFlow solveWarpFlow(const Layout &from, const Layout &to, bool shuffles);

} // namespace tegula::layout
