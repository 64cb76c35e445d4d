//===- AccessFacts.cpp - what memory operations want of a layout ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/AxisInfo.h"
#include "passes/layouts/LayoutGraph.h"

#include <numeric>

using namespace mlir;

namespace tegula::passes {

/// Whether the mask is, along `dim`, true up to some element and false from there on.
static bool isPrefix(const MaskFacts &mask, unsigned dim) {
  if (!mask.isComplete)
    return false;
  return llvm::all_of(mask.terms,
                      [&](const MaskTerm &term) { return term.isExact && term.coefficients[dim] >= 0; });
}

/// Whether no two elements have one address: along each dimension they go on by a step, which is longer than all that the
/// dimensions of shorter steps cover.
static bool isDistinct(Value pointers, const AxisInfo &info) {
  ArrayRef<int64_t> shape = tile::shapeOf(pointers.getType());
  const Facts &facts = info.of(pointers);
  SmallVector<std::pair<uint64_t, uint64_t>> steps; // and how many
  for (auto [run, extent] : llvm::zip(facts.at(Tier::Proved), shape)) {
    if (extent == 1)
      continue;
    if (run.length != 0 && run.length < uint64_t(extent))
      return false;
    steps.push_back({uint64_t(std::abs(run.stride)), uint64_t(extent)});
  }
  llvm::sort(steps);
  uint64_t covered = uint64_t(pointeeBytes(tile::elementType(pointers.getType())));
  for (auto [step, extent] : steps) {
    if (step < covered || step >> 31)
      return false;
    covered += step * (extent - 1);
  }
  return true;
}

/// Widths rest on what Triton takes for granted: no index wraps around, no dividend of one is negative (Tier::Usual).
static AccessFacts factsOf(Operation *op, const AxisInfo &info) {
  AccessFacts facts;
  Value pointers = op->getOperand(0);
  auto type = cast<RankedTensorType>(pointers.getType());
  Type element = cast<tile::PtrType>(type.getElementType()).getPointee();
  facts.bits = tile::memoryBits(element);
  facts.order.resize(type.getRank());
  std::iota(facts.order.rbegin(), facts.order.rend(), 0);
  llvm::stable_sort(facts.order, [&](unsigned a, unsigned c) {
    return info.contiguity(pointers, a, Tier::Usual) > info.contiguity(pointers, c, Tier::Usual);
  });
  facts.isDistinct = isDistinct(pointers, info);
  if (!isa<tile::LoadOp, tile::StoreOp>(op))
    return facts; // atomics go element by element
  unsigned inner = facts.order[0];
  // A vector that the end of a padded tile cuts would be half a pad.
  facts.width = std::min<int64_t>(info.vectorWidth(pointers, inner, Tier::Usual),
                                  type.getDimSize(inner) & -type.getDimSize(inner));
  Value mask = isa<tile::LoadOp>(op) ? cast<tile::LoadOp>(op).getMask() : cast<tile::StoreOp>(op).getMask();
  if (!mask) {
    facts.maskRun = facts.width;
    return facts;
  }
  while (facts.maskRun < facts.width && info.vectorUniform(mask, inner, facts.maskRun * 2))
    facts.maskRun *= 2;
  facts.maskIsPrefix = isPrefix(info.maskFacts(mask), inner);
  return facts;
}

AllAccessFacts findAccessFacts(func::FuncOp kernel) {
  AllAccessFacts all;
  AxisInfo info(kernel);
  kernel.walk([&](Operation *op) {
    if (isa<tile::LoadOp, tile::StoreOp, tile::AtomicRmwOp, tile::AtomicCasOp>(op) &&
        tile::isTile(op->getOperand(0).getType()))
      all[op] = factsOf(op, info);
  });
  return all;
}

} // namespace tegula::passes
