# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the kernels of tests/bench/kernels.py do on emulated GPUs, Tegula beside Triton, by count; no GPU is needed.

    .venv/bin/python tests/tools/counts [--kernels add,matmul] [--archs sm_75,sm_80,sm_89] [--json FILE] [--dump FOLDER]

Both run the same launch on the same data at the same addresses, each result is checked against NumPy before it counts.
Exit status 1 if that fails, or if Tegula does more than Triton on sm_80 or sm_89; 0 too if a tool that this needs is
missing, which is said on stderr.

`conflicts` are wavefronts of shared memory above the least. `hot loop` is machine code in an iteration of the innermost
loop that executes most. `issue clocks` are what four schedulers of one multiprocessor need at least for the machine code
of the whole grid. Warps in flight are those that a multiprocessor holds, by registers and by shared memory alone.
"""

from __future__ import annotations

import argparse
import json
import operator
import os
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
BENCH = ROOT / "tests" / "bench"
sys.path[:0] = [str(ROOT / "tests" / "conformance" / "triton_ptx"), str(BENCH)]
os.environ["KERNEL_LANG"] = "tegula"

import compile_time  # noqa: E402
import kernels  # noqa: E402
import ptx as triton_ptx  # noqa: E402

del os.environ["KERNEL_LANG"]  # Triton's process reads it too

import tegula  # noqa: E402
from machine import Executions, Failed, assemble  # noqa: E402
from problems import PROBLEMS, Problem  # noqa: E402
from tegula import emulator  # noqa: E402

BAR_ARCHS = ("sm_80", "sm_89")
SCHEDULERS = 4
# Blocks of these architectures are charged so much shared memory for the system itself (CUDA C++ Programming Guide).
RESERVED_SHARED = {"sm_75": 0}
RESERVED_SHARED_ELSE = 1024


@dataclass
class Figures:
    """One compiler's row."""

    ptx: int
    sass: int | None
    hot_loop: int | None
    sectors: int
    wavefronts: int
    conflicts: int
    barriers: int
    registers: int
    spills: int
    shared: int
    warps_by_registers: int
    warps_by_shared: int
    issue_clocks: int | None
    busiest: str
    """The unit that is busy longest after the issue slots, and its clocks."""


HEADS = {
    "ptx": "PTX",
    "sass": "SASS",
    "hot_loop": "hot loop",
    "sectors": "sectors",
    "wavefronts": "wavefronts",
    "conflicts": "conflicts",
    "barriers": "barriers",
    "registers": "regs",
    "spills": "spills",
    "shared": "shared",
    "warps_by_registers": "warps:regs",
    "warps_by_shared": "warps:shared",
    "issue_clocks": "issue clocks",
    "busiest": "next",
}
NO_MORE = ("ptx", "sass", "sectors", "barriers", "spills")
NO_FEWER = ("warps_by_registers", "warps_by_shared")
RATIOS = ("ptx", "sass", "hot_loop", "sectors", "wavefronts", "issue_clocks")


@dataclass
class Kernel:
    ptx: str
    name: str
    warps: int
    shared: int
    extra: list[int]
    """Arguments that a launcher adds."""


def of_tegula(name: str, arch: str, problem: Problem) -> Kernel:
    """As an ordinary launch compiles it; the result of that launch is checked as well."""
    function, _, constants, _, warps, stages = kernels.case(name)
    tegula.set_device(f"emu:{arch}")
    names = [each for each in function.arg_names if each not in constants]
    arguments = dict(zip(names, problem.arguments, strict=True)) | constants
    problem.clear()
    compiled = function[problem.grid](**arguments, num_warps=warps, num_stages=stages)
    problem.check()
    meta = compiled.metadata
    return Kernel(compiled.asm["ptx"], meta.name, meta.num_warps, meta.shared, [])


def of_triton(name: str, arch: str) -> Kernel:
    (made,) = triton_ptx.compiled([triton_ptx.Request(int(arch[3:]), case=name)])
    if made.scratch:
        raise Failed("Triton's kernel wants scratch memory, which this tool does not give")
    return Kernel(made.ptx, made.name, made.warps, made.shared, [0, 0])


def warps_in_flight(arch: str, warps: int, registers: int, shared: int) -> tuple[int, int]:
    """Of a multiprocessor. Registers are given to a warp in units of 256, to each of the four parts its own."""
    facts = tegula.runtime.driver.active.utils.get_device_properties(0)
    most = facts["max_threads_per_multiprocessor"] // 32
    each = -(-registers * 32 // 256) * 256
    by_registers = min(most, SCHEDULERS * (facts["max_num_regs"] // SCHEDULERS // each))
    need = shared + RESERVED_SHARED.get(arch, RESERVED_SHARED_ELSE)
    blocks = facts["max_shared_mem_per_multiprocessor"] // need if need else most
    return by_registers // warps * warps, min(most // warps, blocks) * warps


def measure(kernel: Kernel, arch: str, problem: Problem, tools: tuple[str, str | None]) -> Figures:
    problem.clear()
    module = emulator.load(kernel.ptx, arch)
    threads = 32 * kernel.warps
    report = module.launch(
        kernel.name, problem.grid, threads, [*problem.arguments, *kernel.extra], kernel.shared, counters=True
    )
    problem.check()
    c = report.counters
    code = assemble(kernel.ptx, kernel.name, arch, *tools)
    shared = kernel.shared + code.shared
    sass = loop = issue = None
    if code.instructions:
        launched = kernel.warps
        for size in problem.grid:
            launched *= size
        executions = Executions(code, kernel.ptx, c, launched)
        sass, loop = executions.total(), executions.hot_loop()
        issue = round(sass / SCHEDULERS)
    by_registers, by_shared = warps_in_flight(arch, kernel.warps, code.registers, shared)
    units = {unit: use["clocks"] for unit, use in c["by_unit"].items() if unit != "issue"}
    busiest = max(units, key=lambda unit: units[unit])
    return Figures(
        ptx=c["instructions"],
        sass=sass,
        hot_loop=loop,
        sectors=c["global"]["sectors"],
        wavefronts=c["shared"]["wavefronts"],
        conflicts=c["shared"]["wavefronts"] - c["shared"]["ideal"],
        barriers=c["barriers"],
        registers=code.registers,
        spills=code.spills,
        shared=shared,
        warps_by_registers=by_registers,
        warps_by_shared=by_shared,
        issue_clocks=issue,
        busiest=f"{busiest} {units[busiest]:,.0f}",
    )


@dataclass
class Row:
    kernel: str
    arch: str
    tegula: Figures | None = None
    triton: Figures | None = None
    failed: list[str] = field(default_factory=list)
    """Why there are no figures."""
    broken: list[str] = field(default_factory=list)
    """What Tegula does more of, or has less of, than it may."""

    def compare(self) -> None:
        ours, theirs = self.tegula, self.triton
        if not ours or not theirs:
            return
        if ours.conflicts:
            self.broken.append(f"{HEADS['conflicts']} {ours.conflicts:,}, allowed 0")
        for fields, worse in ((NO_MORE, operator.gt), (NO_FEWER, operator.lt)):
            for each in fields:
                a, b = getattr(ours, each), getattr(theirs, each)
                if a is not None and b is not None and worse(a, b):
                    self.broken.append(f"{HEADS[each]} {a:,} beside {b:,}")

    @property
    def barred(self) -> bool:
        return self.arch in BAR_ARCHS


def row(name: str, arch: str, problem: Problem, tools: tuple[str, str | None], dump: Path | None) -> Row:
    made = Row(name, arch)
    for who in ("tegula", "triton"):
        try:
            kernel = of_tegula(name, arch, problem) if who == "tegula" else of_triton(name, arch)
            if dump:
                dump.mkdir(parents=True, exist_ok=True)
                (dump / f"{name}.{arch}.{who}.ptx").write_text(kernel.ptx)
            setattr(made, who, measure(kernel, arch, problem, tools))
        except (Failed, tegula.TegulaError, triton_ptx.CompileError) as error:
            made.failed.append(f"{who.capitalize()}: {error}")
    made.compare()
    return made


def show(value: Any) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def show_table(rows: list[Row]) -> None:
    lines = [["", "", *HEADS.values()]]
    for each in rows:
        label = f"{each.kernel} {each.arch}"
        for who in ("tegula", "triton"):
            figures = getattr(each, who)
            lines.append([label, who.capitalize(), *(show(getattr(figures, name, None)) for name in HEADS)])
            label = ""
        lines.append(["", "ratio", *(ratio(each, name) for name in HEADS)])
    widths = [max(len(cell) for cell in column) for column in zip(*lines)]
    for line in lines:
        cells = [cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())


def ratio(of: Row, name: str) -> str:
    a, b = getattr(of.tegula, name, None), getattr(of.triton, name, None)
    return f"{a / b:.3f}" if name in RATIOS and a is not None and b else ""


def verdict(rows: list[Row]) -> bool:
    """Prints to stderr what is missed; true if nothing is."""
    good = True
    for each in rows:
        good &= not each.failed and not (each.barred and each.broken)
        found = [("FAILED", text) for text in each.failed]
        found += [("MISSED" if each.barred else "worse, where there is no bar", text) for text in each.broken]
        for kind, text in found:
            print(f"{kind}: {each.kernel} {each.arch}: {text}", file=sys.stderr)
    barred = [each for each in rows if each.barred and each.tegula and each.triton]
    for name in ("ptx", "sass"):
        pairs = [(getattr(each.tegula, name), getattr(each.triton, name)) for each in barred]
        pairs = [(a, b) for a, b in pairs if a is not None and b is not None]
        if not pairs:
            continue
        fewer = sum(a <= 0.9 * b for a, b in pairs)
        reached = 2 * fewer >= len(pairs)
        good &= reached
        print(
            f"{'reached' if reached else 'MISSED'}: {HEADS[name]} at least 10 % fewer in {fewer} of {len(pairs)} rows of "
            f"{' and '.join(BAR_ARCHS)}, wanted in half",
            file=sys.stderr,
        )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernels", default=",".join(PROBLEMS))
    parser.add_argument("--archs", default="sm_75,sm_80,sm_89")
    parser.add_argument(
        "--json", metavar="FILE", help="the figures for programs; - is stdout, without the table"
    )
    parser.add_argument("--dump", metavar="FOLDER", type=Path, help="keep the PTX of both")
    options = parser.parse_args()
    peer = triton_ptx.PEER
    if not peer.exists():
        print(f"skipped: {peer.relative_to(ROOT)} is missing (make peer)", file=sys.stderr)
        return 0
    pythons = [sys.executable, str(peer)]
    ptxas, nvdisasm = (compile_time.find_tool(tool, pythons) for tool in ("ptxas", "nvdisasm"))
    if not ptxas:
        print(
            "skipped: ptxas is missing (a package nvidia-cuda-nvcc, Triton or CUDA has it)", file=sys.stderr
        )
        return 0
    if not nvdisasm:
        print("machine code is not counted: nvdisasm is missing (Triton or CUDA has it)", file=sys.stderr)
    names, archs = options.kernels.split(","), options.archs.split(",")
    wanted = [triton_ptx.Request(int(arch[3:]), case=name) for name in names for arch in archs]
    triton_ptx.compiled(wanted, errors=True)  # all at once
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        tegula.knobs.cache_dir = cache
        for name in names:
            problem = PROBLEMS[name](kernels.case(name)[2])
            rows += [row(name, arch, problem, (ptxas, nvdisasm), options.dump) for arch in archs]
    if options.json:
        text = json.dumps([asdict(each) for each in rows], indent=1) + "\n"
        if options.json == "-":
            print(text, end="")
        else:
            Path(options.json).write_text(text)
    if options.json != "-":
        show_table(rows)
    return 0 if verdict(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
