# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The share of deleted instructions that the emulator catches, and why the others are not missed.

    .venv/bin/python tests/conformance/triton_ptx/study.py [--most N] [--kernels bench|all] [NAME...]

Prints a table by class of instruction and each survivor that has no reason; exit status 1 when there is one.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import bench_kernels
from cases import load
from mutants import CLASSES, MORE, Mutant, each, verdict
from ptx import ARCHS, Kernel, compiled
from survivors import survivor

FORM = 1  # small blocks, extents that 16 divides: Triton copies asynchronously
Subject = tuple[str, int]  # of the benchmark or of cases.py, and the architecture


@functools.cache
def _cases() -> dict[str, Any]:
    return {case.name: case for case in load()}


def subjects(which: str, names: list[str]) -> list[Subject]:
    found = [(name, arch) for name in bench_kernels.RUN for arch in ARCHS]
    if which == "all":
        found += [(case.name, arch) for case in _cases().values() for arch in case.archs]
    return [s for s in found if not names or s[0] in names]


@functools.cache
def subject(name: str, arch: int) -> tuple[list[Kernel], Callable[..., None]]:
    """Its kernels, and what runs them and checks the results."""
    if name in bench_kernels.RUN:
        return compiled([bench_kernels.requests(name, arch)[FORM]]), lambda kernel, how: bench_kernels.run(
            kernel, name, FORM, how
        )
    return compiled(_cases()[name].on(arch)), _cases()[name].run


# What a lock passes through: that two blocks want one at once takes luck, so these have more schedules.
LUCKY = ("shared store", "shared load", "shuffle", "atomic")

Outcome = tuple[Subject, int, Mutant, str, str]  # ..., verdict, reason of a survivor


def judge(job: tuple[Subject, int, Mutant]) -> Outcome:
    of, which, mutant = job
    kernels, run = subject(*of)
    how, why = verdict(kernels, which, mutant, run), ""
    if not how and mutant.kind in LUCKY:
        how = verdict(kernels, which, mutant, run, MORE)
    if not how:
        why = survivor(kernels, which, mutant, run)
    return *job, how, why


def study(subjects: list[Subject], most: int) -> list[Outcome]:
    """Of each kernel at most so many of each class; every kernel does right as it is, or nothing would follow."""
    names = [r for of in subjects for r in requests(*of)]
    compiled(names)  # all at once
    jobs = [(of, which, mutant) for of in subjects for which, mutant in each(subject(*of)[0], most)]
    with multiprocessing.Pool(len(os.sched_getaffinity(0))) as pool:
        wrong = [of for of, how in zip(subjects, pool.map(_right, subjects), strict=True) if how]
        if wrong:
            raise SystemExit(f"not right as they are: {wrong}")
        outcomes = []
        for outcome in pool.imap(judge, jobs, chunksize=4):
            outcomes.append(outcome)
            if sys.stderr.isatty():
                print(f"\r{len(outcomes)} of {len(jobs)} ", end="", file=sys.stderr)
        return outcomes


def requests(name: str, arch: int):
    return (
        [bench_kernels.requests(name, arch)[FORM]] if name in bench_kernels.RUN else _cases()[name].on(arch)
    )


def _right(of: Subject) -> str:
    kernels, run = subject(*of)
    return verdict(kernels, 0, None, run)


def table(outcomes: list[Outcome]) -> str:
    head = f"{'deleted':<16} {'count':>6} {'check':>6} {'result':>6} {'stop':>6} {'reason':>6} {'none':>5}  caught of those with an effect\n"
    rows = []
    for kind in [*CLASSES, "all"]:
        own = [o for o in outcomes if kind in ("all", o[2].kind)]
        if not own:
            continue
        n = Counter((o[3].split(":")[0] or ("reason" if o[4] else "none")) for o in own)
        effective = len(own) - n["reason"]
        share = f"{100 * (effective - n['none']) / effective:.1f} %" if effective else "-"
        counts = (len(own), n["check"], n["result"], n["stop"], n["reason"], n["none"])
        rows.append(f"{kind:<16} " + " ".join(f"{c:>6}" for c in counts[:5]) + f" {counts[5]:>5}  {share}")
    why = Counter((o[2].kind, o[4]) for o in outcomes if o[4])
    reasons = [f"{count:>6}  {kind}: {reason}" for (kind, reason), count in sorted(why.items())]
    checks = Counter(o[3] for o in outcomes if o[3].startswith("check"))
    found = [f"{count:>6}  {name}" for name, count in checks.most_common()]
    return "\n".join(
        [
            head + "\n".join(rows),
            "\nWhy the others change nothing:",
            *reasons,
            "\nWhat the checks said:",
            *found,
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=8, help="mutants of one class in one kernel")
    parser.add_argument("--kernels", choices=["bench", "all"], default="all")
    parser.add_argument("names", nargs="*", help="these kernels only")
    arguments = parser.parse_args()
    outcomes = study(subjects(arguments.kernels, arguments.names), arguments.most)
    print(table(outcomes))
    unexplained = [o for o in outcomes if not o[3] and not o[4]]
    for (name, arch), which, mutant, _, _ in unexplained:
        print(f"no reason: {name}-{arch} kernel {which} line {mutant.line}: {mutant.text}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
