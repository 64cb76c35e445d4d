//===- Matrix.cpp - products of matrices whose elements are spread over a warp ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Matrix.h"
#include "driver/emulator/ptx/Float.h"
#include "driver/emulator/ptx/MatrixSums.h"
#include "driver/emulator/ptx/Vectors.h"

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

/// The elements of 16 bytes of registers (32 for f64) as numbers.
template <Element element> void widenRun(const uint8_t *from, float *to) {
  if constexpr (element == Element::f16 || element == Element::bf16) {
    uint16_t raw[8];
    std::memcpy(raw, from, 16);
    for (int i = 0; i < 8; i++)
      to[i] = element == Element::f16 ? widenF16(raw[i]) : widenBf16(raw[i]);
  } else if constexpr (element == Element::tf32) {
    uint32_t raw[4];
    std::memcpy(raw, from, 16);
    for (int i = 0; i < 4; i++)
      to[i] = f32(raw[i] & 0xffffe000); // the low 13 bits are not looked at
  } else {
    for (int i = 0; i < 16; i++)
      to[i] = element == Element::e4m3 ? widenE4m3(from[i]) : widenF16(f16FromE5m2(from[i]));
  }
}
template <Element element> void widenRun(const uint8_t *from, int32_t *to) {
  constexpr int count = 128 / elementBits(element);
  for (int i = 0; i < count; i++)
    to[i] = element == Element::s8   ? static_cast<int8_t>(from[i])
            : element == Element::u8 ? from[i]
            : element == Element::s4 ? static_cast<int8_t>((from[i / 2] >> (4 * (i & 1))) << 4) >> 4
            : element == Element::u4 ? (from[i / 2] >> (4 * (i & 1))) & 15
                                     : (from[i / 8] >> (i & 7)) & 1; // b1
}
template <Element element> void widenRun(const uint8_t *from, double *to) { std::memcpy(to, from, 32); }

/// The matrix A as m rows of k elements, B as n columns of k elements. (A lane of f64 has 8 bytes: groups of 32.)
template <Element element, class T>
void gatherElements(const Fragment &fragment, int rows, int k, bool alongRowsFirst, T *to) {
  int run = 4 * perRegister(element), groupSize = element == Element::f64 ? 2 : 1;
  int rowBlocks = rows / 8, runs = k / run;
  for (int r = 0; r < rowBlocks * runs; r++) {
    int block = alongRowsFirst ? r % rowBlocks : r / runs, at = alongRowsFirst ? r / rowBlocks : r % runs;
    for (int g = 0; g < 8; g++)
      widenRun<element>(groupBytes(fragment.at[r], g * groupSize), to + (8 * block + g) * k + at * run);
  }
}
template <class T>
void gatherOperand(const Fragment &fragment, Element element, int rows, int k, bool alongRowsFirst, T *to) {
  auto gather = [&]<Element e>() { gatherElements<e>(fragment, rows, k, alongRowsFirst, to); };
  if constexpr (std::is_same_v<T, double>) {
    gather.template operator()<Element::f64>();
  } else if constexpr (std::is_same_v<T, float>) {
    switch (element) {
    case Element::f16: return gather.template operator()<Element::f16>();
    case Element::bf16: return gather.template operator()<Element::bf16>();
    case Element::tf32: return gather.template operator()<Element::tf32>();
    case Element::e4m3: return gather.template operator()<Element::e4m3>();
    default: return gather.template operator()<Element::e5m2>();
    }
  } else {
    switch (element) {
    case Element::s8: return gather.template operator()<Element::s8>();
    case Element::u8: return gather.template operator()<Element::u8>();
    case Element::s4: return gather.template operator()<Element::s4>();
    case Element::u4: return gather.template operator()<Element::u4>();
    default: return gather.template operator()<Element::b1>();
    }
  }
}

// An accumulator's block of 8 by 8 is one register of pairs of f16, or two of which one has the even columns.

void gatherAccumulator(const Fragment &c, Element element, int m, int n, float *to) {
  int rowBlocks = m / 8;
  for (int q = 0; q < rowBlocks * (n / 8); q++) {
    float *block = to + 8 * (q % rowBlocks) * n + 8 * (q / rowBlocks);
    if (element == Element::f16) {
      for (int g = 0; g < 8; g++)
        widenRun<Element::f16>(groupBytes(c.at[q], g), block + g * n);
      continue;
    }
    const float *even = static_cast<const float *>(c.at[2 * q]),
                *odd = static_cast<const float *>(c.at[2 * q + 1]);
    for (int g = 0; g < 8; g += 2) {
      F8 x = loadVector<F8>(even + 4 * g), y = loadVector<F8>(odd + 4 * g);
      storeVector(block + g * n, __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11));
      storeVector(block + (g + 1) * n, __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15));
    }
  }
}
void scatterAccumulator(const FragmentOut &d, Element element, int m, int n, const float *from) {
  int rowBlocks = m / 8;
  for (int q = 0; q < rowBlocks * (n / 8); q++) {
    const float *block = from + 8 * (q % rowBlocks) * n + 8 * (q / rowBlocks);
    if (element == Element::f16) {
      uint16_t *to = static_cast<uint16_t *>(d.at[q]);
      for (int g = 0; g < 8; g++)
        for (int i = 0; i < 8; i++)
          to[8 * g + i] = static_cast<uint16_t>(narrowF16(block[g * n + i]));
      continue;
    }
    for (int g = 0; g < 8; g += 2) {
      F8 x = loadVector<F8>(block + g * n), y = loadVector<F8>(block + (g + 1) * n);
      storeVector(static_cast<float *>(d.at[2 * q]) + 4 * g,
                  __builtin_shufflevector(x, y, 0, 2, 4, 6, 8, 10, 12, 14));
      storeVector(static_cast<float *>(d.at[2 * q + 1]) + 4 * g,
                  __builtin_shufflevector(x, y, 1, 3, 5, 7, 9, 11, 13, 15));
    }
  }
}
// Whole numbers of 32 bits are moved as floats are: bits.
void gatherAccumulator(const Fragment &c, Element, int m, int n, int32_t *to) {
  gatherAccumulator(c, Element::f32, m, n, reinterpret_cast<float *>(to));
}
void scatterAccumulator(const FragmentOut &d, Element, int m, int n, const int32_t *from) {
  scatterAccumulator(d, Element::f32, m, n, reinterpret_cast<const float *>(from));
}
void gatherAccumulator(const Fragment &c, Element, int m, int n, double *to) {
  for (int q = 0; q < m * n / 64; q++)
    for (int lane = 0; lane < 32; lane++)
      for (int i = 0; i < 2; i++)
        to[(8 * (q % (m / 8)) + lane / 4) * n + 8 * (q / (m / 8)) + 2 * (lane & 3) + i] =
            static_cast<const double *>(c.at[2 * q + i])[lane];
}
void scatterAccumulator(const FragmentOut &d, Element, int m, int n, const double *from) {
  for (int q = 0; q < m * n / 64; q++)
    for (int lane = 0; lane < 32; lane++)
      for (int i = 0; i < 2; i++)
        static_cast<double *>(d.at[2 * q + i])[lane] =
            from[(8 * (q % (m / 8)) + lane / 4) * n + 8 * (q / (m / 8)) + 2 * (lane & 3) + i];
}

/// B as it is needed for a loop over columns: k rows of n elements.
template <class T> void transpose(const T *from, int n, int k, T *to) {
  static_assert(sizeof(T) == 4);
  if (n % 8 == 0 && k % 8 == 0) {
    for (int j = 0; j < n; j += 8)
      for (int l = 0; l < k; l += 8)
        transposeWords(from + j * k + l, k, to + l * n + j, n);
    return;
  }
  for (int j = 0; j < n; j++)
    for (int l = 0; l < k; l++)
      to[l * n + j] = from[j * k + l];
}

/// c += a * b by rows of n columns.
template <int n> void multiplyRows(const int32_t *a, const int32_t *b, int32_t *c, int m, int k) {
  for (int i = 0; i < m; i++) {
    int32_t row[n];
    std::memcpy(row, c + i * n, sizeof(row));
    for (int l = 0; l < k; l++) {
      int32_t x = a[i * k + l];
      for (int j = 0; j < n; j++)
        row[j] += x * b[l * n + j];
    }
    std::memcpy(c + i * n, row, sizeof(row));
  }
}

SumRule ruleOf(const MatrixShape &shape) {
  bool half = shape.d == Element::f16;
  auto step = [&](int most) { return std::min<int>(shape.k, most); };
  switch (shape.a) {
  case Element::f16: return {-14, -14, 24, 23, step(8), half};
  case Element::bf16: return {-126, -126, 24, 23, step(8), half};
  case Element::tf32: return {-126, -126, 24, 23, step(4), half};
  default: // e4m3 and e5m2
    return {shape.a == Element::e4m3 ? -6 : -14, shape.b == Element::e4m3 ? -6 : -14, 13, 13, step(16), half};
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
  if (mode == Accumulate::fast)
    sumFused(a, b, c, m, n, k);
  else
    sumAsHardware(ruleOf(shape), a, b, c, m, n, k);
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
  n == 8    ? multiplyRows<8>(a, b, sums, m, k)
  : n == 16 ? multiplyRows<16>(a, b, sums, m, k)
            : multiplyRows<32>(a, b, sums, m, k);
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
      sumAsHardware(ruleOf(shape), &a[0][0], &b[0][0], &c[0][0], 8, 8, 4);
    else
      sumFused(&a[0][0], &b[0][0], &c[0][0], 8, 8, 4);
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
    if (!transpose) { // lane 4g + t has word t of row g
      std::memcpy(registers[matrix], rows[8 * matrix], 128);
      continue;
    }
    uint16_t elements[8][8], columns[8][8];
    std::memcpy(elements, rows[8 * matrix], sizeof(elements));
    for (int i = 0; i < 8; i++)
      for (int j = 0; j < 8; j++)
        columns[j][i] = elements[i][j];
    std::memcpy(registers[matrix], columns, sizeof(columns));
  }
}

void collectRows(uint8_t (*rows)[16], int count, bool transpose, const uint32_t *const *registers) {
  for (int matrix = 0; matrix < count; matrix++) {
    const uint8_t (*from)[16] = reinterpret_cast<const uint8_t (*)[16]>(registers[matrix]);
    uint32_t *to[1] = {reinterpret_cast<uint32_t *>(rows[8 * matrix])};
    distributeRows(from, 1, transpose, to); // its own inverse
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
