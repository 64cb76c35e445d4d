"""Reductions and scans over every axis, dtype and combine function."""

import pytest
import torch
from harness import FLOATS, INTS, UINTS, check, data, define, more, sweep

REDUCE = """
@tegula.jit
def kernel(x_ptr, o_ptr, M: tl.constexpr, N: tl.constexpr):
    i = tl.arange(0, M)
    j = tl.arange(0, N)
    x = tl.load(x_ptr + i[:, None] * N + j[None, :])
    tl.store(o_ptr + {index}, {expr})
"""
SHAPES = more(
    [(1, 1), (3, 5), (16, 16), (8, 64), (64, 8), (7, 781), (48, 80)],
    sweep([1, 2, 3, 17, 64, 100], [1, 2, 3, 17, 64, 100]),
)
NUMBERS = FLOATS + INTS + UINTS


@pytest.mark.parametrize(
    "dtype,axis,fn", sweep(more(FLOATS + ["int32", "int64", "uint8"], NUMBERS), [0, 1], ["sum", "max", "min"])
)
def test_reduce(dtype, axis, fn):
    for m, n in SHAPES:
        x = data((m, n), dtype, m * n)
        kernel = define(REDUCE.format(index="j" if axis == 0 else "i", expr=f"tl.{fn}(x, {axis})"))
        out = torch.zeros(n if axis == 0 else m, dtype=x.dtype)
        # Many terms of 8- and 16-bit floats: the accumulator's own bound is wide.
        check(kernel, (1,), x, out, M=m, N=n, quality=x.element_size() > 2)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int32"])
def test_sum_is_exact_on_whole_numbers(dtype):
    for axis in (0, 1):
        x = data((16, 64), dtype, 1, "whole")
        kernel = define(REDUCE.format(index="j" if axis == 0 else "i", expr=f"tl.sum(x, {axis})"))
        out = torch.zeros(64 if axis == 0 else 16, dtype=x.dtype)
        got = check(kernel, (1,), x, out, M=16, N=64, exact=True)[1]
        assert torch.equal(got.double(), x.double().sum(axis))


@pytest.mark.parametrize("dtype,fn,axis", sweep(more(["float32"], NUMBERS), ["argmax", "argmin"], [0, 1]))
def test_arg_ties_go_left(dtype, fn, axis):
    for m, n in SHAPES:
        x = data((m, n), dtype, 3, "whole")
        kernel = define(REDUCE.format(index="j" if axis == 0 else "i", expr=f"tl.{fn}(x, {axis})"))
        out = torch.zeros(n if axis == 0 else m, dtype=torch.int32)
        got = check(kernel, (1,), x, out, M=m, N=n)[1]
        assert torch.equal(got.long(), torch.from_numpy(getattr(x.double().numpy(), fn)(axis)))


def test_xor_sum():
    x = data((7, 100), "int32", 3)
    kernel = define(REDUCE.format(index="i", expr="tl.xor_sum(x, 1)"))
    check(kernel, (1,), x, torch.zeros(7, dtype=torch.int32), M=7, N=100)


def test_keep_dims_and_whole_tile():
    x = data((8, 32), "float32", 3)
    kernel = define(REDUCE.format(index="i[:, None]", expr="tl.sum(x, 1, keep_dims=True)"))
    check(kernel, (1,), x, torch.zeros(8), M=8, N=32)
    kernel = define(REDUCE.format(index="0", expr="tl.max(x)"))
    check(kernel, (1,), x, torch.zeros(1), M=8, N=32)


def test_max_with_indices():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, k_ptr, M: tl.constexpr, N: tl.constexpr):
    i = tl.arange(0, M)
    x = tl.load(x_ptr + i[:, None] * N + tl.arange(0, N)[None, :])
    value, index = tl.max(x, 1, return_indices=True)
    tl.store(o_ptr + i, value)
    tl.store(k_ptr + i, index)
""")
    x = data((9, 50), "float32", 3)
    got = check(kernel, (1,), x, torch.zeros(9), torch.zeros(9, dtype=torch.int32), M=9, N=50)
    assert torch.equal(got[2].long(), x.max(1).indices)


CUSTOM = """
@tegula.jit
def combine({args}):
    return {result}


@tegula.jit
def kernel(x_ptr, o_ptr, M: tl.constexpr, N: tl.constexpr):
    i = tl.arange(0, M)
    j = tl.arange(0, N)
    x = tl.load(x_ptr + i[:, None] * N + j[None, :])
    {body}
"""


def test_custom_combine():
    source = CUSTOM.format(args="a, b", result="a * b", body="tl.store(o_ptr + i, tl.reduce(x, 1, combine))")
    check(
        define(source),
        (1,),
        data((8, 20), "float32", 3, "positive"),
        torch.zeros(8),
        M=8,
        N=20,
        quality=False,
    )


def test_combine_that_keeps_order():
    """Associative but not commutative: the affine maps x -> a x + b under composition."""
    source = CUSTOM.format(
        args="a0, b0, a1, b1",
        result="a0 * a1, a1 * b0 + b1",
        body="a, b = tl.reduce((x, x + 1), 1, combine)\n    tl.store(o_ptr + i, b)",
    )
    x = data((8, 12), "int32", 3, "whole")
    got = check(define(source), (1,), x, torch.zeros(8, dtype=torch.int32), M=8, N=12)[1]
    a, b = torch.ones(8, dtype=torch.int64), torch.zeros(8, dtype=torch.int64)
    for k in range(12):
        a, b = a * x[:, k], x[:, k] * b + x[:, k] + 1
    assert torch.equal(got, b.to(torch.int32))


def test_welford():
    source = CUSTOM.format(
        args="m0, s0, n0, m1, s1, n1",
        result="(n0 * m0 + n1 * m1) / (n0 + n1), s0 + s1 + (m1 - m0) * (m1 - m0) * n0 * n1 / (n0 + n1), n0 + n1",
        body="m, s, n = tl.reduce((x, tl.zeros((M, N), tl.float32), tl.full((M, N), 1.0, tl.float32)), 1, combine)\n"
        "    tl.store(o_ptr + i, s / n)",
    )
    x = data((8, 100), "float32", 3)
    got = check(define(source), (1,), x, torch.zeros(8), M=8, N=100, quality=False)[1]
    assert torch.allclose(got.double(), x.double().var(1, unbiased=False), rtol=1e-4)


SCAN = """
@tegula.jit
def first(a, b):
    return a


@tegula.jit
def kernel(x_ptr, o_ptr, M: tl.constexpr, N: tl.constexpr):
    index = tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :]
    tl.store(o_ptr + index, {expr})
"""


@pytest.mark.parametrize(
    "dtype,axis,reverse,fn",
    sweep(more(["float32", "int32"], NUMBERS), [0, 1], [False, True], ["cumsum", "cumprod"]),
)
def test_scan(dtype, axis, reverse, fn):
    for m, n in more([(1, 1), (3, 5), (16, 16), (5, 100), (48, 20)], [(1, 64), (64, 1), (2, 3), (17, 17)]):
        x = data((m, n), dtype, 1, "normal" if dtype in FLOATS else "whole")
        expr = f"tl.{fn}(tl.load(x_ptr + index), {axis}, reverse={reverse})"
        check(define(SCAN.format(expr=expr)), (1,), x, torch.zeros_like(x), M=m, N=n, quality=False)


def test_scan_keeps_order():
    expr = "tl.associative_scan(tl.load(x_ptr + index), 1, first)"
    x = data((4, 33), "float32", 1)
    got = check(define(SCAN.format(expr=expr)), (1,), x, torch.zeros_like(x), M=4, N=33)[1]
    assert torch.equal(got, x[:, :1].expand(4, 33))


@pytest.mark.parametrize("dtype", INTS)
def test_small_ints_sum_in_32_bits(dtype):
    x = data((4, 300), dtype, 1)
    kernel = define(REDUCE.format(index="i", expr="tl.sum(x, 1)"))
    out = torch.zeros(4, dtype=torch.int64)
    check(kernel, (1,), x, out, M=4, N=300)
