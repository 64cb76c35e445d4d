"""Operations that move elements."""

import pytest
import torch
from harness import check, data, define

MOVE = """
@tegula.jit
def kernel(x_ptr, y_ptr, o_ptr, M: tl.constexpr, N: tl.constexpr):
    m = tl.arange(0, M)
    n = tl.arange(0, N)
    index = m[:, None] * N + n[None, :]
    x = tl.load(x_ptr + index)
    y = tl.load(y_ptr + index)
    r = {expr}
    flat = tl.ravel(r)
    tl.store(o_ptr + tl.arange(0, {count}), flat)
"""
CASES = {
    "tl.trans(x)": lambda x, y: x.t(),
    "x.T": lambda x, y: x.t(),
    "tl.permute(x, (1, 0))": lambda x, y: x.t(),
    "tl.reshape(x, (N, M))": lambda x, y: x.reshape(x.shape[1], x.shape[0]),
    "tl.reshape(x + y, (M * N,))": lambda x, y: (x + y).reshape(-1),
    "x.reshape(M * N // 2, 2)": lambda x, y: x.reshape(-1, 2),
    "tl.trans(tl.reshape(tl.trans(x), (M, N)))": lambda x, y: x.t().reshape(x.shape).t(),
    "tl.join(x, y)": lambda x, y: torch.stack([x, y], -1),
    "tl.interleave(x, y)": lambda x, y: torch.stack([x, y], -1).reshape(x.shape[0], -1),
    "tl.cat(x, y, can_reorder=True)": lambda x, y: torch.cat([x, y]),
    "tl.broadcast_to(x[:, None, :], (M, 3, N))": lambda x, y: x[:, None, :].expand(-1, 3, -1),
    "tl.expand_dims(x, 1) + tl.expand_dims(y, 0)": lambda x, y: x[:, None] + y[None],
    "tl.sum(x, 1)[:, None] + y": lambda x, y: x.sum(1)[:, None] + y,
    "tl.split(tl.reshape(x, (M, N // 2, 2)))[1]": lambda x, y: x.reshape(x.shape[0], -1, 2)[..., 1],
    "tl.full((M, N), 3, tl.float32) + tl.zeros_like(x)": lambda x, y: torch.full_like(x, 3),
    "tl.where(m[:, None] > n[None, :], x, y)": lambda x, y: torch.where(
        torch.arange(x.shape[0])[:, None] > torch.arange(x.shape[1])[None], x, y
    ),
}


@pytest.mark.parametrize("expr", list(CASES))
@pytest.mark.parametrize("m,n", [(8, 16), (4, 4), (3, 10), (48, 20), (1, 2)])
def test_move(expr, m, n):
    if "expand_dims(y, 0)" in expr and m != 1 and m > 8:
        m = 6
    x, y = data((m, n), "float32", 1, "whole"), data((m, n), "float32", 2, "whole")
    want = CASES[expr](x, y).contiguous()
    out = torch.zeros(want.numel())
    got = check(define(MOVE.format(expr=expr, count=want.numel())), (1,), x, y, out, M=m, N=n, exact=True)[2]
    assert torch.equal(got, want.reshape(-1))


def test_permute_3d():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, A: tl.constexpr, B: tl.constexpr, C: tl.constexpr):
    a, b, c = tl.arange(0, A), tl.arange(0, B), tl.arange(0, C)
    x = tl.load(x_ptr + a[:, None, None] * B * C + b[None, :, None] * C + c[None, None, :])
    p = tl.permute(x, (2, 0, 1))
    tl.store(o_ptr + c[:, None, None] * A * B + a[None, :, None] * B + b[None, None, :], p)
""")
    x = data((3, 8, 20), "int32", 1)
    got = check(kernel, (1,), x, torch.zeros(20, 3, 8, dtype=torch.int32), A=3, B=8, C=20)[1]
    assert torch.equal(got, x.permute(2, 0, 1))


def test_booleans_move_too():
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, M: tl.constexpr, N: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :])
    bit = tl.trans(x > 0)
    tl.store(o_ptr + tl.arange(0, N)[:, None] * M + tl.arange(0, M)[None, :], bit)
    tl.debug_barrier()
""")
    x = data((6, 40), "float32", 1)
    got = check(kernel, (1,), x, torch.zeros(40, 6, dtype=torch.bool), M=6, N=40)[1]
    assert torch.equal(got, (x > 0).t())
