# creation.py - making tiles and converting them
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel kernel --signature "out=*fp32,n=i32,N=100" | FileCheck %s

import tegula
import tegula.language as tl


@tegula.jit
def kernel(out, n, N: tl.constexpr):
    # CHECK: tile.make_range 3 to 9 : tensor<6xi32>
    a = tl.arange(3, 9)
    # CHECK: arith.constant dense<1.500000e+00> : tensor<3x5xf16>
    b = tl.full((3, 5), 1.5, tl.float16)
    # CHECK: tile.splat %arg1 : i32 -> tensor<4xi32>
    c = tl.full((4,), n, tl.int32)
    # CHECK: arith.sitofp {{.*}} : tensor<6xi32> to tensor<6xf32>
    d = a.to(tl.float32)
    # CHECK: arith.bitcast {{.*}} : tensor<6xf32> to tensor<6xi32>
    e = d.to(tl.uint32, bitcast=True)
    # CHECK: arith.uitofp {{.*}} : tensor<6xi32> to tensor<6xf32>
    g = e.to(tl.float32)
    # CHECK: tile.fp_to_fp {{.*}} rtz : tensor<6xf32> -> tensor<6xf16>
    h = g.to(tl.float16, fp_downcast_rounding="rtz")
    # CHECK: tile.fp_to_fp {{.*}} rtne : tensor<6xf16> -> tensor<6xf8E4M3FN>
    i = h.to(tl.float8e4nv)
    # CHECK: arith.cmpf une
    # CHECK: tile.ptr_to_int %arg0 : !tile.ptr<f32> -> i64
    j = tl.cast(g, tl.int1)
    k = out.to(tl.int64)
    # CHECK: tile.int_to_ptr {{.*}} : i64 -> !tile.ptr<i16>
    m = k.to(tl.pointer_type(tl.int16))
    # CHECK: tile.ptr_cast %arg0 : !tile.ptr<f32> -> !tile.ptr<bf16>
    o = out.to(tl.pointer_type(tl.bfloat16))
    tl.static_assert(m.dtype.element_ty == tl.int16)
    tl.static_assert(tl.zeros((2, 3), tl.int8).shape[1] == 3)
    tl.static_assert(tl.zeros_like(i).dtype == tl.float8e4nv)
    tl.static_assert(tl.to_tensor(3000000000).dtype == tl.uint32)
    tl.static_assert(tl.to_tensor(True).dtype == tl.int1)
    tl.static_assert(tl.dtype("fp16") == tl.float16)
    # A cast of a number wraps as a cast of a tensor does.
    # CHECK: arith.trunci {{.*}} : i32 to i8
    p = tl.cast(300, tl.int8)
