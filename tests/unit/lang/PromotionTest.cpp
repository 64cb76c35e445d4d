//===- PromotionTest.cpp - the whole table of promotion ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The tables were computed by Triton 3.9's own rule (TritonSemantic.computation_type_impl), row by row and column by
// column in the order of `types`; "-" is an error.
//

#include "ir/ops/Tile.h"
#include "lang/lower/ModuleResolver.h"

#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

#include <sstream>

using namespace tegula;
using namespace tegula::lang;

namespace {
const std::vector<std::string> types = {"i1",  "i8",      "i16",   "i32",  "i64",  "u8",   "u16", "u32",
                                        "u64", "fp8e4nv", "fp8e5", "fp16", "bf16", "fp32", "fp64"};
// clang-format off
const char *const sums[] = {
    "i1 i8 i16 i32 i64 u8 u16 u32 u64 - - fp16 fp32 fp32 fp64",
    "i8 i8 i16 i32 i64 u8 u16 u32 u64 - - fp16 fp32 fp32 fp64",
    "i16 i16 i16 i32 i64 i16 u16 u32 u64 - - fp16 fp32 fp32 fp64",
    "i32 i32 i32 i32 i64 i32 i32 u32 u64 - - fp16 fp32 fp32 fp64",
    "i64 i64 i64 i64 i64 i64 i64 i64 u64 - - fp16 fp32 fp32 fp64",
    "u8 u8 i16 i32 i64 u8 u16 u32 u64 - - fp16 fp32 fp32 fp64",
    "u16 u16 u16 i32 i64 u16 u16 u32 u64 - - fp16 fp32 fp32 fp64",
    "u32 u32 u32 u32 i64 u32 u32 u32 u64 - - fp16 fp32 fp32 fp64",
    "u64 u64 u64 u64 u64 u64 u64 u64 u64 - - fp16 fp32 fp32 fp64",
    "- - - - - - - - - fp8e4nv fp16 fp16 fp32 fp32 fp64",
    "- - - - - - - - - fp16 fp8e5 fp16 fp32 fp32 fp64",
    "fp16 fp16 fp16 fp16 fp16 fp16 fp16 fp16 fp16 fp16 fp16 fp16 fp16 fp32 fp64",
    "fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp16 bf16 fp32 fp64",
    "fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp64",
    "fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64",
};
const char *const quotients[] = {
    "i1 - - - - u8 u16 u32 u64 fp32 fp32 fp32 fp32 fp32 fp64",
    "- i8 i16 i32 i64 - - - - fp32 fp32 fp32 fp32 fp32 fp64",
    "- i16 i16 i32 i64 - - - - fp32 fp32 fp32 fp32 fp32 fp64",
    "- i32 i32 i32 i64 - - - - fp32 fp32 fp32 fp32 fp32 fp64",
    "- i64 i64 i64 i64 - - - - fp32 fp32 fp32 fp32 fp32 fp64",
    "u8 - - - - u8 u16 u32 u64 fp32 fp32 fp32 fp32 fp32 fp64",
    "u16 - - - - u16 u16 u32 u64 fp32 fp32 fp32 fp32 fp32 fp64",
    "u32 - - - - u32 u32 u32 u64 fp32 fp32 fp32 fp32 fp32 fp64",
    "u64 - - - - u64 u64 u64 u64 fp32 fp32 fp32 fp32 fp32 fp64",
    "fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp64",
    "fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp64",
    "fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp64",
    "fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp64",
    "fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp64",
    "fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64",
};

struct Weak {
  const char *number, *results;
};
const Weak weak[] = {
    {"True", "i1 i8 i16 i32 i64 u8 u16 u32 u64 fp8e4nv fp8e5 fp16 bf16 fp32 fp64"},
    {"1", "i32 i8 i16 i32 i64 u8 u16 u32 u64 fp8e4nv fp8e5 fp16 bf16 fp32 fp64"},
    {"-1", "i32 i8 i16 i32 i64 - - - - fp8e4nv fp8e5 fp16 bf16 fp32 fp64"},
    {"2147483648", "u32 - - - i64 - - u32 u64 fp8e4nv fp8e5 fp16 bf16 fp32 fp64"},
    {"1099511627776", "i64 - - - i64 - - - u64 fp8e4nv fp8e5 fp16 bf16 fp32 fp64"},
    {"1.5", "fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp32 fp8e4nv fp8e5 fp16 bf16 fp32 fp64"},
    {"1e+300", "fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp64 fp8e4nv fp8e5 fp16 bf16 fp32 fp64"},
};
// clang-format on

struct Promotion : testing::Test {
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  void SetUp() override { tile::loadDialects(context); }

  /// The type of an expression over a (of `left`) and b (of `right`), or "-".
  std::string type(const std::string &expression, const std::string &left, const std::string &right) {
    std::string printed;
    try {
      auto module = ModuleResolver::parse(
          "kernel.py", "import tegula.language as tl\ndef kernel(a, b):\n    tl.static_print(" + expression +
                           ", end='')\n");
      lowerKernel(context, *module->function("kernel"), parseSignature("a=" + left + ",b=" + right),
                  Options(), [&](const std::string &text) { printed += text; });
    } catch (const Error &error) {
      return "-";
    }
    return printed;
  }
  static std::vector<std::string> words(const char *text) {
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), {}};
  }
};

TEST_F(Promotion, Sums) {
  for (size_t i = 0; i < types.size(); ++i)
    for (size_t j = 0; j < types.size(); ++j)
      EXPECT_EQ(type("a + b", types[i], types[j]), words(sums[i])[j]) << types[i] << " + " << types[j];
}

TEST_F(Promotion, Remainders) {
  for (size_t i = 0; i < types.size(); ++i)
    for (size_t j = 0; j < types.size(); ++j)
      EXPECT_EQ(type("a % b", types[i], types[j]), words(quotients[i])[j]) << types[i] << " % " << types[j];
}

/// A number takes part only if it is of a higher kind than the tensor.
TEST_F(Promotion, Numbers) {
  for (const Weak &row : weak)
    for (size_t i = 0; i < types.size(); ++i)
      for (std::string expression : {"a + " + std::string(row.number), row.number + std::string(" + a")})
        EXPECT_EQ(type(expression, types[i], "i32"), words(row.results)[i]) << expression << ", " << types[i];
}
} // namespace
