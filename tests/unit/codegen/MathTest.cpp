//===- MathTest.cpp - element-wise operations against the host's arithmetic ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every case compiles the scalar and the vector form, wants the same bits of both, and compares with plain C++.
// 16-bit and 8-bit formats exhaustively, 32 bits by a stride over all bit patterns.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Isa.h"
#include "tests/unit/codegen/JitOp.h"

#include "llvm/ADT/APFloat.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

using namespace tegula::cpu;
using namespace tegula::cpu::test;
using llvm::APFloat;

namespace {

using Bits = std::vector<uint64_t>;

struct Format {
  const char *type;
  const llvm::fltSemantics *semantics;
  unsigned bytes;
};
const Format f16{"f16", &APFloat::IEEEhalf(), 2}, bf16{"bf16", &APFloat::BFloat(), 2},
    f32{"f32", &APFloat::IEEEsingle(), 4}, f64{"f64", &APFloat::IEEEdouble(), 8},
    e4m3{"f8E4M3FN", &APFloat::Float8E4M3FN(), 1}, e5m2{"f8E5M2", &APFloat::Float8E5M2(), 1};

APFloat decode(const Format &format, uint64_t bits) {
  return APFloat(*format.semantics, llvm::APInt(format.bytes * 8, bits, false, true));
}
uint64_t encode(const APFloat &value) { return value.bitcastToAPInt().getZExtValue(); }

std::vector<char> pack(const Bits &values, unsigned bytes) {
  std::vector<char> packed(values.size() * bytes);
  for (size_t i = 0; i < values.size(); ++i)
    std::memcpy(&packed[i * bytes], &values[i], bytes);
  return packed;
}

unsigned bytesOf(const std::string &type) {
  if (type.starts_with("f8") || type == "i8" || type == "i1")
    return 1;
  if (type == "f16" || type == "bf16" || type == "i16")
    return 2;
  return type == "f64" || type == "i64" ? 8 : 4;
}

/// The operation on every element, by the scalar and the vector form; they must agree (NaNs as `isNan` says).
Bits evaluate(const std::string &operation, const std::vector<std::string> &types,
              const std::vector<Bits> &inputs, const std::string &arch,
              const std::function<bool(uint64_t)> &isNan = {}) {
  Target target = targetNamed(arch);
  unsigned lanes = unsigned(target.vectorBits) / 32;
  std::vector<std::vector<char>> packed;
  std::vector<const void *> pointers;
  size_t n = (inputs[0].size() + lanes - 1) / lanes * lanes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Bits padded = inputs[i];
    padded.resize(n, 1);
    packed.push_back(pack(padded, bytesOf(types[i])));
  }
  for (auto &p : packed)
    pointers.push_back(p.data());
  unsigned bytes = bytesOf(types.back());
  std::vector<char> scalar(n * bytes), vector(n * bytes);
  JitOp(operation, types, 1, target).run(scalar.data(), pointers, n);
  JitOp(operation, types, lanes, target).run(vector.data(), pointers, n);
  Bits result(inputs[0].size());
  size_t different = 0;
  for (size_t i = 0; i < result.size(); ++i) {
    uint64_t other = 0;
    std::memcpy(&result[i], &vector[i * bytes], bytes);
    std::memcpy(&other, &scalar[i * bytes], bytes);
    if (result[i] != other && !(isNan && isNan(result[i]) && isNan(other)) && different++ < 3)
      ADD_FAILURE() << operation << ": lane " << std::hex << result[i] << ", scalar " << other << " of "
                    << inputs[0][i];
  }
  EXPECT_EQ(different, 0u) << operation << " " << arch;
  return result;
}

Bits patterns(const Format &format, uint64_t stride) {
  Bits bits;
  if (format.bytes <= 2) {
    for (uint64_t u = 0; u < uint64_t(1) << (8 * format.bytes); ++u)
      bits.push_back(u);
    return bits;
  }
  uint64_t sign = uint64_t(1) << (8 * format.bytes - 1);
  for (uint64_t u :
       {uint64_t(0), uint64_t(1), encode(APFloat::getInf(*format.semantics)),
        encode(APFloat::getLargest(*format.semantics)), encode(APFloat::getQNaN(*format.semantics))}) {
    bits.push_back(u);
    bits.push_back(u | sign);
  }
  uint64_t last = format.bytes == 4 ? 0xffffffffu : ~uint64_t(0);
  for (uint64_t u = 0; u <= last - stride; u += stride)
    bits.push_back(u);
  return bits;
}

/// Halfway points of the narrow format and their neighbours, as values of the wide one.
void addTies(Bits &bits, const Format &wide, const Format &narrow) {
  uint64_t step = narrow.bytes == 2 ? 7 : 1;
  for (uint64_t u = 0; u + 1 < uint64_t(1) << (8 * narrow.bytes - 1); u += step) {
    APFloat low = decode(narrow, u), high = decode(narrow, u + 1);
    if (!low.isFinite() || !high.isFinite())
      continue;
    bool lost;
    APFloat middle(std::ldexp(low.convertToDouble() + high.convertToDouble(), -1));
    middle.convert(*wide.semantics, APFloat::rmNearestTiesToEven, &lost);
    uint64_t m = encode(middle);
    for (uint64_t v : {m - 1, m, m + 1}) {
      bits.push_back(v);
      bits.push_back(v | uint64_t(1) << (8 * wide.bytes - 1));
    }
  }
}

void checkConversion(const std::string &operation, const Format &from, const Format &to, bool towardZero,
                     const std::string &arch) {
  Bits inputs = patterns(from, from.bytes == 8 ? 0x0000123456789abd : 4099);
  if (from.bytes > to.bytes && to.bytes <= 2)
    addTies(inputs, from, to);
  auto isNan = [&](uint64_t bits) { return decode(to, bits).isNaN(); };
  Bits got = evaluate(operation, {from.type, to.type}, {inputs}, arch, isNan);
  auto mode = towardZero ? APFloat::rmTowardZero : APFloat::rmNearestTiesToEven;
  size_t wrong = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    APFloat value = decode(from, inputs[i]), want = value;
    bool lost;
    want.convert(*to.semantics, mode, &lost);
    // Saturation: an infinity, or for E4M3FN the NaN that APFloat makes of an overflow.
    if (to.bytes == 1 && !value.isNaN() && !want.isFinite())
      want = APFloat::getLargest(*to.semantics, value.isNegative());
    bool same = value.isNaN() ? isNan(got[i]) : got[i] == encode(want);
    if (!same && wrong++ < 5)
      ADD_FAILURE() << operation << ": " << std::hex << inputs[i] << " gives " << got[i] << ", not "
                    << encode(want);
  }
  EXPECT_EQ(wrong, 0u) << operation << " " << from.type << " -> " << to.type << " " << arch;
}

/// What the host itself can run.
std::vector<std::string> architectures() {
  std::vector<std::string> list = {"native"};
#ifdef __x86_64__
  list.push_back("x86-64");
  if (isaOf(targetNamed("native")).avx2)
    list.push_back("x86-64-v3");
#endif
  return list;
}

} // namespace

TEST(CpuMath, FloatConversions) {
  for (const std::string &arch : architectures()) {
    for (const Format *from : {&f32, &f64})
      for (const Format *to : {&f16, &bf16})
        checkConversion(std::string("arith.truncf %a : ") + from->type + " to " + to->type, *from, *to, false,
                        arch);
    checkConversion("arith.truncf %a : f64 to f32", f64, f32, false, arch);
    for (const Format *from : {&f16, &bf16})
      for (const Format *to : {&f32, &f64})
        checkConversion(std::string("arith.extf %a : ") + from->type + " to " + to->type, *from, *to, false,
                        arch);
  }
}

TEST(CpuMath, EightBitConversions) {
  for (const std::string &arch : architectures())
    for (const Format *small : {&e4m3, &e5m2})
      for (const Format *other : {&f16, &bf16, &f32, &f64}) {
        std::string to = std::string(" : ") + other->type + " -> " + small->type;
        checkConversion("tile.fp_to_fp %a rtne" + to, *other, *small, false, arch);
        checkConversion("tile.fp_to_fp %a rtz" + to, *other, *small, true, arch);
        std::string from = std::string(" : ") + small->type + " -> " + other->type;
        checkConversion("tile.fp_to_fp %a rtne" + from, *small, *other, false, arch);
      }
}

TEST(CpuMath, ConversionsTowardZero) {
  for (const std::string &arch : architectures()) {
    for (const Format *to : {&f16, &bf16}) {
      checkConversion(std::string("tile.fp_to_fp %a rtz : f32 -> ") + to->type, f32, *to, true, arch);
      checkConversion(std::string("tile.fp_to_fp %a rtz : f64 -> ") + to->type, f64, *to, true, arch);
    }
    checkConversion("tile.fp_to_fp %a rtz : f64 -> f32", f64, f32, true, arch);
  }
}

namespace {

/// Pairs of interesting and random bit patterns.
std::pair<Bits, Bits> pairs(const Format &format, size_t random = 40000) {
  const llvm::fltSemantics &s = *format.semantics;
  Bits special;
  for (const APFloat &v :
       {APFloat::getZero(s), APFloat::getSmallest(s), APFloat::getSmallestNormalized(s), APFloat(s, 1),
        APFloat(s, 3), APFloat::getLargest(s), APFloat::getInf(s), APFloat::getQNaN(s)})
    for (int negative = 0; negative < 2; ++negative) {
      APFloat w = v;
      if (negative)
        w.changeSign();
      special.push_back(encode(w));
    }
  Bits a, b;
  for (uint64_t x : special)
    for (uint64_t y : special)
      a.push_back(x), b.push_back(y);
  uint64_t state = 88172645463325252ull,
           mask = format.bytes == 8 ? ~uint64_t(0) : (uint64_t(1) << 8 * format.bytes) - 1;
  auto next = [&] {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state & mask;
  };
  for (size_t i = 0; i < random; ++i)
    a.push_back(next()), b.push_back(next());
  return {a, b};
}

void checkBinary(const char *op, const Format &format, const std::string &arch,
                 const std::function<APFloat(APFloat, const APFloat &)> &meaning) {
  auto [a, b] = pairs(format);
  auto isNan = [&](uint64_t bits) { return decode(format, bits).isNaN(); };
  std::string text = std::string(op) + " %a, %b : " + format.type;
  Bits got = evaluate(text, {format.type, format.type, format.type}, {a, b}, arch, isNan);
  size_t wrong = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    APFloat want = meaning(decode(format, a[i]), decode(format, b[i]));
    bool same = want.isNaN() ? isNan(got[i]) : got[i] == encode(want);
    // bf16 through f32 may round tiny products and quotients twice.
    if (!same && &format == &bf16 && std::fabs(want.convertToFloat()) < 0x1p-126f)
      continue;
    if (!same && wrong++ < 5)
      ADD_FAILURE() << text << " of " << std::hex << a[i] << ", " << b[i] << " gives " << got[i] << ", not "
                    << encode(want);
  }
  EXPECT_EQ(wrong, 0u) << text << " " << arch;
}

} // namespace

TEST(CpuMath, FloatArithmetic) {
  constexpr auto nearest = APFloat::rmNearestTiesToEven;
  for (const std::string &arch : architectures())
    for (const Format *format : {&f16, &bf16, &f32, &f64}) {
      checkBinary("arith.addf", *format, arch,
                  [](APFloat x, const APFloat &y) { return x.add(y, nearest), x; });
      checkBinary("arith.subf", *format, arch,
                  [](APFloat x, const APFloat &y) { return x.subtract(y, nearest), x; });
      checkBinary("arith.mulf", *format, arch,
                  [](APFloat x, const APFloat &y) { return x.multiply(y, nearest), x; });
      checkBinary("arith.divf", *format, arch,
                  [](APFloat x, const APFloat &y) { return x.divide(y, nearest), x; });
      checkBinary("arith.minnumf", *format, arch,
                  [](APFloat x, const APFloat &y) { return minimumnum(x, y); });
      checkBinary("arith.maxnumf", *format, arch,
                  [](APFloat x, const APFloat &y) { return maximumnum(x, y); });
      checkBinary("arith.minimumf", *format, arch, [](APFloat x, const APFloat &y) { return minimum(x, y); });
      checkBinary("arith.maximumf", *format, arch, [](APFloat x, const APFloat &y) { return maximum(x, y); });
      checkBinary("arith.remf", *format, arch, [](APFloat x, const APFloat &y) { return x.mod(y), x; });
    }
}

TEST(CpuMath, FusedMultiplyAdd) {
  for (const std::string &arch : architectures())
    for (const Format *format : {&f16, &bf16, &f32, &f64}) {
      auto [a, b] = pairs(*format);
      Bits c(a.rbegin(), a.rend());
      // Sums that nearly cancel, where a second rounding would show.
      for (size_t i = 300; i < a.size(); i += 2) {
        APFloat product = decode(*format, a[i]);
        product.multiply(decode(*format, b[i]), APFloat::rmNearestTiesToEven);
        product.changeSign();
        c[i] = encode(product);
      }
      auto isNan = [&](uint64_t bits) { return decode(*format, bits).isNaN(); };
      std::string type = format->type;
      Bits got = evaluate("math.fma %a, %b, %c : " + type, {type, type, type, type}, {a, b, c}, arch, isNan);
      size_t wrong = 0;
      for (size_t i = 0; i < a.size(); ++i) {
        APFloat want = decode(*format, a[i]);
        want.fusedMultiplyAdd(decode(*format, b[i]), decode(*format, c[i]), APFloat::rmNearestTiesToEven);
        bool same = want.isNaN() ? isNan(got[i]) : got[i] == encode(want);
        if (!same && wrong++ < 5)
          ADD_FAILURE() << type << std::hex << " " << a[i] << " " << b[i] << " " << c[i] << " gives "
                        << got[i] << ", not " << encode(want);
      }
      EXPECT_EQ(wrong, 0u) << type << " " << arch;
    }
}

namespace {

template <typename T>
void checkInteger(const std::string &op, const std::string &arch, const std::function<T(T, T)> &meaning) {
  using U = std::make_unsigned_t<T>;
  Bits a, b;
  U special[] = {0,
                 1,
                 2,
                 3,
                 7,
                 8,
                 15,
                 16,
                 31,
                 32,
                 63,
                 64,
                 U(-1),
                 U(-2),
                 U(-7),
                 U(std::numeric_limits<T>::min()),
                 U(std::numeric_limits<T>::max()),
                 U(100),
                 U(1000)};
  for (U x : special)
    for (U y : special)
      a.push_back(x), b.push_back(y);
  uint64_t state = 88172645463325252ull;
  for (int i = 0; i < 20000; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    a.push_back(U(state));
    b.push_back(U(state * 0x9e3779b97f4a7c15ull >> (state >> 58)));
  }
  std::string type = "i" + std::to_string(8 * sizeof(T));
  Bits got = evaluate(op + " %a, %b : " + type, {type, type, type}, {a, b}, arch);
  size_t wrong = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    U want = U(meaning(T(a[i]), T(b[i])));
    if (U(got[i]) != want && wrong++ < 5)
      ADD_FAILURE() << op << " " << type << " of " << int64_t(T(a[i])) << ", " << int64_t(T(b[i]))
                    << " gives " << int64_t(T(got[i])) << ", not " << int64_t(T(want));
  }
  EXPECT_EQ(wrong, 0u) << op << " " << type << " " << arch;
}

template <typename T> bool traps(T a, T b) {
  return b == 0 || (b == T(-1) && a == std::numeric_limits<T>::min());
}

template <typename T> void checkIntegers(const std::string &arch) {
  using U = std::make_unsigned_t<T>;
  constexpr unsigned width = 8 * sizeof(T);
  checkInteger<T>("arith.divsi", arch, [](T x, T y) { return traps(x, y) ? x : T(x / y); });
  checkInteger<T>("arith.remsi", arch, [](T x, T y) { return traps(x, y) ? T(0) : T(x % y); });
  checkInteger<T>("arith.divui", arch, [](T x, T y) { return T(y ? U(x) / U(y) : U(x)); });
  checkInteger<T>("arith.remui", arch, [](T x, T y) { return T(y ? U(x) % U(y) : 0); });
  checkInteger<T>("arith.floordivsi", arch,
                  [](T x, T y) { return traps(x, y) ? x : T(x / y - (x % y != 0 && (x < 0) != (y < 0))); });
  checkInteger<T>("arith.ceildivsi", arch,
                  [](T x, T y) { return traps(x, y) ? x : T(x / y + (x % y != 0 && (x < 0) == (y < 0))); });
  checkInteger<T>("arith.shli", arch, [](T x, T y) { return T(U(y) < width ? uint64_t(U(x)) << U(y) : 0); });
  checkInteger<T>("arith.shrui", arch, [](T x, T y) { return T(U(y) < width ? U(x) >> U(y) : 0); });
  checkInteger<T>("arith.shrsi", arch, [](T x, T y) { return T(x >> std::min<uint64_t>(U(y), width - 1)); });
  checkInteger<T>("arith.maxui", arch, [](T x, T y) { return T(std::max(U(x), U(y))); });
  if constexpr (width >= 32)
    checkInteger<T>("tile.mulhi_u", arch,
                    [](T x, T y) { return T((unsigned __int128)U(x) * U(y) >> width); });
}

} // namespace

TEST(CpuMath, Integers) {
  for (const std::string &arch : architectures()) {
    checkIntegers<int8_t>(arch);
    checkIntegers<int16_t>(arch);
    checkIntegers<int32_t>(arch);
    checkIntegers<int64_t>(arch);
  }
}

TEST(CpuMath, FloatToIntSaturates) {
  Bits inputs = patterns(f32, 65537);
  for (float edge :
       {2147483647.f, 2147483648.f, -2147483648.f, 4294967296.f, 9.2e18f, 127.5f, 128.f, -128.9f, -0.9f})
    inputs.push_back(std::bit_cast<uint32_t>(edge));
  for (const std::string &arch : architectures())
    for (unsigned width : {8u, 16u, 32u, 64u})
      for (bool isSigned : {true, false}) {
        std::string type = "i" + std::to_string(width);
        Bits got = evaluate(std::string(isSigned ? "arith.fptosi" : "arith.fptoui") + " %a : f32 to " + type,
                            {"f32", type}, {inputs}, arch);
        size_t wrong = 0;
        for (size_t i = 0; i < inputs.size(); ++i) {
          APFloat value = decode(f32, inputs[i]);
          llvm::APSInt want(width, !isSigned);
          bool exact;
          if (value.isNaN())
            want = 0;
          else
            value.convertToInteger(want, APFloat::rmTowardZero, &exact); // saturates
          wrong += got[i] != want.getZExtValue();
        }
        EXPECT_EQ(wrong, 0u) << type << " signed " << isSigned << " " << arch;
      }
}

TEST(CpuMath, IntToFloat) {
  Bits inputs;
  for (unsigned bit = 0; bit < 64; ++bit)
    for (int64_t around = -2; around <= 2; ++around)
      for (uint64_t tie : {0ull, 0x80ull, 0x100ull, 0x180ull, 0x1000ull})
        inputs.push_back((uint64_t(1) << bit) + (tie << bit >> 15) + uint64_t(around));
  for (uint64_t u = 0; u < 20000; ++u)
    inputs.push_back(u * 0x9e3779b97f4a7c15ull >> (u % 64));
  for (const std::string &arch : architectures())
    for (unsigned width : {8u, 16u, 32u, 64u})
      for (bool isSigned : {true, false})
        for (const Format *to : {&f16, &bf16, &f32, &f64}) {
          std::string type = "i" + std::to_string(width);
          Bits got = evaluate(std::string(isSigned ? "arith.sitofp" : "arith.uitofp") + " %a : " + type +
                                  " to " + to->type,
                              {type, to->type}, {inputs}, arch);
          size_t wrong = 0;
          for (size_t i = 0; i < inputs.size(); ++i) {
            APFloat want = APFloat::getZero(*to->semantics);
            want.convertFromAPInt(llvm::APInt(width, inputs[i], false, true), isSigned,
                                  APFloat::rmNearestTiesToEven);
            if (got[i] != encode(want) && wrong++ < 3)
              ADD_FAILURE() << type << " " << std::hex << inputs[i] << " gives " << got[i] << ", not "
                            << encode(want);
          }
          EXPECT_EQ(wrong, 0u) << type << " -> " << to->type << " signed " << isSigned << " " << arch;
        }
}

TEST(CpuMath, Comparisons) {
  auto [a, b] = pairs(f32, 2000);
  Bits got = evaluate("arith.cmpf olt, %a, %b : f32", {"f32", "f32", "i1"}, {a, b}, "native");
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(got[i], uint64_t(std::bit_cast<float>(uint32_t(a[i])) < std::bit_cast<float>(uint32_t(b[i]))));
  Bits condition(a.size());
  for (size_t i = 0; i < a.size(); ++i)
    condition[i] = i & 1;
  auto [x, y] = pairs(bf16, 2000);
  got =
      evaluate("arith.select %a, %b, %c : bf16", {"i1", "bf16", "bf16", "bf16"}, {condition, x, y}, "native");
  for (size_t i = 0; i < x.size(); ++i)
    EXPECT_EQ(got[i], i & 1 ? x[i] : y[i]);
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

namespace {

struct Function {
  const char *name;
  double (*meaning)(double);
  double bound;
};

double inverseRoot(double x) { return 1 / std::sqrt(x); }

/// Distance in units of the last place of the exact value; 1e9 where the kind of value is wrong.
double distance(float got, double want) {
  if (std::isnan(want) || std::isnan(got))
    return std::isnan(want) == std::isnan(got) ? 0 : 1e9;
  if (std::isinf(float(want)) || std::isinf(got))
    return float(want) == got || std::fabs(want) > 0x1.fffffep+127 ? 0 : 1e9;
  if (want == 0)
    return got == 0 && std::signbit(got) == std::signbit(want) ? 0 : 1e9;
  int exponent;
  std::frexp(want, &exponent);
  return std::fabs(double(got) - want) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

} // namespace

TEST(CpuMath, FunctionsWithinTheirTable) {
  static const Function functions[] = {
#define HOST_sqrt std::sqrt
#define HOST_rsqrt inverseRoot
#define HOST_exp std::exp
#define HOST_exp2 std::exp2
#define HOST_expm1 std::expm1
#define HOST_log std::log
#define HOST_log2 std::log2
#define HOST_log1p std::log1p
#define HOST_sin std::sin
#define HOST_cos std::cos
#define HOST_tanh std::tanh
#define HOST_erf std::erf
#define HOST_log10 std::log10
#define HOST_tan std::tan
#define HOST_acos std::acos
#define HOST_asin std::asin
#define HOST_atan std::atan
#define HOST_acosh std::acosh
#define HOST_asinh std::asinh
#define HOST_atanh std::atanh
#define HOST_cosh std::cosh
#define HOST_sinh std::sinh
#define HOST_erfc std::erfc
#define HOST_cbrt std::cbrt
#define ULP(name, single, ...) {"math." #name, HOST_##name, single},
#include "ir/MathUlp.def"
#undef ULP
  };
  Bits inputs = patterns(f32, 7919);
  for (int i = -2000; i <= 2000; ++i) // near multiples of pi / 2, and of the ranges' ends
    inputs.push_back(std::bit_cast<uint32_t>(float(i * 1.57079632679489662)));
  auto isNan = [](uint64_t bits) { return std::isnan(std::bit_cast<float>(uint32_t(bits))); };
  for (const std::string &arch : architectures())
    for (const Function &f : functions) {
      Bits got = evaluate(std::string(f.name) + " %a : f32", {"f32", "f32"}, {inputs}, arch, isNan);
      double worst = 0;
      float at = 0;
      for (size_t i = 0; i < inputs.size(); ++i) {
        float x = std::bit_cast<float>(uint32_t(inputs[i]));
        double d = distance(std::bit_cast<float>(uint32_t(got[i])), f.meaning(double(x)));
        if (d > worst)
          worst = d, at = x;
      }
      EXPECT_LE(worst, f.bound) << f.name << " at " << at << " " << arch;
    }
}

TEST(CpuMath, FunctionsOfOtherFormats) {
  Bits halves = patterns(f16, 1);
  auto isNan = [](uint64_t bits) { return decode(f16, bits).isNaN(); };
  Bits got = evaluate("math.exp %a : f16", {"f16", "f16"}, {halves}, "native", isNan);
  for (size_t i = 0; i < halves.size(); i += 3) {
    double x = decode(f16, halves[i]).convertToDouble();
    APFloat want(std::exp(x));
    bool lost;
    want.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &lost);
    if (!std::isnan(x)) {
      EXPECT_LE(std::abs(int64_t(got[i]) - int64_t(encode(want))), 1) << x;
    }
  }
  Bits doubles;
  for (double x : {0.0, -0.5, 1.0, 10.0, -700.0, 3.5, 1e-300})
    doubles.push_back(std::bit_cast<uint64_t>(x));
  got = evaluate("math.exp %a : f64", {"f64", "f64"}, {doubles}, "native");
  for (size_t i = 0; i < doubles.size(); ++i)
    EXPECT_EQ(std::bit_cast<double>(got[i]), std::exp(std::bit_cast<double>(doubles[i])));
}
