# memory.py - loads, stores, atomics
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel kernel --signature "p=*fp32,pb=*i1,ph=*fp16,pk=*kfp32,n=i32" | FileCheck %s

import tegula
import tegula.language as tl


@tegula.jit
def kernel(p, pb, ph, pk, n):
    i = tl.arange(0, 8)
    m = i < n
    # CHECK: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<8xf32>
    # CHECK: tile.load %{{.*}} mask %[[M:.*]] other %[[ZERO]] {cache = "cg", evict = "evict_last"}
    a = tl.load(p + i, mask=m, other=0, cache_modifier=".cg", eviction_policy="evict_last")
    # CHECK: tile.load %{{.*}} mask %[[M]] {is_volatile}
    b = tl.load(p + i, m, volatile=True)
    # CHECK: tile.load %arg0 : !tile.ptr<f32> -> f32
    c = tl.load(p)
    # A bool in memory is a byte.
    # CHECK: tile.load {{.*}} : tensor<8x!tile.ptr<i8>> -> tensor<8xi8>
    # CHECK: arith.cmpi ne
    e = tl.load(pb + i)
    tl.static_assert(e.dtype == tl.int1)
    # CHECK: arith.extui {{.*}} : tensor<8xi1> to tensor<8xi8>
    # CHECK-NEXT: tile.store
    tl.store(pb + i, e, m)
    # The value is converted to the element type.
    # CHECK: arith.truncf {{.*}} : tensor<8xf32> to tensor<8xf16>
    # CHECK-NEXT: tile.store {{.*}} mask {{.*}} {cache = "wt"}
    tl.store(ph + i, a, mask=m, cache_modifier=".wt")
    # A mask that is always true is none.
    # CHECK: %[[ONE:.*]] = arith.constant dense<1.000000e+00> : tensor<8xf16>
    # CHECK-NEXT: tile.store %{{.*}}, %[[ONE]] : tensor<8x!tile.ptr<f16>>
    tl.store(ph + i, 1.0, mask=True)
    # Pointers, mask and value are broadcast.
    # CHECK: tile.load {{.*}} : tensor<8x8x!tile.ptr<f32>> -> tensor<8x8xf32>
    f = tl.load(pk + i[:, None], mask=m[None, :])
    # CHECK: tile.store {{.*}} mask {{.*}} : tensor<8x8x!tile.ptr<f32>>
    tl.store(p + i[:, None] + i[None, :], a, mask=m[:, None])


# RUN: tegula-translate %s --kernel atomics --signature "p=*fp32,ph=*fp16,pi=*i64,pu=*u32,pb=*i1,n=i32" | FileCheck %s --check-prefix=ATOMIC
@tegula.jit
def atomics(p, ph, pi, pu, pb, n):
    i = tl.arange(0, 8)
    m = i < n
    # ATOMIC: tile.atomic_rmw fadd {{.*}} mask {{.*}} acq_rel gpu : tensor<8x!tile.ptr<f32>>
    tl.atomic_add(p + i, 1, m)
    # ATOMIC: tile.atomic_rmw fadd {{.*}} relaxed cta : tensor<8x!tile.ptr<f16>>
    tl.atomic_add(ph + i, 1.5, sem="relaxed", scope="cta")
    # ATOMIC: tile.atomic_rmw umax
    tl.atomic_max(pu + i, 3)
    # ATOMIC: tile.atomic_rmw min {{.*}} : !tile.ptr<f32>, f32 -> f32
    tl.atomic_min(p, 1.5)
    # ATOMIC: tile.atomic_rmw max {{.*}} : tensor<8x!tile.ptr<i64>>
    tl.atomic_max(pi + i, n)
    # ATOMIC: tile.atomic_rmw xchg
    tl.atomic_xchg(pi, 5)
    # ATOMIC: tile.atomic_cas %arg2, {{.*}} : !tile.ptr<i64>, i64 -> i64
    tl.atomic_cas(pi, 0, 1)
    # ATOMIC: tile.atomic_rmw or {{.*}} mask
    (pu + i).atomic_or(1, m)
    # ATOMIC: tile.atomic_rmw xor
    tl.atomic_xor(pu + i, 1)
    # ATOMIC: tile.atomic_rmw and
    tl.atomic_and(pu + i, 1)
    # A lone read and a lone write are steps of their own, on the bits.
    # ATOMIC: tile.ptr_cast
    # ATOMIC: tile.atomic_rmw or {{.*}} acquire gpu
    # ATOMIC: arith.bitcast {{.*}} to tensor<8xf32>
    u = tl.atomic_load(p + i)
    # ATOMIC: tile.atomic_rmw xchg {{.*}} release gpu : !tile.ptr<i8>, i8
    tl.atomic_store(pb, True)
