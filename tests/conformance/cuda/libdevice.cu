// The functions of libdevice, in single and double precision: one kernel computes all of a precision.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// ONE(name): of one argument; TWO(name): of two. The test reads the names from this file.
#define FUNCTIONS                                                                                                \
  ONE(sin) ONE(cos) ONE(tan) ONE(asin) ONE(acos) ONE(atan) ONE(sinh) ONE(cosh) ONE(tanh) ONE(asinh) \
  ONE(acosh) ONE(atanh) ONE(exp) ONE(exp2) ONE(exp10) ONE(expm1) ONE(log) ONE(log2) ONE(log10) ONE(log1p) \
  ONE(sqrt) ONE(rsqrt) ONE(cbrt) ONE(rcbrt) ONE(erf) ONE(erfc) ONE(erfinv) ONE(erfcinv) ONE(erfcx) \
  ONE(normcdf) ONE(normcdfinv) ONE(lgamma) ONE(tgamma) ONE(sinpi) ONE(cospi) ONE(j0) ONE(j1) ONE(y0) \
  ONE(y1) ONE(cyl_bessel_i0) ONE(floor) ONE(ceil) ONE(trunc) ONE(rint) ONE(round) ONE(fabs) ONE(logb) \
  TWO(pow) TWO(atan2) TWO(fmod) TWO(hypot) TWO(fdim) TWO(remainder) TWO(nextafter) TWO(copysign) TWO(fmax) \
  TWO(fmin)

#define ONE(name) out[n * at++ + i] = name##f(a);
#define TWO(name) out[n * at++ + i] = name##f(a, b);
extern "C" __global__ void singles(const float *x, const float *y, float *out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x, at = 0;
  if (i >= n)
    return;
  float a = x[i], b = y[i];
  FUNCTIONS
}
#undef ONE
#undef TWO
#define ONE(name) out[n * at++ + i] = name(a);
#define TWO(name) out[n * at++ + i] = name(a, b);
extern "C" __global__ void doubles(const double *x, const double *y, double *out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x, at = 0;
  if (i >= n)
    return;
  double a = x[i], b = y[i];
  FUNCTIONS
}

extern "C" __global__ void fast(const float *x, float *out, int n) {
  int i = threadIdx.x, at = 0;
  float a = x[i];
  out[n * at++ + i] = __sinf(a);
  out[n * at++ + i] = __cosf(a);
  out[n * at++ + i] = __expf(a);
  out[n * at++ + i] = __logf(fabsf(a));
  out[n * at++ + i] = __log2f(fabsf(a));
  out[n * at++ + i] = __powf(fabsf(a), 1.5f);
  out[n * at++ + i] = __fdividef(1.0f, a);
  out[n * at++ + i] = __frsqrt_rn(fabsf(a));
}

// Parts of a number.
extern "C" __global__ void parts(const double *x, double *out, int *exponent) {
  int i = threadIdx.x, e;
  double whole;
  out[4 * i] = frexp(x[i], &e);
  exponent[2 * i] = e;
  exponent[2 * i + 1] = ilogb(x[i]);
  out[4 * i + 1] = modf(x[i], &whole);
  out[4 * i + 2] = whole;
  out[4 * i + 3] = ldexp(x[i], i - 16);
}
