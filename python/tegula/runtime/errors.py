# errors.py - the errors under the name that kernels import from Triton
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

from ..errors import CompileError, OutOfResources, TegulaError, TritonError

__all__ = ["CompileError", "OutOfResources", "TegulaError", "TritonError"]
