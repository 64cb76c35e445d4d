// Sorting: a bitonic network in shared memory, and a radix sort by ballots.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern "C" __global__ void bitonic(const float *in, float *out, int n) {
  extern __shared__ float keys[];
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    keys[i] = in[i];
  for (int size = 2; size <= n; size *= 2)
    for (int by = size / 2; by; by /= 2) {
      __syncthreads();
      for (int i = threadIdx.x; i < n; i += blockDim.x) {
        int other = i ^ by;
        if (other > i && (keys[i] > keys[other]) == ((i & size) == 0)) {
          float t = keys[i];
          keys[i] = keys[other];
          keys[other] = t;
        }
      }
    }
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    out[i] = keys[i];
}

// 256 keys of a block, one bit a pass: zeros keep their order before the ones.
extern "C" __global__ void radix(const unsigned *in, unsigned *out) {
  __shared__ unsigned keys[256], zeros[8];
  unsigned t = threadIdx.x, warp = t / 32, lane = t % 32, key = in[blockIdx.x * 256 + t];
  for (int bit = 0; bit < 32; bit++) {
    unsigned one = key >> bit & 1, ballot = __ballot_sync(0xffffffff, !one);
    if (lane == 0)
      zeros[warp] = __popc(ballot);
    __syncthreads();
    unsigned before = 0, total = 0;
    for (int w = 0; w < 8; w++) {
      before += w < warp ? zeros[w] : 0;
      total += zeros[w];
    }
    before += __popc(ballot & ((1u << lane) - 1));
    keys[one ? total + t - before : before] = key;
    __syncthreads();
    key = keys[t];
  }
  out[blockIdx.x * 256 + t] = key;
}

// Of a warp, in registers.
extern "C" __global__ void warp_sort(const int *in, int *out) {
  int lane = threadIdx.x, x = in[lane];
  for (int size = 2; size <= 32; size *= 2)
    for (int by = size / 2; by; by /= 2) {
      int other = __shfl_xor_sync(0xffffffff, x, by);
      bool up = (lane & size) == 0, low = (lane & by) == 0;
      x = up == low ? min(x, other) : max(x, other);
    }
  out[lane] = x;
}
