//===- MatrixSums.h - sums of products of floating-point numbers, as tensor cores make them ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The rule (measured by MMA-Sim, arXiv 2511.10909, up to sm_89). Products of `step` elements along k and the sum so far
// are the addends of one step. A product's exponent is the sum of its factors' exponents, its significand the product of
// their significands, not normalised; subnormal factors have the least exponent. All addends are cut to `kept` bits
// below the greatest exponent and added exactly; the sum is cut to f32 (of `resultBits` bits), or rounded to f16.

#pragma once

#include "driver/emulator/ptx/Matrix.h"

namespace tegula::ptx {

struct SumRule {
  int leastA, leastB; ///< exponents of the subnormals of A and B
  int kept;           ///< bits kept below the greatest addend
  int resultBits;     ///< of the f32 result's fraction
  int step;           ///< elements of k added at once
  bool half;          ///< C and D are f16
};

/// c += a * b; a has m rows of k, b has k rows of n, c has m rows of n; m and n are multiples of 8, k of the step.
void sumAsHardware(const SumRule &rule, const float *a, const float *b, float *c, int m, int n, int k);

/// The same by fused multiply-adds along k, a NaN becoming the canonical one.
void sumFused(const float *a, const float *b, float *c, int m, int n, int k);

} // namespace tegula::ptx
