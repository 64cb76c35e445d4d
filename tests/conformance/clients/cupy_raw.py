# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program of CuPy with a RawModule from the PTX file that it is given, for the emulated GPU."""

import sys

import cupy
import numpy as np

device = cupy.cuda.Device(0)
assert cupy.cuda.runtime.getDeviceCount() == 1
assert cupy.cuda.runtime.getDeviceProperties(0)["warpSize"] == 32
print("device", device.compute_capability)

axpy = cupy.RawModule(path=sys.argv[1]).get_function("axpy")
assert axpy.max_threads_per_block == 1024 and axpy.num_regs > 0
n = 5000
host = np.arange(n, dtype=np.float32), np.full(n, 0.5, np.float32)
x, y = (cupy.empty(n, cupy.float32) for _ in host)
x.set(host[0])
y.set(host[1])
stream, first, last = cupy.cuda.Stream(non_blocking=True), cupy.cuda.Event(), cupy.cuda.Event()
with stream:
    first.record()
    axpy((40,), (128,), (np.float32(3), x, y, np.int32(n)))
    last.record()
other = cupy.cuda.Stream()
other.wait_event(last)
axpy((40,), (128,), (np.float32(3), x, y, np.int32(n)), stream=other)
assert (y.get(stream=other) == 6 * host[0] + 0.5).all()
last.synchronize()
assert cupy.cuda.get_elapsed_time(first, last) > 0
print("kernel, streams and events")

pool = cupy.get_default_memory_pool()
assert pool.used_bytes() > 0
del x, y
pool.free_all_blocks()
assert pool.used_bytes() == 0
free, total = device.mem_info
assert 0 < free <= total
pinned = cupy.cuda.alloc_pinned_memory(400)
array = np.frombuffer(pinned, np.float32, 100)
array[...] = 7
copied = cupy.empty(100, cupy.float32)
copied.set(array)
assert (copied.get() == 7).all()
print("memory")
