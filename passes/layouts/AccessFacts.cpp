//===- AccessFacts.cpp - what memory operations want of a layout ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/layouts/LayoutGraph.h"

#include <numeric>

using namespace mlir;

namespace tegula::passes {

AllAccessFacts findAccessFacts(func::FuncOp kernel) {
  AllAccessFacts all;
  kernel.walk([&](Operation *op) {
    if (!isa<tile::LoadOp, tile::StoreOp, tile::AtomicRmwOp, tile::AtomicCasOp>(op) ||
        !tile::isTile(op->getOperand(0).getType()))
      return;
    AccessFacts facts;
    auto type = cast<RankedTensorType>(op->getOperand(0).getType());
    facts.order.resize(type.getRank());
    std::iota(facts.order.rbegin(), facts.order.rend(), 0);
    Type element = cast<tile::PtrType>(type.getElementType()).getPointee();
    facts.bits = element.isIntOrFloat() ? std::max(8u, element.getIntOrFloatBitWidth()) : 64;
    all[op] = std::move(facts);
  });
  return all;
}

} // namespace tegula::passes
