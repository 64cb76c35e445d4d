# __init__.py - what programs use beside kernels
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""What programs use beside kernels."""

from . import tensor_descriptor

__all__ = ["tensor_descriptor"]
