# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Machine code of a PTX text, and how often each of its instructions is executed.

ptxas keeps, with -lineinfo, the line of PTX that an instruction comes from; nvdisasm -gp shows it. The emulator tells
how often each basic block of PTX was executed. All instructions of a block of machine code are executed equally often,
and ptxas moves some over the borders of blocks, so the block takes the count that most of its instructions have:

- outside of loops it is at most the number of warps: what was moved out of a loop does not count as if it were in it;
- where ptxas has unrolled a loop, each copy takes its share. Copies are counted by instructions that PTX and machine
  code have one to one (loads, stores, barriers, matrix products and their like);
- slow paths of divisions and roots, which ptxas adds as subroutines for operands out of the usual range, count nothing.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# PTX: machine code. One of the one gives one of the other.
ONE_TO_ONE = {
    "ld.global": "LDG",
    "st.global": "STG",
    "ld.shared": "LDS",
    "st.shared": "STS",
    "cp.async.ca": "LDGSTS",
    "cp.async.cg": "LDGSTS",
    "ldmatrix": "LDSM",
    "mma.sync": ("HMMA", "IMMA", "DMMA", "QMMA"),
    "bar.sync": "BAR",
    "shfl": "SHFL",
    "ex2": "MUFU",
}


class Failed(Exception):
    """No figures of this kernel: why."""


@dataclass
class Instruction:
    opcode: str
    line: int
    """Of PTX; 0 if it has none."""
    predicated: bool
    target: str
    """A label, for what jumps."""


@dataclass
class Block:
    first: int
    last: int  # behind its end
    in_loop: bool = False
    dead: bool = False
    executions: float = 0


@dataclass
class Code:
    registers: int
    spills: int
    """Bytes stored and loaded."""
    shared: int
    """Bytes that the text itself declares."""
    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)


def run(tool: str, *words: Any, folder: str) -> str:
    done = subprocess.run([tool, *map(str, words)], capture_output=True, text=True, cwd=folder)
    told = done.stdout + done.stderr
    if done.returncode:
        lines = told.strip().splitlines() or [f"status {done.returncode}"]
        more = f" (and {len(lines) - 1} lines more)" if lines[1:] else ""
        raise Failed(f"{Path(tool).name} refuses it: {lines[0]}{more}")
    return told


def assemble(ptx: str, kernel: str, arch: str, ptxas: str, nvdisasm: str | None) -> Code:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "kernel.ptx").write_text(ptx)
        words = (f"-arch={arch}", "-v", "-lineinfo", "kernel.ptx", "-o", "kernel.cubin")
        told = run(ptxas, *words, folder=folder)
        # The entry's lines come last: functions that it calls are told before it.
        told = told[told.index(f"Compiling entry function '{kernel}'") :]

        def number(pattern: str) -> int:
            found = re.search(pattern, told)
            return int(found[1]) if found else 0

        code = Code(
            registers=number(r"Used (\d+) registers"),
            spills=number(r"(\d+) bytes spill stores") + number(r"(\d+) bytes spill loads"),
            shared=number(r"(\d+) bytes smem"),
        )
        if nvdisasm:
            parse(run(nvdisasm, "-c", "-gp", "kernel.cubin", folder=folder), kernel, code)
    return code


def parse(listing: str, kernel: str, code: Code) -> None:
    line, inside = 0, False
    for text in listing.splitlines():
        if text.startswith(".text."):
            inside = text == f".text.{kernel}:"
        elif not inside:
            continue
        elif found := re.match(r"\s*//## File \"(.*?)\", line (\d+)", text):
            line = int(found[2]) if "ptx" in found[1] else 0
        elif found := re.match(r"([.$\w]+):\s*$", text):
            code.labels[found[1]] = len(code.instructions)
            line = 0 if found[1].startswith("$") else line
        elif found := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(@!?U?P\w+\s+)?([A-Z][\w.]*)(.*)", text):
            jump = re.search(r"`\(([^)]+)\)", found[3])
            predicated = bool(found[1]) or bool(
                re.match(r"\s*!?U?P\d", found[3]) and found[2].startswith("BRA")
            )
            code.instructions.append(Instruction(found[2], line, predicated, jump[1] if jump else ""))


def jumps(each: Instruction) -> bool:
    return each.opcode.split(".")[0] in ("BRA", "BRX", "JMP", "CALL", "RET", "EXIT", "BREAK", "KILL")


def loops(code: Code) -> list[tuple[int, int]]:
    """[first, last) of each jump back; a jump to itself only fills the end of a kernel."""
    found = set()
    for at, each in enumerate(code.instructions):
        to = code.labels.get(each.target, at + 1)
        if jumps(each) and to < at and not each.target.startswith("$"):
            found.add((to, at + 1))
    # Several jumps back to one place are one loop.
    return [(first, max(last for f, last in found if f == first)) for first in sorted({f for f, _ in found})]


def basic_blocks(code: Code) -> list[Block]:
    n = len(code.instructions)
    starts = {0, n, *code.labels.values()} | {
        at + 1 for at, each in enumerate(code.instructions) if jumps(each)
    }
    edges = sorted(start for start in starts if start <= n)
    # After the entry's code come subroutines with names of their own.
    end = min([at for label, at in code.labels.items() if label.startswith("$")], default=n)
    inside = loops(code)
    blocks = []
    for first, last in zip(edges, edges[1:]):
        final = code.instructions[last - 1]
        slow = first >= end or (final.opcode.startswith("CALL") and final.target.startswith("$"))
        filler = (
            all(i.opcode == "NOP" for i in code.instructions[first:last])
            or code.labels.get(final.target) == last - 1
        )
        blocks.append(Block(first, last, any(f <= first < l for f, l in inside), slow or filler))
    return blocks


class Executions:
    """How often the instructions of a launch ran, from the emulator's counts."""

    def __init__(self, code: Code, ptx: str, counters: Mapping[str, Any], warps: int) -> None:
        self.code = code
        self.source = ptx.splitlines()
        self.warps = warps
        self.ptx_blocks: dict[int, tuple[int, int]] = {}  # line: (number of its block, executions)
        for block in counters["by_block"]:
            if block["function"] == counters["kernel"]:
                first, last = block["ptx_lines"]
                for line in range(first, last + 1):
                    self.ptx_blocks[line] = block["block"], block["executions"]
        self.blocks = basic_blocks(code)
        self.copies = self._copies(range(len(code.instructions)))
        self._count()

    def _copies(self, instructions: range) -> dict[int, int]:
        """Of each block of PTX, among these instructions."""
        of_line: Counter[int] = Counter()
        for each in (self.code.instructions[at] for at in instructions):
            if (
                each.line in self.ptx_blocks
                and (name := self._one_to_one(each.line))
                and each.opcode.startswith(name)
            ):
                of_line[each.line] += 1
        of_block: dict[int, Counter[int]] = defaultdict(Counter)
        for line, n in of_line.items():
            of_block[self.ptx_blocks[line][0]][n] += 1
        return {block: counts.most_common(1)[0][0] for block, counts in of_block.items()}

    def _one_to_one(self, line: int) -> str | tuple[str, ...] | None:
        text = re.sub(r"^\s*\{?\s*(@!?%\w+\s+)?", "", self.source[line - 1])
        return next((machine for ptx, machine in ONE_TO_ONE.items() if text.startswith(ptx)), None)

    def _votes(self, block: Block) -> Iterator[tuple[int, int]]:
        for each in self.code.instructions[block.first : block.last]:
            if each.line and each.opcode != "NOP":
                yield self.ptx_blocks.get(each.line, (-1, 0))

    def _count(self) -> None:
        before = 0.0
        for block in self.blocks:
            if block.dead:
                continue
            votes = Counter(self._votes(block))
            if not votes:
                block.executions = before
                continue
            by_count: Counter[int] = Counter()
            for (_, executions), n in votes.items():
                by_count[executions] += n
            count = by_count.most_common(1)[0][0]
            owner = max((n, number) for (number, executions), n in votes.items() if executions == count)[1]
            share = count / self.copies.get(owner, 1)
            # Copies that are all outside of loops are no shares: each runs once a warp.
            block.executions = share if block.in_loop else min(count, self.warps)
            before = block.executions

    def total(self) -> int:
        return round(sum(b.executions * (b.last - b.first) for b in self.blocks))

    def hot_loop(self) -> int | None:
        """Instructions in an iteration of the innermost loop that executes most; None without loops."""
        spans = loops(self.code)
        inner = [
            (f, l)
            for f, l in spans
            if not any(f <= f2 and l2 <= l and (f, l) != (f2, l2) for f2, l2 in spans)
        ]
        best, most = None, 0.0
        for first, last in inner:
            within = [b for b in self.blocks if first <= b.first and b.last <= last]
            executed = sum(b.executions * (b.last - b.first) for b in within)
            if executed > most:
                copies = max(
                    Counter(self._copies(range(first, last)).values()).items(),
                    key=lambda i: i[1],
                    default=(1, 0),
                )[0]
                best, most = round((last - first) / copies), executed
        return best
