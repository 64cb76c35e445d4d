# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Emulated NVIDIA GPUs that run PTX text on the host.

    module = tegula.emulator.load(ptx, "sm_80")
    report = module.launch("add", (4,), (128,), [x, y, out, n])

Arguments are NumPy arrays and PyTorch CPU tensors, changed in place, numbers, or anything with `data_ptr()`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import _tegula, knobs

__all__ = ["Finding", "Module", "Report", "load"]


@dataclass(frozen=True)
class Finding:
    """What a check found: `kind`, a sentence `text`, and where. `other` is the other party of a race, as a dictionary."""

    kind: str
    text: str
    kernel: str
    file: str
    ptx_line: int
    line: int
    block: tuple[int, int, int]
    thread: tuple[int, int, int]
    count: int
    other: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True)
class Report:
    """What a launch did: `counters` (empty unless asked for) and `findings` of the checks. Its text is a table of both."""

    counters: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    _table: str = field(default="", repr=False)

    def table(self) -> str:
        """The counters for people."""
        return self._table

    def __str__(self) -> str:
        return self._table + "".join(f"{f}\n" for f in self.findings)


def _memory(value: Any) -> tuple[int, int] | None:
    """Address and bytes of an array, from its first to its last element; None for a number."""
    interface = getattr(value, "__array_interface__", None)
    if interface is not None and getattr(value, "shape", None) != ():
        if interface["data"][1]:
            raise ValueError("a read-only array cannot be given to a kernel")
        itemsize = int(interface["typestr"][2:])
        shape, strides = interface["shape"], interface["strides"]
        if 0 in shape:
            return interface["data"][0], 0
        if strides is None:
            size = itemsize
            for extent in shape:
                size *= extent
            return interface["data"][0], size
        if any(stride < 0 for stride in strides):
            raise ValueError("an array with negative strides cannot be given to a kernel")
        return interface["data"][0], sum((n - 1) * s for n, s in zip(shape, strides)) + itemsize
    if hasattr(value, "data_ptr"):
        address = value.data_ptr()
        if not hasattr(value, "untyped_storage"):
            return address, getattr(value, "nbytes", 1 << 40)
        storage = value.untyped_storage()
        return address, storage.data_ptr() + storage.nbytes() - address
    return None


def _pack(value: Any, size: int, kind: str, position: int) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        if len(value) != size:
            raise ValueError(f"argument {position}: {len(value)} bytes for a parameter of {size}")
        return bytes(value)
    if isinstance(value, float) or (kind == "f" and not hasattr(value, "data_ptr")):
        formats = {2: "<e", 4: "<f", 8: "<d"}
        if size not in formats:
            raise TypeError(f"argument {position}: a float for a parameter of {size} bytes")
        return struct.pack(formats[size], float(value))
    number = 0 if value is None else value.__index__()
    if not -(1 << (8 * size - 1)) <= number < 1 << (8 * size):
        raise OverflowError(f"argument {position}: {number} does not fit into {size} bytes")
    return (number & ((1 << (8 * size)) - 1)).to_bytes(size, "little")


def _triple(value: Any) -> list[int]:
    sizes = [int(value)] if not isinstance(value, (tuple, list)) else [int(v) for v in value]
    if not 1 <= len(sizes) <= 3 or any(v < 0 for v in sizes):
        raise ValueError(f"expected one to three sizes, got {value!r}")
    return sizes + [1] * (3 - len(sizes))


class Module:
    """PTX that is ready to run."""

    def __init__(self, ptx: str, arch: str, name: str) -> None:
        self._module = _tegula.EmulatedModule(ptx, arch, name)
        self.arch = arch

    @property
    def entries(self) -> list[str]:
        """Names of the kernels."""
        return self._module.entries()

    def variable(self, name: str) -> Any:
        """The bytes of a `.global` or `.const` variable, as a NumPy array that shares its memory."""
        import ctypes

        import numpy as np

        address, size = self._module.variable(name)
        if not address:
            raise KeyError(name)
        array = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))
        return array

    def launch(
        self,
        name: str,
        grid: int | Sequence[int],
        block: int | Sequence[int],
        args: Sequence[Any],
        shared: int = 0,
        *,
        checks: str | None = None,
        counters: bool = False,
        lazy: bool = True,
        seed: int = 0,
        threads: int = 0,
        cooperative: bool = False,
        hardware_accumulate: bool = False,
        unwritten: Sequence[Any] = (),
        instruction_limit: int = 0,
        memory: Sequence[Any] = (),
    ) -> Report:
        """Runs a kernel to its end.

        `shared` is the dynamic shared memory in bytes. `checks`: "off", "on" (collect findings) or "fatal" (raise at the
        first), then `,+name` or `,-name` of single checks: "on,+same-value-race". `lazy`: `cp.async` lands at its wait,
        else at once. `seed`: a random order of warps. `unwritten`: those of the arguments whose contents do not count:
        reading them before the kernel has written them is a finding. A kernel that does not end is stopped by Ctrl-C, or
        by an error after about `instruction_limit` instructions of warps. `memory`: arrays that the kernel reaches by
        addresses in other arrays.
        """
        checks = checks or knobs.emu_checks
        parameters = self._module.parameters(name)
        if len(args) != len(parameters):
            raise TypeError(f"{name}: {len(parameters)} parameters, {len(args)} arguments")
        packed = bytearray()
        known: list[tuple[int, int, str, bool]] = []
        for number, value in enumerate(memory):
            place = _memory(value)
            if place is None:
                raise TypeError(f"memory {number}: expected an array, got {value!r}")
            known.append((place[0], place[1], f"memory {number}", False))
        for position, (value, (offset, size, kind)) in enumerate(zip(args, parameters)):
            packed += bytes(offset - len(packed))
            place = _memory(value)
            if place is not None:
                fresh = any(value is other for other in unwritten)
                known.append((place[0], place[1], f"argument {position}", fresh))
                value, kind = place[0], "b"
            packed += _pack(value, size, kind, position)
        options = {
            "shared": shared,
            "checks": checks,
            "counters": counters,
            "lazy": lazy,
            "seed": seed,
            "threads": threads,
            "cooperative": cooperative,
            "hardware_accumulate": hardware_accumulate,
            "instruction_limit": instruction_limit,
        }
        found = self._module.launch(name, _triple(grid), _triple(block), bytes(packed), known, options)
        return Report(found[0], [Finding(**f) for f in found[1]], found[2])


def load(ptx: str | bytes, arch: str | None = None, name: str = "<ptx>") -> Module:
    """Parses and checks PTX for an architecture (`sm_75`, `sm_80`, `sm_86`, `sm_87`, `sm_89`)."""
    text = ptx.decode() if isinstance(ptx, bytes) else ptx
    return Module(text.rstrip("\0"), arch or knobs.emu_arch, name)
