//===- SelectConvert.cpp - cvt in all its forms ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The forms that kernels run in loops have handlers of their own, which vectorise; all others go lane by lane through
// `convert`.

#include "driver/emulator/ptx/Arithmetic.h"
#include "driver/emulator/ptx/Convert.h"
#include "driver/emulator/ptx/Handlers.h"

#include <algorithm>

namespace tegula::ptx {
namespace {

struct TypeName {
  std::string_view name;
  Number number;
  bool pair;
};
constexpr TypeName typeNames[] = {
    {"u8", Number::u8, false},      {"u16", Number::u16, false},    {"u32", Number::u32, false},
    {"u64", Number::u64, false},    {"s8", Number::s8, false},      {"s16", Number::s16, false},
    {"s32", Number::s32, false},    {"s64", Number::s64, false},    {"f16", Number::f16, false},
    {"bf16", Number::bf16, false},  {"tf32", Number::tf32, false},  {"f32", Number::f32, false},
    {"f64", Number::f64, false},    {"f16x2", Number::f16, true},   {"bf16x2", Number::bf16, true},
    {"e4m3x2", Number::e4m3, true}, {"e5m2x2", Number::e5m2, true},
};

const TypeName *typeNamed(std::string_view name) {
  for (const TypeName &type : typeNames)
    if (type.name == name)
      return &type;
  return nullptr;
}

// --- Any form, lane by lane

void general(WarpState &w, const Instr &in) {
  auto &c = *static_cast<const Conversion *>(in.extra);
  int from = std::max(in.srcBytes[0] ? in.srcBytes[0] : 4, numberBits(c.from) / 8),
      to = in.dstBytes ? in.dstBytes : 4;
  for (int lane = 0; lane < warpSize; lane++)
    if (w.mask >> lane & 1)
      writeLane(w, in.dst, to, lane, convert(c, readLane(w, in.src[0], from == 8 ? 8 : 4, lane)));
}
/// `cvt.f16x2.f32 d, a, b` and its like: a becomes the upper half.
void pairOfSingles(WarpState &w, const Instr &in) {
  auto &c = *static_cast<const Conversion *>(in.extra);
  int bits = numberBits(c.to);
  const uint32_t *a = lanes32(w, in.src[0]), *b = lanes32(w, in.src[1]);
  uint32_t result[warpSize];
  for (int lane = 0; lane < warpSize; lane++)
    result[lane] =
        static_cast<uint32_t>(convert(c, a[lane])) << bits | static_cast<uint32_t>(convert(c, b[lane]));
  writeLanes(lanes32(w, in.dst), result, w.mask);
}
/// `cvt.e4m3x2.f16x2` and `cvt.f16x2.e4m3x2`.
void pairOfPair(WarpState &w, const Instr &in) {
  auto &c = *static_cast<const Conversion *>(in.extra);
  int bits = numberBits(c.to), from = numberBits(c.from);
  const uint32_t *a = lanes32(w, in.src[0]);
  uint32_t result[warpSize];
  for (int lane = 0; lane < warpSize; lane++)
    result[lane] = static_cast<uint32_t>(convert(c, a[lane] >> from)) << bits |
                   static_cast<uint32_t>(convert(c, a[lane]));
  writeLanes(lanes32(w, in.dst), result, w.mask);
}

// --- cvt.pack: two s32 clamped to narrow integers and put side by side, above them what `c` has lowest

struct Packing {
  uint8_t bits = 0;
  bool isSigned = false;
  bool shifts = false; ///< there is a third operand
};
void packIntegers(WarpState &w, const Instr &in) {
  auto &p = *static_cast<const Packing *>(in.extra);
  const int32_t *a = reinterpret_cast<const int32_t *>(lanes32(w, in.src[0]));
  const int32_t *b = reinterpret_cast<const int32_t *>(lanes32(w, in.src[1]));
  const uint32_t *c = p.shifts ? lanes32(w, in.src[2]) : nullptr;
  int32_t low = p.isSigned ? -(1 << (p.bits - 1)) : 0, high = (1 << (p.isSigned ? p.bits - 1 : p.bits)) - 1;
  uint32_t mask = (1u << p.bits) - 1;
  uint32_t result[warpSize];
  for (int i = 0; i < warpSize; i++) {
    uint32_t upper = static_cast<uint32_t>(std::clamp(a[i], low, high)) & mask;
    uint32_t lower = static_cast<uint32_t>(std::clamp(b[i], low, high)) & mask;
    result[i] = upper << p.bits | lower | (c ? c[i] << (2 * p.bits) : 0);
  }
  writeLanes(lanes32(w, in.dst), result, w.mask);
}
bool choosePack(Modifiers &m, Instr &in, Keeper &keeper) {
  struct Narrow {
    std::string_view name;
    Packing packing;
  };
  constexpr Narrow narrows[] = {{"u16", {16, false, false}}, {"s16", {16, true, false}},
                                {"u8", {8, false, true}},    {"s8", {8, true, true}},
                                {"u4", {4, false, true}},    {"s4", {4, true, true}},
                                {"u2", {2, false, true}},    {"s2", {2, true, true}}};
  if (!m.take("sat"))
    m.fail();
  std::string_view to = m.next();
  const Narrow *found = nullptr;
  for (const Narrow &narrow : narrows)
    if (narrow.name == to)
      found = &narrow;
  if (!found || !m.take("s32") || m.take("b32") != found->packing.shifts)
    m.fail();
  m.finish();
  if (found->packing.shifts && in.src[2] == noSlot)
    m.fail();
  in.extra = keeper.keep(found->packing);
  in.run = packIntegers;
  return true;
}

// --- Quick forms

template <class D, class S> struct Resize {
  static D run(S a) { return static_cast<D>(a); }
};
template <class S> struct ToF32 {
  static float run(S a) { return static_cast<float>(a); }
};
template <class S> struct ToF64 {
  static double run(S a) { return static_cast<double>(a); }
};
struct HalfToF32 {
  static float run(uint32_t a) { return canonical(widenF16(a & 0xffff)); }
};
struct BrainToF32 {
  static float run(uint32_t a) { return canonical(widenBf16(a & 0xffff)); }
};
struct F32ToHalf {
  static uint32_t run(float a) { return narrowF16(a); }
};
struct F32ToBrain {
  static uint32_t run(float a) { return narrowBf16(a); }
};
template <class F> struct F32ToPair {
  static uint32_t run(float a, float b) { return F::narrow(a) << 16 | F::narrow(b); }
};
struct F64ToF32 {
  static float run(double a) { return canonical(static_cast<float>(a)); }
};
/// `.rzi` to s32: out of range clamps, NaN is 0.
struct F32ToS32 {
  static int32_t run(float a) {
    float inside = a >= 0x1p31f ? 0.0f : a < -0x1p31f || a != a ? 0.0f : a;
    int32_t value = static_cast<int32_t>(inside);
    return a >= 0x1p31f ? INT32_MAX : a < -0x1p31f ? INT32_MIN : value;
  }
};

/// What stands in this table is the exact spelling.
struct Quick {
  std::string_view key;
  Handler run;
};
#define RESIZE(d, D, s, S) {"cvt." d "." s, lanewise<Resize<D, S>>}
constexpr Quick quickForms[] = {
    RESIZE("s64", int64_t, "s32", int32_t),
    RESIZE("u64", uint64_t, "u32", uint32_t),
    RESIZE("s64", int64_t, "u32", uint32_t),
    RESIZE("u64", int64_t, "s32", int32_t),
    RESIZE("u32", uint32_t, "u64", uint64_t),
    RESIZE("s32", uint32_t, "s64", uint64_t),
    RESIZE("u32", uint32_t, "u16", uint16_t),
    RESIZE("s32", int32_t, "s16", int16_t),
    RESIZE("u32", uint32_t, "u8", uint8_t),
    RESIZE("s32", int32_t, "s8", int8_t),
    {"cvt.rn.f32.s32", lanewise<ToF32<int32_t>>},
    {"cvt.rn.f32.u32", lanewise<ToF32<uint32_t>>},
    {"cvt.rn.f64.s32", lanewise<ToF64<int32_t>>},
    {"cvt.rn.f64.u32", lanewise<ToF64<uint32_t>>},
    {"cvt.f64.f32", lanewise<ToF64<float>>},
    {"cvt.rn.f32.f64", lanewise<F64ToF32>},
    {"cvt.f32.f16", lanewise<HalfToF32>},
    {"cvt.f32.bf16", lanewise<BrainToF32>},
    {"cvt.rn.f16.f32", lanewise<F32ToHalf>},
    {"cvt.rn.bf16.f32", lanewise<F32ToBrain>},
    {"cvt.rn.f16x2.f32", lanewise<F32ToPair<lane::Half>>},
    {"cvt.rn.bf16x2.f32", lanewise<F32ToPair<lane::Brain>>},
    {"cvt.rzi.s32.f32", lanewise<F32ToS32>},
};
#undef RESIZE

Handler quickForm(const Spelling &spelling, const Instr &in) {
  std::string key = "cvt";
  for (std::string_view modifier : spelling.modifiers)
    key.append(".").append(modifier);
  for (const Quick &quick : quickForms) {
    if (quick.key != key)
      continue;
    // Registers wider than the type need the general form.
    const TypeName *to = typeNamed(spelling.modifiers[spelling.modifiers.size() - 2]);
    int bytes = numberBits(to->number) / 8 * (to->pair ? 2 : 1);
    return (in.dstBytes == 8) == (bytes == 8) && (bytes == 8 || in.dstBytes <= 4) ? quick.run : nullptr;
  }
  return nullptr;
}

/// Whether PTX has the form; roundings that it needs or forbids.
void check(const Modifiers &m, const Conversion &c, const TypeName &to, const TypeName &from, bool rounded) {
  bool pairs = to.pair || from.pair;
  bool widens = isFloating(c.to) && isFloating(c.from) && numberBits(c.to) >= numberBits(c.from) &&
                c.to != Number::tf32;
  bool narrows = (isFloating(c.to) && !widens) || (isFloating(c.to) && !isFloating(c.from)) || pairs;
  if (isFloating(c.from) && !isFloating(c.to) && !c.integral)
    m.fail(); // `.rni …` must be written
  if (narrows && !rounded)
    m.fail();
  if (!isFloating(c.from) && !isFloating(c.to) && rounded)
    m.fail();
  if (c.ftz && c.from != Number::f32 && c.to != Number::f32)
    m.fail();
  if ((c.relu || c.finite) && c.to != Number::f16 && c.to != Number::bf16 && c.to != Number::tf32 &&
      c.to != Number::e4m3 && c.to != Number::e5m2)
    m.fail();
  if (c.away != (c.away && c.to == Number::tf32))
    m.fail();
  if (to.pair != from.pair && !(to.pair && c.from == Number::f32))
    m.fail();
  if ((c.to == Number::tf32 && c.from != Number::f32) || c.from == Number::tf32)
    m.fail();
  bool eight = c.to == Number::e4m3 || c.to == Number::e5m2;
  if (eight && (!c.finite || c.rounding != Rounding::nearest))
    m.fail();
}

} // namespace

bool chooseConvert(const Spelling &spelling, Instr &in, Keeper &keeper) {
  if (spelling.opcode != "cvt")
    return false;
  Modifiers m(spelling, in);
  in.pipe = Pipe::convert;
  if (m.take("pack"))
    return choosePack(m, in, keeper);
  Conversion c;
  bool rounded = false;
  constexpr std::string_view plain[] = {"rn", "rz", "rm", "rp"}, integral[] = {"rni", "rzi", "rmi", "rpi"};
  for (int i = 0; i < 4; i++) {
    bool whole = m.take(integral[i]);
    if (!whole && !m.take(plain[i]))
      continue;
    if (rounded)
      m.fail();
    rounded = true;
    c.rounding = static_cast<Rounding>(i);
    c.integral = whole;
  }
  if (m.take("rna")) {
    if (rounded)
      m.fail();
    rounded = c.away = true;
  }
  c.ftz = m.take("ftz");
  c.sat = m.take("sat");
  c.relu = m.take("relu");
  c.finite = m.take("satfinite");
  const TypeName *to = typeNamed(m.next()), *from = typeNamed(m.next());
  if (!to || !from)
    m.fail();
  m.finish();
  c.to = to->number;
  c.from = from->number;
  check(m, c, *to, *from, rounded);
  in.run = quickForm(spelling, in);
  if (in.run)
    return true;
  in.extra = keeper.keep(c);
  in.run = !to->pair ? general : from->pair ? pairOfPair : pairOfSingles;
  return true;
}

} // namespace tegula::ptx
