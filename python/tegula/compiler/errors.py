# errors.py - the same under the path that scripts import it by
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Errors under the path that scripts import them by."""

from ..errors import CompilationError, CompileError, CompileTimeAssertionFailure, UnsupportedLanguageConstruct

__all__ = ["CompilationError", "CompileError", "CompileTimeAssertionFailure", "UnsupportedLanguageConstruct"]
