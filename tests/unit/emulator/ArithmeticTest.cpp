//===- ArithmeticTest.cpp - lane functions against other implementations ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Oracles: __int128 for integers, llvm::APFloat for roundings, long double libm for approximations.

#include "driver/emulator/ptx/Arithmetic.h"

#include "llvm/ADT/APFloat.h"
#include "gtest/gtest.h"

#include <random>

using namespace tegula::ptx;
using namespace tegula::ptx::lane;

namespace {

using llvm::APFloat;
using llvm::APInt;

/// Bits that are often special: small, large, near powers of two, any.
struct Source {
  std::mt19937_64 engine{20240131};
  uint64_t word() {
    uint64_t r = engine();
    switch (engine() % 6) {
    case 0: return r & 0xff;
    case 1: return ~(r & 0xff);
    case 2: return (uint64_t(1) << (r & 63)) + (r >> 62) - 1;
    default: return r;
    }
  }
  /// f32 with exponents near `centre` mostly, so that sums are not all trivial.
  uint32_t single(int centre = 127, int spread = 30) {
    uint32_t r = static_cast<uint32_t>(engine());
    switch (engine() % 16) {
    case 0: return r & 0x807fffff;
    case 1: return (r & 0x80000000) | 0x7f800000;
    case 2: return r | 0x7fc00000;
    case 3: return r & 0x80000000;
    case 4: return r;
    default: {
      int e = centre - spread / 2 + static_cast<int>(engine() % static_cast<unsigned>(spread));
      return (r & 0x807fffff) | static_cast<uint32_t>(std::max(0, std::min(e, 254))) << 23;
    }
    }
  }
};

llvm::RoundingMode apMode(Rounding mode) {
  switch (mode) {
  case Rounding::nearest: return llvm::RoundingMode::NearestTiesToEven;
  case Rounding::zero: return llvm::RoundingMode::TowardZero;
  case Rounding::down: return llvm::RoundingMode::TowardNegative;
  case Rounding::up: return llvm::RoundingMode::TowardPositive;
  }
  return llvm::RoundingMode::NearestTiesToEven;
}
APFloat single(uint32_t b) { return APFloat(APFloat::IEEEsingle(), APInt(32, b)); }
uint32_t raw(const APFloat &x) {
  if (x.isNaN())
    return &x.getSemantics() == &APFloat::IEEEsingle() ? nan32 : nan16;
  return static_cast<uint32_t>(x.bitcastToAPInt().getZExtValue());
}

constexpr Rounding modes[] = {Rounding::nearest, Rounding::zero, Rounding::down, Rounding::up};

template <class Op, class... A> uint32_t underMode(Rounding mode, A... operands) {
  // Volatile memory stands for the registers that a handler's loop reads and writes.
  volatile uint32_t out;
  [[maybe_unused]] volatile uint32_t in[] = {operands...};
  RoundingScope scope(mode);
  int i = 0;
  if constexpr (sizeof...(A) == 1)
    out = bits(Op::run(f32(in[i])));
  else if constexpr (sizeof...(A) == 2)
    out = bits(Op::run(f32(in[0]), f32(in[1])));
  else
    out = bits(Op::run(f32(in[0]), f32(in[1]), f32(in[2])));
  return out;
}

TEST(PtxArithmetic, SinglePrecisionRoundsInEveryDirection) {
  Source source;
  for (int round = 0; round < 40000; round++) {
    uint32_t a = source.single(), b = source.single(), c = source.single();
    for (Rounding mode : modes) {
      APFloat sum = single(a), product = single(a), fused = single(a), quotient = single(a);
      sum.add(single(b), apMode(mode));
      product.multiply(single(b), apMode(mode));
      quotient.divide(single(b), apMode(mode));
      fused.fusedMultiplyAdd(single(b), single(c), apMode(mode));
      EXPECT_EQ((underMode<AddF32<false, false>>(mode, a, b)), raw(sum)) << a << " " << b;
      EXPECT_EQ((underMode<MulF32<false, false>>(mode, a, b)), raw(product)) << a << " " << b;
      EXPECT_EQ((underMode<DivF32<false>>(mode, a, b)), raw(quotient)) << a << " " << b;
      EXPECT_EQ((underMode<FmaF32<false, false>>(mode, a, b, c)), raw(fused)) << a << " " << b << " " << c;
    }
  }
}

TEST(PtxArithmetic, FlushAndSaturate) {
  EXPECT_EQ(bits(AddF32<true, false>::run(f32(1), f32(0x00000002))), 0u);
  EXPECT_EQ(bits(MulF32<true, false>::run(-0x1p-100f, 0x1p-40f)),
            0x80000000u); // a subnormal result keeps its sign
  EXPECT_NE(bits(MulF32<false, false>::run(-0x1p-100f, 0x1p-40f)), 0x80000000u);
  EXPECT_EQ((AddF32<false, true>::run(0.75f, 0.75f)), 1.0f);
  EXPECT_EQ(bits(AddF32<false, true>::run(-3.0f, 1.0f)), 0u);
  EXPECT_EQ(bits(AddF32<false, true>::run(f32(nan32), 1.0f)), 0u);
  EXPECT_EQ(bits(AddF32<false, false>::run(f32(0x7f800000), f32(0xff800000))), nan32);
}

TEST(PtxArithmetic, ExtremaOrderZerosAndNaNs) {
  float inf = f32(0x7f800000), nan = f32(0xffc12345);
  EXPECT_EQ(bits(ExtremeF32<false, false, false, false>::run(0.0f, -0.0f)), 0x80000000u);
  EXPECT_EQ(bits(ExtremeF32<true, false, false, false>::run(-0.0f, 0.0f)), 0u);
  EXPECT_EQ((ExtremeF32<false, false, false, false>::run(nan, 3.0f)), 3.0f);
  EXPECT_EQ(bits(ExtremeF32<false, false, true, false>::run(nan, 3.0f)), nan32);
  EXPECT_EQ(bits(ExtremeF32<true, false, false, false>::run(nan, nan)), nan32);
  EXPECT_EQ((ExtremeF32<false, false, false, true>::run(-2.0f, 5.0f)), -2.0f);
  EXPECT_EQ((ExtremeF32<true, false, false, true>::run(-2.0f, -inf)), inf);
}

template <class F> void checkSixteenBits(const llvm::fltSemantics &semantics) {
  Source source;
  auto number = [&](uint32_t b) { return APFloat(semantics, APInt(16, b & 0xffff)); };
  auto even = llvm::RoundingMode::NearestTiesToEven;
  for (int round = 0; round < 300000; round++) {
    uint32_t a = source.word() & 0xffff, b = source.word() & 0xffff, c = source.word() & 0xffff;
    if (round % 2) // sums of numbers of like size, where ties are
      c = (a & 0x7c00) ^ (c & 0x83ff);
    APFloat sum = number(a), difference = number(a), product = number(a), fused = number(a);
    sum.add(number(b), even);
    difference.subtract(number(b), even);
    product.multiply(number(b), even);
    fused.fusedMultiplyAdd(number(b), number(c), even);
    EXPECT_EQ((Add16<F, false, false>::run(a, b)), raw(sum)) << a << " " << b;
    EXPECT_EQ((Sub16<F, false, false>::run(a, b)), raw(difference)) << a << " " << b;
    EXPECT_EQ((Mul16<F, false, false>::run(a, b)), raw(product)) << a << " " << b;
    EXPECT_EQ((Fma16<F, false, false, false>::run(a, b, c)), raw(fused)) << a << " " << b << " " << c;
  }
}
TEST(PtxArithmetic, HalfPrecisionIsCorrectlyRounded) { checkSixteenBits<Half>(APFloat::IEEEhalf()); }
TEST(PtxArithmetic, BrainFloatIsCorrectlyRounded) { checkSixteenBits<Brain>(APFloat::BFloat()); }

TEST(PtxArithmetic, PackedHalvesAreIndependent) {
  uint32_t a = 0x3c004000, b = 0xc0003c00; // {1, 2} + {-2, 1}
  EXPECT_EQ((Packed<Add16<Half, false, false>>::run(a, b)), 0xbc004200u);
  EXPECT_EQ((Packed<Fma16<Half, false, false, true>>::run(a, b, 0u)), 0x00004000u);
}

template <class T> void checkIntegers() {
  Source source;
  using Exact = __int128;
  for (int round = 0; round < 50000; round++) {
    T a = static_cast<T>(source.word()), b = static_cast<T>(source.word()), c = static_cast<T>(source.word());
    EXPECT_EQ(Add<T>::run(a, b), static_cast<T>(Exact(a) + b));
    EXPECT_EQ(Sub<T>::run(a, b), static_cast<T>(Exact(a) - b));
    EXPECT_EQ(Sad<T>::run(a, b, c), static_cast<T>(Exact(c) + (a < b ? Exact(b) - a : Exact(a) - b)));
    if constexpr (sizeof(T) < 8) {
      EXPECT_EQ(MulLo<T>::run(a, b), static_cast<T>(Exact(a) * b));
      EXPECT_EQ(MulHi<T>::run(a, b), static_cast<T>((Exact(a) * b) >> width<T>));
      EXPECT_EQ(Exact(MulWide<T>::run(a, b)), Exact(a) * b);
      EXPECT_EQ(MadLo<T>::run(a, b, c), static_cast<T>(Exact(a) * b + c));
      EXPECT_EQ(MadHi<T>::run(a, b, c), static_cast<T>(((Exact(a) * b) >> width<T>)+c));
    }
    if (b != 0) {
      EXPECT_EQ(Div<T>::run(a, b), static_cast<T>(Exact(a) / b));
      EXPECT_EQ(Rem<T>::run(a, b), static_cast<T>(Exact(a) % b));
    }
    uint32_t n = static_cast<uint32_t>(source.word()) % 80;
    Unsigned<T> shifted =
        n < uint32_t(width<T>) ? static_cast<Unsigned<T>>(static_cast<unsigned __int128>(a) << n) : 0;
    EXPECT_EQ(static_cast<Unsigned<T>>(Shl<T>::run(a, n)), shifted);
    EXPECT_EQ(Shr<T>::run(a, n), static_cast<T>(Exact(a) >> n));
  }
}
TEST(PtxArithmetic, IntegersAgreeWith128Bits) {
  checkIntegers<uint16_t>();
  checkIntegers<int16_t>();
  checkIntegers<uint32_t>();
  checkIntegers<int32_t>();
  checkIntegers<uint64_t>();
  checkIntegers<int64_t>();
  EXPECT_EQ((MulHi<uint64_t>::run(~0ull, ~0ull)), ~0ull - 1);
  EXPECT_EQ((MulHi<int64_t>::run(INT64_MIN, 2)), -1);
  EXPECT_EQ((Div<int32_t>::run(INT32_MIN, -1)), INT32_MIN);
  EXPECT_EQ(AddSat::run(INT32_MAX, 1), INT32_MAX);
  EXPECT_EQ(SubSat::run(INT32_MIN, 1), INT32_MIN);
}

/// `bfe` bit by bit, as the PTX ISA writes it.
template <class T> T slowBfe(T a, uint32_t b, uint32_t c) {
  int position = b & 0xff, length = c & 0xff, top = width<T> - 1;
  auto bit = [&](int i) { return Unsigned<T>(static_cast<Unsigned<T>>(a) >> i) & 1; };
  Unsigned<T> sign = std::is_unsigned_v<T> || length == 0 ? 0 : bit(std::min(position + length - 1, top));
  Unsigned<T> result = 0;
  for (int i = 0; i <= top; i++)
    result |= (i < length && position + i <= top ? bit(position + i) : sign) << i;
  return static_cast<T>(result);
}
template <class T> T slowBfi(T a, T b, uint32_t c, uint32_t d) {
  int position = c & 0xff, length = d & 0xff, top = width<T> - 1;
  T result = b;
  for (int i = 0; i < length && position + i <= top; i++)
    result = (result & ~(T(1) << (position + i))) | (((a >> i) & 1) << (position + i));
  return result;
}
TEST(PtxArithmetic, BitFields) {
  Source source;
  for (int round = 0; round < 100000; round++) {
    uint64_t a = source.word(), b = source.word();
    uint32_t position = source.engine() % 80, length = source.engine() % 80;
    EXPECT_EQ((Bfe<uint32_t>::run(uint32_t(a), position, length)),
              slowBfe<uint32_t>(uint32_t(a), position, length));
    EXPECT_EQ((Bfe<int32_t>::run(int32_t(a), position, length)),
              slowBfe<int32_t>(int32_t(a), position, length));
    EXPECT_EQ((Bfe<uint64_t>::run(a, position, length)), slowBfe<uint64_t>(a, position, length));
    EXPECT_EQ((Bfe<int64_t>::run(int64_t(a), position, length)),
              slowBfe<int64_t>(int64_t(a), position, length));
    EXPECT_EQ((Bfi<uint32_t>::run(uint32_t(a), uint32_t(b), position, length)),
              slowBfi<uint32_t>(uint32_t(a), uint32_t(b), position, length));
    EXPECT_EQ((Bfi<uint64_t>::run(a, b, position, length)), slowBfi<uint64_t>(a, b, position, length));
  }
}

TEST(PtxArithmetic, BytesAndTables) {
  EXPECT_EQ(Prmt<Permute::bytes>::run(0x33221100, 0x77665544, 0x7531), 0x77553311u);
  EXPECT_EQ(Prmt<Permute::bytes>::run(0x33228000, 0, 0x9191), 0xff80ff80u);
  EXPECT_EQ(Prmt<Permute::f4e>::run(0x33221100, 0x77665544, 1), 0x44332211u);
  EXPECT_EQ(Prmt<Permute::b4e>::run(0x33221100, 0x77665544, 1), 0x66770011u);
  EXPECT_EQ(Prmt<Permute::rc8>::run(0x33221100, 0, 2), 0x22222222u);
  EXPECT_EQ(Prmt<Permute::ecl>::run(0x33221100, 0, 2), 0x33222222u);
  EXPECT_EQ(Prmt<Permute::ecr>::run(0x33221100, 0, 2), 0x22221100u);
  EXPECT_EQ(Prmt<Permute::rc16>::run(0x33221100, 0, 1), 0x33223322u);
  EXPECT_EQ(lop3(0xf0, 0xcc, 0xaa, 0x96) & 0xff, 0x96u);
  EXPECT_EQ((Dp4a<int8_t, uint8_t>::run(0xff020304, 0xff010101, 10)),
            static_cast<uint32_t>(10 - 255 + 2 + 3 + 4));
  EXPECT_EQ((Dp2a<int16_t, int8_t, true>::run(0xffff0002, 0x03040000, 1)),
            static_cast<uint32_t>(1 + 2 * 4 - 3));
  EXPECT_EQ((Shf<true, true>::run(0x80000001, 0x2, 33)), 5u);
  EXPECT_EQ((Shf<false, false>::run(0x80000001, 0x2, 40)), 2u);
  EXPECT_EQ((Bfind<int32_t, false>::run(-1)), ~0u);
  EXPECT_EQ((Bfind<uint32_t, true>::run(0x10)), 27u);
  EXPECT_EQ(Fns::run(0xaaaaaaaa, 0, 4), 7u);
  EXPECT_EQ(Fns::run(0xaaaaaaaa, 7, -2), 5u);
  EXPECT_EQ(Fns::run(0xaaaaaaaa, 4, 0), ~0u);
  EXPECT_EQ((Mul24<int32_t, false>::run(0x00ffffff, 2)), -2);
  EXPECT_EQ((Mul24<uint32_t, true>::run(0x00ffffff, 0x00ffffff)), 0xfffffeu << 8);
}

/// The greatest error of `f` against `exact` over random arguments, in the measure PTX states.
template <class F, class G> double worst(float low, float high, bool relative, F f, G exact) {
  std::mt19937 engine(7);
  std::uniform_real_distribution<float> any(low, high);
  double result = 0;
  for (int i = 0; i < 300000; i++) {
    float x = any(engine);
    long double right = exact(static_cast<long double>(x));
    long double error = std::fabs(static_cast<long double>(f(x)) - right);
    result = std::max(result, static_cast<double>(relative ? error / std::fabs(right) : error));
  }
  return result;
}
TEST(PtxArithmetic, ApproximationsKeepTheDocumentedErrors) {
  auto ex2 = [](long double x) { return exp2l(x); };
  EXPECT_LT(worst(-125.0f, 127.0f, true, approxExp2, ex2), 0x1p-22);
  EXPECT_LT(worst(-1.0f, 1.0f, true, approxExp2, ex2), 0x1p-22);
  auto lg2 = [](long double x) { return log2l(x); };
  EXPECT_LT(worst(0.5f, 2.0f, false, approxLog2, lg2), 0x1p-22);
  EXPECT_LT(worst(2.0f, 1e30f, true, approxLog2, lg2), 0x1p-22);
  EXPECT_LT(worst(1e-44f, 1e-38f, true, approxLog2, lg2), 0x1p-22);
  EXPECT_LT(worst(-3.2f, 3.2f, false, approxSine<0>, [](long double x) { return sinl(x); }), 0x1p-20);
  EXPECT_LT(worst(-3.2f, 3.2f, false, approxSine<1>, [](long double x) { return cosl(x); }), 0x1p-20);
  EXPECT_LT(worst(-1e4f, 1e4f, false, approxSine<0>, [](long double x) { return sinl(x); }), 0x1p-20);
  EXPECT_LT(worst(-10.0f, 10.0f, true, approxTanh, [](long double x) { return tanhl(x); }), 0x1p-11);
  EXPECT_LT(worst(1e-6f, 1e6f, true, approxRsqrt, [](long double x) { return 1 / sqrtl(x); }), 0x1p-22);
}
TEST(PtxArithmetic, ApproximationsAtTheEdges) {
  float inf = f32(0x7f800000), nan = f32(nan32);
  EXPECT_EQ(approxExp2(-inf), 0.0f);
  EXPECT_EQ(approxExp2(inf), inf);
  EXPECT_EQ(approxExp2(0.0f), 1.0f);
  EXPECT_EQ(approxExp2(10.0f), 1024.0f);
  EXPECT_EQ(approxExp2(-140.0f), 0x1p-140f);
  EXPECT_EQ(bits(approxExp2(nan)), nan32);
  EXPECT_EQ(approxLog2(0.0f), -inf);
  EXPECT_EQ(approxLog2(-0.0f), -inf);
  EXPECT_EQ(approxLog2(inf), inf);
  EXPECT_EQ(approxLog2(1.0f), 0.0f);
  EXPECT_EQ(approxLog2(0x1p-149f), -149.0f);
  EXPECT_EQ(bits(approxLog2(-1.0f)), nan32);
  EXPECT_EQ(bits(approxSine<0>(inf)), nan32);
  EXPECT_EQ(approxSine<1>(0.0f), 1.0f);
  EXPECT_EQ(approxTanh(inf), 1.0f);
  EXPECT_EQ(approxTanh(-inf), -1.0f);
  EXPECT_EQ(bits(approxTanh(-0.0f)), 0x80000000u);
  EXPECT_EQ(approxRsqrt(0.0f), inf);
  EXPECT_EQ(approxRsqrt(-0.0f), -inf);
  EXPECT_EQ(bits(approxRsqrt(-1.0f)), nan32);
  EXPECT_EQ(approxDivide(1.0f, 0x1p127f), 0.0f);
  EXPECT_EQ(bits(approxDivide(inf, 0x1p127f)), nan32);
  EXPECT_EQ(approxDivide(6.0f, 3.0f), 2.0f);
}

TEST(PtxArithmetic, ComparisonsOfUnorderedNumbers) {
  float nan = f32(nan32);
  EXPECT_FALSE(compare<Compare::ne>(nan, 1.0f));
  EXPECT_TRUE(compare<Compare::neu>(nan, 1.0f));
  EXPECT_TRUE(compare<Compare::ltu>(nan, 1.0f));
  EXPECT_FALSE(compare<Compare::ge>(nan, nan));
  EXPECT_TRUE(compare<Compare::num>(0.0f, 1.0f));
  EXPECT_TRUE(compare<Compare::nan>(0.0f, nan));
  EXPECT_TRUE((test<NumberTest::subnormal>(uint32_t(1))));
  EXPECT_TRUE((test<NumberTest::normal>(uint64_t(0x3ff0000000000000))));
  EXPECT_FALSE((test<NumberTest::number>(uint32_t(0x7fc00000))));
}

} // namespace
