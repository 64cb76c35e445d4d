//===- LowerTest.cpp - constants, promotion, resolvers ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/ops/Tile.h"
#include "lang/lower/ModuleResolver.h"

#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

using namespace tegula;
using namespace tegula::lang;

namespace {
struct Lowering : testing::Test {
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  std::string printed;
  std::vector<Dependency> dependencies;
  Options options;

  void SetUp() override { tile::loadDialects(context); }

  std::string lower(const std::string &text, const std::string &signature) {
    auto module = ModuleResolver::parse("kernel.py", "import tegula\nimport tegula.language as tl\n" + text);
    printed.clear();
    Lowered lowered = lowerKernel(context, *module->function("kernel"), parseSignature(signature), options,
                                  [&](const std::string &line) { printed += line; });
    dependencies = lowered.dependencies;
    std::string out;
    llvm::raw_string_ostream stream(out);
    lowered.module->print(stream);
    return out;
  }
  /// What static_print says of an expression in a kernel with n: i32, u: u8, h: fp16, b: bf16, f: fp32.
  std::string type(const std::string &expression) {
    lower("def kernel(n, u, h, b, f, p):\n    tl.static_print(" + expression + ", end='')\n",
          "n=i32,u=u8,h=fp16,b=bf16,f=fp32,p=*fp32");
    return printed;
  }
};

TEST_F(Lowering, ConstantsAsInPython) {
  const std::pair<const char *, const char *> cases[] = {
      {"7 // 2, -7 // 2, 7 // -2, -7 % 3, 7 % -3", "(3, -4, -4, 2, -2)"},
      {"7.5 // 2, -7.5 // 2.0, -7.5 % 2", "(3.0, -4.0, 0.5)"},
      {"1 / 4, 2 ** 10, 2 ** -1, 2.0 ** 3", "(0.25, 1024, 0.5, 8.0)"},
      {"1 << 40, -5 >> 1, 6 & 3, 6 | 3, 6 ^ 3, ~6", "(1099511627776, -3, 2, 7, 5, -7)"},
      {"True + 1, True & False, not 0, -True", "(2, False, True, -1)"},
      {"1 < 2 < 3, 1 < 3 < 2, 1 == 1.0, 'a' < 'b', (1, 2) == (1, 2)", "(True, False, True, True, True)"},
      {"2 in (1, 2), 'x' not in 'axb', None is None, 1 is not None", "(True, False, True, True)"},
      {"0 or 5, 3 and 4, '' or 'z', 1 if 2 > 1 else 0", "(5, 4, 'z', 1)"},
      {"1e100, 1e-7, 0.1 + 0.2, 1e16, 100.0, float('inf'), -0.0",
       "(1e+100, 1e-07, 0.30000000000000004, 1e+16, 100.0, inf, -0.0)"},
      {"(1, 2) + (3,), (0,) * 3, len((1, 2)), (1, 2, 3)[1:], (1, 2, 3)[-1], (1, 2, 3)[::-1]",
       "((1, 2, 3), (0, 0, 0), 2, (2, 3), 3, (3, 2, 1))"},
      {"min(3, 1, 2), max((4, 9)), abs(-3), int(3.7), int(-3.7), float(2), bool('')",
       "(1, 9, 3, 3, -3, 2.0, False)"},
      {"[i * i for i in range(4) if i != 2]", "(0, 1, 9)"},
      {"[a + b for a, b in zip((1, 2), (3, 4))]", "(4, 6)"},
      {"'a' + 'b' * 2, f'{1 + 1}:{2.5}:{None}', str(3)", "('abb', '2:2.5:None', '3')"},
      {"170141183460469231731687303715884105727", "170141183460469231731687303715884105727"},
      {"isinstance(1, int), isinstance(n, tl.tensor), isinstance(2.0, (int, float)), isinstance(tl.int32, "
       "tl.dtype)",
       "(True, True, True, True)"},
      {"tl.float16.primitive_bitwidth, tl.int32.is_int(), tl.bfloat16.is_floating(), p.dtype.element_ty, "
       "p.dtype.is_ptr()",
       "(16, True, True, fp32, True)"},
      {"tl.arange(0, 8)[:, None].shape, tl.arange(0, 8).numel, tl.arange(0, 8).type.element_ty",
       "((8, 1), 8, i32)"},
      {"hasattr(n, 'dtype'), hasattr(n, 'nope'), getattr(n, 'nope', 4)", "(True, False, 4)"},
  };
  for (auto [expression, expected] : cases)
    EXPECT_EQ(type("(" + std::string(expression) + ")"), expected) << expression;
}

TEST_F(Lowering, Promotion) {
  const std::pair<const char *, const char *> cases[] = {
      {"n + 1", "i32"},
      {"n + 1.0", "fp32"},
      {"h + 1.5", "fp16"},
      {"b + 1", "bf16"},
      {"h + b", "fp16"},
      {"b + f", "fp32"},
      {"h * f", "fp32"},
      {"u + n", "i32"},
      {"u + u", "u8"},
      {"u + 1", "u8"},
      {"u + 1.5", "fp32"},
      {"n / 2", "fp32"},
      {"h / 2", "fp32"},
      {"n < 2", "i1"},
      {"(n < 2) + 1", "i32"},
      {"(n < 2) + (n > 1)", "i1"},
      {"n + n.to(tl.int64)", "i64"},
      {"n + n.to(tl.uint32)", "u32"},
      {"n.to(tl.int64) + n.to(tl.uint32)", "i64"},
      {"n.to(tl.int8) + n.to(tl.uint8)", "u8"},
      {"n.to(tl.int16) >> u", "i16"},
      {"h + n", "fp16"},
      {"f.to(tl.float64) + h", "fp64"},
      {"p + n", "*fp32"},
      {"n + p", "*fp32"},
      {"p - 1", "*fp32"},
      {"not n", "i1"},
      {"h.to(tl.float8e5) + h.to(tl.float8e4nv)", "fp16"},
      {"-u", "u8"},
      {"~(n > 1)", "i1"},
      {"tl.arange(0, 4) + h", "fp16[4]"},
      {"tl.arange(0, 4)[:, None] + tl.arange(0, 2)[None, :]", "i32[4, 2]"},
      {"tl.arange(0, 4)[:, None] * tl.arange(0, 2)", "i32[4, 2]"},
      {"n + 3000000000", "i32"},
  };
  for (auto [expression, expected] : cases) {
    if (std::string(expression) == "n + 3000000000") {
      EXPECT_THROW(type(expression), Error);
      continue;
    }
    EXPECT_EQ(type(expression), expected) << expression;
  }
}

/// The default type of a number that nothing else decides.
TEST_F(Lowering, DefaultTypes) {
  auto assigned = [&](const std::string &value) {
    lower("def kernel(p):\n    y = " + value + "\n    tl.static_print(y, end='')\n", "p=*fp32");
    return printed;
  };
  EXPECT_EQ(assigned("1"), "i32");
  EXPECT_EQ(assigned("-2147483648"), "i32");
  EXPECT_EQ(assigned("2147483648"), "u32");
  EXPECT_EQ(assigned("4294967296"), "i64");
  EXPECT_EQ(assigned("9223372036854775808"), "u64");
  EXPECT_EQ(assigned("1.5"), "fp32");
  EXPECT_EQ(assigned("1e300"), "fp64");
  EXPECT_EQ(assigned("True"), "i1");
  EXPECT_EQ(assigned("(1, (2.0, True))"), "(i32, (fp32, i1))");
  EXPECT_EQ(assigned("None"), "None");
  EXPECT_THROW(assigned("18446744073709551616"), Error);
}

TEST_F(Lowering, DependenciesAreRecorded) {
  const char *text = "A = tl.constexpr(3)\nB: tl.constexpr = 4\n"
                     "def g():\n    return B\n"
                     "def kernel(x):\n    tl.store(x, A + g() + A)\n";
  lower(text, "x=*i32");
  std::vector<std::string> names;
  for (const Dependency &dependency : dependencies)
    names.push_back(dependency.name);
  EXPECT_EQ(names, (std::vector<std::string>{"tl", "A", "g", "B"}));
}

TEST_F(Lowering, StaticPrintOnceInLoops) {
  lower("def kernel(x, n):\n    for i in range(n):\n        tl.static_print('seen')\n        if i > 3:\n     "
        "       break\n",
        "x=*fp32,n=i32");
  EXPECT_EQ(printed, "seen\n");
}

TEST_F(Lowering, SanitizeOverflow) {
  options.sanitizeOverflow = true;
  EXPECT_NE(lower("def kernel(x, n):\n    tl.store(x, n + n)\n", "x=*i32,n=i32").find("tile.assert"),
            std::string::npos);
}

TEST_F(Lowering, ModuleAttributes) {
  options.fpFusion = false;
  options.disjoint = true;
  std::string text = lower("def kernel(x, n):\n    return\n", "x=*fp32:16,n=1");
  EXPECT_NE(text.find("tile.fp_fusion = false"), std::string::npos) << text;
  EXPECT_NE(text.find("tile.disjoint"), std::string::npos) << text;
  EXPECT_NE(text.find("tile.divisibility = 16"), std::string::npos) << text;
  EXPECT_EQ(text.find("%arg1"), std::string::npos) << text;
}

/// Functions passed as constants, default and keyword-only arguments, *args.
TEST_F(Lowering, Calls) {
  const char *text =
      "def inc(a, by: tl.constexpr = 2, *, twice=False):\n"
      "    if twice:\n        return a + by + by\n    return a + by\n"
      "def apply(f: tl.constexpr, *args):\n    return f(*args)\n"
      "def kernel(x, n):\n"
      "    tl.static_print(inc(1), inc(1, 5), inc(by=1, a=2, twice=True), apply(inc, 3, 4), apply(inc, n))\n"
      "    tl.static_print(cd(7), end='')\n"
      "def cd(n):\n    if n <= 1:\n        return 0\n    return 1 + cd(n // 2)\n";
  lower(text, "x=*fp32,n=i32");
  EXPECT_EQ(printed, "3 6 4 7 i32\n2");
}
} // namespace
