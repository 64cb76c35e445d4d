//===- PassTarget.cpp - what the passes ask of an NVIDIA GPU ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/PassTarget.h"

namespace tegula::nvptx {

PassTarget::PassTarget(const Target &target) : target(target) {
  asyncCopies = target.sm >= 80;
  // The most that a block may ask for (CUDA C++ Programming Guide, "Compute Capabilities").
  sharedBytes = target.sm == 75                                          ? 64 << 10
                : target.sm == 80 || target.sm == 87                     ? 163 << 10
                : target.sm == 90 || target.sm == 100 || target.sm == 103 ? 227 << 10
                                                                         : 99 << 10;
}

std::vector<DotPlan> PassTarget::dotPlans(tile::DotOp op, unsigned warps) const { return {}; }

} // namespace tegula::nvptx
