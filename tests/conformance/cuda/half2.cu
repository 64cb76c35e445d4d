// Arithmetic of half2 and bfloat162.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cuda_bf16.h>
#include <cuda_fp16.h>

template <class T2> __device__ void all(T2 a, T2 b, T2 c, T2 *out) {
  out[0] = __hadd2(a, b);
  out[1] = __hsub2(a, b);
  out[2] = __hmul2(a, b);
  out[3] = __hfma2(a, b, c);
  out[4] = __h2div(a, b);
  out[5] = __hneg2(a);
  out[6] = __habs2(a);
  out[7] = __hmin2(a, b);
  out[8] = __hmax2(a, b);
  out[9] = __hadd2_sat(a, b);
#if __CUDA_ARCH__ >= 800
  out[10] = __hfma2_relu(a, b, c);
#else
  out[10] = a;
#endif
  out[11] = __hgt2(a, b);
  out[12] = h2sqrt(__habs2(a));
  out[13] = h2rint(a);
  out[14] = h2floor(a);
  out[15] = __lowhigh2highlow(a);
  out[16] = __hmul2_sat(a, b);
  out[17] = h2rcp(b);
  out[18] = h2exp2(c);
  out[19] = h2log2(__habs2(a));
}

constexpr int results = 20;
extern "C" __global__ void half_arithmetic(const __half2 *a, const __half2 *b, const __half2 *c, __half2 *out) {
  int i = threadIdx.x;
  all(a[i], b[i], c[i], out + results * i);
}
#if __CUDA_ARCH__ >= 800
extern "C" __global__ void bfloat_arithmetic(const __nv_bfloat162 *a, const __nv_bfloat162 *b,
                                             const __nv_bfloat162 *c, __nv_bfloat162 *out) {
  int i = threadIdx.x;
  all(a[i], b[i], c[i], out + results * i);
}
#endif

extern "C" __global__ void conversions(const float *in, __half *h, __nv_bfloat16 *b, int *n, float *back) {
  int i = threadIdx.x;
  float x = in[i];
  h[4 * i] = __float2half_rn(x);
  h[4 * i + 1] = __float2half_rz(x);
  h[4 * i + 2] = __float2half_ru(x);
  h[4 * i + 3] = __float2half_rd(x);
  b[4 * i] = __float2bfloat16_rn(x);
  b[4 * i + 1] = __float2bfloat16_rz(x);
  b[4 * i + 2] = __float2bfloat16_ru(x);
  b[4 * i + 3] = __float2bfloat16_rd(x);
  n[2 * i] = __half2int_rn(h[4 * i]);
  n[2 * i + 1] = __half2int_rz(h[4 * i]);
  back[2 * i] = __half2float(h[4 * i]);
  back[2 * i + 1] = __bfloat162float(b[4 * i]);
}
