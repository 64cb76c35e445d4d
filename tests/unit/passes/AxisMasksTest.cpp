//===- AxisMasksTest.cpp - masks: terms, uniform vectors, the inside of a tile, where to cut a loop ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AxisFixture.h"

using namespace mlir;
using namespace tegula::passes;
using namespace tegula::test;

namespace {

using AxisMasks = AxisFixture;

Polynomial polynomial(int64_t constant, std::initializer_list<Product> products = {}) {
  Polynomial result;
  result.constant = constant;
  result.products = products;
  return result;
}

TEST_F(AxisMasks, TermsOfEveryOrder) {
  analyse(R"(
    %0 = arith.cmpi slt, %x, %m64 {t = "slt"} : $T
    %1 = arith.cmpi sle, %x, %l64 {t = "sle"} : $T
    %2 = arith.cmpi sgt, %m64, %x {t = "sgt"} : $T
    %3 = arith.cmpi sge, %l64, %x {t = "sge"} : $T
    %4 = arith.cmpi ult, %x, %l64 {t = "ult"} : $T)");
  for (const char *name : {"slt", "sgt"}) {
    MaskTerm found = term(name);
    EXPECT_EQ(found.base, polynomial(0)) << name;
    EXPECT_EQ(found.bound, polynomial(0, {{1, {argument(M)}}})) << name;
    EXPECT_EQ(found.coefficients, (SmallVector<int64_t, 3>{1})) << name;
    EXPECT_EQ(found.dimension(), 0);
    EXPECT_TRUE(found.isExact);
    EXPECT_TRUE(found.noWrap.empty());
  }
  for (const char *name : {"sle", "sge"})
    EXPECT_EQ(term(name).bound, polynomial(1, {{1, {argument(L)}}})) << name;
  EXPECT_EQ(term("ult").bound, polynomial(0, {{1, {argument(L)}}}));
}

TEST_F(AxisMasks, MasksThatAreNoTerm) {
  analyse(R"(
    %0 = arith.cmpi eq, %x, %m64 {t = "equality"} : $T
    %1 = arith.cmpi ult, %x, %m64 {t = "bound may be negative"} : $T
    %2 = arith.muli %x, %m64 : $T
    %3 = arith.cmpi slt, %2, %l64 {t = "unknown stride"} : $T
    %4 = arith.cmpi slt, %x, %m64 : $T
    %5 = arith.cmpi slt, %x, %l64 : $T
    %6 = arith.ori %4, %5 {t = "or"} : tensor<64xi1>)");
  for (const char *name : {"equality", "bound may be negative", "unknown stride", "or"}) {
    MaskFacts facts = info->maskFacts(value(name));
    EXPECT_FALSE(facts.isComplete) << name;
    EXPECT_TRUE(facts.terms.empty()) << name;
    EXPECT_FALSE(info->interiorCondition(value(name))) << name;
    EXPECT_FALSE(info->alwaysTrue(value(name))) << name;
    EXPECT_FALSE(info->vectorUniform(value(name), 0, 2)) << name;
  }
}

TEST_F(AxisMasks, SeveralTermsAndAScalar) {
  analyse(R"(
    %row = tile.expand_dims %i at 1 : $T -> tensor<64x1xi32>
    %nr = tile.splat %n : i32 -> tensor<64x1xi32>
    %mr = arith.cmpi slt, %row, %nr : tensor<64x1xi32>
    %mrb = tile.broadcast %mr : tensor<64x1xi1> -> tensor<64x64xi1>
    %col = tile.expand_dims %x at 0 : $T -> tensor<1x64xi32>
    %sc = tile.splat %m : i32 -> tensor<1x64xi32>
    %mc = arith.cmpi slt, %col, %sc : tensor<1x64xi32>
    %mcb = tile.broadcast %mc : tensor<1x64xi1> -> tensor<64x64xi1>
    %both = arith.andi %mrb, %mcb : tensor<64x64xi1>
    %bb = tile.splat %b : i1 -> tensor<64x64xi1>
    %all = arith.andi %both, %bb {t = "all"} : tensor<64x64xi1>)");
  MaskFacts facts = info->maskFacts(value("all"));
  EXPECT_TRUE(facts.isComplete);
  ASSERT_EQ(facts.terms.size(), 2u);
  EXPECT_EQ(facts.terms[0].dimension(), 0);
  EXPECT_EQ(facts.terms[1].dimension(), 1);
  EXPECT_EQ(facts.terms[1].coefficients, (SmallVector<int64_t, 3>{0, 1}));
  ASSERT_EQ(facts.scalars.size(), 1u);
  EXPECT_EQ(facts.scalars[0], argument(B));
  // Along the rows by the bound's divisor, along the columns at run time.
  EXPECT_TRUE(info->vectorUniform(value("all"), 0, 16));
  EXPECT_FALSE(info->vectorUniform(value("all"), 1, 2));
  auto needs = info->uniformNeeds(value("all"), 1, 8);
  ASSERT_TRUE(needs);
  EXPECT_EQ(needs->modulus, 8u);
  ASSERT_EQ(needs->products.size(), 1u);
  EXPECT_EQ(needs->products[0], (Product{1, {argument(M)}}));
  auto inside = info->interiorCondition(value("all"));
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->inequalities.size(), 2u);
  EXPECT_EQ(inside->scalars.size(), 1u);
}

TEST_F(AxisMasks, Reshaped) {
  analyse(R"(
    %0 = arith.cmpi slt, %x, %m64 : $T
    %1 = tile.reshape %0 {t = "reshaped"} : tensor<64xi1> -> tensor<4x16xi1>
    %2 = tile.trans %1 by [1, 0] {t = "transposed"} : tensor<4x16xi1> -> tensor<16x4xi1>)");
  EXPECT_EQ(term("reshaped").coefficients, (SmallVector<int64_t, 3>{16, 1}));
  EXPECT_EQ(term("transposed").coefficients, (SmallVector<int64_t, 3>{1, 16}));
}

TEST_F(AxisMasks, SumsThatMayWrapAround) {
  // l + x does not wrap around; m + x may at its upper end, where the mask is then true of a large m.
  analyse(R"(
    %0 = arith.addi %l64, %x : $T
    %1 = arith.cmpi slt, %0, %n64 {t = "exact"} : $T
    %2 = arith.addi %m64, %x : $T
    %3 = arith.cmpi slt, %2, %n64 {t = "upper"} : $T
    %4 = arith.subi %m64, %x : $T
    %5 = arith.cmpi slt, %4, %n64 {t = "lower"} : $T
    %6 = arith.cmpi slt, %n64, %2 {t = "bound"} : $T)");
  EXPECT_TRUE(term("exact").isExact);
  EXPECT_FALSE(term("upper").isExact);
  // As a sum m + x < n, so it did not wrap: no more to test for the inside.
  EXPECT_TRUE(term("upper").noWrap.empty());
  ASSERT_EQ(term("lower").noWrap.size(), 1u);
  EXPECT_EQ(term("lower").noWrap[0].greater, polynomial(-63, {{1, {argument(M)}}}));
  EXPECT_EQ(info->interiorCondition(value("lower"))->inequalities.size(), 2u);
  ASSERT_EQ(term("bound").noWrap.size(), 1u);
  EXPECT_EQ(term("bound").noWrap[0].less, polynomial(63, {{1, {argument(M)}}}));
  EXPECT_EQ(info->interiorCondition(value("bound"))->inequalities.size(), 2u);
}

TEST_F(AxisMasks, UniformWhereSumsWrapAround) {
  // n + x wraps around between two blocks, n - x after the first element of one: where n is the smallest number.
  analyse(R"(
    %0 = arith.addi %n64, %x : $T
    %1 = arith.cmpi slt, %0, %n64 {t = "rising"} : $T
    %2 = arith.subi %n64, %x : $T
    %s64 = tile.splat %s : i32 -> $T
    %3 = arith.cmpi sgt, %2, %s64 {t = "falling"} : $T
    %4 = arith.subi %l64, %x : $T
    %5 = arith.cmpi sgt, %4, %s64 {t = "falling but exact"} : $T
    %6 = arith.addi %m64, %x : $T
    %7 = arith.cmpi slt, %6, %x {t = "both"} : $T
    %8 = arith.addi %l64, %x : $T
    %9 = arith.cmpi slt, %8, %x {t = "both exact"} : $T)");
  EXPECT_FALSE(info->uniformNeeds(value("both"), 0, 8)); // m + x < x where the sum wrapped around
  EXPECT_TRUE(info->vectorUniform(value("both exact"), 0, 8));
  EXPECT_TRUE(info->vectorUniform(value("rising"), 0, 8));
  EXPECT_FALSE(info->uniformNeeds(value("falling"), 0, 8));
  auto needs = info->uniformNeeds(value("falling but exact"), 0, 8);
  ASSERT_TRUE(needs); // of s + x < l
  ASSERT_EQ(needs->products.size(), 1u);
  EXPECT_EQ(needs->products[0].scalars[0], argument(L));
}

TEST_F(AxisMasks, AlwaysTrueOrFalse) {
  analyse(R"(
    %0 = arith.cmpi slt, %x, %m64 {t = "open"} : $T
    %c = arith.cmpi sge, %m, %c64 : i32
    scf.if %c {
      %1 = arith.cmpi slt, %x, %m64 {t = "guarded"} : $T
    }
    %2 = arith.constant dense<64> : $T
    %3 = arith.cmpi slt, %x, %2 {t = "constant"} : $T
    %4 = arith.cmpi sge, %x, %2 {t = "false"} : $T
    scf.for %k = %c0 to %m step %c64 : i32 {
      %first = arith.cmpi slt, %k, %m {t = "body runs"} : i32
    })");
  EXPECT_FALSE(info->alwaysTrue(value("open")));
  EXPECT_FALSE(info->alwaysFalse(value("open")));
  for (const char *name : {"guarded", "constant"})
    EXPECT_TRUE(info->alwaysTrue(value(name))) << name;
  EXPECT_TRUE(info->alwaysFalse(value("false")));
  EXPECT_TRUE(info->interiorCondition(value("guarded"))->isTrue());
  EXPECT_TRUE(info->alwaysTrue(value("body runs")));
}

TEST_F(AxisMasks, Interior) {
  analyse(R"(
    %0 = arith.cmpi slt, %i, %m64 {t = "mask"} : $T)");
  auto inside = info->interiorCondition(value("mask"));
  ASSERT_TRUE(inside);
  ASSERT_EQ(inside->inequalities.size(), 1u);
  EXPECT_EQ(inside->inequalities[0].less.constant, 63);
  EXPECT_EQ(inside->inequalities[0].greater, polynomial(0, {{1, {argument(M)}}}));
}

constexpr const char *loops = R"(
    scf.for %k = %c0 to %m step %c64 : i32 {
      %kt = tile.splat %k : i32 -> $T
      %o = arith.addi %kt, %x : $T
      %0 = arith.cmpi slt, %o, %m64 {t = "forwards"} : $T
      %left = arith.subi %m, %k : i32
      %lt = tile.splat %left : i32 -> $T
      %1 = arith.cmpi slt, %x, %lt {t = "what is left"} : $T
      %2 = arith.cmpi sge, %o, %l64 {t = "backwards"} : $T
      %3 = arith.cmpi slt, %x, %l64 {t = "invariant"} : $T
      %z = tile.load %p : !tile.ptr<f16> -> f16
      %zi = arith.fptosi %z : f16 to i32
      %zt = tile.splat %zi : i32 -> $T
      %4 = arith.cmpi slt, %o, %zt {t = "loaded bound"} : $T
    })";

TEST_F(AxisMasks, WhereToCutALoop) {
  analyse(loops);
  auto loop = *kernel.getBody().getOps<scf::ForOp>().begin();
  for (const char *name : {"forwards", "what is left"}) {
    auto split = info->split(value(name), loop);
    ASSERT_TRUE(split) << name;
    ASSERT_EQ(split->bounds.size(), 1u) << name;
    EXPECT_EQ(split->bounds[0].coefficient, 1) << name;
    EXPECT_EQ(split->bounds[0].rest, polynomial(63, {{-1, {argument(M)}}})) << name;
    EXPECT_TRUE(split->invariant.isTrue()) << name;
  }
  auto invariant = info->split(value("invariant"), loop);
  ASSERT_TRUE(invariant);
  EXPECT_TRUE(invariant->bounds.empty());
  EXPECT_EQ(invariant->invariant.inequalities.size(), 1u);
  // Whole in the last iterations, not the first ones; and a bound that each iteration reads.
  EXPECT_FALSE(info->split(value("backwards"), loop));
  EXPECT_FALSE(info->split(value("loaded bound"), loop));
}

} // namespace
