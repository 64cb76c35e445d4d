# RUN: tegula-translate %s --kernel k --signature "x=*fp32,i=*i1,n=i32" | FileCheck %s
import tegula
import tegula.language as tl


# CHECK: arith.truncf {{.*}} to f16
# CHECK: tile.fp_to_fp {{.*}} rtz : f32 -> f16
# CHECK: tile.fp_to_fp {{.*}} rtne : f32 -> f8E5M2
# CHECK: arith.fptoui {{.*}} to i8
# CHECK: arith.extsi {{.*}} : i32 to i64
# CHECK: arith.bitcast {{.*}} : i32 to f32
# CHECK: arith.cmpi ne
# CHECK: tile.ptr_to_int
@tegula.jit
def k(x, i, n):
    f = tl.load(x)
    tl.store(x, f.to(tl.float16))
    tl.store(x, f.to(tl.float16, "rtz"))
    tl.store(x, f.to(tl.float8e5).to(tl.float32))
    tl.store(x, f.to(tl.uint8))
    tl.store(x, n.to(tl.int64))
    tl.store(x, n.to(tl.float32, bitcast=True))
    tl.store(i, n.to(tl.int1))
    tl.store(x, x.to(tl.int64))
