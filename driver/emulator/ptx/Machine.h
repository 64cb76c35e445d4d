//===- Machine.h - warps, blocks and a launch while they run ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Divergence. The lanes of a warp are in one or more splits: (pc, mask, frame). A branch whose lanes disagree makes two
// splits and a join at the branch's immediate post-dominator; a split that gets there waits until the other lanes of
// the join have come, returned or exited, then all go on as one. A call is a join as well: its lanes go on in the
// caller when all have returned. Splits do not depend on each other's order, so one that spins can let others run.

#pragma once

#include "driver/emulator/ptx/Emulator.h"
#include "driver/emulator/ptx/Order.h"
#include "driver/emulator/ptx/Shadow.h"

#include <atomic>
#include <bit>
#include <cstdlib>
#include <deque>
#include <exception>

namespace tegula::ptx {

struct Frame {
  const Routine *function = nullptr;
  std::unique_ptr<uint32_t, void (*)(void *)> storage{nullptr, nullptr};
  uint32_t *regs = nullptr;
  std::vector<uint32_t> preds;
  uint64_t localBase = 0;      ///< address of the frame's first byte of local memory
  std::vector<uint64_t> stack; ///< after an alloca: where each lane's local memory ends
  Frame *caller = nullptr;
  const CallInfo *call = nullptr;
  const Instr *callAt = nullptr;
  std::vector<uint8_t> params; ///< paramBytes of each lane
  uint32_t depth = 0;
  size_t bytes = 0; ///< of memory
};

struct Split {
  enum class Wait : uint8_t { none, sync, barrier };
  uint32_t pc = 0;
  uint32_t mask = 0;
  int join = -1;
  Frame *frame = nullptr;
  Wait wait = Wait::none;
  uint32_t barrier = 0;
  uint32_t instruction = 0; ///< index of the barrier instruction waited at
  uint32_t backEdges = 0;
  uint32_t polls = 0; ///< atomics and volatile loads since the last forward progress: a sign of spinning
};

struct Join {
  uint32_t pc = 0;
  uint32_t expected = 0, arrived = 0;
  int parent = -1;
  Frame *frame = nullptr;  ///< of the split that goes on
  Frame *callee = nullptr; ///< a join of a call: freed when complete
  bool used = false;
};

/// The copies of one cp.async instruction of a warp that have not landed yet.
struct AsyncCopy {
  uint32_t mask = 0;
  uint32_t bytes = 0;
  uint32_t to[warpSize];
  uint64_t from[warpSize];
  uint32_t size[warpSize]; ///< bytes read; the rest is zero
  uint32_t group[warpSize];
  uint64_t sequence = 0;
  bool landed = false; ///< the data are there; the wait is still to come
  // Of the checks:
  const Instr *at = nullptr;
  uint32_t instruction = 0;
  std::vector<uint8_t> issued; ///< the source when the copy began, 16 bytes a lane
};

/// An mbarrier, at an offset of shared memory, at which a lane arrives when its copies up to a cp.async are complete.
struct AsyncArrival {
  uint32_t object = 0;
  uint64_t sequence = 0;
  int lane = 0;
};

struct Warp : WarpState {
  std::vector<Split> splits;
  size_t current = 0;
  std::vector<Join> joins;
  std::vector<std::unique_ptr<Frame>> frames; ///< live
  size_t frameBytes = 0;
  uint8_t *local = nullptr; ///< lane l's local memory starts at local + l * localStride
  std::deque<AsyncCopy> copies;
  uint64_t copySequence = 0; ///< of the last cp.async instruction
  std::vector<AsyncArrival> arrivals;
  uint32_t groups[warpSize] = {}; ///< cp.async groups committed
  bool spinning = false;
  bool stuck =
      false; ///< of the checks: nothing changes as it spins; at `spinChanges` with registers of `spinHash`
  uint64_t spinChanges = 0, spinHash = 0;
  WarpOrder order;                 ///< of the checks
  uint8_t *localWritten = nullptr; ///< of the checks: a byte for each of `local`
};

struct Barrier {
  uint32_t arrived = 0, expected = 0;   ///< threads; 0: all of the block
  uint32_t rounded = 0;                 ///< arrived, partial warps counted as whole ones
  uint8_t came = 0;                     ///< nobody, one warp, several
  uint32_t all = 1, any = 0, count = 0; ///< of bar.red
  uint32_t arriving = 0;                ///< threads that have come and do not wait
  BarrierOrder order;                   ///< of the checks
};

struct LaunchState;

struct RangeCache {
  uint64_t begin = 1, end = 0;
};

struct BlockState {
  LaunchState *launch = nullptr;
  uint32_t id[3] = {0, 0, 0};
  uint64_t linear = 0;
  std::vector<uint8_t> shared;
  std::vector<std::unique_ptr<Warp>> warps;
  Barrier barriers[16];
  uint32_t finished = 0;
  bool progressed = false;
  size_t turn = 0;
  uint64_t random = 0;
  uint64_t spins = 0;      ///< how often warps gave up their turn in this slice because they spin
  uint32_t spunSlices = 0; ///< slices in a row that ended so
  std::atomic<uint64_t> *changes = nullptr; ///< of this host thread
  RangeCache cache[64];
  std::unique_ptr<SharedShadow> shadow; ///< with checks on
  BlockOrder order;
  std::unordered_map<uint64_t, SyncPlace> places; ///< in shared memory
  std::vector<uint64_t> *warpCounts = nullptr; ///< by instruction of the entry's program, of this host thread
  std::vector<uint64_t> *laneCounts = nullptr;
  std::vector<MemoryCounts> *memoryCounts = nullptr;
  Counters *counters = nullptr; ///< null: not asked for

  ~BlockState();
};

#ifdef TEGULA_EMULATOR_UNCHECKED
/// Always off, and known to be so while compiling: for the build that shows what checks cost where they are off.
struct Switch {
  constexpr operator bool() const { return false; }
  Switch &operator=(bool on) {
    if (on)
      std::abort();
    return *this;
  }
};
#else
using Switch = bool;
#endif

struct LaunchState {
  Emulator *emulator = nullptr;
  const LoadedModule *module = nullptr;
  const Routine *entry = nullptr;
  LaunchSettings settings;
  std::vector<uint8_t> arguments;
  std::vector<Emulator::Range> ranges;
  uint32_t sharedBytes = 0;
  uint32_t warpsPerBlock = 0, threadsPerBlock = 0;
  uint64_t blocks = 0;
  Switch observe = {}; ///< checks or counters
  bool needsLocal = false;
  std::atomic<uint64_t> nextBlock{0};
  std::atomic<bool> failed{false};
  std::atomic<uint64_t> executed{0}; ///< instructions of warps, about
  // Of the checks, of each host thread: how often it has changed memory, and the sum of all of these at which it has
  // found that all its blocks are stuck (`done`: it has none).
  struct alignas(64) Progress {
    std::atomic<uint64_t> changes{0}, stuckAt{~uint64_t(0)};
  };
  static constexpr uint64_t done = ~uint64_t(0) - 1;
  std::vector<Progress> progress;
  uint64_t changes() const {
    uint64_t sum = 0;
    for (const Progress &p : progress)
      sum += p.changes.load(std::memory_order_acquire);
    return sum;
  }
  std::mutex mutex; ///< of what follows
  std::exception_ptr failure;
  std::map<std::tuple<std::string, const Instr *, uint32_t>, Finding> findings;
  std::vector<uint64_t>
      freed; ///< by kernels; given back when the launch is over, another block may still look
  std::atomic<bool> fromHeap{false}; ///< some kernel of this emulator called malloc
  std::vector<uint32_t> firstInstr;  ///< of each function, in the arrays of counts
  Counters counters;
  GlobalShadow globalShadow;
  SyncPlaces places; ///< in global memory
  Switch checks = {};
  std::atomic<bool> anyFresh{false}; ///< some range knows which of its bytes have been written
  alignas(64) uint32_t gridWorkspace[16] = {};
};

/// Generic addresses: global and const are host addresses; the others are windows that no host address falls into.
constexpr uint64_t sharedWindow = uint64_t(1) << 56;
constexpr uint64_t localWindow = uint64_t(2) << 56;
constexpr uint64_t paramWindow = uint64_t(3) << 56; ///< parameters of the kernel

/// The end of what functions on the stack have of a lane's local memory.
inline uint64_t localTop(const Frame &f, int lane) {
  return f.stack.empty() ? f.localBase + f.function->localBytes : f.stack[size_t(lane)];
}

inline Warp &asWarp(WarpState &w) { return static_cast<Warp &>(w); }

/// Records a finding of a lane; throws it when checks are off or fatal.
void report(WarpState &w, const Instr &i, int lane, Check kind, const std::string &what,
            const OtherParty *other = nullptr);
std::string hexadecimal(uint64_t value);

/// Instructions have numbers across all functions of the program: `LaunchState::firstInstr` of theirs and on.
uint32_t instructionIndex(const WarpState &w, const Instr &i);
const Instr &instructionAt(const LaunchState &launch, uint32_t index);
OtherParty otherParty(const WarpState &w, uint32_t instruction, uint64_t block, uint32_t thread);

/// The lanes of w.mask whose `bytes` at the addresses lie inside of one known range; the others are reported.
uint32_t validGlobal(WarpState &w, const Instr &i, const uint64_t *address, uint32_t bytes, bool write);
/// The same without a report.
uint32_t knownGlobal(WarpState &w, const Instr &i, const uint64_t *address, uint32_t bytes, bool write);
/// The range that holds the address, freed ones too; null if none does.
const Emulator::Range *rangeOf(LaunchState &launch, uint64_t address, Emulator::Range &scratch);

/// Lets the copies of the lanes of `mask` land whose group is older than the last `pending` groups.
void landCopies(WarpState &w, uint32_t mask, uint32_t pending, bool uncommitted);
/// Those of the cp.async instructions up to number `sequence`.
void landCopiesBefore(WarpState &w, uint32_t mask, uint64_t sequence);

/// Runs the builtin of a call (vprintf, …) for the lanes of w.mask.
void runBuiltin(WarpState &w, const Instr &i, const CallInfo &call);

/// Memory has changed: what spins may go on.
inline void changed(WarpState &w) {
  if (auto *c = w.block->changes)
    c->store(c->load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

/// Runs the blocks of a launch on host threads.
void runLaunch(LaunchState &launch);

} // namespace tegula::ptx
