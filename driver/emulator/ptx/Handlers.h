//===- Handlers.h - from a function of one lane to a handler of a warp, and tables of them ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// lanewise<Op> reads the types of Op::run and gives the handler that runs it over 32 lanes. An instruction is found by
// its spelling: a Row's key is the opcode and the modifiers as PTX writes them ("mad.hi.sat.s32"), the rounding of
// floating point left out; what has no row does not exist, so no modifier is ever passed over.

#pragma once

#include "driver/emulator/ptx/Exec.h"
#include "driver/emulator/ptx/Float.h"

#include <array>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace tegula::ptx {

// --- Registers as typed values

template <class T> using Stored = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T> inline T fromStored(Stored<T> s) {
  if constexpr (std::is_floating_point_v<T>)
    return std::bit_cast<T>(s);
  else
    return static_cast<T>(s);
}
/// Narrow results are zero-extended.
template <class T> inline Stored<T> toStored(T value) {
  if constexpr (std::is_floating_point_v<T>)
    return std::bit_cast<Stored<T>>(value);
  else
    return static_cast<Stored<T>>(static_cast<std::make_unsigned_t<T>>(value));
}
template <class T> inline Stored<T> *lanesOf(WarpState &w, Slot s) {
  if constexpr (sizeof(T) == 8)
    return lanes64(w, s);
  else
    return lanes32(w, s);
}

template <class T> struct LaneBits {
  alignas(64) T bit[warpSize];
};
template <class T>
constexpr LaneBits<T> laneBits = [] {
  LaneBits<T> table = {};
  for (int i = 0; i < warpSize; i++)
    table.bit[i] = T(1) << i;
  return table;
}();

/// to[i] = bit i of `mask` ? yes[i] : no[i]; registers may be the same. Vectors of 32 bytes written out: from plain loops
/// LLVM makes masked stores or selects addresses, both several times slower.
template <class T> inline void blendLanes(T *to, const T *yes, const T *no, uint32_t mask) {
  typedef T Vector __attribute__((vector_size(32)));
  constexpr int count = sizeof(T) * warpSize / 32;
  Vector result[count];
  for (int i = 0; i < count; i++) {
    Vector a, b, bits;
    std::memcpy(&a, reinterpret_cast<const char *>(yes) + 32 * i, 32);
    std::memcpy(&b, reinterpret_cast<const char *>(no) + 32 * i, 32);
    std::memcpy(&bits, reinterpret_cast<const char *>(laneBits<T>.bit) + 32 * i, 32);
    Vector chosen = reinterpret_cast<Vector>((bits & static_cast<T>(mask)) != 0);
    result[i] = (a & chosen) | (b & ~chosen);
#ifdef __AVX__
    asm("" : "+x"(result[i])); // a value, not a store under a mask
#endif
  }
  std::memcpy(to, result, sizeof(result));
}

/// Copies 32 results to a register, those of `mask` only. The results are complete before the first is written: a wide
/// destination may share slots with a narrow source.
template <class T> inline void writeLanes(T *to, const T *from, uint32_t mask) {
  if (mask == allLanes) {
    std::memcpy(to, from, sizeof(T) * warpSize);
    return;
  }
  blendLanes(to, from, to, mask);
}
/// One bit a lane.
inline uint32_t gatherBits(const uint32_t *flags) {
  uint32_t result = 0;
  for (uint32_t i = 0; i < warpSize; i++)
    result |= (flags[i] ? 1u : 0u) << i;
  return result;
}

template <class Op, class Signature> struct Lanewise;
template <class Op, class D, class... S> struct Lanewise<Op, D (*)(S...)> {
  static void run(WarpState &w, const Instr &in) { apply(w, in, std::index_sequence_for<S...>()); }

private:
  template <size_t... k> static void apply(WarpState &w, const Instr &in, std::index_sequence<k...>) {
    alignas(64) Stored<D> result[warpSize];
    loop(result, lanesOf<S>(w, in.src[k])...);
    writeLanes(lanesOf<D>(w, in.dst), result, w.mask);
  }
  static void loop(Stored<D> *__restrict result, const Stored<S> *...from) {
    for (int i = 0; i < warpSize; i++)
      result[i] = toStored<D>(Op::run(fromStored<S>(from[i])...));
  }
};
template <class Op> inline void lanewise(WarpState &w, const Instr &in) {
  Lanewise<Op, decltype(&Op::run)>::run(w, in);
}

/// The same under a rounding direction, which is in `variant`.
template <class Op> void rounded(WarpState &w, const Instr &in) {
  RoundingScope scope(static_cast<Rounding>(in.variant));
  lanewise<Op>(w, in);
}

// --- Choosing

/// `handler` runs `.rn` and what has no rounding; `directed` the other roundings, null where PTX has none.
struct Row {
  std::string key;
  Handler handler = nullptr;
  Pipe pipe = Pipe::alu;
  Handler directed = nullptr;
  bool rounds = false; ///< `.rn` may be written
  bool needed = false; ///< a rounding must be written
};

/// Throws the diagnostic for an instruction whose opcode is known and whose modifiers are not.
[[noreturn]] void unknownForm(const Spelling &spelling, const Instr &instr);

std::string keyOf(const Spelling &spelling);

/// Modifiers are taken one by one, in any order; `finish` throws when one is left.
class Modifiers {
public:
  Modifiers(const Spelling &spelling, const Instr &instr)
      : spelling(spelling), instr(instr), left(spelling.modifiers) {}
  bool take(std::string_view name) {
    for (size_t i = 0; i < left.size(); i++)
      if (left[i] == name) {
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
        return true;
      }
    return false;
  }
  /// The first of those left; throws when there is none.
  std::string_view next() {
    if (left.empty())
      fail();
    std::string_view result = left.front();
    left.erase(left.begin());
    return result;
  }
  bool empty() const { return left.empty(); }
  void finish() const {
    if (!left.empty())
      fail();
  }
  [[noreturn]] void fail() const { unknownForm(spelling, instr); }

private:
  const Spelling &spelling;
  const Instr &instr;
  std::vector<std::string_view> left;
};

// Parts of the tables, one a file.
void addIntegerRows(std::vector<Row> &rows);
void addFloatRows(std::vector<Row> &rows);
void addHalfRows(std::vector<Row> &rows);
bool chooseCompare(const Spelling &spelling, Instr &instr, Keeper &keeper); // set setp selp slct testp
bool chooseConvert(const Spelling &spelling, Instr &instr, Keeper &keeper); // cvt
bool chooseBits(const Spelling &spelling, Instr &instr,
                Keeper &keeper); // mov, logic of predicates, lop3, carries
bool chooseVideo(const Spelling &spelling, Instr &instr, Keeper &keeper); // vadd … vset4

} // namespace tegula::ptx
