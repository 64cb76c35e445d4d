// Copies to shared memory in the background: pipelines of libcu++ and the primitives of cuda_pipeline.h.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cooperative_groups.h>
#include <cuda/pipeline>
#include <cuda_pipeline.h>
namespace cg = cooperative_groups;

extern "C" __global__ void primitives(const float4 *in, float *out, int steps) {
  __shared__ float4 buffer[2][64];
  int t = threadIdx.x;
  __pipeline_memcpy_async(&buffer[0][t], &in[t], 16);
  __pipeline_commit();
  float sum = 0;
  for (int s = 0; s < steps; s++) {
    if (s + 1 < steps)
      __pipeline_memcpy_async(&buffer[(s + 1) % 2][t], &in[(s + 1) * 64 + t], 16);
    __pipeline_commit();
    __pipeline_wait_prior(1);
    __syncthreads();
    float4 v = buffer[s % 2][63 - t];
    sum += v.x - v.y + v.z - v.w;
    __syncthreads();
  }
  out[t] = sum;
}

extern "C" __global__ void pipeline(const int *in, int *out, int batches) {
  constexpr int stages = 3;
  __shared__ int buffer[stages][128];
  __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, stages> state;
  auto block = cg::this_thread_block();
  auto pipe = cuda::make_pipeline(block, &state);
  int sum = 0;
  for (int compute = 0, fetch = 0; compute < batches; compute++) {
    for (; fetch < batches && fetch < compute + stages; fetch++) {
      pipe.producer_acquire();
      cuda::memcpy_async(block, buffer[fetch % stages], in + fetch * 128, cuda::aligned_size_t<16>(512), pipe);
      pipe.producer_commit();
    }
    pipe.consumer_wait();
    sum += buffer[compute % stages][127 - threadIdx.x];
    pipe.consumer_release();
  }
  out[threadIdx.x] = sum;
}

extern "C" __global__ void one_thread(const int *in, int *out) {
  __shared__ int buffer[32][4];
  int t = threadIdx.x;
  cuda::pipeline<cuda::thread_scope_thread> pipe = cuda::make_pipeline();
  pipe.producer_acquire();
  cuda::memcpy_async(&buffer[t][0], &in[4 * t], cuda::aligned_size_t<16>(16), pipe);
  pipe.producer_commit();
  pipe.consumer_wait();
  out[t] = buffer[t][0] * buffer[t][3] + buffer[t][1] * buffer[t][2];
  pipe.consumer_release();
}
