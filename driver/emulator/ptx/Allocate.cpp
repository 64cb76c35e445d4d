//===- Allocate.cpp - slots for virtual registers ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Linear scan over live intervals without holes. Divergence needs no care: a slot has a place for each lane, and each
// lane follows one path of the graph. A result under a guard keeps the lanes that the guard excludes, so it counts as a
// use too. Each width has slots of its own: registers of unlike widths never overlap in part, which would let a handler
// that goes lane by lane overwrite what it has yet to read.

#include "driver/emulator/ptx/Decoder.h"

#include <algorithm>
#include <queue>

namespace tegula::ptx {
namespace {

struct Liveness {
  const Lowered &lowered;
  const Blocks &blocks;
  std::vector<int32_t> begin, end; ///< 2 × draft for a use, + 1 for a definition

  template <class Uses, class Defs> void visit(const Draft &d, Uses use, Defs define) const {
    auto read = [&](Virtual v) {
      if (v != noVirtual && !isConstant(v))
        use(v);
    };
    for (Virtual v : d.src)
      read(v);
    size_t results = d.instr.parts[0];
    for (size_t k = results; k < d.list.size(); k++)
      read(d.list[k]);
    for (size_t k = d.results; k < d.passed.size(); k++)
      read(d.passed[k]);
    auto write = [&](Virtual v) {
      if (v == noVirtual || isConstant(v))
        return;
      if (d.instr.guard != noSlot)
        use(v);
      define(v);
    };
    write(d.dst);
    for (size_t k = 0; k < results; k++)
      write(d.list[k]);
    for (size_t k = 0; k < d.results; k++)
      write(d.passed[k]);
  }

  size_t endOf(size_t b) const {
    return b + 1 < blocks.first.size() ? static_cast<size_t>(blocks.first[b + 1]) : lowered.drafts.size();
  }

  void run() {
    size_t registers = lowered.width.size(), count = blocks.first.size();
    begin.assign(registers, INT32_MAX);
    end.assign(registers, -1);
    // Only registers that some block reads before it writes them cross borders; few do.
    std::vector<int32_t> crossing(registers, -1), writtenIn(registers, -1);
    std::vector<Virtual> names;
    std::vector<std::vector<int32_t>> reads(count);
    for (size_t b = 0; b < count; b++)
      for (size_t i = static_cast<size_t>(blocks.first[b]); i < endOf(b); i++) {
        int32_t at = static_cast<int32_t>(i) * 2;
        visit(
            lowered.drafts[i],
            [&](Virtual v) {
              begin[v] = std::min(begin[v], at);
              end[v] = std::max(end[v], at);
              if (writtenIn[v] == static_cast<int32_t>(b))
                return;
              if (crossing[v] < 0) {
                crossing[v] = static_cast<int32_t>(names.size());
                names.push_back(v);
              }
              reads[b].push_back(crossing[v]);
            },
            [&](Virtual v) {
              begin[v] = std::min(begin[v], at + 1);
              end[v] = std::max(end[v], at + 1);
              writtenIn[v] = static_cast<int32_t>(b);
            });
      }
    spread(crossing, names, reads);
  }

  void spread(const std::vector<int32_t> &crossing, const std::vector<Virtual> &names,
              const std::vector<std::vector<int32_t>> &reads) {
    size_t count = blocks.first.size(), words = (names.size() + 63) / 64;
    std::vector<uint64_t> in(count * words), kills(count * words), out(words);
    for (size_t b = 0; b < count; b++) {
      for (int32_t r : reads[b])
        in[b * words + static_cast<size_t>(r) / 64] |= uint64_t(1) << (r & 63);
      for (size_t i = static_cast<size_t>(blocks.first[b]); i < endOf(b); i++)
        visit(
            lowered.drafts[i], [](Virtual) {},
            [&](Virtual v) {
              if (int32_t r = crossing[v]; r >= 0)
                kills[b * words + static_cast<size_t>(r) / 64] |= uint64_t(1) << (r & 63);
            });
    }
    auto outOf = [&](size_t b) {
      std::fill(out.begin(), out.end(), 0);
      for (int32_t n : blocks.next[b])
        for (size_t k = 0; n >= 0 && k < words; k++)
          out[k] |= in[static_cast<size_t>(n) * words + k];
    };
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t b = count; b-- > 0;) {
        outOf(b);
        for (size_t k = 0; k < words; k++) {
          uint64_t now = in[b * words + k] | (out[k] & ~kills[b * words + k]);
          changed |= now != in[b * words + k];
          in[b * words + k] = now;
        }
      }
    }
    for (size_t b = 0; b < count; b++) {
      outOf(b);
      int32_t start = blocks.first[b] * 2, stop = static_cast<int32_t>(endOf(b)) * 2;
      for (size_t k = 0; k < words; k++) {
        for (uint64_t rest = in [b * words + k]; rest; rest &= rest - 1) {
          Virtual v = names[k * 64 + static_cast<size_t>(__builtin_ctzll(rest))];
          begin[v] = std::min(begin[v], start);
          end[v] = std::max(end[v], start);
        }
        for (uint64_t rest = out[k]; rest; rest &= rest - 1) {
          Virtual v = names[k * 64 + static_cast<size_t>(__builtin_ctzll(rest))];
          begin[v] = std::min(begin[v], stop - 1);
          end[v] = std::max(end[v], stop);
        }
      }
    }
  }
};

} // namespace

Allocation allocate(const Lowered &lowered, const Blocks &blocks) {
  Liveness live{lowered, blocks, {}, {}};
  live.run();
  Allocation result;
  size_t registers = lowered.width.size();
  std::vector<uint32_t> place(registers, ~0u), order;
  for (size_t v = 0; v < registers; v++)
    if (live.end[v] >= 0 && lowered.width[v])
      order.push_back(static_cast<uint32_t>(v));
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return live.begin[a] != live.begin[b] ? live.begin[a] < live.begin[b] : a < b;
  });
  struct Pool {
    uint32_t used = 0;
    std::vector<uint32_t> free;
    using Entry = std::pair<int32_t, uint32_t>; // end, place
    std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> active;
  } pools[3];
  auto poolOf = [](uint8_t width) { return width == 16 ? 2 : width == 8 ? 1 : 0; };
  for (uint32_t v : order) {
    Pool &pool = pools[poolOf(lowered.width[v])];
    // Read at 2i and written at 2i + 1: a result may take the place of an operand that ends there.
    while (!pool.active.empty() && pool.active.top().first < live.begin[v]) {
      pool.free.push_back(pool.active.top().second);
      pool.active.pop();
    }
    if (pool.free.empty())
      place[v] = pool.used++;
    else {
      place[v] = pool.free.back();
      pool.free.pop_back();
    }
    pool.active.push({live.end[v], place[v]});
  }
  uint64_t base[3] = {0, pools[0].used, pools[0].used + uint64_t(pools[1].used) * 2};
  uint64_t slots = base[2] + uint64_t(pools[2].used) * 4;
  result.slot.assign(registers, noSlot);
  uint64_t total = slots;
  for (auto [width, value] : lowered.constants)
    total += width == 8 ? 2 : 1;
  result.fits = total < noSlot;
  if (!result.fits)
    return result;
  for (uint32_t v : order) {
    int pool = poolOf(lowered.width[v]);
    result.slot[v] = static_cast<Slot>(base[pool] + (uint64_t(place[v]) << pool));
  }
  for (auto [width, value] : lowered.constants) {
    result.constantSlot.push_back(static_cast<Slot>(slots));
    slots += width == 8 ? 2 : 1;
  }
  result.slots = static_cast<uint32_t>(slots);
  return result;
}

} // namespace tegula::ptx
