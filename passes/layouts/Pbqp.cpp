//===- Pbqp.cpp - choose one alternative a node at the least total cost ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/layouts/Pbqp.h"

#include <algorithm>
#include <cassert>
#include <map>

namespace tegula::passes {

unsigned Pbqp::addNode(std::vector<Cost> costs) {
  assert(!costs.empty());
  nodes.push_back(std::move(costs));
  return unsigned(nodes.size() - 1);
}

void Pbqp::addEdge(unsigned a, unsigned b, const std::vector<Cost> &costs) {
  assert(a != b && costs.size() == nodes[a].size() * nodes[b].size());
  edges.push_back({a, b, costs});
}

Pbqp::Cost Pbqp::total(const std::vector<unsigned> &choice) const {
  Cost sum = 0;
  for (size_t n = 0; n < nodes.size(); ++n)
    sum += nodes[n][choice[n]];
  for (const Edge &edge : edges)
    sum += edge.costs[choice[edge.a] * nodes[edge.b].size() + choice[edge.b]];
  return sum;
}

/// The problem while it is taken apart. Between two nodes there is at most one matrix.
class Pbqp::Reducer {
public:
  explicit Reducer(const Pbqp &problem) : costs(problem.nodes), joined(problem.nodes.size()) {
    for (const Edge &edge : problem.edges)
      join(edge.a, edge.b, edge.costs);
  }

  std::vector<unsigned> run() {
    std::vector<bool> done(costs.size());
    for (size_t left = costs.size(); left; --left) {
      unsigned node = pick(done);
      done[node] = true;
      order.push_back({node, joined[node]});
      reduce(node);
    }
    // The last node taken out saw all of its neighbours' decisions folded in; going back, each sees them made.
    std::vector<unsigned> choice(costs.size());
    for (auto step = order.rbegin(); step != order.rend(); ++step)
      choice[step->node] = best(step->node, step->neighbours, choice);
    return choice;
  }

private:
  using Matrix = std::vector<Cost>; ///< rows: the owner's alternatives
  using Neighbours = std::map<unsigned, Matrix>;
  struct Step {
    unsigned node;
    Neighbours neighbours;
  };

  size_t size(unsigned node) const { return costs[node].size(); }

  void join(unsigned a, unsigned b, const Matrix &matrix) {
    Matrix &there = joined[a][b], &back = joined[b][a];
    there.resize(matrix.size());
    back.resize(matrix.size());
    for (size_t i = 0; i < size(a); ++i)
      for (size_t j = 0; j < size(b); ++j) {
        there[i * size(b) + j] += matrix[i * size(b) + j];
        back[j * size(a) + i] += matrix[i * size(b) + j];
      }
  }

  /// The node with the fewest neighbours, up to two; else the one that matters most.
  unsigned pick(const std::vector<bool> &done) const {
    unsigned found = ~0u;
    for (unsigned n = 0; n < costs.size(); ++n)
      if (!done[n] && (found == ~0u || joined[n].size() < joined[found].size()))
        found = n;
    if (joined[found].size() <= 2)
      return found;
    Cost most = -1;
    for (unsigned n = 0; n < costs.size(); ++n) {
      if (done[n])
        continue;
      std::vector<Cost> each = atBest(n);
      std::sort(each.begin(), each.end());
      Cost regret = each.size() > 1 ? each[1] - each[0] : 0;
      if (regret > most)
        most = regret, found = n;
    }
    return found;
  }

  /// The cost of each alternative when every neighbour answers with its own best.
  std::vector<Cost> atBest(unsigned node) const {
    std::vector<Cost> each = costs[node];
    for (const auto &[other, matrix] : joined[node])
      for (size_t i = 0; i < size(node); ++i) {
        Cost least = matrix[i * size(other)] + costs[other][0];
        for (size_t j = 1; j < size(other); ++j)
          least = std::min(least, matrix[i * size(other) + j] + costs[other][j]);
        each[i] += least;
      }
    return each;
  }

  void reduce(unsigned node) {
    Neighbours neighbours = std::move(joined[node]);
    joined[node].clear();
    for (const auto &[other, matrix] : neighbours)
      joined[other].erase(node);
    if (neighbours.size() == 1)
      foldInto(node, *neighbours.begin());
    else if (neighbours.size() == 2)
      foldBetween(node, *neighbours.begin(), *std::next(neighbours.begin()));
    else if (neighbours.size() > 2)
      decide(node, neighbours);
  }

  void foldInto(unsigned node, const std::pair<const unsigned, Matrix> &neighbour) {
    const auto &[other, matrix] = neighbour;
    for (size_t j = 0; j < size(other); ++j) {
      Cost least = costs[node][0] + matrix[j];
      for (size_t i = 1; i < size(node); ++i)
        least = std::min(least, costs[node][i] + matrix[i * size(other) + j]);
      costs[other][j] += least;
    }
  }

  void foldBetween(unsigned node, const std::pair<const unsigned, Matrix> &first,
                   const std::pair<const unsigned, Matrix> &second) {
    const auto &[a, toA] = first;
    const auto &[b, toB] = second;
    Matrix between(size(a) * size(b));
    for (size_t j = 0; j < size(a); ++j)
      for (size_t k = 0; k < size(b); ++k) {
        Cost least = costs[node][0] + toA[j] + toB[k];
        for (size_t i = 1; i < size(node); ++i)
          least = std::min(least, costs[node][i] + toA[i * size(a) + j] + toB[i * size(b) + k]);
        between[j * size(b) + k] = least;
      }
    join(a, b, between);
  }

  /// The best guess is final: its pair costs become costs of the neighbours.
  void decide(unsigned node, const Neighbours &neighbours) {
    joined[node] = neighbours;
    std::vector<Cost> each = atBest(node);
    joined[node].clear();
    size_t chosen = size_t(std::min_element(each.begin(), each.end()) - each.begin());
    for (const auto &[other, matrix] : neighbours)
      for (size_t j = 0; j < size(other); ++j)
        costs[other][j] += matrix[chosen * size(other) + j];
    decided[node] = unsigned(chosen);
  }

  unsigned best(unsigned node, const Neighbours &neighbours, const std::vector<unsigned> &choice) const {
    if (auto known = decided.find(node); known != decided.end())
      return known->second;
    unsigned found = 0;
    Cost least = 0;
    for (unsigned i = 0; i < size(node); ++i) {
      Cost cost = costs[node][i];
      for (const auto &[other, matrix] : neighbours)
        cost += matrix[i * size(other) + choice[other]];
      if (i == 0 || cost < least)
        least = cost, found = i;
    }
    return found;
  }

  std::vector<std::vector<Cost>> costs;
  std::vector<Neighbours> joined;
  std::vector<Step> order;
  std::map<unsigned, unsigned> decided;
};

std::vector<unsigned> Pbqp::solve() const {
  std::vector<unsigned> choice = Reducer(*this).run();
  // Decisions of RN may be off: move single nodes as long as that helps.
  std::vector<std::vector<size_t>> edgesOf(nodes.size());
  for (size_t e = 0; e < edges.size(); ++e) {
    edgesOf[edges[e].a].push_back(e);
    edgesOf[edges[e].b].push_back(e);
  }
  auto costAt = [&](unsigned node, unsigned alternative) {
    Cost cost = nodes[node][alternative];
    for (size_t e : edgesOf[node]) {
      const Edge &edge = edges[e];
      unsigned i = edge.a == node ? alternative : choice[edge.a];
      unsigned j = edge.b == node ? alternative : choice[edge.b];
      cost += edge.costs[i * nodes[edge.b].size() + j];
    }
    return cost;
  };
  for (bool improved = true; improved;) {
    improved = false;
    for (unsigned n = 0; n < nodes.size(); ++n)
      for (unsigned i = 0; i < nodes[n].size(); ++i)
        if (costAt(n, i) < costAt(n, choice[n]) - 1e-9) {
          choice[n] = i;
          improved = true;
        }
  }
  return choice;
}

} // namespace tegula::passes
