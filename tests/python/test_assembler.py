# test_assembler.py - the assembler of PTX: which one is found, what it gives, what its errors become
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import glob
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import gpu_ptx
import pytest
import small_kernels as kernels
import tegula

ROOT = Path(__file__).parents[2]
ADD = {"x": "*fp32", "y": "*fp32", "o": "*fp32", "n": "i32", "BLOCK": "constexpr"}


def installed(kind):
    """A real assembler of this machine, or None."""
    if kind == "ptxas":
        found = [shutil.which("ptxas"), *glob.glob("/usr/local/cuda*/bin/ptxas")]
        found += glob.glob(f"{ROOT}/.venv-peer/lib/*/site-packages/triton/backends/nvidia/bin/ptxas")
        return next((path for path in found if path and os.path.exists(path)), None)
    folders = [*sys.path, *glob.glob(f"{ROOT}/.venv-peer/lib/*/site-packages")]
    found = [path for folder in folders for path in glob.glob(f"{folder}/nvidia/*/lib/libnvJitLink.so.*")]
    found += glob.glob("/usr/local/cuda*/lib64/libnvJitLink.so")
    return found[0] if found else None


@pytest.fixture(autouse=True)
def setting_stays():
    before = tegula.knobs.assembler
    yield
    tegula.knobs.assembler = before


def compiled(folder, ptx=None, sm=80, **options):
    """small_kernels.add with its PTX from a file."""
    source = tegula.compiler.ASTSource(kernels.add, ADD, {"BLOCK": 128})
    with gpu_ptx.replaced(folder, add_ptx=ptx or gpu_ptx.add()):
        return tegula.compile(source, tegula.backends.compiler.GPUTarget("cuda", sm, 32), options)


def tool(folder, script, name="ptxas"):
    """A program in the place of ptxas."""
    path = folder / name
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return str(path)


# It gives what it was called with as code, the text that it read behind it, and Nvidia's numbers.
ECHO = """
echo "$@" > /dev/fd/3
cat /dev/fd/0 >> /dev/fd/3
echo "    8 bytes stack frame, 24 bytes spill stores, 28 bytes spill loads"
echo "ptxas info    : Used 77 registers, used 1 barriers, 364 bytes cmem[0]"
"""


@pytest.mark.parametrize("kind", ["ptxas", "nvjitlink"])
def test_real(kind, tmp_path):
    path = installed(kind)
    if not path:
        pytest.skip(f"no {kind} is installed here")
    tegula.knobs.assembler = path
    kernel = compiled(tmp_path)
    assert kernel.asm["cubin"][:4] == b"\x7fELF" and b"add" in kernel.asm["cubin"]
    assert list(kernel.asm)[-2:] == ["ptx", "cubin"] and kernel.metadata.assembler == kind
    assert 8 <= kernel.n_regs <= 40 and kernel.n_spills == 0 and kernel.n_max_threads == 1024
    assert dict(kernel.times.lowering_stages)["cubin"] > 0
    bad = gpu_ptx.add().replace("add.f32", "bad.f32")
    with pytest.raises(
        tegula.CompileError, match=f"stage 'ptx' in .*: {kind} refuses the PTX of this kernel: .*bad"
    ):
        compiled(tmp_path, bad)
    big = (
        gpu_ptx.add()
        .replace(".reg .pred", ".shared .b8 much[200000];\n.reg .pred")
        .replace("ret;", "st.shared.u8 [much], %h1;\nret;")
    )
    with pytest.raises(
        tegula.OutOfResources, match="'add' does not fit sm_80: .*uses too much shared data"
    ) as caught:
        compiled(tmp_path, big)
    assert caught.value.id == "assembler_resources"
    with pytest.raises(
        tegula.UnsupportedError, match=f"the assembler {kind} in .* is too old for sm_80"
    ) as caught:
        compiled(tmp_path, gpu_ptx.add(version="99.9"))
    assert caught.value.id == "assembler_too_old"


def test_process(tmp_path):
    """What a ptxas is given and how its answer is read."""
    tegula.knobs.assembler = tool(tmp_path, ECHO)
    kernel = compiled(tmp_path)
    called, text = kernel.asm["cubin"].decode().split("\n", 1)
    assert called == "-arch=sm_80 -v /dev/fd/0 -o /dev/fd/3 -lineinfo" and text == gpu_ptx.add()
    assert (kernel.n_regs, kernel.n_spills) == (77, 6)
    # A warp gets registers by 256, a GPU has 65,536: 25 warps, and they come by fours.
    assert kernel.n_max_threads == 24 * 32
    before, tegula.knobs.line_info = tegula.knobs.line_info, False
    try:
        called = compiled(tmp_path).asm["cubin"].decode().split("\n", 1)[0]
    finally:
        tegula.knobs.line_info = before
    assert called == "-arch=sm_80 -v /dev/fd/0 -o /dev/fd/3"
    assert compiled(tmp_path, gpu_ptx.add("sm_90a"), 90).asm["cubin"].startswith(b"-arch=sm_90a ")


def test_same_text_is_assembled_once(tmp_path):
    log = tmp_path / "log"
    tegula.knobs.assembler = tool(tmp_path, f"echo once >> {log}\n" + ECHO)
    ptx = gpu_ptx.add().replace("DONE", "END")
    assert (
        compiled(tmp_path, ptx, num_stages=2).asm["cubin"]
        == compiled(tmp_path, ptx, num_stages=3).asm["cubin"]
    )
    assert log.read_text() == "once\n"


def test_none(tmp_path):
    tegula.knobs.assembler = "none"
    kernel = compiled(tmp_path)
    assert list(kernel.asm)[-1] == "ptx" and kernel.metadata.assembler is None
    assert kernel.n_regs is None and kernel.n_max_threads is None
    assert "cubin" not in dict(kernel.times.lowering_stages)
    with pytest.raises(
        KeyError, match="the stages of this kernel are tile, laid-out, target-ready, llir, ptx"
    ):
        kernel.asm["cubin"]
    # The numbers are to be had as soon as there is one.
    tegula.knobs.assembler = tool(tmp_path, ECHO)
    assert kernel.n_regs == 77 and list(kernel.asm)[-1] == "ptx"


@pytest.mark.parametrize(
    ("script", "kind", "row", "text"),
    [
        ("echo 'ptxas /dev/fd/0, line 9; error   : Not a name of any known instruction: odd'; exit 255", "CompileError", "stage_override_bad", "ptxas refuses the PTX of this kernel: ptxas /dev/fd/0, line 9"),
        ("echo 'ptxas error   : Entry function add uses too much shared data' >&2; exit 255", "OutOfResources", "assembler_resources", "'add' does not fit sm_80"),
        ("echo 'ptxas fatal   : Unsupported .version 99.9; current version is 9.0' >&2; exit 255", "UnsupportedError", "assembler_too_old", "is too old for sm_80: ptxas fatal"),
        ("kill -9 $$", "DeviceError", "assembler_unusable", "it was ended by signal 9"),
        ("exit 127", "DeviceError", "assembler_unusable", "it cannot be run"),
        ("exit 0", "DeviceError", "assembler_unusable", "it made no code"),
    ],
)  # fmt: skip
def test_errors(script, kind, row, text, tmp_path):
    tegula.knobs.assembler = tool(tmp_path, script)
    with pytest.raises(tegula.TegulaError, match=".") as caught:
        compiled(tmp_path, gpu_ptx.add().replace("DONE", row))
    assert type(caught.value).__name__ == kind and caught.value.id == row and text in str(caught.value)


def test_not_there(tmp_path):
    for name in (str(tmp_path / "ptxas"), "gas"):
        tegula.knobs.assembler = name
        with pytest.raises(
            tegula.LaunchError, match=f"TEGULA_ASSEMBLER is '{name}', and there is no such"
        ) as caught:
            compiled(tmp_path)
        assert caught.value.id == "assembler_missing"
    garbage = tmp_path / "libnvJitLink.so.13"
    garbage.write_text("no library")
    tegula.knobs.assembler = str(garbage)
    with pytest.raises(tegula.DeviceError, match="the assembler nvjitlink in .* cannot be used") as caught:
        compiled(tmp_path)
    assert caught.value.id == "assembler_unusable"


def test_where_it_is_looked_for(tmp_path):
    """The interpreter's packages before the toolkit and PATH, the library before the process; one that cannot be used is
    passed over."""
    package, path = tmp_path / "site", tmp_path / "bin"
    for folder in (package / "nvidia/cu13/lib", package / "nvidia/cu13/bin", path):
        folder.mkdir(parents=True)
    (package / "nvidia/cu13/lib/libnvJitLink.so.13").write_text("no library")
    tool(package / "nvidia/cu13/bin", ECHO.replace("77", "66"))
    tool(path, ECHO)
    (tmp_path / "add.ptx").write_text(gpu_ptx.add())
    code = (
        "import sys, tegula, small_kernels, test_assembler\n"
        "source = tegula.compiler.ASTSource(small_kernels.add, test_assembler.ADD, {'BLOCK': 128})\n"
        "kernel = tegula.compile(source, tegula.backends.compiler.GPUTarget('cuda', 80, 32))\n"
        "print(kernel.n_regs)\n"
    )

    def registers(*folders):
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [*map(str, folders), str(ROOT / "python"), str(Path(__file__).parent), *sys.path]
            ),
            "PATH": f"{path}:/usr/bin:/bin",
            "CUDA_HOME": "",
            "TEGULA_OVERRIDE_DIR": str(tmp_path),
            "TEGULA_ASSEMBLER": "",
        }
        run = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120
        )
        assert run.returncode == 0, run.stderr
        return int(run.stdout)

    assert registers(package) == 66
    if not glob.glob("/usr/local/cuda*") and not installed("nvjitlink"):
        assert registers() == 77


def test_threads(tmp_path):
    """Different kernels are assembled side by side in this process."""
    path = installed("nvjitlink")
    if not path:
        pytest.skip("no nvjitlink is installed here")
    tegula.knobs.assembler = path
    target = tegula.backends.compiler.GPUTarget("cuda", 80, 32)
    sources = [tegula.compiler.ASTSource(kernels.add, ADD, {"BLOCK": 32 * i}) for i in range(1, 9)]
    with gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add()):
        hashes = [tegula.compile(source, target).metadata.hash for source in sources]
    sizes, errors = {}, []

    def work(number):
        try:
            sizes[number] = len(tegula.compile(sources[number], target).asm["cubin"])
        except Exception as error:
            errors.append(error)

    with gpu_ptx.replaced(tmp_path) as folder:
        for i, name in enumerate(hashes):
            more = "add.f32 %f3, %f3, %f1;\n" * (200 * i)
            (folder / f"add-{name[:12]}.ptx").write_text(
                gpu_ptx.add().replace("st.global", more + "st.global")
            )
        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors and [sizes[i] for i in range(8)] == sorted(set(sizes.values()))
