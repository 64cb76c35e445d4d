//===- Analysis.h - facts of a whole kernel, to a fixpoint ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// One walk in program order; the body of a loop is walked until what is known of its carried values stays. It begins
// with what they are before the loop, so a body that keeps what is known (addresses that advance by a multiple of 16
// bytes) is walked once. What still changes after some rounds is given up (Facts::widen).
//
// A condition that guards a region, the bounds of a loop inside its body, and an `assume` from there on say more of
// values that are defined outside. These *refinements* stand in a map by value for as long as the walk is inside, so
// that everything computed there uses them, and in a list by block for those who ask later.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "passes/axis/Transfer.h"

#include "llvm/Support/Allocator.h"

namespace tegula::passes {

class Analysis {
public:
  Analysis(mlir::func::FuncOp kernel, AxisInfo::Options options);

  const Facts &of(mlir::Value value);
  const Facts &at(mlir::Value value, mlir::Operation *where);
  /// All that the usual facts of a value rest on.
  llvm::SmallVector<Obligation> obligationsOf(mlir::Value value);
  /// A number for each value in the order of the walk: to sort by.
  unsigned orderOf(mlir::Value value);
  mlir::func::FuncOp function() const { return kernel; }

private:
  struct Refinement {
    mlir::Value value;
    const Facts *facts;
    mlir::Operation *after; ///< null: from the block's start
  };
  struct Undo {
    mlir::Value value;
    const Facts *facts;
  };

  void visitBlock(mlir::Block &block);
  void visit(mlir::Operation *op);
  void visitFor(mlir::scf::ForOp loop);
  void visitWhile(mlir::scf::WhileOp loop);
  void visitIf(mlir::scf::IfOp branch);
  void setArguments(mlir::func::FuncOp kernel);

  const Facts &current(mlir::Value value);
  /// Sets what is known of a value where it is defined.
  void set(mlir::Value value, Facts facts);
  /// `value` may be what `from` is as well; true when that says less than was known. Widens after some rounds.
  bool mergeInto(mlir::Value value, const Facts &from, unsigned round);

  // Refinement (Refine.cpp)
  void assume(mlir::Value condition, bool truth, mlir::Block &block, mlir::Operation *after);
  void assumeCompare(mlir::arith::CmpIOp compare, bool truth, mlir::Block &block, mlir::Operation *after);
  void assumeRange(mlir::Value value, int64_t min, int64_t max, mlir::Block &block, mlir::Operation *after,
                   unsigned depth = 0);
  void assumeDivides(mlir::Value value, uint64_t divisor, mlir::Block &block, mlir::Operation *after);
  void refine(mlir::Value value, Facts facts, mlir::Block &block, mlir::Operation *after);
  /// Begins, ends a region's refinements.
  size_t enter(mlir::Block &block);
  void leave(size_t mark);

  mlir::func::FuncOp kernel;
  AxisInfo::Options options;
  llvm::SpecificBumpPtrAllocator<Facts> pool;
  llvm::DenseMap<mlir::Value, Facts *> defined;       ///< where a value is defined
  llvm::DenseMap<mlir::Value, const Facts *> refined; ///< where the walk is, if more is known there
  llvm::DenseMap<mlir::Value, unsigned> order;
  llvm::DenseMap<mlir::Block *, llvm::SmallVector<Refinement, 2>> refinements;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<Obligation, 1>> obligations;
  llvm::SmallVector<Undo> undo;
};

} // namespace tegula::passes
