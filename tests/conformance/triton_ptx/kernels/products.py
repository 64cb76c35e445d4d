"""Products of matrices: by type, by operand order, grouped, persistent, with K split, and dequantised on the way."""

import triton
import triton.language as tl


@triton.jit
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
    ACC: tl.constexpr,
    PRECISION: tl.constexpr,
):
    pm, pn = tl.program_id(0), tl.program_id(1)
    rm, rn, rk = pm * BM + tl.arange(0, BM), pn * BN + tl.arange(0, BN), tl.arange(0, BK)
    a = a_ptr + rm[:, None] * sam + rk[None, :] * sak
    b = b_ptr + rk[:, None] * sbk + rn[None, :] * sbn
    acc = tl.zeros((BM, BN), ACC)
    for k in range(0, K, BK):
        x = tl.load(a, mask=(rm[:, None] < M) & (rk[None, :] < K - k), other=0.0)
        y = tl.load(b, mask=(rk[:, None] < K - k) & (rn[None, :] < N), other=0.0)
        acc = tl.dot(x, y, acc, input_precision=PRECISION, out_dtype=ACC)
        a += BK * sak
        b += BK * sbk
    tl.store(
        c_ptr + rm[:, None] * scm + rn[None, :] * scn,
        acc.to(c_ptr.dtype.element_ty),
        mask=(rm[:, None] < M) & (rn[None, :] < N),
    )


@triton.jit
def whole(
    a_ptr,
    b_ptr,
    c_ptr,
    lda,
    ldb,
    ldc,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    STEPS: tl.constexpr,
):
    """No masks: what the pipeliner likes best."""
    pm, pn = tl.program_id(0), tl.program_id(1)
    rm, rn, rk = pm * BM + tl.arange(0, BM), pn * BN + tl.arange(0, BN), tl.arange(0, BK)
    a = a_ptr + rm[:, None] * lda + rk[None, :]
    b = b_ptr + rk[:, None] * ldb + rn[None, :]
    acc = tl.zeros((BM, BN), tl.float32)
    for _ in range(STEPS):
        acc = tl.dot(tl.load(a), tl.load(b), acc)
        a += BK
        b += BK * ldb
    tl.store(c_ptr + rm[:, None] * ldc + rn[None, :], acc.to(c_ptr.dtype.element_ty))


@triton.jit
def persistent(
    a_ptr,
    b_ptr,
    c_ptr,
    M,
    N,
    K,
    PROGRAMS,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    G: tl.constexpr,
):
    """Fewer programs than tiles; tiles in groups of G rows."""
    nm, nn = tl.cdiv(M, BM), tl.cdiv(N, BN)
    rk = tl.arange(0, BK)
    for tile in range(tl.program_id(0), nm * nn, PROGRAMS):
        group = tile // (G * nn)
        first = group * G
        size = min(nm - first, G)
        pm = first + (tile % (G * nn)) % size
        pn = (tile % (G * nn)) // size
        rm, rn = pm * BM + tl.arange(0, BM), pn * BN + tl.arange(0, BN)
        acc = tl.zeros((BM, BN), tl.float32)
        for k in range(0, K, BK):
            x = tl.load(
                a_ptr + rm[:, None] * K + (k + rk)[None, :],
                mask=(rm[:, None] < M) & ((k + rk)[None, :] < K),
                other=0.0,
            )
            y = tl.load(
                b_ptr + (k + rk)[:, None] * N + rn[None, :],
                mask=((k + rk)[:, None] < K) & (rn[None, :] < N),
                other=0.0,
            )
            acc = tl.dot(x, y, acc)
        tl.store(
            c_ptr + rm[:, None] * N + rn[None, :],
            acc.to(tl.float16),
            mask=(rm[:, None] < M) & (rn[None, :] < N),
        )


@triton.jit
def flattened(a_ptr, b_ptr, c_ptr, M, N, K, PROGRAMS, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    """Persistent, tiles and steps along K in one loop."""
    nm, nn = tl.cdiv(M, BM), tl.cdiv(N, BN)
    rk = tl.arange(0, BK)
    for tile in tl.range(tl.program_id(0), nm * nn, PROGRAMS, flatten=True):
        pm, pn = tile // nn, tile % nn
        rm, rn = pm * BM + tl.arange(0, BM), pn * BN + tl.arange(0, BN)
        acc = tl.zeros((BM, BN), tl.float32)
        for k in range(0, K, BK):
            x = tl.load(
                a_ptr + rm[:, None] * K + (k + rk)[None, :],
                mask=(rm[:, None] < M) & ((k + rk)[None, :] < K),
                other=0.0,
            )
            y = tl.load(
                b_ptr + (k + rk)[:, None] * N + rn[None, :],
                mask=((k + rk)[:, None] < K) & (rn[None, :] < N),
                other=0.0,
            )
            acc = tl.dot(x, y, acc)
        tl.store(
            c_ptr + rm[:, None] * N + rn[None, :],
            acc.to(tl.float16),
            mask=(rm[:, None] < M) & (rn[None, :] < N),
        )


@triton.jit
def split_k(
    a_ptr, b_ptr, c_ptr, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, SPLIT: tl.constexpr
):
    """Programs share an output tile and add to it."""
    pm, pn, pk = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    rm, rn, rk = pm * BM + tl.arange(0, BM), pn * BN + tl.arange(0, BN), tl.arange(0, BK)
    acc = tl.zeros((BM, BN), tl.float32)
    for k in range(pk * BK, K, BK * SPLIT):
        x = tl.load(
            a_ptr + rm[:, None] * K + (k + rk)[None, :],
            mask=(rm[:, None] < M) & ((k + rk)[None, :] < K),
            other=0.0,
        )
        y = tl.load(
            b_ptr + (k + rk)[:, None] * N + rn[None, :],
            mask=((k + rk)[:, None] < K) & (rn[None, :] < N),
            other=0.0,
        )
        acc = tl.dot(x, y, acc)
    tl.atomic_add(c_ptr + rm[:, None] * N + rn[None, :], acc, mask=(rm[:, None] < M) & (rn[None, :] < N))


@triton.jit
def stream_k(
    a_ptr,
    b_ptr,
    c_ptr,
    partial,
    flags,
    M,
    N,
    K,
    PROGRAMS,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
):
    """Every program takes an equal run of steps along K over all tiles. Who begins a tile finishes it, and waits for
    the partial sums of those who have its later steps."""
    pid = tl.program_id(0)
    nn, nk = tl.cdiv(N, BN), tl.cdiv(K, BK)
    steps = tl.cdiv(M, BM) * nn * nk
    per = tl.cdiv(steps, PROGRAMS)
    at = pid * per
    end = min(at + per, steps)
    rk = tl.arange(0, BK)
    inside = tl.arange(0, BM)[:, None] * BN + tl.arange(0, BN)[None, :]
    while at < end:
        tile = at // nk
        stop = min((tile + 1) * nk, end)
        rm, rn = tile // nn * BM + tl.arange(0, BM), tile % nn * BN + tl.arange(0, BN)
        acc = tl.zeros((BM, BN), tl.float32)
        for s in range(at - tile * nk, stop - tile * nk):
            k = s * BK + rk
            x = tl.load(
                a_ptr + rm[:, None] * K + k[None, :], mask=(rm[:, None] < M) & (k[None, :] < K), other=0.0
            )
            y = tl.load(
                b_ptr + k[:, None] * N + rn[None, :], mask=(k[:, None] < K) & (rn[None, :] < N), other=0.0
            )
            acc = tl.dot(x, y, acc)
        if at == tile * nk:
            seen = stop
            other = pid + 1
            while seen < (tile + 1) * nk:
                while tl.atomic_cas(flags + other, 1, 1, sem="acquire") != 1:
                    pass
                acc += tl.load(partial + other * BM * BN + inside, cache_modifier=".cg")
                seen = min((other + 1) * per, steps)
                other += 1
            tl.store(
                c_ptr + rm[:, None] * N + rn[None, :],
                acc.to(tl.float16),
                mask=(rm[:, None] < M) & (rn[None, :] < N),
            )
        else:
            tl.store(partial + pid * BM * BN + inside, acc)
            tl.debug_barrier()
            tl.atomic_xchg(flags + pid, 1, sem="release")
        at = stop


@triton.jit
def batched(a_ptr, b_ptr, c_ptr, B: tl.constexpr, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    """A dot of three dimensions."""
    b = tl.arange(0, B)[:, None, None]
    x = tl.load(a_ptr + b * M * K + tl.arange(0, M)[None, :, None] * K + tl.arange(0, K)[None, None, :])
    y = tl.load(b_ptr + b * K * N + tl.arange(0, K)[None, :, None] * N + tl.arange(0, N)[None, None, :])
    tl.store(
        c_ptr + b * M * N + tl.arange(0, M)[None, :, None] * N + tl.arange(0, N)[None, None, :], tl.dot(x, y)
    )


@triton.jit
def chained(a_ptr, b_ptr, c_ptr, o_ptr, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, T: tl.constexpr):
    """(a @ b) @ c, the transposed of one operand, and a row sum on the way."""
    m, n, k, t = tl.arange(0, M), tl.arange(0, N), tl.arange(0, K), tl.arange(0, T)
    x = tl.load(a_ptr + m[:, None] * K + k[None, :])
    y = tl.load(b_ptr + n[:, None] * K + k[None, :])
    p = tl.dot(x, tl.trans(y))
    p = p - tl.sum(p, 1)[:, None] / N
    z = tl.load(c_ptr + n[:, None] * T + t[None, :])
    tl.store(o_ptr + m[:, None] * T + t[None, :], tl.dot(p.to(tl.float16), z))


@triton.jit
def dequantised(a_ptr, q_ptr, s_ptr, c_ptr, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    """Weights of four bits, eight in a word along K, with a scale a column."""
    pm, pn = tl.program_id(0), tl.program_id(1)
    rm, rn, rk = pm * BM + tl.arange(0, BM), pn * BN + tl.arange(0, BN), tl.arange(0, BK)
    scale = tl.load(s_ptr + rn)
    acc = tl.zeros((BM, BN), tl.float32)
    for k in range(0, K, BK):
        x = tl.load(a_ptr + rm[:, None] * K + (k + rk)[None, :])
        q = tl.load(q_ptr + ((k + rk) // 8)[:, None] * N + rn[None, :])
        w = ((q >> (((k + rk) % 8) * 4)[:, None]) & 15) - 8
        acc = tl.dot(x, w.to(tl.float16), acc)
    tl.store(c_ptr + rm[:, None] * N + rn[None, :], (acc * scale[None, :]).to(tl.float16))


@triton.jit
def scaled(
    a_ptr,
    as_ptr,
    b_ptr,
    bs_ptr,
    c_ptr,
    M: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    AF: tl.constexpr,
    BF: tl.constexpr,
    AP: tl.constexpr,
    BP: tl.constexpr,
):
    """Microscaling formats: a power of two for each 32 elements along K."""
    m, n, s = tl.arange(0, M), tl.arange(0, N), tl.arange(0, K // 32)
    ka, kb = tl.arange(0, K // AP), tl.arange(0, K // BP)
    a = tl.load(a_ptr + m[:, None] * (K // AP) + ka[None, :])
    b = tl.load(b_ptr + kb[:, None] * N + n[None, :])
    sa = tl.load(as_ptr + m[:, None] * (K // 32) + s[None, :])
    sb = tl.load(bs_ptr + n[:, None] * (K // 32) + s[None, :])
    tl.store(c_ptr + m[:, None] * N + n[None, :], tl.dot_scaled(a, sa, AF, b, sb, BF))


@triton.jit
def descriptors(a_ptr, b_ptr, c_ptr, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    """Tensor descriptors, which become pointers and masks before sm_90."""
    a = tl.make_tensor_descriptor(a_ptr, [M, K], [K, 1], [BM, BK])
    b = tl.make_tensor_descriptor(b_ptr, [K, N], [N, 1], [BK, BN])
    c = tl.make_tensor_descriptor(c_ptr, [M, N], [N, 1], [BM, BN])
    pm, pn = tl.program_id(0) * BM, tl.program_id(1) * BN
    acc = tl.zeros((BM, BN), tl.float32)
    for k in range(0, K, BK):
        acc = tl.dot(a.load([pm, k]), b.load([k, pn]), acc)
    c.store([pm, pn], acc.to(tl.float16))


@triton.jit
def grouped(
    a_ptrs, b_ptrs, c_ptrs, sizes, GROUPS, PROGRAMS, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    """Products of unlike sizes, given by arrays of pointers, in one launch."""
    tile = tl.program_id(0)
    done = 0
    for g in range(GROUPS):
        m, n, k = tl.load(sizes + 3 * g), tl.load(sizes + 3 * g + 1), tl.load(sizes + 3 * g + 2)
        nn = tl.cdiv(n, BN)
        tiles = tl.cdiv(m, BM) * nn
        while tile >= done and tile < done + tiles:
            a = tl.load(a_ptrs + g).to(tl.pointer_type(tl.float16))
            b = tl.load(b_ptrs + g).to(tl.pointer_type(tl.float16))
            c = tl.load(c_ptrs + g).to(tl.pointer_type(tl.float16))
            rm, rn = (tile - done) // nn * BM + tl.arange(0, BM), (tile - done) % nn * BN + tl.arange(0, BN)
            acc = tl.zeros((BM, BN), tl.float32)
            for at in range(0, k, BK):
                rk = at + tl.arange(0, BK)
                x = tl.load(
                    a + rm[:, None] * k + rk[None, :], mask=(rm[:, None] < m) & (rk[None, :] < k), other=0.0
                )
                y = tl.load(
                    b + rk[:, None] * n + rn[None, :], mask=(rk[:, None] < k) & (rn[None, :] < n), other=0.0
                )
                acc = tl.dot(x, y, acc)
            tl.store(
                c + rm[:, None] * n + rn[None, :],
                acc.to(tl.float16),
                mask=(rm[:, None] < m) & (rn[None, :] < n),
            )
            tile += PROGRAMS
        done += tiles


@triton.jit
def vector(a_ptr, x_ptr, y_ptr, M, N, BM: tl.constexpr, BN: tl.constexpr):
    """Matrix times vector without a dot."""
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    acc = tl.zeros((BM,), tl.float32)
    for n in range(0, N, BN):
        rn = n + tl.arange(0, BN)
        a = tl.load(
            a_ptr + rm[:, None] * N + rn[None, :], mask=(rm[:, None] < M) & (rn[None, :] < N), other=0.0
        )
        acc += tl.sum(
            a.to(tl.float32) * tl.load(x_ptr + rn, mask=rn < N, other=0.0).to(tl.float32)[None, :], 1
        )
    tl.store(y_ptr + rm, acc, mask=rm < M)
