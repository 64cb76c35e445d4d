//===- SelectVideo.cpp - the video instructions: vadd … vset, and their 2- and 4-fold forms ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// nvcc writes them for the SIMD intrinsics (`__vabsdiffu4`, `__vsadu4`). They are rare, so one handler reads a
// description lane by lane. All of it follows PTX ISA, "Video Instructions".

#include "driver/emulator/ptx/Arithmetic.h"
#include "driver/emulator/ptx/Handlers.h"

namespace tegula::ptx {
namespace {

enum class Video : uint8_t { mad, add, sub, absdiff, min, max, shl, shr, average, set };
enum class Second : uint8_t { none, add, min, max };

struct Description {
  Video op = Video::add;
  Second second = Second::none;
  uint8_t lanes = 1; ///< 1, 2 or 4 parts of the word
  bool signedA = false, signedB = false, signedD = false;
  bool saturate = false, wrap = false;
  lane::Compare how = lane::Compare::eq;
  uint8_t shift[2] = {0, 0}, bits[2] = {32, 32}; ///< which part of a and of b, if lanes is 1
  uint8_t scale = 0;                             ///< of vmad: how far its sum is shifted to the right
};

int64_t compute(const Description &d, int64_t a, int64_t b) {
  uint32_t amount = static_cast<uint32_t>(b);
  amount = d.wrap ? amount & 31 : std::min<uint32_t>(amount, 32);
  switch (d.op) {
  case Video::add: return a + b;
  case Video::mad: return a * b;
  case Video::sub: return a - b;
  case Video::absdiff: return a < b ? b - a : a - b;
  case Video::min: return std::min(a, b);
  case Video::max: return std::max(a, b);
  case Video::shl: return static_cast<int64_t>(static_cast<uint64_t>(a) << amount);
  case Video::shr: return a >> amount;
  case Video::average: return (a + b + (a + b >= 0)) >> 1; // rounds away from zero
  case Video::set:
    switch (d.how) {
    case lane::Compare::eq: return a == b;
    case lane::Compare::ne: return a != b;
    case lane::Compare::lt: return a < b;
    case lane::Compare::le: return a <= b;
    case lane::Compare::gt: return a > b;
    default: return a >= b;
    }
  }
  return 0;
}

/// The part of `word` that starts at `shift`, as a number.
int64_t part(uint32_t word, int shift, int bits, bool isSigned) {
  uint64_t raw = (static_cast<uint64_t>(word) >> shift) << (64 - bits);
  return isSigned ? static_cast<int64_t>(raw) >> (64 - bits) : static_cast<int64_t>(raw >> (64 - bits));
}
int64_t clampTo(int64_t x, int bits, bool isSigned) {
  int64_t low = isSigned ? -(int64_t(1) << (bits - 1)) : 0,
          high = (int64_t(1) << (isSigned ? bits - 1 : bits)) - 1;
  return std::clamp(x, low, high);
}

uint32_t one(const Description &d, uint32_t a, uint32_t b, uint32_t c) {
  int bits = 32 / d.lanes;
  uint32_t result = 0;
  int64_t sum = d.signedD ? static_cast<int32_t>(c) : static_cast<int64_t>(c);
  for (int i = 0; i < d.lanes; i++) {
    int64_t value =
        d.lanes == 1
            ? compute(d, part(a, d.shift[0], d.bits[0], d.signedA), part(b, d.shift[1], d.bits[1], d.signedB))
            : compute(d, part(a, i * bits, bits, d.signedA), part(b, i * bits, bits, d.signedB));
    if (d.op == Video::mad)
      value = (value + sum) >> d.scale;
    if (d.saturate)
      value = clampTo(value, bits, d.signedD);
    if (d.lanes > 1 && d.second == Second::add) { // the parts are summed up into c
      sum += value;
      continue;
    }
    result |= static_cast<uint32_t>(static_cast<uint64_t>(value) & ((uint64_t(1) << bits) - 1)) << (i * bits);
  }
  if (d.lanes > 1)
    return d.second == Second::add ? static_cast<uint32_t>(sum) : result;
  int64_t first = part(result, 0, 32, d.signedD);
  switch (d.second) {
  case Second::none: return result;
  case Second::add: return static_cast<uint32_t>(first + sum);
  case Second::min: return static_cast<uint32_t>(std::min(first, sum));
  case Second::max: return static_cast<uint32_t>(std::max(first, sum));
  }
  return result;
}

void video(WarpState &w, const Instr &in) {
  auto &d = *static_cast<const Description *>(in.extra);
  const uint32_t *a = lanes32(w, in.src[0]), *b = lanes32(w, in.src[1]);
  const uint32_t *c = in.src[2] == noSlot ? nullptr : lanes32(w, in.src[2]);
  uint32_t result[warpSize];
  for (int i = 0; i < warpSize; i++)
    result[i] = one(d, a[i], b[i], c ? c[i] : 0);
  writeLanes(lanes32(w, in.dst), result, w.mask);
}

struct Name {
  std::string_view name;
  Video op;
};
constexpr Name names[] = {{"vmad", Video::mad},         {"vadd", Video::add}, {"vsub", Video::sub},
                          {"vabsdiff", Video::absdiff}, {"vmin", Video::min}, {"vmax", Video::max},
                          {"vshl", Video::shl},         {"vshr", Video::shr}, {"vavrg", Video::average},
                          {"vset", Video::set}};

bool takeSign(Modifiers &m) { // true: signed
  std::string_view type = m.next();
  if (type != "u32" && type != "s32")
    m.fail();
  return type == "s32";
}

} // namespace

bool chooseVideo(const Spelling &spelling, Instr &in, Keeper &keeper) {
  std::string_view opcode = spelling.opcode;
  Description d;
  if (!opcode.empty() && (opcode.back() == '2' || opcode.back() == '4')) {
    d.lanes = opcode.back() == '2' ? 2 : 4;
    opcode.remove_suffix(1);
  }
  const Name *found = nullptr;
  for (const Name &name : names)
    if (name.name == opcode)
      found = &name;
  if (!found ||
      (d.lanes > 1 && (found->op == Video::shl || found->op == Video::shr || found->op == Video::mad)) ||
      (d.lanes == 1 && found->op == Video::average))
    return false;
  Modifiers m(spelling, in);
  d.op = found->op;
  d.saturate = m.take("sat");
  d.wrap = m.take("wrap");
  bool clamp = m.take("clamp");
  if ((d.wrap || clamp) != (d.op == Video::shl || d.op == Video::shr))
    m.fail();
  d.signedD = d.op != Video::set && takeSign(m);
  d.signedA = takeSign(m);
  d.signedB = takeSign(m);
  if (d.op == Video::set) {
    constexpr std::string_view compares[] = {"eq", "ne", "lt", "le", "gt", "ge"};
    bool known = false;
    for (uint8_t i = 0; i < 6; i++)
      if (m.take(compares[i])) {
        d.how = static_cast<lane::Compare>(i);
        known = true;
      }
    if (!known)
      m.fail();
  }
  if (d.op == Video::mad)
    d.scale = m.take("shr7") ? 7 : m.take("shr15") ? 15 : 0;
  d.second = m.take("add")   ? Second::add
             : m.take("min") ? Second::min
             : m.take("max") ? Second::max
                             : Second::none;
  if (d.lanes > 1 && (d.second == Second::min || d.second == Second::max))
    m.fail();
  if ((d.second != Second::none || d.op == Video::mad) && in.src[2] == noSlot)
    m.fail();
  if (d.op == Video::mad && d.second != Second::none)
    m.fail();
  m.finish();
  // Parts of operands are chosen by suffixes: `%r1.b0`. Those of a result are not done, nor others with several lanes.
  for (size_t k = 0; k < spelling.operands.size(); k++) {
    std::string_view operand = spelling.operands[k];
    size_t dot = operand.rfind('.');
    if (dot == std::string_view::npos)
      continue;
    std::string_view suffix = operand.substr(dot + 1);
    bool byte = suffix.size() == 2 && suffix[0] == 'b' && suffix[1] >= '0' && suffix[1] <= '3';
    bool half = suffix.size() == 2 && suffix[0] == 'h' && suffix[1] >= '0' && suffix[1] <= '1';
    if ((!byte && !half) || d.lanes > 1 || k < 1 || k > 2)
      m.fail();
    d.bits[k - 1] = byte ? 8 : 16;
    d.shift[k - 1] = uint8_t((suffix[1] - '0') * d.bits[k - 1]);
  }
  in.extra = keeper.keep(d);
  in.run = video;
  return true;
}

} // namespace tegula::ptx
