"""Atomics, locks and programs that wait for each other."""

import triton
import triton.language as tl


@triton.jit
def add(x, o, i, n, BLOCK: tl.constexpr):
    """Scattered sums."""
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    m = c < n
    tl.atomic_add(o + tl.load(i + c, mask=m, other=0), tl.load(x + c, mask=m), mask=m, sem="relaxed")


@triton.jit
def extremes(x, low, high, n, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + c, mask=c < n)
    tl.atomic_max(high + c % 8, v, mask=c < n)
    tl.atomic_min(low + c % 8, v, mask=c < n)


@triton.jit
def bits(x, a, o, e, n, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + c, mask=c < n)
    tl.atomic_and(a + c % 4, v, mask=c < n)
    tl.atomic_or(o + c % 4, v, mask=c < n)
    tl.atomic_xor(e + c % 4, v, mask=c < n)


@triton.jit
def tickets(counter, o, BLOCK: tl.constexpr):
    """Every lane draws a number of its own; each program one more."""
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + c, tl.atomic_add(counter + tl.zeros([BLOCK], tl.int32), 1))
    tl.atomic_add(counter + 1, 1)


@triton.jit
def locked_sum(x, total, lock, BLOCK: tl.constexpr):
    """A critical section by compare-and-swap and exchange."""
    c = tl.arange(0, BLOCK)
    v = tl.load(x + tl.program_id(0) * BLOCK + c)
    while tl.atomic_cas(lock, 0, 1) == 1:
        pass
    tl.store(total + c, tl.load(total + c) + v)
    tl.debug_barrier()
    tl.atomic_xchg(lock, 0)


@triton.jit
def chain(x, o, flags, n, BLOCK: tl.constexpr):
    """A scan over programs: each waits for the sum of the one before (decoupled look-back of length one)."""
    pid = tl.program_id(0)
    c = pid * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + c, mask=c < n, other=0)
    before = tl.zeros([], tl.int32)
    if pid > 0:
        while tl.atomic_add(flags + pid - 1, 0, sem="acquire") == 0:
            pass
        before = tl.load(o + n + pid - 1, volatile=True)
    tl.store(o + n + pid, before + tl.sum(v, 0))
    tl.debug_barrier()
    tl.atomic_xchg(flags + pid, 1, sem="release")
    tl.store(o + c, before + tl.cumsum(v, 0), mask=c < n)


@triton.jit
def meeting(x, o, arrived, N: tl.constexpr, BLOCK: tl.constexpr):
    """All programs meet; then each reads what its neighbour wrote. For cooperative launches."""
    pid = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    tl.store(o + pid * BLOCK + c, tl.load(x + pid * BLOCK + c) * 2)
    tl.debug_barrier()
    tl.atomic_add(arrived, 1, sem="release")
    while tl.atomic_add(arrived, 0, sem="acquire") < N:
        pass
    other = (pid + 1) % N
    v = tl.load(o + other * BLOCK + c, volatile=True)
    tl.store(x + N * BLOCK + pid * BLOCK + c, v)
