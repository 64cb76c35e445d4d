"""CUDA C++ programs of tests/conformance/cuda as PTX made by nvcc, kept in build/ptx by their content."""

from __future__ import annotations

import functools
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from tegula import emulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(__file__).resolve().parent / "cuda"
KEPT = ROOT / "build" / "ptx"
ARCHES = ["sm_75", "sm_80", "sm_89"]


@functools.cache
def compiler() -> str | None:
    """nvcc of the toolkit in the path, of CUDA_HOME, else of the packages that `make test` installs from PyPI."""
    places = [f"{home}/bin/nvcc" for home in (os.environ.get("CUDA_HOME"),) if home]
    places += [shutil.which("nvcc") or "", "/usr/local/cuda/bin/nvcc"]
    places += sorted(map(str, ROOT.glob(".venv/lib/python3*/site-packages/nvidia/cu*/bin/nvcc")))
    return next((place for place in places if os.access(place, os.X_OK)), None)


@functools.cache
def version() -> str:
    answer = subprocess.run([compiler() or "nvcc", "--version"], capture_output=True, text=True, check=True)
    return answer.stdout


def compile_program(name: str, arch: str) -> str:
    source = PROGRAMS / f"{name}.cu"
    flags = ["-ptx", f"-arch=compute_{arch[3:]}", "-O3", "-std=c++17", "-lineinfo", "-w"]
    digest = hashlib.sha256("\0".join([version(), *flags, source.read_text()]).encode()).hexdigest()[:24]
    kept = KEPT / f"{name}.{arch}.{digest}.ptx"
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        made = kept.with_suffix(f".{os.getpid()}")
        command = [compiler() or "nvcc", *flags, "-o", str(made), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=PROGRAMS)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
        made.replace(kept)
    return kept.read_text()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count())


@functools.cache
def _ahead(name: str, arch: str) -> Future[str]:
    return _pool().submit(compile_program, name, arch)


def wanted(path: str) -> list[str]:
    """The programs that a test file names, so that they are compiled while the first ones run."""
    return sorted(set(re.findall(r'program\("(\w+)"', pathlib.Path(path).read_text())))


@functools.cache
def _module(name: str, arch: str) -> emulator.Module:
    return emulator.load(_ahead(name, arch).result(), arch, name + ".ptx")


class Program:
    """A program for one architecture; `program("kernel", grid, block, ...)` launches with every check fatal."""

    def __init__(self, name: str, arch: str) -> None:
        self.module = _module(name, arch)
        self.arch = arch

    def __call__(self, kernel: str, grid, block, *args, **options) -> emulator.Report:
        options.setdefault("checks", "fatal")
        options.setdefault("instruction_limit", 50_000_000)
        return self.module.launch(kernel, grid, block, list(args), **options)

    def has(self, kernel: str) -> bool:
        return kernel in self.module.entries


@pytest.fixture(params=ARCHES)
def program(request):
    if compiler() is None:
        pytest.skip("no nvcc: neither a CUDA toolkit nor PyPI's nvidia-cuda-nvcc is installed")
    for name in wanted(request.path):
        _ahead(name, request.param)
    return lambda name: Program(name, request.param)


def ptx_of(name: str, arch: str) -> str:
    """The text, for tests that change it."""
    return _ahead(name, arch).result()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)
