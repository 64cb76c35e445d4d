//===- LayoutShapeTest.cpp - shape operations on layouts against shape operations on indices ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RandomLayout.h"

#include <gtest/gtest.h>
#include <numeric>

using namespace tegula::layout;
using namespace tegula::layout::testing;

namespace {

constexpr int rounds = 400;

struct LayoutShape : ::testing::Test {
  RandomLayouts random{7};
  LayoutShape() { random.laneBits = 2, random.warpBits = 1; }
  Layout next() { return random.layout(random.dims(6), random.below(2)); }
};

TEST_F(LayoutShape, Transposed) {
  for (int i = 0; i < rounds; i++) {
    Layout source = next();
    std::vector<unsigned> order(source.rank());
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random.engine);
    Layout result = source.transposed(order);
    forEachRegister(result, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
      Index to = result.index(reg, lane, warp),
            from = source.index(source.transposedRegister(order, reg), lane, warp);
      for (unsigned d = 0; d < order.size(); d++)
        ASSERT_EQ(to[d], from[order[d]]) << source.str();
    });
  }
}

TEST_F(LayoutShape, ExpandedSlicedCollapsed) {
  for (int i = 0; i < rounds; i++) {
    Layout source = next();
    unsigned axis = random.below(source.rank() + 1);
    Layout expanded = source.expanded(axis);
    forEachRegister(source, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
      Index from = source.index(reg, lane, warp), to = expanded.index(reg, lane, warp);
      ASSERT_EQ(to[axis], 0);
      to.erase(to.begin() + axis);
      ASSERT_EQ(to, from);
    });
    EXPECT_EQ(expanded.sliced(axis), source);
    axis = random.below(source.rank());
    Layout sliced = source.sliced(axis);
    EXPECT_TRUE(sliced.covers());
    forEachRegister(source, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
      Index from = source.index(reg, lane, warp);
      Index to = sliced.index(source.collapsedRegister(1u << axis, reg), lane, warp);
      from.erase(from.begin() + axis);
      ASSERT_EQ(to, from) << source.str();
    });
    Index shape = source.extents();
    for (int64_t &extent : shape)
      if (random.below(2))
        extent = 1;
    uint32_t axes = 0;
    for (unsigned d = 0; d < shape.size(); d++)
      axes |= uint32_t(shape[d] == 1) << d;
    Layout narrow = source.broadcastSource(shape);
    EXPECT_EQ(narrow.extents(), shape);
    forEachRegister(source, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
      Index from = source.index(reg, lane, warp);
      for (unsigned d = 0; d < shape.size(); d++)
        from[d] = std::min(from[d], shape[d] - 1);
      ASSERT_EQ(narrow.index(source.collapsedRegister(axes, reg), lane, warp), from);
    });
  }
}

TEST_F(LayoutShape, BroadcastTo) {
  for (int i = 0; i < rounds; i++) {
    Dims from = random.dims(4), to = from;
    for (unsigned d = 0; d < from.size(); d++)
      if (random.below(2)) {
        from[d] = Dim();
        to[d].reps = random.below(2) ? 3 : 1;
        to[d].bits = random.below(3) & 0xff;
      }
    Layout source = random.layout(from, true), result = source.broadcastTo(to);
    EXPECT_TRUE(result.covers());
    EXPECT_EQ(Dims(result.dims()), to);
    forEachRegister(result, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
      Index at = result.index(reg, lane, warp);
      for (unsigned d = 0; d < at.size(); d++)
        at[d] = std::min(at[d], from[d].extent() - 1);
      ASSERT_EQ(source.index(source.broadcastRegister(to, reg), lane, warp), at) << source.str();
    });
  }
}

TEST_F(LayoutShape, Reshaped) {
  int possible = 0;
  for (int i = 0; i < 20 * rounds; i++) {
    Dims from = random.dims(6), to = random.dims(6);
    Layout source = random.layout(from, true);
    int64_t left = 1, right = 1;
    Index fromShape, toShape;
    for (Dim dim : from)
      left *= dim.extent(), fromShape.push_back(dim.extent());
    for (Dim dim : to)
      right *= dim.extent(), toShape.push_back(dim.extent());
    if (left != right)
      continue;
    for (std::optional<Layout> result :
         {source.reshaped(llvm::ArrayRef(to)), source.reshaped(fromShape, toShape)}) {
      if (!result)
        continue;
      possible++;
      EXPECT_EQ(result->extents(), toShape);
      forEachRegister(source, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
        ASSERT_EQ(linear(result->index(reg, lane, warp), toShape),
                  linear(source.index(reg, lane, warp), fromShape))
            << source.str() << " to " << result->str();
      });
    }
  }
  EXPECT_GT(possible, 100);
}

std::string reshape(const char *layout, llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to) {
  std::optional<Layout> result = Layout::parse(layout)->reshaped(from, to);
  return result ? result->str() : "none";
}

TEST_F(LayoutShape, ReshapeSplitsOnBordersOfDigitsOnly) {
  EXPECT_EQ(reshape("3*16 lane (1..8)", {48}, {3, 16}), "3*1x16 lane (0,1..8)");
  EXPECT_EQ(reshape("3*16 lane (1..8)", {48}, {6, 8}), "3*2x8 lane (0,1..4) (1,0)");
  EXPECT_EQ(reshape("3*16 lane (1..8)", {48}, {16, 3}), "none");
  EXPECT_EQ(reshape("3*16 lane (1..8)", {48}, {2, 24}), "none");
  EXPECT_EQ(reshape("3*1x16 lane (0,1..8)", {3, 16}, {48}), "3*16 lane (1..8)");
  EXPECT_EQ(reshape("16x3*1 lane (1..8,0)", {16, 3}, {48}), "none");
  EXPECT_EQ(reshape("15*4 lane (1..2)", {60}, {3, 5, 4}), "3*1x5*1x4 lane (0,0,1..2)");
  EXPECT_EQ(reshape("15*4 lane (1..2)", {60}, {3, 20}), "3*1x5*4 lane (0,1..2)");
  EXPECT_EQ(reshape("8x8 lane (0,1..4) warp (1..4,0)", {8, 8}, {2, 2, 16}),
            "2x2x16 lane (0,0,1..4) warp (0,0,8) (0,1,0) (1,0,0)");
  // Padded: neighbours of extent 1 come and go, nothing else.
  EXPECT_EQ(reshape("1024 lane (1..512)", {1000}, {1000, 1}), "1024x1 lane (1..512,0)");
  EXPECT_EQ(reshape("1024x1 lane (1..512,0)", {1000, 1}, {1, 1000}), "1x1024 lane (0,1..512)");
  EXPECT_EQ(reshape("1024 lane (1..512)", {1000}, {10, 100}), "none");
  EXPECT_EQ(reshape("4x8 lane (0,1..4) (1..2,0)", {3, 5}, {15}), "none");
  EXPECT_EQ(reshape("4x8 lane (0,1..4) (1..2,0)", {3, 8}, {3, 2, 4}),
            "4x2x4 lane (0,0,1..2) (0,1,0) (1..2,0,0)");
  EXPECT_EQ(reshape("4x8 lane (0,1..4) (1..2,0)", {3, 8}, {24}), "none");
  EXPECT_EQ(reshape("1x1 lane 0", {1, 1}, {}), "scalar lane 0");
  EXPECT_EQ(reshape("scalar lane 0", {}, {1, 1}), "1x1 lane 0");
  EXPECT_EQ(reshape("4 lane (1..2)", {4}, {8}), "none");
}

TEST_F(LayoutShape, JoinedSplitCat) {
  int split = 0;
  for (int i = 0; i < rounds; i++) {
    Layout half = next(), joined = half.joined(), cat = half.cat();
    EXPECT_TRUE(joined.covers());
    EXPECT_TRUE(cat.covers());
    EXPECT_EQ(joined.splitLast(), half);
    forEachRegister(half, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
      for (unsigned side = 0; side < 2; side++) {
        Index at = half.index(reg, lane, warp);
        EXPECT_EQ(joined.splitRegister(side, reg), 2 * reg + side);
        Index low = at;
        low[0] += int64_t(side) * half.dims()[0].extent();
        ASSERT_EQ(cat.index(half.catRegister(side, reg), lane, warp), low) << half.str();
        at.push_back(side);
        ASSERT_EQ(joined.index(2 * reg + side, lane, warp), at);
      }
    });
    EXPECT_EQ(cat.registers(), 2 * half.registers());
    Dims two = random.dims(5);
    two.push_back(fitDim(2));
    if (random.below(3) == 0) {
      two.back().reps = 2;
      two.back().bits = 0;
    }
    Layout whole = random.layout(two, false);
    std::optional<Layout> part = whole.splitLast();
    if (!part)
      continue;
    split++;
    for (unsigned side = 0; side < 2; side++)
      forEachRegister(*part, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
        Index at = part->index(reg, lane, warp);
        at.push_back(side);
        ASSERT_EQ(whole.index(whole.splitRegister(side, reg), lane, warp), at) << whole.str();
      });
  }
  EXPECT_GT(split, 50);
  EXPECT_FALSE(Layout::parse("4x2 reg (1..2,0) lane (0,1)")->splitLast());
  EXPECT_FALSE(Layout::parse("4x2 reg (1..2,0) (0,1) lane (1,1)")->splitLast());
}

TEST_F(LayoutShape, RemoveZeroRegisters) {
  for (int i = 0; i < rounds; i++) {
    Layout full = next();
    Layout source = full.sliced(random.below(full.rank()));
    Layout::Compact compact = source.removeZeroRegisters();
    EXPECT_EQ(compact.layout.freeBits()[Input::Register], 0u);
    unsigned bits = source.inBits(Input::Register), fewer = compact.layout.inBits(Input::Register);
    forEachRegister(source, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
      uint32_t to = (reg >> bits) << fewer | compact.toNew(reg & lowBits(bits));
      ASSERT_EQ(compact.layout.index(to, lane, warp), source.index(reg, lane, warp)) << source.str();
    });
    forEachRegister(compact.layout, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
      uint32_t from = (reg >> fewer) << bits | compact.toOld(reg & lowBits(fewer));
      ASSERT_EQ(compact.layout.index(reg, lane, warp), source.index(from, lane, warp));
    });
  }
}

} // namespace
