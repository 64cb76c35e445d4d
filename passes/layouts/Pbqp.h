//===- Pbqp.h - choose one alternative a node at the least total cost ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A partitioned boolean quadratic problem: every node takes one of its alternatives, an alternative has a cost, a pair of
// alternatives of two joined nodes has one. Nodes with one or two neighbours are folded into them without loss (R1, R2),
// which solves trees and series-parallel graphs exactly; where only nodes with more neighbours are left, the one whose
// best and second best alternatives differ most is decided by what its neighbours would do at best (RN). What was
// decided is then improved one node at a time. Scholz and Eckstein, "Register allocation for irregular architectures",
// 2002, name the reductions.
//
//===----------------------------------------------------------------------===//

#pragma once

#include <cstdint>
#include <vector>

namespace tegula::passes {

class Pbqp {
public:
  using Cost = double;

  /// Returns the node's number.
  unsigned addNode(std::vector<Cost> costs);
  /// Adds to the costs of pairs; `costs` is row-major, alternatives of `a` times alternatives of `b`.
  void addEdge(unsigned a, unsigned b, const std::vector<Cost> &costs);

  /// The alternative of each node.
  std::vector<unsigned> solve() const;
  Cost total(const std::vector<unsigned> &choice) const;

private:
  struct Edge {
    unsigned a, b;
    std::vector<Cost> costs;
  };
  class Reducer;

  std::vector<std::vector<Cost>> nodes;
  std::vector<Edge> edges;
};

} // namespace tegula::passes
