//===- PtxParserTest.cpp - PTX text becomes a module, or an error that names its line ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Ast.h"
#include "ir/diag/Diagnostic.h"

#include "gtest/gtest.h"

#include <cstring>
#include <random>

using namespace tegula::ptx;

namespace {

const std::string head = ".version 8.4\n.target sm_80\n.address_size 64\n";

Module body(const std::string &text) {
  return parse(head + ".visible .entry k(.param .u64 arg)\n{\n" + text + "\n}\n", "t");
}

std::string errorOf(const std::string &text) {
  try {
    parse(text, "t");
  } catch (const tegula::Error &error) {
    return error.what();
  }
  return "no error";
}
std::string errorOfBody(const std::string &text) {
  return errorOf(head + ".entry k()\n{\n" + text + "\n}\n");
}

void expectPart(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(PtxParser, HeaderAndParameters) {
  Module m =
      parse(head + ".visible .entry k(.param .u64 .ptr .global .align 16 a, .param .align 8 .b8 s[24])\n"
                   ".maxntid 128, 2, 1\n.minnctapersm 2\n{ ret; }");
  EXPECT_EQ(m.version, 84);
  EXPECT_EQ(m.target, 80);
  ASSERT_EQ(m.functions.size(), 1u);
  const Function &f = m.functions[0];
  EXPECT_TRUE(f.isEntry);
  EXPECT_EQ(f.maxThreads[1], 2u);
  ASSERT_EQ(f.params.size(), 2u);
  EXPECT_EQ(m.variables[f.params[1]].bytes, 24u);
  EXPECT_EQ(m.variables[f.params[1]].align, 8u);
}

TEST(PtxParser, Operands) {
  Module m = body(".reg .pred %p<3>; .reg .b32 %r<9>; .reg .b64 %rd<4>;\n"
                  "@!%p1 ld.global.v2.b32 {%r1, _}, [%rd1+-8];\n"
                  "shfl.sync.bfly.b32 %r2|%p2, %r1, 0x10, 31, -1;\n"
                  "mov.u32 %r3, %tid.x;\n"
                  "fma.rn.f32 %r4, %r3, 0f3F800000, 0d3FF0000000000000;\n"
                  "add.s32 %r5, %r4, (1<<4)+3*2; ret;");
  const auto &code = m.functions[0].instructions;
  ASSERT_EQ(code.size(), 6u);
  EXPECT_GE(code[0].guard, 0);
  EXPECT_TRUE(code[0].guardNegated);
  EXPECT_EQ(code[0].operands[0].kind, Operand::Kind::vector);
  EXPECT_EQ(code[0].operands[0].parts[1].kind, Operand::Kind::sink);
  EXPECT_EQ(code[0].operands[1].value, -8);
  EXPECT_EQ(code[1].operands[0].pairKind, 1);
  EXPECT_EQ(code[1].operands[3].value, 31);
  EXPECT_EQ(code[1].operands[4].value, -1);
  EXPECT_EQ(code[2].operands[1].kind, Operand::Kind::special);
  EXPECT_EQ(code[2].operands[1].text, "%tid.x");
  EXPECT_TRUE(code[3].operands[2].isSingle);
  EXPECT_FALSE(code[3].operands[3].isSingle);
  EXPECT_EQ(code[4].operands[2].value, 22);
  EXPECT_EQ(code[4].line, 11u);
}

TEST(PtxParser, ScopesHaveTheirOwnNamesAndLabels) {
  Module m = body(".reg .b32 %r<2>; .reg .pred p;\n"
                  "{ .reg .b32 t; .reg .pred p; @p bra DONE; mov.b32 t, 1; DONE: }\n"
                  "{ .reg .b32 t; @p bra DONE; @p bra OUT; mov.b32 t, 2; DONE: }\n"
                  "OUT: ret;");
  const Function &f = m.functions[0];
  auto target = [&](size_t i) { return f.labels[f.instructions[i].operands[0].index].instruction; };
  EXPECT_EQ(target(0), 2);
  EXPECT_EQ(target(2), 5);
  EXPECT_EQ(target(3), 5);
  EXPECT_NE(f.instructions[0].guard, f.instructions[2].guard);
  EXPECT_NE(f.instructions[1].operands[0].index, f.instructions[4].operands[0].index);
}

TEST(PtxParser, Initialisers) {
  Module m = parse(head + ".global .align 4 .u32 a[4] = {1, 0x10, -1};\n.global .u64 p = generic(a)+8;\n"
                          ".const .f32 c = 0f40000000;\n.global .align 1 .b8 s[] = {104, 105, 0};\n");
  uint32_t words[3];
  std::memcpy(words, m.variables[0].data.data(), sizeof words);
  EXPECT_EQ(words[1], 16u);
  EXPECT_EQ(words[2], 0xffffffffu);
  ASSERT_EQ(m.variables[1].relocations.size(), 1u);
  EXPECT_EQ(m.variables[1].relocations[0].addend, 8);
  EXPECT_EQ(m.variables[2].data[3], 0x40);
  EXPECT_EQ(m.variables[3].bytes, 3u);
}

TEST(PtxParser, CallsTablesAndLocations) {
  Module m = parse(
      head +
      ".file 1 \"a.cu\"\n"
      ".func (.param .b32 r) f(.param .b32 a) { ret; }\n"
      ".entry k() { .reg .b32 %r<4>; .reg .b64 %rd<2>;\n .loc 1 7 3, function_name $x, inlined_at 1 3 4\n"
      "{ .param .b32 x; .param .b32 y; st.param.b32 [x], 5; call.uni (y), f, (x); ld.param.b32 %r1, [y]; }\n"
      "P: .callprototype (.param .b32 _) _ (.param .b32 _);\n"
      "T: .branchtargets A, B;\nbrx.idx %r1, T;\nA: ret;\nB: exit; }\n");
  const Function &f = m.functions[1];
  EXPECT_EQ(m.files[1], "a.cu");
  EXPECT_EQ(f.instructions[1].sourceLine, 7u);
  EXPECT_EQ(f.instructions[1].operands[0].kind, Operand::Kind::group);
  EXPECT_EQ(f.instructions[1].operands[1].kind, Operand::Kind::function);
  ASSERT_EQ(f.tables.size(), 2u);
  EXPECT_EQ(f.labels[f.tables[1].targets[1]].instruction, 5);
}

TEST(PtxParser, ErrorsNameTheLine) {
  expectPart(errorOf(""), "expected `.version`");
  expectPart(errorOf(".version 1.0\n"), "t:1");
  expectPart(errorOf(".version 8.0\n.target gfx942\n"), "t:2: target `gfx942` is not supported");
  expectPart(errorOf(head + ".texref x;"), "t:4: directive `.texref` is unknown");
  expectPart(errorOfBody("add.s32 %r1, %r1, 1;"), "t:6: `%r1` is not declared");
  expectPart(errorOfBody(".reg .b32 %r<2>;\nbra NOWHERE;"), "t:7: `NOWHERE` is not declared");
  expectPart(errorOfBody(".reg .b32 a, a;"), "t:6: `a` is declared twice");
  expectPart(errorOfBody(".reg .b32 %r<999999999>;"), "is beyond what is supported");
  expectPart(errorOfBody(".reg .b32 r;\nadd.s32 r, r, 1"), "expected `;`");
  expectPart(errorOf(head + ".entry k() { ret;"), "expected `}`, found the end of the text");
  expectPart(errorOf(head + ".global .u32 x[2] = {1, 2, 3};"),
             "expected no more values than the variable has");
  expectPart(errorOf(head + ".global .align 3 .u32 x;"), "a power of two");
}

TEST(PtxParser, DeepNestingIsAnError) {
  std::string deep(100000, '(');
  expectPart(errorOfBody(".reg .b32 r; mov.b32 r, " + deep + ";"), "is beyond what is supported");
  std::string minus(100000, '-');
  expectPart(errorOfBody(".reg .b32 r; mov.b32 r, " + minus + "1;"), "is beyond what is supported");
  std::string blocks(100000, '{');
  expectPart(errorOfBody(blocks), "is beyond what is supported");
}

/// Every prefix, and texts with a few bytes changed: a module or a tegula::Error with a line.
TEST(PtxParser, DamagedTextsAreErrors) {
  std::string whole =
      head + ".extern .shared .align 16 .b8 s[];\n.global .u32 g[2] = {1, 2};\n"
             ".visible .entry k(.param .u64 p)\n{\n.reg .pred %p<2>;\n.reg .b32 %r<5>;\n.reg .b64 %rd<3>;\n"
             "ld.param.u64 %rd1, [p];\nmov.u32 %r1, %tid.x;\nsetp.lt.s32 %p1, %r1, 7;\n"
             "@%p1 bra L;\nst.global.v2.b32 [%rd1+4], {%r1, 0x10};\nL:\nbar.sync 0;\nret;\n}\n";
  EXPECT_EQ(errorOf(whole), "no error");
  for (size_t n = 0; n < whole.size(); n++)
    if (std::string e = errorOf(whole.substr(0, n)); e != "no error")
      expectPart(e, "t:");
  std::mt19937 random(1);
  for (int k = 0; k < 5000; k++) {
    std::string text = whole;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; changes--)
      text[random() % text.size()] =
          random() % 2 ? text[random() % text.size()] : static_cast<char>(random());
    if (std::string e = errorOf(text); e != "no error")
      expectPart(e, "t:");
  }
}

} // namespace
