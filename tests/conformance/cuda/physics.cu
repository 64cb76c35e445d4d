// Physics and finance: n bodies, heat in three dimensions, Black-Scholes, a random walk.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

extern "C" __global__ void bodies(const float4 *in, float4 *out, int n, float step) {
  __shared__ float4 tile[64];
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float4 me = in[i];
  float ax = 0, ay = 0, az = 0;
  for (int at = 0; at < n; at += 64) {
    tile[threadIdx.x] = in[at + threadIdx.x];
    __syncthreads();
#pragma unroll 4
    for (int k = 0; k < 64; k++) {
      float dx = tile[k].x - me.x, dy = tile[k].y - me.y, dz = tile[k].z - me.z;
      float r = rsqrtf(dx * dx + dy * dy + dz * dz + 0.01f), s = tile[k].w * r * r * r;
      ax += dx * s, ay += dy * s, az += dz * s;
    }
    __syncthreads();
  }
  out[i] = make_float4(me.x + ax * step, me.y + ay * step, me.z + az * step, me.w);
}

extern "C" __global__ void heat(const double *in, double *out, int n) {
  int x = threadIdx.x, y = threadIdx.y, z = blockIdx.x;
  auto at = [&](int i, int j, int k) {
    return i < 0 || j < 0 || k < 0 || i >= n || j >= n || k >= n ? 0.0 : in[(k * n + j) * n + i];
  };
  out[(z * n + y) * n + x] = at(x, y, z) * 0.4 + 0.1 * (at(x - 1, y, z) + at(x + 1, y, z) + at(x, y - 1, z) +
                                                        at(x, y + 1, z) + at(x, y, z - 1) + at(x, y, z + 1));
}

extern "C" __global__ void black_scholes(const float *price, const float *strike, const float *years, float *call,
                                         float rate, float volatility, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n)
    return;
  float root = sqrtf(years[i]);
  float d1 = (logf(price[i] / strike[i]) + (rate + 0.5f * volatility * volatility) * years[i]) / (volatility * root);
  float d2 = d1 - volatility * root;
  call[i] = price[i] * normcdff(d1) - strike[i] * expf(-rate * years[i]) * normcdff(d2);
}

// xorshift, 2,000 points a thread.
extern "C" __global__ void pi(unsigned *inside) {
  unsigned s = threadIdx.x * 2654435761u + 88172645u, count = 0;
  for (int k = 0; k < 2000; k++) {
    auto next = [&] {
      s ^= s << 13;
      s ^= s >> 17;
      s ^= s << 5;
      return (s >> 8) * (1.0f / 16777216);
    };
    float x = next(), y = next();
    count += __fadd_rn(__fmul_rn(x, x), __fmul_rn(y, y)) < 1;
  }
  atomicAdd(inside, count);
}
