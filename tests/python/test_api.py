# test_api.py - the names and objects that scripts rely on
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import inspect
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import small_kernels as kernels
import tegula
import tegula.language as tl

ROOT = Path(__file__).parents[2]
PACKAGE = Path(tegula.__file__).parent


def test_names():
    for name in tegula.__all__:
        assert getattr(tegula, name) is not None
    for name in (
        "compiler.ASTSource",
        "backends.compiler.GPUTarget",
        "knobs.compilation.listener",
        "errors.TegulaError",
        "testing.do_bench",
    ):
        value = tegula
        for part in name.split("."):
            value = getattr(value, part)
    with pytest.raises(AttributeError):
        tegula.nothing  # noqa: B018


def test_function():
    f = kernels.add
    assert f.arg_names == ["x", "y", "o", "n", "BLOCK"] and f.__name__ == "add" and f.__doc__ == "Adds."
    assert (
        f.src.startswith("@tegula.jit\ndef add(") and f.src.endswith("mask=m)\n") and inspect.isfunction(f.fn)
    )
    assert repr(f) == "JITFunction(small_kernels:add)" and f.constexprs == [4]
    assert isinstance(f, tegula.JITFunction) and inspect.unwrap(f) is f.fn


def test_decorator_forms():
    plain = tegula.jit(kernels.add.fn)
    options = tegula.jit(debug=True, noinline=True, version=1, repr=None, launch_metadata=None)(
        kernels.add.fn
    )
    assert plain.arg_names == options.arg_names and options.debug and options.noinline


def test_compiled_kernel():
    o = np.zeros(4, np.int32)
    k = kernels.put[(1,)](o, 3)
    assert (
        isinstance(k, tegula.CompiledKernel)
        and k.name == "put"
        and k.metadata.shared == 0
        and k.n_regs is None
    )
    assert "tile" in k.asm and list(k.asm) == k.asm.keys() and "func.func" in k.asm["tile"]
    assert k.metadata.target.backend in ("cpu", "reference") and len(k.hash) > 8
    with pytest.raises(KeyError, match="the stages of this kernel are"):
        k.asm["ptx"]
    with pytest.raises(AttributeError, match="no 'registers'"):
        k.metadata.registers  # noqa: B018


def test_compiled_kernel_launches_again():
    o = np.zeros(1, np.int32)
    k = kernels.programs.warmup(o, grid=(1,), num_warps=2)
    assert k[(3,)](o) is k and o[0] == 3


def test_ast_source_and_listener():
    seen = []
    tegula.knobs.compilation.listener = lambda *, src, metadata, metadata_group, times, cache_hit: (
        seen.append((src, metadata, metadata_group, times, cache_hit))
    )
    target = tegula.runtime.driver.active.get_current_target()
    try:
        src = tegula.compiler.ASTSource(
            kernels.add,
            {"x": "*fp32", "y": "*fp32", "o": "*fp32", "n": "i32", "BLOCK": "constexpr"},
            {"BLOCK": 48},
            {(0,): [["tt.divisibility", 16]]},
        )
        k = tegula.compile(src, target=target, options={"num_warps": 2})
    finally:
        tegula.knobs.compilation.listener = None
    assert len(seen) == 1 and seen[0][0] is src and seen[0][4] in (True, False)
    assert all(isinstance(name, str) and us >= 0 for name, us in seen[0][3].lowering_stages)
    assert k.metadata.num_warps == 2
    text = k.asm["tile"]
    assert text.count("tile.divisibility = 16") == 1


def test_compile_default_target():
    k = tegula.compile(tegula.compiler.ASTSource(kernels.put, {"o": "*i64", "VALUE": "constexpr"}, {(1,): 3}))
    assert k.metadata.target == tegula.runtime.driver.active.get_current_target()


def test_devices():
    old = tegula.get_device()
    tegula.set_device("reference")
    try:
        assert tegula.get_device() == "reference"
        o = np.zeros(1, np.int32)
        assert kernels.put[(1,)](o, 3).metadata.target.backend == "reference" and o[0] == 3
    finally:
        tegula.set_device(old)


def test_host_helpers():
    assert tegula.cdiv(10, 3) == tl.cdiv(10, 3) == 4
    assert [tegula.next_power_of_2(n) for n in (1, 2, 3, 1000, 1024)] == [1, 2, 4, 1024, 1024]
    assert tegula.num_threads() >= 1


def test_constexpr_arithmetic():
    c = tl.constexpr(6)
    assert (
        (c + 1).value == 7
        and (1 - c).value == -5
        and (c // 4).value == 1
        and (c == 6)
        and not (c != 6).value
        and range(8)[c] == 6
    )
    assert (
        tl.constexpr(tl.constexpr(3)).value == 3
        and repr(c) == "constexpr[6]"
        and (-c).value == -6
        and (c < 7)
    )


def test_dtypes():
    assert (
        str(tl.float16) == "fp16"
        and repr(tl.float16) == "tegula.language.float16"
        and tl.float16.primitive_bitwidth == 16
    )
    assert repr(tl.bfloat16) == "tegula.language.bfloat16" and repr(tl.int32) == "tegula.language.int32"
    assert (
        tl.int32.is_int_signed() and tl.uint8.is_int_unsigned() and tl.int1.is_bool() and tl.float8e5.is_fp8()
    )
    assert (
        tl.int8.get_int_max_value() == 127
        and tl.int8.get_int_min_value() == -128
        and tl.uint16.get_int_max_value() == 65535
    )
    assert tl.dtype("fp32") == tl.float32 and tl.pointer_type(tl.float32).element_ty is tl.float32
    assert tl.pointer_type(tl.float32) == tl.pointer_type(tl.float32) != tl.pointer_type(tl.float16)
    assert tl.block_type(tl.float32, [2, 3]).numel == 6
    with pytest.raises(ValueError, match="'int7' is no type"):
        tl.dtype("int7")


def test_language_objects():
    assert (
        tl.load.__doc__
        and "mask" in tl.load.signature
        and inspect.signature(tl.load).parameters["mask"].default is None
    )
    assert (
        tl.math.exp.__name__ == "exp"
        and callable(tl.extra.libdevice.exp)
        and tl.extra.cuda.libdevice.exp is tl.extra.libdevice.exp
    )
    assert pickle.loads(pickle.dumps(tl.int32)) == tl.int32


def test_knobs():
    names = [name for name, *_ in tegula.knobs.rows()]
    assert "always_compile" in names and "num_threads" in names
    old = tegula.knobs.always_compile
    tegula.knobs.compilation.always_compile = True
    assert tegula.knobs.always_compile is True
    tegula.knobs.always_compile = old
    assert tegula.knobs.compilation.always_compile is old
    with pytest.raises(AttributeError, match="there is no knob"):
        tegula.knobs.nothing  # noqa: B018


def test_threads():
    errors = []

    def work(t):
        try:
            for i in range(60):
                n = 16 + (i * 7 + t) % 90
                x, o = np.arange(n, dtype=np.float32), np.zeros(n, np.float32)
                kernels.copy[(tegula.cdiv(n, 16),)](x, o, n)
                kernels.add[(tegula.cdiv(n, 8 << (i % 3)),)](x, x, o, n, BLOCK=8 << (i % 3))
                assert np.array_equal(o, x + x)
        except BaseException as e:  # noqa: BLE001
            errors.append(e)

    threads = [threading.Thread(target=work, args=(t,)) for t in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not errors


def _python(code, **env):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), *sys.path]), **env}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=120)


def test_imports_no_numpy_no_torch():
    r = _python(
        "import sys, tegula, tegula.language as tl\nfor n in tegula.__all__: getattr(tegula, n)\n"
        "bad = {'numpy', 'torch', 'inspect', 'typing', 'json'} & set(sys.modules)\n"
        "assert not bad, bad"
    )
    assert r.returncode == 0, r.stderr


def test_fork():
    r = _python(
        "import os, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import small_kernels as kernels, numpy as np\n"
        "def go():\n"
        "    x, o = np.ones(5000, np.float32), np.zeros(5000, np.float32)\n"
        "    kernels.copy[(313,)](x, o, 5000)\n"
        "    assert o.sum() == 5000\n"
        "go()\n"
        "pid = os.fork()\n"
        "go()\n"
        "if pid == 0: os._exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
    )
    assert r.returncode == 0, r.stderr


def test_keyboard_interrupt():
    r = _python(
        "import os, signal, sys, threading, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import tegula, tegula.language as tl, numpy as np\n"
        "import small_kernels as kernels\n"
        "o = np.zeros(1, np.int32)\n"
        "kernels.programs[(1,)](o)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it\n"
        "threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "t = time.time()\n"
        "try:\n"
        "    for _ in range(100): kernels.programs[(2**31 - 1,)](o)\n"
        "except KeyboardInterrupt:\n"
        "    assert time.time() - t < 5, 'late'\n"
        "else:\n"
        "    raise SystemExit('not interrupted')\n"
    )
    assert r.returncode == 0, r.stderr


def test_generated_files_are_fresh():
    r = subprocess.run(
        [sys.executable, str(ROOT / "python" / "generate.py"), "--check"], capture_output=True, text=True
    )
    assert r.returncode == 0, r.stdout + r.stderr


def test_import_time():
    """`import tegula`, and with the language and the compiler, above a bare Python: least of 20."""

    def least(code):
        return (
            min(
                float(
                    _python(
                        f"import time; t = time.perf_counter(); {code}; print(time.perf_counter() - t)"
                    ).stdout
                )
                for _ in range(20)
            )
            * 1e3
        )

    assert least("import tegula") <= 60
    assert least("import tegula, tegula.language; tegula.jit") <= 60
