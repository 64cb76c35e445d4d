# test_keys.py - what makes another specialisation, and what does not
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import itertools
import math

import numpy as np
import pytest
import small_kernels as kernels
import tegula
import tegula.language as tl


def _value(x):
    o = np.zeros(1, np.float64)
    return kernels.put[(1,)](o, x), o[0]


def test_equal_constants_of_different_types():
    values = [1, True, 1.0, 0, False, 0.0, -0.0, math.nan]
    made = [_value(v) for v in values]
    for (a, b), (x, y) in zip(itertools.combinations(made, 2), itertools.combinations(values, 2)):
        assert a[0] is not b[0], (x, y)
    for v, (k, stored) in zip(values, made):
        assert _value(v)[0] is k
        assert (
            math.isnan(stored)
            if v != v
            else (stored == v and math.copysign(1, stored) == math.copysign(1, v))
        )


def test_all_nans_are_one():
    other = -math.nan
    assert _value(math.nan)[0] is _value(other)[0]


def test_wrapped_and_plain_constants_are_one():
    assert _value(5)[0] is _value(tl.constexpr(5))[0] is _value(np.int32(5))[0]
    assert _value(5)[0] is not _value(np.float32(5))[0]


@tegula.jit
def _any(o, A: tl.constexpr = None):
    tl.store(o, 1)


def test_other_constants():
    o = np.zeros(1, np.int32)
    values = [
        None,
        "a",
        "b",
        "",
        "a" * 9,
        (1,),
        (1.0,),
        (True,),
        (1, 2),
        ((1,), 2),
        (),
        tl.int32,
        tl.float32,
        2**70,
        -(2**70),
        kernels.put,
        kernels.add,
        tl.exp,
    ]
    made = [_any[(1,)](o, v) for v in values]
    assert len({id(k) for k in made}) == len(values)
    assert [_any[(1,)](o, v) for v in values] == made
    assert _any[(1,)](o, [1, 2]) is _any[(1,)](o, (1, 2))


def _kernel_of(value, **more):
    return kernels.store_value.warmup(np.zeros(1, np.int64), value, **more)


def test_integers_specialise_on_value():
    assert _kernel_of(2) is _kernel_of(3)
    assert _kernel_of(16) is _kernel_of(32) is not _kernel_of(2)
    assert _kernel_of(1) is not _kernel_of(2)
    assert _kernel_of(2**40) is not _kernel_of(2)
    assert _kernel_of(2**63) is not _kernel_of(2**40)
    assert _kernel_of(2.0) is _kernel_of(3.0)
    assert _kernel_of(True) is _kernel_of(False) is not _kernel_of(1)


def test_do_not_specialize():
    @tegula.jit(do_not_specialize=["value"])
    def kernel(o, value):
        tl.store(o, value)

    o = np.zeros(1, np.int64)
    assert kernel.warmup(o, 1) is kernel.warmup(o, 16) is kernel.warmup(o, 3)

    @tegula.jit(do_not_specialize_on_alignment=[1])
    def other(o, value):
        tl.store(o, value)

    assert other.warmup(o, 16) is other.warmup(o, 3) is not other.warmup(o, 1)


def test_tensors_specialise_on_dtype_and_alignment():
    a = np.zeros(8, np.float32)
    base = -(a.ctypes.data // 4) % 4  # to a multiple of 16 bytes
    k = kernels.store_value.warmup(a[base:], 2)
    assert k is not kernels.store_value.warmup(a[base + 1 :], 2)
    assert k is not kernels.store_value.warmup(a[base:].view(np.int32), 2)


def test_options_and_settings():
    o = np.zeros(1, np.int32)
    k = _any[(1,)](o)
    assert k is not _any[(1,)](o, num_warps=2)
    assert k is not _any[(1,)](o, debug=True)
    tegula.knobs.debug = True
    try:
        assert _any[(1,)](o).metadata.debug
    finally:
        tegula.knobs.debug = False
    assert not _any[(1,)](o).metadata.debug


def test_two_functions_of_one_text_are_two():
    def make(k):
        @tegula.jit
        def kernel(o):
            tl.store(o, K)

        K = tl.constexpr(k)
        return kernel

    o = np.zeros(1, np.int32)
    a, b = make(3), make(4)
    a[(1,)](o)
    assert o[0] == 3
    b[(1,)](o)
    assert o[0] == 4


def test_many_specialisations():
    o = np.zeros(1, np.int64)
    first = [kernels.put.warmup(o, i) for i in range(40)]
    assert [kernels.put.warmup(o, i) for i in range(40)] == first


@pytest.mark.parametrize("value", [object(), {}, {1}, b"x", [object()], 2**200, math, lambda x: x])
def test_refused_constants(value):
    with pytest.raises(tegula.LaunchError, match="the constexpr argument 'VALUE' of 'put' is "):
        kernels.put[(1,)](np.zeros(1, np.int32), value)
