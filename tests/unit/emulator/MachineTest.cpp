//===- MachineTest.cpp - small kernels on the emulated GPU ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/diag/Diagnostic.h"
#include "tests/unit/emulator/Gpu.h"

#include "gtest/gtest.h"

#include <cstring>

using namespace tegula::ptx;

namespace {

TEST(EmulatorMachine, DivergentBranchesMeetAgain) {
  std::vector<uint32_t> data(64);
  Gpu gpu;
  gpu.settings.block[0] = 64;
  runOne(gpu, data, R"(
    and.b32 %r1, %r0, 1;
    setp.eq.u32 %p0, %r1, 0;
    @%p0 bra even;
    mov.u32 %r2, 100;
    bra.uni done;
  even:
    mov.u32 %r2, 200;
  done:
    activemask.b32 %r3;
    popc.b32 %r4, %r3;
    add.u32 %r2, %r2, %r4;
    st.global.u32 [%rd2], %r2;)");
  for (uint32_t t = 0; t < 64; t++)
    EXPECT_EQ(data[t], (t % 2 ? 132u : 232u));
}

TEST(EmulatorMachine, LoopsOfDifferentLengths) {
  std::vector<uint32_t> data(32);
  Gpu gpu;
  gpu.settings.block[0] = 32;
  runOne(gpu, data, R"(
    mov.u32 %r1, 0;
    mov.u32 %r2, 0;
  loop:
    add.u32 %r2, %r2, %r1;
    add.u32 %r1, %r1, 1;
    setp.le.u32 %p0, %r1, %r0;
    @%p0 bra loop;
    st.global.u32 [%rd2], %r2;)");
  for (uint32_t t = 0; t < 32; t++)
    EXPECT_EQ(data[t], t * (t + 1) / 2);
}

TEST(EmulatorMachine, ShuffleAddsAWarp) {
  std::vector<uint32_t> data(32);
  Gpu gpu;
  gpu.settings.block[0] = 32;
  std::string body = "mov.u32 %r1, %r0;\n";
  for (int by = 16; by; by /= 2)
    body += "shfl.sync.bfly.b32 %r2|%p0, %r1, " + std::to_string(by) + ", 31, -1;\nadd.u32 %r1, %r1, %r2;\n";
  runOne(gpu, data, body + "st.global.u32 [%rd2], %r1;");
  EXPECT_EQ(data, std::vector<uint32_t>(32, 496));
}

const char *reverse = R"(
    mov.u32 %r1, buffer;
    shl.b32 %r2, %r0, 2;
    add.u32 %r3, %r1, %r2;
    st.shared.u32 [%r3], %r0;
    BARRIER
    mov.u32 %r4, 508;
    sub.u32 %r5, %r4, %r2;
    add.u32 %r5, %r5, %r1;
    ld.shared.u32 %r6, [%r5];
    st.global.u32 [%rd2], %r6;)";
std::string reversed(const std::string &barrier) {
  std::string text = reverse;
  return ".shared .align 4 .b8 buffer[512];\n" + text.replace(text.find("BARRIER"), 7, barrier);
}

TEST(EmulatorMachine, BarrierOrdersSharedMemory) {
  for (uint64_t seed : {0, 1, 2, 3}) {
    std::vector<uint32_t> data(128);
    Gpu gpu;
    gpu.settings.block[0] = 128;
    gpu.settings.seed = seed;
    gpu.settings.checks = Checks::fatal;
    runOne(gpu, data, reversed("bar.sync 0;"));
    for (uint32_t t = 0; t < 128; t++)
      EXPECT_EQ(data[t], 127 - t);
  }
}

TEST(EmulatorMachine, SpinLockOfOneWarp) {
  std::vector<uint32_t> data(2);
  Gpu gpu;
  gpu.settings.block[0] = 64;
  gpu.settings.grid[0] = 3;
  runOne(gpu, data, R"(
  try:
    atom.global.cas.b32 %r1, [%rd0], 0, 1;
    setp.ne.u32 %p0, %r1, 0;
    @%p0 bra try;
    ld.volatile.global.u32 %r2, [%rd0+4];
    add.u32 %r2, %r2, 1;
    st.volatile.global.u32 [%rd0+4], %r2;
    membar.gl;
    atom.global.exch.b32 %r3, [%rd0], 0;)");
  EXPECT_EQ(data[1], 192u);
}

TEST(EmulatorMachine, RecursiveCalls) {
  std::vector<uint32_t> data(32);
  Gpu gpu;
  gpu.settings.block[0] = 32;
  runOne(gpu, data, R"(
    { .param .b32 a; .param .b32 r;
      st.param.b32 [a], %r0;
      call.uni (r), sum, (a);
      ld.param.b32 %r1, [r]; }
    st.global.u32 [%rd2], %r1;)",
         R"(.func (.param .b32 out) sum(.param .b32 n) {
    .reg .b32 %r<8>; .reg .pred %p<2>;
    ld.param.b32 %r0, [n];
    mov.u32 %r2, 0;
    setp.eq.u32 %p0, %r0, 0;
    @%p0 bra done;
    sub.u32 %r1, %r0, 1;
    { .param .b32 a; .param .b32 r;
      st.param.b32 [a], %r1;
      call (r), sum, (a);
      ld.param.b32 %r2, [r]; }
  done:
    add.u32 %r2, %r2, %r0;
    st.param.b32 [out], %r2;
    ret;
  })");
  for (uint32_t t = 0; t < 32; t++)
    EXPECT_EQ(data[t], t * (t + 1) / 2);
}

TEST(EmulatorMachine, BarrierReduction) {
  std::vector<uint32_t> data(96);
  Gpu gpu;
  gpu.settings.block[0] = 96;
  runOne(gpu, data,
         "setp.lt.u32 %p0, %r0, 40;\nbarrier.red.popc.u32 %r1, 1, %p0;\nst.global.u32 [%rd2], %r1;");
  EXPECT_EQ(data, std::vector<uint32_t>(96, 40));
}

} // namespace
