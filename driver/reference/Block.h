//===- Block.h - a block's elements with their shadows ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/reference/Number.h"
#include "driver/reference/Reference.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <vector>

namespace tegula::reference {

/// One element: raw bits, and the shadow (kept up for floats; `undecided` also for integers).
struct Cell {
  uint64_t bits = 0;
  Shadow shadow;
};

/// A tile or a scalar (empty shape, one cell), row-major.
struct Block {
  Kind kind = Kind::I32;
  llvm::SmallVector<int64_t, 4> shape;
  std::vector<Cell> cells;

  Block() = default;
  /// Zeros of the type's shape.
  explicit Block(mlir::Type type);
  int64_t size() const { return int64_t(cells.size()); }
};

/// A float that is exactly what its bits say.
Cell exactCell(uint64_t bits, Kind kind);
/// A result that was computed as `bits` by the reference; the shadow is made consistent with its class: where the
/// reference overflowed or gave NaN, that is the value.
void settle(Cell &cell, Kind kind);

/// How far from the exact result of a math function a device may be: a row of ir/MathUlp.def.
struct MathError {
  double single = 0.5, wide = 0.5; ///< units in the last place, of f32 and of f64
  double argument = 0;             ///< more of them for each unit of the argument, f32
  double absolute = 0;             ///< beside, f32
  double argumentAbsolute = 0;     ///< for each unit of the argument, f32
};

/// What an element-wise operation needs to know beside its elements.
struct ElementOp {
  mlir::Operation *op = nullptr;
  llvm::SmallVector<Kind, 4> in;
  Kind out = Kind::I32;
  int64_t attribute = 0; ///< a comparison's predicate, a conversion's rounding
  bool anyOrder = false; ///< in a combine region, which devices may apply in any order
  MathError error;
};
using ElementFn = void (*)(const ElementOp &, const Cell *in, Cell &out);

/// The meaning of an operation on scalars, with the errors that devices of a kind may make; null if it is not element-wise.
ElementFn elementFunction(mlir::Operation *op, ElementOp &info, Devices devices);

} // namespace tegula::reference
