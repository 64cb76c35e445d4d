"""Cases of kernels/atomics.py. What atomics give back depends on the order, so it is checked as a set."""

import numpy as np
from cases import case, from_bits, integers, to_bits, whole
from ptx import request


@case(request("atomics", "add", "*fp32 *fp32 *i32 i32", BLOCK=256), dtype="f32", name="atomic_add_f32")
@case(
    request("atomics", "add", "*fp16 *fp16 *i32 i32", BLOCK=256, warps=2), dtype="f16", name="atomic_add_f16"
)
@case(
    request("atomics", "add", "*bf16 *bf16 *i32 i32", BLOCK=256),
    dtype="bf16",
    archs=(89,),
    name="atomic_add_bf16",
)
@case(request("atomics", "add", "*fp64 *fp64 *i32 i32", BLOCK=256), dtype="f64", name="atomic_add_f64")
@case(request("atomics", "add", "*i32 *i32 *i32 i32", BLOCK=256), dtype="i32", name="atomic_add_i32")
@case(request("atomics", "add", "*i64 *i64 *i32 i32", BLOCK=256), dtype="i64", name="atomic_add_i64")
def add(k, how, dtype):
    n = 900
    i = integers(2, 0, 63, n)
    x = (
        integers(1, -9, 9, n, dtype=np.dtype(dtype.replace("i", "int")))
        if dtype[0] == "i"
        else whole(1, 3, n, dtype=dtype)
    )
    o = np.zeros(64, x.dtype)
    k(4, x, o, i, n, **how)
    values = x if dtype[0] == "i" else from_bits(x, dtype)
    expected = np.bincount(i, values, 64)
    assert (o == (expected if dtype[0] == "i" else to_bits(expected, dtype))).all()


@case(
    request("atomics", "extremes", "*i32 *i32 *i32 i32", BLOCK=128),
    dtype=np.int32,
    name="atomic_extremes_i32",
)
@case(
    request("atomics", "extremes", "*u32 *u32 *u32 i32", BLOCK=128),
    dtype=np.uint32,
    name="atomic_extremes_u32",
)
@case(
    request("atomics", "extremes", "*i64 *i64 *i64 i32", BLOCK=128),
    dtype=np.int64,
    name="atomic_extremes_i64",
)
@case(
    request("atomics", "extremes", "*fp32 *fp32 *fp32 i32", BLOCK=128),
    dtype=np.float32,
    name="atomic_extremes_f32",
)
def extremes(k, how, dtype):
    n = 500
    x = integers(1, 0 if dtype == np.uint32 else -1000, 1000, n, dtype=np.int64).astype(dtype)
    low, high = np.full(8, 500).astype(dtype), np.full(8, 400).astype(dtype)
    if dtype != np.uint32:  # some places see negative numbers only, and some only positive ones
        x[0::8], x[1::8] = -1 - np.abs(x[0::8]), 1 + np.abs(x[1::8])
        low[::2], high[::2] = -3, -900
    first = low.copy(), high.copy()
    k(4, x, low, high, n, **how)
    for j in range(8):
        assert low[j] == min(x[j::8].min(), first[0][j]) and high[j] == max(x[j::8].max(), first[1][j])


@case(
    request("atomics", "bits", "*i32 *i32 *i32 *i32 i32", BLOCK=128), dtype=np.int32, name="atomic_bits_i32"
)
@case(
    request("atomics", "bits", "*i64 *i64 *i64 *i64 i32", BLOCK=128), dtype=np.int64, name="atomic_bits_i64"
)
def bits(k, how, dtype):
    n = 300
    x = integers(1, -(2**31), 2**31 - 1, n, dtype=np.int64).astype(dtype)
    x |= (x << 1) | (x << 2)
    a, o, e = np.full(4, -1, dtype), np.zeros(4, dtype), np.zeros(4, dtype)
    k(3, x, a, o, e, n, **how)
    for j in range(4):
        part = x[j::4]
        assert (
            a[j] == np.bitwise_and.reduce(part)
            and o[j] == np.bitwise_or.reduce(part)
            and e[j] == np.bitwise_xor.reduce(part)
        )


@case(request("atomics", "tickets", "*i32 *i32", BLOCK=128))
def tickets(k, how):
    counter, o = np.zeros(2, np.int32), np.zeros(5 * 128, np.int32)
    k(5, counter, o, **how)
    assert (np.sort(o) == np.arange(640)).all() and counter.tolist() == [640, 5]


@case(request("atomics", "locked_sum", "*i32 *i32 *i32", BLOCK=128))
def locked_sum(k, how):
    x, total, lock = integers(1, -99, 99, 12, 128), np.zeros(128, np.int32), np.zeros(1, np.int32)
    k(12, x, total, lock, **how)
    assert (total == x.sum(0)).all() and lock[0] == 0


@case(request("atomics", "chain", "*i32 *i32 *i32 i32", BLOCK=128))
def chain(k, how):
    n = 1000
    x, o, flags = integers(1, -99, 99, n), np.zeros(n + 8, np.int32), np.zeros(8, np.int32)
    k(8, x, o, flags, n, **how)
    assert (o[:n] == np.cumsum(x)).all()


@case(request("atomics", "meeting", "*i32 *i32 *i32", N=6, BLOCK=64))
def meeting(k, how):
    x, o, arrived = (
        np.concatenate([integers(1, -99, 99, 6 * 64), np.zeros(6 * 64, np.int32)]),
        np.zeros(6 * 64, np.int32),
        np.zeros(1, np.int32),
    )
    k(6, x, o, arrived, cooperative=True, **how)
    assert (x[384:].reshape(6, 64) == 2 * np.roll(x[:384].reshape(6, 64), -1, 0)).all()
