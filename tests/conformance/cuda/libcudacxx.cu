// libcu++: atomics with orders and scopes, barriers, semaphores, complex numbers, thrust's device side.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cuda/atomic>
#include <cuda/barrier>
#include <cuda/semaphore>
#include <cuda/std/complex>
#include <thrust/binary_search.h>
#include <thrust/execution_policy.h>
#include <thrust/sort.h>

extern "C" __global__ void message(int *data, int *flag, int *out) {
  cuda::atomic_ref<int, cuda::thread_scope_device> ready(*flag);
  if (blockIdx.x == 0) {
    data[threadIdx.x] = threadIdx.x * 3;
    __syncthreads();
    if (threadIdx.x == 0)
      ready.store(1, cuda::memory_order_release);
  } else {
    if (threadIdx.x == 0)
      while (ready.load(cuda::memory_order_acquire) == 0) {
      }
    __syncthreads();
    out[(blockIdx.x - 1) * blockDim.x + threadIdx.x] = data[threadIdx.x];
  }
}

extern "C" __global__ void orders(int *counter, float *sum, unsigned long long *greatest) {
  cuda::atomic_ref<int, cuda::thread_scope_device> c(*counter);
  c.fetch_add(1, cuda::memory_order_relaxed);
  c.fetch_add(2, cuda::memory_order_acq_rel);
  c.fetch_sub(1, cuda::memory_order_seq_cst);
  cuda::atomic_ref<float, cuda::thread_scope_device> s(*sum);
  s.fetch_add(0.5f, cuda::memory_order_relaxed);
  cuda::atomic_ref<unsigned long long, cuda::thread_scope_system> g(*greatest);
  g.fetch_max(threadIdx.x * 7919ull % 1009);
  int expected = 0;
  cuda::atomic_ref<int, cuda::thread_scope_block> none(counter[1]);
  none.compare_exchange_strong(expected, int(threadIdx.x) + 1, cuda::memory_order_acquire);
}

extern "C" __global__ void barrier(const int *in, int *out) {
  __shared__ int data[64];
#pragma nv_diag_suppress static_var_with_dynamic_init
  __shared__ cuda::barrier<cuda::thread_scope_block> bar;
  if (threadIdx.x == 0)
    init(&bar, blockDim.x);
  __syncthreads();
  int x = 0;
  for (int round = 0; round < 3; round++) {
    data[threadIdx.x] = in[threadIdx.x] + round;
    bar.arrive_and_wait();
    x += data[63 - threadIdx.x];
    auto token = bar.arrive();
    bar.wait(cuda::std::move(token));
  }
  out[threadIdx.x] = x;
}

extern "C" __global__ void semaphore(int *inside, int *most) {
  __shared__ cuda::counting_semaphore<cuda::thread_scope_block, 3> places;
  if (threadIdx.x == 0)
    new (&places) cuda::counting_semaphore<cuda::thread_scope_block, 3>(3);
  __syncthreads();
  places.acquire();
  atomicMax(most, atomicAdd(inside, 1) + 1);
  atomicSub(inside, 1);
  places.release();
}

extern "C" __global__ void complex(const float2 *a, const float2 *b, float2 *out) {
  cuda::std::complex<float> x(a[threadIdx.x].x, a[threadIdx.x].y), y(b[threadIdx.x].x, b[threadIdx.x].y);
  auto z = x * y + y / x;
  out[threadIdx.x] = make_float2(z.real(), z.imag());
}

extern "C" __global__ void sequential(int *x, const int *wanted, int *found, int n) {
  int *mine = x + threadIdx.x * n;
  thrust::sort(thrust::seq, mine, mine + n);
  found[threadIdx.x] = thrust::lower_bound(thrust::seq, mine, mine + n, wanted[threadIdx.x]) - mine;
}
