//===- LegaliseDots.cpp - operands of products get types that the target multiplies ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Every value of a narrower type is a value of the wider one, so that the products are the same. Products of f32 by units
// of fewer bits are made of several.
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

/// The same product with its sum in a wider type.
static void widenSum(tile::DotOp op, Type element) {
  OpBuilder builder(op);
  op.getCMutable().assign(widened(builder, op.getC(), element));
  Type narrow = op.getType();
  op.getResult().setType(cast<RankedTensorType>(tile::withElement(narrow, element)));
  builder.setInsertionPointAfter(op);
  auto back = arith::TruncFOp::create(builder, op.getLoc(), narrow, op.getResult());
  op.getResult().replaceAllUsesExcept(back, back);
}

/// An f32 tile as a sum of `count` tiles of fewer bits, the largest first: of bf16, or of f32 with the 10 bits of fraction
/// of tf32. What is infinite or no number is so in the first part alone.
static SmallVector<Value> parts(OpBuilder &builder, Value value, Type element, int count) {
  Location loc = value.getLoc();
  Type f32 = value.getType(), bits = tile::withElement(f32, builder.getI32Type());
  auto splat = [&](Type type, Attribute each) {
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(cast<ShapedType>(type), each));
  };
  SmallVector<Value> result;
  Value rest = value;
  for (int i = 0; i < count; ++i) {
    Value part, back;
    if (element.isBF16()) {
      part = arith::TruncFOp::create(builder, loc, tile::withElement(f32, element), rest);
      back = arith::ExtFOp::create(builder, loc, f32, part);
    } else {
      Value word = arith::BitcastOp::create(builder, loc, bits, rest);
      word = arith::AndIOp::create(builder, loc, word,
                                   splat(bits, builder.getI32IntegerAttr(int32_t(0xffffe000))));
      Value cut = arith::BitcastOp::create(builder, loc, f32, word);
      Value isNumber = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::ORD, rest, rest);
      part = back = arith::SelectOp::create(builder, loc, isNumber, cut, rest);
    }
    result.push_back(part);
    if (i + 1 == count)
      break;
    rest = arith::SubFOp::create(builder, loc, rest, back);
    Value isNumber = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::ORD, rest, rest);
    rest = arith::SelectOp::create(builder, loc, isNumber, rest, splat(f32, builder.getF32FloatAttr(0)));
  }
  return result;
}

/// tf32x3, bf16x3, bf16x6: products of the parts of f32 operands, the smallest first; what is below the last bit of the
/// result is left out (Henry et al., "Leveraging the bfloat16 Artificial Intelligence Datatype for Higher-Precision
/// Computations", 2019).
static void splitDot(tile::DotOp op, Type element, int count) {
  OpBuilder builder(op);
  SmallVector<Value> a = parts(builder, op.getA(), element, count),
                     b = parts(builder, op.getB(), element, count);
  Location loc = op.getLoc();
  auto dot = [&](Value left, Value right, Value sum) {
    return tile::DotOp::create(builder, loc, op.getType(), left, right, sum, tile::InputPrecision::TF32);
  };
  Value zero = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(cast<ShapedType>(op.getType()), builder.getF32FloatAttr(0)));
  Value small = zero;
  for (int order = count - 1; order > 0; --order)
    for (int i = 0; i <= order; ++i)
      small = dot(a[i], b[order - i], small);
  // Infinity times the low part of a number is anything; the first parts tell the truth.
  Value difference = arith::SubFOp::create(builder, loc, small, small);
  Value isFinite = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, difference, zero);
  small = arith::SelectOp::create(builder, loc, isFinite, small, zero);
  Value start = arith::AddFOp::create(builder, loc, op.getC(), small);
  op.getResult().replaceAllUsesWith(dot(a[0], b[0], start));
  op.erase();
}

static void splitDots(func::FuncOp kernel, const GpuTarget &target) {
  if (!target.shortProducts)
    return; // they are summed in f32, which is no less precise
  SmallVector<tile::DotOp> dots;
  kernel.walk([&](tile::DotOp op) { dots.push_back(op); });
  for (tile::DotOp op : dots) {
    if (!tile::elementType(op.getA().getType()).isF32() || !tile::elementType(op.getB().getType()).isF32())
      continue;
    Builder builder(op.getContext());
    switch (op.getInputPrecision()) {
    case tile::InputPrecision::TF32:
    case tile::InputPrecision::IEEE: break;
    case tile::InputPrecision::TF32x3: splitDot(op, builder.getF32Type(), 2); break;
    case tile::InputPrecision::BF16x3: splitDot(op, builder.getBF16Type(), 2); break;
    case tile::InputPrecision::BF16x6: splitDot(op, builder.getBF16Type(), 3); break;
    }
  }
}

void legaliseDots(func::FuncOp kernel, const GpuTarget &target, unsigned warps) {
  splitDots(kernel, target);
  SmallVector<tile::DotOp> dots;
  kernel.walk([&](tile::DotOp op) { dots.push_back(op); });
  for (tile::DotOp op : dots) {
    if (Type element = target.dotSumType(op))
      widenSum(op, element);
    // Until it stays: from 8 bits to f16 may be one step of two.
    while (Type element = target.dotOperandType(op, warps)) {
      OpBuilder builder(op);
      op.getAMutable().assign(widened(builder, op.getA(), element));
      op.getBMutable().assign(widened(builder, op.getB(), element));
    }
  }
}

} // namespace tegula::passes
