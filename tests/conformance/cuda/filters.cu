// Filters of images: convolution with coefficients in constant memory, Sobel, a box by running sums, a median.
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

__constant__ float coefficients[25];
__constant__ int sobelX[9] = {-1, 0, 1, -2, 0, 2, -1, 0, 1};

__device__ int clampTo(int x, int n) { return min(max(x, 0), n - 1); }

extern "C" __global__ void convolve(const float *in, float *out, int width, int height) {
  __shared__ float tile[12][36];
  int x0 = blockIdx.x * 32, y0 = blockIdx.y * 8;
  for (int k = threadIdx.y * 32 + threadIdx.x; k < 12 * 36; k += 256)
    tile[k / 36][k % 36] = in[clampTo(y0 + k / 36 - 2, height) * width + clampTo(x0 + k % 36 - 2, width)];
  __syncthreads();
  int x = x0 + threadIdx.x, y = y0 + threadIdx.y;
  if (x >= width || y >= height)
    return;
  float sum = 0;
  for (int dy = 0; dy < 5; dy++)
    for (int dx = 0; dx < 5; dx++)
      sum += coefficients[dy * 5 + dx] * tile[threadIdx.y + dy][threadIdx.x + dx];
  out[y * width + x] = sum;
}

extern "C" __global__ void sobel(const unsigned char *in, unsigned char *out, int width, int height) {
  int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height)
    return;
  int gx = 0, gy = 0;
  for (int k = 0; k < 9; k++) {
    int p = in[clampTo(y + k / 3 - 1, height) * width + clampTo(x + k % 3 - 1, width)];
    gx += p * sobelX[k];
    gy += p * sobelX[k % 3 * 3 + k / 3];
  }
  out[y * width + x] = min(255, abs(gx) + abs(gy));
}

extern "C" __global__ void box_rows(const float *in, float *out, int width, int radius) {
  const float *row = in + threadIdx.x * width;
  float sum = 0;
  for (int x = -radius; x < width; x++) {
    if (x + radius < width)
      sum += row[x + radius];
    if (x - radius - 1 >= 0)
      sum -= row[x - radius - 1];
    if (x >= 0)
      out[threadIdx.x * width + x] = sum;
  }
}

__device__ void order(unsigned char &a, unsigned char &b) {
  unsigned char low = min(a, b);
  b = max(a, b);
  a = low;
}
extern "C" __global__ void median(const uchar4 *in, unsigned char *out) {
  uchar4 p = in[threadIdx.x];
  order(p.x, p.y);
  order(p.z, p.w);
  order(p.x, p.z);
  order(p.y, p.w);
  order(p.y, p.z);
  out[threadIdx.x] = (p.y + p.z + 1) / 2;
}
