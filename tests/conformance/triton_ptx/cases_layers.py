"""Cases of kernels/layers.py."""

import numpy as np
import shadow
from cases import case, from_bits, integers, numbers, philox, whole
from ptx import request
from shadow import U32, Shadow, check


@case(
    request(
        "layers",
        "layernorm_backward",
        "*fp16 *fp16 *fp16 *fp32 *fp32 *fp16 *fp32 *fp32 *i32 i32",
        G=2,
        BLOCK=256,
    ),
    request("layers", "column_sums", "*fp32 *fp32 i32 i32", BM=16, BN=64),
)
def layernorm_backward(k, sums, how):
    rows, n = 7, 200
    x, dy, w = numbers(1, rows, n, dtype="f16"), numbers(2, rows, n, dtype="f16"), numbers(3, n, dtype="f16")
    mean = x.astype(np.float64).mean(1).astype(np.float32)
    rstd = (1 / x.astype(np.float64).std(1)).astype(np.float32)
    dx, dw, db, locks = (
        np.zeros_like(x),
        np.zeros((2, n), np.float32),
        np.zeros((2, n), np.float32),
        np.zeros(4, np.int32),
    )
    k(rows, x, dy, w, mean, rstd, dx, dw, db, locks, n, **how)
    h = (Shadow(x) - mean[:, None].astype(np.float64)) * rstd[:, None].astype(np.float64)
    g = Shadow(dy) * w[None, :]
    c1, c2 = (h * g).sum(1) / float(n), g.sum(1) / float(n)
    check(dx, (g - (h * c1[:, None] + c2[:, None])) * rstd[:, None].astype(np.float64), "f16")
    assert locks.tolist() == [0, 0, 1, 1]
    total_w, total_b = np.zeros(n, np.float32), np.zeros(n, np.float32)
    sums(-(-n // 64), dw, total_w, 2, n, **how)
    sums(-(-n // 64), db, total_b, 2, n, **how)
    check(total_w, (h * dy).sum(0))
    check(total_b, Shadow(dy).sum(0))


@case(request("layers", "rmsnorm", "*bf16 *bf16 *bf16 i32 fp32", BLOCK=512))
def rmsnorm(k, how):
    rows, n = 4, 300
    x, w = numbers(1, rows, n, dtype="bf16"), numbers(2, n, dtype="bf16")
    y = np.zeros_like(x)
    k(rows, x, w, y, n, 1e-6, **how)
    xv, wv = Shadow(from_bits(x, "bf16")), from_bits(w, "bf16")
    s = (xv * xv).sum(1) / float(n) + Shadow(1e-6, 1e-13)
    r = Shadow(1 / np.sqrt(s.v), s.e / s.v / np.sqrt(s.v) + 2.0**-22 / np.sqrt(s.v))  # rsqrt.approx: 2**-22.9
    check(from_bits(y, "bf16"), xv * r[:, None] * wv[None, :], "bf16")


@case(request("layers", "cross_entropy", "*fp32 *i32 *fp32 i32", BLOCK=128), name="cross_entropy")
@case(
    request("layers", "cross_entropy", "*fp32 *i64 *fp32 i32", BLOCK=512, warps=8),
    labels=np.int64,
    name="cross_entropy_8_warps",
)
def cross_entropy(k, how, labels=np.int32):
    rows, n = 3, 450
    x = numbers(1, rows, n) * 2
    x[1, -1] = x[2, 0] = 200  # a maximum that is missed makes infinities of these
    label = integers(2, 0, n - 1, rows, dtype=labels)
    given, loss = x.copy(), np.zeros(rows, np.float32)
    k(rows, given, label, loss, n, **how)
    top = x.max(1, keepdims=True)
    e = shadow.exp(Shadow(x) - top)
    e = Shadow(e.v, e.e + 8 * 5 * U32 * e.v)  # rescaled at each of at most eight blocks
    total = e.sum(1)
    check(given, e / total[:, None] - (np.arange(n)[None, :] == label[:, None]))
    log = Shadow(np.log(total.v), total.e / total.v + 4 * U32 * np.abs(np.log(total.v)))
    check(loss, log + top[:, 0] - x[np.arange(rows), label])


@case(
    request("layers", "convolution", "*fp16 *fp16 *fp32 i32 i32", C=16, F=32, R=3, BP=64), name="convolution"
)
@case(
    request("layers", "convolution", "*fp16 *fp16 *fp32 i32 i32", C=32, F=16, R=5, BP=32, warps=2),
    c=32,
    f=16,
    r=5,
    bp=32,
    name="convolution_5x5",
)
def convolution(k, how, c=16, f=32, r=3, bp=64):
    h, w = 9, 11
    x, weight = whole(1, 3, h, w, c, dtype="f16"), whole(2, 3, r, r, c, f, dtype="f16")
    y = np.zeros((h, w, f), np.float32)
    k(-(-h * w // bp), x, weight, y, h, w, **how)
    padded = np.pad(x.astype(np.float64), ((r // 2, r // 2), (r // 2, r // 2), (0, 0)))
    expected = sum(
        padded[i : i + h, j : j + w] @ weight[i, j].astype(np.float64) for i in range(r) for j in range(r)
    )
    assert (y == expected).all()


@case(request("layers", "rotary", "*fp32 *fp32 *fp32", D=64, warps=1))
def rotary(k, how):
    rows, d = 6, 64
    x, angle = numbers(1, rows, d), numbers(2, rows, d // 2)
    cos, sin = np.cos(angle), np.sin(angle)
    y = x.copy()
    k(rows, y, cos, sin, **how)
    a, b = Shadow(x[:, :32]), Shadow(x[:, 32:])
    check(y[:, :32], a * cos - b * sin)
    check(y[:, 32:], b * cos + a * sin)


@case(request("layers", "embedding", "*i64 *fp16 *fp16", D=64, BLOCK=16))
def embedding(k, how):
    i, table = integers(1, 0, 99, 48, dtype=np.int64), numbers(2, 100, 64, dtype="f16")
    o = np.zeros((48, 64), np.float16)
    k(3, i, table, o, **how)
    assert (o == table[i]).all()


@case(request("layers", "random_numbers", "*fp32 *fp32 *i32 i32", BLOCK=128))
def random_numbers(k, how):
    n, seed = 384, 77
    u, g, i = np.zeros(n, np.float32), np.zeros(n, np.float32), np.zeros((n, 4), np.int32)
    k(3, u, g, i, seed, **how)
    words = philox(seed, np.arange(n), 4)
    assert (i.view(np.uint32) == np.stack(words, 1)).all()
    to_uniform = lambda b: np.where(b < 0, -b - 1, b).astype(np.float32) * np.float32(4.6566127342e-10)
    u1, u2 = to_uniform(words[0].view(np.int32)), to_uniform(words[1].view(np.int32))
    assert (u == u1).all()
    # Box and Muller: sqrt(-2 log u1) cos(2 pi u2); log and cos are good to a few ulp.
    u1 = np.maximum(1e-7, u1).astype(np.float64)
    radius = np.sqrt(-2 * np.log(u1))
    turn = 6.283185307179586 * u2.astype(np.float64)
    error = 8 * U32 * (radius + turn * radius + 1 / np.maximum(radius, 1e-3))
    check(g, Shadow(radius * np.cos(turn), error))


@case(request("layers", "adam", "*fp32 *fp32 *fp32 *fp32 i32 fp32 fp32 fp32 fp32", BLOCK=256))
def adam(k, how):
    n = 600
    p, g, m, v = numbers(1, n), numbers(2, n), numbers(3, n), numbers(4, n) ** 2
    p0, m0, v0 = Shadow(p), Shadow(m), Shadow(v)
    k(3, p, g, m, v, n, 0.01, 0.9, 0.99, 1e-8, **how)
    b1, b2, rate = (Shadow(np.float32(c)) for c in (0.9, 0.99, 0.01))
    m1 = b1 * m0 + (1 - b1) * g
    v1 = b2 * v0 + (1 - b2) * g * g
    check(m, m1)
    check(v, v1)
    check(p, p0 - rate * m1 / (shadow.sqrt(v1) + Shadow(1e-8, 1e-15)))


@case(request("layers", "selective_scan", "*fp32 *fp32 *fp32 *fp32 *fp32 i32", D=32, S=16))
def selective_scan(k, how):
    length, d, s = 20, 32, 16
    x, a, b, c = (
        numbers(1, length, d),
        -np.abs(numbers(2, d, s)),
        numbers(3, length, s),
        numbers(4, length, s),
    )
    y = np.zeros((length, d), np.float32)
    k(1, x, a, b, c, y, length, **how)
    h, decay, rows = Shadow(np.zeros((d, s))), shadow.exp(a), []
    for t in range(length):
        h = decay * h + Shadow(x[t])[:, None] * b[t][None, :]
        rows.append((h * c[t][None, :]).sum(1))
    check(y, Shadow(np.stack([r.v for r in rows]), np.stack([r.e for r in rows])))
