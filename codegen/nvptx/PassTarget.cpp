//===- PassTarget.cpp - what the passes ask of an NVIDIA GPU ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/PassTarget.h"

#include "codegen/nvptx/Products.h"

namespace tegula::nvptx {

PassTarget::PassTarget(const Target &target) : target(target) {
  asyncCopies = shortProducts = target.sm >= 80;
  matrixLoads = true;
}

std::vector<DotPlan> PassTarget::dotPlans(tile::DotOp op, unsigned warps) const {
  std::vector<DotPlan> plans = matrixPlans(op, target, warps);
  if (plans.empty())
    plans.push_back(fmaPlan(op, warps));
  return plans;
}

/// Each instruction rounds its sum: one of 16 bits is summed in f32 unless one instruction does it all.
mlir::Type PassTarget::dotSumType(tile::DotOp op) const {
  mlir::Type sum = tile::elementType(op.getType());
  int64_t deep = tile::shapeOf(op.getA().getType()).back(), oneStep = target.sm >= 80 ? 16 : 8;
  bool isNarrow =
      sum.isBF16() || (sum.isF16() && (deep > oneStep || !tile::elementType(op.getA().getType()).isF16()));
  return isNarrow ? mlir::Float32Type::get(op.getContext()) : mlir::Type();
}

/// What multiplies on units of this architecture: 8-bit floats widen to f16 where there are no products of them, and
/// what no matrix instruction takes is computed in the type of the sum.
mlir::Type PassTarget::dotOperandType(tile::DotOp op, unsigned warps) const {
  mlir::Type a = tile::elementType(op.getA().getType()), b = tile::elementType(op.getB().getType()),
             sum = tile::elementType(op.getType());
  if (!matrixPlans(op, target, warps).empty())
    return {};
  auto isSmall = [](mlir::Type type) {
    return mlir::isa<mlir::FloatType>(type) && type.getIntOrFloatBitWidth() == 8;
  };
  if ((isSmall(a) || isSmall(b)) && !a.isF32() && !b.isF32() && (sum.isF32() || sum.isF16()))
    return mlir::Float16Type::get(op.getContext());
  return a == sum && b == sum ? mlir::Type() : sum;
}

} // namespace tegula::nvptx
