# shapes.py - library functions on shapes, indices and single elements
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

# Read by the compiler, never by Python. `tl.` names are builtins or other library functions.


@tensor_member
def sigmoid(x):
    """The logistic function 1 / (1 + exp(-x)), element by element."""
    return 1 / (1 + tl.exp(-x))


@tensor_member
def softmax(
    x, dim: tl.constexpr = None, *, keep_dims: tl.constexpr = None, ieee_rounding: tl.constexpr = False
):
    """exp(x - max) / sum(exp(x - max)) along `dim` (0 if not given); `keep_dims` has no effect."""
    if dim is None:
        along: tl.constexpr = 0
    else:
        along: tl.constexpr = dim
    powers = tl.exp(x - tl.max(x, along, keep_dims=True))
    return tl.fdiv(powers, tl.sum(powers, along, keep_dims=True), ieee_rounding)


@tensor_member
def ravel(x, can_reorder: tl.constexpr = False):
    """The elements in row-major order as a tile of rank 1."""
    return tl.reshape(x, (x.numel,))


def zeros(shape: tl.constexpr, dtype: tl.constexpr):
    """A tile of zeros of the given shape and type."""
    return tl.full(shape, 0, dtype)


def zeros_like(input):
    """A tile of zeros with the shape and the type of another."""
    return tl.full(input.shape, 0, input.dtype)


def interleave(a, b):
    """a[..., 0], b[..., 0], a[..., 1], ... along the last dimension, which becomes twice as long."""
    pairs = tl.join(a, b)
    if len(pairs.shape) == 1:
        return pairs
    else:
        return tl.reshape(pairs, pairs.shape[:-2] + (2 * pairs.shape[-2],))


def _log2(i: tl.constexpr):
    """The logarithm of a power of two, known when compiling."""
    bits: tl.constexpr = len([k for k in range(62) if (1 << (k + 1)) <= i])
    return bits


def swizzle2d(i, j, size_i, size_j, size_g):
    """Where (i, j) of a row-major size_i x size_j grid goes when groups of size_g rows go by columns."""
    step = i * size_j + j
    per_group = size_g * size_j
    first_row = step // per_group * size_g
    rows = tl.minimum(size_i - first_row, size_g)
    within = step % per_group
    return first_row + within % rows, within // rows
