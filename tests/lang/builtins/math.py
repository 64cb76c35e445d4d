# math.py - element-wise functions
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel kernel --signature "x=fp32,h=fp16,n=i32,u=u32,d=fp64,q=fp8e5" | FileCheck %s

import tegula
import tegula.language as tl


@tegula.jit
def kernel(x, h, n, u, d, q):
    t = tl.arange(0, 4) * x
    # CHECK: math.exp %arg0 : f32
    # CHECK: math.exp {{.*}} : tensor<4xf32>
    # CHECK: math.exp2
    # CHECK: math.log %
    # CHECK: math.log2
    # CHECK: math.cos
    # CHECK: math.sin
    a = tl.exp(x) + t.exp() + tl.math.exp2(x) + tl.log(x) + tl.math.log2(x) + tl.cos(x) + tl.sin(x)
    # CHECK: math.sqrt
    # CHECK: math.rsqrt
    # CHECK: math.erf
    # CHECK: math.floor
    # CHECK: math.ceil
    c = tl.sqrt(d) + tl.rsqrt(d) + tl.erf(d) + tl.floor(d) + tl.ceil(d)
    # CHECK: math.absi %arg2
    # CHECK: math.absf %arg1
    f = tl.abs(n) + tl.abs(h)
    # CHECK-NOT: abs
    # CHECK: arith.bitcast %arg5 : f8E5M2 to i8
    # CHECK: arith.andi
    b = tl.abs(u) + tl.abs(q).to(tl.float32)
    i = tl.fdiv(h, 2.0)
    tl.static_assert(i.dtype == tl.float32)
    # CHECK: arith.divf {{.*}} : f32
    j = tl.div_rn(x, 3.0)
    # CHECK: tile.mulhi_u {{.*}} : i32
    k = tl.umulhi(u, 0xD2511F53)
    tl.static_assert(k.dtype == tl.uint32)
    # CHECK: math.fma {{.*}} : f16
    tl.static_assert(tl.fma(h, 2.0, 1).dtype == tl.float16)
    # CHECK: arith.minnumf
    m = tl.minimum(x, n)
    # CHECK: arith.maxui
    o = tl.maximum(u, 3)
    # CHECK: arith.maximumf
    p = tl.maximum(t, 0.0, propagate_nan=tl.PropagateNan.ALL)
    # CHECK: arith.maxnumf
    # CHECK: arith.minnumf
    r = tl.clamp(t, 0, 1.0)
    # CHECK: arith.maxsi
    # CHECK: arith.minsi
    s = tl.clamp(n, -3, 3)
    # CHECK: arith.select
    v = tl.where(t > 0, t, 0)
    tl.static_assert(tl.cdiv(10, 4) == 3)
    # CHECK: arith.addi %arg2
    # CHECK: arith.divsi
    y = n.cdiv(4)
    # CHECK: math.exp %arg0
    z = tl.extra.libdevice.exp(x)
    # CHECK: math.tanh %arg0
    z = tl.extra.libdevice.tanh(x)
    # CHECK: math.exp %arg0
    z = tl.extra.cuda.libdevice.fast_expf(x)
    # CHECK: math.copysign
    z = tl.extra.libdevice.copysign(t, x)
    # CHECK: arith.cmpf une
    z = tl.extra.libdevice.isnan(x)


# RUN: tegula-translate %s --kernel random --signature "n=i64" | FileCheck %s --check-prefix=RANDOM
@tegula.jit
def random(n):
    i = tl.arange(0, 4)
    # Ten rounds of two products.
    # RANDOM-COUNT-20: tile.mulhi_u {{.*}} : tensor<4xi32>
    # RANDOM-NOT: tile.mulhi_u
    # RANDOM: arith.constant {{.*}}4.6566126E-10
    tl.static_assert(tl.rand(n, i).dtype == tl.float32)
    tl.static_assert(tl.randint(n, i, 3).dtype == tl.uint32)
    a, b, c, d = tl.randint4x(n, i.to(tl.int64))
    tl.static_assert(len(tl.randn4x(5, i)) == 4)
    w = tl.philox(n, i.to(tl.int64), i.to(tl.int64), i.to(tl.int64), i.to(tl.int64))
    tl.static_assert(w[3].dtype == tl.uint64)
    tl.static_assert(tl.uint_to_uniform_float(w[3]).dtype == tl.float32)
