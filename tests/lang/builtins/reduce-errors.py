# reduce-errors.py - wrong calls: reductions
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel combine_not_function --signature "" --expect-error | FileCheck %s --check-prefix=COMBINE-NOT-FUNCTION
# RUN: tegula-translate %s --kernel combine_result --signature "" --expect-error | FileCheck %s --check-prefix=COMBINE-RESULT
# RUN: tegula-translate %s --kernel tuple_shapes --signature "" --expect-error | FileCheck %s --check-prefix=TUPLE-SHAPES

import tegula
import tegula.language as tl


@tegula.jit
def halve(a, b):
    return (a + b) * 0.5


@tegula.jit
def add2(a, b, c, d):
    return a + c, b + d


@tegula.jit
def combine_not_function():
    # COMBINE-NOT-FUNCTION: error: the combine function of tl.reduce must be a jit function, got
    a = tl.reduce(tl.arange(0, 8), 0, 3)


@tegula.jit
def combine_result():
    # COMBINE-RESULT: error: the combine function of tl.reduce must return i32, it returned fp32
    a = tl.reduce(tl.arange(0, 8), 0, halve)


@tegula.jit
def tuple_shapes():
    # TUPLE-SHAPES: error: tl.reduce needs operands of the same shape, got i32[8] and i32[4]
    a = tl.reduce((tl.arange(0, 8), tl.arange(0, 4)), 0, add2)
