//===- F2.cpp - linear algebra over the field of two elements ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/layout/F2.h"

#include <algorithm>

namespace tegula::layout {

BitMatrix::BitMatrix(llvm::ArrayRef<uint32_t> columns) : count(uint32_t(columns.size())) {
  assert(columns.size() <= maxBits);
  std::copy(columns.begin(), columns.end(), values.begin());
}

BitMatrix BitMatrix::identity(unsigned size) {
  BitMatrix out;
  for (unsigned i = 0; i < size; i++)
    out.append(1u << i);
  return out;
}

BitMatrix BitMatrix::zero(unsigned columns) {
  BitMatrix out;
  out.count = columns;
  return out;
}

BitMatrix BitMatrix::compose(const BitMatrix &inner) const {
  BitMatrix out;
  for (uint32_t column : inner.columns())
    out.append((*this)(column));
  return out;
}

bool BitMatrix::isZero() const {
  return std::all_of(columns().begin(), columns().end(), [](uint32_t column) { return column == 0; });
}

bool BitMatrix::isIdentity() const {
  for (unsigned i = 0; i < count; i++)
    if (values[i] != 1u << i)
      return false;
  return true;
}

unsigned BitMatrix::rank() const {
  Span span;
  for (uint32_t column : columns())
    span.insert(column);
  return span.dimension();
}

llvm::SmallVector<uint32_t, 8> BitMatrix::kernel() const {
  llvm::SmallVector<uint32_t, 8> out;
  Span span;
  for (unsigned i = 0; i < count; i++) {
    Span::Tag relation = 0;
    if (!span.insert(values[i], Span::Tag(1) << i, &relation))
      out.push_back(uint32_t(relation));
  }
  return out;
}

llvm::SmallVector<uint32_t, 8> BitMatrix::image() const {
  llvm::SmallVector<uint32_t, 8> out;
  Span span;
  for (uint32_t column : columns())
    span.insert(column);
  span.forEachVector([&](uint32_t vector) { out.push_back(vector); });
  return out;
}

std::optional<BitMatrix> BitMatrix::rightInverse(unsigned rows) const {
  Span span;
  for (unsigned i = 0; i < count; i++)
    span.insert(values[i], Span::Tag(1) << i);
  BitMatrix out;
  for (unsigned row = 0; row < rows; row++) {
    std::optional<Span::Tag> input = span.solve(1u << row);
    if (!input)
      return std::nullopt;
    out.append(uint32_t(*input));
  }
  return out;
}

std::optional<BitMatrix> BitMatrix::inverse(unsigned rows) const {
  return count == rows ? rightInverse(rows) : std::nullopt;
}

} // namespace tegula::layout
