// Every atomic that CUDA C++ has, on global and on shared memory.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void integers(int *s, unsigned *u, unsigned long long *l, long long *sl) {
  int t = threadIdx.x;
  atomicAdd(&s[0], t);
  atomicSub(&s[1], t);
  atomicMin(&s[2], t * 37 % 101 - 50);
  atomicMax(&s[3], t * 37 % 101 - 50);
  atomicAnd(&u[0], ~(1u << t % 32));
  atomicOr(&u[1], 1u << t % 32);
  atomicXor(&u[2], t * 2654435761u);
  atomicInc(&u[3], 40);
  atomicDec(&u[4], 40);
  atomicMin(&u[5], t * 37u % 101);
  atomicMax(&u[6], t * 37u % 101);
  atomicAdd(&l[0], 1ull << t % 40);
  atomicMin(&l[1], (t * 37ull % 101) << 40);
  atomicMax(&l[2], (t * 37ull % 101) << 40);
  atomicAnd(&l[3], ~(1ull << t % 64));
  atomicOr(&l[4], 1ull << t % 64);
  atomicXor(&l[5], t * 0x9e3779b97f4a7c15ull);
  atomicMin(&sl[0], (long long)(t * 37 % 101 - 50));
  atomicMax(&sl[1], (long long)(t * 37 % 101 - 50));
}

extern "C" __global__ void floats(float *f, double *d, __half *h, __half2 *h2, __nv_bfloat16 *b,
                                  __nv_bfloat162 *b2) {
  int t = threadIdx.x;
  atomicAdd(&f[0], float(t));
  atomicAdd(&d[0], double(t));
  atomicAdd(&h[0], __float2half(1));
  atomicAdd(&h[1], __float2half(0.5f));
  atomicAdd(&h2[0], __floats2half2_rn(1, 2));
  atomicAdd(&b[0], __float2bfloat16(1));
  atomicAdd(&b2[0], __floats2bfloat162_rn(1, 2));
}

extern "C" __global__ void exchange(int *slots, float *values, unsigned short *narrow, unsigned long long *wide,
                                    int *lost) {
  int t = threadIdx.x;
  int old = atomicExch(&slots[t % 4], t + 1);
  atomicAdd(lost, old);
  // A product by compare-and-swap: no such atomic exists.
  unsigned *word = reinterpret_cast<unsigned *>(values), seen = *reinterpret_cast<volatile unsigned *>(word), before;
  do {
    before = seen;
    seen = atomicCAS(word, before, __float_as_uint(__uint_as_float(before) * (t % 2 ? 2.0f : 0.5f)));
  } while (seen != before);
  unsigned short half = *reinterpret_cast<volatile unsigned short *>(narrow), expected;
  do {
    expected = half;
    half = atomicCAS(narrow, expected, (unsigned short)(expected + 3));
  } while (half != expected);
  atomicCAS(wide, 0ull, (unsigned long long)t + 1);
  atomicExch(values + 1, 7.0f);
}

extern "C" __global__ void on_shared(int *out, float *sums) {
  __shared__ int counters[4];
  __shared__ float sum;
  __shared__ unsigned long long big;
  if (threadIdx.x < 4)
    counters[threadIdx.x] = threadIdx.x == 2 ? 1000 : 0;
  if (threadIdx.x == 0)
    sum = 0, big = 0;
  __syncthreads();
  int t = threadIdx.x;
  atomicAdd(&counters[0], t);
  atomicMax(&counters[1], t);
  atomicMin(&counters[2], t);
  atomicOr(&counters[3], t);
  atomicAdd(&sum, 0.5f);
  atomicAdd(&big, 1ull << 33);
  __syncthreads();
  if (t < 4)
    out[t] = counters[t];
  if (t == 0)
    sums[0] = sum, sums[1] = float(big >> 33);
}

extern "C" __global__ void scopes(int *counters) {
  atomicAdd_block(&counters[blockIdx.x], 1);
  atomicAdd_system(&counters[31], 1);
}
