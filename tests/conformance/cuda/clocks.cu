// Clocks, sleeping, special registers.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern "C" __global__ void clocks(long long *out) {
  long long start = clock64();
  unsigned early = clock();
  __nanosleep(100);
  unsigned long long global;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(global));
  out[2 * threadIdx.x] = clock64() - start;
  out[2 * threadIdx.x + 1] = (clock() - early > 0) + 2 * (global > 0);
}

extern "C" __global__ void wait_a_while(int *out) {
  long long start = clock64();
  while (clock64() - start < 20000) {
  }
  out[threadIdx.x] = 1;
}

extern "C" __global__ void specials(unsigned *out) {
  unsigned lane, warp, warps, eq, le, lt, ge, gt, shared;
  asm("mov.u32 %0, %%laneid;" : "=r"(lane));
  asm("mov.u32 %0, %%warpid;" : "=r"(warp));
  asm("mov.u32 %0, %%nwarpid;" : "=r"(warps));
  asm("mov.u32 %0, %%lanemask_eq;" : "=r"(eq));
  asm("mov.u32 %0, %%lanemask_le;" : "=r"(le));
  asm("mov.u32 %0, %%lanemask_lt;" : "=r"(lt));
  asm("mov.u32 %0, %%lanemask_ge;" : "=r"(ge));
  asm("mov.u32 %0, %%lanemask_gt;" : "=r"(gt));
  asm("mov.u32 %0, %%dynamic_smem_size;" : "=r"(shared));
  unsigned t = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x, *o = out + 8 * t;
  o[0] = lane, o[1] = warp, o[2] = eq, o[3] = le, o[4] = lt, o[5] = ge, o[6] = gt, o[7] = shared + warps * 0;
}
