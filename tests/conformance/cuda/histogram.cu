// Histograms by atomics on shared and on global memory.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern "C" __global__ void histogram_shared(const unsigned char *in, unsigned *bins, int n) {
  __shared__ unsigned mine[256];
  for (int k = threadIdx.x; k < 256; k += blockDim.x)
    mine[k] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
    atomicAdd(&mine[in[i]], 1u);
  __syncthreads();
  for (int k = threadIdx.x; k < 256; k += blockDim.x)
    if (mine[k])
      atomicAdd(&bins[k], mine[k]);
}

// Lanes with the same bin elect one of them (match on sm_70 and later).
extern "C" __global__ void histogram_aggregated(const unsigned char *in, unsigned *bins, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  unsigned active = __ballot_sync(0xffffffff, i < n);
  if (i < n) {
    unsigned same = __match_any_sync(active, unsigned(in[i]));
    if (__ffs(same) - 1 == threadIdx.x % 32)
      atomicAdd(&bins[in[i]], __popc(same));
  }
}
