//===- LayoutTest.cpp - layouts: the value, its constructors, its algebra ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RandomLayout.h"

#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace tegula::layout;
using namespace tegula::layout::testing;

namespace {

Dims dims(std::initializer_list<std::pair<unsigned, unsigned>> list) {
  Dims out;
  for (auto [reps, bits] : list) {
    Dim dim;
    dim.reps = reps & 0xffffff;
    dim.bits = bits & 0xff;
    out.push_back(dim);
  }
  return out;
}

/// The table at the head of Layout.h.
TEST(Layout, WorkedExample) {
  std::optional<Layout> layout = Layout::parse("4x4 reg (0,1) lane (1,0) (2,2) warp (0,2)");
  ASSERT_TRUE(layout);
  const char *table[4][4] = {{"w0 l0 r0", "w0 l0 r1", "w1 l0 r0", "w1 l0 r1"},
                             {"w0 l1 r0", "w0 l1 r1", "w1 l1 r0", "w1 l1 r1"},
                             {"w1 l2 r0", "w1 l2 r1", "w0 l2 r0", "w0 l2 r1"},
                             {"w1 l3 r0", "w1 l3 r1", "w0 l3 r0", "w0 l3 r1"}};
  forEachRegister(*layout, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
    Index at = layout->index(reg, lane, warp);
    std::string name = "w" + std::to_string(warp) + " l" + std::to_string(lane) + " r" + std::to_string(reg);
    EXPECT_EQ(table[at[0]][at[1]], name);
  });
  EXPECT_EQ(layout->index(1, 3, 1), (Index{3, 1}));
  EXPECT_EQ(layout->str(), "4x4 reg (0,1) lane (1,0) (2,2) warp (0,2)");
}

TEST(Layout, MajorsAreRegisters) {
  Layout layout(dims({{3, 2}, {1, 2}}), {1, 8}, {2}, {4});
  EXPECT_EQ(layout.registers(), 12u);
  EXPECT_EQ(layout.index(9, 0, 0), (Index{8, 1}));
  EXPECT_EQ(layout.index(10, 0, 1), (Index{11, 0}));
  Layout two(dims({{3, 0}, {5, 1}}), {1}, {}, {});
  EXPECT_EQ(two.index(2 * 7 + 1, 0, 0), (Index{1, 5})) << "the last dimension counts fastest";
}

TEST(Layout, FitDim) {
  auto fit = [](int64_t extent, unsigned bits) {
    Dim dim = fitDim(extent, bits);
    return std::pair(unsigned(dim.reps), unsigned(dim.bits));
  };
  EXPECT_EQ(fit(48, 0), (std::pair(3u, 4u)));
  EXPECT_EQ(fit(80, 4), (std::pair(5u, 4u)));
  EXPECT_EQ(fit(48, 5), (std::pair(1u, 6u)));
  EXPECT_EQ(fit(24, 0), (std::pair(3u, 3u)));
  EXPECT_EQ(fit(24, 4), (std::pair(1u, 5u)));
  EXPECT_EQ(fit(7, 0), (std::pair(1u, 3u)));
  EXPECT_EQ(fit(7, 4), (std::pair(1u, 4u)));
  EXPECT_EQ(fit(12, 0), (std::pair(1u, 4u)));
  EXPECT_EQ(fit(65, 0), (std::pair(3u, 5u)));
  EXPECT_EQ(fit(100, 0), (std::pair(1u, 7u)));
  EXPECT_EQ(fit(781, 0), (std::pair(7u, 7u)));
  EXPECT_EQ(fit(1000, 0), (std::pair(1u, 10u)));
  EXPECT_EQ(fit(1, 0), (std::pair(1u, 0u)));
  EXPECT_EQ(fit(1 << 20, 0), (std::pair(1u, 20u)));
  RandomLayouts random(1);
  for (int i = 0; i < 2000; i++) {
    int64_t extent = 1 + random.below(5000);
    unsigned bits = random.below(8);
    Dim dim = fitDim(extent, bits);
    EXPECT_GE(dim.bits, bits);
    EXPECT_GE(dim.extent(), extent);
    EXPECT_TRUE(dim.reps % 2 == 1);
    EXPECT_LE(dim.reps, 7u);
    EXPECT_LE(dim.extent(), std::max<int64_t>({2 * extent - 1, 1 << bits}));
  }
}

TEST(Layout, TextRoundTrips) {
  RandomLayouts random(2);
  for (int i = 0; i < 3000; i++) {
    Layout layout = random.layout(random.dims(12), i & 1);
    std::string text = layout.str();
    std::optional<Layout> again = Layout::parse(text);
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(*again, layout) << text;
    EXPECT_EQ(hash_value(*again), hash_value(layout));
  }
  EXPECT_EQ(Layout().str(), "scalar");
  EXPECT_EQ(Layout::parse("scalar"), Layout());
  EXPECT_EQ(Layout::parse("scalar lane 0 0")->inBits(Input::Lane), 2u);
  EXPECT_EQ(Layout(dims({{3, 4}, {1, 3}}), {1, 2, 16}, {32, 64, 0, 0, 0}, {}).str(),
            "3*16x8 reg (0,1..2) (2,0) lane (4..8,0) 0 0 0");
  for (const char *bad : {"",
                          "4x",
                          "3x4",
                          "4x4 reg",
                          "4x4 reg (1)",
                          "4x4 reg (0,4)",
                          "4x4 reg (0,1",
                          "4x4 reg (0,0)",
                          "4x4 lane (0,1) reg (1,0)",
                          "4x4 reg (0,1) x",
                          "4x4 reg (1,1..2)",
                          "4x4 reg (0,1..4)",
                          "4x4 reg (1..2,1..2)",
                          "4x4 reg (0,2..1)",
                          "0*4",
                          "4294967296",
                          "1048577*1",
                          "4x4reg (0,1)",
                          "65536x65536",
                          "4 reg 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"})
    EXPECT_FALSE(Layout::parse(bad)) << bad;
}

TEST(Layout, BlockedAsCountedByHand) {
  Layout layout = Layout::blocked(dims({{1, 6}, {1, 6}}), {1, 4}, {4, 8}, {4, 1}, {1, 0});
  EXPECT_EQ(layout.str(), "64x64 reg (0,1..2) (0,32) (16..32,0) lane (0,4..16) (1..2,0) warp (4..8,0)");
  EXPECT_EQ(layout.contiguousRegisters(1), 4u);
  EXPECT_EQ(layout.contiguousRegisters(0), 1u);
  // A tile smaller than the threads: copies in lanes and warps, never in registers.
  Layout small = Layout::blocked(dims({{1, 3}}), {4}, {32}, {4}, {0});
  EXPECT_EQ(small.str(), "8 reg (1..2) lane (4) 0 0 0 0 warp 0 0");
  EXPECT_EQ(small.copies(), 64u);
  EXPECT_EQ(Layout::blocked(dims({{1, 1}}), {4}, {32}, {1}, {0}).str(), "2 reg (1) lane 0 0 0 0 0");
  EXPECT_EQ(Layout::distributed(dims({{1, 2}, {1, 7}}), {1, 8}, {1, 0}, 5, 2).str(),
            "4x128 reg (0,1..4) lane (0,8..64) (1,0) warp (2,0) 0");
  EXPECT_EQ(Layout::replicated(dims({{3, 1}, {1, 1}}), 5, 1).str(),
            "3*2x2 reg (0,1) (1,0) lane 0 0 0 0 0 warp 0");
}

/// Every element has exactly one holder whose free bits are all zero.
TEST(Layout, OwnersAreUnique) {
  RandomLayouts random(3);
  for (int i = 0; i < 300; i++) {
    Layout layout = random.layout(random.dims(8), true);
    ASSERT_TRUE(layout.covers());
    InputBits free = layout.freeBits();
    std::map<int64_t, int> holders, owners;
    Index extents = layout.extents();
    forEachRegister(layout, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
      int64_t at = linear(layout.index(reg, lane, warp), extents);
      holders[at]++;
      owners[at] +=
          !(reg & free[Input::Register]) && !(lane & free[Input::Lane]) && !(warp & free[Input::Warp]);
    });
    int64_t elements = 1;
    for (int64_t extent : extents)
      elements *= extent;
    EXPECT_EQ(int64_t(owners.size()), elements);
    for (auto [at, count] : owners) {
      EXPECT_EQ(count, 1);
      EXPECT_EQ(uint32_t(holders[at]), layout.copies());
    }
  }
}

/// The run of each thread's registers along a dimension, by looking at all of them.
uint32_t runByCounting(const Layout &layout, unsigned dim) {
  uint32_t best = layout.registers();
  for (uint32_t warp = 0; warp < 1u << layout.inBits(Input::Warp); warp++)
    for (uint32_t lane = 0; lane < 1u << layout.inBits(Input::Lane); lane++)
      for (uint32_t start = 0; start < layout.registers(); start += best) {
        Index first = layout.index(start, lane, warp);
        uint32_t run = 1;
        for (; run < best && start + run < layout.registers(); run++) {
          Index expected = first, at = layout.index(start + run, lane, warp);
          expected[dim] += run;
          if (at != expected)
            break;
        }
        while (run < best && layout.registers() % run)
          run--;
        if (run < best) { // begin again with the smaller run
          best = run;
          start = 0 - best;
        }
      }
  return best;
}

TEST(Layout, ContiguousRegisters) {
  RandomLayouts random(4);
  random.laneBits = 2, random.warpBits = 1;
  int wide = 0;
  for (int i = 0; i < 1500; i++) {
    Layout layout = random.layout(random.dims(6), i % 4 == 0);
    for (unsigned d = 0; d < layout.rank(); d++) {
      uint32_t run = layout.contiguousRegisters(d);
      wide += run > 1;
      EXPECT_LE(run, runByCounting(layout, d)) << layout.str();
      EXPECT_GE(layout.contiguousInThread(d), std::bit_floor(std::min(run, 1u << layout.dims()[d].bits)));
    }
  }
  EXPECT_GT(wide, 100);
  Layout row(dims({{1, 2}, {3, 2}}), {1, 2}, {4, 8}, {});
  EXPECT_EQ(row.contiguousRegisters(1), 12u);
  EXPECT_EQ(Layout(dims({{3, 2}, {5, 0}}), {1, 2}, {}, {}).contiguousRegisters(0), 4u);
  EXPECT_EQ(Layout(dims({{1, 3}}), {4, 1, 2}, {}, {}).contiguousRegisters(0), 1u);
  EXPECT_EQ(Layout(dims({{1, 3}}), {4, 1, 2}, {}, {}).contiguousInThread(0), 8u);
}

TEST(Layout, ProductAndQuotient) {
  Layout inner = *Layout::parse("2x4 reg (0,1) lane (0,2) (1,0)");
  Layout outer = *Layout::parse("3*2x4 reg (0,2) lane (0,1) warp (1,0)");
  Layout whole = Layout::product(inner, outer);
  EXPECT_EQ(whole.str(), "3*4x16 reg (0,1) (0,8) lane (0,2) (1,0) (0,4) warp (2,0)");
  EXPECT_EQ(whole.dividedBy(inner), outer);
  EXPECT_FALSE(whole.dividedBy(*Layout::parse("2x4 reg (0,2) lane (0,1) (1,0)")));
  RandomLayouts random(5);
  random.laneBits = 2, random.warpBits = 1;
  for (int i = 0; i < 500; i++) {
    Dims a = random.dims(5, false), b = a;
    for (Dim &dim : b) {
      dim.bits = random.below(3) & 0xff;
      dim.reps = random.below(2) ? 3 : 1;
    }
    Layout inside = random.layout(a, true), outside = random.layout(b, true);
    Layout both = Layout::product(inside, outside);
    EXPECT_EQ(both.dividedBy(inside), outside);
    unsigned reg = inside.inBits(Input::Register), lane = inside.inBits(Input::Lane),
             warp = inside.inBits(Input::Warp);
    forEachRegister(both, [&](uint32_t r, uint32_t l, uint32_t w) {
      uint32_t innerReg = r & lowBits(reg);
      Index low = inside.index(innerReg, l & lowBits(lane), w & lowBits(warp));
      Index high = outside.index(r >> reg, l >> lane, w >> warp), at = both.index(r, l, w);
      for (unsigned d = 0; d < at.size(); d++)
        ASSERT_EQ(at[d], high[d] * inside.dims()[d].extent() + low[d]);
    });
  }
}

TEST(F2, InversesKernelsAndImages) {
  std::mt19937 engine(6);
  for (int i = 0; i < 2000; i++) {
    unsigned columns = engine() % 9, rows = 1 + engine() % 8;
    BitMatrix matrix;
    for (unsigned c = 0; c < columns; c++)
      matrix.append(engine() & lowBits(rows));
    std::set<uint32_t> images;
    uint32_t zeros = 0;
    for (uint32_t x = 0; x < 1u << columns; x++) {
      images.insert(matrix(x));
      zeros += matrix(x) == 0;
    }
    EXPECT_EQ(images.size(), size_t(1) << matrix.rank());
    EXPECT_EQ(zeros, 1u << matrix.kernel().size());
    for (uint32_t x : matrix.kernel())
      EXPECT_EQ(matrix(x), 0u);
    EXPECT_EQ(BitMatrix(matrix.kernel()).rank(), matrix.kernel().size());
    for (uint32_t y : matrix.image())
      EXPECT_TRUE(images.count(y));
    EXPECT_EQ(matrix.image().size(), matrix.rank());
    std::optional<BitMatrix> right = matrix.rightInverse(rows);
    EXPECT_EQ(bool(right), matrix.rank() == rows);
    if (right)
      EXPECT_TRUE(matrix.compose(*right).isIdentity());
    std::optional<BitMatrix> inverse = matrix.inverse(rows);
    EXPECT_EQ(bool(inverse), matrix.rank() == rows && columns == rows);
    if (inverse)
      EXPECT_TRUE(inverse->compose(matrix).isIdentity());
  }
}

} // namespace
