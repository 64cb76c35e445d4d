# standard.py - functions of the language under the path that kernels import them by
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Functions of the language under the path that kernels import them by."""

from ._functions import *  # noqa: F403
from .core import function as _function

_log2 = _function("_log2", "(i)", "The logarithm of a power of two, known when compiling.")

__tegula_space__ = ""
