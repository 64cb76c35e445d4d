//===- Matrix.cpp - products of matrices whose elements are spread over a warp ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Matrix.h"
#include "driver/emulator/ptx/Float.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace tegula::ptx {
namespace {

constexpr int maxM = 32, maxN = 32, maxK = 256;

/// Elements of a 32-bit register (of a 64-bit one for f64).
int perRegister(Element element) { return element == Element::f64 ? 1 : 32 / elementBits(element); }

bool isInteger(Element element) { return element >= Element::s8 && element <= Element::b1; }

/// Sixteen bytes of a register: the words of the four lanes of group `g`.
const uint8_t *groupBytes(const void *reg, int g) { return static_cast<const uint8_t *>(reg) + 16 * g; }

/// `count` elements of 16 bytes of registers as numbers.
void widenRun(const uint8_t *from, Element element, float *to) {
  switch (element) {
  case Element::f16: {
    uint16_t raw[8];
    std::memcpy(raw, from, 16);
    for (int i = 0; i < 8; i++)
      to[i] = widenF16(raw[i]);
    return;
  }
  case Element::bf16: {
    uint16_t raw[8];
    std::memcpy(raw, from, 16);
    for (int i = 0; i < 8; i++)
      to[i] = widenBf16(raw[i]);
    return;
  }
  case Element::tf32: {
    uint32_t raw[4];
    std::memcpy(raw, from, 16);
    for (int i = 0; i < 4; i++)
      to[i] = f32(raw[i] & 0xffffe000); // the low 13 bits are not looked at
    return;
  }
  case Element::e4m3:
    for (int i = 0; i < 16; i++)
      to[i] = widenE4m3(from[i]);
    return;
  default: // e5m2
    for (int i = 0; i < 16; i++)
      to[i] = widenF16(f16FromE5m2(from[i]));
    return;
  }
}

void widenRun(const uint8_t *from, Element element, int32_t *to) {
  switch (element) {
  case Element::s8:
    for (int i = 0; i < 16; i++)
      to[i] = static_cast<int8_t>(from[i]);
    return;
  case Element::u8:
    for (int i = 0; i < 16; i++)
      to[i] = from[i];
    return;
  case Element::s4:
    for (int i = 0; i < 32; i++)
      to[i] = static_cast<int8_t>((from[i / 2] >> (4 * (i & 1))) << 4) >> 4;
    return;
  case Element::u4:
    for (int i = 0; i < 32; i++)
      to[i] = (from[i / 2] >> (4 * (i & 1))) & 15;
    return;
  default: // b1
    for (int i = 0; i < 128; i++)
      to[i] = (from[i / 8] >> (i & 7)) & 1;
    return;
  }
}
void widenRun(const uint8_t *from, Element, double *to) { std::memcpy(to, from, 32); }

/// The matrix A as m rows of k elements, B as n columns of k elements. (A lane of f64 has 8 bytes: groups of 32.)
template <class T>
void gatherOperand(const Fragment &fragment, Element element, int rows, int k, bool alongRowsFirst, T *to) {
  int run = 4 * perRegister(element), groupSize = element == Element::f64 ? 2 : 1;
  int rowBlocks = rows / 8, runs = k / run;
  for (int r = 0; r < rowBlocks * runs; r++) {
    int block = alongRowsFirst ? r % rowBlocks : r / runs, at = alongRowsFirst ? r / rowBlocks : r % runs;
    for (int g = 0; g < 8; g++)
      widenRun(groupBytes(fragment.at[r], g * groupSize), element, to + (8 * block + g) * k + at * run);
  }
}

/// Calls `visit(row, column, register, lane, half)` for every element of an accumulator. `half` counts elements of a
/// register (f16 has two).
template <class Visit> void forAccumulator(int m, int n, bool packed, Visit visit) {
  int rowBlocks = m / 8;
  for (int q = 0; q < rowBlocks * (n / 8); q++)
    for (int lane = 0; lane < 32; lane++)
      for (int i = 0; i < 2; i++)
        visit(8 * (q % rowBlocks) + lane / 4, 8 * (q / rowBlocks) + 2 * (lane & 3) + i,
              packed ? q : 2 * q + i, lane, packed ? i : 0);
}

template <class T> void gatherAccumulator(const Fragment &c, Element element, int m, int n, T *to) {
  if (element == Element::f16) {
    forAccumulator(m, n, true, [&](int row, int column, int r, int lane, int half) {
      to[row * n + column] =
          static_cast<T>(widenF16(static_cast<const uint16_t *>(c.at[r])[2 * lane + half]));
    });
    return;
  }
  forAccumulator(m, n, false, [&](int row, int column, int r, int lane, int) {
    to[row * n + column] = static_cast<const T *>(c.at[r])[lane];
  });
}

template <class T>
void scatterAccumulator(const FragmentOut &d, Element element, int m, int n, const T *from) {
  if (element == Element::f16) {
    forAccumulator(m, n, true, [&](int row, int column, int r, int lane, int half) {
      static_cast<uint16_t *>(d.at[r])[2 * lane + half] =
          static_cast<uint16_t>(narrowF16(static_cast<float>(from[row * n + column])));
    });
    return;
  }
  forAccumulator(m, n, false, [&](int row, int column, int r, int lane, int) {
    T value = from[row * n + column];
    static_cast<T *>(d.at[r])[lane] = value;
  });
}

/// B as it is needed for a loop over columns: k rows of n elements.
template <class T> void transpose(const T *from, int n, int k, T *to) {
  for (int j = 0; j < n; j++)
    for (int l = 0; l < k; l++)
      to[l * n + j] = from[j * k + l];
}

float accumulate(float x, float y, float sum) { return std::fma(x, y, sum); }
int32_t accumulate(int32_t x, int32_t y, int32_t sum) { return x * y + sum; }

/// c += a * b by rows of n columns.
template <int n, class T> void multiplyRows(const T *a, const T *b, T *c, int m, int k) {
  for (int i = 0; i < m; i++) {
    T row[n];
    std::memcpy(row, c + i * n, sizeof(row));
    for (int l = 0; l < k; l++) {
      T x = a[i * k + l];
      for (int j = 0; j < n; j++)
        row[j] = accumulate(x, b[l * n + j], row[j]);
    }
    std::memcpy(c + i * n, row, sizeof(row));
  }
}
template <class T> void multiplyTile(const T *a, const T *b, T *c, int m, int n, int k) {
  n == 8    ? multiplyRows<8>(a, b, c, m, k)
  : n == 16 ? multiplyRows<16>(a, b, c, m, k)
            : multiplyRows<32>(a, b, c, m, k);
}

// --- The sums of the hardware

constexpr int noExponent = -1000; // of zero: never the greatest

/// Significands (with `fraction` bits behind the point, signed) and exponents of `count` numbers; a subnormal keeps the
/// least exponent.
void split(const float *from, int count, int leastExponent, int fraction, int32_t *significand,
           int32_t *exponent) {
  for (int i = 0; i < count; i++) {
    uint32_t b = bits(from[i]);
    int32_t own = static_cast<int32_t>((b >> 23) & 0xff) - 127, e = own < leastExponent ? leastExponent : own;
    // Below the least exponent the bits move right; none is lost, since the format had no more.
    int32_t whole = static_cast<int32_t>((b & 0x7fffff) | 0x800000);
    int32_t down = e - own > 23 ? 23 : e - own;
    int32_t magnitude = own == -127 ? static_cast<int32_t>(b & 0x7fffff) << 1 : whole;
    int32_t shift = own == -127 ? 23 - fraction + e + 127 : down + 23 - fraction;
    magnitude >>= shift > 31 ? 31 : shift;
    significand[i] = b >> 31 ? -magnitude : magnitude;
    exponent[i] = (b & 0x7fffffff) ? e : noExponent;
  }
}

/// The magnitude moved to `kept` bits below the greatest exponent, cut there.
int32_t aligned(int32_t significand, int up, int distance) {
  int32_t magnitude = (significand < 0 ? -significand : significand) << up;
  int32_t cut = static_cast<int32_t>(static_cast<uint32_t>(magnitude) >> (distance > 31 ? 31 : distance));
  return significand < 0 ? -cut : cut;
}

struct HardwareRule {
  int leastA, leastB; ///< exponents of the subnormals of A and B
  int fraction;       ///< bits of their fractions
  int kept;           ///< bits kept below the greatest addend
  int resultBits;     ///< of the f32 result's fraction
  int step;           ///< elements of k added at once
};

HardwareRule hardwareRule(const MatrixShape &shape) {
  switch (shape.a) {
  case Element::f16: return {-14, -14, 10, 24, 23, std::min<int>(shape.k, 8)};
  case Element::bf16: return {-126, -126, 7, 24, 23, std::min<int>(shape.k, 8)};
  case Element::tf32: return {-126, -126, 10, 24, 23, std::min<int>(shape.k, 4)};
  default: // e4m3 and e5m2; three bits of fraction hold both
    return {shape.a == Element::e4m3 ? -6 : -14, shape.b == Element::e4m3 ? -6 : -14, 3, 13, 13,
            std::min<int>(shape.k, 16)};
  }
}

/// sum * 2 ** exponent in the format of the result: cut to f32 (or to its first bits), or rounded to f16.
float hardwareResult(int64_t sum, int exponent, const HardwareRule &rule, bool half) {
  double exact = std::ldexp(static_cast<double>(sum), exponent);
  if (half)
    return widenF16(narrow(exact, formatF16, Rounding::nearest));
  if (std::fabs(exact) >= 0x1p128)
    return f32(exact < 0 ? 0xff800000 : 0x7f800000);
  uint32_t result = narrow(exact, formatF32, Rounding::zero);
  return f32(result & ~((1u << (23 - rule.resultBits)) - 1));
}

/// c += a * b as the hardware sums, rows of n columns at a time. `b` has k rows of n.
/// All addends fit into 32 bits: products of 11-bit significands below bit 24 + 2, eight of them and c.
template <int n>
void hardwareRows(const float *a, const float *b, float *c, int m, int k, const HardwareRule &rule,
                  bool half) {
  alignas(64) int32_t sa[maxM * 32], ea[maxM * 32], sb[maxN * 32], eb[maxN * 32];
  split(a, m * k, rule.leastA, rule.fraction, sa, ea);
  split(b, k * n, rule.leastB, rule.fraction, sb, eb);
  int up = rule.kept - 2 * rule.fraction;
  uint64_t cutMask = ~((uint64_t(1) << (52 - rule.resultBits)) - 1);
  for (int i = 0; i < m; i++)
    for (int from = 0; from < k; from += rule.step) {
      alignas(64) int32_t sc[n], ec[n], greatest[n], sum[n];
      alignas(64) double check[n];
      float *row = c + i * n;
      split(row, n, half ? -14 : -126, 23, sc, ec);
      for (int j = 0; j < n; j++) {
        greatest[j] = ec[j];
        check[j] = row[j];
      }
      for (int l = from; l < from + rule.step; l++)
        for (int j = 0; j < n; j++) {
          int32_t e = ea[i * k + l] + eb[l * n + j];
          greatest[j] = e > greatest[j] ? e : greatest[j];
          check[j] += static_cast<double>(a[i * k + l]) * b[l * n + j];
        }
      // c has 23 bits behind the point: one more is kept, or (fp8) ten fewer.
      int cUp = rule.kept > 23 ? rule.kept - 23 : 0, cDown = rule.kept > 23 ? 0 : 23 - rule.kept;
      for (int j = 0; j < n; j++)
        sum[j] = aligned(sc[j], cUp, greatest[j] - ec[j] + cDown);
      for (int l = from; l < from + rule.step; l++)
        for (int j = 0; j < n; j++)
          sum[j] += aligned(sa[i * k + l] * sb[l * n + j], up, greatest[j] - ea[i * k + l] - eb[l * n + j]);
      // The usual case in vectors: a finite sum whose result is no subnormal of f32 and no overflow.
      bool unusual = false;
      float usual[n];
      for (int j = 0; j < n; j++) {
        int32_t exponent = greatest[j] - rule.kept;
        double scale = f64(static_cast<uint64_t>((exponent < -1000 ? -1000 : exponent) + 1023) << 52);
        double exact = static_cast<double>(sum[j]) * scale, cut = f64(bits(exact) & cutMask),
               size = std::fabs(cut);
        usual[j] = half ? widenF16(narrowF16(oddF32(exact))) : static_cast<float>(cut);
        unusual |= !(check[j] - check[j] == 0) | (size >= 0x1p128) | ((size < 0x1p-126) & (size > 0));
      }
      if (!unusual) {
        std::memcpy(row, usual, sizeof(usual));
        continue;
      }
      for (int j = 0; j < n; j++)
        row[j] = check[j] != check[j]       ? f32(nan32)
                 : check[j] - check[j] != 0 ? static_cast<float>(check[j])
                                            : hardwareResult(sum[j], greatest[j] - rule.kept, rule, half);
    }
}

// --- By type

void multiplyFloat(const MatrixShape &shape, const Fragment &fa, const Fragment &fb, const Fragment &fc,
                   const FragmentOut &fd, Accumulate mode) {
  alignas(64) float a[maxM * 32], columns[maxN * 32], b[maxN * 32], c[maxM * maxN];
  int m = shape.m, n = shape.n, k = shape.k;
  gatherOperand(fa, shape.a, m, k, true, a);
  gatherOperand(fb, shape.b, n, k, false, columns);
  gatherAccumulator(fc, shape.c, m, n, c);
  transpose(columns, n, k, b);
  if (mode == Accumulate::fast) {
    multiplyTile(a, b, c, m, n, k);
    for (int i = 0; i < m * n; i++)
      c[i] = canonical(c[i]);
  } else {
    HardwareRule rule = hardwareRule(shape);
    bool half = shape.d == Element::f16;
    n == 8    ? hardwareRows<8>(a, b, c, m, k, rule, half)
    : n == 16 ? hardwareRows<16>(a, b, c, m, k, rule, half)
              : hardwareRows<32>(a, b, c, m, k, rule, half);
  }
  scatterAccumulator(fd, shape.d, m, n, c);
}

void multiplyInteger(const MatrixShape &shape, const Fragment &fa, const Fragment &fb, const Fragment &fc,
                     const FragmentOut &fd) {
  alignas(64) int32_t a[maxM * maxK], columns[maxN * maxK], b[maxN * maxK], c[maxM * maxN];
  int m = shape.m, n = shape.n, k = shape.k;
  gatherOperand(fa, shape.a, m, k, true, a);
  gatherOperand(fb, shape.b, n, k, false, columns);
  gatherAccumulator(fc, Element::s32, m, n, c);
  transpose(columns, n, k, b);
  // No sum of 256 products of 8 bits overflows.
  int32_t sums[maxM * maxN] = {};
  multiplyTile(a, b, sums, m, n, k);
  if (shape.a == Element::b1 && !shape.conjunction) // x ^ y = x + y - 2xy
    for (int i = 0; i < m; i++)
      for (int j = 0; j < n; j++) {
        int32_t ones = 0;
        for (int l = 0; l < k; l++)
          ones += a[i * k + l] + columns[j * k + l];
        sums[i * n + j] = ones - 2 * sums[i * n + j];
      }
  for (int i = 0; i < m * n; i++) {
    int64_t sum = static_cast<int64_t>(c[i]) + sums[i];
    if (shape.saturate)
      sum = std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX);
    c[i] = static_cast<int32_t>(sum);
  }
  scatterAccumulator(fd, Element::s32, m, n, c);
}

void multiplyDouble(const MatrixShape &shape, const Fragment &fa, const Fragment &fb, const Fragment &fc,
                    const FragmentOut &fd) {
  double a[16 * 16], b[8 * 16], c[16 * 8];
  int m = shape.m, n = shape.n, k = shape.k;
  gatherOperand(fa, Element::f64, m, k, true, a);
  gatherOperand(fb, Element::f64, n, k, false, b);
  gatherAccumulator(fc, Element::f64, m, n, c);
  {
    RoundingScope scope(static_cast<Rounding>(shape.rounding));
    asm volatile("" ::"r"(a), "r"(b), "r"(c) : "memory"); // keeps the sums behind the change of mode
    for (int i = 0; i < m; i++)
      for (int j = 0; j < n; j++)
        for (int l = 0; l < k; l++)
          c[i * n + j] = std::fma(a[i * k + l], b[j * k + l], c[i * n + j]);
    asm volatile("" ::"r"(c) : "memory");
  }
  scatterAccumulator(fd, Element::f64, m, n, c);
}

/// m8n8k4 of f16: lanes 4q … 4q+3 and 16+4q … 19+4q form product q. Row-major A has a row a lane, column-major A a
/// column; B the other way round.
void multiplyQuads(const MatrixShape &shape, const Fragment &fa, const Fragment &fb, const Fragment &fc,
                   const FragmentOut &fd, Accumulate mode) {
  auto half = [](const Fragment &f, int lane, int i) {
    return widenF16(static_cast<const uint16_t *>(f.at[i / 2])[2 * lane + (i & 1)]);
  };
  float result[4][8][8];
  auto place = [](int lane, int i, bool wide) -> Position {
    int upperHalf = lane >= 16 ? 4 : 0;
    if (!wide)
      return {(lane & 3) + upperHalf, i};
    return {(lane & 1) + (i & 2) + upperHalf, (i & 4) + (lane & 2) + (i & 1)};
  };
  for (int q = 0; q < 4; q++) {
    float a[8][4], columns[8][4], (&c)[8][8] = result[q];
    for (int p = 0; p < 8; p++) {
      int lane = 4 * q + (p & 3) + (p >= 4 ? 16 : 0), base = p & 4, x = p & 3;
      for (int i = 0; i < 4; i++) {
        (shape.rowA ? a[base + x][i] : a[base + i][x]) = half(fa, lane, i);
        (shape.rowB ? columns[base + i][x] : columns[base + x][i]) = half(fb, lane, i);
      }
      for (int i = 0; i < 8; i++) {
        bool wide = shape.c == Element::f32;
        Position at = place(lane, i, wide);
        c[at.row][at.column] = wide ? static_cast<const float *>(fc.at[i])[lane] : half(fc, lane, i);
      }
    }
    float b[4][8];
    transpose(&columns[0][0], 8, 4, &b[0][0]);
    if (mode == Accumulate::hardware)
      hardwareRows<8>(&a[0][0], &b[0][0], &c[0][0], 8, 4, {-14, -14, 10, 24, 23, 4}, shape.d == Element::f16);
    else
      multiplyTile(&a[0][0], &b[0][0], &c[0][0], 8, 8, 4);
    for (auto &row : c)
      for (float &x : row)
        x = canonical(x);
  }
  for (int lane = 0; lane < 32; lane++)
    for (int i = 0; i < 8; i++) {
      bool wide = shape.d == Element::f32;
      Position at = place(lane, i, wide);
      float value = result[(lane & 15) / 4][at.row][at.column];
      if (wide)
        static_cast<float *>(fd.at[i])[lane] = value;
      else
        static_cast<uint16_t *>(fd.at[i / 2])[2 * lane + (i & 1)] = static_cast<uint16_t>(narrowF16(value));
    }
}

} // namespace

FragmentSizes fragmentSizes(const MatrixShape &shape, bool wmma) {
  auto operand = [&](Element element, int rows) {
    int registers = rows * shape.k / (32 * perRegister(element));
    return wmma && element == Element::f16 ? 8 : registers;
  };
  auto accumulator = [&](Element element) {
    return shape.m * shape.n / 32 / (element == Element::f16 ? 2 : 1);
  };
  if (shape.quads)
    return {2, 2, shape.c == Element::f16 ? 4 : 8, shape.d == Element::f16 ? 4 : 8};
  return {operand(shape.a, shape.m), operand(shape.b, shape.n), accumulator(shape.c), accumulator(shape.d)};
}

void multiply(const MatrixShape &shape, const Fragment &a, const Fragment &b, const Fragment &c,
              const FragmentOut &d, Accumulate mode) {
  if (shape.quads)
    return multiplyQuads(shape, a, b, c, d, mode);
  if (shape.a == Element::f64)
    return multiplyDouble(shape, a, b, c, d);
  if (isInteger(shape.a))
    return multiplyInteger(shape, a, b, c, d);
  multiplyFloat(shape, a, b, c, d, mode);
}

Position position(const MatrixShape &shape, MatrixOperand operand, Element element, int lane, int r, int i) {
  int g = lane / 4, t = lane & 3;
  if (operand == MatrixOperand::c) {
    int q = element == Element::f16 ? r : r / 2, x = element == Element::f16 ? i : r & 1,
        rowBlocks = shape.m / 8;
    return {g + 8 * (q % rowBlocks), 2 * t + x + 8 * (q / rowBlocks)};
  }
  int e = perRegister(element), runs = shape.k / (4 * e);
  if (operand == MatrixOperand::a) {
    int rowBlocks = shape.m / 8;
    r %= rowBlocks * runs;
    return {g + 8 * (r % rowBlocks), t * e + i + 4 * e * (r / rowBlocks)};
  }
  r %= runs * (shape.n / 8);
  return {t * e + i + 4 * e * (r % runs), g + 8 * (r / runs)};
}

void distributeRows(const uint8_t (*rows)[16], int count, bool transpose, uint32_t *const *registers) {
  for (int matrix = 0; matrix < count; matrix++) {
    uint16_t elements[8][8];
    std::memcpy(elements, rows[8 * matrix], sizeof(elements));
    for (int lane = 0; lane < 32; lane++) {
      int g = lane / 4, t = lane & 3;
      uint32_t low = transpose ? elements[2 * t][g] : elements[g][2 * t];
      uint32_t high = transpose ? elements[2 * t + 1][g] : elements[g][2 * t + 1];
      registers[matrix][lane] = low | high << 16;
    }
  }
}

void collectRows(uint8_t (*rows)[16], int count, bool transpose, const uint32_t *const *registers) {
  for (int matrix = 0; matrix < count; matrix++) {
    uint16_t elements[8][8];
    for (int lane = 0; lane < 32; lane++) {
      int g = lane / 4, t = lane & 3;
      uint32_t word = registers[matrix][lane];
      (transpose ? elements[2 * t][g] : elements[g][2 * t]) = static_cast<uint16_t>(word);
      (transpose ? elements[2 * t + 1][g] : elements[g][2 * t + 1]) = static_cast<uint16_t>(word >> 16);
    }
    std::memcpy(rows[8 * matrix], elements, sizeof(elements));
  }
}

void transposeInWarp(const uint32_t *from, uint32_t *to) {
  uint8_t rows[8][16];
  uint32_t result[32];
  const uint32_t *source[1] = {from};
  uint32_t *target[1] = {result};
  collectRows(rows, 1, false, source);
  distributeRows(rows, 1, true, target);
  std::memcpy(to, result, sizeof(result));
}

} // namespace tegula::ptx
