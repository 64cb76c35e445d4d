# RUN: tegula-translate %s --kernel floats --signature "x=*fp16,y=*bf16,o=*fp32" | FileCheck %s --check-prefix=FLOATS
# RUN: tegula-translate %s --kernel unsigned --signature "x=*fp32,n=u32,m=i32" | FileCheck %s --check-prefix=UNSIGNED
# RUN: tegula-translate %s --kernel weak --signature "x=*fp16,i=*i8" | FileCheck %s --check-prefix=WEAK
# RUN: tegula-translate %s --kernel pointers --signature "x=*fp32,u=u32,b=i1" | FileCheck %s --check-prefix=PTR
import tegula
import tegula.language as tl


# FLOATS: tile.fp_to_fp %{{.*}} rtne : bf16 -> f16
# FLOATS: arith.addf {{.*}} : f16
# FLOATS: arith.divf {{.*}} : f32
@tegula.jit
def floats(x, y, o):
    a = tl.load(x)
    tl.store(o, a + tl.load(y))
    tl.store(o, a / 2)


# UNSIGNED: arith.divui
# UNSIGNED: arith.cmpi ult
# UNSIGNED: arith.shrui
# UNSIGNED: arith.divsi
# UNSIGNED: arith.shrsi
# UNSIGNED: arith.uitofp
@tegula.jit
def unsigned(x, n, m):
    tl.store(x + n // 3, n < 5)
    tl.store(x + (n >> 2), m // 3)
    tl.store(x + (m >> 1), n.to(tl.float32))


# A number takes the tensor's type.
# WEAK: arith.mulf {{.*}} : f16
# WEAK: arith.addi {{.*}} : i8
@tegula.jit
def weak(x, i):
    tl.store(x, tl.load(x) * 2.5)
    tl.store(i, tl.load(i) + 1)


# Offsets are signed: an unsigned one is widened first.
# PTR: arith.extui %arg1 : i32 to i64
# PTR: tile.addptr %arg0
# PTR: arith.extui %arg2 : i1 to i64
# PTR: arith.extui %arg1 : i32 to i64
# PTR: arith.subi
@tegula.jit
def pointers(x, u, b):
    tl.store(x + u, 1.0)
    tl.store(b + x, 1.0)
    tl.store(x - u, 1.0)
