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


def fast_log10f(x):
    """Logarithm to base 10."""
    return tl.extra.libdevice.fast_log2f(x) * 0.30102999566398120


def fast_powf(x, y):
    """x to the power y."""
    return tl.exp2(y * tl.extra.libdevice.fast_log2f(x))


def fast_tanf(x):
    """Tangent."""
    return tl.extra.libdevice.fast_sinf(x) / tl.extra.libdevice.fast_cosf(x)


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


def add_rn(x, y):
    """x + y rounded by itself: a product before it is not drawn into one rounding."""
    return tl.fma(x, tl.full(x.shape, 1, x.dtype) if len(x.shape) else tl.cast(1, x.dtype), y)


def sub_rn(x, y):
    """x - y rounded by itself."""
    return add_rn(x, -y)


def mul_rn(x, y):
    """x * y rounded by itself: a sum after it is not drawn into one rounding."""
    return tl.fma(x, y, tl.full(x.shape, -0.0, x.dtype) if len(x.shape) else tl.cast(-0.0, x.dtype))


def rcp_rn(x):
    """1 / x."""
    if x.dtype.primitive_bitwidth == 64:
        return 1 / x
    else:
        return tl.div_rn(1, x)


def round(x):
    """The nearest whole number, halves away from zero."""
    size = tl.abs(x)
    below = tl.floor(size)
    return tl.extra.libdevice.copysign(below + (size - below >= 0.5).to(x.dtype), x)


def llround(x):
    """The nearest whole number, halves away from zero, as an int64."""
    return round(x).to(tl.int64)


def popc(x):
    """How many bits are set, as an int32."""
    if x.dtype.primitive_bitwidth == 64:
        v = x.to(tl.uint64, bitcast=True)
        v = v - ((v >> 1) & 0x5555555555555555)
        v = (v & 0x3333333333333333) + ((v >> 2) & 0x3333333333333333)
        v = (v + (v >> 4)) & 0x0F0F0F0F0F0F0F0F
        return ((v * 0x0101010101010101) >> 56).to(tl.int32)
    else:
        v = x.to(tl.uint32, bitcast=True)
        v = v - ((v >> 1) & 0x55555555)
        v = (v & 0x33333333) + ((v >> 2) & 0x33333333)
        v = (v + (v >> 4)) & 0x0F0F0F0F
        return ((v * 0x01010101) >> 24).to(tl.int32)


def clz(x):
    """How many bits above the highest set one are clear, as an int32."""
    if x.dtype.primitive_bitwidth == 64:
        v = x.to(tl.uint64, bitcast=True)
        v = v | (v >> 32)
    else:
        v = x.to(tl.uint32, bitcast=True)
    for k in tl.static_range(4, -1, -1):
        v = v | (v >> (1 << k))
    return popc(~v)


def ffs(x):
    """The place of the lowest set bit, from 1 on, as an int32; 0 if none is set."""
    return tl.where(x == 0, 0, popc(x ^ (x - 1)))


def sad(x, y, z):
    """The distance of x and y, plus z."""
    return tl.where(x > y, x - y, y - x) + z


def int2float_rn(x):
    """The integer as an fp32, rounded to nearest even."""
    return x.to(tl.float32)


def int2double_rn(x):
    """The integer as an fp64, rounded to nearest even."""
    return x.to(tl.float64)


def uint2float_rn(x):
    """The integer as an fp32, rounded to nearest even."""
    return x.to(tl.float32)


def uint2double_rn(x):
    """The integer as an fp64, rounded to nearest even."""
    return x.to(tl.float64)


def ll2float_rn(x):
    """The integer as an fp32, rounded to nearest even."""
    return x.to(tl.float32)


def ll2double_rn(x):
    """The integer as an fp64, rounded to nearest even."""
    return x.to(tl.float64)


def ull2float_rn(x):
    """The integer as an fp32, rounded to nearest even."""
    return x.to(tl.float32)


def ull2double_rn(x):
    """The integer as an fp64, rounded to nearest even."""
    return x.to(tl.float64)


def float2int_rn(x):
    """The float rounded to nearest even, as an int32; what does not fit becomes the nearest that does."""
    return tl.extra.libdevice.rint(x).to(tl.int32)


def float2int_rz(x):
    """The float rounded towards zero, as an int32; what does not fit becomes the nearest that does."""
    return x.to(tl.int32)


def float2int_rd(x):
    """The float rounded down, as an int32; what does not fit becomes the nearest that does."""
    return tl.floor(x).to(tl.int32)


def float2int_ru(x):
    """The float rounded up, as an int32; what does not fit becomes the nearest that does."""
    return tl.ceil(x).to(tl.int32)


def float2uint_rn(x):
    """The float rounded to nearest even, as a uint32; what does not fit becomes the nearest that does."""
    return tl.extra.libdevice.rint(x).to(tl.uint32)


def float2uint_rz(x):
    """The float rounded towards zero, as a uint32; what does not fit becomes the nearest that does."""
    return x.to(tl.uint32)


def float2uint_rd(x):
    """The float rounded down, as a uint32; what does not fit becomes the nearest that does."""
    return tl.floor(x).to(tl.uint32)


def float2uint_ru(x):
    """The float rounded up, as a uint32; what does not fit becomes the nearest that does."""
    return tl.ceil(x).to(tl.uint32)


def float2ll_rn(x):
    """The float rounded to nearest even, as an int64; what does not fit becomes the nearest that does."""
    return tl.extra.libdevice.rint(x).to(tl.int64)


def float2ll_rz(x):
    """The float rounded towards zero, as an int64; what does not fit becomes the nearest that does."""
    return x.to(tl.int64)


def float2ll_rd(x):
    """The float rounded down, as an int64; what does not fit becomes the nearest that does."""
    return tl.floor(x).to(tl.int64)


def float2ll_ru(x):
    """The float rounded up, as an int64; what does not fit becomes the nearest that does."""
    return tl.ceil(x).to(tl.int64)


def float2ull_rn(x):
    """The float rounded to nearest even, as a uint64; what does not fit becomes the nearest that does."""
    return tl.extra.libdevice.rint(x).to(tl.uint64)


def float2ull_rz(x):
    """The float rounded towards zero, as a uint64; what does not fit becomes the nearest that does."""
    return x.to(tl.uint64)


def float2ull_rd(x):
    """The float rounded down, as a uint64; what does not fit becomes the nearest that does."""
    return tl.floor(x).to(tl.uint64)


def float2ull_ru(x):
    """The float rounded up, as a uint64; what does not fit becomes the nearest that does."""
    return tl.ceil(x).to(tl.uint64)


def double2int_rn(x):
    """The float rounded to nearest even, as an int32; what does not fit becomes the nearest that does."""
    return tl.extra.libdevice.rint(x).to(tl.int32)


def double2int_rz(x):
    """The float rounded towards zero, as an int32; what does not fit becomes the nearest that does."""
    return x.to(tl.int32)


def double2int_rd(x):
    """The float rounded down, as an int32; what does not fit becomes the nearest that does."""
    return tl.floor(x).to(tl.int32)


def double2int_ru(x):
    """The float rounded up, as an int32; what does not fit becomes the nearest that does."""
    return tl.ceil(x).to(tl.int32)


def double2uint_rn(x):
    """The float rounded to nearest even, as a uint32; what does not fit becomes the nearest that does."""
    return tl.extra.libdevice.rint(x).to(tl.uint32)


def double2uint_rz(x):
    """The float rounded towards zero, as a uint32; what does not fit becomes the nearest that does."""
    return x.to(tl.uint32)


def double2uint_rd(x):
    """The float rounded down, as a uint32; what does not fit becomes the nearest that does."""
    return tl.floor(x).to(tl.uint32)


def double2uint_ru(x):
    """The float rounded up, as a uint32; what does not fit becomes the nearest that does."""
    return tl.ceil(x).to(tl.uint32)


def double2ll_rn(x):
    """The float rounded to nearest even, as an int64; what does not fit becomes the nearest that does."""
    return tl.extra.libdevice.rint(x).to(tl.int64)


def double2ll_rz(x):
    """The float rounded towards zero, as an int64; what does not fit becomes the nearest that does."""
    return x.to(tl.int64)


def double2ll_rd(x):
    """The float rounded down, as an int64; what does not fit becomes the nearest that does."""
    return tl.floor(x).to(tl.int64)


def double2ll_ru(x):
    """The float rounded up, as an int64; what does not fit becomes the nearest that does."""
    return tl.ceil(x).to(tl.int64)


def double2ull_rn(x):
    """The float rounded to nearest even, as a uint64; what does not fit becomes the nearest that does."""
    return tl.extra.libdevice.rint(x).to(tl.uint64)


def double2ull_rz(x):
    """The float rounded towards zero, as a uint64; what does not fit becomes the nearest that does."""
    return x.to(tl.uint64)


def double2ull_rd(x):
    """The float rounded down, as a uint64; what does not fit becomes the nearest that does."""
    return tl.floor(x).to(tl.uint64)


def double2ull_ru(x):
    """The float rounded up, as a uint64; what does not fit becomes the nearest that does."""
    return tl.ceil(x).to(tl.uint64)


def double2float_rn(x):
    """The fp64 as an fp32, rounded to nearest even."""
    return x.to(tl.float32)


def double2float_rz(x):
    """The fp64 as an fp32, rounded towards zero."""
    return x.to(tl.float32, fp_downcast_rounding="rtz")


def nextafter(x, y):
    """The neighbour of x on the way to y; y if they are equal."""
    if x.dtype.primitive_bitwidth == 64:
        bits = x.to(tl.int64, bitcast=True)
        least = tl.full(bits.shape, 1, tl.int64) if len(bits.shape) else tl.cast(1, tl.int64)
    else:
        bits = x.to(tl.int32, bitcast=True)
        least = tl.full(bits.shape, 1, tl.int32) if len(bits.shape) else tl.cast(1, tl.int32)
    smallest = tl.extra.libdevice.copysign(least.to(x.dtype, bitcast=True), y)
    outwards = (x < y) == (x > 0)
    near = tl.where(outwards, bits + 1, bits - 1).to(x.dtype, bitcast=True)
    near = tl.where(x == 0, smallest, near)
    return tl.where(x == y, y, tl.where((x != x) | (y != y), x + y, near))
