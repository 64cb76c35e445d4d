// hello.cu - the least program of the runtime API
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cstdio>

__global__ void hello(int *answer) {
  printf("hello from thread %d\n", threadIdx.x);
  *answer = 42;
}

int main() {
  int *answer = nullptr, got = 0;
  cudaMalloc(&answer, sizeof *answer);
  hello<<<1, 2>>>(answer);
  cudaMemcpy(&got, answer, sizeof got, cudaMemcpyDeviceToHost);
  if (cudaGetLastError() != cudaSuccess)
    return 1;
  printf("%d\n", got);
  return 0;
}
