# libdevice.py - what `tl.extra.libdevice` has beside the functions of `tl`, where it is a line in the language
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

# Read by the compiler, never by Python.
# space: extra.libdevice


def isnan(x):
    """x is no number."""
    return x != x


def isinf(x):
    """x is an infinity of either sign."""
    return tl.abs(x) == float("inf")


def finitef(x):
    """x is neither infinite nor a NaN."""
    return tl.abs(x) < float("inf")


def isfinited(x):
    """x is neither infinite nor a NaN."""
    return tl.abs(x) < float("inf")


def signbit(x):
    """The sign bit of x is set, that of -0 and of a NaN too: 1 or 0."""
    if x.dtype.primitive_bitwidth == 64:
        return (x.to(tl.int64, bitcast=True) < 0).to(tl.int32)
    else:
        return (x.to(tl.int32, bitcast=True) < 0).to(tl.int32)


def saturatef(x):
    """x, but at least 0 and at most 1."""
    return tl.clamp(x, 0.0, 1.0)


def fast_dividef(x, y):
    """x / y."""
    return tl.fdiv(x, y)


def fma_rn(x, y, z):
    """x * y + z rounded once."""
    return tl.fma(x, y, z)


def float_as_int(x):
    """The bits of an fp32."""
    return x.to(tl.int32, bitcast=True)


def float_as_uint(x):
    """The bits of an fp32."""
    return x.to(tl.uint32, bitcast=True)


def int_as_float(x):
    """The fp32 that has these bits."""
    return x.to(tl.float32, bitcast=True)


def uint_as_float(x):
    """The fp32 that has these bits."""
    return x.to(tl.float32, bitcast=True)


def double_as_longlong(x):
    """The bits of an fp64."""
    return x.to(tl.int64, bitcast=True)


def longlong_as_double(x):
    """The fp64 that has these bits."""
    return x.to(tl.float64, bitcast=True)
