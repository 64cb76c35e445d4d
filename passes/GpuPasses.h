//===- GpuPasses.h - passes that place tiles in the threads of a GPU ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/GpuTarget.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tegula::passes {

/// Tile IR becomes laid-out IR. AssignLayouts.cpp.
void assignLayouts(mlir::func::FuncOp kernel, const GpuTarget &target, unsigned warps);

} // namespace tegula::passes
