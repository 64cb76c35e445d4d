//===- ForkSafeTest.cpp - a lock that a forked child finds free ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/ForkSafe.h"

#include "gtest/gtest.h"

#include <atomic>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace tegula {
namespace {

/// The exit status of a child that does this.
int statusOf(const std::function<bool()> &child) {
  pid_t pid = fork();
  if (pid == 0) {
    alarm(20); // a lock that stays locked ends it by a signal
    _exit(child() ? 0 : 1);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

// Another thread takes and gives back the lock all the time: without the handlers some child finds it locked.
TEST(ForkSafe, childFindsTheLockFree) {
  ForkSafeMutex mutex;
  int64_t first = 0, second = 0; // equal wherever the lock is free
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) {
      std::lock_guard lock(mutex);
      ++first;
      for (int i = 0; i < 100; ++i)
        std::atomic_signal_fence(std::memory_order_seq_cst);
      ++second;
    }
  });
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(statusOf([&] {
                std::lock_guard lock(mutex);
                return first == second;
              }),
              0);
  stop = true;
  busy.join();
}

TEST(ForkSafe, childMendsWhatItTakesOver) {
  bool isChild = false;
  ForkSafeMutex mutex([&] { isChild = true; });
  EXPECT_EQ(statusOf([&] { return isChild; }), 0);
  EXPECT_FALSE(isChild);
}

TEST(ForkSafe, lockThatIsGoneIsForgotten) {
  {
    ForkSafeMutex mutex([] { _exit(3); });
  }
  EXPECT_EQ(statusOf([] { return true; }), 0);
}

} // namespace
} // namespace tegula
