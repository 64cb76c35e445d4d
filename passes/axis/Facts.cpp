//===- Facts.cpp - the arithmetic of ranges, divisors and runs ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/axis/Facts.h"

#include <bit>
#include <numeric>

using namespace mlir;

namespace tegula::passes {

int64_t lowest(unsigned width) { return width == 1 ? 0 : -(int64_t(1) << (width - 2)) * 2; }
int64_t highest(unsigned width) { return width == 1 ? 1 : int64_t(maskOf(width) >> 1); }

int64_t wrapped(__int128 value, unsigned width) {
  uint64_t bits = uint64_t(value) & maskOf(width);
  if (width == 1 || width >= 64)
    return int64_t(bits);
  return int64_t(bits << (64 - width)) >> (64 - width);
}

unsigned widthOf(Type element) {
  if (isa<IndexType, tile::PtrType>(element))
    return 64;
  auto integer = dyn_cast<IntegerType>(element);
  return integer ? integer.getWidth() : 0;
}

int64_t pointeeBytes(Type pointer) {
  Type pointee = cast<tile::PtrType>(pointer).getPointee();
  return isa<tile::PtrType>(pointee) ? 8 : std::max<int64_t>(1, pointee.getIntOrFloatBitWidth() / 8);
}

//===----------------------------------------------------------------------===//
// Divisors
//===----------------------------------------------------------------------===//

uint64_t powerOfTwo(uint64_t divisor, unsigned width) {
  uint64_t power = divisor & (~divisor + 1);
  // A multiple of 2^width is 0 modulo 2^width.
  return power > maskOf(width) ? 0 : power;
}

uint64_t productDivisor(uint64_t a, uint64_t b, bool wraps, unsigned width) {
  if (!a || !b)
    return 0;
  unsigned __int128 product = (unsigned __int128)a * b;
  if (!wraps && product <= uint64_t(INT64_MAX))
    return uint64_t(product);
  unsigned exponent = std::countr_zero(a) + std::countr_zero(b);
  if (wraps && exponent >= width)
    return 0;
  return uint64_t(1) << std::min(exponent, 62u);
}

uint64_t bothDivide(uint64_t a, uint64_t b) {
  if (!a || !b)
    return 0;
  if (a == b || a % b == 0)
    return a;
  unsigned __int128 multiple = (unsigned __int128)(a / std::gcd(a, b)) * b;
  return multiple <= uint64_t(INT64_MAX) ? uint64_t(multiple) : std::max(a, b);
}

static uint64_t magnitude(int64_t value) { return value < 0 ? 0 - uint64_t(value) : uint64_t(value); }

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

bool rangeIsExact(const Facts &facts, int64_t stride) {
  // Neighbours are congruent to their difference modulo 2^width, and too near each other to differ by 2^width more.
  return !facts.isPointer &&
         (unsigned __int128)((__int128)facts.max - facts.min) + magnitude(stride) <= maskOf(facts.width);
}

uint64_t exactLength(const Facts &facts, const Run &run) {
  if (run.stride == 0 || run.length == 1 || rangeIsExact(facts, run.stride))
    return run.length;
  // A block of 2^k numbers that starts at a multiple of 2^k holds no border between the largest and the smallest.
  if (run.stride < 0 || !std::has_single_bit(uint64_t(run.stride)))
    return 1;
  uint64_t stride = uint64_t(run.stride);
  uint64_t power = run.divisor ? powerOfTwo(run.divisor, 64) : uint64_t(1) << (facts.width - 1);
  power = std::min(power, uint64_t(1) << (facts.width - 1));
  return power <= stride ? 1 : std::gcd(run.length, power / stride);
}

/// gcd(divisor, stride * length).
static uint64_t divisorOfCut(uint64_t divisor, uint64_t stride, uint64_t length) {
  unsigned __int128 step = (unsigned __int128)stride * length;
  if (!divisor)
    return step <= uint64_t(INT64_MAX) ? uint64_t(step) : powerOfTwo(stride, 64);
  return std::gcd(divisor, uint64_t(step % divisor));
}

Run cut(const Facts &facts, const Run &run, uint64_t length) {
  if (length == run.length)
    return run;
  Run piece{length == 1 ? 0 : run.stride, length, run.divisor};
  if (run.stride == 0)
    return piece;
  piece.divisor = divisorOfCut(run.divisor, magnitude(run.stride), length);
  // The start of a piece is run.first + a multiple of stride * length modulo 2^width.
  if (!std::has_single_bit(piece.divisor) && !rangeIsExact(facts, run.stride))
    piece.divisor = powerOfTwo(piece.divisor, facts.width);
  return piece;
}

static Run joined(const Facts &fa, const Run &a, const Facts &fb, const Run &b) {
  uint64_t length = a.stride == b.stride ? std::gcd(a.length, b.length) : 1;
  Run x = cut(fa, a, length), y = cut(fb, b, length);
  return {x.stride, length, std::gcd(x.divisor, y.divisor)};
}

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

Facts Facts::unknown(Type type) {
  Facts facts;
  Type element = tile::elementType(type);
  facts.width = widthOf(element);
  facts.isPointer = isa<tile::PtrType>(element);
  if (facts.width) {
    facts.min = lowest(facts.width);
    facts.max = highest(facts.width);
  }
  for (int64_t extent : tile::shapeOf(type))
    facts.runs.push_back(extent == 1 ? Run{0, 0, 1} : Run{});
  return facts;
}

Facts Facts::ofConstant(Type type, int64_t value) {
  Facts facts = unknown(type);
  facts.min = facts.max = value;
  facts.tighten(type);
  return facts;
}

static void roundRange(Facts &facts) {
  if (!facts.divisor) {
    if (facts.min <= 0 && facts.max >= 0)
      facts.min = facts.max = 0;
    return;
  }
  if (facts.divisor <= 1 || facts.divisor > uint64_t(INT64_MAX))
    return;
  __int128 by = facts.divisor, low = facts.min, high = facts.max;
  low = low >= 0 ? (low + by - 1) / by * by : -(-low / by) * by;
  high = high >= 0 ? high / by * by : -((-high + by - 1) / by) * by;
  // Contradictory facts stand in code that never runs.
  if (low <= high)
    facts.min = int64_t(low), facts.max = int64_t(high);
}

static void exchangeBitsAndRange(Facts &facts) {
  uint64_t all = maskOf(facts.width);
  if (facts.divisor > 1)
    facts.zeros |= powerOfTwo(facts.divisor, 64) - 1;
  if (!facts.divisor)
    facts.zeros |= all;
  facts.zeros &= all & ~facts.ones;
  unsigned low = std::countr_one(facts.zeros);
  if (low >= facts.width)
    facts.divisor = 0;
  else if (low)
    facts.divisor = bothDivide(facts.divisor, uint64_t(1) << low);
  if (facts.isPointer)
    return;
  if (facts.min >= 0)
    facts.zeros |= all & ~(std::bit_ceil(uint64_t(facts.max) + 1) - 1) & ~facts.ones;
  if (facts.zeros >> (facts.width - 1) & 1) { // never negative: the bits bound it from both sides
    int64_t least = std::max(facts.min, int64_t(facts.ones)),
            most = std::min(facts.max, int64_t(all & ~facts.zeros));
    if (least <= most)
      facts.min = least, facts.max = most;
  }
  roundRange(facts);
  if (facts.min != facts.max)
    return;
  facts.ones = uint64_t(facts.min) & all;
  facts.zeros = ~uint64_t(facts.min) & all;
  facts.divisor = magnitude(facts.min);
}

static void tightenRuns(Facts &facts, SmallVectorImpl<Run> &runs, ArrayRef<int64_t> shape) {
  bool isConstant = facts.constant().has_value();
  for (auto [run, extent] : llvm::zip(runs, shape)) {
    if (run.length != 0 && int64_t(run.length) >= extent)
      run.length = 0;
    if (isConstant || extent == 1)
      run.stride = 0, run.length = 0;
    if (facts.width <= 1 && run.stride != 0)
      run = {0, 1, 1};
    if (run.length == 1)
      run.stride = 0;
    if (facts.width)
      run.divisor = bothDivide(run.divisor, facts.divisor);
  }
}

void Facts::tighten(Type type) {
  ArrayRef<int64_t> shape = tile::shapeOf(type);
  if (width) {
    for (const Run &run : runs)
      divisor = bothDivide(divisor, cut(*this, run, 1).divisor);
    exchangeBitsAndRange(*this);
  }
  tightenRuns(*this, runs, shape);
  if (usually.empty())
    return;
  tightenRuns(*this, usually, shape);
  if (llvm::equal(usually, runs))
    usually.clear();
}

void Facts::join(const Facts &other) {
  if (!usually.empty() || !other.usually.empty()) {
    SmallVector<Run, 0> both;
    for (auto [a, b] : llvm::zip(at(Tier::Usual), other.at(Tier::Usual)))
      both.push_back(joined(*this, a, other, b));
    usually = std::move(both);
  }
  for (auto [a, b] : llvm::zip(runs, other.runs))
    a = joined(*this, a, other, b);
  if (root != other.root) {
    root = {};
    min = lowest(64), max = highest(64);
  }
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  zeros &= other.zeros;
  ones &= other.ones;
  divisor = std::gcd(divisor, other.divisor);
  if (llvm::equal(usually, runs))
    usually.clear();
}

static void widenRuns(MutableArrayRef<Run> runs, ArrayRef<Run> before) {
  for (auto [run, old] : llvm::zip(runs, before))
    if (run.stride != old.stride || run.length != old.length)
      run = {};
    else if (run.divisor != old.divisor)
      run.divisor = 1;
}

void Facts::widen(const Facts &before) {
  if (width) {
    // A lower bound of 0 is what counters have, and is worth one more round.
    if (min < before.min)
      min = min >= 0 ? 0 : lowest(width);
    if (max > before.max)
      max = highest(width);
    if (zeros != before.zeros || ones != before.ones)
      zeros = ones = 0;
    if (divisor != before.divisor)
      divisor = 1;
  }
  SmallVector<Run, 0> usual(at(Tier::Usual));
  widenRuns(usual, before.at(Tier::Usual));
  widenRuns(runs, before.runs);
  usually = std::move(usual);
  if (llvm::equal(usually, runs))
    usually.clear();
}

} // namespace tegula::passes
