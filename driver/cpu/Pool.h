//===- Pool.h - the worker threads of the CPU device ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Work here is optional: the calling thread does all that the helpers do not come to. So a launch never waits for a
// thread to become free, several launches at once share the helpers, and a forked child (which has no helpers until it
// makes its own) only runs slower for a moment.
//
// Not oneTBB, which was measured in its place (2021.8, two processors). A launch of 2 programs of 15 us takes 16 to 17 us
// with either when launches follow each other, and with pauses 33 to 38 us (oneTBB) and 48 us (this pool) at the cost of
// 190 and 60 to 110 us of processor time. But with oneTBB
// - a child forked by a thread that had launched, beside another that launches, can hang when its thread ends: oneTBB's
//   end-of-thread handler waits for a lock that a thread of the parent held (4 of 280 forks, none here);
// - a child never gets helpers if oneTBB had threads at the fork, and tbb::finalize, which ends them, fails as long as
//   another thread that ever launched is alive;
// - the process ends where the system refuses a thread; here the launching thread does the work.
//
//===----------------------------------------------------------------------===//

#pragma once

#include <functional>

namespace tegula::cpu {

/// Runs `work` on the calling thread and on up to `helpers` others at the same time; returns when all that began it have
/// left it. While the caller waits for the others, `idle` is called every ~50 ms. Neither may throw.
void runOnPool(int helpers, const std::function<void()> &work, const std::function<void()> &idle);

/// TEGULA_NUM_THREADS, else the processors that this process may use (affinity and cgroup quota).
int numThreads();

/// Helper threads of this process so far (tests).
int startedHelpers();

} // namespace tegula::cpu
