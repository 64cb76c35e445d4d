//===- LegaliseDots.cpp - operands of products get types that the target multiplies ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Every value of a narrower type is a value of the wider one, so that the products are the same.
//
// Test: tests/passes/legalise-dots.mlir
//
//===----------------------------------------------------------------------===//

#include "passes/GpuPasses.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace tegula::passes {

static Value widened(OpBuilder &builder, Value value, Type element) {
  Type from = tile::elementType(value.getType());
  if (from == element)
    return value;
  Type type = tile::withElement(value.getType(), element);
  Location loc = value.getLoc();
  if (isa<IntegerType>(from))
    return arith::ExtSIOp::create(builder, loc, type, value);
  if (from.getIntOrFloatBitWidth() == 8)
    return tile::FpToFpOp::create(builder, loc, type, value, tile::Rounding::NearestEven);
  return arith::ExtFOp::create(builder, loc, type, value);
}

void legaliseDots(func::FuncOp kernel, const GpuTarget &target, unsigned warps) {
  SmallVector<tile::DotOp> dots;
  kernel.walk([&](tile::DotOp op) { dots.push_back(op); });
  for (tile::DotOp op : dots) {
    // Until it stays: from 8 bits to f16 may be one step of two.
    while (Type element = target.dotOperandType(op, warps)) {
      OpBuilder builder(op);
      op.getAMutable().assign(widened(builder, op.getA(), element));
      op.getBMutable().assign(widened(builder, op.getB(), element));
      Type sum = tile::elementType(op.getType());
      if (sum.isIntOrFloat() && isa<FloatType>(sum) &&
          element.getIntOrFloatBitWidth() > sum.getIntOrFloatBitWidth()) {
        op.getCMutable().assign(widened(builder, op.getC(), element));
        Type narrow = op.getType();
        op.getResult().setType(cast<RankedTensorType>(tile::withElement(narrow, element)));
        builder.setInsertionPointAfter(op);
        auto back = arith::TruncFOp::create(builder, op.getLoc(), narrow, op.getResult());
        op.getResult().replaceAllUsesExcept(back, back);
      }
    }
  }
}

} // namespace tegula::passes
