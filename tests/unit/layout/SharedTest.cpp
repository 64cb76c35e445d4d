//===- SharedTest.cpp - layouts of shared memory and accesses, against addresses one by one ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RandomLayout.h"

#include "ir/layout/SharedAccess.h"

#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace tegula::layout;
using namespace tegula::layout::testing;

namespace {

/// Wavefronts of one access, from the byte addresses of its lanes.
uint32_t countWavefronts(llvm::ArrayRef<uint32_t> addresses, uint32_t bytes) {
  size_t lanes = bytes <= 4 ? 32 : bytes == 8 ? 16 : 8;
  uint32_t total = 0;
  for (size_t first = 0; first < addresses.size(); first += lanes) {
    std::map<uint32_t, std::set<uint32_t>> banks;
    for (size_t l = first; l < std::min(first + lanes, addresses.size()); l++)
      for (uint32_t word = addresses[l] / 4; word <= (addresses[l] + bytes - 1) / 4; word++)
        banks[word % 32].insert(word);
    size_t most = 0;
    for (auto &[bank, words] : banks)
      most = std::max(most, words.size());
    total += uint32_t(most);
  }
  return total;
}

/// Everything that an access plan says, looked at element by element.
void check(const Layout &layout, const SharedLayout &memory, unsigned elementBits) {
  SharedAccess access(layout, memory, elementBits);
  BitMatrix toOffset = memory.inverse();
  uint32_t bytes = std::max(elementBits / 8, 1u);
  unsigned laneBits = layout.inBits(Input::Lane);
  for (uint32_t warp = 0; warp < 1u << layout.inBits(Input::Warp); warp++)
    for (uint32_t a = 0; a < access.accesses(); a++) {
      std::vector<uint32_t> addresses;
      for (uint32_t lane = 0; lane < 1u << laneBits; lane++) {
        uint32_t address = access.address(a, warp << laneBits | lane);
        ASSERT_EQ(address % access.vectorBytes(), 0u);
        for (uint32_t e = 0; e < access.vector(); e++) {
          uint32_t reg = access.registerOf(a, e);
          uint32_t major = reg >> layout.inBits(Input::Register);
          uint32_t expected = (toOffset(layout.flat(reg, lane, warp)) + (major << memory.flatBits())) * bytes;
          ASSERT_EQ(address + e * bytes, expected) << layout.str() << " in " << memory.str();
        }
        addresses.push_back(address);
      }
      ASSERT_EQ(countWavefronts(addresses, access.vectorBytes()), access.wavefronts())
          << layout.str() << " in " << memory.str() << " bits " << elementBits;
    }
  std::set<uint32_t> seen, flips;
  for (uint32_t a = 0; a < access.accesses(); a++) {
    flips.insert(access.flips(a));
    for (uint32_t e = 0; e < access.vector(); e++)
      seen.insert(access.registerOf(a, e));
  }
  EXPECT_EQ(flips.size(), access.baseRegisters());
  EXPECT_EQ(seen.size(), size_t(access.accesses()) * access.vector());
  forEachRegister(layout, [&](uint32_t reg, uint32_t lane, uint32_t warp) {
    auto [a, e] = access.placeOf(reg);
    uint32_t from = access.registerOf(a, e);
    ASSERT_EQ(layout.index(from, lane, warp), layout.index(reg, lane, warp));
  });
}

SharedLayout randomShared(RandomLayouts &random, llvm::ArrayRef<Dim> dims) {
  Layout shape = random.layout(dims, random.below(2));

  Span span;
  llvm::SmallVector<uint32_t, 16> bases;
  for (uint32_t basis : shape.bases())
    if (span.insert(basis))
      bases.push_back(basis);
  return SharedLayout(dims, bases);
}

TEST(Shared, AccessesReachTheirElements) {
  RandomLayouts random(11);
  for (int i = 0; i < 600; i++) {
    Dims dims = random.dims(9);
    Layout layout = random.layout(dims, i & 1);
    check(layout, randomShared(random, dims), 8u << random.below(4));
    std::vector<unsigned> order(dims.size());
    for (unsigned d = 0; d < order.size(); d++)
      order[d] = d;
    std::shuffle(order.begin(), order.end(), random.engine);
    check(layout, SharedLayout::rowMajor(dims, order), i % 5 ? 16 : 1);
  }
}

/// The writer writes, the reader reads: no conflicts on either side, whatever the two layouts are.
TEST(Shared, PairsHaveNoConflicts) {
  RandomLayouts random(12);
  int wide[2] = {};
  for (int i = 0; i < 3000; i++) {
    Dims dims = random.dims(12);
    auto distinct = [&] {
      for (;;) {
        Layout layout = random.layout(dims, i % 3 == 0);
        // A lane or warp that holds what registers of another hold changes which register comes first.
        Span registers;
        bool aliased = false;
        for (uint32_t basis : layout.bases(Input::Register))
          registers.insert(basis);
        for (uint32_t basis : layout.bases().drop_front(layout.inBits(Input::Register)))
          aliased |= basis && !registers.insert(basis);
        if (!aliased)
          return layout;
      }
    };
    Layout writer = distinct(), reader = distinct();
    for (unsigned bits : {8, 16, 32, 64}) {
      SharedLayout memory = SharedLayout::forPair(writer, reader, bits);
      EXPECT_EQ(memory.matrix().rank(), memory.flatBits());
      SharedAccess write(writer, memory, bits), read(reader, memory, bits);
      EXPECT_EQ(write.wavefronts(), write.idealWavefronts())
          << writer.str() << " / " << reader.str() << " " << bits;
      EXPECT_EQ(read.wavefronts(), read.idealWavefronts())
          << writer.str() << " / " << reader.str() << " " << bits;
      wide[0] += write.vectorBytes() == 16, wide[1] += read.vectorBytes() == 16;
      if (i % 20 == 0) {
        check(writer, memory, bits);
        check(reader, memory, bits);
      }
    }
  }
  EXPECT_GT(wide[0], 1000);
  EXPECT_GT(wide[1], 500);
}

/// Rows of 16 bytes written, columns read, and the other way round: 32 KiB of f32.
TEST(Shared, PairOfATransposition) {
  Layout rows = *Layout::parse("64x128 reg (0,1..2) (16..32,0) lane (0,4..64) warp (1..8,0)");
  Layout columns = *Layout::parse("64x128 reg (1..2,0) (0,32..64) lane (4..32,0) (0,1) warp (0,2..16)");
  SharedLayout memory = SharedLayout::forPair(rows, columns, 32);
  SharedAccess write(rows, memory, 32), read(columns, memory, 32);
  EXPECT_EQ(write.vectorBytes(), 16u);
  EXPECT_EQ(write.wavefronts(), 4u);
  EXPECT_EQ(read.vectorBytes(), 4u);
  EXPECT_EQ(read.wavefronts(), 1u);
  // With a direction in common both sides have vectors.
  Layout blocks = *Layout::parse("64x128 reg (1,0) (0,1) (0,32..64) lane (2..32,0) warp (0,2..16)");
  SharedLayout common = SharedLayout::forPair(rows, blocks, 32);
  EXPECT_EQ(SharedAccess(rows, common, 32).vectorBytes(), 16u);
  EXPECT_EQ(SharedAccess(blocks, common, 32).vectorBytes(), 8u);
  EXPECT_EQ(SharedAccess(blocks, common, 32).wavefronts(), 2u);
}

TEST(Shared, SwizzledAsCountedByHand) {
  Dims dims = fitDims({4, 4});
  std::optional<SharedLayout> example = SharedLayout::parse("4x4 offset (0,1..2) (1,2) (2,0)");
  ASSERT_TRUE(example);
  EXPECT_EQ(SharedLayout::swizzled(dims, {1, 0}, 2, 1, 2), *example);
  Layout shape(dims, {}, {}, {});
  int table[16][2] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {1, 0}, {1, 1},
                      {2, 0}, {2, 1}, {2, 2}, {2, 3}, {3, 2}, {3, 3}, {3, 0}, {3, 1}};
  for (uint32_t offset = 0; offset < 16; offset++)
    EXPECT_EQ(shape.indexOf(example->flat(offset), 0), (Index{table[offset][0], table[offset][1]}));
  // The formula, on a tile of 16-bit elements.
  for (auto [vector, perPhase, maxPhase] :
       {std::array{8u, 1u, 8u}, {8u, 2u, 4u}, {4u, 4u, 2u}, {1u, 1u, 16u}, {8u, 1u, 1u}}) {
    Dims tile = fitDims({32, 64});
    Layout flat(tile, {}, {}, {});
    SharedLayout memory = SharedLayout::swizzled(tile, {1, 0}, vector, perPhase, maxPhase);
    for (uint32_t row = 0; row < 32; row++)
      for (uint32_t column = 0; column < 64; column++) {
        uint32_t phase = row / perPhase % maxPhase;
        uint32_t offset = row * 64 + (column / vector ^ phase) * vector + column % vector;
        ASSERT_EQ(flat.indexOf(memory.flat(offset), 0), (Index{row, column}));
      }
    Dims turned = fitDims({64, 32});
    Layout turnedFlat(turned, {}, {}, {});
    SharedLayout columnMajor = SharedLayout::swizzled(turned, {0, 1}, vector, perPhase, maxPhase);
    for (uint32_t offset = 0; offset < 2048; offset++) {
      Index at = flat.indexOf(memory.flat(offset), 0);
      ASSERT_EQ(turnedFlat.indexOf(columnMajor.flat(offset), 0), (Index{at[1], at[0]}));
    }
    EXPECT_EQ(memory.transposed({1, 0}), columnMajor);
  }
  EXPECT_EQ(SharedLayout::rowMajor(fitDims({4, 8}), {1, 0}).reshaped(fitDims({32}))->str(),
            "32 offset (1..16)");
}

/// PTX ISA, "Swizzling modes": the 16-byte chunk number within a line is xored with the line number (of the pattern).
TEST(Shared, HardwareSwizzles) {
  for (uint32_t bytes : {2u, 1u, 4u})
    for (uint32_t mode : {128u, 64u, 32u}) {
      uint32_t rowElements = 256 / bytes, inner = mode / bytes;
      Dims dims = fitDims({16, rowElements});
      Layout flat(dims, {}, {}, {});
      SharedLayout memory = SharedLayout::hardwareSwizzled(dims, {1, 0}, mode, bytes);
      for (uint32_t row = 0; row < 16; row++)
        for (uint32_t column = 0; column < rowElements; column++) {
          uint32_t box = column / inner, within = column % inner;
          uint32_t address = (box * 16 + row) * mode + within * bytes;
          uint32_t chunk = address / 16, line = address / 128;
          uint32_t mask = mode / 16 - 1;
          address = (chunk ^ (line & mask)) * 16 + address % 16;
          ASSERT_EQ(flat.indexOf(memory.flat(address / bytes), 0), (Index{row, column}))
              << mode << " " << bytes;
        }
    }
  // Eight rows of 16 bytes lie in different banks.
  Layout rows = *Layout::parse("8x64 reg (0,1..4) lane (1..4,0) (0,8..16)");
  SharedLayout swizzled = SharedLayout::hardwareSwizzled(rows.dims(), {1, 0}, 128, 2);
  EXPECT_EQ(SharedAccess(rows, swizzled, 16).wavefronts(), 4u);
  EXPECT_EQ(SharedAccess(rows, SharedLayout::rowMajor(rows.dims(), {1, 0}), 16).wavefronts(), 32u);
}

TEST(Shared, AddressesAreOneBaseAndImmediates) {
  // Rows of 128 bytes, 16 bytes a lane: nothing overlaps.
  Layout blocked = Layout::blocked(fitDims({64, 64}), {1, 8}, {4, 8}, {4, 1}, {1, 0});
  SharedAccess plain(blocked, SharedLayout::rowMajor(blocked.dims(), {1, 0}), 16);
  EXPECT_EQ(plain.terms().size(), 1u);
  EXPECT_EQ(plain.terms()[0].mask, 127u);
  EXPECT_EQ(plain.terms()[0].shift, 4);
  EXPECT_EQ(plain.baseRegisters(), 1u);
  EXPECT_EQ(plain.accesses(), 4u);
  EXPECT_EQ(plain.immediate(3), 3u * 16 * 128);
  // Swizzled: the lane's row goes into the column, the rest of the rows does not.
  SharedAccess swizzled(blocked, SharedLayout::swizzled(blocked.dims(), {1, 0}, 8, 1, 8), 16);
  EXPECT_EQ(swizzled.baseRegisters(), 1u);
  EXPECT_EQ(swizzled.terms().size(), 2u);
  EXPECT_EQ(swizzled.wavefronts(), 4u);
}

TEST(Shared, BytePermutations) {
  Layout rows = *Layout::parse("16x16 reg (0,1..2) lane (0,4..8) (1..4,0) warp (8,0)");
  Layout columns = *Layout::parse("16x16 reg (1..2,0) lane (4..8,0) (0,1..4) warp (0,8)");
  SharedLayout memory = SharedLayout::rowMajor(rows.dims(), {1, 0});
  EXPECT_EQ(SharedAccess(rows, memory, 16).bytePermutations(), 0u);
  EXPECT_EQ(SharedAccess(rows, memory, 32).bytePermutations(), 0u);
  EXPECT_EQ(SharedAccess(columns, memory, 16).bytePermutations(), 2u);
  // Both have a 2 x 2: the words of one of them are put together from two.
  Layout left = *Layout::parse("16x16 reg (0,1) (1,0) lane (0,2..8) (2..4,0) warp (8,0)");
  Layout right = *Layout::parse("16x16 reg (1,0) (0,1) lane (2..8,0) (0,2..4) warp (0,8)");
  SharedLayout pair = SharedLayout::forPair(left, right, 16);
  EXPECT_EQ(
      SharedAccess(left, pair, 16).bytePermutations() + SharedAccess(right, pair, 16).bytePermutations(), 2u);
  EXPECT_EQ(SharedAccess(right, pair, 16).vectorBytes(), 8u);
}

TEST(Shared, TextRoundTrips) {
  RandomLayouts random(13);
  for (int i = 0; i < 500; i++) {
    SharedLayout memory = randomShared(random, random.dims(12));
    EXPECT_EQ(SharedLayout::parse(memory.str()), memory) << memory.str();
  }
  for (const char *bad :
       {"4x4", "4x4 offset (0,1)", "4x4 offset (0,1) (0,1) (1,0) (2,0)", "4x4 reg (0,1..2) (1..2,0)", ""})
    EXPECT_FALSE(SharedLayout::parse(bad)) << bad;
  EXPECT_EQ(SharedLayout::parse("3*1"), SharedLayout(Dim{3, 0}, {}));
}

} // namespace
