# __main__.py - programs of other people on the emulated GPU
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""python -m tegula.emulator run [--arch sm_80] [--checks CHECKS] [--counters FILE] PROGRAM [ARGUMENT ...]
python -m tegula.emulator path | info

run:  runs a program that knows nothing of Tegula on an emulated NVIDIA GPU. PROGRAM is a Python script, `-m MODULE`,
      `-c TEXT`, or any executable. What the program is given in its environment:
        LD_LIBRARY_PATH      first the folder that `path` prints: its libcuda.so.1, and libcudart.so.* for what is
                             linked with `nvcc -cudart shared`
        PATH                 first that folder as well: its ptxas makes cubins that carry their PTX; where nvcc is
                             installed, before it a front for `nvcc -cubin` that does the same
        LIBRARY_PATH         where linkers find -lcuda, and -lcudart when there is no toolkit
        TRITON_LIBCUDA_PATH, TRITON_PTXAS_PATH    Triton finds both by these
        TEGULA_EMU_PTXAS     the real ptxas, found in PATH, in CUDA_HOME or in the package triton
        NVCC_APPEND_FLAGS    with -cudart shared: NVIDIA's static runtime runs on NVIDIA's driver only; and with
                             -cudadevrt none: kernels cannot launch kernels
        CUPY_COMPILE_WITH_PTX=1, NUMBA_CUDA_ENABLE_PYNVJITLINK=0   CuPy and Numba hand PTX to the driver
        TEGULA_EMU_ARCH, TEGULA_EMU_CHECKS, TEGULA_EMU_COUNTERS    from --arch, --checks, --counters
      CHECKS is off, on or fatal, and then single checks: on,+same-value-race,-shared-race.
path: prints the folder of the drop-in libraries and of ptxas.
info: prints the emulated GPUs and the settings of the emulator.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import os
import shutil
import sys
from pathlib import Path

from .. import _tegula, knobs
from ..errors import TegulaError

FOLDER = Path(__file__).resolve().parent / "lib"


def _real_ptxas() -> str | None:
    """NVIDIA's ptxas: in PATH, in a toolkit, or in the package of Triton."""
    path = os.pathsep.join(
        p for p in os.environ.get("PATH", "").split(os.pathsep) if FOLDER not in Path(p, "x").parents
    )
    places = [shutil.which("ptxas", path=path)]
    places += [f"{os.environ[name]}/bin/ptxas" for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    triton = importlib.machinery.PathFinder.find_spec("triton")
    for folder in (triton.submodule_search_locations or []) if triton else []:
        places.append(f"{folder}/backends/nvidia/bin/ptxas")
    return next((p for p in places if p and os.access(p, os.X_OK)), None)


def _before(name: str, value: str, separator: str = os.pathsep) -> str:
    old = os.environ.get(name, "")
    return value + separator + old if old else value


def environment() -> dict[str, str]:
    """What `run` adds to the environment of a program."""
    if not (FOLDER / "libcuda.so.1").exists():
        raise FileNotFoundError(f"{FOLDER} holds no libcuda.so.1: build the target TegulaEmulatorFiles")
    folders = [str(FOLDER / "front")] if shutil.which("nvcc") else []
    folders.append(str(FOLDER))
    added = {
        "LIBRARY_PATH": _before("LIBRARY_PATH", str(FOLDER / "link") + os.pathsep + str(FOLDER)),
        "LD_LIBRARY_PATH": _before("LD_LIBRARY_PATH", str(FOLDER)),
        "PATH": _before("PATH", os.pathsep.join(folders)),
        "TRITON_LIBCUDA_PATH": str(FOLDER),
        "TRITON_PTXAS_PATH": str(FOLDER / "ptxas"),
        "NVCC_APPEND_FLAGS": _before("NVCC_APPEND_FLAGS", "-cudart shared -cudadevrt none", " "),
        "CUPY_COMPILE_WITH_PTX": "1",
        "NUMBA_CUDA_ENABLE_PYNVJITLINK": "0",
    }
    if not knobs.emu_ptxas:
        added["TEGULA_EMU_PTXAS"] = _real_ptxas() or "none"
    return added


def _is_python(program: str) -> bool:
    return program.endswith(".py") or program in ("-m", "-c")


def run(arguments: list[str]) -> int:
    """Becomes the program; returns only when it cannot be started."""
    parser = argparse.ArgumentParser(prog="python -m tegula.emulator run", add_help=False)
    parser.add_argument("--arch")
    parser.add_argument("--checks")
    parser.add_argument("--counters")
    options: list[str] = []
    while arguments and arguments[0].startswith("--"):
        taken = 1 if "=" in arguments[0] or arguments[0] == "--" else 2
        options += [a for a in arguments[:taken] if a != "--"]
        arguments = arguments[taken:]
    given = parser.parse_args(options)
    if not arguments:
        parser.error("which program?")
    if given.arch:
        _tegula.EmulatedModule(".version 7.0\n.target sm_75\n.address_size 64\n", given.arch, given.arch)
    if given.checks:
        _tegula.check_emulator_checks(given.checks)
    os.environ.update(environment())
    for name, value in (("ARCH", given.arch), ("CHECKS", given.checks), ("COUNTERS", given.counters)):
        if value:
            os.environ[f"TEGULA_EMU_{name}"] = os.path.abspath(value) if name == "COUNTERS" else value
    command = [sys.executable, *arguments] if _is_python(arguments[0]) else arguments
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127


def info() -> None:
    """Prints the emulated GPUs and the settings."""
    print(f"libraries and ptxas: {FOLDER}")
    print(f"real ptxas: {_real_ptxas() or 'none found: PTX is checked by the emulator'}\n")
    print(f"{'TEGULA_EMU_ARCH':16}{'shown as':18}{'memory':>8}{'SMs':>5}{'shared/SM':>11}{'threads/SM':>12}")
    for arch, board, memory, sms, shared, threads in _tegula.emulated_devices():
        print(f"{arch:16}{board:18}{memory >> 30:>5} GB{sms:>5}{shared >> 10:>8} KB{threads:>12}")
    print()
    for name, _, env, _, text in knobs.rows():
        if name.startswith("emu_"):
            print(f"{env:20} {str(getattr(knobs, name)) or '-':8} {text}")


def main(arguments: list[str]) -> int:
    """The exit status."""
    try:
        if arguments[:1] == ["run"]:
            return run(arguments[1:])
        if arguments == ["path"]:
            print(FOLDER)
            return 0
        if arguments == ["info"]:
            info()
            return 0
    except (TegulaError, FileNotFoundError) as error:
        print(str(error).rstrip(), file=sys.stderr)
        return 1
    asked = arguments in (["-h"], ["--help"])
    print((__doc__ or "").strip(), file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
