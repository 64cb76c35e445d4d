# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A problem for each kernel of tests/bench/kernels.py: its data, its grid, and what NumPy makes of it in fp64.

Whatever CASES calls divisible by 16 is, and nothing else, so that a launch specialises as that table does. Extents fill
no last block: masks count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from machine import Failed

ALIGNMENT = 256  # as a GPU's allocator gives memory; sectors depend on it


def aligned(values: np.ndarray) -> np.ndarray:
    memory = np.empty(values.nbytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    array = memory[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    array[...] = values
    return array


@dataclass
class Problem:
    grid: tuple[int, ...]
    arguments: list[Any]
    """In the kernel's order, without what CASES makes constants."""
    results: list[np.ndarray]
    """Those of the arguments that the kernel writes."""
    expected: Callable[[], list[tuple[np.ndarray, np.ndarray, float]]]
    """(Part of a result, fp64, largest difference relative to 1 + |fp64|) for each."""

    def clear(self) -> None:
        for result in self.results:
            result.fill(np.nan)

    def check(self) -> None:
        for got, wanted, bound in self.expected():
            error = np.abs(got.astype(np.float64) - wanted) / (1 + np.abs(wanted))
            if not np.all(error <= bound):
                raise Failed(f"a result is off by {np.max(error):.3g} of 1 + its value, allowed {bound:.3g}")


def numbers(seed: int, *shape: int, dtype: Any = np.float16) -> np.ndarray:
    return aligned(np.random.default_rng(seed).standard_normal(shape).astype(dtype))


def zeros(*shape: int, dtype: Any = np.float16) -> np.ndarray:
    return aligned(np.zeros(shape, dtype))


def wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64)


def add(consts: dict[str, int]) -> Problem:
    n = 98 * 1024 - 368
    x, y, o = numbers(1, n, dtype=np.float32), numbers(2, n, dtype=np.float32), zeros(n, dtype=np.float32)
    return Problem((-(-n // consts["BLOCK"]),), [x, y, o, n], [o], lambda: [(o, wide(x) + y, 2**-24)])


def softmax(consts: dict[str, int]) -> Problem:
    rows, n, stride = 48, 1003, 1008
    x, o = numbers(1, rows, stride, dtype=np.float32), zeros(rows, stride, dtype=np.float32)

    def expected():
        e = np.exp(wide(x[:, :n]) - x[:, :n].max(1, keepdims=True))
        return [(o[:, :n], e / e.sum(1, keepdims=True), 1e-7)]

    return Problem((rows,), [o, x, stride, stride, n], [o], expected)


def matmul(consts: dict[str, int]) -> Problem:
    m, n, k = 400, 528, 464
    a, b, c = numbers(1, m, k), numbers(2, k, n), zeros(m, n)
    grid = (-(-m // consts["BM"]) * -(-n // consts["BN"]),)
    return Problem(grid, [a, b, c, m, n, k, k, n, n], [c], lambda: [(c, wide(a) @ wide(b), 2**-10)])


def layernorm(consts: dict[str, int]) -> Problem:
    rows, n, stride, eps = 16, 3989, 4000, 1e-5
    x, y, w, b = numbers(1, rows, stride), zeros(rows, stride), numbers(2, n), numbers(3, n)
    mean, rstd = zeros(rows, dtype=np.float32), zeros(rows, dtype=np.float32)

    def expected():
        v = wide(x[:, :n])
        centre, scale = v.mean(1), 1 / np.sqrt(v.var(1) + eps)
        whole = (v - centre[:, None]) * scale[:, None] * w + b
        return [(mean, centre, 1e-6), (rstd, scale, 1e-6), (y[:, :n], whole, 2**-10)]

    return Problem((rows,), [x, y, w, b, mean, rstd, stride, n, eps], [y, mean, rstd], expected)


def dropout(consts: dict[str, int]) -> Problem:
    from cases import philox  # tests/conformance/triton_ptx

    n, p, seed = 98 * 1024 - 368, 0.3, 17
    x, o = numbers(1, n, dtype=np.float32), zeros(n, dtype=np.float32)

    def expected():
        bits = philox(seed, np.arange(n)).view(np.int32)
        uniform = np.where(bits < 0, -bits - 1, bits).astype(np.float32) * np.float32(4.6566127342e-10)
        return [(o, np.where(uniform > np.float32(p), wide(x) / (1 - p), 0), 1e-6)]

    return Problem((-(-n // consts["BLOCK"]),), [x, o, n, p, seed], [o], expected)


def attention(consts: dict[str, int]) -> Problem:
    heads, n, d = 2, 1008, consts["D"]
    q, k, v, o = numbers(1, heads, n, d), numbers(2, heads, n, d), numbers(3, heads, n, d), zeros(heads, n, d)
    scale = 1 / math.sqrt(d)

    def expected():
        s = scale * wide(q) @ wide(k).transpose(0, 2, 1)
        s = np.where(np.tri(n, dtype=bool), s, -np.inf) if consts["CAUSAL"] else s
        e = np.exp(s - s.max(2, keepdims=True))
        return [(o, e / e.sum(2, keepdims=True) @ wide(v), 2e-3)]

    grid = (-(-n // consts["BM"]), heads)
    return Problem(grid, [q, k, v, o, scale, *[n * d, d] * 4, n], [o], expected)


def linear_gelu(consts: dict[str, int]) -> Problem:
    m, n, k = 400, 336, 464
    x, w, b, y = numbers(1, m, k), numbers(2, k, n), numbers(3, n), zeros(m, n)

    def expected():
        z = wide(x) @ wide(w) + b
        return [(y, 0.5 * z * (1 + np.vectorize(math.erf)(z / math.sqrt(2))), 2**-10)]

    grid = (-(-m // consts["BM"]), -(-n // consts["BN"]))
    return Problem(grid, [x, w, b, y, m, n, k, k, n, n], [y], expected)


PROBLEMS = {f.__name__: f for f in (add, softmax, matmul, layernorm, dropout, attention, linear_gelu)}
