# RUN: tegula-translate %s --kernel k --signature "x=*fp32,B=16,M=None,D='fp16'" | FileCheck %s
# RUN: tegula-translate %s --kernel k --signature "x=*fp32,B=16,M=4,D='fp32'" | FileCheck %s --check-prefix=WITH
import tegula
import tegula.language as tl

SCALE: tl.constexpr = 4
NAMES = tl.constexpr(("fp16", "fp32"))


# CHECK: 64 fp16 None
# CHECK: tile.make_range 0 to 64
# CHECK-NOT: arith.muli
# WITH: 64 fp32 4
# WITH: arith.muli
@tegula.jit
def k(x, B: tl.constexpr, M: tl.constexpr, D: tl.constexpr):
    size: tl.constexpr = B * SCALE
    kind: tl.constexpr = tl.float16 if D == "fp16" else tl.float32
    tl.static_assert(D in NAMES)
    tl.static_print(size, kind, M)
    offsets = tl.arange(0, size)
    if M is not None:
        offsets = offsets * M
    value = tl.zeros((size,), dtype=kind)
    if value.dtype.is_floating() and not value.dtype.is_int():
        tl.store(x + offsets, value)
