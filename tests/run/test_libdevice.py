"""The functions that only tl.extra.libdevice has, on every device and against PyTorch."""

import pytest
import tegula
import tegula.language as tl  # noqa: F401
import torch
from harness import check, data, define

UNARY = {
    "tanh": torch.tanh,
    "expm1": torch.expm1,
    "log1p": torch.log1p,
    "log10": torch.log10,
    "tan": torch.tan,
    "acos": torch.acos,
    "asin": torch.asin,
    "atan": torch.atan,
    "acosh": torch.acosh,
    "asinh": torch.asinh,
    "atanh": torch.atanh,
    "cosh": torch.cosh,
    "sinh": torch.sinh,
    "erfc": torch.erfc,
    "cbrt": lambda x: x.sign() * x.abs().pow(1 / 3),
    "trunc": torch.trunc,
    "rint": torch.round,
    "nearbyint": torch.round,
    "fast_expf": torch.exp,
    "fast_logf": torch.log,
    "fast_log2f": torch.log2,
    "fast_sinf": torch.sin,
    "fast_cosf": torch.cos,
    "fast_tanhf": torch.tanh,
    "fast_tanf": torch.tan,
    "fast_log10f": torch.log10,
    "saturatef": lambda x: x.clamp(0, 1),
}
BINARY = {
    "pow": torch.pow,
    "fast_powf": torch.pow,
    "atan2": torch.atan2,
    "copysign": torch.copysign,
    "fmod": torch.fmod,
    "fast_dividef": torch.div,
}
TESTS = {"isnan": torch.isnan, "isinf": torch.isinf, "finitef": torch.isfinite, "signbit": torch.signbit}


def kernel(call: str):
    return define(
        "@tegula.jit\ndef kernel(x_ptr, y_ptr, o_ptr, n, B: tl.constexpr):\n    i = tl.arange(0, B)\n"
        "    x = tl.load(x_ptr + i, mask=i < n)\n    y = tl.load(y_ptr + i, mask=i < n)\n"
        f"    tl.store(o_ptr + i, {call}, mask=i < n)\n"
    )


def near(got, want, rtol):
    assert torch.allclose(got.double(), want, rtol=rtol, atol=1e-7 if rtol > 1e-8 else 1e-14, equal_nan=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UNARY)
def test_unary(name, dtype):
    x = data(200, dtype, 1)
    got = check(kernel(f"tl.extra.libdevice.{name}(x)"), (1,), x, x, torch.zeros_like(x), 200, B=256)[2]
    near(got, UNARY[name](x.double()), 1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", BINARY)
def test_binary(name, dtype):
    x, y = data(200, dtype, 1, "positive" if "pow" in name else "normal"), data(200, dtype, 2)
    got = check(
        kernel(f"tl.extra.libdevice.{name}(x, y)"), (1,), x, y, torch.zeros_like(x), 200, quality=False, B=256
    )[2]
    near(got, BINARY[name](x.double(), y.double()), 1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("name", TESTS)
def test_kind(name):
    x = data(64, "float32", 1, "special")
    got = check(
        kernel(f"tl.extra.libdevice.{name}(x)"), (1,), x, x, torch.zeros(64, dtype=torch.int32), 64, B=64
    )[2]
    assert torch.equal(got.bool(), TESTS[name](x))


def test_power_of_whole_numbers():
    x = data(64, "float32", 1)
    y = torch.arange(64, dtype=torch.int32) % 5 - 2
    got = check(kernel("tl.extra.libdevice.pow(x, y)"), (1,), x, y, torch.zeros(64), 64, quality=False, B=64)[
        2
    ]
    near(got, x.double() ** y, 1e-5)


def test_names():
    from tegula.language.extra import libdevice
    from tegula.language.extra.cuda import libdevice as cuda

    assert libdevice.asin is tegula.language.extra.libdevice.asin and cuda.tanh is libdevice.tanh


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_neighbours_and_whole_numbers(dtype):
    x, y = data(300, dtype, 1, "special"), data(300, dtype, 2, "special")
    x[:6] = torch.tensor([0.5, -0.5, 2.5, -2.5, 0.49999997, -0.0])
    for call, want in (
        ("tl.extra.libdevice.nextafter(x, y)", torch.nextafter(x, y)),
        ("tl.extra.libdevice.round(x)", (x.abs() + 0.5).floor().where(x.abs() < 1e6, x.abs()).copysign(x)),
        ("tl.extra.libdevice.mul_rn(x, y)", x * y),
        ("tl.extra.libdevice.add_rn(x, y)", x + y),
        ("tl.extra.libdevice.sub_rn(x, y)", x - y),
    ):
        got = check(kernel(call), (1,), x, y, torch.zeros_like(x), 300, B=512, quality=False)[2]
        if "round" in call:  # 0.49999997 + 0.5 rounds to 1 in fp32
            want[4] = 0.0
        assert torch.equal(got.nan_to_num(7), want.nan_to_num(7)), call


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", ["int", "ll"])
def test_to_integers(dtype, target):
    x = data(300, dtype, 1) * 50
    source = "float" if dtype == "float32" else "double"
    to = torch.int32 if target == "int" else torch.int64
    for mode, rounded in {"rn": torch.round, "rz": torch.trunc, "rd": torch.floor, "ru": torch.ceil}.items():
        call = f"tl.extra.libdevice.{source}2{target}_{mode}(x)"
        got = check(kernel(call), (1,), x, x, torch.zeros(300, dtype=to), 300, B=512)[2]
        assert torch.equal(got, rounded(x).to(to)), call


@pytest.mark.parametrize("dtype,bits", [("int32", 32), ("int64", 64)])
def test_bits(dtype, bits):
    x = data(300, dtype, 1)
    x[:5] = torch.tensor([0, 1, -1, -(2 ** (bits - 1)), 2 ** (bits - 2)])
    words = [v & (1 << bits) - 1 for v in x.tolist()]
    wants = {
        "popc": [w.bit_count() for w in words],
        "clz": [bits - w.bit_length() for w in words],
        "ffs": [(w & -w).bit_length() for w in words],
    }
    for name, want in wants.items():
        out = torch.zeros(300, dtype=torch.int32)
        got = check(kernel(f"tl.extra.libdevice.{name}(x)"), (1,), x, x, out, 300, B=512)[2]
        assert got.tolist() == want, name
