# kernels.py - the seven kernels of the demonstration
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Vector add, softmax, matmul, layer norm, dropout, attention, and linear + gelu, written in tegula.language."""

import tegula
import tegula.language as tl


@tegula.jit
def add(x_ptr, y_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    m = i < n
    tl.store(o_ptr + i, tl.load(x_ptr + i, mask=m) + tl.load(y_ptr + i, mask=m), mask=m)


@tegula.jit
def softmax(o_ptr, x_ptr, x_stride, o_stride, n_cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    m = c < n_cols
    x = tl.load(x_ptr + row * x_stride + c, mask=m, other=-float("inf"))
    e = tl.exp(x - tl.max(x, axis=0))
    tl.store(o_ptr + row * o_stride + c, e / tl.sum(e, axis=0), mask=m)


@tegula.jit
def matmul(
    a_ptr,
    b_ptr,
    c_ptr,
    M,
    N,
    K,
    sam,
    sak,
    sbk,
    sbn,
    scm,
    scn,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    G: tl.constexpr,
):
    pid = tl.program_id(0)
    nm = tl.cdiv(M, BM)
    nn = tl.cdiv(N, BN)
    per = G * nn
    first = (pid // per) * G
    size = min(nm - first, G)
    pm = first + (pid % per) % size
    pn = (pid % per) // size
    rm = (pm * BM + tl.arange(0, BM)) % M
    rn = (pn * BN + tl.arange(0, BN)) % N
    rk = tl.arange(0, BK)
    a = a_ptr + rm[:, None] * sam + rk[None, :] * sak
    b = b_ptr + rk[:, None] * sbk + rn[None, :] * sbn
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BK)):
        x = tl.load(a, mask=rk[None, :] < K - k * BK, other=0.0)
        y = tl.load(b, mask=rk[:, None] < K - k * BK, other=0.0)
        acc = tl.dot(x, y, acc)
        a += BK * sak
        b += BK * sbk
    c = acc.to(c_ptr.dtype.element_ty)
    om = pm * BM + tl.arange(0, BM)
    on = pn * BN + tl.arange(0, BN)
    tl.store(c_ptr + om[:, None] * scm + on[None, :] * scn, c, mask=(om[:, None] < M) & (on[None, :] < N))


@tegula.jit
def layernorm(x_ptr, y_ptr, w_ptr, b_ptr, mean_ptr, rstd_ptr, stride, n, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    x_ptr += row * stride
    y_ptr += row * stride
    s = tl.zeros([BLOCK], dtype=tl.float32)
    for off in range(0, n, BLOCK):
        c = off + tl.arange(0, BLOCK)
        s += tl.load(x_ptr + c, mask=c < n, other=0.0).to(tl.float32)
    mean = tl.sum(s, axis=0) / n
    v = tl.zeros([BLOCK], dtype=tl.float32)
    for off in range(0, n, BLOCK):
        c = off + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + c, mask=c < n, other=0.0).to(tl.float32)
        d = tl.where(c < n, x - mean, 0.0)
        v += d * d
    rstd = 1 / tl.sqrt(tl.sum(v, axis=0) / n + eps)
    tl.store(mean_ptr + row, mean)
    tl.store(rstd_ptr + row, rstd)
    for off in range(0, n, BLOCK):
        c = off + tl.arange(0, BLOCK)
        m = c < n
        w = tl.load(w_ptr + c, mask=m)
        b = tl.load(b_ptr + c, mask=m)
        x = tl.load(x_ptr + c, mask=m, other=0.0).to(tl.float32)
        tl.store(y_ptr + c, (x - mean) * rstd * w + b, mask=m)


@tegula.jit
def dropout(x_ptr, o_ptr, n, p, seed, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    m = i < n
    x = tl.load(x_ptr + i, mask=m)
    keep = tl.rand(seed, i) > p
    tl.store(o_ptr + i, tl.where(keep, x / (1 - p), 0.0), mask=m)


@tegula.jit
def attention(
    q_ptr,
    k_ptr,
    v_ptr,
    o_ptr,
    scale,
    sqh,
    sqm,
    skh,
    skn,
    svh,
    svn,
    soh,
    som,
    N,
    BM: tl.constexpr,
    BN: tl.constexpr,
    D: tl.constexpr,
    CAUSAL: tl.constexpr,
):
    start = tl.program_id(0)
    head = tl.program_id(1)
    rm = start * BM + tl.arange(0, BM)
    rn = tl.arange(0, BN)
    rd = tl.arange(0, D)
    q = tl.load(q_ptr + head * sqh + rm[:, None] * sqm + rd[None, :], mask=rm[:, None] < N, other=0.0)
    m_i = tl.full([BM], -float("inf"), dtype=tl.float32)
    l_i = tl.zeros([BM], dtype=tl.float32)
    acc = tl.zeros([BM, D], dtype=tl.float32)
    hi = tl.minimum((start + 1) * BM, N) if CAUSAL else N
    for n0 in range(0, hi, BN):
        cn = n0 + rn
        k = tl.load(k_ptr + head * skh + cn[None, :] * skn + rd[:, None], mask=cn[None, :] < N, other=0.0)
        qk = tl.dot(q, k) * (scale * 1.44269504)
        ok = cn[None, :] < N
        if CAUSAL:
            ok = ok & (rm[:, None] >= cn[None, :])
        qk = tl.where(ok, qk, -float("inf"))
        m_new = tl.maximum(m_i, tl.max(qk, 1))
        p = tl.exp2(qk - m_new[:, None])
        alpha = tl.exp2(m_i - m_new)
        l_i = l_i * alpha + tl.sum(p, 1)
        v = tl.load(v_ptr + head * svh + cn[:, None] * svn + rd[None, :], mask=cn[:, None] < N, other=0.0)
        acc = acc * alpha[:, None]
        acc = tl.dot(p.to(v.dtype), v, acc)
        m_i = m_new
    acc = acc / l_i[:, None]
    tl.store(
        o_ptr + head * soh + rm[:, None] * som + rd[None, :],
        acc.to(o_ptr.dtype.element_ty),
        mask=rm[:, None] < N,
    )


@tegula.jit
def linear_gelu(
    x_ptr, w_ptr, b_ptr, y_ptr, M, N, K, sxm, swk, sym, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    pm = tl.program_id(0)
    pn = tl.program_id(1)
    rm = pm * BM + tl.arange(0, BM)
    rn = pn * BN + tl.arange(0, BN)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k0 in range(0, K, BK):
        rk = k0 + tl.arange(0, BK)
        x = tl.load(
            x_ptr + rm[:, None] * sxm + rk[None, :], mask=(rm[:, None] < M) & (rk[None, :] < K), other=0.0
        )
        w = tl.load(
            w_ptr + rk[:, None] * swk + rn[None, :], mask=(rk[:, None] < K) & (rn[None, :] < N), other=0.0
        )
        acc = tl.dot(x, w, acc)
    z = acc + tl.load(b_ptr + rn, mask=rn < N, other=0.0)[None, :]
    y = 0.5 * z * (1.0 + tl.erf(z * 0.7071067811865476))
    tl.store(
        y_ptr + rm[:, None] * sym + rn[None, :],
        y.to(y_ptr.dtype.element_ty),
        mask=(rm[:, None] < M) & (rn[None, :] < N),
    )
