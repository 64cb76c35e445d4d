//===- Matrix.h - products of matrices whose elements are spread over a warp ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// `mma.sync`, `wmma`, `ldmatrix`, `stmatrix` and `movmatrix` on the registers of a whole warp.
//
// One rule gives almost every fragment of PTX ISA "Matrix Fragments for mma". Call g = lane / 4, t = lane % 4 and e the
// elements in a register (1 tf32 or f64, 2 f16, 4 bytes, 8 nibbles, 32 bits). A register of the four lanes of a group is
// then a run of 4e elements along k. The matrix is cut into blocks of 8 rows (columns, for B) by 4e along k; register
// r holds block r, counted along m first in A and along k first in B:
//   A[g + 8 * (r % (m/8))][t * e + i + 4 * e * (r / (m/8))]
//   B[t * e + i + 4 * e * (r % (k/4e))][g + 8 * (r / (k/4e))]
//   C in blocks of 8 by 8, along m first, two elements a lane: [g + …][2 * t + i + …]
// `wmma` of sm_75 and later uses the same rule and repeats an f16 fragment until its 8 registers are full. PTX leaves
// those layouts open; these are the hardware's. The exception is m8n8k4 of f16, four independent products by quads.

#pragma once

#include <cstdint>

namespace tegula::ptx {

enum class Element : uint8_t { f16, bf16, tf32, e4m3, e5m2, f64, s8, u8, s4, u4, b1, f32, s32 };
constexpr int elementBits(Element element) {
  constexpr int table[] = {16, 16, 32, 8, 8, 64, 8, 8, 4, 4, 1, 32, 32};
  return table[static_cast<int>(element)];
}

/// How products are summed. `fast`: fused multiply-adds in f32 along k. `hardware`: the addends of a step are cut to a
/// fixed number of bits below the greatest one and added exactly, as the tensor cores up to sm_89 do (measured by
/// MMA-Sim, arXiv 2511.10909).
enum class Accumulate : uint8_t { fast, hardware };

struct MatrixShape {
  uint8_t m = 0, n = 0;
  uint16_t k = 0;
  Element a = Element::f16, b = Element::f16, c = Element::f32, d = Element::f32;
  bool rowA = true;         ///< only for m8n8k4 of f16
  bool rowB = false;        ///< the same
  bool saturate = false;    ///< `.satfinite`, of s32
  bool conjunction = false; ///< b1: `.and.popc` instead of `.xor.popc`
  bool quads = false;       ///< `mma.m8n8k4` of f16
  uint8_t rounding = 0;     ///< a `Rounding`; f64 only
};

/// Registers of a fragment, of 32 bits each (64 for f64). `wmma` fragments of f16 repeat up to 8.
struct FragmentSizes {
  int a, b, c, d;
};
FragmentSizes fragmentSizes(const MatrixShape &shape, bool wmma);

/// The registers of one operand: register r of all lanes is an array of 32 words (double words for f64) at `at[r]`.
struct Fragment {
  const void *at[8] = {};
};
struct FragmentOut {
  void *at[8] = {};
};

/// D = A * B + C. D may be the same registers as C, A or B.
void multiply(const MatrixShape &shape, const Fragment &a, const Fragment &b, const Fragment &c,
              const FragmentOut &d, Accumulate mode);

/// Where element `i` of register `r` of `lane` stands in its matrix; used by `wmma.load` and `wmma.store`.
enum class MatrixOperand : uint8_t { a, b, c };
struct Position {
  int row, column;
};
Position position(const MatrixShape &shape, MatrixOperand operand, Element element, int lane, int r, int i);

/// `ldmatrix`: `rows` holds 8 rows of 16 bytes of each of `count` matrices.
void distributeRows(const uint8_t (*rows)[16], int count, bool transpose, uint32_t *const *registers);
/// `stmatrix`: the inverse.
void collectRows(uint8_t (*rows)[16], int count, bool transpose, const uint32_t *const *registers);
/// `movmatrix.trans`: one 8 by 8 matrix of 16-bit elements.
void transposeInWarp(const uint32_t *from, uint32_t *to);

} // namespace tegula::ptx
