//===- Interpreter.h - one program of a grid, operation by operation ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/reference/Block.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace tegula::reference {

/// Runs the programs of one launch. Values live in an environment by SSA name; a region's values are overwritten
/// when it runs again.
class Interpreter {
public:
  Interpreter(mlir::func::FuncOp kernel, std::array<int64_t, 3> grid, const uint64_t *slots,
              ShadowMemory *shadow, Devices devices, const Hooks &hooks);
  void runProgram(std::array<int64_t, 3> id);

private:
  using Handler = void (Interpreter::*)(mlir::Operation *);
  static const llvm::DenseMap<mlir::TypeID, Handler> &handlers();

  void runBlock(mlir::Block &block);
  void runOp(mlir::Operation *op);
  void runElementwise(mlir::Operation *op);
  Block &at(mlir::Value value) { return values[value]; }
  const Block &get(mlir::Value value) { return values[value]; }
  void copyValues(mlir::ValueRange from, mlir::ValueRange to);
  void observe(mlir::ValueRange values);

  // Control flow (Control.cpp)
  void runFor(mlir::Operation *op);
  void runWhile(mlir::Operation *op);
  void runIf(mlir::Operation *op);

  // Shapes (Shapes.cpp)
  void runConstant(mlir::Operation *op);
  void runProgramId(mlir::Operation *op);
  void runNumPrograms(mlir::Operation *op);
  void runRange(mlir::Operation *op);
  void runSplat(mlir::Operation *op);
  void runBroadcast(mlir::Operation *op);
  void runSameCells(mlir::Operation *op);
  void runTrans(mlir::Operation *op);
  void runJoin(mlir::Operation *op);
  void runSplit(mlir::Operation *op);
  void runCat(mlir::Operation *op);
  void runGather(mlir::Operation *op);
  void runSort(mlir::Operation *op);
  void runHistogram(mlir::Operation *op);

  // Memory (Memory.cpp)
  void runAddPtr(mlir::Operation *op);
  void runLoad(mlir::Operation *op);
  void runStore(mlir::Operation *op);
  void runAtomicRmw(mlir::Operation *op);
  void runAtomicCas(mlir::Operation *op);
  void runNothing(mlir::Operation *op) {}
  void runPrint(mlir::Operation *op);
  void runAssert(mlir::Operation *op);
  Cell loadCell(uint64_t address, Kind kind);
  void storeCell(uint64_t address, Kind kind, const Cell &cell);

  // Along an axis (AlongAxis.cpp), products (Dot.cpp)
  void runReduce(mlir::Operation *op);
  void runScan(mlir::Operation *op);
  void runDot(mlir::Operation *op);
  using Cells = llvm::SmallVector<Cell, 2>;
  Cells combine(mlir::Region &region, const Cells &left, const Cells &right);
  struct Terms;
  static void allowAnyOrder(Cell &cell, Kind kind, bool isSum, const Terms &terms);
  Cells reduceRange(mlir::Region &region, llvm::ArrayRef<Cells> line);

  mlir::func::FuncOp kernel;
  std::array<int64_t, 3> grid;
  std::array<int64_t, 3> id{};
  ShadowMemory *shadowMemory;
  Devices devices;
  const Hooks &hooks;
  llvm::DenseMap<mlir::Value, Block> values;
  /// Element functions looked up once per operation.
  llvm::DenseMap<mlir::Operation *, std::pair<ElementFn, ElementOp>> elementCache;
  int64_t steps = 0;
};

} // namespace tegula::reference
