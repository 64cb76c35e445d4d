"""Tensors of the host in the memory of an NVIDIA GPU and back, by the driver: PyTorch need not have CUDA."""

from __future__ import annotations

import ctypes
import functools

import tegula
import torch


@functools.cache
def driver(device: int) -> ctypes.CDLL:
    """The driver with the primary context of a GPU, the one that kernels run in."""
    lib = ctypes.CDLL("libcuda.so.1")
    handle, context = ctypes.c_int(), ctypes.c_void_p()
    call(lib, "cuInit", 0)
    call(lib, "cuDeviceGet", ctypes.byref(handle), device)
    call(lib, "cuDevicePrimaryCtxRetain", ctypes.byref(context), handle)
    call(lib, "cuCtxSetCurrent", context)
    return lib


def call(lib: ctypes.CDLL, name: str, *args: object) -> None:
    result = getattr(lib, name)(*args)
    assert result == 0, f"{name} gave {result}"


class OnGpu:
    """A tensor's counterpart: same dtype, shape and strides, within a copy of its storage."""

    def __init__(self, x: torch.Tensor, storage: int) -> None:
        self.dtype = str(x.dtype).removeprefix("torch.")
        size = x.element_size()
        letter = "f" if x.dtype.is_floating_point and size > 1 else "b" if x.dtype == torch.bool else "i"
        letter = (
            "u"
            if "uint" in self.dtype
            else "V"
            if "bfloat" in self.dtype or "float8" in self.dtype
            else letter
        )
        self.__cuda_array_interface__ = {
            "shape": tuple(x.shape),
            "strides": tuple(s * size for s in x.stride()),
            "typestr": f"<{letter}{size}" if size > 1 else f"|{letter}1",
            "data": (storage + x.storage_offset() * size, False),
            "version": 3,
        }


class Memory:
    """Copies of storages on a GPU; tensors that share one go on sharing one. Freed with `free`."""

    def __init__(self, device: int) -> None:
        self.device = device
        self.lib = driver(device)
        self.storages: dict[int, tuple[int, torch.UntypedStorage]] = {}

    def put(self, x: object) -> object:
        if not isinstance(x, torch.Tensor):
            return x
        storage = x.untyped_storage()
        if storage.data_ptr() not in self.storages:
            address = ctypes.c_uint64()
            call(self.lib, "cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(max(storage.nbytes(), 16)))
            here = ctypes.c_void_p(storage.data_ptr())
            call(self.lib, "cuMemcpyHtoD_v2", address, here, ctypes.c_size_t(storage.nbytes()))
            self.storages[storage.data_ptr()] = (address.value, storage)
        return OnGpu(x, self.storages[storage.data_ptr()][0])

    def fetch(self) -> None:
        """Waits for the GPU and copies every storage back to where it came from."""
        tegula._tegula.synchronize(f"cuda:{self.device}")  # type: ignore[attr-defined]
        for address, storage in self.storages.values():
            here = ctypes.c_void_p(storage.data_ptr())
            call(
                self.lib, "cuMemcpyDtoH_v2", here, ctypes.c_uint64(address), ctypes.c_size_t(storage.nbytes())
            )

    def free(self) -> None:
        for address, _ in self.storages.values():
            call(self.lib, "cuMemFree_v2", ctypes.c_uint64(address))
