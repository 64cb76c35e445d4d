# test_old_processors.py - a processor without AVX: the CPU runs kernels, the emulator says that it cannot
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import os
import pathlib
import platform
import shutil
import subprocess
import sys

import gpu_ptx
import pytest
import tegula
import tegula.emulator.__main__ as front

QEMU = shutil.which("qemu-x86_64")
pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors have no such levels"),
    pytest.mark.skipif(QEMU is None, reason="qemu-x86_64 (Debian: qemu-user) plays the older processor"),
]


def old(*command, **environment):
    return subprocess.run(
        [QEMU, "-cpu", "Nehalem", *map(str, command)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


PROGRAM = """
import ctypes, numpy as np, tegula, tegula.emulator, small_kernels as kernels
x, o = np.arange(1000, dtype=np.float32), np.zeros(1000, np.float32)
for device in ("cpu", "reference", "emu:sm_80"):
    o[:] = 0
    tegula.set_device(device)
    try:
        kernels.add[(8,)](x, x, o, 1000, BLOCK=128)
        print(device, (o == 2 * x).all())
    except tegula.UnsupportedError as error:
        print(device, error.id)
try:
    tegula.emulator.load(".version 7.0", "sm_75")
except tegula.UnsupportedError as error:
    print(error.id)
print("cuInit", ctypes.CDLL(LIBRARY).cuInit(0))
"""


def test_kernels_run_on_the_cpu_and_not_on_emulated_gpus(tmp_path):
    here = str(pathlib.Path(__file__).parent)
    with gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add()):
        ran = old(
            sys.executable,
            "-c",
            PROGRAM.replace("LIBRARY", repr(str(front.FOLDER / "libcuda.so.1"))),
            PYTHONPATH=here,
            TEGULA_CACHE_DIR=str(tmp_path / "cache"),
            TEGULA_OVERRIDE_DIR=tegula.knobs.override_dir,
        )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "cpu True",
        "reference True",
        "emu:sm_80 emulator_processor",
        "emulator_processor",
        "cuInit 801",  # CUDA_ERROR_NOT_SUPPORTED
    ]
    assert ran.stderr.count("cuInit: error: emulated GPUs run on x86 processors of the level x86-64-v3") == 1


def test_ptxas():
    ran = old(front.FOLDER / "ptxas", "--version")
    assert ran.returncode == 255 and "below it" in ran.stderr
