# test_driver_errors.py - what goes wrong around a kernel: targets, stages, files, memory, environment, bugs
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_kernels as kernels
import tegula
import tegula.language as tl

GPU = tegula.runtime.driver.GPUTarget
PACKAGE = Path(tegula.__file__).parent


@pytest.fixture(autouse=True)
def knobs_stay():
    """Settings are the process's: each test leaves them as it found them."""
    names = [name for name, *_ in tegula.knobs.rows()]
    before = {name: getattr(tegula.knobs, name) for name in names}
    yield
    for name, value in before.items():
        if getattr(tegula.knobs, name) != value:
            setattr(tegula.knobs, name, value)


def fails(kind, row, text, call, *args, **kwargs):
    """The error that `call` raises, which must be of this class, row and text."""
    with pytest.raises(kind) as caught:
        call(*args, **kwargs)
    assert type(caught.value) is kind and caught.value.id == row
    assert text in caught.value.message and text in str(caught.value), caught.value.message
    return caught.value


def compiled(target):
    source = tegula.compiler.ASTSource(kernels.put, {"o": "*i32", "VALUE": "constexpr"}, {(1,): 3})
    return tegula.compile(source, target=target)


def replaced(folder, stage, change):
    """Launches kernels.put with one stage taken from a file that `change` made of the stage's text."""
    o = np.zeros(1, np.int32)
    kernel = kernels.put.warmup(o, 3, grid=(1,))
    content = change(kernel.asm[stage])
    file = folder / f"put-{kernel.metadata.hash[:12]}.{stage}"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    tegula.knobs.override_dir = str(folder)
    try:
        kernels.put[(1,)](o, 3)
    finally:
        tegula.knobs.override_dir = ""
        kernels.put[(1,)](o, 3)  # the process lives
        assert o[0] == 3
    return file


def process(code, **env):
    """Runs `code` in a process of its own."""
    path = os.pathsep.join([str(PACKAGE.parent), str(Path(__file__).parent), *sys.path])
    head = "import numpy as np, tegula, tegula.language as tl\nimport small_kernels as kernels\n"
    env = {**os.environ, "PYTHONPATH": path, **env}
    done = subprocess.run(
        [sys.executable, "-c", head + code], capture_output=True, text=True, env=env, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done


#
# Functions and targets
#


@tegula.jit
def assembly(o):
    tl.store(o, tl.inline_asm_elementwise("mov $0, $1;", "=r,r", [1], tl.int32, True, 1))


@tegula.jit
def byte_perm(o):
    tl.store(o, tl.extra.libdevice.byte_perm(1, 2, 3))


def test_unsupported_function():
    o = np.zeros(4, np.int32)
    for device in ("cpu", "reference"):
        tegula.set_device(device)
        for kernel, name in (
            (assembly, "tl.inline_asm_elementwise"),
            (byte_perm, "tl.extra.libdevice.byte_perm"),
        ):
            text = f"'{name}' is not supported yet"
            error = fails(tegula.UnsupportedError, "unsupported_function", text, kernel[(1,)], o)
            assert error.file == __file__ and "README" in error.next_step


def test_target_unknown():
    error = fails(tegula.UnsupportedError, "target_unknown", "no target 'tpu'", compiled, GPU("tpu", "v5", 1))
    assert "cpu, cuda and reference" in error.next_step


def test_codegen_unknown_arch():
    text = "'z80' is no processor that Tegula compiles for"
    error = fails(tegula.UnsupportedError, "codegen_unknown_arch", text, compiled, GPU("cpu", "z80", 1))
    assert "aarch64" in error.next_step


def test_code_for_another_processor_is_made():
    text = compiled(GPU("cpu", "aarch64", 1)).asm["asm"]
    assert "ret" in text and "%rdi" not in text


def test_stage_unknown():
    for backend, known in (("cpu", "tile, llir, asm, obj"), ("reference", "tile")):
        kernel = compiled(GPU(backend, "native" if backend == "cpu" else "", 1))
        text = f"a kernel for {backend} has no stage 'ptx'"
        error = fails(tegula.LaunchError, "stage_unknown", text, kernel._kernel.stage, "ptx")
        assert error.next_step == f"Its stages are {known}."
        with pytest.raises(KeyError, match=known):  # a mapping's own error
            kernel.asm["ptx"]


#
# Stages from files and to files
#


def unknown_op(tile):
    """Right IR, with an operation that the language cannot give."""
    assert tile.count("tile.store %arg0, %c3_i32") == 1
    tile = tile.replace("tile.store %arg0, %c3_i32", "tile.store %arg0, %sum")
    add = "    %sum, %carry = arith.addui_extended %c3_i32, %c3_i32 : i32, i1\n"
    start = tile.index("\n", tile.index("arith.constant 3")) + 1
    return tile[:start] + add + tile[start:]


@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_codegen_unsupported_op(device, tmp_path):
    tegula.set_device(device)
    text = f"the {device} target cannot compile 'arith.addui_extended' yet"
    fails(tegula.UnsupportedError, "codegen_unsupported_op", text, replaced, tmp_path, "tile", unknown_op)


BAD_STAGES = {
    "tile": [lambda x: "nonsense", lambda x: "module {}"],
    "llir": [lambda x: "nonsense", lambda x: x.replace("@put", "@other")],
    "asm": [lambda x: "hello world"],
    "obj": [lambda x: b"", lambda x: x[:-40], lambda x: x.replace(b"put", b"tup")],
}
TEXTS = {
    "tile": ["", "it holds no kernel"],
    "llir": ["in line 1", "it lacks the function 'put'"],
    "asm": ["invalid instruction mnemonic 'hello'"],
    "obj": ["the linker refused", "the linker refused", "lacks its entry 'put'"],
}


@pytest.mark.parametrize("stage", list(BAD_STAGES))
def test_stage_override_bad(stage, tmp_path):
    for change, text in zip(BAD_STAGES[stage], TEXTS[stage], strict=True):
        whole = f"the replacement of stage '{stage}' in {tmp_path}"
        error = fails(tegula.CompileError, "stage_override_bad", whole, replaced, tmp_path, stage, change)
        assert text in error.message and "TEGULA_OVERRIDE_DIR" in error.next_step


def test_dump_failed(tmp_path):
    (tmp_path / "file").write_text("in the folder's place")
    o = np.zeros(1, np.int32)
    tegula.knobs.always_compile = True
    tegula.knobs.dump = "llir"
    for folder, why in ((tmp_path / "file", "Not a directory"), (tmp_path / "no" / "folder", "No such file")):
        tegula.knobs.dump_dir = str(folder)
        text = f"cannot write the stage 'llir' to {folder}/put-"
        kernels.put._forget()
        error = fails(tegula.LaunchError, "dump_failed", text, kernels.put[(1,)], o, 5)
        assert why in error.message and "TEGULA_DUMP_DIR" in error.next_step
    tegula.knobs.dump_dir = str(tmp_path)
    kernels.put._forget()
    kernels.put[(1,)](o, 5)
    assert o[0] == 5 and len(list(tmp_path.glob("put-*.llir"))) == 1


#
# Bugs
#


def foreign_instruction(llir):
    """LLVM IR that the verifier takes and this processor's back end has no code for."""
    start = llir.index("\n", llir.index("{", llir.index("define void @put"))) + 1
    start = llir.index("\n", start) + 1
    call = "  %odd = call double @llvm.nvvm.ex2.approx.d(double 1.0)\n  store volatile double %odd, ptr %0\n"
    return llir[:start] + call + llir[start:] + "\ndeclare double @llvm.nvvm.ex2.approx.d(double)\n"


def test_internal_error(tmp_path):
    """codegen_backend_failed is its cause, and its text."""
    tegula.knobs.dump_dir = str(tmp_path / "dump")
    text = "internal error: LLVM cannot compile this kernel: Cannot select"
    error = fails(
        tegula.InternalError, "internal_error", text, replaced, tmp_path, "llir", foreign_instruction
    )
    start = error.next_step.index(str(tmp_path))
    folder = Path(error.next_step[start:].rstrip("."))
    assert {"kernel.py", "request.json", "command.sh", "llvm.ll"} <= {f.name for f in folder.iterdir()}
    assert "llvm.nvvm.ex2" in (folder / "llvm.ll").read_text()


#
# The process
#


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("TEGULA_NUM_THREADS", "many", "an integer from 0 to 2147483647"),
        ("TEGULA_NUM_THREADS", "-1", "an integer from 0 to 2147483647"),
        ("TEGULA_DEBUG", "maybe", "1 or 0 (true, false, on, off, yes, no)"),
    ],
)
def test_setting_bad_value(name, value, expected):
    text = f"the environment variable {name} is '{value}', expected {expected}"
    process(
        "try:\n"
        "    kernels.put[(1,)](np.zeros(1, np.int32), 3)\n"
        "except tegula.LaunchError as e:\n"
        f"    assert e.id == 'setting_bad_value' and e.message == {text!r}, e.message\n"
        "else:\n"
        "    raise SystemExit('no error')\n",
        **{name: value},
    )


def test_cache_unusable(tmp_path):
    (tmp_path / "file").write_text("in the folder's place")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    run = (
        "o = np.zeros(1, np.int32)\n"
        "for value in (3, 4):\n"
        "    kernels.put[(1,)](o, value)\n"
        "    assert o[0] == value\n"
    )
    for folder, why in (
        (tmp_path / "file", "Not a directory"),
        (tmp_path / "open", "every user may write to it"),
    ):
        said = process(run, TEGULA_CACHE_DIR=str(folder)).stderr
        # A warning, once: the row cache_unusable.
        assert said == (
            f"tegula: warning: the compile cache in {folder} is not used: {why}. "
            "Give it a folder of your own with TEGULA_CACHE_DIR.\n"
        )
    assert not list((tmp_path / "open").iterdir())
    assert process(run, TEGULA_CACHE_DIR=str(tmp_path / "mine")).stderr == ""


@tegula.jit
def mirrored(x, o, B: tl.constexpr):
    """Every load happens before the first store, so whole tiles wait in scratch memory."""
    i = tl.arange(0, B)
    v = tl.load(x + i)
    w = tl.load(x + (B - 1 - i))
    tl.store(x + i, v + w)
    tl.store(o + i, v * w)
    tl.store(x + i, v - w)


def test_scratch_too_big():
    """A limit on the address space stands for a machine without memory: 16 MB are wanted, 8 are there."""
    process(
        "import resource, test_driver_errors\n"
        "kernel, x = test_driver_errors.mirrored, np.ones(1 << 20)\n"
        "wanted = kernel.warmup(x, x, B=1 << 20, grid=(1,)).metadata.scratch_bytes\n"
        "assert wanted >= 16 << 20, wanted\n"
        "kernel[(1,)](x, x, B=16)\n"
        "now = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (now + (8 << 20), resource.RLIM_INFINITY))\n"
        "try:\n"
        "    kernel[(1,)](x, x, B=1 << 20)\n"
        "except tegula.OutOfResources as e:\n"
        "    assert e.id == 'scratch_too_big'\n"
        "    assert e.message == f\"'mirrored' needs {wanted} bytes of scratch memory for each of 1 threads, \"\\\n"
        "        'and they cannot be had', e.message\n"
        "else:\n"
        "    raise SystemExit('no error')\n"
        "resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "kernel[(1,)](x, x, B=1 << 20)\n",
        TEGULA_NUM_THREADS="1",
    )
