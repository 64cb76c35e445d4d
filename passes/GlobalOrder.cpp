//===- GlobalOrder.cpp - which accesses of global memory the threads of a block must wait for ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/GlobalOrder.h"

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
  bool isSamePlace = pointer && pointer == earlier.pointer && isDistinct && by == By::Owners && earlier.by == By::Owners;
  return !isSamePlace;
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
