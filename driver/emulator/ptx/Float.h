//===- Float.h - floating point as PTX defines it, one lane at a time ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Every function here works on one lane, has no state and is inline, so that the loops over 32 lanes vectorise.
// Registers hold bits; the helpers below turn bits into numbers and back, flush subnormals (`.ftz`), clamp (`.sat`)
// and make NaNs canonical (0x7fffffff, 0x7fff) where PTX says so. f64 keeps the payload of a NaN.

#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace tegula::ptx {

/// `.rn .rz .rm .rp`
enum class Rounding : uint8_t { nearest, zero, down, up };

// --- The modes of the host's floating-point unit

/// Sets the rounding direction of this thread's SSE unit while it lives. The barriers in the constructor and the
/// destructor keep loads and stores inside; so every operand must come from memory and every result must go to it
/// between the two, which is what a loop over the registers of a warp does.
class RoundingScope {
public:
  explicit RoundingScope(Rounding mode) {
    asm volatile("stmxcsr %0" : "=m"(saved)::"memory");
    // Bits 13 and 14: 0 nearest, 1 down, 2 up, 3 towards zero.
    constexpr uint32_t fields[] = {0, 3, 1, 2};
    uint32_t wanted = (saved & ~(3u << 13)) | (fields[static_cast<int>(mode)] << 13);
    asm volatile("ldmxcsr %0" ::"m"(wanted) : "memory");
  }
  ~RoundingScope() { asm volatile("ldmxcsr %0" ::"m"(saved) : "memory"); }
  RoundingScope(const RoundingScope &) = delete;
  RoundingScope &operator=(const RoundingScope &) = delete;

private:
  uint32_t saved;
};

// --- f32

inline float f32(uint32_t bits) { return std::bit_cast<float>(bits); }
inline uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
inline double f64(uint64_t bits) { return std::bit_cast<double>(bits); }
inline uint64_t bits(double x) { return std::bit_cast<uint64_t>(x); }

constexpr uint32_t nan32 = 0x7fffffff;
constexpr uint16_t nan16 = 0x7fff;

/// The number of `x`'s lanes that are subnormal become a zero of the same sign.
inline float flush(float x) {
  uint32_t b = bits(x);
  return f32((b & 0x7f800000) == 0 ? b & 0x80000000 : b);
}
template <bool ftz> inline float flushIf(float x) {
  if constexpr (ftz)
    return flush(x);
  else
    return x;
}
inline float canonical(float x) { return x != x ? f32(nan32) : x; }
/// `.sat`: into [+0, 1], NaN becomes +0.
inline float saturate(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
inline double saturate(double x) { return x > 0.0 ? (x < 1.0 ? x : 1.0) : 0.0; }

// --- A number in a format narrower than f64, correctly rounded in any direction

/// A binary format: `fraction` bits of fraction, `exponent` bits of exponent, the greatest finite number, infinity
/// (equal to `largest` when there is none) and the canonical NaN, as bits without sign.
struct Format {
  int fraction;
  int exponent;
  uint32_t largest;
  uint32_t infinity;
  uint32_t nan;
};
constexpr Format formatF16 = {10, 5, 0x7bff, 0x7c00, 0x7fff};
constexpr Format formatBf16 = {7, 8, 0x7f7f, 0x7f80, 0x7fff};
constexpr Format formatTf32 = {10, 8, 0x3fbff, 0x3fc00, 0x3ffff}; // 19 bits; shifted up by 13 it is an f32
constexpr Format formatF32 = {23, 8, 0x7f7fffff, 0x7f800000, 0x7fffffff};
constexpr Format formatE4m3 = {3, 4, 0x7e, 0x7e, 0x7f};
constexpr Format formatE5m2 = {2, 5, 0x7b, 0x7c, 0x7f};

/// The bits of `x` rounded to `format`. `finite` (`.satfinite`) turns an overflow, infinity included, into the greatest
/// finite number. The rounding of a number computed with round-to-odd is the rounding of the exact number.
inline uint32_t narrow(double x, const Format &format, Rounding mode, bool finite = false) {
  uint64_t b = bits(x);
  uint32_t negative = static_cast<uint32_t>(b >> 63);
  int biased = static_cast<int>(b >> 52) & 0x7ff;
  uint64_t significand = b & ((uint64_t(1) << 52) - 1);
  uint32_t sign = negative << (format.fraction + format.exponent);
  if (biased == 0x7ff) {
    if (significand != 0)
      return format.nan;
    return sign | (finite ? format.largest : format.infinity);
  }
  if (biased != 0)
    significand |= uint64_t(1) << 52;
  int e = (biased == 0 ? 1 : biased) - 1023;
  int bias = (1 << (format.exponent - 1)) - 1;
  int smallest = 1 - bias;
  int shift = 52 - format.fraction + (e < smallest ? smallest - e : 0);
  if (shift > 62)
    shift = 62; // the whole number is a remainder below one half then
  uint64_t quotient = significand >> shift;
  uint64_t rest = significand & ((uint64_t(1) << shift) - 1);
  uint64_t half = uint64_t(1) << (shift - 1);
  bool up = false;
  switch (mode) {
  case Rounding::nearest: up = rest > half || (rest == half && (quotient & 1)); break;
  case Rounding::zero: break;
  case Rounding::down: up = negative && rest; break;
  case Rounding::up: up = !negative && rest; break;
  }
  quotient += up;
  // The hidden bit carries into the exponent by itself, also from the greatest subnormal and into infinity.
  uint64_t result =
      e < smallest ? quotient : (static_cast<uint64_t>(e + bias - 1) << format.fraction) + quotient;
  if (result > format.largest) {
    bool away = mode == Rounding::nearest || (mode == Rounding::down && negative) ||
                (mode == Rounding::up && !negative);
    return sign | (finite || !away ? format.largest : format.infinity);
  }
  return sign | static_cast<uint32_t>(result);
}

/// The number that bits of an 8-bit format mean.
inline float widenE4m3(uint32_t b) {
  uint32_t sign = (b & 0x80) << 24, rest = b & 0x7f;
  if (rest == 0x7f)
    return f32(nan32);
  if (rest < 8) {
    float small = static_cast<float>(rest) * 0x1p-9f;
    return f32(bits(small) | sign);
  }
  return f32(sign | ((rest << 20) + ((127 - 7) << 23)));
}
inline uint32_t f16FromE5m2(uint32_t b) {
  uint32_t wide = (b & 0xff) << 8;
  return (wide & 0x7fff) > 0x7c00 ? nan16 : wide;
}

// --- f16 and bf16 as bits; the casts of `_Float16` are F16C instructions and vectorise

inline float widenF16(uint32_t b) {
  return static_cast<float>(std::bit_cast<_Float16>(static_cast<uint16_t>(b)));
}
inline float widenBf16(uint32_t b) { return f32(b << 16); }

/// f32 to f16, to nearest even, NaN canonical.
inline uint32_t narrowF16(float x) {
  uint32_t b = std::bit_cast<uint16_t>(static_cast<_Float16>(x));
  return (b & 0x7fff) > 0x7c00 ? nan16 : b;
}
/// f32 to bf16, to nearest even, NaN canonical.
inline uint32_t narrowBf16(float x) {
  uint32_t b = bits(x);
  uint32_t rounded = (b + 0x7fff + ((b >> 16) & 1)) >> 16;
  return x != x ? nan16 : rounded;
}

/// One step of `b`, the bits of a nearest result that is off by `error`, to the odd neighbour on the error's side; an odd
/// result stays. (`B` and `F` are integer and number of one width.) A NaN or an infinite error's NaN changes nothing.
template <class B, class F> inline F toOdd(F near, F error) {
  B b = std::bit_cast<B>(near);
  constexpr int top = 8 * sizeof(B) - 1;
  B shrinks = (std::bit_cast<B>(error) ^ b) >> top;
  B inexact = static_cast<B>(error < 0) | static_cast<B>(error > 0);
  B step = (1 - 2 * shrinks) * (inexact & ~b & 1);
  return std::bit_cast<F>(b + step);
}

/// f64 to f32 so that a later rounding to fewer than 23 bits is the rounding of `x` itself (round to odd).
inline float oddF32(double x) {
  float near = static_cast<float>(x);
  // Exact, unless the result overflowed: then the greatest finite number, which is odd, is one step away.
  return toOdd<uint32_t>(near,
                         static_cast<float>(std::copysign(std::fabs(x - near) > 0 ? 1.0 : 0.0, x - near)));
}

/// product + c with one rounding, to odd.
template <class B, class F> inline F oddSum(F product, F c) {
#pragma clang fp contract(off) reassociate(off)
  F sum = product + c;
  F part = sum - product;
  F error = (product - (sum - part)) + (c - part);
  return toOdd<B>(sum, error);
}

/// The two 16-bit formats, for code that is generic in them.
namespace lane {
struct Half {
  static constexpr const Format &format = formatF16;
  static float widen(uint32_t b) { return widenF16(b); }
  static uint32_t narrow(float x) { return narrowF16(x); }
  static constexpr uint32_t one = 0x3c00;
};
struct Brain {
  static constexpr const Format &format = formatBf16;
  static float widen(uint32_t b) { return widenBf16(b & 0xffff); }
  static uint32_t narrow(float x) { return narrowBf16(x); }
  static constexpr uint32_t one = 0x3f80;
};
} // namespace lane

/// `.ftz` of a 16-bit number.
template <class F> inline uint32_t flush16(uint32_t b) {
  uint32_t exponents = ((1u << F::format.exponent) - 1) << F::format.fraction;
  return (b & exponents) == 0 ? b & 0x8000 : b & 0xffff;
}

// --- Minimum and maximum: a NaN yields to a number (unless `nan`), -0 is below +0

template <bool nan> inline float minimum(float a, float b) {
  // Of two equal numbers the one with the sign bit wins: that orders the zeros.
  float lesser = a < b ? a : a > b ? b : f32(bits(a) | bits(b));
  if (nan)
    return a != a || b != b ? f32(nan32) : lesser;
  return a != a ? (b != b ? f32(nan32) : b) : b != b ? a : lesser;
}
template <bool nan> inline float maximum(float a, float b) {
  float greater = a > b ? a : a < b ? b : f32(bits(a) & bits(b));
  if (nan)
    return a != a || b != b ? f32(nan32) : greater;
  return a != a ? (b != b ? f32(nan32) : b) : b != b ? a : greater;
}
inline double minimum(double a, double b) {
  double lesser = a < b ? a : a > b ? b : f64(bits(a) | bits(b));
  return a != a ? b : b != b ? a : lesser;
}
inline double maximum(double a, double b) {
  double greater = a > b ? a : a < b ? b : f64(bits(a) & bits(b));
  return a != a ? b : b != b ? a : greater;
}

// --- Approximations. The bounds in the comments are those of the PTX ISA, "Floating Point Instructions"; the tests
// measure ours against them.

/// 2 ** x, at most 2 ulp. Subnormal results are kept; `.ftz` is the caller's.
inline float approxExp2(float x) {
  // Beyond these the result is 0 or infinity anyway, and the integer below stays small.
  float clamped = x > -160.0f ? (x < 160.0f ? x : 160.0f) : -160.0f; // a NaN is put back at the end
  float whole = std::nearbyintf(clamped);
  float t = clamped - whole;
  // Minimax polynomial of 2 ** t on [-0.5, 0.5]: relative error below 2e-8.
  float p = 1.5403530393381608e-4f;
  p = std::fma(p, t, 1.3333558146428443e-3f);
  p = std::fma(p, t, 9.6181291076284772e-3f);
  p = std::fma(p, t, 5.5504108664821580e-2f);
  p = std::fma(p, t, 2.4022650695910072e-1f);
  p = std::fma(p, t, 6.9314718055994531e-1f);
  p = std::fma(p, t, 1.0f);
  // Two factors, since 2 ** whole itself may be subnormal or beyond the greatest number.
  int n = static_cast<int>(whole), first = n >> 1, second = n - first;
  float scaled =
      p * f32(static_cast<uint32_t>(first + 127) << 23) * f32(static_cast<uint32_t>(second + 127) << 23);
  return x != x ? f32(nan32) : scaled;
}

/// log2 x: absolute error 2**-22.6 for x in [0.5, 2], relative error 2**-22 elsewhere.
inline float approxLog2(float x) {
  float scaled = x < 0x1p-126f ? x * 0x1p24f : x;
  float offset = x < 0x1p-126f ? -24.0f : 0.0f;
  uint32_t b = bits(scaled);
  // m in [sqrt(1/2), sqrt 2): the logarithm's series is in s = (m - 1) / (m + 1), |s| < 0.172.
  uint32_t shifted = b - 0x3f3504f3;
  float e = static_cast<float>(static_cast<int32_t>(shifted) >> 23) + offset;
  float m = f32((shifted & 0x007fffff) + 0x3f3504f3);
  double s = (double(m) - 1.0) / (double(m) + 1.0);
  double z = s * s;
  // 2 / ln 2 times atanh's series, to s ** 9: the next term is below 1e-9 of the result.
  double p = 0.3205988979753252;
  p = p * z + 0.4121985831111324;
  p = p * z + 0.5770780163555854;
  p = p * z + 0.9617966939259756;
  p = p * z + 2.8853900817779268;
  float result = static_cast<float>(e + s * p);
  result = x == 0.0f ? -f32(0x7f800000) : x == f32(0x7f800000) ? x : result;
  return x < 0.0f || x != x ? f32(nan32) : result;
}

/// Sine (quadrant 0) or cosine (quadrant 1) of x, correct to about one ulp while |x| < 2**20: PTX asks for an absolute
/// error of 2**-20.5 in [-pi, pi].
template <int quadrant> inline float approxSine(float x) {
  double turns = static_cast<double>(x) * 0.63661977236758134308; // x / (pi/2)
  bool far = !(turns < 1e9 && turns > -1e9);
  double whole = std::nearbyint(far ? 0.0 : turns);
  double r = far ? 0.0 : std::fma(-whole, 1.57079632679489655800e+00, static_cast<double>(x));
  r = std::fma(-whole, 6.12323399573676603587e-17, r);
  int n = static_cast<int>(whole) + quadrant;
  double z = r * r;
  double sine = r * (1 + z * (-1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880)))));
  double cosine =
      1 + z * (-0.5 + z * (1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320 + z * (-1.0 / 3628800)))));
  double value = n & 1 ? cosine : sine;
  float result = static_cast<float>(n & 2 ? -value : value);
  // Very large arguments: the quick reduction of the hardware has no digits left there; zero turns is as good.
  return x - x != 0.0f ? f32(nan32) : result;
}

/// tanh x: relative error 2**-11 is asked for; this has about 2 ulp.
inline float approxTanh(float x) {
  float a = std::fabs(x);
  double z = static_cast<double>(x) * x;
  // Below 0.25 the quotient cancels: the series instead.
  double series = a * (1 + z * (-1.0 / 3 + z * (2.0 / 15 + z * (-17.0 / 315 + z * (62.0 / 2835)))));
  float power = approxExp2((a > 20.0f ? 20.0f : a) * 2.8853900817779268f);
  float quotient = 1.0f - 2.0f / (power + 1.0f);
  float magnitude = a < 0.25f ? static_cast<float>(series) : quotient;
  uint32_t signedBits = bits(magnitude) | (bits(x) & 0x80000000);
  return x != x ? f32(nan32) : f32(signedBits);
}

inline float approxRsqrt(float x) {
  return canonical(static_cast<float>(1.0 / std::sqrt(static_cast<double>(x))));
}

/// a * (1 / b) as `div.approx.f32` has it: 2 ulp, and nothing left when 1 / b is subnormal.
inline float approxDivide(float a, float b) {
  float magnitude = std::fabs(b);
  float quotient = a / b;
  uint32_t zero = (bits(a) ^ bits(b)) & 0x80000000;
  bool lost = magnitude > 0x1p126f && magnitude < f32(0x7f800000) && a == a;
  float rest = std::fabs(a) == f32(0x7f800000) ? f32(nan32) : f32(zero);
  return canonical(lost ? rest : quotient);
}

} // namespace tegula::ptx
