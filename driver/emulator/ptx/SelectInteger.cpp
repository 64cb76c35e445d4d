//===- SelectInteger.cpp - the rows of integer instructions ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Arithmetic.h"
#include "driver/emulator/ptx/Handlers.h"

namespace tegula::ptx {
namespace {

using namespace lane;

template <class T> const char *nameOf() {
  constexpr bool isSigned = std::is_signed_v<T>;
  switch (sizeof(T)) {
  case 2: return isSigned ? "s16" : "u16";
  case 4: return isSigned ? "s32" : "u32";
  default: return isSigned ? "s64" : "u64";
  }
}

struct Adder {
  std::vector<Row> &rows;
  template <class Op> void add(const std::string &key, Pipe pipe = Pipe::alu) {
    rows.push_back({key, lanewise<Op>, pipe, nullptr, false, false});
  }
};

/// What exists for 16, 32 and 64 bits, signed and unsigned.
template <class T> void addCommon(Adder a) {
  std::string t = std::string(".") + nameOf<T>();
  a.add<Add<T>>("add" + t);
  a.add<Sub<T>>("sub" + t);
  a.add<MulLo<T>>("mul.lo" + t, Pipe::fma);
  a.add<MulHi<T>>("mul.hi" + t, Pipe::fma);
  a.add<MadLo<T>>("mad.lo" + t, Pipe::fma);
  a.add<MadHi<T>>("mad.hi" + t, Pipe::fma);
  a.add<Sad<T>>("sad" + t);
  a.add<Div<T>>("div" + t);
  a.add<Rem<T>>("rem" + t);
  a.add<Min<T>>("min" + t);
  a.add<Max<T>>("max" + t);
  a.add<Shr<T>>("shr" + t);
  if constexpr (sizeof(T) < 8) {
    a.add<MulWide<T>>("mul.wide" + t, Pipe::fma);
    a.add<MadWide<T>>("mad.wide" + t, Pipe::fma);
  }
  if constexpr (std::is_signed_v<T>) {
    a.add<Abs<T>>("abs" + t);
    a.add<Neg<T>>("neg" + t);
  }
  if constexpr (sizeof(T) > 2) {
    a.add<Bfind<T, false>>("bfind" + t);
    a.add<Bfind<T, true>>("bfind.shiftamt" + t);
    a.add<Bfe<T>>("bfe" + t);
  }
  if constexpr (sizeof(T) == 4) {
    a.add<Mul24<T, false>>("mul24.lo" + t, Pipe::fma);
    a.add<Mul24<T, true>>("mul24.hi" + t, Pipe::fma);
    a.add<Mad24<T, false>>("mad24.lo" + t, Pipe::fma);
    a.add<Mad24<T, true>>("mad24.hi" + t, Pipe::fma);
    a.add<Szext<T, false>>("szext.clamp" + t);
    a.add<Szext<T, true>>("szext.wrap" + t);
  }
}

/// Operations on bits without a sign.
template <class T> void addBits(Adder a, const std::string &bitsName) {
  std::string t = "." + bitsName;
  a.add<And<T>>("and" + t);
  a.add<Or<T>>("or" + t);
  a.add<Xor<T>>("xor" + t);
  a.add<Not<T>>("not" + t);
  a.add<Cnot<T>>("cnot" + t);
  a.add<Shl<T>>("shl" + t);
  a.add<Shr<T>>("shr" + t);
  if constexpr (sizeof(T) > 2) {
    a.add<Popc<T>>("popc" + t);
    a.add<Clz<T>>("clz" + t);
    a.add<Brev<T>>("brev" + t);
    a.add<Bfi<T>>("bfi" + t);
  }
}

template <class A, class B> void addDots(Adder a, const std::string &types) {
  a.add<Dp4a<std::conditional_t<std::is_signed_v<A>, int8_t, uint8_t>, B>>("dp4a" + types, Pipe::fma);
  a.add<Dp2a<A, B, false>>("dp2a.lo" + types, Pipe::fma);
  a.add<Dp2a<A, B, true>>("dp2a.hi" + types, Pipe::fma);
}

/// Both 16-bit halves of a word by an operation on 16-bit integers.
template <class T, template <class> class Op> struct Halves {
  static uint32_t run(uint32_t a, uint32_t b) {
    uint32_t low = static_cast<uint16_t>(Op<T>::run(static_cast<T>(a), static_cast<T>(b)));
    uint32_t high = static_cast<uint16_t>(Op<T>::run(static_cast<T>(a >> 16), static_cast<T>(b >> 16)));
    return low | high << 16;
  }
};

} // namespace

void addIntegerRows(std::vector<Row> &rows) {
  Adder a{rows};
  addCommon<uint16_t>(a);
  addCommon<int16_t>(a);
  addCommon<uint32_t>(a);
  addCommon<int32_t>(a);
  addCommon<uint64_t>(a);
  addCommon<int64_t>(a);
  addBits<uint16_t>(a, "b16");
  addBits<uint32_t>(a, "b32");
  addBits<uint64_t>(a, "b64");
  a.add<AddSat>("add.sat.s32");
  a.add<SubSat>("sub.sat.s32");
  a.add<MadHiSat>("mad.hi.sat.s32", Pipe::fma);
  a.add<Mad24HiSat>("mad24.hi.sat.s32", Pipe::fma);
  a.add<Halves<uint16_t, Add>>("add.u16x2");
  a.add<Halves<int16_t, Add>>("add.s16x2");
  a.add<Halves<uint16_t, Min>>("min.u16x2");
  a.add<Halves<int16_t, Min>>("min.s16x2");
  a.add<Halves<uint16_t, Max>>("max.u16x2");
  a.add<Halves<int16_t, Max>>("max.s16x2");
  a.add<Bmsk<false>>("bmsk.clamp.b32");
  a.add<Bmsk<true>>("bmsk.wrap.b32");
  a.add<Shf<true, false>>("shf.l.clamp.b32");
  a.add<Shf<true, true>>("shf.l.wrap.b32");
  a.add<Shf<false, false>>("shf.r.clamp.b32");
  a.add<Shf<false, true>>("shf.r.wrap.b32");
  a.add<Fns>("fns.b32");
  a.add<Prmt<Permute::bytes>>("prmt.b32");
  a.add<Prmt<Permute::f4e>>("prmt.b32.f4e");
  a.add<Prmt<Permute::b4e>>("prmt.b32.b4e");
  a.add<Prmt<Permute::rc8>>("prmt.b32.rc8");
  a.add<Prmt<Permute::ecl>>("prmt.b32.ecl");
  a.add<Prmt<Permute::ecr>>("prmt.b32.ecr");
  a.add<Prmt<Permute::rc16>>("prmt.b32.rc16");
  addDots<uint16_t, uint8_t>(a, ".u32.u32");
  addDots<uint16_t, int8_t>(a, ".u32.s32");
  addDots<int16_t, uint8_t>(a, ".s32.u32");
  addDots<int16_t, int8_t>(a, ".s32.s32");
}

} // namespace tegula::ptx
