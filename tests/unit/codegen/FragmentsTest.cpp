//===- FragmentsTest.cpp - fragments of `mma` against the formulas of the PTX ISA ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Fragments.h"

#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace tegula::nvptx;
using namespace tegula::layout;

namespace {

struct Position {
  int row, column;
};

/// As the figures of the PTX ISA have it: g = lane >> 2 ("groupID"), t = lane % 4 ("threadID_in_group"), i the element.
struct Figure {
  const char *operands;
  int m, n, k, countA, countB;
  Position (*a)(int g, int t, int i);
  Position (*b)(int g, int t, int i);
};

const Figure figures[] = {
    {"f16", 16, 8, 8, 4, 2,
     [](int g, int t, int i) -> Position { return {i < 2 ? g : g + 8, t * 2 + (i & 1)}; },
     [](int g, int t, int i) -> Position { return {t * 2 + i, g}; }},
    {"f16", 16, 8, 16, 8, 4,
     [](int g, int t, int i) -> Position {
       return {i < 2 || (i >= 4 && i < 6) ? g : g + 8, i < 4 ? t * 2 + (i & 1) : t * 2 + (i & 1) + 8};
     },
     [](int g, int t, int i) -> Position { return {i < 2 ? t * 2 + (i & 1) : t * 2 + (i & 1) + 8, g}; }},
    {"bf16", 16, 8, 8, 4, 2,
     [](int g, int t, int i) -> Position { return {i < 2 ? g : g + 8, t * 2 + (i & 1)}; },
     [](int g, int t, int i) -> Position { return {t * 2 + i, g}; }},
    {"bf16", 16, 8, 16, 8, 4,
     [](int g, int t, int i) -> Position {
       return {i < 2 || (i >= 4 && i < 6) ? g : g + 8, i < 4 ? t * 2 + (i & 1) : t * 2 + (i & 1) + 8};
     },
     [](int g, int t, int i) -> Position { return {i < 2 ? t * 2 + (i & 1) : t * 2 + (i & 1) + 8, g}; }},
    {"tf32", 16, 8, 4, 2, 1, [](int g, int t, int i) -> Position { return {i == 0 ? g : g + 8, t}; },
     [](int g, int t, int) -> Position { return {t, g}; }},
    {"tf32", 16, 8, 8, 4, 2,
     [](int g, int t, int i) -> Position { return {i == 0 || i == 2 ? g : g + 8, i < 2 ? t : t + 4}; },
     [](int g, int t, int i) -> Position { return {i == 0 ? t : t + 4, g}; }},
    {"f64", 8, 8, 4, 1, 1, [](int g, int t, int) -> Position { return {g, t}; },
     [](int g, int t, int) -> Position { return {t, g}; }},
    {"f64", 16, 8, 4, 2, 1, [](int g, int t, int i) -> Position { return {i == 0 ? g : g + 8, t}; },
     [](int g, int t, int) -> Position { return {t, g}; }},
    {"f64", 16, 8, 8, 4, 2,
     [](int g, int t, int i) -> Position { return {i == 0 || i == 2 ? g : g + 8, i < 2 ? t : t + 4}; },
     [](int g, int t, int i) -> Position { return {i == 0 ? t : t + 4, g}; }},
    {"f64", 16, 8, 16, 8, 4,
     [](int g, int t, int i) -> Position {
       return {i % 2 == 0 ? g : g + 8, i % 2 == 0 ? i * 2 + t : i * 2 - 2 + t};
     },
     [](int g, int t, int i) -> Position { return {t + i * 4, g}; }},
    {"s8", 8, 8, 16, 4, 4, [](int g, int t, int i) -> Position { return {g, t * 4 + i}; },
     [](int g, int t, int i) -> Position { return {t * 4 + i, g}; }},
    {"s8", 16, 8, 16, 8, 4,
     [](int g, int t, int i) -> Position { return {i < 4 ? g : g + 8, t * 4 + (i & 3)}; },
     [](int g, int t, int i) -> Position { return {t * 4 + i, g}; }},
    {"s8", 16, 8, 32, 16, 8,
     [](int g, int t, int i) -> Position {
       return {i < 4 || (i >= 8 && i < 12) ? g : g + 8, t * 4 + (i & 3) + (i < 8 ? 0 : 16)};
     },
     [](int g, int t, int i) -> Position { return {t * 4 + (i & 3) + (i < 4 ? 0 : 16), g}; }},
    {"s4", 8, 8, 32, 8, 8, [](int g, int t, int i) -> Position { return {g, t * 8 + i}; },
     [](int g, int t, int i) -> Position { return {t * 8 + i, g}; }},
    {"s4", 16, 8, 32, 16, 8,
     [](int g, int t, int i) -> Position { return {i < 8 ? g : g + 8, t * 8 + (i & 7)}; },
     [](int g, int t, int i) -> Position { return {t * 8 + i, g}; }},
    {"s4", 16, 8, 64, 32, 16,
     [](int g, int t, int i) -> Position {
       return {i < 8 || (i >= 16 && i < 24) ? g : g + 8, t * 8 + (i & 7) + (i < 16 ? 0 : 32)};
     },
     [](int g, int t, int i) -> Position { return {t * 8 + (i & 7) + (i < 8 ? 0 : 32), g}; }},
    {"e4m3", 16, 8, 16, 8, 4,
     [](int g, int t, int i) -> Position { return {i < 4 ? g : g + 8, t * 4 + (i & 3)}; },
     [](int g, int t, int i) -> Position { return {t * 4 + i, g}; }},
    {"e4m3", 16, 8, 32, 16, 8,
     [](int g, int t, int i) -> Position {
       return {i < 4 || (i >= 8 && i < 12) ? g : g + 8, t * 4 + (i & 3) + (i < 8 ? 0 : 16)};
     },
     [](int g, int t, int i) -> Position { return {t * 4 + (i & 3) + (i < 4 ? 0 : 16), g}; }},
};

Position positionC(int g, int t, int i) { return {i < 2 ? g : g + 8, t * 2 + (i & 1)}; }

template <class Formula>
void compare(const Layout &layout, int count, Formula formula, const std::string &what) {
  ASSERT_EQ(int(layout.registers()), count) << what;
  ASSERT_EQ(layout.inBits(Input::Lane), 5u);
  EXPECT_TRUE(layout.covers()) << what;
  for (int lane = 0; lane < 32; lane++)
    for (int i = 0; i < count; i++) {
      Position at = formula(lane >> 2, lane % 4, i);
      ASSERT_EQ(layout.index(uint32_t(i), uint32_t(lane), 0), (Index{at.row, at.column}))
          << what << " lane " << lane << " element " << i;
    }
}

TEST(Fragments, FiguresOfThePtxIsa) {
  EXPECT_EQ(mmaInstructions().size(), std::size(figures)) << "every instruction has a figure";
  for (const Figure &figure : figures) {
    const MmaInstruction *mma =
        findMma(figure.operands, unsigned(figure.m), unsigned(figure.n), unsigned(figure.k));
    std::string name =
        std::string(figure.operands) + " m" + std::to_string(figure.m) + "n8k" + std::to_string(figure.k);
    ASSERT_TRUE(mma) << name;
    compare(mmaFragment(Operand::A, *mma), figure.countA, figure.a, name + " A");
    compare(mmaFragment(Operand::B, *mma), figure.countB, figure.b, name + " B");
    compare(mmaFragment(Operand::C, *mma), figure.m == 16 ? 4 : 2, positionC, name + " C");
  }
  EXPECT_FALSE(findMma("f16", 16, 8, 32));
  EXPECT_EQ(mmaFragment(Operand::A, *findMma("f16", 16, 8, 16)).str(),
            "16x16 reg (0,1) (8,0) (0,8) lane (0,2..4) (1..4,0)");
}

/// Every product of A's and B's elements goes once to the element of C that it belongs to.
void checkProduct(int64_t m, int64_t n, int64_t k, const MmaTiling &tiling, unsigned kBits) {
  const MmaInstruction &mma = *tiling.instruction;
  Dims a = fitDims({m, k}, {0, kBits}), b = fitDims({k, n}, {kBits, 0}), c = fitDims({m, n});
  std::optional<TiledFragment> ta = TiledFragment::of(Operand::A, a, tiling),
                               tb = TiledFragment::of(Operand::B, b, tiling),
                               tc = TiledFragment::of(Operand::C, c, tiling);
  std::string what =
      std::string(mma.operands) + " " + std::to_string(m) + " " + std::to_string(n) + " " + std::to_string(k);
  ASSERT_TRUE(ta && tb && tc) << what;
  EXPECT_TRUE(ta->layout().covers() && tb->layout().covers() && tc->layout().covers()) << what;
  EXPECT_EQ(ta->rowRepeats(), tc->rowRepeats());
  EXPECT_EQ(tb->columnRepeats(), tc->columnRepeats());
  EXPECT_EQ(ta->columnRepeats(), tb->rowRepeats());
  Layout fa = mmaFragment(Operand::A, mma), fb = mmaFragment(Operand::B, mma),
         fc = mmaFragment(Operand::C, mma);
  std::set<uint32_t> used;
  std::map<std::pair<int64_t, int64_t>, std::map<int64_t, int>>
      products; // of each element, over one warp's copies
  uint32_t warps = 1u << (tiling.warpBitsM + tiling.warpBitsN);
  for (uint32_t warp = 0; warp < warps; warp++)
    for (uint32_t i = 0; i < tc->rowRepeats(); i++)
      for (uint32_t j = 0; j < tc->columnRepeats(); j++)
        for (uint32_t l = 0; l < ta->columnRepeats(); l++) {
          // What the instruction's rows and columns are in the tiles.
          std::map<int64_t, int64_t> rowOf, columnOf, kOfA, kOfB;
          auto record = [&](std::map<int64_t, int64_t> &map, int64_t at, int64_t value) {
            ASSERT_EQ(map.emplace(at, value).first->second, value) << what;
          };
          for (uint32_t lane = 0; lane < 32; lane++) {
            for (uint32_t r = 0; r < fa.registers(); r++) {
              Index in = fa.index(r, lane, 0),
                    at = ta->layout().index(ta->registerOf(0, i, l, r), lane, warp);
              record(rowOf, in[0], at[0]);
              record(kOfA, in[1], at[1]);
            }
            for (uint32_t r = 0; r < fb.registers(); r++) {
              Index in = fb.index(r, lane, 0),
                    at = tb->layout().index(tb->registerOf(0, l, j, r), lane, warp);
              record(kOfB, in[0], at[0]);
              record(columnOf, in[1], at[1]);
            }
          }
          ASSERT_EQ(kOfA, kOfB) << what;
          for (uint32_t lane = 0; lane < 32; lane++)
            for (uint32_t r = 0; r < fc.registers(); r++) {
              uint32_t reg = tc->registerOf(0, i, j, r);
              used.insert(reg);
              Index in = fc.index(r, lane, 0), at = tc->layout().index(reg, lane, warp);
              ASSERT_EQ(at[0], rowOf[in[0]]) << what;
              ASSERT_EQ(at[1], columnOf[in[1]]) << what;
              if (lane % 8 == 0 && r == 0)
                for (auto [instructionK, tileK] : kOfA)
                  products[{at[0], at[1]}][tileK]++;
            }
        }
  EXPECT_EQ(used.size(), tc->layout().registers());
  int64_t padded = a[1].extent();
  for (auto &[element, list] : products) {
    EXPECT_EQ(int64_t(list.size()), padded) << what;
    for (auto [at, times] : list)
      ASSERT_EQ(times, list.begin()->second) << what; // copies of an element repeat all of it
  }
}

TEST(Fragments, WholeProducts) {
  auto tiling = [](const char *operands, unsigned m, unsigned k, unsigned warpsM, unsigned warpsN,
                   unsigned width) {
    MmaTiling out;
    out.instruction = findMma(operands, m, 8, k);
    out.warpBitsM = warpsM;
    out.warpBitsN = warpsN;
    out.kWidth = width;
    return out;
  };
  for (bool rowsFirst : {false, true})
    for (bool alongN : {false, true}) {
      MmaTiling half = tiling("f16", 16, 16, 1, 1, 0), wide = tiling("f16", 16, 16, 2, 0, 8),
                byte = tiling("s8", 16, 32, 1, 1, 0), turing = tiling("f16", 16, 8, 1, 1, 0),
                tf32 = tiling("tf32", 16, 8, 0, 2, 4), f64 = tiling("f64", 8, 4, 1, 1, 0),
                f64wide = tiling("f64", 16, 16, 1, 0, 0), f64pair = tiling("f64", 16, 16, 1, 0, 2);
      for (MmaTiling *each : {&half, &wide, &byte, &turing, &tf32, &f64, &f64wide, &f64pair}) {
        each->rowsFirst = rowsFirst;
        each->warpsAlongNFirst = alongN;
        unsigned kBits = 6;
        checkProduct(64, 32, 64, *each, kBits);
        checkProduct(48, 24, 192, *each, kBits);
        checkProduct(16, 80, 64, *each, kBits);
        checkProduct(8, 4, 64, *each, kBits); // fewer than the instruction has
      }
    }
  EXPECT_FALSE(TiledFragment::of(Operand::A, fitDims({64, 8}), tiling("f16", 16, 16, 0, 0, 0)));
  EXPECT_FALSE(TiledFragment::of(Operand::A, fitDims({64, 16}), tiling("f16", 16, 16, 0, 0, 8)));
  EXPECT_FALSE(TiledFragment::of(Operand::A, fitDims({64, 48}), tiling("s8", 16, 32, 0, 0, 0)));
}

TEST(Fragments, TilingAsCountedByHand) {
  MmaTiling tiling;
  tiling.instruction = findMma("f16", 16, 8, 16);
  tiling.warpBitsM = 1, tiling.warpBitsN = 1;
  auto text = [&](Operand operand, Dims dims) {
    return TiledFragment::of(operand, dims, tiling)->layout().str();
  };
  EXPECT_EQ(text(Operand::C, fitDims({64, 32})),
            "64x32 reg (0,1) (8,0) (0,16) (32,0) lane (0,2..4) (1..4,0) warp (0,8) (16,0)");
  EXPECT_EQ(text(Operand::A, fitDims({64, 32})),
            "64x32 reg (0,1) (8,0) (0,8..16) (32,0) lane (0,2..4) (1..4,0) warp 0 (16,0)");
  EXPECT_EQ(text(Operand::B, fitDims({32, 48})),
            "32x3*16 reg (1,0) (8..16,0) lane (2..4,0) (0,1..4) warp (0,8) 0");
  EXPECT_EQ(text(Operand::C, fitDims({4, 16, 16})),
            "4x16x16 reg (0,0,1) (0,8,0) (1..2,0,0) lane (0,0,2..4) (0,1..4,0) warp (0,0,8) 0");
  tiling.kWidth = 8;
  EXPECT_EQ(text(Operand::A, fitDims({64, 64})),
            "64x64 reg (0,1..4) (8,0) (0,32) (32,0) lane (0,8..16) (1..4,0) warp 0 (16,0)");
  std::optional<TiledFragment> wide = TiledFragment::of(Operand::A, fitDims({64, 64}), tiling);
  EXPECT_EQ(wide->columnRepeats(), 4u);
  EXPECT_EQ(wide->registerOf(0, 0, 1, 0), 4u)
      << "the second instruction takes elements 4 to 7 of each thread";
  EXPECT_EQ(wide->registerOf(0, 0, 0, 4), 2u);
  std::optional<TiledFragment> batch = TiledFragment::of(Operand::C, Dims{{3, 0}, {1, 4}, {1, 4}}, tiling);
  EXPECT_EQ(batch->batches(), 3u);
  EXPECT_EQ(batch->layout().index(batch->registerOf(2, 0, 0, 3), 0, 1), (Index{2, 8, 9}));
}

} // namespace
