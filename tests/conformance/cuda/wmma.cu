// Products of matrices by nvcuda::wmma, one tile a warp, in every type of the architecture.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cstdint>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <mma.h>
using namespace nvcuda;

template <class In, class Raw, class Sum, int m, int n, int k, class LayoutA, class LayoutB>
__device__ void multiply(const Raw *a, const Raw *b, Sum *c, int size) {
  int row = blockIdx.y * m, column = blockIdx.x * n;
  constexpr bool rowA = std::is_same_v<LayoutA, wmma::row_major>, rowB = std::is_same_v<LayoutB, wmma::row_major>;
  wmma::fragment<wmma::matrix_a, m, n, k, In, LayoutA> fa;
  wmma::fragment<wmma::matrix_b, m, n, k, In, LayoutB> fb;
  wmma::fragment<wmma::accumulator, m, n, k, Sum> fc;
  wmma::load_matrix_sync(fc, c + row * size + column, size, wmma::mem_row_major);
  for (int at = 0; at < size; at += k) {
    wmma::load_matrix_sync(fa, a + (rowA ? row * size + at : at * size + row), size);
    wmma::load_matrix_sync(fb, b + (rowB ? at * size + column : column * size + at), size);
#if __CUDA_ARCH__ >= 800
    if constexpr (std::is_same_v<In, wmma::precision::tf32>) {
      for (auto &x : fa.x)
        x = wmma::__float_to_tf32(x);
      for (auto &x : fb.x)
        x = wmma::__float_to_tf32(x);
    }
#endif
    wmma::mma_sync(fc, fa, fb, fc);
  }
  wmma::store_matrix_sync(c + row * size + column, fc, size, wmma::mem_row_major);
}

#define KERNEL(name, In, Raw, Sum, m, n, k, A, B)                                                                \
  extern "C" __global__ void name(const Raw *a, const Raw *b, Sum *c, int size) {                              \
    multiply<In, Raw, Sum, m, n, k, wmma::A, wmma::B>(a, b, c, size);                                          \
  }
KERNEL(f16_f32, half, half, float, 16, 16, 16, row_major, col_major)
KERNEL(f16_f16, half, half, half, 32, 8, 16, col_major, row_major)
KERNEL(f16_wide, half, half, float, 8, 32, 16, row_major, row_major)
KERNEL(s8_s32, signed char, signed char, int, 16, 16, 16, row_major, row_major)
KERNEL(u8_s32, unsigned char, unsigned char, int, 8, 32, 16, col_major, col_major)
#if __CUDA_ARCH__ >= 800
KERNEL(bf16_f32, __nv_bfloat16, __nv_bfloat16, float, 16, 16, 16, row_major, col_major)
KERNEL(tf32_f32, wmma::precision::tf32, float, float, 16, 16, 8, row_major, row_major)
KERNEL(f64_f64, double, double, double, 8, 8, 4, row_major, col_major)
#endif

// Sub-byte types hold 8 (4 bits) or 32 (1 bit) elements a word: row-major A, column-major B.
extern "C" __global__ void s4_s32(const void *a, const void *b, int *c, int size) {
  using P = wmma::experimental::precision::s4;
  wmma::fragment<wmma::matrix_a, 8, 8, 32, P, wmma::row_major> fa;
  wmma::fragment<wmma::matrix_b, 8, 8, 32, P, wmma::col_major> fb;
  wmma::fragment<wmma::accumulator, 8, 8, 32, int> fc;
  wmma::fill_fragment(fc, 0);
  const uint8_t *rows = static_cast<const uint8_t *>(a) + blockIdx.y * 8 * size / 2;
  const uint8_t *columns = static_cast<const uint8_t *>(b) + blockIdx.x * 8 * size / 2;
  for (int at = 0; at < size; at += 32) {
    wmma::load_matrix_sync(fa, rows + at / 2, size);
    wmma::load_matrix_sync(fb, columns + at / 2, size);
    wmma::mma_sync(fc, fa, fb, fc);
  }
  wmma::store_matrix_sync(c + blockIdx.y * 8 * size + blockIdx.x * 8, fc, size, wmma::mem_row_major);
}

extern "C" __global__ void b1_xor(const void *a, const void *b, int *c, int size) {
  using P = wmma::experimental::precision::b1;
  wmma::fragment<wmma::matrix_a, 8, 8, 128, P, wmma::row_major> fa;
  wmma::fragment<wmma::matrix_b, 8, 8, 128, P, wmma::col_major> fb;
  wmma::fragment<wmma::accumulator, 8, 8, 128, int> fc;
  wmma::fill_fragment(fc, 0);
  const uint8_t *rows = static_cast<const uint8_t *>(a) + blockIdx.y * 8 * size / 8;
  const uint8_t *columns = static_cast<const uint8_t *>(b) + blockIdx.x * 8 * size / 8;
  for (int at = 0; at < size; at += 128) {
    wmma::load_matrix_sync(fa, rows + at / 8, size);
    wmma::load_matrix_sync(fb, columns + at / 8, size);
    wmma::bmma_sync(fc, fa, fb, fc, wmma::experimental::bmmaBitOpXOR, wmma::experimental::bmmaAccumulateOpPOPC);
  }
  wmma::store_matrix_sync(c + blockIdx.y * 8 * size + blockIdx.x * 8, fc, size, wmma::mem_row_major);
}
