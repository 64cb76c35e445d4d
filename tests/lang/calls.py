# RUN: tegula-translate %s --kernel shapes --signature "x=*fp32,B=8" | FileCheck %s --check-prefix=SHAPES
# RUN: tegula-translate %s --kernel locations --signature "x=*fp32,B=8" --locations | FileCheck %s --check-prefix=LOC
# RUN: tegula-translate %s --kernel loops --signature "x=*fp32,n=i32" | FileCheck %s --check-prefix=LOOPS
import tegula
import tegula.language as tl


# Constants stay constants in the function that is called.
@tegula.jit
def block(size, extra=0):
    return tl.arange(0, size + extra)


@tegula.jit
def twice(f: tl.constexpr, *args, scale=2):
    return f(*args) * scale


# SHAPES: tile.make_range 0 to 8
# SHAPES: tile.make_range 0 to 12
# SHAPES: dense<3>
@tegula.jit
def shapes(x, B: tl.constexpr):
    tl.store(x + block(B), 1.0)
    tl.store(x + twice(block, B, 4, scale=3), 1.0)


# LOC: tile.make_range 0 to 8 : tensor<8xi32> loc(#[[AT:.*]])
# LOC-DAG: #[[CALLEE:.*]] = loc("{{.*}}calls.py":{{[0-9]+}}:12)
# LOC-DAG: #[[CALLER:.*]] = loc("{{.*}}calls.py":{{[0-9]+}}:18)
# LOC: #[[AT]] = loc(callsite(#[[CALLEE]] at #[[CALLER]]))
@tegula.jit
def locations(x, B: tl.constexpr):
    # the next line is the call site
    tl.store(x + block(B), 1.0)


@tegula.jit
def find(x, n):
    for i in range(n):
        if tl.load(x + i) > 0.0:
            return i
    return -1


# Two inlined loops, each with its own exit.
# LOOPS: scf.while
# LOOPS: scf.if
# LOOPS: scf.while
# LOOPS: scf.if
# LOOPS: arith.addi
@tegula.jit
def loops(x, n):
    tl.store(x, find(x, n) + find(x + n, n))
