# __main__.py - compiles, runs and checks seven kernels
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""python -m tegula.demo [--quick]

Compiles seven kernels from their Python source, runs them on the CPU on NumPy arrays, checks every result against NumPy
in double precision, and prints a table. Exit status 1 if a result is wrong. --quick: small arrays.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tegula
from tegula.demo import kernels

F64 = np.float64


class Case(NamedTuple):
    """One row of the table."""

    name: str
    shape: str
    run: Callable[[], Any]
    result: np.ndarray
    expected: Callable[[], np.ndarray]
    tolerance: float
    """Largest |result - expected| / (1 + |expected|) allowed: float32 rounding over the row's longest sum."""
    work: float
    unit: str
    """What `work` counts: GB or GFLOP."""


def _philox(n: int, seed: int) -> np.ndarray:
    """What tl.rand(seed, i) gives for i < n: Philox-4x32-10 (Salmon et al., SC 2011)."""
    mask = np.uint64(0xFFFFFFFF)
    c = [np.arange(n, dtype=np.uint64), *(np.zeros(n, np.uint64) for _ in range(3))]
    k0, k1 = np.uint64(seed), np.uint64(0)
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> np.uint64(32)) ^ c[1] ^ k0, b & mask, (a >> np.uint64(32)) ^ c[3] ^ k1, a & mask]
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & mask, (k1 + np.uint64(0xBB67AE85)) & mask
    x = c[0].astype(np.uint32).view(np.int32)
    return np.where(x < 0, -x - 1, x).astype(np.float32) * np.float32(4.6566127342e-10)


def _erf(x: np.ndarray) -> np.ndarray:
    import math

    # Exact values at the points that occur would need a library: interpolate a fine table (error below 1e-9).
    grid = np.linspace(-6, 6, 240001)
    table = np.array([math.erf(v) for v in grid])
    return np.interp(x, grid, table)


_random = np.random.default_rng(0)


def _rand(*shape: int) -> np.ndarray:
    return (_random.random(shape) - 0.5).astype(np.float32)


def _empty(*shape: int) -> np.ndarray:
    return np.empty(shape, np.float32)


def _add(quick: bool) -> Case:
    n = 1 << (20 if quick else 24)
    x, y, o = _rand(n), _rand(n), _empty(n)
    grid = (tegula.cdiv(n, 16384),)
    return Case("vector add", f"{n >> 20}M", lambda: kernels.add[grid](x, y, o, n, BLOCK=16384), o,
                lambda: x.astype(F64) + y, 1e-6, 12e-9 * n, "GB")  # fmt: skip


def _softmax(quick: bool) -> Case:
    r, c = (512, 781) if quick else (4096, 781)
    x, o = _rand(r, c), _empty(r, c)

    def expected() -> np.ndarray:
        e = np.exp(x.astype(F64) - x.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    return Case("softmax", f"{r}x{c}", lambda: kernels.softmax[(r,)](o, x, c, c, c, BLOCK=1024), o,
                expected, 1e-6, 8e-9 * r * c, "GB")  # fmt: skip


def _matmul(quick: bool) -> Case:
    m = 256 if quick else 1024
    x, y, o = _rand(m, m), _rand(m, m), _empty(m, m)
    grid = (tegula.cdiv(m, 128) ** 2,)

    def run() -> Any:
        return kernels.matmul[grid](x, y, o, m, m, m, m, 1, m, 1, m, 1, BM=128, BN=128, BK=64, G=8)

    return Case(
        "matmul", f"{m}x{m}x{m}", run, o, lambda: x.astype(F64) @ y.astype(F64), 1e-5, 2e-9 * m**3, "GFLOP"
    )


def _layernorm(quick: bool) -> Case:
    r, c = (512, 1024) if quick else (4096, 1024)
    x, w, b, o, mean, rstd = _rand(r, c), _rand(c), _rand(c), _empty(r, c), _empty(r), _empty(r)

    def expected() -> np.ndarray:
        d = x.astype(F64)
        return (d - d.mean(1, keepdims=True)) / np.sqrt(d.var(1, keepdims=True) + 1e-5) * w + b

    return Case("layer norm", f"{r}x{c}", lambda: kernels.layernorm[(r,)](x, o, w, b, mean, rstd, c, c, 1e-5, BLOCK=1024),
                o, expected, 1e-5, 8e-9 * r * c, "GB")  # fmt: skip


def _dropout(quick: bool) -> Case:
    n = 1 << (20 if quick else 24)
    x, o = _rand(n), _empty(n)
    grid = (tegula.cdiv(n, 8192),)
    return Case("dropout", f"{n >> 20}M", lambda: kernels.dropout[grid](x, o, n, 0.5, 7, BLOCK=8192), o,
                lambda: np.where(_philox(n, 7) > 0.5, x.astype(F64) / 0.5, 0.0), 1e-6, 8e-9 * n, "GB")  # fmt: skip


def _attention(quick: bool) -> Case:
    h, n, d = (2, 256, 64) if quick else (8, 1024, 64)
    q, k, v, o = _rand(h, n, d), _rand(h, n, d), _rand(h, n, d), _empty(h, n, d)

    def expected() -> np.ndarray:
        z = q.astype(F64) @ k.astype(F64).transpose(0, 2, 1) * 0.125
        z = np.where(np.tril(np.ones((n, n), bool)), z, -np.inf)
        z = np.exp(z - z.max(2, keepdims=True))
        return z / z.sum(2, keepdims=True) @ v.astype(F64)

    def run() -> Any:
        strides = (n * d, d) * 4
        return kernels.attention[(tegula.cdiv(n, 64), h)](
            q, k, v, o, 0.125, *strides, n, BM=64, BN=64, D=d, CAUSAL=True
        )

    # Half of the products lie above the diagonal.
    return Case("attention", f"{h}x{n}x{d} causal", run, o, expected, 1e-5, 2e-9 * h * n * n * d, "GFLOP")


def _linear_gelu(quick: bool) -> Case:
    i, j = (256, 512) if quick else (512, 1024)
    x, w, b, o = _rand(i, j), _rand(j, j), _rand(j), _empty(i, j)
    grid = (tegula.cdiv(i, 64), tegula.cdiv(j, 64))

    def expected() -> np.ndarray:
        z = x.astype(F64) @ w.astype(F64) + b
        return 0.5 * z * (1 + _erf(z * 0.7071067811865476))

    def run() -> Any:
        return kernels.linear_gelu[grid](x, w, b, o, i, j, j, j, j, j, BM=64, BN=64, BK=64)

    return Case("linear + gelu", f"{i}x{j}x{j}", run, o, expected, 1e-5, 2e-9 * i * j * j, "GFLOP")


CASES = (_add, _softmax, _matmul, _layernorm, _dropout, _attention, _linear_gelu)


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def _row(case: Case, place: str, quick: bool, seen: list[tuple[bool, float]]) -> bool:
    """Runs one case and prints its row; whether the result was right."""
    _say(f"{place} {case.name}: compiling")
    case.result.fill(np.nan)
    seen.clear()
    case.run()
    hit, compile_ms = seen[0] if seen else (True, 0.0)
    _say(f"{place} {case.name}: checking")
    want = case.expected()
    error = float(np.max(np.abs(case.result - want) / (1 + np.abs(want))))
    right = error <= case.tolerance  # false for NaN
    _say(f"{place} {case.name}: measuring")
    ms = tegula.testing.do_bench(case.run, warmup=20, rep=100 if quick else 300, return_mode="min")
    _say("")
    compiled = "from cache" if hit else f"{compile_ms:.1f}"
    rate = f"{case.work / ms * 1e3:9.1f} {case.unit}/s"
    wrong = "" if right else "  WRONG"
    print(
        f"{case.name:14} {case.shape:16} {ms:9.3f} {rate:>16} {compiled:>11} {error:14.1e}{wrong}", flush=True
    )
    return right


def main() -> int:
    """Runs every case; returns the exit status."""
    quick = "--quick" in sys.argv[1:]
    tegula.knobs.always_compile = True  # a table without compile times would be half a table
    seen: list[tuple[bool, float]] = []

    def listener(**report: Any) -> None:
        seen.append((report["cache_hit"], sum(us for _, us in report["times"].lowering_stages) / 1e3))

    tegula.knobs.compilation.listener = listener
    print(f"tegula {tegula.__version__} on {tegula.get_device()}, {tegula.num_threads()} threads")
    head = f"{'kernel':14} {'shape':16} {'ms':>9} {'rate':>16} {'compile ms':>11} {'largest error':>14}"
    print(head + "\n" + "-" * len(head))
    failed = sum(not _row(make(quick), f"[{i}/{len(CASES)}]", quick, seen) for i, make in enumerate(CASES, 1))
    print("-" * len(head))
    print(
        f"{failed} of {len(CASES)} kernels gave wrong results"
        if failed
        else "all results agree with NumPy in double precision"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    begin = time.perf_counter()
    status = main()
    print(f"{time.perf_counter() - begin:.1f} s in all")
    sys.exit(status)
