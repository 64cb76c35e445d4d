//===- AliasClasses.h - which argument a pointer comes from ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "passes/MemoryOrder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace tegula::passes {

/// The alias class of every pointer of a kernel, by following pointer arithmetic, shape operations and loop-carried
/// values from the arguments. In a kernel that is not `tile.disjoint` there is one class, and every pointer is in it.
class AliasClasses {
public:
  explicit AliasClasses(mlir::func::FuncOp kernel);

  int count() const { return numClasses; }
  AliasClass of(mlir::Value pointer) const;
  /// The argument's index that `pointer` was made from; -1 when it is not one argument. Independent of disjointness.
  int argumentOf(mlir::Value pointer) const;
  /// `to` stands for `from` from now on (an operation was rebuilt).
  void renumber(mlir::ValueRange from, mlir::ValueRange to);

private:
  static constexpr int mixed = -1;
  bool flow(mlir::Value from, mlir::Value to);
  bool visit(mlir::Operation *op);

  llvm::DenseMap<mlir::Value, int> root; ///< argument index, or `mixed`
  bool disjoint = false;
  int numClasses = 1;
};

} // namespace tegula::passes
