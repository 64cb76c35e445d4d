# errors.py - what a wrong kernel or a wrong call raises
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Exceptions of Tegula.

`TegulaError` is the base. The text of an exception is the whole diagnostic: place, message, source line with a caret,
the chain of inlined calls, and what to do next. The attributes hold its parts.
"""

from __future__ import annotations


class TegulaError(Exception):
    """Base of all errors of Tegula."""

    message: str = ""
    """What is wrong, in one line."""
    file: str | None = None
    """File of the kernel's source, where known."""
    line: int | None = None
    """Line in that file, from 1."""
    column: int | None = None
    """Column in that line in bytes, from 1."""
    next_step: str | None = None
    """What to do about it."""
    id: str = ""
    """The diagnostic's name in the tables of the compiler."""

    def __init__(self, text: str = "", *args: object) -> None:
        super().__init__(text, *args)
        self.message = text


class CompileError(TegulaError):
    """The kernel's text is wrong."""


class UnsupportedError(TegulaError):
    """Right by the language, but not supported by this version or this device yet."""


class OutOfResources(TegulaError):
    """The kernel needs more of something than the device has."""


class LaunchError(TegulaError):
    """The call of a kernel is wrong: arguments, grid, options, device."""


class DeviceError(TegulaError):
    """Something went wrong while the kernel ran, such as a failed device_assert."""


class InternalError(TegulaError):
    """A bug in Tegula. The text says where the reproducer lies."""


# Triton's names.
TritonError = TegulaError
CompilationError = CompileError
CompileTimeAssertionFailure = CompileError
UnsupportedLanguageConstruct = UnsupportedError

__all__ = [
    "CompileError",
    "DeviceError",
    "InternalError",
    "LaunchError",
    "OutOfResources",
    "TegulaError",
    "UnsupportedError",
]
