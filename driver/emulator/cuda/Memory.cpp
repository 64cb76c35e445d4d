//===- Memory.cpp - allocation, pinned and managed memory, pools, what a pointer is ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Stream.h"

#include <cstring>

namespace tegula::cuda {

using Kind = Allocation::Kind;

// --- Device memory

CU_FUNCTION(context, cuMemAlloc_v2, (CUdeviceptr * address, size_t bytes), (address, bytes)) {
  need(address);
  *address = Driver::get().allocate(bytes, Kind::device);
  return CUDA_SUCCESS;
}

CU_FUNCTION(context, cuMemAllocPitch_v2,
            (CUdeviceptr * address, size_t *pitch, size_t width, size_t height, unsigned element),
            (address, pitch, width, height, element)) {
  need(address && pitch && width && height && (element == 4 || element == 8 || element == 16));
  *pitch = (width + 511) & ~size_t(511);
  *address = Driver::get().allocate(*pitch * height, Kind::device);
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuMemFree_v2, (CUdeviceptr address), (address)) {
  if (!address)
    return CUDA_SUCCESS;
  Allocation a = Driver::get().find(address);
  need(a.id && a.address == address);
  drain(a.context); // as on a GPU: nothing that is queued may lose its memory
  need(Driver::get().release(address, {Kind::device, Kind::managed}));
  return CUDA_SUCCESS;
}

CU_FUNCTION(context, cuMemGetInfo_v2, (size_t *free, size_t *total), (free, total)) {
  Driver &driver = Driver::get();
  uint64_t used = std::min(driver.memoryUsed(), driver.device().memory);
  if (total)
    *total = driver.device().memory;
  if (free)
    *free = driver.device().memory - used;
  return CUDA_SUCCESS;
}

CU_FUNCTION(context, cuMemGetAddressRange_v2, (CUdeviceptr * base, size_t *bytes, CUdeviceptr address),
            (base, bytes, address)) {
  Allocation a = Driver::get().find(address);
  need(a.id, CUDA_ERROR_NOT_FOUND);
  if (base)
    *base = a.address;
  if (bytes)
    *bytes = a.bytes;
  return CUDA_SUCCESS;
}

// --- Host memory

static CUresult allocateHost(void **address, size_t bytes, unsigned flags) {
  need(address && !(flags & ~7u));
  *address = reinterpret_cast<void *>(Driver::get().allocate(bytes, Kind::pinned, flags));
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuMemAllocHost_v2, (void **address, size_t bytes), (address, bytes)) {
  return allocateHost(address, bytes, 0);
}
CU_FUNCTION(context, cuMemHostAlloc, (void **address, size_t bytes, unsigned flags),
            (address, bytes, flags)) {
  return allocateHost(address, bytes, flags);
}

CU_FUNCTION(init, cuMemFreeHost, (void *address), (address)) {
  Allocation a = Driver::get().find(reinterpret_cast<uint64_t>(address));
  need(a.id);
  drain(a.context);
  need(Driver::get().release(reinterpret_cast<uint64_t>(address), {Kind::pinned}));
  return CUDA_SUCCESS;
}

CU_FUNCTION(context, cuMemHostRegister_v2, (void *address, size_t bytes, unsigned flags),
            (address, bytes, flags)) {
  need(address && bytes && !(flags & ~15u));
  auto first = reinterpret_cast<uint64_t>(address);
  Driver &driver = Driver::get();
  need(!driver.find(first).id && !driver.find(first + bytes - 1).id,
       CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
  driver.addRange(first, bytes, Kind::registered, flags, "registered host memory");
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuMemHostUnregister, (void *address), (address)) {
  Allocation a = Driver::get().find(reinterpret_cast<uint64_t>(address));
  need(a.id, CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
  drain(a.context);
  need(Driver::get().release(reinterpret_cast<uint64_t>(address), {Kind::registered}),
       CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
  return CUDA_SUCCESS;
}

CU_FUNCTION(context, cuMemHostGetDevicePointer_v2, (CUdeviceptr * device, void *host, unsigned flags),
            (device, host, flags)) {
  need(device && !flags);
  need(Driver::get().find(reinterpret_cast<uint64_t>(host)).id);
  *device = reinterpret_cast<uint64_t>(host);
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuMemHostGetFlags, (unsigned *flags, void *host), (flags, host)) {
  need(flags);
  Allocation a = Driver::get().find(reinterpret_cast<uint64_t>(host));
  need(a.id && (a.kind == Kind::pinned || a.kind == Kind::registered));
  *flags = a.flags | 2; // mapped, as all of it is
  return CUDA_SUCCESS;
}

// --- Managed memory: host and device see the same bytes, so hints have nothing to do

CU_FUNCTION(context, cuMemAllocManaged, (CUdeviceptr * address, size_t bytes, unsigned flags),
            (address, bytes, flags)) {
  need(address && (flags == 1 || flags == 2));
  *address = Driver::get().allocate(bytes, Kind::managed, flags);
  return CUDA_SUCCESS;
}

static CUresult hint(CUdeviceptr address, size_t bytes) {
  need(bytes);
  Allocation a = Driver::get().find(address, bytes);
  need(a.id && (a.kind == Kind::managed || a.kind == Kind::variable));
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuMemAdvise, (CUdeviceptr address, size_t bytes, int advice, CUdevice device),
            (address, bytes, advice, device)) {
  return hint(address, bytes);
}
CU_FUNCTION(context, cuMemAdvise_v2, (CUdeviceptr address, size_t bytes, int advice, CUmemLocation location),
            (address, bytes, advice, location)) {
  return hint(address, bytes);
}
CU_STREAM_FUNCTION(context, cuMemPrefetchAsync, _ptsz,
                   (CUdeviceptr address, size_t bytes, CUdevice device, CUstream stream),
                   (address, bytes, device, stream)) {
  streamOf(stream);
  return hint(address, bytes);
}
CU_STREAM_FUNCTION(context, cuMemPrefetchAsync_v2, _ptsz,
                   (CUdeviceptr address, size_t bytes, CUmemLocation location, unsigned flags,
                    CUstream stream),
                   (address, bytes, location, flags, stream)) {
  streamOf(stream);
  return hint(address, bytes);
}
CU_STREAM_FUNCTION(context, cuStreamAttachMemAsync, _ptsz,
                   (CUstream stream, CUdeviceptr address, size_t bytes, unsigned flags),
                   (stream, address, bytes, flags)) {
  streamOf(stream);
  need(Driver::get().find(address).id);
  return CUDA_SUCCESS;
}

// --- Memory in the order of streams

static CUresult allocateAsync(CUdeviceptr *address, size_t bytes, std::shared_ptr<Pool> pool,
                              CUstream stream) {
  need(address);
  streamOf(stream);
  *address = Driver::get().allocate(bytes, Kind::device, 0, std::move(pool));
  return CUDA_SUCCESS;
}
CU_STREAM_FUNCTION(context, cuMemAllocAsync, _ptsz, (CUdeviceptr * address, size_t bytes, CUstream stream),
                   (address, bytes, stream)) {
  return allocateAsync(address, bytes, Driver::get().currentPool, stream);
}
CU_STREAM_FUNCTION(context, cuMemAllocFromPoolAsync, _ptsz,
                   (CUdeviceptr * address, size_t bytes, CUmemoryPool pool, CUstream stream),
                   (address, bytes, pool, stream)) {
  return allocateAsync(address, bytes, Driver::get().pools.get(pool), stream);
}
CU_STREAM_FUNCTION(context, cuMemFreeAsync, _ptsz, (CUdeviceptr address, CUstream handle),
                   (address, handle)) {
  auto stream = streamOf(handle);
  if (!address)
    return CUDA_SUCCESS;
  Allocation a = Driver::get().find(address);
  need(a.id && a.address == address && a.kind == Kind::device);
  enqueue(*stream, {[=] { Driver::get().release(address, {Kind::device}); }, {}, true}, true);
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuMemPoolCreate, (CUmemoryPool * pool, const CUmemPoolProps *properties),
            (pool, properties)) {
  need(pool && properties && properties->allocType == 1);
  need(properties->location.type == locationDevice && properties->location.id == 0, CUDA_ERROR_NOT_SUPPORTED);
  need(!properties->handleTypes, CUDA_ERROR_NOT_SUPPORTED); // shared with other processes
  auto made = std::make_shared<Pool>();
  made->properties = *properties;
  *pool = Driver::get().pools.add(std::move(made));
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuMemPoolDestroy, (CUmemoryPool pool), (pool)) {
  Driver &driver = Driver::get();
  need(!driver.pools.get(pool)->isDefault);
  if (driver.currentPool.get() == pool)
    driver.currentPool = driver.defaultPool;
  driver.pools.remove(pool);
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuMemPoolTrimTo, (CUmemoryPool pool, size_t keep), (pool, keep)) {
  Driver::get().pools.get(pool);
  return CUDA_SUCCESS;
}

namespace {
/// Attributes of a pool; memory goes back at once, so what is reserved is what is used.
enum : int {
  reuseFirst = 1,
  reuseLast = 3,
  threshold = 4,
  reservedNow = 5,
  reservedHigh = 6,
  usedNow = 7,
  usedHigh = 8
};
} // namespace
CU_FUNCTION(init, cuMemPoolGetAttribute, (CUmemoryPool handle, int attribute, void *value),
            (handle, attribute, value)) {
  need(value);
  auto pool = Driver::get().pools.get(handle);
  if (attribute >= reuseFirst && attribute <= reuseLast)
    *static_cast<int *>(value) = pool->reuse[attribute - reuseFirst];
  else if (attribute == threshold)
    *static_cast<uint64_t *>(value) = pool->releaseThreshold;
  else if (attribute == reservedNow || attribute == usedNow)
    *static_cast<uint64_t *>(value) = pool->used.load();
  else if (attribute == reservedHigh || attribute == usedHigh)
    *static_cast<uint64_t *>(value) = pool->usedHigh.load();
  else
    fail(CUDA_ERROR_INVALID_VALUE);
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuMemPoolSetAttribute, (CUmemoryPool handle, int attribute, void *value),
            (handle, attribute, value)) {
  need(value);
  auto pool = Driver::get().pools.get(handle);
  if (attribute >= reuseFirst && attribute <= reuseLast)
    pool->reuse[attribute - reuseFirst] = *static_cast<int *>(value);
  else if (attribute == threshold)
    pool->releaseThreshold = *static_cast<uint64_t *>(value);
  else if (attribute == reservedHigh || attribute == usedHigh)
    pool->usedHigh = pool->used.load();
  else
    fail(CUDA_ERROR_INVALID_VALUE);
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuMemPoolSetAccess, (CUmemoryPool pool, const CUmemAccessDesc *list, size_t count),
            (pool, list, count)) {
  Driver::get().pools.get(pool);
  for (size_t k = 0; k < count; k++)
    need(list && list[k].location.type == locationDevice && list[k].location.id == 0,
         CUDA_ERROR_INVALID_DEVICE);
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuMemPoolGetAccess, (int *flags, CUmemoryPool pool, CUmemLocation *location),
            (flags, pool, location)) {
  need(flags && location);
  Driver::get().pools.get(pool);
  need(location->type == locationDevice && location->id == 0, CUDA_ERROR_INVALID_DEVICE);
  *flags = 3; // read and write
  return CUDA_SUCCESS;
}

static CUresult givePool(CUmemoryPool *pool, CUdevice device, const std::shared_ptr<Pool> &which) {
  need(pool);
  need(device == 0, CUDA_ERROR_INVALID_DEVICE);
  *pool = which.get();
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuDeviceGetDefaultMemPool, (CUmemoryPool * pool, CUdevice device), (pool, device)) {
  return givePool(pool, device, Driver::get().defaultPool);
}
CU_FUNCTION(init, cuDeviceGetMemPool, (CUmemoryPool * pool, CUdevice device), (pool, device)) {
  return givePool(pool, device, Driver::get().currentPool);
}
CU_FUNCTION(init, cuDeviceSetMemPool, (CUdevice device, CUmemoryPool pool), (device, pool)) {
  need(device == 0, CUDA_ERROR_INVALID_DEVICE);
  Driver::get().currentPool = Driver::get().pools.get(pool);
  return CUDA_SUCCESS;
}

// --- What a pointer is

/// Writes an attribute of a known piece; its width depends on the attribute.
static CUresult pointerAttribute(void *out, int attribute, CUdeviceptr address, const Allocation &a) {
  auto give = [&](auto value) {
    memcpy(out, &value, sizeof value);
    return CUDA_SUCCESS;
  };
  auto handle = [](const void *object) { return reinterpret_cast<uint64_t>(object); };
  bool host = a.kind == Kind::pinned || a.kind == Kind::registered;
  switch (attribute) {
  case 1: return give(a.kind == Kind::managed ? 0 : handle(a.context));
  case 2: return give(host ? memoryHost : memoryDevice);
  case 3: return give(address);
  case 4: // of the host
    need(host || a.kind == Kind::managed);
    return give(address);
  case 6: return give(uint32_t(a.syncMemops));
  case 7: return give(a.id);
  case 8: return give(uint8_t(a.kind == Kind::managed));
  case 9: return give(0);           // device ordinal
  case 10: return give(uint8_t(0)); // of another process
  case 11: return give(a.address);
  case 12: return give(size_t(a.bytes));
  case 13: return give(uint8_t(1)); // mapped
  case 14: return give(uint64_t(0));
  case 15: return give(uint8_t(0));
  case 16: return give(3u); // read and write
  case 17: return give(handle(a.pool.get()));
  case 18: return give(size_t(a.bytes));
  case 19: return give(a.address);
  case 20: return give(a.id);
  default: fail(CUDA_ERROR_INVALID_VALUE);
  }
}

CU_FUNCTION(context, cuPointerGetAttribute, (void *out, int attribute, CUdeviceptr address),
            (out, attribute, address)) {
  need(out);
  Allocation a = Driver::get().find(address);
  need(a.id);
  return pointerAttribute(out, attribute, address, a);
}

CU_FUNCTION(context, cuPointerGetAttributes,
            (unsigned count, int *attributes, void **out, CUdeviceptr address),
            (count, attributes, out, address)) {
  need(attributes && out);
  Allocation a = Driver::get().find(address);
  for (unsigned k = 0; k < count; k++) {
    // What does not apply is zero here; only the memory type and the like have a width of 4.
    int which = attributes[k];
    bool wide =
        which == 1 || which == 3 || which == 4 || which == 7 || which == 11 || which == 12 || which == 17;
    memset(out[k], 0, wide ? 8 : which == 8 || which == 10 || which == 13 || which == 15 ? 1 : 4);
    if (!a.id) {
      if (which == 9)
        memset(out[k], 0xfe, 1), memset(static_cast<char *>(out[k]) + 1, 0xff, 3); // -2: no device
      continue;
    }
    if (which == 4 && a.kind != Kind::pinned && a.kind != Kind::registered && a.kind != Kind::managed)
      continue;
    pointerAttribute(out[k], which, address, a);
  }
  return CUDA_SUCCESS;
}

CU_FUNCTION(context, cuPointerSetAttribute, (const void *value, int attribute, CUdeviceptr address),
            (value, attribute, address)) {
  need(value && attribute == 6);
  need(Driver::get().setSyncMemops(address, *static_cast<const unsigned *>(value) != 0));
  return CUDA_SUCCESS;
}

CU_FUNCTION(context, cuMemRangeGetAttribute,
            (void *out, size_t size, int attribute, CUdeviceptr address, size_t bytes),
            (out, size, attribute, address, bytes)) {
  need(out && size);
  hint(address, bytes);
  memset(out, 0, size);
  if (attribute != 1 && size >= 4) { // no preferred place, no latest prefetch
    int none = attribute == 5 || attribute == 7 ? 0 : -2;
    memcpy(out, &none, 4);
  }
  return CUDA_SUCCESS;
}

} // namespace tegula::cuda
