# test_report.py - tables and plots of measurements, and of counters where there is no time
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import sys
import types

import gpu_ptx
import numpy as np
import pytest
import small_kernels as kernels
import tegula
from tegula.testing import Benchmark, perf_report


@pytest.fixture(autouse=True)
def device_stays():
    yield
    tegula.set_device(None)


def lines(**more):
    return Benchmark(
        ["n"],
        [1, 2],
        "kind",
        ["a", "b"],
        ["A", "B"],
        "plot",
        {"factor": 10},
        ylabel="GB/s",
        styles=[("blue", "-")],
        **more,
    )


def made(n, kind, factor):
    value = factor * n * (2 if kind == "b" else 1)
    return (value, value - 1, value + 1) if kind == "b" else value


def test_table(capsys):
    assert perf_report(lines())(made).run(print_data=True) is None
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert title == "plot:" and head.split() == ["n", "A", "(GB/s)", "B", "(GB/s)"]
    assert [row.split() for row in rows] == [["1", "10", "20"], ["2", "20", "40"]]
    perf_report([lines(), lines()])(made).run()
    assert capsys.readouterr().out == ""


def test_several_names_on_the_axis():
    seen = []
    for x, wanted in (((3, 4), (3, 4)), (5, (5, 5))):
        b = Benchmark(["m", "n"], [x], "kind", [0], ["A"], "plot", {})
        perf_report(b)(lambda m, n, kind: seen.append((m, n)) or 1.0).run()
        assert seen.pop() == wanted
    with pytest.raises(ValueError, match="2 x_names, but x_vals has"):
        perf_report(Benchmark(["m", "n"], [(1, 2, 3)], "kind", [0], ["A"], "plot", {}))(made).run()


def test_files(tmp_path, monkeypatch):
    """Matplotlib is asked for when a plot is wanted, and not before."""
    calls = []

    class Recorder:
        def __init__(self, name=""):
            self.name = name

        def __getattr__(self, name):
            return Recorder(f"{self.name}.{name}".lstrip("."))

        def __call__(self, *args, **kwargs):
            calls.append((self.name, args, kwargs))
            if self.name == "subplots":
                return Recorder("figure"), Recorder("axes")
            return [Recorder("line")] if self.name == "axes.plot" else None

    pyplot = Recorder()
    monkeypatch.setitem(sys.modules, "matplotlib", types.SimpleNamespace(pyplot=pyplot))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    perf_report(lines(x_log=True))(made).run()
    assert calls == []
    perf_report(lines(x_log=True))(made).run(save_path=str(tmp_path / "plots"))
    names = [name for name, *_ in calls]
    assert names.count("axes.plot") == 2 and names.count("axes.fill_between") == 1 and "show" not in names
    assert ("axes.set_xscale", ("log",), {}) in calls and ("axes.set_yscale", ("linear",), {}) in calls
    assert ("axes.plot", ([1, 2], [10, 20]), {"label": "A", "color": "blue", "ls": "-"}) in calls
    assert (tmp_path / "plots/plot.csv").read_text().split() == [
        "n,A",
        "(GB/s),B",
        "(GB/s)",
        "1,10,20",
        "2,20,40",
    ]
    perf_report(lines())(made).run(show_plots=True)
    assert [name for name, *_ in calls].count("show") == 1


def test_data_frames(monkeypatch):
    pandas = types.SimpleNamespace(DataFrame=lambda rows, columns: (columns, rows))
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    wanted = (["n", "A (GB/s)", "B (GB/s)"], [[1, 10, 20], [2, 20, 40]])
    assert perf_report(lines())(made).run(return_df=True) == wanted
    assert perf_report([lines()])(made).run(return_df=True) == [wanted]


def test_counters_instead_of_time(tmp_path, capsys):
    """On an emulated GPU `do_bench` gives no milliseconds, neither within a report nor outside."""
    x, o = np.ones(512, np.float32), np.zeros(512, np.float32)

    def bench(n, kind, factor):
        if kind == "b":
            ms = tegula.testing.do_bench(lambda: None)
        else:
            ms = tegula.testing.do_bench(lambda: kernels.add[(n,)](x, x, o, 512, BLOCK=128), quantiles=[0.5])
        raise AssertionError(f"{ms} milliseconds on an emulated GPU")

    tegula.set_device("emu:sm_80")
    with gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add()):
        perf_report(lines())(bench).run(print_data=True, save_path=str(tmp_path / "plots"))
        title, head, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
        assert " ".join(title) == "plot: counters of emu:sm_80 (it has no time)"
        assert head[:4] == ["n", "kind", "instructions", "sectors"] and "ms" not in head
        assert [row[:2] for row in rows] == [["1", "A"], ["1", "B"], ["2", "A"], ["2", "B"]]
        assert int(rows[2][2].replace(",", "")) == 2 * int(rows[0][2].replace(",", "")) > 0
        assert rows[1][2:] == ["-"] * 5 and not (tmp_path / "plots").exists()
        with pytest.raises(
            tegula.UnsupportedError, match="the device emu:sm_80 has no clock of a GPU"
        ) as caught:
            tegula.testing.do_bench(lambda: None)
        assert caught.value.id == "emulated_bench"


def test_autotuner_goes_by_instructions(tmp_path):
    tegula.set_device("emu:sm_80")
    kernel = tegula.autotune(
        configs=[tegula.Config({"BLOCK": 256}), tegula.Config({"BLOCK": 128})], key=["n"], warmup=1, rep=1
    )(kernels.add)
    x, o = np.ones(512, np.float32), np.zeros(512, np.float32)
    with gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add()):
        # The kernel does 128 elements whatever BLOCK is: the smaller grid runs fewer instructions.
        kernel[lambda meta: (512 // meta["BLOCK"],)](x, x, o, 512)
    assert kernel.best_config.kwargs == {"BLOCK": 256}
