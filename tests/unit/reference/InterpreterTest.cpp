//===- InterpreterTest.cpp - small programs with known results ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/reference/Reference.h"
#include "ir/diag/Diagnostic.h"
#include "ir/ops/Tile.h"

#include "mlir/Parser/Parser.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

using namespace tegula;

namespace {

class Interpreter : public testing::Test {
protected:
  Interpreter() : context(mlir::MLIRContext::Threading::DISABLED) { tile::loadDialects(context); }

  void run(const char *body, std::vector<uint64_t> slots, std::array<int64_t, 3> grid = {1, 1, 1},
           const reference::Hooks &hooks = {}) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(body, &context);
    ASSERT_TRUE(module);
    reference::run(*module, grid, slots.data(), hooks);
  }

  template <typename T> static uint64_t slot(const std::vector<T> &data) {
    return reinterpret_cast<uint64_t>(data.data());
  }

  mlir::MLIRContext context;
};

TEST_F(Interpreter, LoopAndPrograms) {
  std::vector<int32_t> out(6, -1);
  run(R"(func.func @k(%p: !tile.ptr<i32>) attributes {tile.kernel} {
    %x = tile.program_id 0
    %y = tile.program_id 1
    %w = tile.num_programs 0
    %a = arith.muli %y, %w : i32
    %at = arith.addi %a, %x : i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %sum = scf.for %i = %c0 to %at step %c1 iter_args(%s = %c0) -> (i32) : i32 {
      %n = arith.addi %s, %i : i32
      scf.yield %n : i32
    }
    %q = tile.addptr %p, %at : !tile.ptr<i32>, i32
    tile.store %q, %sum : !tile.ptr<i32>, i32
    return
  })",
      {slot(out)}, {3, 2, 1});
  EXPECT_EQ(out, (std::vector<int32_t>{0, 0, 1, 3, 6, 10}));
}

TEST_F(Interpreter, CarriedValuesSwapAtOnce) {
  std::vector<float> out(2);
  run(R"(func.func @k(%p: !tile.ptr<f32>) attributes {tile.kernel} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c3 = arith.constant 3 : i32
    %x = arith.constant 1.0 : f32
    %y = arith.constant 2.0 : f32
    %r:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%a = %x, %b = %y) -> (f32, f32) : i32 {
      scf.yield %b, %a : f32, f32
    }
    tile.store %p, %r#0 : !tile.ptr<f32>, f32
    %q = tile.addptr %p, %c1 : !tile.ptr<f32>, i32
    tile.store %q, %r#1 : !tile.ptr<f32>, f32
    return
  })",
      {slot(out)});
  EXPECT_EQ(out, (std::vector<float>{2, 1}));
}

constexpr const char *sumKernel =
    R"(func.func @k(%p: !tile.ptr<f32>, %o: !tile.ptr<f32>) attributes {tile.kernel} {
    %i = tile.make_range 0 to 100 : tensor<100xi32>
    %s = tile.splat %p : !tile.ptr<f32> -> tensor<100x!tile.ptr<f32>>
    %q = tile.addptr %s, %i : tensor<100x!tile.ptr<f32>>, tensor<100xi32>
    %x = tile.load %q : tensor<100x!tile.ptr<f32>> -> tensor<100xf32>
    %r = tile.reduce(%x) along 0 : (tensor<100xf32>) -> f32 {
    ^bb0(%a: f32, %b: f32):
      %t = arith.addf %a, %b : f32
      tile.combine_return %t : f32
    }
    tile.store %o, %r : !tile.ptr<f32>, f32
    return
  })";

TEST_F(Interpreter, BoundOfASumHoldsForAnyOrder) {
  std::vector<float> data(100), out(1);
  double exact = 0, magnitudes = 0;
  float forward = 0, backward = 0;
  for (int i = 0; i < 100; ++i) {
    data[i] = std::sin(float(i)) * 1000;
    exact += data[i];
    magnitudes += std::fabs(data[i]);
    forward += data[i];
  }
  for (int i = 99; i >= 0; --i)
    backward += data[i];
  reference::ShadowMemory shadow;
  reference::recordInto(&shadow);
  run(sumKernel, {slot(data), slot(out)});
  reference::recordInto(nullptr);
  reference::Shadow s = shadow.at(slot(out));
  EXPECT_NEAR(s.value, exact, 1e-9);
  EXPECT_LE(std::fabs(forward - s.value), s.error);
  EXPECT_LE(std::fabs(backward - s.value), s.error);
  EXPECT_LE(std::fabs(out[0] - s.value), s.error);
  EXPECT_LT(s.error, 101 * 0x1p-24 * magnitudes * 1.01);
  EXPECT_GT(s.error, 99 * 0x1p-24 * magnitudes);
}

TEST_F(Interpreter, UnknownOperationIsRefused) {
  try {
    run(R"(func.func @k(%x: i32) attributes {tile.kernel} {
      %y = math.ctpop %x : i32
      return
    })",
        {5});
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.diagnostic().id, Diag::codegen_unsupported_op);
    EXPECT_NE(std::string(error.what()).find("math.ctpop"), std::string::npos);
  }
}

TEST_F(Interpreter, FailedAssertionNamesProgramAndElement) {
  try {
    run(R"(func.func @k() attributes {tile.kernel} {
      %i = tile.make_range 0 to 4 : tensor<4xi32>
      %c = arith.constant dense<2> : tensor<4xi32>
      %b = arith.cmpi ne, %i, %c : tensor<4xi32>
      tile.assert %b, "no twos" : tensor<4xi1>
      return
    })",
        {}, {1, 1, 1});
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.diagnostic().id, Diag::device_assert_failed);
    EXPECT_NE(std::string(error.what()).find("program (0, 0, 0), element 2: no twos"), std::string::npos)
        << error.what();
  }
}

} // namespace
