# __init__.py - libraries beside the language
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Libraries beside the language."""

from . import cuda, hip, libdevice

__tegula_space__ = "extra"

__all__ = ["cuda", "hip", "libdevice"]
