"""Loads and stores: masks, `other`, gathers, strides, views, sizes, empty launches."""

import numpy as np
import pytest
import tegula
import torch
from harness import ALL, check, data, define

COPY = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o_ptr + i, tl.load(x_ptr + i, mask=i < n, other=1), mask=i < n)
""")
COPY_2D = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, M, N, sxm, sxn, som, son, BM: tl.constexpr, BN: tl.constexpr):
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    mask = (m[:, None] < M) & (n[None, :] < N)
    x = tl.load(x_ptr + m[:, None] * sxm + n[None, :] * sxn, mask=mask)
    tl.store(o_ptr + m[:, None] * som + n[None, :] * son, x, mask=mask)
""")


@pytest.mark.parametrize("dtype", ALL)
def test_every_dtype(dtype):
    x = data(1000, dtype, 1)
    got = check(COPY, (8,), x, torch.zeros_like(x), 1000, BLOCK=128)[1]
    assert torch.equal(got, x)


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 127, 128, 129, 255])
def test_mask_borders(n):
    x = data(256, "float32", 1)
    got = check(COPY, (2,), x, torch.full((256,), 9.0), n, BLOCK=128)[1]
    assert torch.equal(got[:n], x[:n]) and (got[n:] == 9).all()


def test_other_is_given_where_masked():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(o_ptr + i, tl.load(x_ptr + i, mask=(i < n) & (i % 3 != 0), other=-7.0))
""")
    x = data(64, "float32", 1)
    got = check(kernel, (1,), x, torch.zeros(64), 40, BLOCK=64)[1]
    i = torch.arange(64)
    assert torch.equal(got, torch.where((i < 40) & (i % 3 != 0), x, torch.tensor(-7.0)))


@pytest.mark.parametrize("view", ["plain", "transposed", "stepped", "offset", "broadcast"])
def test_views(view):
    base = data((80, 90), "float32", 1)
    x = {
        "plain": base, "transposed": base.t(), "stepped": base[::3, ::2], "offset": base[5:, 7:],
        "broadcast": base[:1].expand(40, 90),
    }[view]  # fmt: skip
    m, n = x.shape
    out = torch.zeros(m, n)
    got = check(COPY_2D, (-(-m // 16), -(-n // 32)), x, out, m, n, *x.stride(), *out.stride(), BM=16, BN=32)[
        1
    ]
    assert torch.equal(got, x)


@pytest.mark.parametrize("bm,bn", [(1, 64), (64, 1), (4, 4), (7, 9), (48, 80)])
def test_transposed_store(bm, bn):
    x = data((50, 70), "float32", 1)
    out = torch.zeros(70, 50)
    got = check(COPY_2D, (-(-50 // bm), -(-70 // bn)), x, out, 50, 70, 70, 1, 1, 50, BM=bm, BN=bn)[1]
    assert torch.equal(got, x.t())


def test_negative_stride():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, n, step, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(o_ptr + i, tl.load(x_ptr + (n - 1) + i * step))
""")
    x = data(100, "float32", 1)
    got = check(kernel, (1,), x, torch.zeros(100), 100, -1, BLOCK=100)[1]
    assert torch.equal(got, x.flip(0))


@pytest.mark.parametrize("dtype", ["float32", "int8", "float16", "int64"])
def test_gather_and_scatter(dtype):
    kernel = define("""
@tegula.jit
def kernel(x_ptr, k_ptr, o_ptr, s_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    k = tl.load(k_ptr + i, mask=i < n, other=0)
    x = tl.load(x_ptr + k, mask=i < n)
    tl.store(o_ptr + i, x, mask=i < n)
    tl.store(s_ptr + k, x, mask=i < n)
""")
    x = data(200, dtype, 1)
    k = torch.from_numpy(np.random.default_rng(1).permutation(200).astype(np.int32))
    got = check(kernel, (1,), x, k, torch.zeros_like(x), torch.zeros_like(x), 200, BLOCK=256)
    assert torch.equal(got[2], x[k.long()]) and torch.equal(got[3], x)


def test_the_later_element_stays():
    """Of two elements stored to one address the later in row-major order stays."""
    kernel = define("""
@tegula.jit
def kernel(o_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(o_ptr + i // 4, i)
""")
    got = check(kernel, (1,), torch.zeros(16, dtype=torch.int32), BLOCK=64)[0]
    assert got.tolist() == [4 * i + 3 for i in range(16)]


def test_int64_offsets():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, start, BLOCK: tl.constexpr):
    i = start.to(tl.int64) + tl.arange(0, BLOCK)
    tl.store(o_ptr + (i - start), tl.load(x_ptr + (i - start)))
""")
    for start in (5, 2**40):
        check(kernel, (1,), data(64, "float32", 1), torch.zeros(64), start, BLOCK=64)


def test_empty_grid_and_empty_tensors():
    x = torch.zeros(0)
    COPY[(0,)](x, x, 0, BLOCK=16)
    COPY[(1,)](x, x, 0, BLOCK=16)
    COPY[(3, 0, 2)](x, x, 0, BLOCK=16)


def test_pointers_as_values():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, y_ptr, o_ptr, pick, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    p = tl.where(i % 2 == 0, x_ptr + i, y_ptr + i)
    q = x_ptr if pick > 0 else y_ptr
    tl.store(o_ptr + i, tl.load(p) + tl.load(q + i))
""")
    for pick in (-1, 3):
        check(kernel, (1,), data(32, "float32", 1), data(32, "float32", 2), torch.zeros(32), pick, BLOCK=32)


def test_numpy_arrays():
    for dtype in (np.float32, np.int64, np.uint8, np.bool_):
        x = np.arange(100).astype(dtype)
        out = np.zeros(100, dtype)
        COPY[(1,)](x, out, 100, BLOCK=128)
        assert (out == x).all()
    strided = np.arange(200, dtype=np.float32)[::2]
    out = np.zeros(100, np.float32)
    COPY_2D[(1, 1)](strided, out, 1, 100, 0, 2, 0, 1, BM=1, BN=128)
    assert (out == strided).all()


def test_scalar_loads():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr):
    a = tl.load(x_ptr)
    b = tl.load(x_ptr + 1)
    tl.store(o_ptr, a * b + tl.program_id(1))
""")
    check(kernel, (1, 1), data(2, "float32", 1), torch.zeros(1))


def test_grid_order_and_num_programs():
    kernel = define("""
@tegula.jit
def kernel(o_ptr):
    x, y, z = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    at = (z * tl.num_programs(1) + y) * tl.num_programs(0) + x
    tl.store(o_ptr + at, at)
""")
    got = check(kernel, (5, 3, 2), torch.zeros(30, dtype=torch.int32))[0]
    assert got.tolist() == list(range(30))


def test_many_tiny_programs():
    out = torch.zeros(100000, dtype=torch.int32)
    kernel = define("""
@tegula.jit
def kernel(o_ptr):
    tl.store(o_ptr + tl.program_id(0), tl.program_id(0))
""")
    kernel[(100000,)](out)
    assert torch.equal(out, torch.arange(100000, dtype=torch.int32))


def test_huge_block():
    x = data(1 << 20, "float32", 1)
    out = torch.zeros(1 << 20)
    with_tail = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n, other=0.0)
    tl.store(o_ptr + i, x - tl.max(x, 0), mask=i < n)
""")
    with_tail[(1,)](x, out, 1000001, BLOCK=1 << 20)
    assert (
        torch.equal(out[:1000001], x[:1000001] - x[:1000001].max().clamp(min=0))
        and (out[1000001:] == 0).all()
    )


def test_wrong_pointer_use_is_refused():
    with pytest.raises(tegula.errors.TegulaError):
        COPY[(1,)](3, 4, 5, BLOCK=16)
