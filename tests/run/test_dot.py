"""tl.dot: every dtype pair, odd shapes, batches, accumulators."""

import pytest
import torch
from harness import FP8, check, data, define, more, sweep

DOT = """
@tegula.jit
def kernel(a_ptr, b_ptr, o_ptr, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    m = tl.arange(0, M)
    n = tl.arange(0, N)
    k = tl.arange(0, K)
    a = tl.load(a_ptr + m[:, None] * K + k[None, :])
    b = tl.load(b_ptr + k[:, None] * N + n[None, :])
    tl.store(o_ptr + m[:, None] * N + n[None, :], {expr})
"""
EXTENTS = [1, 3, 8, 16, 33, 64]
SHAPES = more(
    [(16, 16, 16), (64, 64, 32), (1, 1, 1), (3, 5, 7), (8, 33, 17), (48, 80, 24), (13, 32, 100)],
    sweep(EXTENTS, EXTENTS, EXTENTS),
)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_shapes(dtype):
    out_dtype = torch.float64 if dtype == "float64" else torch.float32
    for m, n, k in SHAPES:
        a, b = data((m, k), dtype, 1), data((k, n), dtype, 2)
        precision = ", input_precision='ieee'" if dtype == "float32" else ""
        kernel = define(DOT.format(expr=f"tl.dot(a, b{precision})"))
        check(kernel, (1,), a, b, torch.zeros(m, n, dtype=out_dtype), M=m, N=n, K=k)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int8"])
def test_exact_on_whole_numbers(dtype):
    for m, n, k in more([(32, 48, 64)], SHAPES):
        a, b = data((m, k), dtype, 1, "whole"), data((k, n), dtype, 2, "whole")
        out = torch.zeros(m, n, dtype=torch.int32 if dtype == "int8" else torch.float32)
        got = check(define(DOT.format(expr="tl.dot(a, b)")), (1,), a, b, out, M=m, N=n, K=k, exact=True)[2]
        assert torch.equal(got.double(), a.double() @ b.double())


@pytest.mark.parametrize("a_type,b_type", sweep(FP8, FP8))
def test_fp8(a_type, b_type):
    for m, n, k in more([(16, 16, 32)], SHAPES):
        a = data((m, k), "float32", 1).to(getattr(torch, a_type))
        b = data((k, n), "float32", 2).to(getattr(torch, b_type))
        check(
            define(DOT.format(expr="tl.dot(a, b)")),
            (1,),
            a,
            b,
            torch.zeros(m, n),
            M=m,
            N=n,
            K=k,
            quality=m * n >= 256,
        )


@pytest.mark.parametrize("precision", ["tf32", "tf32x3", "bf16x3", "bf16x6"])
def test_input_precisions(precision):
    a, b = data((32, 48), "float32", 1), data((48, 16), "float32", 2)
    kernel = define(DOT.format(expr=f"tl.dot(a, b, input_precision='{precision}')"))
    check(kernel, (1,), a, b, torch.zeros(32, 16), M=32, N=16, K=48)


@pytest.mark.parametrize("precision", ["tf32", "tf32x3", "bf16x3", "bf16x6", "ieee"])
def test_infinities_stay(precision):
    a, b = data((16, 16), "float32", 1, "positive"), data((16, 16), "float32", 2, "positive")
    a[3, 5] = float("inf")
    a[4, 1] = float("nan")
    kernel = define(DOT.format(expr=f"tl.dot(a, b, input_precision='{precision}')"))
    check(kernel, (1,), a, b, torch.zeros(16, 16), M=16, N=16, K=16, quality=False)


def test_f16_result():
    a, b = data((16, 16), "float16", 1), data((16, 16), "float16", 2)
    out = torch.zeros(16, 16, dtype=torch.float16)
    check(define(DOT.format(expr="tl.dot(a, b, out_dtype=tl.float16)")), (1,), a, b, out, M=16, N=16, K=16)


def test_int8_uses_the_full_range():
    a, b = data((16, 64), "int8", 1), data((64, 16), "int8", 2)
    out = torch.zeros(16, 16, dtype=torch.int32)
    got = check(define(DOT.format(expr="tl.dot(a, b)")), (1,), a, b, out, M=16, N=16, K=64)[2]
    assert torch.equal(got.long(), a.long() @ b.long())


EXPRESSIONS = [
    "tl.dot(tl.trans(tl.trans(a)), b)", "tl.trans(tl.dot(tl.trans(b), tl.trans(a)))", "tl.dot(a * 2, b + 1)",
    "tl.dot(a, b) + tl.dot(a, b)",
]  # fmt: skip


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_operands_that_are_expressions(expr):
    for m, n, k in more([(24, 32, 40)], SHAPES):
        a, b = data((m, k), "float32", 1), data((k, n), "float32", 2)
        check(
            define(DOT.format(expr=expr)),
            (1,),
            a,
            b,
            torch.zeros(m, n),
            M=m,
            N=n,
            K=k,
            quality=m * n * k >= 4096,
        )


def test_accumulator():
    kernel = define("""
@tegula.jit
def kernel(a_ptr, b_ptr, o_ptr, S: tl.constexpr, STEPS: tl.constexpr):
    i = tl.arange(0, S)
    grid = i[:, None] * S + i[None, :]
    acc = tl.full((S, S), 0.5, tl.float32)
    for s in range(STEPS):
        a = tl.load(a_ptr + s * S * S + grid)
        b = tl.load(b_ptr + s * S * S + grid)
        acc = tl.dot(a, b, acc)
    tl.store(o_ptr + grid, acc)
""")
    a, b = data((5, 32, 32), "float32", 1), data((5, 32, 32), "float32", 2)
    check(kernel, (1,), a, b, torch.zeros(32, 32), S=32, STEPS=5)


def test_accumulator_that_is_rescaled_and_read():
    """The online softmax pattern: the old accumulator is scaled in place, and read once more."""
    kernel = define("""
@tegula.jit
def kernel(a_ptr, b_ptr, o_ptr, p_ptr, S: tl.constexpr, STEPS: tl.constexpr):
    i = tl.arange(0, S)
    grid = i[:, None] * S + i[None, :]
    acc = tl.zeros((S, S), tl.float32)
    last = tl.zeros((S, S), tl.float32)
    for s in range(STEPS):
        a = tl.load(a_ptr + s * S * S + grid)
        b = tl.load(b_ptr + s * S * S + grid)
        last = acc
        acc = tl.dot(a, b, acc * tl.sum(a, 1)[:, None])
    tl.store(o_ptr + grid, acc)
    tl.store(p_ptr + grid, last)
""")
    a, b = data((4, 16, 16), "float32", 1), data((4, 16, 16), "float32", 2)
    check(kernel, (1,), a, b, torch.zeros(16, 16), torch.zeros(16, 16), S=16, STEPS=4)


def test_batched():
    kernel = define("""
@tegula.jit
def kernel(a_ptr, b_ptr, o_ptr, B: tl.constexpr, S: tl.constexpr):
    i = tl.arange(0, S)
    index = tl.arange(0, B)[:, None, None] * S * S + i[None, :, None] * S + i[None, None, :]
    tl.store(o_ptr + index, tl.dot(tl.load(a_ptr + index), tl.load(b_ptr + index)))
""")
    a, b = data((3, 16, 16), "float32", 1), data((3, 16, 16), "float32", 2)
    check(kernel, (1,), a, b, torch.zeros(3, 16, 16), B=3, S=16)
