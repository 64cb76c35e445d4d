//===- RuntimeMemory.cpp - memory, copies, fills ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/runtime/Runtime.h"

#include <cstring>

namespace tegula::cudart {

static CUdeviceptr at(const void *p) { return reinterpret_cast<CUdeviceptr>(p); }
static CUdeviceptr *at(void **p) { return reinterpret_cast<CUdeviceptr *>(p); }

// --- Allocation

RUNTIME_FUNCTION(cudaMalloc, (void **address, size_t bytes), (address, bytes)) {
  if (address && !bytes)
    return *address = nullptr, cudaSuccess;
  return cuMemAlloc_v2(at(address), bytes);
}
RUNTIME_FUNCTION(cudaFree, (void *address), (address)) { return cuMemFree_v2(at(address)); }
RUNTIME_FUNCTION(cudaMallocPitch, (void **address, size_t *pitch, size_t width, size_t height),
                 (address, pitch, width, height)) {
  return cuMemAllocPitch_v2(at(address), pitch, width, height, 4);
}

struct Pitched {
  void *address;
  size_t pitch, xsize, ysize;
};
struct Extent {
  size_t width, height, depth;
};
struct Position {
  size_t x, y, z;
};
RUNTIME_FUNCTION(cudaMalloc3D, (Pitched * out, Extent extent), (out, extent)) {
  *out = {nullptr, 0, extent.width, extent.height};
  return cuMemAllocPitch_v2(at(&out->address), &out->pitch, extent.width, extent.height * extent.depth, 4);
}

RUNTIME_FUNCTION(cudaMallocManaged, (void **address, size_t bytes, unsigned flags), (address, bytes, flags)) {
  return cuMemAllocManaged(at(address), bytes, flags ? flags : 1);
}
RUNTIME_FUNCTION(cudaMallocHost, (void **address, size_t bytes), (address, bytes)) {
  return cuMemHostAlloc(address, bytes, 0);
}
RUNTIME_FUNCTION(cudaHostAlloc, (void **address, size_t bytes, unsigned flags), (address, bytes, flags)) {
  return cuMemHostAlloc(address, bytes, flags);
}
RUNTIME_FUNCTION(cudaFreeHost, (void *address), (address)) {
  return address ? cuMemFreeHost(address) : cudaSuccess;
}
RUNTIME_FUNCTION(cudaHostRegister, (void *address, size_t bytes, unsigned flags), (address, bytes, flags)) {
  return cuMemHostRegister_v2(address, bytes, flags);
}
RUNTIME_FUNCTION(cudaHostUnregister, (void *address), (address)) { return cuMemHostUnregister(address); }
RUNTIME_FUNCTION(cudaHostGetDevicePointer, (void **device, void *host, unsigned flags),
                 (device, host, flags)) {
  return cuMemHostGetDevicePointer_v2(at(device), host, flags);
}
RUNTIME_FUNCTION(cudaHostGetFlags, (unsigned *flags, void *host), (flags, host)) {
  return cuMemHostGetFlags(flags, host);
}
RUNTIME_FUNCTION(cudaMemGetInfo, (size_t *free, size_t *total), (free, total)) {
  return cuMemGetInfo_v2(free, total);
}

RUNTIME_STREAM_FUNCTION(cudaMallocAsync, _ptsz, (void **address, size_t bytes, CUstream stream),
                        (address, bytes, stream)) {
  return cuMemAllocAsync(at(address), bytes, S(stream));
}
RUNTIME_STREAM_FUNCTION(cudaMallocFromPoolAsync, _ptsz,
                        (void **address, size_t bytes, CUmemoryPool pool, CUstream stream),
                        (address, bytes, pool, stream)) {
  return cuMemAllocFromPoolAsync(at(address), bytes, pool, S(stream));
}
RUNTIME_STREAM_FUNCTION(cudaFreeAsync, _ptsz, (void *address, CUstream stream), (address, stream)) {
  return cuMemFreeAsync(at(address), S(stream));
}
RUNTIME_FUNCTION(cudaMemPoolCreate, (CUmemoryPool * pool, const CUmemPoolProps *properties),
                 (pool, properties)) {
  return cuMemPoolCreate(pool, properties);
}
RUNTIME_FUNCTION(cudaMemPoolDestroy, (CUmemoryPool pool), (pool)) { return cuMemPoolDestroy(pool); }
RUNTIME_FUNCTION(cudaMemPoolTrimTo, (CUmemoryPool pool, size_t keep), (pool, keep)) {
  return cuMemPoolTrimTo(pool, keep);
}
RUNTIME_FUNCTION(cudaMemPoolGetAttribute, (CUmemoryPool pool, int attribute, void *value),
                 (pool, attribute, value)) {
  return cuMemPoolGetAttribute(pool, attribute, value);
}
RUNTIME_FUNCTION(cudaMemPoolSetAttribute, (CUmemoryPool pool, int attribute, void *value),
                 (pool, attribute, value)) {
  return cuMemPoolSetAttribute(pool, attribute, value);
}
RUNTIME_FUNCTION(cudaMemPoolSetAccess, (CUmemoryPool pool, const CUmemAccessDesc *list, size_t count),
                 (pool, list, count)) {
  return cuMemPoolSetAccess(pool, list, count);
}
RUNTIME_FUNCTION(cudaMemPoolGetAccess, (int *flags, CUmemoryPool pool, CUmemLocation *location),
                 (flags, pool, location)) {
  return cuMemPoolGetAccess(flags, pool, location);
}
RUNTIME_FUNCTION(cudaDeviceGetDefaultMemPool, (CUmemoryPool * pool, int device), (pool, device)) {
  return cuDeviceGetDefaultMemPool(pool, device);
}
RUNTIME_FUNCTION(cudaDeviceGetMemPool, (CUmemoryPool * pool, int device), (pool, device)) {
  return cuDeviceGetMemPool(pool, device);
}
RUNTIME_FUNCTION(cudaDeviceSetMemPool, (int device, CUmemoryPool pool), (device, pool)) {
  return cuDeviceSetMemPool(device, pool);
}

#if TEGULA_CUDART >= 13
RUNTIME_FUNCTION(cudaMemAdvise, (const void *address, size_t bytes, int advice, CUmemLocation location),
                 (address, bytes, advice, location)) {
  return cuMemAdvise(at(address), bytes, advice, location.id);
}
RUNTIME_STREAM_FUNCTION(cudaMemPrefetchAsync, _ptsz,
                        (const void *address, size_t bytes, CUmemLocation location, unsigned flags,
                         CUstream stream),
                        (address, bytes, location, flags, stream)) {
  return cuMemPrefetchAsync(at(address), bytes, location.id, S(stream));
}
#else
RUNTIME_FUNCTION(cudaMemAdvise, (const void *address, size_t bytes, int advice, int device),
                 (address, bytes, advice, device)) {
  return cuMemAdvise(at(address), bytes, advice, device);
}
RUNTIME_STREAM_FUNCTION(cudaMemPrefetchAsync, _ptsz,
                        (const void *address, size_t bytes, int device, CUstream stream),
                        (address, bytes, device, stream)) {
  return cuMemPrefetchAsync(at(address), bytes, device, S(stream));
}
#endif

struct PointerAttributes {
  int type; ///< 0 unregistered, 1 host, 2 device, 3 managed
  int device;
  void *devicePointer, *hostPointer;
};
RUNTIME_FUNCTION(cudaPointerGetAttributes, (PointerAttributes * out, const void *address), (out, address)) {
  if (!out)
    return cudaErrorInvalidValue;
  unsigned type = 0;
  uint8_t managed = 0;
  int device = -2;
  void *devicePointer = nullptr, *hostPointer = nullptr;
  int which[] = {2, 8, 9, 3, 4};
  void *results[] = {&type, &managed, &device, &devicePointer, &hostPointer};
  if (int bad = cuPointerGetAttributes(5, which, results, at(address)))
    return bad;
  *out = {managed ? 3 : int(type), device, devicePointer, type ? hostPointer : const_cast<void *>(address)};
  return cudaSuccess;
}

// --- Copies

/// Waits where the function is not asynchronous.
static cudaError_t finish(int result, CUstream stream, bool wait) {
  return result || !wait ? result : cuStreamSynchronize(stream);
}

static cudaError_t copy(CUdeviceptr to, CUdeviceptr from, size_t bytes, int kind, CUstream stream,
                        bool wait) {
  if (kind < hostToHost || kind > byAddress)
    return cudaErrorInvalidMemcpyDirection;
  if (!bytes)
    return cudaSuccess;
  int result =
      kind == hostToDevice     ? cuMemcpyHtoDAsync_v2(to, reinterpret_cast<const void *>(from), bytes, stream)
      : kind == deviceToHost   ? cuMemcpyDtoHAsync_v2(reinterpret_cast<void *>(to), from, bytes, stream)
      : kind == deviceToDevice ? cuMemcpyDtoDAsync_v2(to, from, bytes, stream)
                               : cuMemcpyAsync(to, from, bytes, stream);
  return finish(result, stream, wait);
}

RUNTIME_STREAM_FUNCTION(cudaMemcpy, _ptds, (void *to, const void *from, size_t bytes, int kind),
                        (to, from, bytes, kind)) {
  return copy(at(to), at(from), bytes, kind, S(nullptr), true);
}
RUNTIME_STREAM_FUNCTION(cudaMemcpyAsync, _ptsz,
                        (void *to, const void *from, size_t bytes, int kind, CUstream stream),
                        (to, from, bytes, kind, stream)) {
  return copy(at(to), at(from), bytes, kind, S(stream), false);
}
RUNTIME_FUNCTION(cudaMemcpyPeer, (void *to, int toDevice, const void *from, int fromDevice, size_t bytes),
                 (to, toDevice, from, fromDevice, bytes)) {
  return toDevice || fromDevice ? cudaErrorInvalidDevice
                                : copy(at(to), at(from), bytes, deviceToDevice, S(nullptr), true);
}
RUNTIME_FUNCTION(cudaMemcpyPeerAsync,
                 (void *to, int toDevice, const void *from, int fromDevice, size_t bytes, CUstream stream),
                 (to, toDevice, from, fromDevice, bytes, stream)) {
  return toDevice || fromDevice ? cudaErrorInvalidDevice
                                : copy(at(to), at(from), bytes, deviceToDevice, S(stream), false);
}

/// To and from variables of the program.
static cudaError_t copySymbol(const void *symbol, size_t offset, CUdeviceptr other, size_t bytes, int kind,
                              bool toSymbol, CUstream stream, bool wait) {
  CUdeviceptr address = 0;
  size_t size = 0;
  if (cudaError_t bad = variableOf(symbol, address, size))
    return bad;
  if (offset > size || bytes > size - offset)
    return cudaErrorInvalidValue;
  address += offset;
  return toSymbol ? copy(address, other, bytes, kind, stream, wait)
                  : copy(other, address, bytes, kind, stream, wait);
}
RUNTIME_STREAM_FUNCTION(cudaMemcpyToSymbol, _ptds,
                        (const void *symbol, const void *from, size_t bytes, size_t offset, int kind),
                        (symbol, from, bytes, offset, kind)) {
  return copySymbol(symbol, offset, at(from), bytes, kind, true, S(nullptr), true);
}
RUNTIME_STREAM_FUNCTION(cudaMemcpyFromSymbol, _ptds,
                        (void *to, const void *symbol, size_t bytes, size_t offset, int kind),
                        (to, symbol, bytes, offset, kind)) {
  return copySymbol(symbol, offset, at(to), bytes, kind, false, S(nullptr), true);
}
RUNTIME_STREAM_FUNCTION(cudaMemcpyToSymbolAsync, _ptsz,
                        (const void *symbol, const void *from, size_t bytes, size_t offset, int kind,
                         CUstream stream),
                        (symbol, from, bytes, offset, kind, stream)) {
  return copySymbol(symbol, offset, at(from), bytes, kind, true, S(stream), false);
}
RUNTIME_STREAM_FUNCTION(cudaMemcpyFromSymbolAsync, _ptsz,
                        (void *to, const void *symbol, size_t bytes, size_t offset, int kind,
                         CUstream stream),
                        (to, symbol, bytes, offset, kind, stream)) {
  return copySymbol(symbol, offset, at(to), bytes, kind, false, S(stream), false);
}
RUNTIME_FUNCTION(cudaGetSymbolAddress, (void **address, const void *symbol), (address, symbol)) {
  size_t size = 0;
  return variableOf(symbol, *at(address), size);
}
RUNTIME_FUNCTION(cudaGetSymbolSize, (size_t *size, const void *symbol), (size, symbol)) {
  CUdeviceptr address = 0;
  return variableOf(symbol, address, *size);
}

/// The memory types of the two ends for a direction.
static void setTypes(CUDA_MEMCPY3D &c, int kind) {
  auto type = [&](bool host) { return kind == byAddress ? memoryUnified : host ? memoryHost : memoryDevice; };
  c.src.type = type(kind == hostToHost || kind == hostToDevice);
  c.dst.type = type(kind == hostToHost || kind == deviceToHost);
  for (CopyEnd3D *end : {&c.src, &c.dst})
    end->host = reinterpret_cast<const void *>(end->device);
}
static cudaError_t copy2D(void *to, size_t toPitch, const void *from, size_t fromPitch, size_t width,
                          size_t height, int kind, CUstream stream, bool wait) {
  if (kind < hostToHost || kind > byAddress)
    return cudaErrorInvalidMemcpyDirection;
  if (width > toPitch || width > fromPitch)
    return cudaErrorInvalidPitchValue;
  CUDA_MEMCPY3D c = {};
  c.src.device = at(from);
  c.src.pitch = fromPitch;
  c.dst.device = at(to);
  c.dst.pitch = toPitch;
  setTypes(c, kind);
  c.width = width;
  c.height = height;
  c.depth = 1;
  return finish(cuMemcpy3DAsync_v2(&c, stream), stream, wait);
}
RUNTIME_STREAM_FUNCTION(cudaMemcpy2D, _ptds,
                        (void *to, size_t toPitch, const void *from, size_t fromPitch, size_t width,
                         size_t height, int kind),
                        (to, toPitch, from, fromPitch, width, height, kind)) {
  return copy2D(to, toPitch, from, fromPitch, width, height, kind, S(nullptr), true);
}
RUNTIME_STREAM_FUNCTION(cudaMemcpy2DAsync, _ptsz,
                        (void *to, size_t toPitch, const void *from, size_t fromPitch, size_t width,
                         size_t height, int kind, CUstream stream),
                        (to, toPitch, from, fromPitch, width, height, kind, stream)) {
  return copy2D(to, toPitch, from, fromPitch, width, height, kind, S(stream), false);
}

struct Copy3D {
  void *srcArray;
  Position srcPos;
  Pitched src;
  void *dstArray;
  Position dstPos;
  Pitched dst;
  Extent extent;
  int kind;
};
static cudaError_t copy3D(const Copy3D *p, CUstream stream, bool wait) {
  if (!p || p->kind < hostToHost || p->kind > byAddress)
    return cudaErrorInvalidValue;
  if (p->srcArray || p->dstArray)
    return cudaErrorNotSupported;
  CUDA_MEMCPY3D c = {};
  auto end = [](CopyEnd3D &e, const Position &from, const Pitched &memory) {
    e.x = from.x;
    e.y = from.y;
    e.z = from.z;
    e.device = at(memory.address);
    e.pitch = memory.pitch;
    e.height = memory.ysize;
  };
  end(c.src, p->srcPos, p->src);
  end(c.dst, p->dstPos, p->dst);
  setTypes(c, p->kind);
  c.width = p->extent.width;
  c.height = p->extent.height;
  c.depth = p->extent.depth;
  return finish(cuMemcpy3DAsync_v2(&c, stream), stream, wait);
}
RUNTIME_STREAM_FUNCTION(cudaMemcpy3D, _ptds, (const Copy3D *p), (p)) { return copy3D(p, S(nullptr), true); }
RUNTIME_STREAM_FUNCTION(cudaMemcpy3DAsync, _ptsz, (const Copy3D *p, CUstream stream), (p, stream)) {
  return copy3D(p, S(stream), false);
}

// --- Fills

RUNTIME_STREAM_FUNCTION(cudaMemset, _ptds, (void *to, int value, size_t bytes), (to, value, bytes)) {
  return finish(cuMemsetD8Async(at(to), uint8_t(value), bytes, S(nullptr)), S(nullptr), true);
}
RUNTIME_STREAM_FUNCTION(cudaMemsetAsync, _ptsz, (void *to, int value, size_t bytes, CUstream stream),
                        (to, value, bytes, stream)) {
  return cuMemsetD8Async(at(to), uint8_t(value), bytes, S(stream));
}
RUNTIME_STREAM_FUNCTION(cudaMemset2D, _ptds, (void *to, size_t pitch, int value, size_t width, size_t height),
                        (to, pitch, value, width, height)) {
  return finish(cuMemsetD2D8Async(at(to), pitch, uint8_t(value), width, height, S(nullptr)), S(nullptr),
                true);
}
RUNTIME_STREAM_FUNCTION(cudaMemset2DAsync, _ptsz,
                        (void *to, size_t pitch, int value, size_t width, size_t height, CUstream stream),
                        (to, pitch, value, width, height, stream)) {
  return cuMemsetD2D8Async(at(to), pitch, uint8_t(value), width, height, S(stream));
}
static cudaError_t fill3D(const Pitched &to, int value, const Extent &e, CUstream stream, bool wait) {
  for (size_t z = 0; z < e.depth; z++)
    if (int bad = cuMemsetD2D8Async(at(to.address) + z * to.pitch * to.ysize, to.pitch, uint8_t(value),
                                    e.width, e.height, stream))
      return bad;
  return finish(cudaSuccess, stream, wait);
}
RUNTIME_STREAM_FUNCTION(cudaMemset3D, _ptds, (Pitched to, int value, Extent extent), (to, value, extent)) {
  return fill3D(to, value, extent, S(nullptr), true);
}
RUNTIME_STREAM_FUNCTION(cudaMemset3DAsync, _ptsz, (Pitched to, int value, Extent extent, CUstream stream),
                        (to, value, extent, stream)) {
  return fill3D(to, value, extent, S(stream), false);
}

// --- Textures and surfaces: not implemented. Programs register those they have before main, used or not.

struct ChannelFormat {
  int x, y, z, w, kind;
};
extern "C" __attribute__((visibility("default"))) ChannelFormat cudaCreateChannelDesc(int x, int y, int z,
                                                                                      int w, int kind) {
  return {x, y, z, w, kind};
}
extern "C" __attribute__((visibility("default"))) void
__cudaRegisterTexture(void **, const void *, const void **, const char *, int, int, int) {}
extern "C" __attribute__((visibility("default"))) void
__cudaRegisterSurface(void **, const void *, const void **, const char *, int, int) {}

} // namespace tegula::cudart
