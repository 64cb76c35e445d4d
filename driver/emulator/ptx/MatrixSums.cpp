//===- MatrixSums.cpp ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/MatrixSums.h"
#include "driver/emulator/ptx/Float.h"
#include "driver/emulator/ptx/Vectors.h"

namespace tegula::ptx {
namespace {

constexpr int maxM = 32, maxN = 32, maxK = 32;

// --- One element, by the letter of the rule

struct Addend {
  double significand = 0;
  int exponent = -10000; ///< of zero: never the greatest
};
Addend addend(float x, int least) {
  if (x == 0)
    return {};
  int e = std::max(std::ilogb(x), least);
  return {std::ldexp(static_cast<double>(x), -e), e};
}

float sumOfStep(const SumRule &rule, const float *a, const float *b, int n, float c) {
  Addend terms[17] = {addend(c, rule.half ? -14 : -126)};
  double check = c; // infinities and NaNs come out of it
  int greatest = terms[0].exponent;
  for (int l = 0; l < rule.step; l++) {
    float x = a[l], y = b[l * n];
    check += static_cast<double>(x) * y;
    if (x == 0 || y == 0 || check - check != 0)
      continue;
    Addend p = addend(x, rule.leastA), q = addend(y, rule.leastB);
    terms[l + 1] = {p.significand * q.significand, p.exponent + q.exponent};
    greatest = std::max(greatest, terms[l + 1].exponent);
  }
  if (check != check)
    return f32(nan32);
  if (check - check != 0)
    return static_cast<float>(check);
  double sum = 0;
  for (const Addend &t : terms)
    if (t.significand != 0)
      sum += std::trunc(std::ldexp(t.significand, rule.kept + t.exponent - greatest));
  double exact = std::ldexp(sum, greatest - rule.kept);
  if (rule.half)
    return widenF16(narrow(exact, formatF16, Rounding::nearest));
  if (std::fabs(exact) >= 0x1p128)
    return f32(exact < 0 ? 0xff800000 : 0x7f800000);
  return f32(narrow(exact, formatF32, Rounding::zero) & ~((1u << (23 - rule.resultBits)) - 1));
}

// --- Eight columns at once

/// Exponents of the factors; that of zero is so low that its product is never the greatest. False: some are so great or
/// small that products leave the range in which f32 holds them exactly.
constexpr int32_t zeroFactor = -200;
bool exponents(const float *from, int count, int least, int32_t *to) {
  I8 outside = all8(0);
  for (int i = 0; i < count; i += 8) {
    I8 b = loadVector<I8>(from + i) & all8(0x7fffffff);
    I8 e = greater((b >> 23) - 127, all8(least)), zero = b == 0;
    outside |= (e > 60) | ((e < -45) & ~zero);
    storeVector(to + i, (e & ~zero) | (all8(zeroFactor) & zero));
  }
  return !any(outside);
}

/// Signed whole numbers below 2**31 to f32, cut to 24 bits. `inexact`: something was lost.
F8 cutToFloat(I8 sum, I8 &inexact) {
  F8 near = toFloat(sum);
  I8 back = toInt(near);
  inexact = back != sum;
  // Rounded away from zero: one step back, which is a smaller magnitude of the same sign.
  I8 negative = sum >> 31;
  I8 away = ((back ^ negative) - negative) > ((sum ^ negative) - negative);
  return asFloat(asInt(near) + away);
}

/// A step of a row's eight columns. False, and nothing done, where exponents are beyond what f32 can scale by.
template <int step>
bool sumOfColumns(const SumRule &rule, const float *a, const int32_t *ea, const float *b, const int32_t *eb,
                  int n, float *row) {
  F8 c = loadVector<F8>(row);
  I8 cBits = asInt(c) & all8(0x7fffffff), cZero = cBits == 0;
  I8 ec = greater((cBits >> 23) - 127, all8(rule.half ? -14 : -126));
  I8 outside = ((ec > 120) | (ec < -100)) & ~cZero;
  I8 top = greater((ec & ~cZero) | (all8(-100) & cZero), all8(-100));
  for (int l = 0; l < step; l++)
    top = greater(top, all8(ea[l]) + loadVector<I8>(eb + l * n));
  if (any(outside | (top > 120)))
    return false;
  F8 scale = asFloat((all8(rule.kept + 127) - top) << 23);
  I8 sum = toInt(c * scale);
  for (int l = 0; l < step; l++)
    sum += toInt(all8(a[l]) * loadVector<F8>(b + l * n) * scale);
  I8 inexact;
  F8 cut = cutToFloat(sum, inexact);
  F8 back = asFloat((top + (127 - rule.kept)) << 23);
  if (rule.half) {
    // To odd, so that the rounding to f16 is the rounding of the exact sum.
    F8 odd = asFloat(asInt(cut) | (inexact & 1)) * back;
    for (int j = 0; j < 8; j++)
      row[j] = widenF16(narrowF16(odd[j]));
    return true;
  }
  storeVector(row, asFloat(asInt(cut) & all8(-(1 << (23 - rule.resultBits)))) * back);
  return true;
}

template <int rows> void fusedRows(const float *a, const float *b, float *c, int n, int k) {
  F8 sums[rows];
  for (int i = 0; i < rows; i++)
    sums[i] = loadVector<F8>(c + i * n);
  for (int l = 0; l < k; l++) {
    F8 y = loadVector<F8>(b + l * n);
    for (int i = 0; i < rows; i++)
      sums[i] = __builtin_elementwise_fma(all8(a[i * k + l]), y, sums[i]);
  }
  for (int i = 0; i < rows; i++) {
    I8 isNan = sums[i] != sums[i];
    storeVector(c + i * n, asFloat((asInt(sums[i]) & ~isNan) | (all8(int32_t(nan32)) & isNan)));
  }
}

} // namespace

void sumFused(const float *a, const float *b, float *c, int m, int n, int k) {
  for (int j = 0; j < n; j += 8)
    for (int i = 0; i < m; i += 8)
      fusedRows<8>(a + i * k, b + j, c + i * n + j, n, k);
}

template <int step>
static void sumBySteps(const SumRule &rule, const float *a, const float *b, float *c, int m, int n, int k) {
  alignas(64) int32_t ea[maxM * maxK], eb[maxN * maxK];
  bool quick = exponents(a, m * k, rule.leastA, ea);
  quick &= exponents(b, k * n, rule.leastB, eb);
  for (int j = 0; j < n; j += 8)
    for (int i = 0; i < m; i++)
      for (int l = 0; l < k; l += step) {
        const float *x = a + i * k + l, *y = b + l * n + j;
        float *row = c + i * n + j;
        if (quick && sumOfColumns<step>(rule, x, ea + i * k + l, y, eb + l * n + j, n, row))
          continue;
        for (int column = 0; column < 8; column++)
          row[column] = sumOfStep(rule, x, y + column, n, row[column]);
      }
}

void sumAsHardware(const SumRule &rule, const float *a, const float *b, float *c, int m, int n, int k) {
  rule.step == 4   ? sumBySteps<4>(rule, a, b, c, m, n, k)
  : rule.step == 8 ? sumBySteps<8>(rule, a, b, c, m, n, k)
                   : sumBySteps<16>(rule, a, b, c, m, n, k);
}

} // namespace tegula::ptx
