"""Math functions on an emulated GPU over all their arguments, within the errors that ir/MathUlp.def gives for GPUs."""

import itertools

import numpy as np
import pytest
import tegula
import torch
from harness import compare, define, more, reference, run, same_bits

COUNT = 4096
UNARY = [
    "exp", "exp2", "log", "log2", "sin", "cos", "sqrt", "rsqrt", "erf", "floor", "ceil", "abs",
    *(
        "extra.libdevice." + name
        for name in (
            "tanh", "expm1", "log1p", "log10", "tan", "acos", "asin", "atan", "acosh", "asinh", "atanh", "cosh", "sinh",
            "erfc", "cbrt", "trunc", "rint", "round",
        )
    ),
]  # fmt: skip
FAST = ["expf", "logf", "log2f", "sinf", "cosf", "tanhf"]
BINARY = [
    "x / y",
    "x % y",
    "tl.extra.libdevice.pow(x, y)",
    "tl.extra.libdevice.atan2(x, y)",
    "tl.maximum(x, y)",
    "tl.minimum(x, y, propagate_nan=tl.PropagateNan.ALL)",
    "tl.fma(x, y, x)",
]
ARCHS = more(["sm_80"], ["sm_75", "sm_89"])


def patterns(dtype, seed=0):
    """Numbers of every size: bit patterns, and as many of a size that functions change at."""
    g = np.random.default_rng(seed)
    ints, floats = {"float16": (np.uint16, np.float16), "float32": (np.uint32, np.float32)}.get(
        dtype, (np.uint64, np.float64)
    )
    bits = g.integers(0, np.iinfo(ints).max, COUNT // 2, dtype=ints, endpoint=True).view(floats)
    usual = (g.uniform(-1, 1, COUNT // 2) * 2.0 ** g.integers(-12, 10, COUNT // 2)).astype(floats)
    x = np.concatenate([bits, usual])
    special = [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        1,
        -1,
        0.5,
        -0.5,
        2.5,
        np.finfo(floats).max,
        np.finfo(floats).tiny,
    ]
    x[: len(special)] = special
    x[len(special)] = np.finfo(floats).smallest_subnormal
    x[-8:] = [np.pi / 2, np.pi, 3 * np.pi / 2, 0.6, 88.7, -87.4, 709.7, -745.1]
    return torch.from_numpy(x)


def kernel(expression):
    return define(
        "@tegula.jit\ndef kernel(x_ptr, y_ptr, o_ptr, B: tl.constexpr):\n"
        "    i = tl.program_id(0) * B + tl.arange(0, B)\n"
        "    x = tl.load(x_ptr + i)\n    y = tl.load(y_ptr + i)\n"
        f"    tl.store(o_ptr + i, {expression})\n"
    )


def check_on(arch, expression, x, y, exact=False):
    device, out = "emu:" + arch, torch.zeros_like(x)
    k, grid, meta = kernel(expression), (COUNT // 1024,), {"B": 1024}
    _, expected = reference(k, grid, (x, y, out), meta, device)
    got = run(k, grid, (x, y, out), meta, name=device)[2]
    compare(got, expected[2], f"{expression} on {device}", quality=False)
    assert not exact or same_bits(got, expected[2].tensor).all()
    return got


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UNARY)
def test_unary(name, dtype, arch):
    x = patterns(dtype)
    got = check_on(arch, f"tl.{name}(x)", x, x)
    if not name.endswith(
        ("exp", "exp2", "cos", "cosh", "acos", "erfc", "log", "log2", "log10", "acosh", "rsqrt", "abs")
    ):
        zeros = x == 0  # f(0) is 0 of the same sign
        assert (torch.signbit(got[zeros]) == torch.signbit(x[zeros])).all()


@pytest.mark.parametrize("name", FAST)
def test_fast(name):
    x = patterns("float32")
    check_on("sm_80", f"tl.extra.libdevice.fast_{name}(x)", x, x)


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(
    "expression,dtype", [*itertools.product(BINARY, ["float32", "float64"]), ("tl.div_rn(x, y)", "float32")]
)
def test_binary(expression, dtype, arch):
    x, y = patterns(dtype), patterns(dtype, 1)
    y[:16] = y[:16].roll(3)
    approximate = (
        "pow" in expression or "atan2" in expression or (expression == "x / y" and dtype == "float32")
    )
    check_on(arch, expression, x, y, exact=not approximate)


@pytest.mark.parametrize("arch", ["sm_75", "sm_80", "sm_89"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "expression", ["x + y", "x - y", "x * y", "tl.fma(x, y, x)", "tl.maximum(x, y)", "x % y"]
)
def test_16_bits(expression, dtype, arch):
    """All but division have the bits of one rounding on every architecture."""
    x, y = (patterns("float16", seed).view(getattr(torch, dtype)) for seed in (2, 3))
    check_on(arch, expression, x, y, exact=True)


@pytest.mark.parametrize("source", ["float32", "float64"])
@pytest.mark.parametrize("target", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_to_integers_saturates(source, target):
    x = patterns(source)
    out = torch.zeros(COUNT, dtype=getattr(torch, target))
    k = kernel(f"x.to(tl.{target})")
    _, expected = reference(k, (4,), (x, x, out), {"B": 1024}, "emu:sm_80")
    got = run(k, (4,), (x, x, out), {"B": 1024}, name="emu:sm_80")[2]
    compare(got, expected[2], f"{source} to {target}")


@pytest.mark.parametrize("name", ["tl.exp(x)", "tl.extra.libdevice.tan(x)"])
def test_only_what_is_called_is_linked(name):
    """A kernel holds the functions that it calls, and one that calls none nothing."""
    x = torch.zeros(1024, dtype=torch.float64)
    tegula.set_device("emu:sm_80")
    try:
        linked = kernel(name)[(1,)](x, x, x, B=1024).asm["llir"]
        plain = kernel("x + y")[(1,)](x, x, x, B=1024).asm["llir"]
    finally:
        tegula.set_device("cpu")
    assert linked.count("define internal") == 1 and "define internal" not in plain
