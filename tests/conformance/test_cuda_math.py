"""CUDA C++ programs: arithmetic of every width, libdevice, matrices, checked against NumPy with every check fatal."""

import math
import re

import numpy as np
import pytest

from .nvcc import PROGRAMS, program, rng  # noqa: F401

M32 = 2**32 - 1


def bfloat(x):
    """Nearest bfloat16, as float64."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16
    return rounded.astype(np.uint32).view(np.float32).astype(np.float64)


def test_bits(program):  # noqa: F811
    p = program("bits")
    x, y = rng().integers(0, 1 << 32, (2, 64)).astype(np.uint32)
    x[:3] = [0, 1, M32]
    out = np.zeros((64, 8), np.uint32)
    p("counting", 1, 64, x, out)
    for v, o in zip(x.tolist(), out.tolist()):
        w = (v << 17 | v >> 3) & (2**64 - 1)

        def reversed_(n, bits):
            return int(f"{n:0{bits}b}"[::-1], 2)

        expected = [v.bit_count(), 32 - v.bit_length(), (v & -v).bit_length(), reversed_(v, 32)]
        assert o == [
            *expected,
            w.bit_count(),
            64 - w.bit_length(),
            (w & -w).bit_length(),
            reversed_(w, 64) >> 32,
        ]
    out = np.zeros((64, 12), np.uint32)
    p("shifting", 1, 64, x, y, out)

    def signed(v, bits=32):
        return v - (1 << bits) if v >> (bits - 1) & 1 else v

    def permuted(a, b, s):
        both = (b << 32 | a).to_bytes(8, "little")
        return sum(both[s >> (4 * k) & 7] << (8 * k) for k in range(4))

    for i, (a, b, o) in enumerate(zip(x.tolist(), y.tolist(), out.tolist())):
        both, s, c = b << 32 | a, i % 40, min(i % 40, 32)
        expected = [both << (s % 32) >> 32, both >> (s % 32), both << c >> 32, both >> c]
        expected += [permuted(a, b, 0x1537), permuted(a, b, b & 0x7777)]
        expected += [a * b >> 32, signed(a) * signed(b) >> 32, (a & 0xFFFFFF) * (b & 0xFFFFFF)]
        expected += [
            signed(a & 0xFFFFFF, 24) * signed(b & 0xFFFFFF, 24),
            abs(signed(a) - signed(b)) + 5,
            (a + b) >> 1,
        ]
        assert o == [e & M32 for e in expected], i
    out = np.zeros((64, 6), np.int32)
    p("dots", 1, 64, x.view(np.int32), y.view(np.int32), out)
    for i in range(64):
        parts = {
            t: (x[i : i + 1].view(t).astype(int), y[i : i + 1].view(t).astype(int))
            for t in ("i1", "u1", "i2", "u2")
        }
        d = [parts["i1"][0] @ parts["i1"][1] + 1000, parts["u1"][0] @ parts["u1"][1] + 1000]
        d += [parts["i2"][0] @ parts["i1"][1][k : k + 2] - 7 for k in (0, 2)]
        d += [parts["u2"][0] @ parts["u1"][1][k : k + 2] + 9 for k in (0, 2)]
        assert out[i].tolist() == d
    found = np.zeros(64, np.int32)
    p("nth_set", 1, 64, x, found)
    for i, v in enumerate(x.tolist()):
        base, offset = i % 7, i % 5 - 2
        if offset == 0:
            expected = base if v >> base & 1 else -1
        elif offset > 0:
            at = [k for k in range(base, 32) if v >> k & 1]
            expected = at[offset - 1] if len(at) >= offset else -1
        else:
            at = [k for k in range(base, -1, -1) if v >> k & 1]
            expected = at[-offset - 1] if len(at) >= -offset else -1
        assert found[i] == expected, i
    out = np.zeros((64, 3), np.uint32)
    p("fields", 1, 64, x, out)
    for i, v in enumerate(x.tolist()):
        at, n = i % 35, i % 11
        bit = [v >> k & 1 if k < 32 else 0 for k in range(64)]
        sign = v >> min(at + n - 1, 31) & 1 if n else 0
        field = sum(bit[at + k] << k for k in range(min(n, max(0, 32 - at))))
        held = max(0, min(n, 32 - at))
        extended = field | (M32 << held & M32 if sign else 0)
        inside = sum(1 << k for k in range(at, min(at + n, 32)))
        assert out[i].tolist() == [field, extended & M32, (0x5A5A5A5A & ~inside) | (v << at & inside)], i


def test_integers(program):  # noqa: F811
    p = program("integers")
    a, b = rng().integers(-(2**63), 2**63, (2, 64))
    b[:32] >>= 40
    b[b == 0] = 3
    out = np.zeros((64, 10), np.int64)
    p("wide", 1, 64, a, b, out)

    def s64(v):
        v &= 2**64 - 1
        return v - 2**64 if v >> 63 else v

    for i, (x, y) in enumerate(zip(a.tolist(), b.tolist())):
        q = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
        ux, uy, s = x % 2**64, y % 2**64, i % 64
        expected = [
            x * y,
            q,
            x - q * y,
            ux // uy,
            ux % uy,
            x * y >> 64,
            ux * uy >> 64,
            x >> s,
            ux >> s,
            x << s,
        ]
        assert out[i].tolist() == [s64(e) for e in expected], i
    a, b = rng(1).integers(0, 2**64, (2, 32), np.uint64)
    b[::4] >>= np.uint64(50)
    out = np.zeros((32, 12), np.uint64)
    p("huge", 1, 32, a, b, out)
    full = 2**128 - 1
    for i, (x, y) in enumerate(zip(a.tolist(), b.tolist())):
        x, y = x << 64 | y, (y << 31 | x) & full
        expected = [x + y, x - y, x * y, x // y, x % y, x >> i]
        assert out[i].tolist() == [h for e in expected for h in (e & (2**64 - 1), (e & full) >> 64)], i
    a, b = rng(2).integers(0, 2**32, (2, 32, 4)).astype(np.uint32)
    a[0], b[0] = M32, 1
    out = np.zeros((32, 5), np.uint32)
    p("carries", 1, 32, a, b, out)
    for x, y, o in zip(a, b, out):
        total = sum((int(u) + int(v)) << (32 * k) for k, (u, v) in enumerate(zip(x, y)))
        assert o.tolist() == [total >> (32 * k) & M32 for k in range(5)]
    c, d = (
        rng(3).integers(-128, 128, 33).astype(np.int8),
        rng(4).integers(-(2**15), 2**15, 33).astype(np.int16),
    )
    out = np.zeros((32, 4), np.int32)
    p("narrow", 1, 32, c, d, out)
    with np.errstate(over="ignore"):
        assert (out[:, 0] == c[:-1] + c[1:]).all() and (out[:, 1] == d[:-1] * d[1:]).all()
    assert out[:, 2].tolist() == [int(x / (int(y) | 1)) for x, y in zip(c[:-1].tolist(), d[:-1].tolist())]
    assert (out[:, 3] == c[:-1].view(np.uint8) >> 3).all()
    base, out, modulus = rng(5).integers(0, 2**63, 32, np.uint64), np.zeros(32, np.uint64), 2**61 - 1
    p("power", 1, 32, base, out, modulus)
    assert out.tolist() == [pow(x, 65537 + t, modulus) for t, x in enumerate(base.tolist())]


def test_video(program):  # noqa: F811
    p = program("video")
    x, y = rng().integers(0, 1 << 32, (2, 64)).astype(np.uint32)
    out = np.zeros((64, 20), np.uint32)
    p("simd", 1, 64, x, y, out)

    def parts(v, kind):
        return v[:, None].view(kind).astype(np.int64)

    def packed(v, kind):
        return v.astype(kind).view(np.uint32)[:, 0]

    u1, v1, s1, t1 = parts(x, "u1"), parts(y, "u1"), parts(x, "i1"), parts(y, "i1")
    u2, v2, s2, t2 = parts(x, "u2"), parts(y, "u2"), parts(x, "i2"), parts(y, "i2")
    expected = [packed(u2 + v2, "u2"), packed(u1 + v1, "u1"), packed(u2 - v2, "u2"), packed(u1 - v1, "u1")]
    expected += [packed(np.clip(s1 + t1, -128, 127), "i1"), packed(np.clip(u1 + v1, 0, 255), "u1")]
    expected += [packed(np.clip(s1 - t1, -128, 127), "i1"), packed(np.clip(u2 - v2, 0, 65535), "u2")]
    expected += [packed(abs(u1 - v1), "u1"), packed(abs(s2 - t2), "u2")]
    expected += [packed(np.maximum(s1, t1), "i1"), packed(np.minimum(u2, v2), "u2")]
    expected += [packed(u1 + v1 + 1 >> 1, "u1"), packed(s2 + t2 + (s2 + t2 >= 0) >> 1, "i2")]
    expected += [packed(255 * (u1 > v1), "u1"), packed(65535 * (u2 == v2), "u2")]
    expected += [
        abs(u1 - v1).sum(1).astype(np.uint32),
        packed(abs(s1), "u1"),
        packed(-u2, "u2"),
        packed(u1 <= v1, "u1"),
    ]
    for k, e in enumerate(expected):
        assert (out[:, k] == e).all(), k
    a, b = x.view(np.int32), y.view(np.int32)
    out = np.zeros((64, 8), np.int32)
    p("video", 1, 64, a, b, out)
    wide = a.astype(np.int64), b.astype(np.int64)
    expected = [
        np.clip(wide[0] + wide[1], -(2**31), 2**31 - 1),
        u1[:, 1] - t2[:, 0],
        abs(s1[:, 0] - t1[:, 3]) + 100,
    ]
    expected += [np.maximum(s2[:, 1], t2[:, 1]), s2[:, 0] * v1[:, 2] - 5]
    shift = np.minimum(np.arange(64), 32)
    expected += [
        (x.astype(np.uint64) << shift.astype(np.uint64)).astype(np.uint32).view(np.int32),
        s1[:, 0] < t1[:, 0],
    ]
    expected += [packed(np.clip(u1 + v1, 0, 255), "u1").view(np.int32)]
    for k, e in enumerate(expected):
        assert (out[:, k] == e.astype(np.int32)).all(), k


def test_doubles(program):  # noqa: F811
    p = program("doubles")
    x, y = rng().standard_normal((2, 32)) * 100
    out = np.zeros((32, 16))
    p("arithmetic", 1, 32, x, y, out)
    from fractions import Fraction as F

    def rounded(exact, how, dtype=np.float64):
        near = dtype(float(exact))
        if how == "n":
            return near
        while F(float(near)) > exact and F(float(np.nextafter(near, dtype(-np.inf)))) >= exact:
            near = np.nextafter(near, dtype(-np.inf))
        while F(float(near)) < exact and F(float(np.nextafter(near, dtype(np.inf)))) <= exact:
            near = np.nextafter(near, dtype(np.inf))
        value = F(float(near))
        if value == exact:
            return near
        up = near if value > exact else np.nextafter(near, dtype(np.inf))
        down = near if value < exact else np.nextafter(near, dtype(-np.inf))
        if how == "u":
            return up
        if how == "d":
            return down
        return down if exact > 0 else up

    for i, (a, b) in enumerate(zip(x.tolist(), y.tolist())):
        s, m, q = F(a) + F(b), F(a) * F(b), F(a) / F(b)
        expected = [rounded(s, k) for k in "nzud"] + [rounded(m, "u"), rounded(q, "d")]
        assert out[i, :6].tolist() == expected, i
        root = math.isqrt(int(F(abs(a)) * (1 << 240)))
        assert out[i, 6] == rounded(F(root, 1 << 120) + F(1, 1 << 121), "u")
        assert out[i, 7] == rounded(m + 1, "n") and out[i, 8] == rounded(1 / F(b), "z")
        plain = [math.fmod(a, b), math.floor(a), round(a), math.trunc(a), min(a, b), math.copysign(a, b)]
        assert out[i, 9:15].tolist() == plain and out[i, 15] == np.float32(a)
    f, g = x.astype(np.float32), y.astype(np.float32)
    out = np.zeros((32, 12), np.float32)
    p("singles", 1, 32, f, g, out)
    for i, (a, b) in enumerate(zip(f.tolist(), g.tolist())):
        s, m, q = F(a) + F(b), F(a) * F(b), F(a) / F(b)
        expected = [rounded(s, "u", np.float32), rounded(s, "d", np.float32), rounded(m, "z", np.float32)]
        assert out[i, :4].tolist() == [*expected, rounded(q, "u", np.float32)], i
        root = F(math.isqrt(int(F(abs(a)) * (1 << 240))), 1 << 120) + F(1, 1 << 121)
        assert out[i, 4] == rounded(root, "d", np.float32) and out[i, 5] == rounded(m + 1, "z", np.float32)
        assert out[i, 6] == rounded(1 / F(b), "u", np.float32) and out[i, 7] == np.float32(a) / np.float32(b)
        assert out[i, 8] == np.sqrt(np.float32(abs(a))) and out[i, 9] == math.fmod(a, b)
        away = math.copysign(math.floor(abs(a) + 0.5), a)
        assert out[i, 10] == away and out[i, 11] == min(max(a, 0), 1)
    out = np.zeros((32, 8), np.int64)
    z = np.concatenate([x[:28], [np.nan, np.inf, -np.inf, 3e9]])
    p("integers_of", 1, 32, z, out)
    for a, o in zip(z[:28].tolist(), out.tolist()):
        assert o[:5] == [round(a), math.trunc(a), math.ceil(a), math.floor(a), round(a)]
        assert o[5] == max(0, math.trunc(a)) and o[6] == np.float64(a).view(np.int64)
        assert o[7] == np.float64(rounded(F(o[6]), "u")).view(np.int64)
    low, high = -(2**63), 2**63 - 1
    assert out[28, 0] == low and out[29, :6].tolist() == [high] * 4 + [2**31 - 1, M32]
    assert out[30, :6].tolist() == [low] * 4 + [-(2**31), 0] and out[31, 4:6].tolist() == [
        2**31 - 1,
        3000000000,
    ]
    m = rng(1).standard_normal((24, 24))
    m = m @ m.T + 24 * np.eye(24)
    out = m.copy()
    p("cholesky", 1, 32, out, 24)
    assert np.abs(np.tril(out) - np.linalg.cholesky(m)).max() < 1e-13 * 24


def test_half2(program):  # noqa: F811
    p = program("half2")
    a, b, c = (rng(k).standard_normal((32, 2)).astype(np.float16) for k in range(3))
    out = np.zeros((32, 20, 2), np.float16)
    p("half_arithmetic", 1, 32, a, b, c, out)
    x, y, z = (v.astype(np.float64) for v in (a, b, c))
    check_pairs(
        out.astype(np.float64), x, y, z, lambda v: v.astype(np.float16).astype(np.float64), 2.0**-11, p.arch
    )
    if p.has("bfloat_arithmetic"):
        a, b, c = (bfloat(v) for v in (x, y, z))
        raw = [(v.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16) for v in (a, b, c)]
        out = np.zeros((32, 20, 2), np.uint16)
        p("bfloat_arithmetic", 1, 32, *raw, out)
        values = (out.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        check_pairs(values, a, b, c, bfloat, 2.0**-8, p.arch)
    x = np.concatenate([rng(4).standard_normal(28) * 100, [70000, 1e-7, -0.0, 0.5]]).astype(np.float32)
    h, bf = np.zeros((32, 4), np.float16), np.zeros((32, 4), np.uint16)
    n, back = np.zeros((32, 2), np.int32), np.zeros((32, 2), np.float32)
    p("conversions", 1, 32, x, h, bf, n, back)
    with np.errstate(over="ignore"):
        assert (h[:, 0] == x.astype(np.float16)).all()
    wide = h[:28].astype(np.float64)
    assert (
        (abs(wide[:, 1]) <= abs(x[:28])).all()
        and (wide[:, 2] >= x[:28]).all()
        and (wide[:, 3] <= x[:28]).all()
    )
    spread = np.maximum(wide[:, 2], -wide[:, 3])
    assert (wide[:, 2] - wide[:, 3] <= 2.0**-10 * np.abs(spread)).all()
    wide = (bf.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    assert (wide[:, 0] == bfloat(x)).all() and (abs(wide[:, 1]) <= abs(x)).all()
    assert (wide[:, 2] >= x).all() and (wide[:, 3] <= x).all()
    assert n[:28].tolist() == [[round(float(v)), math.trunc(float(v))] for v in h[:28, 0]]
    assert (back[:, 0] == h[:, 0]).all() and (back[:, 1] == wide[:, 0]).all()


def check_pairs(out, x, y, z, rounded, unit, arch):
    """`unit`: half of the distance of 1 to its neighbour."""
    exact = [x + y, x - y, x * y, None, None, -x, abs(x), np.minimum(x, y), np.maximum(x, y)]
    exact += [
        np.clip(rounded(x + y), 0, 1),
        None,
        x > y,
        np.sqrt(abs(x)),
        np.rint(x),
        np.floor(x),
        x[:, ::-1],
    ]
    exact += [np.clip(rounded(x * y), 0, 1)]
    for k, e in enumerate(exact):
        if e is not None:
            assert (out[:, k] == rounded(np.asarray(e, np.float64))).all(), k
    with np.errstate(divide="ignore"):
        near = {3: (x * y + z, unit), 4: (x / y, 2 * unit), 17: (1 / y, 2 * unit), 18: (2**z, 2 * unit)}
        near[19] = (np.log2(abs(x)), 4 * unit)
    if arch != "sm_75":
        near[10] = (np.maximum(x * y + z, 0), unit)
    for k, (e, bound) in near.items():
        assert (abs(out[:, k] - e) <= bound * abs(e) + 2.0**-24 + (unit * 2 if k == 19 else 0)).all(), k


def test_fp8(program):  # noqa: F811
    p = program("fp8")
    codes = np.arange(256, dtype=np.uint8)
    e4m3, e5m2 = np.zeros(256, np.float32), np.zeros(256, np.float32)
    p("from_fp8", 2, 128, codes, e4m3, e5m2)

    def value(code, bits, bias, finite):
        sign, exponent, fraction = code >> 7, code >> bits & ((1 << 7 - bits) - 1), code & ((1 << bits) - 1)
        last = (1 << 7 - bits) - 1
        if exponent == last and (fraction == (1 << bits) - 1 if finite else fraction):
            return math.nan
        if exponent == last and not finite:
            return -math.inf if sign else math.inf
        size = fraction / (1 << bits) + (exponent > 0)
        return (-1) ** sign * size * 2.0 ** (max(exponent, 1) - bias)

    for got, bits, bias, finite in ((e4m3, 3, 7, True), (e5m2, 2, 15, False)):
        assert np.array_equal(got, [value(int(c), bits, bias, finite) for c in codes], equal_nan=True)
    x = np.concatenate(
        [rng().standard_normal(200) * 30, 10.0 ** rng(1).uniform(-8, 6, 50), [0, -0.0, 448, 465, 1e9, 57344]]
    )
    x = x.astype(np.float32)
    a, b, c = np.zeros((3, 256), np.uint8)
    p("to_fp8", 2, 128, x, a, b, c)
    for got, table, top in ((a, e4m3, 448), (b, e5m2, 57344)):
        finite = np.flatnonzero(np.isfinite(table[:128]))
        for v, code in zip(x.tolist(), got.tolist()):
            distance = abs(table[finite].astype(np.float64) - min(abs(v), top))
            best = finite[distance == distance.min()]
            assert code & 127 in best and (len(best) == 1 or code % 2 == 0), v
            assert code >> 7 == (math.copysign(1, v) < 0)
    assert (c[np.abs(x) < 61440] == b[np.abs(x) < 61440]).all() and (c[x > 61440] == 0x7C).all()
    z = rng(2).standard_normal((32, 2)).astype(np.float32)
    out = np.zeros_like(z)
    p("pairs", 1, 32, z, out)
    assert (np.abs(out / 2 - z) <= 2.0**-4 * np.abs(z) + 2.0**-10).all()


def test_filters(program):  # noqa: F811
    p = program("filters")
    image = rng().random((20, 50), np.float32)
    weights = rng(1).random(25, np.float32)
    p.module.variable("coefficients")[:] = weights.view(np.uint8)
    out = np.zeros_like(image)
    p("convolve", (2, 3), (32, 8), image, out, 50, 20, unwritten=[out])
    around = np.pad(image.astype(np.float64), 2, mode="edge")
    expected = sum(weights[5 * i + j] * around[i : i + 20, j : j + 50] for i in range(5) for j in range(5))
    assert np.abs(out - expected).max() <= 26 * 2.0**-24 * weights.sum()
    grey = rng(2).integers(0, 256, (20, 50)).astype(np.uint8)
    edges = np.zeros_like(grey)
    p("sobel", (4, 3), (16, 8), grey, edges, 50, 20)
    around, kernel = np.pad(grey.astype(int), 1, mode="edge"), np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    gx = sum(kernel[i, j] * around[i : i + 20, j : j + 50] for i in range(3) for j in range(3))
    gy = sum(kernel[j, i] * around[i : i + 20, j : j + 50] for i in range(3) for j in range(3))
    assert (edges == np.minimum(255, abs(gx) + abs(gy))).all()
    whole = rng(3).integers(0, 10, (16, 40)).astype(np.float32)
    out = np.zeros_like(whole)
    p("box_rows", 1, 16, whole, out, 40, 3)
    around = np.pad(whole, ((0, 0), (3, 3)))
    assert (out == sum(around[:, k : k + 40] for k in range(7))).all()
    four, middle = rng(4).integers(0, 256, (32, 4)).astype(np.uint8), np.zeros(32, np.uint8)
    p("median", 1, 32, four, middle)
    ordered = np.sort(four, 1).astype(int)
    assert (middle == (ordered[:, 1] + ordered[:, 2] + 1) // 2).all()


def test_physics(program):  # noqa: F811
    p = program("physics")
    x = rng().random((128, 4)).astype(np.float32)
    out = np.zeros_like(x)
    p("bodies", 2, 64, x, out, 128, 0.25)
    w = x.astype(np.float64)
    d = w[None, :, :3] - w[:, None, :3]
    pull = (w[None, :, 3] * ((d * d).sum(-1) + 0.01) ** -1.5)[..., None] * d
    bound = (8 + 128) * 2.0**-23 * np.abs(pull).sum(1) * 0.25 + 2.0**-23
    assert (np.abs(out[:, :3] - (w[:, :3] + 0.25 * pull.sum(1))) <= bound).all() and (
        out[:, 3] == x[:, 3]
    ).all()
    cube = rng(1).random((10, 10, 10))
    out = np.zeros_like(cube)
    p("heat", 10, (10, 10), cube, out, 10)
    around = np.pad(cube, 1)
    near = sum(np.roll(around, s, k)[1:-1, 1:-1, 1:-1] for k in range(3) for s in (-1, 1))
    assert np.abs(out - (0.4 * cube + 0.1 * near)).max() < 1e-15
    price, strike, years = (
        rng(k).uniform(*r, 200).astype(np.float32) for k, r in ((2, (5, 30)), (3, (1, 100)), (4, (0.25, 10)))
    )
    call = np.zeros(200, np.float32)
    p("black_scholes", 2, 128, price, strike, years, call, 0.02, 0.3, 200)
    s, k, t = (v.astype(np.float64) for v in (price, strike, years))
    rate, volatility = float(np.float32(0.02)), float(np.float32(0.3))
    d1 = (np.log(s / k) + (rate + 0.5 * volatility**2) * t) / (volatility * np.sqrt(t))
    cdf = np.vectorize(lambda v: 0.5 * math.erfc(-v / math.sqrt(2)))
    exact = s * cdf(d1) - k * np.exp(-rate * t) * cdf(d1 - volatility * np.sqrt(t))
    assert np.abs(call - exact).max() < 100 * 2.0**-20
    inside = np.zeros(1, np.uint32)
    p("pi", 1, 64, inside)
    state, count = (np.arange(64, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(88172645)), 0
    for _ in range(2000):
        draws = []
        for _ in range(2):
            state ^= state << np.uint32(13)
            state ^= state >> np.uint32(17)
            state ^= state << np.uint32(5)
            draws.append((state >> np.uint32(8)).astype(np.float32) * np.float32(1 / 16777216))
        count += int((draws[0] * draws[0] + draws[1] * draws[1] < 1).sum())
    assert inside[0] == count


@pytest.mark.parametrize("double", [False, True], ids=["f32", "f64"])
def test_libdevice(program, double):  # noqa: F811
    """Against 40 digits; the bounds are those of the CUDA C++ Programming Guide, in ulp."""
    mpmath = pytest.importorskip("mpmath")
    p = program("libdevice")
    names = re.findall(r"(ONE|TWO)\((\w+)\)", (PROGRAMS / "libdevice.cu").read_text().split("#define ONE")[0])
    names = [n for n in names if n[1] != "name"]
    dtype = np.float64 if double else np.float32
    n = 48
    x = np.concatenate([rng().uniform(-6, 6, 32), rng(1).uniform(-0.99, 0.99, 12), [0.5, 1, 20, -1]]).astype(
        dtype
    )
    y = rng(2).uniform(-3, 3, n).astype(dtype)
    out = np.zeros((len(names), n), dtype)
    p("doubles" if double else "singles", 1, 64, x, y, out, n)
    with mpmath.workdps(40):
        wrong = []
        for row, (_, name) in zip(out, names):
            exact, ulps = FUNCTIONS[name](mpmath), ULPS.get(name, (4, 4))[double]
            for a, b, got in zip(x.tolist(), y.tolist(), row.tolist()):
                try:
                    value = exact(mpmath.mpf(a), mpmath.mpf(b)) if name in TWO else exact(mpmath.mpf(a))
                except (ValueError, ZeroDivisionError):
                    continue
                if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value):
                    continue
                if name == "lgamma" and -10.001 < a < -2.264:
                    continue  # the guide gives no bound near its zeros
                bound = ulps * float(np.spacing(np.abs(dtype(float(value)))))
                if name in BESSEL and abs(a) >= 8:
                    bound = 5e-12 if double else 2.2e-6
                if not abs(mpmath.mpf(got) - value) <= bound:
                    wrong.append((name, a, b, got, float(value)))
    assert not wrong, wrong[:10]


TWO = {"pow", "atan2", "fmod", "hypot", "fdim", "remainder", "nextafter", "copysign", "fmax", "fmin"}
BESSEL = {"j0", "j1", "y0", "y1"}
# (single, double) where the guide gives more than 4; Bessel functions have absolute bounds near their zeros.
ULPS = {
    "lgamma": (16, 16),
    "tgamma": (5, 10),
    "erfcinv": (4, 6),
    "erfcx": (4, 4),
    "normcdf": (5, 5),
    "normcdfinv": (5, 8),
    "j0": (32, 32),
    "j1": (32, 32),
    "y0": (32, 32),
    "y1": (32, 32),
    "cyl_bessel_i0": (6, 6),
    "pow": (8, 4),
}


def _inverse_erfc(m):
    return lambda v: m.erfinv(1 - v)


def _nearest(m, v):
    return m.mpf(round(float(v)))


FUNCTIONS = {
    **{
        n: (lambda m, n=n: getattr(m, n))
        for n in "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp".split()
    },
    **{
        n: (lambda m, n=n: getattr(m, n))
        for n in "expm1 log log10 sqrt cbrt erf erfc erfinv sinpi cospi floor ceil".split()
    },
    "exp2": lambda m: lambda v: m.power(2, v),
    "exp10": lambda m: lambda v: m.power(10, v),
    "log2": lambda m: lambda v: m.log(v, 2),
    "log1p": lambda m: m.log1p,
    "cbrt": lambda m: lambda v: m.sign(v) * m.cbrt(abs(v)),
    "rsqrt": lambda m: lambda v: 1 / m.sqrt(v),
    "rcbrt": lambda m: lambda v: m.sign(v) / m.cbrt(abs(v)),
    "erfcinv": _inverse_erfc,
    "erfcx": lambda m: lambda v: m.exp(v * v) * m.erfc(v),
    "normcdf": lambda m: lambda v: m.erfc(-v / m.sqrt(2)) / 2,
    "normcdfinv": lambda m: lambda v: m.sqrt(2) * m.erfinv(2 * v - 1),
    "lgamma": lambda m: lambda v: m.log(abs(m.gamma(v))),
    "tgamma": lambda m: m.gamma,
    "j0": lambda m: lambda v: m.besselj(0, v),
    "j1": lambda m: lambda v: m.besselj(1, v),
    "y0": lambda m: lambda v: m.bessely(0, v),
    "y1": lambda m: lambda v: m.bessely(1, v),
    "cyl_bessel_i0": lambda m: lambda v: m.besseli(0, v),
    "trunc": lambda m: lambda v: m.mpf(math.trunc(float(v))),
    "rint": lambda m: lambda v: _nearest(m, v),
    "round": lambda m: lambda v: m.sign(v) * m.floor(abs(v) + 0.5),
    "fabs": lambda m: abs,
    "logb": lambda m: lambda v: m.floor(m.log(abs(v), 2)),
    "pow": lambda m: m.power,
    "atan2": lambda m: m.atan2,
    "fmod": lambda m: lambda a, b: m.mpf(math.fmod(float(a), float(b))),
    "hypot": lambda m: m.hypot,
    "fdim": lambda m: lambda a, b: max(a - b, m.mpf(0)),
    "remainder": lambda m: lambda a, b: m.mpf(math.remainder(float(a), float(b))),
    "nextafter": lambda m: lambda a, b: a,
    "copysign": lambda m: lambda a, b: abs(a) * (1 if b >= 0 else -1),
    "fmax": lambda m: max,
    "fmin": lambda m: min,
}


def test_fast_math(program):  # noqa: F811
    p = program("libdevice")
    x = rng().uniform(0.1, 3, 32).astype(np.float32)
    out = np.zeros((8, 32), np.float32)
    p("fast", 1, 32, x, out, 32)
    w = x.astype(np.float64)
    exact = [np.sin(w), np.cos(w), np.exp(w), np.log(w), np.log2(w), w**1.5, 1 / w, w**-0.5]
    bounds = [
        2.0**-20.9,
        2.0**-20.9,
        (2 + 3 * 1.2) * 2.0**-23 * exact[2],
        2.0**-20 + 2.0**-22,
        2.0**-21,
        2.0**-19 * exact[5],
    ]
    bounds += [2 * 2.0**-23 * exact[6], 2.0**-23 * exact[7]]
    for k, (e, bound) in enumerate(zip(exact, bounds)):
        assert (np.abs(out[k] - e) <= bound + 2.0**-23 * np.abs(e)).all(), k
    z = rng(1).standard_normal(32) * 100
    out, exponent = np.zeros((32, 4)), np.zeros((32, 2), np.int32)
    p("parts", 1, 32, z, out, exponent)
    for i, v in enumerate(z.tolist()):
        fraction, e = math.frexp(v)
        assert out[i].tolist() == [fraction, *math.modf(v), math.ldexp(v, i - 16)]
        assert exponent[i].tolist() == [e, e - 1]


@pytest.mark.parametrize("lazy", [True, False])
def test_products_by_inline_ptx(program, lazy):  # noqa: F811
    a, b = (
        rng().integers(-4, 5, (64, 96)).astype(np.float16),
        rng(1).integers(-4, 5, (96, 64)).astype(np.float16),
    )
    exact = a.astype(np.float32) @ b.astype(np.float32)
    small = program("mma_small")
    c = np.zeros((16, 8), np.float32)
    small("m16n8k8", 1, 32, a[:16, :8].copy(), b[:8, :8].copy(), c)
    assert (c == a[:16, :8].astype(np.float32) @ b[:8, :8].astype(np.float32)).all()
    x, y = (
        rng(2).integers(-128, 128, (8, 16)).astype(np.int8),
        rng(3).integers(0, 256, (8, 16)).astype(np.uint8),
    )
    d = np.zeros((8, 8), np.int32)
    small("m8n8k16", 1, 32, x.view(np.int32), y.view(np.int32), d)
    assert (d == x.astype(int) @ y.astype(int).T).all()
    halves = np.arange(64, dtype=np.uint16).reshape(8, 8)
    turned = np.zeros_like(halves)
    small("turn", 1, 32, halves, turned)
    assert (turned == halves.T).all()
    if small.arch == "sm_75":
        return  # no cp.async, no m16n8k16
    p = program("mma_ptx")
    for seed in range(3):
        c = np.zeros((64, 64), np.float32)
        p("pipelined", (2, 2), 128, a, b, c, 64, 64, 96, lazy=lazy, seed=seed, unwritten=[c])
        assert (c == exact).all()
    x, out = rng(4).random(128, np.float32), np.zeros(128, np.float32)
    p("copy_tail", 1, 128, x, out, 77, lazy=lazy)
    assert (out[::-1] == np.where(np.arange(128) < 77, x, 0)).all()


def test_wmma(program):  # noqa: F811
    p, n = program("wmma"), 64
    a, b = rng().integers(-4, 5, (n, n)), rng(1).integers(-4, 5, (n, n))
    c = rng(2).integers(-9, 10, (n, n))
    exact = a @ b + c
    cases = [
        ("f16_f32", np.float16, np.float32, 16, 16, "rc"),
        ("f16_f16", np.float16, np.float16, 32, 8, "cr"),
    ]
    cases += [("f16_wide", np.float16, np.float32, 8, 32, "rr"), ("s8_s32", np.int8, np.int32, 16, 16, "rr")]
    cases += [
        ("tf32_f32", np.float32, np.float32, 16, 16, "rr"),
        ("f64_f64", np.float64, np.float64, 8, 8, "rc"),
    ]
    cases += [("bf16_f32", None, np.float32, 16, 16, "rc"), ("u8_s32", np.uint8, np.int32, 8, 32, "cc")]
    ran = []
    for name, kind, sums, m, k, layout in cases:
        if not p.has(name):
            continue
        x, y = (abs(a), abs(b)) if kind is np.uint8 else (a, b)
        given = [v if order == "r" else v.T for v, order in ((x, layout[0]), (y, layout[1]))]
        if kind is None:
            raw = [
                (v.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
                for v in map(np.ascontiguousarray, given)
            ]
        else:
            raw = [np.ascontiguousarray(v).astype(kind) for v in given]
        out = c.astype(sums)
        p(name, (n // k, n // m), 32, *raw, out, n)
        assert (out == x @ y + c).all(), name
        ran.append(name)
    assert len(ran) == (5 if p.arch == "sm_75" else 8) and (exact == a @ b + c).all()
    out = np.zeros((n, n), np.int32)
    nibbles = [((v & 15)[:, ::2] | (v & 15)[:, 1::2] << 4).astype(np.uint8, order="C") for v in (a, b.T)]
    p("s4_s32", (n // 8, n // 8), 32, *nibbles, out, n)
    assert (out == a @ b).all()
    u, v = rng(3).integers(0, 2, (2, 128, 128))
    out = np.zeros((128, 128), np.int32)
    bits = [np.packbits(w, axis=1, bitorder="little") for w in (u, v)]
    p("b1_xor", (16, 16), 32, *bits, out, 128)
    assert (out == (u[:, None, :] ^ v[None, :, :]).sum(-1)).all()
