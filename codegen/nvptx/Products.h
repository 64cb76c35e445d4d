//===- Products.h - which matrix instructions compute a product, and how it is cut ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// `tile.mma` names its instruction and its tiling in one word, "m16n8k16 bf16 2x4" for two warps along M and four along N;
// "fma" is a product without matrix units.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/nvptx/Fragments.h"
#include "codegen/nvptx/Nvptx.h"
#include "ir/GpuTarget.h"

namespace tegula::nvptx {

std::string nameOf(const MmaTiling &tiling);
MmaTiling tilingNamed(llvm::StringRef name);

/// Matrix instructions for the product on this architecture, best first; none: its types or its shape have none.
std::vector<DotPlan> matrixPlans(tile::DotOp op, const Target &target, unsigned warps);
/// The product by multiply-adds of single threads, each with a block of the result.
DotPlan fmaPlan(tile::DotOp op, unsigned warps);

} // namespace tegula::nvptx
