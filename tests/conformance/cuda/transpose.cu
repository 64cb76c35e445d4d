// Transposes through shared memory: with a padded tile, with a swizzled one, in place.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

constexpr int tile = 32;

extern "C" __global__ void transpose_padded(const float *in, float *out, int rows, int columns) {
  __shared__ float buffer[tile][tile + 1];
  int x = blockIdx.x * tile + threadIdx.x, y = blockIdx.y * tile + threadIdx.y;
  for (int k = 0; k < tile; k += blockDim.y)
    if (y + k < rows && x < columns)
      buffer[threadIdx.y + k][threadIdx.x] = in[(y + k) * columns + x];
  __syncthreads();
  x = blockIdx.y * tile + threadIdx.x, y = blockIdx.x * tile + threadIdx.y;
  for (int k = 0; k < tile; k += blockDim.y)
    if (y + k < columns && x < rows)
      out[(y + k) * rows + x] = buffer[threadIdx.x][threadIdx.y + k];
}

extern "C" __global__ void transpose_swizzled(const float *in, float *out, int n) {
  __shared__ float buffer[tile * tile];
  int x = blockIdx.x * tile + threadIdx.x, y = blockIdx.y * tile + threadIdx.y;
  buffer[threadIdx.y * tile + (threadIdx.x ^ threadIdx.y)] = in[y * n + x];
  __syncthreads();
  out[(blockIdx.x * tile + threadIdx.y) * n + blockIdx.y * tile + threadIdx.x] =
      buffer[threadIdx.x * tile + (threadIdx.y ^ threadIdx.x)];
}

// One block: every thread reads before any writes.
extern "C" __global__ void transpose_in_place(double *m, int n) {
  int i = threadIdx.x;
  for (int j = 0; j < n; j++) {
    double a = 0, b = 0;
    bool mine = i < n && j < i;
    if (mine)
      a = m[i * n + j], b = m[j * n + i];
    if (mine)
      m[i * n + j] = b, m[j * n + i] = a;
  }
}
