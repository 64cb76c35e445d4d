# RUN: tegula-translate %s --kernel unrolled --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=UNROLLED
# RUN: tegula-translate %s --kernel leaves --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=LEAVES
# RUN: tegula-translate %s --kernel known --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=KNOWN
# RUN: tegula-translate %s --kernel tuples --signature "x=*fp32,y=*fp32,n=i32" | FileCheck %s --check-prefix=TUPLES
import tegula
import tegula.language as tl


# The index is a constant: it makes shapes.
# UNROLLED: tile.make_range 0 to 1
# UNROLLED: tile.make_range 0 to 2
# UNROLLED: tile.make_range 0 to 3
# UNROLLED-NOT: scf
@tegula.jit
def unrolled(x, n):
    for i in tl.static_range(1, 4):
        w: tl.constexpr = i
        tl.store(x + tl.arange(0, w), 1.0)


# LEAVES-COUNT-3: scf.if
# LEAVES-NOT: scf.while
@tegula.jit
def leaves(x, n):
    for i in tl.static_range(2):
        if tl.load(x + i) > n:
            break
        tl.store(x + i, 0.0)


# KNOWN-COUNT-3: tile.store
# KNOWN-NOT: tile.store
@tegula.jit
def known(x, n):
    for i in tl.static_range(8):
        if i % 2:
            continue
        if i > 5:
            break
        tl.store(x + i, 1.0)


# TUPLES: tile.store %arg0
# TUPLES: tile.store %arg1
@tegula.jit
def tuples(x, y, n):
    for p in (x, y):
        tl.store(p, n)
