//===- AxisDigits.h - where the bits of one dimension's index live ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// What goes along an axis in the order of its indices wants to know which part of the index counts in registers, which in
// lanes, which in warps. In 1024 elements with 4 in a thread, 4 warps, and all of it twice,
//
//     1024 reg 1 2 512 lane 4 8 16 32 64 warp 128 256
//
// bits 0 and 1 of the index are register bits 0 and 1, bits 2 to 6 are lane bits, 7 and 8 warp bits, 9 is register bit 2.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/Layout.h"

namespace tegula::layout {

struct AxisDigits {
  struct Bit {
    Input input;
    uint8_t bit; ///< of the input
    friend bool operator==(const Bit &, const Bit &) = default;
  };
  llvm::SmallVector<Bit, 12> bits; ///< by bit of the index

  /// None where a bit of the index is made of several bits of the inputs, or one of these moves along something else too.
  static std::optional<AxisDigits> of(const Layout &layout, unsigned axis);

  /// The lowest bit of the index that counts warps; all bits if none does.
  unsigned firstWarpBit() const;
  /// Bits of an input that count along the axis, of the index bits [begin, end).
  uint32_t mask(Input input, unsigned begin, unsigned end) const;
};

/// A flat index without the bits `gone` of an axis: what is left of the axis moves together.
uint32_t withoutAxisBits(const Layout &layout, unsigned axis, uint32_t gone, uint32_t flat);
/// The layout of every index without these bits, each element once in a thread. `keepsMajors`: those of the axis stay.
Layout withoutAxisBits(const Layout &layout, unsigned axis, uint32_t gone, bool keepsMajors = true);

} // namespace tegula::layout
