"""The drop-in libcuda.so.1 by itself: errors of kernels, settings, processes, the command line. No CUDA needed."""

import ctypes
import os
import re
import subprocess
import sys
import textwrap

import pytest
from tegula.emulator.__main__ import FOLDER, environment

pytestmark = pytest.mark.skipif(
    not (FOLDER / "libcuda.so.1").exists(),
    reason=f"{FOLDER} is not built: ninja -C build TegulaEmulatorFiles",
)

HEAD = ".version 7.0\n.target sm_75\n.address_size 64\n"

DRIVER = """
import ctypes, sys
cuda = ctypes.CDLL("libcuda.so.1")

def result(name, *args):
    code = getattr(cuda, name)(*args)
    text = ctypes.c_char_p()
    cuda.cuGetErrorName(code, ctypes.byref(text))
    return text.value.decode().removeprefix("CUDA_") if text.value else code

def check(name, *args):
    found = result(name, *args)
    assert found == "SUCCESS", (name, found)

def start():
    check("cuInit", 0)
    context = ctypes.c_void_p()
    check("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
    check("cuCtxSetCurrent", context)

def kernel(text, name=b"k"):
    module, function = ctypes.c_void_p(), ctypes.c_void_p()
    check("cuModuleLoadData", ctypes.byref(module), text.encode() + b"\\0")
    check("cuModuleGetFunction", ctypes.byref(function), module, name)
    return function

def launch(function, block, *arguments, stream=None, grid=1):
    values = (ctypes.c_void_p * len(arguments))(*[ctypes.addressof(a) for a in arguments])
    return result("cuLaunchKernel", function, grid, 1, 1, block, 1, 1, 0, stream, values, None)

def allocate(bytes):
    address = ctypes.c_uint64()
    check("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(bytes))
    return address
"""


def python(text, status=0, arguments=(), **settings):
    """Runs a program on the emulated GPU; its output, and what it said."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("TEGULA_")} | settings
    command = [
        sys.executable,
        "-m",
        "tegula.emulator",
        "run",
        *arguments,
        "-c",
        DRIVER + textwrap.dedent(text),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout.split("\n")[:-1], done.stderr


def entry(body, parameters=".param .u64 p"):
    return HEAD + f".visible .entry k({parameters}) {{\n{body}\nret;\n}}\n"


ASSERT = """
.extern .func __assertfail(.param .b64 a, .param .b64 b, .param .b32 c, .param .b64 d, .param .b64 e);
.global .align 1 .b8 text[2] = {120, 0};
.visible .entry k(.param .u64 p) {
.reg .b64 %a;
mov.u64 %a, text;
cvta.global.u64 %a, %a;
{
.param .b64 a; .param .b64 b; .param .b32 c; .param .b64 d; .param .b64 e;
st.param.b64 [a], %a; st.param.b64 [b], %a; st.param.b32 [c], 12; st.param.b64 [d], %a; st.param.b64 [e], 1;
call __assertfail, (a, b, c, d, e);
}
ret;
}
"""

# kernel, block, what cuCtxSynchronize gives, a part of what is said
KERNEL_ERRORS = {
    "trap": (entry("trap;"), 1, "ERROR_LAUNCH_FAILED", "trap at PTX line"),
    "assert": (HEAD + ASSERT, 1, "ERROR_ASSERT", "assertion `x` failed"),  # emulator_assert
    "deadlock": (
        entry(
            ".reg .u32 %t; .reg .pred %q; mov.u32 %t, %tid.x; setp.ge.u32 %q, %t, 32;\n@%q bar.sync 1, 96;"
        ),
        64,
        "ERROR_LAUNCH_TIMEOUT",
        "deadlock in block",  # emulator_deadlock
    ),
    "outside": (
        entry(".reg .u64 %a; ld.param.u64 %a, [p];\nst.global.u32 [%a+4096], 1;"),
        1,
        "ERROR_ILLEGAL_ADDRESS",
        "global-out-of-bounds: kernel k, [PTX line 6",
    ),
    "null": (
        entry(".reg .u64 %a; mov.u64 %a, 0;\nst.global.u32 [%a], 1;"),
        1,
        "ERROR_ILLEGAL_ADDRESS",
        "global-out-of-bounds",
    ),
    "misaligned": (
        entry(".reg .u64 %a; ld.param.u64 %a, [p];\nst.global.u32 [%a+2], 1;"),
        1,
        "ERROR_MISALIGNED_ADDRESS",
        "misaligned",
    ),
    "shared": (
        entry(".shared .b8 s[16]; .reg .u32 %a; mov.u32 %a, s;\nst.shared.u32 [%a+65536], 1;"),
        1,
        "ERROR_ILLEGAL_ADDRESS",
        "shared-out-of-bounds",
    ),
}


@pytest.mark.parametrize("name", KERNEL_ERRORS)
def test_errors_of_kernels_stay(name):
    text, block, expected, said = KERNEL_ERRORS[name]
    out, err = python(f"""
        start()
        f, p = kernel({text!r}), allocate(64)
        print(launch(f, {block}, p))
        print(result("cuCtxSynchronize"))
        print(result("cuMemAlloc_v2", ctypes.byref(p), ctypes.c_size_t(4)))
        check("cuDevicePrimaryCtxReset_v2", 0)
        start()
        allocate(4)
        print(result("cuCtxSynchronize"))
    """)
    assert out == ["SUCCESS", expected, expected, "SUCCESS"]
    assert said in err and err.count("tegula:") == 1, err


MODULE_ERRORS = {
    "syntax": (HEAD + ".visible .entry k( {", "ERROR_INVALID_PTX", "module 1:4"),
    "instruction": (entry("tcgen05.wait;"), "ERROR_NOT_SUPPORTED", "instruction `tcgen05.wait` is unknown"),
    "target": (HEAD.replace("sm_75", "sm_90"), "ERROR_UNSUPPORTED_PTX_VERSION", "sm_90"),
    "text": ("hello", "ERROR_INVALID_IMAGE", "neither PTX"),  # image_unknown
    "elf": ("\x7fELF" + 80 * "x", "ERROR_INVALID_IMAGE", "damaged"),  # image_damaged
}


@pytest.mark.parametrize("name", MODULE_ERRORS)
def test_errors_of_modules(name):
    text, expected, said = MODULE_ERRORS[name]
    out, err = python(f"""
        start()
        module = ctypes.c_void_p()
        image = ctypes.create_string_buffer({text.encode()!r}, 4096)
        print(result("cuModuleLoadData", ctypes.byref(module), image))
        allocate(4) # nothing is broken
    """)
    assert out == [expected] and said in err, (out, err)


def test_link_twice_is_told():
    text = HEAD + ".visible .func f() { ret; }"
    out, err = python(f"""
        start()
        state, size, image = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_void_p()
        check("cuLinkCreate_v2", 0, None, None, ctypes.byref(state))
        text = {text.encode()!r}
        for name in (b"one", b"two"):
            check("cuLinkAddData_v2", state, 1, text, ctypes.c_size_t(len(text)), name, 0, None, None)
        print(result("cuLinkComplete", state, ctypes.byref(image), ctypes.byref(size)))
    """)
    assert out == ["ERROR_INVALID_PTX"] and "define `f`" in err  # link_twice


def test_bad_settings_are_told():
    for variable, value, said in (
        ("TEGULA_EMU_ARCH", "sm_12", "unknown architecture `sm_12`"),
        ("TEGULA_EMU_CHECKS", "some", "unknown check `some`; expected off, on or fatal"),
    ):
        out, err = python('print(result("cuInit", 0))', **{variable: value})
        assert out == ["ERROR_INVALID_DEVICE"] and said in err


def test_calls_are_logged():
    out, err = python("start(); cuda.cuGraphCreate(None, 0)", TEGULA_EMU_LOG="1")
    assert "tegula: cuInit(0) = CUDA_SUCCESS" in err
    assert err.count("cuGraphCreate is not implemented by the emulated driver") == 1


def test_a_forked_child_is_told():
    out, err = python("""
        import os
        start()
        sys.stdout.flush()
        child = os.fork()
        address = ctypes.c_uint64()
        if not child:
            print("child", result("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(4)), flush=True)
            print("child", result("cuInit", 0), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print("parent", result("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(4)))
    """)
    assert out == ["child ERROR_NOT_INITIALIZED"] * 2 + ["parent SUCCESS"]
    assert 'set_start_method("spawn")' in err


def test_a_child_of_a_parent_that_did_not_use_it():
    out, _ = python("""
        import os
        child = os.fork()
        start()
        allocate(4)
        if child:
            os.waitpid(child, 0)
        print("fine", flush=True)
    """)
    assert out == ["fine", "fine"]


def test_beside_the_extension():
    """Both hold an emulator of their own."""
    out, _ = python(f"""
        import numpy as np
        from tegula import emulator
        start()
        text = {entry(".reg .u64 %a; ld.param.u64 %a, [p]; st.global.u32 [%a], 7;")!r}
        f, p = kernel(text), allocate(4)
        print(launch(f, 1, p))
        x = np.zeros(1, np.uint32)
        emulator.load(text).launch("k", 1, 1, [x], checks="fatal")
        got = ctypes.c_uint32()
        check("cuMemcpyDtoH_v2", ctypes.byref(got), p, ctypes.c_size_t(4))
        print(x[0], got.value)
    """)
    assert out == ["SUCCESS", "7 7"]


def test_threads():
    """Streams, modules and memory from many threads at once."""
    text = entry(
        ".reg .u64 %a; .reg .u32 %v; ld.param.u64 %a, [p]; ld.global.u32 %v, [%a];\nadd.u32 %v, %v, 1;\n"
        "st.global.u32 [%a], %v;"
    )
    out, _ = python(f"""
        import threading
        start()
        context = ctypes.c_void_p()
        check("cuCtxGetCurrent", ctypes.byref(context))
        right = []
        def work():
            check("cuCtxSetCurrent", context)
            f, p, stream = kernel({text!r}), allocate(4), ctypes.c_void_p()
            check("cuStreamCreate", ctypes.byref(stream), 1)
            check("cuMemsetD32_v2", p, 0, ctypes.c_size_t(1))
            for _ in range(50):
                assert launch(f, 1, p, stream=stream) == "SUCCESS"
            got = ctypes.c_uint32()
            check("cuMemcpyDtoHAsync_v2", ctypes.byref(got), p, ctypes.c_size_t(4), stream)
            check("cuStreamSynchronize", stream)
            check("cuStreamDestroy_v2", stream)
            check("cuMemFree_v2", p)
            right.append(got.value == 50)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for t in threads: t.start()
        for t in threads: t.join()
        print(len(right), all(right))
    """)
    assert out == ["8 True"]


def test_nothing_else_is_visible():
    for library, pattern in (
        ("libcuda.so.1", r"cu[A-Z]\w*|tegulaPtxas"),
        ("libcudart.so.13", r"(__)?cuda\w+|libcudart\S*"),
    ):
        listed = subprocess.run(
            ["nm", "-D", "--defined-only", FOLDER / library], capture_output=True, text=True
        )
        names = [line.split()[-1].split("@")[0] for line in listed.stdout.splitlines()]
        assert len(names) > 300
        assert [n for n in names if not re.fullmatch(pattern, n)] == []


def test_every_function_of_the_table_is_there():
    cuda = ctypes.CDLL(str(FOLDER / "libcuda.so.1"))
    table = (FOLDER.parents[3] / "driver/emulator/cuda/Functions.def").read_text()
    rows = re.findall(r"^FUNCTION(?:_PER_THREAD)?\((\w+), (\d+), (\w+)(?:, (\w+))?\)", table, re.M)
    assert len(rows) > 400
    for name, since, symbol, suffix in rows:
        for flags, expected in ((0, symbol), (2, symbol + suffix)):
            found, status = ctypes.c_void_p(), ctypes.c_int(-1)
            code = cuda.cuGetProcAddress_v2(
                name.encode(), ctypes.byref(found), int(since), ctypes.c_uint64(flags), ctypes.byref(status)
            )
            assert (code, status.value) == (0, 0), name
            assert found.value == ctypes.cast(getattr(cuda, expected), ctypes.c_void_p).value, expected


# --- Checks and counters


def test_counters_are_those_of_the_package(tmp_path):
    text = entry(
        ".reg .u64 %a; .reg .u32 %v, %t; .reg .pred %q; ld.param.u64 %a, [p]; mov.u32 %t, %tid.x;\n"
        ".shared .u32 s[64]; .reg .u32 %s; mov.u32 %s, s; mad.lo.u32 %s, %t, 4, %s; st.shared.u32 [%s], %t;\n"
        "bar.sync 0; mad.wide.u32 %a, %t, 4, %a;\n"
        '.file 1 "some \\\\ \\" file.cu"\n.loc 1 7 0\n'
        "ld.shared.u32 %v, [%s]; setp.lt.u32 %q, %t, 40;\n@%q st.global.u32 [%a], %v;"
    )
    file = tmp_path / "counters"
    python(
        f"""
        import json
        import numpy as np
        from tegula import emulator
        start()
        text = {text!r}
        f, p = kernel(text), allocate(256)
        for grid in (1, 3):
            assert launch(f, 64, p, grid=grid) == "SUCCESS"
        check("cuCtxSynchronize")
        lines = [json.loads(line) for line in open({str(file)!r})]
        for grid, line in zip((1, 3), lines, strict=True):
            whole = np.zeros(128, np.uint32)  # as allocations are, aligned to 256 bytes: sectors are counted
            data = whole[-whole.ctypes.data % 256 // 4 :][:64]
            report = emulator.load(text).launch("k", grid, 64, [data], counters=True)
            assert line == json.loads(json.dumps(report.counters)), (line, report.counters)
            assert line["shared"]["requests"] == 4 * grid and line["by_line"]
        """,
        arguments=("--counters", str(file)),
    )


def test_memory_is_fresh_until_it_is_written():
    text = entry(
        ".reg .u64 %a; .reg .u32 %v; ld.param.u64 %a, [p]; ld.global.u32 %v, [%a+4];\nst.global.u32 [%a+8], %v;"
    )
    out, err = python(
        f"""
        start()
        f, p, q, zero = kernel({text!r}), allocate(64), allocate(64), (ctypes.c_uint32 * 16)()
        check("cuMemsetD32_v2", p, 0, ctypes.c_size_t(1)) # not what the kernel reads
        def tell():
            launch(f, 1, p)
            check("cuCtxSynchronize")
            print("-", file=sys.stderr, flush=True)
        tell()
        check("cuMemcpyHtoD_v2", p, zero, ctypes.c_size_t(64))
        tell()
        for name, *arguments in (
            ("cuMemsetD8Async", 0, ctypes.c_size_t(64), None),
            ("cuMemsetD2D32_v2", ctypes.c_size_t(16), 0, ctypes.c_size_t(2), ctypes.c_size_t(4)),
            ("cuMemcpyDtoDAsync_v2", q, ctypes.c_size_t(64), None),
        ):
            check("cuMemFree_v2", p)
            p = allocate(64)
            tell()
            check(name, p, *arguments)
            tell()
        """,
        arguments=("--checks", "on"),
    )
    parts = err.split("-\n")[:-1]
    assert len(parts) == 8
    for k, part in enumerate(parts):
        assert ("global-uninitialised: kernel k" in part) == (k % 2 == 0), (k, part)


SPINS = entry(
    ".reg .u64 %a; .reg .u32 %v; .reg .pred %q; ld.param.u64 %a, [p];\nagain: ld.volatile.global.u32 %v, [%a];\n"
    "setp.eq.u32 %q, %v, 0;\n@%q bra again;\nst.global.u32 [%a+4], 5;"
)


def test_a_kernel_that_waits_for_the_host_or_another_stream():
    out, _ = python(
        f"""
        import time
        start()
        f, p, streams = kernel({SPINS!r}), ctypes.c_void_p(), [ctypes.c_void_p() for _ in range(2)]
        check("cuMemHostAlloc", ctypes.byref(p), ctypes.c_size_t(8), 0)
        words = (ctypes.c_uint32 * 2).from_address(p.value)
        words[:] = 0, 0
        print(launch(f, 1, ctypes.c_uint64(p.value)))
        time.sleep(0.2)
        words[0] = 1
        check("cuCtxSynchronize")
        print(words[1])
        check("cuMemFreeHost", p)
        for stream in streams:
            check("cuStreamCreate", ctypes.byref(stream), 1)
        q = allocate(8)
        check("cuMemsetD32_v2", q, 0, ctypes.c_size_t(2))
        print(launch(f, 1, q, stream=streams[0]))
        time.sleep(0.2)
        print(result("cuStreamQuery", streams[0]))
        check("cuMemsetD32Async", q, 1, ctypes.c_size_t(1), streams[1])
        print(result("cuStreamSynchronize", streams[0]))
        """,
        arguments=("--checks", "fatal,-global-race"),
    )
    assert out == ["SUCCESS", "5", "SUCCESS", "ERROR_NOT_READY", "SUCCESS"]


def test_a_kernel_that_nobody_can_help():
    out, err = python(
        f"""
        start()
        f, p = kernel({SPINS!r}), allocate(8)
        check("cuMemsetD32_v2", p, 0, ctypes.c_size_t(2))
        launch(f, 1, p)
        print(result("cuCtxSynchronize"))
        """,
        arguments=("--checks", "fatal"),
    )
    assert out == ["ERROR_LAUNCH_TIMEOUT"] and "deadlock" in err


# --- The command line


def emulator(*arguments, **settings):
    env = {k: v for k, v in os.environ.items() if not k.startswith("TEGULA_")} | settings
    command = [sys.executable, "-m", "tegula.emulator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env)


def test_path_and_info():
    assert emulator("path").stdout == f"{FOLDER}\n"
    text = emulator("info", TEGULA_EMU_ARCH="sm_86").stdout
    assert re.search(r"sm_80 +A100-SXM4-40GB +40 GB +108 +164 KB +2048", text)
    assert re.search(r"TEGULA_EMU_ARCH +sm_86", text) and "TEGULA_EMU_COUNTERS" in text
    assert "expected an integer" in emulator("run", "true", TEGULA_EMU_SEED="x").stderr
    assert emulator().returncode == 2 and emulator("--help").returncode == 0


def test_run_says_what_is_wrong():
    for arguments, status, said in (
        (["run"], 2, "which program?"),
        (["run", "--arch", "sm_90", "true"], 1, "unknown architecture `sm_90`"),
        (["run", "--checks", "on,+nothing", "true"], 1, "unknown check `+nothing`"),
        (["run", "/nowhere/program"], 127, "No such file"),
    ):
        done = emulator(*arguments)
        assert done.returncode == status and said in done.stderr, done


def test_run_keeps_status_arguments_and_environment(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import os, sys\nprint(sys.argv[1:], os.environ['TEGULA_EMU_ARCH'])\nsys.exit(3)\n")
    done = emulator("run", "--arch=sm_89", str(script), "--arch", "x")
    assert (done.returncode, done.stdout) == (3, "['--arch', 'x'] sm_89\n")
    added = environment()
    done = emulator("run", "env")
    for name, value in added.items():
        assert f"{name}={value}\n" in done.stdout
    assert added["LD_LIBRARY_PATH"].split(":")[0] == str(FOLDER)


# --- The front for ptxas


def test_ptxas_alone(tmp_path):
    (tmp_path / "k.ptx").write_text(entry("trap;"))
    (tmp_path / "bad.ptx").write_text(entry("nonsense;"))

    def ptxas(*arguments):
        env = os.environ | {"TEGULA_EMU_PTXAS": "none"}
        return subprocess.run(
            [FOLDER / "ptxas", *arguments], capture_output=True, text=True, env=env, cwd=tmp_path
        )

    assert re.search(r"release \d+\.\d+", ptxas("--version").stdout)
    assert "Cubins carry their PTX" in ptxas("--version").stdout
    assert ptxas("-v", "--gpu-name=sm_80", "k.ptx", "-o", "k.cubin").returncode == 0
    image = (tmp_path / "k.cubin").read_bytes()
    assert image[:4] == b"\x7fELF" and entry("trap;").encode() in image
    done = ptxas("--gpu-name", "sm_80", "bad.ptx", "-o", "bad.cubin")
    assert done.returncode == 255 and "nonsense" in done.stderr and not (tmp_path / "bad.cubin").exists()
    assert ptxas("-arch=sm_80", "none.ptx").returncode == 255
    assert ptxas().returncode == 255
