//===- Refine.cpp - what conditions say ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A condition that holds bounds the two sides of its comparisons, and by the operations that made them the values they
// were made of:
//
//     %blocks = arith.divsi (K + 63), 64          inside `for k in range(0, %blocks)`: %blocks >= 1,
//                                                 so K + 63 >= 64, so 1 <= K, and K + 63 did not wrap around
//
//===----------------------------------------------------------------------===//

#include "passes/axis/Analysis.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <bit>

using namespace mlir;

namespace tegula::passes {

/// How far back a bound is followed.
static constexpr unsigned mostSteps = 6;

void Analysis::refine(Value value, Facts facts, Block &block, Operation *after) {
  facts.tighten(value.getType());
  auto *kept = new (pool.Allocate()) Facts(std::move(facts));
  undo.push_back({value, refined.lookup(value)});
  refined[value] = kept;
  refinements[&block].push_back({value, kept, after});
}

void Analysis::assume(Value condition, bool truth, Block &block, Operation *after) {
  if (tile::isTile(condition.getType()))
    return;
  Operation *op = condition.getDefiningOp();
  if (isa_and_nonnull<arith::ConstantOp>(op))
    return;
  Facts known = current(condition);
  if (!known.constant()) {
    known.min = known.max = truth;
    refine(condition, known, block, after);
  }
  if (!op)
    return;
  bool splits = isa<arith::AndIOp>(op) ? truth : isa<arith::OrIOp>(op) && !truth;
  if (splits) {
    assume(op->getOperand(0), truth, block, after);
    assume(op->getOperand(1), truth, block, after);
  } else if (isa<arith::XOrIOp>(op)) {
    for (int side : {0, 1})
      if (auto constant = current(op->getOperand(side)).constant())
        assume(op->getOperand(1 - side), truth != (*constant != 0), block, after);
  } else if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    assumeCompare(compare, truth, block, after);
  }
}

void Analysis::assumeDivides(Value value, uint64_t divisor, Block &block, Operation *after) {
  Facts facts = current(value);
  uint64_t both = bothDivide(facts.divisor, divisor);
  if (both == facts.divisor)
    return;
  facts.divisor = both;
  refine(value, std::move(facts), block, after);
}

using P = arith::CmpIPredicate;

static P inverse(P p) {
  switch (p) {
  case P::eq: return P::ne;
  case P::ne: return P::eq;
  case P::slt: return P::sge;
  case P::sle: return P::sgt;
  case P::sgt: return P::sle;
  case P::sge: return P::slt;
  case P::ult: return P::uge;
  case P::ule: return P::ugt;
  case P::ugt: return P::ule;
  default: return P::ult;
  }
}

void Analysis::assumeCompare(arith::CmpIOp compare, bool truth, Block &block, Operation *after) {
  P p = truth ? compare.getPredicate() : inverse(compare.getPredicate());
  Value lhs = compare.getLhs(), rhs = compare.getRhs();
  if (p == P::sgt || p == P::sge || p == P::ugt || p == P::uge) {
    std::swap(lhs, rhs);
    p = p == P::sgt ? P::slt : p == P::sge ? P::sle : p == P::ugt ? P::ult : P::ule;
  }
  const Facts a = current(lhs), b = current(rhs);
  if (!a.isInteger())
    return;
  auto above = [](int64_t x) { return x == INT64_MAX ? x : x + 1; };
  auto below = [](int64_t x) { return x == INT64_MIN ? x : x - 1; };
  switch (p) {
  case P::eq: {
    int64_t low = std::max(a.min, b.min), high = std::min(a.max, b.max);
    assumeRange(lhs, low, high, block, after);
    assumeRange(rhs, low, high, block, after);
    // x % c == 0, x & (2^k - 1) == 0
    Operation *op = lhs.getDefiningOp();
    if (b.constant() != 0 || !op)
      return;
    if (auto divisor = op->getNumOperands() == 2 ? current(op->getOperand(1)).constant() : std::nullopt) {
      if (isa<arith::RemSIOp, arith::RemUIOp>(op) && *divisor > 0)
        assumeDivides(op->getOperand(0),
                      isa<arith::RemSIOp>(op) ? uint64_t(*divisor) : powerOfTwo(*divisor, 64), block, after);
      else if (isa<arith::AndIOp>(op) && *divisor > 0 && a.width > 1)
        assumeDivides(op->getOperand(0), uint64_t(1) << std::countr_one(uint64_t(*divisor)), block, after);
    }
    return;
  }
  case P::ne:
    for (auto [value, mine, other] : {std::tuple(lhs, &a, &b), std::tuple(rhs, &b, &a)})
      if (auto constant = other->constant()) {
        if (mine->min == *constant)
          assumeRange(value, above(mine->min), mine->max, block, after);
        else if (mine->max == *constant)
          assumeRange(value, mine->min, below(mine->max), block, after);
      }
    return;
  case P::ult:
  case P::ule:
    // Nothing is above a number without a sign but numbers without one: then it is as the signed order.
    if (b.min < 0)
      return;
    assumeRange(lhs, 0, p == P::ult ? below(b.max) : b.max, block, after);
    if (a.min >= 0)
      assumeRange(rhs, p == P::ult ? above(a.min) : a.min, b.max, block, after);
    return;
  default:
    assumeRange(lhs, a.min, p == P::slt ? below(b.max) : b.max, block, after);
    assumeRange(rhs, p == P::slt ? above(a.min) : a.min, b.max, block, after);
  }
}

static int64_t roundUp(__int128 x, int64_t by) { return int64_t(x >= 0 ? (x + by - 1) / by : -(-x / by)); }
static int64_t roundDown(__int128 x, int64_t by) { return int64_t(x >= 0 ? x / by : -((-x + by - 1) / by)); }

void Analysis::assumeRange(Value value, int64_t min, int64_t max, Block &block, Operation *after,
                           unsigned depth) {
  Facts facts = current(value);
  if (!facts.isInteger() || facts.width == 1 || tile::isTile(value.getType()))
    return;
  min = std::max(min, facts.min), max = std::min(max, facts.max);
  // Contradictory: the place is never reached.
  if (min > max || (min == facts.min && max == facts.max))
    return;
  facts.min = min, facts.max = max;
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<arith::ConstantOp>(op))
    return;
  refine(value, std::move(facts), block, after);
  if (!op || op->getNumOperands() == 0 || depth >= mostSteps)
    return;
  const Facts now = current(value); // also rounded to the divisor
  auto bound = [&](Value source, __int128 low, __int128 high) {
    const Facts &known = current(source);
    low = std::max<__int128>(low, INT64_MIN), high = std::min<__int128>(high, INT64_MAX);
    if (known.isInteger() && low <= high)
      assumeRange(source, int64_t(low), int64_t(high), block, after, depth + 1);
  };
  Value x = op->getOperand(0), y = op->getNumOperands() > 1 ? op->getOperand(1) : Value();
  if (isa<arith::AddIOp, arith::SubIOp>(op)) {
    int sign = isa<arith::AddIOp>(op) ? 1 : -1;
    // x = value -+ y: right if no value of the range is left by wrapping, whichever wrap made it.
    auto solve = [&](Value source, __int128 low, __int128 high) {
      if (fits(low, high, now.width))
        bound(source, low, high);
    };
    if (auto c = current(y).constant())
      solve(x, now.min - sign * (__int128)*c, now.max - sign * (__int128)*c);
    else if (auto c = current(x).constant())
      sign > 0 ? solve(y, (__int128)now.min - *c, (__int128)now.max - *c)
               : solve(y, (__int128)*c - now.max, (__int128)*c - now.min);
  } else if (isa<arith::MulIOp>(op)) {
    const Facts &a = current(x);
    auto c = current(y).constant();
    if (c && *c > 0 && fits((__int128)a.min * *c, (__int128)a.max * *c, now.width))
      bound(x, roundUp(now.min, *c), roundDown(now.max, *c));
  } else if (isa<arith::DivSIOp>(op)) {
    if (auto c = current(y).constant(); c && *c > 0)
      bound(x, now.min > 0 ? (__int128)now.min * *c : ((__int128)now.min - 1) * *c + 1,
            now.max >= 0 ? (__int128)now.max * *c + (*c - 1) : (__int128)now.max * *c);
  } else if (isa<arith::ExtSIOp, arith::IndexCastOp>(op) && current(x).width <= now.width &&
             current(x).width > 1) {
    bound(x, now.min, now.max);
  } else if (isa<arith::MinSIOp>(op)) {
    bound(x, now.min, INT64_MAX);
    bound(y, now.min, INT64_MAX);
  } else if (isa<arith::MaxSIOp>(op)) {
    bound(x, INT64_MIN, now.max);
    bound(y, INT64_MIN, now.max);
  }
}

} // namespace tegula::passes
