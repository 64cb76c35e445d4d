# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of the driver API, of the runtime API and of Python packages on the emulated GPU."""

import json
import os
import pathlib
import shutil
import subprocess

import clients
import pytest
from clients import BUILT, LIBRARIES, PROGRAMS

AXPY = """.version 7.0
.target sm_75
.address_size 64
.visible .entry axpy(.param .f32 a, .param .u64 x, .param .u64 y, .param .u32 n) {
  .reg .pred %done;
  .reg .b32 %i, %b, %t, %n;
  .reg .f32 %a, %u, %v;
  .reg .b64 %x, %y, %o;
  mov.u32 %b, %ctaid.x;
  mov.u32 %i, %ntid.x;
  mov.u32 %t, %tid.x;
  mad.lo.u32 %i, %b, %i, %t;
  ld.param.u32 %n, [n];
  setp.ge.u32 %done, %i, %n;
  @%done bra end;
  ld.param.f32 %a, [a];
  ld.param.u64 %x, [x];
  ld.param.u64 %y, [y];
  mul.wide.u32 %o, %i, 4;
  add.u64 %x, %x, %o;
  add.u64 %y, %y, %o;
  ld.global.f32 %u, [%x];
  ld.global.f32 %v, [%y];
  fma.rn.f32 %v, %a, %u, %v;
  st.global.f32 [%y], %v;
end:
  ret;
}
"""


def lines(done):
    return done.stdout.split("\n")[:-1]


@pytest.fixture(scope="module")
def axpy():
    BUILT.mkdir(parents=True, exist_ok=True)
    path = BUILT / "axpy.ptx"
    path.write_text(AXPY)
    return path


# --- C and CUDA C++


def cuda_header():
    """The folder of cuda.h: of the toolkit, else of Triton's package."""
    folders = [pathlib.Path(clients.nvcc()).resolve().parents[1] / "include"] if clients.nvcc() else []
    folders += [pathlib.Path("/usr/local/cuda/include")]
    folders += sorted(
        clients.ROOT.glob(".venv-peer/lib/python3*/site-packages/triton/backends/nvidia/include")
    )
    return next((f for f in folders if (f / "cuda.h").exists()), None)


@pytest.fixture(scope="module")
def driver_program():
    header = cuda_header()
    if header is None:
        pytest.skip("no cuda.h: neither a CUDA toolkit nor Triton is installed")
    program = BUILT / "driver_api"
    BUILT.mkdir(parents=True, exist_ok=True)
    compile_c = [shutil.which("clang-22") or "cc", "-O1", f"-I{header}", str(PROGRAMS / "driver_api.c")]
    subprocess.run([*compile_c, "-o", program, f"-L{LIBRARIES}", "-l:libcuda.so.1"], check=True)
    return program


@pytest.mark.parametrize("real", ["none", ""], ids=["alone", "with the real ptxas"])
def test_driver_api(driver_program, axpy, real):
    settings = {"TEGULA_EMU_PTXAS": real} if real else {}
    cubin = BUILT / f"axpy{real}.cubin"
    clients.run("ptxas", "-arch=sm_75", axpy, "-o", cubin, **settings)
    done = clients.run(driver_program, axpy, cubin)
    assert lines(done) == [
        "functions",
        "pointers",
        "contexts",
        "launches from ptx",
        "launches from cubin",
        "linking",
    ]
    assert "cuGraphCreate is not implemented" in done.stderr


@pytest.mark.parametrize("mode", ["default", "speed", "none"])
def test_fat_binary(driver_program, axpy, mode):
    """Compressed by zstd, compressed as LZ4 has it, and as it is."""
    fat = BUILT / f"axpy.{mode}.fatbin"
    clients.compile_cuda(
        "-fatbin",
        f"--compress-mode={mode}",
        "-gencode",
        "arch=compute_75,code=[sm_75,compute_75]",
        PROGRAMS / "axpy.cu",
        "-o",
        fat,
    )
    assert "launches from fatbin" in lines(clients.run(driver_program, axpy, fat))


def test_machine_code_alone_is_refused(driver_program, axpy):
    cubin = BUILT / "real.cubin"
    clients.compile_cuda("-cubin", "-arch=sm_80", PROGRAMS / "axpy.cu", "-o", cubin)
    done = clients.run(driver_program, axpy, cubin, status=1)
    assert lines(done)[-1].endswith("CUDA_ERROR_NO_BINARY_FOR_GPU")  # image_no_ptx
    assert "the cubin holds machine code" in done.stderr and "code=compute_80" in done.stderr


def test_nvcc_makes_cubins_that_carry_ptx(driver_program, axpy):
    """`run` puts a front before nvcc, for programs that have it make cubins."""
    if clients.nvcc() is None:
        pytest.skip("no nvcc: neither a CUDA toolkit nor PyPI's nvidia-cuda-nvcc is installed")
    path = f"{pathlib.Path(clients.nvcc()).parent}:{os.environ['PATH']}"
    cubin = BUILT / "front.cubin"
    clients.run("nvcc", "-cubin", "-arch", "sm_80", PROGRAMS / "axpy.cu", "-o", cubin, PATH=path)
    assert "launches from cubin" in lines(clients.run(driver_program, axpy, cubin))
    version = clients.run("nvcc", "--version", PATH=path).stdout
    assert "release" in version and "Cubins carry their PTX" in version


@pytest.fixture(scope="module")
def runtime_program():
    program = BUILT / "runtime_api"
    source = PROGRAMS / "runtime_api.cu"
    if clients.nvcc() is None or not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        options = ["-std=c++17", "-cudart", "shared", "-gencode", "arch=compute_75,code=compute_75"]
        clients.compile_cuda(*options, source, "-o", program)
    return program


@pytest.mark.parametrize("arch", ["sm_75", "sm_80", "sm_86", "sm_87", "sm_89"])
def test_runtime_api(runtime_program, arch):
    done = clients.run(runtime_program, options=("--arch", arch, "--checks", "fatal"))
    assert lines(done)[-1] == "errors" and len(lines(done)) == 10
    assert "global-out-of-bounds: kernel _Z5crashPi" in done.stderr


def test_run_lets_nvcc_link_the_shared_runtime():
    if clients.nvcc() is None:
        pytest.skip("no nvcc: neither a CUDA toolkit nor PyPI's nvidia-cuda-nvcc is installed")
    program = BUILT / "shared"
    clients.run(
        clients.nvcc(), "-gencode", "arch=compute_75,code=compute_75", PROGRAMS / "hello.cu", "-o", program
    )
    assert lines(clients.run(program)) == ["hello from thread 0", "hello from thread 1", "42"]


def test_static_runtime_is_told_apart():
    program = BUILT / "static"
    clients.compile_cuda(
        "-cudart",
        "static",
        "-gencode",
        "arch=compute_75,code=compute_75",
        PROGRAMS / "hello.cu",
        "-o",
        program,
    )
    assert "-cudart shared" in clients.run(program, status=1).stderr


# --- Python packages


@pytest.mark.parametrize("arch", ["sm_75", "sm_89"])
def test_cuda_core(arch):
    python = clients.python_with(".venv-clients", "cuda.core", "cuda.bindings", "nvidia.cu13", "numpy")
    done = clients.run(python, PROGRAMS / "cuda_core.py", options=("--arch", arch, "--checks", "fatal"))
    assert lines(done) == ["device", "kernels, streams and events", "shared memory", "linking", "errors"]


def test_cupy(axpy):
    python = clients.python_with(".venv-clients", "cupy", "numpy")
    done = clients.run(
        python, PROGRAMS / "cupy_raw.py", axpy, LD_LIBRARY_PATH=str(clients.cupy_libraries(python))
    )
    assert lines(done) == ["device 80", "kernel, streams and events", "memory"]


def test_numba():
    python = clients.python_with(".venv-clients", "numba_cuda", "numpy")
    assert lines(clients.run(python, PROGRAMS / "numba_kernels.py")) == ["kernels"]


# --- Checks, counters


def test_findings_and_counters(tmp_path, driver_program, axpy):
    broken = tmp_path / "broken.ptx"
    broken.write_text(AXPY.replace("setp.ge.u32 %done, %i, %n", "setp.gt.u32 %done, %i, %n"))
    counters = tmp_path / "counters"
    done = clients.run(
        driver_program, broken, options=("--checks", "on", "--counters", str(counters)), TEGULA_EMU_SEED="3"
    )
    assert "global-out-of-bounds: kernel axpy" in done.stderr
    launches = [json.loads(line) for line in counters.read_text().splitlines()]
    assert [c["kernel"] for c in launches] == ["axpy", "axpy", "both"]
    assert launches[0]["grid"] == [8, 1, 1] and launches[0]["block"] == [128, 1, 1]
    assert launches[0]["global"]["requests"] > 0


def test_a_fatal_finding_breaks_the_context(tmp_path, driver_program):
    broken = tmp_path / "broken.ptx"
    broken.write_text(AXPY.replace("setp.ge.u32 %done, %i, %n", "setp.gt.u32 %done, %i, %n"))
    done = clients.run(driver_program, broken, options=("--checks", "fatal"), status=1)
    assert lines(done)[-1].endswith("CUDA_ERROR_ILLEGAL_ADDRESS")
