//===- Results.cpp - what one thread got, for all that want it ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Before:   %old = tile.atomic_rmw add %p, %one : !tile.ptr<i32>, i32 -> i32
//
// After:    %old = tile.atomic_rmw add %p, %one : !tile.ptr<i32>, i32 -> i32      in thread 0 alone
//           %a = tile.alloc : !tile.shared<1, [1], i32, ...>
//           tile.shared_store %old, %a
//           %all = tile.shared_load %a : ... -> i32
//
// Tiles go the same way if several threads hold an element. A volatile load of a scalar is made by every thread, and each may
// see another value, though all must take the same way from there: they go by what thread 0 saw.
//
// Test: tests/passes/atomics.test
//

#include "passes/SharedRoom.h"
#include "passes/plan/Plan.h"

using namespace mlir;

namespace tegula::passes::plan {

using layout::Input;

void shareResult(Operation *op, Context &context) {
  Value result = op->getResult(0);
  bool isTile = tile::isTile(result.getType());
  if (auto load = dyn_cast<tile::LoadOp>(op); load && (!load.getIsVolatile() || isTile))
    return;
  if (result.use_empty())
    return;
  layout::SharedLayout memory(layout::Dims(1), {});
  SmallVector<int64_t> shape{1};
  if (isTile) {
    const layout::Layout &layout = tile::layoutOf(result.getType());
    layout::InputBits copies = layout.freeBits();
    if (!copies[Input::Lane] && !copies[Input::Warp])
      return;
    shape.assign(tile::shapeOf(result.getType()).begin(), tile::shapeOf(result.getType()).end());
    memory =
        layout::SharedLayout::forPair(layout, layout, tile::memoryBits(tile::elementType(result.getType())));
  }
  OpBuilder &b = context.builder;
  b.setInsertionPointAfter(op);
  Value room = makeRoom(b, op->getLoc(), shape, tile::elementType(result.getType()), memory);
  auto store = tile::SharedStoreOp::create(b, op->getLoc(), result, room);
  Value all = tile::SharedLoadOp::create(b, op->getLoc(), result.getType(), room);
  result.replaceAllUsesExcept(all, store);
}

} // namespace tegula::passes::plan
