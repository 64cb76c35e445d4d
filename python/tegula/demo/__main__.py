# __main__.py - compiles, runs and checks seven kernels
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""python -m tegula.demo [--quick]

Compiles seven kernels from their Python source, runs them on the CPU on NumPy arrays, checks every result against NumPy
in double precision, and prints a table. Exit status 1 if a result is wrong. --quick: small arrays.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import tegula
from tegula.demo import kernels


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


def _cases(quick: bool) -> Iterator[Case]:
    g = np.random.default_rng(0)

    def rand(*shape: int) -> np.ndarray:
        return (g.random(shape) - 0.5).astype(np.float32)

    f8 = np.float64
    n = 1 << (20 if quick else 24)
    x, y, o = rand(n), rand(n), np.empty(n, np.float32)
    grid = (tegula.cdiv(n, 16384),)
    yield Case("vector add", f"{n >> 20}M", lambda: kernels.add[grid](x, y, o, n, BLOCK=16384), o, lambda: x.astype(f8) + y, 1e-6, 12e-9 * n, "GB")

    r, c = (512, 781) if quick else (4096, 781)
    a, s = rand(r, c), np.empty((r, c), np.float32)

    def softmax() -> np.ndarray:
        e = np.exp(a.astype(f8) - a.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    yield Case("softmax", f"{r}x{c}", lambda: kernels.softmax[(r,)](s, a, c, c, c, BLOCK=1024), s, softmax, 1e-6, 8e-9 * r * c, "GB")

    m = 256 if quick else 1024
    p, q, t = rand(m, m), rand(m, m), np.empty((m, m), np.float32)
    tiles = dict(BM=128, BN=128, BK=64, G=8)
    blocks = (tegula.cdiv(m, 128) ** 2,)
    run = lambda: kernels.matmul[blocks](p, q, t, m, m, m, m, 1, m, 1, m, 1, **tiles)  # noqa: E731
    yield Case("matmul", f"{m}x{m}x{m}", run, t, lambda: p.astype(f8) @ q.astype(f8), 1e-5, 2e-9 * m**3, "GFLOP")

    r, c = (512, 1024) if quick else (4096, 1024)
    v, w, b = rand(r, c), rand(c), rand(c)
    ln, mean, rstd = np.empty((r, c), np.float32), np.empty(r, np.float32), np.empty(r, np.float32)

    def layernorm() -> np.ndarray:
        d = v.astype(f8)
        return (d - d.mean(1, keepdims=True)) / np.sqrt(d.var(1, keepdims=True) + 1e-5) * w + b

    run = lambda: kernels.layernorm[(r,)](v, ln, w, b, mean, rstd, c, c, 1e-5, BLOCK=1024)  # noqa: E731
    yield Case("layer norm", f"{r}x{c}", run, ln, layernorm, 1e-5, 8e-9 * r * c, "GB")

    d = np.empty(n, np.float32)
    run = lambda: kernels.dropout[(tegula.cdiv(n, 8192),)](x, d, n, 0.5, 7, BLOCK=8192)  # noqa: E731
    yield Case("dropout", f"{n >> 20}M", run, d, lambda: np.where(_philox(n, 7) > 0.5, x.astype(f8) / 0.5, 0.0), 1e-6, 8e-9 * n, "GB")

    h, l, e = (2, 256, 64) if quick else (8, 1024, 64)
    qa, ka, va, oa = rand(h, l, e), rand(h, l, e), rand(h, l, e), np.empty((h, l, e), np.float32)

    def attention() -> np.ndarray:
        z = qa.astype(f8) @ ka.astype(f8).transpose(0, 2, 1) * 0.125
        z = np.where(np.tril(np.ones((l, l), bool)), z, -np.inf)
        z = np.exp(z - z.max(2, keepdims=True))
        return z / z.sum(2, keepdims=True) @ va.astype(f8)

    st = (l * e, e) * 4
    run = lambda: kernels.attention[(tegula.cdiv(l, 64), h)](qa, ka, va, oa, 0.125, *st, l, BM=64, BN=64, D=e, CAUSAL=True)  # noqa: E731
    yield Case("attention", f"{h}x{l}x{e} causal", run, oa, attention, 1e-5, 2e-9 * h * l * l * e, "GFLOP")

    i, j = (256, 512) if quick else (512, 1024)
    xx, ww, bb, yy = rand(i, j), rand(j, j), rand(j), np.empty((i, j), np.float32)

    def gelu() -> np.ndarray:
        z = xx.astype(f8) @ ww.astype(f8) + bb
        return 0.5 * z * (1 + _erf(z * 0.7071067811865476))

    run = lambda: kernels.linear_gelu[(tegula.cdiv(i, 64), tegula.cdiv(j, 64))](xx, ww, bb, yy, i, j, j, j, j, j, BM=64, BN=64, BK=64)  # noqa: E731
    yield Case("linear + gelu", f"{i}x{j}x{j}", run, yy, gelu, 1e-5, 2e-9 * i * j * j, "GFLOP")


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Runs every case; returns the exit status."""
    quick = "--quick" in sys.argv[1:]
    os.environ.setdefault("TEGULA_DEVICE", "cpu")
    seen: list[tuple[bool, float]] = []

    def listener(**report: Any) -> None:
        seen.append((report["cache_hit"], sum(us for _, us in report["times"].lowering_stages) / 1e3))

    tegula.knobs.compilation.listener = listener
    print(f"tegula {tegula.__version__} on {tegula.get_device()}, {tegula.num_threads()} threads")
    head = f"{'kernel':14} {'shape':16} {'ms':>9} {'rate':>16} {'compile ms':>11} {'largest error':>14}"
    print(head + "\n" + "-" * len(head))
    failed = 0
    cases = list(_cases(quick))
    for number, case in enumerate(cases, 1):
        _say(f"[{number}/{len(cases)}] {case.name}: compiling")
        case.result.fill(np.nan)
        seen.clear()
        case.run()
        hit, compile_ms = seen[0] if seen else (True, 0.0)
        _say(f"[{number}/{len(cases)}] {case.name}: checking")
        want = case.expected()
        error = float(np.max(np.abs(case.result - want) / (1 + np.abs(want))))
        wrong = not error <= case.tolerance
        failed += wrong
        _say(f"[{number}/{len(cases)}] {case.name}: measuring")
        ms = tegula.testing.do_bench(case.run, warmup=20, rep=100 if quick else 300, return_mode="min")
        _say("")
        compiled = "from cache" if hit else f"{compile_ms:.1f}"
        rate = f"{case.work / ms * 1e3:9.1f} {case.unit}/s"
        print(f"{case.name:14} {case.shape:16} {ms:9.3f} {rate:>16} {compiled:>11} {error:14.1e}{'  WRONG' if wrong else ''}", flush=True)
    print("-" * len(head))
    print(f"{failed} of {len(cases)} kernels gave wrong results" if failed else "all results agree with NumPy in double precision")
    return 1 if failed else 0


if __name__ == "__main__":
    begin = time.perf_counter()
    status = main()
    print(f"{time.perf_counter() - begin:.1f} s in all")
    sys.exit(status)
