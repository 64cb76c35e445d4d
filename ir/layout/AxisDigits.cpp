//===- AxisDigits.cpp - where the bits of one dimension's index live ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/AxisDigits.h"

namespace tegula::layout {

std::optional<AxisDigits> AxisDigits::of(const Layout &layout, unsigned axis) {
  AxisDigits digits;
  digits.bits.assign(layout.dims()[axis].bits, {Input::Block, 0});
  uint32_t mask = layout.mask(axis), seen = 0;
  for (Input input : {Input::Register, Input::Lane, Input::Warp}) {
    for (auto [i, basis] : llvm::enumerate(layout.bases(input))) {
      if (!(basis & mask))
        continue;
      if (!std::has_single_bit(basis) || seen & basis)
        return std::nullopt;
      seen |= basis;
      digits.bits[unsigned(std::countr_zero(basis)) - layout.shift(axis)] = {input, uint8_t(i)};
    }
  }
  if (seen != mask)
    return std::nullopt;
  return digits;
}

unsigned AxisDigits::firstWarpBit() const {
  for (unsigned i = 0; i < bits.size(); ++i)
    if (bits[i].input == Input::Warp)
      return i;
  return unsigned(bits.size());
}

uint32_t AxisDigits::mask(Input input, unsigned begin, unsigned end) const {
  uint32_t all = 0;
  for (unsigned i = begin; i < end; ++i)
    if (bits[i].input == input)
      all |= 1u << bits[i].bit;
  return all;
}

uint32_t withoutAxisBits(const Layout &layout, unsigned axis, uint32_t gone, uint32_t flat) {
  unsigned shift = layout.shift(axis), bits = layout.dims()[axis].bits;
  uint32_t low = flat & lowBits(shift), mine = flat >> shift & lowBits(bits), kept = 0;
  unsigned to = 0;
  for (unsigned bit = 0; bit < bits; ++bit)
    if (!(gone >> bit & 1))
      kept |= (mine >> bit & 1) << to++;
  uint32_t high = uint32_t(uint64_t(flat) >> (shift + bits));
  return low | kept << shift | uint32_t(uint64_t(high) << (shift + to));
}

Layout withoutAxisBits(const Layout &layout, unsigned axis, uint32_t gone, bool keepsMajors) {
  Dims dims(layout.dims());
  if (!keepsMajors)
    dims[axis].reps = 1;
  dims[axis].bits = uint8_t(dims[axis].bits - unsigned(std::popcount(gone)));
  std::array<llvm::SmallVector<uint32_t, 16>, inputCount> bases;
  for (unsigned input = 0; input < inputCount; ++input)
    for (uint32_t basis : layout.bases(Input(input)))
      bases[input].push_back(withoutAxisBits(layout, axis, gone, basis));
  return Layout(dims, bases[0], bases[1], bases[2], bases[3]).removeZeroRegisters().layout;
}

} // namespace tegula::layout
