# device.py - which device kernels are launched on
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""The device of launches."""

from __future__ import annotations

from .. import _tegula


def set_device(device: str | None) -> None:
    """Launches go to `device` from now on: "cpu" or "reference"; None or "": the device of the tensors."""
    name = "" if device is None else str(device)
    if name not in ("", "cpu", "cpu:0", "reference"):
        planned = name.split(":")[0] in ("cuda", "hip", "emu")
        _tegula.raise_("launch_device_not_built" if planned else "launch_unknown_device", name)
    _tegula.set_setting("device", name)


def get_device() -> str:
    """The device that launches go to: "cpu" unless `set_device` or TEGULA_DEVICE says otherwise."""
    return _tegula.setting_text("device") or "cpu"


def num_threads() -> int:
    """Worker threads of the CPU device (TEGULA_NUM_THREADS, else the processors that this process may use)."""
    return _tegula.num_threads()
