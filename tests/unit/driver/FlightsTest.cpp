//===- FlightsTest.cpp - one compile a key ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Flights.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <stdexcept>
#include <thread>
#include <vector>

namespace tegula::api {

namespace {
/// A stand-in for the compiler, and what it made.
struct Workshop {
  std::mutex mutex;
  std::map<int, std::shared_ptr<int>> made;
  std::atomic<int> compiles{0};
  Flights<int, int> flights;

  std::shared_ptr<int> get(int key, bool fails = false) {
    auto find = [&]() -> std::shared_ptr<int> {
      std::lock_guard lock(mutex);
      auto at = made.find(key);
      return at == made.end() ? nullptr : at->second;
    };
    auto make = [&]() -> std::shared_ptr<int> {
      ++compiles;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (fails)
        throw std::runtime_error("no");
      std::lock_guard lock(mutex);
      return made[key] = std::make_shared<int>(key);
    };
    return flights.get(key, find, make);
  }
};
} // namespace

TEST(Flights, OneCompileAKey) {
  Workshop workshop;
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 24; ++i)
    threads.emplace_back([&, i] { right += *workshop.get(i % 3) == i % 3; });
  for (auto &thread : threads)
    thread.join();
  EXPECT_EQ(right, 24);
  EXPECT_EQ(workshop.compiles, 3);
}

TEST(Flights, AFailureReachesEveryCallerAndBlocksNobody) {
  Workshop workshop;
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      try {
        workshop.get(1, true);
      } catch (const std::runtime_error &) {
        ++failures;
      }
    });
  for (auto &thread : threads)
    thread.join();
  EXPECT_EQ(failures, 6);
  EXPECT_EQ(*workshop.get(1), 1);
}

} // namespace tegula::api
