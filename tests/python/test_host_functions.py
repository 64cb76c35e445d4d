"""Python functions that kernels call while they are compiled."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tegula
import tegula.language as tl

SCALE = 3


@tegula.constexpr_function
def size(n, times=1):
    return n * SCALE * times


@tegula.constexpr_function
def type_of(bits):
    return {8: tl.int8, 16: tl.int16}[bits]


@tl.constexpr
def pair(n: tl.constexpr):
    return n + 1, "text"


@tegula.constexpr_function
def a_list(n):
    return [n]


@tegula.jit
def kernel(x, o, N: tl.constexpr):
    i = tl.arange(0, size(N, times=2))
    number = pair(N)
    tl.static_assert(number[1] == "text")
    t: tl.constexpr = type_of(8)
    tl.store(o + i, tl.load(x + i).to(t).to(tl.float32) + number[0])


def test_called_with_constants():
    x, o = np.arange(24, dtype=np.float32), np.zeros(24, np.float32)
    kernel[(1,)](x, o, N=4)
    assert (o == x + 5).all()
    assert size(4) == 12 and size(tl.constexpr(4)) == 12 and size.__name__ == "size"


@tegula.jit
def raises(N: tl.constexpr):
    tl.arange(0, type_of(N))


@tegula.jit
def of_a_tensor(n):
    tl.arange(0, size(n))


@tegula.jit
def gives_a_list():
    x = a_list(3)  # noqa: F841


@pytest.mark.parametrize(
    "fn, arguments, id, text",
    [
        (raises, {"N": 7}, "host_call_failed", "'type_of' raised KeyError: 7"),
        (
            of_a_tensor,
            {"n": 7},
            "expected_constexpr",
            "an argument of 'size' must be a value known when compiling",
        ),
        (gives_a_list, {}, "host_call_result", "'a_list' gave a list, which a kernel cannot use"),
    ],
)
def test_wrong_calls(fn, arguments, id, text):
    with pytest.raises(tegula.CompileError, match=text) as info:
        fn[(1,)](**arguments)
    assert info.value.id == id and info.value.file == __file__


PROGRAM = """
import numpy as np, tegula, tegula.language as tl
SCALE = {scale}
def twice(n):
    return 2 * n * SCALE
@tegula.constexpr_function
def size(n):
    return twice(n)
@tegula.jit
def kernel(o, N: tl.constexpr):
    tl.store(o, size(N))
o = np.zeros(1, np.int32)
kernel[(1,)](o, N=5)
print(o[0])
"""


def test_what_they_read_is_part_of_the_cache_key(tmp_path):
    """The same file in the same cache: a global of a function that the function calls has changed."""
    file = pathlib.Path(tmp_path / "program.py")
    for scale in (1, 1, 3, 1):
        file.write_text(PROGRAM.format(scale=scale))
        done = subprocess.run(
            [sys.executable, file],
            capture_output=True,
            text=True,
            env={"TEGULA_CACHE_DIR": str(tmp_path / "cache"), "PATH": ""},
        )
        assert done.stdout.split() == [str(10 * scale)], done.stderr
