// Locks: a mutex by compare-and-swap, a ticket lock, one lock a bucket; and the last block adds up.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

__device__ int mutex, next, serving;

extern "C" __global__ void with_mutex(int *counter) {
  bool done = false;
  while (!done) {
    if (atomicCAS(&mutex, 0, 1) == 0) {
      __threadfence();
      *counter += 1;
      __threadfence();
      atomicExch(&mutex, 0);
      done = true;
    }
  }
}

extern "C" __global__ void with_tickets(int *log) {
  if (threadIdx.x)
    return;
  int ticket = atomicAdd(&next, 1);
  while (atomicAdd(&serving, 0) != ticket)
    __nanosleep(20);
  __threadfence();
  int n = log[0];
  log[n + 1] = ticket;
  log[0] = n + 1;
  __threadfence();
  atomicAdd(&serving, 1);
}

// A list at each bucket, pushed without locks.
struct Node {
  int value;
  Node *next;
};
extern "C" __global__ void push(Node *nodes, unsigned long long *heads, const int *values, int buckets) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  Node *node = &nodes[i];
  node->value = values[i];
  unsigned long long *head = &heads[values[i] % buckets], seen = atomicAdd(head, 0ull), before;
  do {
    before = seen;
    node->next = reinterpret_cast<Node *>(before);
    __threadfence();
    seen = atomicCAS(head, before, reinterpret_cast<unsigned long long>(node));
  } while (seen != before);
}

__device__ unsigned finished;
extern "C" __global__ void last_block_adds(const float *in, float *partial, float *total) {
  __shared__ float shared[128];
  __shared__ bool last;
  shared[threadIdx.x] = in[blockIdx.x * 128 + threadIdx.x];
  __syncthreads();
  for (int by = 64; by; by /= 2) {
    if (threadIdx.x < by)
      shared[threadIdx.x] += shared[threadIdx.x + by];
    __syncthreads();
  }
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = shared[0];
    __threadfence();
    last = atomicInc(&finished, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (last && threadIdx.x == 0) {
    __threadfence();
    float sum = 0;
    for (int k = 0; k < gridDim.x; k++)
      sum += partial[k];
    *total = sum;
  }
}
