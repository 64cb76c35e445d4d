"""Layers of networks: normalisation there and back, loss, convolution, rotary embedding, recurrences, random numbers."""

import triton
import triton.language as tl


@triton.jit
def layernorm_backward(
    x_ptr,
    dy_ptr,
    w_ptr,
    mean_ptr,
    rstd_ptr,
    dx_ptr,
    dw_ptr,
    db_ptr,
    locks,
    n,
    G: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """dw and db are sums over rows: programs add to one of G buffers, each under a lock; the first one to come stores."""
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    m = c < n
    x = tl.load(x_ptr + row * n + c, mask=m, other=0.0).to(tl.float32)
    dy = tl.load(dy_ptr + row * n + c, mask=m, other=0.0).to(tl.float32)
    w = tl.load(w_ptr + c, mask=m, other=0.0).to(tl.float32)
    mean, rstd = tl.load(mean_ptr + row), tl.load(rstd_ptr + row)
    h = tl.where(m, (x - mean) * rstd, 0.0)
    g = tl.where(m, w * dy, 0.0)
    c1 = tl.sum(h * g, 0) / n
    c2 = tl.sum(g, 0) / n
    tl.store(dx_ptr + row * n + c, ((g - (h * c1 + c2)) * rstd).to(dx_ptr.dtype.element_ty), mask=m)
    buffer = row % G
    lock, count = locks + buffer, locks + G + buffer
    dw, db = dw_ptr + buffer * n + c, db_ptr + buffer * n + c
    while tl.atomic_cas(lock, 0, 1) == 1:
        pass
    pw, pb = dy * h, dy
    if tl.load(count) == 0:
        tl.atomic_xchg(count, 1)
    else:
        pw += tl.load(dw, mask=m)
        pb += tl.load(db, mask=m)
    tl.store(dw, pw, mask=m)
    tl.store(db, pb, mask=m)
    tl.debug_barrier()
    tl.atomic_xchg(lock, 0)


@triton.jit
def column_sums(x_ptr, o_ptr, rows, n, BM: tl.constexpr, BN: tl.constexpr):
    c = tl.program_id(0) * BN + tl.arange(0, BN)
    acc = tl.zeros((BM, BN), tl.float32)
    for r in range(0, rows, BM):
        rm = r + tl.arange(0, BM)
        acc += tl.load(
            x_ptr + rm[:, None] * n + c[None, :], mask=(rm[:, None] < rows) & (c[None, :] < n), other=0.0
        )
    tl.store(o_ptr + c, tl.sum(acc, 0), mask=c < n)


@triton.jit
def rmsnorm(x_ptr, w_ptr, y_ptr, n, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * n + c, mask=c < n, other=0.0).to(tl.float32)
    r = tl.rsqrt(tl.sum(x * x, 0) / n + eps)
    tl.store(
        y_ptr + row * n + c,
        (x * r * tl.load(w_ptr + c, mask=c < n, other=0.0)).to(y_ptr.dtype.element_ty),
        mask=c < n,
    )


@triton.jit
def cross_entropy(x_ptr, label_ptr, loss_ptr, n, BLOCK: tl.constexpr):
    """Rows longer than a block, in one pass; the gradient overwrites the row."""
    row = tl.program_id(0)
    x_ptr += row * n
    label = tl.load(label_ptr + row)
    at_label = tl.load(x_ptr + label)
    top = -float("inf")
    total = 0.0
    for at in range(0, n, BLOCK):
        c = at + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + c, mask=c < n, other=-float("inf"))
        new = tl.maximum(top, tl.max(x, 0))
        total = total * tl.exp(top - new) + tl.sum(tl.exp(x - new), 0)
        top = new
    tl.store(loss_ptr + row, tl.log(total) + top - at_label)
    tl.debug_barrier()
    for at in range(0, n, BLOCK):
        c = at + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + c, mask=c < n, other=-float("inf"))
        tl.store(x_ptr + c, tl.exp(x - top) / total - (c == label).to(tl.float32), mask=c < n)


@triton.jit
def convolution(
    x_ptr, w_ptr, y_ptr, H, W, C: tl.constexpr, F: tl.constexpr, R: tl.constexpr, BP: tl.constexpr
):
    """2-d, stride 1, zeros around; channels last; as a product of matrices per tap."""
    p = tl.program_id(0) * BP + tl.arange(0, BP)
    oh, ow = p // W, p % W
    c, f = tl.arange(0, C), tl.arange(0, F)
    acc = tl.zeros((BP, F), tl.float32)
    for tap in range(R * R):
        ih, iw = oh + tap // R - R // 2, ow + tap % R - R // 2
        inside = (p < H * W) & (ih >= 0) & (ih < H) & (iw >= 0) & (iw < W)
        x = tl.load(x_ptr + (ih * W + iw)[:, None] * C + c[None, :], mask=inside[:, None], other=0.0)
        w = tl.load(w_ptr + tap * C * F + c[:, None] * F + f[None, :])
        acc = tl.dot(x, w, acc)
    tl.store(y_ptr + p[:, None] * F + f[None, :], acc, mask=(p < H * W)[:, None])


@triton.jit
def rotary(x_ptr, cos_ptr, sin_ptr, D: tl.constexpr):
    """In place."""
    row = tl.program_id(0)
    half: tl.constexpr = D // 2
    c = tl.arange(0, half)
    a, b = tl.load(x_ptr + row * D + c), tl.load(x_ptr + row * D + half + c)
    s, k = tl.load(sin_ptr + row * half + c), tl.load(cos_ptr + row * half + c)
    tl.store(x_ptr + row * D + c, a * k - b * s)
    tl.store(x_ptr + row * D + half + c, b * k + a * s)


@triton.jit
def embedding(i_ptr, table_ptr, o_ptr, D: tl.constexpr, BLOCK: tl.constexpr):
    t = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    d = tl.arange(0, D)
    i = tl.load(i_ptr + t)
    tl.store(o_ptr + t[:, None] * D + d[None, :], tl.load(table_ptr + i[:, None] * D + d[None, :]))


@triton.jit
def random_numbers(u_ptr, n_ptr, i_ptr, seed, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(u_ptr + c, tl.rand(seed, c))
    tl.store(n_ptr + c, tl.randn(seed, c))
    a, b, d, e = tl.randint4x(seed, c)
    tl.store(i_ptr + 4 * c, a)
    tl.store(i_ptr + 4 * c + 1, b)
    tl.store(i_ptr + 4 * c + 2, d)
    tl.store(i_ptr + 4 * c + 3, e)


@triton.jit
def adam(p_ptr, g_ptr, m_ptr, v_ptr, n, rate, b1, b2, eps, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    k = c < n
    g = tl.load(g_ptr + c, mask=k)
    m = b1 * tl.load(m_ptr + c, mask=k) + (1 - b1) * g
    v = b2 * tl.load(v_ptr + c, mask=k) + (1 - b2) * g * g
    tl.store(m_ptr + c, m, mask=k)
    tl.store(v_ptr + c, v, mask=k)
    tl.store(p_ptr + c, tl.load(p_ptr + c, mask=k) - rate * m / (tl.sqrt(v) + eps), mask=k)


@triton.jit
def selective_scan(x_ptr, a_ptr, b_ptr, c_ptr, y_ptr, L, D: tl.constexpr, S: tl.constexpr):
    """A state of S numbers for each of D channels, step by step: h = exp(a) h + b x, y = c h."""
    d, s = tl.arange(0, D), tl.arange(0, S)
    a = tl.exp(tl.load(a_ptr + d[:, None] * S + s[None, :]))
    h = tl.zeros((D, S), tl.float32)
    for t in range(L):
        x = tl.load(x_ptr + t * D + d)
        h = a * h + x[:, None] * tl.load(b_ptr + t * S + s)[None, :]
        tl.store(y_ptr + t * D + d, tl.sum(h * tl.load(c_ptr + t * S + s)[None, :], 1))
