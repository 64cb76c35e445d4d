//===- Masks.cpp - masks as comparisons of sums ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/axis/Forms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <bit>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::passes {

int MaskTerm::dimension() const {
  int found = -1;
  for (auto [d, coefficient] : llvm::enumerate(coefficients))
    if (coefficient != 0) {
      if (found >= 0)
        return -1;
      found = int(d);
    }
  return found;
}

static Polynomial constantPolynomial(int64_t constant) {
  Polynomial polynomial;
  polynomial.constant = constant;
  return polynomial;
}

/// The smallest (largest) element's polynomial, of steps that are constants.
static bool extremes(Forms &forms, const Form &form, ArrayRef<int64_t> shape, Polynomial &least,
                     Polynomial &most) {
  least = most = form.base;
  for (auto [step, extent] : llvm::zip(form.steps, shape)) {
    if (!step.isConstant())
      return false;
    Product reach{step.constant * (extent - 1), {}};
    if (!forms.add(step.constant < 0 ? least : most, reach))
      return false;
  }
  return true;
}

/// The sides of a comparison, the one that is less where it is true first.
static std::pair<Value, Value> lessAndGreater(arith::CmpIOp compare) {
  using P = arith::CmpIPredicate;
  P p = compare.getPredicate();
  if (p == P::sgt || p == P::sge || p == P::ugt || p == P::uge)
    return {compare.getRhs(), compare.getLhs()};
  return {compare.getLhs(), compare.getRhs()};
}

/// A comparison as a term: less-than, of two sums whose steps differ by constants.
std::optional<MaskTerm> Forms::termOf(Value compare) {
  using P = arith::CmpIPredicate;
  auto op = compare.getDefiningOp<arith::CmpIOp>();
  if (!op || op.getPredicate() == P::eq || op.getPredicate() == P::ne)
    return {};
  P p = op.getPredicate();
  auto [lhs, rhs] = lessAndGreater(op);
  bool orEqual = p == P::sle || p == P::sge || p == P::ule || p == P::uge;
  bool isUnsigned = p == P::ult || p == P::ule || p == P::ugt || p == P::uge;
  if (isUnsigned && (analysis.at(lhs, op).min < 0 || analysis.at(rhs, op).min < 0))
    return {};
  const Form a = of(lhs), b = of(rhs);
  unsigned width = a.width;
  if (width <= 1 || !a.atoms.empty() || !b.atoms.empty())
    return {};
  MaskTerm term;
  term.compare = compare;
  term.base = a.base;
  term.bound = b.base;
  if (orEqual && !add(term.bound, constantPolynomial(1)))
    return {};
  for (auto [x, y] : llvm::zip(a.steps, b.steps)) {
    Polynomial difference = x;
    if (!add(difference, y, -1) || !difference.isConstant())
      return {};
    term.coefficients.push_back(difference.constant);
  }
  ArrayRef<int64_t> shape = shapeOf(lhs.getType());
  Interval left = interval(a, shape, op), right = interval(b, shape, op);
  term.isExact = fits(left.low, left.high, width) && fits(right.low, right.high, width);
  // Where left < right holds as a sum, left can only wrap at its lower end, right at its upper end.
  Polynomial leastLeft, mostLeft, leastRight, mostRight;
  bool isBounded =
      extremes(*this, a, shape, leastLeft, mostLeft) && extremes(*this, b, shape, leastRight, mostRight);
  auto guard = [&](Polynomial less, Polynomial greater) {
    if (!isBounded || !fitsIn64(less, op) || !fitsIn64(greater, op))
      return false;
    term.noWrap.push_back({std::move(less), std::move(greater)});
    return true;
  };
  if (left.low < lowest(width) && (width == 64 || !guard(constantPolynomial(lowest(width) - 1), leastLeft)))
    return {};
  if (right.high > highest(width) &&
      (width == 64 || !guard(mostRight, constantPolynomial(highest(width) + 1))))
    return {};
  return term;
}

MaskFacts Forms::maskFacts(Value mask) {
  MaskFacts facts;
  if (analysis.of(mask).constant() == 1)
    return facts;
  if (auto term = termOf(mask)) {
    facts.terms.push_back(std::move(*term));
    return facts;
  }
  Operation *op = mask.getDefiningOp();
  facts.isComplete = false;
  if (!isTile(mask.getType())) {
    if (isa_and_nonnull<arith::AndIOp>(op)) {
      facts = maskFacts(op->getOperand(0));
      MaskFacts other = maskFacts(op->getOperand(1));
      facts.terms.append(other.terms);
      facts.scalars.append(other.scalars);
      return facts;
    }
    facts.scalars.push_back(mask);
    facts.isComplete = true;
    return facts;
  }
  if (!op)
    return facts;
  if (isa<SplatOp>(op)) {
    facts = maskFacts(op->getOperand(0));
    for (MaskTerm &term : facts.terms)
      term.coefficients.assign(shapeOf(mask.getType()).size(), 0);
  } else if (isa<arith::AndIOp>(op)) {
    facts = maskFacts(op->getOperand(0));
    MaskFacts other = maskFacts(op->getOperand(1));
    facts.terms.append(other.terms);
    facts.scalars.append(other.scalars);
    facts.isComplete &= other.isComplete;
  } else if (isa<ExpandDimsOp, BroadcastOp, TransOp, ReshapeOp>(op)) {
    MaskFacts source = maskFacts(op->getOperand(0));
    facts.isComplete = source.isComplete;
    facts.scalars = source.scalars;
    auto moved = movedDimensions(op);
    for (MaskTerm &term : source.terms) {
      SmallVector<int64_t, 3> coefficients;
      SmallVector<Polynomial, 4> steps, from;
      if (moved) {
        for (int d : *moved)
          coefficients.push_back(d < 0 ? 0 : term.coefficients[d]);
      } else {
        for (int64_t coefficient : term.coefficients)
          from.push_back(constantPolynomial(coefficient));
        if (!reshapeSteps(shapeOf(op->getOperand(0).getType()), shapeOf(mask.getType()), from, steps)) {
          facts.isComplete = false;
          continue;
        }
        for (const Polynomial &step : steps)
          coefficients.push_back(step.constant);
      }
      term.coefficients = std::move(coefficients);
      facts.terms.push_back(std::move(term));
    }
  }
  return facts;
}

/// The term for the element where it is hardest to fulfil.
std::optional<Inequality> Forms::wholeTile(const MaskTerm &term, ArrayRef<int64_t> shape, Operation *where) {
  int64_t reach = 0;
  for (auto [coefficient, extent] : llvm::zip(term.coefficients, shape))
    reach += std::max<int64_t>(0, coefficient * (extent - 1));
  Polynomial shift = constantPolynomial(reach);
  Inequality all{term.base, term.bound};
  if (!add(all.less, shift))
    return {};
  // Constants on the side where they are positive.
  int64_t constant = all.less.constant - all.greater.constant;
  all.less.constant = std::max<int64_t>(constant, 0);
  all.greater.constant = std::max<int64_t>(-constant, 0);
  if (fitsIn64(all.less, where) && fitsIn64(all.greater, where))
    return all;
  all.less.constant = std::min<int64_t>(constant, 0);
  all.greater.constant = std::min<int64_t>(-constant, 0);
  return fitsIn64(all.less, where) && fitsIn64(all.greater, where) ? std::optional(all) : std::nullopt;
}

bool Forms::require(Inequality inequality, Operation *where, Condition &condition) {
  Polynomial difference = inequality.less;
  if (!add(difference, inequality.greater, -1))
    return false;
  if (!isNegative(difference, where))
    condition.inequalities.push_back(std::move(inequality));
  return true;
}

std::optional<Condition> Forms::wholeMask(Value mask, Operation *where) {
  MaskFacts facts = maskFacts(mask);
  if (!facts.isComplete)
    return {};
  Condition condition;
  for (const MaskTerm &term : facts.terms) {
    auto whole = wholeTile(term, shapeOf(mask.getType()), where);
    if (!whole || !require(*whole, where, condition))
      return {};
    for (const Inequality &inequality : term.noWrap)
      if (!require(inequality, where, condition))
        return {};
  }
  for (Value scalar : facts.scalars)
    if (analysis.at(scalar, where).constant() != 1)
      condition.scalars.push_back(scalar);
  return condition;
}

std::optional<Condition> Forms::conditionOf(const Obligation &obligation) {
  Value value = obligation.value();
  const Form form = of(value);
  Polynomial least, most;
  if (form.width <= 1 || form.width > 32 || !form.atoms.empty() ||
      !extremes(*this, form, shapeOf(value.getType()), least, most))
    return {};
  // The numbers between the least and the largest are what the machine computes if both fit. A divisor is wanted
  // positive, which is more than not 0.
  int64_t low = obligation.kind == Obligation::NoWrap        ? lowest(form.width)
                : obligation.kind == Obligation::NotNegative ? 0
                                                             : 1;
  Inequality fromBelow{constantPolynomial(low - 1), least},
      fromAbove{most, constantPolynomial(highest(form.width) + 1)};
  Condition condition;
  for (const Inequality &inequality : {fromBelow, fromAbove})
    if (!fitsIn64(inequality.less, obligation.op) || !fitsIn64(inequality.greater, obligation.op) ||
        !require(inequality, obligation.op, condition))
      return {};
  return condition;
}

std::optional<Condition> Forms::interiorCondition(Value mask) { return wholeMask(mask, placeOf(mask)); }

bool Forms::alwaysTrue(Value mask) {
  if (analysis.of(mask).constant() == 1)
    return true;
  auto condition = interiorCondition(mask);
  return condition && condition->isTrue();
}

std::optional<Needs> Forms::uniformNeeds(Value mask, unsigned dim, unsigned width) {
  ArrayRef<int64_t> shape = shapeOf(mask.getType());
  if (dim >= shape.size() || !std::has_single_bit(width) || shape[dim] % width != 0)
    return {};
  Needs needs;
  const Run run = analysis.of(mask).at(Tier::Proved)[dim];
  if (width == 1 || (run.stride == 0 && run.length % width == 0))
    return needs;
  MaskFacts facts = maskFacts(mask);
  if (!facts.isComplete)
    return {};
  for (const MaskTerm &term : facts.terms)
    needs.modulus = std::max(needs.modulus, uint64_t(std::max<int64_t>(term.coefficients[dim], 1)) * width);
  for (const MaskTerm &term : facts.terms) {
    // A rising side that begins its blocks at multiples of their length wraps around between blocks only, a falling
    // one after the first element of a block. Of one side alone the greater falls where the term rises; if both vary,
    // their blocks begin anywhere.
    auto [less, greater] = lessAndGreater(term.compare.getDefiningOp<arith::CmpIOp>());
    auto varies = [&](Value side) {
      return llvm::any_of(of(side).steps, [](const Polynomial &p) { return !p.isZero(); });
    };
    if (!term.isExact && varies(less) && varies(greater))
      return {};
    int64_t step = term.coefficients[dim];
    if (step == 0)
      continue;
    if (step < 0 || !std::has_single_bit(uint64_t(step)) || (!term.isExact && varies(greater)))
      return {};
    int64_t scale = int64_t(needs.modulus) / (step * int64_t(width));
    auto need = [&](const Product &product) {
      Product scaled = product;
      if (!multiply(scaled, {scale, {}}))
        return false;
      if (divisor(scaled, term.compare.getDefiningOp()) % needs.modulus == 0)
        return true;
      if (!llvm::is_contained(needs.products, scaled))
        needs.products.push_back(scaled);
      return !scaled.scalars.empty();
    };
    for (const Polynomial *side : {&term.base, &term.bound}) {
      if (!need({side->constant, {}}) || !llvm::all_of(side->products, need))
        return {};
    }
    for (size_t d = 0; d < shape.size(); ++d)
      if (d != dim && shape[d] > 1 && !need({term.coefficients[d], {}}))
        return {};
  }
  return needs;
}

std::optional<LoopSplit> Forms::split(Value mask, scf::ForOp loop) {
  Operation *inside = &loop.getBody()->front();
  if (loop.getUnsignedCmp())
    return {};
  auto condition = wholeMask(mask, placeOf(mask));
  if (!condition)
    return {};
  LoopSplit split;
  for (Value scalar : condition->scalars) {
    if (!loop.isDefinedOutsideOfLoop(scalar))
      return {};
    split.invariant.scalars.push_back(scalar);
  }
  for (const Inequality &inequality : condition->inequalities) {
    Polynomial difference = inequality.less;
    if (!add(difference, inequality.greater, -1))
      return {};
    difference = expanded(difference, loop);
    LoopSplit::Bound bound{0, constantPolynomial(difference.constant)};
    for (const Product &product : difference.products) {
      if (product.scalars.size() == 1 && product.scalars[0] == loop.getInductionVar())
        bound.coefficient = product.factor;
      else if (llvm::all_of(product.scalars, [&](Value v) { return loop.isDefinedOutsideOfLoop(v); }))
        bound.rest.products.push_back(product);
      else
        return {};
    }
    if (bound.coefficient < 0 || !fitsIn64(bound.rest, inside))
      return {};
    if (bound.coefficient > 0)
      split.bounds.push_back(std::move(bound));
    else
      split.invariant.inequalities.push_back({bound.rest, Polynomial()});
  }
  Polynomial length = ofScalar(loop.getUpperBound());
  if (!add(length, ofScalar(loop.getLowerBound()), -1) || !fitsIn64(length, loop))
    return {};
  return split;
}

} // namespace tegula::passes
