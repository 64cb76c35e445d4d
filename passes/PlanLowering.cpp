//===- PlanLowering.cpp - layout changes and reductions become moves between registers, lanes, shared memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Before:   %m = tile.reduce(%x) along 1 : (tensor<16x64xf32, #A>) -> tensor<16xf32, #R>        2 warps share a row of #A
//
// After:    %r = tile.reduce_registers(%x) along 1 : (tensor<16x64xf32, #A>) -> tensor<16x16xf32, #B>
//           %l = tile.reduce_lanes(%r) along 1 : (tensor<16x16xf32, #B>) -> tensor<16x2xf32, #C>
//           %s = tile.alloc : !tile.shared<1, [16, 2], f32, #S>
//           tile.shared_store %l, %s
//           %w = tile.shared_load %s : tensor<16x2xf32, #D>                                      both halves in each thread
//           %m = tile.reduce_registers(%w) along 1 : (tensor<16x2xf32, #D>) -> tensor<16xf32, #R>
//
// Barriers are set later (InsertBarriers.cpp), for the whole kernel at once.
//
// Test: tests/passes/plan-lowering.mlir
//
//===----------------------------------------------------------------------===//

#include "passes/GpuPasses.h"
#include "passes/SharedRoom.h"

#include "ir/diag/Diagnostic.h"
#include "ir/layout/AxisDigits.h"
#include "ir/layout/Conversion.h"
#include "passes/plan/Plan.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tegula::passes {
namespace {

using layout::Dim;
using layout::Dims;
using layout::Input;
using layout::Layout;

/// Bits of an axis that the bases of an input flip.
uint32_t axisBits(const Layout &layout, unsigned axis, Input input) {
  uint32_t all = 0;
  for (uint32_t basis : layout.bases(input))
    all |= (basis & layout.mask(axis)) >> layout.shift(axis);
  return all;
}

/// How many of the indices that are left along the axis without the bits `gone` stand for at least one element: of an axis
/// whose first `extent` elements are the tile's, the rest pads.
int64_t extentWithout(const Layout &layout, unsigned axis, uint32_t gone, int64_t extent) {
  int64_t count = 0;
  for (int64_t index = 0; index < std::min(extent, int64_t(1) << layout.dims()[axis].bits); ++index)
    count += !(index & gone);
  return count;
}

class Planner {
public:
  Planner(func::FuncOp kernel, const GpuTarget &target)
      : kernel(kernel), target(target), builder(kernel.getContext()) {}

  void run() {
    SmallVector<Operation *> wanted;
    kernel.walk([&](Operation *op) {
      if (isa<tile::ConvertOp, tile::ReduceOp, tile::DotOp, tile::ReshapeOp, tile::CatOp, tile::ScanOp,
              tile::SortOp, tile::GatherOp, tile::HistogramOp, tile::AtomicRmwOp, tile::AtomicCasOp,
              tile::LoadOp>(op))
        wanted.push_back(op);
    });
    auto convertTo = [&](Value value, const Layout &layout) { return convert(value, layout); };
    plan::Context context{builder, convertTo};
    for (Operation *op : wanted) {
      builder.setInsertionPoint(op);
      if (auto change = dyn_cast<tile::ConvertOp>(op)) {
        change.getResult().replaceAllUsesWith(convert(change.getSrc(), tile::layoutOf(change.getType())));
        change.erase();
      } else if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
        lowerReduce(reduce);
      } else if (auto dot = dyn_cast<tile::DotOp>(op)) {
        lowerDot(dot);
      } else if (auto reshape = dyn_cast<tile::ReshapeOp>(op)) {
        lowerReshape(reshape);
      } else if (auto cat = dyn_cast<tile::CatOp>(op)) {
        lowerCat(cat);
      } else if (auto scan = dyn_cast<tile::ScanOp>(op)) {
        plan::lowerScan(scan, context);
      } else if (auto sort = dyn_cast<tile::SortOp>(op)) {
        plan::lowerSort(sort, context);
      } else if (auto gather = dyn_cast<tile::GatherOp>(op)) {
        plan::lowerGather(gather, context);
      } else if (auto histogram = dyn_cast<tile::HistogramOp>(op)) {
        plan::lowerHistogram(histogram, context);
      } else {
        plan::shareResult(op, context);
      }
    }
  }

private:
  Value convert(Value value, const Layout &to) {
    const Layout &from = tile::layoutOf(value.getType());
    if (from == to)
      return value;
    layout::Conversion plan =
        layout::planConversion(from, to, tile::memoryBits(tile::elementType(value.getType())));
    auto type = tile::withLayout(value.getType(), to);
    using Kind = layout::Conversion::Kind;
    switch (plan.kind) {
    case Kind::Nothing:
    case Kind::Registers: return tile::PermuteOp::create(builder, value.getLoc(), type, value);
    case Kind::Bytes:
    case Kind::Select:
    case Kind::Shuffle: return tile::ShuffleOp::create(builder, value.getLoc(), type, value);
    case Kind::Shared: return throughShared(value, to);
    case Kind::Indexed: break;
    }
    return byIndex(value, type);
  }

  /// Through shared memory in row-major order: extents that are cut into digits in two ways, or split anew. The tiles
  /// may have different shapes.
  Value byIndex(Value value, Type type) {
    Value room = rowMajor(value.getLoc(), value.getType());
    tile::SharedStoreOp::create(builder, value.getLoc(), value, room);
    return tile::SharedLoadOp::create(builder, value.getLoc(), type, room);
  }

  /// Shared memory for a tile, its elements in the order of their indices.
  Value rowMajor(Location loc, Type type) {
    layout::Dims dims;
    for (int64_t extent : tile::shapeOf(type)) {
      dims.emplace_back();
      dims.back().reps = uint32_t(extent) & 0xffffff;
    }
    return makeRoom(builder, loc, tile::shapeOf(type), tile::elementType(type),
                    layout::SharedLayout(dims, {}));
  }

  /// Two tiles with pads between them.
  void lowerCat(tile::CatOp op) {
    if (tile::layoutOf(op.getLhs().getType()).cat() == tile::layoutOf(op.getType()))
      return;
    Value room = rowMajor(op.getLoc(), op.getType());
    auto half = int64_t(op.getLhs().getType().getNumElements());
    tile::SharedStoreOp::create(builder, op.getLoc(), op.getLhs(), room);
    tile::SharedStoreOp::create(builder, op.getLoc(), op.getRhs(), room, builder.getI64IntegerAttr(half));
    op.getResult().replaceAllUsesWith(tile::SharedLoadOp::create(builder, op.getLoc(), op.getType(), room));
    op.erase();
  }

  /// A reshape that renames no registers.
  void lowerReshape(tile::ReshapeOp op) {
    std::optional<Layout> view =
        tile::layoutOf(op.getType()).reshaped(op.getType().getShape(), op.getSrc().getType().getShape());
    if (view == tile::layoutOf(op.getSrc().getType()))
      return;
    op.getResult().replaceAllUsesWith(byIndex(op.getSrc(), op.getType()));
    op.erase();
  }

  Value throughShared(Value value, const Layout &to) {
    const Layout &from = tile::layoutOf(value.getType());
    Type element = tile::elementType(value.getType());
    Value room = makeRoom(builder, value.getLoc(), tile::shapeOf(value.getType()), element,
                          roomFor(from, to, tile::memoryBits(element), target));
    tile::SharedStoreOp::create(builder, value.getLoc(), value, room);
    return tile::SharedLoadOp::create(builder, value.getLoc(), tile::withLayout(value.getType(), to), room);
  }

  /// One part of a reduction; its results have `shape` and `layout`, without the axis if `isLast`.
  template <class Part>
  SmallVector<Value> part(tile::ReduceOp op, ValueRange values, const Layout &layout, int64_t left,
                          bool isLast) {
    SmallVector<Type> types;
    for (auto [value, result] : llvm::zip(values, op.getResults())) {
      if (isLast) {
        types.push_back(result.getType());
        continue;
      }
      SmallVector<int64_t> shape(tile::shapeOf(value.getType()));
      shape[op.getAxis()] = left;
      types.push_back(RankedTensorType::get(shape, tile::elementType(value.getType()),
                                            tile::LayoutAttr::get(builder.getContext(), layout)));
    }
    auto made = Part::create(builder, op.getLoc(), types, values, builder.getI32IntegerAttr(op.getAxis()));
    IRMapping mapping;
    op.getCombine().cloneInto(&made.getCombine(), mapping);
    return SmallVector<Value>(made->getResults());
  }

  void lowerReduce(tile::ReduceOp op) {
    unsigned axis = op.getAxis();
    SmallVector<Value> values(op.getSrcs());
    Layout layout = tile::layoutOf(values[0].getType());
    int64_t extent = tile::shapeOf(values[0].getType())[axis];
    uint32_t inRegisters = axisBits(layout, axis, Input::Register),
             inLanes = axisBits(layout, axis, Input::Lane), inWarps = axisBits(layout, axis, Input::Warp);
    if ((inRegisters & inLanes) | (inRegisters & inWarps) | (inLanes & inWarps))
      throw Error(Diag::codegen_unsupported_op, {"cuda", "a reduction of a swizzled tile"});
    // Whatever the last part leaves lies as the result does.
    std::optional<Layout> result;
    if (tile::isTile(op->getResult(0).getType()))
      result = tile::layoutOf(op->getResult(0).getType());
    unsigned lanes = std::popcount(inLanes), warps = std::popcount(inWarps);
    if (inRegisters || layout.dims()[axis].reps > 1 || layout.freeBits()[Input::Register] ||
        !(lanes + warps)) {
      extent = extentWithout(layout, axis, inRegisters, extent);
      layout = layout::withoutAxisBits(layout, axis, inRegisters, /*keepsMajors=*/false);
      values = part<tile::ReduceRegistersOp>(op, values, layout, extent, !(lanes + warps));
    }
    if (lanes) {
      uint32_t gone = axisBits(layout, axis, Input::Lane);
      extent = extentWithout(layout, axis, gone, extent);
      layout = layout::withoutAxisBits(layout, axis, gone);
      values = part<tile::ReduceLanesOp>(op, values, layout, extent, !warps);
    }
    if (warps) {
      // Every thread gets what the warps have.
      Layout rest = layout::withoutAxisBits(layout, axis, layout::lowBits(warps)); // extent 1 along the axis
      Dims dims(rest.dims());
      dims[axis].bits = warps;
      Layout all = rest.broadcastTo(dims);
      for (Value &value : values)
        value = convert(value, all);
      values = part<tile::ReduceRegistersOp>(op, values, all, 1, true);
    }
    op->replaceAllUsesWith(values);
    op->erase();
  }

  void lowerDot(tile::DotOp op) {
    auto instruction = op->getAttrOfType<StringAttr>(tile::TileDialect::instructionAttr);
    auto made =
        tile::MmaOp::create(builder, op.getLoc(), op.getType(), op.getA(), op.getB(), op.getC(), instruction);
    op.getResult().replaceAllUsesWith(made.getResult());
    op.erase();
  }

  func::FuncOp kernel;
  const GpuTarget &target;
  OpBuilder builder;
};

} // namespace

void planLowering(func::FuncOp kernel, const GpuTarget &target) { Planner(kernel, target).run(); }

} // namespace tegula::passes
