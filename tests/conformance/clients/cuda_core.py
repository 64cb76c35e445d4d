# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program of cuda.core and cuda.bindings, with NVRTC, for the emulated GPU."""

import os

import numpy as np
from cuda.bindings import driver
from cuda.core import (
    Device,
    EventOptions,
    LaunchConfig,
    Linker,
    LinkerOptions,
    ObjectCode,
    Program,
    ProgramOptions,
    launch,
)

TEXT = """
template <typename T> __global__ void axpy(T a, const T *x, T *y, size_t n) {
  const size_t step = gridDim.x * static_cast<size_t>(blockDim.x);
  for (size_t i = blockIdx.x * static_cast<size_t>(blockDim.x) + threadIdx.x; i < n; i += step)
    y[i] += a * x[i];
}
extern "C" __global__ void reverse(int *data) {
  extern __shared__ int buffer[];
  buffer[threadIdx.x] = data[threadIdx.x];
  __syncthreads();
  data[threadIdx.x] = buffer[blockDim.x - 1 - threadIdx.x];
}
extern __device__ int twice(int);
"""


def check(result):
    if result[0] != driver.CUresult.CUDA_SUCCESS:
        raise RuntimeError(result[0])
    return result[1] if len(result) == 2 else result[1:]


def upload(device, stream, array):
    buffer = device.allocate(array.nbytes, stream=stream)
    check(driver.cuMemcpyHtoDAsync(int(buffer.handle), array.ctypes.data, array.nbytes, int(stream.handle)))
    return buffer


def download(stream, buffer, array):
    check(driver.cuMemcpyDtoHAsync(array.ctypes.data, int(buffer.handle), array.nbytes, int(stream.handle)))
    stream.sync()
    return array


device = Device(0)
device.set_current()
major, minor = device.compute_capability
assert f"sm_{major}{minor}" == os.environ["TEGULA_EMU_ARCH"]
assert device.properties.warp_size == 32 and device.properties.multiprocessor_count > 0
print("device")

options = ProgramOptions(std="c++17", arch=f"compute_{major}{minor}")
code = Program(TEXT, "c++", options).compile("ptx", name_expressions=("axpy<float>", "axpy<double>"))
stream, other = device.create_stream(), device.create_stream()
for name, dtype in (("axpy<float>", np.float32), ("axpy<double>", np.float64)):
    n = 10_000
    x, y = np.arange(n, dtype=dtype), np.full(n, 0.5, dtype)
    buffers = [upload(device, stream, a) for a in (x, y)]
    kernel = code.get_kernel(name)
    first = stream.record(options=EventOptions(timing_enabled=True))
    launch(stream, LaunchConfig(grid=7, block=128), kernel, dtype(2), *buffers, np.uint64(n))
    last = stream.record(options=EventOptions(timing_enabled=True))
    other.wait(last)
    launch(other, LaunchConfig(grid=7, block=128), kernel, dtype(2), *buffers, np.uint64(n))
    got = download(other, buffers[1], np.empty_like(y))
    assert (got == 4 * x + 0.5).all()
    assert last - first > 0 and last.is_done
print("kernels, streams and events")

data = np.arange(256, dtype=np.int32)
buffer = upload(device, stream, data)
kernel = code.get_kernel("reverse")
assert kernel.attributes.max_threads_per_block == 1024
assert kernel.occupancy.max_active_blocks_per_multiprocessor(256, 1024) >= 4
launch(stream, LaunchConfig(grid=1, block=256, shmem_size=1024), kernel, buffer)
assert (download(stream, buffer, np.empty_like(data)) == data[::-1]).all()
buffer.close(stream)
print("shared memory")

parts = [
    Program(
        text, "c++", ProgramOptions(arch=f"compute_{major}{minor}", relocatable_device_code=True)
    ).compile("ptx")
    for text in (
        "__device__ int twice(int v) { return 2 * v; }",
        'extern __device__ int twice(int); extern "C" __global__ void k(int *p) { *p = twice(*p); }',
    )
]
linked = Linker(*parts, options=LinkerOptions(arch=f"sm_{major}{minor}")).link("cubin")
buffer = upload(device, stream, np.array([21], np.int32))
launch(stream, LaunchConfig(grid=1, block=1), linked.get_kernel("k"), buffer)
assert download(stream, buffer, np.zeros(1, np.int32)) == 42
print("linking")

try:
    ObjectCode.from_ptx(b".version 7.0\n.target sm_75\n.address_size 64\nwrong").get_kernel("k")
except Exception as error:
    assert "PTX" in str(error), error
    print("errors")
