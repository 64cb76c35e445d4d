//===- Scan.cpp - scans as scans of warps, and of what warps sum up to ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Before:   %s = tile.scan(%x) along 0 : (tensor<1024xf32, #A>) -> tensor<1024xf32, #A>     #A = 1024 reg 1 2 512 lane 4 ... 64
//                                                                                                warp 128 256
// After:    %y = tile.scan_runs(%x) along 0 by 128                                          128 elements are one warp's
//           %t = tile.run_ends %y along 0 by 128 : ... -> tensor<8xf32, #T>                 #T = 8 reg 4 lane 0 0 0 0 0 warp 1 2
//           %a = (%t in #S, through shared memory)                                          #S = 8 lane 1 2 4 0 0 warp 0 0
//           %b = tile.scan_runs(%a) along 0 by 8 exclusive
//           %c = (%b in #T)
//           %s = tile.scan_join(%c) before(%y) along 0 by 128
//
// So whatever the number of warps is, each warp scans once within itself and once over all totals. A tile that is swizzled
// along the axis is scanned in another layout.
//
// Test: tests/passes/scan.test
//

#include "passes/plan/Plan.h"

#include "ir/layout/AxisDigits.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tegula::passes::plan {
namespace {

using layout::Input;
using layout::Layout;

/// Every thread of a row has all of its axis: lanes that would be copies of each other hold different parts of it.
Layout gathered(const Layout &totals, unsigned axis) {
  uint32_t mask = totals.mask(axis);
  std::array<SmallVector<uint32_t, 16>, layout::inputCount> bases;
  for (unsigned input = 0; input < layout::inputCount; ++input)
    for (uint32_t basis : totals.bases(Input(input)))
      bases[input].push_back(basis & ~mask);
  unsigned next = 0, bits = totals.dims()[axis].bits;
  auto give = [&] { return 1u << (totals.shift(axis) + next++); };
  if (bits > 2) // four values are sooner added up than sent around
    for (uint32_t &basis : bases[unsigned(Input::Lane)])
      if (!basis && next < bits)
        basis = give();
  while (next < bits)
    bases[0].push_back(give());
  return Layout(totals.dims(), bases[0], bases[1], bases[2], bases[3]).removeZeroRegisters().layout;
}

class ScanPlan {
public:
  ScanPlan(tile::ScanOp op, Context &context) : op(op), context(context), axis(op.getAxis()) {}

  void run() {
    SmallVector<Value> values(op.getSrcs());
    Layout wanted = tile::layoutOf(values[0].getType()), layout = wanted;
    std::optional<layout::AxisDigits> digits = layout::AxisDigits::of(layout, axis);
    if (!digits) {
      layout = plain(layout);
      digits = layout::AxisDigits::of(layout, axis);
      for (Value &value : values)
        value = context.convert(value, layout);
    }
    values = scan(values, layout, *digits);
    for (Value &value : values)
      value = context.convert(value, wanted);
    op->replaceAllUsesWith(values);
    op->erase();
  }

private:
  Layout plain(const Layout &layout) const {
    SmallVector<unsigned> order{axis};
    for (unsigned d = layout.rank(); d-- > 0;)
      if (d != axis)
        order.push_back(d);
    SmallVector<uint32_t> one(layout.rank(), 1);
    return Layout::distributed(layout.dims(), one, order, layout.inBits(Input::Lane),
                               layout.inBits(Input::Warp));
  }

  SmallVector<Value> scan(ValueRange values, const Layout &layout, const layout::AxisDigits &digits) {
    unsigned inWarp = digits.firstWarpBit();
    if (inWarp == digits.bits.size())
      return scanRuns(values, layout.dims()[axis].extent(), /*isExclusive=*/false);
    int64_t run = int64_t(1) << inWarp;
    SmallVector<Value> mine = run > 1 ? scanRuns(values, run, false) : SmallVector<Value>(values), before;
    Layout totals = layout::withoutAxisBits(layout, axis, layout::lowBits(inWarp));
    Layout all = gathered(totals, axis);
    for (Value value : mine)
      before.push_back(context.convert(runEnds(value, totals, run), all));
    before = scanRuns(before, all.dims()[axis].extent(), /*isExclusive=*/true);
    for (Value &value : before)
      value = context.convert(value, totals);
    return join(before, mine, run);
  }

  SmallVector<Value> scanRuns(ValueRange values, int64_t run, bool isExclusive) {
    OpBuilder &b = context.builder;
    auto made = tile::ScanRunsOp::create(b, op.getLoc(), values.getTypes(), values,
                                         b.getI32IntegerAttr(op.getAxis()), b.getI32IntegerAttr(run),
                                         op.getReverseAttr(), isExclusive ? b.getUnitAttr() : UnitAttr());
    cloneCombine(made.getCombine());
    return SmallVector<Value>(made->getResults());
  }

  Value runEnds(Value value, const Layout &totals, int64_t run) {
    OpBuilder &b = context.builder;
    SmallVector<int64_t> shape(tile::shapeOf(value.getType()));
    shape[axis] = llvm::divideCeil(shape[axis], run);
    auto type = RankedTensorType::get(shape, tile::elementType(value.getType()),
                                      tile::LayoutAttr::get(b.getContext(), totals));
    return tile::RunEndsOp::create(b, op.getLoc(), type, value, b.getI32IntegerAttr(op.getAxis()),
                                   b.getI32IntegerAttr(run), op.getReverseAttr());
  }

  SmallVector<Value> join(ValueRange before, ValueRange values, int64_t run) {
    OpBuilder &b = context.builder;
    auto made = tile::ScanJoinOp::create(b, op.getLoc(), values.getTypes(), before, values,
                                         b.getI32IntegerAttr(op.getAxis()), b.getI32IntegerAttr(run),
                                         op.getReverseAttr());
    cloneCombine(made.getCombine());
    return SmallVector<Value>(made->getResults());
  }

  void cloneCombine(Region &to) {
    IRMapping mapping;
    op.getCombine().cloneInto(&to, mapping);
  }

  tile::ScanOp op;
  Context &context;
  unsigned axis;
};

} // namespace

void lowerScan(tile::ScanOp op, Context &context) { ScanPlan(op, context).run(); }

} // namespace tegula::passes::plan
