#!/usr/bin/env python3
"""GPU run time, Tegula beside Triton: the seven kernels of kernels.py on a real GPU, results checked in fp64 first.

    python gpu_time.py [--peer PYTHON_WITH_TRITON] [--ours PYTHON] [--scale 1.0] [--repeat 20] [--kernels add,matmul]

Each compiler runs in a process of its own with the same buffers, grids, tiles and warps; memory and clocks are the
driver's (events around each launch, the second-level cache overwritten before it), so that neither needs PyTorch. Says
"no GPU" where there is none. Exit status 1 if a result is wrong, 2 if a row is missing.
"""
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import ctypes
import json
import math
import os
import statistics
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


class Gpu:
    """The driver, as far as memory and clocks go."""

    def __init__(self):
        self.lib = ctypes.CDLL("libcuda.so.1")
        count = ctypes.c_int(0)
        if self.lib.cuInit(0) != 0 or self.lib.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
            raise OSError("the driver has no GPU")
        context = ctypes.c_void_p()
        self("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
        self("cuCtxSetCurrent", context)
        self.flushed = 0

    def __call__(self, name, *args):
        result = getattr(self.lib, name)(*args)
        if result != 0:
            raise RuntimeError(f"{name} gave {result}")

    def name(self):
        text = ctypes.create_string_buffer(256)
        self("cuDeviceGetName", text, 256, 0)
        return text.value.decode()

    def allocate(self, size):
        address = ctypes.c_uint64()
        self("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
        return address.value

    def flush(self, size=256 << 20):
        self.flushed = self.flushed or self.allocate(size)
        self("cuMemsetD8_v2", ctypes.c_uint64(self.flushed), ctypes.c_ubyte(0), ctypes.c_size_t(size))

    def time(self, run, repeat):
        """Milliseconds of each of `repeat` runs."""
        events = []
        for _ in range(2 * repeat):
            event = ctypes.c_void_p()
            self("cuEventCreate", ctypes.byref(event), 0)
            events.append(event)
        for i in range(repeat):
            self.flush()
            self("cuEventRecord", events[2 * i], None)
            run()
            self("cuEventRecord", events[2 * i + 1], None)
        self("cuEventSynchronize", events[-1])
        times = []
        for i in range(repeat):
            ms = ctypes.c_float()
            self("cuEventElapsedTime", ctypes.byref(ms), events[2 * i], events[2 * i + 1])
            times.append(ms.value)
        return times


class Array:
    """Memory of the GPU under a dtype, as kernels of both compilers take it."""

    def __init__(self, gpu, host):
        self.gpu, self.host = gpu, host
        self.dtype, self.device = str(host.dtype), None
        self.address = gpu.allocate(host.nbytes)
        gpu("cuMemcpyHtoD_v2", ctypes.c_uint64(self.address), host.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(host.nbytes))

    def data_ptr(self):
        return self.address

    def read(self):
        out = np.empty_like(self.host)
        self.gpu("cuMemcpyDtoH_v2", out.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint64(self.address), ctypes.c_size_t(out.nbytes))
        return out.astype(np.float64)


# --- The cases: a launch, what it computes in fp64 on some rows, and its work


class Case:
    def __init__(self, launch, check, work, unit):
        self.launch, self.check = launch, check
        self.work, self.unit = work, unit  # bytes for GB/s, operations for TFLOP/s


def close(got, want, bound, name):
    error = np.max(np.abs(got - want)) / max(1.0, np.max(np.abs(want)))
    assert error <= bound, f"{name}: off by {error:.3g} of the largest value, bound {bound:.3g}"


def erf(x):
    return np.vectorize(math.erf)(x)


def cases(K, gpu, scale):
    rng = np.random.default_rng(0)

    def normal(*shape, dtype=np.float16):
        return Array(gpu, rng.standard_normal(shape).astype(dtype))

    def zeros(*shape, dtype=np.float16):
        return Array(gpu, np.zeros(shape, dtype))

    def size(n, step=128):
        return max(step, int(n * scale) // step * step)

    def make_add():
        n = size(1 << 26)
        x, y, o = normal(n, dtype=np.float32), normal(n, dtype=np.float32), zeros(n, dtype=np.float32)
        run = lambda: K.add[(n // 1024 + 1,)](x, y, o, n, BLOCK=1024, num_warps=4)  # noqa: E731
        return Case(run, lambda: close(o.read(), x.host.astype(np.float64) + y.host, 1e-6, "add"), 12 * n, "GB/s")

    def make_softmax():
        rows, cols = size(16384), 1024
        x, o = normal(rows, cols, dtype=np.float32), zeros(rows, cols, dtype=np.float32)
        run = lambda: K.softmax[(rows,)](o, x, cols, cols, cols, BLOCK=1024, num_warps=4)  # noqa: E731

        def check():
            e = np.exp(x.host.astype(np.float64) - x.host.max(1, keepdims=True))
            close(o.read(), e / e.sum(1, keepdims=True), 1e-5, "softmax")

        return Case(run, check, 8 * rows * cols, "GB/s")

    def make_matmul():
        n = size(4096)
        a, b, c = normal(n, n), normal(n, n), zeros(n, n)
        grid = (math.ceil(n / 128) ** 2,)
        run = lambda: K.matmul[grid](a, b, c, n, n, n, n, 1, n, 1, n, 1, BM=128, BN=128, BK=64, G=8, num_warps=8, num_stages=3)  # noqa: E731
        want = lambda: a.host[:64].astype(np.float64) @ b.host.astype(np.float64)  # noqa: E731
        return Case(run, lambda: close(c.read()[:64], want(), 2e-3, "matmul"), 2 * n**3, "TFLOP/s")

    def make_layernorm():
        rows, cols = size(8192), 4096
        x, y, w, b = normal(rows, cols), zeros(rows, cols), normal(cols), normal(cols)
        mean, rstd = zeros(rows, dtype=np.float32), zeros(rows, dtype=np.float32)
        run = lambda: K.layernorm[(rows,)](x, y, w, b, mean, rstd, cols, cols, 1e-5, BLOCK=1024, num_warps=4)  # noqa: E731

        def check():
            v = x.host[:64].astype(np.float64)
            v = (v - v.mean(1, keepdims=True)) / np.sqrt(v.var(1, keepdims=True) + 1e-5)
            close(y.read()[:64], v * w.host + b.host, 2e-3, "layernorm")

        return Case(run, check, 4 * rows * cols, "GB/s")

    def make_dropout():
        n = size(1 << 26)
        x, o = normal(n, dtype=np.float32), zeros(n, dtype=np.float32)
        run = lambda: K.dropout[(n // 1024 + 1,)](x, o, n, 0.5, 7, BLOCK=1024, num_warps=4)  # noqa: E731

        def check():
            got = o.read()
            kept = got != 0
            assert abs(kept.mean() - 0.5) < 0.01, f"dropout keeps {kept.mean():.3f}"
            close(got[kept], 2.0 * x.host[kept], 1e-6, "dropout")

        return Case(run, check, 8 * n, "GB/s")

    def make_attention():
        heads, n, d = 32, size(4096), 64
        q, k, v, o = normal(heads, n, d), normal(heads, n, d), normal(heads, n, d), zeros(heads, n, d)
        strides = (n * d, d) * 4
        grid = (math.ceil(n / 128), heads)
        run = lambda: K.attention[grid](q, k, v, o, 0.125, *strides, n, BM=128, BN=64, D=d, CAUSAL=True, num_warps=4, num_stages=3)  # noqa: E731

        def check():
            rows = 256
            s = 0.125 * q.host[0, :rows].astype(np.float64) @ k.host[0, :rows].astype(np.float64).T
            s = np.where(np.tri(rows, dtype=bool), s, -np.inf)
            p = np.exp(s - s.max(1, keepdims=True))
            close(o.read()[0, :rows], p / p.sum(1, keepdims=True) @ v.host[0, :rows], 2e-3, "attention")

        return Case(run, check, 2 * heads * n * n * d, "TFLOP/s")  # two products, half of each

    def make_linear_gelu():
        n = size(4096)
        x, w, b, y = normal(n, n), Array(gpu, (rng.standard_normal((n, n)) / math.sqrt(n)).astype(np.float16)), normal(n), zeros(n, n)
        grid = (math.ceil(n / 128), math.ceil(n / 64))
        run = lambda: K.linear_gelu[grid](x, w, b, y, n, n, n, n, n, n, BM=128, BN=64, BK=32, num_warps=4, num_stages=3)  # noqa: E731

        def check():
            z = x.host[:32].astype(np.float64) @ w.host.astype(np.float64) + b.host
            close(y.read()[:32], 0.5 * z * (1 + erf(z / math.sqrt(2))), 2e-3, "linear_gelu")

        return Case(run, check, 2 * n**3, "TFLOP/s")

    return {
        "add": make_add,
        "softmax": make_softmax,
        "matmul": make_matmul,
        "layernorm": make_layernorm,
        "dropout": make_dropout,
        "attention": make_attention,
        "linear_gelu": make_linear_gelu,
    }


def worker(names, scale, repeat):
    sys.path.insert(0, HERE)
    import kernels

    gpu = Gpu()
    if kernels._mod == "triton":
        from triton.backends.nvidia.driver import CudaDriver

        sys.modules.pop("torch", None)
        kernels.triton.runtime.driver.set_active(CudaDriver())
    for name, make in cases(kernels, gpu, scale).items():
        if names and name not in names:
            continue
        case = make()
        case.launch()
        gpu("cuCtxSynchronize")
        row = {"name": name, "unit": case.unit, "wrong": ""}
        try:
            case.check()
        except AssertionError as error:
            row["wrong"] = str(error)
        ms = statistics.median(gpu.time(case.launch, repeat))
        row["rate"] = case.work / (ms * 1e-3) / (1e9 if case.unit == "GB/s" else 1e12)
        print("ROW " + json.dumps(row), flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--peer", default="", help="a python that has Triton")
    p.add_argument("--ours", default=sys.executable, help="a python that has Tegula; empty to measure the peer alone")
    p.add_argument("--scale", type=float, default=1.0)
    p.add_argument("--repeat", type=int, default=20)
    p.add_argument("--kernels", default="")
    p.add_argument("--worker", action="store_true")
    a = p.parse_args()
    names = [name for name in a.kernels.split(",") if name]
    if a.worker:
        return worker(names, a.scale, a.repeat)
    try:
        print(f"GPU: {Gpu().name()}")
    except OSError as error:
        print(f"no GPU ({error})")
        return 0
    rows = {}
    wrong = False
    for lang, python in (("triton", a.peer), ("tegula", a.ours)):
        if not python:
            continue
        env = dict(os.environ, KERNEL_LANG=lang, TEGULA_DEVICE="cuda:0")
        command = [python, __file__, "--worker", "--scale", str(a.scale), "--repeat", str(a.repeat), "--kernels", a.kernels]
        run = subprocess.run(command, env=env, capture_output=True, text=True)
        for line in run.stdout.splitlines():
            if line.startswith("ROW "):
                row = json.loads(line[4:])
                rows.setdefault(row["name"], {})[lang] = row
                if row["wrong"]:
                    wrong = True
                    print(f"{lang}: {row['wrong']}", file=sys.stderr)
        if run.returncode:
            print(f"{lang}: {run.stderr[-4000:]}", file=sys.stderr)
    wanted = [lang for lang, python in (("triton", a.peer), ("tegula", a.ours)) if python]
    missing = False
    print(f"{'kernel':14}{'':9}" + "".join(f"{lang:>12}" for lang in wanted) + ("   Tegula/Triton" if len(wanted) == 2 else ""))
    for name in names or ("add", "softmax", "matmul", "layernorm", "dropout", "attention", "linear_gelu"):
        found = rows.get(name, {})
        rates = [found[lang]["rate"] if lang in found else math.nan for lang in wanted]
        missing |= len(found) < len(wanted)
        unit = next(iter(found.values()))["unit"] if found else ""
        ratio = f"{rates[1] / rates[0]:16.2f}" if len(wanted) == 2 else ""
        print(f"{name:14}{unit:9}" + "".join(f"{rate:12.1f}" for rate in rates) + ratio)
    return 2 if missing else int(wrong)


if __name__ == "__main__":
    sys.exit(main())
