// Templates, lambdas, functors, classes with operators.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

template <class T, int n> struct Vector {
  T x[n];
  __device__ Vector operator+(const Vector &o) const {
    Vector r;
#pragma unroll
    for (int k = 0; k < n; k++)
      r.x[k] = x[k] + o.x[k];
    return r;
  }
  __device__ T dot(const Vector &o) const {
    T sum = 0;
    for (int k = 0; k < n; k++)
      sum += x[k] * o.x[k];
    return sum;
  }
};

template <class T, class F> __device__ T reduceAll(const T *x, int n, T start, F f) {
  for (int k = 0; k < n; k++)
    start = f(start, x[k]);
  return start;
}

template <int n> struct Factorial {
  static constexpr unsigned long long value = n * Factorial<n - 1>::value;
};
template <> struct Factorial<0> {
  static constexpr unsigned long long value = 1;
};

extern "C" __global__ void vectors(const Vector<double, 3> *a, const Vector<double, 3> *b, double *out) {
  int i = threadIdx.x;
  out[i] = (a[i] + b[i]).dot(b[i]);
}

extern "C" __global__ void lambdas(const int *x, int n, long long *out) {
  int bias = threadIdx.x;
  out[4 * bias] = reduceAll<int>(x, n, 0, [=](int a, int b) { return a + b + bias; });
  out[4 * bias + 1] = reduceAll<int>(x, n, -1000, [](int a, int b) { return max(a, b); });
  out[4 * bias + 2] = Factorial<15>::value;
  out[4 * bias + 3] = reduceAll<int>(x, n, 1, [](int a, int b) { return a * 31 + b; });
}

template <class... Ts> __device__ double sumOf(Ts... xs) { return (double(xs) + ...); }
extern "C" __global__ void packs(double *out) {
  out[threadIdx.x] = sumOf(1, 2.5f, threadIdx.x, 'a', 1ull << 40);
}

// A complex FFT of 64 points in registers and shared memory.
struct Complex {
  float re, im;
  __device__ Complex operator+(Complex o) const { return {re + o.re, im + o.im}; }
  __device__ Complex operator-(Complex o) const { return {re - o.re, im - o.im}; }
  __device__ Complex operator*(Complex o) const { return {re * o.re - im * o.im, re * o.im + im * o.re}; }
};
extern "C" __global__ void fft64(const Complex *in, Complex *out) {
  __shared__ Complex x[64];
  int t = threadIdx.x;
  x[__brev(t) >> 26] = in[t];
  x[__brev(t + 32) >> 26] = in[t + 32];
  for (int half = 1; half < 64; half *= 2) {
    __syncwarp();
    int k = t % half, at = t / half * half * 2 + k;
    float s, c;
    sincospif(-float(k) / half, &s, &c);
    Complex even = x[at], odd = x[at + half] * Complex{c, s};
    x[at] = even + odd;
    x[at + half] = even - odd;
  }
  __syncwarp();
  out[t] = x[t];
  out[t + 32] = x[t + 32];
}
