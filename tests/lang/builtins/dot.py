# dot.py - products of tiles
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel kernel --signature "x=*fp16" | FileCheck %s

import tegula
import tegula.language as tl


@tegula.jit
def kernel(x):
    h = tl.load(x + tl.arange(0, 32).reshape(4, 8))
    g = tl.load(x + tl.arange(0, 16).reshape(8, 2))
    # CHECK: tile.dot {{.*}} ieee : tensor<4x8xf16>, tensor<8x2xf16> -> tensor<4x2xf32>
    a = tl.dot(h, g)
    # CHECK: tile.dot {{.*}} : tensor<4x8xf16>, tensor<8x2xf16> -> tensor<4x2xf16>
    b = tl.dot(h, g, out_dtype=tl.float16)
    # CHECK: tile.dot {{.*}} : tensor<4x8xf16>, tensor<8x2xf16> -> tensor<4x2xf16>
    c = tl.dot(h, g, b)
    # CHECK: tile.dot {{.*}} : tensor<4x8xi8>, tensor<8x2xi8> -> tensor<4x2xi32>
    d = tl.dot(h.to(tl.int8), g.to(tl.int8))
    # CHECK: tile.dot {{.*}} {max_num_imprecise_acc = 4 : i32} : tensor<4x8xf8E5M2>, tensor<8x2xf8E4M3FN> -> tensor<4x2xf32>
    e = tl.dot(h.to(tl.float8e5), g.to(tl.float8e4nv), a, max_num_imprecise_acc=4)
    # CHECK: tile.dot {{.*}} tf32x3 : tensor<4x8xf32>
    f = tl.dot(h.to(tl.float32), g.to(tl.float32), a, input_precision="TF32x3")
    # CHECK: tile.dot {{.*}} ieee : tensor<4x8xf64>, tensor<8x2xf64> -> tensor<4x2xf64>
    i = tl.dot(h.to(tl.float64), g.to(tl.float64), allow_tf32=False)
    # CHECK: tile.dot {{.*}} : tensor<3x4x8xbf16>, tensor<3x8x2xbf16> -> tensor<3x4x2xf32>
    j = tl.dot(tl.zeros((3, 4, 8), tl.bfloat16), tl.zeros((3, 8, 2), tl.bfloat16))
    # CHECK: tile.dot {{.*}} : tensor<6x4x8xbf16>, tensor<6x8x2xbf16> -> tensor<6x4x2xf32>
    k = tl.dot(tl.zeros((2, 3, 4, 8), tl.bfloat16), tl.zeros((2, 3, 8, 2), tl.bfloat16))
    tl.static_assert(k.shape == (2, 3, 4, 2))
    # No extent is too small.
    # CHECK: tile.dot {{.*}} : tensor<1x1xf16>, tensor<1x1xf16> -> tensor<1x1xf32>
    m = tl.dot(tl.zeros((1, 1), tl.float16), tl.zeros((1, 1), tl.float16))
