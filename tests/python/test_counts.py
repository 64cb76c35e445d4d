# test_counts.py - tests/tools/counts: machine code by how often it runs, and the tool on one kernel
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tests" / "tools" / "counts"


@pytest.fixture
def machine(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOL))
    import machine

    yield machine
    del sys.modules["machine"]


# A loop that was unrolled twice, with what is left over behind it; a division with its slow path.
PTX = """entry {
  mov.u32 %r1, 0;
LOOP:
  ld.global.f32 %f1, [%rd1];
  add.f32 %f2, %f2, %f1;
  setp.lt.s32 %p1, %r1, %r2;
  @%p1 bra LOOP;
  div.rn.f32 %f3, %f2, %f4;
  @%p2 st.global.f32 [%rd2], %f3;
}""".replace("\n\n", "\n")
LISTING = """
.text.other:
        /*0000*/                   EXIT ;
.text.entry:
\t//## File ".nv_debug_ptx_txt", line 2
        /*0000*/                   MOV R1, RZ ;
\t//## File ".nv_debug_ptx_txt", line 5
        /*0010*/                   MOV R9, RZ ;
\t//## File ".nv_debug_ptx_txt", line 2
        /*0020*/                   MOV R2, RZ ;
.L_x_1:
\t//## File ".nv_debug_ptx_txt", line 4
        /*0030*/                   LDG.E R3, [R4.64] ;
        /*0040*/                   LDG.E R5, [R4.64+0x4] ;
\t//## File ".nv_debug_ptx_txt", line 5
        /*0050*/                   FADD R6, R6, R3 ;
        /*0060*/                   FADD R6, R6, R5 ;
\t//## File ".nv_debug_ptx_txt", line 7
        /*0070*/               @P1 BRA `(.L_x_1) ;
\t//## File ".nv_debug_ptx_txt", line 8
        /*0080*/                   MUFU.RCP R7, R6 ;
        /*0090*/              @!P0 BRA `(.L_x_2) ;
        /*00a0*/                   MOV R8, 0xb0 ;
        /*00b0*/                   CALL.REL.NOINC `($entry$__internal_0_$__cuda_div) ;
.L_x_2:
\t//## File ".nv_debug_ptx_txt", line 9
        /*00c0*/               @P2 STG.E [R8.64], R7 ;
        /*00d0*/                   EXIT ;
$entry$__internal_0_$__cuda_div:
        /*00e0*/                   MOV R3, R4 ;
        /*00f0*/                   RET.REL.NODEC R8 `(entry) ;
.L_x_3:
        /*0100*/                   BRA `(.L_x_3);
        /*0110*/                   NOP;
"""
BLOCKS = [
    {"function": "entry", "block": 0, "ptx_lines": (2, 2), "executions": 10},
    {"function": "entry", "block": 1, "ptx_lines": (4, 7), "executions": 80},
    {"function": "entry", "block": 2, "ptx_lines": (8, 9), "executions": 10},
]


def test_machine_code(machine):
    code = machine.Code(registers=9, spills=0, shared=0)
    machine.parse(LISTING, "entry", code)
    assert len(code.instructions) == 18 and code.instructions[0].line == 2
    ran = machine.Executions(code, PTX, {"kernel": "entry", "by_block": BLOCKS}, warps=10)
    # 3 before the loop, also what came out of it; 5 for two of 8 times; 2 and 2 after it, nothing in slow paths.
    assert [b.executions for b in ran.blocks] == [10, 40, 10, 0, 10, 0, 0, 0]
    assert ran.total() == 10 * (3 + 2 + 2) + 40 * 5
    assert ran.hot_loop() == 2  # 5 for two iterations


def test_tool(tmp_path):
    peer = ROOT / ".venv-peer" / "bin" / "python"
    if not peer.exists():
        pytest.skip(".venv-peer is missing (make peer)")
    done = subprocess.run(
        [sys.executable, TOOL, "--kernels", "add", "--archs", "sm_80", "--json", "-"],
        capture_output=True,
        text=True,
        env={**os.environ, "TEGULA_CACHE_DIR": str(tmp_path)},
    )
    if done.returncode == 0 and done.stderr.startswith("skipped"):
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["kernel"], row["arch"], row["failed"], row["broken"]) == ("add", "sm_80", [], [])
    ours, theirs = row["tegula"], row["triton"]
    # 98 blocks read two and write one tensor of 99,984 floats: each sector once.
    assert ours["sectors"] == theirs["sectors"] == 3 * 99984 * 4 // 32
    assert 0 < ours["ptx"] < theirs["ptx"] and ours["ptx"] % (98 * 4) == 0
    assert ours["warps_by_registers"] == ours["warps_by_shared"] == 64
    if "nvdisasm is missing" not in done.stderr:
        assert 0 < ours["sass"] < theirs["sass"] and ours["issue_clocks"] == ours["sass"] // 4
