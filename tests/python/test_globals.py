# test_globals.py - names that a kernel takes from outside: globals, closures, modules, other functions
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import enum
import gc
import linecache
import math
import sys
import types
import weakref

import numpy as np
import pytest
import tegula
import tegula.language as tl
from tegula.language import store as put_there

SCALE: tl.constexpr = 3
WRAPPED = tl.constexpr(5)
PLAIN = 7
TYPE = tl.float32
LIST = [1, 2]


class Mode(enum.IntEnum):
    """Members are integers."""

    FAST = 2


@tegula.jit
def _twice(x):
    return x * TWO


TWO: tl.constexpr = 2


@tegula.jit
def _scaled(o):
    tl.store(o, SCALE * WRAPPED)


@tegula.jit
def _calls(o, x):
    put_there(o, _twice(x))


def _run(kernel, *args, dtype=np.float64):
    o = np.zeros(1, dtype)
    kernel[(1,)](o, *args)
    return o[0]


def test_constexpr_globals(monkeypatch):
    assert _run(_scaled) == 15
    monkeypatch.setitem(globals(), "SCALE", 4)
    assert _run(_scaled) == 20
    monkeypatch.setitem(globals(), "WRAPPED", tl.constexpr(1))
    assert _run(_scaled) == 4
    monkeypatch.setitem(globals(), "SCALE", 4.5)
    assert _run(_scaled) == 4.5
    monkeypatch.undo()
    assert _run(_scaled) == 15


def test_equal_value_is_no_change(monkeypatch):
    o = np.zeros(1, np.float64)
    k = _scaled[(1,)](o)
    monkeypatch.setitem(globals(), "WRAPPED", tl.constexpr(5))
    assert _scaled[(1,)](o) is k
    monkeypatch.setitem(globals(), "WRAPPED", tl.constexpr(5.0))
    assert _scaled[(1,)](o) is not k


def test_globals_of_called_functions(monkeypatch):
    assert _run(_calls, 5) == 10
    monkeypatch.setitem(globals(), "TWO", 4)
    assert _run(_calls, 5) == 20


def test_replaced_function(monkeypatch):
    @tegula.jit
    def thrice(x):
        return x * 3

    assert _run(_calls, 5) == 10
    monkeypatch.setitem(globals(), "_twice", thrice)
    assert _run(_calls, 5) == 15


def test_plain_global_is_refused():
    @tegula.jit
    def kernel(o):
        tl.store(o, PLAIN)

    with pytest.raises(tegula.CompileError, match="PLAIN") as e:
        kernel[(1,)](np.zeros(1, np.int32))
    assert "constexpr" in str(e.value) and e.value.file == __file__


def test_list_global_is_refused():
    @tegula.jit
    def kernel(o):
        tl.store(o, LIST[0])

    with pytest.raises(tegula.CompileError, match="LIST"):
        kernel[(1,)](np.zeros(1, np.int32))


def test_dtypes_modules_and_builtins():
    @tegula.jit
    def kernel(o, x):
        v = tegula.language.exp2(x.to(TYPE)) + math.pi + Mode.FAST
        tegula.language.store(o, max(v, 0.0) + min(0, 1))

    assert abs(_run(kernel, 3) - (8 + math.pi + 2)) < 1e-5


def test_module_attributes_are_watched():
    module = types.ModuleType("some_constants")
    module.VALUE = 3
    globals()["some_constants"] = module

    @tegula.jit
    def kernel(o):
        tl.store(o, some_constants.VALUE)  # noqa: F821

    assert _run(kernel) == 3
    module.VALUE = 4
    assert _run(kernel) == 4
    del globals()["some_constants"]


def test_closures():
    def make(width, helper):
        W = tl.constexpr(width)

        @tegula.jit
        def kernel(o, x):
            tl.store(o, helper(x) + W)

        return kernel

    @tegula.jit
    def negative(x):
        return -x

    assert _run(make(10, _twice), 4) == 18
    assert _run(make(20, negative), 4) == 16


def test_changed_closure_variable():
    W = tl.constexpr(1)

    @tegula.jit
    def kernel(o):
        tl.store(o, W)

    assert _run(kernel) == 1
    W = tl.constexpr(2)
    assert _run(kernel) == 2


def test_method_indentation_and_decorators():
    class Holder:
        if True:

            @staticmethod
            @tegula.jit
            def kernel(o):
                # A comment, and a string that is less indented than the code.
                """
                text
                """
                tl.store(o, 1)
                return
                tl.store(o, 2)  # never reached, and dropped by Python

    assert _run(Holder.kernel) == 1
    assert "tl.store(o, 2)" in Holder.kernel.src


TEXT = """
import tegula as triton
import tegula.language as tl

@triton.jit
def kernel(o, N: tl.constexpr):
    tl.store(o, triton.cdiv(N, 4) + tl.cdiv(N, 2))
"""


def test_exec_with_source_lines():
    """What a notebook cell does."""
    name = "<cell 1>"
    linecache.cache[name] = (len(TEXT), None, TEXT.splitlines(True), name)
    space = {"__name__": "cell"}
    exec(compile(TEXT, name, "exec"), space)
    assert _run(space["kernel"], 8) == 6


def test_exec_without_source():
    with pytest.raises(
        tegula.CompileError, match=r"the source text of 'kernel' is not available .*exec"
    ) as e:
        exec(compile(TEXT, "<string>", "exec"), {"__name__": "text"})
    assert "jit(source=...)" in e.value.next_step
    with pytest.raises(tegula.CompileError, match="typed at the interactive prompt"):
        exec(compile(TEXT, "<stdin>", "exec"), {"__name__": "text"})


def test_source_argument():
    text = "def kernel(o):\n    tl.store(o, 11)\n"
    space = {"tl": tl}
    exec(text, space)
    assert _run(tegula.jit(source=text)(space["kernel"])) == 11


def test_changed_file(tmp_path):
    path = tmp_path / "changed.py"
    path.write_text(TEXT)
    code = compile(TEXT, str(path), "exec")
    path.write_text("\n" * 40)
    with pytest.raises(
        tegula.CompileError, match=r"line 5 of .*changed.py does not define 'kernel' any more"
    ):
        exec(code, {"__name__": "changed"})


def test_under_the_name_triton(monkeypatch, tmp_path):
    import importlib.util

    for name in ("", ".language", ".testing", ".runtime", ".language.extra", ".language.math"):
        monkeypatch.setitem(
            sys.modules, "triton" + name, __import__("importlib").import_module("tegula" + name)
        )
    path = tmp_path / "theirs.py"
    path.write_text(
        "import triton\nimport triton.language as tl\nfrom triton.language.extra import libdevice\n"
        "@triton.autotune(configs=[triton.Config({'B': 8}), triton.Config({'B': 16}, num_warps=8)], key=['n'])\n"
        "@triton.jit\n"
        "def kernel(x, o, n, B: tl.constexpr):\n"
        "    i = tl.program_id(0) * B + tl.arange(0, B)\n"
        "    tl.store(o + i, triton.language.maximum(tl.load(x + i, i < n), 0), i < n)\n"
    )
    spec = importlib.util.spec_from_file_location("theirs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x = np.linspace(-1, 1, 50).astype(np.float32)
    o = np.zeros_like(x)
    module.kernel[lambda meta: (tegula.cdiv(50, meta["B"]),)](x, o, 50)
    assert np.array_equal(o, np.maximum(x, 0))


def test_defaults_are_those_of_the_definition(monkeypatch):
    @tegula.jit
    def kernel(o, a=SCALE, B: tl.constexpr = WRAPPED):
        tl.store(o, a * B)

    monkeypatch.setitem(globals(), "SCALE", 100)
    assert _run(kernel) == 15


def test_kernels_of_closures_are_freed():
    def make(k):
        K = tl.constexpr(k)

        @tegula.jit
        def kernel(o):
            tl.store(o, K)

        return kernel

    seen = []
    for k in range(5):
        kernel = make(k)
        assert _run(kernel) == k
        seen.append(weakref.ref(kernel.fn))
    del kernel
    gc.collect()
    assert [r() for r in seen] == [None] * 5


def test_next_power_of_2_and_cdiv_in_kernels():
    @tegula.jit
    def kernel(o, N: tl.constexpr):
        tl.store(o, tl.sum(tl.arange(0, tegula.next_power_of_2(N)), 0) + tegula.cdiv(N, 4))

    assert _run(kernel, 5) == 28 + 2
