"""Cases of kernels/scans.py."""

import numpy as np
from cases import case, integers, numbers
from ptx import request
from shadow import U32, Shadow, check


def gamma(n):
    return n * U32 / (1 - n * U32)


@case(
    request("scans", "cumsum", "*i32 *i32 i32", R=16, C=64, AXIS=1, REVERSE=False), axis=1, name="cumsum_i32"
)
@case(
    request("scans", "cumsum", "*i32 *i32 i32", R=64, C=32, AXIS=0, REVERSE=False, warps=2),
    axis=0,
    shape=(64, 32),
    name="cumsum_axis0",
)
@case(
    request("scans", "cumsum", "*i32 *i32 i32", R=8, C=256, AXIS=1, REVERSE=True, warps=8),
    axis=1,
    shape=(8, 256),
    reverse=True,
    name="cumsum_reverse",
)
@case(
    request("scans", "cumsum", "*i64 *i64 i32", R=4, C=128, AXIS=1, REVERSE=False, warps=1),
    axis=1,
    shape=(4, 128),
    dtype=np.int64,
    name="cumsum_i64",
)
def cumsum(k, how, axis, shape=(16, 64), reverse=False, dtype=np.int32):
    most = 2**50 if dtype == np.int64 else 1000
    x = integers(1, -most, most, *shape, dtype=dtype)
    o = np.zeros_like(x)
    k(1, x, o, 0, **how)
    expected = np.flip(np.cumsum(np.flip(x, axis), axis), axis) if reverse else np.cumsum(x, axis)
    assert (o == expected).all()


@case(request("scans", "cumsum", "*fp32 *fp32 i32", R=2, C=512, AXIS=1, REVERSE=False))
def cumsum_f32(k, how):
    x = numbers(1, 2, 512)
    o = np.zeros_like(x)
    k(1, x, o, 0, **how)
    check(o, Shadow(np.cumsum(x.astype(np.float64), 1), gamma(512) * np.cumsum(np.abs(x), 1)))


@case(request("scans", "cumprod", "*fp32 *fp32", C=128))
def cumprod(k, how):
    x = np.random.default_rng(1).choice(np.array([0.5, 2.0, -1.0, 1.0], np.float32), 128)
    o = np.zeros_like(x)
    k(1, x, o, **how)
    assert (o == np.cumprod(x)).all()


@case(request("scans", "recurrence", "*fp32 *fp32 *fp32", C=1024))
def recurrence(k, how):
    a, b = (
        1 - 2 * integers(1, 0, 1, 3, 1024).astype(np.float32),
        integers(2, -5, 5, 3, 1024).astype(np.float32),
    )
    a[:, 500] = 0
    o, expected = np.zeros_like(a), np.zeros_like(a)
    k(3, a, b, o, **how)
    h = np.zeros(3, np.float32)
    for i in range(1024):
        h = a[:, i] * h + b[:, i]
        expected[:, i] = h
    assert (o == expected).all()


@case(request("scans", "running_maximum", "*i32 *i32 i32", C=128))
def running_maximum(k, how):
    x = integers(1, -100000, 100000, 3, 517)
    o = np.zeros_like(x)
    k(3, x, o, 517, **how)
    assert (o == np.maximum.accumulate(x, 1)).all()


@case(request("scans", "sort", "*fp32 *fp32", R=2, C=256, DOWN=False), shape=(2, 256), name="sort_f32")
@case(
    request("scans", "sort", "*i32 *i32", R=8, C=32, DOWN=True, warps=1),
    shape=(8, 32),
    dtype="i32",
    down=True,
    name="sort_i32_down",
)
@case(
    request("scans", "sort", "*i64 *i64", R=1, C=512, DOWN=False, warps=8),
    shape=(1, 512),
    dtype="i64",
    name="sort_i64",
)
@case(
    request("scans", "sort", "*fp16 *fp16", R=4, C=64, DOWN=True, warps=2),
    shape=(4, 64),
    dtype="f16",
    down=True,
    name="sort_f16_down",
)
def sort(k, how, shape, dtype="f32", down=False):
    x = (
        numbers(1, *shape, dtype=dtype)
        if dtype[0] == "f"
        else integers(1, -50, 50, *shape, dtype=np.dtype(dtype.replace("i", "int")))
    )
    o = np.zeros_like(x)
    k(1, x, o, **how)
    expected = np.sort(x, 1)
    assert (o == (expected[:, ::-1] if down else expected)).all()


@case(request("scans", "topk", "*fp32 *fp32", R=4, C=128, K=8))
def topk(k, how):
    x = numbers(1, 4, 128)
    o = np.zeros((4, 8), np.float32)
    k(1, x, o, **how)
    assert (o == np.sort(x, 1)[:, ::-1][:, :8]).all()


@case(
    request("scans", "reduce_all", "*i32 *i32 *i32 *i32 *i32 *i32", R=32, C=64, AXIS=1, N=32),
    axis=1,
    name="reduce_all_rows",
)
@case(
    request("scans", "reduce_all", "*i32 *i32 *i32 *i32 *i32 *i32", R=32, C=64, AXIS=0, N=64, warps=8),
    axis=0,
    name="reduce_all_columns",
)
def reduce_all(k, how, axis):
    x = integers(1, -40, 40, 32, 64)
    s, m, a, b, w = (np.zeros(64 if axis == 0 else 32, np.int32) for _ in range(5))
    k(1, x, s, m, a, b, w, **how)
    assert (s == x.sum(axis)).all() and (m == x.max(axis)).all()
    assert (a == x.argmax(axis)).all() and (b == x.argmin(axis)).all()
    assert (w == np.bitwise_xor.reduce(x, axis)).all()


@case(request("scans", "welford", "*fp32 *fp32 *fp32 i32", C=512))
def welford(k, how):
    n = 300
    x = numbers(1, 5, n) + 3
    mean, variance = np.zeros(5, np.float32), np.zeros(5, np.float32)
    k(5, x, mean, variance, n, **how)
    x = x.astype(np.float64)
    # A merge makes at most four roundings of numbers no greater than twice the greatest |x|, and there are n at most.
    error = 4 * n * U32 * 2 * np.abs(x).max(1)
    check(mean, Shadow(x.mean(1), error))
    # A difference of means is off by 2 * error, a merge of squares rounds eight times.
    spread = np.abs(x - x.mean(1)[:, None]).max(1)
    check(variance, Shadow(x.var(1), 8 * n * U32 * x.var(1) + 2 * spread * 2 * error))


@case(request("scans", "histogram", "*i32 *i32 i32", C=512, BINS=64), n=1500, bins=64, name="histogram_64")
@case(
    request("scans", "histogram", "*i32 *i32 i32", C=256, BINS=16, warps=2),
    n=777,
    bins=16,
    name="histogram_16",
)
def histogram(k, how, n, bins):
    x = integers(1, 0, bins - 1, n)
    o = np.zeros(bins, np.int32)
    k(-(-n // (512 if bins == 64 else 256)), x, o, n, **how)
    assert (o == np.bincount(x, minlength=bins)).all()


@case(
    request("scans", "gather", "*fp32 *i32 *fp32 i32", R=32, C=32, AXIS=1, OR=32, OC=64),
    axis=1,
    out=(32, 64),
    name="gather_rows",
)
@case(
    request("scans", "gather", "*fp32 *i32 *fp32 i32", R=64, C=16, AXIS=0, OR=8, OC=16, warps=2),
    axis=0,
    shape=(64, 16),
    out=(8, 16),
    name="gather_columns",
)
def gather(k, how, axis, out, shape=(32, 32)):
    x = numbers(1, *shape)
    i = integers(2, 0, shape[axis] - 1, *out)
    o = np.zeros(out, np.float32)
    k(1, x, i, o, 0, **how)
    assert (o == np.take_along_axis(x, i.astype(np.int64), axis)).all()


@case(request("scans", "shapes", "*fp32 *fp32 *fp32 *fp32", R=32, C=64), dtype="f32", name="shapes_f32")
@case(request("scans", "shapes", "*i8 *i8 *i8 *i8", R=32, C=64, warps=2), dtype="i8", name="shapes_i8")
def shapes(k, how, dtype):
    x = numbers(1, 32, 64) if dtype == "f32" else integers(1, -128, 127, 32, 64, dtype=np.int8)
    o, p, q = np.zeros((64, 32), x.dtype), np.zeros_like(x), np.zeros_like(x)
    k(1, x, o, p, q, **how)
    assert (o == x.T).all() and (p == x[:, ::-1]).all()
    assert (q == x.reshape(32, 32, 2)[:, :, ::-1].reshape(32, 64)).all()


@case(request("scans", "permute", "*fp16 *fp16", A=8, B=16, C=32))
def permute(k, how):
    x = numbers(1, 8, 16, 32, dtype="f16")
    o = np.zeros((32, 8, 16), np.float16)
    k(1, x, o, **how)
    assert (o == x.transpose(2, 0, 1)).all()


@case(request("scans", "interleave", "*i16 *i16 *i16", C=256))
def interleave(k, how):
    x, y = (integers(s, -999, 999, 256, dtype=np.int16) for s in (1, 2))
    o = np.zeros(512, np.int16)
    k(1, x, y, o, **how)
    assert (o == np.stack([x, y], 1).ravel()).all()
