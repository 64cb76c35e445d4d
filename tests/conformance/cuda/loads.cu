// Loads and stores of 64 and 128 bits, and every cache hint that CUDA C++ has.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern "C" __global__ void vectors(const float4 *a, const int2 *b, const double2 *c, float4 *x, int2 *y, double2 *z) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float4 p = a[i];
  int2 q = b[i];
  double2 r = c[i];
  x[i] = make_float4(p.w, p.z, p.y, p.x);
  y[i] = make_int2(q.y - q.x, q.x);
  z[i] = make_double2(r.y, r.x * 2);
}

extern "C" __global__ void hints(const float4 *in, const int *words, float4 *out, int *sums) {
  int i = threadIdx.x;
  float4 a = __ldg(&in[i]), b = __ldcg(&in[i]), c = __ldcs(&in[i]), d = __ldca(&in[i]), e = __ldlu(&in[i]);
  __stcg(&out[i], make_float4(a.x + b.x, c.y, d.z, e.w));
  int sum = __ldcv(&words[i]) + __ldg(&words[i]);
  __stwt(&sums[i], sum);
}

extern "C" __global__ void bytes(const uchar4 *in, const char *single, const short4 *s, uchar4 *out, int *sums) {
  int i = threadIdx.x;
  uchar4 p = in[i];
  out[i] = make_uchar4(p.w, p.x, p.y, p.z);
  short4 q = s[i];
  sums[i] = single[i] + q.x - q.y + q.z * q.w;
}

struct __align__(16) Record {
  int key;
  float value;
  double weight;
};
extern "C" __global__ void records(const Record *in, Record *out) {
  __shared__ Record mine[64];
  mine[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  Record r = mine[63 - threadIdx.x];
  r.value += r.key;
  out[threadIdx.x] = r;
}
