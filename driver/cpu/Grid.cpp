//===- Grid.cpp - runs the programs of a grid ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/cpu/Grid.h"

#include "driver/cpu/Host.h"
#include "driver/cpu/Pool.h"
#include "driver/cpu/Scratch.h"
#include "ir/diag/Diagnostic.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <pthread.h>

namespace tegula::cpu {

static std::atomic<bool (*)()> interruptCheck{nullptr};
static std::atomic<void (*)(const char *, size_t)> printSink{nullptr};

void setInterruptCheck(bool (*check)()) { interruptCheck = check; }
void setPrintSink(void (*sink)(const char *, size_t)) { printSink = sink; }

void writeOut(const std::string &text) {
  if (auto sink = printSink.load())
    return sink(text.data(), text.size());
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

/// A coarse clock that costs some 10 ns. x86's counter runs at 2 to 4 GHz on today's machines: taken as 2.5, which is
/// exact enough for the choices above.
static inline int64_t nowNs() {
#if defined(__x86_64__)
  return int64_t(__builtin_ia32_rdtsc() * 2 / 5);
#else
  return std::chrono::steady_clock::now().time_since_epoch().count();
#endif
}

InterruptPoll::InterruptPoll() : last(nowNs()) {}

bool InterruptPoll::isDue() {
  int64_t now = nowNs();
  if (now - last < 50'000'000)
    return false;
  last = now;
  return true;
}

bool InterruptPoll::ask() const {
  auto check = interruptCheck.load(std::memory_order_relaxed);
  return check && check();
}

namespace {

constexpr float shareAboveNs = 20000; ///< below it waking another thread costs more than it saves
constexpr float chunkNs = 25000;      ///< least work between two visits to the shared counter
constexpr float longestChunkNs = 2e7; ///< how late an interrupt may be noticed, beside a long program itself

/// One launch.
struct Run {
  Code &code;
  int64_t total;
  int threads = 1;
  Launch launch{};
  Host host;
  bool noMemory = false;    ///< guarded by host.mutex
  bool interrupted = false; ///< of the launching thread
  std::atomic<int64_t> next{0};
  InterruptPoll interrupt;

  Run(Code &code, int64_t total) : code(code), total(total) {}

  float knownNs() const { return code.nsPerProgram.load(std::memory_order_relaxed); }
  void learn(int64_t programs, int64_t elapsed);
  bool runChunk(int64_t first, int64_t last);
  void attend(bool force);
  int64_t chunkSize(int64_t left, float perProgram) const;
  void work(bool isCaller);
  int64_t runAlone();
  void share(int64_t first);
};

/// Half old, half new: one odd launch does not mislead the next for long.
void Run::learn(int64_t programs, int64_t elapsed) {
  float fresh = float(std::max<int64_t>(elapsed, 1)) / float(programs);
  float known = knownNs();
  code.nsPerProgram.store(known < 0 ? fresh : 0.5f * (known + fresh), std::memory_order_relaxed);
}

bool Run::runChunk(int64_t first, int64_t last) {
  std::byte *memory = scratch(code.scratchBytes);
  if (!memory && code.scratchBytes > 0) {
    std::lock_guard lock(host.mutex);
    noMemory = true;
    requestStop(launch);
    return false;
  }
  code.entry(&launch, memory, first, last);
  return true;
}

/// The launching thread's duties between two chunks: print what was printed, look for an interrupt.
void Run::attend(bool force) {
  if (!force && !interrupt.isDue())
    return;
  std::string text;
  {
    std::lock_guard lock(host.mutex);
    text.swap(host.printed);
  }
  if (!text.empty())
    writeOut(text);
  if (!interrupted && !isStopped(launch) && interrupt.ask()) {
    interrupted = true;
    requestStop(launch);
  }
}

/// A part of what is left, so that chunks get small where the end is near; bounded by time both ways.
int64_t Run::chunkSize(int64_t left, float perProgram) const {
  int64_t size = left / (int64_t(threads) * 8);
  if (perProgram > 0) {
    size = std::max(size, int64_t(std::min(chunkNs / perProgram, 1e9f)));
    size = std::min(size, int64_t(std::min(longestChunkNs / perProgram, 4e18f)));
    // Too few programs for that: still as many chunks as there are threads.
    size = std::min(size, (left + threads - 1) / threads);
  }
  return std::clamp<int64_t>(size, 1, left);
}

/// Takes chunks until none is left. Runs on every thread of the grid.
void Run::work(bool isCaller) {
  float perProgram = knownNs();
  int64_t done = 0, spent = 0;
  while (!isStopped(launch)) {
    int64_t left = total - next.load(std::memory_order_relaxed);
    if (left <= 0)
      break;
    // Without any measure the first chunk is the measure.
    int64_t size = perProgram < 0 ? 1 : chunkSize(left, perProgram);
    int64_t first = next.fetch_add(size, std::memory_order_relaxed);
    if (first >= total)
      break;
    int64_t last = std::min(total, first + size);
    int64_t start = nowNs();
    if (!runChunk(first, last))
      break;
    spent += nowNs() - start;
    done += last - first;
    perProgram = std::max(float(spent) / float(done), 0.1f);
    if (isCaller)
      attend(false);
  }
  if (done > 0 && isCaller)
    learn(done, spent);
  if (!isCaller)
    trimScratch();
}

/// The launching thread alone, as long as that is the better way. Returns the first program it left.
int64_t Run::runAlone() {
  float known = knownNs();
  bool single = threads == 1;
  if (total == 1 || (known >= 0 && known * float(total) < shareAboveNs / 4)) {
    int64_t start = nowNs();
    if (runChunk(0, total))
      learn(total, nowNs() - start);
    return total;
  }
  if (!single && (known < 0 || known * float(total) > shareAboveNs))
    return 0;
  int64_t first = 0, size = 1;
  int64_t start = nowNs(), elapsed = 0;
  while (first < total && !isStopped(launch)) {
    int64_t last = std::min(total, first + size);
    if (!runChunk(first, last))
      return total;
    first = last;
    elapsed = nowNs() - start;
    if (!single && elapsed > int64_t(shareAboveNs))
      break;
    float perProgram = std::max(float(elapsed) / float(first), 0.1f);
    size = std::min(size * 2, std::max<int64_t>(1, int64_t(std::min(longestChunkNs / perProgram, 4e18f))));
    attend(false);
  }
  if (first > 0)
    learn(first, elapsed);
  return isStopped(launch) ? total : first;
}

void Run::share(int64_t first) {
  next.store(first, std::memory_order_relaxed);
  // Helpers of this job never outlive the call, so references to this frame are safe. Whoever comes first from the
  // launching thread is known by its address being here.
  auto launcher = pthread_self();
  runOnPool(
      int(std::min<int64_t>(threads, total - first)) - 1,
      [this, launcher] { work(pthread_equal(launcher, pthread_self()) != 0); }, [this] { attend(true); });
}

[[noreturn]] void failScratch(const Code &code, int threads) {
  throw Error(Diag::scratch_too_big, {code.name, std::to_string(code.scratchBytes), std::to_string(threads)});
}

/// What went wrong, once no thread works on the grid any more.
void report(Run &run) {
  if (run.noMemory)
    failScratch(run.code, run.threads);
  if (run.host.failure) {
    const AssertFailure &f = *run.host.failure;
    throw Error(Diag::device_assert_failed,
                {f.file, std::to_string(f.line), std::to_string(f.program[0]), std::to_string(f.program[1]),
                 std::to_string(f.program[2]), std::to_string(f.element), f.message});
  }
  if (run.interrupted)
    throw Error(Diag::launch_interrupted, {run.code.name});
}

} // namespace

int64_t programsOf(const std::array<int64_t, 3> &grid) {
  bool fits = true;
  for (int64_t extent : grid)
    fits &= extent >= 0 && extent <= INT32_MAX;
  int64_t total = 0;
  fits = fits && !__builtin_mul_overflow(grid[0] * grid[1], grid[2], &total);
  if (!fits)
    throw Error(Diag::launch_bad_grid, {"(" + std::to_string(grid[0]) + ", " + std::to_string(grid[1]) +
                                        ", " + std::to_string(grid[2]) + ")"});
  return total;
}

void runGrid(Code &code, std::array<int64_t, 3> grid, const uint64_t *slots) {
  int64_t total = programsOf(grid);
  if (total == 0)
    return;
  Run run(code, total);
  for (int axis = 0; axis < 3; ++axis)
    run.launch.grid[axis] = int32_t(grid[axis]);
  run.launch.arguments = slots;
  run.launch.host = &run.host;
  run.threads = int(std::min<int64_t>(total, numThreads()));

  int64_t first = run.runAlone();
  if (first < total)
    run.share(first);
  if (code.scratchBytes > 0)
    trimScratch();
  if (!run.host.printed.empty())
    run.attend(true);
  if (run.launch.stopped) [[unlikely]]
    report(run);
}

} // namespace tegula::cpu
