"""Attention: forward with grouped heads, forward with keys split over programs, and backward."""

import triton
import triton.language as tl


@triton.jit
def forward(
    q_ptr,
    k_ptr,
    v_ptr,
    o_ptr,
    l_ptr,
    scale,
    N,
    H: tl.constexpr,
    HK: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    D: tl.constexpr,
    CAUSAL: tl.constexpr,
):
    """Also stores log2 of the sum of exponentials, for the way back. Several heads share one of k and v."""
    start, head = tl.program_id(0), tl.program_id(1)
    group: tl.constexpr = H // HK
    rm, rd = start * BM + tl.arange(0, BM), tl.arange(0, D)
    q = tl.load(q_ptr + head * N * D + rm[:, None] * D + rd[None, :], mask=rm[:, None] < N, other=0.0)
    top = tl.full([BM], -float("inf"), tl.float32)
    total = tl.zeros([BM], tl.float32)
    acc = tl.zeros([BM, D], tl.float32)
    stop = tl.minimum((start + 1) * BM, N) if CAUSAL else N
    for n in tl.range(0, stop, BN):
        rn = n + tl.arange(0, BN)
        kv = (head // group) * N * D + rn[:, None] * D + rd[None, :]
        k = tl.load(k_ptr + kv, mask=rn[:, None] < N, other=0.0)
        s = tl.dot(q, tl.trans(k)) * (scale * 1.44269504)
        ok = rn[None, :] < N
        if CAUSAL:
            ok = ok & (rm[:, None] >= rn[None, :])
        s = tl.where(ok, s, -float("inf"))
        new = tl.maximum(top, tl.max(s, 1))
        p = tl.exp2(s - new[:, None])
        alpha = tl.exp2(top - new)
        v = tl.load(v_ptr + kv, mask=rn[:, None] < N, other=0.0)
        acc = tl.dot(p.to(v.dtype), v, acc * alpha[:, None])
        total = total * alpha + tl.sum(p, 1)
        top = new
    tl.store(
        o_ptr + head * N * D + rm[:, None] * D + rd[None, :],
        (acc / total[:, None]).to(o_ptr.dtype.element_ty),
        mask=rm[:, None] < N,
    )
    tl.store(l_ptr + head * N + rm, top + tl.log2(total), mask=rm < N)


@triton.jit
def delta(o_ptr, do_ptr, d_ptr, N, BM: tl.constexpr, D: tl.constexpr):
    rm, rd = tl.program_id(0) * BM + tl.arange(0, BM), tl.arange(0, D)
    at = tl.program_id(1) * N * D + rm[:, None] * D + rd[None, :]
    o = tl.load(o_ptr + at, mask=rm[:, None] < N, other=0.0).to(tl.float32)
    do = tl.load(do_ptr + at, mask=rm[:, None] < N, other=0.0).to(tl.float32)
    tl.store(d_ptr + tl.program_id(1) * N + rm, tl.sum(o * do, 1), mask=rm < N)


@triton.jit
def backward(
    q_ptr,
    k_ptr,
    v_ptr,
    do_ptr,
    l_ptr,
    d_ptr,
    dq_ptr,
    dk_ptr,
    dv_ptr,
    scale,
    N,
    BM: tl.constexpr,
    BN: tl.constexpr,
    D: tl.constexpr,
):
    """Causal. A program has a block of keys: it walks over the queries for dk and dv, and adds its part to dq."""
    start, head = tl.program_id(0), tl.program_id(1)
    base = head * N * D
    rn, rd = start * BN + tl.arange(0, BN), tl.arange(0, D)
    kv = base + rn[:, None] * D + rd[None, :]
    k = tl.load(k_ptr + kv, mask=rn[:, None] < N, other=0.0)
    v = tl.load(v_ptr + kv, mask=rn[:, None] < N, other=0.0)
    dk = tl.zeros([BN, D], tl.float32)
    dv = tl.zeros([BN, D], tl.float32)
    for m in range((start * BN) // BM * BM, N, BM):
        rm = m + tl.arange(0, BM)
        at = base + rm[:, None] * D + rd[None, :]
        q = tl.load(q_ptr + at, mask=rm[:, None] < N, other=0.0)
        do = tl.load(do_ptr + at, mask=rm[:, None] < N, other=0.0)
        l = tl.load(l_ptr + head * N + rm, mask=rm < N, other=0.0)
        di = tl.load(d_ptr + head * N + rm, mask=rm < N, other=0.0)
        s = tl.dot(q, tl.trans(k)) * (scale * 1.44269504)
        ok = (rm[:, None] >= rn[None, :]) & (rm[:, None] < N)
        p = tl.where(ok, tl.exp2(s - l[:, None]), 0.0)
        dv = tl.dot(tl.trans(p.to(do.dtype)), do, dv)
        dp = tl.dot(do, tl.trans(v))
        ds = (p * (dp - di[:, None]) * scale).to(q.dtype)
        dk = tl.dot(tl.trans(ds), q, dk)
        tl.atomic_add(dq_ptr + at, tl.dot(ds, k), mask=rm[:, None] < N, sem="relaxed")
    tl.store(dk_ptr + kv, dk, mask=rn[:, None] < N)
    tl.store(dv_ptr + kv, dv, mask=rn[:, None] < N)


@triton.jit
def split(
    q_ptr, k_ptr, v_ptr, part_ptr, l_ptr, scale, N, SPLIT, BM: tl.constexpr, BN: tl.constexpr, D: tl.constexpr
):
    """Few queries, many keys: each program has some of the keys."""
    s, head = tl.program_id(0), tl.program_id(1)
    rm, rd = tl.arange(0, BM), tl.arange(0, D)
    per = tl.cdiv(tl.cdiv(N, BN), SPLIT) * BN
    q = tl.load(q_ptr + head * BM * D + rm[:, None] * D + rd[None, :])
    top = tl.full([BM], -1e30, tl.float32)
    total = tl.zeros([BM], tl.float32)
    acc = tl.zeros([BM, D], tl.float32)
    for n in range(s * per, min((s + 1) * per, N), BN):
        rn = n + tl.arange(0, BN)
        k = tl.load(k_ptr + head * N * D + rn[None, :] * D + rd[:, None], mask=rn[None, :] < N, other=0.0)
        x = tl.where(rn[None, :] < N, tl.dot(q, k) * (scale * 1.44269504), -1e30)
        new = tl.maximum(top, tl.max(x, 1))
        p = tl.exp2(x - new[:, None])
        alpha = tl.exp2(top - new)
        v = tl.load(v_ptr + head * N * D + rn[:, None] * D + rd[None, :], mask=rn[:, None] < N, other=0.0)
        acc = tl.dot(p.to(v.dtype), v, acc * alpha[:, None])
        total = total * alpha + tl.sum(p, 1)
        top = new
    at = (head * SPLIT + s) * BM
    tl.store(part_ptr + (at + rm[:, None]) * D + rd[None, :], acc / total[:, None])
    tl.store(l_ptr + at + rm, top + tl.log2(total))


@triton.jit
def merge(part_ptr, l_ptr, o_ptr, SPLIT, BM: tl.constexpr, D: tl.constexpr):
    head = tl.program_id(0)
    rm, rd = tl.arange(0, BM), tl.arange(0, D)
    top = tl.full([BM], -float("inf"), tl.float32)
    for s in range(SPLIT):
        top = tl.maximum(top, tl.load(l_ptr + (head * SPLIT + s) * BM + rm))
    total = tl.zeros([BM], tl.float32)
    acc = tl.zeros([BM, D], tl.float32)
    for s in range(SPLIT):
        w = tl.exp2(tl.load(l_ptr + (head * SPLIT + s) * BM + rm) - top)
        acc += w[:, None] * tl.load(part_ptr + ((head * SPLIT + s) * BM + rm[:, None]) * D + rd[None, :])
        total += w
    tl.store(
        o_ptr + head * BM * D + rm[:, None] * D + rd[None, :],
        (acc / total[:, None]).to(o_ptr.dtype.element_ty),
    )
