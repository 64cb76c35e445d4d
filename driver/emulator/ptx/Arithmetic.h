//===- Arithmetic.h - what the arithmetic instructions compute, one lane at a time ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// An operation is a type with a static function `run` on values of the instruction's type; a handler (Handlers.h) runs
// it over the lanes of a warp. Nothing here knows of registers. Names and corner cases follow the PTX ISA, chapter
// "Instruction Set"; where PTX leaves a result open (division by zero), it is what the hardware gives.

#pragma once

#include "driver/emulator/ptx/Float.h"

#include <algorithm>
#include <limits>
#include <type_traits>

namespace tegula::ptx::lane {

template <class T> using Unsigned = std::make_unsigned_t<T>;
template <class T>
using Wide = std::conditional_t<
    sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
    std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                       std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>>;
template <class T> constexpr int width = 8 * sizeof(T);

/// An unsigned type whose arithmetic wraps (16-bit types promote to int, which does not).
template <class T> using Wrapping = std::conditional_t<(sizeof(T) < 4), uint32_t, Unsigned<T>>;

// --- Integers

template <class T> struct Add {
  static T run(T a, T b) { return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b)); }
};
template <class T> struct Sub {
  static T run(T a, T b) { return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b)); }
};
inline int32_t clampS32(int64_t x) {
  return static_cast<int32_t>(std::min<int64_t>(std::max<int64_t>(x, INT32_MIN), INT32_MAX));
}
struct AddSat {
  static int32_t run(int32_t a, int32_t b) { return clampS32(int64_t(a) + b); }
};
struct SubSat {
  static int32_t run(int32_t a, int32_t b) { return clampS32(int64_t(a) - b); }
};
template <class T> struct MulLo {
  static T run(T a, T b) { return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b)); }
};
template <class T> struct MulHi {
  static T run(T a, T b) { return static_cast<T>((static_cast<Wide<T>>(a) * b) >> width<T>); }
};
template <class T> struct MulWide {
  static Wide<T> run(T a, T b) { return static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b); }
};
template <class T> struct MadLo {
  static T run(T a, T b, T c) { return Add<T>::run(MulLo<T>::run(a, b), c); }
};
template <class T> struct MadHi {
  static T run(T a, T b, T c) { return Add<T>::run(MulHi<T>::run(a, b), c); }
};
struct MadHiSat {
  static int32_t run(int32_t a, int32_t b, int32_t c) {
    return clampS32(int64_t(MulHi<int32_t>::run(a, b)) + c);
  }
};
template <class T> struct MadWide {
  static Wide<T> run(T a, T b, Wide<T> c) { return Add<Wide<T>>::run(MulWide<T>::run(a, b), c); }
};
/// The low 24 bits of an operand, extended by its sign.
template <class T> inline int64_t low24(T a) {
  if constexpr (std::is_signed_v<T>)
    return static_cast<int32_t>(static_cast<uint32_t>(a) << 8) >> 8;
  else
    return a & 0xffffff;
}
template <class T, bool hi> struct Mul24 {
  static T run(T a, T b) { return static_cast<T>((low24(a) * low24(b)) >> (hi ? 16 : 0)); }
};
template <class T, bool hi> struct Mad24 {
  static T run(T a, T b, T c) { return Add<T>::run(Mul24<T, hi>::run(a, b), c); }
};
struct Mad24HiSat {
  static int32_t run(int32_t a, int32_t b, int32_t c) {
    return clampS32(int64_t(Mul24<int32_t, true>::run(a, b)) + c);
  }
};
template <class T> struct Div {
  static T run(T a, T b) {
    if (b == 0)
      return static_cast<T>(~T(0));
    if constexpr (std::is_signed_v<T>)
      if (b == -1)
        return Sub<T>::run(0, a);
    return static_cast<T>(a / b);
  }
};
template <class T> struct Rem {
  static T run(T a, T b) {
    if (b == 0)
      return a;
    if constexpr (std::is_signed_v<T>)
      if (b == -1)
        return 0;
    return static_cast<T>(a % b);
  }
};
template <class T> struct Abs {
  static T run(T a) { return a < 0 ? Sub<T>::run(0, a) : a; }
};
template <class T> struct Neg {
  static T run(T a) { return Sub<T>::run(0, a); }
};
template <class T> struct Min {
  static T run(T a, T b) { return a < b ? a : b; }
};
template <class T> struct Max {
  static T run(T a, T b) { return a > b ? a : b; }
};
template <class T> struct Sad {
  static T run(T a, T b, T c) { return Add<T>::run(c, a < b ? Sub<T>::run(b, a) : Sub<T>::run(a, b)); }
};

// --- Bits

template <class T> struct And {
  static T run(T a, T b) { return a & b; }
};
template <class T> struct Or {
  static T run(T a, T b) { return a | b; }
};
template <class T> struct Xor {
  static T run(T a, T b) { return a ^ b; }
};
template <class T> struct Not {
  static T run(T a) { return static_cast<T>(~a); }
};
template <class T> struct Cnot {
  static T run(T a) { return a == 0; }
};
/// Amounts beyond the width count as the width.
template <class T> struct Shl {
  static T run(T a, uint32_t b) {
    if constexpr (sizeof(T) == 2)
      return static_cast<T>(b > 15 ? 0u : static_cast<uint32_t>(a) << (b & 15));
    else
      return b >= uint32_t(width<T>) ? T(0) : static_cast<T>(a << (b & (width<T> - 1)));
  }
};
template <class T> struct Shr {
  static T run(T a, uint32_t b) {
    if constexpr (std::is_signed_v<T>)
      return static_cast<T>(a >> (b >= uint32_t(width<T>) ? width<T> - 1 : b));
    else
      return b >= uint32_t(width<T>) ? T(0) : static_cast<T>(a >> (b & (width<T> - 1)));
  }
};
template <bool left, bool wrap> struct Shf {
  static uint32_t run(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t n = wrap ? c & 31 : c > 32 ? 32 : c;
    uint64_t pair = (static_cast<uint64_t>(b) << 32) | a;
    return static_cast<uint32_t>(left ? (pair << n) >> 32 : pair >> n);
  }
};
template <class T> struct Popc {
  static uint32_t run(T a) { return static_cast<uint32_t>(std::popcount(a)); }
};
template <class T> struct Clz {
  static uint32_t run(T a) { return static_cast<uint32_t>(std::countl_zero(a)); }
};
/// The position of the most significant bit that is not a copy of the sign; `shift` gives the shift that brings it to
/// the top instead. All ones when there is none.
template <class T, bool shift> struct Bfind {
  static uint32_t run(T a) {
    Unsigned<T> magnitude = static_cast<Unsigned<T>>(a < 0 ? ~a : a);
    int position = width<T> - 1 - std::countl_zero(magnitude);
    if (position < 0)
      return ~0u;
    return static_cast<uint32_t>(shift ? width<T> - 1 - position : position);
  }
};
template <class T> struct Brev {
  static T run(T a) {
    if constexpr (sizeof(T) == 4)
      return __builtin_bitreverse32(a);
    else
      return __builtin_bitreverse64(a);
  }
};
template <class T> struct Bfe {
  static T run(T a, uint32_t b, uint32_t c) {
    int position = b & 0xff, length = c & 0xff;
    constexpr int top = width<T> - 1;
    if (length == 0)
      return 0;
    using U = Unsigned<T>;
    U signBit = 0;
    if (std::is_signed_v<T>)
      signBit = (static_cast<U>(a) >> std::min(position + length - 1, top)) & 1;
    U field = position > top ? U(0) : static_cast<U>(a) >> position;
    // Bits of the field that lie beyond the operand are copies of the sign too.
    int known = std::min(length, std::max(top + 1 - position, 0));
    if (known <= top) {
      U mask = (U(1) << known) - 1;
      field = (field & mask) | (signBit ? ~mask : U(0));
    }
    return static_cast<T>(field);
  }
};
template <class T> struct Bfi {
  static T run(T a, T b, uint32_t c, uint32_t d) {
    int position = c & 0xff, length = d & 0xff;
    if (length == 0 || position >= width<T>)
      return b;
    T ones = length >= width<T> ? ~T(0) : (T(1) << length) - 1;
    T mask = static_cast<T>(ones << position);
    return (b & ~mask) | ((a << position) & mask);
  }
};
/// Sign or zero extension of the low `b` bits.
template <class T, bool wrap> struct Szext {
  static T run(T a, uint32_t b) {
    uint32_t n = wrap ? b & 31 : std::min<uint32_t>(b, 32);
    if (n == 0)
      return 0;
    if (n == 32)
      return a;
    uint32_t field = static_cast<uint32_t>(a) << (32 - n);
    return static_cast<T>(std::is_signed_v<T> ? static_cast<uint32_t>(static_cast<int32_t>(field) >> (32 - n))
                                              : field >> (32 - n));
  }
};
template <bool wrap> struct Bmsk {
  static uint32_t run(uint32_t a, uint32_t b) {
    uint32_t position = wrap ? a & 31 : std::min<uint32_t>(a, 32),
             length = wrap ? b & 31 : std::min<uint32_t>(b, 32);
    uint64_t ones = (uint64_t(1) << length) - 1;
    return static_cast<uint32_t>(ones << position);
  }
};
/// The position of the n-th set bit from a base, upwards for n > 0, downwards for n < 0; the base itself must be set
/// for n = 0.
struct Fns {
  static uint32_t run(uint32_t mask, uint32_t base, int32_t offset) {
    if (base > 31)
      return ~0u;
    if (offset == 0)
      return mask >> base & 1 ? base : ~0u;
    int step = offset > 0 ? 1 : -1;
    int64_t left = offset > 0 ? offset : -int64_t(offset);
    for (int position = static_cast<int>(base); position >= 0 && position < 32; position += step)
      if (mask >> position & 1 && --left == 0)
        return static_cast<uint32_t>(position);
    return ~0u;
  }
};

/// How `prmt` reads its selector.
enum class Permute : uint8_t { bytes, f4e, b4e, rc8, ecl, ecr, rc16 };
template <Permute mode> struct Prmt {
  static uint32_t run(uint32_t a, uint32_t b, uint32_t c) {
    uint64_t all = (static_cast<uint64_t>(b) << 32) | a;
    auto byte = [&](uint32_t i) { return static_cast<uint32_t>(all >> (8 * (i & 7))) & 0xff; };
    uint32_t n = c & 3, result = 0;
    for (uint32_t i = 0; i < 4; i++) {
      uint32_t value;
      if constexpr (mode == Permute::bytes) {
        uint32_t selector = c >> (4 * i);
        value = byte(selector);
        if (selector & 8) // the byte's sign, eight times
          value = value & 0x80 ? 0xff : 0;
      } else if constexpr (mode == Permute::f4e)
        value = byte(n + i);
      else if constexpr (mode == Permute::b4e)
        value = byte(n + 8 - i);
      else if constexpr (mode == Permute::rc8)
        value = byte(n);
      else if constexpr (mode == Permute::ecl)
        value = byte(std::max(n, i));
      else if constexpr (mode == Permute::ecr)
        value = byte(std::min(n, i));
      else
        value = byte((n & 1) * 2 + (i & 1));
      result |= value << (8 * i);
    }
    return result;
  }
};

/// Any function of three bits, by its truth table.
inline uint32_t lop3(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
  uint32_t result = 0;
  for (uint32_t row = 0; row < 8; row++) {
    uint32_t term = (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c);
    result |= table >> row & 1 ? term : 0;
  }
  return result;
}

/// Four products of bytes, or two of a 16-bit half and a byte, added to `c`.
template <class A, class B> struct Dp4a {
  static uint32_t run(uint32_t a, uint32_t b, uint32_t c) {
    for (int i = 0; i < 4; i++)
      c += static_cast<uint32_t>(int32_t(static_cast<A>(a >> (8 * i))) *
                                 int32_t(static_cast<B>(b >> (8 * i))));
    return c;
  }
};
template <class A, class B, bool hi> struct Dp2a {
  static uint32_t run(uint32_t a, uint32_t b, uint32_t c) {
    for (int i = 0; i < 2; i++)
      c += static_cast<uint32_t>(int32_t(static_cast<A>(a >> (16 * i))) *
                                 int32_t(static_cast<B>(b >> (8 * (i + (hi ? 2 : 0))))));
    return c;
  }
};

// --- f32

template <bool ftz, bool sat> inline float finish(float x) {
  x = flushIf<ftz>(x);
  return sat ? saturate(x) : canonical(x);
}
template <bool ftz, bool sat> struct AddF32 {
  static float run(float a, float b) { return finish<ftz, sat>(flushIf<ftz>(a) + flushIf<ftz>(b)); }
};
template <bool ftz, bool sat> struct SubF32 {
  static float run(float a, float b) { return finish<ftz, sat>(flushIf<ftz>(a) - flushIf<ftz>(b)); }
};
template <bool ftz, bool sat> struct MulF32 {
  static float run(float a, float b) { return finish<ftz, sat>(flushIf<ftz>(a) * flushIf<ftz>(b)); }
};
template <bool ftz, bool sat> struct FmaF32 {
  static float run(float a, float b, float c) {
    return finish<ftz, sat>(std::fma(flushIf<ftz>(a), flushIf<ftz>(b), flushIf<ftz>(c)));
  }
};
template <bool ftz> struct DivF32 {
  static float run(float a, float b) { return finish<ftz, false>(flushIf<ftz>(a) / flushIf<ftz>(b)); }
};
template <bool ftz> struct DivApproxF32 {
  static float run(float a, float b) {
    return finish<ftz, false>(approxDivide(flushIf<ftz>(a), flushIf<ftz>(b)));
  }
};
template <bool ftz> struct RcpF32 {
  static float run(float a) { return finish<ftz, false>(1.0f / flushIf<ftz>(a)); }
};
template <bool ftz> struct SqrtF32 {
  static float run(float a) { return finish<ftz, false>(__builtin_sqrtf(flushIf<ftz>(a))); }
};
template <bool ftz> struct RsqrtF32 {
  static float run(float a) { return finish<ftz, false>(approxRsqrt(flushIf<ftz>(a))); }
};
template <bool ftz> struct Ex2F32 {
  static float run(float a) { return finish<ftz, false>(approxExp2(flushIf<ftz>(a))); }
};
template <bool ftz> struct Lg2F32 {
  static float run(float a) { return finish<ftz, false>(approxLog2(flushIf<ftz>(a))); }
};
template <bool ftz> struct SinF32 {
  static float run(float a) { return finish<ftz, false>(approxSine<0>(flushIf<ftz>(a))); }
};
template <bool ftz> struct CosF32 {
  static float run(float a) { return finish<ftz, false>(approxSine<1>(flushIf<ftz>(a))); }
};
struct TanhF32 {
  static float run(float a) { return approxTanh(a); }
};
template <bool ftz> struct AbsF32 {
  static float run(float a) { return f32(bits(flushIf<ftz>(a)) & 0x7fffffff); }
};
template <bool ftz> struct NegF32 {
  static float run(float a) { return f32(bits(flushIf<ftz>(a)) ^ 0x80000000); }
};
/// `.xorsign.abs`: the extremum of the magnitudes with the product's sign.
template <bool greater, bool ftz, bool nan, bool xorsign> struct ExtremeF32 {
  static float run(float a, float b) {
    a = flushIf<ftz>(a);
    b = flushIf<ftz>(b);
    uint32_t sign = (bits(a) ^ bits(b)) & 0x80000000;
    if constexpr (xorsign) {
      a = f32(bits(a) & 0x7fffffff);
      b = f32(bits(b) & 0x7fffffff);
    }
    float result = greater ? maximum<nan>(a, b) : minimum<nan>(a, b);
    if constexpr (xorsign)
      return result != result ? f32(nan32) : f32(bits(result) | sign);
    return result;
  }
};
template <class U> struct Copysign { // the sign of a, the magnitude of b
  static U run(U a, U b) {
    constexpr U sign = U(1) << (width<U> - 1);
    return (a & sign) | (b & ~sign);
  }
};

// --- f64

template <class T> struct AddF64 {
  static T run(T a, T b) { return a + b; }
};
template <class T> struct SubF64 {
  static T run(T a, T b) { return a - b; }
};
template <class T> struct MulF64 {
  static T run(T a, T b) { return a * b; }
};
struct FmaF64 {
  static double run(double a, double b, double c) { return std::fma(a, b, c); }
};
struct DivF64 {
  static double run(double a, double b) { return a / b; }
};
struct RcpF64 {
  static double run(double a) { return 1.0 / a; }
};
struct SqrtF64 {
  static double run(double a) { return __builtin_sqrt(a); }
};
/// `.approx.ftz.f64`: the upper half of the operand gives the upper half of the result; subnormals are zeros.
inline double upper(double x) {
  uint64_t b = bits(x) & 0xffffffff00000000;
  return f64((b & 0x7ff0000000000000) == 0 ? b & 0x8000000000000000 : b);
}
struct RcpApproxF64 {
  static double run(double a) { return a != a ? a : upper(1.0 / upper(a)); }
};
template <bool gross> struct RsqrtF64 {
  static double run(double a) {
    if (a != a)
      return a;
    return gross ? upper(1.0 / __builtin_sqrt(upper(a))) : 1.0 / __builtin_sqrt(a);
  }
};
struct AbsF64 {
  static double run(double a) { return f64(bits(a) & 0x7fffffffffffffff); }
};
struct NegF64 {
  static double run(double a) { return f64(bits(a) ^ 0x8000000000000000); }
};
template <bool greater> struct ExtremeF64 {
  static double run(double a, double b) { return greater ? maximum(a, b) : minimum(a, b); }
};

// --- f16 and bf16, as bits in the low half of a word; Packed<> does both halves

template <class Op, class Signature = decltype(&Op::run)> struct Packed;
template <class Op, class... A> struct Packed<Op, uint32_t (*)(A...)> {
  static uint32_t run(A... operands) {
    uint32_t low = Op::run((operands & 0xffffu)...), high = Op::run((operands >> 16)...);
    return (low & 0xffff) | (high << 16);
  }
};
template <class F, bool ftz, bool sat, bool relu> inline uint32_t finish16(float x) {
  if constexpr (sat)
    x = saturate(x);
  if constexpr (relu)
    x = x < 0.0f ? 0.0f : f32(x == 0.0f ? 0u : bits(x)); // NaN stays, -0 becomes +0
  uint32_t b = F::narrow(x);
  return ftz ? flush16<F>(b) : b;
}
template <class F, bool ftz> inline float read16(uint32_t b) {
  return F::widen(ftz ? flush16<F>(b) : b & 0xffff);
}

// A sum or product of two f16 in f32, rounded again, is correct, since 24 >= 2 * 11 + 2 (Figueroa); for bf16 the sum is
// not exact in f32 but rounds the same way by the same rule.
template <class F, bool ftz, bool sat> struct Add16 {
  static uint32_t run(uint32_t a, uint32_t b) {
    return finish16<F, ftz, sat, false>(read16<F, ftz>(a) + read16<F, ftz>(b));
  }
};
template <class F, bool ftz, bool sat> struct Sub16 {
  static uint32_t run(uint32_t a, uint32_t b) {
    return finish16<F, ftz, sat, false>(read16<F, ftz>(a) - read16<F, ftz>(b));
  }
};
template <class F, bool ftz, bool sat> struct Mul16 {
  static uint32_t run(uint32_t a, uint32_t b) {
    if constexpr (std::is_same_v<F, Half>) // exact in f32
      return finish16<F, ftz, sat, false>(read16<F, ftz>(a) * read16<F, ftz>(b));
    // A product of bf16 may be subnormal in f32, where f32 rounds first: f64 holds it.
    double product = double(read16<F, ftz>(a)) * double(read16<F, ftz>(b));
    return finish16<F, ftz, sat, false>(oddF32(product));
  }
};
template <class F, bool ftz, bool sat, bool relu> struct Fma16 {
  static uint32_t run(uint32_t a, uint32_t b, uint32_t c) {
    if constexpr (std::is_same_v<F,
                                 Half>) // the product is exact in f32, and 24 bits are enough to round to odd
      return finish16<F, ftz, sat, relu>(
          oddSum<uint32_t, float>(read16<F, ftz>(a) * read16<F, ftz>(b), read16<F, ftz>(c)));
    double product = double(read16<F, ftz>(a)) * double(read16<F, ftz>(b));
    return finish16<F, ftz, sat, relu>(oddF32(oddSum<uint64_t, double>(product, read16<F, ftz>(c))));
  }
};
template <class F, bool ftz> struct Abs16 {
  static uint32_t run(uint32_t a) { return (ftz ? flush16<F>(a) : a) & 0x7fff; }
};
template <class F, bool ftz> struct Neg16 {
  static uint32_t run(uint32_t a) { return ((ftz ? flush16<F>(a) : a) ^ 0x8000) & 0xffff; }
};
template <class F, bool greater, bool ftz, bool nan, bool xorsign> struct Extreme16 {
  static uint32_t run(uint32_t a, uint32_t b) {
    return F::narrow(ExtremeF32<greater, false, nan, xorsign>::run(read16<F, ftz>(a), read16<F, ftz>(b)));
  }
};
template <class F, bool ftz> struct Ex2Half {
  static uint32_t run(uint32_t a) { return finish16<F, ftz, false, false>(approxExp2(read16<F, ftz>(a))); }
};
template <class F> struct TanhHalf {
  static uint32_t run(uint32_t a) {
    return finish16<F, false, false, false>(approxTanh(read16<F, false>(a)));
  }
};

// --- Comparisons

/// The comparisons of `set` and `setp`; the last eight are of floating point only: `.equ` … are true for a NaN.
enum class Compare : uint8_t { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };

template <Compare how, class T> inline bool compare(T a, T b) {
  bool unordered = a != a || b != b; // folds away for integers
  switch (how) {
  case Compare::eq: return a == b;
  case Compare::ne: return !unordered && a != b;
  case Compare::lt: return a < b;
  case Compare::le: return a <= b;
  case Compare::gt: return a > b;
  case Compare::ge: return a >= b;
  case Compare::equ: return unordered || a == b;
  case Compare::neu: return a != b;
  case Compare::ltu: return unordered || a < b;
  case Compare::leu: return unordered || a <= b;
  case Compare::gtu: return unordered || a > b;
  case Compare::geu: return unordered || a >= b;
  case Compare::num: return !unordered;
  case Compare::nan: return unordered;
  }
  return false;
}

/// What `testp` asks.
enum class NumberTest : uint8_t { finite, infinite, number, notanumber, normal, subnormal };
template <NumberTest what, class U> inline bool test(U b) {
  constexpr int fraction = sizeof(U) == 4 ? 23 : 52;
  constexpr U exponents = ((U(1) << (width<U> - 1 - fraction)) - 1) << fraction;
  constexpr U magnitudes = ~(U(1) << (width<U> - 1));
  U magnitude = b & magnitudes;
  switch (what) {
  case NumberTest::finite: return magnitude < exponents;
  case NumberTest::infinite: return magnitude == exponents;
  case NumberTest::number: return magnitude <= exponents;
  case NumberTest::notanumber: return magnitude > exponents;
  case NumberTest::normal: return magnitude < exponents && magnitude >= (U(1) << fraction);
  case NumberTest::subnormal: return magnitude != 0 && magnitude < (U(1) << fraction);
  }
  return false;
}

} // namespace tegula::ptx::lane
