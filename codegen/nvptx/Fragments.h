//===- Fragments.h - which element of a matrix each lane has for `mma` ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The fragments of `mma.sync` (PTX ISA, "Matrix Fragments for mma.m…n…k…") are layouts of one form. With p register bits for
// the elements of a 32-bit register (1 for 16 bits, 2 for 8, 3 for 4, else 0):
//
//     A, m x k      registers: k bits 0 to p-1, m bit 3 (of 16 rows), k bits from p+2     lanes: k bits p, p+1, m bits 0 to 2
//     B, k x n      registers: k bits 0 to p-1, k bits from p+2                           lanes: k bits p, p+1, n bits 0 to 2
//     C, m x n      registers: n bit 0, m bit 3 (of 16 rows)                              lanes: n bits 1, 2, m bits 0 to 2
//
// m16n8k16 of 16 bits, A:  16x16 reg (0,1) (8,0) (0,8) lane (0,2..4) (1..4,0).
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/Layout.h"

namespace tegula::nvptx {

/// One shape of `mma.sync` for one type of operands.
struct MmaInstruction {
  llvm::StringLiteral operands; ///< as PTX names them; u8 is as s8, u4 as s4, e5m2 as e4m3
  uint8_t elementBits;
  uint8_t m, n, k;
  uint8_t sm; ///< first architecture
};
/// Every one of dense operands, for each type from the smallest k on.
llvm::ArrayRef<MmaInstruction> mmaInstructions();
/// Null if there is none of this shape.
const MmaInstruction *findMma(llvm::StringRef operands, unsigned m, unsigned n, unsigned k);

enum class Operand : uint8_t { A, B, C }; ///< C is the result too

/// Dimensions are rows and columns of the operand.
layout::Layout mmaFragment(Operand operand, const MmaInstruction &instruction);

/// How one product is cut into instructions.
struct MmaTiling {
  const MmaInstruction *instruction = nullptr;
  /// Warps along M and N, as bits; each has instructions side by side with the next warp's, and their repeats further on.
  unsigned warpBitsM = 0, warpBitsN = 0;
  bool warpsAlongNFirst = true;
  /// Elements along K that lie side by side in a thread; more than a 32-bit register has renumbers K, for A and B alike.
  /// Zero: as many as it has.
  unsigned kWidth = 0;
  /// Which repeats count faster in registers; by default those along the columns of C, and along K.
  bool rowsFirst = false;
};

/// An operand of a whole product: [batch x] rows x columns.
class TiledFragment {
public:
  /// None if K has fewer bits than the instruction or the width asks for: it has to be padded. Where the rows or columns of
  /// the result are fewer than the instruction's, some registers and lanes hold copies.
  static std::optional<TiledFragment> of(Operand operand, llvm::ArrayRef<layout::Dim> dims,
                                         const MmaTiling &tiling);

  const layout::Layout &layout() const { return whole; }
  /// How many instructions of a warp lie along the batch, the rows, the columns of this operand.
  uint32_t batches() const { return repeats[0].count(); }
  uint32_t rowRepeats() const { return repeats[1].count(); }
  uint32_t columnRepeats() const { return repeats[2].count(); }
  /// The register of the whole that is register `fragmentRegister` (as mmaFragment counts them) of one instruction.
  uint32_t registerOf(uint32_t batch, uint32_t row, uint32_t column, uint32_t fragmentRegister) const;

private:
  struct Repeats {
    uint32_t majors = 1;
    llvm::SmallVector<uint8_t, 6> bits; ///< register bits
    uint32_t count() const { return majors << bits.size(); }
  };
  class Builder;

  layout::Layout whole;
  std::array<Repeats, 3> repeats;
  llvm::SmallVector<uint8_t, 6> fragmentBits; ///< register bits of the whole
};

} // namespace tegula::nvptx
