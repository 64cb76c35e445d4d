// printf of every kind of argument.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <cstdio>

extern "C" __global__ void hello(int n) {
  if (threadIdx.x < n)
    printf("thread %d of %u: %5.2f %s|%-6s|%c %lld %llx %p %%\n", threadIdx.x, blockDim.x, threadIdx.x * 1.5,
           "text", threadIdx.x ? "odd" : "even", 'a' + threadIdx.x, -1234567890123ll, 0xdeadbeefcafeull,
           (void *)0x1234);
  if (threadIdx.x == 0)
    printf("%d%% of %e, %g, %x, %o, %05d, %+d\n", 50, 12345.678, 0.0001, 255, 8, 42, 7);
}
