# test_cuda.py - launches on NVIDIA GPUs, on a driver that does nothing but note what it is asked (fakegpu.c)
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import os
import subprocess
import sys
from pathlib import Path

import gpu_ptx
import pytest
import tegula

HERE = Path(__file__).parent
PACKAGE = Path(tegula.__file__).parent

START = """
import ctypes, sys
import numpy as np, tegula, small_kernels as kernels, gpu_ptx

class Seen(ctypes.Structure):
    _fields_ = [(n, ctypes.c_int) for n in ("loads", "isElf", "launches", "cooperative", "device", "shared", "dynamicShared")]
    _fields_ += [("grid", ctypes.c_uint * 3), ("block", ctypes.c_uint * 3)]
    _fields_ += [("stream", ctypes.c_uint64), ("arguments", ctypes.c_uint64 * 4)]

def driver():
    return ctypes.CDLL("libcuda.so.1")

def seen():
    return Seen.in_dll(driver(), "seen")

class Buffer:
    device = None
    dtype = "float32"
    def __init__(self, address): self.address = address
    def data_ptr(self): return self.address

class OnGpu(Buffer):
    def __init__(self, address, number=0):
        super().__init__(address)
        self.device = f"cuda:{number}"

def raises(kind, row, call, *texts):
    try:
        call()
    except tegula.TegulaError as e:
        assert type(e) is kind and e.id == row, (type(e), e.id, str(e))
        for text in texts:
            assert text in str(e), str(e)
        return e
    raise SystemExit(f"no error, {row} was expected")

a, b, c = (OnGpu(0x10000 * i) for i in (1, 2, 3))
def add(*args, grid=(4,), **options):
    return kernels.add[grid](*(args or (a, b, c, 100)), **{"BLOCK": 128, **options})
"""


@pytest.fixture(scope="session")
def fake(tmp_path_factory):
    """A folder with libcuda.so.1 and the kernels' PTX."""
    folder = tmp_path_factory.mktemp("fakegpu")
    library = folder / "libcuda.so.1"
    command = [
        "cc",
        "-O1",
        "-shared",
        "-fPIC",
        "-w",
        "-Wl,-soname,libcuda.so.1",
        "-o",
        library,
        HERE / "fakegpu.c",
    ]
    subprocess.run(command, check=True)
    (folder / "stages").mkdir()
    (folder / "stages" / "add.ptx").write_text(gpu_ptx.add())
    return folder


def process(folder, code, **env):
    """Runs `code` in a process that finds the driver in `folder`."""
    path = os.pathsep.join([str(PACKAGE.parent), str(HERE), *sys.path])
    env = {
        **os.environ,
        "PYTHONPATH": path,
        "LD_LIBRARY_PATH": str(folder),
        "TEGULA_OVERRIDE_DIR": str(folder / "stages"),
        "TEGULA_ASSEMBLER": "none",
        **env,
    }
    done = subprocess.run(
        [sys.executable, "-c", START + code], capture_output=True, text=True, env=env, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_launch(fake):
    """Grid, block, arguments and shared memory reach the driver; the device is that of the tensors, loaded once."""
    process(
        fake,
        """
kernel = add(grid=(4, 3, 2))
s = seen()
assert (s.loads, s.isElf, s.launches, s.device) == (1, 0, 1, 0)
assert list(s.grid) == [4, 3, 2] and list(s.block) == [128, 1, 1] and s.shared == 0 and s.stream == 0
assert list(s.arguments) == [0x10000, 0x20000, 0x30000, 100]
assert kernel.metadata.target == tegula.backends.compiler.GPUTarget("cuda", 80, 32)
assert list(kernel.asm) == ["tile", "laid-out", "target-ready", "llir", "ptx"] and kernel.asm["ptx"] == gpu_ptx.add()
assert kernel.metadata.assembler is None and (kernel.n_regs, kernel.n_spills) == (40, 4)
add(b, c, a, 7)
assert s.loads == 1 and s.launches == 2 and list(s.arguments) == [0x20000, 0x30000, 0x10000, 7]
add(grid=(0,))
add(grid=(3, 0, 5))
assert s.launches == 2
assert tegula.get_device() == "cuda:0" and "cuda:0" in tegula.runtime.devices()
properties = tegula.runtime.driver.active.utils.get_device_properties(0)
assert properties["max_shared_mem"] == 166912 and properties["multiprocessor_count"] == 132
assert tegula.runtime.driver.active.get_current_target().arch == 80
""",
    )


def test_devices_of_tensors(fake):
    """Several GPUs: the tensors' own; the caller's context stays; what is mixed or elsewhere is refused."""
    process(
        fake,
        """
d = driver()
d.test_current.restype = d.test_context.restype = ctypes.c_void_p
one = [OnGpu(0x10000 * i, 1) for i in (1, 2, 3)]
add(*one, 100)
s = seen()
assert s.device == 1 and s.loads == 1 and not d.test_current()  # as it was
add()
assert s.device == 0 and s.loads == 2 and d.test_current() == d.test_context(0)  # as CUDA's runtime would have it
add(*one, 100)
assert s.device == 1 and s.loads == 2 and d.test_current() == d.test_context(0)
mixed = lambda: add(a, one[0], c, 100)
raises(tegula.LaunchError, "launch_wrong_device", mixed, "argument 'y' of 'add' lives on the device cuda:1, but the launch is on cuda:0")
host = np.zeros(100, np.float32)
raises(tegula.LaunchError, "gpu_host_pointer", lambda: add(a, host, c, 100), "argument 'y' of 'add' lies in memory that cuda:0 cannot reach", 'x.to("cuda:0")')
tegula.set_device("cuda:1")
raises(tegula.LaunchError, "launch_wrong_device", add, "argument 'x' of 'add' lives on the device cuda:0, but the launch is on cuda:1")
raises(tegula.LaunchError, "gpu_host_pointer", lambda: add(host, host, host, 100))
raises(tegula.DeviceError, "device_missing", lambda: tegula.set_device("cuda:2"), "there is no device cuda:2: this machine has 2 GPUs")
tegula.set_device(None)
kernels.put[(1,)](host.view(np.int32), 3)  # the host's arrays stay with the host's device
assert host.view(np.int32)[0] == 3
assert s.launches == 3
""",
        FAKE_GPUS="2",
    )


def test_unknown_pointers_are_asked_for_once(fake):
    process(
        fake,
        """
count = ctypes.c_int.in_dll(driver(), "asked")
buffers = [Buffer(0x10000 * i) for i in (1, 2, 3)]
for _ in range(10):
    add(*buffers, 100)
assert seen().launches == 10 and count.value == 3, count.value
bad = lambda: add(buffers[0], Buffer(1 << 45), buffers[2], 100)
raises(tegula.LaunchError, "gpu_host_pointer", bad, "argument 'y' of 'add'")
raises(tegula.LaunchError, "gpu_host_pointer", bad)
add(Buffer(0), *buffers[1:], 100)  # an empty tensor's
""",
        TEGULA_DEVICE="cuda:0",
    )


def test_cuda_array_interface(fake):
    """CuPy's and Numba's arrays: any object with the interface."""
    process(
        fake,
        """
class Array:
    def __init__(self, **changed):
        self.__cuda_array_interface__ = {"shape": (100,), "typestr": "<f4", "data": (0x50000, False), "version": 3, **changed}

add(Array(), Array(strides=(4,)), Array(strides=None), 100)
assert list(seen().arguments)[:3] == [0x50000] * 3
class Cupy(Array):
    class device:
        id = 1
raises(tegula.LaunchError, "launch_wrong_device", lambda: add(a, Cupy(), c, 100), "argument 'y' of 'add' lives on the device cuda:1")
raises(tegula.LaunchError, "launch_dtype", lambda: add(a, Array(typestr="<c8"), c, 100), "<c8")
raises(tegula.LaunchError, "launch_no_data", lambda: add(a, Array(data=None), c, 100), "__cuda_array_interface__ is incomplete")
""",
    )


def test_streams(fake):
    """A stream that is given; PyTorch's current one; CuPy's for its arrays; the functions are looked up once."""
    process(
        fake,
        """
import types
class Stream: pass
def stream(**attributes):
    s = Stream()
    s.__dict__.update(attributes)
    return s
class Protocol:
    def __cuda_stream__(self): return (0, 0x770)
for given, number in ((0x110, 0x110), (0, 0), (stream(cuda_stream=0x220), 0x220), (stream(ptr=0x330), 0x330), (Protocol(), 0x770), (None, 0)):
    add(stream=given)
    assert seen().stream == number, given
raises(tegula.LaunchError, "gpu_bad_stream", lambda: add(stream="fast"), "stream is")

calls = []
c_module, torch = types.ModuleType("torch._C"), types.ModuleType("torch")
c_module._cuda_getCurrentRawStream = lambda device: calls.append(device) or 0x880
sys.modules["torch._C"], sys.modules["torch"] = c_module, torch
add()
assert seen().stream == 0x880 and calls == [0]
c_module._cuda_getCurrentRawStream = None  # the function itself is kept
add(stream=5)
assert seen().stream == 5 and calls == [0]
add()
assert seen().stream == 0x880 and calls == [0, 0]

cuda = types.ModuleType("cupy.cuda")
cuda.get_current_stream = lambda: stream(ptr=0x990)
sys.modules["cupy.cuda"] = cuda
add()
assert seen().stream == 0x880
ndarray = type("ndarray", (OnGpu,), {"__module__": "cupy"})
add(ndarray(0x10000), b, c, 100)
assert seen().stream == 0x990
""",
    )


def test_exchange_api(fake):
    """What PyTorch's own tensors have: C functions that describe a tensor and give the current stream."""
    process(
        fake,
        """
from ctypes import CFUNCTYPE, POINTER, Structure, c_int, c_int32, c_int64, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p

class DLTensor(Structure):
    _fields_ = [("data", c_void_p), ("type", c_int32), ("id", c_int32), ("ndim", c_int32), ("code", c_uint8), ("bits", c_uint8),
                ("lanes", c_uint16), ("shape", POINTER(c_int64)), ("strides", POINTER(c_int64)), ("offset", c_uint64)]
Describe = CFUNCTYPE(c_int, ctypes.py_object, POINTER(DLTensor))
Stream = CFUNCTYPE(c_int, c_int32, c_int32, POINTER(c_void_p))
class Api(Structure):
    _fields_ = [("major", c_uint32), ("minor", c_uint32), ("previous", c_void_p), ("unused", c_void_p * 3), ("describe", Describe), ("stream", Stream)]

shape, stride, asked = (c_int64 * 1)(100), (c_int64 * 1)(1), []
@Describe
def describe(tensor, out):
    out[0] = DLTensor(tensor.address, 2, tensor.number, 1, 2, 32, 1, shape, stride, 0)
    return 0
@Stream
def current(kind, number, out):
    asked.append((kind, number))
    out[0] = 0xAA0
    return 0
api = Api(1, 3, None, (c_void_p * 3)(), describe, current)
make = ctypes.pythonapi.PyCapsule_New
make.restype, make.argtypes = ctypes.py_object, [c_void_p, ctypes.c_char_p, c_void_p]

class Tensor:
    __dlpack_c_exchange_api__ = make(ctypes.addressof(api), b"dlpack_exchange_api", None)
    def __init__(self, address, number=1): self.address, self.number = address, number

add(*(Tensor(0x10000 * i) for i in (4, 5, 6)), 100)
assert list(seen().arguments)[:3] == [0x40000, 0x50000, 0x60000] and seen().device == 1
assert seen().stream == 0xAA0 and asked == [(2, 1)]
add(*(Tensor(0x10000 * i, 0) for i in (4, 5, 6)), 100, stream=3)
assert seen().device == 0 and seen().stream == 3 and len(asked) == 1
""",
        FAKE_GPUS="2",
    )


def test_options(fake):
    process(
        fake,
        """
first = add(maxnreg=64)
assert first.metadata.maxnreg == 64 and add().metadata.maxnreg is None and add(maxnreg=64) is first
add(launch_cooperative_grid=True)
assert seen().cooperative == 1
add(num_ctas=1, launch_pdl=True)
raises(tegula.UnsupportedError, "gpu_option", lambda: add(num_ctas=2), "the launch option 'num_ctas' is not supported on GPUs, got 2")
raises(tegula.UnsupportedError, "gpu_option", lambda: add(ptx_options="-O1"), "'ptx_options'")
raises(tegula.LaunchError, "launch_bad_option", lambda: add(maxnreg=1000), "an integer from 0 to 255")
raises(tegula.LaunchError, "gpu_grid", lambda: add(grid=(1, 70000)), "cuda:0 takes up to 65535 programs along axis 1 of a grid, got 70000")
source = tegula.compiler.ASTSource(kernels.add, {"x": "*fp32", "y": "*fp32", "o": "*fp32", "n": "i32", "BLOCK": "constexpr"}, {"BLOCK": 128})
target = tegula.backends.compiler.GPUTarget("cuda", 80, 32)
raises(tegula.UnsupportedError, "gpu_option", lambda: tegula.compile(source, target, {"num_ctas": 2}))
assert tegula.compile(source, target, {"num_ctas": 1}).metadata.num_warps == 4
""",
    )


@pytest.mark.parametrize(
    ("env", "stage", "row", "texts"),
    [
        ({}, {"shared": 200000}, "gpu_shared_memory",
         ["'add' needs 200000 bytes of shared memory for a block, and cuda:0 has 166912", "Lower num_stages (now 3), or a block size (BLOCK=128)"]),
        ({"FAKE_STATIC": "160000"}, {"shared": 10000}, "gpu_shared_memory", ["needs 170000 bytes"]),
        ({}, {"warps": 64}, "gpu_threads", ["'add' needs 2048 threads for a block, and cuda:0 has 1024", "num_warps to 32"]),
        ({"FAKE_THREADS": "96"}, {}, "gpu_registers",
         ["'add' needs 40 registers for each of 128 threads, and cuda:0 has enough for 96 threads", "Lower num_warps, set maxnreg"]),
        ({"FAKE_RESULT_launch": "701"}, {}, "device_launch_resources", ["cuda:0 cannot run this launch", "FAKE_701"]),
        ({"FAKE_RESULT_load": "2"}, {}, "device_out_of_memory", ["cuda:0 is out of memory"]),
    ],
    ids=["shared", "static", "threads", "registers", "launch", "memory"],
)  # fmt: skip
def test_out_of_resources(fake, tmp_path, env, stage, row, texts):
    (tmp_path / "add.ptx").write_text(gpu_ptx.add(**stage))
    process(
        fake,
        f"raises(tegula.OutOfResources, {row!r}, add, *{texts!r})\nassert seen().launches == 0\n",
        TEGULA_OVERRIDE_DIR=str(tmp_path),
        **env,
    )


def test_more_shared_memory_than_usual_is_asked_for(fake, tmp_path):
    (tmp_path / "add.ptx").write_text(gpu_ptx.add(shared=100000))
    code = "add()\nassert seen().shared == 100000 and seen().dynamicShared == 100000\n"
    process(fake, code, TEGULA_OVERRIDE_DIR=str(tmp_path))


def test_errors_of_the_driver(fake):
    for function, number, row, text in (
        ("launch", 700, "device_kernel_failed", "a kernel that ran on cuda:0 before failed"),
        ("launch", 716, "device_kernel_failed", "TEGULA_EMU_CHECKS=fatal"),
        ("launch", 1, "device_error", "cuda:0: 'launch' failed: fake (FAKE_1, 1)"),
        ("load", 209, "device_bad_image", "cuda:0 does not take the code of this kernel"),
        ("load", 222, "device_bad_image", "TEGULA_ASSEMBLER=none"),
    ):
        code = f"raises(tegula.DeviceError, {row!r}, add, {text!r})\n"
        process(fake, code, **{f"FAKE_RESULT_{function}": str(number)})


def test_no_gpu(fake, tmp_path):
    code = "raises(tegula.DeviceError, 'device_none', lambda: tegula.set_device('cuda:0'), 'there is no GPU that it can use')\n"
    process(fake, code, FAKE_GPUS="0")
    # A driver that lacks nearly everything: too old, or no driver at all.
    (tmp_path / "old.c").write_text(
        "int cuInit(unsigned f) { return 0; }\nint cuDeviceGetCount(int *n) { *n = 1; return 0; }\n"
    )
    library = tmp_path / "libcuda.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "old.c"], check=True)
    code = "raises(tegula.DeviceError, 'device_old_driver', lambda: tegula.set_device('cuda:0'), \"lacks the function 'deviceGet'\")\n"
    process(tmp_path, code, TEGULA_OVERRIDE_DIR="")
    library.write_text("no library")
    code = """
raises(tegula.DeviceError, 'device_no_driver', lambda: tegula.set_device('cuda'), "NVIDIA's driver cannot be used: ", 'TEGULA_DEVICE=emu:sm_80')
raises(tegula.DeviceError, 'device_no_driver', add)
assert tegula.get_device() == "cpu"
class Here(Buffer):  # who does not say where it is goes to the CPU
    dtype = "int32"
o = np.zeros(4, np.int32)
kernels.put[(1,)](Here(o.ctypes.data), 3)
assert o[0] == 3
"""
    process(tmp_path, code, TEGULA_OVERRIDE_DIR="")


def test_fork(fake):
    """CUDA does not survive a fork; a process that forks before it uses a GPU is free to use one."""
    process(
        fake,
        """
import os, signal
def forked(body):
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        try:
            body()
            os._exit(0)
        except BaseException as e:
            print(e, file=sys.stderr, flush=True)
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
forked(add)
add()
def after():
    e = raises(tegula.LaunchError, "device_forked", add, "this process was forked from one that used a GPU")
    assert "spawn" in e.next_step
    raises(tegula.LaunchError, "device_forked", lambda: tegula.set_device("cuda:0"))
    o = np.zeros(1, np.int32)
    kernels.put[(1,)](o, 3)  # the CPU goes on
    assert o[0] == 3
forked(after)
add()
assert seen().launches == 2
""",
    )


def test_bench_by_events(fake):
    process(
        fake,
        """
tegula.set_device("cuda:0")
ms = tegula.testing.do_bench(add, warmup=1, rep=2)
assert ms == 0.25, ms
assert tegula.testing.do_bench(add, warmup=1, rep=2, quantiles=[0.5, 0.9]) == [0.25, 0.25]
""",
    )


def test_launches_from_threads(fake):
    process(
        fake,
        """
import threading
def work():
    for _ in range(500): add()
threads = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
assert seen().loads == 1 and seen().launches == 4000
""",
    )
