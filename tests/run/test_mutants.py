"""The bound catches wrong code: each mutant of a kernel's tile IR must be outside it.

The mutated text replaces the stage `tile` through TEGULA_OVERRIDE_DIR, as a user would replace it.
"""

import re

import pytest
import tegula
import torch
from harness import compare, data, define, reference, run

MATMUL = """
@tegula.jit
def kernel(a_ptr, b_ptr, c_ptr, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    m = tl.arange(0, BM)
    n = tl.arange(0, BN)
    k = tl.arange(0, BK)
    acc = tl.zeros((BM, BN), tl.float32)
    for s in range(0, K, BK):
        a = tl.load(a_ptr + m[:, None] * K + s + k[None, :])
        b = tl.load(b_ptr + (s + k[:, None]) * BN + n[None, :])
        acc = tl.dot(a, b, acc, input_precision="ieee")
    tl.store(c_ptr + m[:, None] * BN + n[None, :], acc)
"""
SOFTMAX = """
@tegula.jit
def kernel(x_ptr, o_ptr, n, BLOCK: tl.constexpr):
    c = tl.arange(0, BLOCK)
    row = tl.program_id(0)
    x = tl.load(x_ptr + row * n + c, mask=c < n, other=-float("inf"))
    e = tl.exp(x - tl.max(x, axis=0))
    tl.store(o_ptr + row * n + c, e / tl.sum(e, axis=0), mask=c < n)
"""


def matmul_args():
    return (
        [data((16, 64), "float32", 1), data((64, 16), "float32", 2), torch.zeros(16, 16), 64],
        dict(BM=16, BN=16, BK=16),
        (1,),
    )


def softmax_args():
    # A row more than the kernel has: mutants write past the end.
    return [data((5, 100), "float32", 1)[:4], torch.zeros(5, 100)[:4], 100], dict(BLOCK=128), (4,)


MUTANTS = {
    "a dropped slice of k": (
        MATMUL,
        matmul_args,
        r"(%c0\w*) = arith.constant 0 : i32",
        r"\1 = arith.constant 16 : i32",
    ),
    "the accumulator is not carried": (
        MATMUL,
        matmul_args,
        r"(?s)(iter_args\(.*?%\w+ = )(%\w+)(.*tile.dot %\S+, %\S+, )%arg\d+",
        r"\1\2\3\2",
    ),
    "a sum becomes a difference": (SOFTMAX, softmax_args, r"arith.addf", "arith.subf"),
    "max becomes min": (SOFTMAX, softmax_args, r"arith.max(imum|num)f", r"arith.min\1f"),
    "an off-by-one mask": (SOFTMAX, softmax_args, r"arith.cmpi slt", "arith.cmpi sle"),
    "exp becomes exp2": (SOFTMAX, softmax_args, r"math.exp ", "math.exp2 "),
    "the row is off by one": (SOFTMAX, softmax_args, r"tile.make_range 0 to 128", "tile.make_range 1 to 129"),
}


@pytest.mark.parametrize("name", list(MUTANTS))
def test_mutant_is_caught(name, tmp_path):
    source, make, pattern, replacement = MUTANTS[name]
    args, meta, grid = make()
    kernel = define(source)
    _, expected = reference(kernel, grid, args, meta)
    whole = run(kernel, grid, args, meta)
    for got, want in zip(whole, expected):
        if want is not None:
            compare(got, want, name)

    compiled = kernel.warmup(*args, grid=grid, **meta)
    text = compiled.asm["tile"]
    mutated, count = re.subn(pattern, replacement, text, count=1)
    assert count == 1 and mutated != text, f"the mutation does not apply to\n{text}"
    (tmp_path / f"kernel-{compiled.metadata.hash[:12]}.tile").write_text(mutated)
    tegula.knobs.override_dir = str(tmp_path)
    try:
        wrong = run(kernel, grid, args, meta)
    finally:
        tegula.knobs.override_dir = ""
    with pytest.raises(AssertionError):
        for got, want in zip(wrong, expected):
            if want is not None:
                compare(got, want, name)
