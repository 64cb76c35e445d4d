# test_emulated.py - launches on emulated GPUs: memory, checks, counters, errors; kernels are PTX written by hand
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import json
import signal

import gpu_ptx
import numpy as np
import pytest
import small_kernels as kernels
import tegula

ARCHES = ["sm_75", "sm_80", "sm_86", "sm_87", "sm_89"]
KNOBS = ("device", "emu_checks", "emu_counters", "emu_seed", "emu_lazy", "dump", "dump_dir")


@pytest.fixture(autouse=True)
def settings_stay():
    before = {name: getattr(tegula.knobs, name) for name in KNOBS}
    yield
    for name, value in before.items():
        setattr(tegula.knobs, name, value)


def aligned(values):
    """At a multiple of 128 bytes, as a GPU's allocator would give it: counts of sectors depend on it."""
    values = np.asarray(values, np.float32)
    memory = np.empty(values.size + 32, np.float32)
    start = -memory.ctypes.data % 128 // 4
    memory[start : start + values.size] = values
    return memory[start : start + values.size]


def arrays(n=1000):
    return aligned(np.arange(n)), aligned(np.full(n, 0.5)), aligned(np.zeros(n))


def launch(x, y, o, n=None, block=128, **options):
    n = x.shape[0] if n is None else n
    return kernels.add[((n + block - 1) // block,)](x, y, o, n, BLOCK=block, **options)


@pytest.mark.parametrize("arch", ARCHES)
def test_arrays_in_place(arch, tmp_path):
    torch = pytest.importorskip("torch")
    tegula.set_device("emu:" + arch)
    with gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add(arch)):
        x, y, o = arrays()
        kernel = launch(x, y, o)
        assert (o == x + 0.5).all() and tegula.get_device() == "emu:" + arch
        assert list(kernel.asm) == ["tile", "laid-out", "target-ready", "llir", "ptx"]
        assert kernel.metadata.target == tegula.backends.compiler.GPUTarget("cuda", int(arch[3:]), 32)
        result = torch.zeros(1000)
        launch(torch.from_numpy(x), torch.from_numpy(y), result)
        assert (result.numpy() == o).all()
    properties = tegula.runtime.driver.active.utils.get_device_properties(0)
    assert properties["arch"] == int(arch[3:]) and properties["max_shared_mem"] >= 64 << 10
    assert str(tegula.runtime.driver.active.get_active_torch_device()) == "cpu"


def test_checks(tmp_path, capfd):
    """An argument ends where its tensor ends, whatever lies behind in memory."""
    tegula.set_device("emu:sm_80")
    whole = np.zeros(2000, np.float32)
    x, y, o = arrays()
    x = whole[:1000]
    with gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add()):
        for checks in ("off", "fatal"):  # a real GPU might stop here too
            tegula.knobs.emu_checks = checks
            launch(x, y, o)
            with pytest.raises(
                tegula.DeviceError, match="0 bytes after the end of argument 'x' of 4000"
            ) as caught:
                launch(x, y, o, 1002)
            assert caught.value.id == "emulator_finding" and "global-out-of-bounds" in caught.value.message
            assert (caught.value.file, caught.value.line) == (kernels.__file__, gpu_ptx.LINE_OF_ADD)
            assert "tl.load(x + i, mask=m) + tl.load(y + i, mask=m)" in str(caught.value)
        tegula.knobs.emu_checks = "on"
        capfd.readouterr()
        with tegula.testing.count() as launches:
            launch(x, y, o, 1002)
        assert [f["kind"] for f in launches[0].findings] == ["global-out-of-bounds"] * 3
        said = capfd.readouterr().err
        assert said.count("tegula: emu:sm_80: global-out-of-bounds: kernel add, ") == 3
        tegula.knobs.emu_checks = "sometimes"
        with pytest.raises(tegula.LaunchError, match="unknown check `sometimes`; expected off, on or fatal"):
            launch(x, y, o)


def test_arguments_that_overlap(tmp_path):
    """One argument within another ends where the outer one ends, for all that a bounds check can know."""
    tegula.set_device("emu:sm_80")
    x, y, o = arrays()
    with gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add()):
        launch(x, x[100:200], o, 500)
        assert (o[:500] == x[:500] + x[100:600]).all()
        with pytest.raises(
            tegula.DeviceError, match="after the end of argument 'x' and argument 'y' of 4000"
        ):
            launch(x, x[100:200], o, 1000)


def test_memory_that_no_argument_leads_to(tmp_path):
    """store_value(o, value) writes through the address in `value`."""
    through = """
ld.param.u64 %rd2, [p1];
mov.u32 %r1, 7;
st.global.u32 [%rd2], %r1;
"""
    tegula.set_device("emu:sm_80")
    o, far = np.zeros(4, np.int32), np.zeros(4, np.int32)
    with gpu_ptx.replaced(tmp_path, store_value_ptx=gpu_ptx.kernel("store_value", ["u64", "u64"], through)):
        with pytest.raises(tegula.DeviceError, match="global-out-of-bounds"):
            kernels.store_value[(1,)](o, far.ctypes.data)
        with tegula.testing.reachable(far):
            kernels.store_value[(1,)](o, far.ctypes.data)
        assert far[0] == 7
        with pytest.raises(tegula.DeviceError, match="global-out-of-bounds"):
            kernels.store_value[(1,)](o, far.ctypes.data)


def test_tensors_that_say_no_extent(tmp_path):
    """Objects with data_ptr() alone: every access behind their address is in order."""

    class Buffer:
        device, dtype = None, "float32"

        def __init__(self, array):
            self.array = array

        def data_ptr(self):
            return self.array.ctypes.data

    tegula.set_device("emu:sm_80")
    tegula.knobs.emu_checks = "fatal"
    x, y, o = arrays()
    with gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add()):
        kernels.add[(8,)](Buffer(x), Buffer(y), Buffer(o), 1000, BLOCK=128)
    assert (o == x + 0.5).all()


def test_counters(tmp_path):
    tegula.set_device("emu:sm_80")
    file = tmp_path / "counters.jsonl"
    x, y, o = arrays(1024)
    with gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add()):
        with tegula.testing.count() as launches:
            launch(x, y, o)
            launch(x, y, o, 512)
        launch(x, y, o)  # not counted
        tegula.knobs.emu_counters = str(file)
        launch(x, y, o)
        tegula.knobs.emu_counters = str(tmp_path / "no" / "folder")
        with pytest.raises(tegula.LaunchError, match="cannot write the counters to .*No such file") as caught:
            launch(x, y, o)
        assert caught.value.id == "emulated_counters"
    first, second = launches
    assert (first.kernel, first.device, first.grid, first.num_warps) == ("add", "emu:sm_80", (8, 1, 1), 4)
    # 32 warps; each loads two rows of 128 bytes and stores one: 4 sectors each.
    assert (
        first.counters["global"]["sectors"] == 32 * 3 * 4
        and second.counters["global"]["sectors"] == 16 * 3 * 4
    )
    assert first.counters["instructions"] == 2 * second.counters["instructions"] > 32 * 15
    (line,) = map(json.loads, file.read_text().splitlines())
    # The same as in Python, where JSON has no tuples.
    assert line == json.loads(json.dumps(first.counters)) and line["arch"] == "sm_80"
    assert line["kernel"] == "add" and line["grid"] == [8, 1, 1] and line["block"] == [128, 1, 1]


def test_out_of_resources(tmp_path):
    for arch, limit in (("sm_75", 64 << 10), ("sm_80", 163 << 10), ("sm_86", 99 << 10), ("sm_89", 99 << 10)):
        tegula.set_device("emu:" + arch)
        x, y, o = arrays()
        with gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add(arch, shared=limit)):
            launch(x, y, o, num_stages=2)
        text = f"'add' needs {limit + 4} bytes of shared memory for a block, and emu:{arch} has {limit}"
        with (
            gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add(arch, shared=limit + 4)),
            pytest.raises(tegula.OutOfResources, match=text) as caught,
        ):
            launch(x, y, o, num_stages=5, block=256)
        assert caught.value.id == "gpu_shared_memory"
        assert caught.value.next_step == "Lower num_stages (now 5), or a block size (BLOCK=256)."
    with (
        gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add("sm_89", warps=33)),
        pytest.raises(tegula.OutOfResources, match="needs 1056 threads") as caught,
    ):
        launch(*arrays())
    assert caught.value.id == "gpu_threads"


def test_where_tensors_are():
    class Far:
        device, dtype = "cuda:0", "float32"

        def data_ptr(self):
            return 1 << 20

    tegula.set_device("emu:sm_80")
    x, y, o = arrays()
    with pytest.raises(
        tegula.LaunchError, match="lives on the device cuda:0, but the launch is on emu:sm_80"
    ):
        launch(x, Far(), o, 100)


PRINTS = """
ld.param.u64 %rd1, [p0];
mov.u32 %r1, %tid.x;
setp.ne.u32 %p1, %r1, 0;
@%p1 bra DONE;
mov.u64 %rd2, text;
cvta.global.u64 %rd2, %rd2;
{ .param .b64 a; .param .b64 b; .param .b32 c;
st.param.b64 [a], %rd2; st.param.b64 [b], 0;
call.uni (c), vprintf, (a, b); }
"""
VPRINTF = (
    ".extern .func (.param .b32 r) vprintf (.param .b64 a, .param .b64 b);\n"
    ".extern .func __assertfail (.param .b64 a, .param .b64 b, .param .b32 c, .param .b64 d, .param .b64 e);\n"
    ".global .align 1 .b8 text[8] = {104, 101, 108, 108, 111, 33, 10, 0};\n"
)
ASSERTS = """
{ .param .b64 a; .param .b64 b; .param .b32 c; .param .b64 d; .param .b64 e;
st.param.b64 [a], %rd2; st.param.b64 [b], %rd2; st.param.b32 [c], 12; st.param.b64 [d], %rd2; st.param.b64 [e], 1;
call.uni __assertfail, (a, b, c, d, e); }
"""


def with_text(ptx):
    head, rest = ptx.split(".extern .shared", 1)
    return head + VPRINTF + ".extern .shared" + rest


def test_print_and_assert(tmp_path, capfd):
    tegula.set_device("emu:sm_80")
    o = np.zeros(1, np.int32)
    with gpu_ptx.replaced(tmp_path, put_ptx=with_text(gpu_ptx.kernel("put", ["u64"], PRINTS + "DONE:"))):
        kernels.put[(2,)](o, 3)
    assert capfd.readouterr().out == "hello!\n" * 2
    ptx = with_text(gpu_ptx.kernel("put", ["u64"], PRINTS + ASSERTS + "DONE:"))
    with (
        gpu_ptx.replaced(tmp_path, put_ptx=ptx),
        pytest.raises(tegula.DeviceError, match="assertion") as caught,
    ):
        kernels.put[(1,)](o, 3)
    assert caught.value.id == "emulator_assert" and "hello" in str(caught.value)
    assert capfd.readouterr().out == "hello!\n"  # what was printed before comes before


def test_endless_kernels_can_be_interrupted(tmp_path):
    class Enough(Exception):
        pass

    def enough(*_):
        raise Enough

    tegula.set_device("emu:sm_80")
    before = signal.signal(signal.SIGALRM, enough)
    try:
        with gpu_ptx.replaced(tmp_path, put_ptx=gpu_ptx.kernel("put", ["u64"], "AGAIN: bra.uni AGAIN;")):
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(Enough):
                kernels.put[(1,)](np.zeros(1, np.int32), 3)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_replaced_stages(tmp_path):
    tegula.set_device("emu:sm_80")
    x, y, o = arrays()
    good = gpu_ptx.add()
    for text, why in (
        (good.split("\n", 1)[1], "its first line is not like"),
        (good.replace("warps=4", "warps=four"), "holds 'warps=four'"),
        (good.replace("warps=4", "warps=0"), "lacks the entry or the warps"),
        (good.replace("entry=add", "shared=1"), "lacks the entry or the warps"),
    ):
        with (
            gpu_ptx.replaced(tmp_path, add_ptx=text),
            pytest.raises(tegula.CompileError, match=why) as caught,
        ):
            launch(x, y, o)
        assert caught.value.id == "stage_override_bad"
    with (
        gpu_ptx.replaced(tmp_path, add_ptx=good.replace("entry=add", "entry=other")),
        pytest.raises(tegula.LaunchError, match="no kernel `other`") as caught,
    ):
        launch(x, y, o)
    assert caught.value.id == "emulator_no_kernel"
    with (
        gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.kernel("add", ["u64"], "")),
        pytest.raises(tegula.LaunchError, match="it has 1 parameters, the kernel has 4"),
    ):
        launch(x, y, o)
    # Its own file before that of every specialisation; and dumped as it is.
    twice = good.replace("add.f32 %f3, %f1, %f2", "add.f32 %f3, %f1, %f1")
    with gpu_ptx.replaced(tmp_path, add_ptx=good):
        own = f"add-{launch(x, y, o).metadata.hash[:12]}.ptx"
        assert (o == x + y).all()
    with gpu_ptx.replaced(tmp_path, add_ptx=good) as folder:
        (folder / own).write_text(twice)
        tegula.knobs.dump, tegula.knobs.dump_dir = "ptx", str(tmp_path / "dump")
        launch(x, y, o)
        assert (o == 2 * x).all() and (tmp_path / "dump" / own).read_text() == twice


def test_target_names():
    source = tegula.compiler.ASTSource(kernels.put, {"o": "*i32", "VALUE": "constexpr"}, {"VALUE": 3})
    for arch in (99, "gfx942", "8.0"):
        with pytest.raises(tegula.UnsupportedError, match=f"'{arch}' is no NVIDIA architecture") as caught:
            tegula.compile(source, tegula.backends.compiler.GPUTarget("cuda", arch, 32))
        assert caught.value.id == "codegen_unknown_gpu" and "75, 80, 86" in caught.value.next_step


def test_threads(tmp_path):
    import threading

    tegula.set_device("emu:sm_80")
    tegula.knobs.emu_checks = "fatal"
    wrong = []

    def work():
        x, y, o = arrays()
        for _ in range(5):
            o[:] = 0
            launch(x, y, o)
            if not (o == x + 0.5).all():
                wrong.append(o.copy())

    with gpu_ptx.replaced(tmp_path, add_ptx=gpu_ptx.add()):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
