"""Atomics: results on data that is exact in any order, returned values as sets."""

import pytest
import torch
from harness import data, define, device

RMW = """
@tegula.jit
def kernel(x_ptr, k_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n)
    k = tl.load(k_ptr + i, mask=i < n, other=0)
    tl.atomic_{op}(o_ptr + k, x, mask=i < n)
"""


def scatter(op, out, index, x):
    """The meaning, element by element."""
    combine = {
        "add": lambda a, b: a + b, "max": max, "min": min, "and": lambda a, b: a & b, "or": lambda a, b: a | b,
        "xor": lambda a, b: a ^ b,
    }[op]  # fmt: skip
    values = out.tolist()
    for at, v in zip(index.tolist(), x.tolist()):
        values[at] = combine(values[at], v)
    return torch.tensor(values, dtype=out.dtype)


@pytest.mark.parametrize("name", ["cpu", "reference"])
@pytest.mark.parametrize(
    "op,dtypes",
    [("add", ["int32", "int64", "float32", "float64", "float16"]), ("max", ["int32", "uint32", "float32", "int64"]),
     ("min", ["int32", "uint32", "float32", "int64"]), ("and", ["int32"]), ("or", ["int64"]), ("xor", ["int32"])],
)  # fmt: skip
def test_read_modify_write(op, dtypes, name):
    for dtype in dtypes:
        n = 2000 if name == "cpu" else 200
        x = data(n, dtype, 1, "whole")
        index = data(n, "int32", 2).abs() % 7
        out = data(7, dtype, 3, "whole")
        got = out.clone()
        with device(name):
            define(RMW.format(op=op))[(-(-n // 64),)](x, index, got, n, BLOCK=64)
        assert torch.equal(got, scatter(op, out, index, x)), dtype


@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_returned_values(name):
    kernel = define("""
@tegula.jit
def kernel(c_ptr, o_ptr, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o_ptr + i, tl.atomic_add(c_ptr + i * 0, 1))
    ticket = tl.atomic_add(c_ptr + 1, 1, sem="relaxed")
    tl.atomic_xchg(c_ptr + 2 + tl.program_id(0), ticket)
""")
    counter = torch.zeros(40, dtype=torch.int32)
    out = torch.zeros(32 * 16, dtype=torch.int32)
    with device(name):
        kernel[(32,)](counter, out, BLOCK=16)
    assert counter[0] == 512 and sorted(out.tolist()) == list(range(512))
    assert counter[1] == 32 and sorted(counter[2:34].tolist()) == list(range(32))


@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_spin_lock(name):
    kernel = define("""
@tegula.jit
def kernel(lock_ptr, o_ptr, n):
    while tl.atomic_cas(lock_ptr, 0, 1) == 1:
        pass
    value = tl.load(o_ptr)
    tl.store(o_ptr, value + n)
    tl.atomic_xchg(lock_ptr, 0)
""")
    lock, out = torch.zeros(1, dtype=torch.int32), torch.zeros(1, dtype=torch.int32)
    with device(name):
        kernel[(500,)](lock, out, 3)
    assert out.item() == 1500 and lock.item() == 0


@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_cas_on_tiles(name):
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    old = tl.atomic_cas(x_ptr + i, i % 3, i + 100)
    tl.store(o_ptr + i, old)
""")
    x = torch.arange(50, dtype=torch.int32) % 5
    out = torch.zeros_like(x)
    i = torch.arange(50, dtype=torch.int32)
    want = torch.where(x == i % 3, i + 100, x)
    old = x.clone()
    with device(name):
        kernel[(1,)](x, out, BLOCK=50)
    assert torch.equal(x, want) and torch.equal(out, old)
