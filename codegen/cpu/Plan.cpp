//===- Plan.cpp - which tile values are recomputed and which get a buffer ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Plan.h"

#include "codegen/cpu/Elementwise.h"
#include "passes/MemoryOrder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/Hashing.h"

using namespace mlir;

namespace tegula::cpu {

/// An expression up to this weight (in cheap operations) is computed again rather than kept in a buffer.
static constexpr int cheapWeight = 4;
/// Index arithmetic, pointers and masks are pulled up to this weight: an address is worth more as an expression.
static constexpr int indexWeight = 60;
/// One operation from this weight on (a division, a remainder) is not repeated for every row.
static constexpr int dearOperation = 8;
/// The evaluator recurses along an expression: longer chains are cut.
static constexpr int maxDepth = 400;

Operation *ancestorIn(Block *block, Operation *op) {
  while (op && op->getBlock() != block)
    op = op->getParentOp();
  return op;
}

static bool isShapeOp(Operation *op) {
  return isa<tile::SplatOp, tile::BroadcastOp, tile::ExpandDimsOp, tile::ReshapeOp, tile::TransOp,
             tile::JoinOp, tile::SplitOp, tile::CatOp>(op);
}

/// Operations that the evaluator can evaluate at a point.
static bool isPulledKind(Operation *op) {
  return isElementwise(op) || isShapeOp(op) || isa<arith::ConstantOp, tile::MakeRangeOp, tile::LoadOp>(op);
}

Plan::Plan(func::FuncOp kernel, const Options &options) : options(options) {
  for (Block &block : kernel.getBody())
    number(block);
  for (Block &block : kernel.getBody())
    visitBlock(block);
  for (Block &block : kernel.getBody())
    release(block);
}

ArrayRef<Value> Plan::sideOutputs(Operation *sink) const {
  auto it = sides.find(sink);
  return it == sides.end() ? ArrayRef<Value>() : ArrayRef<Value>(it->second);
}

ArrayRef<Value> Plan::releasedAfter(Operation *op) const {
  auto it = releases.find(op);
  return it == releases.end() ? ArrayRef<Value>() : ArrayRef<Value>(it->second);
}

ArrayRef<Consumer> Plan::consumers(Value value) const {
  auto it = consumersOf.find(value);
  return it == consumersOf.end() ? ArrayRef<Consumer>() : ArrayRef<Consumer>(it->second);
}

bool Plan::accumulates(Value iterArg) const { return llvm::is_contained(dotArgs, iterArg); }

void Plan::number(Block &block) {
  for (Operation &op : block) {
    unsigned next = position.size();
    position[&op] = next;
    price(&op);
    if (isa<tile::ReduceOp, tile::ScanOp>(op))
      continue;
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        number(inner);
  }
}

/// The cost of pulling a value, in program order. An operand that will get a buffer anyway counts as a read of it.
void Plan::price(Operation *op) {
  if (op->getNumResults() == 0 || !isPulledKind(op))
    return;
  Cost cost;
  cost.weight = isElementwise(op) ? elementwiseWeight(op) : isa<tile::LoadOp>(op) ? 2 : 0;
  cost.hasLoad = isa<tile::LoadOp>(op);
  cost.heavy = cost.weight >= 100;
  for (Value operand : op->getOperands()) {
    auto it = costs.find(operand);
    if (it == costs.end() || !tile::isTile(operand.getType())) {
      cost.weight += tile::isTile(operand.getType()) ? 1 : 0;
      continue;
    }
    const Cost &from = it->second;
    bool buffered =
        !operand.hasOneUse() && (from.hasLoad || from.weight > cheapWeight) && !indexLike(operand);
    cost.weight += buffered ? 1 : from.weight;
    cost.hasLoad |= from.hasLoad && !buffered;
    cost.heavy |= from.heavy && !buffered;
    cost.depth = std::max(cost.depth, from.depth + 1);
  }
  cost.weight = std::min(cost.weight, 1 << 20);
  if (cost.depth > maxDepth)
    cost.depth = 0;
  for (Value result : op->getResults())
    costs[result] = cost;
}

bool Plan::indexLike(Value value) const {
  auto it = costs.find(value);
  if (it == costs.end() || it->second.hasLoad || it->second.weight > indexWeight)
    return false;
  return isa<IntegerType, tile::PtrType>(tile::elementType(value.getType()));
}

void Plan::add(Value value, const Consumer &consumer) {
  if (!tile::isTile(value.getType()))
    return;
  auto &list = consumersOf[value];
  if (!llvm::is_contained(list, consumer))
    list.push_back(consumer);
}

void Plan::addSink(Operation *op, unsigned operand, Value value) { add(value, Consumer{op, operand, 0, 0}); }

void Plan::visitBlock(Block &block) {
  for (Operation &op : llvm::reverse(block))
    visit(&op);
}

void Plan::visit(Operation *op) {
  if (!isa<tile::ReduceOp, tile::ScanOp>(op))
    for (Region &region : llvm::reverse(op->getRegions()))
      for (Block &inner : llvm::reverse(region))
        visitBlock(inner);
  if (isa<scf::ForOp>(op))
    placeDots(op);
  if (op->getNumResults() && isPulledKind(op) && tile::isTile(op->getResult(0).getType()))
    return visitTileOp(op);
  // A sink. Operands of reductions, stores and the like are read in one common nest; those of products, yields, loops
  // and prints in one nest each.
  bool separate = isa<tile::DotOp, tile::GatherOp, tile::PrintOp>(op) ||
                  op->hasTrait<OpTrait::IsTerminator>() || op->getNumRegions();
  if (isa<tile::ReduceOp, tile::ScanOp>(op))
    separate = false;
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    addSink(op, separate ? i + 1 : 0, operand);
}

/// How the index of an operand follows from the index of the result.
static Consumer through(Operation *op, unsigned operand, unsigned result, Consumer consumer,
                        unsigned number) {
  if (!isShapeOp(op))
    return consumer;
  consumer.map = llvm::hash_combine(consumer.map, number, operand, result) | 1;
  if (isa<tile::JoinOp, tile::CatOp>(op))
    consumer.flags |= Consumer::Forced | Consumer::Expanded;
  if (auto broadcast = dyn_cast<tile::BroadcastOp>(op)) {
    consumer.flags |= Consumer::Expanded;
    // Rows that are repeated are computed again; one element that is repeated along the row is hoisted.
    bool outer = false;
    for (auto [from, to] :
         llvm::zip(broadcast.getSrc().getType().getShape(), broadcast.getType().getShape())) {
      if (outer && from > 1)
        consumer.flags |= Consumer::Repeats;
      outer |= from != to;
    }
  }
  return consumer;
}

void Plan::visitTileOp(Operation *op) {
  for (auto [r, result] : llvm::enumerate(op->getResults())) {
    if (!tile::isTile(result.getType()))
      continue;
    Form form = decide(op, result);
    forms[result] = form;
    SmallVector<Consumer, 2> reach;
    if (form == Form::Own)
      reach.push_back(Consumer{op, unsigned(r), 0, 0});
    else if (form == Form::Side)
      reach.push_back(sideOf.lookup(result));
    else
      reach.assign(consumers(result).begin(), consumers(result).end());
    for (auto [i, operand] : llvm::enumerate(op->getOperands()))
      for (const Consumer &consumer : reach)
        add(operand, through(op, i, r, consumer, position.lookup(op)));
  }
}

bool Plan::crossesLoop(Value value, Operation *sink) const {
  Block *home = value.getParentBlock();
  for (Operation *at = sink; at && at->getBlock() != home; at = at->getParentOp())
    if (isa<scf::ForOp, scf::WhileOp>(at->getParentOp()))
      return true;
  return false;
}

bool Plan::legalAt(Operation *op, const Consumer &consumer) const {
  auto load = cast<tile::LoadOp>(op);
  Operation *dependent = passes::firstDependent(load);
  if (!dependent)
    return true;
  Operation *at = ancestorIn(load->getBlock(), consumer.sink);
  if (!at)
    return false;
  if (at->isBeforeInBlock(dependent))
    return true;
  // The sink's own write: every chunk is read before the same chunk is written.
  auto store = dyn_cast<tile::StoreOp>(consumer.sink);
  return store && at == dependent && consumer.identity() && store.getPtr() == load.getPtr() &&
         store.getMask() == load.getMask() && provablyInjective(load.getPtr());
}

Form Plan::decide(Operation *op, Value result) {
  if (!options.pull)
    return Form::Own;
  ArrayRef<Consumer> reach = consumers(result);
  if (reach.empty())
    return Form::Pull;
  uint8_t flags = 0;
  bool crosses = false;
  for (const Consumer &consumer : reach) {
    flags |= consumer.flags;
    crosses |= crossesLoop(result, consumer.sink);
  }
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    if (load.getIsVolatile())
      return Form::Own;
    bool repeated =
        (flags & Consumer::Forced) || ((flags & Consumer::Expanded) && !passes::readsOnlyMemory(load));
    if (crosses || repeated || reach.size() > 1)
      return bufferForm(op, result);
    return legalAt(op, reach[0]) ? Form::Pull : Form::Own;
  }
  if (isa<arith::ConstantOp, tile::SplatOp, tile::MakeRangeOp>(op))
    return Form::Pull;
  Cost cost = costs.lookup(result);
  if (cost.depth == maxDepth)
    return bufferForm(op, result);
  bool again = flags & (Consumer::Repeats | Consumer::Forced);
  if (isElementwise(op) && elementwiseWeight(op) >= dearOperation && (again || crosses))
    return bufferForm(op, result);
  if (indexLike(result))
    return Form::Pull;
  bool dear = cost.hasLoad || cost.weight > cheapWeight;
  if (dear && (reach.size() > 1 || crosses))
    return bufferForm(op, result);
  if (again && (cost.weight >= dearOperation || (cost.hasLoad && (flags & Consumer::Forced))))
    return bufferForm(op, result);
  return Form::Pull;
}

/// Own or Side for a value that gets a buffer.
Form Plan::bufferForm(Operation *op, Value result) {
  ArrayRef<Consumer> reach = consumers(result);
  const Consumer *first = &reach[0];
  for (const Consumer &consumer : reach)
    if (position.lookup(consumer.sink) < position.lookup(first->sink))
      first = &consumer;
  for (const Consumer &consumer : reach)
    if (&consumer != first && consumer.sink == first->sink)
      return Form::Own;
  Operation *sink = first->sink;
  if (!first->identity() || sink->getBlock() != op->getBlock())
    return Form::Own;
  Type space;
  if (auto store = dyn_cast<tile::StoreOp>(sink))
    space = store.getPtr().getType();
  else if (auto reduce = dyn_cast<tile::ReduceOp>(sink))
    space = reduce.getSrcs()[0].getType();
  else if (isPulledKind(sink) && forms.lookup(sink->getResult(first->operand)) == Form::Own)
    space = sink->getResult(first->operand).getType();
  if (!space)
    return Form::Own;
  if (tile::shapeOf(space) != tile::shapeOf(result.getType()))
    return Form::Own;
  if (isa<tile::LoadOp>(op) && !legalAt(op, *first))
    return Form::Own;
  sides[sink].push_back(result);
  sideOf[result] = *first;
  return Form::Side;
}

/// Finds products that may accumulate in the buffer of the loop-carried tile that they replace:
///   for ... iter_args(%acc) { ...; %r = tile.dot %a, %b, f(%acc); yield %r }   with f element-wise
/// if nothing reads %acc after the product has begun.
void Plan::placeDots(Operation *op) {
  if (!options.pull)
    return;
  auto loop = cast<scf::ForOp>(op);
  for (auto [arg, yielded] : llvm::zip(loop.getRegionIterArgs(), loop.getYieldedValues())) {
    auto dot = yielded.getDefiningOp<tile::DotOp>();
    SmallVector<Operation *> chain;
    while (dot && dot->getBlock() == loop.getBody()) {
      chain.push_back(dot);
      auto before = dot.getC().getDefiningOp<tile::DotOp>();
      if (!before || before->getBlock() != loop.getBody() || consumers(before.getResult()).size() != 1)
        break;
      dot = before;
    }
    if (!dot || chain.empty() || dot->getBlock() != loop.getBody())
      continue;
    bool free = !llvm::is_contained(dotArgs, arg) && !dotTargets.count(chain[0]);
    for (const Consumer &consumer : consumers(arg)) {
      bool own = consumer.sink == dot && consumer.operand == 3 && consumer.identity();
      Operation *at = ancestorIn(loop.getBody(), consumer.sink);
      free &= own || (at && at->isBeforeInBlock(dot));
    }
    if (!free)
      continue;
    for (Operation *member : chain)
      dotTargets[member] = arg;
    dotArgs.push_back(arg);
  }
}

/// Records after which operation of its own block each buffer is free.
void Plan::release(Block &block) {
  auto last = [&](Value value, Operation *def) {
    Operation *end = def;
    for (const Consumer &consumer : consumers(value)) {
      Operation *at = ancestorIn(def->getBlock(), consumer.sink);
      if (at && end->isBeforeInBlock(at))
        end = at;
    }
    releases[end].push_back(value);
  };
  for (Operation &op : block) {
    bool along = isa<tile::ReduceOp, tile::ScanOp>(op);
    if (!along)
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          release(inner);
    for (Value result : op.getResults()) {
      if (!tile::isTile(result.getType()) || dotTargets.count(&op))
        continue;
      if (!isPulledKind(&op) || form(result) != Form::Pull)
        last(result, &op);
    }
  }
}

} // namespace tegula::cpu
