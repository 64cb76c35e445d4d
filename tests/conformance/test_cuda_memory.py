"""CUDA C++ programs: memory, calls, control flow, checked against NumPy with every check fatal."""

import hashlib

import numpy as np
import pytest

from .nvcc import program, rng  # noqa: F401


def test_atomics(program):  # noqa: F811
    p = program("atomics")
    t = np.arange(96)
    s, u = np.zeros(4, np.int32), np.array([0xFFFFFFFF, 0, 0, 0, 3, 999, 0], np.uint32)
    wide, signed = np.zeros(6, np.uint64), np.zeros(2, np.int64)
    wide[1], wide[3] = np.uint64(2**63), np.uint64(2**64 - 1)
    p("integers", 1, 96, s, u, wide, signed)
    r = t * 37 % 101
    assert s.tolist() == [t.sum(), -t.sum(), min(0, (r - 50).min()), (r - 50).max()]
    xor = np.bitwise_xor.reduce((t * 2654435761 & 0xFFFFFFFF).astype(np.uint32))
    counted, down = 0, 3
    for _ in t:
        counted = 0 if counted >= 40 else counted + 1
        down = 40 if down == 0 or down > 40 else down - 1
    assert u.tolist() == [0, 0xFFFFFFFF, xor, counted, down, r.min(), r.max()]
    total = sum(1 << int(k) % 40 for k in t)
    mixed = 0
    for k in t:
        mixed ^= int(k) * 0x9E3779B97F4A7C15 & (2**64 - 1)
    assert wide.tolist() == [total, int(r.min()) << 40, int(r.max()) << 40, 0, 2**64 - 1, mixed]
    assert signed.tolist() == [min(0, (r - 50).min()), (r - 50).max()]

    f, d, h, h2 = np.zeros(1, np.float32), np.zeros(1), np.zeros(2, np.float16), np.zeros(2, np.float16)
    b, b2 = np.zeros(2, np.uint16), np.zeros(2, np.uint16)
    p("floats", 1, 96, f, d, h, h2, b, b2)
    assert f[0] == t.sum() and d[0] == t.sum() and h.tolist() == [96, 48] and h2.tolist() == [96, 192]
    assert (b.astype(np.uint32)[:1] << 16).view(np.float32)[0] == 96
    assert (b2.astype(np.uint32) << 16).view(np.float32).tolist() == [96, 192]

    slots, values, narrow = np.zeros(4, np.int32), np.ones(2, np.float32), np.zeros(2, np.uint16)
    first, lost = np.zeros(1, np.uint64), np.zeros(1, np.int32)
    p("exchange", 1, 96, slots, values, narrow, first, lost)
    assert lost[0] + slots.sum() == (t + 1).sum() and values.tolist() == [1, 7]
    assert narrow.tolist() == [96 * 3, 0] and 1 <= first[0] <= 96
    out, sums = np.zeros(4, np.int32), np.zeros(2, np.float32)
    p("on_shared", 1, 96, out, sums)
    assert out.tolist() == [t.sum(), 95, 0, 127] and sums.tolist() == [48, 96]
    counters = np.zeros(32, np.int32)
    p("scopes", 3, 32, counters)
    assert counters[:3].tolist() == [32] * 3 and counters[31] == 96


def test_functions(program):  # noqa: F811
    p = program("functions")
    out = np.zeros(64, np.int32)
    p("recurse", 1, 64, out)

    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    def ackermann(m, n):
        return n + 1 if m == 0 else n + 2 if m == 1 else 2 * n + 3

    assert out.tolist() == [fib(t % 15) + 1000 * ackermann(t % 3, t % 4) for t in range(64)]
    kind = np.dtype([("a", "f8"), ("b", "i4"), ("c", "f4")])
    x = np.zeros(33, kind)
    x["a"], x["b"], x["c"] = rng().random(33), np.arange(33) * 3, np.arange(33) / 4
    y = np.zeros(32, kind)
    p("structures", 1, 32, x.view(np.uint8), y.view(np.uint8))
    assert (y["a"] == x["a"][:-1] * x["a"][1:] * x["a"][:-1]).all()
    assert (y["b"] == -x["b"][1:]).all() and (y["c"] == 2 * x["c"][:-1] + x["c"][1:]).all()
    out = np.zeros((32, 20), np.int32)
    p("local_arrays", 1, 32, out, 20)
    assert (out == np.arange(20)[::-1] * (np.arange(32)[:, None] + 1)).all()
    numbers = rng().integers(-1000, 1000, 200).astype(np.int32)
    packed = numbers.tobytes() + np.float64(0.5).tobytes()
    out = np.zeros(200)
    p("large_parameter", 1, 200, packed, out)
    assert (out == numbers * 0.5).all()
    rows = rng().integers(0, 100, (16, 30)).astype(np.int32)
    ordered = rows.copy()
    p("sort_rows", 1, 16, ordered, 30)
    assert (ordered == np.sort(rows, 1)).all()


def test_indirect(program):  # noqa: F811
    p = program("indirect")
    t = np.arange(64)
    out = np.zeros(64, np.float32)
    p("areas", 1, 64, out)
    assert (out == np.where(t % 3, t * t, 3 * t * t)).all()
    which = rng().integers(0, 3, 64).astype(np.int32)
    out = np.zeros(64, np.int32)
    p("through_table", 1, 64, which, out)
    assert (out == np.choose(which, [t + 7, t - 7, t * 7])).all()
    p("chosen", 1, 64, out, 5)
    assert (out == np.where(t % 2, t - 5, t * 5)).all()
    which = rng(1).integers(0, 11, 64).astype(np.int32)
    p("jump_table", 1, 64, which, out)
    ones = np.array([bin(k).count("1") for k in t])
    cases = [
        t * 3 + 1,
        t // 3,
        t ^ 0x55,
        100 - t,
        t + 100,
        t % 7,
        t << 3,
        ones,
        t * t,
        -1 + 0 * t,
        -1 + 0 * t,
    ]
    assert (out == np.choose(which, cases)).all()


def test_print(program, capsys):  # noqa: F811
    program("print")("hello", 1, 32, 2)
    lines = sorted(capsys.readouterr().out.splitlines())
    assert lines == [
        "50% of 1.234568e+04, 0.0001, ff, 10, 00042, +7",
        "thread 0 of 32:  0.00 text|even  |a -1234567890123 deadbeefcafe 0x1234 %",
        "thread 1 of 32:  1.50 text|odd   |b -1234567890123 deadbeefcafe 0x1234 %",
    ]


def test_divergence(program):  # noqa: F811
    p = program("divergence")
    steps = np.zeros(256, np.int32)
    p("collatz", 2, 128, steps)

    def collatz(n):
        count = 0
        while n != 1:
            n, count = (3 * n + 1 if n % 2 else n // 2), count + 1
        return count

    assert steps.tolist() == [collatz(n + 1) for n in range(256)]
    out = np.zeros((48, 64), np.int32)
    p("mandelbrot", (4, 6), (16, 8), out, 64, 48, 100)
    cx = (np.float32(-2) + np.float32(3 / 64) * np.arange(64, dtype=np.float32))[None, :]
    cy = (np.float32(-1) + np.float32(2 / 48) * np.arange(48, dtype=np.float32))[:, None]
    x, y, k = np.zeros((3, 48, 64), np.float32)
    for _ in range(100):
        inside = x * x + y * y <= 4
        x, y = np.where(inside, x * x - y * y + cx, x), np.where(inside, np.float32(2) * x * y + cy, y)
        k += inside
    assert (out == k).all()
    out = np.zeros(64, np.int32)
    p("primes", 1, 64, out, 2000)
    sieve = [n for n in range(2, 2000) if all(n % d for d in range(2, int(n**0.5) + 1))]
    assert out.tolist() == [min(41, sum(n % 64 == (2 + t) % 64 for n in sieve)) for t in range(64)]
    numbers = np.array([24, 36, 48, 60, 120], np.int32)
    out = np.zeros(64, np.int32)
    p("nested_return", 1, 64, numbers, out, 5)

    def first(a, b):
        for k, wanted in enumerate(numbers):
            x, y = a, b
            while y:
                x, y = y, x % y
                if x == wanted:
                    return k
        return -1

    assert out.tolist() == [first(720720 + t * 12, 5040 * (t + 1)) for t in range(64)]


def test_loads(program):  # noqa: F811
    p = program("loads")
    a, b, c = (
        rng().random((64, 4), np.float32),
        rng().integers(-9, 9, (64, 2)).astype(np.int32),
        rng().random((64, 2)),
    )
    x, y, z = np.zeros_like(a), np.zeros_like(b), np.zeros_like(c)
    p("vectors", 2, 32, a, b, c, x, y, z, unwritten=[x, y, z])
    assert (x == a[:, ::-1]).all() and (y == np.stack([b[:, 1] - b[:, 0], b[:, 0]], 1)).all()
    assert (z == np.stack([c[:, 1], c[:, 0] * 2], 1)).all()
    words, out, sums = np.arange(32, dtype=np.int32), np.zeros((32, 4), np.float32), np.zeros(32, np.int32)
    p("hints", 1, 32, a, words, out, sums)
    assert (out == a[:32] * np.array([2, 1, 1, 1], np.float32)).all() and (sums == 2 * words).all()
    i, s, h = (rng(k).integers(-100, 100, n) for k, n in [(1, (32, 4)), (2, 32), (3, (32, 4))])
    out8 = np.zeros((32, 4), np.uint8)
    p("bytes", 1, 32, i.astype(np.uint8), s.astype(np.int8), h.astype(np.int16), out8, sums)
    assert (out8 == i.astype(np.uint8)[:, [3, 0, 1, 2]]).all()
    assert (sums == s + h[:, 0] - h[:, 1] + h[:, 2] * h[:, 3]).all()
    kind = np.dtype([("key", "i4"), ("value", "f4"), ("weight", "f8")])
    r = np.zeros(64, kind)
    r["key"], r["value"], r["weight"] = np.arange(64), np.arange(64) / 2, rng().random(64)
    q = np.zeros(64, kind)
    p("records", 1, 64, r.view(np.uint8), q.view(np.uint8))
    assert (q["key"] == r["key"][::-1]).all() and (q["value"] == (r["value"] + r["key"])[::-1]).all()
    assert (q["weight"] == r["weight"][::-1]).all()


def test_clocks(program):  # noqa: F811
    p = program("clocks")
    out = np.zeros((32, 2), np.int64)
    p("clocks", 1, 32, out)
    assert (out[:, 0] > 0).all() and (out[:, 1] == 3).all()
    done = np.zeros(32, np.int32)
    p("wait_a_while", 1, 32, done)
    assert done.all()
    out = np.zeros((48, 8), np.uint32)
    p("specials", 1, (4, 4, 3), out, shared=256)
    lane = np.arange(48) % 32
    bit = 1 << lane.astype(np.uint64)
    full = np.uint64(2**32 - 1)
    expected = [
        lane,
        np.arange(48) // 32,
        bit,
        2 * bit - 1,
        bit - 1,
        full & ~(bit - 1),
        full & ~(2 * bit - 1),
    ]
    assert (out[:, :7] == np.stack(expected, 1)).all() and (out[:, 7] == 256).all()


def test_memory(program):  # noqa: F811
    p = program("memory")
    x = rng().random(64)
    out = np.zeros(64)
    p("several", 1, 64, x, out, 64, shared=64 * 13)
    o = np.arange(64)[::-1]
    assert (out == np.where(o % 3 == 0, x[o], -x[o])).all()
    given, out = np.array([5, 6, 7, 8], np.int32), np.zeros(64, np.int32)
    p("anywhere", 1, 64, given, out)
    t = np.arange(64)
    assert (out == np.choose(t % 4, [26 + 2000, 600 + 1000, 6 * t + 4000, 100 + 2000])).all()
    out = np.zeros(2, np.int32)
    p("initialised", 1, 2, out)
    assert out.tolist() == [4, 16]
    out = np.zeros(32, np.int32)
    p("from_heap", 1, 32, out, 50)
    assert (out == 1225 * np.arange(32)).all()
    p("from_stack", 1, 32, out, 5)
    n = 5 + np.arange(32)
    assert (out == n * (n - 1) // 2).all()


def test_templates(program):  # noqa: F811
    p = program("templates")
    a, b = rng().random((2, 32, 3))
    out = np.zeros(32)
    p("vectors", 1, 32, a, b, out)
    assert np.abs(out - ((a + b) * b).sum(1)).max() < 1e-14
    x = rng().integers(-50, 50, 20).astype(np.int32)
    out = np.zeros((32, 4), np.int64)
    p("lambdas", 1, 32, x, 20, out)
    chained = np.int32(1)
    with np.errstate(over="ignore"):
        for v in x:
            chained = chained * np.int32(31) + v
    expected = [[x.sum() + 20 * t, x.max(), 1307674368000, chained] for t in range(32)]
    assert out.tolist() == np.array(expected).tolist()
    out = np.zeros(32)
    p("packs", 1, 32, out)
    assert (out == 3.5 + np.arange(32) + 97 + 2.0**40).all()
    z = rng().random((64, 2)).astype(np.float32)
    out = np.zeros((64, 2), np.float32)
    for seed in range(3):
        p("fft64", 1, 32, z, out, seed=seed)
        f = np.fft.fft(z[:, 0] + 1j * z[:, 1].astype(np.float64))
        assert np.abs(out[:, 0] + 1j * out[:, 1] - f).max() < 6 * 8 * 2.0**-23 * np.abs(z).sum()


@pytest.mark.parametrize("seed", [0, 1])
def test_algorithms(program, seed):  # noqa: F811
    p = program("algorithms")
    a, b = (
        rng().integers(-4, 4, (40, 50)).astype(np.float32),
        rng(1).integers(-4, 4, (50, 35)).astype(np.float32),
    )
    c = np.zeros((40, 35), np.float32)
    p("tiled_product", (3, 3), (16, 16), a, b, c, 40, 35, 50, seed=seed, unwritten=[c])
    assert (c == a @ b).all()
    dense = rng().integers(-4, 5, (20, 60)) * (rng(1).random((20, 60)) < 0.3)
    rows, columns = np.nonzero(dense)
    start = np.searchsorted(rows, np.arange(21)).astype(np.int32)
    x, y = rng(2).integers(0, 9, 60).astype(np.float64), np.zeros(20)
    p(
        "sparse_product",
        5,
        128,
        start,
        columns.astype(np.int32),
        dense[rows, columns].astype(float),
        x,
        y,
        20,
        seed=seed,
    )
    assert (y == dense @ x).all()
    edges = rng(3).random((50, 50)) < 0.06
    start = np.concatenate([[0], edges.sum(1).cumsum()]).astype(np.int32)
    following = np.nonzero(edges)[1].astype(np.int32)
    distance = np.full(50, -1, np.int32)
    distance[0] = 0
    front, size, level, reached = np.zeros(50, np.int32), 1, 0, np.arange(50) == 0
    expected = np.where(reached, 0, -1)
    while size:
        level += 1
        new, new_size = np.zeros(50, np.int32), np.zeros(1, np.int32)
        p("search_step", 1, 64, start, following, distance, front, size, new, new_size, level, seed=seed)
        fresh = (
            (edges[expected == level - 1].any(0) & ~reached)
            if (expected == level - 1).any()
            else reached & False
        )
        expected[fresh] = level
        reached |= fresh
        front, size = new, int(new_size[0])
    assert (distance == expected).all()
    keys, counts = np.full(64, 0xFFFFFFFF, np.uint32), np.zeros(64, np.uint32)
    words = rng(4).integers(0, 30, 300).astype(np.uint32)
    p("insert", 5, 64, keys, counts, words, 300, 64, seed=seed)
    assert {int(k): int(n) for k, n in zip(keys, counts) if n} == dict(
        zip(*map(np.ndarray.tolist, np.unique(words, return_counts=True)))
    )
    one, two = rng(5).integers(97, 101, 40).astype(np.int8), rng(6).integers(97, 101, 33).astype(np.int8)
    out = np.zeros(1, np.int32)
    p("edit_distance", 1, 64, one, two, 40, 33, out, seed=seed)
    row = list(range(34))
    for i, x1 in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, x2 in enumerate(two, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x1 != x2))
    assert out[0] == row[-1]
    board = (rng(7).random((32, 32)) < 0.4).astype(np.uint8)
    after = np.zeros_like(board)
    p("life", (2, 4), (16, 8), board, after, 32, seed=seed)
    near = sum(np.roll(board, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)) - board
    assert (after == ((near == 3) | ((near == 2) & (board == 1)))).all()


def test_constants_from_the_host(program):  # noqa: F811
    p = program("algorithms")
    primes = [n for n in range(2, 312) if all(n % d for d in range(2, int(n**0.5) + 1))][:64]
    p.module.variable("rounds")[:] = np.array([_cube_root_fraction(k) for k in primes], np.uint32).view(
        np.uint8
    )
    messages = [b"", b"abc", b"The quick brown fox jumps over the lazy dog", bytes(range(55))]
    blocks = np.zeros((4, 64), np.uint8)
    for k, m in enumerate(messages):
        blocks[k, : len(m)] = np.frombuffer(m, np.uint8)
        blocks[k, len(m)] = 0x80
        blocks[k, 56:] = np.frombuffer((8 * len(m)).to_bytes(8, "big"), np.uint8)
    out = np.zeros((4, 8), np.uint32)
    p("sha256", 1, 4, blocks, out)
    for words, m in zip(out, messages):
        assert words.astype(">u4").tobytes() == hashlib.sha256(m).digest()


def _cube_root_fraction(n: int) -> int:
    """The first 32 bits of the fraction of the cube root, by integers."""
    low, high = 0, 8 << 32
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= n << 96 else (low, middle)
    return low & 0xFFFFFFFF
