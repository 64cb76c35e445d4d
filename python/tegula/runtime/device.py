# device.py - which device kernels are launched on
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""The device of launches."""

from __future__ import annotations

from .. import _tegula


def set_device(device: str | None) -> None:
    """Launches go to `device` from now on: "cpu", "cuda:0", "emu:sm_80" or "reference"; None or "": the device of the
    tensors. Raises where there is no such device."""
    name = "" if device is None else str(device)
    _tegula.set_setting("device", _tegula.check_device(name) if name else "")


def get_device() -> str:
    """The device that launches go to. Where none was chosen by `set_device` or TEGULA_DEVICE: the current GPU if this
    machine has one, else "cpu"; then tensors elsewhere still go to theirs."""
    chosen = _tegula.setting_text("device")
    if chosen:
        return _tegula.check_device(chosen)
    return f"cuda:{_tegula.current_cuda_device()}" if _tegula.cuda_device_count() else "cpu"


def measured_device() -> str:
    """The device whose time counts: the chosen one; else a GPU if PyTorch uses one in this process, else the CPU."""
    import sys

    if _tegula.setting_text("device"):
        return get_device()
    torch = sys.modules.get("torch")
    return get_device() if torch is not None and torch.cuda.is_initialized() else "cpu"


def devices() -> list[str]:
    """Every device that `set_device` takes on this machine."""
    return _tegula.device_names()


def num_threads() -> int:
    """Worker threads of the CPU device (TEGULA_NUM_THREADS, else the processors that this process may use)."""
    return _tegula.num_threads()
