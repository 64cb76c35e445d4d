//===- GridTest.cpp - every program once, stops, prints, assertions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/cpu/Grid.h"

#include "driver/cpu/Host.h"
#include "driver/cpu/Pool.h"
#include "driver/cpu/Scratch.h"
#include "ir/Settings.h"
#include "ir/diag/Diagnostic.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace tegula::cpu {

namespace {

using Counters = std::vector<std::atomic<int>>;

/// Slot 0: counters; slot 1: nanoseconds of a program.
void countingEntry(Launch *launch, std::byte *, int64_t first, int64_t last) {
  auto *counters = reinterpret_cast<std::atomic<int> *>(launch->arguments[0]);
  for (int64_t id = first; id < last; ++id) {
    counters[id]++;
    if (uint64_t ns = launch->arguments[1]) {
      auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(ns);
      while (std::chrono::steady_clock::now() < end) {
      }
    }
  }
}

int threadsSetTo(const char *text) {
  EXPECT_EQ(setSetting("numThreads", text), "");
  return numThreads();
}

struct GridTest : testing::Test {
  void SetUp() override { threadsSetTo("4"); }
  void TearDown() override {
    setPrintSink(nullptr);
    setInterruptCheck(nullptr);
    reloadSettings();
  }
};

void expectOnceEach(std::array<int64_t, 3> grid, uint64_t ns, Code &code) {
  Counters counters(size_t(grid[0] * grid[1] * grid[2]));
  uint64_t slots[] = {reinterpret_cast<uint64_t>(counters.data()), ns};
  runGrid(code, grid, slots);
  for (size_t i = 0; i < counters.size(); ++i)
    ASSERT_EQ(counters[i], 1) << "program " << i << " of " << grid[0] << "x" << grid[1] << "x" << grid[2];
}

} // namespace

TEST_F(GridTest, EveryProgramOnce) {
  for (const char *threads : {"1", "2", "4", "7"}) {
    threadsSetTo(threads);
    Code code;
    code.entry = countingEntry;
    for (int64_t n : {1, 2, 3, 5, 7, 31, 32, 33, 1000, 4097, 100003})
      expectOnceEach({n, 1, 1}, 0, code);
    expectOnceEach({3, 5, 7}, 0, code);
    expectOnceEach({1, 1, 13}, 0, code);
  }
}

TEST_F(GridTest, EveryProgramOnceWhenTheGuessIsWrong) {
  for (float guess : {-1.0f, 0.1f, 1e3f, 1e9f})
    for (uint64_t ns : {0, 1000, 300000}) {
      Code code;
      code.entry = countingEntry;
      code.nsPerProgram = guess;
      expectOnceEach({ns > 1000 ? 19 : 531, 1, 1}, ns, code);
    }
}

TEST_F(GridTest, BigProgramsAreShared) {
  Code code;
  std::atomic<int> atOnce{0}, most{0};
  static std::atomic<int> *now, *peak;
  now = &atOnce, peak = &most;
  code.entry = [](Launch *, std::byte *, int64_t first, int64_t last) {
    for (; first < last; ++first) {
      int seen = ++*now;
      for (int old = *peak; seen > old && !peak->compare_exchange_weak(old, seen);) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      --*now;
    }
  };
  uint64_t slot = 0;
  runGrid(code, {4, 1, 1}, &slot);
  runGrid(code, {4, 1, 1}, &slot);
  EXPECT_EQ(most, 4);
}

TEST_F(GridTest, EmptyGridsDoNothing) {
  Code code; // no entry: calling it would crash
  for (std::array<int64_t, 3> grid :
       {std::array<int64_t, 3>{0, 1, 1}, {5, 0, 1}, {7, 3, 0}, {INT32_MAX, INT32_MAX, 0}})
    runGrid(code, grid, nullptr);
}

TEST_F(GridTest, BadGridsAreLaunchErrors) {
  Code code;
  for (std::array<int64_t, 3> grid : {std::array<int64_t, 3>{-1, 1, 1},
                                      {1, int64_t(INT32_MAX) + 1, 1},
                                      {1, 0, -5},
                                      {INT64_MIN, 1, 1},
                                      {INT32_MAX, INT32_MAX, INT32_MAX}})
    try {
      runGrid(code, grid, nullptr);
      FAIL();
    } catch (const Error &error) {
      EXPECT_EQ(error.kind(), ErrorKind::Launch);
      EXPECT_NE(error.diagnostic().message.find("got (" + std::to_string(grid[0])), std::string::npos);
    }
}

TEST_F(GridTest, ScratchIsAlignedAndPrivate) {
  Code code;
  code.scratchBytes = 100000;
  code.entry = [](Launch *launch, std::byte *memory, int64_t first, int64_t last) {
    for (; first < last; ++first) {
      auto *bad = reinterpret_cast<std::atomic<int> *>(launch->arguments[0]);
      auto *words = reinterpret_cast<int64_t *>(memory);
      *bad += reinterpret_cast<uintptr_t>(memory) % 64 != 0;
      for (int i = 0; i < 12500; ++i)
        words[i] = first;
      for (int i = 0; i < 12500; ++i)
        *bad += words[i] != first;
    }
  };
  std::atomic<int> bad{0};
  uint64_t slot = reinterpret_cast<uint64_t>(&bad);
  runGrid(code, {200, 1, 1}, &slot);
  EXPECT_EQ(bad, 0);
}

TEST_F(GridTest, TooMuchScratchIsAnError) {
  Code code;
  code.name = "huge";
  code.scratchBytes = int64_t(1) << 55;
  code.entry = [](Launch *, std::byte *, int64_t, int64_t) { ADD_FAILURE(); };
  for (int64_t n : {1, 100})
    try {
      runGrid(code, {n, 1, 1}, nullptr);
      FAIL();
    } catch (const Error &error) {
      EXPECT_EQ(error.diagnostic().id, Diag::scratch_too_big);
      EXPECT_EQ(error.kind(), ErrorKind::OutOfResources);
      EXPECT_NE(std::string(error.what()).find("'huge' needs 36028797018963968 bytes"), std::string::npos);
    }
}

TEST_F(GridTest, FailedAssertionStopsTheGrid) {
  Code code;
  static std::atomic<int64_t> ran;
  ran = 0;
  code.entry = [](Launch *launch, std::byte *, int64_t first, int64_t last) {
    for (; first < last && !launch->stopped; ++first) {
      ran++;
      if (first == 23)
        tegula_cpu_assert_failed(launch, first, "n must be even", "k.py", 12, 5);
    }
  };
  uint64_t slot = 0;
  try {
    runGrid(code, {4, 1000, 1000}, &slot);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), ErrorKind::Device);
    EXPECT_EQ(error.diagnostic().message,
              "k.py:12: device_assert failed in program (3, 5, 0), element 5: n must be even");
  }
  EXPECT_LT(ran, 4000000);
}

TEST_F(GridTest, InterruptStopsALongGrid) {
  Code code;
  code.name = "endless";
  code.entry = countingEntry;
  Counters counters(1000);
  uint64_t slots[] = {reinterpret_cast<uint64_t>(counters.data()), 5000000};
  setInterruptCheck([] { return true; });
  for (const char *threads : {"1", "4"}) {
    threadsSetTo(threads);
    try {
      runGrid(code, {1000, 1, 1}, slots);
      FAIL();
    } catch (const Error &error) {
      EXPECT_EQ(error.diagnostic().id, Diag::launch_interrupted);
    }
  }
}

TEST_F(GridTest, LaunchesFromManyThreads) {
  std::vector<std::thread> launchers;
  for (int t = 0; t < 8; ++t)
    launchers.emplace_back([] {
      Code code;
      code.entry = countingEntry;
      for (int i = 0; i < 50; ++i)
        expectOnceEach({97, 3, 1}, i % 5 == 0 ? 2000 : 0, code);
    });
  for (auto &launcher : launchers)
    launcher.join();
}

TEST_F(GridTest, ForkedChildGetsItsOwnThreads) {
  Code code;
  code.entry = countingEntry;
  expectOnceEach({64, 1, 1}, 100000, code);
  ASSERT_GT(startedHelpers(), 0);
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    bool fresh = startedHelpers() == 0;
    Counters counters(64);
    uint64_t slots[] = {reinterpret_cast<uint64_t>(counters.data()), 100000};
    runGrid(code, {64, 1, 1}, slots);
    bool all = true;
    for (auto &counter : counters)
      all &= counter == 1;
    _exit(fresh && all && startedHelpers() > 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

//===----------------------------------------------------------------------===//
// device_print
//===----------------------------------------------------------------------===//

static std::string lines(const char *prefix, PrintType type, const void *data, std::vector<int64_t> shape,
                         bool hex = false, int index = 0, int count = 1) {
  Launch launch{};
  launch.grid[0] = 4, launch.grid[1] = 3, launch.grid[2] = 2;
  PrintValue value{data, shape.data(), int32_t(shape.size()), type};
  return printedLines(launch, 4 + 1, prefix, hex, index, count, &value);
}

TEST_F(GridTest, PrintsAsTritonDoes) {
  std::vector<int32_t> ints(16);
  ints[3] = -7;
  std::string text = lines("x", PrintType::I32, ints.data(), {16});
  EXPECT_NE(text.find("pid (1, 1, 0) idx ( 3) x: -7\n"), std::string::npos) << text;
  EXPECT_NE(text.find("pid (1, 1, 0) idx (15) x: 0\n"), std::string::npos) << text;
  EXPECT_NE(lines("x: ", PrintType::I32, ints.data(), {8, 2}).find("idx (1, 1) x: -7\n"), std::string::npos);
  EXPECT_EQ(lines("x", PrintType::I32, &ints[3], {}), "pid (1, 1, 0) idx () x: -7\n");
  EXPECT_EQ(lines("x", PrintType::I32, &ints[3], {}, true), "pid (1, 1, 0) idx () x: 0xfffffff9\n");
  EXPECT_EQ(lines("x", PrintType::I32, &ints[3], {}, false, 1, 2),
            "pid (1, 1, 0) idx () x: (operand 1) -7\n");
  EXPECT_EQ(printedLines(Launch{{1, 1, 1}, 0, nullptr, nullptr}, 0, "here", false, 0, 0, nullptr),
            "pid (0, 0, 0) here\n");
}

TEST_F(GridTest, PrintsEveryType) {
  auto one = [](PrintType type, uint64_t bits) {
    std::string text = lines("", type, &bits, {});
    return text.substr(text.rfind(' ') + 1, text.size() - text.rfind(' ') - 2);
  };
  EXPECT_EQ(one(PrintType::I1, 1), "1");
  EXPECT_EQ(one(PrintType::I8, 0x80), "-128");
  EXPECT_EQ(one(PrintType::U8, 0x80), "128");
  EXPECT_EQ(one(PrintType::I64, ~0ull), "-1");
  EXPECT_EQ(one(PrintType::U64, ~0ull), "18446744073709551615");
  EXPECT_EQ(one(PrintType::F32, 0x3fc00000), "1.500000");
  EXPECT_EQ(one(PrintType::F64, 0x7ff0000000000000), "inf");
  EXPECT_EQ(one(PrintType::F16, 0x3c00), "1.000000");
  EXPECT_EQ(one(PrintType::F16, 0x0001), "0.000000");
  EXPECT_EQ(one(PrintType::BF16, 0xc000), "-2.000000");
  EXPECT_EQ(one(PrintType::F8E4M3, 0x7e), "448.000000");
  EXPECT_EQ(one(PrintType::F8E4M3, 0x7f), "nan");
  EXPECT_EQ(one(PrintType::F8E5M2, 0x7b), "57344.000000");
  EXPECT_EQ(one(PrintType::F8E5M2, 0x7c), "inf");
  EXPECT_EQ(one(PrintType::Pointer, 0xabc), "0xabc");
}

TEST_F(GridTest, PrintsOnTheLaunchingThreadOnly) {
  static std::string seen;
  static std::thread::id launcher;
  seen.clear();
  launcher = std::this_thread::get_id();
  setPrintSink([](const char *text, size_t size) {
    EXPECT_EQ(std::this_thread::get_id(), launcher);
    seen.append(text, size);
  });
  Code code;
  code.entry = [](Launch *launch, std::byte *, int64_t first, int64_t last) {
    for (; first < last; ++first) {
      int64_t value = first;
      PrintValue shown{&value, nullptr, 0, PrintType::I64};
      tegula_cpu_print(launch, first, "n", 0, 0, 1, &shown);
    }
  };
  uint64_t slot = 0;
  runGrid(code, {2000, 1, 1}, &slot);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), '\n'), 2000);
  EXPECT_NE(seen.find("pid (1999, 0, 0) idx () n: 1999\n"), std::string::npos);
}

TEST_F(GridTest, DISABLED_OverheadOfOneProgram) {
  Code code;
  code.entry = [](Launch *, std::byte *, int64_t, int64_t) {};
  for (int64_t n : {1, 64, 4096}) {
    double best = 1e9;
    for (int round = 0; round < 20; ++round) {
      auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < 10000; ++i)
        runGrid(code, {n, 1, 1}, nullptr);
      best = std::min(
          best,
          std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / 10000);
    }
    std::printf("grid of %ld: %.1f ns\n", long(n), best);
  }
}

} // namespace tegula::cpu
