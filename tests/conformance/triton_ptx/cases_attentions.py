"""Cases of kernels/attentions.py."""

import math

import numpy as np
import shadow
from cases import case, numbers
from ptx import request
from shadow import Shadow, cast, check, dot, where

LOG2E = Shadow(1.44269504, 1e-7)


def stack(parts):
    return Shadow(np.stack([x.v for x in parts]), np.stack([x.e for x in parts]))


def rescales(n, block):
    """The roundings that the running maximum adds: at each block the sums so far are multiplied once more."""
    return -(-n // block)


def weights(q, k, scale, causal, blocks):
    """p before it is divided by its sum, relative to each row's maximum, and that maximum (of base 2)."""
    s = dot(q, k.T) * (Shadow(np.float32(scale)) * LOG2E)
    if causal:
        s = where(np.arange(len(q))[:, None] >= np.arange(len(k))[None, :], s, -np.inf)
    top = s.max(1)
    p = shadow.exp2(s - top[:, None])
    # A weight is the product of powers of the steps that the maximum took.
    return Shadow(p.v, p.e + blocks * 5 * shadow.U32 * p.v), top


def attention(q, k, v, scale, causal, block):
    p, top = weights(q, k, scale, causal, rescales(len(k), block))
    total = p.sum(1)
    return dot(cast(p, "f16"), v) / total[:, None], top, total


FORWARD = "*fp16 *fp16 *fp16 *fp16 *fp32 fp32 i32"


@case(
    request(
        "attentions",
        "forward",
        FORWARD,
        H=4,
        HK=2,
        BM=32,
        BN=32,
        D=32,
        CAUSAL=True,
        divisible="q_ptr k_ptr v_ptr o_ptr",
    ),
    causal=True,
    name="attention_causal",
)
@case(
    request(
        "attentions",
        "forward",
        FORWARD,
        H=4,
        HK=4,
        BM=64,
        BN=32,
        D=64,
        CAUSAL=False,
        divisible="q_ptr k_ptr v_ptr o_ptr N",
        stages=2,
    ),
    hk=4,
    d=64,
    n=80,
    bm=64,
    name="attention_full",
)
@case(
    request("attentions", "forward", FORWARD, H=4, HK=1, BM=32, BN=64, D=16, CAUSAL=True, warps=2, stages=4),
    hk=1,
    d=16,
    bn=64,
    causal=True,
    name="attention_2_warps",
)
@case(
    request("attentions", "forward", FORWARD, H=4, HK=4, BM=128, BN=32, D=32, CAUSAL=True, warps=8, stages=1),
    hk=4,
    bm=128,
    n=150,
    causal=True,
    name="attention_8_warps",
)
def forward(k, how, hk=2, n=77, d=32, bm=32, bn=32, causal=False):
    heads = 4
    q, key, v = (
        numbers(1, heads, n, d, dtype="f16"),
        numbers(2, hk, n, d, dtype="f16"),
        numbers(3, hk, n, d, dtype="f16"),
    )
    o, l = np.zeros_like(q), np.zeros((heads, n), np.float32)
    scale = 1 / math.sqrt(d)
    k((-(-n // bm), heads), q, key, v, o, l, scale, n, **how)
    found = [
        attention(q[h], key[h * hk // heads], v[h * hk // heads], scale, causal, bn) for h in range(heads)
    ]
    check(o, stack([x for x, _, _ in found]), "f16")
    # log2 of a number with a relative error: lg2.approx is good to 2**-22 (absolute near 1), a hundredth part of what p lost.
    logs = [
        top + Shadow(np.log2(t.v), t.e / t.v * 1.4427 + 2.0**-22 * (1 + np.abs(np.log2(t.v))))
        for _, top, t in found
    ]
    check(l, stack(logs))


@case(
    request("attentions", "delta", "*fp16 *fp16 *fp32 i32", BM=32, D=32),
    request(
        "attentions",
        "backward",
        "*fp16 *fp16 *fp16 *fp16 *fp32 *fp32 *fp32 *fp32 *fp32 fp32 i32",
        BM=32,
        BN=32,
        D=32,
        divisible="q_ptr k_ptr v_ptr do_ptr",
    ),
    name="attention_backward",
)
@case(
    request("attentions", "delta", "*fp16 *fp16 *fp32 i32", BM=32, D=32),
    request(
        "attentions",
        "backward",
        "*fp16 *fp16 *fp16 *fp16 *fp32 *fp32 *fp32 *fp32 *fp32 fp32 i32",
        BM=64,
        BN=32,
        D=32,
        warps=8,
        stages=2,
        divisible="q_ptr k_ptr v_ptr do_ptr",
    ),
    bm=64,
    name="attention_backward_8_warps",
)
def backward(prepare, k, how, bm=32):
    heads, n, d, bn = 2, 75, 32, 32
    q, key, v, do = (numbers(s, heads, n, d, dtype="f16") for s in (1, 2, 3, 4))
    scale = 1 / math.sqrt(d)
    # What the way there left behind, in NumPy, so that only the way back is measured.
    o, l, p = np.zeros_like(q), np.zeros((heads, n), np.float32), []
    for h in range(heads):
        s = q[h].astype(np.float64) @ key[h].T.astype(np.float64) * scale * 1.44269504
        s[np.arange(n)[:, None] < np.arange(n)[None, :]] = -np.inf
        top = s.max(1, keepdims=True)
        l[h] = (top + np.log2(np.exp2(s - top).sum(1, keepdims=True)))[:, 0]
        p.append(np.exp2(s - l[h].astype(np.float64)[:, None]))
        o[h] = p[h] @ v[h].astype(np.float64)
    di = np.zeros((heads, n), np.float32)
    prepare((-(-n // 32), heads), o, do, di, n, **how)
    check(di, stack([(Shadow(o[h]) * do[h]).sum(1) for h in range(heads)]), share=0.1)
    dq, dk, dv = (
        np.zeros((heads, n, d), np.float32),
        np.zeros((heads, n, d), np.float32),
        np.zeros((heads, n, d), np.float32),
    )
    k((-(-n // bn), heads), q, key, v, do, l, di, dq, dk, dv, scale, n, **how)
    for h in range(heads):
        s = dot(q[h], key[h].T) * (Shadow(np.float32(scale)) * LOG2E)
        s = where(np.arange(n)[:, None] >= np.arange(n)[None, :], s, -np.inf)
        w = shadow.exp2(s - l[h][:, None].astype(np.float64))
        w16 = cast(w, "f16")
        check(dv[h], dot(Shadow(w16.v.T, w16.e.T), do[h]))
        dp = dot(do[h], v[h].T)
        ds = cast(w * (dp - di[h][:, None].astype(np.float64)) * Shadow(np.float32(scale)), "f16")
        check(dk[h], dot(Shadow(ds.v.T, ds.e.T), q[h]))
        check(dq[h], dot(ds, key[h]))


@case(
    request(
        "attentions",
        "split",
        "*fp16 *fp16 *fp16 *fp32 *fp32 fp32 i32 i32",
        BM=16,
        BN=32,
        D=64,
        divisible="q_ptr k_ptr v_ptr",
    ),
    request("attentions", "merge", "*fp32 *fp32 *fp16 i32", BM=16, D=64),
    name="attention_split",
)
def split(k, merge, how):
    heads, n, d, parts = 2, 370, 64, 3
    q, key, v = (
        numbers(1, heads, 16, d, dtype="f16"),
        numbers(2, heads, n, d, dtype="f16"),
        numbers(3, heads, n, d, dtype="f16"),
    )
    q[:, 2:4] *= 40  # so far apart that a maximum that is missed makes infinities
    part, l, o = (
        np.zeros((heads, parts, 16, d), np.float32),
        np.zeros((heads, parts, 16), np.float32),
        np.zeros_like(q),
    )
    scale = 1 / math.sqrt(d)
    k((parts, heads), q, key, v, part, l, scale, n, parts, **how)
    merge(heads, part, l, o, parts, **how)
    found = []
    for h in range(heads):
        x, top, total = attention(q[h], key[h], v[h], scale, False, 32)
        # Merging weighs each part by a power of a difference of logarithms, about four roundings of numbers below 32.
        found.append(
            Shadow(x.v, x.e + 32 * 8 * shadow.U32 * (np.abs(x.v) + (np.abs(v[h].astype(np.float64)).max(0))))
        )
    check(o, stack(found), "f16")
