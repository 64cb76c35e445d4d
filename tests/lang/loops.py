# RUN: tegula-translate %s --kernel carried --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=CARRIED
# RUN: tegula-translate %s --kernel down --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=DOWN
# RUN: tegula-translate %s --kernel wide --signature "x=*fp32,n=i64" | FileCheck %s --check-prefix=WIDE
# RUN: tegula-translate %s --kernel wide --signature "x=*fp32,n=u32" | FileCheck %s --check-prefix=UNS
# RUN: tegula-translate %s --kernel hints --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=HINTS
# RUN: tegula-translate %s --kernel temporary --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=TEMP
# RUN: tegula-translate %s --kernel after --signature "x=*i32,n=i32" | FileCheck %s --check-prefix=AFTER
# RUN: tegula-translate %s --kernel whil --signature "x=*i32,n=i32" | FileCheck %s --check-prefix=WHILE
# RUN: tegula-translate %s --kernel default --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=DEFAULT
import tegula
import tegula.language as tl


# CARRIED: scf.for %{{.*}} = %c0_i32 to %arg1 step %{{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) -> (f32, !tile.ptr<f32>)
@tegula.jit
def carried(x, n):
    acc = 0.0
    p = x
    for i in range(n):
        acc += tl.load(p)
        p += 4
    tl.store(x, acc)


# DOWN: scf.for %[[I:.*]] = %{{.*}} to %arg1 step %c2_i32
# DOWN: arith.subi %arg1, %[[I]]
@tegula.jit
def down(x, n):
    for i in range(n, 0, -2):
        tl.store(x + i, 1.0)


# WIDE: scf.for %{{.*}} = %{{.*}} to %arg1 step %{{.*}} : i64
# UNS: scf.for unsigned %{{.*}} = %{{.*}} to %arg1
@tegula.jit
def wide(x, n):
    for i in tl.range(n):
        tl.store(x + i, 1.0)


# HINTS: tile.num_stages = 4 : i32
@tegula.jit
def hints(x, n):
    for i in tl.range(0, n, num_stages=4, flatten=False):
        tl.store(x + i, 1.0)


# A name that each iteration sets first may change its type.
# TEMP: scf.for
# TEMP-NOT: iter_args
@tegula.jit
def temporary(x, n):
    t = tl.arange(0, 8)
    tl.store(x + t, 1.0)
    for i in range(n):
        t = i * 2.0
        tl.store(x + i, t)


# AFTER: %[[LAST:.*]] = scf.for %[[I:.*]] = {{.*}} iter_args
# AFTER: scf.yield %[[I]]
# AFTER: tile.store %arg0, %[[LAST]]
@tegula.jit
def after(x, n):
    for i in range(n):
        tl.store(x + i, i)
    tl.store(x, i)


# WHILE: scf.while (%[[I:.*]] = %{{.*}}) : (i32) -> i32
# WHILE: arith.cmpi slt, %[[I]], %arg1
# WHILE: scf.condition
@tegula.jit
def whil(x, n):
    i = 0
    while i < n:
        i += i + 1
    tl.store(x, i)


@tegula.jit
def sum_from(x, n, acc=0):
    for i in range(n):
        acc += tl.load(x + i)
    return acc


# A constant that the loop replaces takes the loop's type.
# DEFAULT: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (f32)
@tegula.jit
def default(x, n):
    tl.store(x, sum_from(x, n))
