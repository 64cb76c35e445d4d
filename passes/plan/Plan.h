//===- Plan.h - operations that plan-lowering takes apart ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/GpuTarget.h"
#include "ir/ops/Tile.h"

namespace tegula::passes::plan {

/// What each of them needs of the pass: where to write, and changes of layout by the cheapest way.
struct Context {
  mlir::OpBuilder &builder;
  llvm::function_ref<mlir::Value(mlir::Value, const layout::Layout &)> convert;
};

/// Scan.cpp
void lowerScan(tile::ScanOp op, Context &context);
/// Sort.cpp
void lowerSort(tile::SortOp op, Context &context);
/// Gather.cpp
void lowerGather(tile::GatherOp op, Context &context);
void lowerHistogram(tile::HistogramOp op, Context &context);
/// An atomic's old values, and what a volatile load of a scalar read, are one thread's: all others get them. Results.cpp
void shareResult(mlir::Operation *op, Context &context);

} // namespace tegula::passes::plan
