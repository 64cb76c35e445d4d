//===- Dot.cpp - block products ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Exact products, an fp64 sum rounded once. The bound: gamma(K + 2) |A||B| in the accumulator's unit roundoff, plus
// the rounding of the inputs where `input_precision` allows a matrix unit to read them shorter.
//
//===----------------------------------------------------------------------===//

#include "driver/reference/Interpreter.h"
#include "ir/ops/Tile.h"

#include "llvm/ADT/bit.h"

#include <cmath>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::reference {

/// Relative error of one operand as the unit may read it.
static double inputRoundoff(Kind input, InputPrecision precision) {
  if (input != Kind::F32)
    return 0;
  switch (precision) {
  case InputPrecision::TF32: return 0x1p-11;
  case InputPrecision::TF32x3: return 0x1p-21;
  case InputPrecision::BF16x3: return 0x1p-16;
  case InputPrecision::BF16x6: return 0x1p-22;
  case InputPrecision::IEEE: return 0;
  }
  return 0;
}

/// The exponent of the last set bit of a finite number; large for 0.
static int lowestBit(double x) {
  int exponent;
  double fraction = std::frexp(x, &exponent);
  if (fraction == 0 || !std::isfinite(x))
    return 2048;
  return exponent - 53 + int(llvm::countr_zero(uint64_t(std::fabs(std::ldexp(fraction, 53)))));
}

namespace {
/// One element of a product: the sum over k, as the reference computes it and as it is bounded.
struct Sum {
  double computed = 0, value = 0, magnitudes = 0, errors = 0;
  uint64_t integer = 0;
  bool undecided = false;
  int quantum = 4096; ///< every product is a multiple of 2^quantum
  int bits = 0;       ///< of the widest operand's significand

  /// Every order of summation gives the same: no partial sum has more than 24 bits.
  bool isExact() const { return errors == 0 && std::ldexp(magnitudes, -quantum) <= 0x1p24; }

  void add(const Cell &a, Kind aKind, const Cell &b, Kind bKind) {
    undecided |= a.shadow.undecided || b.shadow.undecided;
    if (!isFloat(aKind)) {
      integer += uint64_t(signExtend(a.bits, aKind) * signExtend(b.bits, bKind));
      return;
    }
    for (double x : {a.shadow.value, b.shadow.value})
      bits = std::max(bits, x == 0 ? 0 : std::ilogb(x) - lowestBit(x) + 1);
    quantum = std::min(quantum, lowestBit(a.shadow.value) + lowestBit(b.shadow.value));
    computed += decode(a.bits, aKind) * decode(b.bits, bKind);
    value += a.shadow.value * b.shadow.value;
    magnitudes += (std::fabs(a.shadow.value) + a.shadow.error) * (std::fabs(b.shadow.value) + b.shadow.error);
    errors += std::fabs(a.shadow.value) * b.shadow.error + std::fabs(b.shadow.value) * a.shadow.error +
              a.shadow.error * b.shadow.error;
  }
};
} // namespace

void Interpreter::runDot(Operation *op) {
  auto dot = cast<DotOp>(op);
  const Block &a = get(dot.getA()), &b = get(dot.getB()), &c = get(dot.getC());
  Block out(dot.getResult().getType());
  size_t rank = out.shape.size();
  int64_t batches = rank == 3 ? out.shape[0] : 1, m = out.shape[rank - 2], n = out.shape[rank - 1];
  int64_t depth = a.shape[rank - 1];
  // Narrow accumulators are summed in f32 by every unit and rounded at the end.
  double u = out.kind == Kind::F64 ? 0x1p-53 : 0x1p-24;
  double nu = double(depth + 2) * u, gamma = nu / (1 - nu);
  double input = 2 * inputRoundoff(a.kind, dot.getInputPrecision());
  for (int64_t batch = 0; batch < batches; ++batch)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        int64_t at = (batch * m + i) * n + j;
        Sum sum;
        for (int64_t k = 0; k < depth; ++k)
          sum.add(a.cells[(batch * m + i) * depth + k], a.kind, b.cells[(batch * depth + k) * n + j], b.kind);
        Cell &cell = out.cells[at];
        const Cell &start = c.cells[at];
        cell.shadow.undecided = sum.undecided || start.shadow.undecided;
        if (!isFloat(out.kind)) {
          cell.bits = truncate(start.bits + (isFloat(a.kind) ? uint64_t(int64_t(sum.computed)) : sum.integer),
                               out.kind);
          continue;
        }
        cell.bits = encode(decode(start.bits, out.kind) + sum.computed, out.kind);
        Sum whole = sum;
        whole.magnitudes += std::fabs(start.shadow.value);
        whole.quantum = std::min(whole.quantum, lowestBit(start.shadow.value));
        bool inputsExact = input == 0 || sum.bits <= 8; // bf16 holds them
        if (start.shadow.error == 0 && whole.isExact() && inputsExact) {
          cell.shadow.value = decode(cell.bits, out.kind);
          continue;
        }
        cell.shadow.value = start.shadow.value + sum.value;
        cell.shadow.error = gamma * (sum.magnitudes + std::fabs(start.shadow.value)) +
                            input * sum.magnitudes + sum.errors + start.shadow.error +
                            unitRoundoff(out.kind) * std::fabs(cell.shadow.value) +
                            tinyError(out.kind) * double(depth + 1);
        settle(cell, out.kind);
      }
  values[dot.getResult()] = std::move(out);
}

} // namespace tegula::reference
