# RUN: tegula-translate %s --kernel k --signature "x=*fp32" | FileCheck %s
import tegula
import tegula.language as tl


# CHECK: tile.expand_dims %{{.*}} at 1 : tensor<4xi32> -> tensor<4x1xi32>
# CHECK: tile.expand_dims %{{.*}} at 0 : tensor<3xi32> -> tensor<1x3xi32>
# CHECK: tile.broadcast {{.*}} -> tensor<4x3xi32>
# CHECK: tile.trans %{{.*}} by {{.*}} : tensor<4x3xi32> -> tensor<3x4xi32>
# CHECK: tile.expand_dims %{{.*}} at 2 : tensor<3x4xi32> -> tensor<3x4x1xi32>
@tegula.jit
def k(x):
    a = tl.arange(0, 4)[:, None]
    b = tl.arange(0, 3)[None, :]
    c = (a * 3 + b).T
    tl.static_assert(c.shape == (3, 4))
    tl.static_assert(c.shape[0] == 3 and c.numel == 12)
    d = c[..., None]
    tl.static_assert(d.shape == (3, 4, 1))
    tl.store(x + d, 1.0)
