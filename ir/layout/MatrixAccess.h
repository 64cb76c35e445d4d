//===- MatrixAccess.h - 8 x 8 matrices between shared memory and the lanes of a warp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// `ldmatrix` (and back, `stmatrix`) moves matrices of 8 rows of 16 bytes (PTX ISA, "Warp-level matrix load instruction").
// Lane 8 j + i says where row i of matrix j begins. Lane l gets, in its register j, of matrix j
//
//     plain         row l / 4, bytes 4 (l % 4) to 4 (l % 4) + 3
//     transposed    column l / 4 of rows 2 (l % 4) and 2 (l % 4) + 1, elements of 16 bits
//
// That is a linear map with bits renamed: what the lane that *addresses* counts, the lane that *holds* has in other bits. So
// the addressing lanes have a layout of their own, the *view*, in which every lane has whole rows of 16 bytes:
//
//     plain         element bits and lane bits 0, 1 are a vector; lane bits 2 to 4 and two register bits are lanes
//     transposed    lane bits 2 to 4 are a vector; register bit 0, lane bits 0, 1 and two more register bits are lanes
//
// The instruction fits if the view has vectors of 16 bytes in that order; addresses and conflicts are those of the view, and
// a swizzle made for the view (SharedLayout::forPair) makes it fit.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/SharedAccess.h"

namespace tegula::layout {

class MatrixAccess {
public:
  /// The addressing lanes of a layout of registers (with 5 lane bits); none if no memory can make the instruction fit it:
  /// too few elements in a word's registers, elements of more than 32 bits, transposed ones of other than 16.
  static std::optional<Layout> view(const Layout &registers, unsigned elementBits, bool transposed);
  /// None unless the instruction fits this memory.
  static std::optional<MatrixAccess> match(const Layout &registers, const SharedLayout &memory,
                                           unsigned elementBits, bool transposed);

  /// Matrices an instruction: 1, 2 or 4.
  uint32_t matrices() const { return 1u << matrixBits.size(); }
  /// Instructions of a thread, majors counted in.
  uint32_t instructions() const { return rows->accesses(); }
  /// The register of the first element of 32-bit register `matrix` of an instruction; the others follow.
  uint32_t registerOf(uint32_t instruction, uint32_t matrix) const;
  /// Which instruction gives `reg`, and which of its matrices.
  std::pair<uint32_t, uint32_t> placeOf(uint32_t reg) const;
  /// The addresses that lanes give, by their number in the block: instruction i is access i.
  const SharedAccess &addresses() const { return *rows; }
  /// Of one instruction; without conflicts one a matrix.
  uint32_t wavefronts() const { return rows->wavefronts() * matrices() / 4; }

private:
  MatrixAccess() = default;

  std::optional<SharedAccess> rows;
  unsigned registerBits = 0, viewBits = 0, elementBitsInWord = 0, vectorBits = 0;
  llvm::SmallVector<uint8_t, 2> matrixBits; ///< register bits that count matrices
  llvm::SmallVector<uint8_t, 12> otherBits; ///< register bits behind the view's vector, in order
};

} // namespace tegula::layout
