//===- Sort.cpp - sorts as bitonic networks, a part of them in each of two layouts ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Before:   %s = tile.sort %x : tensor<1024xf32, #X>                                4 warps
//
// After:    %k = tile.sort_keys (%x in #A)        : tensor<1024xi32, #A>            #A = 1024 reg 1 2 4 lane 8 ... 128 warp 256 512
//           %0 = tile.sort_steps %k by (0,0), (1,1), (1,0), ... (7,0)               blocks of 256, each in its warp
//           %1 = tile.sort_steps (%0 in #B) by (8,8), ... (8,2)                     #B = 1024 reg 4 8 16 lane 32 ... 512 warp 1 2
//           %2 = tile.sort_steps (%1 in #A) by (8,1), (8,0)
//           ...
//           %s = tile.sorted_values %n, in #X
//
// The network for 2^m elements sorts blocks of 2, of 4, ...; step (s, k) is of blocks of 2^(s+1) and exchanges elements whose
// index differs in bit k. A step that would go from warp to warp is made in the layout in which that bit lies within them.
//
// Test: tests/passes/sort.test
//

#include "passes/plan/Plan.h"

#include "ir/layout/AxisDigits.h"

using namespace mlir;

namespace tegula::passes::plan {
namespace {

using layout::Input;
using layout::Layout;

class SortPlan {
public:
  SortPlan(tile::SortOp op, Context &context)
      : op(op), context(context), wanted(tile::layoutOf(op.getType())) {
    dims.assign(wanted.dims().begin(), wanted.dims().end());
    dims.back() = layout::Dim{1, llvm::Log2_64_Ceil(uint64_t(op.getType().getShape().back())) & 0xff};
    bits = dims.back().bits;
  }

  void run() {
    OpBuilder &b = context.builder;
    low = made(/*warpsAreLow=*/false);
    high = made(/*warpsAreLow=*/true);
    Value source = context.convert(op.getSrc(), low);
    Type element = tile::elementType(source.getType());
    Type key = b.getIntegerType(tile::memoryBits(element));
    current = tile::SortKeysOp::create(b, op.getLoc(), tile::withElement(source.getType(), key), source,
                                       op.getDescendingAttr(), op.getIsSignedAttr());
    for (unsigned stage = 0; stage < bits; ++stage)
      for (unsigned bit = stage + 1; bit-- > 0;)
        step(stage, bit);
    flush();
    current = context.convert(current, low);
    Value sorted = tile::SortedValuesOp::create(b, op.getLoc(), source.getType(), current,
                                                op.getDescendingAttr(), op.getIsSignedAttr());
    op.getResult().replaceAllUsesWith(context.convert(sorted, wanted));
    op.erase();
  }

private:
  /// Lanes along the axis first, warps along it last.
  Layout made(bool warpsAreLow) const {
    unsigned rank = wanted.rank(), axis = rank - 1, others = 0;
    for (unsigned d = 0; d < axis; ++d)
      others += dims[d].bits;
    unsigned laneBits = wanted.inBits(Input::Lane), warpBits = wanted.inBits(Input::Warp);
    unsigned lanes = std::min(laneBits, bits), otherLanes = std::min(laneBits - lanes, others);
    unsigned otherWarps = std::min(warpBits, others - otherLanes);
    unsigned warps = std::min(warpBits - otherWarps, bits - lanes), inRegisters = bits - lanes - warps;
    std::array<SmallVector<uint32_t, 16>, layout::inputCount> bases;
    auto &registers = bases[unsigned(Input::Register)], &lane = bases[unsigned(Input::Lane)],
         &warp = bases[unsigned(Input::Warp)];
    unsigned next = 0; // the axis is the last dimension, its bits are the lowest
    auto give = [&](SmallVector<uint32_t, 16> &to, unsigned count) {
      while (count--)
        to.push_back(1u << next++);
    };
    if (warpsAreLow)
      give(warp, warps);
    give(registers, inRegisters);
    give(lane, lanes);
    if (!warpsAreLow)
      give(warp, warps);
    give(lane, otherLanes);
    give(warp, otherWarps);
    give(registers, others - otherLanes - otherWarps);
    lane.append(laneBits - lane.size(), 0);
    warp.append(warpBits - warp.size(), 0);
    return Layout(dims, registers, lane, warp);
  }

  static bool isInWarp(const Layout &layout, unsigned bit) {
    return layout::AxisDigits::of(layout, layout.rank() - 1)->bits[bit].input != Input::Warp;
  }

  void step(unsigned stage, unsigned bit) {
    const Layout &layout = tile::layoutOf(current.getType());
    if (!isInWarp(layout, bit)) {
      flush();
      current = context.convert(current, isInWarp(low, bit) ? low : high);
    }
    steps.push_back(int32_t(stage));
    steps.push_back(int32_t(bit));
  }

  void flush() {
    if (!steps.empty())
      current = tile::SortStepsOp::create(context.builder, op.getLoc(), current.getType(), current, steps);
    steps.clear();
  }

  tile::SortOp op;
  Context &context;
  Layout wanted, low, high;
  layout::Dims dims;
  unsigned bits = 0;
  Value current;
  SmallVector<int32_t> steps;
};

} // namespace

void lowerSort(tile::SortOp op, Context &context) { SortPlan(op, context).run(); }

} // namespace tegula::passes::plan
