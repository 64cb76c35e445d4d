# shape.py - changing shapes, moving elements
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# RUN: tegula-translate %s --kernel kernel --signature "n=i32" | FileCheck %s

import tegula
import tegula.language as tl


@tegula.jit
def kernel(n):
    a = tl.arange(0, 8)
    # CHECK: tile.reshape {{.*}} : tensor<8xi32> -> tensor<2x4xi32>
    b = a.reshape(2, 4)
    # CHECK: tile.trans {{.*}} by {{.*}}1, 0{{.*}} : tensor<2x4xi32> -> tensor<4x2xi32>
    tl.static_assert(tl.trans(b).shape == (4, 2))
    tl.static_assert(b.permute((1, 0)).shape == (4, 2))
    tl.static_assert(b.permute(1, 0).shape == (4, 2))
    tl.static_assert(b.T.shape == (4, 2))
    tl.static_assert(tl.expand_dims(a, (0, -1)).shape == (1, 8, 1))
    f = a[None, :]
    tl.static_assert(tl.broadcast_to(f, 4, 8).shape == (4, 8))
    h, i = tl.broadcast(a[:, None], f)
    tl.static_assert(h.shape == (8, 8) and i.shape == (8, 8))
    # CHECK: tile.join {{.*}} : tensor<8xi32> -> tensor<8x2xi32>
    j = tl.join(a, a + 1)
    # CHECK: tile.split {{.*}} : tensor<8x2xi32> -> tensor<8xi32>
    k, m = j.split()
    tl.static_assert(tl.interleave(k, m).shape == (16,))
    # CHECK: tile.cat {{.*}} : tensor<8xi32> -> tensor<16xi32>
    o = tl.cat(a, a, can_reorder=True)
    # CHECK: tile.cat {{.*}} : tensor<4x2xi32> -> tensor<8x2xi32>
    # CHECK-NEXT: tile.trans {{.*}} : tensor<8x2xi32> -> tensor<2x8xi32>
    p = tl.cat(b, b, dim=1)
    tl.static_assert(b.ravel().shape == (8,))
    tl.static_assert(tl.view(a, (4, 2)).shape == (4, 2))
    u = tl.squeeze(f, 0)
    tl.static_assert(tl.unsqueeze(u, -1).shape == (8, 1))
    # Scalars: a pair of them is a tile of two elements.
    # CHECK: tile.join {{.*}} : tensor<1xi32> -> tensor<1x2xi32>
    x = tl.join(n, n)
    # CHECK: tile.split {{.*}} : tensor<1x2xi32> -> tensor<1xi32>
    # CHECK-NEXT: tile.reduce
    y, z = x.split()
    tl.static_assert(y.shape == ())
    tl.static_assert(tl.reshape(tl.arange(0, 1), ()).shape == ())
    tl.static_assert(tl.full((1, 1), 3, tl.int32).item().shape == ())
    g, q = tl.swizzle2d(y, z, 4, 4, 2)


# RUN: tegula-translate %s --kernel flip | FileCheck %s --check-prefix=FLIP
@tegula.jit
def flip():
    # Six is a pair of threes: the pair changes places, the three by a sum of one element each.
    a = tl.arange(0, 6).to(tl.float32)
    # FLIP: %[[FIRST:.*]], %[[SECOND:.*]] = tile.split {{.*}} : tensor<1x3x2xf32> -> tensor<1x3xf32>
    # FLIP: tile.join %[[SECOND]], %[[FIRST]]
    # FLIP: arith.select {{.*}} : tensor<2x3x3x1xi1>, tensor<2x3x3x1xi32>
    # FLIP: tile.reduce({{.*}}) along 1
    # FLIP: arith.bitcast {{.*}} to tensor<2x3x1xf32>
    # FLIP: tile.reshape {{.*}} -> tensor<6xf32>
    b = tl.flip(a)
