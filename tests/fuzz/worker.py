"""A process that may die: it compiles or runs what its parent sends, one JSON object a line, and answers one line each.

{"text": ..., "kernel": ..., "signature": ...}    compile for the CPU, do not run
{"seed": 7}                                        the random kernel of that seed, on every device
"""

from __future__ import annotations

import json
import linecache
import pathlib
import sys
import traceback
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "run"), str(ROOT / "tests" / "conformance")]


def arguments(signature: str) -> dict:
    """Values that have the types of a signature such as "x=*fp32:16,n=i32,B=64"."""
    import tegula.language as tl
    import torch
    from tegula import MockTensor

    pointees = {
        "fp32": torch.float32,
        "fp16": torch.float16,
        "bf16": torch.bfloat16,
        "fp64": torch.float64,
        "i1": torch.bool,
        "i8": torch.int8,
        "i32": torch.int32,
        "i64": torch.int64,
        "u8": torch.uint8,
    }
    scalars = {"fp32": 2.5, "i32": 12, "i64": 2**40, "i1": True}
    out = {}
    for part in signature.split(","):
        name, value = part.split("=", 1)
        kind = value.split(":")[0]
        if kind.startswith("*"):
            out[name] = MockTensor(pointees[kind[1:]])
        elif kind in scalars:
            out[name] = scalars[kind]
        elif kind.startswith("tl."):
            out[name] = getattr(tl, kind[3:])
        else:
            out[name] = eval(kind)
    return out


def compile_text(job: dict) -> str:
    from tegula import errors

    file = "<mutant>"
    try:
        code = compile(job["text"], file, "exec")
    except (SyntaxError, ValueError):
        return "python"
    linecache.cache[file] = (len(job["text"]), None, job["text"].splitlines(keepends=True), file)
    scope: dict = {"__name__": "mutant"}
    try:
        exec(code, scope)
        kernel = scope[job["kernel"]]
        if not hasattr(kernel, "warmup"):
            return "python"
    except errors.InternalError:
        raise
    except Exception:
        return "python"
    try:
        kernel.warmup(**arguments(job["signature"]), grid=(1,))
        return "ok"
    except errors.InternalError:
        raise
    except errors.TegulaError:
        return "typed"


def main() -> None:
    warnings.simplefilter("ignore")
    import shim

    shim.install()
    for line in sys.stdin:
        job = json.loads(line)
        try:
            if "seed" in job:
                import contextlib
                import io

                import test_random_kernels

                shown = io.StringIO()
                try:
                    with contextlib.redirect_stdout(shown):
                        test_random_kernels.run(job["seed"])
                    answer = {"outcome": "ok"}
                except BaseException:
                    answer = {"outcome": "wrong", "text": shown.getvalue() + traceback.format_exc()}
            else:
                answer = {"outcome": compile_text(job)}
        except BaseException:
            answer = {"outcome": "internal", "text": traceback.format_exc()}
        print("\n@answer " + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
