//===- AxisFixture.h - a kernel whose axis facts are asked for ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/ops/Tile.h"
#include "passes/AxisInfo.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <stdexcept>

namespace tegula::test {

/// Arguments of the kernel.
enum { P, Q, N, S, M, L, W, B };

class AxisFixture : public testing::Test {
protected:
  AxisFixture() : context(mlir::MLIRContext::Threading::DISABLED) { tile::loadDialects(context); }

  /// Arguments p (multiple of 16), q; n, s (multiples of 16), m, l (0 to 4096), w (i64), b; `$T` is a tile of 64 numbers.
  void analyse(std::string body, passes::AxisInfo::Options options = passes::AxisInfo::Options()) {
    std::string text = R"(
func.func @k(%p: !tile.ptr<f16> {tile.divisibility = 16 : i32}, %q: !tile.ptr<f16>,
             %n: i32 {tile.divisibility = 16 : i32}, %s: i32 {tile.divisibility = 16 : i32}, %m: i32,
             %l: i32 {tile.range = array<i64: 0, 4096>}, %w: i64, %b: i1) attributes {tile.kernel} {
  %pid = tile.program_id 0
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c64 = arith.constant 64 : i32
  %x = tile.make_range 0 to 64 : $T
  %n64 = tile.splat %n : i32 -> $T
  %m64 = tile.splat %m : i32 -> $T
  %l64 = tile.splat %l : i32 -> $T
  %p64 = tile.splat %p : !tile.ptr<f16> -> tensor<64x!tile.ptr<f16>>
  %at = arith.muli %pid, %c64 : i32
  %at64 = tile.splat %at : i32 -> $T
  %i = arith.addi %at64, %x : $T
)" + body + "\n  return\n}\n";
    for (size_t at; (at = text.find("$T")) != std::string::npos;)
      text.replace(at, 2, "tensor<64xi32>");
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      throw std::runtime_error("no kernel");
    kernel = mlir::cast<mlir::func::FuncOp>(tile::kernelOf(*module));
    info = std::make_unique<passes::AxisInfo>(kernel, options);
  }

  /// The operation with the attribute t = name.
  mlir::Operation *op(llvm::StringRef name) {
    mlir::Operation *found = nullptr;
    kernel.walk([&](mlir::Operation *each) {
      if (auto tag = each->getAttrOfType<mlir::StringAttr>("t"); tag && tag == name)
        found = each;
    });
    if (!found)
      throw std::runtime_error(name.str());
    return found;
  }
  mlir::Value value(llvm::StringRef name) { return op(name)->getResult(0); }
  mlir::Value argument(unsigned i) { return kernel.getArgument(i); }
  /// The only term of a mask.
  passes::MaskTerm term(llvm::StringRef name) {
    passes::MaskFacts facts = info->maskFacts(value(name));
    EXPECT_TRUE(facts.isComplete);
    EXPECT_EQ(facts.terms.size(), 1u);
    return facts.terms.empty() ? passes::MaskTerm() : facts.terms[0];
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp kernel;
  std::unique_ptr<passes::AxisInfo> info;
};

} // namespace tegula::test
