//===- WarpProgram.h - conversions that stay within a warp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/Conversion.h"

namespace tegula::layout {

struct WarpProgram {
  bool withinWarp = false; ///< every warp holds what it shall hold; else all below is empty
  bool found = false;      ///< there is a program
  llvm::SmallVector<Step, 4> steps;
  Cost cost;
};

/// The layouts have the same dimensions.
WarpProgram planWarpProgram(const Layout &from, const Layout &to, unsigned elementBits, bool shuffles);

/// Byte permutations (of one major) that build the words of a Permute.
uint32_t permuteCost(const BitMatrix &registers, unsigned oldPack, unsigned newPack, unsigned elementBits);

} // namespace tegula::layout
