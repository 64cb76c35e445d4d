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
// Not oneTBB, which was measured in its place (2021.8, on two processors): small parallel launches take the same time
// with it, but
// - a child forked while another thread launches can hang: oneTBB's end-of-thread handler waits for a lock that a thread
//   of the parent held (in 1 to 5 % of forks from a thread that had launched, when that thread ended in the child);
// - ending its threads before a fork (tbb::finalize) fails while another thread that ever launched is alive, and the
//   child, which sees the parent's threads as alive, never gets one;
// - it ends the process where the system refuses it a thread; here the calling thread does the work.
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
