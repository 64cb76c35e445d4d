# RUN: tegula-translate %s --kernel swap --signature "x=*i32,n=i32" | FileCheck %s --check-prefix=SWAP
# RUN: tegula-translate %s --kernel carried --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=CARRIED
# RUN: tegula-translate %s --kernel returned --signature "x=*i32,n=i32" | FileCheck %s --check-prefix=RETURNED
# RUN: tegula-translate %s --kernel starred --signature "x=*i32,n=i32" | FileCheck %s --check-prefix=STAR
import tegula
import tegula.language as tl


# SWAP: scf.for {{.*}} iter_args(%[[A:.*]] = %{{.*}}, %[[B:.*]] = %{{.*}}) -> (i32, i32)
# SWAP: %[[S:.*]] = arith.addi %[[A]], %[[B]]
# SWAP: scf.yield %[[B]], %[[S]]
@tegula.jit
def swap(x, n):
    a, b = 0, 1
    for i in range(n):
        a, b = b, a + b
    tl.store(x, a)


# CARRIED: scf.for {{.*}} -> (i32, f32)
@tegula.jit
def carried(x, n):
    t = (0, 1.0)
    for i in range(n):
        t = (t[0] + 1, t[1] * 2.0)
    tl.store(x + t[0], t[1])


@tegula.jit
def divmod_(a, b):
    return a // b, a % b


# RETURNED: arith.divsi
# RETURNED: arith.remsi
@tegula.jit
def returned(x, n):
    q, r = divmod_(n, 3)
    tl.store(x + q, r)


# STAR: tile.store %{{.*}}, %c4
@tegula.jit
def starred(x, n):
    a, *b, c = (1, 2, 3, 4)
    tl.store(x + len(b), c)
