// Votes, matches, reductions in hardware, active lanes.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern "C" __global__ void votes(const int *in, unsigned *out) {
  int t = threadIdx.x, x = in[t];
  unsigned *o = out + 8 * t;
  o[0] = __ballot_sync(0xffffffff, x > 3), o[1] = __any_sync(0xffffffff, x > 8), o[2] = __all_sync(0xffffffff, x >= 0);
  o[3] = __uni_sync(0xffffffff, x > 3), o[4] = __match_any_sync(0xffffffff, x);
  int same;
  o[5] = __match_all_sync(0xffffffff, t / 32, &same);
  o[6] = same;
  o[7] = x % 2 ? __activemask() : 0;
}

// Halves of a warp vote for themselves.
extern "C" __global__ void halves(const int *in, unsigned *out) {
  int t = threadIdx.x, x = in[t];
  if (t % 32 < 16)
    out[t] = __ballot_sync(0x0000ffff, x > 4);
  else
    out[t] = __ballot_sync(0xffff0000, x > 5);
  unsigned mine = t % 2 ? 0xaaaaaaaa : 0x55555555;
  out[t + blockDim.x] = __match_any_sync(mine, (long long)x);
}

#if __CUDA_ARCH__ >= 800
extern "C" __global__ void reductions(const int *in, int *out) {
  int t = threadIdx.x, x = in[t], *o = out + 8 * t;
  unsigned mask = t % 32 < 8 ? 0xff : 0xffffff00;
  o[0] = __reduce_add_sync(0xffffffff, x), o[1] = __reduce_min_sync(0xffffffff, x);
  o[2] = __reduce_max_sync(0xffffffff, x), o[3] = int(__reduce_min_sync(0xffffffff, unsigned(x)));
  o[4] = int(__reduce_and_sync(mask, unsigned(x))), o[5] = int(__reduce_or_sync(mask, unsigned(x)));
  o[6] = int(__reduce_xor_sync(mask, unsigned(x))), o[7] = __reduce_add_sync(mask, x);
}
#endif

extern "C" __global__ void block_votes(const int *in, int *out) {
  int x = in[threadIdx.x];
  out[threadIdx.x] = __syncthreads_count(x > 4) * 10 + __syncthreads_and(x >= 0) * 2 + __syncthreads_or(x > 100);
}
