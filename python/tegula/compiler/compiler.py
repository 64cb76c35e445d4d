# compiler.py - the same under the path that scripts import it by
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Compiles under the path that scripts import them by."""

from . import ASTSource, CompiledKernel, compile

__all__ = ["ASTSource", "CompiledKernel", "compile"]
