//===- Elementwise.cpp - the meaning of scalar operations, and their running error analysis ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Each function gives the correctly rounded result and the shadow: value in fp64 and a bound e with
//   e = sum over operands of |df/dx| e_x  +  u |v|,   u the unit roundoff of the result's format
// (running error analysis, Higham, Accuracy and Stability of Numerical Algorithms, section 3.3). Math functions take
// their error in ulp from the table ir/MathUlp.def.
//
//===----------------------------------------------------------------------===//

#include "driver/reference/Block.h"
#include "ir/ops/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringMap.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;

namespace tegula::reference {

static constexpr double infinity = std::numeric_limits<double>::infinity();

Cell exactCell(uint64_t bits, Kind kind) {
  Cell cell{bits, {}};
  if (isFloat(kind))
    cell.shadow.value = decode(bits, kind);
  return cell;
}

void settle(Cell &cell, Kind kind) {
  double got = decode(cell.bits, kind);
  if (!std::isfinite(got) || !std::isfinite(cell.shadow.value)) {
    // Within its bound of the largest finite value an overflow could have gone either way.
    bool couldBeFinite =
        std::isfinite(decode(encode(std::fabs(cell.shadow.value) - cell.shadow.error, kind), kind));
    if (std::isinf(got) && std::isfinite(cell.shadow.value) && couldBeFinite)
      cell.shadow.undecided = true;
    cell.shadow.value = got;
    cell.shadow.error = 0;
  }
  if (std::isnan(cell.shadow.error))
    cell.shadow.error = infinity;
}

/// The shadow of a result whose bits are set.
static void bound(const ElementOp &op, Cell &out, double value, double exactError, double ulps) {
  if (exactError == 0 && ulps == 0.5 && !op.anyOrder) {
    // Exact operands, one IEEE rounding: every device has these very bits.
    out.shadow.value = decode(out.bits, op.out);
    out.shadow.error = 0;
    return;
  }
  out.shadow.value = value;
  double relative = std::max(unitRoundoff(op.out) * 2 * ulps, 0x1p-52);
  out.shadow.error = exactError + relative * std::fabs(value) + 2 * ulps * tinyError(op.out);
  settle(out, op.out);
}

/// Rounds `value` to the result's format. `exactError` is what the operands' errors did to it, `ulps` how far from the
/// exact result a device may be: half an ulp is one IEEE rounding.
static void finish(const ElementOp &op, Cell &out, double computed, double value, double exactError,
                   double ulps = 0.5) {
  out.bits = encode(computed, op.out);
  bound(op, out, value, exactError, ulps);
}

/// What a math function adds to its result's error but for a rounding of `resultUlps`: in 8- and 16-bit formats a device
/// computes in f32, and rounds once more.
static double functionError(const ElementOp &op, double value, double argument) {
  if (op.out == Kind::F64)
    return 0;
  const MathError &e = op.error;
  double error = e.absolute;
  if (e.argument != 0 || e.argumentAbsolute != 0)
    error += (e.argumentAbsolute + e.argument * 0x1p-23 * std::fabs(value)) * std::fabs(argument);
  if (op.out != Kind::F32 && e.single > 0.5)
    error += e.single * 0x1p-23 * std::fabs(value);
  return error;
}
static double resultUlps(const ElementOp &op) {
  return op.out == Kind::F64 ? op.error.wide : op.out == Kind::F32 ? op.error.single : 0.5;
}

static double num(const ElementOp &op, const Cell *in, int i) { return decode(in[i].bits, op.in[i]); }
static int64_t sint(const ElementOp &op, const Cell *in, int i) { return signExtend(in[i].bits, op.in[i]); }

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

static void addF(const ElementOp &op, const Cell *in, Cell &out) {
  finish(op, out, num(op, in, 0) + num(op, in, 1), in[0].shadow.value + in[1].shadow.value,
         in[0].shadow.error + in[1].shadow.error);
}
static void subF(const ElementOp &op, const Cell *in, Cell &out) {
  finish(op, out, num(op, in, 0) - num(op, in, 1), in[0].shadow.value - in[1].shadow.value,
         in[0].shadow.error + in[1].shadow.error);
}
static double productError(const Shadow &a, const Shadow &b) {
  return std::fabs(a.value) * b.error + std::fabs(b.value) * a.error + a.error * b.error;
}
static void mulF(const ElementOp &op, const Cell *in, Cell &out) {
  finish(op, out, num(op, in, 0) * num(op, in, 1), in[0].shadow.value * in[1].shadow.value,
         productError(in[0].shadow, in[1].shadow));
}
static void divF(const ElementOp &op, const Cell *in, Cell &out) {
  const Shadow &a = in[0].shadow, &b = in[1].shadow;
  double value = a.value / b.value, room = std::fabs(b.value) - b.error;
  double error = a.error == 0 && b.error == 0 ? 0
                 : room > 0                   ? (a.error + std::fabs(value) * b.error) / room
                                              : infinity;
  finish(op, out, num(op, in, 0) / num(op, in, 1), value, error + functionError(op, value, 0),
         resultUlps(op));
}
static void remF(const ElementOp &op, const Cell *in, Cell &out) {
  const Shadow &a = in[0].shadow, &b = in[1].shadow;
  double low = std::trunc((a.value - a.error) / b.value), high = std::trunc((a.value + a.error) / b.value);
  out.shadow.undecided = (a.error > 0 && low != high) || b.error > 0;
  finish(op, out, std::fmod(num(op, in, 0), num(op, in, 1)), std::fmod(a.value, b.value), a.error);
}
static void fmaF(const ElementOp &op, const Cell *in, Cell &out) {
  double value = std::fma(in[0].shadow.value, in[1].shadow.value, in[2].shadow.value);
  out.bits = fusedMultiplyAdd(in[0].bits, in[1].bits, in[2].bits, op.out);
  bound(op, out, value, productError(in[0].shadow, in[1].shadow) + in[2].shadow.error, 0.5);
}
static void negF(const ElementOp &op, const Cell *in, Cell &out) {
  out.bits = in[0].bits ^ uint64_t(1) << (bitWidth(op.out) - 1);
  out.shadow.value = -in[0].shadow.value;
  out.shadow.error = in[0].shadow.error;
}
static void absF(const ElementOp &op, const Cell *in, Cell &out) {
  out.bits = in[0].bits & ~(uint64_t(1) << (bitWidth(op.out) - 1));
  out.shadow.value = std::fabs(in[0].shadow.value);
  out.shadow.error = in[0].shadow.error;
}
static void copySign(const ElementOp &op, const Cell *in, Cell &out) {
  uint64_t sign = uint64_t(1) << (bitWidth(op.out) - 1);
  out.bits = (in[0].bits & ~sign) | (in[1].bits & sign);
  out.shadow.value = std::copysign(in[0].shadow.value, in[1].shadow.value);
  out.shadow.error = in[0].shadow.error;
}

/// minimum/maximum: NaN of either operand wins when `propagate`, else the number wins; -0 is less than +0.
template <bool isMax, bool propagate> static void extremeF(const ElementOp &op, const Cell *in, Cell &out) {
  double a = num(op, in, 0), b = num(op, in, 1);
  int pick;
  if (std::isnan(a) || std::isnan(b))
    pick = std::isnan(a) == propagate ? 0 : 1;
  else if (a == b)
    pick = std::signbit(a) == isMax ? 1 : 0;
  else
    pick = (a < b) == isMax ? 1 : 0;
  out.bits = in[pick].bits;
  const Shadow &x = in[0].shadow, &y = in[1].shadow;
  if (std::isnan(x.value) || std::isnan(y.value)) {
    out.shadow = in[pick].shadow;
    return;
  }
  out.shadow.value = isMax ? std::max(x.value, y.value) : std::min(x.value, y.value);
  out.shadow.error = std::max(x.error, y.error);
}

//===----------------------------------------------------------------------===//
// Math functions: monotone ones are bounded at the ends of the operand's interval
//===----------------------------------------------------------------------===//

using Fn = double (*)(double);
static double exp2d(double x) { return std::exp2(x); }
static double rsqrtd(double x) { return 1 / std::sqrt(x); }

template <Fn f> static void monotone(const ElementOp &op, const Cell *in, Cell &out) {
  const Shadow &x = in[0].shadow;
  double value = f(x.value), error = 0;
  if (x.error > 0) {
    double low = f(x.value - x.error), high = f(x.value + x.error);
    error = std::max(std::fabs(high - value), std::fabs(low - value));
    if (std::isnan(error))
      error = infinity;
  }
  finish(op, out, f(num(op, in, 0)), value, error + functionError(op, value, x.value), resultUlps(op));
}
static double sind(double x) { return std::sin(x); }
static double cosd(double x) { return std::cos(x); }
static double tand(double x) { return std::tan(x); }
/// Rises without bound towards each odd multiple of pi / 2.
static void tangent(const ElementOp &op, const Cell *in, Cell &out) {
  const Shadow &x = in[0].shadow;
  constexpr double pi = 3.14159265358979323846;
  if (std::floor((x.value - x.error) / pi + 0.5) == std::floor((x.value + x.error) / pi + 0.5))
    return monotone<tand>(op, in, out);
  finish(op, out, std::tan(num(op, in, 0)), std::tan(x.value), infinity, resultUlps(op));
}
static double powd(double x, double y) { return std::pow(x, y); }
static double atan2d(double y, double x) { return std::atan2(y, x); }
/// Monotone in each operand while the first (pow) or both (atan2) keep their signs: bounded at the corners.
template <double (*f)(double, double)> static void ofTwo(const ElementOp &op, const Cell *in, Cell &out) {
  const Shadow &x = in[0].shadow, &y = in[1].shadow;
  double value = f(x.value, y.value), error = 0;
  if (x.error > 0 || y.error > 0) {
    for (double a : {x.value - x.error, x.value + x.error})
      for (double b : {y.value - y.error, y.value + y.error})
        error = std::max(error, std::fabs(f(a, b) - value));
    bool crosses = std::fabs(x.value) <= x.error || (f == atan2d && std::fabs(y.value) <= y.error);
    if (std::isnan(error) || crosses)
      error = infinity;
  }
  error += functionError(op, value, 0);
  finish(op, out, f(num(op, in, 0), num(op, in, 1)), value, error, resultUlps(op));
}
/// |f'| <= 1 and |f| <= 1.
template <Fn f> static void wave(const ElementOp &op, const Cell *in, Cell &out) {
  double value = f(in[0].shadow.value);
  double ulps = op.out == Kind::F64 ? op.error.wide : op.error.single;
  // Near a zero of the function the argument's reduction is accurate to an ulp of 1 only.
  double error = std::min(2.0, in[0].shadow.error) + ulps * (op.out == Kind::F64 ? 0x1p-52 : 0x1p-23) * 0.25;
  finish(op, out, f(num(op, in, 0)), value, error + functionError(op, value, in[0].shadow.value),
         resultUlps(op));
}
static double logd(double x) { return std::log(x); }
static double log2d(double x) { return std::log2(x); }
static double expd(double x) { return std::exp(x); }
static double erfd(double x) { return std::erf(x); }
static double log10d(double x) { return std::log10(x); }
static double acosd(double x) { return std::acos(x); }
static double asind(double x) { return std::asin(x); }
static double atand(double x) { return std::atan(x); }
static double acoshd(double x) { return std::acosh(x); }
static double asinhd(double x) { return std::asinh(x); }
static double atanhd(double x) { return std::atanh(x); }
static double coshd(double x) { return std::cosh(x); } // convex: also bounded by the ends
static double sinhd(double x) { return std::sinh(x); }
static double erfcd(double x) { return std::erfc(x); }
static double cbrtd(double x) { return std::cbrt(x); }
static double tanhd(double x) { return std::tanh(x); }
static double sqrtd(double x) { return std::sqrt(x); }
static double log1pd(double x) { return std::log1p(x); }
static double expm1d(double x) { return std::expm1(x); }

static double roundEven(double x) { return std::nearbyint(x); }
static double floord(double x) { return std::floor(x); }
static double ceild(double x) { return std::ceil(x); }
static double truncd(double x) { return std::trunc(x); }
template <Fn f> static void step(const ElementOp &op, const Cell *in, Cell &out) {
  const Shadow &x = in[0].shadow;
  out.bits = encode(f(num(op, in, 0)), op.out);
  out.shadow.value = f(x.value);
  out.shadow.undecided = x.error > 0 && f(x.value - x.error) != f(x.value + x.error);
}

//===----------------------------------------------------------------------===//
// Comparisons, selection, conversions
//===----------------------------------------------------------------------===//

static bool holds(arith::CmpFPredicate predicate, double a, double b) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::AlwaysFalse: return false;
  case P::OEQ: return !unordered && a == b;
  case P::OGT: return !unordered && a > b;
  case P::OGE: return !unordered && a >= b;
  case P::OLT: return !unordered && a < b;
  case P::OLE: return !unordered && a <= b;
  case P::ONE: return !unordered && a != b;
  case P::ORD: return !unordered;
  case P::UEQ: return unordered || a == b;
  case P::UGT: return unordered || a > b;
  case P::UGE: return unordered || a >= b;
  case P::ULT: return unordered || a < b;
  case P::ULE: return unordered || a <= b;
  case P::UNE: return unordered || a != b;
  case P::UNO: return unordered;
  case P::AlwaysTrue: return true;
  }
  return false;
}

static void cmpF(const ElementOp &op, const Cell *in, Cell &out) {
  out.bits = holds(arith::CmpFPredicate(op.attribute), num(op, in, 0), num(op, in, 1));
  double distance = std::fabs(in[0].shadow.value - in[1].shadow.value);
  double bound = in[0].shadow.error + in[1].shadow.error;
  bool isSelf = op.op->getOperand(0) == op.op->getOperand(1); // the same value, whatever it is
  out.shadow.undecided = bound > 0 && distance <= bound && !isSelf;
}

static void cmpI(const ElementOp &op, const Cell *in, Cell &out) {
  using P = arith::CmpIPredicate;
  int64_t a = sint(op, in, 0), b = sint(op, in, 1);
  uint64_t ua = in[0].bits, ub = in[1].bits;
  switch (P(op.attribute)) {
  case P::eq: out.bits = ua == ub; break;
  case P::ne: out.bits = ua != ub; break;
  case P::slt: out.bits = a < b; break;
  case P::sle: out.bits = a <= b; break;
  case P::sgt: out.bits = a > b; break;
  case P::sge: out.bits = a >= b; break;
  case P::ult: out.bits = ua < ub; break;
  case P::ule: out.bits = ua <= ub; break;
  case P::ugt: out.bits = ua > ub; break;
  case P::uge: out.bits = ua >= ub; break;
  }
}

static void select(const ElementOp &op, const Cell *in, Cell &out) {
  out = in[in[0].bits & 1 ? 1 : 2];
  out.shadow.undecided |= in[0].shadow.undecided;
}

static void convertF(const ElementOp &op, const Cell *in, Cell &out) {
  bool towardZero = op.attribute == int64_t(tile::Rounding::TowardZero);
  const Shadow &x = in[0].shadow;
  out.bits = encode(num(op, in, 0), op.out, towardZero ? Round::TowardZero : Round::NearestEven);
  if (x.error == 0) {
    out.shadow.value = decode(out.bits, op.out);
    return;
  }
  bound(op, out, x.value, x.error, towardZero ? 1.0 : 0.5);
  bool saturates = op.out == Kind::F8E4M3 || op.out == Kind::F8E5M2;
  if (saturates && !std::isnan(x.value)) {
    double limit = op.out == Kind::F8E4M3 ? 448 : 57344;
    out.shadow.value = std::clamp(x.value, -limit, limit);
    out.shadow.error = std::min(out.shadow.error, 2 * limit);
  }
}

/// The integer as fp64, its last bit set if bits were lost, so that one more rounding is the only one.
template <typename Integer> static double toOdd(Integer value) {
  double rounded = double(value);
  if (rounded >= 0x1p63 || __int128(rounded) == __int128(value))
    return rounded;
  uint64_t bits = encode(rounded, Kind::F64);
  bool roundedUp = (__int128(rounded) > __int128(value)) == (rounded > 0);
  return decode(bits & 1 ? bits : roundedUp ? bits - 1 : bits + 1, Kind::F64);
}

/// From an integer of up to 64 bits, whose fp64 value may be rounded already: f32 rounds from the integer itself.
template <typename Integer> static void intToFloat(const ElementOp &op, Cell &out, Integer value) {
  out.bits = encode(op.out == Kind::F64 ? double(value) : double(float(value)), op.out);
  if (op.out == Kind::F16 || op.out == Kind::BF16)
    out.bits = encode(toOdd(value), op.out);
  out.shadow.value = decode(out.bits, op.out);
}
static void siToFp(const ElementOp &op, const Cell *in, Cell &out) { intToFloat(op, out, sint(op, in, 0)); }
static void uiToFp(const ElementOp &op, const Cell *in, Cell &out) { intToFloat(op, out, in[0].bits); }

/// Saturates; NaN gives 0.
template <bool isSigned> static void fpToInt(const ElementOp &op, const Cell *in, Cell &out) {
  double x = std::trunc(num(op, in, 0));
  int width = bitWidth(op.out);
  double low = isSigned ? -std::ldexp(1.0, width - 1) : 0,
         high = std::ldexp(1.0, isSigned ? width - 1 : width);
  uint64_t bits;
  if (std::isnan(x))
    bits = 0;
  else if (x < low)
    bits = isSigned ? uint64_t(1) << (width - 1) : 0;
  else if (x >= high)
    bits = isSigned ? (uint64_t(1) << (width - 1)) - 1 : ~uint64_t(0);
  else
    bits = isSigned ? uint64_t(int64_t(x)) : uint64_t(x);
  out.bits = truncate(bits, op.out);
  const Shadow &s = in[0].shadow;
  out.shadow.undecided = s.error > 0 && std::trunc(s.value - s.error) != std::trunc(s.value + s.error);
}

static void extendS(const ElementOp &op, const Cell *in, Cell &out) {
  out.bits = truncate(uint64_t(sint(op, in, 0)), op.out);
}
static void extendU(const ElementOp &op, const Cell *in, Cell &out) { out.bits = in[0].bits; }
static void truncI(const ElementOp &op, const Cell *in, Cell &out) {
  out.bits = truncate(in[0].bits, op.out);
}
static void bitcast(const ElementOp &op, const Cell *in, Cell &out) {
  out = exactCell(in[0].bits, op.out);
  out.shadow.undecided = isFloat(op.in[0]) && in[0].shadow.error > 0;
}
static void sameBits(const ElementOp &op, const Cell *in, Cell &out) { out.bits = in[0].bits; }

//===----------------------------------------------------------------------===//
// Integers: wrap around; division by zero gives 0, a shift by the width or more gives 0 (or the sign)
//===----------------------------------------------------------------------===//

template <typename F> static void wrap(const ElementOp &op, Cell &out, F value) {
  out.bits = truncate(uint64_t(value), op.out);
}

static void addI(const ElementOp &op, const Cell *in, Cell &out) { wrap(op, out, in[0].bits + in[1].bits); }
static void subI(const ElementOp &op, const Cell *in, Cell &out) { wrap(op, out, in[0].bits - in[1].bits); }
static void mulI(const ElementOp &op, const Cell *in, Cell &out) { wrap(op, out, in[0].bits * in[1].bits); }
static void andI(const ElementOp &op, const Cell *in, Cell &out) { wrap(op, out, in[0].bits & in[1].bits); }
static void orI(const ElementOp &op, const Cell *in, Cell &out) { wrap(op, out, in[0].bits | in[1].bits); }
static void xorI(const ElementOp &op, const Cell *in, Cell &out) { wrap(op, out, in[0].bits ^ in[1].bits); }

/// Where dividing would trap, the divisor is taken as 1, as every device does.
static bool traps(int64_t a, int64_t b, Kind kind) {
  return b == 0 || (b == -1 && a == signExtend(uint64_t(1) << (bitWidth(kind) - 1), kind));
}
static void divS(const ElementOp &op, const Cell *in, Cell &out) {
  int64_t a = sint(op, in, 0), b = sint(op, in, 1);
  wrap(op, out, traps(a, b, op.out) ? a : a / b);
}
static void remS(const ElementOp &op, const Cell *in, Cell &out) {
  int64_t a = sint(op, in, 0), b = sint(op, in, 1);
  wrap(op, out, traps(a, b, op.out) ? 0 : a % b);
}
static void divU(const ElementOp &op, const Cell *in, Cell &out) {
  wrap(op, out, in[1].bits ? in[0].bits / in[1].bits : in[0].bits);
}
static void remU(const ElementOp &op, const Cell *in, Cell &out) {
  wrap(op, out, in[1].bits ? in[0].bits % in[1].bits : 0);
}
static int64_t floorDivide(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }
static void floorDivS(const ElementOp &op, const Cell *in, Cell &out) {
  int64_t a = sint(op, in, 0), b = sint(op, in, 1);
  wrap(op, out, traps(a, b, op.out) ? a : floorDivide(a, b));
}
static void ceilDivS(const ElementOp &op, const Cell *in, Cell &out) {
  int64_t a = sint(op, in, 0), b = sint(op, in, 1);
  wrap(op, out, traps(a, b, op.out) ? a : a / b + (a % b != 0 && (a < 0) == (b < 0)));
}
static void shl(const ElementOp &op, const Cell *in, Cell &out) {
  wrap(op, out, in[1].bits >= uint64_t(bitWidth(op.out)) ? 0 : in[0].bits << in[1].bits);
}
static void shrU(const ElementOp &op, const Cell *in, Cell &out) {
  wrap(op, out, in[1].bits >= uint64_t(bitWidth(op.out)) ? 0 : in[0].bits >> in[1].bits);
}
static void shrS(const ElementOp &op, const Cell *in, Cell &out) {
  wrap(op, out, sint(op, in, 0) >> std::min<uint64_t>(in[1].bits, uint64_t(bitWidth(op.out) - 1)));
}
static void maxS(const ElementOp &op, const Cell *in, Cell &out) {
  wrap(op, out, std::max(sint(op, in, 0), sint(op, in, 1)));
}
static void minS(const ElementOp &op, const Cell *in, Cell &out) {
  wrap(op, out, std::min(sint(op, in, 0), sint(op, in, 1)));
}
static void maxU(const ElementOp &op, const Cell *in, Cell &out) {
  wrap(op, out, std::max(in[0].bits, in[1].bits));
}
static void minU(const ElementOp &op, const Cell *in, Cell &out) {
  wrap(op, out, std::min(in[0].bits, in[1].bits));
}
static void absI(const ElementOp &op, const Cell *in, Cell &out) {
  wrap(op, out, sint(op, in, 0) < 0 ? 0 - in[0].bits : in[0].bits);
}
static void mulHiU(const ElementOp &op, const Cell *in, Cell &out) {
  unsigned __int128 product = (unsigned __int128)in[0].bits * in[1].bits;
  out.bits = truncate(uint64_t(product >> bitWidth(op.out)), op.out);
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

namespace {
using MathErrors = llvm::StringMap<MathError>;
} // namespace

/// The error that devices may make in an operation, by its name without the dialect.
static MathError mathErrorOf(Operation *op, Devices devices) {
  static const MathErrors cpu = {
#define ULP(op, single, wide) {#op, {single, wide}},
#define ULP_OF_TWO ULP
#include "ir/MathUlp.def"
#undef ULP_OF_TWO
#undef ULP
  };
#define ULP(...)
  static const MathErrors gpu = {
#define GPU(op, single, wide, argument, absolute, argumentAbsolute)                                          \
  {#op, {single, wide, argument, absolute, argumentAbsolute}},
#define GPU_APPROXIMATE(...)
#include "ir/MathUlp.def"
#undef GPU
#undef GPU_APPROXIMATE
  };
  static const MathErrors approximate = {
#define GPU(...)
#define GPU_APPROXIMATE(op, single, wide, argument, absolute, argumentAbsolute)                              \
  {#op, {single, wide, argument, absolute, argumentAbsolute}},
#include "ir/MathUlp.def"
#undef GPU
#undef GPU_APPROXIMATE
  };
#undef ULP
  StringRef name = op->getName().stripDialect();
  auto withFlags = dyn_cast<arith::ArithFastMathInterface>(op);
  auto flags = withFlags ? withFlags.getFastMathFlagsAttr() : arith::FastMathFlagsAttr();
  bool mayApproximate = flags && arith::bitEnumContainsAll(flags.getValue(), arith::FastMathFlags::afn);
  if (devices == Devices::Gpu)
    for (const MathErrors *errors : {mayApproximate ? &approximate : &gpu, &gpu})
      if (auto row = errors->find(name); row != errors->end())
        return row->second;
  return cpu.lookup(name);
}

static const llvm::StringMap<ElementFn> &table() {
  static const llvm::StringMap<ElementFn> rows = {
      {"arith.addf", addF},
      {"arith.subf", subF},
      {"arith.mulf", mulF},
      {"arith.divf", divF},
      {"arith.remf", remF},
      {"arith.negf", negF},
      {"math.fma", fmaF},
      {"math.absf", absF},
      {"math.copysign", copySign},
      {"arith.maximumf", extremeF<true, true>},
      {"arith.minimumf", extremeF<false, true>},
      {"arith.maxnumf", extremeF<true, false>},
      {"arith.minnumf", extremeF<false, false>},
      {"math.exp", monotone<expd>},
      {"math.exp2", monotone<exp2d>},
      {"math.expm1", monotone<expm1d>},
      {"math.log", monotone<logd>},
      {"math.log2", monotone<log2d>},
      {"math.log1p", monotone<log1pd>},
      {"math.erf", monotone<erfd>},
      {"math.tanh", monotone<tanhd>},
      {"math.sqrt", monotone<sqrtd>},
      {"math.rsqrt", monotone<rsqrtd>},
      {"math.sin", wave<sind>},
      {"math.cos", wave<cosd>},
      {"math.log10", monotone<log10d>},
      {"math.acos", monotone<acosd>},
      {"math.asin", monotone<asind>},
      {"math.atan", monotone<atand>},
      {"math.acosh", monotone<acoshd>},
      {"math.asinh", monotone<asinhd>},
      {"math.atanh", monotone<atanhd>},
      {"math.cosh", monotone<coshd>},
      {"math.sinh", monotone<sinhd>},
      {"math.erfc", monotone<erfcd>},
      {"math.cbrt", monotone<cbrtd>},
      {"math.tan", tangent},
      {"math.powf", ofTwo<powd>},
      {"math.atan2", ofTwo<atan2d>},
      {"math.floor", step<floord>},
      {"math.ceil", step<ceild>},
      {"math.trunc", step<truncd>},
      {"math.roundeven", step<roundEven>},
      {"arith.cmpf", cmpF},
      {"arith.cmpi", cmpI},
      {"arith.select", select},
      {"arith.extf", convertF},
      {"arith.truncf", convertF},
      {"tile.fp_to_fp", convertF},
      {"arith.sitofp", siToFp},
      {"arith.uitofp", uiToFp},
      {"arith.fptosi", fpToInt<true>},
      {"arith.fptoui", fpToInt<false>},
      {"arith.extsi", extendS},
      {"arith.extui", extendU},
      {"arith.trunci", truncI},
      {"arith.bitcast", bitcast},
      {"arith.index_cast", extendS},
      {"tile.int_to_ptr", sameBits},
      {"tile.ptr_to_int", sameBits},
      {"tile.ptr_cast", sameBits},
      {"arith.addi", addI},
      {"arith.subi", subI},
      {"arith.muli", mulI},
      {"arith.andi", andI},
      {"arith.ori", orI},
      {"arith.xori", xorI},
      {"arith.divsi", divS},
      {"arith.remsi", remS},
      {"arith.divui", divU},
      {"arith.remui", remU},
      {"arith.floordivsi", floorDivS},
      {"arith.ceildivsi", ceilDivS},
      {"arith.shli", shl},
      {"arith.shrui", shrU},
      {"arith.shrsi", shrS},
      {"arith.maxsi", maxS},
      {"arith.minsi", minS},
      {"arith.maxui", maxU},
      {"arith.minui", minU},
      {"math.absi", absI},
      {"tile.mulhi_u", mulHiU},
  };
  return rows;
}

ElementFn elementFunction(Operation *op, ElementOp &info, Devices devices) {
  auto row = table().find(op->getName().getStringRef());
  if (row == table().end())
    return nullptr;
  info.op = op;
  info.anyOrder = isa_and_nonnull<tile::ReduceOp, tile::ScanOp>(op->getParentOp());
  for (Type type : op->getOperandTypes())
    info.in.push_back(kindOf(tile::elementType(type)));
  info.out = kindOf(tile::elementType(op->getResult(0).getType()));
  info.error = mathErrorOf(op, devices);
  if (auto cmp = dyn_cast<arith::CmpFOp>(op))
    info.attribute = int64_t(cmp.getPredicate());
  else if (auto cmp = dyn_cast<arith::CmpIOp>(op))
    info.attribute = int64_t(cmp.getPredicate());
  else if (auto convert = dyn_cast<tile::FpToFpOp>(op))
    info.attribute = int64_t(convert.getRounding());
  return row->second;
}

} // namespace tegula::reference
