# RUN: tegula-translate %s --kernel join --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=JOIN
# RUN: tegula-translate %s --kernel known --signature "x=*fp32,n=i32,C=True" | FileCheck %s --check-prefix=KNOWN
# RUN: tegula-translate %s --kernel unused --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=UNUSED
import tegula
import tegula.language as tl


# A name set on both ways comes out of the scf.if; what is not read later does not.
# JOIN: %[[C:.*]] = arith.cmpi sgt
# JOIN: %[[Y:.*]] = scf.if %[[C]] -> (i32)
# JOIN: scf.yield
# JOIN: } else {
# JOIN: scf.yield
# JOIN: tile.addptr %arg0, %[[Y]]
@tegula.jit
def join(x, n):
    if n > 3:
        y = n * 2
        z = 1
    else:
        y = n + 1
        z = 2
    tl.store(x + y, 1.0)


# KNOWN-NOT: scf.if
# KNOWN: arith.constant 1.000000e+00
# KNOWN-NOT: 2.000000e+00
@tegula.jit
def known(x, n, C: tl.constexpr):
    if C:
        tl.store(x, 1.0)
    else:
        tl.store(x, 2.0)


# Types may differ where nobody reads the name afterwards.
# UNUSED: scf.if %{{.*}} {
# UNUSED-NOT: scf.yield
@tegula.jit
def unused(x, n):
    if n > 3:
        y = 1
        tl.store(x, y)
    else:
        y = 1.0
        tl.store(x, y)
