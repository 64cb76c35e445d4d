//===- Prepare.cpp - tile IR as the engine expects it ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// 1. Tiles that a loop advances by the same step in every element become a scalar, so that addresses stay expressions:
//
//     for ... iter_args(%p = %init)          for ... iter_args(%o = 0)
//       use(%p)                         ->     %p = addptr %init, splat(%o);  use(%p)
//       yield addptr(%p, splat(%s))            yield %o + %s
//
// 2. Operands of a product are widened to the type it is computed in, so that packing is plain evaluation.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Plan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace tegula::cpu {

/// The scalar that every element of `tile` is, or null. A constant is made anew before `anchor`.
static Value uniformScalar(Value tile, Operation *anchor) {
  if (auto splat = tile.getDefiningOp<tile::SplatOp>())
    return splat.getSrc();
  auto constant = tile.getDefiningOp<arith::ConstantOp>();
  auto elements = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
  if (!elements || !isa<IntegerType>(elements.getElementType()))
    return {};
  OpBuilder builder(anchor);
  return arith::ConstantOp::create(builder, tile.getLoc(), elements.getSplatValue<TypedAttr>());
}

/// Whether `yielded` is `arg` advanced by uniform steps; gathers the steps.
static bool uniformSteps(Value yielded, Value arg, Operation *anchor, SmallVectorImpl<Value> &steps) {
  while (yielded != arg) {
    if (auto add = yielded.getDefiningOp<tile::AddPtrOp>()) {
      steps.push_back(uniformScalar(add.getOffset(), anchor));
      yielded = add.getPtr();
    } else if (auto add = yielded.getDefiningOp<arith::AddIOp>()) {
      Value step = uniformScalar(add.getRhs(), anchor);
      yielded = step ? add.getLhs() : add.getRhs();
      steps.push_back(step ? step : uniformScalar(add.getLhs(), anchor));
    } else {
      return false;
    }
    if (!steps.back())
      return false;
  }
  return !steps.empty();
}

static Value advanced(OpBuilder &builder, Location loc, Value init, Value offset) {
  auto type = cast<RankedTensorType>(init.getType());
  Value tile = tile::SplatOp::create(builder, loc, type.clone(offset.getType()), offset);
  if (isa<tile::PtrType>(type.getElementType()))
    return tile::AddPtrOp::create(builder, loc, type, init, tile);
  return arith::AddIOp::create(builder, loc, init, tile);
}

static void scalariseInductions(scf::ForOp loop) {
  for (unsigned i = 0, n = loop.getInitArgs().size(); i < n; ++i) {
    BlockArgument arg = loop.getRegionIterArg(i);
    auto type = dyn_cast<RankedTensorType>(arg.getType());
    bool pointers = type && isa<tile::PtrType>(type.getElementType());
    if (!type || !(pointers || isa<IntegerType>(type.getElementType())))
      continue;
    Operation *yield = loop.getBody()->getTerminator();
    SmallVector<Value> steps;
    if (!uniformSteps(yield->getOperand(i), arg, yield, steps))
      continue;
    Location loc = loop.getLoc();
    Value init = loop.getInitArgs()[i];
    OpBuilder builder(loop);
    Type scalar = pointers ? builder.getI64Type() : type.getElementType();
    loop.getInitArgsMutable()[i].assign(
        arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(scalar, 0)).getResult());

    builder.setInsertionPointToStart(loop.getBody());
    arg.setType(scalar);
    Value tile = advanced(builder, loc, init, arg);
    arg.replaceUsesWithIf(tile, [](OpOperand &use) { return !isa<tile::SplatOp>(use.getOwner()); });

    builder.setInsertionPoint(yield);
    Value next = arg;
    for (Value step : steps) {
      if (step.getType() != scalar)
        step = step.getType().getIntOrFloatBitWidth() < scalar.getIntOrFloatBitWidth()
                   ? arith::ExtSIOp::create(builder, loc, scalar, step).getResult()
                   : arith::TruncIOp::create(builder, loc, scalar, step).getResult();
      next = arith::AddIOp::create(builder, loc, next, step);
    }
    yield->setOperand(i, next);

    Value result = loop.getResult(i);
    result.setType(scalar);
    if (!result.use_empty()) {
      builder.setInsertionPointAfter(loop);
      Value after = advanced(builder, loc, init, result);
      result.replaceUsesWithIf(after, [](OpOperand &use) { return !isa<tile::SplatOp>(use.getOwner()); });
    }
  }
}

static Value widened(OpBuilder &builder, Location loc, Value tile, Type element) {
  auto type = cast<RankedTensorType>(tile.getType());
  Type from = type.getElementType();
  if (from == element)
    return tile;
  Type to = type.clone(element);
  if (isa<IntegerType>(from) && isa<IntegerType>(element))
    return arith::ExtSIOp::create(builder, loc, to, tile);
  if (isa<FloatType>(from) && from.getIntOrFloatBitWidth() > 8)
    return arith::ExtFOp::create(builder, loc, to, tile);
  return tile::FpToFpOp::create(builder, loc, to, tile, tile::Rounding::NearestEven);
}

static void widenDot(tile::DotOp dot) {
  OpBuilder builder(dot);
  Location loc = dot.getLoc();
  auto type = dot.getResult().getType();
  Type element = type.getElementType();
  bool narrow = isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
  Type computed = narrow ? builder.getF32Type() : element;
  dot.getAMutable().assign(widened(builder, loc, dot.getA(), computed));
  dot.getBMutable().assign(widened(builder, loc, dot.getB(), computed));
  if (!narrow)
    return;
  dot.getCMutable().assign(widened(builder, loc, dot.getC(), computed));
  dot.getResult().setType(type.clone(computed));
  builder.setInsertionPointAfter(dot);
  auto rounded = arith::TruncFOp::create(builder, loc, type, dot.getResult());
  dot.getResult().replaceAllUsesExcept(rounded.getResult(), rounded);
}

static void prepareBlock(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        prepareBlock(inner);
    if (auto loop = dyn_cast<scf::ForOp>(op))
      scalariseInductions(loop);
    else if (auto dot = dyn_cast<tile::DotOp>(op))
      widenDot(dot);
  }
}

void prepare(func::FuncOp kernel) {
  for (Block &block : kernel.getBody())
    prepareBlock(block);
}

/// Constant stride (in elements) of `value` along each dimension, if it is affine with constant strides.
static bool constantStrides(Value value, SmallVectorImpl<int64_t> &strides, int depth = 0) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  if (!type || depth > 40)
    return false;
  size_t rank = type.getRank();
  strides.assign(rank, 0);
  if (!op)
    return false;
  auto constant = dyn_cast<arith::ConstantOp>(op);
  if (isa<tile::SplatOp>(op) || (constant && isa<SplatElementsAttr>(constant.getValue())))
    return true;
  if (isa<tile::MakeRangeOp>(op)) {
    strides[0] = 1;
    return true;
  }
  if (isa<arith::ExtSIOp, arith::ExtUIOp>(op))
    return constantStrides(op->getOperand(0), strides, depth + 1);
  if (isa<arith::AddIOp, tile::AddPtrOp>(op)) {
    SmallVector<int64_t> other;
    if (!constantStrides(op->getOperand(0), strides, depth + 1) ||
        !constantStrides(op->getOperand(1), other, depth + 1))
      return false;
    for (size_t i = 0; i < rank; ++i)
      strides[i] += other[i];
    return true;
  }
  if (isa<arith::MulIOp>(op)) {
    for (int side : {0, 1}) {
      auto factor = op->getOperand(side).getDefiningOp<arith::ConstantOp>();
      auto splat = factor ? dyn_cast<SplatElementsAttr>(factor.getValue()) : SplatElementsAttr();
      if (!splat || !constantStrides(op->getOperand(1 - side), strides, depth + 1))
        continue;
      for (int64_t &stride : strides)
        stride *= splat.getSplatValue<APInt>().getSExtValue();
      return true;
    }
    return false;
  }
  if (auto expand = dyn_cast<tile::ExpandDimsOp>(op)) {
    if (!constantStrides(expand.getSrc(), strides, depth + 1))
      return false;
    strides.insert(strides.begin() + expand.getAxis(), 0);
    return true;
  }
  if (auto broadcast = dyn_cast<tile::BroadcastOp>(op)) {
    if (!constantStrides(broadcast.getSrc(), strides, depth + 1))
      return false;
    for (auto [i, extent] : llvm::enumerate(broadcast.getSrc().getType().getShape()))
      if (extent == 1)
        strides[i] = 0;
    return true;
  }
  return false;
}

bool provablyInjective(Value pointers) {
  SmallVector<int64_t> strides;
  if (!tile::isTile(pointers.getType()) || !constantStrides(pointers, strides))
    return !tile::isTile(pointers.getType());
  SmallVector<std::pair<int64_t, int64_t>> dims;
  for (auto [stride, extent] : llvm::zip(strides, tile::shapeOf(pointers.getType())))
    if (extent > 1)
      dims.push_back({std::abs(stride), extent});
  llvm::sort(dims);
  int64_t reach = 0;
  for (auto [stride, extent] : dims) {
    if (stride <= reach || extent > (int64_t(1) << 40) / std::max<int64_t>(stride, 1))
      return false;
    reach += stride * (extent - 1);
  }
  return true;
}

} // namespace tegula::cpu
