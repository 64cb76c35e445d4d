//===- ConvertTest.cpp - cvt against llvm::APFloat ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Convert.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APSInt.h"
#include "gtest/gtest.h"

#include <random>

using namespace tegula::ptx;
using llvm::APFloat;
using llvm::APInt;

namespace {

constexpr Rounding modes[] = {Rounding::nearest, Rounding::zero, Rounding::down, Rounding::up};
llvm::RoundingMode apMode(Rounding mode) {
  constexpr llvm::RoundingMode table[] = {llvm::RoundingMode::NearestTiesToEven,
                                          llvm::RoundingMode::TowardZero, llvm::RoundingMode::TowardNegative,
                                          llvm::RoundingMode::TowardPositive};
  return table[static_cast<int>(mode)];
}

const llvm::fltSemantics &semantics(Number n) {
  switch (n) {
  case Number::f16: return APFloat::IEEEhalf();
  case Number::bf16: return APFloat::BFloat();
  case Number::f32: return APFloat::IEEEsingle();
  case Number::tf32: return APFloat::FloatTF32();
  case Number::e4m3: return APFloat::Float8E4M3FN();
  case Number::e5m2: return APFloat::Float8E5M2();
  default: return APFloat::IEEEdouble();
  }
}
APFloat number(Number n, uint64_t b) {
  return APFloat(semantics(n),
                 APInt(static_cast<unsigned>(numberBits(n)), b & (~uint64_t(0) >> (64 - numberBits(n)))));
}

struct Source {
  std::mt19937_64 engine{5};
  /// Bits of f64 whose exponents cover f16's and f32's ranges and borders.
  uint64_t wide() {
    uint64_t r = engine();
    switch (engine() % 8) {
    case 0: return r;
    case 1: return (r & 0x8000000000000000) | (uint64_t(1023 - 160 + engine() % 300) << 52) | (r & 0xe) << 48;
    default: return (r & 0x800fffffffffffff) | uint64_t(1023 - 30 + engine() % 60) << 52;
    }
  }
  uint64_t bitsOf(Number n) {
    if (n == Number::f64)
      return wide();
    if (n == Number::f32)
      return bits(static_cast<float>(f64(wide())));
    return engine();
  }
};

TEST(PtxConvert, FloatToFloatRoundsInEveryDirection) {
  Source source;
  for (Number from : {Number::f16, Number::bf16, Number::f32, Number::f64})
    for (Number to : {Number::f16, Number::bf16, Number::f32, Number::f64, Number::tf32})
      for (Rounding mode : modes)
        for (int round = 0; round < 20000; round++) {
          Conversion c;
          c.from = from, c.to = to, c.rounding = mode;
          uint64_t raw = source.bitsOf(from);
          APFloat x = number(from, raw);
          if (x.isNaN())
            continue;
          bool inexact;
          x.convert(semantics(to), apMode(mode), &inexact);
          uint64_t wanted = x.bitcastToAPInt().getZExtValue();
          if (to == Number::tf32)
            wanted <<= 13;
          EXPECT_EQ(convert(c, raw), wanted) << std::hex << raw << " " << int(from) << " to " << int(to);
        }
}

TEST(PtxConvert, IntegerToFloat) {
  Source source;
  for (Number from : {Number::u8, Number::s16, Number::u32, Number::s32, Number::u64, Number::s64})
    for (Number to : {Number::f16, Number::bf16, Number::f32, Number::f64})
      for (Rounding mode : modes)
        for (int round = 0; round < 5000; round++) {
          Conversion c;
          c.from = from, c.to = to, c.rounding = mode;
          uint64_t raw = source.engine() >> (source.engine() % 64);
          APFloat x(semantics(to));
          unsigned width = static_cast<unsigned>(numberBits(from));
          uint64_t low = raw & (~uint64_t(0) >> (64 - width));
          x.convertFromAPInt(APInt(width, low), isSigned(from), apMode(mode));
          EXPECT_EQ(convert(c, raw), x.bitcastToAPInt().getZExtValue())
              << std::hex << raw << " to " << int(to);
        }
}

TEST(PtxConvert, FloatToIntegerClamps) {
  Source source;
  for (Number from : {Number::f16, Number::bf16, Number::f32, Number::f64})
    for (Number to :
         {Number::u8, Number::s8, Number::u16, Number::s32, Number::u32, Number::s64, Number::u64})
      for (Rounding mode : modes)
        for (int round = 0; round < 5000; round++) {
          Conversion c;
          c.from = from, c.to = to, c.rounding = mode, c.integral = true;
          uint64_t raw = source.bitsOf(from);
          APFloat x = number(from, raw);
          if (x.isNaN())
            continue;
          llvm::APSInt result(static_cast<unsigned>(numberBits(to)), !isSigned(to));
          bool exact;
          x.convertToInteger(result, apMode(mode), &exact); // clamps as well
          uint64_t wanted =
              isSigned(to) ? static_cast<uint64_t>(result.getSExtValue()) : result.getZExtValue();
          EXPECT_EQ(convert(c, raw), wanted) << std::hex << raw << " to " << int(to);
        }
  Conversion c;
  c.from = Number::f32, c.to = Number::s32, c.integral = true;
  EXPECT_EQ(convert(c, nan32), 0u);
  c.to = Number::s64;
  EXPECT_EQ(convert(c, nan32), 0x8000000000000000u);
  c.from = Number::f64, c.to = Number::u32;
  EXPECT_EQ(convert(c, 0x7ff8000000000000), 0x80000000u);
}

TEST(PtxConvert, EightBitFloats) {
  Source source;
  for (Number to : {Number::e4m3, Number::e5m2})
    for (int round = 0; round < 100000; round++) {
      Conversion c;
      c.from = Number::f32, c.to = to, c.finite = true;
      float x = static_cast<float>(f64(source.wide()));
      if (x != x)
        continue;
      APFloat wanted(x), largest = APFloat::getLargest(semantics(to), x < 0);
      bool inexact;
      wanted.convert(semantics(to), llvm::RoundingMode::NearestTiesToEven, &inexact);
      if (!wanted.isFinite())
        wanted = largest;
      EXPECT_EQ(convert(c, bits(x)), wanted.bitcastToAPInt().getZExtValue()) << x;
    }
  for (Number from : {Number::e4m3, Number::e5m2})
    for (uint32_t b = 0; b < 256; b++) {
      Conversion c;
      c.from = from, c.to = Number::f16;
      APFloat wanted = number(from, b);
      bool inexact;
      wanted.convert(APFloat::IEEEhalf(), llvm::RoundingMode::NearestTiesToEven, &inexact);
      EXPECT_EQ(convert(c, b), wanted.isNaN() ? nan16 : wanted.bitcastToAPInt().getZExtValue()) << b;
    }
}

TEST(PtxConvert, QuickFormsAgreeWithTheGeneralOne) {
  Source source;
  for (int round = 0; round < 200000; round++) {
    float x = static_cast<float>(f64(source.wide()));
    EXPECT_EQ(narrowF16(x), narrow(x, formatF16, Rounding::nearest));
    EXPECT_EQ(narrowBf16(x), narrow(x, formatBf16, Rounding::nearest));
    double wide = f64(source.wide());
    if (wide == wide)
      EXPECT_EQ(narrowF16(oddF32(wide)), narrow(wide, formatF16, Rounding::nearest)) << wide;
  }
}

TEST(PtxConvert, IntegersNarrowWrapOrClamp) {
  Conversion c;
  c.from = Number::s32, c.to = Number::s8;
  EXPECT_EQ(convert(c, 0x00000181), ~uint64_t(0x7e)); // 0x81, sign extended
  c.sat = true;
  EXPECT_EQ(convert(c, 0x00000181), 127u);
  c.to = Number::u8;
  EXPECT_EQ(convert(c, 0xffffff00), 0u);
  c.from = Number::u64, c.to = Number::s64;
  EXPECT_EQ(convert(c, ~uint64_t(0)), uint64_t(INT64_MAX));
  c.sat = false, c.from = Number::s8, c.to = Number::u64;
  EXPECT_EQ(convert(c, 0x12380), ~uint64_t(0x7f)); // only the low byte of the source counts
}

TEST(PtxConvert, SaturateReluAndTies) {
  Conversion c;
  c.from = Number::f32, c.to = Number::f32, c.sat = true;
  EXPECT_EQ(convert(c, bits(-2.0f)), 0u);
  EXPECT_EQ(convert(c, nan32), 0u);
  c = {};
  c.from = Number::f32, c.to = Number::bf16, c.relu = true;
  EXPECT_EQ(convert(c, bits(-2.0f)), 0u);
  EXPECT_EQ(convert(c, nan32), uint64_t(nan16));
  c = {};
  c.from = Number::f32, c.to = Number::tf32, c.away = true;
  EXPECT_EQ(convert(c, 0x3f801000), 0x3f802000u); // a tie goes away from zero
  c.away = false;
  EXPECT_EQ(convert(c, 0x3f801000), 0x3f800000u); // and to even
  c = {};
  c.from = Number::f32, c.to = Number::f32, c.integral = true;
  EXPECT_EQ(convert(c, bits(2.5f)), bits(2.0f));
  c.rounding = Rounding::up;
  EXPECT_EQ(convert(c, bits(-0.5f)), 0x80000000u);
}

} // namespace
