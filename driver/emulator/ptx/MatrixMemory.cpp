//===- MatrixMemory.cpp - ldmatrix, stmatrix, wmma.load and wmma.store ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Access.h"
#include "driver/emulator/ptx/Matrix.h"

#include <cstring>

namespace tegula::ptx {

namespace {

struct Rows {
  Access access;
  int count = 1;
  bool transpose = false;
};

/// The rows of 16 bytes whose addresses lanes 0 … 8 * count - 1 hold.
template <bool observed, bool isLoad> void matrices(WarpState &w, const Instr &i) {
  const Rows &r = *static_cast<const Rows *>(i.extra);
  uint64_t address[warpSize];
  laneAddresses(w, i, 0, i.imm, i.addressIsSymbol, address);
  uint32_t mask = w.mask, holders = r.count == 4 ? allLanes : (1u << (8 * r.count)) - 1;
  if (observed) {
    Accessed a;
    a.space = r.access.space;
    a.address = address;
    a.bytes = a.aligned = 16;
    a.touch = isLoad ? Touch::read : Touch::write;
    w.mask = mask & holders;
    observe(w, i, a);
    w.mask = mask;
  }
  uint8_t rows[32][16] = {};
  uint8_t *places[32] = {};
  for (int k = 0; k < 8 * r.count; k++) {
    places[k] = locate(w, i, r.access.space, address[k], 16, k, !isLoad);
    if (isLoad && places[k])
      memcpy(rows[k], places[k], 16);
  }
  uint32_t *registers[4];
  for (int k = 0; k < r.count; k++) {
    Slot s = isLoad ? (i.parts[0] ? i.list[k] : i.dst)
                    : (i.parts[2] ? i.list[i.parts[0] + i.parts[1] + k] : i.src[1]);
    registers[k] = lanes32(w, s);
  }
  if (isLoad) {
    distributeRows(rows, r.count, r.transpose, registers);
    return;
  }
  collectRows(rows, r.count, r.transpose, registers);
  for (int k = 0; k < 8 * r.count; k++)
    if (places[k])
      memcpy(places[k], rows[k], 16);
}

struct Tile {
  Access access;
  MatrixShape shape;
  MatrixOperand operand = MatrixOperand::a;
  Element element = Element::f16;
  bool rowMajor = true;
  bool hasStride = false;
  int registers = 0;
};

/// Element e of register r of every lane, as one access; the counters take the whole instruction for one request.
template <bool isLoad>
void observeTile(WarpState &w, const Instr &i, const Tile &t, const uint64_t *base, const uint64_t *strides) {
  int width = elementBits(t.element), perRegister = width == 64 ? 1 : 32 / width;
  Accessed a;
  a.space = t.access.space;
  a.bytes = a.aligned = width < 8 ? 1 : uint32_t(width) / 8;
  a.touch = isLoad ? Touch::read : Touch::write;
  a.continued = false;
  for (int r = 0; r < t.registers; r++)
    for (int e = 0; e < perRegister; e++) {
      uint64_t at[warpSize];
      for (int l = 0; l < warpSize; l++) {
        Position p = position(t.shape, t.operand, t.element, l, r, e);
        uint64_t major = uint64_t(t.rowMajor ? p.row : p.column),
                 minor = uint64_t(t.rowMajor ? p.column : p.row);
        at[l] = base[l] + (major * strides[l] + minor) * uint64_t(width) / 8;
      }
      a.address = at;
      observe(w, i, a);
      a.continued = true;
    }
}

template <bool observed, bool isLoad> void wmmaTile(WarpState &w, const Instr &i) {
  const Tile &t = *static_cast<const Tile *>(i.extra);
  uint64_t address[warpSize];
  laneAddresses(w, i, 0, i.imm, i.addressIsSymbol, address);
  int width = elementBits(t.element), perRegister = width == 64 ? 1 : 32 / width;
  int rows = t.operand == MatrixOperand::b ? t.shape.k : t.shape.m,
      columns = t.operand == MatrixOperand::a ? t.shape.k : t.shape.n;
  int strideSource = isLoad ? 1 : 2;
  const Slot *fragment = isLoad ? i.list : i.list + i.parts[0] + i.parts[1];
  if (observed) {
    changed(w);
    uint64_t strides[warpSize];
    for (int l = 0; l < warpSize; l++)
      strides[l] =
          t.hasStride ? readLane(w, i.src[strideSource], 4, l) : uint64_t(t.rowMajor ? columns : rows);
    observeTile<isLoad>(w, i, t, address, strides);
  }
  for (int l = 0; l < warpSize; l++) {
    uint64_t stride =
        t.hasStride ? readLane(w, i.src[strideSource], 4, l) : uint64_t(t.rowMajor ? columns : rows);
    for (int r = 0; r < t.registers; r++) {
      uint64_t value = isLoad ? 0 : readLane(w, fragment[r], width == 64 ? 8 : 4, l);
      for (int e = 0; e < perRegister; e++) {
        Position p = position(t.shape, t.operand, t.element, l, r, e);
        uint64_t bit = (t.rowMajor ? uint64_t(p.row) * stride + uint64_t(p.column)
                                   : uint64_t(p.column) * stride + uint64_t(p.row)) *
                       uint64_t(width);
        uint32_t bytes = width < 8 ? 1 : uint32_t(width) / 8;
        uint8_t *at = locate(w, i, t.access.space, address[l] + bit / 8, bytes, l, !isLoad);
        if (!at)
          continue;
        uint64_t element = 0;
        if (isLoad) {
          memcpy(&element, at, bytes);
          if (width < 8)
            element = element >> (bit % 8) & ((1u << width) - 1);
          value |= element << (e * width);
        } else {
          element = value >> (e * width);
          memcpy(at, &element, bytes);
        }
      }
      if (isLoad)
        writeLane(w, fragment[r], width == 64 ? 8 : 4, l, value);
    }
  }
}

bool parseShape(std::string_view text, MatrixShape &shape) {
  int m, n, k;
  if (sscanf(std::string(text).c_str(), "m%dn%dk%d", &m, &n, &k) != 3)
    return false;
  shape.m = uint8_t(m);
  shape.n = uint8_t(n);
  shape.k = uint8_t(k);
  return true;
}

bool chooseTile(const Spelling &s, Instr &i, Keeper &keeper) {
  bool isLoad = s.modifiers[0] == "load";
  static constexpr std::pair<std::string_view, Element> elements[] = {
      {"f16", Element::f16}, {"bf16", Element::bf16}, {"tf32", Element::tf32}, {"f64", Element::f64},
      {"s8", Element::s8},   {"u8", Element::u8},     {"s4", Element::s4},     {"u4", Element::u4},
      {"b1", Element::b1},   {"f32", Element::f32},   {"s32", Element::s32}};
  Tile t;
  bool typed = false, shaped = false;
  for (size_t k = 1; k < s.modifiers.size(); k++) {
    auto m = s.modifiers[k];
    auto at = std::find_if(std::begin(elements), std::end(elements), [&](auto &e) { return e.first == m; });
    if (at != std::end(elements)) {
      t.element = at->second;
      typed = true;
    } else if (m == "a" || m == "b" || m == "c" || m == "d") {
      t.operand = m == "a" ? MatrixOperand::a : m == "b" ? MatrixOperand::b : MatrixOperand::c;
    } else if (m == "row" || m == "col") {
      t.rowMajor = m == "row";
    } else if (parseShape(m, t.shape)) {
      shaped = true;
    } else if (!parseSpace(m, t.access.space) && !isOneOf(m, {"sync", "aligned"})) {
      badModifier(s, i, m);
    }
  }
  if (!typed || !shaped)
    badType(s, i);
  t.shape.a = t.shape.b = t.operand == MatrixOperand::c ? Element::f16 : t.element;
  t.shape.c = t.shape.d = t.operand == MatrixOperand::c ? t.element : Element::f32;
  t.registers = isLoad ? i.parts[0] : i.parts[2];
  t.hasStride = s.operands.size() >= 3;
  i.extra = keeper.keep(t);
  i.pipe = isLoad ? Pipe::loadGlobal : Pipe::storeGlobal;
  if (t.access.space == Space::shared)
    i.pipe = isLoad ? Pipe::loadShared : Pipe::storeShared;
  i.control = Control::sync;
  i.run = isLoad ? wmmaTile<false, true> : wmmaTile<false, false>;
  i.observed = isLoad ? wmmaTile<true, true> : wmmaTile<true, false>;
  return true;
}

} // namespace

bool chooseMatrixMemory(const Spelling &s, Instr &i, Keeper &keeper) {
  if (s.opcode == "wmma" && !s.modifiers.empty() && (s.modifiers[0] == "load" || s.modifiers[0] == "store"))
    return chooseTile(s, i, keeper);
  if (s.opcode != "ldmatrix" && s.opcode != "stmatrix")
    return false;
  Rows r;
  for (auto m : s.modifiers) {
    if (m == "x1" || m == "x2" || m == "x4")
      r.count = m[1] - '0';
    else if (m == "trans")
      r.transpose = true;
    else if (!parseSpace(m, r.access.space) && !isOneOf(m, {"sync", "aligned", "m8n8", "b16"}))
      badModifier(s, i, m);
  }
  bool isLoad = s.opcode == "ldmatrix";
  if (!isLoad && s.sm < 90)
    badType(s, i);
  i.extra = keeper.keep(r);
  i.control = Control::sync;
  i.pipe = isLoad ? Pipe::loadShared : Pipe::storeShared;
  i.run = isLoad ? matrices<false, true> : matrices<false, false>;
  i.observed = isLoad ? matrices<true, true> : matrices<true, false>;
  return true;
}

} // namespace tegula::ptx
