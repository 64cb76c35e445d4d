"""One kernel, every device, one answer within the computed bound.

`check(kernel, grid, *args, **meta)` runs the kernel on the reference device with its fp64 shadow, on the CPU as it is
compiled for users, and on the CPU with pulling off (every value materialised where it stands). It compares every
tensor argument, element for element:

* integers and booleans: equal bits;
* floats: within the bound that the shadow computed (no tolerance is written by hand), NaN where the reference has NaN;
* elements that no program stored: untouched;
* pulled against unpulled: equal bits.

TEGULA_TEST_DEVICES names the GPUs ("emu:sm_80,cuda:0"), each compared with the reference in the same way; emulated ones of
three architectures if it is not set, none if it is empty.

A comparison must not be vacuous: the bound has to stay below 2 % of the output's rms, and at most 1 % of the elements
may hang on a comparison that rounding can turn.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass

import numpy as np
import tegula
import torch
from gpu_memory import Memory
from tegula import testing

FLOATS = ["float16", "bfloat16", "float32", "float64"]
FP8 = ["float8_e4m3fn", "float8_e5m2"]
INTS = ["int8", "int16", "int32", "int64"]
UINTS = ["uint8", "uint16", "uint32", "uint64"]
ALL = FLOATS + INTS + UINTS + ["bool"]

SWEEP = os.environ.get("TEGULA_TEST_SWEEP", "0") not in ("", "0")
"""`make sweep`: full products of types, operations and shapes instead of a choice of them."""


def more(usual: list, others: list) -> list:
    """The usual values; in a sweep the others too."""
    return usual + [x for x in others if x not in usual] if SWEEP else usual


def sweep(*lists: list) -> list[tuple]:
    """Rows of one value of each list: in a sweep all of them, else so many that each pair of values of two lists occurs."""
    product = list(itertools.product(*lists))
    if SWEEP or len(lists) < 3:
        return product

    def pairs(row: tuple) -> set:
        return {(i, row[i], j, row[j]) for i, j in itertools.combinations(range(len(row)), 2)}

    missing = set().union(*map(pairs, product)) if product else set()
    rows = []
    while missing:
        best = max(product, key=lambda row: len(pairs(row) & missing))
        missing -= pairs(best)
        rows.append(best)
    return rows


DEVICES = [
    name for name in os.environ.get("TEGULA_TEST_DEVICES", "emu:sm_75,emu:sm_80,emu:sm_89").split(",") if name
]
"""GPUs that every kernel is run on beside the CPU and compared with the reference."""

BYTES = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def is_float(x: torch.Tensor) -> bool:
    return x.dtype.is_floating_point


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def data(shape, dtype: str, seed: int = 0, kind: str = "normal") -> torch.Tensor:
    """Random data of a dtype. `kind`: "normal" (uniform in [-2, 2) for floats), "whole" (small integers, so that every
    order of summation is exact), "positive", "special" (with NaN, infinities, zeros of both signs, tiny and huge)."""
    g = rng(seed)
    t = getattr(torch, dtype)
    if dtype == "bool":
        return torch.from_numpy(g.integers(0, 2, shape).astype(bool))
    if not t.is_floating_point:
        info = np.iinfo(dtype)
        low, high = (0 if info.min == 0 else -4, 5) if kind == "whole" else (info.min, info.max)
        if kind == "positive":
            low, high = 1, min(info.max, 1000)
        x = g.integers(low, high, shape, dtype=dtype, endpoint=kind != "whole")
        return torch.from_numpy(np.asarray(x))
    if kind == "whole":
        x = g.integers(-3, 4, shape).astype(np.float64)
    elif kind == "positive":
        x = g.uniform(0.25, 4, shape)
    else:
        x = g.uniform(-2, 2, shape)
    x = torch.from_numpy(np.asarray(x))
    if kind == "special":
        values = [
            float("nan"),
            float("inf"),
            -float("inf"),
            0.0,
            -0.0,
            1e-40,
            -1e-40,
            1e30,
            -1e30,
            65504.0,
            1.0,
            -1.0,
        ]
        flat = x.reshape(-1)
        for i, v in enumerate(values):
            if i < flat.numel():
                flat[g.integers(0, flat.numel())] = v
    return x.to(t)


@contextlib.contextmanager
def knobs(**values):
    """Settings for the block."""
    before = {name: getattr(tegula.knobs, name) for name in values}
    for name, value in values.items():
        setattr(tegula.knobs, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(tegula.knobs, name, value)


@contextlib.contextmanager
def device(name: str, pull: bool = True):
    """Launches in the block go to this device. Emulated GPUs stop at the first race or access out of bounds; copies land
    as late as they may on one of them and at once, with warps in a random order, on another."""
    emulated = {}
    if name.startswith("emu"):
        early = name == "emu:sm_89"
        emulated = {"emu_checks": "fatal", "emu_lazy": not early, "emu_seed": 1 if early else 0}
    before = tegula.knobs.device
    tegula.set_device(name)
    try:
        with knobs(cpu_pull=pull, **emulated):
            yield
    finally:
        tegula.set_device(before)


def raw(x: torch.Tensor) -> torch.Tensor:
    """The bits, as integers."""
    return x.contiguous().view(BYTES[x.element_size()])


def same_bits(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Element-wise; NaNs of any payload are the same."""
    equal = raw(a) == raw(b)
    if is_float(a):
        equal |= torch.isnan(a.double()) & torch.isnan(b.double())
    return equal.reshape(a.shape)


@dataclass
class Expected:
    """What the reference gives for one tensor argument."""

    tensor: torch.Tensor
    value: np.ndarray
    error: np.ndarray
    undecided: np.ndarray
    stored: np.ndarray


def clone(args):
    """Copies that keep sharing: tensors that share a storage go on sharing one, with the same strides and offsets."""
    storages: dict[int, torch.UntypedStorage] = {}

    def copy(x):
        if not isinstance(x, torch.Tensor):
            return x
        base = x.untyped_storage()
        fresh = storages.setdefault(base.data_ptr(), base.clone())
        return torch.empty(0, dtype=x.dtype).set_(fresh, x.storage_offset(), x.size(), x.stride())

    return [copy(x) for x in args]


def reference(kernel, grid, args, meta, name: str = "cpu") -> tuple[list, list[Expected | None]]:
    """What the device `name` should give."""
    copies = clone(args)
    precision = "" if name == "cpu" else "tf32"
    with device("reference"), knobs(f32_default=precision), testing.record_bounds(name) as bounds:
        kernel[grid](*copies, **meta)
        expected = []
        for x in copies:
            if not isinstance(x, torch.Tensor) or x.numel() == 0:
                expected.append(None)
                continue
            value, error, undecided, stored = (np.asarray(a) for a in bounds(x))
            expected.append(Expected(x, value, error, undecided, stored))
    return copies, expected


def compare(got: torch.Tensor, want: Expected, name: str, quality: bool = True) -> None:
    """Raises AssertionError with the first element that is outside its bound."""
    if not is_float(got):
        ok = same_bits(got, want.tensor).numpy() | want.undecided
    else:
        d = got.double().numpy()
        with np.errstate(invalid="ignore"):
            near = np.abs(d - want.value) <= want.error
        same_class = (np.isnan(d) & np.isnan(want.value)) | (d == want.value)
        ok = np.where(want.stored, near | same_class | want.undecided, same_bits(got, want.tensor).numpy())
    if not ok.all():
        at = tuple(int(i) for i in np.argwhere(~ok)[0])
        raise AssertionError(
            f"{name}{list(at)} is {got[at].item()!r}, the reference has {want.tensor[at].item()!r}"
            f" (fp64 {want.value[at]!r}, bound {want.error[at]!r}); {int((~ok).sum())} of {ok.size} elements are wrong"
        )
    assert want.undecided.mean() <= 0.01, f"{name}: {want.undecided.mean():.1%} of the elements are undecided"
    if quality and is_float(got) and want.stored.any():
        finite = want.stored & np.isfinite(want.value) & np.isfinite(want.error)
        if finite.any():
            rms = float(np.sqrt(np.mean(want.value[finite] ** 2)))
            worst = float(np.median(want.error[finite]))
            limit = 0.02 if got.element_size() > 1 else 0.2  # an 8-bit float has 2 to 3 bits of fraction
            assert rms == 0 or worst <= limit * rms, (
                f"{name}: a bound of {worst:.3g} says nothing about values of {rms:.3g}"
            )


def run(kernel, grid, args, meta, pull: bool = True, name: str = "cpu"):
    copies = clone(args)
    with device(name, pull):
        if name.startswith("cuda"):
            memory = Memory(int(name.split(":")[1]))
            try:
                kernel[grid](*map(memory.put, copies), **meta)
                memory.fetch()
            finally:
                memory.free()
        else:
            kernel[grid](*copies, **meta)
    return copies


def check(kernel, grid, *args, quality: bool = True, exact: bool = False, gpus: bool = True, **meta):
    """See the module's text. Returns the arguments as the CPU left them. `exact`: equal bits are demanded of floats too
    (data that is exact in any order). `gpus`: false for kernels whose programs add up in whatever order they run in, which
    no bound knows; their tests take what on_gpus() gives."""
    _, expected = reference(kernel, grid, args, meta)
    pulled = run(kernel, grid, args, meta)
    unpulled = run(kernel, grid, args, meta, pull=False)
    for i, want in enumerate(expected):
        if want is None:
            continue
        name = f"argument {i}"
        compare(pulled[i], want, name, quality)
        if exact:
            assert same_bits(pulled[i], want.tensor).all(), f"{name}: not exact"
        equal = same_bits(pulled[i], unpulled[i])
        assert equal.all(), f"{name}: pulled and unpulled differ in {int((~equal).sum())} elements"
    devices = DEVICES if gpus else []
    if devices:
        _, expected = reference(kernel, grid, args, meta, devices[0])
    for other in devices:
        got = run(kernel, grid, args, meta, name=other)
        for i, want in enumerate(expected):
            if want is not None:
                compare(got[i], want, f"{other}: argument {i}", quality)
                if exact:
                    assert same_bits(got[i], want.tensor).all(), f"{other}: argument {i}: not exact"
    return pulled


def on_gpus(kernel, grid, *args, **meta) -> list:
    """The arguments as each GPU left them."""
    return [run(kernel, grid, args, meta, name=name) for name in DEVICES]


def define(source: str, name: str = "kernel", **names):
    """A kernel from text, for tests that generate their kernels. `names` are its globals."""
    import linecache

    define.count = getattr(define, "count", 0) + 1
    file = f"<generated {os.getpid()}-{define.count}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    scope = {"tegula": tegula, "tl": tegula.language, **names}
    exec(compile(source, file, "exec"), scope)
    return scope[name]
