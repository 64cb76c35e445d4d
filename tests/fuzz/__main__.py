"""Endless search for faults: `make fuzz`, or python -m tests.fuzz [--minutes 10] [--seed 1] [--only random|mutants].

Two kinds by turns. Random kernels run on the CPU, pulled and unpulled, and on the reference device, and must agree.
Mutants are real kernels with a few tokens changed: each must compile or raise a typed error, through the tools that
read a file (a line of text that Python would refuse gets there too) and through the package down to machine code.
A crash, a hang, an internal error or a disagreement is a finding: its kernel is kept in build/fuzz.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import os
import pathlib
import re
import selectors
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "conformance")]
import corpus  # noqa: E402

from .mutate import Mutator  # noqa: E402

OUT = ROOT / "build" / "fuzz"
LIMIT_S = 30
RANDOM_LIMIT_S = 120


class Worker:
    """worker.py, started again after each death."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.cache = tempfile.TemporaryDirectory()

    def start(self) -> None:
        environment = {**os.environ, "TEGULA_CACHE_DIR": self.cache.name}
        self.log = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        self.done = 0

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, job: dict, limit: float) -> tuple[str, str]:
        if self.process is None:
            self.start()
        process = self.process
        assert process and process.stdin and process.stdout
        process.stdin.write((json.dumps(job) + "\n").encode())
        process.stdin.flush()
        end, seen = time.monotonic() + limit, b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if not selector.select(max(0.0, end - time.monotonic())):
                    self.stop()
                    return "hang", f"no answer within {limit:.0f} s"
                chunk = os.read(process.stdout.fileno(), 65536)
                if not chunk:
                    code = process.wait()
                    self.log.seek(0)
                    tail = self.log.read()[-3000:].decode(errors="replace")
                    self.process = None
                    return "crash", f"exit status {code}\n{tail}"
                seen += chunk
                found = re.search(rb"@answer (.*)\n", seen)
                if found:
                    break
        self.done += 1
        if self.done >= 400:  # what a process keeps must not hide a fault, nor fill the machine
            self.stop()
        answer = json.loads(found[1])
        return answer["outcome"], answer.get("text", "")


def sources() -> list[tuple[str, str, str, int]]:
    """(text, kernel, signature, first line that may be changed) of kernels that lower as they are."""
    folders = [ROOT / "tests" / "conformance", ROOT / "tests" / "bench"]
    import importlib.util

    liger = importlib.util.find_spec("liger_kernel")
    if liger and liger.submodule_search_locations:
        folders.append(pathlib.Path(next(iter(liger.submodule_search_locations))) / "ops")
    found = []
    for folder in folders:
        c = corpus.Corpus(folder)
        for m in c.modules.values():
            for name in m.functions:
                if "backends" in m.name or not corpus.pointers(c, m, m.functions[name], set()):
                    continue
                outcome = corpus.one(c, m, name, passes=False)
                if outcome[0] == "ok":
                    lines = outcome[3].splitlines()
                    first = next(i for i, x in enumerate(lines) if x.startswith("@triton.jit")) + 1
                    found.append((outcome[3], name, outcome[2], first))
    return found


def translate(text: str, name: str, signature: str) -> tuple[str, str]:
    """The tools: file to tile IR, through every pass."""
    with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False, encoding="utf-8", newline="") as f:
        f.write(text)
    try:
        lowered = subprocess.run(
            [corpus.TRANSLATE, f.name, "--kernel", name, "--signature", signature],
            capture_output=True,
            timeout=LIMIT_S,
        )
        error = lowered.stderr.decode(errors="replace")
        if lowered.returncode not in (0, 1, 2):
            return "crash", f"exit status {lowered.returncode}\n{error[-2000:]}"
        if lowered.returncode:
            bad = "internal error" in error or "error: " not in error and "tegula-translate: " not in error
            return ("internal", error[-2000:]) if bad else ("typed", "")
        passes = subprocess.run(
            [corpus.OPT, "--pass-pipeline=builtin.module(tile-pipeline)"],
            input=lowered.stdout,
            capture_output=True,
            timeout=LIMIT_S,
        )
        if passes.returncode:
            return "passes", passes.stderr.decode(errors="replace")[-2000:]
        return "ok", ""
    except subprocess.TimeoutExpired:
        return "hang", f"more than {LIMIT_S} s"
    finally:
        os.unlink(f.name)


class Findings:
    def __init__(self) -> None:
        self.counts: collections.Counter = collections.Counter()
        self.seen: set[str] = set()

    def add(self, way: str, outcome: str, message: str, text: str) -> None:
        self.counts[f"{way} {outcome}"] += 1
        if outcome in ("ok", "typed", "python"):
            return
        last = [x for x in message.strip().splitlines() if x.strip()]
        key = re.sub(r"\d+|/tmp/\S+", "#", way + outcome + (last[-1] if last else "")[:160])
        if key in self.seen:
            return
        self.seen.add(key)
        OUT.mkdir(parents=True, exist_ok=True)
        path = OUT / f"{outcome}-{hashlib.sha1((way + text).encode()).hexdigest()[:10]}.py"
        path.write_text(text + "\n" + "".join(f"# {x}\n" for x in message.splitlines()), encoding="utf-8")
        print(f"*** {way}: {outcome}: {path}\n" + "\n".join("    " + x for x in last[-6:]), flush=True)


def main() -> int:
    p = argparse.ArgumentParser(prog="python -m tests.fuzz")
    p.add_argument("--minutes", type=float, default=0, help="stop after so long; 0: never")
    p.add_argument("--seed", type=int, default=int(time.time()))
    p.add_argument("--only", choices=["random", "mutants"])
    options = p.parse_args()
    findings, worker = Findings(), Worker()
    kernels = sources() if options.only != "random" else []
    print(f"seed {options.seed}, {len(kernels)} kernels to change", flush=True)
    end = time.monotonic() + options.minutes * 60 if options.minutes else float("inf")
    seed, told = options.seed, time.monotonic()
    try:
        while time.monotonic() < end:
            seed += 1
            if options.only == "random" or (options.only is None and seed % 8 == 0):
                outcome, message = worker.ask({"seed": seed}, RANDOM_LIMIT_S)
                findings.add("random", outcome, message, f"# seed {seed}")
                continue
            m = Mutator(seed)
            text, name, signature, first = m.r.choice(kernels)
            mutant = m.mutate(text, first)
            head = f"# seed {seed}: --kernel {name} --signature {signature}\n"
            findings.add("tools", *translate(mutant, name, signature), head + mutant)
            findings.add(
                "package",
                *worker.ask({"text": mutant, "kernel": name, "signature": signature}, LIMIT_S),
                head + mutant,
            )
            if time.monotonic() - told > 30:
                told = time.monotonic()
                print(dict(sorted(findings.counts.items())), flush=True)
    except KeyboardInterrupt:
        pass
    worker.stop()
    print(dict(sorted(findings.counts.items())))
    print(f"{len(findings.seen)} findings" + (f", in {OUT}" if findings.seen else ""))
    return 1 if findings.seen else 0


if __name__ == "__main__":
    sys.exit(main())
