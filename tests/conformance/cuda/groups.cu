// Cooperative groups: tiles, coalesced groups, reduce and scan, barriers of parts, copies, and the whole grid.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>
namespace cg = cooperative_groups;

extern "C" __global__ void tiles(const int *in, int *out) {
  cg::thread_block block = cg::this_thread_block();
  auto tile = cg::tiled_partition<8>(block);
  int x = in[block.thread_rank()];
  for (int by = tile.size() / 2; by; by /= 2)
    x += tile.shfl_down(x, by);
  if (tile.thread_rank() == 0)
    out[tile.meta_group_rank()] = x;
}

extern "C" __global__ void tile_votes(const int *in, unsigned *out) {
  auto tile = cg::tiled_partition<4>(cg::this_thread_block());
  int x = in[threadIdx.x];
  unsigned ballot = tile.ballot(x % 2);
  out[threadIdx.x] = ballot | tile.any(x > 90) << 8 | tile.all(x > 10) << 9 | tile.match_any(x % 2) << 16;
}

extern "C" __global__ void coalesced(int *counter, int *order) {
  int t = threadIdx.x;
  if (t % 3 == 0) {
    cg::coalesced_group active = cg::coalesced_threads();
    int first = 0;
    if (active.thread_rank() == 0)
      first = atomicAdd(counter, active.size());
    order[t] = active.shfl(first, 0) + active.thread_rank();
  }
}

extern "C" __global__ void reduce_and_scan(const int *in, int *sums, int *scans, float *greatest) {
  auto warp = cg::tiled_partition<32>(cg::this_thread_block());
  auto small = cg::tiled_partition<16>(cg::this_thread_block());
  int x = in[threadIdx.x];
  sums[threadIdx.x] = cg::reduce(warp, x, cg::plus<int>());
  scans[threadIdx.x] = cg::exclusive_scan(small, x, cg::plus<int>());
  greatest[threadIdx.x] = cg::reduce(small, float(x), cg::greater<float>());
}

extern "C" __global__ void labelled(const int *label, int *out) {
  auto warp = cg::tiled_partition<32>(cg::this_thread_block());
  auto mine = cg::labeled_partition(warp, label[threadIdx.x]);
  out[threadIdx.x] = mine.size() * 100 + mine.thread_rank();
}

extern "C" __global__ void staged_copy(const int *in, int *out, int n) {
  extern __shared__ int stage[];
  cg::thread_block block = cg::this_thread_block();
  cg::memcpy_async(block, stage, in, sizeof(int) * n);
  cg::wait(block);
  for (int i = block.thread_rank(); i < n; i += block.size())
    out[i] = stage[n - 1 - i] + 1;
}

// Jacobi steps with the grid in step: needs a cooperative launch.
extern "C" __global__ void diffuse(float *a, float *b, int n, int steps) {
  cg::grid_group grid = cg::this_grid();
  for (int s = 0; s < steps; s++) {
    for (int i = grid.thread_rank(); i < n; i += grid.size()) {
      float left = i ? a[i - 1] : 0, right = i + 1 < n ? a[i + 1] : 0;
      b[i] = 0.25f * left + 0.5f * a[i] + 0.25f * right;
    }
    grid.sync();
    float *t = a;
    a = b;
    b = t;
  }
}
