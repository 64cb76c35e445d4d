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
#include "driver/emulator/ptx/Shadow.h"

#include <atomic>
#include <bit>
#include <deque>
#include <exception>

namespace tegula::ptx {

struct Frame {
  const Routine *function = nullptr;
  std::unique_ptr<uint32_t, void (*)(void *)> storage{nullptr, nullptr};
  uint32_t *regs = nullptr;
  std::vector<uint32_t> preds;
  uint64_t localBase = 0; ///< address of the frame's first byte of local memory
  Frame *caller = nullptr;
  const CallInfo *call = nullptr;
  const Instr *callAt = nullptr;
  std::vector<uint8_t> params; ///< paramBytes of each lane
  uint32_t depth = 0;
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
};

struct Warp : WarpState {
  std::vector<Split> splits;
  size_t current = 0;
  std::vector<Join> joins;
  std::vector<std::unique_ptr<Frame>> frames; ///< live
  uint8_t *local = nullptr;                   ///< lane l's local memory starts at local + l * localStride
  std::deque<AsyncCopy> copies;
  uint32_t groups[warpSize] = {}; ///< cp.async groups committed
  bool spinning = false;
  std::vector<uint32_t> clock; ///< of the checks: what this warp knows of each warp's epoch
  uint32_t laneEpoch = 1;
};

struct Barrier {
  uint32_t arrived = 0, expected = 0; ///< threads; 0: all of the block
  uint32_t rounded = 0;               ///< arrived, partial warps counted as whole ones
  bool came = false;
  uint32_t all = 1, any = 0, count = 0; ///< of bar.red
  std::vector<uint32_t> knows;          ///< clocks of those that came
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
  RangeCache cache[64];
  std::vector<ShadowWord> shadow;              ///< a word for each 4 bytes of shared memory, with checks on
  std::vector<uint64_t> *warpCounts = nullptr; ///< by instruction of the entry's program, of this host thread
  std::vector<uint64_t> *laneCounts = nullptr;
  Counters *counters = nullptr;

  ~BlockState();
};

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
  bool observe = false; ///< checks or counters
  bool needsLocal = false;
  std::atomic<uint64_t> nextBlock{0};
  std::atomic<bool> failed{false};
  std::mutex mutex; ///< of what follows
  std::exception_ptr failure;
  std::map<std::pair<std::string, const Instr *>, Finding> findings;
  std::vector<uint64_t> heap;       ///< what kernels got from malloc
  std::vector<uint32_t> firstInstr; ///< of each function, in the arrays of counts
  Counters counters;
  GlobalShadow globalShadow;
  alignas(64) uint32_t gridWorkspace[16] = {};
  std::unique_ptr<std::atomic<uint32_t>[]>
      signals; ///< of each block: its atomics and fences so far, with checks on
};

constexpr uint64_t localStride = 512 * 1024;

/// Generic addresses: global and const are host addresses; the others are windows that no host address falls into.
constexpr uint64_t sharedWindow = uint64_t(1) << 56;
constexpr uint64_t localWindow = uint64_t(2) << 56;
constexpr uint64_t paramWindow = uint64_t(3) << 56; ///< parameters of the kernel

inline Warp &asWarp(WarpState &w) { return static_cast<Warp &>(w); }

/// Records a finding of a lane; throws it when checks are off or fatal.
void report(WarpState &w, const Instr &i, int lane, const char *kind, const std::string &what);
std::string hexadecimal(uint64_t value);

/// The lanes of w.mask whose `bytes` at the addresses lie inside of one known range; the others are reported.
uint32_t validGlobal(WarpState &w, const Instr &i, const uint64_t *address, uint32_t bytes, bool write);

/// Lets the copies of the lanes of `mask` land whose group is older than the last `pending` groups.
void landCopies(WarpState &w, uint32_t mask, uint32_t pending, bool uncommitted);

/// Runs the builtin of a call (vprintf, …) for the lanes of w.mask.
void runBuiltin(WarpState &w, const Instr &i, const CallInfo &call);

/// Runs the blocks of a launch on host threads.
void runLaunch(LaunchState &launch);

} // namespace tegula::ptx
