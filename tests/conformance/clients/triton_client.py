# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Launches the kernels of tests/bench/kernels.py by Triton's own driver, for test_clients.py.

Knows nothing of Tegula: run by `python -m tegula.emulator run` it finds the emulated GPU as if it were one. Reads
pickled requests (name, constants, grid, arguments) from its standard input and answers with the arrays as they are
afterwards. With `torch` as argument PyTorch for the CPU is in the process too, and its tensors, over managed memory,
are what the kernels get; else it cannot be imported.
"""

import ctypes
import os
import pickle
import sys

import numpy as np

os.environ["KERNEL_LANG"] = "triton"
answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)  # what else is printed is for the error output


class NoTorch:
    """With PyTorch for the CPU in the process, Triton does not look for a GPU."""

    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ImportError(name)


WITH_TORCH = "torch" in sys.argv
if not WITH_TORCH:
    sys.meta_path.insert(0, NoTorch())

import triton  # noqa: E402
from triton.backends.nvidia.driver import CudaDriver  # noqa: E402

if WITH_TORCH:
    # Before PyTorch is there: a driver that is made later asks torch.cuda, which the build for the CPU lacks.
    triton.runtime.driver.set_active(CudaDriver())
    import torch  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
import kernels  # noqa: E402

cuda = ctypes.CDLL("libcuda.so.1")
cuda.cuInit(0)


def call(name, *args):
    result = getattr(cuda, name)(*args)
    if result:
        text = ctypes.c_char_p()
        cuda.cuGetErrorName(result, ctypes.byref(text))
        raise RuntimeError(f"{name}: {text.value.decode() if text.value else result}")


class Buffer:
    """Device memory with the contents of an array."""

    def __init__(self, array):
        self.array, self.dtype = array, str(array.dtype)
        self.address, self.size = ctypes.c_uint64(), ctypes.c_size_t(array.nbytes)
        call("cuMemAlloc_v2", ctypes.byref(self.address), self.size)
        call("cuMemcpyHtoD_v2", self.address, ctypes.c_void_p(array.ctypes.data), self.size)

    def data_ptr(self):
        return self.address.value

    def take(self):
        call("cuMemcpyDtoH_v2", ctypes.c_void_p(self.array.ctypes.data), self.address, self.size)
        call("cuMemFree_v2", self.address)
        return self.array


class Managed(Buffer):
    """Memory of both sides, as PyTorch's tensor."""

    def __init__(self, array):
        self.array, self.address, self.size = array, ctypes.c_uint64(), ctypes.c_size_t(array.nbytes)
        call("cuMemAllocManaged", ctypes.byref(self.address), self.size, 1)
        memory = (ctypes.c_char * array.nbytes).from_address(self.address.value)
        self.tensor = torch.frombuffer(memory, dtype=getattr(torch, str(array.dtype))).reshape(array.shape)
        self.tensor.copy_(torch.from_numpy(array))

    def take(self):
        call("cuCtxSynchronize")
        self.array[...] = self.tensor.numpy()
        call("cuMemFree_v2", self.address)
        return self.array


def serve(request):
    name, constants, options, grid, arguments = request
    triton.runtime.driver.active.get_current_device()  # makes a context
    buffers = [
        (Managed if WITH_TORCH else Buffer)(a) if isinstance(a, np.ndarray) else None for a in arguments
    ]
    given = [a if b is None else getattr(b, "tensor", b) for a, b in zip(arguments, buffers)]
    names = [n for n in kernels.CASES[name][0].arg_names if n not in constants]
    kernel = kernels.CASES[name][0][grid](**dict(zip(names, given, strict=True)), **constants, **options)
    arrays = [b and b.take() for b in buffers]
    target = triton.runtime.driver.active.get_current_target()
    return arrays, {"arch": target.arch, "registers": kernel.n_regs, "cubin": kernel.asm["cubin"]}


while True:
    try:
        request = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    try:
        answer = serve(request)
    except Exception as error:
        import traceback

        traceback.print_exc()
        answer = (None, repr(error))
    pickle.dump(answer, answers)
    answers.flush()
