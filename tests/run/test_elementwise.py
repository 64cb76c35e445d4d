"""Arithmetic, comparison, bitwise and math operations on every dtype, over odd sizes."""

import pytest
import torch
from harness import ALL, FLOATS, INTS, UINTS, check, data, define, more, sweep

SIZES = [1, 7, 64, 781]
BLOCKS = more([128], [1, 3, 48, 1000])
ONE_SIZE = more([781], [1, 33, 256])

BINARY = """
@tegula.jit
def kernel(x_ptr, y_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n)
    y = tl.load(y_ptr + i, mask=i < n)
    tl.store(o_ptr + i, {expr}, mask=i < n)
"""
UNARY = """
@tegula.jit
def kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n)
    tl.store(o_ptr + i, {expr}, mask=i < n)
"""


def binary(expr, a, b, out_dtype, block=128, **kw):
    n = a.numel()
    out = torch.zeros(n, dtype=out_dtype)
    check(define(BINARY.format(expr=expr)), (-(-n // block),), a, b, out, n, BLOCK=block, **kw)


def unary(expr, a, out_dtype, block=128, **kw):
    n = a.numel()
    out = torch.zeros(n, dtype=out_dtype)
    return check(define(UNARY.format(expr=expr)), (-(-n // block),), a, out, n, BLOCK=block, **kw)[1]


FLOAT_OPS = ["x + y", "x - y", "x * y", "x / y", "x % y"]


@pytest.mark.parametrize("dtype,op", sweep(FLOATS, more(FLOAT_OPS, ["tl.minimum(x, y)", "tl.maximum(x, y)"])))
def test_float_arithmetic(dtype, op):
    for n, block in sweep(SIZES, BLOCKS):
        y = data(n, dtype, 2, "positive")
        binary(op, data(n, dtype, 1), y, getattr(torch, dtype), block, quality="%" not in op)


SPECIAL_OPS = more(
    ["x + y", "x * y", "tl.minimum(x, y)", "tl.maximum(x, y)"],
    ["x - y", "x / y", "tl.where(x > y, x, y)", "x * y + x"],
)


@pytest.mark.parametrize("dtype,op", sweep(FLOATS, SPECIAL_OPS))
def test_float_special_values(dtype, op):
    for seed in more([1], [3, 5, 7]):
        x, y = data(256, dtype, seed, "special"), data(256, dtype, seed + 1, "special")
        binary(op, x, y, getattr(torch, dtype), quality=False)


INT_OPS = more(
    ["x + y", "x - y", "x * y", "x & y", "x | y", "x ^ y"],
    ["tl.minimum(x, y)", "tl.maximum(x, y)", "tl.where(x > y, x, y)", "(x & y) - (x ^ y) * x"],
)


@pytest.mark.parametrize("dtype,op", sweep(INTS + UINTS, INT_OPS))
def test_int_arithmetic(dtype, op):
    for n, block in sweep(ONE_SIZE, BLOCKS):
        binary(op, data(n, dtype, 1), data(n, dtype, 2), getattr(torch, dtype), block)


@pytest.mark.parametrize("dtype,op", sweep(INTS + UINTS, ["x // y", "x % y"]))
def test_int_division(dtype, op):
    for n, block in sweep(ONE_SIZE, BLOCKS):
        binary(op, data(n, dtype, 1), data(n, dtype, 2, "positive"), getattr(torch, dtype), block)


SHIFTED = more(["int8", "int32", "int64", "uint8", "uint32"], INTS + UINTS)


@pytest.mark.parametrize("dtype,op", sweep(SHIFTED, ["x << y", "x >> y"]))
def test_shift(dtype, op):
    for n, block in sweep(ONE_SIZE, BLOCKS):
        y = (data(n, dtype, 2, "positive").long() % 8).to(getattr(torch, dtype))
        binary(op, data(n, dtype, 1), y, getattr(torch, dtype), block)


@pytest.mark.parametrize("dtype,op", sweep(ALL, ["<", "<=", ">", ">=", "==", "!="]))
def test_compare(dtype, op):
    for kind in more(["whole"], ["normal", "special"]):
        binary(f"x {op} y", data(300, dtype, 1, kind), data(300, dtype, 2, kind), torch.bool)


PAIRS = [
    ("int8", "int32"), ("int32", "int64"), ("uint8", "int32"), ("int32", "float32"), ("int64", "float16"),
    ("float16", "float32"), ("bfloat16", "float16"), ("float32", "float64"), ("uint32", "int32"), ("bool", "int32"),
]  # fmt: skip


@pytest.mark.parametrize("a,b", more(PAIRS, sweep(ALL, ALL)))
def test_promotion(a, b):
    for op in more(["x + y"], ["x * y", "x < y", "tl.maximum(x, y)", "tl.where(x > y, x, y)"]):
        binary(op, data(200, a, 1, "whole"), data(200, b, 2, "whole"), torch.float64, exact=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fn", ["exp", "exp2", "sin", "cos", "erf", "floor", "ceil", "abs", "sigmoid"])
def test_math(dtype, fn):
    for n, block in sweep(ONE_SIZE, BLOCKS):
        unary(
            f"tl.{fn}(x)",
            data(n, dtype, 3),
            getattr(torch, dtype),
            block,
            quality=False if n < 781 else fn not in ("floor", "ceil"),
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fn", ["log", "log2", "sqrt", "rsqrt"])
def test_math_of_positive(dtype, fn):
    for n, block in sweep(ONE_SIZE, BLOCKS):
        unary(f"tl.{fn}(x)", data(n, dtype, 3, "positive"), getattr(torch, dtype), block, quality=n == 781)


@pytest.mark.parametrize("fn", ["exp", "exp2", "log", "log2", "sqrt", "rsqrt", "sin", "cos", "erf"])
def test_math_of_special_values(fn):
    for dtype in more(["float32"], ["float64"]):
        unary(f"tl.{fn}(x)", data(512, dtype, 4, "special"), getattr(torch, dtype), quality=False)


@pytest.mark.parametrize("dtype", FLOATS)
def test_negate_abs(dtype):
    unary("-x", data(100, dtype, 5, "special"), getattr(torch, dtype), quality=False)
    unary("tl.abs(x)", data(100, dtype, 5, "special"), getattr(torch, dtype), quality=False)


def test_int_unary():
    for dtype in INTS:
        unary("-x", data(100, dtype, 5), getattr(torch, dtype))
        unary("~x", data(100, dtype, 5), getattr(torch, dtype))
        unary("tl.abs(x)", data(100, dtype, 5), getattr(torch, dtype))


@pytest.mark.parametrize("dtype", FLOATS)
def test_fma_chain_is_bit_equal(dtype):
    """Rounding is decided in the IR, so a chain of + - * has the same bits on every device."""
    a, b = data(781, dtype, 6), data(781, dtype, 7)
    out = torch.zeros_like(a)
    kernel = define(BINARY.format(expr="(x * y + x) * y - x * x"))
    check(kernel, (7,), a, b, out, 781, BLOCK=128, exact=True, quality=False)


def test_where_clamp_minimum():
    for dtype in ("float32", "int32"):
        a, b = data(300, dtype, 8), data(300, dtype, 9)
        binary("tl.where(x > y, x, y)", a, b, a.dtype)
        binary("tl.minimum(x, y)", a, b, a.dtype)
    unary("tl.clamp(x, -1.0, 1.0)", data(300, "float32", 8), torch.float32)
    unary("tl.where((x > 0) & (x < 1), x, 0.0)", data(300, "float32", 8), torch.float32)


def test_umulhi():
    for dtype in ("int32", "uint32", "int64", "uint64"):
        binary("tl.umulhi(x, y)", data(300, dtype, 1), data(300, dtype, 2), getattr(torch, dtype))


@pytest.mark.parametrize("block", [1, 2, 3, 5, 16, 48, 100, 1000, 1024, 4096, 131072])
def test_block_sizes(block):
    a, b = data(5000, "float32", 1), data(5000, "float32", 2)
    out = torch.zeros(5000)
    check(define(BINARY.format(expr="x + y")), (-(-5000 // block),), a, b, out, 5000, BLOCK=block)
