# RUN: tegula-translate %s --kernel k --signature "x=*fp32,n=i32,C=0" | FileCheck %s
# RUN: tegula-translate %s --kernel k --signature "x=*fp32,n=i32,C=5" | FileCheck %s --check-prefix=FIVE
import tegula
import tegula.language as tl


# What is known decides without the rest being walked.
# CHECK-NOT: arith.andi
# CHECK: arith.andi {{.*}} : i1
# CHECK: arith.xori
# FIVE: arith.cmpi ne, %arg1
@tegula.jit
def k(x, n, C: tl.constexpr):
    if C and n > 1:
        tl.store(x, 1.0)
    if C != 0 and n:
        tl.store(x, 4.0)
    if 0 < n < 5:
        tl.store(x, 2.0)
    if not (n == 3):
        tl.store(x, 3.0)
