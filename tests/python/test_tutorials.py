# test_tutorials.py - the programs in tutorials/, on the CPU and on an emulated GPU
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = sorted((Path(__file__).resolve().parents[2] / "tutorials").glob("*.py"))


def test_all_are_there():
    assert [path.stem for path in TUTORIALS] == ["01_vector_add", "02_fused_softmax", "03_matmul"]


@pytest.mark.parametrize("device", ["cpu", "emu:sm_80"])
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial(path, device):
    pytest.importorskip("torch")
    settings = {"TEGULA_DEVICE": device, "TEGULA_EMU_CHECKS": "fatal"}
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, env={**os.environ, **settings}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    checked, title, *table = done.stdout.splitlines()
    assert f" on {device}: " in checked and re.search("agrees with fp64|the same bits", checked)
    rows = [line.split() for line in table]
    assert len(rows) > 2
    if device == "cpu":
        assert all(float(cell) > 0 for row in rows[1:] for cell in row) and "/s)" in table[0]
        return
    # Counters and no time, also not as a rate.
    assert title.endswith(f"counters of {device} (it has no time)")
    assert not re.search(r"\bms\b|/s\b", done.stdout)
    instructions = rows[0].index("instructions")
    assert all(int(row[instructions].replace(",", "")) > 0 for row in rows[1:])
