// Algorithms: tiled matrix product, sparse product, breadth-first search, a hash table, edit distance, SHA-256.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

template <int tile> __device__ void product(const float *a, const float *b, float *c, int m, int n, int k) {
  __shared__ float as[tile][tile], bs[tile][tile];
  int row = blockIdx.y * tile + threadIdx.y, column = blockIdx.x * tile + threadIdx.x;
  float sum = 0;
  for (int at = 0; at < k; at += tile) {
    as[threadIdx.y][threadIdx.x] = row < m && at + threadIdx.x < k ? a[row * k + at + threadIdx.x] : 0;
    bs[threadIdx.y][threadIdx.x] = at + threadIdx.y < k && column < n ? b[(at + threadIdx.y) * n + column] : 0;
    __syncthreads();
#pragma unroll
    for (int e = 0; e < tile; e++)
      sum += as[threadIdx.y][e] * bs[e][threadIdx.x];
    __syncthreads();
  }
  if (row < m && column < n)
    c[row * n + column] = sum;
}
extern "C" __global__ void tiled_product(const float *a, const float *b, float *c, int m, int n, int k) {
  product<16>(a, b, c, m, n, k);
}

// A warp a row.
extern "C" __global__ void sparse_product(const int *start, const int *column, const double *value, const double *x,
                                          double *y, int rows) {
  int row = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
  if (row >= rows)
    return;
  double sum = 0;
  for (int k = start[row] + lane; k < start[row + 1]; k += 32)
    sum += value[k] * x[column[k]];
  for (int by = 16; by; by /= 2)
    sum += __shfl_down_sync(0xffffffff, sum, by);
  if (lane == 0)
    y[row] = sum;
}

extern "C" __global__ void search_step(const int *start, const int *next, int *distance, const int *front, int size,
                                       int *newFront, int *newSize, int level) {
  int k = blockIdx.x * blockDim.x + threadIdx.x;
  if (k >= size)
    return;
  int node = front[k];
  for (int e = start[node]; e < start[node + 1]; e++)
    if (atomicCAS(&distance[next[e]], -1, level) == -1)
      newFront[atomicAdd(newSize, 1)] = next[e];
}

extern "C" __global__ void insert(unsigned *keys, unsigned *counts, const unsigned *in, int n, int slots) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n)
    return;
  unsigned key = in[i], slot = key * 2654435761u % slots;
  while (true) {
    unsigned seen = atomicCAS(&keys[slot], 0xffffffffu, key);
    if (seen == 0xffffffffu || seen == key)
      break;
    slot = (slot + 1) % slots;
  }
  atomicAdd(&counts[slot], 1);
}

// Diagonals of the table, one after the other.
extern "C" __global__ void edit_distance(const char *a, const char *b, int n, int m, int *out) {
  __shared__ int rows[3][66];
  int t = threadIdx.x;
  for (int d = 0; d <= n + m; d++) {
    int i = t, j = d - t;
    if (i <= n && j >= 0 && j <= m) {
      int best;
      if (i == 0 || j == 0)
        best = i + j;
      else
        best = min(min(rows[(d + 2) % 3][i - 1] + 1, rows[(d + 2) % 3][i] + 1),
                   rows[(d + 1) % 3][i - 1] + (a[i - 1] != b[j - 1]));
      rows[d % 3][i] = best;
      if (i == n && j == m)
        *out = best;
    }
    __syncthreads();
  }
}

__constant__ unsigned rounds[64];
__device__ unsigned turn(unsigned x, int by) { return x >> by | x << (32 - by); }
extern "C" __global__ void sha256(const unsigned *blocks, unsigned *out) {
  unsigned w[64], s[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (int k = 0; k < 16; k++)
    w[k] = __byte_perm(blocks[threadIdx.x * 16 + k], 0, 0x0123);
  for (int k = 16; k < 64; k++)
    w[k] = w[k - 16] + w[k - 7] + (turn(w[k - 15], 7) ^ turn(w[k - 15], 18) ^ w[k - 15] >> 3) +
           (turn(w[k - 2], 17) ^ turn(w[k - 2], 19) ^ w[k - 2] >> 10);
  unsigned v[8];
  for (int k = 0; k < 8; k++)
    v[k] = s[k];
  for (int k = 0; k < 64; k++) {
    unsigned t1 = v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
                  rounds[k] + w[k];
    unsigned t2 = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
    for (int e = 7; e; e--)
      v[e] = v[e - 1];
    v[4] += t1;
    v[0] = t1 + t2;
  }
  for (int k = 0; k < 8; k++)
    out[threadIdx.x * 8 + k] = s[k] + v[k];
}

extern "C" __global__ void life(const unsigned char *in, unsigned char *out, int n) {
  int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y, near = 0;
  for (int dy = -1; dy <= 1; dy++)
    for (int dx = -1; dx <= 1; dx++)
      near += (dx || dy) && in[(y + dy + n) % n * n + (x + dx + n) % n];
  out[y * n + x] = near == 3 || (near == 2 && in[y * n + x]);
}
