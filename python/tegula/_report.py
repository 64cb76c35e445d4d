# _report.py - tables and plots of measurements
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""`Benchmark` and `perf_report`, in Triton's form. On an emulated GPU, which has no time, the table shows counters."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

# What is shown of a launch on an emulated GPU, by head.
_COUNTERS: dict[str, Callable[[dict[str, Any]], int]] = {
    "instructions": lambda c: c["instructions"],
    "sectors": lambda c: c["global"]["sectors"],
    "sectors needed": lambda c: c["global"]["ideal"],
    "shared wavefronts": lambda c: c["shared"]["wavefronts"],
    "barriers": lambda c: c["barriers"],
}

_depth = 0


def counting() -> bool:
    """Whether a report is being made, so that `do_bench` may count where there is no time."""
    return _depth > 0


class Counted(BaseException):
    """Takes counters past the function that wanted milliseconds, up to the report."""

    def __init__(self, launches: Sequence[Any]) -> None:
        super().__init__()
        self.launches = launches


class Benchmark:
    """A family of measurements: a function called for each value on the x axis and each line.

    x_names: parameters of the function that take the values of the x axis.
    x_vals: these values; a tuple gives each of x_names its own, anything else goes to all of them.
    line_arg, line_vals, line_names: the parameter that tells lines apart, its values, and their names.
    plot_name: the title, and the name of files. args: values of the other parameters.
    styles: (colour, line style) for each line, as Matplotlib takes them.
    """

    def __init__(
        self,
        x_names: Sequence[str],
        x_vals: Sequence[Any],
        line_arg: str,
        line_vals: Sequence[Any],
        line_names: Sequence[str],
        plot_name: str,
        args: Mapping[str, Any],
        xlabel: str = "",
        ylabel: str = "",
        x_log: bool = False,
        y_log: bool = False,
        styles: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        self.x_names = list(x_names)
        self.x_vals = list(x_vals)
        self.line_arg = line_arg
        self.line_vals = list(line_vals)
        self.line_names = list(line_names)
        self.plot_name = plot_name
        self.args = dict(args)
        self.xlabel = xlabel
        self.ylabel = ylabel
        self.x_log = x_log
        self.y_log = y_log
        self.styles = list(styles or ())

    def _points(self) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        for x in self.x_vals:
            xs = tuple(x) if isinstance(x, (list, tuple)) else (x,) * len(self.x_names)
            if len(xs) != len(self.x_names):
                raise ValueError(f"{len(self.x_names)} x_names, but x_vals has {x!r}")
            yield xs, dict(zip(self.x_names, xs, strict=True))


Row = tuple["tuple[Any, ...]", "list[Any]"]
"""The values of x_names, then for each line (value, lowest, highest), or the launches that were counted."""


def _triple(y: Any) -> tuple[float, float, float]:
    if isinstance(y, (list, tuple)):
        value, low, high = y
        return value, value if low is None else low, value if high is None else high
    return y, y, y


def _print(lines: list[list[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


class Mark:
    """A function with its benchmarks. Made by `perf_report`."""

    def __init__(self, fn: Callable[..., Any], benchmarks: Any) -> None:
        self.fn = fn
        self.benchmarks = benchmarks

    def _measure(self, b: Benchmark, kwargs: Mapping[str, Any]) -> list[Row]:
        global _depth
        rows: list[Row] = []
        for xs, arguments in b._points():
            values: list[Any] = []
            for line in b.line_vals:
                _depth += 1
                try:
                    values.append(_triple(self.fn(**arguments, **{b.line_arg: line}, **b.args, **kwargs)))
                except Counted as counted:
                    values.append(counted.launches)
                finally:
                    _depth -= 1
            rows.append((xs, values))
        return rows

    def run(
        self,
        show_plots: bool = False,
        print_data: bool = False,
        save_path: str = "",
        return_df: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Measures. Prints a table if asked to, shows plots, or puts them into a folder with a table as CSV; with
        return_df, returns a pandas.DataFrame for each benchmark. On an emulated GPU: a table of counters, whatever was
        asked for."""
        single = isinstance(self.benchmarks, Benchmark)
        frames = []
        for b in [self.benchmarks] if single else self.benchmarks:
            rows = self._measure(b, kwargs)
            if any(not isinstance(value, tuple) for _, values in rows for value in values):
                _print_counters(b, rows)
                continue
            if print_data:
                print(f"{b.plot_name}:")
                _print([_heads(b), *([str(x) for x in xs] + [_number(v[0]) for v in vs] for xs, vs in rows)])
            if show_plots or save_path:
                _plot(b, rows, show_plots, save_path)
            if save_path:
                _save_table(b, rows, save_path)
            if return_df:
                frames.append(_frame(b, rows))
        if not return_df:
            return None
        return frames[0] if single and frames else frames


def _heads(b: Benchmark) -> list[str]:
    return [*b.x_names, *(f"{n} ({b.ylabel})" if b.ylabel else n for n in b.line_names)]


def _print_counters(b: Benchmark, rows: list[Row]) -> None:
    """Each measured call of an emulated GPU by what it did; a line that launched nothing there has dashes."""
    table = [[*b.x_names, b.line_arg, *_COUNTERS]]
    device = ""
    for xs, values in rows:
        for name, launches in zip(b.line_names, values, strict=True):
            cells = ["-"] * len(_COUNTERS)
            if not isinstance(launches, tuple) and launches:
                device = launches[0].device
                cells = [_number(sum(of(each.counters) for each in launches)) for of in _COUNTERS.values()]
            table.append([*(str(x) for x in xs), name, *cells])
    print(f"{b.plot_name}: counters of {device or 'an emulated GPU'} (it has no time)")
    _print(table)


def _plot(b: Benchmark, rows: list[Row], show: bool, folder: str) -> None:
    import os

    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    xs = [x[0] for x, _ in rows]
    for i, name in enumerate(b.line_names):
        color, style = b.styles[i] if i < len(b.styles) else (None, None)
        lows, highs = [v[i][1] for _, v in rows], [v[i][2] for _, v in rows]
        (line,) = axes.plot(xs, [v[i][0] for _, v in rows], label=name, color=color, ls=style)
        if any(low != high for low, high in zip(lows, highs, strict=True)):
            axes.fill_between(xs, lows, highs, alpha=0.15, color=line.get_color())
    axes.legend()
    axes.set_xlabel(b.xlabel or b.x_names[0])
    axes.set_ylabel(b.ylabel)
    axes.set_title(b.plot_name)
    axes.set_xscale("log" if b.x_log else "linear")
    axes.set_yscale("log" if b.y_log else "linear")
    if folder:
        os.makedirs(folder, exist_ok=True)
        figure.savefig(os.path.join(folder, f"{b.plot_name}.png"))
    if show:
        plt.show()
    plt.close(figure)


def _save_table(b: Benchmark, rows: list[Row], folder: str) -> None:
    import csv
    import os

    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"{b.plot_name}.csv"), "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_heads(b))
        writer.writerows([*xs, *(v[0] for v in values)] for xs, values in rows)


def _frame(b: Benchmark, rows: list[Row]) -> Any:
    import pandas

    return pandas.DataFrame([[*xs, *(v[0] for v in values)] for xs, values in rows], columns=_heads(b))


def perf_report(benchmarks: Any) -> Callable[[Callable[..., Any]], Mark]:
    """A decorator that makes a function's measurements runnable by `.run(print_data=True)`."""
    return lambda fn: Mark(fn, benchmarks)
