//===- MatrixAccessTest.cpp - 8 x 8 matrices, row by row ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RandomLayout.h"

#include "ir/layout/MatrixAccess.h"

#include <gtest/gtest.h>
#include <set>

using namespace tegula::layout;
using namespace tegula::layout::testing;

namespace {

/// Does what the instruction does: lane 8 j + i points at row i of matrix j.
void check(const Layout &layout, const SharedLayout &memory, unsigned elementBits, bool transposed) {
  std::optional<MatrixAccess> access = MatrixAccess::match(layout, memory, elementBits, transposed);
  ASSERT_TRUE(access) << layout.str() << " from " << memory.str();
  unsigned bytes = elementBits / 8, perWord = 4 / bytes;
  BitMatrix toOffset = memory.inverse();
  std::set<uint32_t> seen;
  for (uint32_t warp = 0; warp < 1u << layout.inBits(Input::Warp); warp++)
    for (uint32_t instruction = 0; instruction < access->instructions(); instruction++) {
      auto row = [&](uint32_t matrix, uint32_t i) {
        return access->addresses().address(instruction, warp << 5 | (8 * matrix + i));
      };
      for (uint32_t matrix = 0; matrix < access->matrices(); matrix++) {
        uint32_t first = access->registerOf(instruction, matrix);
        EXPECT_EQ(access->placeOf(first), std::pair(instruction, matrix));
        for (uint32_t lane = 0; lane < 32; lane++)
          for (uint32_t e = 0; e < perWord; e++) {
            uint32_t got = transposed ? row(matrix, 2 * (lane % 4) + e) + lane / 4 * bytes
                                      : row(matrix, lane / 4) + 4 * (lane % 4) + e * bytes;
            uint32_t reg = first + e, major = reg >> layout.inBits(Input::Register);
            seen.insert(reg);
            uint32_t expected =
                (toOffset(layout.flat(reg, lane, warp)) + (major << memory.flatBits())) * bytes;
            ASSERT_EQ(got, expected) << layout.str() << " from " << memory.str() << " lane " << lane;
          }
      }
    }
  EXPECT_EQ(seen.size(), layout.registers());
}

Layout layoutOf(const char *text) { return *Layout::parse(text); }

TEST(MatrixAccess, FragmentsOfMma) {
  Layout a = layoutOf("64x32 reg (0,1) (8,0) (0,8) (0,16) (32,0) lane (0,2..4) (1..4,0) warp 0 (16,0)");
  Layout b = layoutOf("32x64 reg (1,0) (8,0) (16,0) (0,16..32) lane (2..4,0) (0,1..4) warp (0,8) 0");
  Layout blockedA = Layout::blocked(a.dims(), {1, 8}, {8, 4}, {4, 1}, {1, 0});
  Layout blockedB = Layout::blocked(b.dims(), {1, 8}, {4, 8}, {4, 1}, {1, 0});
  // A as it lies in rows, B transposed, each in a swizzle made for it.
  for (auto [fragment, writer, transposed] : {std::tuple(a, blockedA, false), {b, blockedB, true}}) {
    Layout view = *MatrixAccess::view(fragment, 16, transposed);
    SharedLayout memory = SharedLayout::forPair(writer, view, 16);
    check(fragment, memory, 16, transposed);
    MatrixAccess access = *MatrixAccess::match(fragment, memory, 16, transposed);
    EXPECT_EQ(access.matrices(), 4u);
    EXPECT_EQ(access.instructions(), 4u);
    EXPECT_EQ(access.wavefronts(), 4u) << "no conflicts";
    SharedAccess write(writer, memory, 16);
    EXPECT_EQ(write.vectorBytes(), 16u);
    EXPECT_EQ(write.wavefronts(), 4u);
    // The other way does not fit, nor does memory whose rows run the other way.
    EXPECT_FALSE(MatrixAccess::match(fragment, memory, 16, !transposed));
    check(fragment,
          SharedLayout::swizzled(fragment.dims(), {1, 0}, 8, transposed ? 1 : 2, transposed ? 8 : 4), 16,
          transposed);
    EXPECT_EQ(MatrixAccess::match(fragment, SharedLayout::rowMajor(fragment.dims(), {1, 0}), 16, transposed)
                  ->wavefronts(),
              transposed ? 32u : 16u);
  }
  check(b, SharedLayout::rowMajor(b.dims(), {0, 1}), 16, false);
  check(a, SharedLayout::rowMajor(a.dims(), {0, 1}), 16, true);
  check(a, SharedLayout::hardwareSwizzled(a.dims(), {1, 0}, 64, 2), 16, false);
}

TEST(MatrixAccess, OtherElementsAndCounts) {
  check(layoutOf("16x32 reg (0,1..2) (8,0) (0,16) lane (0,4..8) (1..4,0)"),
        SharedLayout::rowMajor(fitDims({16, 32}), {1, 0}), 8, false);
  check(layoutOf("16x8 reg (8,0) (0,4) lane (0,1..2) (1..4,0)"),
        SharedLayout::rowMajor(fitDims({16, 8}), {1, 0}), 32, false);
  // One and two matrices, and majors.
  Layout one = layoutOf("8x8 reg (0,1) lane (0,2..4) (1..4,0)"),
         two = layoutOf("3*16x8 reg (0,1) (8,0) lane (0,2..4) (1..4,0)");
  check(one, SharedLayout::rowMajor(one.dims(), {1, 0}), 16, false);
  check(two, SharedLayout::rowMajor(two.dims(), {1, 0}), 16, false);
  EXPECT_EQ(MatrixAccess::match(one, SharedLayout::rowMajor(one.dims(), {1, 0}), 16, false)->wavefronts(),
            1u);
  EXPECT_EQ(MatrixAccess::match(two, SharedLayout::rowMajor(two.dims(), {1, 0}), 16, false)->matrices(), 2u);
  // A matrix whose rows would begin within 16 bytes.
  EXPECT_FALSE(MatrixAccess::match(layoutOf("16x8 reg (0,1) (8,2) lane (0,2..4) (1..4,0)"),
                                   SharedLayout::rowMajor(fitDims({16, 8}), {1, 0}), 16, false));
  // What can not be: 8 bits transposed, 64 bits, lanes that hold rows elsewhere.
  EXPECT_FALSE(
      MatrixAccess::view(layoutOf("16x32 reg (0,1..2) (8,0) (0,16) lane (0,4..8) (1..4,0)"), 8, true));
  EXPECT_FALSE(MatrixAccess::view(one, 64, false));
  EXPECT_FALSE(MatrixAccess::view(layoutOf("32 lane (1..16)"), 16, false));
  EXPECT_FALSE(MatrixAccess::match(layoutOf("8x8 reg (0,2) lane (0,1) (0,4) (1..4,0)"),
                                   SharedLayout::rowMajor(one.dims(), {1, 0}), 16, false));
}

/// Any fragment with a word's elements together fits a memory made for it, whoever writes.
TEST(MatrixAccess, MemoryMadeForAFragmentFits) {
  RandomLayouts random(31);
  for (int i = 0; i < 300; i++) {
    bool transposed = i & 1;
    unsigned bits = transposed ? 16 : 8u << random.below(3);
    // Unit bases in random places; 16 bytes of a row side by side along the last dimension.
    Dims dims = fitDims({1 << (3 + random.below(3)), 1 << (5 + random.below(3))});
    unsigned columns = dims[1].bits, rowBits = 7 - unsigned(std::countr_zero(bits));
    std::vector<uint32_t> vector, rest;
    for (unsigned bit = 0; bit < rowBits; bit++)
      vector.push_back(1u << bit);
    for (unsigned bit = rowBits; bit < columns + dims[0].bits; bit++)
      rest.push_back(1u << bit);
    std::shuffle(rest.begin(), rest.end(), random.engine);
    unsigned wordBits = 5 - unsigned(std::countr_zero(bits));
    std::vector<uint32_t> registers, lanes, warps;
    auto take = [&](std::vector<uint32_t> &from) {
      uint32_t basis = from.back();
      from.pop_back();
      return basis;
    };
    if (transposed) {
      registers = {take(rest)};
      lanes = {take(rest), take(rest), vector[0], vector[1], vector[2]};
    } else {
      registers.assign(vector.begin(), vector.begin() + wordBits);
      lanes = {vector[wordBits], vector[wordBits + 1], take(rest), take(rest), take(rest)};
    }
    for (unsigned w = 0; w < 2; w++)
      warps.push_back(rest.empty() || random.below(3) == 0 ? 0 : take(rest));
    registers.insert(registers.end(), rest.begin(), rest.end());
    Layout fragment(dims, registers, lanes, warps);
    ASSERT_TRUE(fragment.covers());
    Layout writer = Layout::distributed(dims, {1, 1u << rowBits}, {1, 0}, 5, 2);
    SharedLayout memory =
        SharedLayout::forPair(writer, *MatrixAccess::view(fragment, bits, transposed), bits);
    check(fragment, memory, bits, transposed);
    MatrixAccess access = *MatrixAccess::match(fragment, memory, bits, transposed);
    EXPECT_EQ(access.wavefronts(), access.matrices());
    EXPECT_EQ(SharedAccess(writer, memory, bits).wavefronts(),
              SharedAccess(writer, memory, bits).idealWavefronts());
  }
}

} // namespace
