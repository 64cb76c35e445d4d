//===- Runtime.h - the CUDA runtime API, over the driver API ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// libcudart for programs that load it as a shared library (`nvcc -cudart shared`): NVIDIA's own asks the driver to prove
// that it is NVIDIA's. Everything is done by calls of the driver API, so nothing here knows of the emulator. The same
// sources make libcudart.so.11.0, .12 and .13, which differ in a few structures: TEGULA_CUDART is the version.

#pragma once

#include "driver/emulator/cuda/Types.h"

#include <string>

namespace tegula::cudart {

using namespace tegula::cuda;

#define RESULT(name, value) constexpr int name = value;
#define OWN_RESULT(name, value, text) constexpr int name = value;
#include "driver/emulator/cuda/runtime/RuntimeResults.def"
#undef RESULT
#undef OWN_RESULT

using cudaError_t = int;

struct dim3 {
  unsigned x, y, z;
};

/// Directions of copies.
enum cudaMemcpyKind : int {
  hostToHost = 0,
  hostToDevice = 1,
  deviceToHost = 2,
  deviceToDevice = 3,
  byAddress = 4
};

/// Makes the primary context current where the thread has none. The error, which is then also the last one.
cudaError_t prepare();
/// Keeps an error for cudaGetLastError.
cudaError_t leave(cudaError_t code);
void forgetContext(); ///< after a reset

/// A kernel or variable of the program by the address of its host side; loads the code that it is in.
cudaError_t kernelOf(const void *host, CUkernel &kernel);
cudaError_t variableOf(const void *host, CUdeviceptr &address, size_t &bytes);

#define CUDART_EXPORT extern "C" __attribute__((visibility("default"))) cudaError_t

/// A function of the runtime: with a context, and its error kept.
#define RUNTIME_FUNCTION(name, parameters, arguments)                                                        \
  static cudaError_t do_##name parameters;                                                                   \
  CUDART_EXPORT name parameters {                                                                            \
    cudaError_t bad = prepare();                                                                             \
    return bad ? bad : leave(do_##name arguments);                                                           \
  }                                                                                                          \
  static cudaError_t do_##name parameters

/// One with a twin for the per-thread default stream. Bodies see which by `S(stream)`.
#define RUNTIME_STREAM_FUNCTION(name, suffix, parameters, arguments)                                         \
  static cudaError_t do_##name parameters;                                                                   \
  CUDART_EXPORT name parameters {                                                                            \
    cudaError_t bad = prepare();                                                                             \
    return bad ? bad : leave(do_##name arguments);                                                           \
  }                                                                                                          \
  CUDART_EXPORT name##suffix parameters {                                                                    \
    PerThread scope;                                                                                         \
    return name arguments;                                                                                   \
  }                                                                                                          \
  static cudaError_t do_##name parameters

/// While it lives, stream 0 is the calling thread's own.
struct PerThread {
  PerThread();
  ~PerThread();
  bool before;
};
/// The handle that the driver is given for a stream.
CUstream S(CUstream stream);

} // namespace tegula::cudart

// --- The functions of the driver that are called

extern "C" {
using tegula::cuda::CUcontext;
using tegula::cuda::CUDA_MEMCPY2D;
using tegula::cuda::CUDA_MEMCPY3D;
using tegula::cuda::CUdeviceptr;
using tegula::cuda::CUevent;
using tegula::cuda::CUfunction;
using tegula::cuda::CUlaunchConfig;
using tegula::cuda::CUlibrary;
using tegula::cuda::CUmemAccessDesc;
using tegula::cuda::CUmemLocation;
using tegula::cuda::CUmemoryPool;
using tegula::cuda::CUmemPoolProps;
using tegula::cuda::CUmodule;
using tegula::cuda::CUstream;
using tegula::cuda::CUstreamCallback;
using tegula::cuda::CUuuid;

int cuInit(unsigned);
int cuDriverGetVersion(int *);
int cuGetErrorString(int, const char **);
int cuGetProcAddress_v2(const char *, void **, int, uint64_t, int *);
int cuDeviceGetCount(int *);
int cuDeviceGetName(char *, int, int);
int cuDeviceGetUuid_v2(CUuuid *, int);
int cuDeviceTotalMem_v2(size_t *, int);
int cuDeviceGetAttribute(int *, int, int);
int cuDeviceGetPCIBusId(char *, int, int);
int cuDeviceGetByPCIBusId(int *, const char *);
int cuDeviceCanAccessPeer(int *, int, int);
int cuDeviceGetDefaultMemPool(CUmemoryPool *, int);
int cuDeviceGetMemPool(CUmemoryPool *, int);
int cuDeviceSetMemPool(int, CUmemoryPool);
int cuDevicePrimaryCtxRetain(CUcontext *, int);
int cuDevicePrimaryCtxReset_v2(int);
int cuDevicePrimaryCtxGetState(int, unsigned *, int *);
int cuDevicePrimaryCtxSetFlags_v2(int, unsigned);
int cuCtxGetCurrent(CUcontext *);
int cuCtxSetCurrent(CUcontext);
int cuCtxSynchronize();
int cuCtxGetLimit(size_t *, int);
int cuCtxSetLimit(int, size_t);
int cuCtxGetCacheConfig(int *);
int cuCtxSetCacheConfig(int);
int cuCtxGetStreamPriorityRange(int *, int *);
int cuMemAlloc_v2(CUdeviceptr *, size_t);
int cuMemAllocPitch_v2(CUdeviceptr *, size_t *, size_t, size_t, unsigned);
int cuMemAllocManaged(CUdeviceptr *, size_t, unsigned);
int cuMemAllocAsync(CUdeviceptr *, size_t, CUstream);
int cuMemAllocFromPoolAsync(CUdeviceptr *, size_t, CUmemoryPool, CUstream);
int cuMemFree_v2(CUdeviceptr);
int cuMemFreeAsync(CUdeviceptr, CUstream);
int cuMemHostAlloc(void **, size_t, unsigned);
int cuMemFreeHost(void *);
int cuMemHostRegister_v2(void *, size_t, unsigned);
int cuMemHostUnregister(void *);
int cuMemHostGetDevicePointer_v2(CUdeviceptr *, void *, unsigned);
int cuMemHostGetFlags(unsigned *, void *);
int cuMemGetInfo_v2(size_t *, size_t *);
int cuMemPoolCreate(CUmemoryPool *, const CUmemPoolProps *);
int cuMemPoolDestroy(CUmemoryPool);
int cuMemPoolTrimTo(CUmemoryPool, size_t);
int cuMemPoolGetAttribute(CUmemoryPool, int, void *);
int cuMemPoolSetAttribute(CUmemoryPool, int, void *);
int cuMemPoolSetAccess(CUmemoryPool, const CUmemAccessDesc *, size_t);
int cuMemPoolGetAccess(int *, CUmemoryPool, CUmemLocation *);
int cuMemAdvise(CUdeviceptr, size_t, int, int);
int cuMemPrefetchAsync(CUdeviceptr, size_t, int, CUstream);
int cuMemcpyAsync(CUdeviceptr, CUdeviceptr, size_t, CUstream);
int cuMemcpyHtoDAsync_v2(CUdeviceptr, const void *, size_t, CUstream);
int cuMemcpyDtoHAsync_v2(void *, CUdeviceptr, size_t, CUstream);
int cuMemcpyDtoDAsync_v2(CUdeviceptr, CUdeviceptr, size_t, CUstream);
int cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *, CUstream);
int cuMemsetD8Async(CUdeviceptr, unsigned char, size_t, CUstream);
int cuMemsetD2D8Async(CUdeviceptr, size_t, unsigned char, size_t, size_t, CUstream);
int cuPointerGetAttributes(unsigned, int *, void **, CUdeviceptr);
int cuStreamCreateWithPriority(CUstream *, unsigned, int);
int cuStreamDestroy_v2(CUstream);
int cuStreamSynchronize(CUstream);
int cuStreamQuery(CUstream);
int cuStreamWaitEvent(CUstream, CUevent, unsigned);
int cuStreamGetFlags(CUstream, unsigned *);
int cuStreamGetPriority(CUstream, int *);
int cuStreamGetId(CUstream, unsigned long long *);
int cuStreamIsCapturing(CUstream, int *);
int cuStreamAddCallback(CUstream, CUstreamCallback, void *, unsigned);
int cuStreamAttachMemAsync(CUstream, CUdeviceptr, size_t, unsigned);
int cuThreadExchangeStreamCaptureMode(int *);
int cuLaunchHostFunc(CUstream, void (*)(void *), void *);
int cuEventCreate(CUevent *, unsigned);
int cuEventDestroy_v2(CUevent);
int cuEventRecordWithFlags(CUevent, CUstream, unsigned);
int cuEventSynchronize(CUevent);
int cuEventQuery(CUevent);
int cuEventElapsedTime(float *, CUevent, CUevent);
int cuLibraryLoadData(CUlibrary *, const void *, int *, void **, unsigned, int *, void **, unsigned);
int cuLibraryLoadFromFile(CUlibrary *, const char *, int *, void **, unsigned, int *, void **, unsigned);
int cuLibraryUnload(CUlibrary);
int cuLibraryGetKernel(CUfunction *, CUlibrary, const char *);
int cuLibraryGetKernelCount(unsigned *, CUlibrary);
int cuLibraryEnumerateKernels(CUfunction *, unsigned, CUlibrary);
int cuLibraryGetGlobal(CUdeviceptr *, size_t *, CUlibrary, const char *);
int cuLibraryGetManaged(CUdeviceptr *, size_t *, CUlibrary, const char *);
int cuFuncGetAttribute(int *, int, CUfunction);
int cuFuncSetAttribute(CUfunction, int, int);
int cuFuncSetCacheConfig(CUfunction, int);
int cuFuncGetName(const char **, CUfunction);
int cuFuncGetParamInfo(CUfunction, size_t, size_t *, size_t *);
int cuLaunchKernelEx(const CUlaunchConfig *, CUfunction, void **, void **);
int cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *, CUfunction, int, size_t, unsigned);
int cuOccupancyAvailableDynamicSMemPerBlock(size_t *, CUfunction, int, int);
}
