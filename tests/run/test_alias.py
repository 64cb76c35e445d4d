"""A block operation happens wholly before the next one, also when arguments overlap.

Every kernel runs on views of one buffer; pulled, unpulled and reference must agree bit for bit (`check` demands it).
"""

import itertools

import pytest
import torch
from harness import check, data, define

SHIFT = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    m = i < n
    tl.store(o_ptr + i, tl.load(x_ptr + i, mask=m) + 1, mask=m)
""")


@pytest.mark.parametrize("distance", [-17, -16, -4, -1, 0, 1, 2, 15, 16, 17, 40])
def test_shifted_copy(distance):
    """x[i + d] = x[i] + 1: every read is before every write."""
    base = data(200, "float32", 1)
    start = 50
    x, o = base[start : start + 100], base[start + distance : start + distance + 100]
    want = x + 1
    got = check(SHIFT, (1,), x, o, 100, BLOCK=128)[1]
    assert torch.equal(got, want)


def test_same_pointer_argument():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
    tl.store(x_ptr + i + 1, x)
    tl.store(x_ptr + i, x * 2)
""")
    check(kernel, (1,), data(65, "float32", 1), 64, BLOCK=64)


def test_reverse_in_place():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(x_ptr + (BLOCK - 1 - i), tl.load(x_ptr + i))
""")
    for n in (1, 2, 31, 64, 100):
        x = data(n, "float32", n)
        assert torch.equal(check(kernel, (1,), x, BLOCK=n)[0], x.flip(0))


def test_transpose_in_place():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, S: tl.constexpr):
    i = tl.arange(0, S)
    x = tl.load(x_ptr + i[:, None] * S + i[None, :])
    tl.store(x_ptr + i[None, :] * S + i[:, None], x)
""")
    for n in (3, 16, 33):
        x = data((n, n), "float32", n)
        assert torch.equal(check(kernel, (1,), x, S=n)[0], x.t())


def test_two_stores_with_swapped_sources():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, y_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
    y = tl.load(y_ptr + i)
    tl.store(x_ptr + i, y)
    tl.store(y_ptr + i, x)
""")
    for x, y in [
        (data(70, "float32", 1)[3:67], data(64, "float32", 2)),
        (lambda b: (b[:64], b[5:69]))(data(80, "float32", 3)),
    ]:
        check(kernel, (1,), x, y, BLOCK=64)


def test_load_between_stores():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, y_ptr, o_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    before = tl.load(x_ptr + i)
    tl.store(y_ptr + i, before + 1)
    after = tl.load(x_ptr + i)
    tl.store(o_ptr + i, before * 100 + after)
""")
    base = data(100, "float32", 1)
    for distance in (0, 1, 7):
        check(kernel, (1,), base[:64], base[distance : distance + 64], torch.zeros(64), BLOCK=64)


def test_load_before_a_loop_that_writes():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, y_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
    total = tl.zeros((BLOCK,), tl.float32)
    for k in range(n):
        tl.store(y_ptr + i, x + k)
        total += tl.load(x_ptr + i)
    tl.store(o_ptr + i, total + x)
""")
    base = data(100, "float32", 1)
    check(kernel, (1,), base[:64], base[10:74], torch.zeros(64), 5, BLOCK=64)


def test_reduction_reads_before_the_store():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
    tl.store(o_ptr + i, x - tl.sum(x, 0))
    tl.store(o_ptr + i + 3, tl.load(x_ptr + i))
""")
    base = data(120, "float32", 1)
    for distance in (-3, 0, 1, 20):
        check(kernel, (1,), base[20:84], base[20 + distance : 84 + distance + 3], BLOCK=64, quality=False)


@pytest.mark.parametrize("offsets", list(itertools.product((0, 1, 5), repeat=2)))
def test_three_overlapping_views(offsets):
    kernel = define("""
@tegula.jit
def kernel(x_ptr, y_ptr, z_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
    y = tl.load(y_ptr + i) * x
    tl.store(z_ptr + i, y)
    tl.store(x_ptr + i, y + tl.load(z_ptr + i))
""")
    base = data(100, "float32", 1)
    a, b = offsets
    check(kernel, (1,), base[:48], base[a : a + 48], base[b : b + 48], BLOCK=48, quality=False)


def test_copy_between_dtypes_of_one_buffer():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(o_ptr + i, tl.load(x_ptr + i).to(tl.int16, bitcast=False))
""")
    base = data(64, "int32", 1)
    check(kernel, (1,), base, base.view(torch.int16)[:64], BLOCK=64)
