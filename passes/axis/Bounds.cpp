//===- Bounds.cpp - between which numbers a formula lies ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Intervals alone lose what two scalars have in common. A loop's index and its bound are such a pair:
//
//     for off in range(0, n, 1024), n a multiple of 1024:      is  off + 1023 - n < 0 ?
//     off < n, and n - off is a multiple of 1024, so off <= n - 1024, so off + 1023 - n <= -1
//
// `upperBound` puts such bounds in place of a scalar, which lets products cancel, and takes the best of all ways.
//
//===----------------------------------------------------------------------===//

#include "passes/axis/Forms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <bit>
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::passes {

//===----------------------------------------------------------------------===//
// Intervals
//===----------------------------------------------------------------------===//

static constexpr __int128 farthest = __int128(1) << 120;

static __int128 kept(__int128 value) { return std::clamp(value, -farthest, farthest); }

static __int128 times(__int128 a, __int128 b) {
  double size = std::fabs(double(a)) * std::fabs(double(b));
  if (size < 0x1p119)
    return a * b;
  return (a < 0) == (b < 0) ? farthest : -farthest;
}

static Interval operator*(const Interval &a, const Interval &b) {
  __int128 corners[] = {times(a.low, b.low), times(a.low, b.high), times(a.high, b.low),
                        times(a.high, b.high)};
  return {*std::min_element(corners, corners + 4), *std::max_element(corners, corners + 4)};
}

static Interval operator+(const Interval &a, const Interval &b) {
  return {kept(a.low + b.low), kept(a.high + b.high)};
}

Interval Forms::interval(const Product &product, Operation *where) {
  Interval result{product.factor, product.factor};
  for (Value scalar : product.scalars) {
    const Facts &facts = analysis.at(scalar, where);
    result = result * (facts.isInteger() ? Interval{facts.min, facts.max} : Interval{-farthest, farthest});
  }
  return result;
}

Interval Forms::interval(const Polynomial &polynomial, Operation *where) {
  Interval result{polynomial.constant, polynomial.constant};
  for (const Product &product : polynomial.products)
    result = result + interval(product, where);
  return result;
}

Interval Forms::interval(const Form &form, ArrayRef<int64_t> shape, Operation *where) {
  Interval result = interval(form.base, where);
  for (auto [step, extent] : llvm::zip(form.steps, shape))
    result = result + interval(step, where) * Interval{0, extent - 1};
  for (const Atom &atom : form.atoms) {
    const Facts &facts = analysis.of(atom.tile);
    Interval own = facts.isInteger() ? Interval{facts.min, facts.max} : Interval{-farthest, farthest};
    result = result + interval(atom.times, where) * own;
  }
  return result;
}

uint64_t Forms::divisor(const Product &product, Operation *where) {
  uint64_t result = product.factor < 0 ? 0 - uint64_t(product.factor) : uint64_t(product.factor);
  for (Value scalar : product.scalars)
    result = productDivisor(result, analysis.at(scalar, where).divisor, false, 64);
  return result;
}

bool Forms::fitsIn64(const Polynomial &polynomial, Operation *where) {
  if (polynomial.products.size() == 1 && polynomial.products[0].scalars.size() == 1) {
    Interval first = interval(polynomial.products[0], where), all = interval(polynomial, where);
    return fits(first.low, first.high, 64) && fits(all.low, all.high, 64);
  }
  // However it is added up: the sum of the magnitudes fits.
  auto magnitude = [](const Interval &x) { return std::max(x.high, -x.low); };
  __int128 sum = magnitude({polynomial.constant, polynomial.constant});
  for (const Product &product : polynomial.products) {
    Interval partial{product.factor, product.factor};
    for (Value scalar : product.scalars)
      partial = partial * interval(Product{1, {scalar}}, where);
    sum = kept(sum + magnitude(partial));
  }
  return sum <= INT64_MAX;
}

//===----------------------------------------------------------------------===//
// Scalars by what they were computed from
//===----------------------------------------------------------------------===//

bool mayWrapAt(Analysis &analysis, Operation *op, bool isSigned) {
  unsigned width = op->getNumResults() ? widthOf(elementType(op->getResult(0).getType())) : 0;
  if (!width || !isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp, arith::TruncIOp>(op))
    return false;
  const Facts &a = analysis.at(op->getOperand(0), op);
  __int128 low = a.min, high = a.max;
  if (!isa<arith::TruncIOp>(op)) {
    const Facts &b = analysis.at(op->getOperand(1), op);
    Interval x{a.min, a.max}, y{b.min, b.max};
    if (isa<arith::ShLIOp>(op)) {
      if (b.min < 0 || b.max >= int64_t(width))
        return a.constant() != 0;
      y = {__int128(1) << b.min, __int128(1) << b.max};
    } else if (isa<arith::SubIOp>(op)) {
      y = {-y.high, -y.low};
    }
    // Read without signs, a number that may be negative may be a large one.
    if (!isSigned && (a.min < 0 || b.min < 0))
      return true;
    Interval result = isa<arith::MulIOp, arith::ShLIOp>(op) ? x * y : x + y;
    low = result.low, high = result.high;
  } else if (!isSigned && a.min < 0) {
    return true;
  }
  return isSigned ? !fits(low, high, width) : low < 0 || high > __int128(maskOf(width));
}

/// The polynomial of the operation's operands that its result is, if nothing wraps.
static bool definition(Forms &forms, Analysis &analysis, Value scalar, Polynomial &out) {
  Operation *op = scalar.getDefiningOp();
  if (!op || !analysis.of(scalar).isInteger() || analysis.of(scalar).width == 1)
    return false;
  if (isa<arith::ExtSIOp>(op)) {
    out = forms.ofScalar(op->getOperand(0));
    return analysis.of(op->getOperand(0)).width > 1;
  }
  if (isa<arith::ExtUIOp>(op) || (isa<arith::TruncIOp>(op) && !mayWrapAt(analysis, op, true))) {
    out = forms.ofScalar(op->getOperand(0));
    return analysis.of(op->getOperand(0)).width > 1 &&
           (isa<arith::TruncIOp>(op) || analysis.at(op->getOperand(0), op).min >= 0);
  }
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp>(op) || mayWrapAt(analysis, op, true))
    return false;
  Polynomial a = forms.ofScalar(op->getOperand(0)), b = forms.ofScalar(op->getOperand(1));
  if (isa<arith::MulIOp>(op))
    return forms.multiply(a, b, out);
  if (isa<arith::ShLIOp>(op)) {
    auto amount = analysis.of(op->getOperand(1)).constant();
    if (!amount || *amount < 0 || *amount > 31)
      return false;
    return forms.add(out, a, int64_t(1) << *amount);
  }
  return forms.add(out, a) && forms.add(out, b, isa<arith::AddIOp>(op) ? 1 : -1);
}

/// `polynomial` with one scalar of product `index` replaced.
static bool replaced(Forms &forms, const Polynomial &polynomial, size_t index, Value scalar,
                     const Polynomial &by, Polynomial &out) {
  out.constant = polynomial.constant;
  for (auto [i, product] : llvm::enumerate(polynomial.products)) {
    if (i != index) {
      if (!forms.add(out, product))
        return false;
      continue;
    }
    Product rest = product;
    rest.scalars.erase(llvm::find(rest.scalars, scalar));
    Polynomial factor, inserted;
    if (!forms.add(factor, rest) || !forms.multiply(factor, by, inserted) || !forms.add(out, inserted))
      return false;
  }
  return true;
}

Polynomial Forms::expanded(const Polynomial &polynomial, scf::ForOp loop) {
  static constexpr unsigned mostReplaced = 24;
  Polynomial current = polynomial;
  for (unsigned round = 0; round < mostReplaced; ++round) {
    bool changed = false;
    for (size_t i = 0; i < current.products.size() && !changed; ++i)
      for (Value scalar : current.products[i].scalars) {
        if (loop && loop.isDefinedOutsideOfLoop(scalar))
          continue;
        Polynomial by, next;
        if (!definition(*this, analysis, scalar, by) || !replaced(*this, current, i, scalar, by, next))
          continue;
        current = std::move(next);
        changed = true;
        break;
      }
    if (!changed)
      break;
  }
  return current;
}

//===----------------------------------------------------------------------===//
// The best upper bound
//===----------------------------------------------------------------------===//

static scf::ForOp loopOf(Value scalar) {
  auto argument = dyn_cast<BlockArgument>(scalar);
  auto loop = argument ? dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp()) : scf::ForOp();
  return loop && loop.getInductionVar() == scalar && !loop.getUnsignedCmp() ? loop : scf::ForOp();
}

/// Polynomials that are nowhere less, each with the scalar of a product replaced by a bound of it.
bool Forms::substitute(const Polynomial &polynomial, unsigned i, Operation *where,
                       SmallVectorImpl<Polynomial> &out) {
  const Product &product = polynomial.products[i];
  if (product.scalars.size() != 1)
    return false;
  Value scalar = product.scalars[0];
  bool fromAbove = product.factor > 0; // an upper bound of the scalar bounds the product
  auto put = [&](Polynomial by) {
    Polynomial next;
    if (replaced(*this, polynomial, i, scalar, by, next))
      out.push_back(std::move(next));
  };
  if (scf::ForOp loop = loopOf(scalar)) {
    Polynomial by = ofScalar(fromAbove ? loop.getUpperBound() : loop.getLowerBound());
    if (fromAbove) {
      // The distance to the bound is positive and a multiple of what divides both bounds and the step.
      uint64_t distance = std::gcd(analysis.at(loop.getStep(), loop).divisor,
                                   std::gcd(analysis.at(loop.getLowerBound(), loop).divisor,
                                            analysis.at(loop.getUpperBound(), loop).divisor));
      by.constant -= int64_t(std::clamp<uint64_t>(distance, 1, uint64_t(1) << 40));
    }
    put(by);
    return true;
  }
  Operation *op = scalar.getDefiningOp();
  if (!op)
    return false;
  if (isa<arith::MinSIOp, arith::MaxSIOp>(op) && isa<arith::MinSIOp>(op) == fromAbove) {
    put(ofScalar(op->getOperand(0)));
    put(ofScalar(op->getOperand(1)));
    return true;
  }
  if (!isa<arith::DivSIOp, arith::DivUIOp, arith::ShRSIOp, arith::ShRUIOp>(op))
    return false;
  const Facts &dividend = analysis.at(op->getOperand(0), op);
  auto amount = analysis.of(op->getOperand(1)).constant();
  bool isShift = isa<arith::ShRSIOp, arith::ShRUIOp>(op);
  if (!amount || dividend.min < 0 || *amount < !isShift || (isShift && *amount > 31))
    return false;
  int64_t divisor = isShift ? int64_t(1) << *amount : *amount;
  if (product.factor % divisor != 0)
    return false;
  // divisor * (x / divisor) = x - x % divisor, and some bits of the remainder may be known.
  int64_t least = 0, most = divisor - 1;
  if (std::has_single_bit(uint64_t(divisor))) {
    least = int64_t(dividend.ones & uint64_t(most));
    most = int64_t(~dividend.zeros & uint64_t(most));
  }
  Polynomial x = ofScalar(op->getOperand(0));
  x.constant -= fromAbove ? least : most;
  Polynomial scaled = polynomial;
  scaled.products[i].factor /= divisor;
  Polynomial next;
  if (replaced(*this, scaled, i, scalar, x, next))
    out.push_back(std::move(next));
  return true;
}

__int128 Forms::upperBound(const Polynomial &polynomial, Operation *where, unsigned depth) {
  Polynomial p = expanded(polynomial);
  __int128 best = interval(p, where).high;
  for (unsigned i = 0; i < p.products.size() && depth > 0 && best >= 0; ++i) {
    SmallVector<Polynomial, 2> candidates;
    substitute(p, i, where, candidates);
    for (const Polynomial &candidate : candidates)
      best = std::min(best, upperBound(candidate, where, depth - 1));
  }
  return best;
}

bool Forms::isNegative(const Polynomial &polynomial, Operation *where) {
  static constexpr unsigned mostSubstitutions = 4;
  return upperBound(polynomial, where, mostSubstitutions) < 0;
}

} // namespace tegula::passes
