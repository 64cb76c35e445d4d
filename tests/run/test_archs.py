"""A part of the suite on every instruction set that the machine has; `make sweep` runs all of it there."""

import platform

import pytest
import tegula
import tegula.language as tl
import test_bench_kernels
import test_casts
import torch
from archs import LEVELS, compiled_for, runnable

RUNNABLE = runnable()


@pytest.fixture(params=LEVELS)
def arch(request):
    if request.param not in RUNNABLE:
        pytest.skip(f"this machine does not run {request.param}")
    with compiled_for(request.param):
        yield request.param


def test_some_are_there():
    assert ("x86-64" in RUNNABLE) == (platform.machine() == "x86_64")


def test_kernels(arch):
    test_bench_kernels.test_softmax(100)
    test_bench_kernels.test_matmul("float32", 50, 70, 40)
    test_bench_kernels.test_matmul("bfloat16", 16, 33, 65)
    test_bench_kernels.test_layernorm("float16")
    test_bench_kernels.test_dropout()
    test_bench_kernels.test_attention(True, "float32")
    test_bench_kernels.test_linear_gelu()


@pytest.mark.parametrize(
    "source,target", [("float32", "float16"), ("float64", "bfloat16"), ("float32", "float8_e5m2")]
)
def test_conversions(arch, source, target):
    test_casts.test_special_values(source, target)


@tegula.jit
def scaled(x, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(x + i, tl.load(x + i) * 2.5 + 1)


def test_code_is_for_it(arch):
    """128-bit registers below AVX, no FMA below v3."""
    compiled = scaled.warmup(torch.zeros(64), BLOCK=64, grid=(1,))
    text = compiled.asm["asm"]
    assert ("ymm" in text or "zmm" in text) == (arch in LEVELS[2:])
    assert ("vfmadd" in text) == (arch in LEVELS[2:])
