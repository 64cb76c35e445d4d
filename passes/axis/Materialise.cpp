//===- Materialise.cpp - formulas as operations ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/ops/Tile.h"
#include "passes/axis/Form.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace tegula::passes {

namespace {
/// Builds folded 64-bit arithmetic.
struct Builder {
  OpBuilder &b;
  Location loc;

  Value constant(int64_t value) { return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value)); }
  Value truth(bool value) { return arith::ConstantOp::create(b, loc, b.getBoolAttr(value)); }
  template <typename Op> Value op(Value x, Value y) { return b.createOrFold<Op>(loc, x, y); }
  Value compare(arith::CmpIPredicate p, Value x, Value y) {
    return b.createOrFold<arith::CmpIOp>(loc, p, x, y);
  }
  Value select(Value c, Value x, Value y) { return b.createOrFold<arith::SelectOp>(loc, c, x, y); }

  Value wide(Value scalar) {
    Type type = scalar.getType(), i64 = b.getI64Type();
    if (isa<tile::PtrType>(type))
      return tile::PtrToIntOp::create(b, loc, i64, scalar);
    if (type.isIndex())
      return arith::IndexCastOp::create(b, loc, i64, scalar);
    return type == i64 ? scalar : b.createOrFold<arith::ExtSIOp>(loc, i64, scalar);
  }

  Value product(const Product &product) {
    Value result;
    for (Value scalar : product.scalars)
      result = result ? op<arith::MulIOp>(result, wide(scalar)) : wide(scalar);
    if (!result)
      return constant(product.factor);
    return product.factor == 1 ? result : op<arith::MulIOp>(result, constant(product.factor));
  }

  Value polynomial(const Polynomial &polynomial) {
    Value result;
    for (const Product &p : polynomial.products)
      result = result ? op<arith::AddIOp>(result, product(p)) : product(p);
    if (!result)
      return constant(polynomial.constant);
    return polynomial.constant ? op<arith::AddIOp>(result, constant(polynomial.constant)) : result;
  }

  Value all(Value x, Value y) { return x ? op<arith::AndIOp>(x, y) : y; }

  Value condition(const Condition &condition) {
    Value result;
    for (const Inequality &inequality : condition.inequalities)
      result = all(result, compare(arith::CmpIPredicate::slt, polynomial(inequality.less),
                                   polynomial(inequality.greater)));
    for (Value scalar : condition.scalars)
      result = all(result, scalar);
    return result ? result : truth(true);
  }

  /// x / by, rounded up, for a positive `by`.
  Value dividedUp(Value x, Value by) {
    Value more = op<arith::AddIOp>(x, op<arith::SubIOp>(by, constant(1)));
    Value isPositive = compare(arith::CmpIPredicate::sgt, x, constant(0));
    return op<arith::DivSIOp>(select(isPositive, more, x), by);
  }
};
} // namespace

Value materialise(OpBuilder &builder, Location loc, const Polynomial &polynomial) {
  return Builder{builder, loc}.polynomial(polynomial);
}

Value materialise(OpBuilder &builder, Location loc, const Condition &condition) {
  return Builder{builder, loc}.condition(condition);
}

/// Only the low bits matter, so one OR gathers them all.
Value materialise(OpBuilder &builder, Location loc, const Needs &needs) {
  Builder b{builder, loc};
  Value bits;
  for (const Product &product : needs.products) {
    Value one = b.product(product);
    bits = bits ? b.op<arith::OrIOp>(bits, one) : one;
  }
  if (!bits)
    return b.truth(true);
  Value low = b.op<arith::AndIOp>(bits, b.constant(int64_t(needs.modulus) - 1));
  return b.compare(arith::CmpIPredicate::eq, low, b.constant(0));
}

Value materialise(OpBuilder &builder, const LoopSplit &split, scf::ForOp loop) {
  Builder b{builder, loop.getLoc()};
  Value low = b.wide(loop.getLowerBound()), high = b.wide(loop.getUpperBound());
  Value step = b.op<arith::MaxSIOp>(b.wide(loop.getStep()), b.constant(1));
  Value cut = high;
  for (const LoopSplit::Bound &bound : split.bounds) {
    // coefficient * i < -rest
    Value end = b.op<arith::SubIOp>(b.constant(0), b.polynomial(bound.rest));
    if (bound.coefficient != 1)
      end = b.dividedUp(end, b.constant(bound.coefficient));
    cut = b.op<arith::MinSIOp>(cut, end);
  }
  if (!split.invariant.isTrue())
    cut = b.select(b.condition(split.invariant), cut, low);
  // Onto an index of the loop, and not beyond its end. Nothing here leaves 64 bits if high - low does not.
  Value length = b.op<arith::MaxSIOp>(b.op<arith::SubIOp>(high, low), b.constant(0));
  Value distance = b.op<arith::SubIOp>(b.op<arith::MaxSIOp>(cut, low), low);
  distance = b.op<arith::MinSIOp>(distance, length);
  Value whole = b.op<arith::MulIOp>(b.op<arith::DivSIOp>(distance, step), step);
  Value isBetween = b.compare(arith::CmpIPredicate::sgt, distance, whole);
  Value more =
      b.select(isBetween, b.op<arith::MinSIOp>(step, b.op<arith::SubIOp>(length, whole)), b.constant(0));
  cut = b.op<arith::AddIOp>(b.op<arith::AddIOp>(low, whole), more);
  Type type = loop.getLowerBound().getType();
  if (type.isIndex())
    return arith::IndexCastOp::create(builder, loop.getLoc(), type, cut);
  return type.isInteger(64) ? cut : builder.createOrFold<arith::TruncIOp>(loop.getLoc(), type, cut);
}

} // namespace tegula::passes
