# host.py - Python functions that a kernel calls while it is compiled
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Python functions that a kernel calls while it is compiled, with constants."""

from __future__ import annotations

import functools
import types

from ..language.core import _unwrap, dtype

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class ConstexprFunction:
    """What `constexpr_function` makes: callable from Python, and from kernels while they are compiled."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        if not callable(fn):
            raise TypeError(f"constexpr_function takes a function, got {type(fn).__name__}")
        self.fn = fn
        functools.update_wrapper(self, fn)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _unwrap(self.fn(*map(_unwrap, args), **{k: _unwrap(v) for k, v in kwargs.items()}))


def constexpr_function(fn: Callable[..., Any]) -> ConstexprFunction:
    """Lets kernels call a Python function while they are compiled: its arguments must be constants, so is its result.

    What it reads beside its arguments (global numbers, other functions) counts for the compile cache. A running
    program keeps the kernels that it has compiled, also when such a global changes.
    """
    return ConstexprFunction(fn)


def describe(value: Any) -> tuple[Callable[..., Any], str, str]:
    """The callable, its name, and a digest of its text and of all that it reads."""
    import hashlib

    host = value if isinstance(value, ConstexprFunction) else ConstexprFunction(value)
    parts: list[str] = []
    _read(host.fn, parts, set())
    digest = hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
    return host, str(getattr(host.fn, "__qualname__", type(host.fn).__name__)), digest


def _read(value: Any, parts: list[str], seen: set[int]) -> None:
    value = _unwrap(value)
    if isinstance(value, ConstexprFunction):
        value = value.fn
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, dtype)):
        parts.append(f"{type(value).__name__} {value!r}")
    elif id(value) in seen:
        parts.append("seen")
    elif isinstance(value, (tuple, list, frozenset, set, dict)):
        seen.add(id(value))
        parts.append(f"{type(value).__name__} {len(value)}")
        for item in value.items() if isinstance(value, dict) else value:
            _read(item, parts, seen)
    elif isinstance(value, types.FunctionType):
        seen.add(id(value))
        parts.append(f"function {value.__qualname__}")
        _read(value.__defaults__, parts, seen)
        _read(value.__kwdefaults__, parts, seen)
        for cell in value.__closure__ or ():
            try:
                _read(cell.cell_contents, parts, seen)
            except ValueError:
                parts.append("not assigned yet")
        _read_code(value.__code__, value.__globals__, parts, seen)
    else:
        kind = value if isinstance(value, type) else type(value)
        parts.append(f"{kind.__module__}.{kind.__qualname__} {getattr(value, '__name__', '')}")


def _read_code(code: types.CodeType, names: dict[str, Any], parts: list[str], seen: set[int]) -> None:
    parts.append(code.co_code.hex())
    parts.append(" ".join((*code.co_names, *code.co_varnames)))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _read_code(constant, names, parts, seen)
        else:
            _read(constant, parts, seen)
    for name in code.co_names:
        if name in names:
            parts.append(name)
            _read(names[name], parts, seen)
