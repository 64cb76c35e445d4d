//===- Facts.h - what is known of one value, and the arithmetic of knowing ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Along each dimension a tile is cut into aligned *runs*: blocks of `length` elements that begin at a multiple of
// `length`. Inside a run each element is the one before it plus `stride`, and the first element of every run is a
// multiple of `divisor`:
//
//     16 17 18 19 | 48 49 50 51 | 80 81 82 83      stride 1, length 4, divisor 16
//      7  7  7  7 |  7  7  7  7 |  9  9  9  9      stride 0 (equal elements), length 4 (not 8: 12 % 8), divisor 1
//
// A length of 0 says that the whole extent is one run, whatever it is: so the common run of two tiles is the greatest
// common divisor of their lengths, and gcd(0, n) = n. In the same way a divisor of 0 is that of the number 0, which
// everything divides. A run of length 1 says that every element is a multiple of `divisor`, and nothing else.
//
// Strides are counted modulo 2^width, as the machine adds: a sum of two tiles has the sum of their strides whether
// it wraps around or not. Where wrapping matters (widening, comparing, dividing) `exactLength` says how much of a run
// is known not to wrap.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/ops/Tile.h"

#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace tegula::passes {

struct Run {
  int64_t stride = 0;   ///< modulo 2^width; in bytes for pointers; 0 when the length is 1
  uint64_t length = 1;  ///< 0: the whole extent
  uint64_t divisor = 1; ///< of the first element of each run; 0: each of them is 0

  friend bool operator==(const Run &, const Run &) = default;
};

/// How sure one is of runs. `Proved` holds in every execution. `Usual` holds in those in which the value's obligations
/// hold (see Obligation in passes/AxisInfo.h): no dividend of an index is negative, no tile of indices wraps around.
enum class Tier : uint8_t { Proved, Usual };

/// What is known of all elements of a value. A float (width 0) has runs of equal elements only.
struct Facts {
  unsigned width = 0; ///< bits; 64 for pointers
  bool isPointer = false;
  /// Every element lies in [min, max], read as a signed number (i1: 0 or 1). Of a pointer: its distance in bytes from
  /// `root`; nothing without one.
  int64_t min = 0, max = 0;
  mlir::Value root; ///< the scalar pointer that a pointer was made from
  /// Bits that are 0 (1) in every element.
  uint64_t zeros = 0, ones = 0;
  uint64_t divisor = 1;              ///< of every element
  llvm::SmallVector<Run, 3> runs;    ///< by dimension, proved; empty for a scalar
  llvm::SmallVector<Run, 0> usually; ///< by dimension, of the usual tier; empty when it is the same as `runs`

  llvm::ArrayRef<Run> at(Tier tier) const {
    return tier == Tier::Proved || usually.empty() ? llvm::ArrayRef<Run>(runs) : llvm::ArrayRef<Run>(usually);
  }
  bool isInteger() const { return width != 0 && !isPointer; }
  /// The one value of every element, if it is known.
  std::optional<int64_t> constant() const {
    return isInteger() && min == max ? std::optional<int64_t>(min) : std::nullopt;
  }
  friend bool operator==(const Facts &, const Facts &) = default;

  /// Nothing is known but the type.
  static Facts unknown(mlir::Type type);
  static Facts ofConstant(mlir::Type type, int64_t value);
  /// Draws conclusions from one part of the facts for the others. `type` is the value's.
  void tighten(mlir::Type type);
  /// Whatever holds of both.
  void join(const Facts &other);
  /// Where a loop keeps changing what is known, all that still differs from `before` is given up.
  void widen(const Facts &before);
};

/// Smallest and largest number of a width (i1: 0 and 1).
int64_t lowest(unsigned width);
int64_t highest(unsigned width);
inline bool fits(__int128 low, __int128 high, unsigned width) {
  return low >= lowest(width) && high <= highest(width);
}
/// The number that `value` is modulo 2^width.
int64_t wrapped(__int128 value, unsigned width);
/// The ones of a width.
inline uint64_t maskOf(unsigned width) { return width >= 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1; }
/// The width in bits of an integer, index or pointer type, 0 of anything else.
unsigned widthOf(mlir::Type element);
/// Bytes of a pointer's pointee in memory.
int64_t pointeeBytes(mlir::Type pointer);

/// The power of two in `divisor`: all that survives a wrap modulo 2^width.
uint64_t powerOfTwo(uint64_t divisor, unsigned width);
/// A divisor of x * y when these divide x and y.
uint64_t productDivisor(uint64_t a, uint64_t b, bool wraps, unsigned width);
/// What two facts of one number give together. Never more than 64 bits: the larger one where that is not enough.
uint64_t bothDivide(uint64_t a, uint64_t b);

/// How much of a run is known not to wrap around: a divisor of its length that is still a length of runs.
uint64_t exactLength(const Facts &facts, const Run &run);
/// Whether neighbours in a run of this stride differ by it exactly, because the range leaves no room to wrap.
bool rangeIsExact(const Facts &facts, int64_t stride);
/// The run cut into pieces of `length`, which divides its length.
Run cut(const Facts &facts, const Run &run, uint64_t length);

} // namespace tegula::passes
