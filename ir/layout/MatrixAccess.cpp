//===- MatrixAccess.cpp - 8 x 8 matrices between shared memory and the lanes of a warp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/MatrixAccess.h"

#include <algorithm>

namespace tegula::layout {
namespace {

/// How the bits of registers and lanes are dealt out again.
struct View {
  llvm::SmallVector<uint32_t, 4> vector;
  llvm::SmallVector<uint32_t, 5> lanes;
  llvm::SmallVector<uint8_t, 2> matrixBits;
  llvm::SmallVector<uint8_t, 12> otherBits;
  unsigned wordBits; ///< register bits within 32 bits

  static std::optional<View> of(const Layout &registers, unsigned elementBits, bool transposed) {
    bool wide = elementBits != 8 && elementBits != 16 && elementBits != 32;
    if (wide || (transposed && elementBits != 16) || registers.inBits(Input::Lane) != 5)
      return std::nullopt;
    View out;
    llvm::ArrayRef<uint32_t> own = registers.bases(Input::Register), lane = registers.bases(Input::Lane);
    out.wordBits = 5 - unsigned(std::countr_zero(elementBits));
    if (own.size() < out.wordBits)
      return std::nullopt;
    if (transposed) {
      out.vector.assign(lane.begin() + 2, lane.end());
      out.lanes = {own[0], lane[0], lane[1]};
    } else {
      out.vector.assign(own.begin(), own.begin() + out.wordBits);
      out.vector.append(lane.begin(), lane.begin() + 2);
      out.lanes.assign(lane.begin() + 2, lane.end());
    }
    Span span; // registers that repeat others count no matrices
    for (uint32_t basis : own.take_front(out.wordBits))
      span.insert(basis);
    for (unsigned i = out.wordBits; i < own.size(); i++) {
      if (out.matrixBits.size() < 2 && span.insert(own[i])) {
        out.matrixBits.push_back(uint8_t(i));
        out.lanes.push_back(own[i]);
      } else {
        out.otherBits.push_back(uint8_t(i));
      }
    }
    out.lanes.resize(5, 0);
    return out;
  }

  Layout layout(const Layout &registers) const {
    llvm::SmallVector<uint32_t, 16> own(vector.begin(), vector.end());
    for (uint8_t bit : otherBits)
      own.push_back(registers.bases(Input::Register)[bit]);
    return Layout(registers.dims(), own, lanes, registers.bases(Input::Warp), registers.bases(Input::Block));
  }
};

} // namespace

std::optional<Layout> MatrixAccess::view(const Layout &registers, unsigned elementBits, bool transposed) {
  std::optional<View> view = View::of(registers, elementBits, transposed);
  if (!view)
    return std::nullopt;
  return view->layout(registers);
}

std::optional<MatrixAccess> MatrixAccess::match(const Layout &registers, const SharedLayout &memory,
                                                unsigned elementBits, bool transposed) {
  std::optional<View> view = View::of(registers, elementBits, transposed);
  if (!view)
    return std::nullopt;
  // Rows are 16 bytes side by side in this order, and begin at multiples of 16 bytes.
  BitMatrix toOffset = memory.inverse();
  unsigned vectorBits = unsigned(view->vector.size());
  for (unsigned i = 0; i < vectorBits; i++)
    if (toOffset(view->vector[i]) != 1u << i)
      return std::nullopt;
  Layout layout = view->layout(registers);
  for (uint32_t basis : layout.bases().drop_front(vectorBits))
    if (toOffset(basis) & lowBits(vectorBits))
      return std::nullopt;

  MatrixAccess out;
  out.rows.emplace(layout, memory, elementBits);
  assert(out.rows->vectorBytes() == 16);
  out.registerBits = registers.inBits(Input::Register);
  out.viewBits = layout.inBits(Input::Register);
  out.elementBitsInWord = view->wordBits;
  out.vectorBits = vectorBits;
  out.matrixBits = view->matrixBits;
  out.otherBits = view->otherBits;
  return out;
}

uint32_t MatrixAccess::registerOf(uint32_t instruction, uint32_t matrix) const {
  uint32_t viewed = rows->registerOf(instruction, 0), out = 0;
  forEachBit((viewed & lowBits(viewBits)) >> vectorBits, [&](unsigned i) { out |= 1u << otherBits[i]; });
  forEachBit(matrix, [&](unsigned i) { out |= 1u << matrixBits[i]; });
  return (viewed >> viewBits) << registerBits | out;
}

std::pair<uint32_t, uint32_t> MatrixAccess::placeOf(uint32_t reg) const {
  uint32_t viewed = (reg >> registerBits) << viewBits, matrix = 0;
  for (auto [i, bit] : llvm::enumerate(otherBits))
    viewed |= (reg >> bit & 1) << (vectorBits + i);
  for (auto [i, bit] : llvm::enumerate(matrixBits))
    matrix |= (reg >> bit & 1) << i;
  return {rows->placeOf(viewed).first, matrix};
}

} // namespace tegula::layout
