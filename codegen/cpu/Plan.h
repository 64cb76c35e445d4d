//===- Plan.h - which tile values are recomputed and which get a buffer ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A tile value is *pulled* (its expression is evaluated inside the loops of every operation that consumes it) or has a
// *buffer* in the scratch arena. Operations with an effect or a loop of their own (stores, reductions, products,
// yields, ...) are *sinks*; a value that gets a buffer of its own is a sink for its operands.
//
//     %x = tile.load %p                      x has two consuming nests and a load in it: a buffer, filled
//     %m = tile.reduce(%x) {max}             as a side output of the loop of %m, its first consumer
//     %e = exp(%x - splat(%m))               e: the same, in the loop of %s
//     %s = tile.reduce(%e) {add}
//     tile.store %q, %e / splat(%s)          three loops in all
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/cpu/Cpu.h"
#include "ir/ops/Tile.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::func {
class FuncOp;
}

namespace tegula::cpu {

/// Where a pure tile value or a load is evaluated.
enum class Form : uint8_t {
  Pull, ///< in the nests of its consumers
  Own,  ///< in a nest of its own, where it stands, into a buffer
  Side, ///< in the nest of its first consumer, which also writes the buffer
};

/// One way in which a sink reaches a value.
struct Consumer {
  enum Flag : uint8_t {
    Repeats =
        1, ///< elements are asked for again and again in an outer loop (broadcast of an outer dimension)
    Expanded = 2, ///< an element may be asked for more than once
    Forced = 4,   ///< both arms of a join or cat are evaluated for one element
  };
  mlir::Operation *sink = nullptr;
  unsigned operand = 0; ///< of the sink; nests of different operands are separate loops
  uint64_t map = 0;     ///< 0: the sink's own index; else a hash of the shape operations between
  uint8_t flags = 0;

  bool identity() const { return map == 0 && flags == 0; }
  friend bool operator==(const Consumer &, const Consumer &) = default;
};

class Plan {
public:
  Plan(mlir::func::FuncOp kernel, const Options &options);

  Form form(mlir::Value value) const { return forms.lookup(value); }
  /// Values whose buffers the nest of `sink` fills beside its own work.
  llvm::ArrayRef<mlir::Value> sideOutputs(mlir::Operation *sink) const;
  /// Values whose buffers nothing reads after `op`.
  llvm::ArrayRef<mlir::Value> releasedAfter(mlir::Operation *op) const;
  llvm::ArrayRef<Consumer> consumers(mlir::Value value) const;
  /// The loop-carried argument in whose buffer this product accumulates; null if it has a buffer of its own.
  mlir::Value inPlace(mlir::Operation *dot) const { return dotTargets.lookup(dot); }
  /// Whether products accumulate in the buffer of this loop-carried argument.
  bool accumulates(mlir::Value iterArg) const;

private:
  struct Cost {
    int weight = 0; ///< of the whole expression if it is pulled
    int depth = 0;
    bool hasLoad = false;
    bool heavy = false; ///< a transcendental function in it
  };

  void number(mlir::Block &block);
  void price(mlir::Operation *op);
  void visitBlock(mlir::Block &block);
  void visit(mlir::Operation *op);
  void visitTileOp(mlir::Operation *op);
  void placeDots(mlir::Operation *forOp);
  Form decide(mlir::Operation *op, mlir::Value result);
  Form bufferForm(mlir::Operation *op, mlir::Value result);
  bool legalAt(mlir::Operation *load, const Consumer &consumer) const;
  bool crossesLoop(mlir::Value value, mlir::Operation *sink) const;
  bool indexLike(mlir::Value value) const;
  void add(mlir::Value value, const Consumer &consumer);
  void addSink(mlir::Operation *op, unsigned operand, mlir::Value value);
  void release(mlir::Block &block);

  Options options;
  llvm::DenseMap<mlir::Operation *, unsigned> position;
  llvm::DenseMap<mlir::Value, Form> forms;
  llvm::DenseMap<mlir::Value, Cost> costs;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Consumer, 2>> consumersOf;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value, 1>> sides;
  llvm::DenseMap<mlir::Value, Consumer> sideOf;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value, 1>> releases;
  llvm::DenseMap<mlir::Operation *, mlir::Value> dotTargets;
  llvm::SmallVector<mlir::Value, 4> dotArgs;
};

/// The operation of `block` that is `op` or holds it; null if there is none.
mlir::Operation *ancestorIn(mlir::Block *block, mlir::Operation *op);

/// Whether no two elements of a tile of pointers are equal, from constant strides alone.
bool provablyInjective(mlir::Value pointers);

/// Rewrites a copy of the kernel into what the engine expects: tiles that a loop advances by a uniform step become
/// scalars, operands of products get the type they are multiplied in.
void prepare(mlir::func::FuncOp kernel);

} // namespace tegula::cpu
