# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The seven kernels of tests/bench/kernels.py: how to launch each, and what NumPy makes of it."""

import math

import numpy as np
import shadow
from cases import philox
from ptx import Request
from shadow import Shadow, cast, check, dot, exp2, maximum, where

SMALL = {
    "add": {},
    "softmax": {},
    "matmul": {"BM": 64, "BN": 32, "BK": 32, "G": 2},
    "layernorm": {"BLOCK": 256},
    "dropout": {"BLOCK": 512},
    "attention": {"BM": 64, "BN": 32, "D": 32},
    "linear_gelu": {"BM": 32, "BN": 64, "BK": 32},
}
ANY = {  # arguments that stay divisible by 16 when the extents are odd
    "add": ["x_ptr", "y_ptr", "o_ptr"],
    "softmax": ["o_ptr", "x_ptr"],
    "matmul": ["a_ptr", "b_ptr", "c_ptr"],
    "layernorm": ["x_ptr", "y_ptr", "w_ptr", "b_ptr"],
    "dropout": ["x_ptr", "o_ptr"],
    "attention": ["q_ptr", "k_ptr", "v_ptr", "o_ptr"],
    "linear_gelu": ["x_ptr", "w_ptr", "b_ptr", "y_ptr"],
}


def requests(name, arch):
    """As the benchmark has it; with small blocks; and for extents that are odd."""
    small = tuple(SMALL[name].items())
    return [
        Request(arch, case=name),
        Request(arch, case=name, constexprs=small),
        Request(arch, case=name, constexprs=small, divisible=tuple(ANY[name])),
    ]


def numbers(seed, *shape, dtype=np.float32, whole=False):
    g = np.random.default_rng(seed)
    return (g.integers(-3, 4, shape) if whole else g.standard_normal(shape)).astype(dtype)


# --- A function a kernel: launches it and gives (what it computed, what it should have, kind of the result)


def run_add(kernel, n, how, whole=False):
    x, y, o = numbers(1, n), numbers(2, n), np.zeros(n, np.float32)
    kernel(-(-n // 1024), x, y, o, n, **how)
    return o, Shadow(x) + y, "f32"


def run_softmax(kernel, shape, how, whole=False):
    rows, columns = shape
    x, o = numbers(1, rows, columns), np.zeros((rows, columns), np.float32)
    x[1, -1] = x[2, 0] = 200  # a maximum that is missed makes infinities of these
    kernel(rows, o, x, columns, columns, columns, **how)
    e = shadow.exp(Shadow(x) - x.max(1, keepdims=True))
    total = e.sum(1)
    return o, e / total[:, None], "f32"


def run_matmul(kernel, shape, how, whole=False, blocks=(128, 128)):
    m, n, k = shape
    a, b = numbers(1, m, k, dtype=np.float16, whole=whole), numbers(2, k, n, dtype=np.float16, whole=whole)
    c = np.zeros((m, n), np.float16)
    grid = -(-m // blocks[0]) * -(-n // blocks[1])
    kernel(grid, a, b, c, m, n, k, k, n, n, **how)
    return c, dot(a, b), "f16"


def run_layernorm(kernel, shape, how, whole=False):
    rows, n = shape
    x, w, b = (numbers(s, *d, dtype=np.float16) for s, d in ((1, (rows, n)), (2, (n,)), (3, (n,))))
    y, mean, rstd = np.zeros((rows, n), np.float16), np.zeros(rows, np.float32), np.zeros(rows, np.float32)
    kernel(rows, x, y, w, b, mean, rstd, n, n, 1e-5, **how)
    m = Shadow(x).sum(1) / float(n)
    d = Shadow(x) - m[:, None]
    r = 1.0 / shadow.sqrt((d * d).sum(1) / float(n) + Shadow(1e-5, 1e-12))
    check(mean, m, share=1)  # of a mean near zero the bound is no small part
    check(rstd, r)
    # The product and the sum with w and b, both f16, are in f32.
    return y, d * r[:, None] * w + b, "f16"


def run_dropout(kernel, n, how, whole=False, block=1024):
    x, o = numbers(1, n), np.full(n, 7, np.float32)
    p, seed = 0.3, 1234
    kernel(-(-n // block), x, o, n, p, seed, **how)
    bits = philox(seed, np.arange(n)).view(np.int32)
    uniform = np.where(bits < 0, -bits - 1, bits).astype(np.float32) * np.float32(4.6566127342e-10)
    keep = uniform > np.float32(p)
    assert 0.6 < keep.mean() < 0.8
    return o, where(keep, Shadow(x) / (1 - Shadow(np.float32(p))), 0.0), "f32"


def run_attention(kernel, shape, how, whole=False, blocks=(128, 64)):
    heads, n, d = shape
    bm, bn = blocks
    q, k, v = (numbers(s, heads, n, d, dtype=np.float16) for s in (1, 2, 3))
    o = np.zeros((heads, n, d), np.float16)
    scale = 1 / math.sqrt(d)
    strides = [n * d, d] * 4
    kernel((-(-n // bm), heads), q, k, v, o, scale, *strides, n, **how)
    parts = []
    for h in range(heads):
        top, total, acc = Shadow(np.full(n, -np.inf)), Shadow(np.zeros(n)), Shadow(np.zeros((n, d)))
        s = np.float64(np.float32(scale))
        factor = Shadow(s) * Shadow(1.44269504, 1e-7)
        for at in range(0, n, bn):
            ok = np.arange(n)[:, None] >= np.arange(at, min(at + bn, n))[None, :]
            if not ok.any():
                continue
            qk = dot(q[h], k[h, at : at + bn].T) * factor
            qk = where(ok, qk, -np.inf)
            new = maximum(top, qk.max(1))
            with np.errstate(invalid="ignore"):
                live = np.isfinite(new.v)
                e = qk - new[:, None]
                e = where(ok & live[:, None], e, -np.inf)
                alpha = exp2(where(live & np.isfinite(top.v), top - new, -np.inf))
            p = exp2(e)
            total = total * alpha + p.sum(1)
            acc = dot(cast(p, "f16"), v[h, at : at + bn], acc * alpha[:, None], inner=bn)
            top = new
        parts.append(acc / total[:, None])
    return o, Shadow(np.stack([x.v for x in parts]), np.stack([x.e for x in parts])), "f16"


def run_linear_gelu(kernel, shape, how, whole=False, blocks=(128, 64)):
    m, n, k = shape
    x, w, b = (numbers(s, *d, dtype=np.float16) for s, d in ((1, (m, k)), (2, (k, n)), (3, (n,))))
    y = np.zeros((m, n), np.float16)
    kernel((-(-m // blocks[0]), -(-n // blocks[1])), x, w, b, y, m, n, k, k, n, n, **how)
    z = dot(x, w) + b
    return y, 0.5 * z * (1.0 + shadow.erf(z * Shadow(0.7071067811865476, 1e-8))), "f16"


RUN = {
    "add": run_add,
    "softmax": run_softmax,
    "matmul": run_matmul,
    "layernorm": run_layernorm,
    "dropout": run_dropout,
    "attention": run_attention,
    "linear_gelu": run_linear_gelu,
}
# name: shape as in the benchmark's form; with small blocks and extents that 16 divides; with odd ones
SHAPES = {
    "add": [4096, 1008, 2777],
    "softmax": [(5, 1024), (3, 992), (4, 781)],
    "matmul": [(128, 256, 192), (112, 80, 96), (75, 41, 53)],
    "layernorm": [(3, 1024), (3, 752), (3, 333)],
    "dropout": [2048, 1040, 1777],
    "attention": [(1, 192, 64), (2, 96, 32), (1, 77, 32)],
    "linear_gelu": [(128, 128, 64), (48, 80, 96), (39, 70, 45)],
}
BLOCKS = {"matmul": (64, 32), "attention": (64, 32), "linear_gelu": (32, 64), "dropout": 512}


def arguments(name, form):
    if form == 0 or name not in BLOCKS:
        return {}
    return {"block" if name == "dropout" else "blocks": BLOCKS[name]}


def run(kernel, name, form, how):
    got, expected, kind = RUN[name](kernel, SHAPES[name][form], how, **arguments(name, form))
    check(got, expected, kind)
