# test_launch.py - arguments, grids and options of a launch
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import array
import collections

import numpy as np
import pytest
import small_kernels as kernels
import tegula
import tegula.language as tl


def _add(x, y, o, n=None, **options):
    n = len(o) if n is None else n
    return kernels.add[(tegula.cdiv(n, 32),)](x, y, o, n, BLOCK=32, **options)


DTYPES = [
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy(dtype):
    x, y, o = np.arange(50).astype(dtype), np.full(50, 3, dtype), np.zeros(50, dtype)
    _add(x, y, o)
    assert np.array_equal(o, x + y)


@pytest.mark.parametrize(
    "dtype",
    [
        "bool",
        "int8",
        "int32",
        "uint8",
        "int64",
        "float16",
        "bfloat16",
        "float32",
        "float64",
        "float8_e4m3fn",
        "float8_e5m2",
    ],
)
def test_torch(dtype):
    torch = pytest.importorskip("torch")
    x = torch.arange(40).remainder(2).to(getattr(torch, dtype))
    o = torch.zeros_like(x)
    kernels.copy[(3,)](x, o, 40)
    assert torch.equal(o.view(torch.uint8), x.view(torch.uint8))


def test_ml_dtypes():
    ml = pytest.importorskip("ml_dtypes")
    x, o = np.arange(16).astype(ml.bfloat16), np.zeros(16, ml.bfloat16)
    kernels.copy[(1,)](x, o, 16)
    assert np.array_equal(x.view(np.uint16), o.view(np.uint16))


def test_torch_parameter_and_grad():
    torch = pytest.importorskip("torch")
    o = torch.zeros(16)
    for x in (torch.nn.Parameter(torch.ones(16)), torch.ones(16, requires_grad=True)):
        o.zero_()
        kernels.copy[(1,)](x, o, 16)
        assert o.sum() == 16


def test_views():
    a = np.arange(20, dtype=np.float32)
    o = np.zeros(8, np.float32)
    kernels.copy[(1,)](a[5:], o, 8)  # starts in the middle; not a multiple of 16 bytes
    assert np.array_equal(o, a[5:13])
    kernels.copy[(1,)](
        a[::-1], o, 1
    )  # a view that ends where the array begins: its first element is the last
    assert o[0] == 19


def test_array_and_memoryview():
    x, o = array.array("i", range(16)), array.array("i", [0] * 16)
    kernels.copy[(1,)](memoryview(x), o, 16)
    assert o == x


class Pointer:
    """An object with nothing but data_ptr() and a dtype whose text is a name."""

    class DType:
        def __init__(self, name):
            self.name = name

        def __str__(self):
            return self.name

    def __init__(self, a, name):
        self.array, self.dtype = a, self.DType(name)

    def data_ptr(self):
        return self.array.ctypes.data


@pytest.mark.parametrize("name", ["float32", "torch.float32", "fp32"])
def test_data_ptr(name):
    x, o = np.arange(16, dtype=np.float32), np.zeros(16, np.float32)
    kernels.copy[(1,)](Pointer(x, name), Pointer(o, name), 16)
    assert np.array_equal(o, x)


class Capsule:
    """An object with nothing but DLPack."""

    def __init__(self, a, new=True):
        self.array, self.new = a, new

    def __dlpack__(self, **kwargs):
        if kwargs and not self.new:
            raise TypeError("an old producer")
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("new", [True, False])
def test_dlpack(new):
    x, o = np.arange(16, dtype=np.int16), np.zeros(16, np.int16)
    kernels.copy[(1,)](Capsule(x, new), Capsule(o, new), 16)
    assert np.array_equal(o, x)


@pytest.mark.parametrize(
    "grid",
    [
        (4,),
        [4],
        4,
        (2, 2),
        (1, 2, 2),
        (np.int64(4),),
        lambda meta: (4,),
        lambda meta: 4,
        lambda meta: [2, 2, 1],
    ],
)
def test_grids(grid):
    o = np.zeros(1, np.int32)
    kernels.programs[grid](o)
    assert o[0] == 4


@pytest.mark.parametrize("grid", [(0,), (0, 3), (3, 0, 2), 0])
def test_empty_grid(grid):
    o = np.zeros(1, np.int32)
    kernels.programs[grid](o)
    assert o[0] == 0


def test_grid_function_sees_all_arguments():
    seen = {}

    def grid(meta):
        seen.update(meta)
        return (tegula.cdiv(meta["n"], meta["BLOCK"]),)

    x, o = np.ones(100, np.float32), np.zeros(100, np.float32)
    kernels.copy[grid](x, o, n=100)
    assert o.sum() == 100
    assert list(seen) == ["x", "o", "n", "BLOCK"] and seen["x"] is x and seen["BLOCK"] == 16


def test_grid_function_error_is_the_users():
    with pytest.raises(ZeroDivisionError):
        kernels.programs[lambda meta: 1 // 0](np.zeros(1, np.int32))


def test_options():
    x, o = np.ones(16, np.float32), np.zeros(16, np.float32)
    k = kernels.copy[(1,)](x, o, 16, num_warps=8, num_stages=2, num_ctas=1, maxnreg=None, stream=None)
    assert (k.metadata.num_warps, k.metadata.num_stages) == (8, 2)


def test_zero_length_tensors():
    e = np.zeros(0, np.float32)
    _add(e, e, e)
    o = np.full(4, 7, np.float32)
    kernels.copy[(1,)](e, o, 0)
    assert (o == 7).all()


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (3, "int32"), (-(2**31), "int32"), (2**31, "int64"), (-(2**63), "int64"), (2**63, "uint64"), (2**64 - 1, "uint64"), (1, "int32"),
        (0.5, "float32"), (True, "bool"), (False, "bool"), (np.int64(5), "int64"), (np.float32(1.5), "float32"), (np.bool_(True), "bool"),
    ],
)  # fmt: skip
def test_scalars(value, dtype):
    o = np.zeros(1, dtype)
    kernels.store_value[(1,)](o, value)
    assert o[0] == value


@tegula.jit
def _typed(o, a: "i64", b: tl.int8, c: "fp64", d: tl.float16):  # noqa: F821
    tl.static_assert(a.dtype == tl.int64)
    tl.static_assert(b.dtype == tl.int8)
    tl.static_assert(c.dtype == tl.float64)
    tl.static_assert(d.dtype == tl.float16)
    tl.store(o + 0, a)
    tl.store(o + 1, b)
    tl.store(o + 2, c)
    tl.store(o + 3, d)


def test_annotations():
    o = np.zeros(4, np.float64)
    _typed[(1,)](o, 1, -5, 0.1, 0.25)
    assert o.tolist() == [1, -5, 0.1, 0.25]
    _typed[(1,)](o, 2**40, 7, 3, 1)
    assert o.tolist() == [2**40, 7, 3, 1]


@tegula.jit
def _tuples(o, pair, named, extra=None):
    tl.store(o, pair[0] + pair[1])
    tl.store(o + 1, named.a * named.b[1])
    if extra is not None:
        tl.store(o + 2, extra)


def test_tuples():
    named = collections.namedtuple("named", "a b")
    o = np.zeros(3, np.int32)
    _tuples[(1,)](o, (3, 4), named(5, (None, 6)))
    assert o.tolist() == [7, 30, 0]
    _tuples[(1,)](o, (1, 1), named(1, (0, 2)), 9)
    assert o.tolist() == [2, 2, 9]


@tegula.jit
def _keyword_only(o, *, a, B: tl.constexpr = 2):
    tl.store(o, a * B)


def test_keyword_only():
    o = np.zeros(1, np.int32)
    _keyword_only[(1,)](o, a=5)
    assert o[0] == 10
    _keyword_only[(1,)](o=o, B=3, a=5)
    assert o[0] == 15


@tegula.jit
def _rest(o, *values):
    for i in tl.static_range(len(values)):
        tl.store(o + i, values[i])


def test_var_positional():
    o = np.zeros(4, np.int32)
    _rest[(1,)](o, 5, 6, 7)
    assert o.tolist() == [5, 6, 7, 0]
    _rest[(1,)](o)
    _rest[(1,)](o, 9)
    assert o.tolist() == [9, 6, 7, 0]


@tegula.jit
def _square(x):
    return x * x


@tegula.jit
def _apply(o, v, F: tl.constexpr, T: tl.constexpr):
    tl.store(o, F(v).to(T))


def test_functions_and_dtypes_as_constexpr():
    o = np.zeros(1, np.float32)
    _apply[(1,)](o, 3.0, _square, tl.float32)
    assert o[0] == 9
    _apply[(1,)](o, 4.0, tl.sqrt, tl.float16)
    assert o[0] == 2
    _apply[(1,)](o, -4.0, tl.math.abs, tl.int32)
    assert o[0] == 4


def test_read_only():
    x, o = np.arange(16, dtype=np.float32), np.zeros(16, np.float32)
    x.flags.writeable = False
    kernels.copy[(1,)](x, o, 16)
    assert np.array_equal(x, o)
    with pytest.raises(
        tegula.LaunchError, match="argument 'o' of 'copy' is read-only, but the kernel writes to it"
    ):
        kernels.copy[(1,)](o, x, 16)


def test_aliases_take_the_general_code():
    x, o = np.ones(64, np.float32), np.zeros(64, np.float32)
    assert kernels.add[(2,)](x, x.copy(), o, 64, BLOCK=32).metadata.disjoint
    first = kernels.add[(2,)](x, x, o, 64, BLOCK=32, num_stages=9)
    second = kernels.add[(2,)](x, x, o, 64, BLOCK=32, num_stages=9)  # what is only read may overlap
    assert not kernels.add[(2,)](o, x, o, 64, BLOCK=32, num_stages=9).metadata.disjoint
    assert not first.metadata.disjoint and second.metadata.disjoint
    a = np.zeros(20, np.float32)
    assert not kernels.copy[(1,)](a[:16], a[1:17], 16).metadata.disjoint
    assert kernels.copy[(1,)](a[:8], a[8:16], 8).metadata.disjoint


def test_warmup_does_not_launch():
    o = np.zeros(1, np.int32)
    k = kernels.programs.warmup(o, grid=(8,))
    assert o[0] == 0 and "tile" in k.asm
    assert kernels.programs.run(o, grid=(8,), warmup=False) is k and o[0] == 8


def test_warmup_takes_dtypes():
    torch = pytest.importorskip("torch")
    k = kernels.copy.warmup(torch.float32, torch.float32, 64, grid=(1,))
    assert k.name == "copy"


def test_hooks():
    seen = []

    @tegula.jit
    def kernel(o):
        tl.store(o, 1)

    kernel.add_pre_run_hook(lambda *args, **kwargs: seen.append((len(args), kwargs)))
    kernel[(1,)](np.zeros(1, np.int32))
    assert seen == [(1, {})]


def test_bound_kernel_can_be_kept():
    o = np.zeros(1, np.int32)
    a, b = kernels.programs[(2,)], kernels.programs[(3,)]
    a(o)
    b(o)
    a(o)
    assert o[0] == 7
