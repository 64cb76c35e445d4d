// Loops of which each lane makes its own number of rounds, with breaks, continues and nesting.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern "C" __global__ void collatz(int *steps) {
  unsigned n = blockIdx.x * blockDim.x + threadIdx.x + 1;
  int count = 0;
  for (unsigned long long x = n; x != 1; count++)
    x = x % 2 ? 3 * x + 1 : x / 2;
  steps[n - 1] = count;
}

extern "C" __global__ void mandelbrot(int *out, int width, int height, int limit) {
  int px = blockIdx.x * blockDim.x + threadIdx.x, py = blockIdx.y * blockDim.y + threadIdx.y;
  if (px >= width || py >= height)
    return;
  float cx = __fadd_rn(-2.0f, __fmul_rn(3.0f / 64, px)), cy = __fadd_rn(-1.0f, __fmul_rn(2.0f / 48, py));
  float x = 0, y = 0;
  int k = 0;
  for (; k < limit; k++) {
    float xx = __fmul_rn(x, x), yy = __fmul_rn(y, y);
    if (__fadd_rn(xx, yy) > 4)
      break;
    y = __fadd_rn(__fmul_rn(__fmul_rn(2.0f, x), y), cy);
    x = __fadd_rn(__fsub_rn(xx, yy), cx);
  }
  out[py * width + px] = k;
}

extern "C" __global__ void primes(int *out, int n) {
  int t = threadIdx.x, found = 0;
  for (int x = 2 + t; x < n; x += blockDim.x) {
    bool prime = true;
    for (int d = 2; d * d <= x; d++) {
      if (d > 2 && d % 2 == 0)
        continue;
      if (x % d == 0) {
        prime = false;
        break;
      }
    }
    if (!prime)
      continue;
    found++;
    if (found > 40)
      goto out;
  }
out:
  out[t] = found;
}

// Euclid with an early return from a nested loop.
__device__ int firstCommon(int a, int b, const int *list, int n) {
  for (int k = 0; k < n; k++) {
    int x = a, y = b;
    while (y) {
      int r = x % y;
      x = y;
      y = r;
      if (x == list[k])
        return k;
    }
  }
  return -1;
}
extern "C" __global__ void nested_return(const int *list, int *out, int n) {
  out[threadIdx.x] = firstCommon(720720 + threadIdx.x * 12, 5040 * (threadIdx.x + 1), list, n);
}
