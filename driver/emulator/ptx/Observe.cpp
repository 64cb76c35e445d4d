//===- Observe.cpp - checks and counters of memory instructions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The handlers `observed` of memory instructions come here before they touch memory, and once more after strong reads.
// An access to the generic space is one to each of the spaces that its lanes' addresses lie in.

#include "driver/emulator/ptx/Access.h"

#include <cstring>

namespace tegula::ptx {

namespace {

constexpr uint64_t offsetMask = (uint64_t(1) << 56) - 1;

/// Calls `f` for each space that lanes of a generic access lie in, with those lanes in w.mask.
template <class F> void eachSpace(WarpState &w, const Accessed &a, F f) {
  if (a.space != Space::generic)
    return f(a);
  uint64_t offsets[warpSize];
  uint32_t lanes[4] = {}, all = w.mask;
  for (int l = 0; l < warpSize; l++) {
    uint64_t window = a.address[l] >> 56;
    offsets[l] = window && window < 4 ? a.address[l] & offsetMask : a.address[l];
    lanes[window < 4 ? window : 0] |= 1u << l;
  }
  constexpr Space spaces[] = {Space::global, Space::shared, Space::local, Space::param};
  for (int k = 0; k < 4; k++) {
    w.mask = all & lanes[k];
    if (!w.mask)
      continue;
    Accessed part = a;
    part.space = spaces[k];
    part.address = offsets;
    f(part);
  }
  w.mask = all;
}

/// What a strong write leaves, in the places of each lane.
template <class F> void eachPlace(WarpState &w, const Accessed &a, F f) {
  BlockState &block = *w.block;
  uint64_t last = ~uint64_t(0);
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint64_t address = a.address[l];
    if (address == last)
      continue; // lanes of one lock
    last = address;
    if (a.space == Space::shared) {
      f(block.places[address], l);
      continue;
    }
    SyncPlaces::Part &part = block.launch->places.part(address);
    std::lock_guard lock(part.mutex);
    f(part.places[address], l);
  }
}

} // namespace

void observe(WarpState &w, const Instr &i, const Accessed &access) {
  if (!w.mask)
    return;
  LaunchState &launch = *w.block->launch;
  eachSpace(w, access, [&](const Accessed &a) {
    if (w.block->counters)
      countAccess(w, i, a);
    if (!launch.checks)
      return;
    if (a.space == Space::local)
      return checkLocal(w, i, a);
    if (a.space != Space::shared && a.space != Space::global)
      return;
    uint32_t all = w.mask;
    if (a.space == Space::global)
      w.mask = knownGlobal(w, i, a.address, a.bytes, a.touch != Touch::read);
    if (w.mask) {
      if (a.space == Space::shared)
        checkShared(w, i, a);
      else
        checkGlobal(w, i, a);
      if (a.space == Space::global && launch.anyFresh)
        checkWritten(w, i, a);
      if (a.strong && a.touch != Touch::read)
        eachPlace(w, a, [&](SyncPlace &place, int) {
          released(*w.block, asWarp(w), place, a.order, a.scope, a.touch == Touch::atomic);
        });
    }
    w.mask = all;
  });
}

void observeAcquire(WarpState &w, const Instr &, const Accessed &access) {
  if (!w.mask || !w.block->launch->checks)
    return;
  eachSpace(w, access, [&](const Accessed &a) {
    if (a.space != Space::shared && a.space != Space::global)
      return;
    uint32_t mask = w.mask;
    eachPlace(w, a, [&](SyncPlace &place, int) { acquired(*w.block, asWarp(w), place, mask); });
  });
}

void checkWritten(WarpState &w, const Instr &i, const Accessed &a) {
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    Emulator::Range scratch;
    const Emulator::Range *range = rangeOf(*w.block->launch, a.address[l], scratch);
    if (!range || !range->written)
      continue;
    uint8_t *flags = range->written.get() + (a.address[l] - range->begin);
    bool missing = false;
    for (uint32_t b = 0; b < a.bytes && (a.touch == Touch::read || a.touch == Touch::atomic); b++)
      missing |= !__atomic_load_n(flags + b, __ATOMIC_RELAXED);
    if (missing)
      report(w, i, l, Check::globalUninitialised,
             "reads " + std::to_string(a.bytes) + " bytes at " + hexadecimal(a.address[l]) + " in " +
                 range->name + ", which nothing has written");
    for (uint32_t b = 0; b < a.bytes && a.touch != Touch::read; b++)
      __atomic_store_n(flags + b, 1, __ATOMIC_RELAXED);
  }
}

/// Copies of structures read the bytes between their fields too: a read is wrong only if it finds nothing written.
void checkLocal(WarpState &w, const Instr &i, const Accessed &a) {
  uint8_t *all = asWarp(w).localWritten;
  for (uint32_t rest = w.mask; rest && all; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    if (!endsIn(a.address[l], a.bytes, localStride))
      continue;
    uint8_t *flags = all + size_t(l) * localStride + a.address[l];
    if (a.touch != Touch::read) {
      memset(flags, 1, a.bytes);
      continue;
    }
    bool any = false;
    for (uint32_t b = 0; b < a.bytes; b++)
      any |= flags[b] != 0;
    if (!any)
      report(w, i, l, Check::localUninitialised,
             "reads " + std::to_string(a.bytes) + " bytes of local memory at offset " +
                 std::to_string(a.address[l]) + ", which nothing has written");
  }
}

} // namespace tegula::ptx
