//===- SelectMatrix.cpp - mma, wmma.mma, movmatrix ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Handlers.h"
#include "driver/emulator/ptx/Matrix.h"

namespace tegula::ptx {
namespace {

/// Registers of operand `k` (0: the destination), a vector or a single one.
struct Registers {
  const Slot *at;
  int count;
};
Registers registersOf(const Instr &in, int k) {
  if (in.parts[k] == 0)
    return {k == 0 ? &in.dst : &in.src[k - 1], 1};
  int before = 0;
  for (int i = 0; i < k; i++)
    before += in.parts[i];
  return {in.list + before, in.parts[k]};
}

void multiplyHandler(WarpState &w, const Instr &in) {
  auto &shape = *static_cast<const MatrixShape *>(in.extra);
  Fragment operands[3];
  for (int k = 0; k < 3; k++) {
    Registers r = registersOf(in, k + 1);
    for (int i = 0; i < r.count; i++)
      operands[k].at[i] = lanes32(w, r.at[i]);
  }
  alignas(64) uint64_t sink[warpSize];
  FragmentOut result;
  Registers d = registersOf(in, 0);
  for (int i = 0; i < d.count; i++)
    result.at[i] = d.at[i] == noSlot ? static_cast<void *>(sink) : lanes32(w, d.at[i]);
  multiply(shape, operands[0], operands[1], operands[2], result, static_cast<Accumulate>(w.accumulate));
}

void moveMatrix(WarpState &w, const Instr &in) { transposeInWarp(lanes32(w, in.src[0]), lanes32(w, in.dst)); }

struct ElementName {
  std::string_view name;
  Element element;
};
constexpr ElementName elementNames[] = {
    {"f16", Element::f16},   {"bf16", Element::bf16}, {"tf32", Element::tf32}, {"e4m3", Element::e4m3},
    {"e5m2", Element::e5m2}, {"f64", Element::f64},   {"s8", Element::s8},     {"u8", Element::u8},
    {"s4", Element::s4},     {"u4", Element::u4},     {"b1", Element::b1},     {"f32", Element::f32},
    {"s32", Element::s32}};

Element takeElement(Modifiers &m) {
  std::string_view name = m.next();
  for (const ElementName &e : elementNames)
    if (e.name == name)
      return e.element;
  m.fail();
}

/// The products that exist: shape, type of A, and the first architecture. B's type is A's kind, C's and D's follow.
struct Product {
  bool wmma;
  uint8_t m, n;
  uint16_t k;
  Element a;
  int sm;
};
using enum Element;
constexpr Product products[] = {
    {false, 8, 8, 4, f16, 70},    {false, 16, 8, 8, f16, 75},   {false, 16, 8, 16, f16, 80},
    {false, 16, 8, 8, bf16, 80},  {false, 16, 8, 16, bf16, 80}, {false, 16, 8, 4, tf32, 80},
    {false, 16, 8, 8, tf32, 80},  {false, 8, 8, 4, f64, 80},    {false, 16, 8, 16, e4m3, 89},
    {false, 16, 8, 32, e4m3, 89}, {false, 8, 8, 16, s8, 75},    {false, 16, 8, 16, s8, 80},
    {false, 16, 8, 32, s8, 80},   {false, 8, 8, 32, s4, 75},    {false, 16, 8, 32, s4, 80},
    {false, 16, 8, 64, s4, 80},   {false, 8, 8, 128, b1, 75},   {false, 16, 8, 128, b1, 80},
    {false, 16, 8, 256, b1, 80},  {true, 16, 16, 16, f16, 70},  {true, 32, 8, 16, f16, 70},
    {true, 8, 32, 16, f16, 70},   {true, 16, 16, 16, bf16, 80}, {true, 32, 8, 16, bf16, 80},
    {true, 8, 32, 16, bf16, 80},  {true, 16, 16, 8, tf32, 80},  {true, 8, 8, 4, f64, 80},
    {true, 16, 16, 16, s8, 72},   {true, 32, 8, 16, s8, 72},    {true, 8, 32, 16, s8, 72},
    {true, 8, 8, 32, s4, 75},     {true, 8, 8, 128, b1, 75},
};

/// u8 counts as s8, u4 as s4, e5m2 as e4m3.
Element kind(Element e) { return e == u8 ? s8 : e == u4 ? s4 : e == e5m2 ? e4m3 : e; }

/// Throws unless PTX has the product on this architecture.
void check(const Modifiers &m, const MatrixShape &s, bool wmma, int sm) {
  bool found = false;
  for (const Product &p : products)
    found |= p.wmma == wmma && p.m == s.m && p.n == s.n && p.k == s.k && p.a == kind(s.a) && sm >= p.sm;
  Element a = kind(s.a);
  bool integers = a == s8 || a == s4 || a == b1;
  bool results = integers    ? s.c == s32 && s.d == s32
                 : a == f64  ? s.c == f64 && s.d == f64
                 : a == f16  ? (s.c == f16 || s.c == f32) && (s.d == f16 || s.d == f32)
                 : a == e4m3 ? (s.c == f16 || s.c == f32) && s.c == s.d
                             : s.c == f32 && s.d == f32;
  bool mixed = s.a == s.b || a == s8 || a == s4 || a == e4m3;
  if (!found || !results || kind(s.b) != a || !mixed)
    m.fail();
  if ((s.saturate && (!integers || a == b1)) || (s.rounding && a != f64) || (s.conjunction && sm < 80))
    m.fail();
}

void takeShape(Modifiers &m, MatrixShape &shape, const Product *&taken, bool wmma) {
  for (const Product &p : products) {
    std::string name = "m" + std::to_string(p.m) + "n" + std::to_string(p.n) + "k" + std::to_string(p.k);
    if (p.wmma != wmma || !m.take(name))
      continue;
    shape.m = p.m, shape.n = p.n, shape.k = p.k;
    taken = &p;
    return;
  }
  m.fail();
}

bool takeLayout(Modifiers &m) { // true: row
  std::string_view name = m.next();
  if (name != "row" && name != "col")
    m.fail();
  return name == "row";
}

bool chooseProduct(const Spelling &spelling, Instr &in, Keeper &keeper, bool wmma) {
  Modifiers m(spelling, in);
  MatrixShape shape;
  const Product *taken = nullptr;
  if (wmma)
    m.take("mma");
  if (!m.take("sync") || !m.take("aligned"))
    m.fail();
  shape.conjunction = m.take("and");
  bool exclusive = m.take("xor"), popc = m.take("popc");
  shape.saturate = m.take("satfinite");
  constexpr std::string_view roundings[] = {"rn", "rz", "rm", "rp"};
  for (uint8_t i = 0; i < 4; i++)
    if (m.take(roundings[i]))
      shape.rounding = i;
  takeShape(m, shape, taken, wmma);
  shape.rowA = takeLayout(m);
  shape.rowB = takeLayout(m);
  shape.d = takeElement(m);
  Element second = takeElement(m);
  if (m.empty()) { // wmma of f16: only D's and C's types are written
    if (!wmma)
      m.fail();
    shape.c = second;
  } else {
    shape.a = second;
    shape.b = takeElement(m);
    shape.c = takeElement(m);
  }
  m.finish();
  bool bits = shape.a == b1;
  if (bits != popc || bits != (shape.conjunction || exclusive) || (shape.conjunction && exclusive))
    m.fail();
  shape.quads = !wmma && shape.k == 4 && shape.a == f16;
  bool subByte = shape.a == s4 || shape.a == u4 || bits;
  if ((!wmma && !shape.quads && (!shape.rowA || shape.rowB)) ||
      (wmma && subByte && (!shape.rowA || shape.rowB)))
    m.fail();
  check(m, shape, wmma, spelling.sm);
  FragmentSizes sizes = fragmentSizes(shape, wmma);
  int wanted[4] = {sizes.d, sizes.a, sizes.b, sizes.c};
  for (int k = 0; k < 4; k++)
    if (registersOf(in, k).count != wanted[k])
      m.fail();
  in.extra = keeper.keep(shape);
  in.run = multiplyHandler;
  in.pipe = Pipe::matrix;
  in.control = Control::sync;
  in.imm2 = -1; // all lanes that have not exited
  return true;
}

} // namespace

bool chooseMatrix(const Spelling &spelling, Instr &in, Keeper &keeper) {
  if (spelling.opcode == "mma")
    return chooseProduct(spelling, in, keeper, false);
  if (spelling.opcode == "wmma" && !spelling.modifiers.empty() && spelling.modifiers[0] == "mma")
    return chooseProduct(spelling, in, keeper, true);
  if (spelling.opcode == "movmatrix") {
    Modifiers m(spelling, in);
    bool complete = m.take("sync") && m.take("aligned") && m.take("m8n8") && m.take("trans") && m.take("b16");
    if (!complete)
      m.fail();
    m.finish();
    in.run = moveMatrix;
    in.pipe = Pipe::matrix;
    in.control = Control::sync;
    in.imm2 = -1;
    return true;
  }
  return false;
}

} // namespace tegula::ptx
