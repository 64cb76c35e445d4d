//===- Fragments.cpp - which element of a matrix each lane has for `mma` ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Fragments.h"

#include <algorithm>

namespace tegula::nvptx {

using layout::Dim;
using layout::Layout;

// PTX ISA, "mma": shapes, types and "Target ISA Notes".
static constexpr MmaInstruction instructions[] = {
    {"f16", 16, 16, 8, 8, 75},   {"f16", 16, 16, 8, 16, 80}, {"bf16", 16, 16, 8, 8, 80},
    {"bf16", 16, 16, 8, 16, 80}, {"tf32", 32, 16, 8, 4, 80}, {"tf32", 32, 16, 8, 8, 80},
    {"f64", 64, 8, 8, 4, 80},    {"f64", 64, 16, 8, 4, 90},  {"f64", 64, 16, 8, 8, 90},
    {"f64", 64, 16, 8, 16, 90},  {"s8", 8, 8, 8, 16, 75},    {"s8", 8, 16, 8, 16, 80},
    {"s8", 8, 16, 8, 32, 80},    {"s4", 4, 8, 8, 32, 75},    {"s4", 4, 16, 8, 32, 80},
    {"s4", 4, 16, 8, 64, 80},    {"e4m3", 8, 16, 8, 16, 89}, {"e4m3", 8, 16, 8, 32, 89},
};

llvm::ArrayRef<MmaInstruction> mmaInstructions() { return instructions; }

const MmaInstruction *findMma(llvm::StringRef operands, unsigned m, unsigned n, unsigned k) {
  for (const MmaInstruction &row : instructions)
    if (row.operands == operands && row.m == m && row.n == n && row.k == k)
      return &row;
  return nullptr;
}

static unsigned logOf(unsigned x) { return unsigned(std::countr_zero(x)); }

/// Deals out bits of rows and columns; those that a small tile lacks are zero.
class TiledFragment::Builder {
public:
  Builder(Operand operand, llvm::ArrayRef<Dim> dims, const MmaTiling &tiling)
      : operand(operand), dims(dims), tiling(tiling), mma(*tiling.instruction), shape(dims, {}, {}, {}),
        rows(unsigned(dims.size()) - 2), columns(rows + 1),
        wordBits(mma.elementBits < 32 ? 5 - logOf(mma.elementBits) : 0),
        widthBits(tiling.kWidth ? logOf(tiling.kWidth) : wordBits) {}

  std::optional<TiledFragment> build() {
    assert(dims.size() == 2 || dims.size() == 3);
    unsigned along = operand == Operand::A ? columns : rows;
    if (operand != Operand::C &&
        (widthBits < wordBits || dims[along].bits < std::max<unsigned>(logOf(mma.k), widthBits + 2)))
      return std::nullopt;
    switch (operand) {
    case Operand::A: operandOfK(columns, rows, logOf(mma.m), tiling.warpBitsM); break;
    case Operand::B: operandOfK(rows, columns, logOf(mma.n), tiling.warpBitsN); break;
    case Operand::C: result(); break;
    }
    if (dims.size() == 3)
      repeat(0, 0);
    for (unsigned dim = 0; dim < dims.size(); dim++)
      out.repeats[3 - dims.size() + dim].majors = dims[dim].reps;
    out.whole = Layout(dims, registers, lanes, warps);
    return out;
  }

private:
  uint32_t basis(unsigned dim, unsigned bit) const {
    return bit < dims[dim].bits ? 1u << (shape.shift(dim) + bit) : 0;
  }
  void fragment(uint32_t basis) {
    out.fragmentBits.push_back(uint8_t(registers.size()));
    registers.push_back(basis);
  }
  /// One bit of a dimension that counts instructions.
  void repeatBit(unsigned dim, unsigned bit) {
    out.repeats[3 - dims.size() + dim].bits.push_back(uint8_t(registers.size()));
    registers.push_back(basis(dim, bit));
  }
  void repeat(unsigned dim, unsigned from) {
    for (unsigned bit = from; bit < dims[dim].bits; bit++)
      repeatBit(dim, bit);
  }
  /// Copies in the warps that lie along a dimension which this operand has not: `dim` is ~0u.
  void warpBits(unsigned dim, unsigned first, unsigned count) {
    for (unsigned i = 0; i < count; i++)
      warps.push_back(dim == ~0u ? 0 : basis(dim, first + i));
  }

  /// A (K along its columns) or B (K along its rows). `mBits`: bits of the instruction along the other dimension.
  void operandOfK(unsigned k, unsigned other, unsigned otherBits, unsigned otherWarps) {
    for (unsigned bit = 0; bit < wordBits; bit++)
      fragment(basis(k, bit));
    // The rest of K in registers: within the width, then beyond the lanes. The instruction takes the first of it.
    llvm::SmallVector<unsigned, 12> rest;
    for (unsigned bit = wordBits; bit < dims[k].bits; bit++)
      if (bit < widthBits || bit >= widthBits + 2)
        rest.push_back(bit);
    unsigned taken = logOf(mma.k) - wordBits - 2;
    llvm::SmallVector<uint8_t, 4> takenAt;
    auto deal = [&](size_t from, size_t to) {
      for (size_t i = from; i < to; i++) {
        if (i < taken)
          takenAt.push_back(uint8_t(registers.size())), registers.push_back(basis(k, rest[i]));
        else
          repeatBit(k, rest[i]);
      }
    };
    size_t inWidth = widthBits - wordBits;
    deal(0, inWidth);
    if (otherBits == 4)
      fragment(basis(other, 3));
    deal(inWidth, std::max<size_t>(taken, inWidth));
    out.fragmentBits.append(takenAt.begin(), takenAt.end());
    if (tiling.rowsFirst)
      repeat(other, otherBits + otherWarps);
    deal(std::max<size_t>(taken, inWidth), rest.size());
    if (!tiling.rowsFirst)
      repeat(other, otherBits + otherWarps);

    lanes = {basis(k, widthBits), basis(k, widthBits + 1), basis(other, 0), basis(other, 1), basis(other, 2)};
    unsigned alongM = operand == Operand::A ? other : ~0u, alongN = operand == Operand::B ? other : ~0u;
    dealWarps(alongM, alongN);
  }

  void result() {
    fragment(basis(columns, 0));
    if (mma.m == 16)
      fragment(basis(rows, 3));
    unsigned rowsFrom = logOf(mma.m) + tiling.warpBitsM, columnsFrom = logOf(mma.n) + tiling.warpBitsN;
    if (tiling.rowsFirst)
      repeat(rows, rowsFrom);
    repeat(columns, columnsFrom);
    if (!tiling.rowsFirst)
      repeat(rows, rowsFrom);
    lanes = {basis(columns, 1), basis(columns, 2), basis(rows, 0), basis(rows, 1), basis(rows, 2)};
    dealWarps(rows, columns);
  }

  void dealWarps(unsigned alongM, unsigned alongN) {
    if (tiling.warpsAlongNFirst)
      warpBits(alongN, logOf(mma.n), tiling.warpBitsN);
    warpBits(alongM, logOf(mma.m), tiling.warpBitsM);
    if (!tiling.warpsAlongNFirst)
      warpBits(alongN, logOf(mma.n), tiling.warpBitsN);
  }

  Operand operand;
  llvm::ArrayRef<Dim> dims;
  const MmaTiling &tiling;
  const MmaInstruction &mma;
  Layout shape;
  unsigned rows, columns, wordBits, widthBits;
  llvm::SmallVector<uint32_t, 16> registers, lanes, warps;
  TiledFragment out;
};

std::optional<TiledFragment> TiledFragment::of(Operand operand, llvm::ArrayRef<Dim> dims,
                                               const MmaTiling &tiling) {
  return Builder(operand, dims, tiling).build();
}

uint32_t TiledFragment::registerOf(uint32_t batch, uint32_t row, uint32_t column,
                                   uint32_t fragmentRegister) const {
  uint32_t out = 0, major = 0;
  auto scatter = [&](uint32_t value, llvm::ArrayRef<uint8_t> bits) {
    for (auto [i, bit] : llvm::enumerate(bits))
      out |= (value >> i & 1) << bit;
  };
  scatter(fragmentRegister, fragmentBits);
  for (auto [index, dim] :
       {std::pair(batch, &repeats[0]), std::pair(row, &repeats[1]), std::pair(column, &repeats[2])}) {
    scatter(index, dim->bits);
    major = major * dim->majors + (index >> dim->bits.size());
  }
  return major << whole.inBits(layout::Input::Register) | out;
}

layout::Layout mmaFragment(Operand operand, const MmaInstruction &instruction) {
  unsigned rows = operand == Operand::B ? instruction.k : instruction.m;
  unsigned columns = operand == Operand::A ? instruction.k : instruction.n;
  MmaTiling tiling;
  tiling.instruction = &instruction;
  return TiledFragment::of(operand, layout::fitDims({rows, columns}), tiling)->layout();
}

} // namespace tegula::nvptx
