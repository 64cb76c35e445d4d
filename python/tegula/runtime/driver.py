# driver.py - the device in Triton's terms
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""What scripts written for Triton ask of `triton.runtime.driver.active`."""

from __future__ import annotations

import sys

from .. import _tegula
from ..backends.compiler import GPUTarget
from .device import devices, get_device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Utils:
    """Facts of GPUs."""

    def get_device_properties(self, device: int | str = 0) -> dict[str, Any]:
        """max_shared_mem, max_num_regs, multiprocessor_count, warpSize, ...: of GPU number `device`, or of the emulated
        GPU that launches go to; or of a device by its name."""
        if isinstance(device, str):
            return _tegula.device_facts(device)
        here = get_device()
        return _tegula.device_facts(f"cuda:{device or 0}" if here.startswith("cuda") else here)


class Driver:
    """The device of launches."""

    utils = Utils()

    def get_current_target(self) -> GPUTarget:
        """The target that kernels are compiled for."""
        backend, arch, warp_size = _tegula.device_target(get_device())
        return GPUTarget(backend, int(arch) if arch.isdigit() else arch, warp_size)

    def get_current_device(self) -> int:
        """The number of the device: of a GPU, else 0."""
        name = get_device()
        return int(name.split(":")[1]) if name.startswith("cuda") else 0

    def get_current_stream(self, device: int | None = None) -> int:
        """The stream that PyTorch works in on a GPU; 0, the default stream, where it uses none."""
        if not get_device().startswith("cuda"):
            return 0
        raw = getattr(getattr(sys.modules.get("torch"), "_C", None), "_cuda_getCurrentRawStream", None)
        return raw(self.get_current_device() if device is None else device) if raw else 0

    def get_active_torch_device(self) -> Any:
        """The PyTorch device whose tensors a launch takes: the CPU's for an emulated GPU too."""
        import torch

        name = get_device()
        return torch.device(name if name.startswith("cuda") else "cpu")

    def get_device_interface(self) -> Any:
        """PyTorch's module of functions for the device."""
        import torch

        return torch.cuda if get_device().startswith("cuda") else torch.cpu

    def get_benchmarker(self) -> Callable[..., Any]:
        """What the autotuner measures with: milliseconds; instructions on an emulated GPU."""
        from ..testing import count_instructions, do_bench

        return count_instructions if get_device().startswith("emu:") else do_bench

    def devices(self) -> list[str]:
        """Every device of this machine."""
        return devices()


active = Driver()
