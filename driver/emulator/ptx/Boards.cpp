//===- Boards.cpp - the emulated devices ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Boards.h"

#include <algorithm>
#include <iterator>

namespace tegula::ptx {

static constexpr Board rows[] = {
#define DEVICE(sm, board, memory) {sm, board, memory},
#define SAME(number, name, value)
#define EACH(number, name, ...)
#include "driver/emulator/ptx/Attributes.def"
#undef DEVICE
#undef SAME
#undef EACH
};

namespace {
struct AttributeRow {
  int number;
  int values[std::size(rows)];
};
} // namespace
static constexpr AttributeRow attributeRows[] = {
#define DEVICE(sm, board, memory)
#define SAME(number, name, v) {number, {v, v, v, v, v}},
#define EACH(number, name, ...) {number, {__VA_ARGS__}},
#include "driver/emulator/ptx/Attributes.def"
#undef DEVICE
#undef SAME
#undef EACH
};

size_t Board::index() const { return size_t(boardOf(sm) - rows); }

std::optional<int> Board::attribute(int number) const {
  auto row = std::ranges::find(attributeRows, number, &AttributeRow::number);
  return row == std::end(attributeRows) ? std::nullopt : std::optional(row->values[index()]);
}

std::span<const Board> boards() { return rows; }

const Board *boardOf(int sm) {
  auto row = std::ranges::find(rows, sm, &Board::sm);
  return row == std::end(rows) ? nullptr : row;
}

const Board *boardOf(const std::string &arch) {
  auto row = std::ranges::find(rows, arch, &Board::arch);
  return row == std::end(rows) ? nullptr : row;
}

} // namespace tegula::ptx
