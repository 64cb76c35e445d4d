# testing.py - measuring and comparing
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""`do_bench` measures a call, `assert_close` compares arrays of NumPy or PyTorch, `perf_report` makes tables and plots
of measurements, `count` tells what a kernel did on an emulated GPU."""

from __future__ import annotations

import contextlib

from ._report import Benchmark, Counted, Mark, counting, perf_report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any


def _quantiles(times: list[float], quantiles: Sequence[float]) -> list[float]:
    """Linear interpolation between the sorted times."""
    ordered = sorted(times)
    result = []
    for q in quantiles:
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile lies between 0 and 1, got {q}")
        at = q * (len(ordered) - 1)
        low = int(at)
        high = min(low + 1, len(ordered) - 1)
        result.append(ordered[low] + (ordered[high] - ordered[low]) * (at - low))
    return result


def _clear_cache(buffer: bytearray) -> None:
    # Writing more bytes than the last-level cache holds puts the data of the last run out of it.
    buffer[:] = bytes(len(buffer))


def _summary(times: list[float], quantiles: Sequence[float] | None, return_mode: str) -> Any:
    if quantiles is not None:
        return _quantiles(times, quantiles)
    if return_mode == "all":
        return times
    if return_mode == "mean":
        return sum(times) / len(times)
    if return_mode == "median":
        return _quantiles(times, [0.5])[0]
    return min(times) if return_mode == "min" else max(times)


def _host_times(fn: Callable[[], Any], warmup: float, rep: float, before: Callable[[], None]) -> list[float]:
    from time import perf_counter_ns

    fn()
    begin = perf_counter_ns()
    for _ in range(3):
        fn()
    estimate = max((perf_counter_ns() - begin) / 3, 1.0)
    for _ in range(max(1, min(int(warmup * 1e6 / estimate), 100_000))):
        fn()
    times: list[float] = []
    for _ in range(max(1, min(int(rep * 1e6 / estimate), 100_000))):
        before()
        begin = perf_counter_ns()
        fn()
        times.append((perf_counter_ns() - begin) / 1e6)
    return times


def _gpu_times(
    device: str, fn: Callable[[], Any], warmup: float, rep: float, before: Callable[[], None]
) -> list[float]:
    from . import _tegula
    from .runtime.driver import active

    fn()
    _tegula.synchronize(device)
    stream = active.get_current_stream()
    # More than the second-level cache of any GPU of today: each run finds its data in memory.
    trial = _tegula.GpuTimer(device, stream, 256 << 20)
    trial.start()
    for _ in range(5):
        trial.flush()
        fn()
    trial.stop()
    estimate = max(trial.milliseconds()[0] / 5, 1e-3)
    for _ in range(max(1, int(warmup / estimate))):
        fn()
    timer = _tegula.GpuTimer(device, stream, 256 << 20)
    for _ in range(max(1, int(rep / estimate))):
        before()
        timer.flush()
        timer.start()
        fn()
        timer.stop()
    return timer.milliseconds()


def do_bench(
    fn: Callable[[], Any],
    warmup: float = 25,
    rep: float = 100,
    grad_to_none: Sequence[Any] | None = None,
    quantiles: Sequence[float] | None = None,
    return_mode: str = "mean",
    clear_cache: bool = False,
) -> Any:
    """Milliseconds of a call of `fn`: on a GPU those between two events of its stream, else those of the host.

    warmup, rep: milliseconds spent before and while measuring (at least one call each).
    quantiles: these quantiles as a list; return_mode then counts for nothing.
    return_mode: "mean", "median", "min", "max", or "all" for the list of times.
    grad_to_none: tensors whose .grad is dropped before each call.
    clear_cache: push the data out of the processor's caches before each call (on a GPU that is always done).

    An emulated GPU has no time: there `perf_report` shows counters, and any other call raises UnsupportedError.
    """
    if return_mode not in ("mean", "median", "min", "max", "all"):
        raise ValueError(f"return_mode is mean, median, min, max or all, got {return_mode!r}")
    from . import _tegula
    from .runtime.device import measured_device

    device = measured_device()
    if device.startswith("emu:"):
        if not counting():
            _tegula.raise_("emulated_bench", device)
        with count() as launches:
            fn()
        raise Counted(launches)
    on_gpu = device.startswith("cuda")
    buffer = bytearray(64 << 20) if clear_cache and not on_gpu else None

    def before() -> None:
        for tensor in grad_to_none or ():
            tensor.grad = None
        if buffer is not None:
            _clear_cache(buffer)

    times = _gpu_times(device, fn, warmup, rep, before) if on_gpu else _host_times(fn, warmup, rep, before)
    return _summary(times, quantiles, return_mode)


def count_instructions(fn: Callable[[], Any], quantiles: Sequence[float] | None = None, **_: Any) -> Any:
    """What the autotuner goes by on an emulated GPU, which has no time: instructions of warps that a call of `fn` runs."""
    with count() as launches:
        fn()
    total = float(sum(launch.counters["instructions"] for launch in launches))
    return [total] * len(quantiles) if quantiles is not None else total


class CountedLaunch:
    """One launch on an emulated GPU."""

    def __init__(
        self,
        kernel: str,
        device: str,
        grid: tuple[int, int, int],
        num_warps: int,
        counters: dict[str, Any],
        findings: list[dict[str, Any]],
    ) -> None:
        self.kernel = kernel
        self.device = device
        self.grid = grid
        self.num_warps = num_warps
        self.counters = counters
        """As in `tegula.emulator`: counters["instructions"], counters["global"]["sectors"], counters["by_line"], ..."""
        self.findings = findings
        """What the checks found (TEGULA_EMU_CHECKS=on)."""

    def __repr__(self) -> str:
        return f"<{self.kernel} on {self.device}: {self.counters['instructions']:,} instructions>"


@contextlib.contextmanager
def count() -> Iterator[list[CountedLaunch]]:
    """Within the block, launches of this thread on emulated GPUs are counted; the list has them afterwards.

    with count() as launches:
        kernel[grid](x, out, ...)  # on a device such as "emu:sm_80"
    print(launches[-1].counters["instructions"])
    """
    from . import _tegula

    recorder = _tegula.LaunchRecorder()
    launches: list[CountedLaunch] = []
    recorder.start()
    try:
        yield launches
    finally:
        recorder.stop()
        launches.extend(CountedLaunch(*row) for row in recorder.look())


def _numpy(value: Any) -> Any:
    """As a NumPy array; bfloat16 and 8-bit floats, which NumPy lacks, as float32."""
    import numpy as np

    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16" or "float8" in str(value.dtype):
            value = value.float()
        value = value.numpy()
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind == "V" or array.dtype.num >= 256 else array


def assert_close(
    x: Any,
    y: Any,
    atol: float | Callable[[Any], float] | None = None,
    rtol: float | Callable[[Any], float] | None = None,
    err_msg: str = "",
) -> None:
    """Raises AssertionError unless |x - y| <= atol + rtol * |y| for every element; NaN equals NaN, infinities by sign.

    x is what was computed, y what is right: arrays of NumPy, tensors of PyTorch, lists, numbers. atol is 0.01 and rtol 0
    unless given; a function is called with the dtype of x. The message says how many elements differ, and the worst.
    """
    import numpy as np

    dtype = getattr(x, "dtype", None)
    absolute = 1e-2 if atol is None else float(atol(dtype) if callable(atol) else atol)
    relative = 0.0 if rtol is None else float(rtol(dtype) if callable(rtol) else rtol)
    got, want = _numpy(x), _numpy(y)
    note = f"{err_msg}: " if err_msg else ""
    if got.shape != want.shape and got.size != 1 and want.size != 1:
        raise AssertionError(f"{note}the shapes differ: {got.shape} and {want.shape}")
    got, want = np.broadcast_arrays(got, want)
    wide = np.complex128 if got.dtype.kind == "c" or want.dtype.kind == "c" else np.longdouble
    a: Any = got.astype(wide)
    b: Any = want.astype(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(a - b)
        bound = absolute + relative * np.abs(b)
        good = (error <= bound) | (a == b) | (np.isnan(a) & np.isnan(b))
        # An infinite bound accepts nothing but the same infinity.
        good &= np.isfinite(b) | (a == b) | (np.isnan(a) & np.isnan(b))
    if good.all():
        return
    bad = ~good
    rank = np.where(np.isnan(error), np.inf, error - np.where(np.isfinite(bound), bound, 0))
    worst = int(np.argmax(np.where(bad, rank, -np.inf)))
    place = tuple(int(i) for i in np.unravel_index(worst, bad.shape)) if bad.shape else ()
    at = f" at {list(place)}" if place else ""
    raise AssertionError(
        f"{note}{int(bad.sum())} of {bad.size} elements differ by more than {absolute:g} + {relative:g} * |expected|\n"
        f"  worst{at}: got {got[place]}, expected {want[place]}, difference {float(error[place]):g}"
    )


class Bounds:
    """What the reference device recorded while `record_bounds` was active."""

    def __init__(self) -> None:
        from . import _tegula

        self._recorder = _tegula.BoundsRecorder()

    def __call__(self, tensor: Any) -> tuple[Any, Any, Any, Any]:
        """For each element of a tensor that was an argument: four NumPy arrays of its shape.

        value: what fp64 arithmetic gives; error: how far a device's result may be from it, each operation rounded once
        and sums in any order; undecided: a comparison or a conversion to integer on the way could go either way, so
        nothing is claimed; stored: whether a program stored the element at all (else value and error are 0).
        """
        import numpy as np

        if hasattr(tensor, "data_ptr"):
            size = tensor.element_size()
            address, shape = tensor.data_ptr(), list(tensor.shape)
            strides = [s * size for s in tensor.stride()]
        else:
            address, shape, strides = tensor.ctypes.data, list(tensor.shape), list(tensor.strides)
        value, error, undecided, stored = self._recorder.look(address, shape, strides)
        return (
            np.frombuffer(value, np.float64).reshape(shape),
            np.frombuffer(error, np.float64).reshape(shape),
            np.frombuffer(undecided, np.bool_).reshape(shape),
            np.frombuffer(stored, np.bool_).reshape(shape),
        )


@contextlib.contextmanager
def record_bounds(device: str = "cpu") -> Iterator[Bounds]:
    """Within the block, launches on the reference device record the value and the error bound of what they store, for
    results of `device` ("cpu", "cuda:0", "emu:sm_80"): math functions are of other accuracy on GPUs.

    with record_bounds() as bounds:
        kernel[grid](x, out, ...)  # on the device "reference"
        value, error, undecided, stored = bounds(out)
    """
    bounds = Bounds()
    bounds._recorder.start(device not in ("cpu", "reference"))
    try:
        yield bounds
    finally:
        bounds._recorder.stop()


@contextlib.contextmanager
def reachable(*tensors: Any) -> Iterator[None]:
    """Within the block, kernels on emulated GPUs may touch these tensors without being given them: by a table of their
    addresses. What neither an argument nor this names is out of bounds."""
    from . import _tegula
    from .emulator import _memory

    places = [place for place in map(_memory, tensors) if place is not None]
    for address, size in places:
        _tegula.share_memory(address, address + size)
    try:
        yield
    finally:
        for address, size in places:
            _tegula.unshare_memory(address, address + size)


__all__ = [
    "Benchmark",
    "Bounds",
    "CountedLaunch",
    "Mark",
    "assert_close",
    "count",
    "count_instructions",
    "do_bench",
    "perf_report",
    "reachable",
    "record_bounds",
]
