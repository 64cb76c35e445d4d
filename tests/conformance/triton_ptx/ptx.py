# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PTX that Triton made, from a cache by content in build/, and its launches on the emulator.

A `Request` names a kernel, its types and constants; `compiled(requests)` gives a `Kernel` for each. What is not in the
cache is compiled in one call of the peer's Python (`peer.py`), so ask for many at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tegula import emulator

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CACHE = ROOT / "build" / "triton-ptx"
PEER = ROOT / ".venv-peer" / "bin" / "python"
BENCH = str(ROOT / "tests" / "bench" / "kernels.py")
ARCHS = (75, 80, 89)


@dataclass(frozen=True)
class Request:
    """Either `case`, a name in CASES of tests/bench/kernels.py, or a kernel of a file with all it needs."""

    arch: int
    case: str = ""
    file: str = BENCH
    kernel: str = ""
    types: str = ""
    constexprs: tuple[tuple[str, Any], ...] = ()
    divisible: tuple[str, ...] | None = None
    warps: int | None = None
    stages: int | None = None
    options: tuple[tuple[str, Any], ...] = ()

    def on(self, arch: int) -> Request:
        return Request(**{**self.__dict__, "arch": arch})

    def wire(self) -> dict[str, Any]:
        """What peer.py reads."""
        given = {name: value for name, value in self.__dict__.items() if value not in (None, "")}
        given["constexprs"] = dict(self.constexprs)
        given["options"] = dict(self.options)
        return given

    def key(self) -> str:
        text = json.dumps(self.wire() | {"file": ""}, sort_keys=True) + "\n" + _text(self.file) + _tool()
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def request(
    file: str,
    kernel: str,
    types: str,
    *,
    warps: int = 4,
    stages: int = 3,
    divisible: str = "",
    options=(),
    **constexprs,
) -> Request:
    """A kernel of kernels/<file>.py, for the first architecture; `.on(arch)` gives the others."""
    return Request(
        arch=ARCHS[0],
        file=str(HERE / "kernels" / f"{file}.py"),
        kernel=kernel,
        types=types,
        constexprs=tuple(constexprs.items()),
        divisible=tuple(divisible.split()),
        warps=warps,
        stages=stages,
        options=tuple(dict(options).items()),
    )


_texts: dict[str, str] = {}


def _text(path: str) -> str:
    if path not in _texts:
        _texts[path] = pathlib.Path(path).read_text()
    return _texts[path]


def _tool() -> str:
    """Triton's version and the text of peer.py."""
    if "" not in _texts:
        found = sorted(ROOT.glob(".venv-peer/lib/python3*/site-packages/triton-*.dist-info"))
        _texts[""] = " ".join(path.name for path in found) + _text(str(HERE / "peer.py"))
    return _texts[""]


@dataclass
class Kernel:
    ptx: str
    name: str
    arch: int
    shared: int
    warps: int
    scratch: int
    arguments: list[str]
    _module: emulator.Module | None = field(default=None, repr=False)

    @property
    def module(self) -> emulator.Module:
        if self._module is None:
            self._module = emulator.load(self.ptx, f"sm_{self.arch}", self.name)
        return self._module

    def __call__(self, grid: int | Sequence[int], *args: Any, **settings: Any) -> emulator.Report:
        """Launches as Triton's launcher does: two pointers to scratch memory follow the arguments."""
        blocks = int(np.prod(grid))
        scratch = np.zeros(max(1, self.scratch * blocks), np.uint8) if self.scratch else 0
        settings.setdefault("checks", "fatal")
        return self.module.launch(
            self.name, grid, 32 * self.warps, [*args, scratch, 0], self.shared, **settings
        )


class CompileError(Exception):
    """Triton refused."""


def compiled(requests: Iterable[Request], errors: bool = False) -> list[Kernel]:
    """`errors`: a CompileError stands in the place of a kernel that Triton refused, else it is thrown."""
    requests = list(requests)
    missing = [r for r in dict.fromkeys(requests) if not (CACHE / f"{r.key()}.json").exists()]
    if missing:
        if not PEER.exists():
            raise RuntimeError(f"{PEER} is missing: .make/setup.sh test makes it")
        CACHE.mkdir(parents=True, exist_ok=True)
        run = subprocess.Popen(
            [PEER, HERE / "peer.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert run.stdin and run.stdout
        json.dump([r.wire() for r in missing], run.stdin)
        run.stdin.close()
        for line in run.stdout:
            result = json.loads(line)
            path = CACHE / f"{missing[result.pop('at')].key()}.json"
            scratch = path.with_suffix(f".{os.getpid()}")
            scratch.write_text(json.dumps(result))
            scratch.rename(path)
        if run.wait():
            raise RuntimeError(f"peer.py ended with status {run.returncode}")
    kernels: list[Any] = []
    for r in requests:
        got = json.loads((CACHE / f"{r.key()}.json").read_text())
        if "error" in got:
            failure = CompileError(f"{r.kernel or r.case} sm_{r.arch}: {got['error']}")
            if not errors:
                raise failure
            kernels.append(failure)
            continue
        kernels.append(Kernel(arch=r.arch, **got))
    return kernels
