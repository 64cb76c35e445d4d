//===- Candidates.cpp - layouts that a node may take, from the operations that care ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/layouts/LayoutGraph.h"

#include <numeric>

using namespace mlir;

namespace tegula::passes {

static constexpr size_t mostCandidates = 8;

/// Lanes and warps along `order[0]` first, `perThread` consecutive elements along it in a thread. Extents with an odd
/// factor keep it in registers if the even part is enough for the threads; they are padded else.
layout::Layout LayoutGraph::blocked(ArrayRef<int64_t> shape, ArrayRef<unsigned> order,
                                    unsigned perThread) const {
  layout::Dims dims = layout::fitDims(shape);
  SmallVector<uint32_t> vector(shape.size(), 1);
  vector[order[0]] = std::min<uint32_t>(perThread, 1u << dims[order[0]].bits);
  return Layout::distributed(dims, vector, order, target.laneBits, warpBits);
}

layout::Layout LayoutGraph::plain(ArrayRef<int64_t> shape) const {
  SmallVector<unsigned> order(shape.size());
  std::iota(order.rbegin(), order.rend(), 0);
  return blocked(shape, order, 1);
}

bool LayoutGraph::addCandidate(unsigned node, const Layout &layout) {
  auto &list = nodes[node].candidates;
  if (list.size() >= mostCandidates || llvm::is_contained(list, layout))
    return false;
  for (auto [dim, extent] : llvm::zip(layout.dims(), nodes[node].shape))
    if (dim.extent() < extent)
      return false;
  list.push_back(layout);
  return true;
}

void LayoutGraph::addMemoryCandidates(unsigned node, Operation *op) {
  const AccessFacts &access = facts[op];
  unsigned widest = std::max(1u, std::min(access.width, target.vectorBytes * 8 / access.bits));
  addCandidate(node, blocked(nodes[node].shape, access.order, widest));
  if (widest > 1)
    addCandidate(node, blocked(nodes[node].shape, access.order, widest / 2));
}

void LayoutGraph::addAnchors() {
  for (unsigned n = 0; n < nodes.size(); ++n)
    for (Operation *op : nodes[n].anchors) {
      if (auto dot = dyn_cast<tile::DotOp>(op)) {
        for (const DotPlan &plan : plans[op])
          addCandidate(n, plan.c);
      } else if (isa<tile::LoadOp, tile::StoreOp, tile::AtomicRmwOp, tile::AtomicCasOp>(op)) {
        addMemoryCandidates(n, op);
      } else if (isa<tile::ReduceOp, tile::ScanOp>(op)) {
        // The axis within a thread first, then within a warp.
        unsigned axis = op->getAttrOfType<IntegerAttr>("axis").getInt();
        SmallVector<unsigned> order{axis};
        for (unsigned d = nodes[n].shape.size(); d-- > 0;)
          if (d != axis)
            order.push_back(d);
        addCandidate(n, blocked(nodes[n].shape, order, 1));
        addCandidate(n, blocked(nodes[n].shape, order, 4));
      }
    }
}

/// Candidates go along edges until nothing new turns up; nodes that nothing reached get the row-major one.
void LayoutGraph::propagate() {
  auto spread = [&] {
    for (bool changed = true; changed;) {
      changed = false;
      for (const Edge &edge : edges) {
        for (size_t i = 0; i < nodes[edge.to].candidates.size() && !edge.made; ++i) {
          Layout layout = nodes[edge.to].candidates[i];
          std::optional<Layout> wanted = edge.wanted ? edge.wanted(layout) : layout;
          if (wanted)
            changed |= addCandidate(edge.from, wanted->removeZeroRegisters().layout);
        }
        for (size_t i = 0; i < nodes[edge.from].candidates.size() && !edge.wanted; ++i) {
          Layout layout = nodes[edge.from].candidates[i];
          if (std::optional<Layout> made = edge.made ? edge.made(layout) : layout)
            changed |= addCandidate(edge.to, *made);
        }
      }
    }
  };
  spread();
  for (unsigned n = 0; n < nodes.size(); ++n) {
    if (!nodes[n].candidates.empty())
      continue;
    addCandidate(n, plain(nodes[n].shape));
    spread();
  }
}

} // namespace tegula::passes
