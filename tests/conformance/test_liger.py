"""Operations of liger-kernel, as they are on PyPI, forward and backward on the CPU through the name `triton`.

The text of the package is not changed: `shim.install()` answers its imports. Each operation is compared with PyTorch's
own in fp64; the allowance is one of accumulation in fp32, since kernel and PyTorch do not add in the same order.
"""

from __future__ import annotations

import importlib.util

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

VERSION = "0.8.5"
if importlib.util.find_spec("liger_kernel") is None:
    pytest.skip(
        f"liger-kernel is not installed: pip install --no-deps liger-kernel=={VERSION}",
        allow_module_level=True,
    )
if importlib.util.find_spec("packaging") is None:
    pytest.skip("liger-kernel needs the package 'packaging'", allow_module_level=True)

import shim  # noqa: E402

shim.install()
ops = pytest.importorskip("liger_kernel.ops")


@pytest.fixture(autouse=True)
def cores(monkeypatch):
    """Some operations ask the accelerator for its number of processors to size a buffer of partial sums; a CPU answers
    through the same question."""

    class Properties:
        multi_processor_count = 4
        gpu_eu_count = 4
        gpu_subslice_count = 4

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device=None: Properties)
    for module in [
        m for n, m in list(__import__("sys").modules.items()) if n.startswith("liger_kernel.ops.")
    ]:
        if hasattr(module, "infer_device"):
            monkeypatch.setattr(module, "infer_device", lambda: "cuda")


def tensor(*shape, seed=0, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=g) * scale).requires_grad_()


def compare(liger, torch_way, *inputs, tolerance=2e-5, grads=True):
    """Outputs and gradients of both ways; inputs that need no gradient are handed through."""
    first = [
        x.detach().clone().requires_grad_(x.requires_grad) if isinstance(x, torch.Tensor) else x
        for x in inputs
    ]
    second = [
        x.detach().double().requires_grad_(x.requires_grad)
        if isinstance(x, torch.Tensor) and x.is_floating_point()
        else x
        for x in inputs
    ]
    # Some operations work in place, which autograd forbids on leaves.
    got = liger(*[x.clone() if isinstance(x, torch.Tensor) and x.requires_grad else x for x in first])
    want = torch_way(*second)
    many = isinstance(got, (tuple, list))
    pairs = list(zip(got, want)) if many else [(got, want)]
    for a, b in pairs:
        close(a.detach(), b.detach(), tolerance, "output")
    if not grads:
        return
    seeds = [torch.randn(b.shape, generator=torch.Generator().manual_seed(9)) for _, b in pairs]
    torch.autograd.backward([a for a, _ in pairs], [s.clone() for s in seeds])
    torch.autograd.backward([b for _, b in pairs], [s.double() for s in seeds])
    for i, (a, b) in enumerate(zip(first, second)):
        if isinstance(a, torch.Tensor) and a.requires_grad:
            assert a.grad is not None, f"input {i} got no gradient"
            close(a.grad, b.grad, tolerance, f"gradient of input {i}")


def close(got, want, tolerance, what):
    want = want.double()
    scale = max(want.abs().max().item(), 1e-6)
    error = (got.double() - want).abs().max().item()
    assert error <= tolerance * scale, f"{what}: error {error:.3g} at a scale of {scale:.3g}"


def first(x):
    return x[0] if isinstance(x, tuple) else x


def rms_norm(x, w, eps=1e-6, offset=0.0):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * (w + offset)


@pytest.mark.parametrize("rows, columns", [(7, 96), (4, 256), (1, 3), (3, 1000)])
@pytest.mark.parametrize("mode", ["llama", "gemma", "none"])
def test_rms_norm(rows, columns, mode):
    compare(
        lambda x, w: ops.LigerRMSNormFunction.apply(x, w, 1e-6, 0.5, mode, False),
        lambda x, w: rms_norm(x, w, offset=0.5),
        tensor(rows, columns),
        tensor(columns, seed=1),
    )


@pytest.mark.parametrize("rows, columns", [(7, 96), (4, 256), (3, 1000)])
def test_layer_norm(rows, columns):
    compare(
        lambda x, w, b: ops.LigerLayerNormFunction.apply(x, w, b, 1e-6),
        lambda x, w, b: F.layer_norm(x, (columns,), w, b, 1e-6),
        tensor(rows, columns),
        tensor(columns, seed=1),
        tensor(columns, seed=2),
    )


def test_fused_add_rms_norm():
    def want(x, r, w):
        s = x + r
        return rms_norm(s, w), s

    compare(
        lambda x, r, w: ops.LigerFusedAddRMSNormFunction.apply(x, r, w, 1e-6, 0.0, "llama", False),
        want,
        tensor(5, 128),
        tensor(5, 128, seed=1),
        tensor(128, seed=2),
    )


def test_poly_norm():
    def norm(x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)

    compare(
        lambda x, w, b: ops.LigerPolyNormFunction.apply(x, w, b, 1e-6, False),
        lambda x, w, b: w[0] * norm(x**3) + w[1] * norm(x**2) + w[2] * norm(x) + b,
        tensor(6, 64),
        tensor(3, seed=1),
        tensor(seed=2),
        tolerance=1e-4,
    )


def test_group_norm():
    def want(x, w, b):
        return F.group_norm(x, 4, w, b, 1e-6)

    compare(
        lambda x, w, b: first(ops.LigerGroupNormFunction.apply(x, w, b, 8, 4, 1e-6)),
        want,
        tensor(3, 8, 40),
        tensor(8, seed=1),
        tensor(8, seed=2),
        tolerance=1e-4,
    )


@pytest.mark.parametrize("columns", [64, 1000])
def test_swiglu(columns):
    compare(
        lambda a, b: ops.LigerSiLUMulFunction.apply(a, b),
        lambda a, b: F.silu(a) * b,
        tensor(5, columns),
        tensor(5, columns, seed=1),
    )


@pytest.mark.parametrize("columns", [64, 1000])
def test_geglu(columns):
    compare(
        lambda a, b: ops.LigerGELUMulFunction.apply(a, b),
        lambda a, b: F.gelu(a, approximate="tanh") * b,
        tensor(5, columns),
        tensor(5, columns, seed=1),
    )


def test_relu_squared():
    compare(lambda x: ops.LigerReLUSquaredFunction.apply(x), lambda x: F.relu(x) ** 2, tensor(5, 130))


def test_dyt():
    compare(
        lambda x, a, g, b: ops.LigerDyTFunction.apply(x, a, g, b),
        lambda x, a, g, b: g * torch.tanh(a * x) + b,
        tensor(4, 128),
        tensor(1, seed=1),
        tensor(128, seed=2),
        tensor(128, seed=3),
    )


@pytest.mark.parametrize("columns", [10, 128, 1000])
def test_softmax(columns):
    compare(
        lambda x: first(ops.LigerSoftmaxFunction.apply(x)), lambda x: torch.softmax(x, -1), tensor(6, columns)
    )


def sparsemax(x):
    z, _ = torch.sort(x, -1, descending=True)
    total = z.cumsum(-1) - 1
    k = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    size = (k * z > total).sum(-1, keepdim=True)
    return torch.clamp(x - total.gather(-1, size - 1) / size, min=0)


def test_sparsemax():
    compare(lambda x: ops.LigerSparsemaxFunction.apply(x, -1), sparsemax, tensor(6, 50))


def rope(q, k, cos, sin):
    def half(x):
        return torch.cat((-x[..., x.shape[-1] // 2 :], x[..., : x.shape[-1] // 2]), -1)

    c, s = cos.unsqueeze(1), sin.unsqueeze(1)
    return q * c + half(q) * s, k * c + half(k) * s


@pytest.mark.parametrize("heads, kv_heads, size", [(4, 2, 32), (3, 1, 64)])
def test_rope(heads, kv_heads, size):
    angles = torch.outer(torch.arange(9.0), 10000 ** (-torch.arange(0, size, 2) / size))
    angles = torch.cat((angles, angles), -1)[None]
    compare(
        lambda q, k: ops.LigerRopeFunction.apply(q, k, angles.cos(), angles.sin()),
        lambda q, k: rope(q, k, angles.cos().double(), angles.sin().double()),
        tensor(2, heads, 9, size),
        tensor(2, kv_heads, 9, size, seed=1),
    )


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy(reduction, smoothing):
    target = torch.tensor([3, 0, -100, 99, 50, 7])
    compare(
        lambda x: ops.LigerCrossEntropyFunction.apply(
            x, target, None, -100, 0.0, smoothing, reduction, None, False
        )[0],
        lambda x: F.cross_entropy(x, target, reduction=reduction, label_smoothing=smoothing),
        tensor(6, 100),
    )


def test_cross_entropy_softcap_and_weight():
    target = torch.tensor([3, 0, -100, 99, 50, 7])
    weight = torch.rand(100, generator=torch.Generator().manual_seed(3)) + 0.5
    compare(
        lambda x: ops.LigerCrossEntropyFunction.apply(x, target, weight, -100, 0.0, 0.0, "mean", 30.0, False)[
            0
        ],
        lambda x: F.cross_entropy(30 * torch.tanh(x / 30), target, weight.double()),
        tensor(6, 100),
    )


def test_fused_linear_cross_entropy():
    target = torch.tensor([3, 0, -100, 19, 5, 7])
    compare(
        lambda x, w: ops.LigerFusedLinearCrossEntropyFunction.apply(x, w, target)[0],
        lambda x, w: F.cross_entropy(x @ w.T, target),
        tensor(6, 32),
        tensor(20, 32, seed=1),
    )


@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div(log_target):
    y = torch.softmax(tensor(5, 70, seed=1).detach(), -1)
    y = y.log() if log_target else y
    compare(
        lambda x: ops.LigerKLDivLossFunction.apply(x, y, "batchmean", log_target, 1e-10),
        lambda x: F.kl_div(x, y.double(), reduction="batchmean", log_target=log_target),
        torch.log_softmax(tensor(5, 70).detach(), -1).requires_grad_(),
    )


@pytest.mark.parametrize("beta", [0.1, 0.5])
def test_jsd(beta):
    y = torch.log_softmax(tensor(5, 70, seed=1).detach(), -1)

    def want(x):
        p, q = y.double().exp(), x.exp()
        m = (beta * p + (1 - beta) * q).log()
        return beta * F.kl_div(m, y.double(), reduction="batchmean", log_target=True) + (1 - beta) * F.kl_div(
            m, x, reduction="batchmean", log_target=True
        )

    compare(
        lambda x: ops.LigerJSDFunction.apply(x, y, None, beta, -100),
        want,
        torch.log_softmax(tensor(5, 70).detach(), -1).requires_grad_(),
        tolerance=1e-4,
    )


def test_tvd():
    q = torch.softmax(tensor(5, 70, seed=1).detach(), -1)
    compare(
        lambda p: ops.LigerTVDLossFunction.apply(p, q, None, "batchmean", -100),
        lambda p: 0.5 * (p - q.double()).abs().sum() / p.shape[0],
        torch.softmax(tensor(5, 70).detach(), -1).requires_grad_(),
    )


def test_embedding():
    index = torch.tensor([[3, 0, 9], [7, 7, 1]])
    compare(
        lambda w: ops.LigerEmbeddingFunction.apply(w, index), lambda w: F.embedding(index, w), tensor(10, 48)
    )


def test_llama4_rope():
    angles = torch.outer(torch.arange(9.0), 10000 ** (-torch.arange(0, 32, 2) / 32))
    turn = torch.polar(torch.ones_like(angles), angles)

    def want(q, k):
        def go(x):
            c = (
                torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
                * turn.to(torch.complex128)[None, :, None]
            )
            return torch.view_as_real(c).flatten(-2)

        return go(q), go(k)

    compare(
        lambda q, k: ops.LigerLlama4RopeFunction.apply(q, k, turn),
        want,
        tensor(2, 9, 4, 32),
        tensor(2, 9, 2, 32, seed=1),
        tolerance=1e-4,
    )


def test_multi_token_attention():
    def want(scores, w):
        mask = torch.tril(torch.ones(16, 16, dtype=torch.bool))
        x = scores.masked_fill(~mask, float("-inf")).softmax(-1)
        x = F.conv2d(x, w, None, padding=1)
        return x.masked_fill(~mask, 0)

    compare(
        lambda s, w: ops.LigerMultiTokenAttentionFunction.apply(s, w, None, 1, 1, 1, 1, False),
        want,
        tensor(2, 3, 16, 16),
        tensor(3, 3, 3, 3, seed=1),
    )


def test_fused_gate_up():
    compare(
        lambda y: ops.LigerFusedGateUpSiLUMulFunction.apply(y, False),
        lambda y: F.silu(y[..., : y.shape[-1] // 2]) * y[..., y.shape[-1] // 2 :],
        tensor(5, 128),
    )


def test_modulated_rms_norm():
    compare(
        lambda x, w, a, b: ops.LigerModulatedRMSNormFunction.apply(x, w, a, b, 1e-6, 0.0, "llama", False),
        lambda x, w, a, b: rms_norm(x, w) * (1 + a) + b,
        tensor(2, 5, 64),
        tensor(64, seed=1),
        tensor(2, 1, 64, seed=2),
        tensor(2, 1, 64, seed=3),
    )


def test_neighborhood_attention():
    def want(q, k, v):
        n = q.shape[2]
        i = torch.arange(n)
        keep = (i[:, None] - i[None, :]).abs() <= 3
        s = (q @ k.mT) / q.shape[-1] ** 0.5
        return s.masked_fill(~keep, float("-inf")).softmax(-1) @ v

    compare(
        lambda q, k, v: ops.LigerFusedNeighborhoodAttentionFunction.apply(q, k, v, 7, 1, None),
        want,
        tensor(1, 2, 24, 32),
        tensor(1, 2, 24, 32, seed=1),
        tensor(1, 2, 24, 32, seed=2),
        tolerance=1e-4,
    )


def test_fused_moe():
    experts, top, hidden, inner, tokens = 4, 2, 32, 48, 10
    index = torch.stack(
        [torch.randperm(experts, generator=torch.Generator().manual_seed(i))[:top] for i in range(tokens)]
    )
    weights = torch.softmax(tensor(tokens, top, seed=4).detach(), -1)

    def want(x, gate_up, down):
        out = torch.zeros_like(x)
        for t in range(tokens):
            for j in range(top):
                e = index[t, j]
                g, u = (gate_up[e] @ x[t]).chunk(2)
                out[t] = out[t] + weights[t, j].double() * (down[e] @ (F.silu(g) * u))
        return out

    compare(
        lambda x, a, b: ops.LigerFusedMoEFunction.apply(x, a, b, index.to(torch.int32), weights),
        want,
        tensor(tokens, hidden),
        tensor(experts, 2 * inner, hidden, seed=1),
        tensor(experts, hidden, inner, seed=2),
    )
