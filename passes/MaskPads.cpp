//===- MaskPads.cpp - what lies past the extent of a tile has no effect ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A layout may be larger than its tile (layout::fitDim). The elements past the end, the pads, are computed like the others
// and mean nothing; so they may not be stored, asserted or multiplied into a sum:
//
// Before:   tile.store %p, %v : tensor<100x!tile.ptr<f32>, #L>               #L covers 128 elements
//
// After:    %i = tile.index 0 : tensor<100xi32, #L>                          100 to 127 in the pads
//           %m = arith.cmpi ult, %i, %c100
//           tile.store %p, %v mask %m
//
// Both operands of a product are zero in the pads of the dimension that is summed over. Reductions, scans and what moves
// single elements look at the extents themselves.
//
// Test: tests/passes/mask-pads.mlir
//
//===----------------------------------------------------------------------===//

#include "passes/GpuPasses.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace tegula::passes {
namespace {

class PadMasks {
public:
  explicit PadMasks(func::FuncOp kernel) : kernel(kernel), builder(kernel.getContext()) {}

  void run() {
    SmallVector<Operation *> all;
    kernel.walk([&](Operation *op) { all.push_back(op); });
    for (Operation *op : all) {
      builder.setInsertionPoint(op);
      if (auto load = dyn_cast<tile::LoadOp>(op))
        addTo(load.getPtr(), load.getMaskMutable());
      else if (auto store = dyn_cast<tile::StoreOp>(op))
        addTo(store.getPtr(), store.getMaskMutable());
      else if (auto copy = dyn_cast<tile::AsyncCopyOp>(op))
        addTo(copy.getPtr(), copy.getMaskMutable());
      else if (auto atomic = dyn_cast<tile::AtomicRmwOp>(op))
        addTo(atomic.getPtr(), atomic.getMaskMutable());
      else if (auto assertion = dyn_cast<tile::AssertOp>(op))
        holdInPads(assertion);
      else if (auto dot = dyn_cast<tile::DotOp>(op))
        clearPads(dot);
    }
  }

private:
  static bool isPadded(Type type, unsigned d) {
    return tile::layoutOf(type).dims()[d].extent() > tile::shapeOf(type)[d];
  }

  Value splat(Location loc, RankedTensorType type, Attribute value) {
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, value));
  }

  /// True where the index along `d` is within a tile of this type.
  Value within(Location loc, Type type, unsigned d) {
    auto indices = cast<RankedTensorType>(tile::withElement(type, builder.getI32Type()));
    auto extent = builder.getI32IntegerAttr(int32_t(indices.getDimSize(d)));
    Value index = tile::IndexOp::create(builder, loc, indices, builder.getI32IntegerAttr(int32_t(d)));
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, index, splat(loc, indices, extent));
  }

  /// Null: there are no pads.
  Value within(Location loc, Type type) {
    Value mask;
    for (unsigned d = 0; d < tile::shapeOf(type).size(); ++d) {
      if (!isPadded(type, d))
        continue;
      Value along = within(loc, type, d);
      mask = mask ? arith::AndIOp::create(builder, loc, mask, along) : along;
    }
    return mask;
  }

  void addTo(Value pointers, MutableOperandRange mask) {
    if (!tile::isTile(pointers.getType()))
      return;
    Value inside = within(pointers.getLoc(), pointers.getType());
    if (!inside)
      return;
    if (!mask.empty())
      inside = arith::AndIOp::create(builder, pointers.getLoc(), mask.begin()->get(), inside);
    mask.assign(inside);
  }

  void holdInPads(tile::AssertOp op) {
    Value condition = op.getCondition();
    if (!tile::isTile(condition.getType()))
      return;
    Value inside = within(op.getLoc(), condition.getType());
    if (!inside)
      return;
    Value ones = splat(op.getLoc(), cast<RankedTensorType>(inside.getType()), builder.getBoolAttr(true));
    op.getConditionMutable().assign(arith::SelectOp::create(builder, op.getLoc(), inside, condition, ones));
  }

  void clearPads(tile::DotOp op) {
    unsigned rank = tile::shapeOf(op.getType()).size();
    clearPads(op.getAMutable(), rank - 1);
    clearPads(op.getBMutable(), rank - 2);
  }

  void clearPads(OpOperand &operand, unsigned d) {
    auto type = cast<RankedTensorType>(operand.get().getType());
    if (!isPadded(type, d))
      return;
    Location loc = operand.get().getLoc();
    Value zero = splat(loc, type, builder.getZeroAttr(type.getElementType()));
    operand.set(arith::SelectOp::create(builder, loc, within(loc, type, d), operand.get(), zero));
  }

  func::FuncOp kernel;
  OpBuilder builder;
};

} // namespace

void maskPads(func::FuncOp kernel) { PadMasks(kernel).run(); }

} // namespace tegula::passes
