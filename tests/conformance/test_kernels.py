"""Kernels as other people write them: the usual operations of models, each in the style of published code.

Every kernel goes through `harness.check` (reference, CPU pulled, CPU unpulled) and its result is compared with PyTorch
in fp64. `triton` is the name they use, bound to tegula.
"""

from __future__ import annotations

import pytest
import tegula as triton
import tegula.language as tl
import torch
from harness import check, data, on_gpus

F = torch.nn.functional


def near(got, want, rtol=2e-5, atol=1e-5):
    assert torch.allclose(got.double(), want.double(), rtol=rtol, atol=atol), (
        (got.double() - want.double()).abs().max()
    )


# --- softmax over rows, two ways -------------------------------------------------------------------------------------


@triton.jit
def online_softmax_kernel(out_ptr, in_ptr, row_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(axis=0).to(tl.int64)
    m = float("-inf")
    d = 0.0
    for start in tl.range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        x = tl.load(in_ptr + row * row_stride + cols, mask=cols < n_cols, other=-float("inf")).to(tl.float32)
        new_m = tl.maximum(m, tl.max(x, 0))
        d = d * tl.exp(m - new_m) + tl.sum(tl.exp(x - new_m), axis=0)
        m = new_m
    for start in range(0, n_cols, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        x = tl.load(in_ptr + row * row_stride + cols, mask=cols < n_cols)
        tl.store(out_ptr + row * row_stride + cols, tl.exp(x - m) / d, mask=cols < n_cols)


@pytest.mark.parametrize("cols", [5, 64, 200])
def test_online_softmax(cols):
    x = data((4, cols), "float32", 1)
    near(
        check(online_softmax_kernel, (4,), torch.zeros(4, cols), x, cols, cols, BLOCK=64)[0],
        torch.softmax(x.double(), 1),
    )


@triton.jit
def persistent_softmax_kernel(
    out_ptr, in_ptr, in_stride, out_stride, n_rows, n_cols, BLOCK: tl.constexpr, stages: tl.constexpr
):
    first = tl.program_id(0)
    step = tl.num_programs(0)
    for row in tl.range(first, n_rows, step, num_stages=stages):
        offs = tl.arange(0, BLOCK)
        keep = offs < n_cols
        x = tl.load(in_ptr + row * in_stride + offs, mask=keep, other=-float("inf"))
        e = tl.exp(x - tl.max(x, axis=0))
        tl.store(out_ptr + row * out_stride + offs, e / tl.sum(e, axis=0), mask=keep)


def test_persistent_softmax():
    x = data((7, 50), "float32", 1)
    got = check(persistent_softmax_kernel, (3,), torch.zeros(7, 50), x, 50, 50, 7, 50, BLOCK=64, stages=4)[0]
    near(got, torch.softmax(x.double(), 1))


# --- normalisation ---------------------------------------------------------------------------------------------------


@triton.jit
def rms_norm_kernel(x_ptr, w_ptr, y_ptr, rstd_ptr, stride, N, eps, BLOCK_SIZE: tl.constexpr):
    row = tl.program_id(0)
    x_ptr += row * stride
    y_ptr += row * stride
    cols = tl.arange(0, BLOCK_SIZE)
    mask = cols < N
    x = tl.load(x_ptr + cols, mask=mask, other=0.0).to(tl.float32)
    rstd = tl.math.rsqrt(tl.sum(x * x, axis=0) / N + eps)
    tl.store(rstd_ptr + row, rstd)
    w = tl.load(w_ptr + cols, mask=mask)
    tl.store(y_ptr + cols, (x * rstd).to(w.dtype) * w, mask=mask)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_rms_norm(dtype):
    x, w = data((3, 100), dtype, 1), data(100, dtype, 2)
    got = check(
        rms_norm_kernel, (3,), x, w, torch.zeros_like(x), torch.zeros(3), 100, 100, 1e-6, BLOCK_SIZE=128
    )[2]
    d = x.double()
    want = d * torch.rsqrt((d * d).mean(1, keepdim=True) + 1e-6) * w.double()
    near(got, want, *((2e-5, 1e-5) if dtype == "float32" else (2e-2, 2e-2)))


@triton.jit
def group_norm_kernel(
    x_ptr,
    y_ptr,
    w_ptr,
    b_ptr,
    group_size,
    hw,
    n_groups,
    eps,
    BLOCK_HW: tl.constexpr,
    ACTIVATION: tl.constexpr = None,
):
    """A program a (batch, group); the group's channels are walked one by one."""
    batch, group = tl.program_id(1), tl.program_id(0)
    base = (batch * n_groups + group) * group_size * hw
    total = tl.zeros([BLOCK_HW], dtype=tl.float32)
    squares = tl.zeros([BLOCK_HW], dtype=tl.float32)
    offs = tl.arange(0, BLOCK_HW)
    for c in range(group_size):
        for start in range(0, hw, BLOCK_HW):
            x = tl.load(x_ptr + base + c * hw + start + offs, mask=start + offs < hw, other=0.0)
            total += x
            squares += x * x
    count = group_size * hw
    mean = tl.sum(total) / count
    rstd = 1 / tl.sqrt(tl.sum(squares) / count - mean * mean + eps)
    for c in range(group_size):
        channel = group * group_size + c
        w, b = tl.load(w_ptr + channel), tl.load(b_ptr + channel)
        for start in range(0, hw, BLOCK_HW):
            keep = start + offs < hw
            x = tl.load(x_ptr + base + c * hw + start + offs, mask=keep)
            y = (x - mean) * rstd * w + b
            if ACTIVATION == "silu":
                y *= tl.sigmoid(y)
            tl.store(y_ptr + base + c * hw + start + offs, y, mask=keep)


@pytest.mark.parametrize("activation", [None, "silu"])
def test_group_norm(activation):
    x, w, b = data((2, 6, 5, 9), "float32", 1), data(6, "float32", 2), data(6, "float32", 3)
    got = check(
        group_norm_kernel,
        (3, 2),
        x,
        torch.zeros_like(x),
        w,
        b,
        2,
        45,
        3,
        1e-5,
        BLOCK_HW=32,
        ACTIVATION=activation,
    )[1]
    want = F.group_norm(x.double(), 3, w.double(), b.double())
    near(got, F.silu(want) if activation else want)


@triton.jit
def layer_norm_backward_kernel(
    DX, DY, DW, DB, X, W, Mean, Rstd, Lock, stride, N, GROUP_SIZE_M: tl.constexpr, BLOCK_SIZE_N: tl.constexpr
):
    """Partial sums of DW and DB are added under a spin lock by the programs of a group."""
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK_SIZE_N)
    mask = cols < N
    X += row * stride
    DY += row * stride
    DX += row * stride
    lock_id = row % GROUP_SIZE_M
    Lock += lock_id
    Count = Lock + GROUP_SIZE_M
    DW = DW + lock_id * N + cols
    DB = DB + lock_id * N + cols
    x = tl.load(X + cols, mask=mask, other=0).to(tl.float32)
    dy = tl.load(DY + cols, mask=mask, other=0).to(tl.float32)
    w = tl.load(W + cols, mask=mask).to(tl.float32)
    mean = tl.load(Mean + row)
    rstd = tl.load(Rstd + row)
    xhat = (x - mean) * rstd
    wdy = w * dy
    xhat = tl.where(mask, xhat, 0.0)
    wdy = tl.where(mask, wdy, 0.0)
    c1 = tl.sum(xhat * wdy, axis=0) / N
    c2 = tl.sum(wdy, axis=0) / N
    tl.store(DX + cols, (wdy - (xhat * c1 + c2)) * rstd, mask=mask)
    partial_dw = (dy * xhat).to(w.dtype)
    partial_db = dy.to(w.dtype)
    while tl.atomic_cas(Lock, 0, 1) == 1:
        pass
    count = tl.load(Count)
    if count == 0:
        tl.atomic_xchg(Count, 1)
    else:
        partial_dw += tl.load(DW, mask=mask)
        partial_db += tl.load(DB, mask=mask)
    tl.store(DW, partial_dw, mask=mask)
    tl.store(DB, partial_db, mask=mask)
    tl.debug_barrier()
    tl.atomic_xchg(Lock, 0)


def test_layer_norm_backward():
    rows, n, groups = 8, 60, 2
    x, dy, w = data((rows, n), "float32", 1), data((rows, n), "float32", 2), data(n, "float32", 3)
    mean, rstd = x.mean(1), torch.rsqrt(x.var(1, unbiased=False) + 1e-5)
    dw, db = torch.zeros(groups, n), torch.zeros(groups, n)
    locks = torch.zeros(2 * groups, dtype=torch.int32)
    args = [torch.zeros_like(x), dy, dw, db, x, w, mean, rstd, locks, n, n]
    meta = {"GROUP_SIZE_M": groups, "BLOCK_SIZE_N": 64}
    got = check(layer_norm_backward_kernel, (rows,), *args, quality=False, gpus=False, **meta)
    leaf, weight = x.double().requires_grad_(), w.double().requires_grad_()
    bias = torch.zeros(n, dtype=torch.double, requires_grad=True)
    F.layer_norm(leaf, (n,), weight, bias, 1e-5).backward(dy.double())
    for each in [got, *on_gpus(layer_norm_backward_kernel, (rows,), *args, **meta)]:
        near(each[0], leaf.grad, 1e-4, 1e-4)
        near(each[2].sum(0), weight.grad, 1e-4, 1e-4)
        near(each[3].sum(0), bias.grad, 1e-4, 1e-4)


# --- element-wise pieces of a model ----------------------------------------------------------------------------------


@triton.jit
def rope_kernel(
    q_ptr,
    cos_ptr,
    sin_ptr,
    seq_len,
    n_heads,
    HEAD: tl.constexpr,
    HALF: tl.constexpr,
    BACKWARD: tl.constexpr = False,
):
    token = tl.program_id(0)
    half = tl.arange(0, HALF)
    cos = tl.load(cos_ptr + (token % seq_len) * HALF + half)[None, :]
    sin = tl.load(sin_ptr + (token % seq_len) * HALF + half)[None, :]
    if BACKWARD:
        sin = -sin
    heads = tl.arange(0, 4)[:, None]
    at = q_ptr + token * n_heads * HEAD + heads * HEAD + half[None, :]
    first = tl.load(at, mask=heads < n_heads)
    second = tl.load(at + HALF, mask=heads < n_heads)
    tl.store(at, first * cos - second * sin, mask=heads < n_heads)
    tl.store(at + HALF, second * cos + first * sin, mask=heads < n_heads)


def test_rope():
    batch, seq, heads, size = 2, 5, 3, 16
    angles = torch.outer(torch.arange(seq), 10000 ** (-torch.arange(0, size, 2) / size))
    q = data((batch, seq, heads, size), "float32", 1)
    got = check(
        rope_kernel, (batch * seq,), q, angles.cos(), angles.sin(), seq, heads, HEAD=size, HALF=size // 2
    )[0]
    a, b = q.double().chunk(2, -1)
    c, s = angles.cos().double()[None, :, None], angles.sin().double()[None, :, None]
    near(got, torch.cat((a * c - b * s, b * c + a * s), -1))
    back = check(
        rope_kernel,
        (batch * seq,),
        got,
        angles.cos(),
        angles.sin(),
        seq,
        heads,
        HEAD=size,
        HALF=size // 2,
        BACKWARD=True,
    )[0]
    near(back, q)


@triton.jit
def silu(x):
    return x * tl.sigmoid(x)


@triton.jit
def swiglu_kernel(gate_ptr, up_ptr, out_ptr, n_elements, BLOCK_SIZE: tl.constexpr):
    offs = tl.program_id(0) * BLOCK_SIZE + tl.arange(0, BLOCK_SIZE)
    mask = offs < n_elements
    gate = tl.load(gate_ptr + offs, mask=mask, other=0).to(tl.float32)
    up = tl.load(up_ptr + offs, mask=mask, other=0)
    tl.store(out_ptr + offs, silu(gate).cast(up.dtype) * up, mask=mask)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_swiglu(dtype):
    g, u = data(500, dtype, 1), data(500, dtype, 2)
    got = check(swiglu_kernel, (4,), g, u, torch.zeros_like(g), 500, BLOCK_SIZE=128)[2]
    near(got, F.silu(g.double()) * u.double(), *((2e-5, 1e-5) if dtype == "float32" else (4e-3, 4e-3)))


@triton.jit
def cross_entropy_kernel(
    logits_ptr, target_ptr, loss_ptr, grad_ptr, n_cols, ignore_index, n_valid, BLOCK: tl.constexpr
):
    """Loss and gradient in one launch, in two passes over the row; an ignored row leaves early."""
    row = tl.program_id(0).to(tl.int64)
    target = tl.load(target_ptr + row)
    logits_ptr += row * n_cols
    grad_ptr += row * n_cols
    if target == ignore_index:
        for i in range(0, n_cols, BLOCK):
            offs = i + tl.arange(0, BLOCK)
            tl.store(grad_ptr + offs, 0.0, mask=offs < n_cols)
        return
    m = float("-inf")
    d = 0.0
    picked = tl.load(logits_ptr + target).to(tl.float32)
    for i in range(0, n_cols, BLOCK):
        offs = i + tl.arange(0, BLOCK)
        x = tl.load(logits_ptr + offs, mask=offs < n_cols, other=float("-inf")).to(tl.float32)
        block_max = tl.max(x)
        m_new = tl.maximum(m, block_max)
        d = d * tl.exp(m - m_new) + tl.sum(tl.exp(x - m_new))
        m = m_new
    tl.store(loss_ptr + row, m + tl.log(d) - picked)
    for i in range(0, n_cols, BLOCK):
        offs = i + tl.arange(0, BLOCK)
        x = tl.load(logits_ptr + offs, mask=offs < n_cols, other=float("-inf")).to(tl.float32)
        g = tl.exp(x - m) / d
        g = tl.where(offs == target, g - 1.0, g) / n_valid
        tl.store(grad_ptr + offs, g, mask=offs < n_cols)


def test_cross_entropy():
    x = data((5, 70), "float32", 1)
    target = torch.tensor([3, 69, -100, 0, 40])
    got = check(
        cross_entropy_kernel, (5,), x, target, torch.zeros(5), torch.zeros(5, 70), 70, -100, 4, BLOCK=32
    )
    leaf = x.double().requires_grad_()
    loss = F.cross_entropy(leaf, target)
    loss.backward()
    near(got[2].sum() / 4, loss.detach())
    near(got[3], leaf.grad)


@triton.jit
def embedding_kernel(index_ptr, table_ptr, out_ptr, n_tokens, dim, BM: tl.constexpr, BN: tl.constexpr):
    tokens = tl.program_id(0) * BM + tl.arange(0, BM)
    cols = tl.program_id(1) * BN + tl.arange(0, BN)
    index = tl.load(index_ptr + tokens, mask=tokens < n_tokens, other=0)
    keep = (tokens < n_tokens)[:, None] & (cols < dim)[None, :]
    rows = tl.load(table_ptr + index[:, None] * dim + cols[None, :], mask=keep, other=0.0)
    tl.store(out_ptr + tokens[:, None] * dim + cols[None, :], rows, mask=keep)


@triton.jit
def embedding_backward_kernel(
    index_ptr, grad_ptr, table_grad_ptr, n_tokens, dim, BM: tl.constexpr, BN: tl.constexpr
):
    tokens = tl.program_id(0) * BM + tl.arange(0, BM)
    cols = tl.program_id(1) * BN + tl.arange(0, BN)
    index = tl.load(index_ptr + tokens, mask=tokens < n_tokens, other=0)
    keep = (tokens < n_tokens)[:, None] & (cols < dim)[None, :]
    grad = tl.load(grad_ptr + tokens[:, None] * dim + cols[None, :], mask=keep, other=0.0)
    tl.atomic_add(table_grad_ptr + index[:, None] * dim + cols[None, :], grad, mask=keep, sem="relaxed")


def test_embedding():
    index = torch.tensor([0, 7, 3, 3, 9, 1, 3])
    table, grad = data((10, 20), "float32", 1), data((7, 20), "float32", 2, "whole")
    got = check(embedding_kernel, (2, 2), index, table, torch.zeros(7, 20), 7, 20, BM=4, BN=16)[2]
    assert torch.equal(got, table[index])
    got = check(embedding_backward_kernel, (2, 2), index, grad, torch.zeros(10, 20), 7, 20, BM=4, BN=16)[2]
    assert torch.equal(got, torch.zeros(10, 20).index_add_(0, index, grad))


# --- products --------------------------------------------------------------------------------------------------------


@triton.jit
def leaky_relu(x):
    return tl.where(x >= 0, x, 0.01 * x)


@triton.jit
def gelu_tanh(x):
    return 0.5 * x * (1 + tl.extra.libdevice.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


@triton.jit
def fused_linear_kernel(
    a_ptr,
    b_ptr,
    bias_ptr,
    c_ptr,
    M,
    N,
    K,
    stride_am,
    stride_ak,
    stride_bk,
    stride_bn,
    stride_cm,
    stride_cn,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
    ACTIVATION: tl.constexpr,
    HAS_BIAS: tl.constexpr,
):
    pid = tl.program_id(axis=0)
    num_pid_m = tl.cdiv(M, BLOCK_M)
    num_pid_n = tl.cdiv(N, BLOCK_N)
    num_pid_in_group = GROUP_M * num_pid_n
    group_id = pid // num_pid_in_group
    first_pid_m = group_id * GROUP_M
    group_size_m = min(num_pid_m - first_pid_m, GROUP_M)
    pid_m = first_pid_m + ((pid % num_pid_in_group) % group_size_m)
    pid_n = (pid % num_pid_in_group) // group_size_m
    tl.assume(pid_m >= 0)
    tl.assume(stride_am > 0)
    offs_am = (pid_m * BLOCK_M + tl.arange(0, BLOCK_M)) % M
    offs_bn = (pid_n * BLOCK_N + tl.arange(0, BLOCK_N)) % N
    offs_k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + (offs_am[:, None] * stride_am + offs_k[None, :] * stride_ak)
    b_ptrs = b_ptr + (offs_k[:, None] * stride_bk + offs_bn[None, :] * stride_bn)
    accumulator = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BLOCK_K)):
        a = tl.load(a_ptrs, mask=offs_k[None, :] < K - k * BLOCK_K, other=0.0)
        b = tl.load(b_ptrs, mask=offs_k[:, None] < K - k * BLOCK_K, other=0.0)
        accumulator = tl.dot(a, b, accumulator, input_precision="ieee")
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
    if HAS_BIAS:
        accumulator += tl.load(bias_ptr + offs_bn)[None, :]
    if ACTIVATION == "leaky_relu":
        accumulator = leaky_relu(accumulator)
    elif ACTIVATION == "gelu":
        accumulator = gelu_tanh(accumulator)
    c = accumulator.to(c_ptr.dtype.element_ty)
    offs_cm = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_cn = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    c_ptrs = c_ptr + stride_cm * offs_cm[:, None] + stride_cn * offs_cn[None, :]
    tl.store(c_ptrs, c, mask=(offs_cm[:, None] < M) & (offs_cn[None, :] < N))


@pytest.mark.parametrize("activation", ["", "leaky_relu", "gelu"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_fused_linear(activation, dtype):
    m, n, k = 40, 37, 50
    a, w, bias = data((m, k), dtype, 1), data((n, k), dtype, 2), data(n, dtype, 3)
    grid = lambda meta: (triton.cdiv(m, meta["BLOCK_M"]) * triton.cdiv(n, meta["BLOCK_N"]),)  # noqa: E731
    got = check(
        fused_linear_kernel,
        grid,
        a,
        w,
        bias,
        torch.zeros(m, n, dtype=a.dtype),
        m,
        n,
        k,
        k,
        1,
        1,
        k,
        n,
        1,
        BLOCK_M=16,
        BLOCK_N=16,
        BLOCK_K=32,
        GROUP_M=2,
        ACTIVATION=activation,
        HAS_BIAS=True,
    )[3]
    want = a.double() @ w.double().T + bias.double()
    want = {"": want, "leaky_relu": F.leaky_relu(want), "gelu": F.gelu(want, approximate="tanh")}[activation]
    near(got, want, *((2e-5, 2e-5) if dtype == "float32" else (5e-3, 2e-2)))


@triton.jit
def split_k_kernel(
    a_ptr, b_ptr, c_ptr, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, SPLIT_K: tl.constexpr
):
    pid_m, pid_n, pid_k = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    rm = pid_m * BM + tl.arange(0, BM)
    rn = pid_n * BN + tl.arange(0, BN)
    rk = pid_k * BK + tl.arange(0, BK)
    acc = tl.zeros((BM, BN), tl.float32)
    for _ in range(pid_k * BK, K, BK * SPLIT_K):
        a = tl.load(
            a_ptr + rm[:, None] * K + rk[None, :], mask=(rm[:, None] < M) & (rk[None, :] < K), other=0.0
        )
        b = tl.load(
            b_ptr + rk[:, None] * N + rn[None, :], mask=(rk[:, None] < K) & (rn[None, :] < N), other=0.0
        )
        acc += tl.dot(a, b)
        rk += BK * SPLIT_K
    keep = (rm[:, None] < M) & (rn[None, :] < N)
    at = c_ptr + rm[:, None] * N + rn[None, :]
    if SPLIT_K == 1:
        tl.store(at, acc, mask=keep)
    else:
        tl.atomic_add(at, acc, mask=keep)


@pytest.mark.parametrize("split", [1, 3])
def test_split_k(split):
    a, b = data((20, 100), "float32", 1, "whole"), data((100, 18), "float32", 2, "whole")
    got = check(
        split_k_kernel,
        (2, 2, split),
        a,
        b,
        torch.zeros(20, 18),
        20,
        18,
        100,
        exact=True,
        BM=16,
        BN=16,
        BK=16,
        SPLIT_K=split,
    )[2]
    assert torch.equal(got, a @ b)


@triton.jit
def grouped_gemm_kernel(
    a_ptrs,
    b_ptrs,
    c_ptrs,
    sizes,
    group_count,
    NUM_PROGRAMS: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
):
    """Pointers of the groups come from memory; each program takes every NUM_PROGRAMS-th block of all groups."""
    tile = tl.program_id(0)
    last_end = 0
    for g in range(group_count):
        gm = tl.load(sizes + g * 3)
        gn = tl.load(sizes + g * 3 + 1)
        gk = tl.load(sizes + g * 3 + 2)
        columns = tl.cdiv(gn, BN)
        blocks = tl.cdiv(gm, BM) * columns
        while tile >= last_end and tile < last_end + blocks:
            a = tl.load(a_ptrs + g).to(tl.pointer_type(tl.float32))
            b = tl.load(b_ptrs + g).to(tl.pointer_type(tl.float32))
            c = tl.load(c_ptrs + g).to(tl.pointer_type(tl.float32))
            local = tile - last_end
            rm = (local // columns) * BM + tl.arange(0, BM)
            rn = (local % columns) * BN + tl.arange(0, BN)
            rk = tl.arange(0, BK)
            acc = tl.zeros((BM, BN), dtype=tl.float32)
            for kk in range(0, gk, BK):
                x = tl.load(
                    a + rm[:, None] * gk + (kk + rk)[None, :],
                    mask=(rm[:, None] < gm) & (kk + rk[None, :] < gk),
                    other=0.0,
                )
                y = tl.load(
                    b + (kk + rk)[:, None] * gn + rn[None, :],
                    mask=(kk + rk[:, None] < gk) & (rn[None, :] < gn),
                    other=0.0,
                )
                acc += tl.dot(x, y)
            tl.store(c + rm[:, None] * gn + rn[None, :], acc, mask=(rm[:, None] < gm) & (rn[None, :] < gn))
            tile += NUM_PROGRAMS
        last_end = last_end + blocks


@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_grouped_gemm(device):
    sizes = [(20, 17, 33), (5, 40, 16), (33, 16, 20)]
    a = [data((m, k), "float32", i) for i, (m, _, k) in enumerate(sizes)]
    b = [data((k, n), "float32", 9 + i) for i, (_, n, k) in enumerate(sizes)]
    c = [torch.zeros(m, n) for m, n, _ in sizes]
    addresses = [torch.tensor([x.data_ptr() for x in group]) for group in (a, b, c)]
    before = triton.get_device()
    triton.set_device(device)
    try:
        grouped_gemm_kernel[(2,)](
            *addresses, torch.tensor(sizes, dtype=torch.int32), 3, NUM_PROGRAMS=2, BM=16, BN=16, BK=16
        )
    finally:
        triton.set_device(before)
    for x, y, z in zip(a, b, c):
        near(z, x.double() @ y.double())


@triton.jit
def int8_matmul_kernel(
    a_ptr, b_ptr, sa_ptr, sb_ptr, c_ptr, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    rn = tl.program_id(1) * BN + tl.arange(0, BN)
    acc = tl.zeros((BM, BN), dtype=tl.int32)
    for k in range(0, K, BK):
        rk = k + tl.arange(0, BK)
        a = tl.load(
            a_ptr + rm[:, None] * K + rk[None, :], mask=(rm[:, None] < M) & (rk[None, :] < K), other=0
        )
        b = tl.load(
            b_ptr + rk[:, None] * N + rn[None, :], mask=(rk[:, None] < K) & (rn[None, :] < N), other=0
        )
        acc = tl.dot(a, b, acc=acc, out_dtype=tl.int32)
    sa = tl.load(sa_ptr + rm, mask=rm < M, other=0.0)
    sb = tl.load(sb_ptr + rn, mask=rn < N, other=0.0)
    c = acc.to(tl.float32) * sa[:, None] * sb[None, :]
    tl.store(c_ptr + rm[:, None] * N + rn[None, :], c, mask=(rm[:, None] < M) & (rn[None, :] < N))


def test_int8_matmul():
    a, b = data((20, 50), "int8", 1), data((50, 18), "int8", 2)
    sa, sb = data(20, "float32", 3, "positive"), data(18, "float32", 4, "positive")
    got = check(
        int8_matmul_kernel, (2, 2), a, b, sa, sb, torch.zeros(20, 18), 20, 18, 50, BM=16, BN=16, BK=32
    )[4]
    near(got, (a.double() @ b.double()) * sa.double()[:, None] * sb.double()[None, :])


# --- attention -------------------------------------------------------------------------------------------------------


@triton.jit
def _attention_inner(
    acc,
    l_i,
    m_i,
    q,
    K,
    V,
    start_m,
    n_ctx,
    scale,
    offs_m,
    offs_n: tl.constexpr,
    lo,
    hi,
    D: tl.constexpr,
    BLOCK_N: tl.constexpr,
    MASKED: tl.constexpr,
):
    offs_d = tl.arange(0, D)
    cols = tl.arange(0, offs_n)
    for start_n in range(lo, hi, BLOCK_N):
        start_n = tl.multiple_of(start_n, BLOCK_N)
        n = start_n + cols
        k = tl.load(K + n[None, :] * D + offs_d[:, None], mask=n[None, :] < n_ctx, other=0.0)
        qk = tl.dot(q, k) * scale
        keep = n[None, :] < n_ctx
        if MASKED:
            keep = keep & (offs_m[:, None] >= n[None, :])
        qk = tl.where(keep, qk, -1.0e6)
        m_ij = tl.maximum(m_i, tl.max(qk, 1))
        p = tl.math.exp2(qk - m_ij[:, None])
        alpha = tl.math.exp2(m_i - m_ij)
        l_i = l_i * alpha + tl.sum(p, 1)
        acc = acc * alpha[:, None]
        v = tl.load(V + n[:, None] * D + offs_d[None, :], mask=n[:, None] < n_ctx, other=0.0)
        acc = tl.dot(p.to(v.dtype), v, acc)
        m_i = m_ij
    return acc, l_i, m_i


@triton.jit
def attention_kernel(
    Q,
    K,
    V,
    Out,
    L,
    n_ctx,
    sm_scale,
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    CAUSAL: tl.constexpr,
):
    start_m, head = tl.program_id(0), tl.program_id(1)
    Q += head * n_ctx * D
    K += head * n_ctx * D
    V += head * n_ctx * D
    Out += head * n_ctx * D
    offs_m = start_m * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_d = tl.arange(0, D)
    m_i = tl.zeros([BLOCK_M], dtype=tl.float32) - float("inf")
    l_i = tl.zeros([BLOCK_M], dtype=tl.float32)
    acc = tl.zeros([BLOCK_M, D], dtype=tl.float32)
    q = tl.load(Q + offs_m[:, None] * D + offs_d[None, :], mask=offs_m[:, None] < n_ctx, other=0.0)
    qk_scale = sm_scale * 1.44269504
    if CAUSAL:
        acc, l_i, m_i = _attention_inner(
            acc,
            l_i,
            m_i,
            q,
            K,
            V,
            start_m,
            n_ctx,
            qk_scale,
            offs_m,
            BLOCK_N,
            0,
            start_m * BLOCK_M,
            D,
            BLOCK_N,
            False,
        )
        acc, l_i, m_i = _attention_inner(
            acc,
            l_i,
            m_i,
            q,
            K,
            V,
            start_m,
            n_ctx,
            qk_scale,
            offs_m,
            BLOCK_N,
            start_m * BLOCK_M,
            min((start_m + 1) * BLOCK_M, n_ctx),
            D,
            BLOCK_N,
            True,
        )
    else:
        acc, l_i, m_i = _attention_inner(
            acc,
            l_i,
            m_i,
            q,
            K,
            V,
            start_m,
            n_ctx,
            qk_scale,
            offs_m,
            BLOCK_N,
            0,
            n_ctx,
            D,
            BLOCK_N,
            MASKED=False,
        )
    acc = acc / l_i[:, None]
    tl.store(L + head * n_ctx + offs_m, m_i + tl.math.log2(l_i), mask=offs_m < n_ctx)
    tl.store(
        Out + offs_m[:, None] * D + offs_d[None, :], acc.to(Out.type.element_ty), mask=offs_m[:, None] < n_ctx
    )


@triton.jit
def attention_backward_kernel(
    Q,
    K,
    V,
    DO,
    DQ,
    DK,
    DV,
    L,
    Delta,
    n_ctx,
    sm_scale,
    D: tl.constexpr,
    BLOCK: tl.constexpr,
    CAUSAL: tl.constexpr,
):
    """A program a head: for each block of keys all blocks of queries; DQ is accumulated in memory."""
    head = tl.program_id(0)
    base = head * n_ctx * D
    offs_d = tl.arange(0, D)
    for start_n in range(0, n_ctx, BLOCK):
        n = start_n + tl.arange(0, BLOCK)
        kept = n[:, None] < n_ctx
        k = tl.load(K + base + n[:, None] * D + offs_d[None, :], mask=kept, other=0.0)
        v = tl.load(V + base + n[:, None] * D + offs_d[None, :], mask=kept, other=0.0)
        dk = tl.zeros((BLOCK, D), dtype=tl.float32)
        dv = tl.zeros((BLOCK, D), dtype=tl.float32)
        lo = start_n if CAUSAL else 0
        for start_m in range(lo, n_ctx, BLOCK):
            m = start_m + tl.arange(0, BLOCK)
            rows = m[:, None] < n_ctx
            at = base + m[:, None] * D + offs_d[None, :]
            q = tl.load(Q + at, mask=rows, other=0.0)
            do = tl.load(DO + at, mask=rows, other=0.0)
            l = tl.load(L + head * n_ctx + m, mask=m < n_ctx, other=0.0)
            delta = tl.load(Delta + head * n_ctx + m, mask=m < n_ctx, other=0.0)
            qk = tl.dot(q, tl.trans(k)) * (sm_scale * 1.44269504)
            keep = rows & (n[None, :] < n_ctx)
            if CAUSAL:
                keep &= m[:, None] >= n[None, :]
            p = tl.where(keep, tl.exp2(qk - l[:, None]), 0.0)
            dv += tl.dot(tl.trans(p), do)
            dp = tl.dot(do, v.T)
            ds = p * (dp - delta[:, None]) * sm_scale
            dk = tl.dot(tl.trans(ds), q, dk)
            dq = tl.load(DQ + at, mask=rows, other=0.0)
            tl.store(DQ + at, dq + tl.dot(ds, k), mask=rows)
        tl.store(DK + base + n[:, None] * D + offs_d[None, :], dk, mask=kept)
        tl.store(DV + base + n[:, None] * D + offs_d[None, :], dv, mask=kept)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n", [32, 41])
def test_attention(n, causal):
    heads, d, scale = 2, 16, 0.25
    q, k, v, do = (data((heads, n, d), "float32", s) for s in (1, 2, 3, 4))
    got = check(
        attention_kernel,
        (triton.cdiv(n, 16), heads),
        q,
        k,
        v,
        torch.zeros_like(q),
        torch.zeros(heads, n),
        n,
        scale,
        quality=False,  # of tf32, on GPUs
        D=d,
        BLOCK_M=16,
        BLOCK_N=16,
        CAUSAL=causal,
    )
    leaves = [x.double().requires_grad_() for x in (q, k, v)]
    want = F.scaled_dot_product_attention(*leaves, is_causal=causal, scale=scale)
    near(got[3], want.detach(), 1e-4, 1e-5)
    want.backward(do.double())
    delta = (got[3] * do).sum(-1)
    back = check(
        attention_backward_kernel,
        (heads,),
        q,
        k,
        v,
        do,
        *(torch.zeros_like(q) for _ in range(3)),
        got[4],
        delta,
        n,
        scale,
        quality=False,
        D=d,
        BLOCK=16,
        CAUSAL=causal,
    )
    for mine, leaf in zip(back[4:7], leaves):
        near(mine, leaf.grad, 1e-3, 1e-4)


# --- counting, scanning, choosing ------------------------------------------------------------------------------------


@triton.jit
def histogram_kernel(x_ptr, bins_ptr, n, n_bins, low, width, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offs, mask=offs < n)
    index = ((x - low) / width).to(tl.int32)
    inside = (index >= 0) & (index < n_bins) & (offs < n)
    tl.atomic_add(bins_ptr + index, 1, mask=inside)


def test_histogram():
    x = data(1000, "float32", 1)
    got = check(
        histogram_kernel, (8,), x, torch.zeros(16, dtype=torch.int32), 1000, 16, -2.0, 0.25, BLOCK=128
    )[1]
    assert torch.equal(got, torch.histc(x, 16, -2, 2).int())


@triton.jit
def block_sums_kernel(x_ptr, out_ptr, sums_ptr, n, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    offs = pid * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offs, mask=offs < n, other=0)
    tl.store(out_ptr + offs, tl.cumsum(x, 0), mask=offs < n)
    tl.store(sums_ptr + pid, tl.sum(x, 0))


@triton.jit
def add_prefix_kernel(out_ptr, sums_ptr, n, BLOCK: tl.constexpr, BLOCKS: tl.constexpr):
    pid = tl.program_id(0)
    i = tl.arange(0, BLOCKS)
    before = tl.sum(tl.where(i < pid, tl.load(sums_ptr + i, mask=i < pid, other=0), 0))
    offs = pid * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + offs, tl.load(out_ptr + offs, mask=offs < n) + before, mask=offs < n)


def test_prefix_sum():
    x = data(1000, "int32", 1, "whole")
    got = check(
        block_sums_kernel, (8,), x, torch.zeros_like(x), torch.zeros(8, dtype=torch.int32), 1000, BLOCK=128
    )
    got = check(add_prefix_kernel, (8,), got[1], got[2], 1000, BLOCK=128, BLOCKS=8)[0]
    assert torch.equal(got, x.cumsum(0).int())


@triton.jit
def top1_gate_kernel(logits_ptr, expert_ptr, weight_ptr, count_ptr, E, BLOCK_E: tl.constexpr):
    token = tl.program_id(0)
    e = tl.arange(0, BLOCK_E)
    x = tl.load(logits_ptr + token * E + e, mask=e < E, other=float("-inf"))
    best, which = tl.max(x, axis=0, return_indices=True)
    weight = 1.0 / tl.sum(tl.exp(x - best), axis=0)
    tl.device_assert(which < E, "an expert that is not there")
    tl.store(expert_ptr + token, which)
    tl.store(weight_ptr + token, weight)
    tl.atomic_add(count_ptr + which, 1)


def test_top1():
    x = data((9, 6), "float32", 1)
    got = check(
        top1_gate_kernel,
        (9,),
        x,
        torch.zeros(9, dtype=torch.int32),
        torch.zeros(9),
        torch.zeros(6, dtype=torch.int32),
        6,
        BLOCK_E=8,
    )
    assert torch.equal(got[1], x.argmax(1).int())
    near(got[2], torch.softmax(x.double(), 1).max(1).values)
    assert torch.equal(got[3], torch.bincount(x.argmax(1), minlength=6).int())


@triton.jit
def _add_pairs(g1, h1, g2, h2):
    return g1 * g2, g2 * h1 + h2


@triton.jit
def recurrence_kernel(gate_ptr, x_ptr, h_ptr, T, D: tl.constexpr, BLOCK_T: tl.constexpr):
    """h[t] = gate[t] * h[t-1] + x[t], as an associative scan of pairs, a block of time at a time."""
    d = tl.arange(0, D)
    carry = tl.zeros([D], tl.float32)
    for start in range(0, T, BLOCK_T):
        t = start + tl.arange(0, BLOCK_T)
        at = t[:, None] * D + d[None, :]
        gate = tl.load(gate_ptr + at, mask=t[:, None] < T, other=1.0)
        x = tl.load(x_ptr + at, mask=t[:, None] < T, other=0.0)
        product, h = tl.associative_scan((gate, x), 0, _add_pairs)
        h += product * carry[None, :]
        tl.store(h_ptr + at, h, mask=t[:, None] < T)
        carry = tl.sum(tl.where((t == start + BLOCK_T - 1)[:, None], h, 0.0), 0)


def test_recurrence():
    gate, x = torch.sigmoid(data((21, 4), "float32", 1)), data((21, 4), "float32", 2)
    got = check(recurrence_kernel, (1,), gate, x, torch.zeros(21, 4), 21, D=4, BLOCK_T=8)[2]
    h, want = torch.zeros(4, dtype=torch.double), []
    for t in range(21):
        h = gate[t].double() * h + x[t].double()
        want.append(h)
    near(got, torch.stack(want))


# --- random numbers --------------------------------------------------------------------------------------------------


@triton.jit
def dropout_residual_kernel(x_ptr, residual_ptr, out_ptr, n, p, seed, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    keep = tl.rand(seed, offs) > p
    x = tl.load(x_ptr + offs, mask)
    out = tl.where(keep, x / (1 - p), 0.0) + tl.load(residual_ptr + offs, mask)
    tl.store(out_ptr + offs, out, mask)


def test_dropout_residual():
    x, residual = data(1000, "float32", 1), data(1000, "float32", 2)
    got = check(dropout_residual_kernel, (8,), x, residual, torch.zeros(1000), 1000, 0.25, 123, BLOCK=128)[2]
    kept = got != residual
    assert 0.68 < kept.float().mean() < 0.82
    near(got[kept], (x / 0.75 + residual)[kept])


@triton.jit
def stochastic_round_kernel(x_ptr, out_ptr, n, seed, BLOCK: tl.constexpr):
    """fp32 to bf16, up with the probability of what is cut off: random bits are added below the last bit kept."""
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offs, mask=offs < n)
    noise = tl.randint(seed, offs).to(tl.uint32) & 0xFFFF
    bits = x.to(tl.uint32, bitcast=True) + noise
    rounded = (bits & 0xFFFF0000).to(tl.float32, bitcast=True)
    tl.store(out_ptr + offs, rounded.to(tl.bfloat16), mask=offs < n)


def test_stochastic_round():
    x = torch.full((4096,), 1.0 + 2**-9)  # a quarter of the way to the next bfloat16
    got = check(
        stochastic_round_kernel, (4,), x, torch.zeros(4096, dtype=torch.bfloat16), 4096, 5, BLOCK=1024
    )[1]
    assert set(got.float().tolist()) == {1.0, 1.0 + 2**-7}
    assert 0.2 < (got > 1).float().mean() < 0.3
