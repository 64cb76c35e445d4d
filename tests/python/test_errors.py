# test_errors.py - wrong calls: every row of Launch.def by its text, and the process lives
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import re
from pathlib import Path

import numpy as np
import pytest
import small_kernels as kernels
import tegula
import tegula.language as tl
from tegula import _tegula

O = np.zeros(16, np.float32)
GPU = tegula.runtime.driver.GPUTarget


def _copy(*args, grid=(1,), **kwargs):
    kernels.copy[grid](*args, **kwargs)


def _on_cpu(call):
    tegula.set_device("cpu")
    try:
        call()
    finally:
        tegula.set_device(None)


def _device(kind):
    torch = pytest.importorskip("torch")
    return torch.zeros(4, device=kind)


class _Fake:
    """Claims to live on a device."""

    dtype = "float32"
    device = "cuda:1"

    def data_ptr(self):
        return 1 << 20


def _subclass():
    torch = pytest.importorskip("torch")

    class Wrapped(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return super().__torch_function__(func, types, args, kwargs or {})

    return torch.zeros(4).as_subclass(Wrapped)


def _fake():
    torch = pytest.importorskip("torch")
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        return torch.ones(4)


def _functional():
    torch = pytest.importorskip("torch")
    return torch._to_functional_tensor(torch.ones(4))


def _sparse():
    return _device("cpu").to_sparse()


def _unaligned():
    return np.frombuffer(bytearray(17), np.uint8)[1:].view(np.float32)


def _annotated(annotation):
    def kernel(o, x):
        tl.store(o, x)

    kernel.__annotations__["x"] = annotation
    return tegula.jit(kernel)


def _compile(signature, constexprs=None, target=None):
    return tegula.compile(tegula.compiler.ASTSource(kernels.put, signature, constexprs), target=target)


def _read_only():
    o = np.zeros(16, np.float32)
    o.flags.writeable = False
    return o


CASES = [
    ("launch_bad_grid", lambda: _copy(O, O, 1, grid=()), "a grid has 1 to 3 dimensions of 0 to 2147483647 programs, got 0 dimensions"),
    ("launch_bad_grid", lambda: _copy(O, O, 1, grid=(1, 1, 1, 1)), "got 4 dimensions"),
    ("launch_bad_grid", lambda: _copy(O, O, 1, grid=(-1,)), "got -1 programs along one of them"),
    ("launch_bad_grid", lambda: _copy(O, O, 1, grid=(2**31,)), "got 2147483648 programs along one of them"),
    ("launch_bad_grid", lambda: _copy(O, O, 1, grid=(1.5,)), "got 1.5 (a float) as one of them"),
    ("launch_bad_grid", lambda: _copy(O, O, 1, grid="no"), "got a string"),
    ("launch_bad_grid", lambda: _copy(O, O, 1, grid=None), "got None"),
    ("launch_bad_grid", lambda: _copy(O, O, 1, grid=lambda meta: None), "got None"),
    ("launch_no_grid", lambda: kernels.copy(O, O, 1), "'copy' was called without a grid"),
    ("launch_missing_argument", lambda: _copy(O, O), "'copy' is missing the argument 'n'"),
    ("launch_missing_argument", lambda: _copy(), "'copy' is missing the argument 'x'"),
    ("launch_too_many_arguments", lambda: _copy(O, O, 1, 16, 5), "'copy' takes 4 positional arguments, got 5"),
    ("launch_repeated_argument", lambda: _copy(O, O, 1, x=O), "'copy' got two values for the argument 'x'"),
    ("launch_unknown_keyword", lambda: _copy(O, O, 1, BLOK=16), "'copy' has no parameter named 'BLOK', and it is no launch option"),
    ("launch_bad_option", lambda: _copy(O, O, 1, num_warps="4"), "the launch option 'num_warps' is an integer from 1 to 64, got 4"),
    ("launch_bad_option", lambda: _copy(O, O, 1, num_stages=-1), "the launch option 'num_stages' is an integer from 0 to 64, got -1"),
    ("launch_bad_argument", lambda: _copy(O, [1.0], 1), "argument 'o' of 'copy' is a list, which a kernel cannot take"),
    ("launch_bad_argument", lambda: _copy(O, O, {}), "argument 'n' of 'copy' is a dict"),
    ("launch_bad_argument", lambda: _copy(O, O, (1, object())), "argument 'n' of 'copy' is an object of class 'object'"),
    ("launch_bad_constexpr", lambda: _copy(O, O, 1, {}), "the constexpr argument 'BLOCK' of 'copy' is a dict"),
    ("launch_int_range", lambda: _copy(O, O, 2**64), "argument 'n' of 'copy' is 18446744073709551616, which does not fit 64 bits"),
    ("launch_int_range", lambda: _annotated("i8")[(1,)](O, 200), "argument 'x' of 'kernel' is 200, which does not fit i8"),
    ("launch_annotation", lambda: _annotated("i32")[(1,)](O, 1.5), "argument 'x' of 'kernel' is annotated 'i32', got the float 1.5"),
    ("launch_annotation", lambda: _annotated("i32")[(1,)](O, O), "argument 'x' of 'kernel' is annotated 'i32', got a tensor"),
    ("launch_bad_annotation", lambda: _annotated("i65"), "parameter 'x' of 'kernel' is annotated 'i65', which is no type of the language"),
    ("launch_dtype", lambda: _copy(np.zeros(4, np.complex64), O, 1), "argument 'x' of 'copy' is a tensor of complex64, which the language has no type for"),
    ("launch_dtype", lambda: _copy(np.zeros(4, "datetime64[s]"), O, 1), "argument 'x' of 'copy' is a tensor of datetime64[s]"),
    ("launch_byte_order", lambda: _copy(np.zeros(4, ">f4"), O, 1), "argument 'x' of 'copy' is an array in foreign byte order"),
    ("launch_unaligned", lambda: _copy(_unaligned(), O, 1), "argument 'x' of 'copy' starts at an address that is no multiple of its item size (4 bytes)"),
    ("launch_wrong_device", lambda: _on_cpu(lambda: _copy(_Fake(), O, 1)), "argument 'x' of 'copy' lives on the device cuda:1, but the launch is on cpu"),
    ("launch_no_data", lambda: _copy(_device("meta"), O, 1), "argument 'x' of 'copy' has no data in memory"),
    ("launch_no_data", lambda: _copy(_functional(), O, 1), "argument 'x' of 'copy' has no data in memory: its address is 0"),
    ("launch_no_data", lambda: _copy(_sparse(), O, 1), "argument 'x' of 'copy' has no data in memory"),
    ("launch_tensor_subclass", lambda: _copy(_fake(), O, 1), "a tensor class that overrides __torch_dispatch__"),
    ("launch_tensor_subclass", lambda: _copy(_subclass(), O, 1), "a tensor class that overrides __torch_function__"),
    ("launch_read_only", lambda: _copy(O, _read_only(), 1), "argument 'o' of 'copy' is read-only, but the kernel writes to it"),
    ("launch_unknown_device", lambda: tegula.set_device("tpu"), "there is no device 'tpu'"),
    ("launch_unknown_device", lambda: tegula.set_device("cuda:x"), "there is no device 'cuda:x'"),
    ("launch_unknown_device", lambda: tegula.set_device("emu:sm_90"), "there is no device 'emu:sm_90'"),
    ("launch_device_not_built", lambda: tegula.set_device("hip:0"), "the device 'hip:0' is not supported yet"),
    ("launch_unknown_setting", lambda: _tegula.set_setting("fast", "1"), "there is no setting 'fast'"),
    ("launch_bad_setting", lambda: setattr(tegula.knobs, "num_threads", "many"), "the setting 'numThreads' cannot be 'many'"),
    ("jit_no_source", lambda: exec("def f(): pass\ntegula.jit(f)", {"tegula": tegula}), "the source text of 'f' is not available"),
    ("jit_source_changed", lambda: tegula.jit(_moved()), "does not define 'f' any more"),
    ("jit_not_a_function", lambda: tegula.jit(3), "jit takes a function defined with 'def', got a int"),
    ("jit_not_a_function", lambda: tegula.jit(lambda x: x), "got a lambda"),
    ("compile_unknown_parameter", lambda: _compile({"q": "i32"}), "'put' has no parameter 'q'"),
    ("compile_unknown_parameter", lambda: _compile({"o": "*i32"}, {(7,): 1}), "'put' has no parameter number 7"),
    ("compile_missing_type", lambda: _compile({}, {"VALUE": 1}), "the signature of 'put' gives no type for the parameter 'o'"),
    ("compile_missing_constexpr", lambda: _compile({"o": "*i32", "VALUE": "constexpr"}), "the parameter 'VALUE' of 'put' is a constexpr without a value"),
    ("compile_bad_target", lambda: _compile({"o": "*i32"}, {"VALUE": 1}, "cpu"), "a target is GPUTarget(backend, arch, warp_size), got 'cpu'"),
]  # fmt: skip


def _moved():
    def f():
        pass

    f.__code__ = f.__code__.replace(co_firstlineno=1)
    return f


KINDS = {row[0]: row[1] for row in _tegula.diagnostics()}


@pytest.mark.parametrize(("row", "call", "text"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_message(row, call, text):
    with pytest.raises(tegula.TegulaError) as caught:
        call()
    e = caught.value
    assert text in e.message and text in str(e), e.message
    assert e.id == row and type(e) is getattr(tegula.errors, KINDS[row])
    before = O.copy()
    kernels.copy[(1,)](O, np.zeros_like(O), 16)  # the process lives
    assert np.array_equal(O, before)


def test_every_row_has_a_case():
    table = Path(__file__).parents[2] / "ir" / "diag" / "Launch.def"
    rows = set(re.findall(r"^DIAG\((\w+)", table.read_text(), re.MULTILINE))
    assert rows == {c[0] for c in CASES}


def test_hierarchy():
    for name in (
        "CompileError",
        "UnsupportedError",
        "OutOfResources",
        "LaunchError",
        "DeviceError",
        "InternalError",
    ):
        assert issubclass(getattr(tegula, name), tegula.TegulaError)
    assert issubclass(tegula.TegulaError, Exception)


def test_compile_error_has_its_place():
    @tegula.jit
    def kernel(o):
        x = tl.arange(0, 4)
        tl.store(o, x + undefined_name)  # noqa: F821

    with pytest.raises(tegula.CompileError) as caught:
        kernel[(1,)](np.zeros(1, np.int32))
    e = caught.value
    line = test_compile_error_has_its_place.__code__.co_firstlineno + 4
    assert (e.file, e.line) == (__file__, line) and "undefined_name" in e.message
    assert e.column == "        tl.store(o, x + undefined_name)".index("undefined") + 1
    assert "^" in str(e) and f":{line}:" in str(e)


def test_language_outside_of_kernels():
    with pytest.raises(tegula.LaunchError, match=r"tl.load was called outside of a kernel"):
        tl.load(0)
    with pytest.raises(tegula.LaunchError, match="outside of a kernel"):
        tl.range(3)


def test_error_of_a_users_index():
    class Bad:
        def __index__(self):
            raise KeyError("mine")

    with pytest.raises(tegula.LaunchError, match="a grid has"):
        kernels.programs[(Bad(),)](np.zeros(1, np.int32))
