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

/// Operands of products get types that the target multiplies. LegaliseDots.cpp.
void legaliseDots(mlir::func::FuncOp kernel, const GpuTarget &target, unsigned warps);
/// Tile IR becomes laid-out IR. AssignLayouts.cpp.
void assignLayouts(mlir::func::FuncOp kernel, const GpuTarget &target, unsigned warps);

// Laid-out IR becomes target-ready IR, in this order.
/// `stages`: where the loop itself says nothing. Pipeline.cpp.
void pipelineLoops(mlir::func::FuncOp kernel, const GpuTarget &target, int stages);
/// Elements past the extents of tiles have no effect. MaskPads.cpp.
void maskPads(mlir::func::FuncOp kernel);
/// PlanLowering.cpp.
void planLowering(mlir::func::FuncOp kernel, const GpuTarget &target);
/// Sets the offset of every buffer; the bytes of shared memory that the kernel needs. AllocateShared.cpp.
int64_t allocateShared(mlir::func::FuncOp kernel);
/// InsertBarriers.cpp.
void insertBarriers(mlir::func::FuncOp kernel);

} // namespace tegula::passes
