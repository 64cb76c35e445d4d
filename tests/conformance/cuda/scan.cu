// Prefix sums of a warp, of a block and of a grid (by looking back at what earlier blocks have published).
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

__device__ int warpScan(int x) {
  int lane = threadIdx.x % 32;
  for (int by = 1; by < 32; by *= 2) {
    int left = __shfl_up_sync(0xffffffff, x, by);
    if (lane >= by)
      x += left;
  }
  return x;
}

__device__ int blockScan(int x, int *shared) {
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  x = warpScan(x);
  if (lane == 31)
    shared[warp] = x;
  __syncthreads();
  if (warp == 0) {
    int total = lane < blockDim.x / 32 ? shared[lane] : 0;
    shared[lane] = warpScan(total);
  }
  __syncthreads();
  return x + (warp ? shared[warp - 1] : 0);
}

extern "C" __global__ void scan_block(const int *in, int *out) {
  __shared__ int shared[32];
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  out[i] = blockScan(in[i], shared);
}

// Block b waits for the sum that block b - 1 publishes: value, fence, flag.
extern "C" __global__ void scan_chained(const int *in, int *out, volatile int *sums, volatile int *flags,
                                        int *ticket) {
  __shared__ int shared[32], order, before;
  if (threadIdx.x == 0)
    order = atomicAdd(ticket, 1);
  __syncthreads();
  int i = order * blockDim.x + threadIdx.x;
  int x = blockScan(in[i], shared);
  if (threadIdx.x == blockDim.x - 1) {
    int sum = 0;
    if (order) {
      while (flags[order - 1] == 0) {
      }
      __threadfence();
      sum = sums[order - 1];
    }
    sums[order] = sum + x;
    __threadfence();
    flags[order] = 1;
    before = sum;
  }
  __syncthreads();
  out[i] = x + before;
}
