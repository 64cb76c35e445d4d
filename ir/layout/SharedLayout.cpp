//===- SharedLayout.cpp - layouts of shared memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/SharedLayout.h"
#include "ir/layout/LayoutText.h"

#include <algorithm>

namespace tegula::layout {
namespace {

using Bases = llvm::SmallVector<uint32_t, 16>;

/// Unit bases of the bits [from, to) of a dimension.
void append(Bases &out, const Layout &shape, unsigned dim, unsigned from, unsigned to) {
  for (unsigned i = from; i < to; i++)
    out.push_back(1u << (shape.shift(dim) + i));
}

Bases rowMajorBases(const Layout &shape, llvm::ArrayRef<unsigned> order) {
  Bases out;
  for (unsigned dim : order)
    append(out, shape, dim, 0, shape.dims()[dim].bits);
  return out;
}

/// Offset bits `from`, ... also flip what offset bits `to`, ... stand for.
void permuteChunks(Bases &bases, unsigned from, unsigned to, unsigned count) {
  for (unsigned i = 0; i < count && from + i < bases.size(); i++)
    bases[from + i] ^= bases[to + i];
}

unsigned logOf(uint32_t count) {
  assert(std::has_single_bit(count));
  return unsigned(std::countr_zero(count));
}

} // namespace

SharedLayout::SharedLayout(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<uint32_t> offsets)
    : rankOf(uint8_t(dims.size())), offsetCount(uint8_t(offsets.size())) {
  assert(dims.size() <= Layout::maxRank && offsets.size() <= maxBits);
  std::copy(dims.begin(), dims.end(), dimsOf.begin());
  std::copy(offsets.begin(), offsets.end(), values.begin());
  for (const Dim &dim : dims)
    majorCount *= dim.reps;
  assert(matrix().rank() == offsetCount);
}

SharedLayout SharedLayout::rowMajor(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<unsigned> order) {
  return SharedLayout(dims, rowMajorBases(Layout(dims, {}, {}, {}), order));
}

SharedLayout SharedLayout::swizzled(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<unsigned> order, uint32_t vector,
                                    uint32_t perPhase, uint32_t maxPhase) {
  Bases bases = rowMajorBases(Layout(dims, {}, {}, {}), order);
  unsigned rowBits = dims[order[0]].bits, vectorBits = logOf(vector);
  if (vectorBits < rowBits)
    permuteChunks(bases, rowBits + logOf(perPhase), vectorBits,
                  std::min(logOf(maxPhase), rowBits - vectorBits));
  return SharedLayout(dims, bases);
}

SharedLayout SharedLayout::hardwareSwizzled(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<unsigned> order,
                                            uint32_t swizzleBytes, uint32_t elementBytes) {
  Layout shape(dims, {}, {}, {});
  unsigned elementShift = logOf(elementBytes), inner = dims[order[0]].bits;
  if (swizzleBytes)
    inner = std::min(inner, logOf(swizzleBytes) - elementShift);
  Bases bases;
  append(bases, shape, order[0], 0, inner);
  for (unsigned dim : order.drop_front())
    append(bases, shape, dim, 0, dims[dim].bits);
  append(bases, shape, order[0], inner, dims[order[0]].bits);
  if (swizzleBytes) // byte address bits 4 to 6, 5 or 4 by bits 7 to 9, 8 or 7
    permuteChunks(bases, 7 - elementShift, 4 - elementShift, logOf(swizzleBytes) - 4);
  return SharedLayout(dims, bases);
}

uint32_t SharedLayout::flat(uint32_t offset) const {
  uint32_t out = 0;
  forEachBit(offset & lowBits(offsetCount), [&](unsigned i) { out ^= values[i]; });
  return out;
}

/// Shape operations see a layout whose only input is the offset.
static Layout asRegisters(const SharedLayout &layout) {
  return Layout(layout.dims(), layout.offsets(), {}, {});
}

std::optional<SharedLayout> SharedLayout::transposed(llvm::ArrayRef<unsigned> order) const {
  if (std::count_if(dims().begin(), dims().end(), [](const Dim &dim) { return dim.reps != 1; }) > 1)
    return std::nullopt;
  Layout result = asRegisters(*this).transposed(order);
  return SharedLayout(result.dims(), result.bases());
}

std::optional<SharedLayout> SharedLayout::reshaped(llvm::ArrayRef<Dim> dims) const {
  std::optional<Layout> result = asRegisters(*this).reshaped(dims);
  if (!result)
    return std::nullopt;
  return SharedLayout(result->dims(), result->bases());
}

std::string SharedLayout::str() const {
  std::string out;
  text::printDims(out, dims());
  text::printBases(out, dims(), "offset", offsets());
  return out;
}

std::optional<SharedLayout> SharedLayout::parse(llvm::StringRef text) {
  text::Reader reader(text);
  std::optional<Dims> dims = reader.dims();
  llvm::SmallVector<uint32_t, 16> offsets;
  if (!dims || !reader.bases(*dims, "offset", offsets) || !reader.done())
    return std::nullopt;
  unsigned bits = 0;
  for (const Dim &dim : *dims)
    bits += dim.bits;
  if (offsets.size() != bits || BitMatrix(offsets).rank() != bits)
    return std::nullopt;
  return SharedLayout(*dims, offsets);
}

llvm::hash_code hash_value(const SharedLayout &layout) {
  llvm::hash_code dims = 0;
  for (const Dim &dim : layout.dims())
    dims = llvm::hash_combine(dims, uint32_t(dim.reps), uint32_t(dim.bits));
  return llvm::hash_combine(dims, llvm::hash_combine_range(layout.offsets().begin(), layout.offsets().end()));
}

} // namespace tegula::layout
