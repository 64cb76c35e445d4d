// Double precision, with every rounding.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern "C" __global__ void arithmetic(const double *a, const double *b, double *out) {
  int i = threadIdx.x;
  double x = a[i], y = b[i];
  double *o = out + 16 * i;
  o[0] = __dadd_rn(x, y), o[1] = __dadd_rz(x, y), o[2] = __dadd_ru(x, y), o[3] = __dadd_rd(x, y);
  o[4] = __dmul_ru(x, y), o[5] = __ddiv_rd(x, y), o[6] = __dsqrt_ru(fabs(x)), o[7] = fma(x, y, 1.0);
  o[8] = __drcp_rz(y), o[9] = fmod(x, y), o[10] = floor(x), o[11] = rint(x);
  o[12] = trunc(x), o[13] = fmin(x, y), o[14] = copysign(x, y), o[15] = double(float(x));
}

extern "C" __global__ void singles(const float *a, const float *b, float *out) {
  int i = threadIdx.x;
  float x = a[i], y = b[i];
  float *o = out + 12 * i;
  o[0] = __fadd_ru(x, y), o[1] = __fadd_rd(x, y), o[2] = __fmul_rz(x, y), o[3] = __fdiv_ru(x, y);
  o[4] = __fsqrt_rd(fabsf(x)), o[5] = __fmaf_rz(x, y, 1.0f), o[6] = __frcp_ru(y), o[7] = x / y;
  o[8] = sqrtf(fabsf(x)), o[9] = fmodf(x, y), o[10] = roundf(x), o[11] = __saturatef(x);
}

extern "C" __global__ void integers_of(const double *a, long long *out) {
  int i = threadIdx.x;
  double x = a[i];
  long long *o = out + 8 * i;
  o[0] = __double2ll_rn(x), o[1] = __double2ll_rz(x), o[2] = __double2ll_ru(x), o[3] = __double2ll_rd(x);
  o[4] = __double2int_rn(x), o[5] = __double2uint_rz(x), o[6] = __double_as_longlong(x);
  o[7] = __double_as_longlong(__ll2double_ru(o[6]));
}

// Cholesky of a small matrix by one thread block.
extern "C" __global__ void cholesky(double *m, int n) {
  int t = threadIdx.x;
  for (int k = 0; k < n; k++) {
    if (t == 0)
      m[k * n + k] = sqrt(m[k * n + k]);
    __syncthreads();
    if (t > k && t < n)
      m[t * n + k] /= m[k * n + k];
    __syncthreads();
    if (t > k && t < n)
      for (int j = k + 1; j <= t; j++)
        m[t * n + j] -= m[t * n + k] * m[j * n + k];
    __syncthreads();
  }
}
