//===- LayoutGraph.h - which layouts a kernel's tiles may have, and what each costs ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Nodes are layouts to choose: one for all tiles that element-wise operations and loops join, one for each load, store,
// reduction, scan. Edges say that a tile made in one layout is wanted in another, derived through shape operations: what
// costs nothing, a shuffle, or a round through shared memory.
//
//     %x = load %p            node x            candidates: coalesced, by vectors of 16 and 8 bytes
//     %m = reduce(%x)         node reduce       edge x -> reduce; its result lies as the slice of that layout
//     %e = exp(%x - %m[:, None])                node e: edges x -> e and, through broadcast, m -> e
//     store %q, %e            node store        edge e -> store
//
// Tiles that cost little to compute anew (ranges, constants, pointers made of these) are no nodes: each use computes them
// in the layout that it has.
//

#pragma once

#include "ir/GpuTarget.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/EquivalenceClasses.h"

#include <functional>
#include <map>

namespace tegula::passes {

class AxisInfo;

/// What a memory operation wants: the order of dimensions from the most contiguous on, and how many elements along the
/// first may be read or written at once.
struct AccessFacts {
  llvm::SmallVector<unsigned, 4> order;
  unsigned width = 1;
  unsigned bits = 32;        ///< of an element in memory
  unsigned maskRun = 1;      ///< elements along the first dimension, aligned, for which the mask is the same
  bool isDistinct = false;   ///< no two elements have one address
  bool maskIsPrefix = false; ///< along it the mask is true up to a border

  tile::MaskKind maskKind(unsigned vector) const {
    return maskRun >= vector ? tile::MaskKind::Uniform
           : maskIsPrefix    ? tile::MaskKind::Prefix
                             : tile::MaskKind::Any;
  }
};
using AllAccessFacts = llvm::DenseMap<mlir::Operation *, AccessFacts>;
AllAccessFacts findAccessFacts(mlir::func::FuncOp kernel);

class LayoutGraph {
public:
  using Layout = layout::Layout;
  static constexpr unsigned none = ~0u;

  LayoutGraph(mlir::func::FuncOp kernel, const GpuTarget &target, unsigned warps, AllAccessFacts facts);

  /// Chooses a layout for every node.
  void solve();

  /// Whether the tile is computed anew in every layout that it is wanted in.
  bool isFree(mlir::Value value) const { return free.contains(value); }
  /// Whether the tile is another view of its operand: expand_dims, broadcast, trans, reshape, join, split.
  static bool isView(mlir::Operation *op);
  /// Whether the operation wants its operands in a layout that is chosen for it alone.
  static bool hasOwnNode(mlir::Operation *op);
  /// The layout that a view's operand must have for the view to have `layout`; none: there is no such layout.
  static std::optional<Layout> sourceLayout(mlir::Operation *view, mlir::Value result, const Layout &layout);

  /// The chosen layout of a tile that has a node, and of the operation that wants its operands in one.
  Layout layoutOf(mlir::Value value) const;
  const Layout &layoutOf(mlir::Operation *op) const;
  const DotPlan &dotPlan(tile::DotOp op) const;
  /// Row-major over all threads.
  Layout plain(llvm::ArrayRef<int64_t> shape) const;
  const AccessFacts &accessFacts(mlir::Operation *op) const { return facts.find(op)->second; }

private:
  using Wanted = std::function<std::optional<Layout>(const Layout &)>;

  struct Node {
    llvm::SmallVector<int64_t, 4> shape;
    llvm::SmallVector<Layout, 8> candidates;
    llvm::SmallVector<mlir::Operation *, 2> anchors; ///< operations whose cost depends on the layout
    double elementWork = 0; ///< operations an element, weighted by how often they run
    unsigned chosen = 0;
  };
  /// A tile made in the layout of node `from` is wanted by node `to`.
  struct Edge {
    unsigned from, to;
    Wanted wanted; ///< the layout that the tile must have for `to` to have the given one; null: that one
    Wanted made;   ///< the layout that the tile has when `from` has the given one; null: that one
    unsigned bits; ///< of an element
    double frequency;
  };

  // Building: what is free, which tiles are one node, which nodes are joined by edges.
  void findFree();
  bool computedAnew(mlir::Operation *op) const;
  bool isSeparate(mlir::Value value) const;
  void unite(mlir::Value a, mlir::Value c);
  void uniteOp(mlir::Operation *op);
  void addNodes(mlir::Operation *op);
  void connectOp(mlir::Operation *op);
  void connectDot(tile::DotOp op);
  void connectControl(mlir::Operation *op);
  void want(mlir::Value value, unsigned node, Wanted wanted = {});
  unsigned addNode(llvm::ArrayRef<int64_t> shape);
  unsigned nodeOfValue(mlir::Value value) const;
  std::pair<unsigned, Wanted> producer(mlir::Value value) const;
  const Layout &chosen(unsigned node) const { return nodes[node].candidates[nodes[node].chosen]; }
  double frequency(mlir::Operation *op) const;

  // Candidates.
  void addAnchors();
  bool addCandidate(unsigned node, const Layout &layout);
  void addMemoryCandidates(unsigned node, mlir::Operation *op);
  void propagate();
  Layout blocked(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<unsigned> order, unsigned perThread) const;

  // Costs, in issue cycles of a warp.
  double nodeCost(const Node &node, const Layout &layout) const;
  double accessCost(mlir::Operation *op, const Layout &layout) const;
  double axisCost(mlir::Operation *op, const Layout &layout) const;
  double edgeCost(const Edge &edge, const Layout &from, const Layout &to) const;

  mlir::func::FuncOp kernel;
  const GpuTarget &target;
  unsigned warps, warpBits;
  llvm::DenseSet<mlir::Value> free;
  llvm::EquivalenceClasses<void *> classes;
  llvm::DenseMap<void *, unsigned> valueNodes; ///< by the leader of the class
  llvm::DenseMap<mlir::Operation *, unsigned> opNodes;
  std::vector<Node> nodes;
  std::vector<Edge> edges;
  AllAccessFacts facts;
  std::map<mlir::Operation *, std::vector<DotPlan>> plans;
};

} // namespace tegula::passes
