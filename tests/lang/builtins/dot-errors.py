# dot-errors.py - wrong calls: products
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel dot_types --signature "" --expect-error | FileCheck %s --check-prefix=DOT-TYPES
# RUN: tegula-translate %s --kernel dot_shapes --signature "" --expect-error | FileCheck %s --check-prefix=DOT-SHAPES
# RUN: tegula-translate %s --kernel dot_accumulator --signature "" --expect-error | FileCheck %s --check-prefix=DOT-ACCUMULATOR
# RUN: tegula-translate %s --kernel dot_out_dtype --signature "" --expect-error | FileCheck %s --check-prefix=DOT-OUT-DTYPE
# RUN: tegula-translate %s --kernel dot_two_precisions --signature "" --expect-error | FileCheck %s --check-prefix=DOT-TWO-PRECISIONS
# RUN: tegula-translate %s --kernel dot_imprecise --signature "" --expect-error | FileCheck %s --check-prefix=DOT-IMPRECISE

import tegula
import tegula.language as tl


@tegula.jit
def dot_types():
    # DOT-TYPES: error: tl.dot takes two operands of one type (int8, fp16, bf16, fp32, fp64), or two of 8-bit floats, got i32[4, 4] and i32[4, 4]
    a = tl.dot(tl.zeros((4, 4), tl.int32), tl.zeros((4, 4), tl.int32))


@tegula.jit
def dot_shapes():
    # DOT-SHAPES: error: tl.dot takes [..., M, K] and [..., K, N] with the same dimensions before them, got fp16[4, 4] and fp16[2, 4]
    a = tl.dot(tl.zeros((4, 4), tl.float16), tl.zeros((2, 4), tl.float16))


@tegula.jit
def dot_accumulator():
    # DOT-ACCUMULATOR: error: the accumulator of this tl.dot must be fp32[4, 4], got fp32[4, 2]
    x = tl.zeros((4, 4), tl.float32)
    a = tl.dot(x, x, acc=tl.zeros((4, 2), tl.float32))


@tegula.jit
def dot_out_dtype():
    # DOT-OUT-DTYPE: error: tl.dot cannot give bf16 for these operands
    x = tl.zeros((4, 4), tl.float16)
    a = tl.dot(x, x, out_dtype=tl.bfloat16)


@tegula.jit
def dot_two_precisions():
    # DOT-TWO-PRECISIONS: error: tl.dot takes 'input_precision' or 'allow_tf32', not both
    x = tl.zeros((4, 4), tl.float32)
    a = tl.dot(x, x, input_precision="ieee", allow_tf32=True)


@tegula.jit
def dot_imprecise():
    # DOT-IMPRECISE: error: 'max_num_imprecise_acc' must be from 0 to K = 4, got 8
    x = tl.zeros((4, 4), tl.float8e5)
    a = tl.dot(x, x, max_num_imprecise_acc=8)
