# knobs.py - settings that a program reads and changes
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Settings, as attributes: `tegula.knobs.always_compile = True`.

Every row of the compiler's settings table is here under its name in snake_case, with what its environment variable set.
`rows()` lists them. Triton's groups hold the same settings: `knobs.compilation.always_compile`,
`knobs.runtime.debug`, `knobs.cache.dir`; and `knobs.compilation.listener`, which is called after every compile.
"""

from __future__ import annotations

import sys
from types import ModuleType

from . import _tegula

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _snake(field: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in field)


_ROWS = {_snake(row[0]): row for row in _tegula.setting_rows()}


def rows() -> list[tuple[str, str, str, str, str]]:
    """Every setting: (name here, type, environment variable, default, help)."""
    return [(name, row[1].removeprefix("std::"), row[2], row[3], row[4]) for name, row in _ROWS.items()]


def _get(name: str) -> Any:
    field, type_ = _ROWS[name][:2]
    text = _tegula.setting_text(field)
    if type_ == "bool":
        return text in ("1", "true", "True", "on")
    return int(text) if type_ == "int" else text


def _set(name: str, value: Any) -> None:
    text = "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)
    _tegula.set_setting(_ROWS[name][0], text)


class _Group:
    """Settings under the names of one of Triton's groups; other attributes are plain ones."""

    def __init__(self, names: dict[str, str], **plain: Any) -> None:
        self.__dict__["_names"] = names
        self.__dict__.update(plain)

    def __getattr__(self, name: str) -> Any:
        names = self.__dict__["_names"]
        if name not in names:
            raise AttributeError(f"there is no knob {name!r} here")
        return _get(names[name])

    def __setattr__(self, name: str, value: Any) -> None:
        names = self.__dict__["_names"]
        if name in names:
            _set(names[name], value)
        else:
            self.__dict__[name] = value


_COMPILATION = {"always_compile": "always_compile", "dump_ir": "dump", "enable_fp_fusion": "fp_fusion"}
compilation = _Group(_COMPILATION, listener=None)
runtime = _Group({"debug": "debug"}, interpret=False)
cache = _Group({"dir": "cache_dir", "dump_dir": "dump_dir", "override_dir": "override_dir"})
autotuning = _Group({}, print=False, listener=None)

listener: Callable[..., None] | None


class _Knobs(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name in _ROWS:
            return _get(name)
        raise AttributeError(f"there is no knob {name!r}; there are {', '.join(_ROWS)}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ROWS:
            _set(name, value)
        else:
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_ROWS})


sys.modules[__name__].__class__ = _Knobs
if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
