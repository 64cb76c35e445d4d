"""Element by element: functions, conversions, integers, flow, printing, assertions, inline assembly."""

import triton
import triton.language as tl
from triton.language.extra import libdevice


@triton.jit
def functions(x_ptr, o_ptr, n: tl.constexpr):
    c = tl.arange(0, n)
    x = tl.load(x_ptr + c)
    tl.store(o_ptr + c, tl.exp(x))
    tl.store(o_ptr + n + c, tl.exp2(x))
    tl.store(o_ptr + 2 * n + c, tl.log(tl.abs(x) + 0.125))
    tl.store(o_ptr + 3 * n + c, tl.log2(tl.abs(x) + 0.125))
    tl.store(o_ptr + 4 * n + c, tl.sin(x))
    tl.store(o_ptr + 5 * n + c, tl.cos(x))
    tl.store(o_ptr + 6 * n + c, tl.sqrt(tl.abs(x)))
    tl.store(o_ptr + 7 * n + c, tl.sqrt_rn(tl.abs(x)))
    tl.store(o_ptr + 8 * n + c, tl.rsqrt(tl.abs(x) + 0.125))
    tl.store(o_ptr + 9 * n + c, tl.erf(x))
    tl.store(o_ptr + 10 * n + c, tl.floor(x) + 8 * tl.ceil(x))
    tl.store(o_ptr + 11 * n + c, tl.div_rn(x, tl.abs(x) + 0.5))
    tl.store(o_ptr + 12 * n + c, tl.sigmoid(x))
    tl.store(o_ptr + 13 * n + c, libdevice.tanh(x))
    tl.store(o_ptr + 14 * n + c, libdevice.pow(tl.abs(x), 1.75))
    tl.store(o_ptr + 15 * n + c, libdevice.atan2(x, 0.75 + x * x))
    tl.store(o_ptr + 16 * n + c, libdevice.lgamma(tl.abs(x) + 0.5))
    tl.store(o_ptr + 17 * n + c, libdevice.log1p(tl.abs(x)))
    tl.store(o_ptr + 18 * n + c, libdevice.expm1(x))
    tl.store(o_ptr + 19 * n + c, libdevice.cbrt(x))
    tl.store(o_ptr + 20 * n + c, tl.fma(x, x, x))
    tl.store(o_ptr + 21 * n + c, tl.clamp(x, -1.0, 1.0))


@triton.jit
def doubles(x_ptr, o_ptr, n: tl.constexpr):
    c = tl.arange(0, n)
    x = tl.load(x_ptr + c)
    tl.store(o_ptr + c, libdevice.exp(x))
    tl.store(o_ptr + n + c, libdevice.log(tl.abs(x) + 0.125))
    tl.store(o_ptr + 2 * n + c, libdevice.sin(x))
    tl.store(o_ptr + 3 * n + c, tl.sqrt(tl.abs(x)))
    tl.store(o_ptr + 4 * n + c, x / (1.0 + x * x))
    tl.store(o_ptr + 5 * n + c, libdevice.erf(x))
    tl.store(o_ptr + 6 * n + c, libdevice.tgamma(tl.abs(x) + 0.5))


@triton.jit
def cast(x_ptr, o_ptr, n, BLOCK: tl.constexpr, ROUND: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + c, mask=c < n)
    tl.store(o_ptr + c, x.to(o_ptr.dtype.element_ty, fp_downcast_rounding=ROUND), mask=c < n)


@triton.jit
def integers(x_ptr, y_ptr, o_ptr, n: tl.constexpr):
    """All of one type; division truncates, y is never 0."""
    c = tl.arange(0, n)
    x, y = tl.load(x_ptr + c), tl.load(y_ptr + c)
    s = (y & 7).to(x.dtype)
    tl.store(o_ptr + c, x + y)
    tl.store(o_ptr + n + c, x - y)
    tl.store(o_ptr + 2 * n + c, x * y)
    tl.store(o_ptr + 3 * n + c, x // y)
    tl.store(o_ptr + 4 * n + c, x % y)
    tl.store(o_ptr + 5 * n + c, x & y)
    tl.store(o_ptr + 6 * n + c, x | y)
    tl.store(o_ptr + 7 * n + c, x ^ y)
    tl.store(o_ptr + 8 * n + c, x << s)
    tl.store(o_ptr + 9 * n + c, x >> s)
    tl.store(o_ptr + 10 * n + c, tl.minimum(x, y))
    tl.store(o_ptr + 11 * n + c, tl.maximum(x, y))
    tl.store(o_ptr + 12 * n + c, (x < y).to(x.dtype))
    tl.store(o_ptr + 13 * n + c, tl.where(x == y, x, ~y))


@triton.jit
def high_product(x_ptr, y_ptr, o_ptr, n: tl.constexpr):
    c = tl.arange(0, n)
    tl.store(o_ptr + c, tl.umulhi(tl.load(x_ptr + c), tl.load(y_ptr + c)))


@triton.jit
def mandelbrot(o_ptr, W, H, LIMIT, BLOCK: tl.constexpr):
    """Lanes leave a loop at unlike times."""
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    re, im = -2.0 + 3.0 * (c % W).to(tl.float32) / W, -1.0 + 2.0 * (c // W).to(tl.float32) / H
    zr, zi = tl.zeros([BLOCK], tl.float32), tl.zeros([BLOCK], tl.float32)
    count = tl.zeros([BLOCK], tl.int32)
    k = 0
    while (k < LIMIT) & (tl.max(tl.where(zr * zr + zi * zi < 4.0, 1, 0), 0) == 1):
        live = zr * zr + zi * zi < 4.0
        nr = zr * zr - zi * zi + re
        ni = 2.0 * zr * zi + im
        zr, zi = tl.where(live, nr, zr), tl.where(live, ni, zi)
        count += live.to(tl.int32)
        k += 1
    tl.store(o_ptr + c, count, mask=c < W * H)


@triton.jit
def collatz(x_ptr, o_ptr, n):
    """One number a program: a scalar loop of unknown length with branches."""
    pid = tl.program_id(0)
    x = tl.load(x_ptr + pid).to(tl.int64)
    steps = 0
    while x != 1:
        if x % 2 == 0:
            x = x // 2
        else:
            x = 3 * x + 1
        steps += 1
    tl.store(o_ptr + pid, steps)


@triton.jit
def printing(x_ptr, n: tl.constexpr):
    c = tl.arange(0, n)
    tl.device_print("x", tl.load(x_ptr + c), c)


@triton.jit
def asserting(x_ptr, o_ptr, limit, n: tl.constexpr):
    c = tl.arange(0, n)
    x = tl.load(x_ptr + c)
    tl.device_assert(x < limit, "too large")
    tl.store(o_ptr + c, x)


@triton.jit
def assembly(x_ptr, y_ptr, o_ptr, n: tl.constexpr):
    """Four bytes at a time: the absolute difference of bytes, by a video instruction; and a pair of results."""
    c = tl.arange(0, n)
    x, y = tl.load(x_ptr + c), tl.load(y_ptr + c)
    d = tl.inline_asm_elementwise(
        "vabsdiff4.u32.u32.u32.add $0, $1, $2, 0;", "=r,r,r", [x, y], dtype=tl.uint32, is_pure=True, pack=1
    )
    low, high = tl.inline_asm_elementwise(
        "and.b32 $0, $2, 0xffff; shr.u32 $1, $2, 16;",
        "=r,=r,r",
        [x],
        dtype=(tl.uint32, tl.uint32),
        is_pure=True,
        pack=1,
    )
    tl.store(o_ptr + c, d)
    tl.store(o_ptr + n + c, low)
    tl.store(o_ptr + 2 * n + c, high)


@triton.jit
def copy_2d(x_ptr, o_ptr, M, N, sx0, sx1, so0, so1, BM: tl.constexpr, BN: tl.constexpr):
    """With checks at the borders; also a transpose when the strides say so."""
    m, n = tl.program_id(0) * BM + tl.arange(0, BM), tl.program_id(1) * BN + tl.arange(0, BN)
    inside = (m[:, None] < M) & (n[None, :] < N)
    tl.store(
        o_ptr + m[:, None] * so0 + n[None, :] * so1,
        tl.load(x_ptr + m[:, None] * sx0 + n[None, :] * sx1, mask=inside),
        mask=inside,
    )


@triton.jit
def helper(x, k):
    return x * k + 1


@triton.jit(noinline=True)
def called(x, k):
    if x % 2 == 0:
        return x * k
    return x * k + helper(x, 2)


@triton.jit
def calls(x_ptr, o_ptr, N: tl.constexpr):
    """A device function that stays one, of scalars."""
    for i in range(N):
        x = tl.load(x_ptr + i)
        tl.store(o_ptr + i, called(x, 3) + called(x + 1, 5))
