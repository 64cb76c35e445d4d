//===- AxisClaims.h - every claim of the axis analysis, checked while a kernel runs ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/reference/Block.h"
#include "passes/AxisInfo.h"

#include <map>
#include <string>
#include <vector>

namespace tegula::test {

/// How often something was claimed that says anything, so that a test can ask that it is not empty.
struct ClaimCounts {
  int64_t values = 0, runs = 0, usualRuns = 0, ranges = 0, noWraps = 0, uniform = 0, interior = 0, split = 0,
          needs = 0, vectors = 0, terms = 0, alwaysTrue = 0, refined = 0, obligations = 0;
};

/// Asks an analysis everything about a kernel, then watches a run of the reference device.
class AxisClaims {
public:
  explicit AxisClaims(mlir::func::FuncOp kernel);
  /// Runs one program; `slots` are the arguments. False where an `assume` did not hold, so that nothing is claimed.
  bool run(std::array<int64_t, 3> program, std::array<int64_t, 3> grid, const std::vector<uint64_t> &slots);

  std::vector<std::string> failures; ///< of all runs
  ClaimCounts counts;

private:
  using Block = reference::Block;
  struct VectorClaim {
    unsigned dim, width;
    passes::Tier tier;
    passes::Needs needs;
  };
  struct MaskClaims {
    bool alwaysTrue, alwaysFalse;
    passes::MaskFacts facts;
    std::optional<passes::Condition> interior;
    mlir::Value materialised; ///< i1, of the same
    std::vector<VectorClaim> uniform;
    mlir::scf::ForOp loop;
    mlir::Value cut;
  };

  void prepare();
  void prepareMask(mlir::Value mask);
  void observe(mlir::Value value, const Block &block);
  void checkFacts(mlir::Value value, const passes::Facts &facts, const Block &block, const char *what);
  void checkRuns(mlir::Value value, const passes::Facts &facts, llvm::ArrayRef<passes::Run> runs,
                 const Block &block, const char *what, int64_t &count);
  void checkWrap(mlir::Operation *op, const Block &result);
  void checkVectors(mlir::Value pointers, const Block &block);
  void checkMask(mlir::Value mask, const Block &block);
  void noteObligations(mlir::Operation *op);
  bool obligationHolds(const passes::Obligation &obligation);
  bool hold(const passes::Needs &needs);
  bool holds(const passes::Condition &condition);
  __int128 numberOf(const passes::Polynomial &polynomial);
  __int128 scalar(mlir::Value value);
  bool isUniform(const Block &block, unsigned dim, unsigned width);
  void fail(mlir::Value value, const std::string &why);

  mlir::func::FuncOp kernel;
  passes::AxisInfo info;
  llvm::DenseMap<mlir::Value, std::vector<VectorClaim>> vectors;
  llvm::DenseMap<mlir::Value, MaskClaims> masks;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<passes::Obligation>> usualRests;
  llvm::DenseMap<mlir::Operation *,
                 std::vector<std::pair<passes::Obligation, std::optional<passes::Condition>>>>
      obligations;
  llvm::DenseSet<mlir::Value> assumed;

  // Of one run
  llvm::DenseMap<mlir::Value, Block> last;
  std::vector<passes::Obligation> broken;
  bool isVoid = false;
};

/// The text of a random kernel: integers, masks and addresses in every shape, loops and branches.
struct RandomKernel {
  struct Argument {
    std::string type; ///< "i32", "i64", "ptr"
    int64_t divisor = 1, min = INT64_MIN, max = INT64_MAX;
  };
  std::string text;
  std::vector<Argument> arguments;
};
RandomKernel randomKernel(uint64_t seed);

} // namespace tegula::test
