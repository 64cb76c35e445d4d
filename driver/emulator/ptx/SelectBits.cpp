//===- SelectBits.cpp - mov, logic of predicates, lop3, chains of carries ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Arithmetic.h"
#include "driver/emulator/ptx/Handlers.h"

#include <cstdlib>

namespace tegula::ptx {
namespace {

using namespace lane;

// --- mov

template <class T> void move(WarpState &w, const Instr &in) {
  alignas(64) T values[warpSize];
  std::memcpy(values, lanesOf<T>(w, in.src[0]), sizeof(values));
  writeLanes(lanesOf<T>(w, in.dst), values, w.mask);
}
/// Registers of 128 bits hold a pair of double words a lane.
void move128(WarpState &w, const Instr &in) {
  const uint64_t *from = lanes64(w, in.src[0]);
  uint64_t *to = lanes64(w, in.dst);
  for (int lane = 0; lane < warpSize; lane++)
    if (w.mask >> lane & 1) {
      to[2 * lane] = from[2 * lane];
      to[2 * lane + 1] = from[2 * lane + 1];
    }
}

/// `mov.b64 d, {a, b}` and its like: the first part is the lowest. `variant` is the number of bytes of the whole.
void pack(WarpState &w, const Instr &in) {
  int count = in.parts[1], bytes = static_cast<int>(in.variant) / count;
  unsigned __int128 whole[warpSize] = {};
  for (int part = 0; part < count; part++)
    for (int lane = 0; lane < warpSize; lane++)
      whole[lane] |= static_cast<unsigned __int128>(readLane(w, in.list[part], bytes, lane))
                     << (8 * bytes * part);
  for (int lane = 0; lane < warpSize; lane++) {
    if (!(w.mask >> lane & 1))
      continue;
    if (in.variant == 16) {
      lanes64(w, in.dst)[2 * lane] = static_cast<uint64_t>(whole[lane]);
      lanes64(w, in.dst)[2 * lane + 1] = static_cast<uint64_t>(whole[lane] >> 64);
    } else {
      writeLane(w, in.dst, static_cast<int>(in.variant), lane, static_cast<uint64_t>(whole[lane]));
    }
  }
}
/// `mov.b64 {a, b}, s`; a sink `_` among the parts takes nothing.
void unpack(WarpState &w, const Instr &in) {
  int count = in.parts[0], bytes = static_cast<int>(in.variant) / count;
  unsigned __int128 whole[warpSize];
  for (int lane = 0; lane < warpSize; lane++) {
    if (in.variant == 16) {
      const uint64_t *from = lanes64(w, in.src[0]) + 2 * lane;
      whole[lane] = static_cast<unsigned __int128>(from[1]) << 64 | from[0];
    } else {
      whole[lane] = readLane(w, in.src[0], static_cast<int>(in.variant), lane);
    }
  }
  for (int part = 0; part < count; part++) {
    if (in.list[part] == noSlot)
      continue;
    for (int lane = 0; lane < warpSize; lane++)
      if (w.mask >> lane & 1)
        writeLane(w, in.list[part], bytes, lane, static_cast<uint64_t>(whole[lane] >> (8 * bytes * part)));
  }
}
// The forms that Triton and nvcc write most.
void unpackTwoWords(WarpState &w, const Instr &in) {
  alignas(64) uint64_t whole[warpSize];
  alignas(64) uint32_t half[warpSize];
  std::memcpy(whole, lanes64(w, in.src[0]), sizeof(whole));
  for (int part = 0; part < 2; part++) {
    if (in.list[part] == noSlot)
      continue;
    for (int i = 0; i < warpSize; i++)
      half[i] = static_cast<uint32_t>(whole[i] >> (32 * part));
    writeLanes(lanes32(w, in.list[part]), half, w.mask);
  }
}
void unpackTwoHalves(WarpState &w, const Instr &in) {
  alignas(64) uint32_t whole[warpSize], half[warpSize];
  std::memcpy(whole, lanes32(w, in.src[0]), sizeof(whole));
  for (int part = 0; part < 2; part++) {
    if (in.list[part] == noSlot)
      continue;
    for (int i = 0; i < warpSize; i++)
      half[i] = whole[i] >> (16 * part) & 0xffff;
    writeLanes(lanes32(w, in.list[part]), half, w.mask);
  }
}
void packTwoWords(WarpState &w, const Instr &in) {
  const uint32_t *low = lanes32(w, in.list[0]), *high = lanes32(w, in.list[1]);
  alignas(64) uint64_t result[warpSize];
  for (int i = 0; i < warpSize; i++)
    result[i] = low[i] | static_cast<uint64_t>(high[i]) << 32;
  writeLanes(lanes64(w, in.dst), result, w.mask);
}
void packTwoHalves(WarpState &w, const Instr &in) {
  const uint32_t *low = lanes32(w, in.list[0]), *high = lanes32(w, in.list[1]);
  alignas(64) uint32_t result[warpSize];
  for (int i = 0; i < warpSize; i++)
    result[i] = (low[i] & 0xffff) | high[i] << 16;
  writeLanes(lanes32(w, in.dst), result, w.mask);
}

void movePredicate(WarpState &w, const Instr &in) {
  if (in.srcPred != noSlot)
    return writePred(w, in.dstPred, readPred(w, in.srcPred, in.srcPredNegated));
  writePred(w, in.dstPred, gatherBits(lanes32(w, in.src[0]))); // a constant
}

bool chooseMove(const Spelling &spelling, Instr &in) {
  // The address of a symbol or a special register is no register: not ours.
  if (in.src[0] == noSlot && in.parts[1] == 0 && in.srcPred == noSlot)
    return false;
  Modifiers m(spelling, in);
  std::string_view type = m.next();
  m.finish();
  in.pipe = Pipe::move;
  if (type == "pred") {
    in.run = movePredicate;
    return true;
  }
  int bytes = type.size() == 4 && type == "b128" ? 16 : type.size() == 3 ? std::atoi(type.data() + 1) / 8 : 0;
  bool named = type[0] == 'b' || type[0] == 'u' || type[0] == 's' || (type[0] == 'f' && bytes >= 2);
  if (type == "bf16") {
    bytes = 2;
    named = true;
  }
  if (!named || (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8 && bytes != 16))
    m.fail();
  in.variant = static_cast<uint32_t>(bytes);
  if (in.parts[0] || in.parts[1]) {
    int count = in.parts[0] ? in.parts[0] : in.parts[1];
    if ((in.parts[0] && in.parts[1]) || (count != 2 && count != 4) || bytes < count)
      m.fail();
    bool words = count == 2 && bytes == 8, halves = count == 2 && bytes == 4;
    if (in.parts[0])
      in.run = words ? unpackTwoWords : halves ? unpackTwoHalves : unpack;
    else
      in.run = words ? packTwoWords : halves ? packTwoHalves : pack;
    return true;
  }
  in.run = bytes == 16 ? move128 : bytes == 8 ? move<uint64_t> : move<uint32_t>;
  return true;
}

// --- Predicates: the first source is srcPred, the second one is src[1] (a number of a predicate)

enum class Logic : uint8_t { conjunction, disjunction, exclusive, negation };
template <Logic op> void logic(WarpState &w, const Instr &in) {
  uint32_t a = readPred(w, in.srcPred, in.srcPredNegated);
  uint32_t b = op == Logic::negation ? 0 : w.preds[in.src[1]];
  writePred(w, in.dstPred,
            op == Logic::conjunction   ? a & b
            : op == Logic::disjunction ? a | b
            : op == Logic::exclusive   ? a ^ b
                                       : ~a);
}

// --- lop3

template <uint32_t table> struct Lop3 {
  static uint32_t run(uint32_t a, uint32_t b, uint32_t c) { return lop3(a, b, c, table); }
};
template <size_t... table> constexpr std::array<Handler, 256> lop3Handlers(std::index_sequence<table...>) {
  return {lanewise<Lop3<table>>...};
}
/// `lop3.and.b32 d|p, a, b, c, table, q`: p is whether d is not 0, combined with q. `extra` is the handler of d.
template <bool conjunction> void lop3Predicate(WarpState &w, const Instr &in) {
  uint32_t nonZero = 0;
  const uint32_t *a = lanes32(w, in.src[0]), *b = lanes32(w, in.src[1]), *c = lanes32(w, in.src[2]);
  alignas(64) uint32_t result[warpSize];
  for (uint32_t i = 0; i < warpSize; i++) {
    result[i] = lop3(a[i], b[i], c[i], in.variant);
    nonZero |= static_cast<uint32_t>(result[i] != 0) << i;
  }
  uint32_t q = readPred(w, in.srcPred, in.srcPredNegated);
  if (in.dst != noSlot)
    writeLanes(lanes32(w, in.dst), result, w.mask);
  writePred(w, in.dstPred, conjunction ? nonZero & q : nonZero | q);
}
bool chooseLop3(const Spelling &spelling, Instr &in) {
  static constexpr std::array<Handler, 256> handlers = lop3Handlers(std::make_index_sequence<256>());
  Modifiers m(spelling, in);
  bool conjunction = m.take("and"), disjunction = m.take("or");
  if (!m.take("b32") || (conjunction && disjunction) || spelling.operands.size() < 5)
    m.fail();
  m.finish();
  // The table is written as a number; it is the fifth operand, or the sixth when d|p counts as two.
  std::string_view text;
  for (size_t i = 4; i < spelling.operands.size() && i < 6; i++)
    if (!spelling.operands[i].empty() && spelling.operands[i][0] >= '0' && spelling.operands[i][0] <= '9')
      text = spelling.operands[i];
  if (text.empty())
    m.fail();
  uint64_t table = std::strtoull(std::string(text).c_str(), nullptr, 0);
  if (table > 255)
    m.fail();
  in.variant = static_cast<uint32_t>(table);
  in.run = conjunction ? lop3Predicate<true> : disjunction ? lop3Predicate<false> : handlers[table];
  return true;
}

// --- Carries. A subtraction is an addition of the complement: its carry is 1 where nothing was borrowed. (The manual
// speaks of a borrow; nvcc's division of 128 bits reads the carry of a subc.cc with addc, which holds only this way.)

enum class Chain : uint8_t { add, subtract, low, high };
template <class T, Chain op, bool in1, bool out1> void chain(WarpState &w, const Instr &in) {
  using U = Unsigned<T>;
  const U *a = lanesOf<U>(w, in.src[0]), *b = lanesOf<U>(w, in.src[1]);
  const U *c = op == Chain::low || op == Chain::high ? lanesOf<U>(w, in.src[2]) : nullptr;
  alignas(64) U result[warpSize];
  uint32_t carries = 0;
  for (uint32_t i = 0; i < warpSize; i++) {
    U x = a[i], y = b[i], carry = in1 ? w.carry >> i & 1 : op == Chain::subtract;
    if constexpr (op == Chain::low || op == Chain::high) {
      x = op == Chain::low ? static_cast<U>(MulLo<T>::run(static_cast<T>(x), static_cast<T>(y)))
                           : static_cast<U>(MulHi<T>::run(static_cast<T>(x), static_cast<T>(y)));
      y = c[i];
    }
    bool carried;
    if constexpr (op == Chain::subtract) {
      U once = x - y, borrow = carry ^ 1;
      result[i] = once - borrow;
      carried = !(x < y || once < borrow);
    } else {
      U once = x + y;
      result[i] = once + carry;
      carried = once < x || result[i] < once;
    }
    carries |= static_cast<uint32_t>(carried) << i;
  }
  writeLanes(lanesOf<U>(w, in.dst), result, w.mask);
  if (out1)
    w.carry = (w.carry & ~w.mask) | (carries & w.mask);
}

template <Chain op, bool in1, bool out1> Handler chainOf(std::string_view type) {
  if (type == "u32" || type == "b32")
    return chain<uint32_t, op, in1, out1>;
  if (type == "s32")
    return chain<int32_t, op, in1, out1>;
  if (type == "u64" || type == "b64")
    return chain<uint64_t, op, in1, out1>;
  if (type == "s64")
    return chain<int64_t, op, in1, out1>;
  return nullptr;
}

bool chooseChain(const Spelling &spelling, Instr &in) {
  std::string_view op = spelling.opcode;
  Modifiers m(spelling, in);
  bool out = m.take("cc");
  bool reads = op == "addc" || op == "subc" || op == "madc";
  if (!reads && !(out && (op == "add" || op == "sub" || op == "mad")))
    return false;
  bool mad = op.substr(0, 3) == "mad", high = mad && m.take("hi");
  if (mad && !high && !m.take("lo"))
    m.fail();
  std::string_view type = m.next();
  m.finish();
  auto pick = [&]<Chain c>() {
    return reads ? (out ? chainOf<c, true, true>(type) : chainOf<c, true, false>(type))
                 : chainOf<c, false, true>(type);
  };
  in.run = mad ? (high ? pick.template operator()<Chain::high>() : pick.template operator()<Chain::low>())
           : op.substr(0, 3) == "sub" ? pick.template operator()<Chain::subtract>()
                                      : pick.template operator()<Chain::add>();
  if (!in.run)
    m.fail();
  return true;
}

} // namespace

bool chooseBits(const Spelling &spelling, Instr &in, Keeper &) {
  std::string_view op = spelling.opcode;
  if (op == "mov")
    return chooseMove(spelling, in);
  if (op == "lop3")
    return chooseLop3(spelling, in);
  if (chooseChain(spelling, in))
    return true;
  if (spelling.modifiers.size() == 1 && spelling.modifiers[0] == "pred") {
    in.run = op == "and"   ? logic<Logic::conjunction>
             : op == "or"  ? logic<Logic::disjunction>
             : op == "xor" ? logic<Logic::exclusive>
             : op == "not" ? logic<Logic::negation>
                           : nullptr;
    return in.run != nullptr;
  }
  return false;
}

} // namespace tegula::ptx
