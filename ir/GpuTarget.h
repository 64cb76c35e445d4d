//===- GpuTarget.h - what passes ask of a GPU ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes know no vendor: widths, limits and the layouts of matrix instructions come from here.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/Layout.h"
#include "ir/ops/Tile.h"

#include <string>

namespace tegula {

/// One way to compute a product: the layouts of its operands and its result over the whole tile.
struct DotPlan {
  layout::Layout a, b, c;
  std::string instruction; ///< as `tile.mma` names it
  double cycles = 0;       ///< issue cycles of a warp for the whole product, operands in registers
};

class GpuTarget {
public:
  virtual ~GpuTarget() = default;

  unsigned laneBits = 5;
  unsigned vectorBytes = 16;  ///< of the widest access of a thread
  bool asyncCopies = false;   ///< from global to shared memory, of 4, 8 or 16 bytes
  bool shortProducts = false; ///< matrix units multiply tf32 and bf16
  bool matrixLoads = false;   ///< 8 x 8 matrices from shared memory (layout/MatrixAccess.h)

  /// Ways to compute the product, best first; at least one if its operands have the types that dotOperandType wants.
  virtual std::vector<DotPlan> dotPlans(tile::DotOp op, unsigned warps) const = 0;
  /// The type that the sum has to be computed in and rounded from at the end; null: its own.
  virtual mlir::Type dotSumType(tile::DotOp op) const = 0;
  /// The type that both operands have to be converted to first; null: they stay as they are.
  virtual mlir::Type dotOperandType(tile::DotOp op, unsigned warps) const = 0;
};

} // namespace tegula
