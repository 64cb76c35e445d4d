//===- Block.cpp - barriers, the warps of a block, the blocks of a launch ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Interpreter.h"
#include "ir/diag/Diagnostic.h"

#include <chrono>
#include <cstring>
#include <sys/mman.h>
#include <thread>

namespace tegula::ptx {

constexpr int64_t quantum = 2048; ///< instructions that a warp runs before the next has its turn
constexpr int64_t blockSlice =
    1 << 20; ///< instructions of a block before another block of the host thread runs
constexpr size_t residentBlocks = 32; ///< of one host thread, when blocks wait for each other
/// Where the order is random: the most instructions at a time, and the blocks that a host thread begins with.
constexpr unsigned randomSliceBits = 13; ///< short ones as often as long ones: critical sections are short
constexpr size_t randomBlocks = 4;

// --- Barriers

static uint32_t aliveThreads(BlockState &block) {
  uint32_t n = 0;
  for (auto &w : block.warps)
    n += std::popcount(w->alive);
  return n;
}

static void release(BlockState &block, uint32_t id) {
  Barrier &barrier = block.barriers[id];
  bool checks = block.launch->checks, all = !barrier.arriving && barrier.arrived >= aliveThreads(block);
  if (checks && all)
    allCameTogether(block);
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
    if (waited && checks && !all)
      leftBarrier(*warp, barrier.order);
  }
  barrier = Barrier();
  block.progressed = true;
}

void arriveAtBarrier(Warp &w, const Instr &i, uint32_t mask, Split *waits, uint32_t together) {
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
  barrier.came += barrier.came < 2;
  barrier.arrived += std::popcount(mask);
  // The threads that a partial warp lacks count as come, once.
  barrier.rounded += std::popcount(mask) + (together == w.alive ? warpSize - std::popcount(w.alive) : 0);
  if (!waits)
    barrier.arriving += std::popcount(mask);
  auto whole = [&](uint32_t n) { return n ? n : block.launch->threadsPerBlock; };
  if (block.launch->checks && barrier.came > 1 && whole(count) != whole(barrier.expected))
    report(w, i, first, Check::barrierCount,
           "comes to barrier " + std::to_string(id) + " for " + (count ? std::to_string(count) : "all") +
               " threads, others wait there for " +
               (barrier.expected ? std::to_string(barrier.expected) : "all"));
  if (count)
    barrier.expected = count;
  if (i.srcPred != noSlot) {
    uint32_t votes = readPred(w, i.srcPred, i.srcPredNegated) & mask;
    barrier.all &= votes == mask;
    barrier.any |= votes != 0;
    barrier.count += std::popcount(votes);
  }
  // Barriers of the whole block need no record: allCameTogether does it at the end.
  if (block.launch->checks && (barrier.expected || !waits))
    cameToBarrier(block, w, barrier.order);
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
    for (uint8_t *memory : {w->local, w->localWritten})
      if (memory)
        munmap(memory, localStride * warpSize);
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
  bool checks = launch.checks;
  if (checks) {
    block->shadow = std::make_unique<SharedShadow>();
    block->shadow->words.resize(launch.sharedBytes / 4 + 1);
    block->shadow->state.resize(launch.sharedBytes / 4 + 1);
  }
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
      if (checks) {
        memory = mmap(nullptr, localStride * warpSize, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        warp->localWritten = memory == MAP_FAILED ? nullptr : static_cast<uint8_t *>(memory);
      }
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

static std::string placeOf(const Instr &i) {
  return (i.sourceLine ? "line " + std::to_string(i.sourceLine) + ", " : std::string()) + "PTX line " +
         std::to_string(i.line);
}
/// What the warps of a block wait for, a few of them.
static std::string waiting(const BlockState &block) {
  std::string text = "deadlock in block (" + std::to_string(block.id[0]) + ", " +
                     std::to_string(block.id[1]) + ", " + std::to_string(block.id[2]) + "):";
  int shown = 0;
  for (auto &w : block.warps)
    for (Split &s : w->splits)
      if (shown++ < 8) {
        text += " warp " + std::to_string(w->index);
        const auto &code = s.frame->function->code;
        if (s.wait == Split::Wait::barrier)
          text +=
              " waits at barrier " + std::to_string(s.barrier) + " (" + placeOf(code[s.instruction]) + ");";
        else
          text += (s.wait == Split::Wait::sync ? " waits for lanes (" : " spins (") +
                  placeOf(code[std::min<size_t>(s.pc, code.size() - 1)]) + ");";
      }
  return text;
}
[[noreturn]] static void deadlock(const BlockState &block) {
  throw Error(Diag::emulator_deadlock, {block.launch->entry->name, waiting(block)});
}

constexpr uint32_t spinRounds = 16; ///< of each warp, before another block has its turn

/// Runs a block for at most about `most` instructions; true when it is done.
static bool runBlock(BlockState &block, int64_t most) {
  const LaunchState &launch = *block.launch;
  uint64_t limit = launch.settings.instructionLimit,
           executed = launch.executed.load(std::memory_order_relaxed);
  int64_t slice = limit ? std::min(most, int64_t(limit > executed ? limit - executed : 0) + 1) : most,
          left = slice;
  size_t n = block.warps.size();
  while (left > 0) {
    bool ran = false, all = true;
    size_t live = 0;
    for (size_t k = 0; k < n; k++) {
      Warp &w = *block.warps[block.random ? draw(block.random) % n : k];
      if (w.splits.empty())
        continue;
      int64_t budget = block.random ? 1 + int64_t(draw(block.random) % 256) : quantum, before = budget;
      runWarp(w, budget);
      left -= before - budget + 1;
      ran |= budget != before;
      live++;
    }
    for (auto &w : block.warps)
      all &= w->splits.empty();
    if (all) {
      block.launch->executed.fetch_add(uint64_t(slice - left), std::memory_order_relaxed);
      return true;
    }
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
    if (block.spins >= spinRounds * live && live) { // it may wait for another block
      block.spins = 0;
      block.spunSlices++;
      block.launch->executed.fetch_add(uint64_t(slice - left), std::memory_order_relaxed);
      return false;
    }
  }
  block.spunSlices = 0;
  block.launch->executed.fetch_add(uint64_t(slice - left), std::memory_order_relaxed);
  return false;
}

/// What a host thread counts.
struct Tally {
  std::vector<uint64_t> warpCounts, laneCounts;
  std::vector<MemoryCounts> memory;
  Counters counters;

  void operator+=(const Tally &o) {
    for (size_t k = 0; k < warpCounts.size(); k++) {
      warpCounts[k] += o.warpCounts[k];
      laneCounts[k] += o.laneCounts[k];
      memory[k] += o.memory[k];
    }
    counters.barriers += o.counters.barriers;
  }
};

/// Ends a launch that has run too long or that its caller wants to end; called between slices of blocks.
static void watch(LaunchState &launch, bool isCaller, std::chrono::steady_clock::time_point &next) {
  const LaunchSettings &s = launch.settings;
  if (s.instructionLimit && launch.executed.load(std::memory_order_relaxed) > s.instructionLimit)
    throw Error(Diag::emulator_limit, {launch.entry->name, std::to_string(s.instructionLimit)});
  if (!isCaller || !s.interrupted)
    return;
  auto now = std::chrono::steady_clock::now();
  if (now < next)
    return;
  next = now + std::chrono::milliseconds(50);
  if (s.interrupted())
    throw Error(Diag::emulator_interrupted, {launch.entry->name});
}

/// No warp of the block can go on unless memory changes, since `changes` changes of it.
static bool isStuck(const BlockState &block, uint64_t changes) {
  for (auto &w : block.warps) {
    bool runs = false;
    for (const Split &s : w->splits)
      runs |= s.wait == Split::Wait::none;
    if (runs && !(w->stuck && w->spinChanges == changes))
      return false;
  }
  return true;
}

/// A host thread: takes blocks in order; several at once where they wait for each other.
static void work(LaunchState &launch, Tally &tally, size_t thread) {
  std::chrono::steady_clock::time_point next{};
  try {
    std::deque<std::unique_ptr<BlockState>> resident;
    auto start = [&] {
      uint64_t number = launch.nextBlock.fetch_add(1);
      if (number >= launch.blocks)
        return false;
      resident.push_back(makeBlock(launch, number));
      BlockState &block = *resident.back();
      block.warpCounts = &tally.warpCounts;
      block.laneCounts = &tally.laneCounts;
      block.memoryCounts = &tally.memory;
      block.counters = launch.settings.counters ? &tally.counters : nullptr;
      block.changes = launch.checks ? &launch.progress[thread].changes : nullptr;
      return true;
    };
    // In a random order, blocks change places too: what one does meets others in the midst of what they do.
    uint64_t random = launch.settings.seed ? launch.settings.seed * 0x94d049bb133111ebull + thread + 1 : 0;
    while (!launch.failed.load(std::memory_order_relaxed)) {
      while (resident.size() < (random ? randomBlocks : 1) && start()) {
      }
      if (resident.empty())
        break;
      if (random)
        std::swap(resident.front(), resident[draw(random) % resident.size()]);
      auto block = std::move(resident.front());
      resident.pop_front();
      int64_t slice = blockSlice;
      if (random)
        slice = int64_t(1) << draw(random) % randomSliceBits;
      bool done = runBlock(*block, slice);
      watch(launch, thread == 0, next);
      if (done)
        continue;
      // It may wait for a block that has not begun.
      bool room = resident.size() < residentBlocks && (!random || draw(random) % 64 == 0);
      bool more = (launch.settings.cooperative || room || block->spunSlices >= 64) && start();
      resident.push_back(std::move(block));
      if (more || !launch.checks || launch.settings.hostWrites)
        continue;
      // All blocks of all threads wait for a change that only they could make?
      uint64_t changes = launch.changes();
      bool all = true;
      for (auto &b : resident)
        all &= isStuck(*b, changes);
      launch.progress[thread].stuckAt = all ? changes : ~uint64_t(0);
      for (auto &other : launch.progress)
        all &= other.stuckAt == changes || other.stuckAt == LaunchState::done;
      if (all && launch.changes() == changes && launch.nextBlock >= launch.blocks)
        deadlock(*resident.back());
    }
  } catch (...) {
    std::lock_guard lock(launch.mutex);
    if (!launch.failure)
      launch.failure = std::current_exception();
    launch.failed = true;
  }
  if (launch.checks)
    launch.progress[thread].stuckAt = LaunchState::done;
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
  launch.observe = launch.checks || launch.settings.counters;
  unsigned threads = launch.settings.threads ? launch.settings.threads : std::thread::hardware_concurrency();
  threads = unsigned(std::max<uint64_t>(1, std::min<uint64_t>(threads, launch.blocks)));
  std::vector<Tally> tallies(threads);
  if (launch.checks)
    launch.progress = std::vector<LaunchState::Progress>(threads);
  for (Tally &tally : tallies)
    if (launch.observe) {
      tally.warpCounts.resize(total);
      tally.laneCounts.resize(total);
      tally.memory.resize(launch.settings.counters ? total : 0);
    }
  std::atomic<unsigned> running{threads - 1};
  std::vector<std::thread> helpers;
  for (unsigned k = 1; k < threads; k++)
    helpers.emplace_back([&, k] {
      work(launch, tallies[k], k);
      running--;
    });
  work(launch, tallies[0], 0);
  // The others may never end: go on asking whether to stop.
  std::chrono::steady_clock::time_point next{};
  while (launch.settings.interrupted && running && !launch.failed) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    try {
      watch(launch, true, next);
    } catch (...) {
      std::lock_guard lock(launch.mutex);
      launch.failure = std::current_exception();
      launch.failed = true;
    }
  }
  for (auto &t : helpers)
    t.join();
  if (!launch.settings.counters)
    return;
  for (unsigned k = 1; k < threads; k++)
    tallies[0] += tallies[k];
  launch.counters = std::move(tallies[0].counters);
  sumUp(launch.counters, program, launch.firstInstr, tallies[0].warpCounts, tallies[0].laneCounts,
        tallies[0].memory);
}

} // namespace tegula::ptx
