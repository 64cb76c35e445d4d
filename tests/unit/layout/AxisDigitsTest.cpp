//===- AxisDigitsTest.cpp - digits of an axis, and layouts without some ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/AxisDigits.h"

#include "llvm/ADT/STLExtras.h"

#include <gtest/gtest.h>

using namespace tegula::layout;

static Layout parse(const char *text) { return *Layout::parse(text); }

TEST(AxisDigits, ExampleOfTheHeader) {
  Layout layout = parse("1024 reg (1) (2) (512) lane (4..64) warp (128..256)");
  auto digits = AxisDigits::of(layout, 0);
  ASSERT_TRUE(digits);
  EXPECT_EQ(digits->bits[0], (AxisDigits::Bit{Input::Register, 0}));
  EXPECT_EQ(digits->bits[6], (AxisDigits::Bit{Input::Lane, 4}));
  EXPECT_EQ(digits->bits[8], (AxisDigits::Bit{Input::Warp, 1}));
  EXPECT_EQ(digits->bits[9], (AxisDigits::Bit{Input::Register, 2}));
  EXPECT_EQ(digits->firstWarpBit(), 7u);
  EXPECT_EQ(digits->mask(Input::Register, 0, 10), 7u);
  EXPECT_EQ(digits->mask(Input::Register, 0, 7), 3u);
  EXPECT_EQ(digits->mask(Input::Lane, 0, 10), 31u);
}

TEST(AxisDigits, SwizzledHasNone) {
  // Lane 1 flips a row and a column.
  Layout layout = parse("4x4 reg (0,1) lane (1,0) (2,2) warp (0,2)");
  EXPECT_FALSE(AxisDigits::of(layout, 0));
  EXPECT_FALSE(AxisDigits::of(layout, 1));
  // Two lane bits with one bit of the index: copies that are no zeros.
  EXPECT_FALSE(AxisDigits::of(parse("4 reg (1) lane (2) (2)"), 0));
  EXPECT_TRUE(AxisDigits::of(parse("4 reg (1) lane (2) 0"), 0));
}

/// Every element of the smaller layout is where the larger one has the elements that it stands for.
TEST(AxisDigits, LayoutsWithoutBits) {
  Layout layout = parse("3*16x8 reg (1,0) (8,0) (0,4) lane (2,0) (4,0) (0,1) warp (0,2)");
  for (uint32_t gone : {1u, 6u, 15u}) {
    Layout rest = withoutAxisBits(layout, 0, gone);
    EXPECT_EQ(rest.dims()[0].bits, 4 - std::popcount(gone));
    EXPECT_EQ(rest.dims()[0].reps, 3u);
    EXPECT_EQ(rest.dims()[1], layout.dims()[1]);
    EXPECT_TRUE(rest.covers());
    for (uint32_t lane = 0; lane < 8; ++lane)
      for (uint32_t warp = 0; warp < 2; ++warp) {
        llvm::SmallVector<uint32_t> held;
        for (uint32_t reg = 0; reg < 1u << rest.inBits(Input::Register); ++reg)
          held.push_back(rest.flat(reg, lane, warp));
        for (uint32_t reg = 0; reg < 1u << layout.inBits(Input::Register); ++reg)
          EXPECT_TRUE(
              llvm::is_contained(held, withoutAxisBits(layout, 0, gone, layout.flat(reg, lane, warp))));
      }
  }
}
