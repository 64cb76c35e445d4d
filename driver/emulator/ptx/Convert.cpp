//===- Convert.cpp - what `cvt` computes, one lane at a time ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Convert.h"

#include <algorithm>

namespace tegula::ptx {
namespace {

double roundToIntegral(double x, Rounding mode) {
  switch (mode) {
  case Rounding::nearest:
    return std::nearbyint(x); // the thread's mode is to nearest even outside a RoundingScope
  case Rounding::zero: return std::trunc(x);
  case Rounding::down: return std::floor(x);
  case Rounding::up: return std::ceil(x);
  }
  return x;
}

__int128 readInteger(Number type, uint64_t raw) {
  int unused = 64 - numberBits(type);
  if (isSigned(type))
    return static_cast<int64_t>(raw << unused) >> unused;
  return raw << unused >> unused;
}

double readFloat(const Conversion &c, uint64_t raw) {
  switch (c.from) {
  case Number::f16: return widenF16(static_cast<uint32_t>(raw & 0xffff));
  case Number::bf16: return widenBf16(static_cast<uint32_t>(raw & 0xffff));
  case Number::e4m3: return widenE4m3(static_cast<uint32_t>(raw & 0xff));
  case Number::e5m2: return widenF16(f16FromE5m2(static_cast<uint32_t>(raw & 0xff)));
  case Number::f64: return f64(raw);
  default: {
    float x = f32(static_cast<uint32_t>(raw));
    return c.ftz ? flush(x) : x;
  }
  }
}

/// An integer as f64 such that rounding it once more to a narrower format is right (round to odd).
double oddFromInteger(__int128 value) {
  bool negative = value < 0;
  uint64_t magnitude = static_cast<uint64_t>(negative ? -value : value);
  int excess = 64 - std::countl_zero(magnitude) - 53;
  if (excess > 0) {
    uint64_t lost = magnitude & ((uint64_t(1) << excess) - 1);
    magnitude = (magnitude >> excess | (lost != 0)) << excess;
  }
  double x = static_cast<double>(magnitude);
  return negative ? -x : x;
}

/// An integer as f64 with one rounding in any direction.
double roundedFromInteger(__int128 value, Rounding mode) {
  bool negative = value < 0;
  uint64_t magnitude = static_cast<uint64_t>(negative ? -value : value);
  int excess = 64 - std::countl_zero(magnitude) - 53;
  double x;
  if (excess <= 0) {
    x = static_cast<double>(magnitude);
  } else {
    uint64_t kept = magnitude >> excess, lost = magnitude & ((uint64_t(1) << excess) - 1),
             half = uint64_t(1) << (excess - 1);
    bool up = mode == Rounding::nearest ? lost > half || (lost == half && (kept & 1))
                                        : lost && mode == (negative ? Rounding::down : Rounding::up);
    x = std::ldexp(static_cast<double>(kept + up), excess);
  }
  return negative ? -x : x;
}

const Format &formatOf(Number type) {
  switch (type) {
  case Number::f16: return formatF16;
  case Number::bf16: return formatBf16;
  case Number::tf32: return formatTf32;
  case Number::e4m3: return formatE4m3;
  case Number::e5m2: return formatE5m2;
  default: return formatF32;
  }
}

uint64_t writeFloat(const Conversion &c, double x) {
  if (c.sat)
    x = saturate(x);
  if (c.relu && (x < 0 || x == 0))
    x = 0;
  if (c.to == Number::f64)
    return bits(x);
  if (c.to == Number::tf32) {
    if (c.away) { // adding half a unit to the magnitude is nearest, ties away
      uint32_t b = bits(static_cast<float>(x));
      if (x != x)
        return nan32;
      if (std::fabs(x) == static_cast<double>(f32(0x7f800000)))
        return c.finite ? (b & 0x80000000) | formatTf32.largest << 13 : b;
      uint32_t rounded = (b + 0x1000) & 0xffffe000;
      return c.finite && (rounded & 0x7fffffff) >= 0x7f800000 ? (b & 0x80000000) | formatTf32.largest << 13
                                                              : rounded;
    }
    return x != x ? nan32 : narrow(x, formatTf32, c.rounding, c.finite) << 13;
  }
  uint32_t result = narrow(x, formatOf(c.to), c.rounding, c.finite);
  if (c.ftz && c.to == Number::f32)
    result = bits(flush(f32(result)));
  return result;
}

} // namespace

uint64_t toInteger(double x, int width, bool isSigned, bool fromF64) {
  if (x != x)
    return fromF64 || width == 64 ? uint64_t(1) << (width - 1) : 0;
  double low = isSigned ? -std::ldexp(1.0, width - 1) : 0.0,
         high = std::ldexp(1.0, isSigned ? width - 1 : width);
  if (x >= high)
    return isSigned ? (uint64_t(1) << (width - 1)) - 1 : ~uint64_t(0) >> (64 - width);
  if (x <= low)
    return isSigned ? ~uint64_t(0) << (width - 1) : 0;
  return isSigned ? static_cast<uint64_t>(static_cast<int64_t>(x)) : static_cast<uint64_t>(x);
}

uint64_t convert(const Conversion &c, uint64_t raw) {
  if (!isFloating(c.from)) {
    __int128 value = readInteger(c.from, raw);
    if (isFloating(c.to)) {
      double x = c.to == Number::f64 ? roundedFromInteger(value, c.rounding) : oddFromInteger(value);
      return writeFloat(c, x);
    }
    int width = numberBits(c.to);
    if (c.sat) {
      __int128 one = 1, low = isSigned(c.to) ? -(one << (width - 1)) : __int128(0),
               high = (one << (isSigned(c.to) ? width - 1 : width)) - 1;
      value = std::clamp(value, low, high);
    }
    return static_cast<uint64_t>(readInteger(c.to, static_cast<uint64_t>(value)));
  }
  double x = readFloat(c, raw);
  if (!isFloating(c.to))
    return static_cast<uint64_t>(readInteger(c.to, toInteger(roundToIntegral(x, c.rounding), numberBits(c.to),
                                                             isSigned(c.to), c.from == Number::f64)));
  if (c.integral)
    x = roundToIntegral(x, c.rounding);
  return writeFloat(c, x);
}

} // namespace tegula::ptx
