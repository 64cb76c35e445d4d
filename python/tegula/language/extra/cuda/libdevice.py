# libdevice.py - the same library under the path that kernels import it by
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""libdevice under the path that kernels import it by."""

from ..libdevice import *  # noqa: F403

__tegula_space__ = "extra.libdevice"
