"""The seven kernels of tests/bench/kernels.py on small problems, on every device."""

import os
import sys

import pytest
import torch
from harness import check, data

os.environ["KERNEL_LANG"] = "tegula"
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "bench"))
import kernels as K  # noqa: E402

del os.environ["KERNEL_LANG"]  # processes that tests start would get it

F = torch.nn.functional


def test_add():
    x, y = data(1000, "float32", 1), data(1000, "float32", 2)
    assert torch.equal(check(K.add, (8,), x, y, torch.zeros(1000), 1000, BLOCK=128)[2], x + y)


@pytest.mark.parametrize("cols", [1, 16, 100, 128])
def test_softmax(cols):
    x = data((5, cols), "float32", 1)
    got = check(K.softmax, (5,), torch.zeros(5, cols), x, cols, cols, cols, BLOCK=128)[0]
    assert torch.allclose(got, torch.softmax(x, 1), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("m,n,k", [(32, 32, 32), (50, 70, 40), (16, 33, 65)])
def test_matmul(dtype, m, n, k):
    a, b = data((m, k), dtype, 1), data((k, n), dtype, 2)
    c = torch.zeros(m, n, dtype=getattr(torch, dtype))
    grid = (-(-m // 16) * -(-n // 32),)
    got = check(K.matmul, grid, a, b, c, m, n, k, k, 1, n, 1, n, 1, BM=16, BN=32, BK=32, G=2)[2]
    assert torch.allclose(got.double(), a.double() @ b.double(), rtol=2**-7, atol=1e-2)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_layernorm(dtype):
    x, w, b = data((4, 200), dtype, 1), data(200, dtype, 2), data(200, dtype, 3)
    got = check(
        K.layernorm,
        (4,),
        x,
        torch.zeros_like(x),
        w,
        b,
        torch.zeros(4),
        torch.zeros(4),
        200,
        200,
        1e-5,
        BLOCK=64,
    )[1]
    want = F.layer_norm(x.double(), (200,), w.double(), b.double())
    assert torch.allclose(got.double(), want, atol=2e-2 if dtype == "float16" else 1e-5)


def test_dropout():
    x = data(1000, "float32", 1)
    got = check(K.dropout, (8,), x, torch.zeros(1000), 1000, 0.5, 7, BLOCK=128)[1]
    kept = got != 0
    assert torch.equal(got[kept], x[kept] * 2) and 0.4 < kept.float().mean() < 0.6


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_attention(causal, dtype):
    n, d = 70, 16
    q, k, v = (data((2, n, d), dtype, s) for s in (1, 2, 3))
    strides = (n * d, d) * 4
    got = check(
        K.attention,
        (-(-n // 32), 2),
        q,
        k,
        v,
        torch.zeros_like(q),
        0.25,
        *strides,
        n,
        BM=32,
        BN=16,
        D=d,
        CAUSAL=causal,
        quality=False,
    )[3]
    want = F.scaled_dot_product_attention(q.double(), k.double(), v.double(), is_causal=causal, scale=0.25)
    assert torch.allclose(got.double(), want, atol=5e-3 if dtype == "float16" else 1e-5)


def test_linear_gelu():
    x, w, b = data((40, 48), "float32", 1), data((48, 50), "float32", 2), data(50, "float32", 3)
    got = check(
        K.linear_gelu, (3, 2), x, w, b, torch.zeros(40, 50), 40, 50, 48, 48, 50, 50, BM=16, BN=32, BK=16
    )[3]
    assert torch.allclose(got.double(), F.gelu(x.double() @ w.double() + b.double()), atol=1e-4)
