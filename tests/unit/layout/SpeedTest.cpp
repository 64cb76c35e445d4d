//===- SpeedTest.cpp - what a call costs; run with --gtest_also_run_disabled_tests ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/Conversion.h"
#include "ir/layout/MatrixAccess.h"

#include <chrono>
#include <gtest/gtest.h>

using namespace tegula::layout;

namespace {

template <class Call> void time(const char *name, Call call) {
  constexpr int rounds = 20000;
  double best = 1e9;
  for (int repeat = 0; repeat < 5; repeat++) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; i++) {
      auto result = call();
      asm volatile("" : : "g"(&result) : "memory");
    }
    best = std::min(
        best,
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / rounds);
  }
  printf("  %-44s %6.0f ns\n", name, best);
}

TEST(LayoutSpeed, DISABLED_Calls) {
  auto layout = [](const char *text) { return *Layout::parse(text); };
  Layout rows = Layout::blocked(fitDims({128, 64}), {1, 8}, {4, 8}, {4, 1}, {1, 0});
  Layout wide = layout("128x64 reg (0,1..2) (0,32) (8..64,0) lane (0,4..16) (1,0) (2,0) warp (4,0) 0");
  Layout lanes = layout("128x64 reg (0,1..2) (0,8) (16..64,0) lane (0,4) (0,16..32) (1..2,0) warp (4..8,0)");
  Layout order = layout("128x64 reg (0,4) (0,1..2) (16..64,0) lane (0,8..32) (1..2,0) warp (4..8,0)");
  Layout mma =
      layout("128x64 reg (0,1) (8,0) (0,16..32) (32..64,0) lane (0,2..4) (1..4,0) warp (0,8) (16,0)");
  Layout dot = layout("128x64 reg (0,1) (8,0) (0,8..32) (32..64,0) lane (0,2..4) (1..4,0) warp 0 (16,0)");
  Layout columns = Layout::blocked(rows.dims(), {8, 1}, {16, 2}, {1, 4}, {0, 1});
  std::vector<unsigned> swap = {1, 0};
  Dims flat = fitDims({8192});
  time("copy", [&] { return Layout(rows); });
  time("compare", [&] { return rows == columns; });
  time("hash", [&] { return hash_value(rows); });
  time("blocked", [&] { return Layout::blocked(rows.dims(), {1, 8}, {4, 8}, {4, 1}, {1, 0}); });
  time("transposed", [&] { return rows.transposed(swap); });
  time("sliced", [&] { return rows.sliced(1); });
  time("sliced, removeZeroRegisters", [&] { return rows.sliced(1).removeZeroRegisters(); });
  time("expanded", [&] { return rows.expanded(1); });
  time("broadcastSource", [&] { return rows.broadcastSource({128, 1}); });
  time("reshaped", [&] { return rows.reshaped(llvm::ArrayRef(flat)); });
  time("reshaped, by shapes", [&] { return rows.reshaped({128, 64}, {8192}); });
  time("joined", [&] { return rows.joined(); });
  time("freeBits", [&] { return rows.freeBits(); });
  time("contiguousRegisters", [&] { return rows.contiguousRegisters(1); });
  time("planConversion: nothing", [&] { return planConversion(rows, rows, 16); });
  time("planConversion: registers", [&] { return planConversion(rows, order, 32); });
  time("planConversion: bytes", [&] { return planConversion(rows, order, 16); });
  time("planConversion: exchange", [&] { return planConversion(rows, lanes, 16); });
  time("planConversion: shared, mma to rows", [&] { return planConversion(mma, rows, 16); });
  time("planConversion: shared, rows to dot", [&] { return planConversion(rows, dot, 16); });
  time("planConversion: shared, rows to columns", [&] { return planConversion(rows, columns, 32); });
  time("planConversion: shared, rows to wide", [&] { return planConversion(rows, wide, 32); });
  time("SharedLayout::forPair", [&] { return SharedLayout::forPair(rows, dot, 16); });
  SharedLayout memory = SharedLayout::swizzled(rows.dims(), {1, 0}, 8, 1, 8);
  time("SharedAccess", [&] { return SharedAccess(rows, memory, 16); });
  time("MatrixAccess::match", [&] { return MatrixAccess::match(dot, memory, 16, false); });
}

} // namespace
