//===- PassTarget.h - what the passes ask of an NVIDIA GPU ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/nvptx/Nvptx.h"
#include "ir/GpuTarget.h"

namespace tegula::nvptx {

class PassTarget final : public GpuTarget {
public:
  explicit PassTarget(const Target &target);
  std::vector<DotPlan> dotPlans(tile::DotOp op, unsigned warps) const override;
  mlir::Type dotSumType(tile::DotOp op) const override;
  mlir::Type dotOperandType(tile::DotOp op, unsigned warps) const override;

private:
  Target target;
};

} // namespace tegula::nvptx
