# RUN: tegula-translate %s --kernel k --signature "x=*fp16,n=i32" | FileCheck %s
import tegula
import tegula.language as tl


# A number takes the type of the other side, and the names around the expression stay.
# CHECK: %[[L:.*]] = tile.load
# CHECK: scf.if %{{.*}} -> (f16)
# CHECK: scf.yield %[[L]] : f16
# CHECK: arith.constant 0.000000e+00 : f16
# CHECK: arith.addf
@tegula.jit
def k(x, n):
    v = tl.load(x)
    w = v
    r = (v if n > 3 else 0.0) + w
    tl.store(x, r)
