//===- Number.cpp - element formats ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/reference/Number.h"
#include "ir/ops/Tile.h"

#include <bit>
#include <cmath>
#include <limits>

using namespace mlir;

namespace tegula::reference {

Kind kindOf(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element))
    switch (integer.getWidth()) {
    case 1: return Kind::I1;
    case 8: return Kind::I8;
    case 16: return Kind::I16;
    case 32: return Kind::I32;
    default: return Kind::I64;
    }
  if (isa<tile::PtrType>(element))
    return Kind::Pointer;
  if (isa<Float8E4M3FNType>(element))
    return Kind::F8E4M3;
  if (isa<Float8E5M2Type>(element))
    return Kind::F8E5M2;
  if (element.isF16())
    return Kind::F16;
  if (element.isBF16())
    return Kind::BF16;
  return element.isF32() ? Kind::F32 : Kind::F64;
}

int bitWidth(Kind kind) {
  switch (kind) {
  case Kind::I1: return 1;
  case Kind::I8:
  case Kind::F8E4M3:
  case Kind::F8E5M2: return 8;
  case Kind::I16:
  case Kind::F16:
  case Kind::BF16: return 16;
  case Kind::I32:
  case Kind::F32: return 32;
  default: return 64;
  }
}

int byteSize(Kind kind) { return kind == Kind::I1 ? 1 : bitWidth(kind) / 8; }

uint64_t truncate(uint64_t bits, Kind kind) {
  int width = bitWidth(kind);
  return width == 64 ? bits : bits & ((uint64_t(1) << width) - 1);
}

int64_t signExtend(uint64_t bits, Kind kind) {
  int shift = 64 - bitWidth(kind);
  return int64_t(bits << shift) >> shift;
}

namespace {
/// A binary format with `mantissa` stored bits. E4M3FN has no infinity: its top exponent holds numbers and one NaN.
struct Format {
  int exponent, mantissa;
  bool hasInfinity, saturates;
  int bias() const { return (1 << (exponent - 1)) - 1; }
  int width() const { return 1 + exponent + mantissa; }
  uint64_t topExponent() const { return (uint64_t(1) << exponent) - 1; }
  uint64_t nanBits() const {
    return hasInfinity ? topExponent() << mantissa | uint64_t(1) << (mantissa - 1)
                       : (uint64_t(1) << (width() - 1)) - 1;
  }
  uint64_t maxFiniteBits() const { return hasInfinity ? (topExponent() << mantissa) - 1 : nanBits() - 1; }
};
} // namespace

static Format formatOf(Kind kind) {
  switch (kind) {
  case Kind::F8E4M3: return {4, 3, false, true};
  case Kind::F8E5M2: return {5, 2, true, true};
  case Kind::F16: return {5, 10, true, false};
  case Kind::BF16: return {8, 7, true, false};
  case Kind::F32: return {8, 23, true, false};
  default: return {11, 52, true, false};
  }
}

double unitRoundoff(Kind kind) { return std::ldexp(1.0, -formatOf(kind).mantissa - 1); }

double tinyError(Kind kind) {
  Format f = formatOf(kind);
  return std::ldexp(1.0, 1 - f.bias() - f.mantissa - 1);
}

double decode(uint64_t bits, Kind kind) {
  if (kind == Kind::F64)
    return std::bit_cast<double>(bits);
  if (kind == Kind::F32)
    return std::bit_cast<float>(uint32_t(bits));
  Format f = formatOf(kind);
  bool negative = bits >> (f.width() - 1) & 1;
  uint64_t exponent = bits >> f.mantissa & f.topExponent();
  uint64_t fraction = bits & ((uint64_t(1) << f.mantissa) - 1);
  uint64_t magnitude = bits & ((uint64_t(1) << (f.width() - 1)) - 1);
  double value;
  if (magnitude > f.maxFiniteBits())
    value = f.hasInfinity && fraction == 0 ? std::numeric_limits<double>::infinity()
                                           : std::numeric_limits<double>::quiet_NaN();
  else if (exponent == 0)
    value = std::ldexp(double(fraction), 1 - f.bias() - f.mantissa);
  else
    value = std::ldexp(double(fraction | uint64_t(1) << f.mantissa), int(exponent) - f.bias() - f.mantissa);
  return negative ? -value : value;
}

uint64_t encode(double value, Kind kind, Round round) {
  if (kind == Kind::F64)
    return std::bit_cast<uint64_t>(value);
  Format f = formatOf(kind);
  uint64_t sign = uint64_t(std::signbit(value)) << (f.width() - 1);
  if (std::isnan(value))
    return sign | f.nanBits();
  double magnitude = std::fabs(value);
  if (std::isinf(magnitude))
    return sign | (f.saturates ? f.maxFiniteBits() : f.topExponent() << f.mantissa);
  if (magnitude == 0)
    return sign;
  // The distance between neighbours at this magnitude; below the normal range it stays that of the subnormals.
  int exponent = std::max(std::ilogb(magnitude), 1 - f.bias());
  // Exact: a power of two, far from fp64's own limits.
  double scaled = std::ldexp(magnitude, f.mantissa - exponent);
  double whole = round == Round::TowardZero ? std::trunc(scaled) : std::nearbyint(scaled);
  uint64_t units = uint64_t(whole);
  // units carries the hidden bit for normal numbers; a carry out of the mantissa steps the exponent by itself.
  uint64_t hidden = uint64_t(1) << f.mantissa;
  uint64_t bits = units < hidden ? units : (uint64_t(exponent + f.bias() - 1) << f.mantissa) + units;
  if (bits > f.maxFiniteBits()) {
    bool toMax = f.saturates || round == Round::TowardZero;
    bits = toMax ? f.maxFiniteBits() : f.topExponent() << f.mantissa;
  }
  return sign | bits;
}

/// x + y rounded to odd: a later rounding to at most 51 bits is then the only one.
static double addToOdd(double x, double y) {
  double sum = x + y;
  if (!std::isfinite(sum))
    return sum;
  double part = sum - x;
  double lost = (x - (sum - part)) + (y - part);
  uint64_t bits = std::bit_cast<uint64_t>(sum);
  if (lost == 0 || (bits & 1))
    return sum;
  bool awayFromZero = (lost > 0) == (sum > 0);
  return std::bit_cast<double>(awayFromZero ? bits + 1 : bits - 1);
}

uint64_t fusedMultiplyAdd(uint64_t a, uint64_t b, uint64_t c, Kind kind) {
  double x = decode(a, kind), y = decode(b, kind), z = decode(c, kind);
  if (kind == Kind::F64)
    return encode(std::fma(x, y, z), kind);
  // The product of two 24-bit significands is exact in fp64.
  return encode(addToOdd(x * y, z), kind);
}

} // namespace tegula::reference
