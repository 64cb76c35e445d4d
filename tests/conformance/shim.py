"""`import triton` that finds tegula: other people's packages are run without a change to their text."""

from __future__ import annotations

import contextlib
import importlib
import sys
import types

LIKE = "3.9.0"  # the Triton whose names these are; packages ask for it
PARTS = [
    "language",
    "language.extra",
    "language.extra.libdevice",
    "language.extra.cuda",
    "language.extra.cuda.libdevice",
    "language.math",
    "language.core",
    "language.standard",
    "language.random",
    "runtime",
    "runtime.jit",
    "runtime.autotuner",
    "runtime.driver",
    "compiler",
    "compiler.compiler",
    "backends",
    "backends.compiler",
    "testing",
]


def install() -> None:
    """Idempotent. Raises if another triton is imported already."""
    present = sys.modules.get("triton")
    if present is not None:
        if getattr(present, "__tegula__", False):
            return
        raise RuntimeError("another triton is imported already")
    import tegula

    triton = types.ModuleType("triton")
    triton.__dict__.update(
        __version__=LIKE, __tegula__=True, __path__=[], __getattr__=lambda name: getattr(tegula, name)
    )
    sys.modules["triton"] = triton
    for part in PARTS:
        with contextlib.suppress(ModuleNotFoundError):
            sys.modules[f"triton.{part}"] = importlib.import_module(f"tegula.{part}")
    # torch.compile looks for this one at import, whoever asks for it.
    cache = types.ModuleType("triton.runtime.cache")
    cache.triton_key = lambda: f"tegula {tegula.__version__}"
    sys.modules["triton.runtime.cache"] = cache
