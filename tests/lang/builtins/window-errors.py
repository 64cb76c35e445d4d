# window-errors.py - wrong calls: block pointers, tensor descriptors, gather, topk
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel block_pointer_mask --signature "p=*fp32,n=i32" --expect-error | FileCheck %s --check-prefix=BLOCK-POINTER-MASK
# RUN: tegula-translate %s --kernel block_argument --signature "p=*fp32,n=i32" --expect-error | FileCheck %s --check-prefix=BLOCK-ARGUMENT
# RUN: tegula-translate %s --kernel no_block_pointer --signature "p=*fp32" --expect-error | FileCheck %s --check-prefix=NO-BLOCK-POINTER
# RUN: tegula-translate %s --kernel block_rank --signature "p=*fp32,n=i32" --expect-error | FileCheck %s --check-prefix=BLOCK-RANK
# RUN: tegula-translate %s --kernel block_last_stride --signature "p=*fp32,n=i32" --expect-error | FileCheck %s --check-prefix=BLOCK-LAST-STRIDE
# RUN: tegula-translate %s --kernel block_padding --signature "p=*i32,n=i32" --expect-error | FileCheck %s --check-prefix=BLOCK-PADDING
# RUN: tegula-translate %s --kernel block_value_shape --signature "p=*fp32,n=i32" --expect-error | FileCheck %s --check-prefix=BLOCK-VALUE-SHAPE
# RUN: tegula-translate %s --kernel block_one_row --signature "p=*fp32,n=i32" --expect-error | FileCheck %s --check-prefix=BLOCK-ONE-ROW
# RUN: tegula-translate %s --kernel gather_shapes --signature "" --expect-error | FileCheck %s --check-prefix=GATHER-SHAPES
# RUN: tegula-translate %s --kernel topk_count --signature "" --expect-error | FileCheck %s --check-prefix=TOPK-COUNT

import tegula
import tegula.language as tl


@tegula.jit
def block_pointer_mask(p, n):
    # BLOCK-POINTER-MASK: error: tl.load of a block pointer takes no 'mask'
    a = tl.load(tl.make_block_ptr(p, (n,), (1,), (0,), (16,), (0,)), mask=n > 3)


@tegula.jit
def block_argument(p, n):
    # BLOCK-ARGUMENT: error: argument 'order' of tl.make_block_ptr must be each dimension from 0 to 0 once, got [1]
    a = tl.make_block_ptr(p, (n,), (1,), (0,), (16,), (1,))


@tegula.jit
def no_block_pointer(p):
    # NO-BLOCK-POINTER: error: argument 'base' of tl.advance must be a block pointer, got *fp32
    a = tl.advance(p, (1,))


@tegula.jit
def block_rank(p, n):
    # BLOCK-RANK: error: tl.make_block_ptr needs 2 value(s) in 'offsets', got 1
    a = tl.make_block_ptr(p, (n, n), (n, 1), (0,), (16, 16), (1, 0))


@tegula.jit
def block_last_stride(p, n):
    # BLOCK-LAST-STRIDE: error: the last stride of a tensor descriptor must be 1, got 2
    a = tl.make_tensor_descriptor(p, [n, n], [n, 2], [4, 4])


@tegula.jit
def block_padding(p, n):
    # BLOCK-PADDING: error: padding with NaN needs elements that are floats, got i32
    a = tl.make_tensor_descriptor(p, [n, n], [n, 1], [4, 4], "nan")


@tegula.jit
def block_value_shape(p, n):
    # BLOCK-VALUE-SHAPE: error: tl.tensor_descriptor.store takes a value of shape [4, 4], got i32[4]
    tl.make_tensor_descriptor(p, [n, n], [n, 1], [4, 4]).store([0, 0], tl.arange(0, 4))


@tegula.jit
def block_one_row(p, n):
    # BLOCK-ONE-ROW: error: tl.tensor_descriptor.gather needs a descriptor whose block is one row, [1, N], got [4, 4]
    a = tl.make_tensor_descriptor(p, [n, n], [n, 1], [4, 4]).gather(tl.arange(0, 8), 0)


@tegula.jit
def gather_shapes():
    # GATHER-SHAPES: error: tl.gather along axis 1 needs an index of the source's rank and other extents, got i32[2, 4] and i32[3, 4]
    a = tl.gather(tl.zeros((2, 4), tl.int32), tl.zeros((3, 4), tl.int32), 1)


@tegula.jit
def topk_count():
    # TOPK-COUNT: error: tl.topk needs 1 <= k <= the extent of the dimension, got k = 9 and an extent of 8
    a = tl.topk(tl.arange(0, 8), 9)
