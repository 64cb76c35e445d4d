# window.py - block pointers and tensor descriptors become pointers and masks
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel unchecked --signature "p=*fp32,n=i32" | FileCheck %s --check-prefix=UNCHECKED
# RUN: tegula-translate %s --kernel moved --signature "p=*fp32,n=i32" | tegula-opt --canonicalize | FileCheck %s --check-prefix=MOVED
# RUN: tegula-translate %s --kernel order --signature "p=*i32" | FileCheck %s --check-prefix=ORDER

import tegula
import tegula.language as tl


@tegula.jit
def unchecked(p, n):
    # UNCHECKED-NOT: arith.cmpi
    # UNCHECKED: tile.load %{{[0-9]+}} : tensor<8x!tile.ptr<f32>> -> tensor<8xf32>
    # UNCHECKED: tile.store
    w = tl.make_block_ptr(p, (n,), (1,), (0,), (8,), (0,))
    tl.store(w, tl.load(w) * 2)


@tegula.jit
def moved(p, n):
    # The offset is all that a loop carries in the end.
    # MOVED: scf.for {{.*}} iter_args({{.*}}) -> (i32)
    # MOVED: tile.load {{.*}} mask {{.*}} other
    # MOVED: tile.store {{.*}} mask
    # MOVED: scf.yield %{{[0-9]+}} : i32
    w = tl.make_block_ptr(p, (n,), (1,), (0,), (8,), (0,))
    for _ in range(n):
        tl.store(w, tl.load(w, boundary_check=(0,)) * 2, boundary_check=(0,))
        w = tl.advance(w, (8,))


@tegula.jit
def order(p):
    # ORDER: tile.gather {{.*}} along 0 : tensor<8xi32>, tensor<8xi32> -> tensor<8xi32>
    # ORDER: tile.sort descending signed
    # ORDER: tile.gather
    # ORDER: tile.histogram
    i = tl.arange(0, 8)
    x = tl.topk(tl.gather(tl.load(p + i), i, 0), 4)
    tl.store(p + tl.arange(0, 4), x + tl.histogram(x, 4))
