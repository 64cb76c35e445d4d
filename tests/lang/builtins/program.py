# program.py - the grid, hints, messages, types
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel kernel --debug --signature "p=*fp32,n=i32" | FileCheck %s
# RUN: tegula-translate %s --kernel kernel --signature "p=*fp32,n=i32" | FileCheck %s --check-prefix=RELEASE
# RELEASE-NOT: tile.assert

import tegula
import tegula.language as tl


@tegula.jit
def kernel(p, n):
    # CHECK: tile.program_id 0
    # CHECK: tile.num_programs 2
    a = tl.program_id(0) * tl.num_programs(axis=2)
    # CHECK: tile.barrier
    tl.debug_barrier()
    # CHECK: tile.assume
    tl.assume(n > 3)
    # CHECK: arith.muli {{.*}} {tile.multiple_of = array<i32: 16>}
    b = tl.multiple_of(a * 16, 16)
    # CHECK: arith.addi {{.*}} {tile.max_contiguous = array<i32: 8>, tile.multiple_of = array<i32: 8>}
    c = tl.max_contiguous(tl.multiple_of(tl.arange(0, 8) + a, 8), [8])
    # CHECK: arith.divsi {{.*}} {tile.max_constancy = array<i32: 8>}
    d = tl.max_constancy(c // 8, 8)
    e = tl.multiple_of(n, 16)
    # CHECK: tile.print " a =: " {hex = false, is_signed = array<i1: true, true, false>}
    tl.device_print("a =", a, c, n > 3)
    # CHECK: tile.print " x2: " {hex = false
    print(f"x{1 + 1}", b)
    # CHECK: tile.assert {{.*}}, "small" : tensor<8xi1>
    tl.device_assert(c > 3, "small", mask=c < 100)
    # CHECK: tile.assert {{.*}}, "n" : i1
    assert n > 2, "n"
    # CHECK-NOT: tile.store
    if tl.target_info.is_cuda():
        tl.store(p, 1.0)
    tl.static_assert(tl.pointer_type(tl.float16).element_ty == tl.float16)
    tl.static_assert(tl.block_type(tl.float32, [4, 4]).shape == (4, 4))
    # CHECK: scf.while
    while tl.condition(n < 10):
        n += 1
