//===- FormFma.cpp - one rounding for a product that is only added ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Before:   %p = arith.mulf %a, %b          After:   %s = math.fma %a, %b, %c
//           %s = arith.addf %p, %c
//
// Formed once, here, before anything is duplicated, and never later: so a value that is computed twice has the same
// bits twice, and every device rounds alike. Only a product with a single use is taken.
//
// Test: tests/passes/form-fma.mlir
//
//===----------------------------------------------------------------------===//

#include "ir/ops/Tile.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace tegula::passes {
namespace {

/// The product that `value` is, when nothing else uses it.
arith::MulFOp onlyUsedProduct(Value value) {
  auto product = value.getDefiningOp<arith::MulFOp>();
  return product && product->hasOneUse() ? product : nullptr;
}

void replace(Operation *sum, arith::MulFOp product, Value a, Value b, Value c, OpBuilder &builder) {
  sum->getResult(0).replaceAllUsesWith(math::FmaOp::create(builder, sum->getLoc(), a, b, c));
  sum->erase();
  product.erase();
}

struct FormFma : PassWrapper<FormFma, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormFma)
  StringRef getArgument() const override { return "form-fma"; }
  StringRef getDescription() const override { return "a product that is only added becomes an fma"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<math::MathDialect>();
  }

  void runOnOperation() override {
    SmallVector<Operation *> sums;
    getOperation().walk([&](Operation *op) {
      if (isa<arith::AddFOp, arith::SubFOp>(op))
        sums.push_back(op);
    });
    for (Operation *sum : sums) {
      OpBuilder builder(sum);
      Value lhs = sum->getOperand(0), rhs = sum->getOperand(1);
      bool isSub = isa<arith::SubFOp>(sum);
      auto negate = [&](Value v) -> Value { return arith::NegFOp::create(builder, sum->getLoc(), v); };
      if (auto product = onlyUsedProduct(lhs))
        replace(sum, product, product.getLhs(), product.getRhs(), isSub ? negate(rhs) : rhs, builder);
      else if (auto product = onlyUsedProduct(rhs))
        replace(sum, product, isSub ? negate(product.getLhs()) : product.getLhs(), product.getRhs(), lhs,
                builder);
    }
  }
};

} // namespace

std::unique_ptr<Pass> createFormFmaPass() { return std::make_unique<FormFma>(); }

} // namespace tegula::passes
