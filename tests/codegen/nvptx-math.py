# Math functions of an NVIDIA GPU: by instructions of f32, by the library for the rest, and nothing else is linked.
#
# RUN: tegula-translate %s --kernel fast --signature "x_ptr=*fp32,o_ptr=*fp32" --arch sm_80 | FileCheck %s --check-prefix=FAST
# RUN: tegula-translate %s --kernel rounded --signature "x_ptr=*fp32,o_ptr=*fp32" --arch sm_80 | FileCheck %s --check-prefix=ROUNDED
# RUN: tegula-translate %s --kernel wide --signature "x_ptr=*fp64,o_ptr=*fp64" --arch sm_80 | FileCheck %s --check-prefix=WIDE
# RUN: tegula-translate %s --kernel extrema --signature "x_ptr=*fp32,o_ptr=*fp32" --arch sm_80 | FileCheck %s --check-prefix=EXTREMA
# RUN: tegula-translate %s --kernel narrow --signature "x_ptr=*fp32:16,o_ptr=*bf16:16" --arch sm_80 | FileCheck %s --check-prefix=BF16
# RUN: tegula-translate %s --kernel narrow --signature "x_ptr=*fp32:16,o_ptr=*fp8e4nv:16" --arch sm_89 | FileCheck %s --check-prefix=E4M3
# RUN: tegula-translate %s --kernel widened --signature "x_ptr=*fp8e5:16,o_ptr=*fp32:16" --arch sm_89 | FileCheck %s --check-prefix=E5M2
# RUN: tegula-translate %s --kernel half --signature "x_ptr=*fp16,o_ptr=*fp16" --arch sm_75 | FileCheck %s --check-prefix=HALF
import tegula
import tegula.language as tl


# FAST-NOT: .func
# FAST: .visible .entry
# FAST: ex2.approx.f32
# FAST: ex2.approx.ftz.f32
# FAST: div.full.f32
# FAST: sqrt.approx.f32
# FAST: rsqrt.approx.f32
# FAST: sin.approx.ftz.f32
# FAST-NOT: .func
@tegula.jit
def fast(x_ptr, o_ptr):
    x = tl.load(x_ptr + tl.arange(0, 128))
    x = tl.exp2(tl.exp(x)) / x
    x = tl.extra.libdevice.fast_sinf(tl.rsqrt(tl.sqrt(x)))
    tl.store(o_ptr + tl.arange(0, 128), x)


# ROUNDED: div.rn.f32
# ROUNDED: sqrt.rn.f32
# ROUNDED-NOT: approx
@tegula.jit
def rounded(x_ptr, o_ptr):
    x = tl.load(x_ptr + tl.arange(0, 128))
    tl.store(o_ptr + tl.arange(0, 128), tl.sqrt_rn(tl.div_rn(x + 1, x)))


# Of the library: exp, with its tables in global memory, and no other function.
# WIDE-NOT: .const
# WIDE-NOT: .func{{.*}}_Z{{[^3]}}
# WIDE: call.uni (retval0), _Z3expd
# WIDE-NOT: .func{{.*}}_Z{{[^3]}}
# WIDE-NOT: ld.const
@tegula.jit
def wide(x_ptr, o_ptr):
    x = tl.load(x_ptr + tl.arange(0, 128))
    tl.store(o_ptr + tl.arange(0, 128), tl.exp(x))


# EXTREMA: max.f32
# EXTREMA: min.NaN.f32
# EXTREMA-NOT: setp.nan
@tegula.jit
def extrema(x_ptr, o_ptr):
    x = tl.maximum(tl.load(x_ptr + tl.arange(0, 128)), 1.0)
    tl.store(o_ptr + tl.arange(0, 128), tl.minimum(x, 2.0, propagate_nan=tl.PropagateNan.ALL))


# BF16: cvt.rn.bf16x2.f32
# E4M3: .version 8.4
# E4M3-COUNT-2: cvt.rn.satfinite.e4m3x2.f32
# E4M3-NOT: cvt.rn.satfinite
@tegula.jit
def narrow(x_ptr, o_ptr):
    i = tl.arange(0, 512)
    tl.store(o_ptr + i, tl.load(x_ptr + i).to(o_ptr.dtype.element_ty))


# E5M2-COUNT-2: cvt.rn.f16x2.e5m2x2
# E5M2-NOT: cvt.rn.f16x2
@tegula.jit
def widened(x_ptr, o_ptr):
    i = tl.arange(0, 512)
    tl.store(o_ptr + i, tl.load(x_ptr + i).to(tl.float32))


# HALF: fma.rn.f16
# HALF-NOT: cvt
@tegula.jit
def half(x_ptr, o_ptr):
    x = tl.load(x_ptr + tl.arange(0, 128))
    tl.store(o_ptr + tl.arange(0, 128), x * x + x)
