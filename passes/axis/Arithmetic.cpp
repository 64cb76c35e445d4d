//===- Arithmetic.cpp - sums, products, bits, widening ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/axis/Transfer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <bit>
#include <numeric>

using namespace mlir;

namespace tegula::passes {

bool Tiered::holds(bool isProved, Obligation::Kind kind, unsigned operand) {
  if (isProved)
    return true;
  failed = true;
  if (tier == Tier::Proved)
    return false;
  Obligation obligation{t.op, operand, kind};
  if (!llvm::is_contained(t.obligations, obligation))
    t.obligations.push_back(obligation);
  return true;
}

uint64_t Tiered::fitted(size_t d, uint64_t length) const {
  return int64_t(length) >= tile::shapeOf(t.op->getResult(0).getType())[d] ? 0 : length;
}

uint64_t Tiered::exact(unsigned operand, const Run &run) {
  uint64_t length = exactLength(t.operand(operand), run);
  return holds(length == run.length, Obligation::NoWrap, operand) ? run.length : length;
}

/// The result's range, or that of its type where it may wrap.
static bool setRange(Facts &result, __int128 low, __int128 high) {
  if (!fits(low, high, result.width))
    return false;
  result.min = int64_t(low);
  result.max = int64_t(high);
  return true;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// Bits of a + b + carry that are known (the carries into each place lie between those of the least and the largest).
static void sumBits(Facts &result, uint64_t zeroA, uint64_t oneA, uint64_t zeroB, uint64_t oneB, bool carry) {
  uint64_t most = ~zeroA + ~zeroB + carry, least = oneA + oneB + carry;
  uint64_t carryIsZero = ~(most ^ zeroA ^ zeroB), carryIsOne = least ^ oneA ^ oneB;
  uint64_t known = (zeroA | oneA) & (zeroB | oneB) & (carryIsZero | carryIsOne) & maskOf(result.width);
  result.zeros = ~most & known;
  result.ones = most & known;
}

static uint64_t sumDivisor(uint64_t a, uint64_t b, bool wraps, unsigned width) {
  uint64_t common = std::gcd(a, b);
  return wraps ? powerOfTwo(common, width) : common;
}

static Run sumRun(const Facts &fa, const Run &a, const Facts &fb, const Run &b, int sign, bool wraps,
                  unsigned width) {
  uint64_t length = std::gcd(a.length, b.length);
  Run x = cut(fa, a, length), y = cut(fb, b, length);
  return {wrapped((__int128)x.stride + sign * (__int128)y.stride, width), length,
          sumDivisor(x.divisor, y.divisor, wraps, width)};
}

static void sum(Transfer &t, int sign) {
  Facts &r = t.result();
  const Facts &a = t.operand(0), &b = t.operand(1);
  bool wraps = sign > 0 ? !setRange(r, (__int128)a.min + b.min, (__int128)a.max + b.max)
                        : !setRange(r, (__int128)a.min - b.max, (__int128)a.max - b.min);
  uint64_t all = maskOf(r.width);
  uint64_t zeroA = a.zeros | ~all, zeroB = b.zeros | ~all;
  if (sign > 0)
    sumBits(r, zeroA, a.ones, zeroB, b.ones, false);
  else
    sumBits(r, zeroA, a.ones, b.ones, zeroB, true);
  r.divisor = sumDivisor(a.divisor, b.divisor, wraps, r.width);
  Tiered(t).fill(
      [&](Tiered &at, size_t d) { return sumRun(a, at.runs(0)[d], b, at.runs(1)[d], sign, wraps, r.width); });
}
static void addI(Transfer &t) { sum(t, 1); }
static void subI(Transfer &t) { sum(t, -1); }

static void addPtr(Transfer &t) {
  Facts &r = t.result();
  const Facts &pointer = t.operand(0), &offset = t.operand(1);
  int64_t size = pointeeBytes(tile::elementType(t.op->getResult(0).getType()));
  r.root = pointer.root;
  if (!r.root ||
      !setRange(r, pointer.min + (__int128)offset.min * size, pointer.max + (__int128)offset.max * size))
    r.min = lowest(64), r.max = highest(64);
  uint64_t scaled = productDivisor(offset.divisor, uint64_t(size), true, 64);
  r.divisor = sumDivisor(pointer.divisor, scaled, true, 64);
  Facts wide = Facts::unknown(t.op->getResult(0).getType());
  Tiered(t).fill([&](Tiered &at, size_t d) {
    Run o = at.runs(1)[d];
    // The offset is widened as a signed number.
    if (offset.width < 64)
      o = cut(offset, o, at.exact(1, o));
    o.stride = wrapped((__int128)o.stride * size, 64);
    o.divisor = productDivisor(o.divisor, uint64_t(size), true, 64);
    return sumRun(pointer, at.runs(0)[d], wide, o, 1, true, 64);
  });
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static uint64_t absolute(int64_t value) { return value < 0 ? 0 - uint64_t(value) : uint64_t(value); }

static Run productRun(const Facts &fa, const Run &a, const Facts &fb, const Run &b, bool wraps,
                      unsigned width) {
  auto scaled = [&](const Run &run, int64_t by) {
    return Run{wrapped((__int128)run.stride * by, width), run.length,
               productDivisor(run.divisor, absolute(by), wraps, width)};
  };
  if (auto factor = fb.constant())
    return scaled(a, *factor);
  if (auto factor = fa.constant())
    return scaled(b, *factor);
  bool areEqual = a.stride == 0 && b.stride == 0;
  uint64_t length = areEqual ? std::gcd(a.length, b.length) : 1;
  Run x = cut(fa, a, length), y = cut(fb, b, length);
  return {0, length, productDivisor(x.divisor, y.divisor, wraps, width)};
}

static bool productRange(Facts &r, const Facts &a, const Facts &b) {
  __int128 corners[] = {(__int128)a.min * b.min, (__int128)a.min * b.max, (__int128)a.max * b.min,
                        (__int128)a.max * b.max};
  return setRange(r, *std::min_element(corners, corners + 4), *std::max_element(corners, corners + 4));
}

static void product(Transfer &t, const Facts &a, ArrayRef<const Facts *> operands, const Facts &b) {
  Facts &r = t.result();
  bool wraps = !productRange(r, a, b);
  r.divisor = productDivisor(a.divisor, b.divisor, wraps, r.width);
  bool isBinary = operands.size() == 2;
  Tiered(t).fill([&](Tiered &at, size_t d) {
    Run constant{0, 0, b.divisor};
    return productRun(a, at.runs(0)[d], b, isBinary ? at.runs(1)[d] : constant, wraps, r.width);
  });
}
static void mulI(Transfer &t) { product(t, t.operand(0), t.in, t.operand(1)); }

static void mulHiU(Transfer &t) {
  const Facts &a = t.operand(0), &b = t.operand(1);
  Facts &r = t.result();
  Tiered(t).fill([&](Tiered &at, size_t d) {
    const Run &x = at.runs(0)[d], &y = at.runs(1)[d];
    return Run{0, x.stride == 0 && y.stride == 0 ? std::gcd(x.length, y.length) : 1, 1};
  });
  if (a.min >= 0 && b.min >= 0)
    setRange(r, (__int128)a.min * b.min >> r.width, (__int128)a.max * b.max >> r.width);
  else if (a.constant() == 0 || b.constant() == 0)
    r.min = r.max = 0;
}

static void shiftLeft(Transfer &t) {
  const Facts &by = t.operand(1);
  Facts &r = t.result();
  auto amount = by.constant();
  if (amount && *amount >= 0 && uint64_t(*amount) < r.width) {
    // The factor 2^(width - 1) is the smallest number; modulo 2^width it is the same.
    Facts factor = Facts::unknown(r.width == 64 ? IntegerType::get(t.op->getContext(), 64)
                                                : IntegerType::get(t.op->getContext(), r.width));
    factor.min = factor.max = wrapped((__int128)1 << *amount, r.width);
    factor.divisor = uint64_t(1) << *amount;
    product(t, t.operand(0), t.in.take_front(1), factor);
    return;
  }
  if (amount) { // shifted out
    r.min = r.max = 0;
    return;
  }
  r.divisor = powerOfTwo(t.operand(0).divisor, r.width);
  Tiered(t).fill([&](Tiered &at, size_t d) {
    const Run &x = at.runs(0)[d], &y = at.runs(1)[d];
    uint64_t length = x.stride == 0 && y.stride == 0 ? std::gcd(x.length, y.length) : 1;
    return Run{0, length, powerOfTwo(cut(t.operand(0), x, length).divisor, r.width)};
  });
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

static Run equalRun(Tiered &at, size_t d) {
  const Run &x = at.runs(0)[d], &y = at.runs(1)[d];
  return {0, x.stride == 0 && y.stride == 0 ? std::gcd(x.length, y.length) : 1, 1};
}

static bool areDisjoint(const Facts &a, const Facts &b) {
  uint64_t all = maskOf(a.width);
  return (~a.zeros & ~b.zeros & all) == 0;
}

/// x & mask for a mask of low ones is x modulo a power of two; without low ones, x less that.
static bool maskedRuns(Transfer &t, unsigned operand, int64_t mask) {
  unsigned width = t.result().width;
  uint64_t bits = uint64_t(mask) & maskOf(width), inverse = ~uint64_t(mask) & maskOf(width);
  bool keepsLow = std::has_single_bit(bits + 1) && bits != maskOf(width);
  bool dropsLow = std::has_single_bit(inverse + 1) && inverse != maskOf(width);
  if (!keepsLow && !dropsLow)
    return false;
  uint64_t modulus = (keepsLow ? bits : inverse) + 1;
  const Facts &x = t.operand(operand);
  Tiered(t).fill([&](Tiered &at, size_t d) {
    const Run &run = at.runs(operand)[d];
    uint64_t divisor = run.divisor ? std::gcd(run.divisor, modulus) : modulus; // a power of two
    uint64_t stride = uint64_t(run.stride);
    if (run.stride == 0) {
      if (keepsLow)
        return Run{0, run.length, run.divisor ? divisor : 0};
      return Run{0, run.length, bothDivide(powerOfTwo(run.divisor, width), modulus)};
    }
    uint64_t length = 1;
    if (run.stride > 0 && divisor % stride == 0)
      length = at.fitted(d, std::gcd(run.length, divisor / stride));
    Run piece = cut(x, run, length);
    if (keepsLow)
      return Run{length == 1 ? 0 : run.stride, length, piece.divisor ? std::gcd(piece.divisor, modulus) : 0};
    return Run{0, length, modulus};
  });
  return true;
}

static void andI(Transfer &t) {
  Facts &r = t.result();
  const Facts &a = t.operand(0), &b = t.operand(1);
  r.zeros = a.zeros | b.zeros;
  r.ones = a.ones & b.ones;
  if (a.min >= 0 || b.min >= 0)
    setRange(r, 0, std::min(a.min >= 0 ? a.max : INT64_MAX, b.min >= 0 ? b.max : INT64_MAX));
  if ((b.constant() && maskedRuns(t, 0, *b.constant())) || (a.constant() && maskedRuns(t, 1, *a.constant())))
    return;
  Tiered(t).fill(equalRun);
}

static void orI(Transfer &t) {
  const Facts &a = t.operand(0), &b = t.operand(1);
  if (areDisjoint(a, b)) {
    addI(t);
    return;
  }
  Facts &r = t.result();
  r.zeros = a.zeros & b.zeros;
  r.ones = a.ones | b.ones;
  if (a.min >= 0 && b.min >= 0)
    setRange(r, std::max(a.min, b.min), std::bit_ceil(uint64_t(std::max(a.max, b.max)) + 1) - 1);
  else if (a.max < 0 || b.max < 0)
    setRange(r, lowest(r.width), r.width == 1 ? 1 : -1);
  Tiered(t).fill(equalRun);
}

static void xorI(Transfer &t) {
  const Facts &a = t.operand(0), &b = t.operand(1);
  Facts &r = t.result();
  if (areDisjoint(a, b)) {
    addI(t);
    return;
  }
  r.zeros = (a.zeros & b.zeros) | (a.ones & b.ones);
  r.ones = (a.zeros & b.ones) | (a.ones & b.zeros);
  if (r.width > 1 && b.constant() == -1) { // ~x is -1 - x
    setRange(r, -1 - (__int128)a.max, -1 - (__int128)a.min);
    Tiered(t).fill([&](Tiered &at, size_t d) {
      const Run &x = at.runs(0)[d];
      return Run{wrapped(-(__int128)x.stride, r.width), x.length, 1};
    });
    return;
  }
  if (a.min >= 0 && b.min >= 0)
    setRange(r, 0, std::bit_ceil(uint64_t(std::max(a.max, b.max)) + 1) - 1);
  Tiered(t).fill(equalRun);
}

//===----------------------------------------------------------------------===//
// Widths
//===----------------------------------------------------------------------===//

static void sameRuns(Transfer &t) {
  Tiered(t).fill([](Tiered &at, size_t d) { return at.runs(0)[d]; });
}

static void extendSigned(Transfer &t) {
  Facts &r = t.result();
  const Facts &a = t.operand(0);
  if (a.width == 1) { // true is -1
    setRange(r, -(__int128)a.max, -(__int128)a.min);
    Tiered(t).fill([](Tiered &at, size_t d) { return Run{0, at.runs(0)[d].length, at.runs(0)[d].divisor}; });
    return;
  }
  r.min = a.min, r.max = a.max, r.divisor = a.divisor;
  uint64_t upper = maskOf(r.width) & ~maskOf(a.width), sign = uint64_t(1) << (a.width - 1);
  r.zeros = a.zeros | (a.zeros & sign ? upper : 0);
  r.ones = a.ones | (a.ones & sign ? upper : 0);
  Tiered(t).fill([&](Tiered &at, size_t d) {
    const Run &run = at.runs(0)[d];
    return cut(a, run, at.exact(0, run));
  });
}

static void extendUnsigned(Transfer &t) {
  Facts &r = t.result();
  const Facts &a = t.operand(0);
  if (a.min >= 0 && a.width > 1) {
    extendSigned(t);
    return;
  }
  r.zeros = a.zeros | (maskOf(r.width) & ~maskOf(a.width));
  r.ones = a.ones;
  r.min = a.width == 1 ? a.min : 0;
  r.max = a.width == 1 ? a.max : int64_t(maskOf(a.width));
  r.divisor = powerOfTwo(a.divisor, a.width);
  Tiered(t).fill([&](Tiered &at, size_t d) {
    // A block of 2^k that starts at a multiple of 2^k holds no border of unsigned numbers either; a range does not help.
    Run run = at.runs(0)[d];
    Facts free = Facts::unknown(IntegerType::get(t.op->getContext(), a.width));
    run = cut(free, run, exactLength(free, run));
    run.divisor = powerOfTwo(run.divisor, a.width);
    return run;
  });
}

static void truncate(Transfer &t) {
  Facts &r = t.result();
  const Facts &a = t.operand(0);
  bool wraps = !setRange(r, a.min, a.max);
  uint64_t all = maskOf(r.width);
  r.zeros = a.zeros & all;
  r.ones = a.ones & all;
  r.divisor = wraps ? powerOfTwo(a.divisor, r.width) : a.divisor;
  Tiered(t).fill([&](Tiered &at, size_t d) {
    Run run = at.runs(0)[d];
    return Run{wrapped(run.stride, r.width), run.length,
               wraps ? powerOfTwo(run.divisor, r.width) : run.divisor};
  });
}

static void indexCast(Transfer &t) {
  unsigned from = t.operand(0).width, to = t.result().width;
  from == to ? extendSigned(t) : from < to ? extendSigned(t) : truncate(t);
}

static void pointerCast(Transfer &t) {
  Facts &r = t.result();
  const Facts &a = t.operand(0);
  r.root = a.root;
  r.min = a.min, r.max = a.max, r.zeros = a.zeros, r.ones = a.ones, r.divisor = a.divisor;
  sameRuns(t);
}

/// An address as a number and back: the bits are the same, its range is not that of an offset.
static void reinterpretAddress(Transfer &t) {
  Facts &r = t.result();
  const Facts &a = t.operand(0);
  if (a.width == 64) {
    r.zeros = a.zeros, r.ones = a.ones;
    r.divisor = powerOfTwo(a.divisor, 64);
    Tiered(t).fill([](Tiered &at, size_t d) {
      Run run = at.runs(0)[d];
      run.divisor = powerOfTwo(run.divisor, 64);
      return run;
    });
  }
  // A pointer that is made of a number is its own root.
  if (r.isPointer && !tile::isTile(t.op->getResult(0).getType())) {
    r.root = t.op->getResult(0);
    r.min = r.max = 0;
  }
}

//===----------------------------------------------------------------------===//
// Extremes
//===----------------------------------------------------------------------===//

static void extreme(Transfer &t, bool isMax, bool isUnsigned) {
  Facts &r = t.result();
  const Facts &a = t.operand(0), &b = t.operand(1);
  r.divisor = std::gcd(a.divisor, b.divisor);
  bool isSigned = !isUnsigned || (a.min >= 0 && b.min >= 0);
  int pick = -1;
  if (isSigned) {
    setRange(r, isMax ? std::max(a.min, b.min) : std::min(a.min, b.min),
             isMax ? std::max(a.max, b.max) : std::min(a.max, b.max));
    pick = a.max <= b.min ? isMax : b.max <= a.min ? !isMax : -1;
  }
  r.zeros = a.zeros & b.zeros;
  r.ones = a.ones & b.ones;
  Tiered(t).fill([&](Tiered &at, size_t d) {
    if (pick >= 0)
      return at.runs(pick)[d];
    const Run &x = at.runs(0)[d], &y = at.runs(1)[d];
    uint64_t length = x.stride == 0 && y.stride == 0 ? std::gcd(x.length, y.length) : 1;
    return Run{0, length, std::gcd(cut(a, x, length).divisor, cut(b, y, length).divisor)};
  });
}

static void absI(Transfer &t) {
  Facts &r = t.result();
  const Facts &a = t.operand(0);
  r.divisor = a.min > lowest(a.width) ? a.divisor : powerOfTwo(a.divisor, a.width);
  if (a.min >= 0)
    setRange(r, a.min, a.max);
  else
    setRange(r, a.max < 0 ? -(__int128)a.max : 0, std::max(-(__int128)a.min, (__int128)a.max));
  Tiered(t).fill([&](Tiered &at, size_t d) {
    const Run &x = at.runs(0)[d];
    if (a.min >= 0)
      return x;
    uint64_t length = x.stride == 0 ? x.length : 1;
    uint64_t divisor = cut(a, x, length).divisor;
    return Run{0, length, a.min > lowest(a.width) ? divisor : powerOfTwo(divisor, a.width)};
  });
}

template <bool isMax, bool isUnsigned> static void extremeRule(Transfer &t) { extreme(t, isMax, isUnsigned); }

void addArithmeticRules(Rules &rules) {
  auto add = [&]<typename Op>(Op *, Rule rule) { rules[TypeID::get<Op>()] = rule; };
#define RULE(Op, rule) add(static_cast<Op *>(nullptr), rule)
  RULE(arith::AddIOp, addI);
  RULE(arith::SubIOp, subI);
  RULE(arith::MulIOp, mulI);
  RULE(arith::ShLIOp, shiftLeft);
  RULE(arith::AndIOp, andI);
  RULE(arith::OrIOp, orI);
  RULE(arith::XOrIOp, xorI);
  RULE(arith::ExtSIOp, extendSigned);
  RULE(arith::ExtUIOp, extendUnsigned);
  RULE(arith::TruncIOp, truncate);
  RULE(arith::IndexCastOp, indexCast);
  RULE(arith::MaxSIOp, (extremeRule<true, false>));
  RULE(arith::MinSIOp, (extremeRule<false, false>));
  RULE(arith::MaxUIOp, (extremeRule<true, true>));
  RULE(arith::MinUIOp, (extremeRule<false, true>));
  RULE(math::AbsIOp, absI);
  RULE(tile::AddPtrOp, addPtr);
  RULE(tile::MulHiUOp, mulHiU);
  RULE(tile::PtrCastOp, pointerCast);
  RULE(tile::PtrToIntOp, reinterpretAddress);
  RULE(tile::IntToPtrOp, reinterpretAddress);
#undef RULE
}

} // namespace tegula::passes
