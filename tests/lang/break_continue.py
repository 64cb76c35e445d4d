# RUN: tegula-translate %s --kernel cont --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=CONT
# RUN: tegula-translate %s --kernel brk --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=BRK
# RUN: tegula-translate %s --kernel dead --signature "x=*fp32,n=i32,C=False" | FileCheck %s --check-prefix=DEAD
# RUN: tegula-translate %s --kernel orelse --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=ELSE
# RUN: tegula-translate %s --kernel forever --signature "x=*i32,n=i32" | FileCheck %s --check-prefix=FOREVER
import tegula
import tegula.language as tl


# continue needs no flag in a for loop.
# CONT: scf.for
# CONT: scf.if %{{.*}} -> (f32)
# CONT-NEXT: scf.yield
# CONT-NOT: scf.while
@tegula.jit
def cont(x, n):
    acc = 0.0
    for i in range(n):
        if i == 3:
            continue
        acc += tl.load(x + i)
    tl.store(x, acc)


# BRK: scf.while (%{{.*}} = %{{.*}}, %[[LEFT:.*]] = %false, %[[I:.*]] = %{{.*}})
# BRK: arith.xori %[[LEFT]]
# BRK: arith.cmpi slt, %[[I]]
# BRK: arith.andi
# BRK: scf.condition
@tegula.jit
def brk(x, n):
    acc = 0.0
    for i in range(n):
        v = tl.load(x + i)
        if v > 10.0:
            break
        acc += v
    tl.store(x, acc)


# A break that is never reached costs nothing.
# DEAD: scf.for
# DEAD-NOT: scf.while
@tegula.jit
def dead(x, n, C: tl.constexpr):
    for i in range(n):
        if C:
            break
        tl.store(x + i, 1.0)


# ELSE: %[[L:.*]]:{{.*}} = scf.while
# ELSE: scf.if %[[L]]#0 {
# ELSE-NEXT: } else {
# ELSE: tile.store
@tegula.jit
def orelse(x, n):
    for i in range(n):
        if tl.load(x + i) > 1.0:
            break
    else:
        tl.store(x, 5.0)


# FOREVER: scf.while
# FOREVER: arith.constant true
# FOREVER: scf.condition
# FOREVER: tile.load
@tegula.jit
def forever(x, n):
    i = 0
    while True:
        i += 1
        if tl.load(x + i) == n:
            break
    tl.store(x, i)
