//===- SelectTest.cpp - arithmetic instructions by their spelling, on a warp ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Exec.h"
#include "driver/emulator/ptx/Float.h"
#include "ir/diag/Diagnostic.h"

#include "gtest/gtest.h"

#include <memory>

using namespace tegula::ptx;

namespace {

/// A warp with 24 slots and 8 predicates. Slots 0 … 2 are sources of 32 bits, 4, 6, 8 of 64, 12 a result, 16 a wide
/// one. All lanes but lane 7 run; the results hold a mark before.
struct Bench : Keeper {
  alignas(128) uint32_t regs[24 * 32] = {};
  uint32_t preds[8] = {};
  WarpState warp;
  std::vector<std::unique_ptr<uint64_t[]>> kept;
  Instr in;
  static constexpr uint32_t mark = 0xdeadbeef, mask = ~(1u << 7);

  void *bytes(size_t size) override {
    kept.push_back(std::make_unique<uint64_t[]>(size / 8 + 4));
    auto address = reinterpret_cast<uintptr_t>(kept.back().get());
    return reinterpret_cast<void *>((address + 15) & ~uintptr_t(15));
  }
  Bench() {
    warp.regs = regs;
    warp.preds = preds;
    warp.mask = warp.active = warp.alive = warp.existing = mask;
    for (int i = 0; i < 32; i++)
      lanes32(warp, 12)[i] = mark;
  }
  void set(int source, uint64_t value, bool wide = false) {
    for (int i = 0; i < 32; i++)
      if (wide)
        lanes64(warp, Slot(4 + 2 * source))[i] = value;
      else
        lanes32(warp, Slot(source))[i] = uint32_t(value);
    in.src[source] = wide ? Slot(4 + 2 * source) : Slot(source);
    in.srcBytes[source] = wide ? 8 : 4;
  }
  void choose(const std::string &text, std::vector<std::string_view> operands = {}) {
    Spelling s;
    size_t at = text.find('.');
    s.opcode = std::string_view(text).substr(0, at);
    while (at != std::string::npos) {
      size_t end = text.find('.', at + 1);
      s.modifiers.push_back(
          std::string_view(text).substr(at + 1, end == std::string::npos ? end : end - at - 1));
      at = end;
    }
    s.operands = operands;
    s.sm = 89;
    ASSERT_TRUE(chooseArithmetic(s, in, *this) || chooseMatrix(s, in, *this)) << text;
    ASSERT_NE(in.run, nullptr);
  }
  uint64_t run(const std::string &text, bool wideResult = false,
               std::vector<std::string_view> operands = {}) {
    in.dst = wideResult ? 16 : 12;
    in.dstBytes = wideResult ? 8 : 4;
    choose(text, operands);
    in.run(warp, in);
    if (!wideResult)
      EXPECT_EQ(lanes32(warp, 12)[7], mark) << "a lane that does not run was written: " << text;
    return wideResult ? lanes64(warp, 16)[3] : lanes32(warp, 12)[3];
  }
};

uint64_t run(const std::string &text, std::vector<uint64_t> operands, bool wide = false,
             bool wideResult = false, std::vector<std::string_view> texts = {}) {
  Bench bench;
  for (size_t i = 0; i < operands.size(); i++)
    bench.set(int(i), operands[i], wide);
  return bench.run(text, wideResult, texts);
}
uint32_t b(float x) { return bits(x); }

TEST(PtxSelect, RowsByTheirSpelling) {
  EXPECT_EQ(run("add.s32", {2, 3}), 5u);
  EXPECT_EQ(run("mul.wide.s32", {uint32_t(-2), 3}, false, true), uint64_t(-6));
  EXPECT_EQ(run("mad.lo.s64", {5, 7, 1}, true, true), 36u);
  EXPECT_EQ(run("add.f32", {b(1), b(2)}), b(3));
  EXPECT_EQ(run("add.rn.ftz.f32", {b(1), b(2)}), b(3));
  EXPECT_EQ(run("add.rz.f32", {b(1), b(0x1.8p-24f)}), b(1));
  EXPECT_EQ(run("add.rp.f32", {b(1), b(0x1p-40f)}), b(0x1.000002p0f));
  EXPECT_EQ(run("add.f32", {b(1), b(0x1.8p-24f)}), b(0x1.000002p0f)); // and the mode is back
  EXPECT_EQ(run("fma.rn.f32", {b(2), b(3), b(4)}), b(10));
  EXPECT_EQ(run("div.rm.f64", {bits(1.0), bits(3.0)}, true, true), bits(0x1.5555555555555p-2));
  EXPECT_EQ(run("fma.rn.f16x2", {0x40003c00, 0x40004000, 0x3c000000}), 0x45004000u);
  EXPECT_EQ(run("min.NaN.bf16x2", {0x7fff3f80, 0x3f804000}), 0x7fff3f80u);
  EXPECT_EQ(run("add.u16", {0x1ffff, 2}), 1u);
  EXPECT_EQ(run("neg.s16", {1}), 0xffffu);
  EXPECT_EQ(run("shr.s16", {0x8000, 15}), 0xffffu);
  EXPECT_EQ(run("dp4a.s32.s32", {0x01010101, 0x02020202, 1}), 9u);
  EXPECT_EQ(run("ex2.approx.ftz.f32", {b(3)}), b(8));
  EXPECT_EQ(run("prmt.b32", {0x33221100, 0x77665544, 0x7531}), 0x77553311u);
  EXPECT_EQ(run("vabsdiff4.u32.u32.u32.add", {0x01020304, 0x04030201, 10}), 18u);
}

TEST(PtxSelect, NothingUnknownPasses) {
  for (const char *text : {"add.rn.s32",
                           "add.foo.f32",
                           "fma.f32",
                           "div.ftz.f32",
                           "sqrt.f64",
                           "fma.f16",
                           "fma.rn.rz.f32",
                           "mul.s32",
                           "add.rz.f16",
                           "min.rn.f32",
                           "cvt.f16.f32",
                           "cvt.s32.f32",
                           "cvt.rn.u32.u64",
                           "cvt.rn.relu.f32.f64",
                           "setp.lo.s32",
                           "setp.equ.s32",
                           "setp.lt.and.foo.s32",
                           "selp.b8",
                           "lop3.b64",
                           "set.eq.u32",
                           "mad.cc.u32",
                           "cvt.rn.e4m3x2.f32",
                           "shf.l.b32",
                           "ex2.approx.f64",
                           "mma.sync.aligned.m16n8k16.row.row.f32.f16.f16.f32",
                           "mma.sync.aligned.m16n8k16.row.col.f32.f16.bf16.f32",
                           "mma.sync.m16n8k16.row.col.f32.f16.f16.f32"}) {
    Bench bench;
    bench.set(0, 0), bench.set(1, 0), bench.set(2, 0);
    EXPECT_THROW(bench.run(text), tegula::Error) << text;
  }
  Bench bench;
  Spelling s;
  s.opcode = "frobnicate";
  EXPECT_FALSE(chooseArithmetic(s, bench.in, bench));
  EXPECT_FALSE(chooseMatrix(s, bench.in, bench));
}

TEST(PtxSelect, ComparisonsWritePredicates) {
  Bench bench;
  bench.set(0, uint32_t(-1)), bench.set(1, 1);
  for (int i = 0; i < 16; i++)
    lanes32(bench.warp, 0)[i] = 5; // lanes 0 … 15 hold 5, the others -1
  bench.in.dstPred = 0;
  bench.choose("setp.lt.s32");
  bench.preds[0] = 1u << 7;
  bench.in.run(bench.warp, bench.in);
  EXPECT_EQ(bench.preds[0], 0xffff0080u);
  bench.choose("setp.lt.u32");
  bench.in.run(bench.warp, bench.in);
  EXPECT_EQ(bench.preds[0], 0x00000080u);
  bench.in.dstPred2 = 1, bench.in.srcPred = 2, bench.preds[2] = 0x00ff00ff;
  bench.choose("setp.lt.and.s32");
  bench.in.run(bench.warp, bench.in);
  EXPECT_EQ(bench.preds[0], 0x00ff0080u);
  EXPECT_EQ(bench.preds[1], 0x0000007fu);
  bench.in.dstPred2 = noSlot, bench.in.srcPredNegated = true, bench.in.dst = 12;
  EXPECT_EQ(bench.run("selp.b32"), 1u); // lane 3: the predicate is set, its negation is not
  bench.in.srcPredNegated = false;
  EXPECT_EQ(bench.run("selp.b32"), 5u);
  EXPECT_EQ(run("set.gt.u32.f32", {b(2), b(1)}), ~0u);
  EXPECT_EQ(run("set.gt.f32.s32", {2, 1}), b(1));
  EXPECT_EQ(run("set.lt.f16x2.f16x2", {0x3c004000, 0x40003c00}), 0x3c000000u);
  EXPECT_EQ(run("slct.s32.s32", {1, 2, uint32_t(-1)}), 2u);
}

TEST(PtxSelect, LogicOfPredicates) {
  Bench bench;
  bench.preds[1] = 0x0000ff0f, bench.preds[2] = 0x0000f0ff;
  bench.in.dstPred = 0, bench.in.srcPred = 1, bench.in.src[1] = 2, bench.in.srcBytes[1] = 0;
  auto go = [&](const char *text) {
    bench.preds[0] = 0;
    bench.choose(text);
    bench.in.run(bench.warp, bench.in);
    return bench.preds[0];
  };
  EXPECT_EQ(go("and.pred"), 0x0000f00fu);
  EXPECT_EQ(go("or.pred"), 0x0000ff7fu); // not lane 7
  EXPECT_EQ(go("xor.pred"), 0x00000f70u);
  EXPECT_EQ(go("not.pred"), 0xffff0070u);
  EXPECT_EQ(go("mov.pred"), 0x0000ff0fu);
}

TEST(PtxSelect, CarriesRunThroughChains) {
  Bench bench;
  bench.set(0, 0xffffffff), bench.set(1, 1);
  EXPECT_EQ(bench.run("add.cc.u32"), 0u);
  EXPECT_EQ(bench.warp.carry, Bench::mask);
  bench.set(0, 10), bench.set(1, 20);
  EXPECT_EQ(bench.run("addc.cc.u32"), 31u);
  EXPECT_EQ(bench.warp.carry, 0u);
  EXPECT_EQ(bench.run("sub.cc.u32"), uint32_t(-10));
  bench.set(0, 7), bench.set(1, 7);
  EXPECT_EQ(bench.run("subc.u32"), uint32_t(-1)); // the borrow
  bench.set(0, 0x80000000), bench.set(1, 4), bench.set(2, 5);
  EXPECT_EQ(bench.run("mad.hi.cc.u32"), 7u);
}

TEST(PtxSelect, Conversions) {
  EXPECT_EQ(run("cvt.rn.f16.f32", {b(1.5f)}), 0x3e00u);
  EXPECT_EQ(run("cvt.rn.bf16x2.f32", {b(1), b(2)}), 0x3f804000u);
  EXPECT_EQ(run("cvt.rn.relu.f16x2.f32", {b(-1), b(2)}), 0x00004000u);
  EXPECT_EQ(run("cvt.rn.satfinite.e4m3x2.f32", {b(1e9f), b(1)}), 0x7e38u);
  EXPECT_EQ(run("cvt.rn.f16x2.e4m3x2", {0x7e38}), 0x5f003c00u);
  EXPECT_EQ(run("cvt.rzi.s32.f32", {b(-2.7f)}), uint32_t(-2));
  EXPECT_EQ(run("cvt.rzi.s32.f32", {b(3e9f)}), uint32_t(INT32_MAX));
  EXPECT_EQ(run("cvt.rzi.u64.f32", {b(3e9f)}, false, true), 3000000000u);
  EXPECT_EQ(run("cvt.s64.s32", {uint32_t(-5)}, false, true), uint64_t(-5));
  EXPECT_EQ(run("cvt.s32.s8", {0x1280}), uint32_t(-128));
  EXPECT_EQ(run("cvt.u32.u64", {0x100000002}, true), 2u);
  EXPECT_EQ(run("cvt.f64.f32", {b(1.5f)}, false, true), bits(1.5));
  EXPECT_EQ(run("cvt.rn.f32.s64", {uint64_t(-3)}, true), b(-3));
  EXPECT_EQ(run("cvt.rna.tf32.f32", {0x3f801000}), 0x3f802000u);
  EXPECT_EQ(run("cvt.sat.u8.s32", {300}), 255u);
  EXPECT_EQ(run("cvt.pack.sat.u8.s32.b32", {300, uint32_t(-4), 0x12345678}), 0x5678ff00u);
  EXPECT_EQ(run("cvt.pack.sat.s16.s32", {uint32_t(-70000), 5}), 0x80000005u);
}

TEST(PtxSelect, MovesOfVectors) {
  Bench bench;
  bench.set(0, 0x11112222), bench.set(1, 0x33334444);
  Slot parts[4] = {0, 1, 2, 3};
  bench.in.list = parts;
  bench.in.parts[1] = 2;
  bench.in.src[0] = bench.in.src[1] = noSlot;
  EXPECT_EQ(bench.run("mov.b64", true), 0x3333444411112222u);
  EXPECT_EQ(bench.run("mov.b32"), 0x44442222u);
  Bench other;
  other.set(0, 0x11112222);
  Slot results[2] = {12, noSlot};
  other.in.list = results;
  other.in.parts[0] = 2;
  EXPECT_EQ(other.run("mov.b32"), 0x2222u);
  other.set(0, 0x0102030405060708, true);
  Slot words[4] = {2, 3, 12, 1};
  other.in.list = words;
  other.in.parts[0] = 4;
  EXPECT_EQ(other.run("mov.b64"), 0x0304u);
}

TEST(PtxSelect, AnyFunctionOfThreeBits) {
  EXPECT_EQ(run("lop3.b32", {0xf0, 0xcc, 0xaa}, false, false, {"d", "a", "b", "c", "0x96"}), 0x96u);
  EXPECT_EQ(run("lop3.b32", {0xf0, 0xcc, 0xaa}, false, false, {"d", "a", "b", "c", "234"}), 0xeau);
}

TEST(PtxSelect, MatrixProductOnRegisters) {
  Bench bench;
  // A is all ones (4 registers), B all twos, C 1.
  bench.warp.mask = ~0u;
  for (int i = 0; i < 32; i++) {
    lanes32(bench.warp, 0)[i] = 0x3c003c00;
    lanes32(bench.warp, 1)[i] = 0x40004000;
    lanes32(bench.warp, 2)[i] = b(1);
  }
  Slot list[] = {12, 13, 14, 15, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2};
  bench.in.list = list;
  bench.in.parts[0] = 4, bench.in.parts[1] = 4, bench.in.parts[2] = 2, bench.in.parts[3] = 4;
  bench.choose("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32");
  for (int mode = 0; mode < 2; mode++) {
    bench.warp.accumulate = uint8_t(mode);
    bench.in.run(bench.warp, bench.in);
    for (Slot s = 12; s < 16; s++)
      for (int i = 0; i < 32; i++)
        EXPECT_EQ(f32(lanes32(bench.warp, s)[i]), 33.0f);
  }
}

} // namespace
