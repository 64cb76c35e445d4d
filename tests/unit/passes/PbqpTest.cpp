//===- PbqpTest.cpp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/layouts/Pbqp.h"

#include <gtest/gtest.h>

#include <random>

using tegula::passes::Pbqp;

namespace {

/// Random costs; edges where `joined` says so.
struct Problem {
  Pbqp pbqp;
  std::vector<unsigned> sizes;

  template <typename Joined> Problem(unsigned seed, unsigned nodes, Joined joined) {
    std::mt19937 random(seed);
    auto cost = [&] { return double(random() % 20); };
    for (unsigned n = 0; n < nodes; ++n) {
      sizes.push_back(1 + random() % 4);
      std::vector<double> costs(sizes[n]);
      for (double &c : costs)
        c = cost();
      pbqp.addNode(costs);
    }
    for (unsigned a = 0; a < nodes; ++a)
      for (unsigned b = 0; b < a; ++b)
        if (joined(a, b, random)) {
          std::vector<double> costs(sizes[a] * sizes[b]);
          for (double &c : costs)
            c = cost();
          pbqp.addEdge(a, b, costs);
        }
  }

  double least() const {
    std::vector<unsigned> choice(sizes.size());
    double best = pbqp.total(choice);
    for (;;) {
      size_t n = 0;
      while (n < sizes.size() && ++choice[n] == sizes[n])
        choice[n++] = 0;
      if (n == sizes.size())
        return best;
      best = std::min(best, pbqp.total(choice));
    }
  }
};

TEST(PbqpTest, TreesAreSolvedExactly) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Problem p(seed, 7, [](unsigned a, unsigned b, auto &) { return b == (a - 1) / 2; });
    EXPECT_EQ(p.pbqp.total(p.pbqp.solve()), p.least()) << "seed " << seed;
  }
}

TEST(PbqpTest, CyclesAreSolvedExactly) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Problem p(seed, 6, [](unsigned a, unsigned b, auto &) { return a == b + 1 || (a == 5 && b == 0); });
    EXPECT_EQ(p.pbqp.total(p.pbqp.solve()), p.least()) << "seed " << seed;
  }
}

TEST(PbqpTest, DenseGraphsComeClose) {
  double found = 0, least = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    Problem p(seed, 6, [](unsigned, unsigned, auto &random) { return random() % 3 != 0; });
    double total = p.pbqp.total(p.pbqp.solve());
    EXPECT_GE(total, p.least());
    found += total, least += p.least();
  }
  EXPECT_LE(found, least * 1.05);
}

TEST(PbqpTest, ParallelEdgesAddUp) {
  Pbqp p;
  p.addNode({0, 0});
  p.addNode({0, 0});
  p.addEdge(0, 1, {0, 5, 5, 3});
  p.addEdge(1, 0, {4, 0, 0, 0});
  EXPECT_EQ(p.total(p.solve()), 3);
}

} // namespace
