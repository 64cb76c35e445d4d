"""Cases of kernels/scalars.py."""

import contextlib
import io
import math

import numpy as np
import pytest
import shadow
import tegula
from cases import case, from_bits, integers, numbers, to_bits
from ptx import request
from shadow import U32, Shadow, check


def ulps(v, n, u=U32):
    """n units in the last place of v."""
    return Shadow(v, 2 * u * n * np.abs(v) + 2.0**-126)


def each(f, *x):
    return np.vectorize(f)(*(np.asarray(a, np.float64) for a in x))


@case(request("scalars", "functions", "*fp32 *fp32", n=256))
def functions(k, how):
    n = 256
    x = np.linspace(-4, 4, n, dtype=np.float32)
    o = np.zeros((22, n), np.float32)
    k(1, x, o, **how)
    d, s = x.astype(np.float64), Shadow(x)
    a = Shadow(np.abs(d)) + 0.125
    # Units in the last place: PTX ISA for the approximations, the CUDA C++ Programming Guide for libdevice.
    share = lambda v, lost, n: Shadow(v, 2 * U32 * n * np.abs(v) + lost)
    expected = [
        shadow.exp(s),
        shadow.exp2(s),
        share(np.log(a.v), a.e / a.v, 1),
        share(np.log2(a.v), 1.4427 * a.e / a.v + 2.0**-22, 2),
        ulps(np.sin(d), 2),
        ulps(np.cos(d), 2),
        shadow.sqrt(np.abs(d)),
        ulps(np.sqrt(np.abs(d)), 0.5),
        share(1 / np.sqrt(a.v), a.e / a.v, 2),
        ulps(each(math.erf, d), 2),
        Shadow(np.floor(d) + 8 * np.ceil(d)),
        share(d / (np.abs(d) + 0.5), 2 * U32, 0.5),
        1.0 / (1.0 + shadow.exp(-s)),
        ulps(np.tanh(d), 2),
        ulps(np.abs(d) ** 1.75, 8),
        share(np.arctan2(d, 0.75 + d * d), 4 * U32, 3),
        share(each(math.lgamma, np.abs(d) + 0.5), 8 * U32, 6),
        ulps(np.log1p(np.abs(d)), 1),
        ulps(np.expm1(d), 1),
        ulps(np.cbrt(d), 1),
        ulps(d * d + d, 0.5),
        Shadow(np.clip(d, -1, 1)),
    ]
    for row, e in zip(o, expected):
        check(row, e)


@case(request("scalars", "doubles", "*fp64 *fp64", n=128))
def doubles(k, how):
    n = 128
    x = np.linspace(-3, 3, n)
    o = np.zeros((7, n))
    k(1, x, o, **how)
    u, a = 2.0**-53, np.abs(x)
    rows = [
        (np.exp(x), 1), (np.log(a + 0.125), 3), (np.sin(x), 2), (np.sqrt(a), 1), (x / (1 + x * x), 2),
        (each(math.erf, x), 2), (each(math.gamma, a + 0.5), 12),
    ]  # fmt: skip
    for row, (v, n_ulp) in zip(o, rows):
        check(row, ulps(v, n_ulp + 1, u), "", share=1)  # one more for NumPy's own


BITS = {"f32": 32, "f16": 16, "bf16": 16, "e4m3": 8, "e5m2": 8}
WIDE = {"f16": "fp16", "bf16": "bf16", "f32": "fp32", "e4m3": "fp8e4nv", "e5m2": "fp8e5"}


def cast_case(a, b, rounding="rtne", archs=(75, 80, 89)):
    r = request(
        "scalars",
        "cast",
        f"*{WIDE.get(a, a)} *{WIDE.get(b, b)} i32",
        BLOCK=256,
        ROUND=rounding if BITS.get(b, 99) < BITS.get(a, 0) else None,
    )
    return case(
        r,
        a=a,
        b=b,
        archs=archs,
        rounding=rounding,
        name=f"cast_{a}_{b}" + ("_rtz" if rounding == "rtz" else ""),
    )


@cast_case("f32", "f16")
@cast_case("f32", "bf16")
@cast_case("f32", "e5m2")
@cast_case("f32", "e4m3", archs=(89,))
@cast_case("f16", "e5m2")
@cast_case("f16", "e4m3", archs=(89,))
@cast_case("e5m2", "f16")
@cast_case("e5m2", "f32")
@cast_case("e4m3", "f32", archs=(89,))
@cast_case("e4m3", "f16", archs=(89,))
@cast_case("bf16", "f32")
@cast_case("bf16", "f16")
@cast_case("f16", "bf16")
@cast_case("f32", "f16", "rtz")
@cast_case("f32", "i32")
@cast_case("f16", "i8")
@cast_case("i32", "f32")
@cast_case("i64", "f16")
@cast_case("i8", "f16")
@cast_case("u8", "bf16")
def cast(k, how, a, b, rounding):
    n = 1000
    g = np.random.default_rng(1)
    if a[0] in "iu" and a not in WIDE:
        kind = np.dtype(("u" if a[0] == "u" else "") + "int" + a[1:])
        x = g.integers(
            max(np.iinfo(kind).min, -60000), min(np.iinfo(kind).max, 60000), n, dtype=kind, endpoint=True
        )
        values = x.astype(np.float64)
    elif a in ("e4m3", "e5m2"):
        x = np.arange(n).astype(np.uint8)
        values = from_bits(x, a)
    else:
        x = to_bits(g.standard_normal(n) * np.exp2(g.integers(-20, 6, n).astype(np.float64)), a)
        values = from_bits(x, a)
    if b in ("i32", "i8"):
        o = np.zeros(n, np.dtype("int" + b[1:]))
        k(-(-n // 256), x, o, n, **how)
        assert (o == np.trunc(np.clip(values, -128, 127) if b == "i8" else values).astype(o.dtype)).all()
        return
    o = to_bits(np.zeros(n), b)
    k(-(-n // 256), x, o, n, **how)
    expected = to_bits(values, b)
    if rounding == "rtz":
        near = from_bits(expected, b)
        expected = np.where(
            np.abs(near) > np.abs(values),
            np.nextafter(near.astype(np.float16), np.float16(0)),
            near.astype(np.float16),
        )
    same = from_bits(o, b) == from_bits(expected, b)
    both = np.isnan(from_bits(o, b)) & np.isnan(values)
    assert (same | both).all(), (x[~(same | both)][:4], o[~(same | both)][:4], expected[~(same | both)][:4])


def integer_case(t):
    return case(request("scalars", "integers", f"*{t} *{t} *{t}", n=256), t=t, name=f"integers_{t}")


@integer_case("i8")
@integer_case("i16")
@integer_case("i32")
@integer_case("i64")
@integer_case("u8")
@integer_case("u16")
@integer_case("u32")
@integer_case("u64")
def integer(k, how, t):
    kind = np.dtype({"i": "int", "u": "uint"}[t[0]] + t[1:])
    info = np.iinfo(kind)
    g = np.random.default_rng(1)
    x, y = (g.integers(info.min, info.max, 256, dtype=kind, endpoint=True) for _ in range(2))
    x[:16], y[:16] = g.integers(0, 100, 16), g.integers(1, 100, 16)
    y[y == 0] = 3
    if info.min < 0:
        y[(y == -1)] = 5  # the least number by -1 has no quotient
    o = np.zeros((14, 256), kind)
    k(1, x, y, o, **how)
    s = (y & 7).astype(kind)
    exact = [(int(p), int(q)) for p, q in zip(x, y)]
    quotient = np.array([abs(p) // abs(q) * (1 if (p < 0) == (q < 0) else -1) for p, q in exact]).astype(kind)
    with np.errstate(over="ignore"):
        expected = [
            x + y, x - y, x * y, quotient, x - quotient * y, x & y, x | y, x ^ y, x << s, x >> s,
            np.minimum(x, y), np.maximum(x, y), (x < y).astype(kind), np.where(x == y, x, ~y),
        ]  # fmt: skip
    for row, (got, e) in enumerate(zip(o, expected)):
        assert (got == e).all(), (row, x[got != e][:3], y[got != e][:3], got[got != e][:3], e[got != e][:3])


@case(request("scalars", "high_product", "*u32 *u32 *u32", n=128), bits=32, name="high_product_u32")
@case(request("scalars", "high_product", "*u64 *u64 *u64", n=128), bits=64, name="high_product_u64")
@case(
    request("scalars", "high_product", "*i32 *i32 *i32", n=128), bits=32, signed=True, name="high_product_i32"
)
def high_product(k, how, bits, signed=False):
    kind = np.dtype(("int" if signed else "uint") + str(bits))
    g = np.random.default_rng(1)
    x, y = (
        g.integers(np.iinfo(kind).min, np.iinfo(kind).max, 128, dtype=kind, endpoint=True) for _ in range(2)
    )
    o = np.zeros(128, kind)
    k(1, x, y, o, **how)
    # Of signed numbers too, the product is that of their bits.
    unsigned = [(int(p) % (1 << bits), int(q) % (1 << bits)) for p, q in zip(x, y)]
    assert (o.view(f"uint{bits}") == np.array([p * q >> bits for p, q in unsigned], f"uint{bits}")).all()


@case(request("scalars", "mandelbrot", "*i32 i32 i32 i32", BLOCK=128))
def mandelbrot(k, how):
    w, h, limit = 24, 16, 30
    o = np.zeros(w * h, np.int32)
    k(3, o, w, h, limit, **how)
    c = np.arange(w * h)
    f = np.float32
    re, im = f(-2) + f(3) * (c % w).astype(f) / f(w), f(-1) + f(2) * (c // w).astype(f) / f(h)
    zr, zi, count = np.zeros(w * h, f), np.zeros(w * h, f), np.zeros(w * h, np.int32)
    for _ in range(limit):
        live = zr * zr + zi * zi < 4
        zr, zi = np.where(live, zr * zr - zi * zi + re, zr), np.where(live, f(2) * zr * zi + im, zi)
        count += live
    # Near the border one rounding decides; contraction rounds otherwise than NumPy.
    assert (o == count).mean() > 0.95


@case(request("scalars", "collatz", "*i32 *i32 i32"))
def collatz(k, how):
    x = np.array([1, 2, 7, 27, 97, 31, 871], np.int32)
    o = np.zeros(7, np.int32)
    k(7, x, o, 7, **how)
    assert o.tolist() == [0, 1, 16, 111, 118, 106, 178]


@case(request("scalars", "printing", "*i32", n=32, warps=1))
def printing(k, how):
    x = integers(1, 0, 99, 32)
    with contextlib.redirect_stdout(io.StringIO()) as text:
        k(1, x, **how)
    lines = text.getvalue().splitlines()
    # Triton prints program and index of each element.
    for i in range(32):
        assert any(f"{x[i]}" in line and "(0, 0, 0)" in line for line in lines), lines[:4]
    assert len(lines) >= 32


@case(request("scalars", "asserting", "*i32 *i32 i32", n=64, options={"debug": True}))
def asserting(k, how):
    x, o = integers(1, 0, 99, 64), np.zeros(64, np.int32)
    k(1, x, o, 1000, **how)
    assert (o == x).all()
    with pytest.raises(tegula.errors.DeviceError, match="too large"):
        k(1, x, o, 50, **how)


@case(request("scalars", "assembly", "*u32 *u32 *u32", n=128))
def assembly(k, how):
    g = np.random.default_rng(1)
    x, y = (g.integers(0, 2**32, 128, dtype=np.uint32) for _ in range(2))
    o = np.zeros((3, 128), np.uint32)
    k(1, x, y, o, **how)
    bytes_of = lambda v: v.view(np.uint8).reshape(-1, 4).astype(np.int64)
    assert (o[0] == np.abs(bytes_of(x) - bytes_of(y)).sum(1)).all()
    assert (o[1] == x & 0xFFFF).all() and (o[2] == x >> 16).all()


COPY = "*fp16 *fp16 i32 i32 i32 i32 i32 i32"


@case(request("scalars", "copy_2d", COPY, BM=32, BN=32), name="copy_2d")
@case(request("scalars", "copy_2d", COPY, BM=16, BN=64, warps=8), transposed=True, name="copy_2d_transposed")
def copy_2d(k, how, transposed=False):
    m, n = 45, 83
    x = numbers(1, m, n, dtype="f16")
    o = np.zeros((n, m) if transposed else (m, n), np.float16)
    block = (16, 64) if transposed else (32, 32)
    k((-(-m // block[0]), -(-n // block[1])), x, o, m, n, n, 1, *((1, m) if transposed else (n, 1)), **how)
    assert (o == (x.T if transposed else x)).all()


@case(request("scalars", "calls", "*i32 *i32", N=20))
def calls(k, how):
    x = integers(1, -99, 99, 20)
    o = np.zeros(20, np.int32)
    k(1, x, o, **how)
    called = lambda x, k: x * k + np.where(x % 2 == 0, 0, 2 * x + 1)
    assert (o == called(x, 3) + called(x + 1, 5)).all()
