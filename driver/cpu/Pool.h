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
// Not oneTBB: after fork() its scheduler takes the parent's threads for alive, and no new arena of the child ever gets
// one (measured with 2021.8: a task enqueued in the child did not run within 200 ms; in the parent 1 us to 1 ms).
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
