"""Cases of kernels/products.py."""

import numpy as np
from cases import case, from_bits, integers, numbers, whole
from ptx import request
from shadow import Shadow, cast, check, dot

TRITON = {
    "f16": "fp16",
    "bf16": "bf16",
    "f32": "fp32",
    "f64": "fp64",
    "e4m3": "fp8e4nv",
    "e5m2": "fp8e5",
    "i8": "i8",
    "i32": "i32",
}
SUMS = {"f16": "@float16", "f32": "@float32", "f64": "@float64", "i32": "@int32"}


def product(a, b, c, **more):
    """A request for the kernel of all types; results are of the accumulator's type."""
    types = f"*{TRITON[a]} *{TRITON[b]} *{TRITON[c]}" + " i32" * 9
    given = {
        "BM": 32,
        "BN": 32,
        "BK": 32,
        "ACC": SUMS[c],
        "PRECISION": "ieee",
        "divisible": "a_ptr b_ptr c_ptr M N K sam sbk scm",
    }
    given |= {"sak": 1, "sbn": 1, "scn": 1} | more
    for name in ("sak", "sbk", "sbn", "sam", "scn", "scm"):
        if name in given and given[name] is None:
            del given[name]
    types = f"*{TRITON[a]} *{TRITON[b]} *{TRITON[c]}" + " i32" * (
        9 - sum(s in given for s in ("sak", "sbk", "sbn", "sam", "scn", "scm"))
    )
    return request("products", "matmul", types, **given)


def launch(k, how, a, b, c, shape, blocks, stride_b=None):
    m, n, key = shape
    strides = {"sam": key, "sak": 1, "sbk": n, "sbn": 1, "scm": n, "scn": 1} | (stride_b or {})
    left = [strides[s] for s in k.arguments if s in strides]
    k((-(-m // blocks[0]), -(-n // blocks[1])), a, b, c, m, n, key, *left, **how)


FP8 = ("e4m3", "e5m2")
FP8_CORE = (16, 13, 13)  # step, bits kept of addends, and of the sum


@case(product("f16", "f16", "f32"), a="f16", b="f16", name="dot_f16")
@case(product("f16", "f16", "f32", warps=1, stages=1), a="f16", b="f16", name="dot_f16_one_warp")
@case(
    product("f16", "f16", "f32", BM=64, BN=64, warps=8, stages=5),
    a="f16",
    b="f16",
    blocks=(64, 64),
    name="dot_f16_eight_warps",
)
@case(product("bf16", "bf16", "f32"), a="bf16", b="bf16", name="dot_bf16")
@case(product("f32", "f32", "f32"), a="f32", b="f32", name="dot_f32_ieee")
@case(product("f64", "f64", "f64"), a="f64", b="f64", c="f64", name="dot_f64")
@case(product("i8", "i8", "i32"), a="i8", b="i8", c="i32", archs=(80, 89), name="dot_i8")
@case(product("e5m2", "e5m2", "f32"), a="e5m2", b="e5m2", archs=(75, 80, 89), name="dot_e5m2")
@case(product("e4m3", "e4m3", "f32"), a="e4m3", b="e4m3", archs=(89,), name="dot_e4m3")
@case(product("e4m3", "e5m2", "f32"), a="e4m3", b="e5m2", archs=(89,), name="dot_e4m3_e5m2")
@case(product("f16", "f16", "f16"), a="f16", b="f16", c="f16", name="dot_f16_sums_f16")
def types(k, how, a, b, c="f32", blocks=(32, 32)):
    """Whole numbers bit for bit; then normal ones in the bound."""
    shape = (80, 48, 160)
    m, n, key = shape
    make = lambda s, dtype, *d: (
        integers(s, -9, 9, *d, dtype=np.int8) if dtype == "i8" else whole(s, 3, *d, dtype=dtype)
    )
    x, y = make(1, a, m, key), make(2, b, key, n)
    z = np.zeros(
        (m, n), np.int32 if c == "i32" else {"f16": np.float16, "f32": np.float32, "f64": np.float64}[c]
    )
    launch(k, how, x, y, z, shape, blocks)
    value = lambda v, dtype: v.astype(np.float64) if dtype == "i8" else from_bits(v, dtype)
    assert (z == value(x, a) @ value(y, b)).all()
    if c in ("i32", "f64", "f16"):
        return
    fp8 = a in FP8 and k.arch >= 89
    if fp8:
        key = 64
    x, y = numbers(1, m, key, dtype=a), numbers(2, key, n, dtype=b)
    launch(k, how, x, y, z, (m, n, key), blocks)
    # Before sm_89 fp8 becomes f16 first; the tensor core's own sums of fp8 are coarse, so the bound is no small part.
    step, kept, result = FP8_CORE if fp8 else (8, 24, 23)
    check(
        z,
        dot(from_bits(x, a), from_bits(y, b), step=step, kept=kept, result=result),
        share=0.05 if fp8 else 0.02,
    )


@case(product("f32", "f32", "f32", PRECISION="tf32"), precision="tf32", name="dot_tf32")
@case(product("f32", "f32", "f32", PRECISION="tf32x3"), precision="tf32x3", name="dot_tf32x3", archs=(80, 89))
@case(product("f32", "f32", "f32", PRECISION="bf16x3"), precision="bf16x3", name="dot_bf16x3", archs=(80, 89))
@case(product("f32", "f32", "f32", PRECISION="bf16x6"), precision="bf16x6", name="dot_bf16x6", archs=(80, 89))
def precision(k, how, precision):
    m, n, key = 80, 48, 160
    z = np.zeros((m, n), np.float32)
    # One product for each sum, of a number with all the bits that the parts hold and a power of two: exact, and wrong
    # if any of the parts is lost.
    bits = {"tf32": 11, "tf32x3": 22, "bf16x3": 16, "bf16x6": 24}[precision]
    full = lambda s, *d: (numbers(s, *d).view(np.uint32) & np.uint32(0x100000000 - (1 << (24 - bits)))).view(
        np.float32
    )
    powers = lambda s, *d: np.exp2(integers(s, -3, 3, *d).astype(np.float32))
    rows, columns = np.arange(m) * 7 % key, np.arange(n) * 11 % key
    sparse_x, sparse_y = np.zeros((m, key), np.float32), np.zeros((key, n), np.float32)
    sparse_x[np.arange(m), rows] = full(1, m)
    sparse_y[columns, np.arange(n)] = full(2, n)
    pairs = [(sparse_x, powers(3, key, n)), (powers(4, m, key), sparse_y)]
    if precision == "bf16x6":
        pairs.append(
            (
                np.where(sparse_x != 0, np.float32(1 + 2.0**-9), 0).astype(np.float32),
                np.full((key, n), 1 + 2.0**-9, np.float32),
            )
        )
    for x, y in pairs:
        launch(k, how, x, y, z, (m, n, key), (32, 32))
        assert (z == x.astype(np.float64) @ y.astype(np.float64)).all()
    x, y = numbers(1, m, key), numbers(2, key, n)
    launch(k, how, x, y, z, (m, n, key), (32, 32))
    # Operands are cut to 11 bits, or to the parts that two or three narrow numbers leave out; the hardware may cut
    # where it could round.
    lost = {"tf32": 2.0**-10, "tf32x3": 2.0**-20, "bf16x3": 2.0**-14, "bf16x6": 2.0**-20}[precision]
    parts = {"tf32": 1, "tf32x3": 3, "bf16x3": 3, "bf16x6": 6}[precision]
    expected = dot(Shadow(x, lost * np.abs(x)), Shadow(y, lost * np.abs(y)), step=4, inner=parts * key)
    check(z, expected)


@case(
    product("f16", "f16", "f32", sbk=1, sbn=None, divisible="a_ptr b_ptr c_ptr M N K sam sbn scm"),
    name="dot_columns",
    sbk=1,
)
@case(product("f16", "f16", "f32", divisible="a_ptr b_ptr c_ptr"), name="dot_odd", odd=True)
@case(
    product("f16", "f16", "f32", divisible="", sak=None, sbn=None, scn=None, stages=4),
    name="dot_no_promises",
    odd=True,
)
def strides(k, how, sbk=0, odd=False):
    m, n, key = (45, 39, 157) if odd else (64, 48, 160)
    x, y = whole(1, 3, m, key, dtype="f16"), whole(2, 3, key, n, dtype="f16")
    z = np.zeros((m, n), np.float32)
    given = np.ascontiguousarray(y.T) if sbk else y
    launch(k, how, x, given, z, (m, n, key), (32, 32), {"sbk": 1, "sbn": key} if sbk else None)
    assert (z == x.astype(np.float64) @ y.astype(np.float64)).all()


WHOLE = "*fp16 *fp16 *fp16 i32 i32 i32"
LD = "a_ptr b_ptr c_ptr lda ldb ldc"


@case(
    request("products", "whole", WHOLE, BM=64, BN=64, BK=32, STEPS=4, divisible=LD, stages=2),
    name="whole_2_stages",
)
@case(
    request("products", "whole", WHOLE, BM=64, BN=64, BK=32, STEPS=4, divisible=LD, stages=4),
    name="whole_4_stages",
)
@case(
    request("products", "whole", WHOLE, BM=64, BN=64, BK=32, STEPS=1, divisible=LD, stages=3),
    steps=1,
    name="whole_fewer_steps_than_stages",
)
@case(
    request("products", "whole", WHOLE, BM=128, BN=128, BK=32, STEPS=3, divisible=LD, warps=8),
    steps=3,
    blocks=(128, 128),
    name="whole_large",
)
@case(
    request("products", "whole", WHOLE, BM=16, BN=16, BK=64, STEPS=3, divisible=LD, warps=1),
    steps=3,
    blocks=(16, 16),
    bk=64,
    name="whole_one_warp",
)
def whole_tiles(k, how, steps=4, blocks=(64, 64), bk=32):
    m, n, key = 2 * blocks[0], 2 * blocks[1], bk * steps
    x, y = numbers(1, m, key, dtype="f16"), numbers(2, key, n, dtype="f16")
    z = np.zeros((m, n), np.float16)
    k((2, 2), x, y, z, key, n, n, **how)
    check(z, dot(x, y), "f16")


SIZES = "*fp16 *fp16 *fp16 i32 i32 i32 i32"


@case(
    request("products", "persistent", SIZES, BM=32, BN=32, BK=32, G=2, divisible="a_ptr b_ptr c_ptr"),
    name="persistent",
)
@case(
    request("products", "flattened", SIZES, BM=32, BN=32, BK=32, divisible="a_ptr b_ptr c_ptr"),
    name="persistent_flattened",
)
def persistent(k, how):
    m, n, key = 101, 130, 75
    x, y = numbers(1, m, key, dtype="f16"), numbers(2, key, n, dtype="f16")
    z = np.zeros((m, n), np.float16)
    k(3, x, y, z, m, n, key, 3, **how)
    check(z, dot(x, y), "f16")


@case(
    request(
        "products",
        "split_k",
        "*fp16 *fp16 *fp32 i32 i32 i32",
        BM=32,
        BN=32,
        BK=16,
        SPLIT=3,
        divisible="a_ptr b_ptr c_ptr",
    )
)
def split_k(k, how):
    m, n, key = 40, 50, 130
    x, y = numbers(1, m, key, dtype="f16"), numbers(2, key, n, dtype="f16")
    z = np.zeros((m, n), np.float32)
    k((2, 2, 3), x, y, z, m, n, key, **how)
    check(z, dot(x, y))


@case(
    request(
        "products",
        "stream_k",
        "*fp16 *fp16 *fp16 *fp32 *i32 i32 i32 i32 i32",
        BM=32,
        BN=32,
        BK=32,
        divisible="a_ptr b_ptr c_ptr partial flags",
    )
)
def stream_k(k, how):
    m, n, key, programs = 70, 90, 200, 5
    x, y = numbers(1, m, key, dtype="f16"), numbers(2, key, n, dtype="f16")
    z, partial, flags = (
        np.zeros((m, n), np.float16),
        np.zeros((programs, 32, 32), np.float32),
        np.zeros(programs, np.int32),
    )
    k(programs, x, y, z, partial, flags, m, n, key, programs, **how)
    check(z, dot(x, y), "f16")


@case(request("products", "batched", "*fp16 *fp16 *fp32", B=4, M=16, N=32, K=32))
def batched(k, how):
    x, y = numbers(1, 4, 16, 32, dtype="f16"), numbers(2, 4, 32, 32, dtype="f16")
    z = np.zeros((4, 16, 32), np.float32)
    k(1, x, y, z, **how)
    for i in range(4):
        check(z[i], dot(x[i], y[i]))


@case(request("products", "chained", "*fp16 *fp16 *fp16 *fp32", M=64, N=64, K=32, T=32), name="chained")
@case(
    request("products", "chained", "*fp16 *fp16 *fp16 *fp32", M=32, N=64, K=64, T=64, warps=8),
    sizes=(32, 64, 64, 64),
    name="chained_8_warps",
)
def chained(k, how, sizes=(64, 64, 32, 32)):
    m, n, key, t = sizes
    x, y, w = numbers(1, m, key, dtype="f16"), numbers(2, n, key, dtype="f16"), numbers(3, n, t, dtype="f16")
    z = np.zeros((m, t), np.float32)
    k(1, x, y, w, z, **how)
    p = dot(x, y.T)
    p = p - (p.sum(1) / float(n))[:, None]
    check(z, dot(cast(p, "f16"), w))


@case(
    request(
        "products",
        "dequantised",
        "*fp16 *i32 *fp32 *fp16 i32 i32 i32",
        BM=32,
        BN=32,
        BK=32,
        divisible="a_ptr q_ptr s_ptr c_ptr M N K",
    )
)
def dequantised(k, how):
    m, n, key = 32, 64, 96
    x, s = numbers(1, m, key, dtype="f16"), numbers(3, n)
    w = integers(2, -8, 7, key, n)
    q = np.zeros((key // 8, n), np.uint32)
    for j in range(8):
        q |= ((w[j::8] + 8).astype(np.uint32)) << np.uint32(4 * j)
    z = np.zeros((m, n), np.float16)
    k((1, 2), x, q.view(np.int32), s, z, m, n, key, **how)
    check(z, dot(x, w) * s[None, :], "f16")


# The values of e2m1 by their code
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6])
SCALED = "*{a} *u8 *{b} *u8 *fp32"


@case(
    request(
        "products",
        "scaled",
        SCALED.format(a="fp8e5", b="fp8e5"),
        M=32,
        N=32,
        K=64,
        AF="e5m2",
        BF="e5m2",
        AP=1,
        BP=1,
    ),
    a="e5m2",
    b="e5m2",
    name="scaled_e5m2",
)
@case(
    request(
        "products",
        "scaled",
        SCALED.format(a="u8", b="u8"),
        M=32,
        N=32,
        K=128,
        AF="e2m1",
        BF="e2m1",
        AP=2,
        BP=2,
    ),
    a="e2m1",
    b="e2m1",
    key=128,
    name="scaled_e2m1",
)
@case(
    request(
        "products",
        "scaled",
        SCALED.format(a="fp16", b="u8"),
        M=32,
        N=64,
        K=64,
        AF="fp16",
        BF="e2m1",
        AP=1,
        BP=2,
    ),
    a="f16",
    b="e2m1",
    n=64,
    name="scaled_f16_e2m1",
)
@case(
    request(
        "products",
        "scaled",
        SCALED.format(a="bf16", b="fp8e5"),
        M=64,
        N=32,
        K=64,
        AF="bf16",
        BF="e5m2",
        AP=1,
        BP=1,
    ),
    a="bf16",
    b="e5m2",
    m=64,
    name="scaled_bf16_e5m2",
)
@case(
    request(
        "products",
        "scaled",
        SCALED.format(a="fp8e4nv", b="u8"),
        M=32,
        N=32,
        K=64,
        AF="e4m3",
        BF="e2m1",
        AP=1,
        BP=2,
    ),
    a="e4m3",
    b="e2m1",
    archs=(89,),
    name="scaled_e4m3_e2m1",
)
def scaled(k, how, a, b, m=32, n=32, key=64):
    def make(seed, dtype, *shape):
        if dtype != "e2m1":
            bits = numbers(seed, *shape, dtype=dtype)
            return bits, from_bits(bits, dtype)
        codes = integers(seed, 0, 15, *shape, dtype=np.uint8)
        return codes, E2M1[codes]

    x, xv = make(1, a, m, key)
    y, yv = make(2, b, n, key)
    pack = lambda c, dtype: c[:, 0::2] | c[:, 1::2] << 4 if dtype == "e2m1" else c
    sx, sy = (
        integers(3, 124, 130, m, key // 32, dtype=np.uint8),
        integers(4, 124, 130, n, key // 32, dtype=np.uint8),
    )
    z = np.zeros((m, n), np.float32)
    k(1, np.ascontiguousarray(pack(x, a)), sx, np.ascontiguousarray(pack(y, b).T), sy, z, **how)
    grow = lambda s: np.repeat(2.0 ** (s.astype(np.float64) - 127), 32, 1)
    check(z, dot(xv * grow(sx), (yv * grow(sy)).T))


@case(
    request(
        "products",
        "descriptors",
        "*fp16 *fp16 *fp16 i32 i32 i32",
        BM=32,
        BN=32,
        BK=32,
        divisible="a_ptr b_ptr c_ptr",
    )
)
def descriptors(k, how):
    m, n, key = 50, 72, 90
    x, y = numbers(1, m, key, dtype="f16"), numbers(2, key, n, dtype="f16")
    z = np.zeros((m, n), np.float16)
    k((2, 3), x, y, z, m, n, key, **how)
    check(z, dot(x, y), "f16")


@case(request("products", "grouped", "*i64 *i64 *i64 *i32 i32 i32", BM=32, BN=32, BK=32))
def grouped(k, how):
    sizes = [(33, 40, 64), (20, 70, 30), (64, 32, 50)]
    a = [numbers(i, m, key, dtype="f16") for i, (m, _, key) in enumerate(sizes)]
    b = [numbers(i + 9, key, n, dtype="f16") for i, (_, n, key) in enumerate(sizes)]
    c = [np.zeros((m, n), np.float16) for m, n, _ in sizes]
    pointers = [np.array([x.ctypes.data for x in group], np.int64) for group in (a, b, c)]
    # The matrices are known by their addresses only, so they must be made known.
    k(4, *pointers, np.array(sizes, np.int32), 3, 4, memory=[*a, *b, *c], **how)
    for x, y, z in zip(a, b, c):
        check(z, dot(x, y), "f16")


@case(request("products", "vector", "*fp16 *fp16 *fp32 i32 i32", BM=16, BN=64), dtype="f16", name="gemv_f16")
@case(
    request("products", "vector", "*fp32 *fp32 *fp32 i32 i32", BM=32, BN=32, warps=8),
    dtype="f32",
    name="gemv_f32",
)
def vector(k, how, dtype):
    m, n = 70, 210
    a, x = numbers(1, m, n, dtype=dtype), numbers(2, n, dtype=dtype)
    y = np.zeros(m, np.float32)
    k(-(-m // (16 if dtype == "f16" else 32)), a, x, y, m, n, **how)
    check(y, (Shadow(a) * x[None, :]).sum(1))
