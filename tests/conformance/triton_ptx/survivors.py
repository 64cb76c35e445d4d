# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Why a kernel does right without one of its instructions. Each reason is shown, not believed:

* it did not run: no lane executed it;
* its result is read by nothing: so the text says;
* the same copies are in flight: along every path, the waits leave no more copies of `cp.async` unfinished at any barrier
  or exit than with the deleted wait or commit;
* what is in flight is not read again: other values in the places of all copies, written after the deleted wait, leave
  the results right (that the late copies overwrite nothing is what the run without the wait has shown);
* nothing to order: along every path, one side of the barrier up to the next one does not touch shared memory, or both
  sides only read it, and likewise global memory;
* the value is there already: a store of another value instead is caught;
* a zero does as well: with the data of the test, what its register holds without it gives the right results, and
  another value instead is caught;
* any value does as well: with the data of the test, neither a great nor a small one in its place changes a result;
* no conflict: both sides of the barrier touch memory, but the race checks, for which the order of execution does not
  matter, see no two accesses that it orders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from mutants import Mutant, lanes, verdict
from ptx import Kernel

SHARED = re.compile(r"(ld|st|atom|red)(\.\w+)*\.shared\b|ldmatrix|stmatrix|cp\.async\.c[ag]\b")
GLOBAL = re.compile(r"(ld|st|atom|red)(\.\w+)*\.global\b")
WRITES = re.compile(r"st\b|atom\b|red\b|stmatrix|cp\.async\.c[ag]\b")
BARRIER = re.compile(r"bar(rier)?\.(cta\.)?(sync|red)\b")
REGISTER = re.compile(r"%[a-zA-Z]+\d+")


@dataclass
class Step:
    line: int
    opcode: str
    operands: str
    guarded: bool
    next: list[int] = field(default_factory=list)


def steps(ptx: str) -> list[Step]:
    """The instructions of the kernel and which may follow each; the number of instructions is the exit."""
    found: list[Step] = []
    labels: dict[str, int] = {}
    inside = False
    for number, line in enumerate(ptx.splitlines(), 1):
        text = line.split("//")[0].strip()
        if ".entry" in text:
            inside, found, labels = True, [], {}
        if not inside:
            continue
        if m := re.match(r"^(\$\w+):", text):
            labels[m[1]] = len(found)
        for part in text.split(";"):
            m = re.match(r"^[{}\s]*(?:(@!?%p\d+)\s+)?([a-z][\w.:]*)\s*(.*)$", part.strip())
            if m and not part.strip().startswith("."):
                found.append(Step(number, m[2], m[3], bool(m[1])))
        if text == "}" and found:
            inside = False
    for at, step in enumerate(found):
        jumps = step.opcode.startswith("bra")
        ends = step.opcode in ("ret", "exit", "trap")
        if jumps:
            step.next.append(labels[step.operands.strip()])
        if ends and step.opcode != "trap":
            step.next.append(len(found))
        if not (jumps or ends) or step.guarded:
            step.next.append(at + 1)
    return found


# --- cp.async


def land(groups: tuple[int, ...], pending: int) -> tuple[int, ...]:
    """Groups committed and not finished, oldest first, after a wait; the last number counts copies of no group yet."""
    return groups[max(0, len(groups) - 1 - pending) :]


def in_flight(program: list[Step], without: int) -> bool | None:
    """Whether the program without that line leaves no more copies in flight at any barrier or exit; None: too many ways."""
    todo = [(0, (0,), (0,))]
    seen = set(todo)
    while todo:
        at, right, changed = todo.pop()
        if at == len(program):
            if sum(changed) > sum(right):
                return False
            continue
        step = program[at]
        op = step.opcode
        if BARRIER.match(op) and sum(changed) > sum(right):
            return False
        states = []
        for groups, runs in ((right, True), (changed, step.line != without)):
            if runs and re.match(r"cp\.async\.c[ag]", op):
                groups = (*groups[:-1], groups[-1] + 1)
            elif runs and op == "cp.async.commit_group":
                groups = (*groups, 0)
            elif runs and op.startswith("cp.async.wait_group"):
                groups = land(groups, int(step.operands))
            elif runs and op.startswith("cp.async.wait_all"):
                groups = (0,)
            states.append(groups)
        if len(seen) > 100_000 or max(map(len, states)) > 60:
            return None
        for n in step.next:
            state = (n, *states)
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return True


# --- Barriers


def around(program: list[Step], at: int) -> tuple[list[Step], list[Step]]:
    """What may run between the barriers before it and it, and between it and the next ones."""
    before: dict[int, list[int]] = {}
    for k, step in enumerate(program):
        for n in step.next:
            before.setdefault(n, []).append(k)

    def walk(start: list[int], follow) -> list[Step]:
        seen, todo = set(), list(start)
        while todo:
            k = todo.pop()
            if k in seen or k >= len(program):
                continue
            seen.add(k)
            if not BARRIER.match(program[k].opcode):
                todo += follow(k)
        return [program[k] for k in sorted(seen) if not BARRIER.match(program[k].opcode)]

    return walk(before.get(at, []), lambda k: before.get(k, [])), walk(
        program[at].next, lambda k: program[k].next
    )


def touches(side: list[Step], pattern: re.Pattern) -> tuple[bool, bool]:
    """(any access, any write)"""
    found = [s for s in side if pattern.match(s.opcode)]
    return bool(found), any(WRITES.match(s.opcode) for s in found)


def barrier_reason(program: list[Step], line: int) -> str:
    at = next(k for k, s in enumerate(program) if s.line == line)
    first, second = around(program, at)
    reasons = []
    for name, pattern in (("shared", SHARED), ("global", GLOBAL)):
        (a, a_writes), (b, b_writes) = touches(first, pattern), touches(second, pattern)
        # A wait makes copies visible that were issued long ago: it counts as a write, unless nothing was in flight.
        landing = any(
            s.opcode.startswith("cp.async.wait") and in_flight(program, s.line) is not True for s in first
        )
        a, a_writes = (a or landing, a_writes or landing) if name == "shared" else (a, a_writes)
        if a and b and (a_writes or b_writes):
            return ""
        reasons.append(f"no {name} access on one side" if not (a and b) else f"{name} memory is only read")
    return "nothing to order: " + ", ".join(reasons)


# --- All


def unread(program: list[Step], line: int) -> bool:
    step = next(s for s in program if s.line == line)
    m = re.match(r"\{?\s*([^}]*?)\}?\s*,\s*[\[{%]", step.operands)
    results = set(REGISTER.findall(m[1] if m else step.operands.split(",")[0]))
    return not any(
        r
        in REGISTER.findall(
            s.operands.split(",", 1)[1] if "," in s.operands and not s.opcode.startswith("st") else s.operands
        )
        for s in program
        if s.line != line
        for r in results
    )


def poisoned(kernel: Kernel, mutant: Mutant, value: int) -> Kernel | None:
    """The store with another value: one that no right program computes."""
    m = re.match(
        r"^(.*st\.shared(?:::cta)?(?:\.v\d)?\.[bfsu](\d+)\s*\[[^]]*\]\s*,\s*)(\{?)\s*([^};]*?)\s*(\}?)\s*;",
        mutant.text,
    )
    if not m:
        return None
    bits = int(m[2])
    type_, register = {
        8: ("b16", "%poison16"),
        16: ("b16", "%poison16"),
        32: ("b32", "%poison32"),
        64: ("b64", "%poison64"),
    }[bits]
    count = m[4].count(",") + 1
    lines = kernel.ptx.splitlines()
    lines[mutant.line - 1] = (
        f"{{ .reg .{type_} {register}; mov.{type_} {register}, {(value << 32 | value) & ((1 << min(64, max(bits, 16))) - 1)}; "
        f"{m[1]}{m[3]}{', '.join([register] * count)}{m[5]}; }}"
    )
    return replace(kernel, ptx="\n".join(lines) + "\n", _module=None)


VALUES = (0x5A5A5A5A, 0xA5A5A5A5)  # great and small, as a signed number


def another_result(kernel: Kernel, mutant: Mutant, value: int) -> Kernel | None:
    """A value that no right program computes in the register that the instruction sets."""
    m = re.match(r"^(@!?%p\d+\s+)?(?:ld|shfl)\S*?\.b32\s+(%r\d+)\b", mutant.text)
    if not m:
        return None
    lines = kernel.ptx.splitlines()
    lines[mutant.line - 1] = f"{m[1] or ''}mov.b32 {m[2]}, {value};"
    return replace(kernel, ptx="\n".join(lines) + "\n", _module=None)


def overwritten(kernel: Kernel, mutant: Mutant) -> Kernel:
    """The wait, and other values written to where every copy went last."""
    widths = {4: ".b32", 8: ".v2.b32", 16: ".v4.b32"}
    stores = []
    for m in re.finditer(r"cp\.async\.c[ag]\S*\s+(\[[^]]*\])\s*,\s*\[[^]]*\]\s*,\s*(\w+)", kernel.ptx):
        bytes_ = int(m[2], 0)
        stores.append(f"st.shared{widths[bytes_]} {m[1]}, {{{', '.join(['%poison32'] * (bytes_ // 4))}}};")
    poison = f"{{ .reg .b32 %poison32; mov.b32 %poison32, {0x5A5A5A5A}; {' '.join(stores)} }}"
    lines = kernel.ptx.splitlines()
    lines[mutant.line - 1] = f"{mutant.text} {poison}"
    return replace(kernel, ptx="\n".join(lines) + "\n", _module=None)


def survivor(kernels: list[Kernel], which: int, mutant: Mutant, run) -> str:
    """The reason, or "" when none is found."""
    kernel = kernels[which]
    counted: dict[int, int] = {}

    class Counted(Kernel):
        def __call__(self, *args, **settings):
            report = super().__call__(*args, **{**settings, "counters": True})
            for line, n in lanes(report).items():
                counted[line] = counted.get(line, 0) + n
            return report

    watched = list(kernels)
    watched[which] = Counted(**{f: getattr(kernel, f) for f in kernel.__dataclass_fields__})
    run(*watched, {})
    if not counted.get(mutant.line):
        return "it did not run"
    program = steps(kernel.ptx)
    if mutant.kind in ("shuffle", "mma", "ldmatrix", "shared load", "global load", "atomic") and unread(
        program, mutant.line
    ):
        return "its result is read by nothing"
    if mutant.kind in ("cp.async wait", "cp.async commit") and in_flight(program, mutant.line):
        return "the same copies are in flight"
    if mutant.kind == "cp.async wait":
        changed = list(kernels)
        changed[which] = overwritten(kernel, mutant)
        try:
            run(*changed, {"checks": "off"})
            return "what is in flight is not read again"
        except AssertionError:
            pass
    if mutant.kind == "barrier":
        return barrier_reason(program, mutant.line) or "no conflict: the race checks see none without it"
    makers = {
        "shared store": (poisoned, "the value is there already"),
        "shuffle": (another_result, "a zero does as well"),
        "shared load": (another_result, "a zero does as well"),
    }
    if mutant.kind in makers:
        make, reason = makers[mutant.kind]
        others = [other for value in VALUES if (other := make(kernel, mutant, value))]
        for other in others:
            changed = list(kernels)
            changed[which] = other
            if verdict(changed, which, None, run):
                return reason
        if others and make is another_result:
            return "any value does as well"
    return ""
