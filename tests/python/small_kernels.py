# small_kernels.py - small kernels that several tests launch
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import tegula
import tegula.language as tl


@tegula.jit
def add(x, y, o, n, BLOCK: tl.constexpr):
    """Adds."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    m = i < n
    tl.store(o + i, tl.load(x + i, mask=m) + tl.load(y + i, mask=m), mask=m)


@tegula.jit
def put(o, VALUE: tl.constexpr):
    tl.store(o, VALUE)


@tegula.jit
def store_value(o, value):
    tl.store(o, value)


@tegula.jit
def programs(o):
    tl.atomic_add(o, 1)


@tegula.jit
def copy(x, o, n, BLOCK: tl.constexpr = 16):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(o + i, tl.load(x + i, mask=i < n), mask=i < n)
