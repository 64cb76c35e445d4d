# reductions.py - sums, extrema and running sums on top of tl.reduce and tl.associative_scan
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

# Read by the compiler, never by Python. A function whose name starts with an underscore is not seen by users.


def _plus(a, b):
    return a + b


def _times(a, b):
    return a * b


def _bits_xor(a, b):
    return a ^ b


def _bits_or(a, b):
    return a | b


def _larger(a, b):
    return tl.maximum(a, b)


def _smaller(a, b):
    return tl.minimum(a, b)


# Pairs (value, place): the right one wins unless the left one is better, so a NaN on the right stays.


def _larger_place(value, place, other, other_place):
    keep = value > other
    return tl.where(keep, value, other), tl.where(keep, place, other_place)


def _larger_first(value, place, other, other_place):
    keep = (value > other) | ((value == other) & (place < other_place))
    return tl.where(keep, value, other), tl.where(keep, place, other_place)


def _smaller_place(value, place, other, other_place):
    keep = value < other
    return tl.where(keep, value, other), tl.where(keep, place, other_place)


def _smaller_first(value, place, other, other_place):
    keep = (value < other) | ((value == other) & (place < other_place))
    return tl.where(keep, value, other), tl.where(keep, place, other_place)


def _at_least_32_bits(input):
    if input.dtype.primitive_bitwidth >= 32:
        return input
    else:
        if input.dtype.is_floating():
            return input.to(tl.float32)
        else:
            return input.to(tl.int32)


def _for_summing(input, dtype: tl.constexpr):
    if dtype is not None:
        return input.to(dtype)
    else:
        if input.dtype.is_int() and input.dtype.primitive_bitwidth < 32:
            if input.dtype.is_int_signed():
                return input.to(tl.int32)
            else:
                return input.to(tl.uint32)
        else:
            return input


@tensor_member
def sum(input, axis: tl.constexpr = None, keep_dims: tl.constexpr = False, dtype: tl.constexpr = None):
    """The sum along `axis`, or of all elements; integers below 32 bits are summed as int32 or uint32."""
    return tl.reduce(_for_summing(input, dtype), axis, _plus, keep_dims=keep_dims)


@tensor_member
def max(
    input,
    axis: tl.constexpr = None,
    return_indices: tl.constexpr = False,
    return_indices_tie_break_left: tl.constexpr = True,
    keep_dims: tl.constexpr = False,
):
    """The largest element along `axis`, or of all; with `return_indices` a pair of it and its place."""
    if return_indices:
        if return_indices_tie_break_left:
            return tl._reduce_with_places(input, axis, _larger_first, keep_dims)
        else:
            return tl._reduce_with_places(input, axis, _larger_place, keep_dims)
    else:
        return tl.reduce(_at_least_32_bits(input), axis, _larger, keep_dims=keep_dims)


@tensor_member
def min(
    input,
    axis: tl.constexpr = None,
    return_indices: tl.constexpr = False,
    return_indices_tie_break_left: tl.constexpr = True,
    keep_dims: tl.constexpr = False,
):
    """The smallest element along `axis`, or of all; with `return_indices` a pair of it and its place."""
    if return_indices:
        if return_indices_tie_break_left:
            return tl._reduce_with_places(input, axis, _smaller_first, keep_dims)
        else:
            return tl._reduce_with_places(input, axis, _smaller_place, keep_dims)
    else:
        return tl.reduce(_at_least_32_bits(input), axis, _smaller, keep_dims=keep_dims)


@tensor_member
def argmax(input, axis: tl.constexpr, tie_break_left: tl.constexpr = True, keep_dims: tl.constexpr = False):
    """The place of the largest element along `axis`; of equal ones the first, if `tie_break_left`."""
    found = tl.max(input, axis, True, tie_break_left, keep_dims)
    return found[1]


@tensor_member
def argmin(input, axis: tl.constexpr, tie_break_left: tl.constexpr = True, keep_dims: tl.constexpr = False):
    """The place of the smallest element along `axis`; of equal ones the first, if `tie_break_left`."""
    found = tl.min(input, axis, True, tie_break_left, keep_dims)
    return found[1]


@tensor_member
def xor_sum(input, axis: tl.constexpr = None, keep_dims: tl.constexpr = False):
    """The exclusive or of the integers along `axis`, or of all."""
    tl.static_assert(input.dtype.is_int(), "xor_sum takes integers")
    return tl.reduce(input, axis, _bits_xor, keep_dims=keep_dims)


@tensor_member
def reduce_or(input, axis: tl.constexpr = None, keep_dims: tl.constexpr = False):
    """The bitwise or of the integers along `axis`, or of all."""
    tl.static_assert(input.dtype.is_int(), "reduce_or takes integers")
    return tl.reduce(input, axis, _bits_or, keep_dims=keep_dims)


@tensor_member
def cumsum(input, axis: tl.constexpr = 0, reverse: tl.constexpr = False, dtype: tl.constexpr = None):
    """The running sum along `axis`, this element included; from the end if `reverse`. Types as in `sum`."""
    return tl.associative_scan(_for_summing(input, dtype), axis, _plus, reverse)


@tensor_member
def cumprod(input, axis: tl.constexpr = 0, reverse: tl.constexpr = False, dtype: tl.constexpr = None):
    """The running product along `axis`, this element included; from the end if `reverse`."""
    return tl.associative_scan(_for_summing(input, dtype), axis, _times, reverse)
