# reduce.py - reductions and scans
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel kernel --signature "x=*fp16,n=i32" | FileCheck %s

import tegula
import tegula.language as tl


@tegula.jit
def pick(a, b):
    return tl.where(a > b, a, b)


@tegula.jit
def early(a, b):
    if a > b:
        return a
    return b


@tegula.jit
def two(a, b, c, d):
    return a + c, b * d


@tegula.jit
def kernel(x, n):
    a = tl.load(x + tl.arange(0, 4)[:, None] * 8 + tl.arange(0, 8)[None, :])
    # CHECK: tile.reduce(%{{.*}}) along 1 : (tensor<4x8xf16>) -> tensor<4xf16>
    # CHECK-NEXT: ^bb0(%[[A:.*]]: f16, %[[B:.*]]: f16):
    # CHECK-NEXT: %[[S:.*]] = arith.addf %[[A]], %[[B]] : f16
    # CHECK-NEXT: tile.combine_return %[[S]] : f16
    b = tl.sum(a, 1)
    # CHECK: tile.reduce(%{{.*}}) along 0 : (tensor<32xf16>) -> f16
    tl.static_assert(tl.sum(a).shape == ())
    # Small integers are summed in 32 bits of the same sign; bools count as unsigned.
    tl.static_assert(tl.sum(a > 0, axis=0).dtype == tl.uint32)
    e = tl.sum(a.to(tl.int8), 0, keep_dims=True)
    tl.static_assert(e.dtype == tl.int32 and e.shape == (1, 8))
    tl.static_assert(a.sum(dtype=tl.float32).dtype == tl.float32)
    # CHECK: arith.maxnumf {{.*}} : f32
    tl.static_assert(tl.max(a, -1).dtype == tl.float32)
    # CHECK: tile.reduce(%{{.*}}, %{{.*}}) along 1 : (tensor<4x8xf16>, tensor<4x8xi32>) -> (tensor<4xf16>, tensor<4xi32>)
    # CHECK-NEXT: ^bb0(%[[V:.*]]: f16, %[[I:.*]]: i32, %[[W:.*]]: f16, %[[J:.*]]: i32):
    # CHECK: arith.cmpf ogt, %[[V]], %[[W]]
    # CHECK: arith.cmpi slt, %[[I]], %[[J]]
    h, i = tl.max(a, 1, return_indices=True)
    j = tl.argmin(a, 0, tie_break_left=False, keep_dims=True)
    tl.static_assert(j.shape == (1, 8) and j.dtype == tl.int32)
    tl.static_assert(tl.argmax(a.ravel(), 0).shape == ())
    # CHECK: arith.xori
    k = tl.xor_sum(a.to(tl.int32), 0)
    # CHECK: arith.ori {{.*}} : i1
    m = tl.reduce_or(a > 0, 0)
    w = tl.reduce(a, None, pick, keep_dims=True)
    tl.static_assert(w.shape == (1, 1))
    # CHECK: scf.if
    # CHECK: tile.combine_return
    s = tl.reduce(a, 0, early)
    # CHECK: tile.scan(%{{.*}}) along 1 reverse
    p = tl.cumsum(a, 1, reverse=True)
    # CHECK: arith.muli
    q = tl.cumprod(a.to(tl.int16), axis=0)
    tl.static_assert(q.dtype == tl.int32)
    # CHECK: tile.scan(%{{.*}}, %{{.*}}) along 0
    r = tl.associative_scan((a, a), 0, two)
    # CHECK: math.exp {{.*}} : tensor<4x8xf32>
    # CHECK: arith.divf
    tl.static_assert(a.to(tl.float32).softmax(1).shape == (4, 8))
