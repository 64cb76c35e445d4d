//===- Convert.h - what `cvt` computes, one lane at a time ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/emulator/ptx/Float.h"

namespace tegula::ptx {

enum class Number : uint8_t { u8, u16, u32, u64, s8, s16, s32, s64, f16, bf16, tf32, f32, f64, e4m3, e5m2 };

constexpr bool isFloating(Number n) { return n >= Number::f16; }
constexpr bool isSigned(Number n) { return n >= Number::s8 && n <= Number::s64; }
constexpr int numberBits(Number n) {
  constexpr int table[] = {8, 16, 32, 64, 8, 16, 32, 64, 16, 16, 32, 32, 64, 8, 8};
  return table[static_cast<int>(n)];
}

/// One `cvt` of a single number. `integral`: the rounding is `.rni .rzi .rmi .rpi`. `away`: `.rna`, nearest with ties
/// away from zero. `finite`: `.satfinite`.
struct Conversion {
  Number to = Number::u32;
  Number from = Number::u32;
  Rounding rounding = Rounding::nearest;
  bool integral = false;
  bool away = false;
  bool ftz = false;
  bool sat = false;
  bool relu = false;
  bool finite = false;
};

/// The bits of the result, integers extended to 64 bits by their sign. Only the low bits of `raw` that belong to the
/// source type are looked at.
uint64_t convert(const Conversion &conversion, uint64_t raw);

/// A floating-point number to an integer of `bits` bits: out of range clamps; NaN is 0, or 2**(bits-1) where the source
/// is f64 or the result 64 bits wide (PTX ISA, "cvt").
uint64_t toInteger(double x, int bits, bool isSigned, bool fromF64);

} // namespace tegula::ptx
