//===- AxisOpsTest.cpp - what each operation makes of runs, ranges and divisors ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Each row is a kernel's last lines and what is printed of its last value (passes/PrintAxisInfo.cpp says how to read
// it). That what is claimed is true, the random kernels check; that it is claimed, these rows do.
//
//===----------------------------------------------------------------------===//

#include "ir/ops/Tile.h"
#include "passes/AxisInfo.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace tegula;

namespace {

/// What every row may use.
constexpr const char *prelude = R"(
func.func @k(%p: !tile.ptr<f16> {tile.divisibility = 16 : i32}, %q: !tile.ptr<f16>,
             %n: i32 {tile.divisibility = 16 : i32}, %m: i32, %w: i64,
             %s: i32 {tile.divisibility = 16 : i32, tile.range = array<i64: 16, 4096>},
             %u: i32 {tile.range = array<i64: 0, 100>}, %b: i1, %f: f32) attributes {tile.kernel} {
  %pid = tile.program_id 0
  %c0 = arith.constant 0 : i32
  %c3 = arith.constant 3 : i32
  %c4 = arith.constant 4 : i32
  %c16 = arith.constant 16 : i32
  %c48 = arith.constant 48 : i32
  %c64 = arith.constant 64 : i32
  %x = tile.make_range 0 to 64 : tensor<64xi32>
  %y = tile.make_range 0 to 48 : tensor<48xi32>
  %n64 = tile.splat %n : i32 -> tensor<64xi32>
  %m64 = tile.splat %m : i32 -> tensor<64xi32>
  %s64 = tile.splat %s : i32 -> tensor<64xi32>
  %u64 = tile.splat %u : i32 -> tensor<64xi32>
  %p64 = tile.splat %p : !tile.ptr<f16> -> tensor<64x!tile.ptr<f16>>
  %row = tile.expand_dims %x at 0 : tensor<64xi32> -> tensor<1x64xi32>
  %at = arith.muli %pid, %c64 : i32
  %at64 = tile.splat %at : i32 -> tensor<64xi32>
  %i = arith.addi %at64, %x : tensor<64xi32>
  %two = arith.constant dense<2> : tensor<64xi32>
  %four = arith.constant dense<4> : tensor<64xi32>
  %minus = arith.constant dense<-8> : tensor<64xi32>
)";

/// A row's operation on a tile of 64 numbers gets its type.
std::string withTypes(std::string text) {
  for (auto [mark, type] : {std::pair("$T", "tensor<64xi32>"), std::pair("$P", "!tile.ptr<f16>")})
    for (size_t at; (at = text.find(mark)) != std::string::npos;)
      text.replace(at, 2, type);
  return text;
}

std::string lastFacts(const std::string &lines) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  tile::loadDialects(context);
  std::string kernel = prelude + withTypes(lines) + "\n  return\n}\n";
  auto module = parseSourceString<ModuleOp>(kernel, &context);
  if (!module)
    return "no kernel: " + kernel;
  passes::AxisInfo info(cast<func::FuncOp>(tile::kernelOf(*module)));
  std::string printed;
  llvm::raw_string_ostream os(printed);
  info.print(os);
  // The last line that is not of an access.
  StringRef rest = StringRef(printed).rtrim(), line;
  do
    std::tie(rest, line) = rest.rsplit('\n');
  while (line.starts_with("  "));
  return line.split(": ").second.str();
}

struct Row {
  const char *lines, *facts;
};
std::ostream &operator<<(std::ostream &os, const Row &row) { return os << row.lines; }

class AxisOps : public testing::TestWithParam<Row> {};

TEST_P(AxisOps, Facts) {
  std::string wanted = withTypes(GetParam().facts);
  EXPECT_EQ(lastFacts(GetParam().lines), wanted) << GetParam().lines;
}

#define ROWS(name, ...)                                                                                      \
  INSTANTIATE_TEST_SUITE_P(name, AxisOps, testing::ValuesIn(std::vector<Row>{__VA_ARGS__}))

ROWS(Sources,                                                                                              //
     {"%r = tile.program_id 1", "i32 [0, 2147483646]"},                                                    //
     {"%r = tile.num_programs 2", "i32 [1, 2147483647]"},                                                  //
     {"%r = tile.make_range 0 to 12 : tensor<12xi32>", "tensor<12xi32> [0, 11] along 0: 12, +1, %0"},      //
     {"%r = tile.make_range -16 to 16 : tensor<32xi32>", "tensor<32xi32> [-16, 15] along 0: 32, +1, %16"}, //
     {"%r = arith.constant -48 : i32", "i32 [-48, -48] %48"},                                              //
     {"%r = arith.constant dense<7> : $T", "$T [7, 7] along 0: 64, =, %7"},                                //
     {"%r = arith.constant dense<[4, 8, -12]> : tensor<3xi32>", "tensor<3xi32> [-12, 8] along 0: 1, %4"},  //
     {"%r = tile.load %p64 : tensor<64x$P> -> tensor<64xf16>", "tensor<64xf16> along 0: 1"});

ROWS(Sums,                                               //
     {"%r = arith.addi %s, %u : i32", "i32 [16, 4196]"}, //
     {"%r = arith.addi %n, %s : i32", "i32 %16"},        //
     // pid * 64 wraps around, so only powers of two divide it; its sum with a range is still one run.
     {"%r = arith.addi %at64, %x : $T", "$T along 0: 64, +1, %64"},   //
     {"%r = arith.subi %n64, %x : $T", "$T along 0: 64, -1, %16"},    //
     {"%r = arith.subi %x, %x : $T", "$T [0, 0] along 0: 64, =, %0"}, //
     {"%t = arith.constant 96 : i32\n %z = arith.muli %n, %t : i32\n %r = arith.addi %z, %c48 : i32",
      "i32 [-2147483600, 2147483184] %16"}, //
     {"%t = arith.constant 96 : i32\n %z = arith.muli %s, %t : i32\n %r = arith.addi %z, %c48 : i32",
      "i32 [1584, 393264] %48"});

ROWS(Products,                                                                //
     {"%r = arith.muli %x, %two : $T", "$T [0, 126] along 0: 64, +2, %0"},    //
     {"%r = arith.muli %x, %minus : $T", "$T [-504, 0] along 0: 64, -8, %0"}, //
     {"%r = arith.muli %n64, %s64 : $T", "$T along 0: 64, =, %256"},          //
     // The stride of a range times an unknown number is not known; its elements are multiples.
     {"%r = arith.muli %x, %n64 : $T", "$T along 0: 1, %16"},      //
     {"%r = arith.muli %s, %c48 : i32", "i32 [768, 196608] %768"}, //
     // May wrap around: of 3 * 16 * 16 the power of two is left.
     {"%z = arith.muli %n, %c48 : i32\n %r = arith.muli %z, %c3 : i32", "i32 %256"}, //
     {"%r = arith.shli %x, %two : $T", "$T [0, 252] along 0: 64, +4, %0"},           //
     {"%r = arith.shli %c4, %u : i32", "i32 %4"},                                    //
     {"%r = tile.mulhi_u %u, %s : i32", "i32 [0, 0] %0"},                            //
     {"%r = math.absi %minus : $T", "$T [8, 8] along 0: 64, =, %8"},                 //
     {"%r = math.absi %n : i32", "i32 %16"});

ROWS(
    Quotients,                                                                                          //
    {"%r = arith.divsi %x, %four : $T", "$T [0, 15] along 0: 4, ="},                                    //
    {"%r = arith.divsi %i, %four : $T", "$T [-536870912, 536870911] along 0: 1 usually along 0: 4, ="}, //
    {"%r = arith.remsi %x, %four : $T", "$T [0, 3] along 0: 4, +1, %4"},                                //
    // Of a negative dividend the remainder is negative: from -5 to 2 the remainders by 4 are -1 0 -3 -2 -1 0 1 2.
    {"%z = tile.make_range -5 to 59 : $T\n %r = arith.remsi %z, %four : $T", "$T [-3, 3] along 0: 1"}, //
    {"%z = tile.make_range -8 to 56 : $T\n %r = arith.remsi %z, %four : $T",
     "$T [-3, 3] along 0: 1 usually along 0: 4, +1, %4"}, //
    // M is a multiple of 16 that may be 0 or negative, i may have wrapped around.
    {"%r = arith.remsi %i, %n64 : $T",
     "$T [-2147483647, 2147483647] along 0: 1 usually along 0: 16, +1, %16"},                       //
    {"%r = arith.remsi %x, %s64 : $T", "$T [0, 63] along 0: 16, +1, %16"},                          //
    {"%r = arith.divsi %x, %s64 : $T", "$T [0, 3] along 0: 16, ="},                                 //
    {"%r = arith.remsi %x, %m64 : $T", "$T [0, 63] along 0: 1"},                                    //
    {"%r = arith.remui %x, %s64 : $T", "$T [0, 63] along 0: 16, +1, %16"},                          //
    {"%t = arith.constant -1 : i32\n %r = arith.divsi %m, %t : i32", "i32"},                        //
    {"%t = arith.constant 7 : i32\n %r = arith.divsi %m, %t : i32", "i32 [-306783378, 306783378]"}, //
    {"%t = arith.constant 7 : i32\n %r = arith.remsi %m, %t : i32", "i32 [-6, 6]"},                 //
    {"%t = arith.constant 7 : i32\n %r = arith.remui %m, %t : i32", "i32 [0, 6]"},                  //
    {"%r = arith.divsi %s, %c16 : i32", "i32 [1, 256]"},                                            //
    {"%r = arith.divsi %s, %c4 : i32", "i32 [4, 1024] %4"},                                         //
    {"%r = arith.floordivsi %minus, %x : $T", "$T [-8, -1] along 0: 1"},                            //
    {"%r = arith.ceildivsi %s, %c64 : i32", "i32 [1, 64]"},                                         //
    {"%r = arith.shrsi %i, %four : $T", "$T [-134217728, 134217727] along 0: 16, ="},               //
    {"%r = arith.shrui %i, %four : $T", "$T [0, 268435455] along 0: 16, ="});

ROWS(Bits,                                                                                                 //
     {"%t = arith.constant dense<7> : $T\n %r = arith.andi %i, %t : $T", "$T [0, 7] along 0: 8, +1, %8"},  //
     {"%t = arith.constant dense<-8> : $T\n %r = arith.andi %i, %t : $T", "$T along 0: 8, =, %8"},         //
     {"%r = arith.ori %at64, %x : $T", "$T along 0: 64, +1, %64"},                                         //
     {"%r = arith.ori %u, %c4 : i32", "i32 [4, 127]"},                                                     //
     {"%r = arith.xori %at64, %x : $T", "$T along 0: 64, +1, %64"},                                        //
     {"%t = arith.constant dense<-1> : $T\n %r = arith.xori %x, %t : $T", "$T [-64, -1] along 0: 64, -1"}, //
     {"%r = arith.andi %m, %c48 : i32", "i32 [0, 48] %16"});

ROWS(Widths,                                                                                       //
     {"%r = arith.extsi %x : $T to tensor<64xi64>", "tensor<64xi64> [0, 63] along 0: 64, +1, %0"}, //
     // i may wrap around between two aligned blocks of 64, but not within one.
     {"%r = arith.extsi %i : $T to tensor<64xi64>",
      "tensor<64xi64> [-2147483648, 2147483647] along 0: 64, +1, %64"}, //
     {"%z = arith.addi %m64, %x : $T\n %r = arith.extsi %z : $T to tensor<64xi64>",
      "tensor<64xi64> [-2147483648, 2147483647] along 0: 1 usually along 0: 64, +1"}, //
     {"%z = arith.addi %m64, %x : $T\n %r = arith.extui %z : $T to tensor<64xi64>",
      "tensor<64xi64> [0, 4294967295] along 0: 1"},                                        //
     {"%r = arith.trunci %i : $T to tensor<64xi8>", "tensor<64xi8> along 0: 64, +1, %64"}, //
     {"%r = arith.trunci %w : i64 to i32", "i32"},                                         //
     {"%r = arith.extsi %b : i1 to i32", "i32 [-1, 0]"},                                   //
     {"%r = arith.extui %b : i1 to i32", "i32 [0, 1]"},                                    //
     {"%r = arith.sitofp %n64 : $T to tensor<64xf32>", "tensor<64xf32> along 0: 64, ="},   //
     {"%r = arith.index_cast %s : i32 to index", "index [16, 4096] %16"});

ROWS(Extremes,                                                      //
     {"%r = arith.minsi %s, %u : i32", "i32 [0, 100]"},             //
     {"%r = arith.maxsi %n, %c0 : i32", "i32 [0, 2147483632] %16"}, //
     {"%r = arith.minsi %x, %s64 : $T", "$T [0, 63] along 0: 1"},   //
     {"%r = arith.maxui %m, %c4 : i32", "i32"},                     //
     {"%t = arith.constant dense<63> : $T\n %r = arith.minsi %x, %t : $T", "$T [0, 63] along 0: 64, +1, %0"});

ROWS(Comparison,                                                             //
     {"%r = arith.cmpi slt, %x, %n64 : $T", "tensor<64xi1> along 0: 16, ="}, //
     {"%r = arith.cmpi slt, %i, %n64 : $T", "tensor<64xi1> along 0: 16, ="}, //
     // x <= n changes above n: blocks begin in the wrong place.
     {"%r = arith.cmpi sle, %x, %n64 : $T", "tensor<64xi1> along 0: 1"},     //
     {"%r = arith.cmpi sge, %x, %n64 : $T", "tensor<64xi1> along 0: 16, ="}, //
     {"%r = arith.cmpi sgt, %n64, %x : $T", "tensor<64xi1> along 0: 16, ="}, //
     {"%t = arith.constant dense<31> : $T\n %r = arith.cmpi sgt, %x, %t : $T",
      "tensor<64xi1> along 0: 32, ="},                                                      //
     {"%r = arith.cmpi slt, %x, %m64 : $T", "tensor<64xi1> along 0: 1"},                    //
     {"%r = arith.cmpi eq, %n64, %m64 : $T", "tensor<64xi1> along 0: 64, ="},               //
     {"%r = arith.cmpi slt, %u, %c64 : i32", "i1"},                                         //
     {"%t = arith.constant 101 : i32\n %r = arith.cmpi slt, %u, %t : i32", "i1 [1, 1]"},    //
     {"%t = arith.constant 101 : i32\n %r = arith.cmpi ugt, %u, %t : i32", "i1 [0, 0] %0"}, //
     // A number without a sign that may be negative is above every bound.
     {"%r = arith.cmpi ult, %m, %c64 : i32", "i1"});

ROWS(Selection,                                                        //
     {"%r = arith.select %b, %x, %i : $T", "$T along 0: 64, +1, %64"}, //
     {"%c = arith.cmpi slt, %x, %n64 : $T\n %r = arith.select %c, %x, %i : tensor<64xi1>, $T",
      "$T along 0: 16, +1, %16"}, //
     {"%c = arith.cmpi slt, %x, %m64 : $T\n %r = arith.select %c, %s64, %n64 : tensor<64xi1>, $T",
      "$T along 0: 1, %16"}, //
     {"%r = arith.select %b, %s, %u : i32", "i32 [0, 4096]"});

ROWS(Shapes, //
     {"%r = tile.splat %n : i32 -> tensor<4x8xi32>",
      "tensor<4x8xi32> along 0: 4, =, %16; along 1: 8, =, %16"}, //
     {"%r = tile.expand_dims %x at 1 : $T -> tensor<64x1xi32>",
      "tensor<64x1xi32> [0, 63] along 0: 64, +1, %0; along 1: 1, ="}, //
     {"%r = tile.broadcast %row : tensor<1x64xi32> -> tensor<8x64xi32>",
      "tensor<8x64xi32> [0, 63] along 0: 8, =; along 1: 64, +1, %0"}, //
     {"%z = tile.broadcast %row : tensor<1x64xi32> -> tensor<8x64xi32>\n"
      "%r = tile.trans %z by [1, 0] : tensor<8x64xi32> -> tensor<64x8xi32>",
      "tensor<64x8xi32> [0, 63] along 0: 64, +1, %0; along 1: 8, ="}, //
     {"%r = tile.reshape %i : $T -> tensor<4x16xi32>",
      "tensor<4x16xi32> along 0: 4, +16; along 1: 16, +1, %16"}, //
     {"%r = tile.reshape %y : tensor<48xi32> -> tensor<6x8xi32>",
      "tensor<6x8xi32> [0, 47] along 0: 6, +8; along 1: 8, +1, %8"}, //
     {"%z = tile.broadcast %row : tensor<1x64xi32> -> tensor<8x64xi32>\n"
      "%r = tile.reshape %z : tensor<8x64xi32> -> tensor<512xi32>",
      "tensor<512xi32> [0, 63] along 0: 64, +1, %0"}, //
     {"%z = tile.reshape %i : $T -> tensor<4x16xi32>\n %r = tile.reshape %z : tensor<4x16xi32> -> $T",
      "$T along 0: 64, +1, %16"}, //
     {"%r = tile.join %x, %x : $T -> tensor<64x2xi32>",
      "tensor<64x2xi32> [0, 63] along 0: 64, +1, %0; along 1: 2, ="}, //
     {"%r = tile.join %s64, %n64 : $T -> tensor<64x2xi32>",
      "tensor<64x2xi32> along 0: 64, =, %16; along 1: 1, %16"},                                //
     {"%r = tile.cat %x, %i : $T -> tensor<128xi32>", "tensor<128xi32> along 0: 64, +1, %64"}, //
     // The seam falls into a block of the second half.
     {"%r = tile.cat %y, %y : tensor<48xi32> -> tensor<96xi32>",
      "tensor<96xi32> [0, 47] along 0: 48, +1, %48"}, //
     {"%z = tile.reshape %x : $T -> tensor<32x2xi32>\n %a, %r = tile.split %z : tensor<32x2xi32> -> "
      "tensor<32xi32>",
      "tensor<32xi32> [0, 63] along 0: 32, +2"},                                            //
     {"%r = tile.gather %s64[%x] along 0 : $T, $T -> $T", "$T [16, 4096] along 0: 1, %16"}, //
     {"%r = tile.sort %s64 : $T", "$T [16, 4096] along 0: 1, %16"},                         //
     {"%r = tile.histogram %x : $T -> tensor<16xi32>", "tensor<16xi32> [0, 64] along 0: 1"});

ROWS(
    Reductions, //
    {"%r = tile.reduce(%x) along 0 : ($T) -> i32 {\n ^bb0(%l: i32, %o: i32):\n %z = arith.addi %l, %o : i32\n"
     " tile.combine_return %z : i32\n }",
     "i32 [0, 4032]"}, //
    {"%r = tile.reduce(%s64) along 0 : ($T) -> i32 {\n ^bb0(%l: i32, %o: i32):\n %z = arith.maxsi %l, %o : "
     "i32\n"
     " tile.combine_return %z : i32\n }",
     "i32 [16, 4096] %16"}, //
    // Not one of the elements: the difference of two.
    {"%r = tile.reduce(%s64) along 0 : ($T) -> i32 {\n ^bb0(%l: i32, %o: i32):\n %z = arith.subi %l, %o : "
     "i32\n"
     " tile.combine_return %z : i32\n }",
     "i32"});

ROWS(Pointers, //
     {"%r = tile.addptr %p64, %x : tensor<64x$P>, $T",
      "tensor<64x$P> %arg0 + [0, 126] along 0: 64, +2, %16"}, //
     {"%r = tile.addptr %p64, %i : tensor<64x$P>, $T",
      "tensor<64x$P> %arg0 + [-4294967296, 4294967294] along 0: 64, +2, %16"}, //
     {"%r = tile.addptr %p64, %m64 : tensor<64x$P>, $T",
      "tensor<64x$P> %arg0 + [-4294967296, 4294967294] along 0: 64, =, %2"}, //
     // m + x may wrap around inside the tile where it is widened.
     {"%z = arith.addi %m64, %x : $T\n %r = tile.addptr %p64, %z : tensor<64x$P>, $T",
      "tensor<64x$P> %arg0 + [-4294967296, 4294967294] along 0: 1, %2 usually along 0: 64, +2, %2"}, //
     {"%z = tile.addptr %p, %s : $P, i32\n %r = tile.addptr %z, %s : $P, i32",
      "$P %arg0 + [64, 16384] %16"},                                                                       //
     {"%r = tile.ptr_to_int %p : $P -> i64", "i64 %16"},                                                   //
     {"%z = tile.ptr_to_int %p : $P -> i64\n %r = tile.int_to_ptr %z : i64 -> $P", "$P %13 + [0, 0] %16"}, //
     {"%r = tile.ptr_cast %p64 : tensor<64x$P> -> tensor<64x!tile.ptr<f32>>",
      "tensor<64x!tile.ptr<f32>> %arg0 + [0, 0] along 0: 64, =, %16"}, //
     // Pointers that were loaded.
     {"%z = tile.int_to_ptr %w : i64 -> !tile.ptr<!tile.ptr<f16>>\n"
      "%r = tile.load %z : !tile.ptr<!tile.ptr<f16>> -> $P",
      "$P %result + [0, 0]"});

ROWS(Hints,                                                                          //
     {"%r = arith.addi %m, %c3 {tile.multiple_of = array<i32: 8>} : i32", "i32 %8"}, //
     {"%r = arith.addi %m, %c3 {tile.multiple_of = array<i32: -8>} : i32", "i32"},   //
     {"%r = arith.remsi %i, %m64 {tile.max_contiguous = array<i32: 32>, tile.multiple_of = array<i32: 32>} : "
      "$T",
      "$T [-2147483647, 2147483647] along 0: 32, +1, %32"}, //
     {"%r = arith.divsi %i, %m64 {tile.max_constancy = array<i32: 8>} : $T", "$T along 0: 8, ="});

ROWS(Loops, //
     // An address that advances by multiples of 16 bytes stays what it is.
     {"%a = tile.addptr %p64, %x : tensor<64x$P>, $T\n"
      "%r = scf.for %k = %c0 to %m step %c4 iter_args(%v = %a) -> (tensor<64x$P>) : i32 {\n"
      "%z = tile.addptr %v, %s64 : tensor<64x$P>, $T\n scf.yield %z : tensor<64x$P>\n }\n"
      "%e = tile.addptr %r, %s64 : tensor<64x$P>, $T",
      "tensor<64x$P> along 0: 64, +2, %16"}, //
     // One that advances by 3 elements does not.
     {"%t = arith.constant dense<3> : $T\n %a = tile.addptr %p64, %x : tensor<64x$P>, $T\n"
      "%r = scf.for %k = %c0 to %m step %c4 iter_args(%v = %a) -> (tensor<64x$P>) : i32 {\n"
      "%z = tile.addptr %v, %t : tensor<64x$P>, $T\n scf.yield %z : tensor<64x$P>\n }\n"
      "%e = tile.addptr %r, %s64 : tensor<64x$P>, $T",
      "tensor<64x$P> along 0: 64, +2, %2"}, //
     // Inside, k is less than s, and a multiple of the start and the step.
     {"%o = tile.addptr %p, %c0 : $P, i32\n scf.for %k = %c0 to %s step %c4 : i32 {\n"
      "%z = arith.addi %k, %c4 : i32\n }",
      "i32 [4, 4096] %4"}, //
     {"%r = scf.for %k = %c0 to %m step %c4 iter_args(%v = %c0) -> (i32) : i32 {\n"
      "%z = arith.addi %v, %c16 : i32\n scf.yield %z : i32\n }\n %e = arith.addi %r, %c0 : i32",
      "i32 %16"}, //
     {"%r = scf.if %b -> (i32) {\n scf.yield %s : i32\n } else {\n scf.yield %c48 : i32\n }\n"
      "%e = arith.addi %r, %c0 : i32",
      "i32 [16, 4096] %16"}, //
     // While v < 100: after the loop v >= 100.
     {"%r = scf.while (%v = %s) : (i32) -> i32 {\n %t = arith.constant 100 : i32\n"
      "%c = arith.cmpi slt, %v, %t : i32\n scf.condition(%c) %v : i32\n } do {\n ^bb0(%v: i32):\n"
      "%z = arith.addi %v, %c16 : i32\n scf.yield %z : i32\n }\n %e = arith.addi %r, %c0 : i32",
      "i32 [112, 4096] %16"});

} // namespace
