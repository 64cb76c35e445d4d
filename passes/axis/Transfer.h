//===- Transfer.h - what an operation makes of facts ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "passes/AxisInfo.h"

namespace tegula::passes {

/// One operation at work: facts of its operands in, facts of its results out (they begin as unknown).
struct Transfer {
  mlir::Operation *op;
  llvm::ArrayRef<const Facts *> in;
  llvm::MutableArrayRef<Facts> out;
  llvm::SmallVectorImpl<Obligation> &obligations; ///< what the usual tier of the results rests on
  const AxisInfo::Options &options;

  Facts &result() { return out[0]; }
  const Facts &operand(unsigned i) const { return *in[i]; }
};

/// Fills `out`. Operations without a rule of their own keep unknown facts, element-wise ones runs of equal elements.
void transfer(Transfer &t);

/// The runs of a result, by tier. `make` is asked for each dimension; it may rest on a condition that is not proved.
class Tiered {
public:
  explicit Tiered(Transfer &t) : t(t) {}

  /// True when `isProved`, and in the usual tier, which then rests on the obligation.
  bool holds(bool isProved, Obligation::Kind kind, unsigned operand);
  /// exactLength, or the whole length in the usual tier.
  uint64_t exact(unsigned operand, const Run &run);
  /// A length of runs; 0 if it reaches over the whole extent of the result.
  uint64_t fitted(size_t d, uint64_t length) const;
  llvm::ArrayRef<Run> runs(unsigned operand) const { return t.in[operand]->at(tier); }

  template <typename Make> void fill(Make make) {
    bool isSplit = false;
    for (const Facts *facts : t.in)
      isSplit |= !facts->usually.empty();
    Facts &result = t.result();
    for (size_t d = 0; d < result.runs.size(); ++d)
      result.runs[d] = make(*this, d);
    if (!isSplit && !failed)
      return;
    tier = Tier::Usual;
    for (size_t d = 0; d < result.runs.size(); ++d)
      result.usually.push_back(make(*this, d));
  }

private:
  Transfer &t;
  Tier tier = Tier::Proved;
  bool failed = false;
};

/// The rules of one group of operations, by name of the operation.
using Rule = void (*)(Transfer &);
using Rules = llvm::DenseMap<mlir::TypeID, Rule>;
void addArithmeticRules(Rules &rules); ///< sums, products, bits, widening (Arithmetic.cpp)
void addDivisionRules(Rules &rules); ///< quotients, remainders, shifts, comparisons, selection (Division.cpp)
void addShapeRules(
    Rules &rules); ///< ranges, constants, operations that move elements, reductions (Shapes.cpp)

} // namespace tegula::passes
