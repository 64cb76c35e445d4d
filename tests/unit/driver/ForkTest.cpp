//===- ForkTest.cpp - grids in forked processes ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/cpu/Grid.h"
#include "driver/cpu/Pool.h"
#include "ir/Settings.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tegula::cpu {

namespace {

/// Slot 0: a counter for each program; slot 1: milliseconds of a program.
void sleepingEntry(Launch *launch, std::byte *, int64_t first, int64_t last) {
  for (; first < last; ++first) {
    std::this_thread::sleep_for(std::chrono::milliseconds(launch->arguments[1]));
    reinterpret_cast<std::atomic<int> *>(launch->arguments[0])[first]++;
  }
}

/// Every program once?
bool launchOf(int64_t programs, uint64_t milliseconds) {
  Code code;
  code.entry = sleepingEntry;
  std::vector<std::atomic<int>> counters(static_cast<size_t>(programs));
  uint64_t slots[] = {reinterpret_cast<uint64_t>(counters.data()), milliseconds};
  runGrid(code, {programs, 1, 1}, slots);
  bool all = true;
  for (auto &counter : counters)
    all &= counter == 1;
  return all;
}

enum Outcome : int { Shared, Alone, Wrong };

/// Several launches, one of them long enough that others do come.
Outcome outcome() {
  bool all = true;
  for (int i = 0; i < 3; ++i)
    all &= launchOf(8, 10);
  return !all ? Wrong : startedHelpers() > 0 ? Shared : Alone;
}

/// What `body` returns in a forked child; -1 when that ends in another way. One that hangs dies of SIGALRM.
template <typename Body> int inChild(Body body) {
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(body());
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct ForkTest : testing::Test {
  void SetUp() override {
    EXPECT_EQ(setSetting("numThreads", "4"), "");
    EXPECT_TRUE(launchOf(8, 5));
  }
  void TearDown() override {
    EXPECT_EQ(outcome(), Shared); // the parent goes on as before
    reloadSettings();
  }
};

/// Launches all the time, until it goes.
class Launcher {
public:
  Launcher() { std::this_thread::sleep_for(std::chrono::milliseconds(30)); }
  ~Launcher() {
    end = true;
    thread.join();
  }

private:
  std::atomic<bool> end{false};
  std::thread thread{[this] {
    while (!end)
      EXPECT_TRUE(launchOf(16, 5));
  }};
};

} // namespace

TEST_F(ForkTest, ChildrenAndTheirChildrenShareGrids) {
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(inChild([] { return outcome() == Shared && inChild(outcome) == Shared ? outcome() : Wrong; }),
              Shared);
}

TEST_F(ForkTest, ChildrenStartNothingBeforeTheyLaunch) {
  EXPECT_EQ(inChild([] {
              return startedHelpers() == 0 && launchOf(1, 0) && startedHelpers() == 0 ? Shared : Wrong;
            }),
            Shared);
}

TEST_F(ForkTest, WhileAnotherThreadLaunches) {
  Launcher launcher;
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(inChild([] { return outcome() == Shared ? inChild(outcome) : Wrong; }), Shared);
}

TEST_F(ForkTest, InAThreadBesideOneThatLaunched) {
  std::thread([] { EXPECT_EQ(inChild(outcome), Shared); }).join();
  std::thread([] {
    EXPECT_EQ(outcome(), Shared);
    EXPECT_EQ(inChild(outcome), Shared);
  }).join();
  EXPECT_EQ(inChild(outcome), Shared);
}

TEST_F(ForkTest, ChildEndsWithItsThread) {
  Launcher launcher;
  for (int i = 0; i < 20; ++i)
    std::thread([] {
      EXPECT_TRUE(launchOf(8, 2));
      pid_t child = fork();
      if (child == 0) {
        alarm(20);
        return; // the only thread of the child: the process ends with status 0
      }
      int status = -1;
      waitpid(child, &status, 0);
      EXPECT_EQ(status, 0);
    }).join();
}

TEST_F(ForkTest, ChildEndsThroughExit) {
  EXPECT_EQ(inChild([] {
              std::thread([] { outcome(); }).join();
              int result = outcome();
              std::exit(result);
              return result;
            }),
            Shared);
}

TEST_F(ForkTest, ThreadsThatCannotBeHadAreNotNeeded) {
  EXPECT_EQ(inChild([] {
              setSetting("numThreads", "64");
              // No address space for new stacks. Some helpers may still come to be, on stacks that the parent's threads left.
              rlimit none{size_t(1) << 20, size_t(1) << 20};
              return setrlimit(RLIMIT_AS, &none) == 0 && launchOf(128, 2) && launchOf(128, 2) ? 1 : -1;
            }),
            1);
}

} // namespace tegula::cpu
