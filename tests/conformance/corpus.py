"""Lowers every kernel of a folder of other people's Python files, to see what the front end makes of them.

    python -m tests.conformance.corpus FOLDER [--match NAME] [--jobs 2] [--show N] [--passes]

No file is imported. Each function decorated with `jit` is found by Python's `ast`, gets a guessed signature (pointers
where a load or store says so, constants for constexpr parameters), and goes through `tegula-translate`; with
`--passes`, through `tegula-opt` too. Functions of other modules of the same folder are copied beside it. The outcome is
one of: ok, Unsupported, Compile, Internal, crash, hang. A guess may be wrong, so a Compile error is only a candidate;
Internal, crash and hang are always faults of ours.
"""

from __future__ import annotations

import argparse
import ast
import collections
import concurrent.futures
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("TEGULA_TOOLS", ROOT / "build/tests"))
TRANSLATE = TOOLS / "tegula-translate"
OPT = TOOLS / "tegula-opt"
LIMIT_S = 60

HEADER = """import triton
import triton.language as tl
import triton.language.extra.libdevice as libdevice
import triton.language as tldevice
"""
LANGUAGE_ROOTS = {"triton", "tegula"}


def dotted(node: ast.AST) -> str:
    return ast.unparse(node)


def is_jit(node: ast.FunctionDef) -> bool:
    names = [dotted(d.func if isinstance(d, ast.Call) else d) for d in node.decorator_list]
    return any(n in ("triton.jit", "jit", "tegula.jit", "triton_jit") for n in names)


class Module:
    """One Python file: its kernels, constants and imports."""

    def __init__(self, path: pathlib.Path, text: str, name: str):
        self.path, self.text, self.name = path, text, name
        tree = ast.parse(text)
        self.functions: dict[str, ast.FunctionDef] = {}
        self.constants: dict[str, str] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        self.language: list[str] = []
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and is_jit(node):
                self.functions.setdefault(node.name, node)
            elif (
                isinstance(node, ast.ImportFrom)
                and node.module
                and node.module.split(".")[0] in LANGUAGE_ROOTS
                or isinstance(node, ast.Import)
                and node.names[0].name.split(".")[0] in LANGUAGE_ROOTS
            ):
                self.language.append(dotted(node))
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    parts = name.split(".")[: -node.level]
                    base = ".".join([*parts, base] if base else parts)
                for alias in node.names:
                    self.imports[alias.asname or alias.name] = (base, alias.name)
        for node in tree.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(target, ast.Name):
                self.constants[target.id] = dotted(node)

    def source(self, function: ast.FunctionDef) -> str:
        lines = self.text.splitlines()[function.lineno - 1 : function.end_lineno]
        indent = len(lines[0]) - len(lines[0].lstrip())
        return "@triton.jit\n" + "\n".join(x[indent:] if x[:indent].isspace() else x for x in lines) + "\n"


class Corpus:
    def __init__(self, folder: pathlib.Path):
        self.modules: dict[str, Module] = {}
        self.by_function: dict[str, list[Module]] = collections.defaultdict(list)
        for path in sorted(folder.rglob("*.py")):
            text = path.read_text(errors="replace")
            if "jit" not in text and "constexpr" not in text:
                continue
            name = ".".join(path.relative_to(folder).with_suffix("").parts)
            try:
                self.modules[name] = m = Module(path, text, name)
            except SyntaxError:
                continue
            for f in m.functions:
                self.by_function[f].append(m)

    def resolve(self, module: Module, name: str) -> tuple[Module, str] | None:
        if name in module.functions or name in module.constants:
            return module, name
        if name in module.imports:
            base, member = module.imports[name]
            for candidate in (base, base + ".__init__"):
                if candidate in self.modules:
                    found = self.resolve(self.modules[candidate], member)
                    if found:
                        return found
            if len(self.by_function[member]) >= 1:
                return self.by_function[member][0], member
        return None

    def text_of(self, module: Module, function: str) -> tuple[str, set[str]]:
        """The kernel and all it uses, as one file; and the called functions' names."""
        parts, seen, called, language = [], set(), set(), dict.fromkeys(module.language)

        def add(m: Module, name: str, local: str):
            if (local, m.name) in seen:
                return
            seen.add((local, m.name))
            language.update(dict.fromkeys(m.language))
            if name in m.functions:
                node = m.functions[name]
                for n in ast.walk(node):
                    if isinstance(n, ast.Name):
                        found = self.resolve(m, n.id)
                        if found and (n.id != name):
                            add(*found, n.id)
                source = m.source(node)
                if local != name:
                    source = re.sub(rf"def {name}\b", f"def {local}", source, count=1)
                called.add(local)
                parts.append(source)
            else:
                parts.append(re.sub(rf"^{name}\b", local, m.constants[name]) + "\n")

        add(module, function, function)
        parts = [re.sub(r"\btle\.(program_id|num_programs)", r"tl.\1", p) for p in parts]
        head = HEADER + "\n".join(x for x in language if "__future__" not in x) + "\n"
        return head + "\n" + "\n\n".join(parts), called


POINTER_CALLS = {
    "load",
    "store",
    "atomic_add",
    "atomic_max",
    "atomic_min",
    "atomic_cas",
    "atomic_xchg",
    "atomic_and",
    "atomic_or",
    "atomic_xor",
    "make_block_ptr",
    "make_tensor_descriptor",
}


class Guess:
    """A signature for one function."""

    def __init__(self, corpus: Corpus, module: Module, node: ast.FunctionDef):
        self.corpus, self.module, self.node = corpus, module, node
        self.pointers = pointers(corpus, module, node, set())
        self.body = dotted(node)

    def parameters(self):
        a = self.node.args
        return [*a.posonlyargs, *a.args, *a.kwonlyargs]

    def defaults(self):
        a = self.node.args
        plain = [*a.posonlyargs, *a.args]
        result = dict(zip([p.arg for p in plain[len(plain) - len(a.defaults) :]], a.defaults))
        result.update({p.arg: d for p, d in zip(a.kwonlyargs, a.kw_defaults) if d is not None})
        return result

    def constant(self, name: str, flags: bool, block: int) -> str:
        b, n = self.body, re.escape(name)
        text = re.search(rf"\b{n} (?:==|!=|in) \(?'(\w+)'", b)
        if text:
            return f"'{text[1]}'"
        if re.search(r"(?i)dtype|^(?:dot_)?precision_t|.*_type$", name) and not re.search(rf"\b{n} == \d", b):
            return "tl.int64" if re.search("(?i)idx|index", name) else "tl.float32"
        if re.search(r"(?i)allow_tf32|input_precision|precision", name):
            return "'ieee'" if "input_precision=" + name in b else str(flags)
        if re.search(rf"\b(?:if|and|or|not|elif) {n}\b(?! [<>=%*/+-]| !=|\.)", b) or re.search(
            r"^(?i:is_|has_|use_|do_|with_|apply_|even_|store_|return_|output_|save_|need|reverse|causal)",
            name,
        ):
            return str(flags)
        low = name.lower()
        if re.search(r"eps|scale|lower|upper|^p$|slope|alpha|beta|momentum|clamp|theta|soft|epsilon", low):
            return "0.5"
        if re.search(r"warp", low):
            return "4"
        if re.search(r"stage|group|split|num_|ndim|rank|^n_|^nt$|^ns$", low):
            return "2"
        if low in ("b", "h", "hq", "g", "hv", "nb"):
            return "2"
        if re.search(r"stride", low):
            return "1"
        if low == "t":
            return "100"
        return str(block)

    def scalar(self, name: str) -> str:
        low = name.lower()
        if re.search(
            r"eps|scale|^p$|_p$|prob|alpha|beta|lr$|dropout|^value$|slope|momentum|decay|factor|inv_|rate|lower|upper|softcap"
            r"|threshold|smoothing|_weight$|gamma|lambda|temp|theta|^exp|sm_|bound|clamp|^coef|limit|softc|weight",
            low,
        ) and not re.search("stride|size|num", low):
            return "fp32"
        return "i32"

    def pointee(self, name: str, dtype: str) -> str:
        low = name.lower()
        if re.search(
            r"idx|index|indices|offset|seqlen|label|target|token|cu_|lens|count|table|ids|^y_ptr$_|slot|block_m|indptr|"
            r"lock|pos\b|position|chunk|expert|bins|hist|perm",
            low,
        ):
            return "*i32"
        if re.search(r"mask|flag|bool", low):
            return "*i1"
        return "*" + dtype

    def signature(self, dtype: str, flags: bool, block: int, skip_none: bool) -> str:
        out, defaults = [], self.defaults()
        for p in self.parameters():
            note = dotted(p.annotation) if p.annotation else ""
            if "constexpr" in note:
                default = defaults.get(p.arg)
                if (
                    default is not None
                    and isinstance(default, ast.Constant)
                    and not isinstance(default.value, bool)
                ):
                    out.append(f"{p.arg}={default.value!r}")
                else:
                    out.append(f"{p.arg}={self.constant(p.arg, flags, block)}")
            elif p.arg in self.pointers or re.search(r"(?i)(_ptr|_ptrs|^ptr|ptr$)", p.arg):
                none = skip_none and re.search(rf"\b{re.escape(p.arg)} is (not )?None", self.body)
                out.append(f"{p.arg}=None" if none else f"{p.arg}={self.pointee(p.arg, dtype)}:16")
            else:
                out.append(f"{p.arg}={self.scalar(p.arg)}")
        return ",".join(out)


def pointers(corpus: Corpus, module: Module, node: ast.FunctionDef, seen: set[str]) -> set[str]:
    """Parameters that reach the pointer of a load or store."""
    if node.name in seen:
        return set()
    seen = seen | {node.name}
    parameters = [p.arg for p in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
    assigned: dict[str, list[ast.AST]] = collections.defaultdict(list)
    for n in ast.walk(node):
        if isinstance(n, ast.Assign):
            for t in n.targets:
                if isinstance(t, ast.Name):
                    assigned[t.id].append(n.value)
        elif isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name):
            pass
    found: set[str] = set()
    visited: dict[str, bool] = {}

    def trace(e: ast.AST):
        if isinstance(e, ast.BinOp):
            return trace(e.left) or (trace(e.right) if not isinstance(e.left, ast.BinOp) else False)
        if isinstance(e, ast.Call) and isinstance(e.func, ast.Attribute):
            if e.func.attr in (
                "to",
                "cast",
                "multiple_of",
                "advance",
                "max_contiguous",
                "make_block_ptr",
                "make_tensor_descriptor",
                "load",
                "store",
                "broadcast_to",
            ):
                first = e.args[0] if dotted(e.func.value) in ("tl", "tl.core") and e.args else e.func.value
                for k in e.keywords:
                    if k.arg == "base":
                        first = k.value
                return trace(first)
            return False
        if isinstance(e, ast.IfExp):
            return trace(e.body) | trace(e.orelse)
        if isinstance(e, ast.Subscript):
            return trace(e.value)
        if isinstance(e, ast.Name):
            if e.id not in visited:
                visited[e.id] = e.id in parameters
                for v in assigned[e.id]:
                    visited[e.id] = bool(trace(v)) or visited[e.id]
                if e.id in parameters:
                    found.add(e.id)
            return visited[e.id]
        return False

    for n in ast.walk(node):
        if not isinstance(n, ast.Call):
            continue
        name = n.func.attr if isinstance(n.func, ast.Attribute) else getattr(n.func, "id", "")
        if name in POINTER_CALLS and isinstance(n.func, ast.Attribute):
            first = next((k.value for k in n.keywords if k.arg in ("pointer", "base", "ptr")), None)
            if first is None and n.args:
                first = n.args[0]
            if first is not None and dotted(n.func.value) == "tl":
                trace(first)
        elif isinstance(n.func, ast.Name):
            callee = corpus.resolve(module, n.func.id)
            if callee and callee[1] in callee[0].functions:
                m, f = callee
                g = m.functions[f]
                inner = pointers(corpus, m, g, seen)
                names = [p.arg for p in g.args.args]
                for p, a in [*zip(names, n.args), *((k.arg, k.value) for k in n.keywords)]:
                    if p in inner:
                        trace(a)
    return found


KIND = re.compile(r"(\w+)Error")


def classify(run: subprocess.CompletedProcess) -> tuple[str, str]:
    text = run.stderr.decode(errors="replace").strip()
    if run.returncode == 0:
        return "ok", ""
    if run.returncode < 0 or run.returncode > 2:
        return "crash", f"exit {run.returncode}: {text[-600:]}"
    return "error", text


def lower(text: str, name: str, signature: str, passes: bool) -> tuple[str, str]:
    with tempfile.NamedTemporaryFile("w", suffix=".py", dir="/tmp", delete=False) as f:
        f.write(text)
    path = pathlib.Path(f.name)
    try:
        run = subprocess.run(
            [TRANSLATE, path, "--kernel", name, "--signature", signature],
            capture_output=True,
            timeout=LIMIT_S,
        )
        result = classify(run)
        if result[0] == "ok" and passes:
            second = subprocess.run(
                [OPT, "--pass-pipeline=builtin.module(tile-pipeline)"],
                input=run.stdout,
                capture_output=True,
                timeout=LIMIT_S,
            )
            if second.returncode:
                return "passes", second.stderr.decode(errors="replace")[-800:]
        return result
    except subprocess.TimeoutExpired:
        return "hang", f"more than {LIMIT_S} s"
    finally:
        path.unlink(missing_ok=True)


ATTEMPTS = list(itertools.product(["fp32", "fp16", "i32"], [False, True], [16, 64], [True, False]))


def one(corpus: Corpus, module: Module, name: str, passes: bool):
    node = module.functions[name]
    text, _ = corpus.text_of(module, name)
    guess = Guess(corpus, module, node)
    first = None
    tried = set()
    for dtype, flags, block, none in ATTEMPTS:
        signature = guess.signature(dtype, flags, block, none)
        if signature in tried:
            continue
        tried.add(signature)
        outcome = (*lower(text, name, signature, passes), signature, text)
        if outcome[0] != "error":
            return outcome
        first = first or outcome
        if "UNSUPPORTED" in outcome[1] or len(tried) > 8:
            break
    return first


def main() -> int:
    p = argparse.ArgumentParser()
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--match", default="")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--show", type=int, default=3)
    p.add_argument("--limit", type=int, default=10**9)
    p.add_argument("--passes", action="store_true")
    p.add_argument(
        "--keep", type=pathlib.Path, help="write the text and signature of each kernel that is not ok here"
    )
    options = p.parse_args()
    corpus = Corpus(options.folder)
    work = []
    for m in corpus.modules.values():
        for f, node in m.functions.items():
            if re.search(options.match, f"{m.name}.{f}") and pointers(corpus, m, node, set()):
                work.append((m, f))
    work = work[: options.limit]
    counts, groups = collections.Counter(), collections.defaultdict(list)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for (m, f), result in zip(work, pool.map(lambda w: one(corpus, *w, options.passes), work)):
            outcome, message, signature, text = result
            counts[outcome] += 1
            if outcome == "ok":
                continue
            line = next((x for x in message.splitlines() if x.strip()), "")
            key = re.sub(r"^.*?\.py:\d+:\d+: ", "", line)
            groups[outcome, re.sub(r"\[[\d, ]+\]", "[..]", key)].append((f"{m.name}.{f}", message, signature))
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / f"{m.name}.{f}.py").write_text(f"# {signature}\n{text}")
    for (outcome, key), found in sorted(groups.items(), key=lambda g: -len(g[1])):
        print(f"--- {len(found)} x {outcome}: {key}")
        for name, message, _ in found[: options.show]:
            print(f"    {name}")
            print("\n".join("      " + x for x in message.splitlines()[1:4]))
    print(dict(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
