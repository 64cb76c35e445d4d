// Block and warp primitives of CUB.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cub/block/block_exchange.cuh>
#include <cub/block/block_histogram.cuh>
#include <cub/block/block_load.cuh>
#include <cub/block/block_radix_sort.cuh>
#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>
#include <cub/block/block_store.cuh>
#include <cub/warp/warp_merge_sort.cuh>
#include <cub/warp/warp_reduce.cuh>
#include <cub/warp/warp_scan.cuh>

constexpr int threads = 128, items = 4;

template <cub::BlockReduceAlgorithm algorithm> __device__ void sums(const int *in, int *out) {
  using Reduce = cub::BlockReduce<int, threads, algorithm>;
  __shared__ typename Reduce::TempStorage storage;
  int sum = Reduce(storage).Sum(in[threadIdx.x]);
  __syncthreads();
  int best = Reduce(storage).Reduce(in[threadIdx.x], [](int a, int b) { return a > b ? a : b; }, 100);
  if (threadIdx.x == 0)
    out[0] = sum, out[1] = best;
}
extern "C" __global__ void reduce(const int *in, int *out) {
  sums<cub::BLOCK_REDUCE_WARP_REDUCTIONS>(in, out);
  __syncthreads();
  sums<cub::BLOCK_REDUCE_RAKING>(in, out + 2);
}

extern "C" __global__ void scan(const int *in, int *out) {
  using Load = cub::BlockLoad<int, threads, items, cub::BLOCK_LOAD_TRANSPOSE>;
  using Store = cub::BlockStore<int, threads, items, cub::BLOCK_STORE_WARP_TRANSPOSE>;
  using Scan = cub::BlockScan<int, threads, cub::BLOCK_SCAN_RAKING>;
  __shared__ union {
    typename Load::TempStorage load;
    typename Store::TempStorage store;
    typename Scan::TempStorage scan;
  } storage;
  int x[items], total;
  Load(storage.load).Load(in, x);
  __syncthreads();
  Scan(storage.scan).ExclusiveSum(x, x, total);
  __syncthreads();
  Store(storage.store).Store(out, x);
  if (threadIdx.x == 0)
    out[threads * items] = total;
}

extern "C" __global__ void sort(const float *in, const int *values, float *keys, int *order) {
  using Sort = cub::BlockRadixSort<float, threads, items, int>;
  __shared__ typename Sort::TempStorage storage;
  float k[items];
  int v[items];
  for (int e = 0; e < items; e++)
    k[e] = in[threadIdx.x * items + e], v[e] = values[threadIdx.x * items + e];
  Sort(storage).Sort(k, v);
  for (int e = 0; e < items; e++)
    keys[threadIdx.x * items + e] = k[e], order[threadIdx.x * items + e] = v[e];
}

extern "C" __global__ void histogram(const unsigned char *in, unsigned *out) {
  using Histogram = cub::BlockHistogram<unsigned char, threads, items, 64, cub::BLOCK_HISTO_SORT>;
  __shared__ typename Histogram::TempStorage storage;
  __shared__ unsigned bins[64];
  unsigned char x[items];
  for (int e = 0; e < items; e++)
    x[e] = in[threadIdx.x * items + e];
  Histogram(storage).Histogram(x, bins);
  __syncthreads();
  if (threadIdx.x < 64)
    out[threadIdx.x] = bins[threadIdx.x];
}

extern "C" __global__ void exchange(const int *in, int *out) {
  using Exchange = cub::BlockExchange<int, threads, items>;
  __shared__ typename Exchange::TempStorage storage;
  int x[items];
  for (int e = 0; e < items; e++)
    x[e] = in[threadIdx.x * items + e];
  Exchange(storage).BlockedToStriped(x, x);
  for (int e = 0; e < items; e++)
    out[threadIdx.x * items + e] = x[e];
}

extern "C" __global__ void warps(const int *in, int *sums, int *prefix, int *sorted) {
  __shared__ typename cub::WarpReduce<int>::TempStorage reduceStorage[threads / 32];
  __shared__ typename cub::WarpScan<int>::TempStorage scanStorage[threads / 32];
  __shared__ typename cub::WarpMergeSort<int, 1, 32>::TempStorage sortStorage[threads / 32];
  int warp = threadIdx.x / 32, x = in[threadIdx.x], scanned, key[1] = {x};
  int sum = cub::WarpReduce<int>(reduceStorage[warp]).Sum(x);
  if (threadIdx.x % 32 == 0)
    sums[warp] = sum;
  cub::WarpScan<int>(scanStorage[warp]).InclusiveSum(x, scanned);
  prefix[threadIdx.x] = scanned;
  cub::WarpMergeSort<int, 1, 32>(sortStorage[warp]).Sort(key, [](int a, int b) { return a < b; });
  sorted[threadIdx.x] = key[0];
}
