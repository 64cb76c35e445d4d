# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs that know nothing of Tegula, run on the emulated GPU: where they and their compilers are, how to start them."""

from __future__ import annotations

import functools
import os
import pathlib
import pickle
import re
import subprocess
import sys

import pytest
from nvcc import compiler as nvcc

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(__file__).resolve().parent / "clients"
BUILT = ROOT / "build" / "clients"  # programs that were compiled, and the caches of those that compile
LIBRARIES = ROOT / "python" / "tegula" / "emulator" / "lib"


@functools.cache
def has(python: pathlib.Path, *modules: str) -> bool:
    """Whether an environment's Python finds all of the modules, without importing them."""
    if not python.exists():
        return False
    text = (
        "import importlib.util, sys; sys.exit(any(importlib.util.find_spec(m) is None for m in sys.argv[1:]))"
    )
    return subprocess.run([python, "-c", text, *modules]).returncode == 0


def python_with(environment: str, *modules: str) -> pathlib.Path:
    """The Python of `.venv-…`; the test is skipped, with the reason, where it lacks a module."""
    python = ROOT / environment / "bin" / "python"
    if not has(python, *modules):
        pytest.skip(f"{environment} lacks {' or '.join(modules)}: `make test` installs them from PyPI")
    return python


def compile_cuda(*arguments: object) -> None:
    """Runs nvcc; skips the test, with the reason, where there is none."""
    if nvcc() is None:
        pytest.skip("no nvcc: neither a CUDA toolkit nor PyPI's nvidia-cuda-nvcc is installed")
    BUILT.mkdir(parents=True, exist_ok=True)
    # PyPI's nvcc finds neither its own libraries nor libcudart.so, a link that wheels cannot hold.
    own = pathlib.Path(str(nvcc())).resolve().parents[1] / "lib"
    env = os.environ | {"LIBRARY_PATH": f"{LIBRARIES / 'link'}:{LIBRARIES}:{own}"}
    done = subprocess.run([str(nvcc()), *map(str, arguments)], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without settings of Tegula, and with caches below build/."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("TEGULA_")}
    BUILT.mkdir(parents=True, exist_ok=True)
    env["TRITON_CACHE_DIR"] = str(BUILT / "triton")
    env["CUPY_CACHE_DIR"] = str(BUILT / "cupy")
    env["PYTHONWARNINGS"] = "ignore"
    return env | settings


def command(program: list[object], *options: str) -> list[str]:
    return [sys.executable, "-m", "tegula.emulator", "run", *options, *map(str, program)]


def run(
    *program: object, options: tuple[str, ...] = (), status: int = 0, **settings: str
) -> subprocess.CompletedProcess:
    """Runs a program to its end; its status must be the one given."""
    done = subprocess.run(
        command(list(program), *options),
        capture_output=True,
        text=True,
        env=environment(**settings),
        timeout=300,
    )
    assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@functools.cache
def cupy_libraries(python: pathlib.Path) -> pathlib.Path:
    """A folder with empty libraries in the place of cuBLAS and the like, a gigabyte that kernels of one's own do not need.

    CuPy's extensions name them, so they must be there when it is imported; each function answers with an error.
    """
    site = next((python.parent.parent / "lib").glob("python3*")) / "site-packages"
    names = subprocess.run(
        ["nm", "-D", "--undefined-only", *map(str, [*site.glob("cupy*/**/*.so")])],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    wanted: dict[str, set[str]] = {}
    for name, library in re.findall(r" U (\w+)@(lib(?:cu(?!da)|nvrtc)\w*\.so\.[\d.]+)", names):
        wanted.setdefault(library, set()).add(name)
    folder = BUILT / "empty"
    folder.mkdir(parents=True, exist_ok=True)
    for library, functions in wanted.items():
        if (folder / library).exists():
            continue
        (folder / "empty.c").write_text(
            "".join(f"int {f}(void) {{ return 1; }}\n" for f in sorted(functions))
        )
        (folder / "empty.map").write_text(f"{library} {{ global: *; }};\n")
        made = ["clang-22", "-shared", "-fPIC", "-w", "-o", library, "empty.c", f"-Wl,-soname,{library}"]
        subprocess.run([*made, "-Wl,--version-script=empty.map"], cwd=folder, check=True)
    return folder


class Server:
    """A program that answers pickled requests, as clients/triton_client.py does."""

    def __init__(self, *program: object, options: tuple[str, ...] = (), **settings: str) -> None:
        self.process = subprocess.Popen(
            command(list(program), *options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(**settings),
        )

    def __call__(self, request):
        assert self.process.stdin and self.process.stdout
        pickle.dump(request, self.process.stdin)
        self.process.stdin.flush()
        return pickle.load(self.process.stdout)

    def close(self) -> int:
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(timeout=60)
