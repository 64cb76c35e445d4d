//===- RuntimeLaunch.cpp - streams, events, launches ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/runtime/Runtime.h"

#include <cstring>

namespace tegula::cudart {

// --- Streams

RUNTIME_FUNCTION(cudaStreamCreate, (CUstream * stream), (stream)) {
  return cuStreamCreateWithPriority(stream, 0, 0);
}
RUNTIME_FUNCTION(cudaStreamCreateWithFlags, (CUstream * stream, unsigned flags), (stream, flags)) {
  return cuStreamCreateWithPriority(stream, flags, 0);
}
RUNTIME_FUNCTION(cudaStreamCreateWithPriority, (CUstream * stream, unsigned flags, int priority),
                 (stream, flags, priority)) {
  return cuStreamCreateWithPriority(stream, flags, priority);
}
RUNTIME_FUNCTION(cudaStreamDestroy, (CUstream stream), (stream)) { return cuStreamDestroy_v2(stream); }
RUNTIME_STREAM_FUNCTION(cudaStreamSynchronize, _ptsz, (CUstream stream), (stream)) {
  return cuStreamSynchronize(S(stream));
}
RUNTIME_STREAM_FUNCTION(cudaStreamQuery, _ptsz, (CUstream stream), (stream)) {
  return cuStreamQuery(S(stream));
}
RUNTIME_STREAM_FUNCTION(cudaStreamWaitEvent, _ptsz, (CUstream stream, CUevent event, unsigned flags),
                        (stream, event, flags)) {
  return cuStreamWaitEvent(S(stream), event, flags);
}
RUNTIME_STREAM_FUNCTION(cudaStreamGetFlags, _ptsz, (CUstream stream, unsigned *flags), (stream, flags)) {
  return cuStreamGetFlags(S(stream), flags);
}
RUNTIME_STREAM_FUNCTION(cudaStreamGetPriority, _ptsz, (CUstream stream, int *priority), (stream, priority)) {
  return cuStreamGetPriority(S(stream), priority);
}
RUNTIME_STREAM_FUNCTION(cudaStreamGetId, _ptsz, (CUstream stream, unsigned long long *id), (stream, id)) {
  return cuStreamGetId(S(stream), id);
}
RUNTIME_STREAM_FUNCTION(cudaStreamGetDevice, _ptsz, (CUstream stream, int *device), (stream, device)) {
  *device = 0;
  return cudaSuccess;
}
RUNTIME_STREAM_FUNCTION(cudaStreamIsCapturing, _ptsz, (CUstream stream, int *status), (stream, status)) {
  return cuStreamIsCapturing(S(stream), status);
}
RUNTIME_STREAM_FUNCTION(cudaStreamAddCallback, _ptsz,
                        (CUstream stream, CUstreamCallback function, void *data, unsigned flags),
                        (stream, function, data, flags)) {
  return cuStreamAddCallback(S(stream), function, data, flags);
}
RUNTIME_STREAM_FUNCTION(cudaStreamAttachMemAsync, _ptsz,
                        (CUstream stream, void *address, size_t bytes, unsigned flags),
                        (stream, address, bytes, flags)) {
  return cuStreamAttachMemAsync(S(stream), reinterpret_cast<CUdeviceptr>(address), bytes, flags);
}
RUNTIME_STREAM_FUNCTION(cudaLaunchHostFunc, _ptsz, (CUstream stream, void (*function)(void *), void *data),
                        (stream, function, data)) {
  return cuLaunchHostFunc(S(stream), function, data);
}
RUNTIME_FUNCTION(cudaThreadExchangeStreamCaptureMode, (int *mode), (mode)) {
  return cuThreadExchangeStreamCaptureMode(mode);
}

// --- Events

RUNTIME_FUNCTION(cudaEventCreate, (CUevent * event), (event)) { return cuEventCreate(event, 0); }
RUNTIME_FUNCTION(cudaEventCreateWithFlags, (CUevent * event, unsigned flags), (event, flags)) {
  return cuEventCreate(event, flags);
}
RUNTIME_FUNCTION(cudaEventDestroy, (CUevent event), (event)) { return cuEventDestroy_v2(event); }
RUNTIME_STREAM_FUNCTION(cudaEventRecord, _ptsz, (CUevent event, CUstream stream), (event, stream)) {
  return cuEventRecordWithFlags(event, S(stream), 0);
}
RUNTIME_STREAM_FUNCTION(cudaEventRecordWithFlags, _ptsz, (CUevent event, CUstream stream, unsigned flags),
                        (event, stream, flags)) {
  return cuEventRecordWithFlags(event, S(stream), flags);
}
RUNTIME_FUNCTION(cudaEventQuery, (CUevent event), (event)) { return cuEventQuery(event); }
RUNTIME_FUNCTION(cudaEventSynchronize, (CUevent event), (event)) { return cuEventSynchronize(event); }
RUNTIME_FUNCTION(cudaEventElapsedTime, (float *milliseconds, CUevent first, CUevent last),
                 (milliseconds, first, last)) {
  return cuEventElapsedTime(milliseconds, first, last);
}

// --- Launches

/// A shape that no device takes is a mistake of the configuration for the runtime.
static cudaError_t launch(CUkernel kernel, dim3 grid, dim3 block, void **arguments, size_t shared,
                          CUstream stream, cuda::CUlaunchAttribute *attributes = nullptr,
                          unsigned count = 0) {
  uint64_t threads = uint64_t(block.x) * block.y * block.z;
  if (!threads || threads > 1024 || block.z > 64 || !grid.x || !grid.y || !grid.z || grid.x > 0x7fffffff ||
      grid.y > 65535 || grid.z > 65535)
    return cudaErrorInvalidConfiguration;
  CUlaunchConfig config = {
      {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, unsigned(shared), S(stream), attributes, count};
  return cuLaunchKernelEx(&config, kernel, arguments, nullptr);
}

RUNTIME_STREAM_FUNCTION(cudaLaunchKernel, _ptsz,
                        (const void *function, dim3 grid, dim3 block, void **arguments, size_t shared,
                         CUstream stream),
                        (function, grid, block, arguments, shared, stream)) {
  CUkernel kernel = nullptr;
  cudaError_t bad = kernelOf(function, kernel);
  return bad ? bad : launch(kernel, grid, block, arguments, shared, stream);
}
RUNTIME_STREAM_FUNCTION(cudaLaunchCooperativeKernel, _ptsz,
                        (const void *function, dim3 grid, dim3 block, void **arguments, size_t shared,
                         CUstream stream),
                        (function, grid, block, arguments, shared, stream)) {
  CUkernel kernel = nullptr;
  if (cudaError_t bad = kernelOf(function, kernel))
    return bad;
  cuda::CUlaunchAttribute attribute = {};
  attribute.id = 2;
  attribute.value.cooperative = 1;
  return launch(kernel, grid, block, arguments, shared, stream, &attribute, 1);
}

struct LaunchConfig {
  dim3 grid, block;
  size_t shared;
  CUstream stream;
  cuda::CUlaunchAttribute *attributes;
  unsigned count;
};
RUNTIME_STREAM_FUNCTION(cudaLaunchKernelExC, _ptsz,
                        (const LaunchConfig *c, const void *function, void **arguments),
                        (c, function, arguments)) {
  CUkernel kernel = nullptr;
  if (!c)
    return cudaErrorInvalidValue;
  cudaError_t bad = kernelOf(function, kernel);
  return bad ? bad
             : launch(kernel, c->grid, c->block, arguments, c->shared, c->stream, c->attributes, c->count);
}

/// What nvcc 13 makes of <<<>>>: the kernel is looked up once. One that is not found is told at the launch.
static thread_local cudaError_t lookupError = cudaSuccess;
RUNTIME_FUNCTION(__cudaGetKernel, (CUkernel * kernel, const void *function), (kernel, function)) {
  cudaError_t bad = kernelOf(function, *kernel);
  if (bad) {
    *kernel = nullptr;
    lookupError = bad;
  }
  return bad;
}
RUNTIME_STREAM_FUNCTION(__cudaLaunchKernel, _ptsz,
                        (CUkernel kernel, dim3 grid, dim3 block, void **arguments, size_t shared,
                         CUstream stream),
                        (kernel, grid, block, arguments, shared, stream)) {
  if (!kernel)
    return lookupError ? lookupError : cudaErrorInvalidDeviceFunction;
  return launch(kernel, grid, block, arguments, shared, stream);
}
RUNTIME_FUNCTION(cudaGetKernel, (CUkernel * kernel, const void *function), (kernel, function)) {
  return kernelOf(function, *kernel);
}
RUNTIME_FUNCTION(cudaGetFuncBySymbol, (CUfunction * f, const void *function), (f, function)) {
  return kernelOf(function, *f);
}
RUNTIME_FUNCTION(cudaFuncGetName, (const char **name, const void *function), (name, function)) {
  CUkernel kernel = nullptr;
  cudaError_t bad = kernelOf(function, kernel);
  return bad ? bad : cuFuncGetName(name, kernel);
}

// --- What kernels are

struct FunctionAttributes {
  size_t shared, constant, local;
  int maxThreads, registers, ptxVersion, binaryVersion, cacheModeCa, maxDynamicShared, carveout;
  int clusters[6], reserved[16]; ///< from CUDA 12 on
};
RUNTIME_FUNCTION(cudaFuncGetAttributes, (FunctionAttributes * out, const void *function), (out, function)) {
  CUkernel kernel = nullptr;
  if (cudaError_t bad = kernelOf(function, kernel))
    return bad;
  int v[10] = {};
  for (int k = 0; k < 10; k++)
    if (int bad = cuFuncGetAttribute(&v[k], k, kernel))
      return bad;
  memset(out, 0, TEGULA_CUDART >= 12 ? sizeof *out : offsetof(FunctionAttributes, clusters));
  out->shared = size_t(v[1]);
  out->constant = size_t(v[2]);
  out->local = size_t(v[3]);
  out->maxThreads = v[0];
  memcpy(&out->registers, v + 4, 6 * sizeof(int));
  return cudaSuccess;
}
RUNTIME_FUNCTION(cudaFuncSetAttribute, (const void *function, int attribute, int value),
                 (function, attribute, value)) {
  CUkernel kernel = nullptr;
  cudaError_t bad = kernelOf(function, kernel);
  return bad ? bad : cuFuncSetAttribute(kernel, attribute, value);
}
RUNTIME_FUNCTION(cudaFuncSetCacheConfig, (const void *function, int config), (function, config)) {
  CUkernel kernel = nullptr;
  cudaError_t bad = kernelOf(function, kernel);
  return bad ? bad : cuFuncSetCacheConfig(kernel, config);
}

static cudaError_t occupancy(int *blocks, const void *function, int threads, size_t shared, unsigned flags) {
  CUkernel kernel = nullptr;
  cudaError_t bad = kernelOf(function, kernel);
  return bad ? bad
             : cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, kernel, threads, shared, flags);
}
RUNTIME_FUNCTION(cudaOccupancyMaxActiveBlocksPerMultiprocessor,
                 (int *blocks, const void *function, int threads, size_t shared),
                 (blocks, function, threads, shared)) {
  return occupancy(blocks, function, threads, shared, 0);
}
RUNTIME_FUNCTION(cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags,
                 (int *blocks, const void *function, int threads, size_t shared, unsigned flags),
                 (blocks, function, threads, shared, flags)) {
  return occupancy(blocks, function, threads, shared, flags);
}
RUNTIME_FUNCTION(cudaOccupancyAvailableDynamicSMemPerBlock,
                 (size_t *bytes, const void *function, int blocks, int threads),
                 (bytes, function, blocks, threads)) {
  CUkernel kernel = nullptr;
  cudaError_t bad = kernelOf(function, kernel);
  return bad ? bad : cuOccupancyAvailableDynamicSMemPerBlock(bytes, kernel, blocks, threads);
}

// --- Libraries

RUNTIME_FUNCTION(cudaLibraryLoadData,
                 (CUlibrary * library, const void *image, int *jitOptions, void **jitValues,
                  unsigned jitCount, int *options, void **values, unsigned count),
                 (library, image, jitOptions, jitValues, jitCount, options, values, count)) {
  return cuLibraryLoadData(library, image, jitOptions, jitValues, jitCount, options, values, count);
}
RUNTIME_FUNCTION(cudaLibraryLoadFromFile,
                 (CUlibrary * library, const char *path, int *jitOptions, void **jitValues, unsigned jitCount,
                  int *options, void **values, unsigned count),
                 (library, path, jitOptions, jitValues, jitCount, options, values, count)) {
  return cuLibraryLoadFromFile(library, path, jitOptions, jitValues, jitCount, options, values, count);
}
RUNTIME_FUNCTION(cudaLibraryUnload, (CUlibrary library), (library)) { return cuLibraryUnload(library); }
RUNTIME_FUNCTION(cudaLibraryGetKernel, (CUkernel * kernel, CUlibrary library, const char *name),
                 (kernel, library, name)) {
  return cuLibraryGetKernel(kernel, library, name);
}
RUNTIME_FUNCTION(cudaLibraryGetKernelCount, (unsigned *count, CUlibrary library), (count, library)) {
  return cuLibraryGetKernelCount(count, library);
}
RUNTIME_FUNCTION(cudaLibraryEnumerateKernels, (CUkernel * list, unsigned size, CUlibrary library),
                 (list, size, library)) {
  return cuLibraryEnumerateKernels(list, size, library);
}
RUNTIME_FUNCTION(cudaLibraryGetGlobal, (void **address, size_t *bytes, CUlibrary library, const char *name),
                 (address, bytes, library, name)) {
  return cuLibraryGetGlobal(reinterpret_cast<CUdeviceptr *>(address), bytes, library, name);
}
RUNTIME_FUNCTION(cudaLibraryGetManaged, (void **address, size_t *bytes, CUlibrary library, const char *name),
                 (address, bytes, library, name)) {
  return cuLibraryGetManaged(reinterpret_cast<CUdeviceptr *>(address), bytes, library, name);
}

} // namespace tegula::cudart
