# RUN: tegula-translate %s --kernel k --signature "x=*fp32,n=i32" | FileCheck %s
import tegula
import tegula.language as tl


@tegula.jit
def scaled(v, /, factor: tl.constexpr = 2, *, offset=0):
    """Docstrings are skipped."""
    return v * factor + offset


# CHECK: arith.constant 2.000000e+00
# CHECK: arith.constant 5.000000e+00
# CHECK: arith.constant 7.000000e+00
@tegula.jit
def k(x, n):
    v = tl.load(pointer=x, mask=None)
    tl.store(x, scaled(v))
    tl.store(x, scaled(v, offset=7.0, factor=5.0))
