"""Atomics: results on data that is exact in any order, returned values as sets."""

import pytest
import torch
from harness import DEVICES, data, define, run

NAMES = ["cpu", "reference", *DEVICES]

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


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "op,dtypes",
    [("add", ["int32", "int64", "float32", "float64", "float16"]), ("max", ["int32", "uint32", "float32", "int64"]),
     ("min", ["int32", "uint32", "float32", "int64"]), ("and", ["int32"]), ("or", ["int64"]), ("xor", ["int32"])],
)  # fmt: skip
def test_read_modify_write(op, dtypes, name):
    for dtype in dtypes:
        n = 200 if name == "reference" else 2000
        x = data(n, dtype, 1, "whole")
        index = data(n, "int32", 2).abs() % 7
        out = data(7, dtype, 3, "whole")
        got = run(define(RMW.format(op=op)), (-(-n // 64),), [x, index, out, n], {"BLOCK": 64}, name=name)[2]
        assert torch.equal(got, scatter(op, out, index, x)), dtype


@pytest.mark.parametrize("name", NAMES)
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
    counter, out = run(kernel, (32,), [counter, out], {"BLOCK": 16}, name=name)
    assert counter[0] == 512 and sorted(out.tolist()) == list(range(512))
    assert counter[1] == 32 and sorted(counter[2:34].tolist()) == list(range(32))


@pytest.mark.parametrize("name", NAMES)
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
    lock, out, _ = run(kernel, (500,), [lock, out, 3], {}, name=name)
    assert out.item() == 1500 and lock.item() == 0


@pytest.mark.parametrize("name", NAMES)
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
    got, out = run(kernel, (1,), [x, out], {"BLOCK": 50}, name=name)
    assert torch.equal(got, want) and torch.equal(out, x)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("op", ["max", "min"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes_of_all_kinds_of_floats(op, dtype, name):
    """Every pair of a number in memory and an operand: NaN of both signs gives way to a number, -0 is below +0."""
    nan = torch.tensor([float("nan")], dtype=getattr(torch, dtype))
    values = torch.tensor(
        [0.0, -0.0, 1.0, -1.0, 3.5, -2.5, 1e-40, -1e-40, float("inf"), -float("inf")], dtype=nan.dtype
    )
    values = torch.cat([values, nan, -nan.abs().neg()])
    n = len(values)
    kernel = define(f"""
@tegula.jit
def kernel(m_ptr, x_ptr, o_ptr, N: tl.constexpr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < N)
    tl.store(o_ptr + i, tl.atomic_{op}(m_ptr + i, x, mask=i < N, sem="relaxed"), mask=i < N)
""")
    memory, x = values.repeat_interleave(n), values.repeat(n)
    got, _, old = run(kernel, (1,), [memory, x, torch.zeros_like(x), n * n], {"BLOCK": 256}, name=name)[:3]
    a, b = memory.double(), x.double()
    greater = (a > b) | ((a == b) & ~torch.signbit(a))
    want = torch.where(greater if op == "max" else ~greater, a, b)
    want = torch.where(a.isnan(), b, torch.where(b.isnan(), a, want))
    assert torch.equal(got.double().nan_to_num(7.25), want.nan_to_num(7.25))
    number = ~want.isnan()
    assert torch.equal(torch.signbit(got)[number], torch.signbit(want)[number])
    assert torch.equal(old.double().nan_to_num(7.25), a.nan_to_num(7.25))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_sums(dtype, name):
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, s_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
    tl.store(s_ptr + i, tl.atomic_add(o_ptr + i, x, sem="relaxed"))
    tl.atomic_add(o_ptr + i % 8, x)
""")
    x, o = data(256, dtype, 1, "whole"), data(256, dtype, 2, "whole")
    got, old = run(kernel, (1,), [x, o, torch.zeros_like(x)], {"BLOCK": 256}, name=name)[1:]
    want = o + x
    want[:8] += x.reshape(32, 8).float().sum(0).to(x.dtype)
    assert torch.equal(got, want) and torch.equal(old, o)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int16", "float16", "int32", "float32", "int64", "float64"]
)
def test_atomic_loads_and_stores(dtype, name):
    kernel = define("""
@tegula.jit
def kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.atomic_load(x_ptr + i, mask=i < n)
    tl.atomic_store(o_ptr + i, x, mask=i < n)
    tl.atomic_store(o_ptr + n, tl.atomic_load(x_ptr + 1, sem="relaxed"), sem="relaxed")
""")
    x = data(40, dtype, 1)
    out = run(kernel, (1,), [x, torch.zeros(41, dtype=x.dtype), 37], {"BLOCK": 64}, name=name)[1]
    assert torch.equal(out[:37], x[:37]) and out[37] == x[1] and not out[38:].any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sem", ["relaxed", "acquire", "release", "acq_rel"])
@pytest.mark.parametrize("scope", ["cta", "gpu", "sys"])
def test_orders_and_scopes(sem, scope, name):
    kernel = define(f"""
@tegula.jit
def kernel(o_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    old = tl.atomic_add(o_ptr + i, 1, sem="{sem}", scope="{scope}")
    tl.atomic_xchg(o_ptr + BLOCK + i, old, sem="{sem}", scope="{scope}")
    tl.atomic_cas(o_ptr + 2 * BLOCK, 0, 5, sem="{sem}", scope="{scope}")
    tl.atomic_and(o_ptr + i % 2, 3, sem="{sem}", scope="{scope}")
""")
    x = torch.arange(80, dtype=torch.int32)
    x[64] = 0
    got = run(kernel, (1,), [x], {"BLOCK": 32}, name=name)[0]
    want = torch.cat([x[:32] + 1, x[:32], torch.tensor([5], dtype=torch.int32), x[65:]])
    want[:2] &= 3
    assert torch.equal(got, want)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 8, 64])
def test_small_tiles_count_once(size, name):
    """More threads than elements: one of them adds, all get the old value."""
    kernel = define("""
@tegula.jit
def kernel(c_ptr, o_ptr, S: tl.constexpr):
    i = tl.arange(0, S)
    old = tl.atomic_add(c_ptr + i, i + 1)
    tl.store(o_ptr + i[:, None] * S + i[None, :], old[:, None] * 1000 + old[None, :])
""")
    c = data(size, "int32", 1, "whole")
    got, out = run(kernel, (1,), [c, torch.zeros(size, size, dtype=torch.int32)], {"S": size}, name=name)
    assert torch.equal(got, c + torch.arange(1, size + 1, dtype=torch.int32))
    assert torch.equal(out, c[:, None] * 1000 + c[None, :])


@pytest.mark.parametrize("name", NAMES)
def test_last_program_sums_up(name):
    """Partial sums, a counter that releases and acquires, and the last program reads what the others wrote."""
    kernel = define("""
@tegula.jit
def kernel(x_ptr, part_ptr, count_ptr, o_ptr, G: tl.constexpr, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + pid * BLOCK + i)
    tl.store(part_ptr + pid * BLOCK + (BLOCK - 1 - i), x * 2)
    if tl.atomic_add(count_ptr, 1) == G - 1:
        total = tl.zeros((BLOCK,), tl.int32)
        for g in range(G):
            total += tl.load(part_ptr + g * BLOCK + i)
        tl.store(o_ptr + i, total)
""")
    x = data(8 * 256, "int32", 1, "whole")
    args = [x, torch.zeros_like(x), torch.zeros(1, dtype=torch.int32), torch.zeros(256, dtype=torch.int32)]
    out = run(kernel, (8,), args, {"G": 8, "BLOCK": 256}, name=name)[3]
    assert torch.equal(out, (x.reshape(8, 256).sum(0) * 2).flip(0).int())
