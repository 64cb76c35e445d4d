// Matrix products of sm_75: mma.m16n8k8 and ldmatrix without asynchronous copies; integers by m8n8k16.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cstdint>
#include <cuda_fp16.h>

extern "C" __global__ void m16n8k8(const half *a, const half *b, float *c) {
  __shared__ half as[16][8], bs[8][8];
  int lane = threadIdx.x;
  for (int i = lane; i < 128; i += 32)
    as[i / 8][i % 8] = a[i];
  for (int i = lane; i < 64; i += 32)
    bs[i / 8][i % 8] = b[i];
  __syncwarp();
  uint32_t fa[2], fb;
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];\n"
               : "=r"(fa[0]), "=r"(fa[1])
               : "r"(uint32_t(__cvta_generic_to_shared(&as[lane % 16][0]))));
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];\n"
               : "=r"(fb)
               : "r"(uint32_t(__cvta_generic_to_shared(&bs[lane % 8][0]))));
  float d[4] = {};
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};\n"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(fa[0]), "r"(fa[1]), "r"(fb));
  for (int e = 0; e < 4; e++)
    c[(lane / 4 + e / 2 * 8) * 8 + lane % 4 * 2 + e % 2] = d[e];
}

// A is row-major, B column-major: a fragment is a word of four neighbours.
extern "C" __global__ void m8n8k16(const int *a, const int *b, int *c) {
  int lane = threadIdx.x, d0 = 0, d1 = 0;
  asm volatile("mma.sync.aligned.m8n8k16.row.col.satfinite.s32.s8.u8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};\n"
               : "+r"(d0), "+r"(d1)
               : "r"(a[lane]), "r"(b[lane]));
  c[lane * 2] = d0;
  c[lane * 2 + 1] = d1;
}

// A matrix of 8 x 8 halves turned in registers.
extern "C" __global__ void turn(const uint32_t *in, uint32_t *out) {
  uint32_t d;
  asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;\n" : "=r"(d) : "r"(in[threadIdx.x]));
  out[threadIdx.x] = d;
}
