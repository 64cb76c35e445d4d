# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels with one instruction deleted: does the emulator notice?

A mutant is run as its case runs the kernel, checks on, under several schedules, against the right result. It is caught
by a finding of the checks, by a wrong result, or because the kernel stops (a trap, a deadlock). `survivor` says of one
that is not caught why nothing is wrong with it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import tegula
from ptx import Kernel

CLASSES = {
    "cp.async": r"cp\.async\.c[ag]\b",
    "cp.async commit": r"cp\.async\.commit_group\b",
    "cp.async wait": r"cp\.async\.wait_(group|all)\b",
    "barrier": r"bar(rier)?\.(cta\.)?sync\b(?!\.warp)",
    "shared store": r"st\.shared\b",
    "shared load": r"ld\.shared\b",
    "ldmatrix": r"ldmatrix\b",
    "mma": r"mma\b",
    "shuffle": r"shfl\b",
    "atomic": r"(atom|red)\b",
    "global load": r"ld\.global\b",
    "global store": r"st\.global\b",
}
_LINE = {
    name: re.compile(r"^(\s*)(@!?%p\d+\s+)?(" + pattern + r")[^;{]*(\{[^;]*)?;\s*(//.*)?$")
    for name, pattern in CLASSES.items()
}

LIMIT = 20_000_000  # instructions of warps: a mutant may wait for ever
SCHEDULES: list[dict[str, Any]] = [{}, {"lazy": False}, {"seed": 1}, {"seed": 2, "lazy": False}, {"seed": 3}]
MORE: list[dict[str, Any]] = [{"seed": seed, "lazy": seed % 2 == 0} for seed in range(4, 28)]


@dataclass(frozen=True)
class Mutant:
    kind: str
    line: int  # 1-based
    text: str


def mutants(ptx: str) -> list[Mutant]:
    found = []
    for number, line in enumerate(ptx.splitlines(), 1):
        for kind, pattern in _LINE.items():
            if pattern.match(line):
                found.append(Mutant(kind, number, line.strip()))
    return found


def sample(found: list[Mutant], most: int, seed: int = 1) -> list[Mutant]:
    """At most so many of each class, the same ones each time."""
    chosen = []
    for kind in CLASSES:
        own = [m for m in found if m.kind == kind]
        chosen += own if len(own) <= most else random.Random(seed).sample(own, most)
    return chosen


def without(kernel: Kernel, mutant: Mutant) -> Kernel:
    lines = kernel.ptx.splitlines()
    lines[mutant.line - 1] = ""
    return replace(kernel, ptx="\n".join(lines) + "\n", _module=None)


def verdict(
    kernels: list[Kernel], which: int, mutant: Mutant | None, run: Callable[..., None], schedules=SCHEDULES
) -> str:
    """ "check: <kind>", "result", "stop", or "" for a survivor. Without a mutant: the kernels as they are."""
    changed = list(kernels)
    if mutant:
        changed[which] = without(kernels[which], mutant)
    for how in schedules:
        try:
            run(*changed, {"instruction_limit": LIMIT, **how})
        except tegula.errors.DeviceError as error:
            text = str(error).removeprefix("error: ")
            return "stop" if text.startswith("kernel") else "check: " + text.split(":")[0]
        except AssertionError:
            return "result"
    return ""


def lanes(report) -> dict[int, int]:
    """Lane-instructions of each line of the PTX."""
    counted: dict[int, int] = {}
    for row in report.counters["by_instruction"]:
        counted[row["ptx_line"]] = counted.get(row["ptx_line"], 0) + row["lanes"]
    return counted


def each(kernels: list[Kernel], most: int) -> Iterator[tuple[int, Mutant]]:
    for which, kernel in enumerate(kernels):
        for mutant in sample(mutants(kernel.ptx), most):
            yield which, mutant
