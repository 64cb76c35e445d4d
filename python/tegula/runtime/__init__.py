# __init__.py - jit functions, tuning, devices
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Jit functions, tuning, devices."""

from ..errors import OutOfResources
from . import driver, errors
from .autotuner import Autotuner, Config, Heuristics, autotune, heuristics
from .device import devices, get_device, num_threads, set_device
from .jit import JITFunction, KernelInterface, MockTensor, TensorWrapper, jit, reinterpret

__all__ = [
    "Autotuner",
    "Config",
    "Heuristics",
    "JITFunction",
    "KernelInterface",
    "MockTensor",
    "OutOfResources",
    "TensorWrapper",
    "autotune",
    "devices",
    "driver",
    "errors",
    "get_device",
    "heuristics",
    "jit",
    "num_threads",
    "reinterpret",
    "set_device",
]
