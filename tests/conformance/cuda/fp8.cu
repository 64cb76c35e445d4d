// fp8: conversions in both formats, saturating and not, single and in pairs.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cuda_fp8.h>

extern "C" __global__ void to_fp8(const float *in, unsigned char *e4m3, unsigned char *e5m2, unsigned char *loose) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  e4m3[i] = __nv_cvt_float_to_fp8(in[i], __NV_SATFINITE, __NV_E4M3);
  e5m2[i] = __nv_cvt_float_to_fp8(in[i], __NV_SATFINITE, __NV_E5M2);
  loose[i] = __nv_cvt_float_to_fp8(in[i], __NV_NOSAT, __NV_E5M2);
}

extern "C" __global__ void from_fp8(const unsigned char *in, float *e4m3, float *e5m2) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  __nv_fp8_e4m3 a;
  __nv_fp8_e5m2 b;
  a.__x = in[i];
  b.__x = in[i];
  e4m3[i] = float(a);
  e5m2[i] = float(b);
}

extern "C" __global__ void pairs(const float2 *in, float2 *out) {
  __nv_fp8x2_e4m3 packed(in[threadIdx.x]);
  float2 back = float2(packed);
  out[threadIdx.x] = make_float2(back.x * 2, back.y * 2);
}
