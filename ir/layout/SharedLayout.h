//===- SharedLayout.h - where each element of a tile lies in shared memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A layout of shared memory maps offsets, in elements, to flat indices: every bit of the offset has a basis, as the inputs
// of a Layout have. Each element lies in one place. Swizzles are bases that flip more than one bit: in rows of 4 elements
// whose chunks of 2 are exchanged in odd rows,
//
//     4x4 offset (0,1..2) (1,2) (2,0)
//
//     offset 0..3    (0,0) (0,1) (0,2) (0,3)
//     offset 4..7    (1,2) (1,3) (1,0) (1,1)
//     offset 8..11   (2,0) (2,1) (2,2) (2,3)
//     offset 12..15  (3,2) (3,3) (3,0) (3,1)
//
// Majors (Layout.h) come on top: major m begins at offset m * 2^(flat bits).
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/Layout.h"

namespace tegula::layout {

class SharedLayout {
public:
  SharedLayout() = default; ///< of one element
  /// `offsets`: the basis of each bit of the offset; together they are invertible.
  SharedLayout(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<uint32_t> offsets);

  /// order[0] is the dimension whose elements lie side by side.
  static SharedLayout rowMajor(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<unsigned> order);
  /// Row-major with runs of `vector` elements along order[0] permuted within a row: run number r of row w goes to
  /// r ^ (w / perPhase % maxPhase). All powers of two; the pattern stops where the row or the tile does.
  static SharedLayout swizzled(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<unsigned> order, uint32_t vector,
                               uint32_t perPhase, uint32_t maxPhase);
  /// What the hardware's copies of boxes write (PTX ISA, "Swizzling modes"): rows of at most `swizzleBytes` (128, 64, 32;
  /// 0: as many as there are) one after another, boxes of such rows along order[0] outermost, 16-byte chunks permuted by
  /// address bits 7 and up.
  static SharedLayout hardwareSwizzled(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<unsigned> order,
                                       uint32_t swizzleBytes, uint32_t elementBytes);
  /// Without bank conflicts for both, and with the widest vectors that both allow; then one side gets wider ones where
  /// only it can have them. The layouts are of one tile and majors. (The construction of "Linear Layouts", section 5.4.)
  static SharedLayout forPair(const Layout &writer, const Layout &reader, unsigned elementBits);

  unsigned rank() const { return rankOf; }
  llvm::ArrayRef<Dim> dims() const { return {dimsOf.data(), rankOf}; }
  unsigned flatBits() const { return offsetCount; }
  uint32_t majors() const { return majorCount; }
  int64_t elements() const { return int64_t(majorCount) << offsetCount; }
  llvm::ArrayRef<uint32_t> offsets() const { return {values.data(), offsetCount}; }

  /// From offset bits to flat bits, and back.
  BitMatrix matrix() const { return BitMatrix(offsets()); }
  BitMatrix inverse() const { return *matrix().inverse(offsetCount); }
  uint32_t flat(uint32_t offset) const;

  /// Of the same memory seen as another tile: what `trans` and `reshape` make of it. None where the majors of two
  /// dimensions would have to change places.
  std::optional<SharedLayout> transposed(llvm::ArrayRef<unsigned> order) const;
  std::optional<SharedLayout> reshaped(llvm::ArrayRef<Dim> dims) const;

  std::string str() const;
  static std::optional<SharedLayout> parse(llvm::StringRef text);

  friend bool operator==(const SharedLayout &a, const SharedLayout &b) = default;
  friend llvm::hash_code hash_value(const SharedLayout &layout);

private:
  uint8_t rankOf = 0;
  uint8_t offsetCount = 0;
  uint16_t unused = 0;
  uint32_t majorCount = 1;
  std::array<Dim, Layout::maxRank> dimsOf = {};
  std::array<uint32_t, maxBits> values = {};
};

} // namespace tegula::layout
