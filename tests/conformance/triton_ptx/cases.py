# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels of kernels/ with what they should compute: a list of `Case`, for the tests, the sweep and the mutants.

The function of a case launches its kernels and checks the results against NumPy: whole numbers, orders and copies bit
for bit, floats within the bound that `shadow` computes.
"""

from __future__ import annotations

import importlib
import pathlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ptx import ARCHS, Request


@dataclass
class Case:
    name: str
    requests: list[Request]
    run: Callable[..., None]
    archs: tuple[int, ...]

    def on(self, arch: int) -> list[Request]:
        return [r.on(arch) for r in self.requests]


CASES: list[Case] = []


def case(*requests: Request, archs: tuple[int, ...] = ARCHS, name: str = "", **given):
    """Registers a function `f(kernel..., how, **given)`; `how` goes to every launch."""

    def register(f):
        CASES.append(Case(name or f.__name__, list(requests), lambda *a: f(*a, **given), archs))
        return f

    return register


def numbers(seed: int, *shape: int, dtype: str = "f32") -> np.ndarray:
    """Normal ones, as bits where NumPy lacks the type."""
    return to_bits(np.random.default_rng(seed).standard_normal(shape), dtype)


def integers(seed: int, low: int, high: int, *shape: int, dtype=np.int32) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, shape, dtype=dtype, endpoint=True)


def whole(seed: int, most: int, *shape: int, dtype: str = "f32") -> np.ndarray:
    """Small whole numbers: sums and products are exact in any order."""
    return to_bits(integers(seed, -most, most, *shape).astype(np.float64), dtype)


def philox(seed, counter, words=1):
    """Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"): its first word, or several."""
    c = [counter.astype(np.uint64)] + [np.zeros(counter.shape, np.uint64)] * 3
    k = [seed & 0xFFFFFFFF, seed >> 32]
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        x, y = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [
            (y >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]),
            y & low,
            (x >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]),
            x & low,
        ]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    found = [x.astype(np.uint32) for x in c]
    return found[0] if words == 1 else found[:words]


# --- Types that NumPy lacks, as their bits

NUMPY = {
    "f16": np.float16,
    "f32": np.float32,
    "f64": np.float64,
    "bf16": np.uint16,
    "e4m3": np.uint8,
    "e5m2": np.uint8,
}
FRACTION = {"e4m3": (3, 4, 448.0), "e5m2": (2, 5, 57344.0)}


def to_bits(x: np.ndarray, dtype: str) -> np.ndarray:
    """To nearest even; fp8 saturates."""
    if dtype == "bf16":
        b = np.asarray(x, np.float32).view(np.uint32)
        return ((b + 0x7FFF + (b >> 16 & 1)) >> 16).astype(np.uint16)
    if dtype in FRACTION:
        table = from_bits(np.arange(256, dtype=np.uint8), dtype)
        values = np.where(np.isfinite(table), table, np.inf)[:128]
        order = np.argsort(values, kind="stable")
        values = values[order]
        a = np.minimum(np.abs(x), FRACTION[dtype][2])
        high = np.clip(np.searchsorted(values, a), 1, len(values) - 1)
        low = high - 1
        up = (values[high] - a < a - values[low]) | (
            (values[high] - a == a - values[low]) & (order[high] % 2 == 0)
        )
        code = np.where(up, order[high], order[low])
        return (code | np.where(np.signbit(x), 0x80, 0)).astype(np.uint8)
    return np.asarray(x).astype(NUMPY[dtype])


def from_bits(b: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "bf16":
        return (b.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    if dtype in FRACTION:
        fraction, exponent, _ = FRACTION[dtype]
        b = b.astype(np.int64)
        e, f = b >> fraction & ((1 << exponent) - 1), b & ((1 << fraction) - 1)
        bias = (1 << (exponent - 1)) - 1
        v = np.where(
            e > 0, (1 + f / 2.0**fraction) * 2.0 ** (e - bias), f / 2.0**fraction * 2.0 ** (1 - bias)
        )
        if dtype == "e5m2":
            v = np.where(e == 31, np.where(f == 0, np.inf, np.nan), v)
        else:
            v = np.where(b & 127 == 127, np.nan, v)
        return np.where(b & 128, -v, v)
    return b.astype(np.float64)


def load() -> list[Case]:
    """All cases: those of every file cases_*.py."""
    for path in sorted(pathlib.Path(__file__).parent.glob("cases_*.py")):
        importlib.import_module(path.stem)
    assert len({case.name for case in CASES}) == len(CASES), "two cases of one name"
    return CASES
