# compiler.py - the name of a target
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Targets of compiles."""

from __future__ import annotations


class GPUTarget:
    """What to compile for: ("cpu", "native" or "x86-64-v3" or "aarch64", 1), ("cuda", 80, 32), ("reference", "", 1);
    AMD's GPUs will be ("hip", "gfx942", 64)."""

    __slots__ = ("arch", "backend", "warp_size")

    def __init__(self, backend: str, arch: int | str, warp_size: int) -> None:
        self.backend = backend
        self.arch = arch
        self.warp_size = warp_size

    def _key(self) -> tuple[str, str, int]:
        return self.backend, str(self.arch), self.warp_size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GPUTarget) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"GPUTarget(backend={self.backend!r}, arch={self.arch!r}, warp_size={self.warp_size})"
