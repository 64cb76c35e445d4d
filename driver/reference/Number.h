//===- Number.h - element formats: bits to fp64 and back ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "mlir/IR/Types.h"

#include <cstdint>

namespace tegula::reference {

enum class Kind : uint8_t { I1, I8, I16, I32, I64, Pointer, F8E4M3, F8E5M2, F16, BF16, F32, F64 };

Kind kindOf(mlir::Type element);
inline bool isFloat(Kind kind) { return kind >= Kind::F8E4M3; }
/// Bytes in memory; a boolean takes one.
int byteSize(Kind kind);
/// Width in bits of an integer or pointer.
int bitWidth(Kind kind);

/// Integers are kept zero-extended in 64 bits.
uint64_t truncate(uint64_t bits, Kind kind);
int64_t signExtend(uint64_t bits, Kind kind);

/// Exact for every format.
double decode(uint64_t bits, Kind kind);
enum class Round : uint8_t { NearestEven, TowardZero };
/// One rounding of an fp64 value. 8-bit formats saturate to their largest finite value, the others overflow to infinity.
uint64_t encode(double value, Kind kind, Round round = Round::NearestEven);
/// Half the distance between two neighbours near 1: the relative error of one rounding to nearest.
double unitRoundoff(Kind kind);
/// The absolute error of rounding a tiny value: half the smallest subnormal.
double tinyError(Kind kind);
/// a * b + c with one rounding to `kind`.
uint64_t fusedMultiplyAdd(uint64_t a, uint64_t b, uint64_t c, Kind kind);

} // namespace tegula::reference
