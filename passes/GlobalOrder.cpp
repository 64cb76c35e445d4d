//===- GlobalOrder.cpp - which accesses of global memory the threads of a block must wait for ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/GlobalOrder.h"

#include "passes/axis/Facts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace tegula::passes {

using tile::MemSem;

bool GlobalAccess::mustWaitFor(const GlobalAccess &earlier) const {
  if (by == By::First && earlier.by == By::First)
    return false; // one thread makes both
  if (earlier.acquires || releases)
    return true;
  if (!isWrite && !earlier.isWrite)
    return false;
  if (isClassKnown && earlier.isClassKnown && aliasClass != earlier.aliasClass)
    return false;
  if (unordered && unordered == earlier.unordered)
    return false;
  if (pointer && pointer == earlier.apartFrom)
    return false;
  bool isSamePlace =
      pointer && pointer == earlier.pointer && isDistinct && by == By::Owners && earlier.by == By::Owners;
  return !isSamePlace;
}

namespace {
/// What is known of an integer or address in a loop: it goes on by `step` each iteration, and in one iteration its elements
/// differ by no more than `spread` (bytes, of addresses).
struct Progress {
  int64_t step = 0, spread = 0;
};
} // namespace

static std::optional<int64_t> constantOf(Value value) {
  APInt number;
  if (auto splat = value.getDefiningOp<tile::SplatOp>())
    return constantOf(splat.getSrc());
  if (matchPattern(value, m_ConstantInt(&number)) && number.getSignificantBits() <= 32)
    return number.getSExtValue();
  return std::nullopt;
}

static std::optional<Progress> progressOf(Value value, scf::ForOp loop, unsigned depth = 0);

/// Of a value that the loop carries: what one iteration adds to it.
static std::optional<Progress> progressOfCarried(BlockArgument argument, scf::ForOp loop) {
  Value next = loop.getTiedLoopYieldedValue(argument)->get();
  int64_t step = 0;
  while (next != argument) {
    Operation *op = next.getDefiningOp();
    if (!isa_and_nonnull<tile::AddPtrOp, arith::AddIOp>(op) || loop.isDefinedOutsideOfLoop(next))
      return std::nullopt;
    std::optional<int64_t> added = constantOf(op->getOperand(1));
    if (!added)
      return std::nullopt;
    auto pointers = dyn_cast<tile::AddPtrOp>(op);
    step += pointers ? *added * pointeeBytes(tile::elementType(pointers.getType())) : *added;
    next = op->getOperand(0);
  }
  std::optional<Progress> first = progressOf(loop.getTiedLoopInit(argument)->get(), loop, 1);
  if (first)
    first->step = step;
  return first;
}

static std::optional<Progress> progressOf(Value value, scf::ForOp loop, unsigned depth) {
  constexpr unsigned deepest = 24;
  if (depth > deepest)
    return std::nullopt;
  if (!tile::isTile(value.getType()) && loop.isDefinedOutsideOfLoop(value))
    return Progress{};
  if (value == loop.getInductionVar()) {
    std::optional<int64_t> step = constantOf(loop.getStep());
    return step ? std::optional(Progress{*step, 0}) : std::nullopt;
  }
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() == loop.getBody())
      return progressOfCarried(argument, loop);
    return std::nullopt;
  }
  Operation *op = value.getDefiningOp();
  auto of = [&](unsigned operand) { return progressOf(op->getOperand(operand), loop, depth + 1); };
  if (auto range = dyn_cast<tile::MakeRangeOp>(op))
    return Progress{0, int64_t(range.getEnd()) - range.getStart() - 1};
  if (isa<tile::SplatOp, tile::ExpandDimsOp, tile::BroadcastOp, arith::ExtSIOp>(op))
    return of(0);
  if (constantOf(value))
    return Progress{};
  if (isa<arith::AddIOp, arith::SubIOp, tile::AddPtrOp>(op)) {
    std::optional<Progress> left = of(0), right = of(1);
    if (!left || !right)
      return std::nullopt;
    int64_t scale = 1;
    if (auto pointers = dyn_cast<tile::AddPtrOp>(op))
      scale = pointeeBytes(tile::elementType(pointers.getType()));
    return Progress{left->step + (isa<arith::SubIOp>(op) ? -right->step : right->step * scale),
                    left->spread + right->spread * scale};
  }
  if (isa<arith::MulIOp>(op)) {
    std::optional<int64_t> factor = constantOf(op->getOperand(1));
    std::optional<Progress> left = of(0);
    if (!factor || !left)
      return std::nullopt;
    return Progress{left->step * *factor, left->spread * std::abs(*factor)};
  }
  return std::nullopt;
}

/// Whether no iteration of the loop touches what another one does through these pointers. Indices do not wrap around, as
/// for the widths of accesses (layouts/AccessFacts.cpp).
static bool goesOn(Value pointer, Operation *loop) {
  auto counted = dyn_cast<scf::ForOp>(loop);
  if (!counted)
    return false;
  std::optional<Progress> progress = progressOf(pointer, counted);
  return progress &&
         std::abs(progress->step) >= progress->spread + pointeeBytes(tile::elementType(pointer.getType()));
}

void GlobalAccess::goAround(Operation *loop) {
  if (apartIn && apartIn != loop)
    apartFrom = {};
  if (!pointer || !loop->isAncestor(pointer.getParentRegion()->getParentOp()))
    return;
  if (goesOn(pointer, loop)) {
    apartFrom = pointer;
    apartIn = loop;
  }
  pointer = {};
}

static GlobalAccess::By holdersOf(Value pointers) {
  if (!tile::isTile(pointers.getType()))
    return GlobalAccess::By::Holders;
  layout::InputBits copies = tile::layoutOf(pointers.getType()).freeBits();
  bool isCopied = copies[layout::Input::Lane] || copies[layout::Input::Warp];
  return isCopied ? GlobalAccess::By::Holders : GlobalAccess::By::Owners;
}

static void setOrder(GlobalAccess &access, MemSem sem) {
  access.acquires = sem == MemSem::Acquire || sem == MemSem::AcqRel;
  access.releases = sem == MemSem::Release || sem == MemSem::AcqRel;
}

std::optional<GlobalAccess> GlobalOrder::accessOf(Operation *op) const {
  GlobalAccess access;
  if (!isa<tile::LoadOp, tile::StoreOp, tile::AtomicRmwOp, tile::AtomicCasOp, tile::AsyncCopyOp>(op))
    return std::nullopt;
  access.pointer = op->getOperand(0);
  AliasClass known = classes.of(access.pointer);
  access.aliasClass = known.id;
  access.isClassKnown = known.known;
  access.isDistinct = op->hasAttr(tile::TileDialect::distinctAttr);
  if (isa<tile::LoadOp, tile::AsyncCopyOp>(op)) {
    access.by = holdersOf(access.pointer);
    return access;
  }
  access.isWrite = true;
  access.by = tile::isTile(access.pointer.getType()) ? GlobalAccess::By::Owners : GlobalAccess::By::First;
  if (auto rmw = dyn_cast<tile::AtomicRmwOp>(op)) {
    setOrder(access, rmw.getSem());
    if (rmw.getResult().use_empty() && rmw.getKind() != tile::RmwKind::Xchg)
      access.unordered = rmw.getKind();
  } else if (auto cas = dyn_cast<tile::AtomicCasOp>(op)) {
    setOrder(access, cas.getSem());
  }
  return access;
}

} // namespace tegula::passes
