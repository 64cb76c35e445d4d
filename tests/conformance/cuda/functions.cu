// Device functions: recursion, structures by value and by reference, functions that are not inlined.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

struct Triple {
  double a;
  int b;
  float c;
};

__device__ __noinline__ int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

__device__ __noinline__ unsigned ackermann(unsigned m, unsigned n) {
  if (m == 0)
    return n + 1;
  return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

__device__ __noinline__ Triple mix(Triple x, const Triple &y) {
  return {x.a * y.a, x.b - y.b, x.c + y.c};
}

__device__ __noinline__ void swapAll(int *x, int n) {
  if (n < 2)
    return;
  int t = x[0];
  x[0] = x[n - 1];
  x[n - 1] = t;
  swapAll(x + 1, n - 2);
}

extern "C" __global__ void recurse(int *out) {
  int t = threadIdx.x;
  out[t] = fibonacci(t % 15) + 1000 * int(ackermann(t % 3, t % 4));
}

extern "C" __global__ void structures(const Triple *in, Triple *out) {
  Triple x = in[threadIdx.x], y = in[threadIdx.x + 1];
  out[threadIdx.x] = mix(mix(x, y), x);
}

extern "C" __global__ void local_arrays(int *out, int n) {
  int mine[24];
  for (int k = 0; k < n; k++)
    mine[k] = k * (threadIdx.x + 1);
  swapAll(mine, n);
  for (int k = 0; k < n; k++)
    out[threadIdx.x * n + k] = mine[k];
}

struct Large {
  int numbers[200];
  double scale;
};
extern "C" __global__ void large_parameter(const __grid_constant__ Large p, double *out) {
  out[threadIdx.x] = p.numbers[threadIdx.x] * p.scale;
}

// A quicksort that calls itself with a stack of its own.
__device__ __noinline__ void quicksort(int *x, int low, int high) {
  while (low < high) {
    int pivot = x[(low + high) / 2], i = low, j = high;
    while (i <= j) {
      while (x[i] < pivot)
        i++;
      while (x[j] > pivot)
        j--;
      if (i <= j) {
        int t = x[i];
        x[i++] = x[j];
        x[j--] = t;
      }
    }
    quicksort(x, low, j);
    low = i;
  }
}
extern "C" __global__ void sort_rows(int *x, int n) { quicksort(x + threadIdx.x * n, 0, n - 1); }
