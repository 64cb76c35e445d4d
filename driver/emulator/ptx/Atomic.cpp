//===- Atomic.cpp - atom and red ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Every operation is a loop around the host's compare-and-exchange, so that blocks on other host threads see it whole.

#include "driver/emulator/ptx/Access.h"
#include "driver/emulator/ptx/Arithmetic.h"

#include <cstring>

namespace tegula::ptx {

namespace {

template <class T> T integerResult(Atomic op, T old, T value, bool isSigned) {
  using S = std::make_signed_t<T>;
  switch (op) {
  case Atomic::add: return T(old + value);
  case Atomic::exch: return value;
  case Atomic::min: return isSigned ? T(std::min(S(old), S(value))) : std::min(old, value);
  case Atomic::max: return isSigned ? T(std::max(S(old), S(value))) : std::max(old, value);
  case Atomic::inc: return old >= value ? T(0) : T(old + 1);
  case Atomic::dec: return old == 0 || old > value ? value : T(old - 1);
  case Atomic::band: return old & value;
  case Atomic::bor: return old | value;
  case Atomic::bxor: return old ^ value;
  case Atomic::cas: return value;
  }
  return old;
}

uint32_t addHalf(uint32_t a, uint32_t b, bool bfloat);
uint32_t extremeHalf(uint32_t a, uint32_t b, bool bfloat, bool greater);

/// What memory holds afterwards.
uint64_t resultOf(const Access &a, uint64_t old, uint64_t value) {
  Atomic op = static_cast<Atomic>(a.operation);
  if (!a.isFloat || op == Atomic::exch || op == Atomic::cas)
    return a.bytes == 8   ? integerResult<uint64_t>(op, old, value, a.isSigned)
           : a.bytes == 4 ? integerResult<uint32_t>(op, uint32_t(old), uint32_t(value), a.isSigned)
                          : integerResult<uint16_t>(op, uint16_t(old), uint16_t(value), a.isSigned);
  if (a.bytes == 8)
    return bits(f64(old) + f64(value));
  if (a.bytes == 4 && a.packed == 1)
    return bits(f32(uint32_t(old)) + f32(uint32_t(value)));
  uint64_t result = 0;
  for (int k = 0; k < a.bytes / 2; k++) {
    uint32_t x = old >> (16 * k) & 0xffff, y = value >> (16 * k) & 0xffff;
    uint32_t z =
        op == Atomic::add ? addHalf(x, y, a.isBfloat) : extremeHalf(x, y, a.isBfloat, op == Atomic::max);
    result |= uint64_t(z) << (16 * k);
  }
  return result;
}

float widen(uint32_t a, bool bfloat) {
  if (bfloat)
    return f32(a << 16);
  _Float16 h;
  uint16_t b = uint16_t(a);
  memcpy(&h, &b, 2);
  return float(h);
}
uint32_t narrow(float x, bool bfloat) {
  if (x != x)
    return 0x7fff;
  if (bfloat) {
    uint32_t b = bits(x);
    return (b + 0x7fff + (b >> 16 & 1)) >> 16;
  }
  _Float16 h = static_cast<_Float16>(x);
  uint16_t b;
  memcpy(&b, &h, 2);
  return b;
}
uint32_t addHalf(uint32_t a, uint32_t b, bool bfloat) {
  return narrow(widen(a, bfloat) + widen(b, bfloat), bfloat);
}
uint32_t extremeHalf(uint32_t a, uint32_t b, bool bfloat, bool greater) {
  float x = widen(a, bfloat), y = widen(b, bfloat);
  if (x != x || y != y)
    return x != x ? (y != y ? 0x7fff : b) : a;
  return (greater ? x > y || (x == y && !(a >> 15)) : x < y || (x == y && a >> 15)) ? a : b;
}

template <class T>
uint64_t exchange(const Access &a, uint8_t *at, uint64_t compare, uint64_t value, uint64_t &newValue) {
  T *p = reinterpret_cast<T *>(at);
  T old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
  while (true) {
    T next = static_cast<Atomic>(a.operation) == Atomic::cas ? (old == T(compare) ? T(value) : old)
                                                             : T(resultOf(a, old, value));
    if (__atomic_compare_exchange_n(p, &old, next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      newValue = next;
      return old;
    }
  }
}

template <bool observed> void atomic(WarpState &w, const Instr &i) {
  const Access &a = *static_cast<const Access *>(i.extra);
  uint64_t address[warpSize];
  laneAddresses(w, i, i.addressSrc, i.imm, i.addressIsSymbol, address);
  Accessed all;
  if (observed) {
    all.space = a.space;
    all.address = address;
    all.bytes = all.aligned = uint32_t(a.bytes) * a.count;
    all.touch = Touch::atomic;
    all.strong = true;
    all.cas = static_cast<Atomic>(a.operation) == Atomic::cas;
    all.order = a.order;
    all.scope = a.scope;
    observe(w, i, all);
  }
  asWarp(w).spinning = true;
  bool cas = static_cast<Atomic>(a.operation) == Atomic::cas;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint8_t *at = locate(w, i, a.space, address[l], uint32_t(a.bytes), l, true);
    if (!at)
      continue;
    for (int e = 0; e < a.count; e++) {
      Slot from = i.parts[2] ? i.list[i.parts[0] + i.parts[1] + e] : i.src[1];
      uint64_t value = readLane(w, from, i.srcBytes[1], l), compare = 0;
      if (cas) {
        compare = value;
        value = readLane(w, i.src[2], i.srcBytes[2], l);
      }
      uint8_t *here = at + e * a.bytes;
      uint64_t newValue = 0;
      uint64_t old = a.bytes == 8   ? exchange<uint64_t>(a, here, compare, value, newValue)
                     : a.bytes == 4 ? exchange<uint32_t>(a, here, compare, value, newValue)
                                    : exchange<uint16_t>(a, here, compare, value, newValue);
      if (observed && old != newValue)
        changed(w);
      Slot to = a.noReturn ? noSlot : i.parts[0] ? i.list[e] : i.dst;
      if (to != noSlot)
        writeLane(w, to, i.dstBytes, l, old);
    }
  }
  if (observed && !a.noReturn)
    observeAcquire(w, i, all);
}

} // namespace

bool chooseAtomic(const Spelling &s, Instr &i, Keeper &keeper) {
  if (s.opcode != "atom" && s.opcode != "red")
    return false;
  Access a;
  a.noReturn = s.opcode == "red";
  static constexpr std::pair<std::string_view, Atomic> operations[] = {
      {"add", Atomic::add}, {"exch", Atomic::exch}, {"cas", Atomic::cas}, {"min", Atomic::min},
      {"max", Atomic::max}, {"inc", Atomic::inc},   {"dec", Atomic::dec}, {"and", Atomic::band},
      {"or", Atomic::bor},  {"xor", Atomic::bxor}};
  bool typed = false, found = false;
  for (auto m : s.modifiers) {
    auto at =
        std::find_if(std::begin(operations), std::end(operations), [&](auto &o) { return o.first == m; });
    if (at != std::end(operations)) {
      a.operation = uint8_t(at->second);
      found = true;
    } else if (parseType(m, a)) {
      typed = true;
    } else if (m == "v2" || m == "v4" || m == "v8") {
      a.count = uint8_t(m[1] - '0');
    } else if (isOneOf(m, {"relaxed", "acquire", "release", "acq_rel"})) {
      a.order = m == "acquire"   ? MemoryOrder::acquire
                : m == "release" ? MemoryOrder::release
                : m == "acq_rel" ? MemoryOrder::acquireRelease
                                 : MemoryOrder::relaxed;
    } else if (!parseSpace(m, a.space) && !parseScope(m, a.scope) &&
               !isOneOf(m, {"noftz", "L2::cache_hint"})) {
      badModifier(s, i, m);
    }
  }
  Atomic op = static_cast<Atomic>(a.operation);
  bool wideFloat = a.isFloat && a.bytes >= 4 && a.packed == 1;
  if (!typed || !found || a.bytes < 2 || a.bytes > 8 || (wideFloat && op != Atomic::add) ||
      (a.isFloat && op != Atomic::add && op != Atomic::min && op != Atomic::max) ||
      (!a.isFloat && a.bytes == 2 && op != Atomic::cas))
    badType(s, i);
  i.addressSrc = 0;
  i.extra = keeper.keep(a);
  i.pipe = Pipe::atomic;
  i.run = atomic<false>;
  i.observed = atomic<true>;
  return true;
}

} // namespace tegula::ptx
