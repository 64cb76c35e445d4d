# RUN: tegula-translate %s --kernel guard --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=GUARD
# RUN: tegula-translate %s --kernel inner --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=INNER
# RUN: tegula-translate %s --kernel value --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=VALUE
import tegula
import tegula.language as tl


# The rest of the kernel goes into the arm that reaches it: no flag.
# GUARD: scf.if %{{.*}} {
# GUARD-NEXT: } else {
# GUARD: tile.store
# GUARD: }
# GUARD-NEXT: return
@tegula.jit
def guard(x, n):
    if tl.program_id(0) >= n:
        return
    tl.store(x, 1.0)


# INNER: %[[LEFT:.*]] = scf.if %{{.*}} -> (i1)
# INNER: tile.store
# INNER: scf.if %[[LEFT]] {
# INNER-NEXT: } else {
# INNER: tile.store
@tegula.jit
def inner(x, n):
    if n > 3:
        if n > 5:
            return
        tl.store(x, 1.0)
    tl.store(x, 2.0)


@tegula.jit
def pick(n):
    if n > 3:
        return n + 1
    return 7


# VALUE: %[[V:.*]] = scf.if %{{.*}} -> (i32)
# VALUE: arith.addi
# VALUE: } else {
# VALUE: arith.constant 7
# VALUE: arith.sitofp %[[V]]
@tegula.jit
def value(x, n):
    tl.store(x, pick(n))
