// Shared memory of a size that the launch gives, shared by several types; pointers that may lead anywhere.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern __shared__ unsigned char memory[];

template <class T> __device__ T *part(int offset) { return reinterpret_cast<T *>(memory + offset); }

extern "C" __global__ void several(const double *in, double *out, int n) {
  double *values = part<double>(0);
  int *order = part<int>(n * 8);
  char *flags = part<char>(n * 12);
  int t = threadIdx.x;
  values[t] = in[t];
  order[t] = n - 1 - t;
  flags[t] = t % 3 == 0;
  __syncthreads();
  out[t] = flags[order[t]] ? values[order[t]] : -values[order[t]];
}

__constant__ int fixed[4] = {10, 20, 30, 40};
__device__ int changeable[4] = {1, 2, 3, 4};

__device__ __noinline__ int sumOf(const int *p, int n) {
  int sum = 0;
  for (int k = 0; k < n; k++)
    sum += p[k];
  return sum;
}

extern "C" __global__ void anywhere(const int *global, int *out) {
  __shared__ int shared[4];
  int local[4];
  for (int k = 0; k < 4; k++)
    local[k] = threadIdx.x * k;
  if (threadIdx.x < 4)
    shared[threadIdx.x] = threadIdx.x * 100;
  __syncthreads();
  const int *p = threadIdx.x % 4 == 0 ? global : threadIdx.x % 4 == 1 ? shared : threadIdx.x % 4 == 2 ? local : fixed;
  out[threadIdx.x] = sumOf(p, 4) + 1000 * __isShared(p) + 2000 * __isGlobal(p) + 4000 * __isLocal(p);
  if (threadIdx.x == 0)
    atomicAdd(&changeable[1], sumOf(changeable, 4));
}

struct Pair {
  const int *where;
  int count;
};
__device__ int numbers[6] = {1, 1, 2, 3, 5, 8};
__device__ Pair pairs[2] = {{numbers, 3}, {numbers + 3, 3}};
extern "C" __global__ void initialised(int *out) { out[threadIdx.x] = sumOf(pairs[threadIdx.x].where, pairs[threadIdx.x].count); }

extern "C" __global__ void from_heap(int *out, int n) {
  int *mine = static_cast<int *>(malloc(n * sizeof(int)));
  for (int k = 0; k < n; k++)
    mine[k] = k * threadIdx.x;
  out[threadIdx.x] = sumOf(mine, n);
  free(mine);
}

#include <alloca.h>
extern "C" __global__ void from_stack(int *out, int n) {
  int *mine = static_cast<int *>(alloca((n + threadIdx.x) * sizeof(int)));
  for (int k = 0; k < n + threadIdx.x; k++)
    mine[k] = k;
  out[threadIdx.x] = sumOf(mine, n + threadIdx.x);
}
