//===- Count.cpp - sectors, wavefronts and bytes of memory instructions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Global memory moves in sectors of 32 bytes; the ideal is as many as the bytes asked for need. Shared memory has 32
// banks of 4 bytes, each of which gives one word a wavefront. Local memory counts as global: word k of lane l lies at
// 128 k + 4 l, so lanes that touch the same offset share sectors.

#include "driver/emulator/ptx/Access.h"

#include <algorithm>

namespace tegula::ptx {

namespace {

void countSectors(WarpState &w, MemoryCount &c, const Accessed &a) {
  uint64_t sectors[warpSize * 5];
  size_t n = 0;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint64_t at = a.address[l];
    if (a.space == Space::local) {
      for (uint32_t b = 0; b < a.bytes; b += 4)
        sectors[n++] = ((at + b) / 4 * 128 + 4 * uint64_t(l)) >> 5;
      continue;
    }
    for (uint64_t s = at >> 5; s <= (at + a.bytes - 1) >> 5; s++)
      sectors[n++] = s;
  }
  std::sort(sectors, sectors + n);
  c.units += uint64_t(std::unique(sectors, sectors + n) - sectors);
  c.ideal += (uint64_t(std::popcount(w.mask)) * a.bytes + 31) / 32;
}

/// Accesses of 8 and 16 bytes go by halves and quarters of the warp. Atomics on one word go one after the other.
void countWavefronts(WarpState &w, MemoryCount &c, const Accessed &a) {
  uint32_t parts = a.bytes <= 4 ? 1 : a.bytes <= 8 ? 2 : 4, lanes = warpSize / parts;
  for (uint32_t part = 0; part < parts; part++) {
    uint64_t words[warpSize * 5];
    uint32_t perBank[32] = {};
    size_t n = 0;
    for (uint32_t l = part * lanes; l < (part + 1) * lanes; l++)
      if (w.mask >> l & 1)
        for (uint64_t word = a.address[l] / 4; word <= (a.address[l] + a.bytes - 1) / 4; word++)
          words[n++] = word;
    if (!n)
      continue;
    std::sort(words, words + n);
    size_t distinct = n;
    if (a.touch != Touch::atomic)
      distinct = n = size_t(std::unique(words, words + n) - words);
    uint32_t most = 0;
    for (size_t k = 0; k < n; k++)
      most = std::max(most, ++perBank[words[k] % 32]);
    c.units += most;
    c.ideal += uint64_t(distinct + 31) / 32;
  }
}

} // namespace

void countAccess(WarpState &w, const Instr &i, const Accessed &a) {
  if (a.space != Space::shared && a.space != Space::global && a.space != Space::local)
    return;
  MemoryCounts &counts = (*w.block->memoryCounts)[instructionIndex(w, i)];
  MemoryCount &c = a.space == Space::shared  ? counts.shared
                   : a.space == Space::local ? counts.local
                                             : counts.global;
  c.requests += !a.continued;
  c.bytes += uint64_t(std::popcount(w.mask)) * a.bytes;
  if (a.space == Space::shared)
    countWavefronts(w, c, a);
  else
    countSectors(w, c, a);
}

} // namespace tegula::ptx
