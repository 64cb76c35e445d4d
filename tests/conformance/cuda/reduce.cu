// Sums of a warp and of a block by shuffles.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

__device__ float warpSum(float x) {
  for (int by = 16; by; by /= 2)
    x += __shfl_down_sync(0xffffffff, x, by);
  return x;
}

extern "C" __global__ void block_sum(const float *in, float *out, int n) {
  __shared__ float partial[32];
  float sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
    sum += in[i];
  sum = warpSum(sum);
  if (threadIdx.x % 32 == 0)
    partial[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    sum = threadIdx.x < blockDim.x / 32 ? partial[threadIdx.x] : 0;
    sum = warpSum(sum);
    if (threadIdx.x == 0)
      out[blockIdx.x] = sum;
  }
}

extern "C" __global__ void butterfly_max(const int *in, int *out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x, x = in[i];
  for (int by = 1; by < 32; by *= 2)
    x = max(x, __shfl_xor_sync(0xffffffff, x, by));
  out[i] = x;
}

// Shuffles of 64 bits, of part of a warp, and by a computed lane.
extern "C" __global__ void rotate(const long long *in, long long *out, int width) {
  int lane = threadIdx.x % 32;
  out[threadIdx.x] = __shfl_sync(0xffffffff, in[threadIdx.x], (lane + 1) % width, width);
}

// The last warp is not full: its mask is what is there.
extern "C" __global__ void partial_sum(const int *in, int *out, int n) {
  int x = threadIdx.x < n ? in[threadIdx.x] : 0;
  unsigned mask = __ballot_sync(0xffffffff, threadIdx.x < n);
  if (threadIdx.x < n) {
    int sum = 0;
    for (unsigned rest = mask; rest; rest &= rest - 1)
      sum += __shfl_sync(mask, x, __ffs(rest) - 1);
    out[threadIdx.x] = sum;
  }
}
