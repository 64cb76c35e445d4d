//===- Vectors.h - vectors of 32 bytes, as compilers for any processor know them ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// One register of AVX2; two of NEON. Sums and comparisons are the operators of the language.

#pragma once

#include <cstdint>
#include <cstring>

namespace tegula::ptx {

typedef float F8 __attribute__((vector_size(32)));
typedef int32_t I8 __attribute__((vector_size(32)));
typedef uint32_t U8 __attribute__((vector_size(32)));
typedef uint16_t H16 __attribute__((vector_size(32)));

template <class V> inline V loadVector(const void *from) {
  V v;
  std::memcpy(&v, from, sizeof(V));
  return v;
}
template <class V> inline void storeVector(void *to, V v) { std::memcpy(to, &v, sizeof(V)); }

inline F8 all8(float x) { return F8{x, x, x, x, x, x, x, x}; }
inline I8 all8(int32_t x) { return I8{x, x, x, x, x, x, x, x}; }
inline F8 asFloat(I8 v) { return reinterpret_cast<F8>(v); }
inline I8 asInt(F8 v) { return reinterpret_cast<I8>(v); }
/// Towards zero; the numbers must fit.
inline I8 toInt(F8 v) { return __builtin_convertvector(v, I8); }
inline F8 toFloat(I8 v) { return __builtin_convertvector(v, F8); }
inline I8 greater(I8 a, I8 b) { return __builtin_elementwise_max(a, b); }
inline bool any(I8 v) {
  int32_t r = 0;
  for (int i = 0; i < 8; i++)
    r |= v[i];
  return r != 0;
}

/// to[j][i] = from[i][j], 8 by 8 words; the strides count words.
inline void transposeWords(const void *from, int fromStride, void *to, int toStride) {
  F8 r[8], s[8];
  for (int i = 0; i < 8; i++)
    r[i] = loadVector<F8>(static_cast<const uint32_t *>(from) + i * fromStride);
  for (int i = 0; i < 8; i += 2) {
    s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4)
    for (int k = 0; k < 2; k++) {
      r[i + 2 * k] = __builtin_shufflevector(s[i + k], s[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      r[i + 2 * k + 1] = __builtin_shufflevector(s[i + k], s[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < 4; i++) {
    storeVector(static_cast<uint32_t *>(to) + i * toStride,
                __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11));
    storeVector(static_cast<uint32_t *>(to) + (i + 4) * toStride,
                __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15));
  }
}

} // namespace tegula::ptx
