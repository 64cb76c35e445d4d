# What may be approximate on GPUs is marked so: `/`, sqrt and the fast functions; the functions that round are not.
#
# RUN: tegula-translate %s --kernel f --signature "x_ptr=*fp32" | FileCheck %s
import tegula
import tegula.language as tl


# CHECK: arith.divf {{.*}} fastmath<afn> : f32
# CHECK: arith.divf {{%[^ ]*, %[^ ]*}} : f32
# CHECK: arith.divf {{%[^ ]*, %[^ ]*}} : f32
# CHECK: math.sqrt {{.*}} fastmath<afn> : f32
# CHECK: math.sqrt {{%[^ ]*}} : f32
# CHECK: math.exp {{%[^ ]*}} : f32
# CHECK: math.exp {{.*}} fastmath<afn> : f32
# CHECK: math.log2 {{.*}} fastmath<afn> : f32
@tegula.jit
def f(x_ptr):
    x = tl.load(x_ptr)
    x = x / (x + 1)
    x = tl.div_rn(x, x + 2)
    x = tl.fdiv(x, x + 3, ieee_rounding=True)
    x = tl.sqrt_rn(tl.sqrt(x))
    x = tl.extra.libdevice.fast_expf(tl.exp(x))
    x = tl.extra.libdevice.fast_powf(x, 3)
    tl.store(x_ptr, x)
