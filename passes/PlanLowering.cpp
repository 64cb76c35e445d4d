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

/// A layout with some bits of one dimension taken out of it.
class AxisBits {
public:
  AxisBits(const Layout &layout, unsigned axis) : layout(layout), axis(axis) {}

  /// Bits of the axis that the bases of an input flip.
  uint32_t of(Input input) const {
    uint32_t all = 0;
    for (uint32_t basis : layout.bases(input))
      all |= (basis & layout.mask(axis)) >> layout.shift(axis);
    return all;
  }

  /// How many of the indices that are left along the axis stand for at least one element: of an axis whose first `extent`
  /// elements are the tile's, the rest pads.
  int64_t extentWithout(uint32_t gone, int64_t extent) const {
    int64_t count = 0;
    for (int64_t index = 0; index < std::min(extent, int64_t(1) << layout.dims()[axis].bits); ++index)
      count += !(index & gone);
    return count;
  }

  /// Without the bits of the axis in `gone`; what is left of the axis moves together. No majors along the axis.
  Layout without(uint32_t gone) const {
    Dims dims(layout.dims());
    dims[axis].reps = 1;
    dims[axis].bits -= std::popcount(gone);
    auto map = [&](uint32_t basis) {
      unsigned shift = layout.shift(axis);
      uint32_t low = basis & layout::lowBits(shift), mine = (basis & layout.mask(axis)) >> shift,
               high = basis >> (shift + layout.dims()[axis].bits), kept = 0;
      for (unsigned bit = 0, to = 0; bit < layout.dims()[axis].bits; ++bit)
        if (!(gone >> bit & 1))
          kept |= (mine >> bit & 1) << to++;
      return low | kept << shift | (high << (shift + dims[axis].bits));
    };
    SmallVector<uint32_t> registers, lanes, warps, blocks;
    for (auto [input, to] : {std::pair{Input::Register, &registers},
                             {Input::Lane, &lanes},
                             {Input::Warp, &warps},
                             {Input::Block, &blocks}})
      for (uint32_t basis : layout.bases(input))
        to->push_back(map(basis));
    return Layout(dims, registers, lanes, warps, blocks).removeZeroRegisters().layout;
  }

private:
  const Layout &layout;
  unsigned axis;
};

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
    layout::Conversion plan = layout::planConversion(from, to, memoryBits(value));
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
    tile::SharedStoreOp::create(builder, value.getLoc(), value, room, IntegerAttr());
    return tile::SharedLoadOp::create(builder, value.getLoc(), type, room);
  }

  /// Shared memory for a tile, its elements in the order of their indices.
  Value rowMajor(Location loc, Type type) {
    layout::Dims dims;
    for (int64_t extent : tile::shapeOf(type)) {
      dims.emplace_back();
      dims.back().reps = uint32_t(extent) & 0xffffff;
    }
    auto attr = tile::SharedLayoutAttr::get(builder.getContext(), layout::SharedLayout(dims, {}));
    auto shared =
        tile::SharedType::get(builder.getContext(), 1, tile::shapeOf(type), tile::elementType(type), attr);
    return tile::AllocOp::create(builder, loc, shared, IntegerAttr());
  }

  /// Two tiles with pads between them.
  void lowerCat(tile::CatOp op) {
    if (tile::layoutOf(op.getLhs().getType()).cat() == tile::layoutOf(op.getType()))
      return;
    Value room = rowMajor(op.getLoc(), op.getType());
    auto half = int64_t(op.getLhs().getType().getNumElements());
    tile::SharedStoreOp::create(builder, op.getLoc(), op.getLhs(), room, IntegerAttr());
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
    layout::SharedLayout memory = roomFor(from, to, memoryBits(value), target);
    auto attr = tile::SharedLayoutAttr::get(builder.getContext(), memory);
    auto type = tile::SharedType::get(builder.getContext(), 1, tile::shapeOf(value.getType()),
                                      tile::elementType(value.getType()), attr);
    Value room = tile::AllocOp::create(builder, value.getLoc(), type, IntegerAttr());
    tile::SharedStoreOp::create(builder, value.getLoc(), value, room, IntegerAttr());
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
    AxisBits bits(layout, axis);
    uint32_t inRegisters = bits.of(Input::Register), inLanes = bits.of(Input::Lane),
             inWarps = bits.of(Input::Warp);
    if ((inRegisters & inLanes) | (inRegisters & inWarps) | (inLanes & inWarps))
      throw Error(Diag::codegen_unsupported_op, {"cuda", "a reduction of a swizzled tile"});
    // Whatever the last part leaves lies as the result does.
    std::optional<Layout> result;
    if (tile::isTile(op->getResult(0).getType()))
      result = tile::layoutOf(op->getResult(0).getType());
    unsigned lanes = std::popcount(inLanes), warps = std::popcount(inWarps);
    if (inRegisters || layout.dims()[axis].reps > 1 || layout.freeBits()[Input::Register] ||
        !(lanes + warps)) {
      extent = bits.extentWithout(inRegisters, extent);
      layout = bits.without(inRegisters);
      values = part<tile::ReduceRegistersOp>(op, values, layout, extent, !(lanes + warps));
    }
    if (lanes) {
      AxisBits now(layout, axis);
      uint32_t gone = now.of(Input::Lane);
      extent = now.extentWithout(gone, extent);
      Layout after = now.without(gone);
      values = part<tile::ReduceLanesOp>(op, values, after, extent, !warps);
      layout = after;
    }
    if (warps) {
      // Every thread gets what the warps have.
      Layout rest = AxisBits(layout, axis).without(layout::lowBits(warps)); // extent 1 along the axis
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
