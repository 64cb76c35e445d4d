# test_tools.py - testing, autotune, heuristics, reinterpret
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tegula
import tegula.language as tl
from tegula.testing import assert_close, do_bench


def test_do_bench():
    calls = []
    assert do_bench(lambda: calls.append(1), warmup=1, rep=2) > 0 and len(calls) > 5
    low, mid, high = do_bench(lambda: None, warmup=1, rep=2, quantiles=[0.2, 0.5, 0.8])
    assert low <= mid <= high
    times = do_bench(lambda: None, warmup=1, rep=1, return_mode="all")
    assert isinstance(times, list) and len(times) >= 1
    for mode in ("min", "max", "median", "mean"):
        assert do_bench(lambda: None, warmup=1, rep=1, return_mode=mode) >= 0
    with pytest.raises(ValueError, match="return_mode"):
        do_bench(lambda: None, return_mode="best")
    with pytest.raises(ValueError, match="quantile"):
        do_bench(lambda: None, warmup=1, rep=1, quantiles=[2])


def test_assert_close():
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert_close(a, a + 1e-3)
    assert_close([1.0, np.nan, np.inf], [1.0, np.nan, np.inf])
    assert_close(a, a * 1.001, rtol=1e-2, atol=0)
    b = a.copy()
    b[1, 2] += 2
    with pytest.raises(
        AssertionError,
        match=r"(?s)out: 1 of 6 elements differ.*worst at \[1, 2\]: got 5.0, expected 7.0, difference 2",
    ):
        assert_close(a, b, err_msg="out")
    for x, y in ((np.nan, 1.0), (1.0, np.nan), (np.inf, -np.inf), (1e30, np.inf), (np.inf, 1e30)):
        with pytest.raises(AssertionError):
            assert_close(np.array([x]), np.array([y]), rtol=0.1)
    with pytest.raises(AssertionError, match="the shapes differ"):
        assert_close(np.zeros(3), np.zeros(4))
    assert_close(np.array([2**63 - 1]), np.array([2**63 - 1]), atol=0)
    with pytest.raises(AssertionError):
        assert_close(np.array([2**60]), np.array([2**60 + 1]), atol=0)


def test_assert_close_torch():
    torch = pytest.importorskip("torch")
    assert_close(torch.ones(3, dtype=torch.bfloat16), torch.ones(3, requires_grad=True))
    with pytest.raises(AssertionError, match="1 of 3"):
        assert_close(torch.ones(3), torch.tensor([1.0, 1.0, 2.0]))


def test_autotune():
    seen = []

    @tegula.autotune(
        configs=[tegula.Config({"B": 4}), tegula.Config({"B": 16}, num_warps=8), tegula.Config({"B": 8})],
        key=["n"],
        reset_to_zero=["o"],
        do_bench=lambda call, quantiles: (call(), [{4: 3.0, 16: 1.0, 8: 2.0}[seen.pop()]] * 3)[1],
    )
    @tegula.jit
    def kernel(x, o, n, B: tl.constexpr):
        i = tl.program_id(0) * B + tl.arange(0, B)
        tl.atomic_add(o + i, tl.load(x + i, i < n), i < n)

    def grid(meta):
        seen.append(meta["B"])
        return (tegula.cdiv(meta["n"], meta["B"]),)

    x, o = np.arange(20, dtype=np.int32), np.zeros(20, np.int32)
    kernel[grid](x, o, 20)
    assert kernel.best_config.kwargs == {"B": 16} and len(kernel.configs_timings) == 3
    assert np.array_equal(o, x)
    kernel[grid](x, o, 20)
    assert np.array_equal(o, 2 * x) and len(kernel.cache) == 1
    with pytest.raises(ValueError, match="the call gives B"):
        kernel[grid](x, o, 21, B=4)


def test_autotune_names():
    with pytest.raises(ValueError, match="key names what is no argument of the kernel: m"):
        tegula.autotune(configs=[tegula.Config({})], key=["m"])(tegula.jit(_plain))


def _plain(o, n):
    tl.store(o, n)


def test_heuristics():
    @tegula.heuristics({"B": lambda args: tegula.next_power_of_2(args["n"])})
    @tegula.jit
    def kernel(o, n, B: tl.constexpr):
        i = tl.arange(0, B)
        tl.store(o + i, i, i < n)

    o = np.zeros(5, np.int32)
    kernel[(1,)](o, 5)
    assert o.tolist() == [0, 1, 2, 3, 4]


def test_reinterpret():
    @tegula.jit
    def kernel(x, o):
        tl.store(o, tl.load(x).to(tl.int32))

    o = np.zeros(1, np.int32)
    kernel[(1,)](tegula.reinterpret(np.array([1.0], np.float32), tl.int32), o)
    assert o[0] == 0x3F800000


def _main(*arguments, **env):
    path = os.pathsep.join([str(Path(tegula.__file__).parents[1]), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "tegula", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **env},
        timeout=120,
    )


def test_settings_at_the_command_line(tmp_path):
    r = _main("settings", TEGULA_CACHE_DIR=str(tmp_path), TEGULA_DEBUG="1", TEGULA_NUM_THREADS="3")
    assert r.returncode == 0 and r.stderr == ""
    head, *lines = r.stdout.splitlines()
    rows = tegula.knobs.rows()
    assert head.split()[:4] == ["knobs.", "environment", "variable", "value"] and len(lines) == len(rows)
    for line, (name, type_, env, _default, text) in zip(lines, rows, strict=True):
        value = {"debug": "1", "num_threads": "3", "cache_dir": str(tmp_path)}.get(name)
        words = line.replace("*", " ").split()
        assert words[:2] == [name, env] and line.endswith(f"  {text} ({type_})")
        if value is not None:
            assert words[2] == value and line.startswith("*")
        elif env not in os.environ:
            assert line.startswith(" ")


def test_settings_that_cannot_be():
    r = _main("settings", TEGULA_NUM_THREADS="many")
    assert r.returncode == 1 and r.stdout == "" and "TEGULA_NUM_THREADS is 'many'" in r.stderr
    assert "Traceback" not in r.stderr
    for arguments, status in (((), 2), (("nothing",), 2), (("--help",), 0)):
        r = _main(*arguments)
        assert r.returncode == status and "python -m tegula settings" in (r.stderr if status else r.stdout)
