// A matrix product as hand-written kernels do it: cp.async in stages, ldmatrix, mma.sync by inline PTX.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cstdint>
#include <cuda_fp16.h>

__device__ uint32_t sharedAddress(const void *p) { return uint32_t(__cvta_generic_to_shared(p)); }

__device__ void copy16(void *to, const void *from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(sharedAddress(to)), "l"(from));
}
template <int n> __device__ void loadMatrices(uint32_t (&r)[n], const void *row, bool) {
  if constexpr (n == 4)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(sharedAddress(row)));
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];\n"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(sharedAddress(row)));
}

constexpr int bm = 32, bn = 32, bk = 32, stages = 3, pad = 8;

// C[m][n] = A[m][k] B[k][n], row-major f16 with f32 sums; 4 warps, each 16 x 16 of a tile of 32 x 32.
extern "C" __global__ void pipelined(const half *a, const half *b, float *c, int m, int n, int k) {
  __shared__ __align__(16) half as[stages][bm][bk + pad], bs[stages][bk][bn + pad];
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  int row0 = blockIdx.y * bm, column0 = blockIdx.x * bn, wm = warp / 2 * 16, wn = warp % 2 * 16;
  float sum[2][4] = {};
  auto fetch = [&](int step) {
    if (step * bk < k) {
      int r = threadIdx.x / 4, piece = threadIdx.x % 4 * 8, s = step % stages;
      copy16(&as[s][r][piece], a + (row0 + r) * k + step * bk + piece);
      copy16(&bs[s][r][piece], b + (step * bk + r) * n + column0 + piece);
    }
    asm volatile("cp.async.commit_group;\n" ::);
  };
  for (int s = 0; s < stages - 1; s++)
    fetch(s);
  for (int step = 0; step * bk < k; step++) {
    asm volatile("cp.async.wait_group %0;\n" ::"n"(stages - 2));
    __syncthreads();
    fetch(step + stages - 1);
    int s = step % stages;
    for (int kk = 0; kk < bk; kk += 16) {
      uint32_t fa[4];
      loadMatrices(fa, &as[s][wm + lane % 16][kk + lane / 16 * 8], false);
      for (int j = 0; j < 2; j++) {
        uint32_t fb[2];
        loadMatrices(fb, &bs[s][kk + lane % 16][wn + j * 8], true);
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                     "{%0,%1,%2,%3};\n"
                     : "+f"(sum[j][0]), "+f"(sum[j][1]), "+f"(sum[j][2]), "+f"(sum[j][3])
                     : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[0]), "r"(fb[1]));
      }
    }
  }
  for (int j = 0; j < 2; j++)
    for (int e = 0; e < 4; e++)
      c[(row0 + wm + lane / 4 + e / 2 * 8) * n + column0 + wn + j * 8 + lane % 4 * 2 + e % 2] = sum[j][e];
}

// Zero-filled tails: the size that is read is an operand.
extern "C" __global__ void copy_tail(const float *in, float *out, int n) {
  __shared__ float buffer[128];
  int i = threadIdx.x;
  int size = i < n ? 4 : 0;
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;\n" ::"r"(sharedAddress(&buffer[i])),
               "l"(in + (i < n ? i : 0)), "r"(size));
  asm volatile("cp.async.wait_all;\n" ::);
  __syncthreads();
  out[i] = buffer[127 - i];
}
