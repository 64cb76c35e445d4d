//===- LayoutGraph.cpp - nodes and edges of the layouts to choose ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/layouts/LayoutGraph.h"

#include "passes/layouts/Pbqp.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace tegula::passes {

static bool isTileValue(Value value) { return tile::isTile(value.getType()); }

/// Operations that compute each element from the elements of their operands at the same index.
static bool isElementwise(Operation *op) {
  StringRef dialect = op->getName().getDialectNamespace();
  return dialect == "arith" || dialect == "math" || dialect == "ub" ||
         isa<tile::FpToFpOp, tile::MulHiUOp, tile::AddPtrOp, tile::IntToPtrOp, tile::PtrToIntOp,
             tile::PtrCastOp>(op);
}

bool LayoutGraph::hasOwnNode(Operation *op) {
  return isa<tile::LoadOp, tile::StoreOp, tile::AtomicRmwOp, tile::AtomicCasOp, tile::ReduceOp, tile::ScanOp,
             tile::CatOp, tile::PrintOp, tile::AssertOp>(op);
}

static bool insideCombine(Operation *op) { return isa<tile::ReduceOp, tile::ScanOp>(op->getParentOp()); }

bool LayoutGraph::isView(Operation *op) {
  return isa<tile::ExpandDimsOp, tile::BroadcastOp, tile::TransOp, tile::ReshapeOp, tile::JoinOp,
             tile::SplitOp>(op);
}

std::optional<layout::Layout> LayoutGraph::sourceLayout(Operation *view, Value result, const Layout &layout) {
  if (auto expand = dyn_cast<tile::ExpandDimsOp>(view))
    return layout.sliced(expand.getAxis());
  if (auto broadcast = dyn_cast<tile::BroadcastOp>(view))
    return layout.broadcastSource(broadcast.getSrc().getType().getShape());
  if (auto trans = dyn_cast<tile::TransOp>(view)) {
    SmallVector<unsigned> inverse(trans.getOrder().size());
    for (auto [i, from] : llvm::enumerate(trans.getOrder()))
      inverse[from] = i;
    return layout.transposed(inverse);
  }
  if (auto reshape = dyn_cast<tile::ReshapeOp>(view))
    return layout.reshaped(reshape.getType().getShape(), reshape.getSrc().getType().getShape());
  if (isa<tile::JoinOp>(view))
    return layout.splitLast();
  if (isa<tile::SplitOp>(view))
    return layout.joined();
  return std::nullopt;
}

LayoutGraph::LayoutGraph(func::FuncOp kernel, const GpuTarget &target, unsigned warps, AllAccessFacts facts)
    : kernel(kernel), target(target), warps(warps), warpBits(llvm::Log2_32(warps)), facts(std::move(facts)) {
  findFree();
  kernel.walk([&](Operation *op) { uniteOp(op); });
  kernel.walk([&](Operation *op) { addNodes(op); });
  kernel.walk([&](Operation *op) { connectOp(op); });
}

//===----------------------------------------------------------------------===//
// Free tiles
//===----------------------------------------------------------------------===//

/// Cheap enough to be computed once more wherever another layout wants it.
bool LayoutGraph::computedAnew(Operation *op) const {
  if (isa<arith::ConstantOp, tile::SplatOp, tile::MakeRangeOp>(op))
    return true;
  if (!isElementwise(op) && !isView(op))
    return false;
  return llvm::all_of(op->getOperands(), [&](Value v) { return !isTileValue(v) || free.contains(v); });
}

void LayoutGraph::findFree() {
  kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (insideCombine(op))
      return;
    if (op->getNumResults() && isTileValue(op->getResult(0)) && computedAnew(op))
      free.insert(op->result_begin(), op->result_end());
  });
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

bool LayoutGraph::isSeparate(Value value) const {
  Operation *op = value.getDefiningOp();
  return op && (hasOwnNode(op) || isView(op));
}

void LayoutGraph::unite(Value a, Value c) {
  for (Value each : {a, c})
    if (isFree(each) || isSeparate(each))
      return;
  classes.unionSets(a.getAsOpaquePointer(), c.getAsOpaquePointer());
}

void LayoutGraph::uniteOp(Operation *op) {
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    for (auto [arg, init, yielded, result] :
         llvm::zip(loop.getRegionIterArgs(), loop.getInitArgs(), loop.getYieldedValues(), loop.getResults()))
      if (isTileValue(arg)) {
        classes.unionSets(arg.getAsOpaquePointer(), result.getAsOpaquePointer());
        unite(arg, yielded);
        unite(arg, init);
      }
    return;
  }
  if (auto loop = dyn_cast<scf::WhileOp>(op)) {
    for (auto [arg, init, yielded] :
         llvm::zip(loop.getBeforeArguments(), loop.getInits(), loop.getYieldedValues()))
      if (isTileValue(arg)) {
        unite(arg, yielded);
        unite(arg, init);
      }
    for (auto [arg, passed, result] :
         llvm::zip(loop.getAfterArguments(), loop.getConditionOp().getArgs(), loop.getResults()))
      if (isTileValue(arg)) {
        classes.unionSets(arg.getAsOpaquePointer(), result.getAsOpaquePointer());
        unite(arg, passed);
      }
    return;
  }
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    for (Region *region : branch.getRegions())
      if (!region->empty())
        for (auto [result, yielded] :
             llvm::zip(branch.getResults(), region->front().getTerminator()->getOperands()))
          if (isTileValue(result))
            unite(result, yielded);
    return;
  }
  if (auto dot = dyn_cast<tile::DotOp>(op))
    return unite(dot.getC(), dot.getResult());
  if (!isElementwise(op) || insideCombine(op) || !op->getNumResults() || !isTileValue(op->getResult(0)) ||
      isFree(op->getResult(0)))
    return;
  for (Value operand : op->getOperands())
    if (isTileValue(operand))
      unite(op->getResult(0), operand);
}

unsigned LayoutGraph::addNode(ArrayRef<int64_t> shape) {
  nodes.emplace_back();
  nodes.back().shape.assign(shape.begin(), shape.end());
  return unsigned(nodes.size() - 1);
}

unsigned LayoutGraph::nodeOfValue(Value value) const {
  void *key = value.getAsOpaquePointer();
  auto leader = classes.findLeader(key);
  auto it = valueNodes.find(leader == classes.member_end() ? key : *leader);
  return it == valueNodes.end() ? none : it->second;
}

double LayoutGraph::frequency(Operation *op) const {
  double times = 1;
  for (Operation *up = op->getParentOp(); up && !isa<func::FuncOp>(up); up = up->getParentOp()) {
    if (isa<scf::IfOp>(up))
      times *= 0.5;
    if (isa<scf::WhileOp>(up))
      times *= 8;
    auto loop = dyn_cast<scf::ForOp>(up);
    if (!loop)
      continue;
    APInt lower, upper, step;
    if (matchPattern(loop.getLowerBound(), m_ConstantInt(&lower)) &&
        matchPattern(loop.getUpperBound(), m_ConstantInt(&upper)) &&
        matchPattern(loop.getStep(), m_ConstantInt(&step)) && step.getSExtValue() > 0)
      times *= double(std::clamp<int64_t>(
          llvm::divideCeil(std::max<int64_t>(0, upper.getSExtValue() - lower.getSExtValue()),
                           step.getSExtValue()),
          1, 1024));
    else
      times *= 8;
  }
  return times;
}

//===----------------------------------------------------------------------===//
// Edges
//===----------------------------------------------------------------------===//

/// The node that says where a tile lies, and how; null: just as the node's layout.
std::pair<unsigned, LayoutGraph::Wanted> LayoutGraph::producer(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op || !hasOwnNode(op))
    return {nodeOfValue(value), Wanted()};
  unsigned node = opNodes.lookup(op);
  if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
    unsigned axis = reduce.getAxis();
    return {node, [axis](const Layout &layout) -> std::optional<Layout> {
              return layout.sliced(axis).removeZeroRegisters().layout;
            }};
  }
  if (isa<tile::CatOp>(op)) {
    ArrayRef<int64_t> shape = tile::shapeOf(value.getType());
    return {node, [this, shape](const Layout &layout) -> std::optional<Layout> {
              // Pads between the two: they go through memory.
              return 2 * layout.dims()[0].extent() == shape[0] ? layout.cat() : plain(shape);
            }};
  }
  return {node, Wanted()};
}

/// `node` wants `value` in the layout that `wanted` derives from its own.
void LayoutGraph::want(Value value, unsigned node, Wanted wanted) {
  if (!isTileValue(value) || isFree(value))
    return;
  Operation *op = value.getDefiningOp();
  if (op && isView(op)) {
    for (Value source : op->getOperands())
      want(source, node, [op, value, wanted](const Layout &layout) -> std::optional<Layout> {
        std::optional<Layout> mine = wanted ? wanted(layout) : layout;
        return mine ? sourceLayout(op, value, *mine) : std::nullopt;
      });
    return;
  }
  unsigned bits = tile::memoryBits(tile::elementType(value.getType()));
  auto [from, made] = producer(value);
  if (from == node && !wanted && !made)
    return;
  // A change of layout stands right behind the tile (AssignLayouts.cpp), so outside of loops that only read it.
  Operation *place = op ? op : &cast<BlockArgument>(value).getOwner()->front();
  edges.push_back({from, node, std::move(wanted), std::move(made), bits, frequency(place)});
}

void LayoutGraph::addNodes(Operation *op) {
  if (insideCombine(op))
    return;
  auto valueNode = [&](Value value) {
    if (!isTileValue(value) || isFree(value) || isSeparate(value))
      return;
    void *key = value.getAsOpaquePointer();
    auto leader = classes.findLeader(key);
    auto [slot, isNew] = valueNodes.try_emplace(leader == classes.member_end() ? key : *leader, none);
    if (isNew)
      slot->second = addNode(tile::shapeOf(value.getType()));
    if (op->getNumRegions() == 0)
      nodes[slot->second].elementWork += frequency(op);
    if (isa<tile::DotOp>(op))
      nodes[slot->second].anchors.push_back(op);
  };
  if (!hasOwnNode(op))
    for (Region &region : op->getRegions())
      for (Value argument : region.getArguments())
        valueNode(argument);
  for (Value result : op->getResults())
    valueNode(result);
  auto shaped = llvm::find_if(op->getOperands(), isTileValue);
  if (hasOwnNode(op) && shaped != op->operand_end()) {
    opNodes[op] = addNode(tile::shapeOf((*shaped).getType()));
    nodes.back().anchors.push_back(op);
  }
}

void LayoutGraph::connectOp(Operation *op) {
  if (insideCombine(op))
    return;
  if (op->getNumRegions() && !hasOwnNode(op))
    return connectControl(op);
  if (auto dot = dyn_cast<tile::DotOp>(op))
    return connectDot(dot);
  auto own = opNodes.find(op);
  unsigned node = own != opNodes.end()                                   ? own->second
                  : op->getNumResults() && isTileValue(op->getResult(0)) ? nodeOfValue(op->getResult(0))
                                                                         : none;
  if (node == none || isView(op))
    return;
  for (Value operand : op->getOperands())
    // A print may have tiles of several shapes: each is printed as it lies.
    if (isTileValue(operand) && ArrayRef<int64_t>(nodes[node].shape) == tile::shapeOf(operand.getType()))
      want(operand, node);
}

void LayoutGraph::connectControl(Operation *op) {
  auto into = [&](Value from, Value to) {
    if (isTileValue(to))
      want(from, nodeOfValue(to));
  };
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    for (auto [arg, init, yielded] :
         llvm::zip(loop.getRegionIterArgs(), loop.getInitArgs(), loop.getYieldedValues())) {
      into(init, arg);
      if (isTileValue(arg))
        want(yielded, nodeOfValue(arg));
    }
  } else if (auto loop = dyn_cast<scf::WhileOp>(op)) {
    for (auto [arg, init, yielded] :
         llvm::zip(loop.getBeforeArguments(), loop.getInits(), loop.getYieldedValues())) {
      into(init, arg);
      into(yielded, arg);
    }
    for (auto [arg, passed] : llvm::zip(loop.getAfterArguments(), loop.getConditionOp().getArgs()))
      into(passed, arg);
  } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
    for (Region *region : branch.getRegions())
      if (!region->empty())
        for (auto [result, yielded] :
             llvm::zip(branch.getResults(), region->front().getTerminator()->getOperands()))
          into(yielded, result);
  }
}

void LayoutGraph::connectDot(tile::DotOp op) {
  std::vector<DotPlan> &plan = plans[op] = target.dotPlans(op, warps);
  unsigned node = nodeOfValue(op.getResult());
  want(op.getC(), node);
  auto operand = [&plan](layout::Layout DotPlan::*which) {
    return [&plan, which](const Layout &layout) -> std::optional<Layout> {
      for (const DotPlan &each : plan)
        if (each.c == layout)
          return each.*which;
      return std::nullopt;
    };
  };
  want(op.getA(), node, operand(&DotPlan::a));
  want(op.getB(), node, operand(&DotPlan::b));
}

//===----------------------------------------------------------------------===//
// Answers
//===----------------------------------------------------------------------===//

layout::Layout LayoutGraph::layoutOf(Value value) const {
  auto [node, made] = producer(value);
  const Layout &layout = chosen(node);
  return made ? *made(layout) : layout;
}

const layout::Layout &LayoutGraph::layoutOf(Operation *op) const { return chosen(opNodes.lookup(op)); }

const DotPlan &LayoutGraph::dotPlan(tile::DotOp op) const {
  const Layout &layout = chosen(nodeOfValue(op.getResult()));
  const std::vector<DotPlan> &all = plans.find(op)->second;
  return *llvm::find_if(all, [&](const DotPlan &plan) { return plan.c == layout; });
}

void LayoutGraph::solve() {
  addAnchors();
  propagate();
  Pbqp problem;
  for (const Node &node : nodes) {
    std::vector<double> costs;
    for (const Layout &layout : node.candidates)
      costs.push_back(nodeCost(node, layout));
    problem.addNode(std::move(costs));
  }
  for (const Edge &edge : edges) {
    if (edge.from == edge.to)
      continue;
    std::vector<double> costs;
    for (const Layout &from : nodes[edge.from].candidates)
      for (const Layout &to : nodes[edge.to].candidates)
        costs.push_back(edgeCost(edge, from, to));
    problem.addEdge(edge.from, edge.to, costs);
  }
  for (auto [node, chosen] : llvm::zip(nodes, problem.solve()))
    node.chosen = chosen;
}

} // namespace tegula::passes
