//===- SharedAccess.h - how the threads of a block reach a tile in shared memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A thread reaches its elements in *accesses* of `vector()` elements that lie side by side in memory. Both its registers
// and its addresses are linear, so that an access needs one address register and constants:
//
//     address of access a = base(thread) ^ flips(a)  + immediate(a)
//
// base() is a few shifted and masked copies of the thread's number. Where a bit of an access's offset can not be set in
// the base, adding it is the same as flipping it, and it goes into the immediate; only accesses whose flips() differ need
// address registers of their own.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/SharedLayout.h"

namespace tegula::layout {

class SharedAccess {
public:
  /// Vectors of at most `maxBytes` (at least one element).
  SharedAccess(const Layout &registers, const SharedLayout &memory, unsigned elementBits,
               unsigned maxBytes = 16);

  /// Elements an access, a power of two.
  uint32_t vector() const { return 1u << vectorBits; }
  uint32_t vectorBytes() const { return elementBits < 8 ? vector() : vector() * elementBits / 8; }
  /// Accesses of a thread, majors counted in (they count slowest), registers that repeat another left out.
  uint32_t accesses() const { return majors << groups.size(); }

  /// The register that element `element` of an access stands for.
  uint32_t registerOf(uint32_t access, uint32_t element) const;
  /// Which access, and which element of it, gives a register its value.
  std::pair<uint32_t, uint32_t> placeOf(uint32_t reg) const;

  /// Whether each run of so many registers is a run of elements of one access, in the same order.
  bool keepsRuns(uint32_t registers) const;

  /// One part of the base: the thread's number (lane bits, then warp bits), masked, then shifted left (right if negative).
  struct Term {
    uint32_t mask;
    int shift;
  };
  /// In bytes; they are joined by exclusive or.
  llvm::ArrayRef<Term> terms() const { return baseTerms; }
  uint32_t base(uint32_t thread) const;
  /// In bytes.
  uint32_t flips(uint32_t access) const { return flipped(access & lowBits(unsigned(groups.size()))); }
  uint32_t immediate(uint32_t access) const;
  /// How many values flips() has.
  uint32_t baseRegisters() const { return 1u << flipped.rank(); }
  /// The byte address, all parts together.
  uint32_t address(uint32_t access, uint32_t thread) const {
    return (base(thread) ^ flips(access)) + immediate(access);
  }

  /// How many times 128 bytes one access of a warp takes: 32 banks of 4 bytes, accesses of 8 bytes by halves of the warp, of
  /// 16 bytes by quarters, equal words once. The same for every access and warp, because exclusive or permutes banks.
  uint32_t wavefronts() const { return wavefrontCount; }
  /// Without conflicts: one for each part of the warp, at most 128 bytes.
  uint32_t idealWavefronts() const { return partCount; }
  /// What one warp needs for the whole tile.
  uint32_t totalWavefronts() const { return wavefrontCount * accesses(); }

  /// Words (32 bits) whose elements lie in memory in another order than in the registers: byte permutations to make them,
  /// of the elements of a thread, when registers hold elements packed in their own order.
  uint32_t bytePermutations() const { return permutations; }

private:
  void chooseVector(const Layout &registers, const BitMatrix &toOffset, unsigned maxBytes);
  void chooseGroups(const Layout &registers, const BitMatrix &toOffset);
  void planBase(const Layout &registers, const BitMatrix &toOffset);
  void countWavefronts(const Layout &registers, const BitMatrix &toOffset);
  void countPermutations(const Layout &registers);
  uint32_t bytes(uint32_t offset) const {
    return elementBits < 8 ? offset : offset << std::countr_zero(elementBits / 8);
  }

  unsigned elementBits;
  uint32_t majors, majorStride;
  unsigned registerBits, vectorBits = 0;
  BitMatrix vectorRegisters;              ///< register bits of element bit i of an access
  llvm::SmallVector<uint32_t, 12> groups; ///< register bits of access bit i
  llvm::SmallVector<uint32_t, 12>
      placeOfBit; ///< (access bits << vectorBits | element bits) of register bit i
  llvm::SmallVector<Term, 4> baseTerms;
  BitMatrix flipped, added; ///< of each access bit, in bytes
  uint32_t wavefrontCount = 1, partCount = 1, permutations = 0;
};

} // namespace tegula::layout
