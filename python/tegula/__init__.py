# __init__.py - the package: names are loaded when they are first used
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Tegula compiles tile kernels: one Python function over blocks of data becomes native code.

import tegula
import tegula.language as tl

@tegula.jit
def double(x, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x + i, 2 * tl.load(x + i, mask=i < n), mask=i < n)

double[(tegula.cdiv(n, 1024),)](x, n, BLOCK=1024)
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import backends as backends
    from . import compiler as compiler
    from . import errors as errors
    from . import knobs as knobs
    from . import language as language
    from . import runtime as runtime
    from . import testing as testing
    from . import tools as tools
    from .compiler import CompiledKernel as CompiledKernel
    from .compiler import compile as compile
    from .errors import CompilationError as CompilationError
    from .errors import CompileError as CompileError
    from .errors import DeviceError as DeviceError
    from .errors import InternalError as InternalError
    from .errors import LaunchError as LaunchError
    from .errors import OutOfResources as OutOfResources
    from .errors import TegulaError as TegulaError
    from .errors import TritonError as TritonError
    from .errors import UnsupportedError as UnsupportedError
    from .language.core import cdiv as cdiv
    from .language.core import must_use_result as must_use_result
    from .language.core import next_power_of_2 as next_power_of_2
    from .runtime.autotuner import Config as Config
    from .runtime.autotuner import autotune as autotune
    from .runtime.autotuner import heuristics as heuristics
    from .runtime.device import get_device as get_device
    from .runtime.device import num_threads as num_threads
    from .runtime.device import set_device as set_device
    from .runtime.host import constexpr_function as constexpr_function
    from .runtime.jit import JITFunction as JITFunction
    from .runtime.jit import KernelInterface as KernelInterface
    from .runtime.jit import MockTensor as MockTensor
    from .runtime.jit import TensorWrapper as TensorWrapper
    from .runtime.jit import jit as jit
    from .runtime.jit import reinterpret as reinterpret

# Name -> module that has it. `import tegula` itself reads nothing else, so that it costs next to nothing.
_HOMES = {
    "CompiledKernel": "compiler",
    "compile": "compiler",
    "CompilationError": "errors",
    "CompileError": "errors",
    "DeviceError": "errors",
    "InternalError": "errors",
    "LaunchError": "errors",
    "OutOfResources": "errors",
    "TegulaError": "errors",
    "TritonError": "errors",
    "UnsupportedError": "errors",
    "cdiv": "language.core",
    "next_power_of_2": "language.core",
    "Config": "runtime.autotuner",
    "autotune": "runtime.autotuner",
    "heuristics": "runtime.autotuner",
    "get_device": "runtime.device",
    "num_threads": "runtime.device",
    "set_device": "runtime.device",
    "constexpr_function": "runtime.host",
    "JITFunction": "runtime.jit",
    "KernelInterface": "runtime.jit",
    "MockTensor": "runtime.jit",
    "TensorWrapper": "runtime.jit",
    "must_use_result": "language.core",
    "jit": "runtime.jit",
    "reinterpret": "runtime.jit",
}
_MODULES = ("backends", "compiler", "errors", "knobs", "language", "runtime", "testing", "tools")

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value: object = getattr(_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = _module(name)
    else:
        raise AttributeError(f"module 'tegula' has no attribute {name!r}")
    globals()[name] = value
    return value


def _module(name: str) -> object:
    from importlib import import_module

    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
