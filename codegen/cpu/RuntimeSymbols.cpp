//===- RuntimeSymbols.cpp - what compiled code may call ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Cpu.h"

#include <cmath>
#include <cstring>

namespace tegula::cpu {

template <typename F> static void *address(F *function) { return reinterpret_cast<void *>(function); }

using Unary32 = float(float);
using Unary64 = double(double);
using Binary32 = float(float, float);
using Binary64 = double(double, double);
using Ternary32 = float(float, float, float);
using Ternary64 = double(double, double, double);

std::vector<RuntimeSymbol> runtimeSymbols() {
  return {
// Functions that MathFunctions.cpp calls for each lane.
#define UNARY(name)                                                                                          \
  {"tegula_" #name, address<Unary64>(::name)}, {"tegula_" #name "f", address<Unary32>(::name##f)},
#define BINARY(name)                                                                                         \
  {"tegula_" #name, address<Binary64>(::name)}, {"tegula_" #name "f", address<Binary32>(::name##f)},
      UNARY(acos) UNARY(acosh) UNARY(asin) UNARY(asinh) UNARY(atan) UNARY(atanh) UNARY(cbrt) UNARY(cos)
          UNARY(cosh) UNARY(erf) UNARY(erfc) UNARY(exp) UNARY(exp2) UNARY(expm1) UNARY(log) UNARY(log10)
              UNARY(log1p) UNARY(log2) UNARY(sin) UNARY(sinh) UNARY(tan) UNARY(tanh) BINARY(atan2)
                  BINARY(fmod) BINARY(pow){"tegula_fma", address<Ternary64>(::fma)},
#undef UNARY
#undef BINARY
// What LLVM itself calls: roundings on x86-64 before SSE 4.1, and copies.
#define ROUNDING(name) {#name, address<Unary64>(::name)}, {#name "f", address<Unary32>(::name##f)},
      ROUNDING(floor) ROUNDING(ceil) ROUNDING(trunc) ROUNDING(round) ROUNDING(roundeven) ROUNDING(rint)
#undef ROUNDING
          {"memcpy", address<void *(void *, const void *, size_t)>(std::memcpy)},
      {"memmove", address<void *(void *, const void *, size_t)>(std::memmove)},
      {"memset", address<void *(void *, int, size_t)>(std::memset)},
      {"tegula_cpu_sort", address(tegula_cpu_sort)},
      {"tegula_cpu_print", address(tegula_cpu_print)},
      {"tegula_cpu_assert_failed", address(tegula_cpu_assert_failed)},
  };
}

} // namespace tegula::cpu
