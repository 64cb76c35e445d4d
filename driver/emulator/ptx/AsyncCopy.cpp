//===- AsyncCopy.cpp - cp.async and its groups ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// PTX lets a copy land at any time between its issue and the wait that covers it. `lazyAsync` takes the last moment:
// the source is read at the wait, and until then the destination holds a pattern that is a NaN; else it lands at once.

#include "driver/emulator/ptx/Access.h"

#include <cstring>

namespace tegula::ptx {

namespace {

void copyLane(WarpState &w, const AsyncCopy &copy, int lane) {
  uint8_t *to = w.block->shared.data() + copy.to[lane];
  memcpy(to, reinterpret_cast<const uint8_t *>(copy.from[lane]), copy.size[lane]);
  memset(to + copy.size[lane], 0, copy.bytes - copy.size[lane]);
}

/// The wait that covers the copy: others may read it after a barrier that follows the wait, not one that follows the
/// issue.
void complete(WarpState &w, const AsyncCopy &copy, int lane) {
  const Warp &warp = asWarp(w);
  if (!copy.issued.empty() &&
      memcmp(copy.issued.data() + size_t(lane) * 16, reinterpret_cast<const uint8_t *>(copy.from[lane]),
             copy.size[lane]) != 0)
    report(w, *copy.at, lane, Check::asyncSource,
           "copies from " + hexadecimal(copy.from[lane]) +
               ", which was overwritten before the wait for the copy");
  if (!w.block->shadow)
    return;
  for (uint32_t b = copy.to[lane]; b < copy.to[lane] + copy.bytes; b += 4) {
    Stamp &write = w.block->shadow->words[b / 4].write;
    w.block->shadow->state[b / 4] &= uint8_t(~SharedShadow::inFlight);
    if (write.warp() == warp.index && write.lane() == lane && write.instruction() == copy.instruction)
      write = write.at(warp.order.now);
  }
}

/// Whether the lane may read that much; the address is a multiple of the bytes that are written, also where fewer are
/// read.
bool located(WarpState &w, const Instr &i, uint64_t from, uint32_t size, uint32_t bytes, int lane) {
  if (!size)
    return true;
  if (size == bytes || (from & (bytes - 1)))
    return locate(w, i, Space::global, from, bytes, lane, false) != nullptr;
  return locate(w, i, Space::global, from, 1, lane, false) &&
         locate(w, i, Space::global, from + size - 1, 1, lane, false);
}

/// variant: the bytes. imm2 is the offset of the source's address.
template <bool observed> void copyAsync(WarpState &w, const Instr &i) {
  uint64_t to[warpSize], from[warpSize];
  laneAddresses(w, i, 0, i.imm, i.addressIsSymbol, to);
  laneAddresses(w, i, 1, i.imm2, i.address2IsSymbol, from);
  uint32_t bytes = i.variant & 0xff;
  int sizeSource = int(i.variant >> 8) - 1;
  Warp &warp = asWarp(w);
  AsyncCopy copy;
  copy.bytes = bytes;
  copy.sequence = ++warp.copySequence;
  uint32_t all = w.mask, reading = 0;
  for (uint32_t rest = all; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint32_t size = sizeSource < 0 ? bytes : lanes32(w, i.src[sizeSource])[l];
    if (sizeSource < 0 && i.srcPred != noSlot && (readPred(w, i.srcPred, i.srcPredNegated) >> l & 1))
      size = 0; // ignore-src
    copy.size[l] = std::min(size, bytes);
    copy.from[l] = from[l];
    copy.to[l] = uint32_t(to[l]);
    copy.group[l] = warp.groups[l];
    reading |= uint32_t(copy.size[l] != 0) << l;
  }
  if (observed) {
    Accessed a;
    a.aligned = bytes;
    a.space = Space::global;
    a.address = from;
    while (reading) { // lanes that read as many bytes at a time
      a.bytes = copy.size[std::countr_zero(reading)];
      w.mask = 0;
      for (uint32_t rest = reading; rest; rest &= rest - 1)
        if (int l = std::countr_zero(rest); copy.size[l] == a.bytes)
          w.mask |= 1u << l;
      reading &= ~w.mask;
      observe(w, i, a);
      a.continued = true;
    }
    a.continued = false;
    a.bytes = bytes;
    a.space = Space::shared;
    a.address = to;
    a.touch = Touch::asyncWrite;
    w.mask = all;
    observe(w, i, a);
    copy.at = &i;
    copy.instruction = instructionIndex(w, i);
    if (w.block->launch->checks)
      copy.issued.resize(size_t(warpSize) * 16);
  }
  for (uint32_t rest = all; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    if (!locate(w, i, Space::shared, to[l], bytes, l, true))
      continue;
    if (!located(w, i, from[l], copy.size[l], bytes, l))
      copy.size[l] = 0; // zeros, as a load of what is not there gives
    copy.mask |= 1u << l;
    if (!copy.issued.empty())
      memcpy(copy.issued.data() + size_t(l) * 16, reinterpret_cast<const uint8_t *>(from[l]), copy.size[l]);
  }
  if (observed)
    changed(w);
  copy.landed = !w.block->launch->settings.lazyAsync;
  for (uint32_t rest = copy.mask; rest; rest &= rest - 1)
    if (copy.landed)
      copyLane(w, copy, std::countr_zero(rest));
    else
      memset(w.block->shared.data() + copy.to[std::countr_zero(rest)], 0xff, bytes);
  if (copy.landed && !observed)
    return;
  warp.copies.push_back(copy);
}

void commit(WarpState &w, const Instr &) {
  for (int l = 0; l < warpSize; l++)
    asWarp(w).groups[l] += w.mask >> l & 1;
}
void waitGroup(WarpState &w, const Instr &i) { landCopies(w, w.mask, uint32_t(i.variant), false); }
void waitAll(WarpState &w, const Instr &) { landCopies(w, w.mask, 0, true); }

} // namespace

template <class F> static void land(WarpState &w, uint32_t mask, F isCovered) {
  Warp &warp = asWarp(w);
  for (AsyncCopy &copy : warp.copies)
    for (uint32_t rest = copy.mask & mask; rest; rest &= rest - 1) {
      int l = std::countr_zero(rest);
      if (!isCovered(copy, l))
        continue;
      if (!copy.landed)
        copyLane(w, copy, l);
      complete(w, copy, l);
      copy.mask &= ~(1u << l);
    }
  while (!warp.copies.empty() && !warp.copies.front().mask)
    warp.copies.pop_front();
}

void landCopies(WarpState &w, uint32_t mask, uint32_t pending, bool uncommitted) {
  const Warp &warp = asWarp(w);
  land(w, mask,
       [&](const AsyncCopy &copy, int l) { return uncommitted || copy.group[l] + pending < warp.groups[l]; });
}
void landCopiesBefore(WarpState &w, uint32_t mask, uint64_t sequence) {
  land(w, mask, [&](const AsyncCopy &copy, int) { return copy.sequence <= sequence; });
}

bool chooseAsyncCopy(const Spelling &s, Instr &i, Keeper &) {
  if (s.opcode != "cp" || s.modifiers.empty() || s.modifiers[0] != "async")
    return false;
  i.pipe = Pipe::asyncCopy;
  std::string_view first = s.modifiers.size() > 1 ? s.modifiers[1] : "";
  if (first == "commit_group" || first == "wait_group" || first == "wait_all") {
    if (s.modifiers.size() > 2)
      badModifier(s, i, s.modifiers[2]);
    i.run = first == "commit_group" ? commit : first == "wait_group" ? waitGroup : waitAll;
    if (first == "wait_group" && !s.operands.empty())
      i.variant = uint32_t(strtoul(std::string(s.operands[0]).c_str(), nullptr, 0));
    return true;
  }
  bool hint = false;
  for (size_t k = 1; k < s.modifiers.size(); k++) {
    auto m = s.modifiers[k];
    hint |= m == "L2::cache_hint";
    if (!isOneOf(m, {"ca", "cg", "shared", "shared::cta", "global", "L2::cache_hint", "L2::64B", "L2::128B",
                     "L2::256B"}))
      badModifier(s, i, m);
  }
  size_t operands = s.operands.size() - hint;
  if (operands < 3)
    badType(s, i);
  uint32_t bytes = uint32_t(strtoul(std::string(s.operands[2]).c_str(), nullptr, 0));
  if (bytes != 4 && bytes != 8 && bytes != 16)
    badType(s, i);
  bool size = operands >= 4 && i.srcPred == noSlot;
  i.variant = bytes | (size ? 4u << 8 : 0);
  i.run = copyAsync<false>;
  i.observed = copyAsync<true>;
  return true;
}

} // namespace tegula::ptx
