"""The instruction sets that this machine can run: python tests/run/archs.py prints them."""

from __future__ import annotations

import contextlib

import numpy as np
import tegula
import tegula.language as tl
from tegula import errors

LEVELS = ["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"]


@tegula.jit
def touch(x):
    tl.store(x, tl.load(x) + 1)


@contextlib.contextmanager
def compiled_for(arch: str):
    """Launches in the block run code for `arch`."""
    before = tegula.knobs.cpu_arch
    tegula.knobs.cpu_arch = arch
    try:
        yield
    finally:
        tegula.knobs.cpu_arch = before


def runnable() -> list[str]:
    found = []
    for arch in LEVELS:
        with compiled_for(arch), contextlib.suppress(errors.LaunchError):
            touch[(1,)](np.zeros(1, np.float32))
            found.append(arch)
    return found


if __name__ == "__main__":
    print(*runnable())
