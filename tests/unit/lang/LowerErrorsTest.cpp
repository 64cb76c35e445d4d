//===- LowerErrorsTest.cpp - every diagnostic of the lowering has a kernel that gets it ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/ops/Tile.h"
#include "lang/lower/ModuleResolver.h"

#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

#include <set>

using namespace tegula;
using namespace tegula::lang;

namespace {
struct Case {
  Diag id;
  const char *body;    ///< of `def kernel(x, n, B: tl.constexpr)`, each line indented by four
  const char *message; ///< a part of the rendered text
  const char *before = "";
};

const Case cases[] = {
    {Diag::undefined_name, "    y = blok\n", "name 'blok' is not defined"},
    {Diag::undefined_name, "    block = 4\n    y = blok\n", "(did you mean 'block'?)"},
    {Diag::maybe_undefined, "    if n > 3:\n        y = 1\n    tl.store(x, y)\n",
     "name 'y' may be undefined here"},
    {Diag::only_in_loop, "    for i in range(n):\n        y = i\n    tl.store(x, y)\n",
     "name 'y' is set only inside a loop"},
    {Diag::global_not_constexpr, "    y = G\n", "global 'G' (5) is not a constexpr", "G = 5\n"},
    {Diag::opaque_global, "    y = G\n", "'G' is not a constant, which a kernel cannot use", "G = {}\n"},
    {Diag::undefined_attribute, "    y = x.shap\n", "there is no attribute 'shap' on *fp32"},
    {Diag::undefined_language_member, "    y = tl.lod(x)\n",
     "the language has no 'tl.lod' (did you mean 'load'?)"},
    {Diag::too_much_code, "    for i in tl.static_range(60000):\n        tl.store(x, i * n)\n",
     "the kernel is too large: more than 32768 operations"},
    {Diag::too_much_code,
     "    for i in tl.static_range(9999):\n        for j in tl.static_range(999):\n            pass\n",
     "the kernel is too large: more than 1048576 statements"},
    {Diag::too_many_unrolled, "    y = [i for i in range(99999)]\n", "more than 65536 iterations"},
    {Diag::zero_step, "    y = [i for i in range(0, 4, 0)]\n", "the step of a range is 0"},
    {Diag::incompatible_types, "    y = tl.arange(0, 4).to(tl.float8e5) + tl.arange(0, 4)\n",
     "types fp8e5 and i32 have no common type"},
    {Diag::mixed_signedness, "    y = n // n.to(tl.uint32)\n",
     "need operands of one signedness, got i32 and u32"},
    {Diag::bad_operands, "    y = n + 'a'\n", "operator '+' takes no i32 and constexpr 'a'"},
    {Diag::bad_operands, "    y = (1, 2) - 1\n", "operator '-' takes no tuple of"},
    {Diag::bad_operand, "    y = ~2.0\n", "operator '~' takes no constexpr 2.0"},
    {Diag::bad_operand, "    y = -x\n", "operator '-' takes no *fp32"},
    {Diag::integers_only, "    y = tl.load(x) // 2\n",
     "operator '//' needs integers, got fp32 and constexpr 2"},
    {Diag::no_tensor_operator, "    y = n ** 2\n", "operator '**' is not defined on tensors"},
    {Diag::bad_pointer_operands, "    y = x + 1.0\n",
     "pointers take only + and - with integers, got *fp32 and constexpr 1.0"},
    {Diag::bad_pointer_operands, "    y = x * 2\n", "pointers take only + and -"},
    {Diag::bad_pointer_operands, "    y = x + x\n", "pointers take only + and -"},
    {Diag::not_a_tensor, "    y = tl.where(n > 0, None, 1)\n", "expected a tensor or a number, got None"},
    {Diag::cannot_cast, "    y = tl.load(x).to(tl.pointer_type(tl.float32))\n", "cannot cast fp32 to *fp32"},
    {Diag::bitcast_width, "    y = n.to(tl.float16, bitcast=True)\n",
     "cannot bitcast i32 (32 bits) to fp16 (16 bits)"},
    {Diag::rounding_without_narrowing, "    y = n.to(tl.float32, 'rtz')\n",
     "a rounding is given, but i32 to fp32 does not narrow"},
    {Diag::integer_out_of_range, "    y = n.to(tl.int8) + 300\n", "300 does not fit in i8"},
    {Diag::negative_for_unsigned, "    y = n.to(tl.uint32) + -3\n",
     "the negative constant -3 does not fit in u32"},
    {Diag::float_for_integer, "    y = tl.full((4,), 2.5, tl.int32)\n",
     "the constant 2.5 is no integer, but i32 is expected"},
    {Diag::incompatible_shapes, "    y = tl.arange(0, 4) + tl.arange(0, 8)\n",
     "shapes [4] and [8] do not broadcast: dimension 0 has 4 and 8"},
    {Diag::cannot_broadcast, "    y = tl.broadcast_to(tl.arange(0, 4), (2, 8))\n",
     "cannot broadcast shape [4] to [2, 8]"},
    {Diag::bad_shape, "    y = tl.zeros((4, 0), tl.float32)\n",
     "bad shape (4, 0): each extent must be at least 1"},
    {Diag::bad_shape, "    y = tl.zeros((65536, 65536), tl.float32)\n",
     "a tile has at most 2147483647 elements"},
    {Diag::axis_out_of_range, "    y = tl.sum(tl.arange(0, 4), 1)\n",
     "axis 1 is out of range for a rank of 1"},
    {Diag::bad_transpose, "    y = tl.arange(0, 4).T\n", ".T needs a tensor of rank 2, got i32[4]"},
    {Diag::bad_tensor_index, "    y = tl.arange(0, 4)[0]\n", "got constexpr 0 on i32[4]"},
    {Diag::bad_tensor_index, "    y = tl.arange(0, 4)[0:2]\n", "got a slice with bounds on i32[4]"},
    {Diag::pointer_index, "    y = x[n]\n", "a pointer is not indexed, got i32 on *fp32"},
    {Diag::too_many_indices, "    y = tl.arange(0, 4)[..., ..., None]\n", "2 index(es) for i32[4]"},
    {Diag::too_many_indices, "    y = tl.arange(0, 4)[:, :]\n", "2 index(es) for i32[4]"},
    {Diag::index_out_of_range, "    y = (1, 2)[2]\n", "index 2 is out of range for a tuple of 2"},
    {Diag::bad_slice, "    y = (1, 2)[::0]\n", "bad slice: the step is 0"},
    {Diag::not_subscriptable, "    y = (3)[0]\n", "constexpr 3 cannot be indexed"},
    {Diag::expected_constexpr, "    y = tl.arange(0, n)\n", "known when compiling, got i32"},
    {Diag::constant_overflow, "    y: tl.constexpr = 2 ** 200\n", "constant too large: 2 ** 200"},
    {Diag::constant_division_by_zero, "    y = 3 // 0\n", "constant division by zero: 3 // 0"},
    {Diag::bad_number_text, "    y = float('abc')\n", "float() cannot read 'abc'"},
    {Diag::constexpr_reassigned, "    y: tl.constexpr = 1\n    y: tl.constexpr = 2\n",
     "'y' is already defined, a constexpr cannot be set again"},
    {Diag::static_assert_failed, "    tl.static_assert(B == 5, 'B is five')\n",
     "static assertion failed: B is five"},
    {Diag::branch_types, "    if n > 3:\n        y = 1\n    else:\n        y = 1.0\n    tl.store(x, y)\n",
     "'y' is i32 on one way and fp32 on the other"},
    {Diag::if_value_types, "    y = tl.arange(0, 4) if n > 3 else tl.arange(0, 8)\n",
     "must have one type, got i32[4] and i32[8]"},
    {Diag::return_types, "    y = f(n)\n", "returns of different types: i32 and fp32[4]",
     "@tegula.jit\ndef f(n):\n    if n > 3:\n        return n\n    return tl.zeros((4,), tl.float32)\n"},
    {Diag::raise_reached, "    if B == 4:\n        raise ValueError('B')\n",
     "this 'raise' is reached while compiling: ValueError('B')"},
    {Diag::raise_reached, "    if n > 4:\n        raise\n", "this 'raise' is reached while compiling\n"},
    {Diag::missing_return, "    y = f(n)\n", "'f' returns i32 on one way and nothing on another",
     "@tegula.jit\ndef f(n):\n    if n > 3:\n        return n\n"},
    {Diag::loop_type_changed, "    y = 0\n    for i in range(n):\n        y += 1.5\n    tl.store(x, y)\n",
     "the loop changes 'y' from i32 to fp32"},
    {Diag::loop_type_changed, "    y = 0\n    while y < n:\n        y = tl.arange(0, 4)\n",
     "the loop changes 'y' from i32 to i32[4]"},
    {Diag::ambiguous_truth, "    if tl.arange(0, 4) > 2:\n        y = 1\n",
     "a condition must be a scalar, got i1[4]"},
    {Diag::kernel_returns_value, "    return 4\n", "a kernel cannot return a value, got constexpr 4"},
    {Diag::unsupported_statement, "    with tl.range(3):\n        y = 1\n",
     "'with' is not supported in a kernel"},
    {Diag::bad_target, "    for (i, j) in range(n):\n        y = 1\n", "cannot assign to this"},
    {Diag::unpack_count, "    a, b = (1, 2, 3)\n", "cannot unpack: expected 2 values, got 3"},
    {Diag::not_iterable, "    for i in n:\n        y = 1\n", "cannot iterate over i32"},
    {Diag::not_a_mapping, "    y = tl.load(x, **(1, 2))\n", "'**' needs a named tuple, got tuple of"},
    {Diag::bad_range, "    for i in range(1.5):\n        y = 1\n",
     "bounds and step of a range must be scalar integers, got constexpr 1.5"},
    {Diag::zero_step, "    for i in range(0, n, 0):\n        y = 1\n", "the step of a range is 0"},
    {Diag::too_many_unrolled, "    for i in tl.static_range(100000):\n        y = 1\n",
     "more than 65536 iterations cannot be unrolled"},
    {Diag::not_callable, "    y = n(3)\n", "cannot call i32"},
    {Diag::too_many_arguments, "    y = f(n, 2)\n", "'f' takes 1 positional arguments, got 2",
     "@tegula.jit\ndef f(n):\n    return n\n"},
    {Diag::unknown_argument, "    y = tl.load(x, msk=n)\n",
     "'load' has no parameter 'msk' (did you mean 'mask'?)"},
    {Diag::duplicate_argument, "    y = f(n, n=2)\n", "'f' got 'n' twice",
     "@tegula.jit\ndef f(n):\n    return n\n"},
    {Diag::missing_argument, "    y = tl.load()\n", "'load' needs a value for 'pointer'"},
    {Diag::recursion, "    y = f(n)\n", "'f' calls itself: ", "@tegula.jit\ndef f(n):\n    return f(n)\n"},
    {Diag::too_few_operands, "    y = min(n)\n", "min() needs at least two values"},
    {Diag::no_length, "    y = len(n)\n", "len() of i32"},
    {Diag::bad_class, "    y = isinstance(n, 3)\n", "isinstance() cannot ask for constexpr 3"},
};

std::string sourceOf(const Case &test) {
  return std::string("import tegula\nimport tegula.language as tl\n\n") + test.before +
         "\n@tegula.jit\ndef kernel(x, n, B: tl.constexpr):\n" + test.body;
}

TEST(LowerErrors, EachCase) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  tile::loadDialects(context);
  for (const Case &test : cases) {
    SCOPED_TRACE(test.body);
    try {
      auto module = ModuleResolver::parse("kernel.py", sourceOf(test));
      lowerKernel(context, *module->function("kernel"), parseSignature("x=*fp32,n=i32,B=4"), Options());
      ADD_FAILURE() << "no error";
    } catch (const Error &error) {
      EXPECT_EQ(row(error.diagnostic().id).id, row(test.id).id) << error.what();
      EXPECT_NE(std::string(error.what()).find(test.message), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("kernel.py:"), std::string::npos) << error.what();
    }
  }
}

TEST(LowerErrors, SignatureMistakes) {
  EXPECT_THROW(parseSignature("x"), Error);
  try {
    parseSignature("x=float");
    ADD_FAILURE();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("unknown type 'float'"), std::string::npos);
  }
}

/// A row without a case above would be a message nobody has seen.
TEST(LowerErrors, EveryRowHasACase) {
  std::set<std::string_view> covered = {"bad_signature", "unknown_dtype"};
  // With Python around: tests/python/test_host_functions.py, tests/conformance/test_mistakes.py.
  covered.insert({"host_call_failed", "host_call_result", "python_function"});
  for (const Case &test : cases)
    covered.insert(row(test.id).id);
  for (Diag id : {
#define DIAG(id, kind, message, nextStep) Diag::id,
#include "ir/diag/Language.def"
#undef DIAG
       })
    EXPECT_TRUE(covered.count(row(id).id)) << row(id).id;
}

/// An error in an inlined function names the calls on the way.
TEST(LowerErrors, ChainOfCalls) {
  const char *text = "import tegula.language as tl\n"
                     "def g(a):\n    return a + tl.arange(0, 4)\n"
                     "def f(a):\n    return g(a)\n"
                     "def kernel(x):\n    f(tl.arange(0, 8))\n";
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  tile::loadDialects(context);
  auto module = ModuleResolver::parse("kernel.py", text);
  try {
    lowerKernel(context, *module->function("kernel"), parseSignature("x=*fp32"), Options());
    ADD_FAILURE();
  } catch (const Error &error) {
    ASSERT_EQ(error.diagnostic().notes.size(), 2u) << error.what();
    EXPECT_EQ(error.diagnostic().span.line(), 3);
    EXPECT_EQ(error.diagnostic().notes[0].span.line(), 5);
    EXPECT_EQ(error.diagnostic().notes[1].span.line(), 7);
  }
}
} // namespace
