"""Elements by index, in order, and counted: gather, sort, topk, histogram."""

import pytest
import tegula
import tegula.language as tl
import torch
from harness import check, data, define, more, sweep

SORT = """
@tegula.jit
def kernel(x_ptr, o_ptr, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :])
    r = {expr}
    tl.store(o_ptr + tl.arange(0, r.numel), r.reshape(r.numel))
"""
SORTS = {
    "tl.sort(x)": lambda x, k: x.sort(-1)[0],
    "x.sort(descending=True)": lambda x, k: x.sort(-1, descending=True)[0],
    "tl.sort(x, 0)": lambda x, k: x.sort(0)[0],
    "tl.topk(x, K)": lambda x, k: x.sort(-1, descending=True)[0][:, :k],
    "tl.bitonic_merge(x)": lambda x, k: x.sort(-1)[0],
}
DTYPES = [
    "float32",
    "float16",
    "bfloat16",
    "float64",
    "int8",
    "int64",
    "uint8",
    "uint32",
    "float8_e4m3fn",
    "float8_e5m2",
]
SHAPES = more([(1, 1), (3, 10), (4, 64)], [(1, 1000), (17, 33), (64, 2)])


@pytest.mark.parametrize("expr,dtype,shape", sweep(list(SORTS), DTYPES, SHAPES))
def test_sort(expr, dtype, shape):
    m, n = shape
    k = max(1, n // 3)
    kind = "special" if dtype.startswith("float") or dtype == "bfloat16" else "normal"
    x = data(shape, "float32" if dtype.startswith("float8") else dtype, 1, kind).to(getattr(torch, dtype))
    wide = x.double() if x.dtype.is_floating_point else x.to(torch.int64)
    want = SORTS[expr](wide, k)
    got = check(
        define(SORT.format(expr=expr)),
        (1,),
        x,
        torch.zeros(want.numel(), dtype=x.dtype),
        M=m,
        N=n,
        K=k,
        quality=False,
        exact=True,
    )[1]
    assert torch.equal(got.to(wide.dtype).reshape(want.shape).nan_to_num(0.125), want.nan_to_num(0.125))


def test_sort_of_computed_values():
    kernel = define(SORT.format(expr="tl.sort(tl.exp(x) * x)"))
    check(kernel, (1,), data((4, 50), "float32", 1), torch.zeros(200), M=4, N=50, K=1)


@tegula.jit
def gather(
    x_ptr, i_ptr, o_ptr, M: tl.constexpr, N: tl.constexpr, P: tl.constexpr, Q: tl.constexpr, A: tl.constexpr
):
    x = tl.load(x_ptr + tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :]) * 2
    at = tl.arange(0, P)[:, None] * Q + tl.arange(0, Q)[None, :]
    tl.store(o_ptr + at, tl.gather(x, tl.load(i_ptr + at), A))


@pytest.mark.parametrize(
    "shape,axis,count,dtype,index",
    sweep(
        more([(1, 1), (3, 10), (8, 64)], [(17, 5), (2, 37)]),
        [0, 1],
        [1, 4, 33],
        ["float32", "int8", "float16", "int64"],
        ["int32", "int64", "int16", "uint8"],
    ),
)
def test_gather(shape, axis, count, dtype, index):
    m, n = shape
    p, q = (count, n) if axis == 0 else (m, count)
    x = data(shape, dtype, 1, "whole")
    i = torch.randint(0, shape[axis], (p, q), generator=torch.Generator().manual_seed(1)).to(
        getattr(torch, index)
    )
    o = torch.zeros(p, q, dtype=x.dtype)
    got = check(gather, (1,), x, i, o, M=m, N=n, P=p, Q=q, A=axis, quality=False, exact=True)[2]
    assert torch.equal(got, torch.gather(x * 2, axis, i.long()))


def test_gather_reads_inside_of_the_tile_only():
    x, i = (
        data((2, 8), "float32", 1),
        torch.tensor([[0, 7, 8, -1, 1 << 30], [1, 2, -(2**31), 9, 3]], dtype=torch.int32),
    )
    got = check(gather, (1,), x, i, torch.zeros(2, 5), M=2, N=8, P=2, Q=5, A=1, quality=False)[2]
    assert torch.equal(got, torch.gather(x * 2, 1, torch.where((i >= 0) & (i < 8), i, 7).long()))


@tegula.jit
def histogram(x_ptr, o_ptr, n, N: tl.constexpr, B: tl.constexpr):
    i = tl.arange(0, N)
    x = tl.load(x_ptr + i, mask=i < n, other=0)
    tl.store(o_ptr + tl.arange(0, B), tl.histogram(x, B, i < n))
    tl.store(o_ptr + B + tl.arange(0, B), x.histogram(B))


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
@pytest.mark.parametrize("bins", [1, 2, 10, 64])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_histogram(size, bins, dtype):
    x = torch.randint(-2, bins + 3, (size,), generator=torch.Generator().manual_seed(1)).to(
        getattr(torch, dtype)
    )
    n = max(1, size - 3)
    got = check(histogram, (1,), x, torch.zeros(2 * bins, dtype=torch.int32), n, N=size, B=bins)[1]
    inside = x[:n].long()
    inside = inside[(inside >= 0) & (inside < bins)]
    assert torch.equal(got[:bins].long(), torch.bincount(inside, minlength=bins))
