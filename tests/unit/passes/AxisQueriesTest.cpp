//===- AxisQueriesTest.cpp - what passes ask of addresses, masks and arithmetic ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AxisFixture.h"

using namespace mlir;
using namespace tegula;
using namespace tegula::passes;
using namespace tegula::test;

namespace {

using AxisQueries = AxisFixture;

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

TEST_F(AxisQueries, WrapAround) {
  analyse(R"(
    %0 = arith.addi %l, %c64 {t = "small"} : i32
    %1 = arith.subi %l, %c64 {t = "below"} : i32
    %2 = arith.muli %pid, %c64 {t = "programs"} : i32
    %3 = arith.muli %l, %l {t = "square"} : i32
    %4 = arith.shli %l, %c1 {t = "shift"} : i32
    %5 = arith.trunci %w {t = "cut"} : i64 to i32
    %6 = arith.extsi %l : i32 to i64
    %7 = arith.trunci %6 {t = "kept"} : i64 to i8
    %8 = arith.trunci %6 {t = "same"} : i64 to i32
    %9 = arith.shli %l, %l {t = "far"} : i32)");
  EXPECT_FALSE(info->mayWrap(op("small"), true));
  EXPECT_FALSE(info->mayWrap(op("small"), false));
  EXPECT_FALSE(info->mayWrap(op("below"), true));
  EXPECT_TRUE(info->mayWrap(op("below"), false)); // l may be 0
  EXPECT_TRUE(info->mayWrap(op("programs"), true));
  EXPECT_FALSE(info->mayWrap(op("square"), true));
  EXPECT_FALSE(info->mayWrap(op("shift"), true));
  EXPECT_TRUE(info->mayWrap(op("cut"), true));
  EXPECT_TRUE(info->mayWrap(op("kept"), true));
  EXPECT_FALSE(info->mayWrap(op("same"), true));
  EXPECT_TRUE(info->mayWrap(op("far"), true));
  // With a launch of 1000 programs at most.
  AxisInfo::Options small;
  small.maxPrograms = {1000, 1000, 1000};
  analyse(R"(%2 = arith.muli %pid, %c64 {t = "programs"} : i32)", small);
  EXPECT_FALSE(info->mayWrap(op("programs"), true));
}

TEST_F(AxisQueries, SumsThatAreBits) {
  analyse(R"(
    %c = arith.constant dense<64> : $T
    %r = arith.muli %i, %c {t = "rows"} : $T)");
  EXPECT_TRUE(info->addIsOr(value("rows"), 63));
  EXPECT_TRUE(info->addIsOr(value("rows"), 5));
  EXPECT_FALSE(info->addIsOr(value("rows"), 64));
  EXPECT_TRUE(info->addIsOr(argument(N), 15));
  EXPECT_FALSE(info->addIsOr(argument(M), 1));
  EXPECT_TRUE(info->addIsOr(argument(L), 1 << 20)); // above its range
}

TEST_F(AxisQueries, DimensionsAlongWhichAValueVaries) {
  analyse(R"(
    %col = tile.expand_dims %i at 1 : $T -> tensor<64x1xi32>
    %cols = tile.broadcast %col {t = "rows"} : tensor<64x1xi32> -> tensor<64x32xi32>
    %c = arith.constant dense<7> : tensor<64x32xi32>
    %d = arith.divsi %cols, %c {t = "divided"} : tensor<64x32xi32>
    %f = arith.sitofp %d {t = "float"} : tensor<64x32xi32> to tensor<64x32xf32>
    %e = math.exp %f {t = "exp"} : tensor<64x32xf32>)");
  for (const char *name : {"rows", "divided", "float", "exp"}) {
    EXPECT_TRUE(info->varies(value(name), 0)) << name;
    EXPECT_FALSE(info->varies(value(name), 1)) << name;
  }
}

//===----------------------------------------------------------------------===//
// What is known where
//===----------------------------------------------------------------------===//

TEST_F(AxisQueries, Guards) {
  analyse(R"(
    %c = arith.cmpi slt, %m, %c64 : i32
    scf.if %c {
      %0 = arith.addi %m, %c1 {t = "less"} : i32
    } else {
      %1 = arith.addi %m, %c1 {t = "not less"} : i32
    }
    %2 = arith.addi %m, %c1 {t = "anywhere"} : i32
    %d = arith.cmpi sge, %m, %c0 : i32
    tile.assume %d
    %3 = arith.addi %m, %c1 {t = "promised"} : i32)");
  Value m = argument(M);
  EXPECT_EQ(info->of(m).max, INT32_MAX);
  EXPECT_EQ(info->at(m, op("less")).max, 63);
  EXPECT_EQ(info->at(m, op("less")).min, INT32_MIN);
  EXPECT_EQ(info->at(m, op("not less")).min, 64);
  EXPECT_EQ(info->at(m, op("anywhere")).min, INT32_MIN); // the promise comes later
  EXPECT_EQ(info->at(m, op("promised")).min, 0);
  EXPECT_FALSE(info->mayWrap(op("less"), true));
  EXPECT_TRUE(info->mayWrap(op("not less"), true));
}

TEST_F(AxisQueries, PromisedDivisor) {
  analyse(R"(
    %c16 = arith.constant 16 : i32
    %r = arith.remsi %m, %c16 : i32
    %c = arith.cmpi eq, %r, %c0 : i32
    tile.assume %c
    %v = arith.cmpi slt, %i, %m64 {t = "mask"} : $T
    %a = arith.addi %m, %c1 {t = "after"} : i32)");
  EXPECT_EQ(info->at(argument(M), op("after")).divisor, 16u);
}

TEST_F(AxisQueries, LoopIndices) {
  analyse(R"(
    scf.for %k = %c0 to %m step %c64 : i32 {
      %left = arith.subi %m, %k {t = "left"} : i32
      %next = arith.addi %k, %c1 {t = "next"} : i32
      %far = arith.addi %k, %c64 {t = "far"} : i32
    })");
  EXPECT_EQ(info->at(argument(M), op("left")).min, 1); // or the body would not run
  EXPECT_FALSE(info->mayWrap(op("left"), true));
  EXPECT_EQ(info->of(value("next")).max, INT32_MAX - 62); // the largest multiple of 64, plus 1
  EXPECT_FALSE(info->mayWrap(op("next"), true));
  EXPECT_TRUE(info->mayWrap(op("far"), true));
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

TEST_F(AxisQueries, VectorWidths) {
  analyse(R"(
    %a = tile.addptr %p64, %i {t = "aligned"} : tensor<64x!tile.ptr<f16>>, $T
    %q64 = tile.splat %q : !tile.ptr<f16> -> tensor<64x!tile.ptr<f16>>
    %vb = tile.addptr %q64, %i {t = "any base"} : tensor<64x!tile.ptr<f16>>, $T
    %m1 = arith.constant dense<-1> : $T
    %down = arith.muli %i, %m1 : $T
    %c = tile.addptr %p64, %down {t = "downwards"} : tensor<64x!tile.ptr<f16>>, $T
    %i2 = arith.addi %i, %i : $T
    %d = tile.addptr %p64, %i2 {t = "every second"} : tensor<64x!tile.ptr<f16>>, $T
    %y12 = tile.make_range 0 to 12 : tensor<12xi32>
    %p12 = tile.splat %p : !tile.ptr<f16> -> tensor<12x!tile.ptr<f16>>
    %e = tile.addptr %p12, %y12 {t = "12"} : tensor<12x!tile.ptr<f16>>, tensor<12xi32>
    %y7 = tile.make_range 0 to 7 : tensor<7xi32>
    %p7 = tile.splat %p : !tile.ptr<f16> -> tensor<7x!tile.ptr<f16>>
    %f = tile.addptr %p7, %y7 {t = "7"} : tensor<7x!tile.ptr<f16>>, tensor<7xi32>
    %o = tile.make_range 4 to 68 : $T
    %g = tile.addptr %p64, %o {t = "from 4"} : tensor<64x!tile.ptr<f16>>, $T
    %x64 = tile.ptr_cast %p64 : tensor<64x!tile.ptr<f16>> -> tensor<64x!tile.ptr<i32>>
    %loaded = tile.load %x64 : tensor<64x!tile.ptr<i32>> -> $T
    %h = tile.addptr %p64, %loaded {t = "gathered"} : tensor<64x!tile.ptr<f16>>, $T
    %i64 = arith.extsi %i : $T to tensor<64xi64>
    %p8 = tile.ptr_cast %p64 : tensor<64x!tile.ptr<f16>> -> tensor<64x!tile.ptr<i8>>
    %j = tile.addptr %p8, %i64 {t = "bytes"} : tensor<64x!tile.ptr<i8>>, tensor<64xi64>
    %k = tile.addptr %x64, %i64 {t = "words"} : tensor<64x!tile.ptr<i32>>, tensor<64xi64>)");
  for (auto [name, width] : std::initializer_list<std::pair<const char *, unsigned>>{{"aligned", 8},
                                                                                     {"any base", 1},
                                                                                     {"downwards", 1},
                                                                                     {"every second", 1},
                                                                                     {"12", 4},
                                                                                     {"7", 1},
                                                                                     {"from 4", 4},
                                                                                     {"gathered", 1},
                                                                                     {"bytes", 16},
                                                                                     {"words", 4}})
    EXPECT_EQ(info->vectorWidth(value(name), 0), width) << name;
  // What would make it wider.
  auto needs = info->vectorNeeds(value("any base"), 0, 8);
  ASSERT_TRUE(needs);
  EXPECT_EQ(needs->modulus, 16u);
  ASSERT_EQ(needs->products.size(), 1u);
  EXPECT_EQ(needs->products[0], (Product{1, {argument(Q)}}));
  for (const char *name : {"downwards", "every second", "gathered", "from 4", "7"})
    EXPECT_FALSE(info->vectorNeeds(value(name), 0, 8)) << name;
}

/// Rows of a matrix: the pointers of row * stride + column.
constexpr const char *matrix = R"(
    %rows = tile.expand_dims %R at 1 : $T -> tensor<64x1xi32>
    %t = tile.splat %STRIDE : i32 -> tensor<64x1xi32>
    %o = arith.muli %rows, %t : tensor<64x1xi32>
    %pp = tile.splat %p : !tile.ptr<f16> -> tensor<64x1x!tile.ptr<f16>>
    %rp = tile.addptr %pp, %o : tensor<64x1x!tile.ptr<f16>>, tensor<64x1xi32>
    %rb = tile.broadcast %rp : tensor<64x1x!tile.ptr<f16>> -> tensor<64x32x!tile.ptr<f16>>
    %y = tile.make_range 0 to 32 : tensor<32xi32>
    %e = tile.expand_dims %y at 0 : tensor<32xi32> -> tensor<1x32xi32>
    %c = tile.broadcast %e : tensor<1x32xi32> -> tensor<64x32xi32>
    %a = tile.addptr %rb, %c {t = "a"} : tensor<64x32x!tile.ptr<f16>>, tensor<64x32xi32>)";

std::string withRows(std::string before, const std::string &rows, const std::string &stride) {
  std::string text = before + matrix;
  for (const auto &[mark, name] :
       {std::pair<std::string, std::string>("%R ", rows + " "), {"%STRIDE", stride}})
    text.replace(text.find(mark), mark.size(), name);
  return text;
}

TEST_F(AxisQueries, RowsOfAnyStride) {
  analyse(withRows("", "%i", "%s")); // a multiple of 16 elements
  EXPECT_EQ(info->vectorWidth(value("a"), 1), 8u);
  EXPECT_EQ(info->vectorWidth(value("a"), 0), 1u);
  EXPECT_FALSE(info->vectorNeeds(value("a"), 0, 8));

  analyse(withRows("", "%i", "%m")); // of any: the stride in bytes must be a multiple
  EXPECT_EQ(info->vectorWidth(value("a"), 1), 1u);
  auto needs = info->vectorNeeds(value("a"), 1, 8);
  ASSERT_TRUE(needs);
  EXPECT_EQ(needs->modulus, 16u);
  ASSERT_EQ(needs->products.size(), 1u);
  EXPECT_EQ(needs->products[0], (Product{2, {argument(M)}}));
  EXPECT_TRUE(needs->obligations.empty());
}

TEST_F(AxisQueries, RowsThatStartAnew) {
  // (i % n) * stride: nothing of it matters along a row.
  analyse(withRows("%r = arith.remsi %i, %n64 : $T", "%r", "%s"));
  EXPECT_EQ(info->vectorWidth(value("a"), 1), 8u);
  analyse(withRows("%r = arith.remsi %i, %n64 : $T", "%r", "%m"));
  auto stride = info->vectorNeeds(value("a"), 1, 8);
  ASSERT_TRUE(stride);
  ASSERT_EQ(stride->products.size(), 1u);
  EXPECT_EQ(stride->products[0], (Product{2, {argument(M)}}));
  // Columns that start anew: vectors if i is not negative and n not 0, a multiple of 8.
  analyse(R"(
    %r = arith.remsi %i, %n64 {t = "r"} : $T
    %a = tile.addptr %p64, %r {t = "a"} : tensor<64x!tile.ptr<f16>>, $T
    %r2 = arith.remsi %x, %m64 {t = "r2"} : $T
    %a2 = tile.addptr %p64, %r2 {t = "a2"} : tensor<64x!tile.ptr<f16>>, $T)");
  EXPECT_EQ(info->vectorWidth(value("a"), 0), 1u);
  EXPECT_EQ(info->vectorWidth(value("a"), 0, Tier::Usual), 8u);
  auto obligations = info->obligations(value("a"));
  ASSERT_EQ(obligations.size(), 2u);
  EXPECT_EQ(obligations[0], (Obligation{op("r"), 0, Obligation::NotNegative}));
  EXPECT_EQ(obligations[1], (Obligation{op("r"), 1, Obligation::NotZero}));
  auto condition = info->condition(obligations[0]);
  ASSERT_TRUE(condition);
  EXPECT_FALSE(condition->isTrue()); // pid * 64 may wrap around
  // The range is not negative; the divisor must be a multiple of 8 and not 0.
  auto needs = info->vectorNeeds(value("a2"), 0, 8, Tier::Usual);
  ASSERT_TRUE(needs);
  ASSERT_EQ(needs->products.size(), 1u);
  EXPECT_EQ(needs->products[0], (Product{2, {argument(M)}}));
  ASSERT_EQ(needs->obligations.size(), 1u);
  EXPECT_EQ(needs->obligations[0], (Obligation{op("r2"), 1, Obligation::NotZero}));
  EXPECT_FALSE(info->vectorNeeds(value("a2"), 0, 8, Tier::Proved));
}

TEST_F(AxisQueries, OffsetsThatMayWrapAround) {
  // m + x, widened: a vector needs m a multiple of its width, which also keeps the border of the numbers out of it.
  analyse(R"(
    %z = arith.addi %m64, %x : $T
    %a = tile.addptr %p64, %z {t = "a"} : tensor<64x!tile.ptr<f16>>, $T
    %v = arith.addi %l64, %x : $T
    %vb = tile.addptr %p64, %v {t = "b"} : tensor<64x!tile.ptr<f16>>, $T)");
  EXPECT_EQ(info->contiguity(value("a"), 0), 1);
  EXPECT_EQ(info->contiguity(value("a"), 0, Tier::Usual), 64);
  EXPECT_EQ(info->contiguity(value("b"), 0), 64);
  for (auto [name, scalar] : {std::pair("a", M), std::pair("b", L)}) {
    auto needs = info->vectorNeeds(value(name), 0, 8);
    ASSERT_TRUE(needs) << name;
    ASSERT_EQ(needs->products.size(), 1u);
    EXPECT_EQ(needs->products[0], (Product{2, {argument(unsigned(scalar))}}));
  }
  // p + (m + x) - m begins at p, but m decides where the sum wraps around.
  analyse(R"(
    %z = arith.addi %m64, %x : $T
    %a = tile.addptr %p64, %z : tensor<64x!tile.ptr<f16>>, $T
    %mw = arith.extsi %m64 : $T to tensor<64xi64>
    %zero = arith.constant dense<0> : tensor<64xi64>
    %back = arith.subi %zero, %mw : tensor<64xi64>
    %d = tile.addptr %a, %back {t = "d"} : tensor<64x!tile.ptr<f16>>, tensor<64xi64>)");
  auto needs = info->vectorNeeds(value("d"), 0, 8);
  ASSERT_TRUE(needs);
  ASSERT_EQ(needs->products.size(), 1u);
  EXPECT_EQ(needs->products[0], (Product{2, {argument(M)}}));
}

TEST_F(AxisQueries, CarriedPointers) {
  analyse(R"(
    %a = tile.addptr %p64, %x : tensor<64x!tile.ptr<f16>>, $T
    %r = scf.for %k = %c0 to %m step %c1 iter_args(%v = %a) -> (tensor<64x!tile.ptr<f16>>) : i32 {
      %c = tile.ptr_cast %v {t = "steps of n"} : tensor<64x!tile.ptr<f16>> -> tensor<64x!tile.ptr<f16>>
      %z = tile.addptr %v, %n64 : tensor<64x!tile.ptr<f16>>, $T
      scf.yield %z : tensor<64x!tile.ptr<f16>>
    }
    %r2 = scf.for %k = %c0 to %m step %c1 iter_args(%v = %a) -> (tensor<64x!tile.ptr<f16>>) : i32 {
      %c = tile.ptr_cast %v {t = "steps of m"} : tensor<64x!tile.ptr<f16>> -> tensor<64x!tile.ptr<f16>>
      %z = tile.addptr %v, %m64 : tensor<64x!tile.ptr<f16>>, $T
      scf.yield %z : tensor<64x!tile.ptr<f16>>
    })");
  EXPECT_EQ(info->vectorWidth(value("steps of n"), 0), 8u);
  EXPECT_EQ(info->contiguity(value("steps of m"), 0), 64);
  EXPECT_EQ(info->vectorWidth(value("steps of m"), 0), 1u);
}

} // namespace
