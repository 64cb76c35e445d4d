//===- Observe.cpp - checks and counters of memory instructions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Races on shared memory. Each warp has a clock; barriers make what a warp did before known to those that waited with
// it (Warp::clock). An access is ordered after a past one if its warp knows the clock that the past one had. Lanes of one
// warp are ordered by `bar.warp.sync` and barriers.

#include "driver/emulator/ptx/Access.h"

#include <algorithm>

namespace tegula::ptx {

namespace {

// --- Counters

void countGlobal(WarpState &w, Counters &c, const uint64_t *address, uint32_t bytes) {
  uint64_t sectors[warpSize * 3];
  int n = 0;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    uint64_t a = address[std::countr_zero(rest)];
    for (uint64_t s = a >> 5; s <= (a + bytes - 1) >> 5; s++)
      sectors[n++] = s;
  }
  std::sort(sectors, sectors + n);
  uint64_t lanes = uint64_t(std::popcount(w.mask));
  c.globalRequests++;
  c.globalSectors += uint64_t(std::unique(sectors, sectors + n) - sectors);
  c.globalSectorsIdeal += (lanes * bytes + 31) / 32;
  c.globalBytes += lanes * bytes;
}

/// Accesses of 8 and 16 bytes go by halves and quarters of the warp; each part takes as many wavefronts as the fullest
/// of the 32 banks has different words.
void countShared(WarpState &w, Counters &c, const uint64_t *address, uint32_t bytes) {
  uint32_t parts = bytes <= 4 ? 1 : bytes <= 8 ? 2 : 4, lanes = warpSize / parts;
  c.sharedRequests++;
  c.sharedBytes += uint64_t(std::popcount(w.mask)) * bytes;
  for (uint32_t part = 0; part < parts; part++) {
    uint64_t words[warpSize * 4];
    uint32_t perBank[32] = {};
    int n = 0;
    for (uint32_t l = part * lanes; l < (part + 1) * lanes; l++)
      if (w.mask >> l & 1)
        for (uint64_t word = address[l] / 4; word <= (address[l] + bytes - 1) / 4; word++)
          words[n++] = word;
    if (!n)
      continue;
    std::sort(words, words + n);
    n = int(std::unique(words, words + n) - words);
    uint32_t most = 0;
    for (int k = 0; k < n; k++)
      most = std::max(most, ++perBank[words[k] % 32]);
    c.sharedWavefronts += most;
    c.sharedWavefrontsIdeal += uint64_t(n + 31) / 32;
  }
}

// --- Races

struct Checker {
  Warp &w;
  const Instr &i;
  Touch touch;
  uint32_t bytes;

  bool ordered(const PastAccess &past, int lane) const {
    if (!past.epoch || past.at == &i)
      return past.epoch == 0 || past.warp == w.index || past.epoch <= w.clock[past.warp];
    if (past.warp == w.index)
      return past.lane == lane || past.laneEpoch < w.laneEpoch;
    return past.epoch <= w.clock[past.warp];
  }
  bool conflicts(const PastAccess &past, int lane) const {
    bool narrow = past.narrow && bytes < 4;
    return past.epoch && !narrow && !(past.atomic && touch == Touch::atomic) && !ordered(past, lane);
  }
  void race(const PastAccess &past, int lane, uint64_t address, const char *before) const {
    report(w, i, lane, "shared-race",
           std::string(touch == Touch::read ? "reads" : "writes") + " shared memory at offset " +
               std::to_string(address) + ", which thread " +
               std::to_string(past.warp * warpSize + past.lane) + " " + before + " at " +
               (past.at->sourceLine ? "line " + std::to_string(past.at->sourceLine) + ", " : std::string()) +
               "PTX line " + std::to_string(past.at->line) + ", with no barrier between");
  }
  PastAccess now(int lane) const {
    PastAccess a;
    a.epoch = w.clock[w.index];
    a.laneEpoch = w.laneEpoch;
    a.warp = uint8_t(w.index);
    a.lane = uint8_t(lane);
    a.atomic = touch == Touch::atomic;
    a.narrow = bytes < 4;
    a.at = &i;
    return a;
  }
  void read(ShadowWord &word, int lane, uint64_t address, uint8_t wanted) const {
    if (word.inFlight)
      report(w, i, lane, "async-copy-before-wait",
             "reads shared memory at offset " + std::to_string(address) + ", which a cp.async of PTX line " +
                 std::to_string(word.write.at ? word.write.at->line : 0) + " is still writing");
    else if ((word.initialised & wanted) != wanted)
      report(w, i, lane, "shared-uninitialised",
             "reads shared memory at offset " + std::to_string(address) + ", which nothing has written");
    if (conflicts(word.write, lane))
      race(word.write, lane, address, "wrote");
    PastAccess a = now(lane);
    for (PastAccess &slot : word.reads)
      if (!slot.epoch || slot.warp == a.warp || slot.epoch <= w.clock[slot.warp]) {
        slot = a;
        return;
      }
  }
  void write(ShadowWord &word, int lane, uint64_t address, uint8_t wanted) const {
    if (conflicts(word.write, lane))
      race(word.write, lane, address, "wrote");
    for (PastAccess &past : word.reads)
      if (conflicts(past, lane))
        race(past, lane, address, "read");
    word.reads[0] = word.reads[1] = PastAccess();
    word.write = now(lane);
    word.initialised |= wanted;
    word.inFlight = touch == Touch::asyncWrite;
  }
};

void checkShared(WarpState &w, const Instr &i, const uint64_t *address, uint32_t bytes, Touch touch) {
  Checker check{asWarp(w), i, touch, bytes};
  BlockState &block = *w.block;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint64_t a = address[l];
    if (a + bytes > block.launch->sharedBytes || a & (bytes - 1))
      continue; // reported by the access itself
    for (uint64_t at = a & ~uint64_t(3); at < a + bytes; at += 4) {
      uint8_t wanted = bytes >= 4 ? 15 : uint8_t(((1u << bytes) - 1) << (a & 3));
      ShadowWord &word = block.shadow[at / 4];
      if (touch == Touch::read)
        check.read(word, l, at, wanted);
      else
        check.write(word, l, at, wanted);
    }
  }
}

// --- Races on global memory

struct GlobalChecker {
  Warp &w;
  const Instr &i;
  Touch touch;
  uint32_t bytes;

  bool conflicts(const GlobalAccess &past, int lane) const {
    if (!past.block || (past.atomic && touch == Touch::atomic) || (past.narrow && bytes < 4))
      return false;
    const auto &signals = w.block->launch->signals;
    uint64_t self = w.block->linear;
    if (past.block != self + 1)
      return signals[past.block - 1] == past.signals || signals[self] == 0;
    uint32_t warp = past.thread / warpSize;
    if (past.at == &i && warp == w.index)
      return false;
    if (warp == w.index)
      return past.thread % warpSize != uint32_t(lane) && past.laneEpoch >= w.laneEpoch;
    // Within the block too, atomics and fences may order what barriers do not.
    return past.epoch > w.clock[warp] && (signals[self] == past.signals || signals[self] == 0);
  }
  void race(const GlobalAccess &past, int lane, uint64_t address, const char *before) const {
    report(w, i, lane, "global-race",
           std::string(touch == Touch::read ? "reads" : "writes") + " global memory at " +
               hexadecimal(address) + ", which block " + std::to_string(past.block - 1) + ", thread " +
               std::to_string(past.thread) + " " + before + " at " +
               (past.at->sourceLine ? "line " + std::to_string(past.at->sourceLine) + ", " : std::string()) +
               "PTX line " + std::to_string(past.at->line) + ", with nothing that orders the two");
  }
  void word(GlobalWord &word, int lane, uint64_t address) const {
    GlobalAccess now;
    now.block = w.block->linear + 1;
    now.signals = w.block->launch->signals[w.block->linear];
    now.epoch = w.clock[w.index];
    now.thread = w.index * warpSize + uint32_t(lane);
    now.laneEpoch = w.laneEpoch;
    now.atomic = touch == Touch::atomic;
    now.narrow = bytes < 4;
    now.at = &i;
    if (conflicts(word.write, lane))
      race(word.write, lane, address, "wrote");
    if (touch == Touch::read) {
      word.read = now;
      return;
    }
    if (conflicts(word.read, lane))
      race(word.read, lane, address, "read");
    word.write = now;
  }
};

void checkGlobal(WarpState &w, const Instr &i, const uint64_t *address, uint32_t bytes, Touch touch) {
  GlobalChecker check{asWarp(w), i, touch, bytes};
  GlobalShadow &shadow = w.block->launch->globalShadow;
  if (touch == Touch::atomic)
    w.block->launch->signals[w.block->linear]++;
  std::unique_lock<std::mutex> lock;
  uint64_t page = ~uint64_t(0);
  GlobalWord *words = nullptr;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    if (address[l] & (bytes - 1))
      continue; // reported by the access itself
    for (uint64_t at = address[l] / 4; at <= (address[l] + bytes - 1) / 4; at++) {
      if (at / GlobalShadow::pageWords != page) {
        page = at / GlobalShadow::pageWords;
        GlobalShadow::Part &part = shadow.part(page);
        if (lock.owns_lock())
          lock.unlock();
        lock = std::unique_lock(part.mutex);
        auto &made = part.pages[page];
        if (!made)
          made = std::make_unique<GlobalWord[]>(GlobalShadow::pageWords);
        words = made.get();
      }
      check.word(words[at % GlobalShadow::pageWords], l, at * 4);
    }
  }
}

} // namespace

void observe(WarpState &w, const Instr &i, Space space, const uint64_t *address, uint32_t bytes,
             Touch touch) {
  if (!w.mask)
    return;
  if (space == Space::generic) {
    uint64_t offsets[warpSize];
    uint32_t shared = 0, global = 0, all = w.mask;
    for (int l = 0; l < warpSize; l++) {
      offsets[l] = address[l] & ((uint64_t(1) << 56) - 1);
      shared |= uint32_t(address[l] >> 56 == 1) << l;
      global |= uint32_t(address[l] >> 56 == 0) << l;
    }
    w.mask = all & shared;
    observe(w, i, Space::shared, offsets, bytes, touch);
    w.mask = all & global;
    observe(w, i, Space::global, address, bytes, touch);
    w.mask = all;
    return;
  }
  Counters *counters = w.block->counters;
  if (space == Space::shared) {
    if (counters)
      countShared(w, *counters, address, bytes);
    if (!w.block->shadow.empty())
      checkShared(w, i, address, bytes, touch);
  } else if (space == Space::global) {
    if (counters)
      countGlobal(w, *counters, address, bytes);
    if (w.block->launch->signals)
      checkGlobal(w, i, address, bytes, touch);
  }
}

} // namespace tegula::ptx
