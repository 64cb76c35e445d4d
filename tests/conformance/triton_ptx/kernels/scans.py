"""Scans, reductions, sorting, gathering, histograms: kernels whose lanes talk to each other."""

import triton
import triton.language as tl


@triton.jit
def cumsum(x, o, n, R: tl.constexpr, C: tl.constexpr, AXIS: tl.constexpr, REVERSE: tl.constexpr):
    r, c = tl.arange(0, R)[:, None], tl.arange(0, C)[None, :]
    v = tl.load(x + r * C + c)
    tl.store(o + r * C + c, tl.cumsum(v, AXIS, reverse=REVERSE))


@triton.jit
def cumprod(x, o, C: tl.constexpr):
    c = tl.arange(0, C)
    tl.store(o + c, tl.cumprod(tl.load(x + c), 0))


@triton.jit
def step(a1, b1, a2, b2):
    return a1 * a2, b1 * a2 + b2


@triton.jit
def recurrence(a, b, o, C: tl.constexpr):
    """h[i] = a[i] * h[i - 1] + b[i]"""
    row = tl.program_id(0)
    c = row * C + tl.arange(0, C)
    _, h = tl.associative_scan((tl.load(a + c), tl.load(b + c)), 0, step)
    tl.store(o + c, h)


@triton.jit
def larger(a, b):
    return tl.maximum(a, b)


@triton.jit
def running_maximum(x, o, n, C: tl.constexpr):
    """Rows longer than a block: the scan goes on from block to block."""
    row = tl.program_id(0)
    best = tl.min(tl.load(x + row * n + tl.arange(0, C), mask=tl.arange(0, C) < 0, other=-1000000), 0)
    for at in range(0, n, C):
        c = at + tl.arange(0, C)
        v = tl.load(x + row * n + c, mask=c < n, other=-1000000)
        s = tl.associative_scan(v, 0, larger)
        tl.store(o + row * n + c, tl.maximum(s, best), mask=c < n)
        best = tl.maximum(best, tl.max(v, 0))


@triton.jit
def sort(x, o, R: tl.constexpr, C: tl.constexpr, DOWN: tl.constexpr):
    r, c = tl.arange(0, R)[:, None], tl.arange(0, C)[None, :]
    tl.store(o + r * C + c, tl.sort(tl.load(x + r * C + c), 1, DOWN))


@triton.jit
def topk(x, o, R: tl.constexpr, C: tl.constexpr, K: tl.constexpr):
    r, c = tl.arange(0, R)[:, None], tl.arange(0, C)[None, :]
    best = tl.topk(tl.load(x + r * C + c), K)
    tl.store(o + r * K + tl.arange(0, K)[None, :], best)


@triton.jit
def reduce_all(x, s, m, a, b, w, R: tl.constexpr, C: tl.constexpr, AXIS: tl.constexpr, N: tl.constexpr):
    """Sum, maximum, both of its places, and xor, along one axis."""
    r, c = tl.arange(0, R)[:, None], tl.arange(0, C)[None, :]
    v = tl.load(x + r * C + c)
    i = tl.arange(0, N)
    tl.store(s + i, tl.sum(v, AXIS))
    tl.store(m + i, tl.max(v, AXIS))
    tl.store(a + i, tl.argmax(v, AXIS))
    tl.store(b + i, tl.argmin(v, AXIS, tie_break_left=True))
    tl.store(w + i, tl.xor_sum(v, AXIS))


@triton.jit
def welford_step(mean1, m21, w1, mean2, m22, w2):
    delta = mean2 - mean1
    total = w1 + w2
    share = tl.where(total == 0, 0.0, w2 / total)
    return mean1 + delta * share, m21 + m22 + delta * delta * w1 * share, total


@triton.jit
def welford(x, mean, variance, n, C: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, C)
    v = tl.load(x + row * n + c, mask=c < n, other=0.0)
    weight = tl.where(c < n, 1.0, 0.0)
    m, m2, w = tl.reduce((v, tl.zeros([C], tl.float32), weight), 0, welford_step)
    tl.store(mean + row, m)
    tl.store(variance + row, m2 / w)


@triton.jit
def histogram(x, o, n, C: tl.constexpr, BINS: tl.constexpr):
    c = tl.program_id(0) * C + tl.arange(0, C)
    v = tl.load(x + c, mask=c < n, other=0)
    tl.atomic_add(o + tl.arange(0, BINS), tl.histogram(v, BINS, mask=c < n))


@triton.jit
def gather(
    x,
    i,
    o,
    R: tl.constexpr,
    C: tl.constexpr,
    N: tl.constexpr,
    AXIS: tl.constexpr,
    OR: tl.constexpr,
    OC: tl.constexpr,
):
    v = tl.load(x + tl.arange(0, R)[:, None] * C + tl.arange(0, C)[None, :])
    at = tl.arange(0, OR)[:, None] * OC + tl.arange(0, OC)[None, :]
    tl.store(o + at, tl.gather(v, tl.load(i + at), AXIS))


@triton.jit
def shapes(x, o, p, q, R: tl.constexpr, C: tl.constexpr):
    """Transposed, flipped, cut into halves and joined again the other way round."""
    r, c = tl.arange(0, R)[:, None], tl.arange(0, C)[None, :]
    v = tl.load(x + r * C + c)
    tl.store(o + tl.arange(0, C)[:, None] * R + tl.arange(0, R)[None, :], tl.trans(v))
    tl.store(p + r * C + c, tl.flip(v, 1))
    low, high = tl.split(tl.reshape(v, (R, C // 2, 2)))
    tl.store(q + r * C + c, tl.reshape(tl.join(high, low), (R, C)))


@triton.jit
def permute(x, o, A: tl.constexpr, B: tl.constexpr, C: tl.constexpr):
    a = tl.arange(0, A)[:, None, None]
    b = tl.arange(0, B)[None, :, None]
    c = tl.arange(0, C)[None, None, :]
    v = tl.permute(tl.load(x + (a * B + b) * C + c), (2, 0, 1))
    a, b, c = tl.arange(0, C)[:, None, None], tl.arange(0, A)[None, :, None], tl.arange(0, B)[None, None, :]
    tl.store(o + (a * A + b) * B + c, v)


@triton.jit
def interleave(x, y, o, C: tl.constexpr):
    c = tl.arange(0, C)
    tl.store(o + tl.arange(0, 2 * C), tl.interleave(tl.load(x + c), tl.load(y + c)))
