# RUN: tegula-translate %s --kernel k --signature "x=*i32,n=i32" | FileCheck %s
import tegula
import tegula.language as tl


# A return two loops deep leaves both: the flag is carried through each.
# CHECK: scf.while (%{{.*}} = %false
# CHECK: scf.while (%{{.*}} = %false
# CHECK: scf.if
# CHECK: tile.store
# CHECK: scf.if %{{.*}} {
# CHECK-NEXT: } else {
# CHECK: tile.store
@tegula.jit
def k(x, n):
    for i in range(n):
        for j in range(i):
            if i * j == 12:
                tl.store(x, j)
                return
    tl.store(x, -1)
