//===- AxisPropertyTest.cpp - random kernels keep what the axis analysis says of them ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AxisClaims.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace tegula;
using namespace tegula::test;

namespace {

/// A number that the argument's attributes allow, often an extreme one.
uint64_t valueFor(const RandomKernel::Argument &argument, std::mt19937_64 &random) {
  auto pick = [&](uint64_t below) { return int64_t(random() % below); };
  if (argument.type == "ptr")
    return uint64_t(argument.divisor) * uint64_t(pick(1 << 20));
  bool isWide = argument.type == "i64";
  int64_t low = std::max(argument.min, isWide ? INT64_MIN : int64_t(INT32_MIN)),
          high = std::min(argument.max, isWide ? INT64_MAX : int64_t(INT32_MAX));
  int64_t value;
  switch (pick(6)) {
  case 0: value = low + pick(2) * std::min<int64_t>(pick(80), high / 2 - low / 2); break;
  case 1: value = high - pick(2) * std::min<int64_t>(pick(80), high / 2 - low / 2); break;
  case 2: value = int64_t(random()); break;
  default: value = pick(4) == 0 ? -pick(200) : pick(400);
  }
  value = value / argument.divisor * argument.divisor;
  if (value < low)
    value += (low - value + argument.divisor - 1) / argument.divisor * argument.divisor;
  if (value > high)
    value = high / argument.divisor * argument.divisor;
  if (value < low || value > high)
    return uint64_t(low <= 0 && high >= 0 ? 0 : low);
  return uint64_t(value) & (isWide ? ~uint64_t(0) : 0xffffffffu);
}

void add(ClaimCounts &to, const ClaimCounts &from) {
  auto *a = reinterpret_cast<int64_t *>(&to);
  auto *b = reinterpret_cast<const int64_t *>(&from);
  for (size_t i = 0; i < sizeof(ClaimCounts) / sizeof(int64_t); ++i)
    a[i] += b[i];
}

/// Whether an argument's attributes allow a value at all.
bool isPossible(const RandomKernel::Argument &argument) {
  return argument.type == "ptr" || argument.min <= argument.max / argument.divisor * argument.divisor;
}

ClaimCounts check(uint64_t firstSeed, int kernels, int runs) {
  ClaimCounts all;
  for (uint64_t seed = firstSeed; seed < firstSeed + uint64_t(kernels); ++seed) {
    RandomKernel kernel = randomKernel(seed);
    MLIRContext context(MLIRContext::Threading::DISABLED);
    tile::loadDialects(context);
    auto module = parseSourceString<ModuleOp>(kernel.text, &context);
    EXPECT_TRUE(module) << kernel.text;
    if (!module || !llvm::all_of(kernel.arguments, isPossible))
      continue;
    std::string before;
    llvm::raw_string_ostream(before) << *module;
    AxisClaims claims(cast<func::FuncOp>(tile::kernelOf(*module)));
    std::mt19937_64 random(seed);
    for (int i = 0; i < runs; ++i) {
      std::vector<uint64_t> slots;
      for (const auto &argument : kernel.arguments)
        slots.push_back(valueFor(argument, random));
      int64_t programs = i % 3 ? INT32_MAX : 1 + int64_t(random() % 8);
      int64_t program = i % 2 ? int64_t(random() % uint64_t(programs))
                              : std::min<int64_t>(programs - 1, int64_t(random() % 40));
      claims.run({program, 0, 0}, {programs, programs, 1}, slots);
      if (claims.failures.empty())
        continue;
      std::string text;
      for (uint64_t slot : slots)
        text += " " + std::to_string(int64_t(slot));
      ADD_FAILURE() << "seed " << seed << ", program " << program << ", arguments" << text << "\n"
                    << claims.failures[0] << "\n"
                    << before;
      break;
    }
    add(all, claims.counts);
    if (testing::Test::HasFailure())
      break;
  }
  return all;
}

TEST(AxisProperty, RandomKernelsKeepEveryClaim) {
  ClaimCounts counts = check(1, 300, 6);
  // Claims of every kind that say something were met.
  EXPECT_GT(counts.runs, 20000);
  EXPECT_GT(counts.usualRuns, 100);
  EXPECT_GT(counts.ranges, 20000);
  EXPECT_GT(counts.noWraps, 1000);
  EXPECT_GT(counts.uniform, 1000);
  EXPECT_GT(counts.interior, 100);
  EXPECT_GT(counts.split, 50);
  EXPECT_GT(counts.vectors, 500);
  EXPECT_GT(counts.needs, 100);
  EXPECT_GT(counts.terms, 300);
  EXPECT_GT(counts.alwaysTrue, 100);
  EXPECT_GT(counts.refined, 200);
  EXPECT_GT(counts.obligations, 20);
}

/// For hours: --gtest_also_run_disabled_tests --gtest_filter=*Long*.
TEST(AxisProperty, DISABLED_Long) { check(1000000, 60000, 10); }

} // namespace
