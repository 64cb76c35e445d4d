//===- Analysis.cpp - the walk over a kernel ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/axis/Analysis.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <numeric>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::passes {

/// Rounds of a loop after which whatever still changes is given up.
static constexpr unsigned roundsBeforeWidening = 3;
/// And after which nothing is kept: what is drawn from facts is not monotone, so they could go round in circles.
static constexpr unsigned mostRounds = 16;

Analysis::Analysis(func::FuncOp kernel, AxisInfo::Options options) : kernel(kernel), options(options) {
  setArguments(kernel);
  visitBlock(kernel.getBody().front());
}

void Analysis::setArguments(func::FuncOp kernel) {
  for (BlockArgument argument : kernel.getArguments()) {
    Facts facts = Facts::unknown(argument.getType());
    unsigned i = argument.getArgNumber();
    if (auto divisor = kernel.getArgAttrOfType<IntegerAttr>(i, TileDialect::divisibilityAttr))
      facts.divisor = uint64_t(std::max<int64_t>(1, divisor.getInt()));
    if (auto range = kernel.getArgAttrOfType<DenseI64ArrayAttr>(i, TileDialect::rangeAttr))
      if (facts.isInteger() && range.size() == 2) {
        facts.min = std::max(facts.min, range[0]);
        facts.max = std::min(facts.max, range[1]);
      }
    if (facts.isPointer && facts.runs.empty()) {
      facts.root = argument;
      facts.min = facts.max = 0;
    }
    facts.tighten(argument.getType());
    set(argument, std::move(facts));
  }
}

//===----------------------------------------------------------------------===//
// Access
//===----------------------------------------------------------------------===//

void Analysis::set(Value value, Facts facts) {
  Facts *&slot = defined[value];
  if (!slot) {
    slot = new (pool.Allocate()) Facts;
    order[value] = unsigned(order.size());
  }
  *slot = std::move(facts);
}

const Facts &Analysis::of(Value value) {
  auto found = defined.find(value);
  if (found == defined.end()) {
    Facts facts = Facts::unknown(value.getType());
    if (facts.isPointer && facts.runs.empty())
      facts.root = value, facts.min = facts.max = 0;
    set(value, std::move(facts));
    found = defined.find(value);
  }
  return *found->second;
}

const Facts &Analysis::current(Value value) {
  if (!refined.empty())
    if (auto found = refined.find(value); found != refined.end())
      return *found->second;
  return of(value);
}

const Facts &Analysis::at(Value value, Operation *where) {
  for (Block *block = where->getBlock(); block; block = where->getBlock()) {
    if (auto found = refinements.find(block); found != refinements.end())
      for (const Refinement &refinement : llvm::reverse(found->second))
        if (refinement.value == value && (!refinement.after || refinement.after->isBeforeInBlock(where)))
          return *refinement.facts;
    where = block->getParentOp();
    if (!where || where == kernel)
      break;
  }
  return of(value);
}

/// Values that a value is made of, over the borders of regions.
static void sourcesOf(Value value, SmallVectorImpl<Value> &sources) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    unsigned i = argument.getArgNumber();
    Operation *parent = argument.getOwner()->getParentOp();
    if (auto loop = dyn_cast<scf::ForOp>(parent); loop && i > 0) {
      sources.push_back(loop.getInitArgs()[i - 1]);
      sources.push_back(loop.getYieldedValues()[i - 1]);
    } else if (auto loop = dyn_cast<scf::WhileOp>(parent)) {
      if (argument.getOwner() == &loop.getAfter().front()) {
        sources.push_back(loop.getConditionOp().getArgs()[i]);
      } else {
        sources.push_back(loop.getInits()[i]);
        sources.push_back(loop.getYieldedValues()[i]);
      }
    }
    return;
  }
  Operation *op = value.getDefiningOp();
  unsigned i = cast<OpResult>(value).getResultNumber();
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    sources.push_back(loop.getInitArgs()[i]);
    sources.push_back(loop.getYieldedValues()[i]);
  } else if (auto loop = dyn_cast<scf::WhileOp>(op)) {
    sources.push_back(loop.getConditionOp().getArgs()[i]);
  } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
    for (Region *region : branch.getRegions())
      if (!region->empty())
        sources.push_back(region->front().getTerminator()->getOperand(i));
  } else {
    llvm::append_range(sources, op->getOperands());
  }
}

SmallVector<Obligation> Analysis::obligationsOf(Value value) {
  SmallVector<Obligation> all;
  llvm::SmallPtrSet<Value, 16> seen;
  SmallVector<Value> work{value};
  while (!work.empty()) {
    Value next = work.pop_back_val();
    // Only on the way of facts that differ by tier is there something to find.
    if (of(next).usually.empty() || !seen.insert(next).second)
      continue;
    if (Operation *op = next.getDefiningOp())
      if (auto found = obligations.find(op); found != obligations.end())
        all.append(found->second);
    sourcesOf(next, work);
  }
  return all;
}

unsigned Analysis::orderOf(Value value) {
  of(value);
  return order.lookup(value);
}

size_t Analysis::enter(Block &block) {
  if (auto found = refinements.find(&block); found != refinements.end())
    found->second.clear();
  return undo.size();
}

void Analysis::leave(size_t mark) {
  while (undo.size() > mark) {
    Undo last = undo.pop_back_val();
    if (last.facts)
      refined[last.value] = last.facts;
    else
      refined.erase(last.value);
  }
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

void Analysis::visitBlock(Block &block) {
  for (Operation &op : block)
    visit(&op);
}

void Analysis::visit(Operation *op) {
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return visitFor(loop);
  if (auto loop = dyn_cast<scf::WhileOp>(op))
    return visitWhile(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return visitIf(branch);
  if (auto promise = dyn_cast<AssumeOp>(op))
    return assume(promise.getCondition(), true, *op->getBlock(), op);
  for (Region &region :
       op->getRegions()) // what reductions and scans combine: nothing is known of the elements
    for (Block &block : region)
      visitBlock(block);
  if (op->getNumResults() == 0)
    return;
  SmallVector<const Facts *, 4> in;
  for (Value operand : op->getOperands())
    in.push_back(&current(operand));
  SmallVector<Facts, 1> out;
  for (Value result : op->getResults())
    out.push_back(Facts::unknown(result.getType()));
  SmallVector<Obligation, 1> rests;
  Transfer t{op, in, out, rests, options};
  transfer(t);
  for (auto [result, facts] : llvm::zip(op->getResults(), out)) {
    // A scalar pointer of unknown origin (loaded, chosen) is a root of its own.
    if (facts.isPointer && facts.runs.empty() && !facts.root)
      facts.root = result, facts.min = facts.max = 0;
    set(result, std::move(facts));
  }
  if (!rests.empty() || obligations.count(op))
    obligations[op] = std::move(rests);
}

bool Analysis::mergeInto(Value value, const Facts &from, unsigned round) {
  Facts before = of(value);
  Facts both = before;
  both.join(from);
  both.tighten(value.getType());
  if (both == before)
    return false;
  // A pointer that a loop moves goes on moving.
  if (both.isPointer && (both.min != before.min || both.max != before.max))
    both.min = lowest(64), both.max = highest(64);
  if (round >= roundsBeforeWidening) {
    if (round >= mostRounds)
      both = Facts::unknown(value.getType());
    else
      both.widen(before);
    both.tighten(value.getType());
    if (both == before)
      return false;
  }
  set(value, std::move(both));
  return true;
}

void Analysis::visitFor(scf::ForOp loop) {
  Block &body = *loop.getBody();
  const Facts low = current(loop.getLowerBound()), high = current(loop.getUpperBound()),
              step = current(loop.getStep());
  bool ordered = !loop.getUnsignedCmp() || (low.min >= 0 && high.min >= 0);

  Facts index = Facts::unknown(loop.getInductionVar().getType());
  if (ordered && low.min < high.max) {
    index.min = low.min, index.max = high.max - 1;
    index.divisor = std::gcd(low.divisor, step.divisor);
  }
  index.tighten(loop.getInductionVar().getType());
  set(loop.getInductionVar(), std::move(index));

  bool isFirst = !defined.count(body.getArguments().back()) || loop.getInitArgs().empty();
  SmallVector<Facts, 4> inits;
  for (auto [init, argument] : llvm::zip(loop.getInitArgs(), loop.getRegionIterArgs())) {
    inits.push_back(current(init));
    if (isFirst)
      set(argument, inits.back());
    else
      mergeInto(argument, inits.back(), 0);
  }
  for (unsigned round = 0;; ++round) {
    size_t mark = enter(body);
    if (ordered) { // the body runs: low < high, and the step is positive
      assumeRange(loop.getUpperBound(), low.min == INT64_MAX ? low.min : low.min + 1, INT64_MAX, body,
                  nullptr);
      assumeRange(loop.getLowerBound(), INT64_MIN, high.max == INT64_MIN ? high.max : high.max - 1, body,
                  nullptr);
      assumeRange(loop.getStep(), 1, INT64_MAX, body, nullptr);
    }
    visitBlock(body);
    SmallVector<Facts, 4> yielded;
    for (Value value : loop.getYieldedValues())
      yielded.push_back(current(value));
    leave(mark);
    bool changed = false;
    for (auto [facts, argument] : llvm::zip(yielded, loop.getRegionIterArgs()))
      changed |= mergeInto(argument, facts, round);
    if (changed)
      continue;
    for (auto [i, result] : llvm::enumerate(loop.getResults())) {
      inits[i].join(yielded[i]);
      inits[i].tighten(result.getType());
      set(result, inits[i]);
    }
    return;
  }
}

void Analysis::visitWhile(scf::WhileOp loop) {
  Block &before = loop.getBefore().front(), &after = loop.getAfter().front();
  scf::ConditionOp condition = loop.getConditionOp();
  bool isFirst = before.getNumArguments() == 0 || !defined.count(before.getArgument(0));
  for (auto [init, argument] : llvm::zip(loop.getInits(), before.getArguments())) {
    Facts facts = current(init);
    if (isFirst)
      set(argument, std::move(facts));
    else
      mergeInto(argument, facts, 0);
  }
  for (unsigned round = 0;; ++round) {
    size_t mark = enter(before);
    visitBlock(before);
    auto passedOn = [&](bool truth) {
      size_t inner = undo.size();
      assume(condition.getCondition(), truth, before, condition);
      SmallVector<Facts, 4> facts;
      for (Value value : condition.getArgs())
        facts.push_back(current(value));
      leave(inner);
      return facts;
    };
    SmallVector<Facts, 4> goesOn = passedOn(true), ends = passedOn(false);
    leave(mark);
    for (auto [facts, argument] : llvm::zip(goesOn, after.getArguments()))
      set(argument, facts);
    for (auto [facts, result] : llvm::zip(ends, loop.getResults()))
      set(result, facts);

    mark = enter(after);
    visitBlock(after);
    SmallVector<Facts, 4> yielded;
    for (Value value : loop.getYieldedValues())
      yielded.push_back(current(value));
    leave(mark);
    bool changed = false;
    for (auto [facts, argument] : llvm::zip(yielded, before.getArguments()))
      changed |= mergeInto(argument, facts, round);
    if (!changed)
      return;
  }
}

void Analysis::visitIf(scf::IfOp branch) {
  SmallVector<Facts, 4> results;
  bool isFirst = true;
  for (Region *region : branch.getRegions()) {
    if (region->empty())
      continue;
    Block &block = region->front();
    size_t mark = enter(block);
    assume(branch.getCondition(), isFirst, block, nullptr);
    visitBlock(block);
    for (auto [i, value] : llvm::enumerate(block.getTerminator()->getOperands()))
      if (isFirst)
        results.push_back(current(value));
      else
        results[i].join(current(value));
    leave(mark);
    isFirst = false;
  }
  for (auto [facts, result] : llvm::zip(results, branch.getResults())) {
    facts.tighten(result.getType());
    set(result, facts);
  }
}

} // namespace tegula::passes
