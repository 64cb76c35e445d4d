//===- RandomLayout.h - layouts at random, for property tests ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/Layout.h"

#include <algorithm>
#include <random>

namespace tegula::layout::testing {

struct RandomLayouts {
  std::mt19937 engine;
  unsigned laneBits = 5, warpBits = 2;

  explicit RandomLayouts(unsigned seed) : engine(seed) {}
  unsigned below(unsigned n) { return unsigned(engine() % n); }

  /// Up to three dimensions, some with an odd factor.
  Dims dims(unsigned mostBits, bool majors = true) {
    Dims out(1 + below(3));
    for (unsigned left = below(mostBits + 1), d = 0; d < out.size(); d++) {
      unsigned bits = d + 1 == out.size() ? left : below(left + 1);
      out[d].bits = bits & 0xff;
      out[d].reps = majors && below(3) == 0 ? (below(2) ? 3 : 5) : 1;
      left -= bits;
    }
    return out;
  }

  /// Covers the tile: register bits as needed, copies where lanes or warps are left over. `skewed`: bases that flip many
  /// bits; otherwise each basis flips one, in any order.
  Layout layout(llvm::ArrayRef<Dim> dims, bool skewed) {
    unsigned flatBits = 0;
    for (Dim dim : dims)
      flatBits += dim.bits;
    std::vector<uint32_t> unit(flatBits);
    for (unsigned i = 0; i < flatBits; i++)
      unit[i] = 1u << i;
    std::shuffle(unit.begin(), unit.end(), engine);
    if (skewed)
      for (unsigned round = 0; round < 2 * flatBits; round++) {
        unsigned a = below(flatBits), b = below(flatBits);
        if (a != b)
          unit[a] ^= unit[b];
      }
    std::array<std::vector<uint32_t>, 3> bases;
    std::array<unsigned, 3> room = {below(4), laneBits, warpBits};
    for (uint32_t basis : unit) {
      unsigned input = below(3);
      if (bases[input].size() >= room[input])
        input = bases[1].size() < room[1] && below(2) ? 1 : bases[2].size() < room[2] && below(2) ? 2 : 0;
      bases[input].push_back(basis);
    }
    for (unsigned input : {1, 2})
      while (bases[input].size() < room[input])
        bases[input].push_back(skewed && flatBits && below(2) ? engine() & lowBits(flatBits) : 0);
    if (skewed && flatBits && below(4) == 0)
      bases[0].push_back(engine() & lowBits(flatBits));
    for (auto &list : bases)
      std::shuffle(list.begin(), list.end(), engine);
    return Layout(dims, bases[0], bases[1], bases[2]);
  }
};

/// Calls visit(register, lane, warp) for every register of every thread.
template <class Visit> void forEachRegister(const Layout &layout, Visit visit) {
  for (uint32_t warp = 0; warp < 1u << layout.inBits(Input::Warp); warp++)
    for (uint32_t lane = 0; lane < 1u << layout.inBits(Input::Lane); lane++)
      for (uint32_t reg = 0; reg < layout.registers(); reg++)
        visit(reg, lane, warp);
}

/// Row-major number of an index.
inline int64_t linear(llvm::ArrayRef<int64_t> index, llvm::ArrayRef<int64_t> extents) {
  int64_t out = 0;
  for (size_t d = 0; d < index.size(); d++)
    out = out * extents[d] + index[d];
  return out;
}

} // namespace tegula::layout::testing
