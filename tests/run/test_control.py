"""Loops, branches, early exits and calls, with scalars and tiles carried through them."""

import pytest
import torch
from harness import check, data, define

HEAD = """
@tegula.jit
def double(x):
    return x * 2


@tegula.jit
def pick(x, y, which):
    if which > 2:
        return x
    return y


@tegula.jit
def kernel(x_ptr, o_ptr, n, k, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
"""
BODIES = {
    "for": """
    for j in range(n):
        x += j
""",
    "for with step": """
    for j in range(k, n, 3):
        x += j
""",
    "backwards": """
    for j in range(10, 0, -2):
        x = x * 0.5 + j
""",
    "static": """
    for j in tl.static_range(4):
        x += j * k
""",
    "nested": """
    for a in range(n):
        for b in range(a):
            x += a * b
""",
    "while": """
    j = n
    while j > 0:
        x += j
        j = j // 2
""",
    "while on a tile's sum": """
    s = tl.sum(tl.abs(x), 0)
    while s > 1.0:
        x = x * 0.5
        s = tl.sum(tl.abs(x), 0)
""",
    "if with a tile": """
    if n > 3:
        x = x * 2
    else:
        x = x - 1
""",
    "if without else": """
    if n > 3:
        x = x * 2
        n = n + 1
    x += n
""",
    "break": """
    for j in range(100):
        if j == n:
            break
        x += j
""",
    "continue": """
    for j in range(10):
        if j % 3 == k:
            continue
        x += j
""",
    "break and continue in a while": """
    j = 0
    while True:
        j += 1
        if j % 2 == 0:
            continue
        if j > n:
            break
        x += j
""",
    "break of the inner loop only": """
    for a in range(4):
        for b in range(10):
            if b > a:
                break
            x += b
        x += 100
""",
    "early return": """
    if n > 5:
        tl.store(o_ptr + i, x + 1000)
        return
    x = x * 3
""",
    "return in a loop": """
    for j in range(10):
        x += 1
        if j == n:
            tl.store(o_ptr + i, x)
            return
""",
    "call": """
    x = double(x) + double(3)
    x = pick(x, x + 1, n)
""",
    "carried pair swaps": """
    y = x + 1
    for j in range(n):
        x, y = y, x + y * 0.5
    x = x - y
""",
    "old value is read after": """
    last = x
    for j in range(n):
        last = x
        x = x * 0.5 + j
    x = x + last * 100
""",
    "carried shift": """
    for j in range(n):
        m = tl.max(x, 0)
        x = x - m
        x = tl.where(x > -0.5, x, m)
""",
    "ternary": """
    x = x + (1 if n > 3 else 2)
    s = n if n > k else k
    x = x * s
""",
    "loop that may not run": """
    y = x
    for j in range(k, k):
        y = y * 0
    x = y
""",
    "carried reduced and rank 2": """
    acc = tl.zeros((BLOCK, 4), tl.float32)
    for j in range(n):
        acc += x[:, None] * tl.arange(0, 4)[None, :] + j
    x = tl.sum(acc, 1)
""",
}


@pytest.mark.parametrize("name", list(BODIES))
@pytest.mark.parametrize("n", [0, 1, 4, 7])
def test_control_flow(name, n):
    source = HEAD + BODIES[name] + "    tl.store(o_ptr + i, x)\n"
    x = data(50, "float32", 3)
    check(define(source), (1,), x, torch.zeros(50), n, 1, BLOCK=50, quality=False)


def test_values_match_python():
    """The reference itself is held against Python's meaning for a mix of all of it."""
    source = """
@tegula.jit
def kernel(o_ptr, n):
    total = 0
    for a in range(n):
        if a % 2 == 0:
            continue
        b = 0
        while b < a:
            b += 1
            if b * b > n:
                break
            total += a * b
        if total > 500:
            tl.store(o_ptr, total)
            return
    tl.store(o_ptr, -total)
"""

    def python(n):
        total = 0
        for a in range(n):
            if a % 2 == 0:
                continue
            b = 0
            while b < a:
                b += 1
                if b * b > n:
                    break
                total += a * b
            if total > 500:
                return total
        return -total

    kernel = define(source)
    for n in (0, 1, 5, 9, 20, 50):
        got = check(kernel, (1,), torch.zeros(1, dtype=torch.int32), n)[0]
        assert got.item() == python(n)
