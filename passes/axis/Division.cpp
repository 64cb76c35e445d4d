//===- Division.cpp - quotients, remainders, right shifts, comparisons, selection ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// All of these cut the line of numbers at multiples of a number c: x / c is the same between two cuts, x % c counts from
// each cut, x < c changes at one. A run that begins at a multiple of g, where g divides c as well, is not cut for its
// first g numbers; so runs of g / stride elements keep their form.
//
// Where the machine would trap the divisor counts as 1 (ARCHITECTURE.md, "Meaning and order"): x / 0 = x, x % 0 = 0.
//
//===----------------------------------------------------------------------===//

#include "passes/axis/Transfer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <bit>
#include <numeric>

using namespace mlir;

namespace tegula::passes {

/// The longest pieces of a rising run that multiples of `common`, a divisor of the cuts, do not fall into.
static uint64_t uncutLength(Tiered &at, size_t d, const Facts &fx, const Run &x, uint64_t cuts) {
  uint64_t common = std::gcd(x.divisor, cuts), stride = uint64_t(x.stride);
  if (x.stride <= 0 || common == 0 || common % stride != 0)
    return 1;
  uint64_t length = std::gcd(x.length, common / stride);
  // Blocks of a power of two hold no border of signed or unsigned numbers.
  if (!std::has_single_bit(length * stride) && !rangeIsExact(fx, x.stride))
    return 1;
  return at.fitted(d, length);
}

/// The divisor of a division: another tile or a scalar constant of the operation.
struct Divisor {
  const Facts &facts;
  int operand; ///< -1: a constant that is no operand
  bool floors; ///< rounds towards minus infinity
};

static Run divisorRun(Tiered &at, size_t d, const Divisor &by) {
  return by.operand < 0 ? Run{0, 0, by.facts.divisor} : at.runs(by.operand)[d];
}

static bool mayBeZero(const Facts &facts) { return facts.min <= 0 && facts.max >= 0 && facts.ones == 0; }

/// Whether the pieces of a division keep their form. Rounding towards zero asks for no negative dividend, rounding
/// down for a positive divisor.
static bool keepsForm(Tiered &at, const Facts &fx, const Divisor &by) {
  if (by.floors)
    return by.facts.min > 0;
  return at.holds(fx.min >= 0, Obligation::NotNegative, 0) &&
         at.holds(!mayBeZero(by.facts), Obligation::NotZero, unsigned(by.operand));
}

static void quotientRuns(Transfer &t, const Divisor &by) {
  const Facts &fx = t.operand(0);
  auto c = by.facts.constant();
  Tiered(t).fill([&](Tiered &at, size_t d) -> Run {
    const Run &x = at.runs(0)[d];
    Run y = divisorRun(at, d, by);
    if (x.stride == 0 && y.stride == 0) {
      uint64_t length = std::gcd(x.length, y.length);
      uint64_t divisor = cut(fx, x, length).divisor;
      return {0, length, !divisor ? 0 : c && *c > 0 && divisor % *c == 0 ? divisor / *c : 1};
    }
    if (y.stride != 0)
      return {};
    if (c && *c > 0 && x.stride % *c == 0 && x.divisor % uint64_t(*c) == 0) {
      Run piece = cut(fx, x, at.exact(0, x));
      if (piece.divisor % uint64_t(*c) != 0) // lost where the run may wrap
        return {};
      return {piece.length == 1 ? 0 : x.stride / *c, piece.length, piece.divisor / uint64_t(*c)};
    }
    uint64_t length = std::gcd(uncutLength(at, d, fx, x, y.divisor), y.length);
    return length != 1 && keepsForm(at, fx, by) ? Run{0, length, 1} : Run{};
  });
}

static void remainderRuns(Transfer &t, const Divisor &by) {
  const Facts &fx = t.operand(0);
  Tiered(t).fill([&](Tiered &at, size_t d) -> Run {
    const Run &x = at.runs(0)[d];
    Run y = divisorRun(at, d, by);
    if (x.stride == 0 && y.stride == 0) {
      uint64_t length = std::gcd(x.length, y.length);
      return {0, length, std::gcd(cut(fx, x, length).divisor, cut(by.facts, y, length).divisor)};
    }
    uint64_t length = y.stride == 0 ? std::gcd(uncutLength(at, d, fx, x, y.divisor), y.length) : 1;
    if (length != 1 && !keepsForm(at, fx, by))
      length = 1;
    Run piece = cut(fx, x, length), cuts = cut(by.facts, y, std::gcd(length, y.length));
    return {piece.stride, length, std::gcd(piece.divisor, cuts.divisor)};
  });
}

static void setRange(Facts &r, __int128 low, __int128 high) {
  if (fits(low, high, r.width))
    r.min = int64_t(low), r.max = int64_t(high);
}

//===----------------------------------------------------------------------===//
// Quotients and remainders
//===----------------------------------------------------------------------===//

static void quotientRange(Facts &r, const Facts &a, const Facts &b, bool floors) {
  __int128 low = INT64_MAX, high = INT64_MIN;
  auto add = [&](__int128 value) { low = std::min(low, value), high = std::max(high, value); };
  auto divide = [&](int64_t x, int64_t y) {
    __int128 q = (__int128)x / y;
    add(q - (floors && q * y != x && (x < 0) != (y < 0)));
  };
  for (auto [from, to] :
       {std::pair(b.min, std::min<int64_t>(b.max, -1)), std::pair(std::max<int64_t>(b.min, 1), b.max)})
    if (from <= to)
      for (int64_t y : {from, to}) {
        divide(a.min, y);
        divide(a.max, y);
        if (a.min <= 0 && a.max >= 0)
          add(0);
      }
  bool overflows = a.min == lowest(r.width) && b.min <= -1 && b.max >= -1;
  if (mayBeZero(b) || overflows) { // the divisor counts as 1
    add(a.min);
    add(a.max);
  }
  if (overflows)
    high = std::min<__int128>(high, highest(r.width));
  setRange(r, low, high);
}

static void divideSigned(Transfer &t, bool floors) {
  Facts &r = t.result();
  const Facts &a = t.operand(0), &b = t.operand(1);
  quotientRange(r, a, b, floors);
  auto c = b.constant();
  if (!a.divisor)
    r.divisor = 0;
  else if (c && *c > 0 && a.divisor % uint64_t(*c) == 0)
    r.divisor = a.divisor / uint64_t(*c);
  quotientRuns(t, {b, 1, floors});
}
static void divS(Transfer &t) { divideSigned(t, false); }
static void floorDivS(Transfer &t) { divideSigned(t, true); }

static void divU(Transfer &t) {
  const Facts &a = t.operand(0), &b = t.operand(1);
  if (a.min >= 0 && b.min >= 0) {
    divideSigned(t, false);
    return;
  }
  Facts &r = t.result();
  if (a.min >= 0)
    setRange(r, 0, a.max);
  else if (b.min >= 2)
    setRange(r, 0, maskOf(r.width) / uint64_t(b.min));
  Tiered(t).fill([](Tiered &at, size_t d) {
    const Run &x = at.runs(0)[d], &y = at.runs(1)[d];
    return Run{0, x.stride == 0 && y.stride == 0 ? std::gcd(x.length, y.length) : 1, 1};
  });
}

static void remainderRange(Facts &r, const Facts &a, const Facts &b) {
  __int128 least = -(__int128)b.min, most = b.max;
  __int128 reach = std::max(least, most) - 1; // |r| < |b|
  reach = std::max<__int128>(reach, 0);
  setRange(r, a.min < 0 ? std::max<__int128>(a.min, -reach) : 0,
           a.max > 0 ? std::min<__int128>(a.max, reach) : 0);
}

static bool isSmaller(const Facts &a, const Facts &b) { return a.min >= 0 && b.min > a.max; }

static void remS(Transfer &t) {
  Facts &r = t.result();
  const Facts &a = t.operand(0), &b = t.operand(1);
  if (isSmaller(a, b)) { // a % b = a
    r.min = a.min, r.max = a.max, r.zeros = a.zeros, r.ones = a.ones, r.divisor = a.divisor;
    Tiered(t).fill([](Tiered &at, size_t d) { return at.runs(0)[d]; });
    return;
  }
  remainderRange(r, a, b);
  r.divisor = std::gcd(a.divisor, b.divisor);
  remainderRuns(t, {b, 1, false});
}

static void remU(Transfer &t) {
  const Facts &a = t.operand(0), &b = t.operand(1);
  if (a.min >= 0 && b.min >= 0) {
    remS(t);
    return;
  }
  Facts &r = t.result();
  if (b.min >= 0)
    setRange(r, 0, std::max<int64_t>(b.max - 1, 0));
  else if (a.min >= 0)
    setRange(r, 0, a.max);
  // Read as unsigned numbers both may gain 2^width.
  r.divisor = std::gcd(powerOfTwo(a.divisor, r.width), powerOfTwo(b.divisor, r.width));
  Tiered(t).fill([](Tiered &at, size_t d) {
    const Run &x = at.runs(0)[d], &y = at.runs(1)[d];
    return Run{0, x.stride == 0 && y.stride == 0 ? std::gcd(x.length, y.length) : 1, 1};
  });
}

static void ceilDivS(Transfer &t) {
  const Facts &a = t.operand(0), &b = t.operand(1);
  if (b.min > 0) {
    auto ceil = [](int64_t x, int64_t y) { return x > 0 ? (x - 1) / y + 1 : x / y; };
    setRange(t.result(), ceil(a.min, a.min > 0 ? b.max : b.min), ceil(a.max, a.max > 0 ? b.min : b.max));
  }
  Tiered(t).fill([](Tiered &at, size_t d) {
    const Run &x = at.runs(0)[d], &y = at.runs(1)[d];
    return Run{0, x.stride == 0 && y.stride == 0 ? std::gcd(x.length, y.length) : 1, 1};
  });
}

//===----------------------------------------------------------------------===//
// Right shifts
//===----------------------------------------------------------------------===//

static void shiftRight(Transfer &t, bool isSigned) {
  Facts &r = t.result();
  const Facts &a = t.operand(0), &by = t.operand(1);
  auto amount = by.constant();
  bool isWithin = amount && *amount >= 0 && uint64_t(*amount) < r.width;
  if (isWithin && *amount == 0) {
    r.min = a.min, r.max = a.max, r.zeros = a.zeros, r.ones = a.ones, r.divisor = a.divisor;
    Tiered(t).fill([](Tiered &at, size_t d) { return at.runs(0)[d]; });
    return;
  }
  bool readsSigned = isSigned || a.min >= 0;
  if (readsSigned)
    setRange(r, isWithin ? a.min >> *amount : std::min<int64_t>(a.min, 0),
             isWithin ? a.max >> *amount : std::max<int64_t>(a.max, a.max < 0 ? -1 : 0));
  else if (isWithin)
    setRange(r, 0, maskOf(r.width) >> *amount);
  // 2^62 and more do not pay: the quotient is -1, 0 or 1.
  if (!isWithin || *amount > 61 || uint64_t(*amount) + 1 >= r.width) {
    Tiered(t).fill([](Tiered &at, size_t d) {
      const Run &x = at.runs(0)[d], &y = at.runs(1)[d];
      return Run{0, x.stride == 0 && y.stride == 0 ? std::gcd(x.length, y.length) : 1, 1};
    });
    return;
  }
  uint64_t all = maskOf(r.width), upper = all & ~(all >> *amount), sign = uint64_t(1) << (r.width - 1);
  r.zeros = a.zeros >> *amount | (!isSigned || a.zeros & sign ? upper : 0);
  r.ones = a.ones >> *amount | (isSigned && a.ones & sign ? upper : 0);
  Facts factor = Facts::ofConstant(IntegerType::get(t.op->getContext(), r.width), int64_t(1) << *amount);
  if (!readsSigned) {
    // Unsigned and perhaps above the signed numbers: runs of equal quotients are right, steps are not.
    Tiered(t).fill([&](Tiered &at, size_t d) -> Run {
      const Run &x = at.runs(0)[d];
      uint64_t length =
          x.stride == 0 ? x.length
                        : uncutLength(at, d, Facts::unknown(t.op->getResult(0).getType()), x, factor.divisor);
      return {0, length, 1};
    });
    return;
  }
  quotientRuns(t, {factor, -1, /*floors=*/true});
}
static void shrS(Transfer &t) { shiftRight(t, true); }
static void shrU(Transfer &t) { shiftRight(t, false); }

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

using P = arith::CmpIPredicate;

static bool isUnsigned(P p) { return p == P::ult || p == P::ule || p == P::ugt || p == P::uge; }

/// What a comparison of these ranges gives, if that is known.
static std::optional<bool> decided(P p, const Facts &a, const Facts &b) {
  if (p == P::eq || p == P::ne) {
    bool differ = a.max < b.min || b.max < a.min || (a.zeros & b.ones) || (a.ones & b.zeros);
    if (differ)
      return p == P::ne;
    return a.constant() && a.constant() == b.constant() ? std::optional<bool>(p == P::eq) : std::nullopt;
  }
  if (isUnsigned(p) && (a.min < 0 || b.min < 0) && !(a.max < 0 && b.max < 0)) {
    // A number that is negative is above every one that is not.
    bool aIsAbove = a.max < 0 && b.min >= 0, bIsAbove = b.max < 0 && a.min >= 0;
    if (!aIsAbove && !bIsAbove)
      return {};
    bool isLess = p == P::ult || p == P::ule;
    return isLess == bIsAbove;
  }
  switch (p) {
  case P::slt:
  case P::ult:
    return a.max < b.min ? std::optional(true) : a.min >= b.max ? std::optional(false) : std::nullopt;
  case P::sle:
  case P::ule:
    return a.max <= b.min ? std::optional(true) : a.min > b.max ? std::optional(false) : std::nullopt;
  case P::sgt:
  case P::ugt:
    return a.min > b.max ? std::optional(true) : a.max <= b.min ? std::optional(false) : std::nullopt;
  default: return a.min >= b.max ? std::optional(true) : a.max < b.min ? std::optional(false) : std::nullopt;
  }
}

/// x < y and x >= y change at multiples of y's divisor, x <= y and x > y one above.
static Run compareRun(Tiered &at, size_t d, const Facts &fx, const Run &x, const Facts &fy, const Run &y,
                      bool above) {
  uint64_t cuts = y.divisor;
  if (above) {
    auto c = fy.constant();
    if (!c || *c < 0)
      return {};
    cuts = uint64_t(*c) + 1;
  }
  return {0, std::gcd(uncutLength(at, d, fx, x, cuts), y.length), 1};
}

static void cmpI(Transfer &t) {
  Facts &r = t.result();
  const Facts &a = t.operand(0), &b = t.operand(1);
  P p = cast<arith::CmpIOp>(t.op).getPredicate();
  if (!a.width || a.width == 1) {
    Tiered(t).fill(
        [](Tiered &at, size_t d) { return Run{0, std::gcd(at.runs(0)[d].length, at.runs(1)[d].length), 1}; });
    return;
  }
  if (t.op->getOperand(0) == t.op->getOperand(1))
    r.min = r.max = p == P::eq || p == P::sle || p == P::sge || p == P::ule || p == P::uge;
  else if (auto truth = decided(p, a, b))
    r.min = r.max = *truth;
  bool isEquality = p == P::eq || p == P::ne;
  // With x on the left: x < y, x >= y. With x on the right: y > x, y <= x.
  bool above = p == P::sle || p == P::sgt || p == P::ule || p == P::ugt;
  Tiered(t).fill([&](Tiered &at, size_t d) -> Run {
    const Run &x = at.runs(0)[d], &y = at.runs(1)[d];
    if (x.stride == 0 && y.stride == 0)
      return {0, std::gcd(x.length, y.length), 1};
    if (isEquality)
      return {};
    if (x.stride == y.stride && !isUnsigned(p)) // their difference stays
      return {0, std::gcd(exactLength(a, x), exactLength(b, y)), 1};
    if (y.stride == 0)
      return compareRun(at, d, a, x, b, y, above);
    return x.stride == 0 ? compareRun(at, d, b, y, a, x, !above) : Run{};
  });
}

//===----------------------------------------------------------------------===//
// Selection
//===----------------------------------------------------------------------===//

static void select(Transfer &t) {
  Facts &r = t.result();
  const Facts &condition = t.operand(0), &a = t.operand(1), &b = t.operand(2);
  bool sameArms = t.op->getOperand(1) == t.op->getOperand(2);
  int pick = sameArms || condition.constant() == 1 ? 1 : condition.constant() == 0 ? 2 : -1;
  if (pick > 0) {
    r = t.operand(unsigned(pick));
    return;
  }
  r = a;
  r.join(b);
  bool isScalar = condition.runs.empty();
  r.runs.assign(a.runs.size(), {});
  r.usually.clear();
  Tiered(t).fill([&](Tiered &at, size_t d) {
    const Run &x = at.runs(1)[d], &y = at.runs(2)[d];
    uint64_t length = x.stride == y.stride ? std::gcd(x.length, y.length) : 1;
    if (!isScalar) {
      const Run &c = at.runs(0)[d];
      length = c.stride == 0 ? std::gcd(length, c.length) : 1;
    }
    Run p = cut(a, x, length), q = cut(b, y, length);
    return Run{p.stride, length, std::gcd(p.divisor, q.divisor)};
  });
}

void addDivisionRules(Rules &rules) {
  auto add = [&]<typename Op>(Op *, Rule rule) { rules[TypeID::get<Op>()] = rule; };
#define RULE(Op, rule) add(static_cast<Op *>(nullptr), rule)
  RULE(arith::DivSIOp, divS);
  RULE(arith::DivUIOp, divU);
  RULE(arith::RemSIOp, remS);
  RULE(arith::RemUIOp, remU);
  RULE(arith::FloorDivSIOp, floorDivS);
  RULE(arith::CeilDivSIOp, ceilDivS);
  RULE(arith::ShRSIOp, shrS);
  RULE(arith::ShRUIOp, shrU);
  RULE(arith::CmpIOp, cmpI);
  RULE(arith::SelectOp, select);
#undef RULE
}

} // namespace tegula::passes
