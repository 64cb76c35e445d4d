//===- MatrixTest.cpp - products over fragments against plain loops ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The places of elements are written here a second time, as the PTX ISA lists them by shape, and matrices are filled
// with small integers: every sum is exact, in any order and at any width of accumulation.

#include "driver/emulator/ptx/Float.h"
#include "driver/emulator/ptx/Matrix.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

using namespace tegula::ptx;

namespace {

struct Registers {
  alignas(64) uint64_t words[8][32] = {};
  Fragment in() const {
    Fragment f;
    for (int i = 0; i < 8; i++)
      f.at[i] = words[i];
    return f;
  }
  FragmentOut out() {
    FragmentOut f;
    for (int i = 0; i < 8; i++)
      f.at[i] = words[i];
    return f;
  }
};

uint64_t encode(Element element, int value) {
  float x = static_cast<float>(value);
  switch (element) {
  case Element::f16: return narrowF16(x);
  case Element::bf16: return narrowBf16(x);
  case Element::tf32: return bits(x) | 0x123; // the low bits must not matter
  case Element::f32: return bits(x);
  case Element::e4m3: return narrow(x, formatE4m3, Rounding::nearest);
  case Element::e5m2: return narrow(x, formatE5m2, Rounding::nearest);
  case Element::f64: return bits(static_cast<double>(value));
  default: return static_cast<uint64_t>(value) & (~uint64_t(0) >> (64 - elementBits(element)));
  }
}
int decode(Element element, uint64_t raw) {
  switch (element) {
  case Element::f16: return static_cast<int>(widenF16(static_cast<uint32_t>(raw & 0xffff)));
  case Element::f32: return static_cast<int>(f32(static_cast<uint32_t>(raw)));
  case Element::f64: return static_cast<int>(f64(raw));
  default: return static_cast<int32_t>(raw);
  }
}

/// Element `i` of a lane, counted over its registers.
void put(Registers &r, Element element, int lane, int i, uint64_t raw) {
  int width = elementBits(element), each = width == 64 ? 1 : 32 / width;
  if (width == 64) {
    r.words[i][lane] = raw;
    return;
  }
  auto &word = reinterpret_cast<uint32_t *>(r.words[i / each])[lane];
  if (width == 32)
    word = static_cast<uint32_t>(raw);
  else
    word |= static_cast<uint32_t>(raw) << (width * (i % each));
}
uint64_t get(const Registers &r, Element element, int lane, int i) {
  int width = elementBits(element), each = width == 64 ? 1 : 32 / width;
  if (width == 64)
    return r.words[i][lane];
  uint32_t word = reinterpret_cast<const uint32_t *>(r.words[i / each])[lane];
  return width == 32 ? word : word >> (width * (i % each)) & ((1u << width) - 1);
}

using Place = std::function<Position(int g, int t, int i)>;

struct Case {
  const char *name;
  int m, n, k;
  std::vector<Element> operands;
  std::vector<Element> results;
  int countA, countB; ///< elements a lane
  Place a, b;
};

void check(const MatrixShape &shape, const Case &spec, Accumulate mode) {
  std::mt19937 engine(3);
  int m = spec.m, n = spec.n, k = spec.k;
  auto value = [&](Element element) {
    switch (element) {
    case Element::b1: return static_cast<int>(engine() & 1);
    case Element::u4: return static_cast<int>(engine() & 15);
    case Element::s4: return static_cast<int>(engine() & 15) - 8;
    case Element::u8: return static_cast<int>(engine() & 255);
    case Element::s8: return static_cast<int>(engine() & 255) - 128;
    default: return static_cast<int>(engine() % 7) - 3;
    }
  };
  std::vector<int> a(size_t(m * k)), b(size_t(k * n)), c(size_t(m * n));
  for (int &x : a)
    x = value(shape.a);
  for (int &x : b)
    x = value(shape.b);
  for (int &x : c)
    x = static_cast<int>(engine() % 100) - 50;
  Registers ra, rb, rc, rd;
  auto accumulator = [&](int g, int t, int i) -> Position { return {g + (i >= 2 ? 8 : 0), 2 * t + (i & 1)}; };
  for (int lane = 0; lane < 32; lane++) {
    int g = lane >> 2, t = lane % 4;
    for (int i = 0; i < spec.countA; i++) {
      Position at = spec.a(g, t, i);
      put(ra, shape.a, lane, i, encode(shape.a, a[size_t(at.row * k + at.column)]));
    }
    for (int i = 0; i < spec.countB; i++) {
      Position at = spec.b(g, t, i);
      put(rb, shape.b, lane, i, encode(shape.b, b[size_t(at.row * n + at.column)]));
    }
    for (int i = 0; i < m * n / 32; i++) {
      Position at = accumulator(g, t, i);
      put(rc, shape.c, lane, i, encode(shape.c, c[size_t(at.row * n + at.column)]));
    }
  }
  multiply(shape, ra.in(), rb.in(), rc.in(), rd.out(), mode);
  for (int lane = 0; lane < 32; lane++)
    for (int i = 0; i < m * n / 32; i++) {
      Position at = accumulator(lane >> 2, lane % 4, i);
      int wanted = c[size_t(at.row * n + at.column)];
      for (int l = 0; l < k; l++) {
        int x = a[size_t(at.row * k + l)], y = b[size_t(l * n + at.column)];
        wanted += shape.a != Element::b1 ? x * y : shape.conjunction ? (x & y) : (x ^ y);
      }
      ASSERT_EQ(decode(shape.d, get(rd, shape.d, lane, i)), wanted)
          << spec.name << " lane " << lane << " element " << i;
    }
}

TEST(PtxMatrix, FragmentsOfEveryShape) {
  using enum Element;
  // Rows and columns as the PTX ISA writes them, one shape after the other.
  std::vector<Case> cases = {
      {"m16n8k8 f16",
       16,
       8,
       8,
       {f16, bf16},
       {f32, f16},
       4,
       2,
       [](int g, int t, int i) -> Position { return {i < 2 ? g : g + 8, t * 2 + (i & 1)}; },
       [](int g, int t, int i) -> Position { return {t * 2 + i, g}; }},
      {"m16n8k16 f16",
       16,
       8,
       16,
       {f16, bf16},
       {f32, f16},
       8,
       4,
       [](int g, int t, int i) -> Position {
         return {i < 2 || (i >= 4 && i < 6) ? g : g + 8, t * 2 + (i & 1) + (i < 4 ? 0 : 8)};
       },
       [](int g, int t, int i) -> Position { return {t * 2 + (i & 1) + (i < 2 ? 0 : 8), g}; }},
      {"m16n8k4 tf32",
       16,
       8,
       4,
       {tf32},
       {f32},
       2,
       1,
       [](int g, int t, int i) -> Position { return {i == 0 ? g : g + 8, t}; },
       [](int g, int t, int) -> Position { return {t, g}; }},
      {"m16n8k8 tf32",
       16,
       8,
       8,
       {tf32},
       {f32},
       4,
       2,
       [](int g, int t, int i) -> Position { return {i == 0 || i == 2 ? g : g + 8, i < 2 ? t : t + 4}; },
       [](int g, int t, int i) -> Position { return {i == 0 ? t : t + 4, g}; }},
      {"m8n8k4 f64",
       8,
       8,
       4,
       {f64},
       {f64},
       1,
       1,
       [](int g, int t, int) -> Position { return {g, t}; },
       [](int g, int t, int) -> Position { return {t, g}; }},
      {"m8n8k16 s8",
       8,
       8,
       16,
       {s8, u8},
       {s32},
       4,
       4,
       [](int g, int t, int i) -> Position { return {g, t * 4 + i}; },
       [](int g, int t, int i) -> Position { return {t * 4 + i, g}; }},
      {"m16n8k16 s8",
       16,
       8,
       16,
       {s8, u8},
       {s32},
       8,
       4,
       [](int g, int t, int i) -> Position { return {i < 4 ? g : g + 8, t * 4 + (i & 3)}; },
       [](int g, int t, int i) -> Position { return {t * 4 + i, g}; }},
      {"m16n8k32 s8",
       16,
       8,
       32,
       {s8, u8, e4m3, e5m2},
       {s32, f32},
       16,
       8,
       [](int g, int t, int i) -> Position {
         return {i < 4 || (i >= 8 && i < 12) ? g : g + 8, t * 4 + (i & 3) + (i < 8 ? 0 : 16)};
       },
       [](int g, int t, int i) -> Position { return {t * 4 + (i & 3) + (i < 4 ? 0 : 16), g}; }},
      {"m8n8k32 s4",
       8,
       8,
       32,
       {s4, u4},
       {s32},
       8,
       8,
       [](int g, int t, int i) -> Position { return {g, t * 8 + i}; },
       [](int g, int t, int i) -> Position { return {t * 8 + i, g}; }},
      {"m16n8k32 s4",
       16,
       8,
       32,
       {s4, u4},
       {s32},
       16,
       8,
       [](int g, int t, int i) -> Position { return {i < 8 ? g : g + 8, t * 8 + (i & 7)}; },
       [](int g, int t, int i) -> Position { return {t * 8 + i, g}; }},
      {"m16n8k64 s4",
       16,
       8,
       64,
       {s4, u4},
       {s32},
       32,
       16,
       [](int g, int t, int i) -> Position {
         return {i < 8 || (i >= 16 && i < 24) ? g : g + 8, t * 8 + (i & 7) + (i < 16 ? 0 : 32)};
       },
       [](int g, int t, int i) -> Position { return {t * 8 + (i & 7) + (i < 8 ? 0 : 32), g}; }},
      {"m8n8k128 b1",
       8,
       8,
       128,
       {b1},
       {s32},
       32,
       32,
       [](int g, int t, int i) -> Position { return {g, t * 32 + i}; },
       [](int g, int t, int i) -> Position { return {t * 32 + i, g}; }},
      {"m16n8k128 b1",
       16,
       8,
       128,
       {b1},
       {s32},
       64,
       32,
       [](int g, int t, int i) -> Position { return {i < 32 ? g : g + 8, t * 32 + (i & 31)}; },
       [](int g, int t, int i) -> Position { return {t * 32 + i, g}; }},
      {"m16n8k256 b1",
       16,
       8,
       256,
       {b1},
       {s32},
       128,
       64,
       [](int g, int t, int i) -> Position {
         return {i < 32 || (i >= 64 && i < 96) ? g : g + 8, t * 32 + (i & 31) + (i < 64 ? 0 : 128)};
       },
       [](int g, int t, int i) -> Position { return {t * 32 + (i & 31) + (i < 32 ? 0 : 128), g}; }},
  };
  auto isFloat = [](Element e) { return e <= f64; };
  for (const Case &spec : cases)
    for (Element a : spec.operands)
      for (Element b : spec.operands)
        for (Element d : spec.results) {
          bool mixed = a == b || (a != f16 && b != f16 && elementBits(a) == 8 && isFloat(a) == isFloat(b)) ||
                       (elementBits(a) == 4);
          if (!mixed || isFloat(a) != (d != s32) || (a == bf16 && d == f16))
            continue;
          MatrixShape shape;
          shape.m = uint8_t(spec.m), shape.n = uint8_t(spec.n);
          shape.k = spec.k;
          shape.a = a, shape.b = b, shape.c = shape.d = d;
          check(shape, spec, Accumulate::fast);
          check(shape, spec, Accumulate::hardware);
          shape.conjunction = true;
          if (a == b1)
            check(shape, spec, Accumulate::fast);
        }
}

/// m8n8k4 of f16 as listed by the PTX ISA, all layouts.
TEST(PtxMatrix, FourProductsOfQuads) {
  for (int layout = 0; layout < 4; layout++)
    for (Element d : {Element::f32, Element::f16}) {
      MatrixShape shape;
      shape.m = 8, shape.n = 8, shape.k = 4, shape.quads = true;
      shape.rowA = layout & 1, shape.rowB = layout & 2, shape.c = shape.d = d;
      std::mt19937 engine(9);
      int a[4][8][4], b[4][4][8], c[4][8][8];
      for (int q = 0; q < 4; q++)
        for (int i = 0; i < 8; i++) {
          for (int l = 0; l < 4; l++)
            a[q][i][l] = int(engine() % 9) - 4, b[q][l][i] = int(engine() % 9) - 4;
          for (int j = 0; j < 8; j++)
            c[q][i][j] = int(engine() % 9) - 4;
        }
      Registers ra, rb, rc, rd;
      auto at = [&](int lane, int i) -> Position {
        if (d == Element::f16)
          return {lane < 16 ? lane % 4 : lane % 4 + 4, i};
        int x = (lane & 1) + (i & 2);
        return {lane < 16 ? x : x + 4, (i & 4) + (lane & 2) + (i & 1)};
      };
      for (int lane = 0; lane < 32; lane++) {
        int q = (lane % 16) / 4;
        for (int i = 0; i < 4; i++) {
          int along = lane < 16 ? lane % 4 : lane % 4 + 4, block = lane < 16 ? i : i + 4;
          int x = shape.rowA ? a[q][along][i] : a[q][block][lane % 4];
          int y = shape.rowB ? b[q][lane % 4][block] : b[q][i][along];
          put(ra, Element::f16, lane, i, encode(Element::f16, x));
          put(rb, Element::f16, lane, i, encode(Element::f16, y));
        }
        for (int i = 0; i < 8; i++)
          put(rc, d, lane, i, encode(d, c[q][at(lane, i).row][at(lane, i).column]));
      }
      for (Accumulate mode : {Accumulate::fast, Accumulate::hardware}) {
        rd = {};
        multiply(shape, ra.in(), rb.in(), rc.in(), rd.out(), mode);
        for (int lane = 0; lane < 32; lane++)
          for (int i = 0; i < 8; i++) {
            int q = (lane % 16) / 4;
            Position p = at(lane, i);
            int wanted = c[q][p.row][p.column];
            for (int l = 0; l < 4; l++)
              wanted += a[q][p.row][l] * b[q][l][p.column];
            ASSERT_EQ(decode(d, get(rd, d, lane, i)), wanted)
                << layout << " lane " << lane << " element " << i;
          }
      }
    }
}

/// `wmma` is consistent with itself: what position() says is what multiply() uses.
TEST(PtxMatrix, WmmaFragmentsFollowPosition) {
  struct Form {
    int m, n, k;
    Element a, d;
    int registersA, registersB;
  };
  using enum Element;
  for (Form form :
       {Form{16, 16, 16, f16, f32, 8, 8}, Form{32, 8, 16, f16, f16, 8, 8}, Form{8, 32, 16, f16, f32, 8, 8},
        Form{16, 16, 16, bf16, f32, 4, 4}, Form{32, 8, 16, bf16, f32, 8, 2}, Form{8, 32, 16, bf16, f32, 2, 8},
        Form{16, 16, 8, tf32, f32, 4, 4}, Form{16, 16, 16, s8, s32, 2, 2}, Form{32, 8, 16, u8, s32, 4, 1},
        Form{8, 32, 16, s8, s32, 1, 4}, Form{8, 8, 32, s4, s32, 1, 1}}) {
    MatrixShape shape;
    shape.m = uint8_t(form.m), shape.n = uint8_t(form.n), shape.k = form.k;
    shape.a = shape.b = form.a, shape.c = shape.d = form.d;
    FragmentSizes sizes = fragmentSizes(shape, true);
    EXPECT_EQ(sizes.a, form.registersA);
    EXPECT_EQ(sizes.b, form.registersB);
    EXPECT_EQ(sizes.d, form.d == f16 ? 4 : 8 * form.m * form.n / 256);
    auto a = [](int i, int l) { return (i * 3 + l * 5) % 4; };
    auto b = [](int l, int j) { return (l * 7 + j * 3) % 4; };
    Registers ra, rb, rc, rd;
    int each = 32 / elementBits(form.a);
    for (int lane = 0; lane < 32; lane++) {
      for (int i = 0; i < sizes.a * each; i++) {
        Position p = position(shape, MatrixOperand::a, form.a, lane, i / each, i % each);
        put(ra, form.a, lane, i, encode(form.a, a(p.row, p.column)));
      }
      for (int i = 0; i < sizes.b * each; i++) {
        Position p = position(shape, MatrixOperand::b, form.a, lane, i / each, i % each);
        put(rb, form.a, lane, i, encode(form.a, b(p.row, p.column)));
      }
    }
    multiply(shape, ra.in(), rb.in(), rc.in(), rd.out(), Accumulate::fast);
    std::vector<int> seen(size_t(form.m * form.n));
    int per = form.d == f16 ? 2 : 1;
    for (int lane = 0; lane < 32; lane++)
      for (int i = 0; i < sizes.d * per; i++) {
        Position p = position(shape, MatrixOperand::c, form.d, lane, i / per, i % per);
        seen[size_t(p.row * form.n + p.column)]++;
        int wanted = 0;
        for (int l = 0; l < form.k; l++)
          wanted += a(p.row, l) * b(l, p.column);
        ASSERT_EQ(decode(form.d, get(rd, form.d, lane, i)), wanted);
      }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), form.m * form.n);
  }
}

TEST(PtxMatrix, RowsAndTransposes) {
  uint8_t rows[32][16], back[32][16] = {};
  for (int r = 0; r < 32; r++)
    for (int j = 0; j < 8; j++) {
      uint16_t v = uint16_t(r * 8 + j);
      std::memcpy(&rows[r][2 * j], &v, 2);
    }
  uint32_t regs[4][32];
  uint32_t *to[4] = {regs[0], regs[1], regs[2], regs[3]};
  const uint32_t *from[4] = {regs[0], regs[1], regs[2], regs[3]};
  distributeRows(rows, 4, false, to);
  EXPECT_EQ(regs[1][5], uint32_t((8 + 1) * 8 + 2) | uint32_t((8 + 1) * 8 + 3) << 16);
  uint32_t moved[32], expected[32], *one[1] = {expected};
  transposeInWarp(regs[0], moved);
  distributeRows(rows, 1, true, one);
  EXPECT_EQ(std::memcmp(moved, expected, sizeof(moved)), 0);
  EXPECT_EQ(moved[5], uint32_t(2 * 8 + 1) | uint32_t(3 * 8 + 1) << 16);
  collectRows(back, 4, false, from);
  EXPECT_EQ(std::memcmp(back, rows, sizeof(rows)), 0);
  distributeRows(rows, 4, true, to);
  std::memset(back, 0, sizeof(back));
  collectRows(back, 4, true, from);
  EXPECT_EQ(std::memcmp(back, rows, sizeof(rows)), 0);
}

/// The rule as MMA-Sim states it, in double words: every product and c as significand and exponent (subnormals keep the
/// least exponent), cut to `kept` bits below the greatest exponent, added exactly, cut to f32 or rounded to f16.
float hardwareSum(const std::vector<float> &a, const std::vector<float> &b, float c, int leastA, int leastB,
                  int kept, int resultBits, bool half) {
  struct Term {
    double significand;
    int exponent;
  };
  auto term = [](double x, int least) -> Term {
    if (x == 0)
      return {0, -999};
    int e = std::max(std::ilogb(x), least);
    return {std::ldexp(x, -e), e};
  };
  double check = c;
  for (size_t i = 0; i < a.size(); i++)
    check += double(a[i]) * b[i];
  if (check - check != 0) // infinite or no number
    return float(check);
  std::vector<Term> terms = {term(c, half ? -14 : -126)};
  for (size_t i = 0; i < a.size(); i++) {
    Term x = term(a[i], leastA), y = term(b[i], leastB);
    terms.push_back({x.significand * y.significand, x.exponent + y.exponent});
  }
  int greatest = -5000;
  for (const Term &t : terms)
    greatest = std::max(greatest, t.exponent);
  double sum = 0;
  for (const Term &t : terms)
    sum += std::trunc(std::ldexp(t.significand, kept + t.exponent - greatest));
  double exact = std::ldexp(sum, greatest - kept);
  if (half)
    return widenF16(narrow(exact, formatF16, Rounding::nearest));
  if (std::fabs(exact) >= 0x1p128)
    return std::copysign(f32(0x7f800000), float(exact > 0 ? 1 : -1));
  return f32(narrow(exact, formatF32, Rounding::zero) & ~((1u << (23 - resultBits)) - 1));
}

TEST(PtxMatrix, HardwareSumsAgreeWithTheRule) {
  using enum Element;
  struct Form {
    Element a, b, d;
    uint16_t k;
    int step, leastA, leastB, kept, resultBits;
  };
  std::mt19937 engine(17);
  for (Form form :
       {Form{f16, f16, f32, 16, 8, -14, -14, 24, 23}, Form{f16, f16, f16, 16, 8, -14, -14, 24, 23},
        Form{f16, f16, f32, 8, 8, -14, -14, 24, 23}, Form{bf16, bf16, f32, 16, 8, -126, -126, 24, 23},
        Form{tf32, tf32, f32, 8, 4, -126, -126, 24, 23}, Form{e4m3, e5m2, f32, 32, 16, -6, -14, 13, 13},
        Form{e5m2, e4m3, f16, 32, 16, -14, -6, 13, 13}})
    for (int round = 0; round < 60; round++) {
      MatrixShape shape;
      shape.m = 16, shape.n = 8, shape.k = form.k, shape.a = form.a, shape.b = form.b,
      shape.c = shape.d = form.d;
      auto random = [&](Element e, uint32_t &raw) -> float {
        raw = uint32_t(engine());
        switch (e) {
        case f16: // subnormals often, no infinities
          raw &= round % 3 ? 0xb3ff : 0x87ff;
          return widenF16(raw);
        case bf16:
          if (round % 4 == 1) // everything there is, infinities and NaNs as well
            return widenBf16(raw &= 0xffff);
          raw = (raw & 0x80ff) | (round % 3 ? 0x3f00 - (raw >> 16) % 16 * 0x80 : (raw >> 16) % 3 * 0x0080);
          return widenBf16(raw);
        case tf32:
        case f32:
          if (round % 4 == 2)
            return std::bit_cast<float>(raw &= 0xffffe000);
          raw = (raw & 0x807fe000) | (120 + (raw & 15)) << 23;
          raw = round % 5 ? raw : raw & 0x80ffffff;
          return std::bit_cast<float>(raw);
        case e4m3: raw &= 0xbf; return widenE4m3(raw);
        default: raw &= 0xbf; return widenF16(f16FromE5m2(raw));
        }
      };
      std::vector<float> a(16 * size_t(form.k)), b(8 * size_t(form.k)), c(128);
      Registers ra, rb, rc, rd;
      int each = 32 / elementBits(form.a);
      FragmentSizes sizes = fragmentSizes(shape, false);
      for (int lane = 0; lane < 32; lane++) {
        uint32_t raw;
        for (int i = 0; i < sizes.a * each; i++) {
          Position p = position(shape, MatrixOperand::a, form.a, lane, i / each, i % each);
          a[size_t(p.row * form.k + p.column)] = random(form.a, raw);
          put(ra, form.a, lane, i, raw);
        }
        for (int i = 0; i < sizes.b * each; i++) {
          Position p = position(shape, MatrixOperand::b, form.b, lane, i / each, i % each);
          b[size_t(p.column * form.k + p.row)] = random(form.b, raw);
          put(rb, form.b, lane, i, raw);
        }
        for (int i = 0; i < 4; i++) {
          int per = form.d == f16 ? 2 : 1;
          Position p = position(shape, MatrixOperand::c, form.d, lane, i / per, i % per);
          c[size_t(p.row * 8 + p.column)] = random(form.d, raw);
          put(rc, form.d, lane, i, raw);
        }
      }
      multiply(shape, ra.in(), rb.in(), rc.in(), rd.out(), Accumulate::hardware);
      for (int lane = 0; lane < 32; lane++)
        for (int i = 0; i < 4; i++) {
          int per = form.d == f16 ? 2 : 1;
          Position p = position(shape, MatrixOperand::c, form.d, lane, i / per, i % per);
          float wanted = c[size_t(p.row * 8 + p.column)];
          for (int l = 0; l < form.k; l += form.step) {
            auto x = a.begin() + p.row * form.k + l, y = b.begin() + p.column * form.k + l;
            wanted = hardwareSum({x, x + form.step}, {y, y + form.step}, wanted, form.leastA, form.leastB,
                                 form.kept, form.resultBits, form.d == f16);
          }
          uint64_t got = get(rd, form.d, lane, i);
          float value = form.d == f16 ? widenF16(uint32_t(got)) : std::bit_cast<float>(uint32_t(got));
          ASSERT_TRUE(value == wanted || (value != value && wanted != wanted))
              << value << " and not " << wanted << ": " << int(form.a) << " round " << round << " lane "
              << lane << " element " << i;
        }
    }
}

/// The worked example of truncation: addends below 2**-24 of the greatest are lost, none of them is rounded.
TEST(PtxMatrix, HardwareSumsAreCutNotRounded) {
  MatrixShape shape;
  shape.m = 16, shape.n = 8, shape.k = 8;
  Registers a, b, c, d;
  put(a, Element::f16, 0, 0, encode(Element::f16, 1)); // A[0][0] = 1, A[0][1] = 1
  put(a, Element::f16, 0, 1, encode(Element::f16, 1));
  put(b, Element::f16, 0, 0, encode(Element::f16, 1)); // B[0][0] = 1
  put(b, Element::f16, 0, 1, narrowF16(0x1p-13f));     // B[1][0] = 2**-13
  put(c, Element::f32, 0, 0, bits(0x1.8p-24f));        // 1.5 * 2**-24: above 2**-24 only one unit is kept
  multiply(shape, a.in(), b.in(), c.in(), d.out(), Accumulate::hardware);
  EXPECT_EQ(f32(uint32_t(get(d, Element::f32, 0, 0))), 1.0f + 0x1p-13f);
  multiply(shape, a.in(), b.in(), c.in(), d.out(), Accumulate::fast);
  EXPECT_EQ(f32(uint32_t(get(d, Element::f32, 0, 0))), 1.0f + 0x1p-13f + 0x1p-23f);
}

} // namespace
