//===- Costs.cpp - issue cycles that a layout costs ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/Conversion.h"
#include "passes/SharedRoom.h"
#include "passes/layouts/LayoutGraph.h"

using namespace mlir;

namespace tegula::passes {

using layout::Input;

/// Registers of a thread that are not copies of another.
static double ownRegisters(const layout::Layout &layout) {
  return layout.majors() *
         double(1u << (layout.inBits(Input::Register) - std::popcount(layout.freeBits()[Input::Register])));
}

/// Requests of a warp, and 32-byte sectors of them: what the load and store unit spends.
double LayoutGraph::accessCost(Operation *op, const Layout &layout) const {
  const AccessFacts &access = facts.find(op)->second;
  unsigned inner = access.order.empty() ? 0 : access.order[0];
  unsigned vector = std::min(access.width, layout.contiguousRegisters(inner));
  unsigned bytes = vector * access.bits / 8;
  // Runs of lanes that go on along the contiguous dimension.
  unsigned unit = vector;
  unsigned run = 1;
  for (uint32_t basis : layout.bases(Input::Lane)) {
    if (basis >> layout.shift(inner) != unit || (basis & ~layout.mask(inner)))
      break;
    run *= 2, unit *= 2;
  }
  unsigned lanes = 1u << (layout.inBits(Input::Lane) - std::popcount(layout.freeBits()[Input::Lane]));
  double runs = std::max(1.0, double(lanes) / run);
  double sectors = runs * std::max(1.0, double(std::min(run, lanes) * bytes) / 32);
  double requests = ownRegisters(layout) / vector;
  // A sector of 32 bytes takes the second-level cache of an A100 half a cycle a multiprocessor (64 bytes a cycle), which
  // four partitions share.
  constexpr double cyclesPerSector = 4;
  return requests * (1 + cyclesPerSector * sectors);
}

/// In-thread combinations, shuffles, a round through shared memory if several warps share the axis.
double LayoutGraph::axisCost(Operation *op, const Layout &layout) const {
  unsigned axis = op->getAttrOfType<IntegerAttr>("axis").getInt();
  uint32_t mask = layout.mask(axis);
  auto along = [&](Input input) {
    return llvm::count_if(layout.bases(input), [&](uint32_t basis) { return basis & mask; });
  };
  double rows = ownRegisters(layout);
  for (int i = 0; i < along(Input::Register); ++i)
    rows /= 2;
  double cost = ownRegisters(layout) + rows * 3 * double(along(Input::Lane));
  if (along(Input::Warp))
    cost += 40 + rows * 4;
  return cost * double(op->getNumOperands());
}

double LayoutGraph::nodeCost(const Node &node, const Layout &layout) const {
  double cost = node.elementWork * layout.registers();
  for (Operation *op : node.anchors) {
    double each = 0;
    if (isa<tile::LoadOp, tile::StoreOp, tile::AtomicRmwOp, tile::AtomicCasOp>(op))
      each = accessCost(op, layout);
    else if (isa<tile::ReduceOp, tile::ScanOp>(op))
      each = axisCost(op, layout);
    else if (auto dot = dyn_cast<tile::DotOp>(op)) {
      const std::vector<DotPlan> &all = plans.find(op)->second;
      auto plan = llvm::find_if(all, [&](const DotPlan &plan) { return plan.c == layout; });
      each = plan == all.end() ? 1e9 : plan->cycles; // a product is computed in a layout of the matrix unit
    }
    cost += frequency(op) * each;
  }
  return cost;
}

double LayoutGraph::edgeCost(const Edge &edge, const Layout &from, const Layout &to) const {
  std::optional<Layout> made = edge.made ? edge.made(from) : from;
  std::optional<Layout> wanted = edge.wanted ? edge.wanted(to) : to;
  if (!made || !wanted) // element by element through shared memory
    return edge.frequency * double(60 + 4 * (from.registers() + to.registers()));
  if (*made == *wanted)
    return 0;
  layout::Conversion plan = layout::planConversion(*made, *wanted, edge.bits);
  unsigned cycles = plan.cost.cycles();
  if (plan.kind == layout::Conversion::Kind::Shared) // as PlanLowering makes room for it
    cycles = roomCycles(*made, *wanted, edge.bits, target);
  return edge.frequency * double(1 + cycles);
}

} // namespace tegula::passes
