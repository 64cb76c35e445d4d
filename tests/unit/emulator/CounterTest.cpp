//===- CounterTest.cpp - counters of kernels that can be counted by hand ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Every kernel begins with the four instructions of the prologue in Gpu.h and ends with `ret`.

#include "ir/diag/Diagnostic.h"
#include "tests/unit/emulator/Gpu.h"

#include "gtest/gtest.h"

using namespace tegula::ptx;

namespace {

constexpr uint64_t frameOf = 5; ///< instructions around each body

struct Launch {
  Gpu gpu;
  alignas(256) uint32_t memory[1024] = {};
  Counters operator()(const std::string &body, uint32_t threads = 32, uint32_t blocks = 1) {
    gpu.settings.block[0] = threads;
    gpu.settings.grid[0] = blocks;
    gpu.settings.counters = true;
    gpu.emulator.registerRange(reinterpret_cast<uint64_t>(memory), sizeof memory, "memory");
    gpu.pass(reinterpret_cast<uint64_t>(memory));
    return gpu.run(onePointer, prologue + body).counters;
  }
};

void expectMemory(const MemoryCount &m, uint64_t requests, uint64_t units, uint64_t ideal, uint64_t bytes) {
  EXPECT_EQ(m.requests, requests);
  EXPECT_EQ(m.units, units);
  EXPECT_EQ(m.ideal, ideal);
  EXPECT_EQ(m.bytes, bytes);
}

TEST(EmulatorCounters, ClassesAndLanes) {
  Counters c = Launch()(
      "add.u32 %r1, %r0, 1;\nmul.f32 %f1, %f1, %f2;\nfma.rn.f32 %f1, %f1, %f2, %f1;\n"
      "setp.lt.u32 %p0, %r0, 8;\n@%p0 sin.approx.f32 %f3, %f1;\nshfl.sync.idx.b32 %r2, %r0, 0, 31, -1;",
      64, 3);
  uint64_t warps = 6;
  EXPECT_EQ(c.instructions, warps * (frameOf + 6));
  // Only the first warp of each block has lanes below 8; the other one issues the instruction without lanes.
  EXPECT_EQ(c.lanes, warps * 32 * (frameOf + 5) + 3 * 8);
  EXPECT_EQ(c.byPipe[size_t(Pipe::fma)], warps * 3); // mul.f32, fma.f32, mul.wide.u32 of the prologue
  EXPECT_EQ(c.byPipe[size_t(Pipe::transcendental)], warps);
  EXPECT_EQ(c.byPipe[size_t(Pipe::warp)], warps);
  EXPECT_EQ(c.byPipe[size_t(Pipe::constant)], warps); // ld.param
  EXPECT_EQ(c.kernel, "k");
  EXPECT_EQ(c.arch, "sm_80");
}

TEST(EmulatorCounters, Sectors) {
  Launch launch;
  Counters c = launch("ld.global.u32 %r1, [%rd2];"); // 128 bytes in a row
  expectMemory(c.memory.global, 1, 4, 4, 128);
  c = Launch()(
      "mul.wide.u32 %rd3, %r0, 32;\nadd.s64 %rd4, %rd0, %rd3;\nld.global.u32 %r1, [%rd4];"); // each its own
  expectMemory(c.memory.global, 1, 32, 4, 128);
  c = Launch()("ld.global.u32 %r1, [%rd0];"); // all the same word
  expectMemory(c.memory.global, 1, 1, 4, 128);
  c = Launch()("st.global.u32 [%rd2+16], %r0;"); // not aligned to a sector
  expectMemory(c.memory.global, 1, 5, 4, 128);
  c = Launch()("mul.wide.u32 %rd3, %r0, 16;\nadd.s64 %rd4, %rd0, %rd3;\nld.global.v4.u32 {%r1, %r2, %r3, "
               "%r4}, [%rd4];");
  expectMemory(c.memory.global, 1, 16, 16, 512);
  c = Launch()("setp.lt.u32 %p0, %r0, 8;\n@%p0 ld.global.u32 %r1, [%rd2];");
  expectMemory(c.memory.global, 1, 1, 1, 32);
  c = Launch()("red.global.add.u32 [%rd0], 1;", 64);
  expectMemory(c.memory.global, 2, 2, 8, 256);
}

TEST(EmulatorCounters, Wavefronts) {
  auto shared = [](const std::string &address, const std::string &access) {
    return Launch()(".shared .align 16 .b8 s[4224];\nmov.u32 %r2, s;\n" + address +
                    "add.u32 %r3, %r3, %r2;\n" + access)
        .memory.shared;
  };
  std::string store = "st.shared.u32 [%r3], %r0;";
  expectMemory(shared("shl.b32 %r3, %r0, 2;\n", store), 1, 1, 1, 128);      // one bank each
  expectMemory(shared("shl.b32 %r3, %r0, 3;\n", store), 1, 2, 1, 128);      // stride 2: two lanes a bank
  expectMemory(shared("shl.b32 %r3, %r0, 7;\n", store), 1, 32, 1, 128);     // a column: one bank
  expectMemory(shared("mul.lo.u32 %r3, %r0, 132;\n", store), 1, 1, 1, 128); // a padded column
  expectMemory(shared("mov.u32 %r3, 0;\n", "ld.shared.u32 %r4, [%r3];"), 1, 1, 1, 128); // a broadcast
  expectMemory(shared("shl.b32 %r3, %r0, 4;\n", "st.shared.v4.u32 [%r3], {%r0, %r0, %r0, %r0};"), 1, 4, 4,
               512);
  expectMemory(shared("shl.b32 %r3, %r0, 3;\n", "st.shared.v2.u32 [%r3], {%r0, %r0};"), 1, 2, 2, 256);
  expectMemory(shared("mov.u32 %r3, 0;\n", "red.shared.add.u32 [%r3], 1;"), 1, 32, 1,
               128); // one after the other
  expectMemory(shared("shl.b32 %r3, %r0, 4;\n",
                      "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r4, %r5, %r6, %r7}, [%r3];"),
               1, 4, 4, 512);
  expectMemory(shared("shl.b32 %r3, %r0, 7;\n", "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r4}, [%r3];"), 1,
               8, 1, 128);
}

TEST(EmulatorCounters, LocalMemoryIsInterleaved) {
  Counters c = Launch()(".local .align 16 .b8 l[64];\nmov.u64 %rd5, l;\nst.local.u32 [%rd5+4], %r0;\n"
                        "mul.wide.u32 %rd6, %r0, 4;\nand.b64 %rd6, %rd6, 63;\nadd.s64 %rd7, %rd5, %rd6;\n"
                        "ld.local.u32 %r1, [%rd7];");
  // All lanes at one offset: 128 bytes in a row. 16 different offsets: two lanes of each, in two sectors each.
  expectMemory(c.memory.local, 2, 4 + 32, 8, 256);
}

TEST(EmulatorCounters, CopiesMoveBoth) {
  Counters c = Launch()(
      ".shared .align 16 .b8 s[512];\nshl.b32 %r1, %r0, 4;\nmov.u32 %r2, s;\nadd.u32 %r3, %r1, %r2;\n"
      "mul.wide.u32 %rd3, %r0, 16;\nadd.s64 %rd4, %rd0, %rd3;\n"
      "cp.async.cg.shared.global [%r3], [%rd4], 16;\ncp.async.wait_all;");
  expectMemory(c.memory.global, 1, 16, 16, 512);
  expectMemory(c.memory.shared, 1, 4, 4, 512);
  EXPECT_EQ(c.byPipe[size_t(Pipe::asyncCopy)], 2u);
}

TEST(EmulatorCounters, BarriersAndMatrices) {
  Counters c = Launch()(
      "bar.sync 0;\nbarrier.sync 1;\n"
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f0, %f1, %f2, %f3}, {%r1, %r2, %r3, %r4}, "
      "{%r5, %r6}, {%f0, %f1, %f2, %f3};\n"
      "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%r1, %r2, %r3, %r4}, {%r1, %r2, %r3, %r4}, "
      "{%r5, %r6}, {%r1, %r2, %r3, %r4};",
      96, 2);
  EXPECT_EQ(c.barriers, 2u * 6);
  EXPECT_EQ(c.matrixOperations, 2u * 6);
  EXPECT_EQ(c.multiplyAdds, 6u * (16 * 8 * 16 + 16 * 8 * 32));
  double tensor = 0;
  for (const UnitBound &b : c.bounds)
    if (b.unit == "tensor")
      tensor = b.cycles;
  EXPECT_DOUBLE_EQ(tensor, 6 * (2048 + 4096 / 2) / 1024.0); // int8 at twice the rate of f16
}

TEST(EmulatorCounters, LinesAndBlocks) {
  Launch launch;
  launch.gpu.settings.block[0] = 32;
  launch.gpu.settings.counters = true;
  Counters c = launch(R"(
    .loc 1 10 0
    mov.u32 %r1, 0;
    mov.u32 %r2, 0;
  loop:
    .loc 1 11 0
    add.u32 %r2, %r2, %r1;
    add.u32 %r1, %r1, 1;
    setp.le.u32 %p0, %r1, %r0;
    @%p0 bra loop;
    .loc 1 12 0
    st.global.u32 [%rd2], %r2;)");
  // Lane l makes l + 1 rounds: 32 for the warp, 33 * 16 of lanes.
  ASSERT_EQ(c.perLine.size(), 3u);
  EXPECT_EQ(c.perLine[0].sourceLine, 10u);
  EXPECT_EQ(c.perLine[0].instructions, 2u);
  EXPECT_EQ(c.perLine[1].instructions, 4u * 32);
  EXPECT_EQ(c.perLine[1].lanes, 4u * 33 * 16 - 32); // the branch counts for those that take it
  EXPECT_EQ(c.perLine[2].instructions, 2u);         // with `ret`
  EXPECT_EQ(c.perLine[2].memory.global.units, 4u);
  ASSERT_EQ(c.blocks.size(), 3u);
  EXPECT_EQ(c.blocks[0].executions, 1u);
  EXPECT_EQ(c.blocks[1].executions, 32u);
  EXPECT_EQ(c.blocks[1].lanes, 33u * 16);
  EXPECT_EQ(c.blocks[1].size, 4u);
  EXPECT_EQ(c.blocks[1].instructions, 4u * 32);
  EXPECT_EQ(c.blocks[1].firstSourceLine, 11u);
  EXPECT_EQ(c.blocks[1].lastPtxLine, c.blocks[1].firstPtxLine + 3);
  EXPECT_EQ(c.blocks[2].executions, 1u);
  EXPECT_NE(table(c).find("active lanes"), std::string::npos);
}

TEST(EmulatorCounters, IssueSlots) {
  std::string body;
  for (int k = 0; k < 10; k++)
    body += "fma.rn.f32 %f1, %f1, %f2, %f1;\n";
  for (int k = 0; k < 3; k++)
    body += "rsqrt.approx.f32 %f1, %f1;\n";
  Counters c = Launch()(body, 32, 4);
  auto cycles = [&](const char *unit) {
    for (const UnitBound &b : c.bounds)
      if (b.unit == unit)
        return b.cycles;
    return 0.0;
  };
  EXPECT_DOUBLE_EQ(cycles("issue"), 4 * (frameOf + 13) / 4.0); // four schedulers
  EXPECT_DOUBLE_EQ(cycles("xu"), 4 * 3 * 32 / 16.0);           // 16 lanes a clock
  EXPECT_DOUBLE_EQ(cycles("load/store"), 4 * 1 * 32 / 32.0);   // ld.param
  EXPECT_GE(cycles("fma"), 4 * 10 * 32 / 64.0);                // 64 lanes a clock
  EXPECT_EQ(c.bounds[0].unit, "xu");
}

} // namespace
