"""Every pair of dtypes, bitcasts, rounding."""

import pytest
import torch
from harness import ALL, FLOATS, FP8, INTS, UINTS, check, data, define, more, sweep
from test_elementwise import unary

NAMES = {
    "float16": "float16", "bfloat16": "bfloat16", "float32": "float32", "float64": "float64", "bool": "int1",
    "float8_e4m3fn": "float8e4nv", "float8_e5m2": "float8e5",
}  # fmt: skip


def tl_name(dtype: str) -> str:
    return "tl." + NAMES.get(dtype, dtype)


@pytest.mark.parametrize("source", ALL)
def test_every_pair(source):
    x = data(300, source, 1, "whole" if source.startswith("uint") or source == "bool" else "normal")
    for target, block in sweep(ALL, more([128], [1, 3, 48, 1000])):
        narrow = source.startswith(("float", "bfloat")) and target.startswith("uint")
        unary(
            f"x.to({tl_name(target)})", x.abs() if narrow else x, getattr(torch, target), block, quality=False
        )


@pytest.mark.parametrize(
    "source,target",
    sweep(FLOATS + FP8, FLOATS + FP8) if more([], [1]) else [("float32", "float16"), ("float64", "bfloat16")],
)
def test_special_values(source, target):
    """Between floats every value has a meaning: NaN, infinities, zeros of both signs, what overflows."""
    wide = data(300, "float32" if source in FP8 else source, 1, "special")
    x = wide.clamp(-400, 400).to(getattr(torch, source)) if source in FP8 else wide
    unary(f"x.to({tl_name(target)})", x, getattr(torch, target), quality=False)


@pytest.mark.parametrize(
    "source,target",
    sweep(INTS + UINTS, ALL) if more([], [1]) else [("int64", "float32"), ("uint64", "float64")],
)
def test_whole_range_of_integers(source, target):
    unary(f"x.to({tl_name(target)})", data(300, source, 1), getattr(torch, target), quality=False)


@pytest.mark.parametrize("fp8", FP8)
@pytest.mark.parametrize("wide", ["float16", "bfloat16", "float32"])
def test_fp8_all_values(fp8, wide):
    codes = torch.arange(256, dtype=torch.int16).to(torch.uint8).view(getattr(torch, fp8))
    out = torch.zeros(256, dtype=getattr(torch, wide))
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, WIDE: tl.constexpr):
    i = tl.arange(0, 256)
    tl.store(o_ptr + i, tl.load(x_ptr + i).to(WIDE))
""")
    import tegula.language as tl

    got = check(kernel, (1,), codes, out, WIDE=getattr(tl, NAMES[wide]), quality=False, exact=True)[1]
    want = codes.to(torch.float32)
    assert torch.equal(torch.nan_to_num(got.float(), nan=-7), torch.nan_to_num(want, nan=-7))


@pytest.mark.parametrize("fp8", FP8)
def test_to_fp8_rounds_to_nearest_even(fp8):
    x = torch.cat([data(2000, "float32", 1), data(500, "float32", 2) * 1e-3, data(500, "float32", 3) * 50])
    got = unary(f"x.to({tl_name(fp8)})", x, getattr(torch, fp8), quality=False, exact=True)
    assert torch.equal(got.view(torch.uint8), x.to(getattr(torch, fp8)).view(torch.uint8))


@pytest.mark.parametrize("fp8,limit", [("float8_e4m3fn", 448.0), ("float8_e5m2", 57344.0)])
def test_to_fp8_saturates(fp8, limit):
    x = torch.tensor([1e30, -1e30, float("inf"), -float("inf"), limit * 1.01, float("nan")])
    got = unary(f"x.to({tl_name(fp8)})", x, getattr(torch, fp8), quality=False).float()
    assert got[:5].tolist() == [limit, -limit, limit, -limit, limit] and got[5].isnan()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_float_rounds_as_torch(dtype):
    x = torch.cat(
        [
            data(4000, "float32", 1),
            data(500, "float32", 2) * 1e-6,
            data(500, "float32", 3) * 40000,
            data(40, "float32", 1, "special"),
        ]
    )
    got = unary(f"x.to({tl_name(dtype)})", x, getattr(torch, dtype), quality=False)
    want = x.to(getattr(torch, dtype))
    assert ((got.view(torch.int16) == want.view(torch.int16)) | (got.isnan() & want.isnan())).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_round_toward_zero(dtype):
    x = data(1000, "float32", 1)
    got = unary(
        f"x.to({tl_name(dtype)}, fp_downcast_rounding='rtz')", x, getattr(torch, dtype), quality=False
    )
    assert (got.double().abs() <= x.double().abs()).all()


def test_bitcast():
    unary("x.to(tl.int32, bitcast=True)", data(300, "float32", 1), torch.int32)
    unary("x.to(tl.float16, bitcast=True)", data(300, "int16", 1), torch.float16, quality=False)
    unary("x.to(tl.uint8, bitcast=True)", data(300, "float32", 1).to(torch.float8_e5m2), torch.uint8)


def test_float_to_int_saturates_nowhere_in_range():
    x = torch.tensor([0.9, -0.9, 1.5, -1.5, 2147483000.0, -2147483648.0])
    got = unary("x.to(tl.int32)", x, torch.int32)
    assert got.tolist() == [0, 0, 1, -1, 2147483008, -2147483648]


def test_bool():
    unary("x.to(tl.int1)", data(300, "float32", 1, "whole"), torch.bool)
    unary("x.to(tl.float32)", data(300, "bool", 1), torch.float32)
