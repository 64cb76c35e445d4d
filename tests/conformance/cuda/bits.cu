// Bits: counting, reversing, shifting two words, permuting bytes, dot products of bytes, fns, 24-bit products.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern "C" __global__ void counting(const unsigned *in, unsigned *out) {
  int i = threadIdx.x;
  unsigned x = in[i], *o = out + 8 * i;
  unsigned long long l = (unsigned long long)x << 17 | x >> 3;
  o[0] = __popc(x), o[1] = __clz(x), o[2] = __ffs(x), o[3] = __brev(x);
  o[4] = __popcll(l), o[5] = __clzll(l), o[6] = __ffsll(l), o[7] = unsigned(__brevll(l) >> 32);
}

extern "C" __global__ void shifting(const unsigned *a, const unsigned *b, unsigned *out) {
  int i = threadIdx.x;
  unsigned x = a[i], y = b[i], *o = out + 12 * i;
  o[0] = __funnelshift_l(x, y, i % 40), o[1] = __funnelshift_r(x, y, i % 40);
  o[2] = __funnelshift_lc(x, y, i % 40), o[3] = __funnelshift_rc(x, y, i % 40);
  o[4] = __byte_perm(x, y, 0x1537), o[5] = __byte_perm(x, y, y);
  o[6] = __umulhi(x, y), o[7] = unsigned(__mulhi(int(x), int(y)));
  o[8] = __umul24(x, y), o[9] = unsigned(__mul24(int(x), int(y)));
  o[10] = __sad(int(x), int(y), 5u), o[11] = __uhadd(x, y);
}

extern "C" __global__ void dots(const int *a, const int *b, int *out) {
  int i = threadIdx.x, *o = out + 6 * i;
  o[0] = __dp4a(a[i], b[i], 1000);
  o[1] = int(__dp4a(unsigned(a[i]), unsigned(b[i]), 1000u));
  o[2] = __dp2a_lo(a[i], b[i], -7);
  o[3] = __dp2a_hi(a[i], b[i], -7);
  o[4] = int(__dp2a_lo(unsigned(a[i]), unsigned(b[i]), 9u));
  o[5] = int(__dp2a_hi(unsigned(a[i]), unsigned(b[i]), 9u));
}

extern "C" __global__ void nth_set(const unsigned *in, int *out) {
  out[threadIdx.x] = __fns(in[threadIdx.x], threadIdx.x % 7, int(threadIdx.x % 5) - 2);
}

extern "C" __global__ void fields(const unsigned *in, unsigned *out) {
  int i = threadIdx.x;
  unsigned x = in[i], e, s, ins;
  asm("bfe.u32 %0, %1, %2, %3;" : "=r"(e) : "r"(x), "r"(i % 35), "r"(i % 11));
  asm("bfe.s32 %0, %1, %2, %3;" : "=r"(s) : "r"(x), "r"(i % 35), "r"(i % 11));
  asm("bfi.b32 %0, %1, %2, %3, %4;" : "=r"(ins) : "r"(x), "r"(0x5a5a5a5a), "r"(i % 35), "r"(i % 11));
  out[3 * i] = e, out[3 * i + 1] = s, out[3 * i + 2] = ins;
}
