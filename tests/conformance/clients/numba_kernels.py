# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program of Numba's CUDA target, for the emulated GPU."""

import numpy as np
from numba import cuda, float32


@cuda.jit
def axpy(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] += a * x[i]


@cuda.jit
def total(x, out):
    part = cuda.shared.array(128, float32)
    t = cuda.threadIdx.x
    part[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    n = 64
    while n > 0:
        if t < n:
            part[t] += part[t + n]
        cuda.syncthreads()
        n //= 2
    if t == 0:
        cuda.atomic.add(out, 0, part[0])


x = np.arange(896, dtype=np.float32)
on_device = cuda.to_device(np.ones(896, np.float32))
stream = cuda.stream()
axpy[7, 128, stream](2.0, cuda.to_device(x), on_device)
stream.synchronize()
assert (on_device.copy_to_host() == 1 + 2 * x).all()
out = np.zeros(1, np.float32)
total[7, 128](x, out)
assert out[0] == x.sum()
print("kernels")
