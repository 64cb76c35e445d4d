//===- Block.cpp - barriers, the warps of a block, the blocks of a launch ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Interpreter.h"
#include "ir/diag/Diagnostic.h"

#include <cstring>
#include <sys/mman.h>
#include <thread>

namespace tegula::ptx {

constexpr int64_t quantum = 2048; ///< instructions that a warp runs before the next has its turn
constexpr int64_t blockSlice =
    1 << 20; ///< instructions of a block before another block of the host thread runs
constexpr size_t residentBlocks = 32; ///< of one host thread, when blocks wait for each other

// --- Barriers

static uint32_t aliveThreads(BlockState &block) {
  uint32_t n = 0;
  for (auto &w : block.warps)
    n += std::popcount(w->alive);
  return n;
}

/// What happened before the barrier in any warp that came is known to all that were waiting.
static void shareClocks(BlockState &block, Barrier &barrier, Warp &w) {
  if (w.clock.empty())
    return;
  for (size_t k = 0; k < w.clock.size(); k++)
    w.clock[k] = std::max(w.clock[k], barrier.knows[k]);
  w.clock[w.index]++;
  w.laneEpoch++;
}

static void release(BlockState &block, uint32_t id) {
  Barrier &barrier = block.barriers[id];
  for (auto &warp : block.warps) {
    bool waited = false;
    for (Split &s : warp->splits) {
      if (s.wait != Split::Wait::barrier || s.barrier != id)
        continue;
      waited = true;
      s.wait = Split::Wait::none;
      s.backEdges = 0;
      const Instr &i = s.frame->function->code[s.instruction];
      const auto &info = *static_cast<const BarrierInfo *>(i.extra);
      uint32_t *preds = s.frame->preds.data();
      if (info.kind == BarrierInfo::Kind::redCount) {
        for (int l = 0; l < warpSize; l++)
          if (s.mask >> l & 1)
            s.frame->regs[size_t(i.dst) * warpSize + l] = barrier.count;
      } else if (info.kind != BarrierInfo::Kind::sync && i.dstPred != noSlot) {
        bool result = info.kind == BarrierInfo::Kind::redAnd ? barrier.all : barrier.any;
        preds[i.dstPred] = (preds[i.dstPred] & ~s.mask) | (result ? s.mask : 0);
      }
    }
    if (waited)
      shareClocks(block, barrier, *warp);
  }
  barrier = Barrier();
  block.progressed = true;
}

void arriveAtBarrier(Warp &w, const Instr &i, uint32_t mask, Split *waits) {
  BlockState &block = *w.block;
  const auto &info = *static_cast<const BarrierInfo *>(i.extra);
  int first = std::countr_zero(mask);
  uint32_t id = info.idSource < 0 ? 0 : uint32_t(readLane(w, i.src[info.idSource], 4, first));
  uint32_t count = info.countSource < 0 ? 0 : uint32_t(readLane(w, i.src[info.countSource], 4, first));
  if (id >= 16)
    throw Error(Diag::emulator_trap,
                {block.launch->entry->name, "PTX line " + std::to_string(i.line) + ": barrier " +
                                                std::to_string(id) + "; there are 16"});
  Barrier &barrier = block.barriers[id];
  if (waits) {
    waits->barrier = id;
    waits->instruction = uint32_t(&i - waits->frame->function->code.data());
  }
  barrier.came = true;
  barrier.arrived += std::popcount(mask);
  barrier.rounded += mask == w.alive ? warpSize : std::popcount(mask);
  if (count)
    barrier.expected = count;
  if (i.srcPred != noSlot) {
    uint32_t votes = readPred(w, i.srcPred, i.srcPredNegated) & mask;
    barrier.all &= votes == mask;
    barrier.any |= votes != 0;
    barrier.count += std::popcount(votes);
  }
  if (!w.clock.empty()) {
    barrier.knows.resize(w.clock.size());
    for (size_t k = 0; k < w.clock.size(); k++)
      barrier.knows[k] = std::max(barrier.knows[k], w.clock[k]);
    if (!waits)
      w.clock[w.index]++;
  }
  if (barrier.expected ? barrier.rounded >= barrier.expected : barrier.arrived >= aliveThreads(block))
    release(block, id);
}

void recheckBarriers(BlockState &block) {
  for (uint32_t id = 0; id < 16; id++) {
    Barrier &barrier = block.barriers[id];
    if (barrier.came && !barrier.expected && barrier.arrived >= aliveThreads(block))
      release(block, id);
  }
}

// --- Blocks

BlockState::~BlockState() {
  for (auto &w : warps)
    if (w->local)
      munmap(w->local, localStride * warpSize);
}

static std::unique_ptr<BlockState> makeBlock(LaunchState &launch, uint64_t linear) {
  auto block = std::make_unique<BlockState>();
  const LaunchSettings &settings = launch.settings;
  block->launch = &launch;
  block->linear = linear;
  block->id[0] = uint32_t(linear % settings.grid[0]);
  block->id[1] = uint32_t(linear / settings.grid[0] % settings.grid[1]);
  block->id[2] = uint32_t(linear / settings.grid[0] / settings.grid[1]);
  block->random =
      settings.seed ? settings.seed * 0x9e3779b97f4a7c15ull + linear * 0xbf58476d1ce4e5b9ull + 1 : 0;
  // Shared memory starts with a pattern that is a NaN in every format, so that reading it early shows.
  block->shared.assign(size_t(launch.sharedBytes) + 64, 0xff);
  bool checks = settings.checks != Checks::off;
  if (checks)
    block->shadow.resize(launch.sharedBytes / 4 + 1);
  for (uint32_t k = 0; k < launch.warpsPerBlock; k++) {
    auto warp = std::make_unique<Warp>();
    uint32_t threads = std::min<uint32_t>(warpSize, launch.threadsPerBlock - k * warpSize);
    warp->existing = warp->alive = threads == warpSize ? allLanes : (1u << threads) - 1;
    warp->index = k;
    warp->block = block.get();
    warp->accumulate = settings.hardwareAccumulate;
    if (launch.needsLocal) {
      void *memory = mmap(nullptr, localStride * warpSize, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (memory == MAP_FAILED)
        throw Error(Diag::emulator_launch, {launch.entry->name, "no memory for local variables"});
      warp->local = static_cast<uint8_t *>(memory);
    }
    if (checks) {
      warp->clock.resize(launch.warpsPerBlock);
      warp->clock[k] = 1;
    }
    Split split;
    split.mask = warp->alive;
    split.frame = makeFrame(*warp, *launch.entry, nullptr);
    warp->splits.push_back(split);
    block->warps.push_back(std::move(warp));
  }
  return block;
}

static uint64_t draw(uint64_t &state) { // xorshift64*
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545f4914f6cdd1dull;
}

[[noreturn]] static void deadlock(BlockState &block) {
  std::string text = "deadlock in block (" + std::to_string(block.id[0]) + ", " +
                     std::to_string(block.id[1]) + ", " + std::to_string(block.id[2]) + "):";
  int shown = 0;
  for (auto &w : block.warps)
    for (Split &s : w->splits)
      if (s.wait == Split::Wait::barrier && shown++ < 8)
        text += " warp " + std::to_string(w->index) + " waits at barrier " + std::to_string(s.barrier) +
                " (PTX line " + std::to_string(s.frame->function->code[s.instruction].line) + ");";
  throw Error(Diag::emulator_deadlock, {block.launch->entry->name, text});
}

/// Runs a block for a while; true when it is done.
static bool runBlock(BlockState &block) {
  int64_t left = blockSlice;
  size_t n = block.warps.size();
  while (left > 0) {
    bool ran = false, all = true;
    for (size_t k = 0; k < n; k++) {
      Warp &w = *block.warps[block.random ? draw(block.random) % n : k];
      if (w.splits.empty())
        continue;
      int64_t budget = block.random ? 1 + int64_t(draw(block.random) % 256) : quantum, before = budget;
      runWarp(w, budget);
      left -= before - budget + 1;
      ran |= budget != before;
    }
    for (auto &w : block.warps)
      all &= w->splits.empty();
    if (all)
      return true;
    if (block.launch->failed.load(std::memory_order_relaxed))
      return true;
    if (!ran && !block.progressed) {
      // In a random order, some warp may not have been drawn: ask each.
      for (auto &w : block.warps)
        if (!w->splits.empty() && !ran) {
          int64_t budget = 1;
          runWarp(*w, budget);
          ran |= budget != 1;
        }
      if (!ran && !block.progressed)
        deadlock(block);
    }
    block.progressed = false;
  }
  return false;
}

static void addCounters(Counters &to, const Counters &from) {
  to.globalRequests += from.globalRequests;
  to.globalSectors += from.globalSectors;
  to.globalSectorsIdeal += from.globalSectorsIdeal;
  to.globalBytes += from.globalBytes;
  to.sharedRequests += from.sharedRequests;
  to.sharedWavefronts += from.sharedWavefronts;
  to.sharedWavefrontsIdeal += from.sharedWavefrontsIdeal;
  to.sharedBytes += from.sharedBytes;
  to.barriers += from.barriers;
}

/// A host thread: takes blocks in order; several at once where they wait for each other.
static void work(LaunchState &launch) {
  std::vector<uint64_t> warpCounts, laneCounts;
  Counters counters;
  if (launch.observe) {
    warpCounts.resize(launch.firstInstr.back());
    laneCounts.resize(launch.firstInstr.back());
  }
  try {
    std::deque<std::unique_ptr<BlockState>> resident;
    auto start = [&] {
      uint64_t next = launch.nextBlock.fetch_add(1);
      if (next >= launch.blocks)
        return false;
      resident.push_back(makeBlock(launch, next));
      BlockState &block = *resident.back();
      block.warpCounts = &warpCounts;
      block.laneCounts = &laneCounts;
      block.counters = launch.settings.counters ? &counters : nullptr;
      return true;
    };
    while (!launch.failed.load(std::memory_order_relaxed)) {
      if (resident.empty() && !start())
        break;
      auto block = std::move(resident.front());
      resident.pop_front();
      if (runBlock(*block))
        continue;
      // It may wait for a block that has not begun.
      if (launch.settings.cooperative || resident.size() < residentBlocks)
        start();
      resident.push_back(std::move(block));
    }
  } catch (...) {
    std::lock_guard lock(launch.mutex);
    if (!launch.failure)
      launch.failure = std::current_exception();
    launch.failed = true;
  }
  std::lock_guard lock(launch.mutex);
  addCounters(launch.counters, counters);
  const Program &program = launch.module->program();
  if (launch.observe && launch.settings.counters)
    for (size_t f = 0; f < program.routines.size(); f++)
      for (size_t k = 0; k < program.routines[f].code.size(); k++) {
        size_t at = launch.firstInstr[f] + k;
        if (!warpCounts[at])
          continue;
        const Instr &i = program.routines[f].code[k];
        LineCounters line;
        line.ptxLine = i.line;
        line.sourceLine = i.sourceLine;
        line.block = i.block;
        line.instructions = warpCounts[at];
        line.lanes = laneCounts[at];
        launch.counters.lines.push_back(line);
        launch.counters.instructions += warpCounts[at];
        launch.counters.lanes += laneCounts[at];
        launch.counters.byPipe[size_t(i.pipe)] += warpCounts[at];
      }
}

void runLaunch(LaunchState &launch) {
  const Program &program = launch.module->program();
  uint32_t total = 0;
  for (const Routine &r : program.routines) {
    launch.firstInstr.push_back(total);
    total += uint32_t(r.code.size());
    launch.needsLocal |= r.localBytes != 0;
  }
  launch.firstInstr.push_back(total);
  launch.observe = launch.settings.checks != Checks::off || launch.settings.counters;
  if (launch.settings.checks != Checks::off)
    launch.signals = std::make_unique<std::atomic<uint32_t>[]>(launch.blocks);
  unsigned threads = launch.settings.threads ? launch.settings.threads : std::thread::hardware_concurrency();
  threads = unsigned(std::max<uint64_t>(1, std::min<uint64_t>(threads, launch.blocks)));
  std::vector<std::thread> helpers;
  for (unsigned k = 1; k < threads; k++)
    helpers.emplace_back([&launch] { work(launch); });
  work(launch);
  for (auto &t : helpers)
    t.join();
  // Several host threads counted the same instructions.
  auto &lines = launch.counters.lines;
  std::map<std::tuple<uint32_t, uint32_t, uint32_t>, LineCounters> merged;
  for (auto &line : lines) {
    auto &into = merged[{line.ptxLine, line.sourceLine, line.block}];
    uint64_t instructions = into.instructions + line.instructions, lanes = into.lanes + line.lanes;
    into = line;
    into.instructions = instructions;
    into.lanes = lanes;
  }
  lines.clear();
  for (auto &[key, line] : merged)
    lines.push_back(line);
}

} // namespace tegula::ptx
