//===- NumberTest.cpp - element formats against LLVM's APFloat ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/reference/Number.h"

#include "llvm/ADT/APFloat.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace tegula::reference;
using llvm::APFloat;

namespace {

struct Format {
  Kind kind;
  const llvm::fltSemantics *semantics;
};
const Format formats[] = {{Kind::F8E4M3, &APFloat::Float8E4M3FN()},
                          {Kind::F8E5M2, &APFloat::Float8E5M2()},
                          {Kind::F16, &APFloat::IEEEhalf()},
                          {Kind::BF16, &APFloat::BFloat()},
                          {Kind::F32, &APFloat::IEEEsingle()}};

double viaApFloat(uint64_t bits, const Format &format) {
  APFloat value(*format.semantics, llvm::APInt(bitWidth(format.kind), bits));
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return value.convertToDouble();
}

TEST(Number, DecodeEveryNarrowValue) {
  for (const Format &format : formats) {
    if (bitWidth(format.kind) > 16)
      continue;
    for (uint64_t bits = 0; bits < uint64_t(1) << bitWidth(format.kind); ++bits) {
      double want = viaApFloat(bits, format), got = decode(bits, format.kind);
      ASSERT_TRUE(got == want || (std::isnan(got) && std::isnan(want))) << int(format.kind) << " " << bits;
      if (!std::isnan(got) && !std::isinf(got))
        ASSERT_EQ(encode(got, format.kind), bits);
    }
  }
}

TEST(Number, EncodeRoundsToNearestEven) {
  std::mt19937_64 random(1);
  for (const Format &format : formats)
    for (int i = 0; i < 200000; ++i) {
      // Exponents around the format's own range, subnormals and overflow included.
      double value = std::ldexp(double(int64_t(random())) * 0x1p-63, int(random() % 60) - 30);
      if (format.kind == Kind::F32 || format.kind == Kind::BF16)
        value = std::ldexp(value, int(random() % 220) - 110);
      APFloat exact(value);
      bool losesInfo;
      exact.convert(*format.semantics, APFloat::rmNearestTiesToEven, &losesInfo);
      uint64_t want = exact.bitcastToAPInt().getZExtValue();
      bool saturated =
          format.kind == Kind::F8E4M3 ? exact.isNaN() : format.kind == Kind::F8E5M2 && exact.isInfinity();
      if (saturated)
        EXPECT_EQ(std::fabs(decode(encode(value, format.kind), format.kind)),
                  format.kind == Kind::F8E4M3 ? 448 : 57344);
      else
        ASSERT_EQ(encode(value, format.kind), want) << value << " " << int(format.kind);
    }
}

TEST(Number, FmaRoundsOnce) {
  std::mt19937_64 random(2);
  for (const Format &format : {formats[2], formats[3], formats[4]})
    for (int i = 0; i < 100000; ++i) {
      uint64_t mask = (uint64_t(1) << bitWidth(format.kind)) - 1;
      uint64_t a = random() & mask, b = random() & mask, c = random() & mask;
      auto make = [&](uint64_t bits) {
        return APFloat(*format.semantics, llvm::APInt(bitWidth(format.kind), bits));
      };
      APFloat want = make(a);
      want.fusedMultiplyAdd(make(b), make(c), APFloat::rmNearestTiesToEven);
      uint64_t got = fusedMultiplyAdd(a, b, c, format.kind);
      if (want.isNaN())
        ASSERT_TRUE(std::isnan(decode(got, format.kind)));
      else
        ASSERT_EQ(got, want.bitcastToAPInt().getZExtValue())
            << a << " " << b << " " << c << " " << int(format.kind);
    }
}

TEST(Number, Integers) {
  EXPECT_EQ(signExtend(0x80, Kind::I8), -128);
  EXPECT_EQ(truncate(0x1ff, Kind::I8), 0xffu);
  EXPECT_EQ(bitWidth(Kind::Pointer), 64);
}

} // namespace
