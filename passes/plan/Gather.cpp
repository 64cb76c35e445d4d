//===- Gather.cpp - gathers and histograms through shared memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Before:   %r = tile.gather %x[%i] along 0                 %h = tile.histogram %x mask %m : ... -> tensor<64xi32, #H>
//
// After:    %a = tile.alloc                                 %a = tile.alloc
//           tile.shared_store %x, %a                        tile.shared_store %zeros, %a
//           %r = tile.shared_gather %a[%i] along 0          tile.shared_count %x, %a mask %m
//                                                           %h = tile.shared_load %a
//
// A gather stays as it is where each lane can get its elements from lanes of its own warp.
//
// Test: tests/passes/gather.test
//

#include "passes/SharedRoom.h"
#include "passes/plan/Plan.h"

#include "ir/layout/AxisDigits.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace tegula::passes::plan {

using layout::Input;
using layout::Layout;

/// Whether every lane finds what it may ask for in lanes of its own warp, in few registers of each.
static bool isWithinWarps(tile::GatherOp op) {
  const Layout &from = tile::layoutOf(op.getSrc().getType()), &to = tile::layoutOf(op.getIndices().getType());
  unsigned axis = op.getAxis();
  std::optional<layout::AxisDigits> digits = layout::AxisDigits::of(from, axis);
  unsigned bits = from.dims()[axis].bits;
  if (!digits || digits->firstWarpBit() < bits)
    return false;
  uint32_t inRegisters = std::popcount(digits->mask(Input::Register, 0, bits));
  if ((from.dims()[axis].reps << inRegisters) > 4)
    return false;
  Layout mine = from.sliced(axis), asked = to.sliced(axis);
  if (mine.dims() != asked.dims() || mine.bases(Input::Lane) != asked.bases(Input::Lane) ||
      mine.bases(Input::Warp) != asked.bases(Input::Warp))
    return false;
  // A row that is in a register here is in a register there.
  layout::Span rows;
  for (uint32_t basis : mine.bases(Input::Register))
    rows.insert(basis);
  return llvm::all_of(asked.bases(Input::Register), [&](uint32_t basis) { return rows.contains(basis); });
}

static layout::SharedLayout rowMajor(const Layout &layout) {
  SmallVector<unsigned> order;
  for (unsigned d = layout.rank(); d-- > 0;)
    order.push_back(d);
  return layout::SharedLayout::rowMajor(layout.dims(), order);
}

void lowerGather(tile::GatherOp op, Context &context) {
  if (isWithinWarps(op))
    return;
  OpBuilder &b = context.builder;
  auto type = op.getSrc().getType();
  Value room =
      makeRoom(b, op.getLoc(), type.getShape(), type.getElementType(), rowMajor(tile::layoutOf(type)));
  tile::SharedStoreOp::create(b, op.getLoc(), op.getSrc(), room);
  Value result =
      tile::SharedGatherOp::create(b, op.getLoc(), op.getType(), room, op.getIndices(), op.getAxisAttr());
  op.getResult().replaceAllUsesWith(result);
  op.erase();
}

void lowerHistogram(tile::HistogramOp op, Context &context) {
  OpBuilder &b = context.builder;
  auto type = op.getType();
  Value zeros =
      arith::ConstantOp::create(b, op.getLoc(), DenseElementsAttr::get(type, b.getI32IntegerAttr(0)));
  Value room =
      makeRoom(b, op.getLoc(), type.getShape(), type.getElementType(), rowMajor(tile::layoutOf(type)));
  tile::SharedStoreOp::create(b, op.getLoc(), zeros, room);
  Value mask = op.getMask();
  if (mask)
    mask = context.convert(mask, tile::layoutOf(op.getSrc().getType()));
  tile::SharedCountOp::create(b, op.getLoc(), op.getSrc(), room, mask);
  Value result = tile::SharedLoadOp::create(b, op.getLoc(), type, room);
  op.getResult().replaceAllUsesWith(result);
  op.erase();
}

} // namespace tegula::passes::plan
