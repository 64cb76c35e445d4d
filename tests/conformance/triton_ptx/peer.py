# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles kernels with Triton to PTX. Run by the peer's Python, which has Triton and not Tegula; `ptx.py` calls it.

Reads a list of requests as JSON from the standard input; writes one JSON object a line for each as it is done:
{"at": index, "ptx": ..., "shared": ..., ...}, or {"at": index, "error": text}.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from multiprocessing import Pool

os.environ["KERNEL_LANG"] = "triton"  # of tests/bench/kernels.py
os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")
_modules: dict[str, object] = {}


def load(path: str):
    if path not in _modules:
        spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        _modules[path] = module
    return _modules[path]


def stop_at_ptx(*args):
    """Triton's hook: replaces the assembler, which is not needed here and takes half of the time."""
    if not args:
        return "ptx only", "ptx only"
    _, stages, _, _, _ = args
    stages["cubin"] = lambda src, metadata: b""
    return None


def constant(value, module):
    """A string that begins with @ names something of the kernels' module, or of its `tl`."""
    if isinstance(value, str) and value.startswith("@"):
        name = value[1:]
        return getattr(module, name) if hasattr(module, name) else getattr(module.tl, name)
    return value


def request_of(module, request: dict):
    """(function, signature, constexprs, attributes, warps, stages)"""
    if "case" in request:  # one of CASES of tests/bench/kernels.py, some constants replaced
        function, signature, consts, attributes, warps, stages = module.case(request["case"])
        consts = {**consts, **request.get("constexprs", {})}
        divisible = request.get("divisible")
        if divisible is not None:
            attributes = module.div16(function, " ".join(divisible))
        return (
            function,
            signature,
            consts,
            attributes,
            request.get("warps", warps),
            request.get("stages", stages),
        )
    function = getattr(module, request["kernel"])
    consts = {name: constant(value, module) for name, value in request["constexprs"].items()}
    types = iter(request["types"].split())
    signature = {name: "constexpr" if name in consts else next(types) for name in function.arg_names}
    assert next(types, None) is None, f"{request['kernel']}: more types than arguments"
    names = request.get("divisible", [])
    attributes = {(function.arg_names.index(name),): [["tt.divisibility", 16]] for name in names}
    return function, signature, consts, attributes, request["warps"], request["stages"]


def compile_one(job: tuple[int, dict]) -> dict:
    at, request = job
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    try:
        triton.knobs.runtime.add_stages_inspection_hook = stop_at_ptx
        module = load(request["file"])
        function, signature, consts, attributes, warps, stages = request_of(module, request)
        options = {"num_warps": warps, "num_stages": stages, **request.get("options", {})}
        source = ASTSource(function, signature, consts, attributes)
        kernel = triton.compile(source, target=GPUTarget("cuda", request["arch"], 32), options=options)
        m = kernel.metadata
        return {
            "at": at,
            "ptx": kernel.asm["ptx"],
            "name": m.name,
            "shared": m.shared,
            "warps": m.num_warps,
            "scratch": getattr(m, "global_scratch_size", 0) or 0,
            "arguments": [name for name, kind in signature.items() if kind != "constexpr"],
        }
    except Exception as error:
        return {"at": at, "error": f"{type(error).__name__}: {error}"}


def main() -> None:
    requests = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as work:
        os.environ["TRITON_CACHE_DIR"] = work
        os.environ["TRITON_ALWAYS_COMPILE"] = "1"
        with Pool(min(len(requests), len(os.sched_getaffinity(0)))) as pool:
            for result in pool.imap_unordered(compile_one, list(enumerate(requests))):
                print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
