//===- SelectCompare.cpp - set, setp, selp, slct, testp ---===//
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

/// A comparison of all lanes; the answers as bits. Of a pair, `half` says which (0 low, 1 high).
using Comparison = uint32_t (*)(WarpState &, const Instr &);

// How the operands of a type are read from a slot.
template <class T> struct Plain {
  using Slots = T;
  static T read(Stored<T> s) { return fromStored<T>(s); }
};
struct FlushedF32 {
  using Slots = float;
  static float read(uint32_t s) { return flush(f32(s)); }
};
template <class F, bool ftz, int half> struct Sixteen {
  using Slots = uint32_t;
  static float read(uint32_t s) { return read16<F, ftz>(half ? s >> 16 : s); }
};

template <class Reader, Compare how> uint32_t compareLanes(WarpState &w, const Instr &in) {
  const auto *a = lanesOf<typename Reader::Slots>(w, in.src[0]),
             *b = lanesOf<typename Reader::Slots>(w, in.src[1]);
  uint32_t result = 0;
  for (uint32_t i = 0; i < warpSize; i++)
    result |= static_cast<uint32_t>(compare<how>(Reader::read(a[i]), Reader::read(b[i]))) << i;
  return result;
}
template <class Reader, size_t... how>
constexpr std::array<Comparison, sizeof...(how)> allOf(std::index_sequence<how...>) {
  return {compareLanes<Reader, static_cast<Compare>(how)>...};
}
/// Integers know the first six.
template <class T> constexpr auto ofInteger = allOf<Plain<T>>(std::make_index_sequence<6>());
template <class Reader> constexpr auto ofFloat = allOf<Reader>(std::make_index_sequence<14>());

enum class Combine : uint8_t { none, conjunction, disjunction, exclusive };

/// What `set` and `setp` keep; `variant` is the Combine.
struct Comparisons {
  Comparison low = nullptr;
  Comparison high = nullptr; ///< of pairs
  uint32_t yes = 0;          ///< what `set` writes for true: a whole register, or one half of it
};

uint32_t combine(WarpState &w, const Instr &in, uint32_t answers) {
  if (in.variant == static_cast<uint32_t>(Combine::none))
    return answers;
  uint32_t c = readPred(w, in.srcPred, in.srcPredNegated);
  switch (static_cast<Combine>(in.variant)) {
  case Combine::conjunction: return answers & c;
  case Combine::disjunction: return answers | c;
  default: return answers ^ c;
  }
}

template <Comparison compareAll> void setpDirect(WarpState &w, const Instr &in) {
  uint32_t answers = compareAll(w, in);
  writePred(w, in.dstPred, answers);
}
void setp(WarpState &w, const Instr &in) {
  auto &c = *static_cast<const Comparisons *>(in.extra);
  uint32_t answers = c.low(w, in);
  uint32_t second = c.high ? c.high(w, in) : ~answers;
  uint32_t p = combine(w, in, answers), q = combine(w, in, second);
  writePred(w, in.dstPred, p);
  writePred(w, in.dstPred2, q);
}
void set(WarpState &w, const Instr &in) {
  auto &c = *static_cast<const Comparisons *>(in.extra);
  uint32_t low = combine(w, in, c.low(w, in)), high = c.high ? combine(w, in, c.high(w, in)) : 0;
  uint32_t result[warpSize];
  for (uint32_t i = 0; i < warpSize; i++)
    result[i] = (low >> i & 1 ? c.yes : 0) | (high >> i & 1 ? c.yes << 16 : 0);
  writeLanes(lanes32(w, in.dst), result, w.mask);
}

template <class T> void selp(WarpState &w, const Instr &in) {
  uint32_t p = readPred(w, in.srcPred, in.srcPredNegated);
  // Lanes that do not run keep what they had: three registers blended into one.
  alignas(64) T result[warpSize];
  blendLanes(result, lanesOf<T>(w, in.src[0]), lanesOf<T>(w, in.src[1]), p);
  writeLanes(lanesOf<T>(w, in.dst), result, w.mask);
}
template <class T, class C> void slct(WarpState &w, const Instr &in) {
  const T *a = lanesOf<T>(w, in.src[0]), *b = lanesOf<T>(w, in.src[1]);
  const uint32_t *c = lanes32(w, in.src[2]);
  alignas(64) T result[warpSize];
  for (int i = 0; i < warpSize; i++) {
    bool first = fromStored<C>(c[i]) >= 0; // a NaN and a negative subnormal that is flushed: see `slct.ftz`
    result[i] = first ? a[i] : b[i];
  }
  writeLanes(lanesOf<T>(w, in.dst), result, w.mask);
}
template <class T> void slctFlushed(WarpState &w, const Instr &in) {
  const T *a = lanesOf<T>(w, in.src[0]), *b = lanesOf<T>(w, in.src[1]);
  const uint32_t *c = lanes32(w, in.src[2]);
  alignas(64) T result[warpSize];
  for (int i = 0; i < warpSize; i++)
    result[i] = flush(f32(c[i])) >= 0 ? a[i] : b[i];
  writeLanes(lanesOf<T>(w, in.dst), result, w.mask);
}

template <class U, NumberTest what> void testp(WarpState &w, const Instr &in) {
  const U *a = lanesOf<U>(w, in.src[0]);
  uint32_t result = 0;
  for (uint32_t i = 0; i < warpSize; i++)
    result |= static_cast<uint32_t>(test<what>(a[i])) << i;
  writePred(w, in.dstPred, result);
}

int compareNamed(std::string_view name) {
  constexpr std::string_view names[] = {"eq",  "ne",  "lt",  "le",  "gt",  "ge",  "equ",
                                        "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};
  for (int i = 0; i < 14; i++)
    if (name == names[i])
      return i;
  constexpr std::string_view unsignedNames[] = {"lo", "ls", "hi", "hs"};
  for (int i = 0; i < 4; i++)
    if (name == unsignedNames[i])
      return 100 + static_cast<int>(Compare::lt) + i;
  return -1;
}

/// Where an integer type's comparisons are; null for another type.
const std::array<Comparison, 6> *integerComparisons(std::string_view type) {
  if (type == "s16")
    return &ofInteger<int16_t>;
  if (type == "u16" || type == "b16")
    return &ofInteger<uint16_t>;
  if (type == "s32")
    return &ofInteger<int32_t>;
  if (type == "u32" || type == "b32")
    return &ofInteger<uint32_t>;
  if (type == "s64")
    return &ofInteger<int64_t>;
  if (type == "u64" || type == "b64")
    return &ofInteger<uint64_t>;
  return nullptr;
}

/// The comparison that a `set` or `setp` of `type` names.
Comparisons comparisonsOf(Modifiers &m, std::string_view type, int how, bool ftz) {
  if (how < 0)
    m.fail();
  if (auto *integers = integerComparisons(type)) {
    bool bits = type[0] == 'b', unsignedName = how >= 100;
    how %= 100;
    if (ftz || how > 5 || (bits && how > 1) || (unsignedName && type[0] != 'u'))
      m.fail();
    return {(*integers)[static_cast<size_t>(how)]};
  }
  if (how >= 100)
    m.fail();
  size_t h = static_cast<size_t>(how);
  if (type == "f32")
    return {ftz ? ofFloat<FlushedF32>[h] : ofFloat<Plain<float>>[h]};
  if (type == "f64" && !ftz)
    return {ofFloat<Plain<double>>[h]};
  if (type == "f16")
    return {ftz ? ofFloat<Sixteen<Half, true, 0>>[h] : ofFloat<Sixteen<Half, false, 0>>[h]};
  if (type == "f16x2")
    return {ftz ? ofFloat<Sixteen<Half, true, 0>>[h] : ofFloat<Sixteen<Half, false, 0>>[h],
            ftz ? ofFloat<Sixteen<Half, true, 1>>[h] : ofFloat<Sixteen<Half, false, 1>>[h]};
  if (type == "bf16" && !ftz)
    return {ofFloat<Sixteen<Brain, false, 0>>[h]};
  if (type == "bf16x2" && !ftz)
    return {ofFloat<Sixteen<Brain, false, 0>>[h], ofFloat<Sixteen<Brain, false, 1>>[h]};
  m.fail();
}

/// A handler with its comparison built in, for `setp` with one result and nothing to combine; null when there is none.
template <class Reader, size_t n, size_t... how>
Handler directOf(Comparison wanted, std::index_sequence<how...>) {
  Handler result = nullptr;
  ((wanted == compareLanes<Reader, static_cast<Compare>(how)>
        ? void(result = setpDirect<compareLanes<Reader, static_cast<Compare>(how)>>)
        : void()),
   ...);
  return result;
}
Handler direct(Comparison wanted) {
  constexpr auto six = std::make_index_sequence<6>();
  constexpr auto all = std::make_index_sequence<14>();
  for (Handler handler : {directOf<Plain<int32_t>, 6>(wanted, six), directOf<Plain<uint32_t>, 6>(wanted, six),
                          directOf<Plain<int64_t>, 6>(wanted, six), directOf<Plain<uint64_t>, 6>(wanted, six),
                          directOf<Plain<float>, 14>(wanted, all), directOf<Plain<int16_t>, 6>(wanted, six)})
    if (handler)
      return handler;
  return nullptr;
}

Combine takeCombine(Modifiers &m) {
  return m.take("and")   ? Combine::conjunction
         : m.take("or")  ? Combine::disjunction
         : m.take("xor") ? Combine::exclusive
                         : Combine::none;
}

bool chooseSetp(Modifiers &m, Instr &in, Keeper &keeper) {
  int how = compareNamed(m.next());
  Combine combined = takeCombine(m);
  bool ftz = m.take("ftz");
  Comparisons c = comparisonsOf(m, m.next(), how, ftz);
  m.finish();
  in.variant = static_cast<uint32_t>(combined);
  Handler quick = combined == Combine::none && in.dstPred2 == noSlot && !c.high ? direct(c.low) : nullptr;
  in.run = quick ? quick : setp;
  if (!quick)
    in.extra = keeper.keep(c);
  return true;
}

bool chooseSet(Modifiers &m, Instr &in, Keeper &keeper) {
  int how = compareNamed(m.next());
  Combine combined = takeCombine(m);
  bool ftz = m.take("ftz");
  std::string_view to = m.next(), from = m.next();
  m.finish();
  Comparisons c = comparisonsOf(m, from, how, ftz);
  struct Answer {
    std::string_view type;
    uint32_t yes;
  };
  constexpr Answer answers[] = {{"u32", ~0u},     {"s32", ~0u},      {"f32", 0x3f800000},
                                {"u16", 0xffff},  {"s16", 0xffff},   {"f16", 0x3c00},
                                {"bf16", 0x3f80}, {"f16x2", 0x3c00}, {"bf16x2", 0x3f80}};
  for (const Answer &answer : answers)
    if (answer.type == to)
      c.yes = answer.yes;
  if (c.high && (to == "u32" || to == "s32"))
    c.yes = 0xffff; // `set.u32.f16x2`: all ones in each half
  if (c.yes == 0 || (to.ends_with("x2") && !c.high))
    m.fail();
  in.variant = static_cast<uint32_t>(combined);
  in.extra = keeper.keep(c);
  in.run = set;
  return true;
}

bool isWidth(std::string_view type, std::string_view digits) {
  return type.size() == 3 && type.substr(1) == digits &&
         (type[0] == 'b' || type[0] == 'u' || type[0] == 's' || (type[0] == 'f' && digits != "16"));
}

bool chooseTestp(Modifiers &m, Instr &in) {
  constexpr std::string_view names[] = {"finite", "infinite", "number", "notanumber", "normal", "subnormal"};
  constexpr Handler singles[] = {testp<uint32_t, NumberTest::finite>, testp<uint32_t, NumberTest::infinite>,
                                 testp<uint32_t, NumberTest::number>, testp<uint32_t, NumberTest::notanumber>,
                                 testp<uint32_t, NumberTest::normal>, testp<uint32_t, NumberTest::subnormal>};
  constexpr Handler doubles[] = {testp<uint64_t, NumberTest::finite>, testp<uint64_t, NumberTest::infinite>,
                                 testp<uint64_t, NumberTest::number>, testp<uint64_t, NumberTest::notanumber>,
                                 testp<uint64_t, NumberTest::normal>, testp<uint64_t, NumberTest::subnormal>};
  std::string_view what = m.next();
  bool wide = m.take("f64");
  if (!wide && !m.take("f32"))
    m.fail();
  m.finish();
  for (size_t i = 0; i < 6; i++)
    if (what == names[i])
      in.run = wide ? doubles[i] : singles[i];
  if (!in.run)
    m.fail();
  return true;
}

} // namespace

bool chooseCompare(const Spelling &spelling, Instr &in, Keeper &keeper) {
  Modifiers m(spelling, in);
  if (spelling.opcode == "setp")
    return chooseSetp(m, in, keeper);
  if (spelling.opcode == "set")
    return chooseSet(m, in, keeper);
  if (spelling.opcode == "testp")
    return chooseTestp(m, in);
  if (spelling.opcode == "selp") {
    std::string_view type = m.next();
    m.finish();
    if (isWidth(type, "64"))
      in.run = selp<uint64_t>;
    else if (isWidth(type, "32") || isWidth(type, "16") || type == "f16" || type == "bf16")
      in.run = selp<uint32_t>;
    else
      m.fail();
    return true;
  }
  if (spelling.opcode == "slct") {
    bool ftz = m.take("ftz");
    std::string_view type = m.next(), condition = m.next();
    m.finish();
    bool wide = isWidth(type, "64"), real = condition == "f32";
    if ((!wide && !isWidth(type, "32") && !isWidth(type, "16")) || (condition != "s32" && !real) ||
        (ftz && !real))
      m.fail();
    if (real && ftz)
      in.run = wide ? slctFlushed<uint64_t> : slctFlushed<uint32_t>;
    else if (real)
      in.run = wide ? slct<uint64_t, float> : slct<uint32_t, float>;
    else
      in.run = wide ? slct<uint64_t, int32_t> : slct<uint32_t, int32_t>;
    return true;
  }
  return false;
}

} // namespace tegula::ptx
