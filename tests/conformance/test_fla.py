"""Operations of flash-linear-attention (the package fla-core), as they are on PyPI, on the CPU through the name `triton`."""

from __future__ import annotations

import importlib.util

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

for module, package in (("fla", "fla-core==0.6.0"), ("einops", "einops")):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed: pip install --no-deps {package}", allow_module_level=True)

import shim  # noqa: E402

shim.install()
B, T, H, K, V = 2, 40, 2, 32, 32


def tensor(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def qkv():
    return (
        tensor(B, T, H, K, seed=1),
        F.normalize(tensor(B, T, H, K, seed=2), dim=-1),
        tensor(B, T, H, V, seed=3),
    )


def near(got, want, tolerance):
    error = (got.double() - want.double()).abs().max().item()
    assert error <= tolerance * max(1.0, want.abs().max().item()), error


def delta_rule(q, k, v, beta, decay):
    """o[t] = q[t] h[t], h[t] = decay[t] h[t-1] + k[t] (beta[t] (v[t] - k[t] h)), in fp64."""
    h, out = torch.zeros(B, H, K, V, dtype=torch.double), []
    for t in range(T):
        a, b, c = (x[:, t].double() for x in (q, k, v))
        h = h * decay[:, t].double().reshape(B, H, -1, 1)
        h = (
            h
            + b[..., None] * ((c - (b[..., None] * h).sum(-2)) * beta[:, t].double()[..., None])[..., None, :]
        )
        out.append((a[..., None] * h).sum(-2))
    return torch.stack(out, 1)


def linear(q, k, v, decay):
    h, out = torch.zeros(B, H, K, V, dtype=torch.double), []
    for t in range(T):
        h = (
            h * decay[:, t].double().reshape(B, H, -1, 1)
            + k[:, t].double()[..., None] * v[:, t].double()[..., None, :]
        )
        out.append((q[:, t].double()[..., None] * h).sum(-2))
    return torch.stack(out, 1)


def test_gated_linear_attention(qkv):
    from fla.ops.gla import chunk_gla, fused_recurrent_gla

    q, k, v = qkv
    gate = F.logsigmoid(tensor(B, T, H, K, seed=4))
    want = linear(q, k, v, gate.exp())
    near(fused_recurrent_gla(q, k, v, gate, scale=1.0)[0], want, 1e-5)
    near(chunk_gla(q, k, v, gate, scale=1.0)[0], want, 1e-4)


def test_gated_linear_attention_backward(qkv):
    from fla.ops.gla import chunk_gla

    gate = F.logsigmoid(tensor(B, T, H, K, seed=4))
    mine = [x.clone().requires_grad_() for x in (*qkv, gate)]
    exact = [x.double().requires_grad_() for x in (*qkv, gate)]
    weight = tensor(B, T, H, V, seed=5)
    (chunk_gla(*mine, scale=1.0)[0] * weight).sum().backward()
    (linear(*exact[:3], exact[3].exp()) * weight).sum().backward()
    for a, b in zip(mine, exact):
        near(a.grad, b.grad, 1e-3)


def test_gated_delta_rule(qkv):
    from fla.ops.gated_delta_rule import chunk_gated_delta_rule, fused_recurrent_gated_delta_rule

    q, k, v = qkv
    gate, beta = F.logsigmoid(tensor(B, T, H, seed=4)), torch.sigmoid(tensor(B, T, H, seed=5))
    want = delta_rule(q, k, v, beta, gate.exp())
    near(fused_recurrent_gated_delta_rule(q, k, v, g=gate, beta=beta, scale=1.0)[0], want, 1e-5)
    short = [x.bfloat16() for x in (q, k, v)]
    near(chunk_gated_delta_rule(*short, g=gate, beta=beta.bfloat16(), scale=1.0)[0], want, 2e-2)


def test_retention(qkv):
    from fla.ops.retention import chunk_retention, fused_recurrent_retention, parallel_retention

    decay = (1 - 2.0 ** (-5 - torch.arange(H).double())).expand(B, T, H)
    want = linear(*qkv, decay) * K**-0.5
    for way in (chunk_retention, fused_recurrent_retention, parallel_retention):
        near(way(*qkv)[0], want, 1e-4)


def test_attention(qkv):
    from fla.ops.attn import parallel_attn

    got = parallel_attn(*qkv)
    got = got[0] if isinstance(got, tuple) else got
    q, k, v = (x.double().transpose(1, 2) for x in qkv)
    near(got, F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2), 1e-5)


def test_hgrn():
    from fla.ops.hgrn import chunk_hgrn, fused_recurrent_hgrn

    x, gate = tensor(2, T, 64, seed=1), F.logsigmoid(tensor(2, T, 64, seed=2))
    h, want = torch.zeros(2, 64, dtype=torch.double), []
    for t in range(T):
        h = h * gate[:, t].double().exp() + x[:, t].double()
        want.append(h)
    for way in (chunk_hgrn, fused_recurrent_hgrn):
        near(way(x, gate)[0], torch.stack(want, 1), 1e-5)


def test_modules():
    from fla.modules import RMSNorm, ShortConvolution

    norm, x = RMSNorm(64), tensor(3, 5, 64, seed=1)
    near(norm(x), F.rms_norm(x, (64,), norm.weight, 1e-5), 1e-5)
    conv, x = ShortConvolution(64, 4, activation="silu"), tensor(2, 20, 64, seed=1)
    want = F.conv1d(x.transpose(1, 2), conv.weight, conv.bias, padding=3, groups=64)[..., :20]
    near(conv(x)[0], F.silu(want).transpose(1, 2), 1e-5)
