// SIMD within a word: the intrinsics, and video instructions by inline PTX.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern "C" __global__ void simd(const unsigned *a, const unsigned *b, unsigned *out) {
  int i = threadIdx.x;
  unsigned x = a[i], y = b[i], *o = out + 20 * i;
  o[0] = __vadd2(x, y), o[1] = __vadd4(x, y), o[2] = __vsub2(x, y), o[3] = __vsub4(x, y);
  o[4] = __vaddss4(x, y), o[5] = __vaddus4(x, y), o[6] = __vsubss4(x, y), o[7] = __vsubus2(x, y);
  o[8] = __vabsdiffu4(x, y), o[9] = __vabsdiffs2(x, y), o[10] = __vmaxs4(x, y), o[11] = __vminu2(x, y);
  o[12] = __vavgu4(x, y), o[13] = __vavgs2(x, y), o[14] = __vcmpgtu4(x, y), o[15] = __vcmpeq2(x, y);
  o[16] = __vsadu4(x, y), o[17] = __vabs4(x), o[18] = __vneg2(x), o[19] = __vsetleu4(x, y);
}

extern "C" __global__ void video(const int *a, const int *b, int *out) {
  int i = threadIdx.x, x = a[i], y = b[i], *o = out + 8 * i;
  asm("vadd.s32.s32.s32.sat %0, %1, %2;" : "=r"(o[0]) : "r"(x), "r"(y));
  asm("vsub.s32.u32.s32 %0, %1.b1, %2.h0;" : "=r"(o[1]) : "r"(x), "r"(y));
  asm("vabsdiff.u32.s32.s32.add %0, %1.b0, %2.b3, %3;" : "=r"(o[2]) : "r"(x), "r"(y), "r"(100));
  asm("vmax.s32.s32.s32 %0, %1.h1, %2.h1;" : "=r"(o[3]) : "r"(x), "r"(y));
  asm("vmad.s32.s32.u32 %0, %1.h0, %2.b2, %3;" : "=r"(o[4]) : "r"(x), "r"(y), "r"(-5));
  asm("vshl.u32.u32.u32.clamp %0, %1, %2;" : "=r"(o[5]) : "r"(x), "r"(i));
  asm("vset.s32.s32.lt %0, %1.b0, %2.b0;" : "=r"(o[6]) : "r"(x), "r"(y));
  asm("vadd4.u32.u32.u32.sat %0, %1, %2, %3;" : "=r"(o[7]) : "r"(x), "r"(y), "r"(0));
}
