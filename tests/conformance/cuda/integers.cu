// Integers of 64 and 128 bits: products, quotients, carries.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern "C" __global__ void wide(const long long *a, const long long *b, long long *out) {
  int i = threadIdx.x;
  long long x = a[i], y = b[i], *o = out + 10 * i;
  unsigned long long ux = x, uy = y;
  o[0] = x * y, o[1] = x / y, o[2] = x % y, o[3] = ux / uy, o[4] = ux % uy;
  o[5] = __mul64hi(x, y), o[6] = __umul64hi(ux, uy), o[7] = x >> (i % 64), o[8] = ux >> (i % 64), o[9] = x << (i % 64);
}

extern "C" __global__ void huge(const unsigned long long *a, const unsigned long long *b, unsigned long long *out) {
  int i = threadIdx.x;
  unsigned __int128 x = (unsigned __int128)a[i] << 64 | b[i], y = (unsigned __int128)b[i] << 31 | a[i];
  unsigned __int128 r[6] = {x + y, x - y, x * y, x / y, x % y, x >> (i % 128)};
  for (int k = 0; k < 6; k++)
    out[12 * i + 2 * k] = (unsigned long long)r[k], out[12 * i + 2 * k + 1] = (unsigned long long)(r[k] >> 64);
}

// A sum of 256 bits by the carry flag.
extern "C" __global__ void carries(const unsigned *a, const unsigned *b, unsigned *out) {
  const unsigned *x = a + 4 * threadIdx.x, *y = b + 4 * threadIdx.x;
  unsigned r0, r1, r2, r3, c;
  asm("add.cc.u32 %0, %5, %9;\n addc.cc.u32 %1, %6, %10;\n addc.cc.u32 %2, %7, %11;\n addc.cc.u32 %3, %8, %12;\n"
      "addc.u32 %4, 0, 0;"
      : "=r"(r0), "=r"(r1), "=r"(r2), "=r"(r3), "=r"(c)
      : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y[0]), "r"(y[1]), "r"(y[2]), "r"(y[3]));
  unsigned *o = out + 5 * threadIdx.x;
  o[0] = r0, o[1] = r1, o[2] = r2, o[3] = r3, o[4] = c;
}

extern "C" __global__ void narrow(const signed char *a, const short *b, int *out) {
  int i = threadIdx.x;
  signed char x = a[i], sum = x + a[i + 1];
  short y = b[i], product = y * b[i + 1];
  out[4 * i] = sum, out[4 * i + 1] = product, out[4 * i + 2] = x / (y | 1), out[4 * i + 3] = (unsigned char)x >> 3;
}

extern "C" __global__ void power(const unsigned long long *base, unsigned long long *out, unsigned long long modulus) {
  unsigned long long x = base[threadIdx.x] % modulus, result = 1;
  for (unsigned e = 65537 + threadIdx.x; e; e >>= 1) {
    if (e & 1)
      result = (unsigned __int128)result * x % modulus;
    x = (unsigned __int128)x * x % modulus;
  }
  out[threadIdx.x] = result;
}
