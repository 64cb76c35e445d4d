# driver.py - the device in Triton's terms
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""What scripts written for Triton ask of `triton.runtime.driver.active`."""

from __future__ import annotations

from collections.abc import Callable

from ..backends.compiler import GPUTarget
from .device import get_device


class Driver:
    """The device of launches."""

    def get_current_target(self) -> GPUTarget:
        """The target that kernels are compiled for."""
        device = get_device()
        return GPUTarget("cpu", "native", 1) if device.startswith("cpu") else GPUTarget(device, "", 1)

    def get_current_device(self) -> int:
        """The number of the device: 0."""
        return 0

    def get_current_stream(self, device: int = 0) -> None:
        """Launches on the host have no stream."""
        return None

    def get_active_torch_device(self) -> object:
        """The PyTorch device whose tensors a launch takes."""
        import torch

        return torch.device("cpu")

    def get_benchmarker(self) -> Callable[..., object]:
        """What the autotuner measures with."""
        from ..testing import do_bench

        return do_bench


active = Driver()
