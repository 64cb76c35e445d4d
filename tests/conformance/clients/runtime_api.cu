// runtime_api.cu - a program of the CUDA runtime API, for the emulated GPU
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints a line for each part that is right and stops at the first that is not.

#include <cooperative_groups.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#define CHECK(call)                                                                                          \
  do {                                                                                                       \
    cudaError_t error_ = (call);                                                                             \
    if (error_ != cudaSuccess) {                                                                             \
      printf("line %d: %s: %s\n", __LINE__, #call, cudaGetErrorString(error_));                              \
      exit(1);                                                                                               \
    }                                                                                                        \
  } while (0)
#define EXPECT(condition)                                                                                    \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      printf("line %d: %s\n", __LINE__, #condition);                                                         \
      exit(1);                                                                                               \
    }                                                                                                        \
  } while (0)

__constant__ float weights[4];
__device__ int counter;
__managed__ int shared_by_both = 5;

__global__ void axpy(float a, const float *x, float *y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n)
    y[i] += a * x[i];
}
__global__ void weigh(float *out) { out[threadIdx.x] = weights[threadIdx.x % 4] * threadIdx.x; }
__global__ void count() { atomicAdd(&counter, 1); }
__global__ void touch() { shared_by_both += 37; }
__global__ void fill2D(char *base, size_t pitch, int width, int height) {
  int x = threadIdx.x, y = blockIdx.x;
  if (x < width && y < height)
    base[y * pitch + x] = char(x + 3 * y);
}
__global__ void reverse(int *data, int n) {
  extern __shared__ int buffer[];
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    buffer[i] = data[i];
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    data[i] = buffer[n - 1 - i];
}
__global__ void grid_sum(int *partial, int *total) {
  auto grid = cooperative_groups::this_grid();
  if (threadIdx.x == 0)
    partial[blockIdx.x] = blockIdx.x + 1;
  grid.sync();
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    int sum = 0;
    for (int b = 0; b < gridDim.x; b++)
      sum += partial[b];
    *total = sum;
  }
}
__global__ void spin(volatile int *flag, int *seen) {
  while (!*flag)
    ;
  *seen = *flag;
}
__global__ void step(int *value, int expected) {
  if (*value == expected)
    *value = expected + 1;
}
__global__ void crash(int *p) { p[1 << 28] = 1; }

static void copies() {
  int n = 10000;
  std::vector<float> x(n), y(n), r(n);
  for (int i = 0; i < n; i++)
    x[i] = i, y[i] = 2 * i;
  float *dx, *dy;
  CHECK(cudaMalloc(&dx, n * sizeof(float)));
  CHECK(cudaMalloc(&dy, n * sizeof(float)));
  CHECK(cudaMemcpy(dx, x.data(), n * sizeof(float), cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy(dy, y.data(), n * sizeof(float), cudaMemcpyDefault));
  axpy<<<(n + 255) / 256, 256>>>(3, dx, dy, n);
  CHECK(cudaGetLastError());
  CHECK(cudaMemcpy(r.data(), dy, n * sizeof(float), cudaMemcpyDeviceToHost));
  for (int i = 0; i < n; i++)
    EXPECT(r[i] == 5 * i);
  cudaPointerAttributes a;
  CHECK(cudaPointerGetAttributes(&a, dx + 5));
  EXPECT(a.type == cudaMemoryTypeDevice && a.device == 0);
  CHECK(cudaPointerGetAttributes(&a, &n));
  EXPECT(a.type == cudaMemoryTypeUnregistered);
  CHECK(cudaFree(dx));
  CHECK(cudaFree(dy));
  puts("copies");
}

static void symbols() {
  float w[4] = {1, 2, 3, 4}, out[64];
  CHECK(cudaMemcpyToSymbol(weights, w, sizeof w));
  float *d;
  CHECK(cudaMalloc(&d, sizeof out));
  weigh<<<1, 64>>>(d);
  CHECK(cudaMemcpy(out, d, sizeof out, cudaMemcpyDeviceToHost));
  for (int i = 0; i < 64; i++)
    EXPECT(out[i] == w[i % 4] * i);
  int zero = 0, got = -1;
  CHECK(cudaMemcpyToSymbol(counter, &zero, sizeof zero));
  count<<<13, 77>>>();
  CHECK(cudaMemcpyFromSymbol(&got, counter, sizeof got));
  EXPECT(got == 13 * 77);
  void *address;
  CHECK(cudaGetSymbolAddress(&address, counter));
  CHECK(cudaMemcpy(&got, address, sizeof got, cudaMemcpyDeviceToHost));
  EXPECT(got == 13 * 77);
  puts("symbols");
}

static void managed() {
  touch<<<1, 1>>>();
  CHECK(cudaDeviceSynchronize());
  EXPECT(shared_by_both == 42);
  int *data;
  CHECK(cudaMallocManaged(&data, 1000 * sizeof(int)));
  for (int i = 0; i < 1000; i++)
    data[i] = i;
  reverse<<<1, 128, 1000 * sizeof(int)>>>(data, 1000);
  CHECK(cudaDeviceSynchronize());
  for (int i = 0; i < 1000; i++)
    EXPECT(data[i] == 999 - i);
  CHECK(cudaFree(data));
  puts("managed memory");
}

static void pitched() {
  char *d;
  size_t pitch;
  CHECK(cudaMallocPitch(&d, &pitch, 100, 20));
  EXPECT(pitch >= 100);
  CHECK(cudaMemset2D(d, pitch, 9, 100, 20));
  fill2D<<<10, 128>>>(d, pitch, 50, 10);
  char host[20][100];
  CHECK(cudaMemcpy2D(host, 100, d, pitch, 100, 20, cudaMemcpyDeviceToHost));
  for (int y = 0; y < 20; y++)
    for (int x = 0; x < 100; x++)
      EXPECT(host[y][x] == (x < 50 && y < 10 ? char(x + 3 * y) : 9));
  cudaPitchedPtr p;
  cudaExtent e = make_cudaExtent(24, 5, 3);
  CHECK(cudaMalloc3D(&p, e));
  char in[3][5][24], out[3][5][24] = {};
  for (unsigned i = 0; i < sizeof in; i++)
    (&in[0][0][0])[i] = char(i);
  cudaMemcpy3DParms c = {};
  c.srcPtr = make_cudaPitchedPtr(in, 24, 24, 5);
  c.dstPtr = p;
  c.extent = e;
  c.kind = cudaMemcpyHostToDevice;
  CHECK(cudaMemcpy3D(&c));
  c.srcPtr = p;
  c.dstPtr = make_cudaPitchedPtr(out, 24, 24, 5);
  c.kind = cudaMemcpyDeviceToHost;
  CHECK(cudaMemcpy3D(&c));
  EXPECT(!memcmp(in, out, sizeof in));
  puts("pitched memory");
}

static void ordering() {
  // Work of two streams is ordered by an event, and by the legacy default stream.
  int *value;
  CHECK(cudaMalloc(&value, sizeof(int)));
  CHECK(cudaMemset(value, 0, sizeof(int)));
  cudaStream_t a, b;
  CHECK(cudaStreamCreate(&a));
  CHECK(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking));
  cudaEvent_t done, first, last;
  CHECK(cudaEventCreateWithFlags(&done, cudaEventDisableTiming));
  CHECK(cudaEventCreate(&first));
  CHECK(cudaEventCreate(&last));
  CHECK(cudaEventRecord(first, a));
  for (int k = 0; k < 40; k += 4) {
    step<<<1, 1, 0, a>>>(value, k);
    step<<<1, 1>>>(value, k + 1);
    step<<<1, 1, 0, a>>>(value, k + 2);
    CHECK(cudaEventRecord(done, a));
    CHECK(cudaStreamWaitEvent(b, done, 0));
    step<<<1, 1, 0, b>>>(value, k + 3);
    CHECK(cudaEventRecord(done, b));
    CHECK(cudaStreamWaitEvent(a, done, 0));
  }
  CHECK(cudaEventRecord(last, a));
  CHECK(cudaEventSynchronize(last));
  CHECK(cudaEventQuery(first));
  float ms = -1;
  CHECK(cudaEventElapsedTime(&ms, first, last));
  EXPECT(ms > 0);
  int got;
  CHECK(cudaMemcpyAsync(&got, value, sizeof got, cudaMemcpyDeviceToHost, a));
  CHECK(cudaStreamSynchronize(a));
  EXPECT(got == 40);
  CHECK(cudaStreamDestroy(a));
  CHECK(cudaStreamDestroy(b));
  puts("streams and events");
}

static void asynchronous() {
  // A kernel that waits for the host runs while the host goes on; another stream passes it.
  int *flag, *seen;
  CHECK(cudaHostAlloc(&flag, sizeof(int), cudaHostAllocMapped));
  CHECK(cudaHostAlloc(&seen, sizeof(int), cudaHostAllocMapped));
  *flag = *seen = 0;
  cudaStream_t a, b;
  CHECK(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
  CHECK(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking));
  spin<<<1, 1, 0, a>>>(flag, seen);
  EXPECT(cudaStreamQuery(a) == cudaErrorNotReady);
  int *other;
  CHECK(cudaMallocAsync(&other, 400, b));
  CHECK(cudaMemsetAsync(other, 1, 400, b));
  CHECK(cudaFreeAsync(other, b));
  CHECK(cudaStreamSynchronize(b));
  EXPECT(cudaStreamQuery(a) == cudaErrorNotReady && *seen == 0);
  static int called = 0;
  CHECK(cudaLaunchHostFunc(a, [](void *p) { *static_cast<int *>(p) = 7; }, &called));
  *reinterpret_cast<volatile int *>(flag) = 3;
  CHECK(cudaStreamSynchronize(a));
  EXPECT(*seen == 3 && called == 7);
  // A stream that is destroyed still does what it was given.
  int *value;
  CHECK(cudaMallocManaged(&value, sizeof(int)));
  *value = 0;
  for (int k = 0; k < 30; k++)
    step<<<1, 1, 0, b>>>(value, k);
  CHECK(cudaStreamDestroy(b));
  CHECK(cudaDeviceSynchronize());
  EXPECT(*value == 30);
  EXPECT(cudaStreamSynchronize(b) == cudaErrorInvalidResourceHandle && cudaGetLastError() != cudaSuccess);
  puts("asynchronous work");
}

static void cooperative() {
  int *partial, *total;
  CHECK(cudaMallocManaged(&partial, 64 * sizeof(int)));
  CHECK(cudaMallocManaged(&total, sizeof(int)));
  void *arguments[] = {&partial, &total};
  CHECK(cudaLaunchCooperativeKernel((void *)grid_sum, dim3(16), dim3(64), arguments, 0, nullptr));
  CHECK(cudaDeviceSynchronize());
  EXPECT(*total == 16 * 17 / 2);
  EXPECT(cudaLaunchCooperativeKernel((void *)grid_sum, dim3(1 << 20), dim3(64), arguments, 0, nullptr) ==
         cudaErrorCooperativeLaunchTooLarge);
  EXPECT(cudaGetLastError() == cudaErrorCooperativeLaunchTooLarge && cudaGetLastError() == cudaSuccess);
  puts("cooperative launch");
}

static void attributes() {
  cudaDeviceProp p;
  CHECK(cudaGetDeviceProperties(&p, 0));
  int value;
  CHECK(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0));
  EXPECT(value == p.multiProcessorCount);
  CHECK(cudaDeviceGetAttribute(&value, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
  EXPECT(size_t(value) == p.sharedMemPerBlockOptin && p.warpSize == 32 && p.maxThreadsPerBlock == 1024);
  EXPECT(p.maxThreadsDim[2] == 64 && p.maxGridSize[0] == 2147483647 && p.memoryPoolsSupported == 1);
  EXPECT(p.maxSurfaceCubemapLayered[1] == 2046 && p.l2CacheSize > 0 && p.memoryBusWidth > 0 &&
         p.hostNumaId == -1);
  cudaFuncAttributes f;
  CHECK(cudaFuncGetAttributes(&f, reverse));
  EXPECT(f.maxThreadsPerBlock == 1024 && f.numRegs > 0 && f.sharedSizeBytes == 0);
  int blocks = 0;
  CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, reverse, 256, 16384));
  EXPECT(blocks >= 1 && size_t(blocks) * 16384 <= p.sharedMemPerMultiprocessor);
  int grid = 0, block = 0;
  CHECK(cudaOccupancyMaxPotentialBlockSize(&grid, &block, axpy));
  EXPECT(grid > 0 && block % 32 == 0);
  size_t big = p.sharedMemPerBlockOptin;
  int *d;
  CHECK(cudaMalloc(&d, big));
  CHECK(cudaMemset(d, 0, big)); // else the checks say that it is read before anything has been written
  reverse<<<1, 32, big>>>(d, 4); // more than 48 KiB has to be asked for
  EXPECT(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(reverse, cudaFuncAttributeMaxDynamicSharedMemorySize, int(big)));
  reverse<<<1, 32, big>>>(d, 4);
  CHECK(cudaGetLastError());
  reverse<<<1, 2048>>>(d, 4);
  EXPECT(cudaGetLastError() == cudaErrorInvalidConfiguration);
  CHECK(cudaDeviceSynchronize());
  puts("attributes");
}

static void threads() {
  // Each thread has its own last error and may use any stream.
  std::vector<std::thread> all;
  static int results[8];
  for (int t = 0; t < 8; t++)
    all.emplace_back([t] {
      int *d;
      CHECK(cudaMalloc(&d, 4));
      CHECK(cudaMemsetAsync(d, 0, 4, cudaStreamPerThread));
      for (int k = 0; k < 20; k++)
        step<<<1, 1, 0, cudaStreamPerThread>>>(d, k);
      CHECK(cudaMemcpyAsync(&results[t], d, 4, cudaMemcpyDeviceToHost, cudaStreamPerThread));
      CHECK(cudaStreamSynchronize(cudaStreamPerThread));
    });
  for (auto &t : all)
    t.join();
  for (int r : results)
    EXPECT(r == 20);
  puts("threads");
}

static void errors() {
  EXPECT(cudaMemcpy(nullptr, &counter, 4, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  EXPECT(cudaGetLastError() == cudaErrorInvalidValue);
  EXPECT(!strcmp(cudaGetErrorName(cudaErrorIllegalAddress), "cudaErrorIllegalAddress"));
  int *d;
  CHECK(cudaMalloc(&d, 4));
  crash<<<1, 1>>>(d);
  EXPECT(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
  EXPECT(cudaMalloc(&d, 4) == cudaErrorIllegalAddress); // sticky
  CHECK(cudaDeviceReset());
  CHECK(cudaMalloc(&d, 4));
  CHECK(cudaMemset(d, 0, 4));
  step<<<1, 1>>>(d, 0);
  int got = 0;
  CHECK(cudaMemcpy(&got, d, 4, cudaMemcpyDeviceToHost));
  EXPECT(got == 1);
  puts("errors");
}

int main() {
  copies();
  symbols();
  managed();
  pitched();
  ordering();
  asynchronous();
  cooperative();
  attributes();
  threads();
  errors();
  return 0;
}
