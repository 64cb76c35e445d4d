//===- AliasClasses.cpp - pointers traced to arguments, to a fixpoint ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/AliasClasses.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace tegula::tile;

namespace tegula::passes {

static bool isPointer(Value value) { return isa<PtrType>(elementType(value.getType())); }

AliasClasses::AliasClasses(func::FuncOp kernel) {
  disjoint = kernel->hasAttr(TileDialect::disjointAttr);
  for (auto [i, argument] : llvm::enumerate(kernel.getArguments()))
    if (isPointer(argument))
      root[argument] = int(i);
  numClasses = disjoint ? int(kernel.getNumArguments()) + 1 : 1;
  // A value's root only ever goes from unknown to an argument to `mixed`, so this ends.
  for (bool changed = true; changed;) {
    changed = false;
    kernel.walk<WalkOrder::PreOrder>([&](Operation *op) { changed |= visit(op); });
  }
}

/// `to` may hold what `from` holds. True when something was learned.
bool AliasClasses::flow(Value from, Value to) {
  if (!isPointer(to))
    return false;
  auto known = root.find(from);
  if (known == root.end())
    return false;
  auto [slot, isNew] = root.try_emplace(to, known->second);
  if (isNew)
    return true;
  if (slot->second == known->second || slot->second == mixed)
    return false;
  slot->second = mixed;
  return true;
}

bool AliasClasses::visit(Operation *op) {
  bool changed = false;
  auto flowAll = [&](ValueRange from, ValueRange to) {
    for (auto [a, b] : llvm::zip(from, to))
      changed |= flow(a, b);
  };
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    flowAll(loop.getInitArgs(), loop.getRegionIterArgs());
    flowAll(loop.getYieldedValues(), loop.getRegionIterArgs());
    flowAll(loop.getRegionIterArgs(), loop.getResults());
  } else if (auto loop = dyn_cast<scf::WhileOp>(op)) {
    flowAll(loop.getInits(), loop.getBeforeArguments());
    flowAll(loop.getYieldedValues(), loop.getBeforeArguments());
    flowAll(loop.getConditionOp().getArgs(), loop.getAfterArguments());
    flowAll(loop.getConditionOp().getArgs(), loop.getResults());
  } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
    for (Region *region : branch.getRegions())
      if (!region->empty())
        flowAll(region->front().getTerminator()->getOperands(), branch.getResults());
  } else if (isa<AddPtrOp, SplatOp, BroadcastOp, ExpandDimsOp, ReshapeOp, TransOp, PtrCastOp, JoinOp, CatOp,
                 SplitOp, arith::SelectOp, ConvertOp, PermuteOp, ShuffleOp>(op)) {
    for (Value operand : op->getOperands())
      if (isPointer(operand))
        for (Value result : op->getResults())
          changed |= flow(operand, result);
  } else {
    for (Value result : op->getResults())
      if (isPointer(result) && root.try_emplace(result, mixed).second)
        changed = true;
  }
  return changed;
}

int AliasClasses::argumentOf(Value pointer) const {
  auto it = root.find(pointer);
  return it == root.end() ? mixed : it->second;
}

AliasClass AliasClasses::of(Value pointer) const {
  if (!disjoint)
    return {0, true};
  int argument = argumentOf(pointer);
  return argument == mixed ? AliasClass{0, false} : AliasClass{argument + 1, true};
}

void AliasClasses::renumber(ValueRange from, ValueRange to) {
  for (auto [a, b] : llvm::zip(from, to))
    if (auto it = root.find(a); it != root.end()) {
      int found = it->second;
      root[b] = found;
    }
}

} // namespace tegula::passes
