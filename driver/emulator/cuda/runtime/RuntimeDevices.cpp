//===- RuntimeDevices.cpp - devices, versions, limits ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/runtime/Runtime.h"

#include <cstring>

namespace tegula::cudart {

static cudaError_t check(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }

// --- Versions

CUDART_EXPORT cudaRuntimeGetVersion(int *version) {
  if (!version)
    return leave(cudaErrorInvalidValue);
  *version = TEGULA_CUDART * 1000;
  return cudaSuccess;
}
CUDART_EXPORT cudaDriverGetVersion(int *version) { return leave(cuDriverGetVersion(version)); }

static cudaError_t entryPoint(const char *name, void **function, int version, unsigned long long flags,
                              int *status) {
  int found = 0;
  int bad = cuGetProcAddress_v2(name, function, version, flags, &found);
  if (status) {
    *status = found;
    return bad && !found ? bad : cudaSuccess;
  }
  return bad;
}
#if TEGULA_CUDART >= 12
RUNTIME_STREAM_FUNCTION(cudaGetDriverEntryPoint, _ptsz,
                        (const char *name, void **function, unsigned long long flags, int *status),
                        (name, function, flags, status)) {
  return entryPoint(name, function, TEGULA_CUDART * 1000, flags, status);
}
#else
RUNTIME_STREAM_FUNCTION(cudaGetDriverEntryPoint, _ptsz,
                        (const char *name, void **function, unsigned long long flags),
                        (name, function, flags)) {
  return entryPoint(name, function, TEGULA_CUDART * 1000 + 30, flags, nullptr);
}
#endif
RUNTIME_STREAM_FUNCTION(cudaGetDriverEntryPointByVersion, _ptsz,
                        (const char *name, void **function, unsigned version, unsigned long long flags,
                         int *status),
                        (name, function, version, flags, status)) {
  return entryPoint(name, function, int(version), flags, status);
}

// --- The device

CUDART_EXPORT cudaGetDeviceCount(int *count) {
  int bad = cuInit(0);
  return leave(bad ? bad : cuDeviceGetCount(count));
}
RUNTIME_FUNCTION(cudaGetDevice, (int *device), (device)) {
  if (!device)
    return cudaErrorInvalidValue;
  *device = 0;
  return cudaSuccess;
}
RUNTIME_FUNCTION(cudaSetDevice, (int device), (device)) { return check(device); }
RUNTIME_FUNCTION(cudaInitDevice, (int device, unsigned deviceFlags, unsigned flags),
                 (device, deviceFlags, flags)) {
  return check(device);
}
RUNTIME_FUNCTION(cudaSetValidDevices, (int *devices, int count), (devices, count)) {
  return !devices || count < 1 ? cudaErrorInvalidValue : check(devices[0]);
}
RUNTIME_FUNCTION(cudaChooseDevice, (int *device, const void *properties), (device, properties)) {
  *device = 0;
  return cudaSuccess;
}
RUNTIME_FUNCTION(cudaGetDeviceFlags, (unsigned *flags), (flags)) {
  int active = 0;
  return cuDevicePrimaryCtxGetState(0, flags, &active);
}
RUNTIME_FUNCTION(cudaSetDeviceFlags, (unsigned flags), (flags)) {
  return cuDevicePrimaryCtxSetFlags_v2(0, flags);
}
RUNTIME_FUNCTION(cudaDeviceGetAttribute, (int *value, int attribute, int device),
                 (value, attribute, device)) {
  return cuDeviceGetAttribute(value, attribute, device);
}
RUNTIME_FUNCTION(cudaDeviceGetPCIBusId, (char *id, int size, int device), (id, size, device)) {
  return cuDeviceGetPCIBusId(id, size, device);
}
RUNTIME_FUNCTION(cudaDeviceGetByPCIBusId, (int *device, const char *id), (device, id)) {
  return cuDeviceGetByPCIBusId(device, id);
}
RUNTIME_FUNCTION(cudaDeviceCanAccessPeer, (int *can, int device, int peer), (can, device, peer)) {
  return cuDeviceCanAccessPeer(can, device, peer);
}
RUNTIME_FUNCTION(cudaDeviceEnablePeerAccess, (int peer, unsigned flags), (peer, flags)) {
  return cudaErrorInvalidDevice;
}
RUNTIME_FUNCTION(cudaDeviceDisablePeerAccess, (int peer), (peer)) { return cudaErrorInvalidDevice; }
RUNTIME_FUNCTION(cudaDeviceSynchronize, (), ()) { return cuCtxSynchronize(); }
RUNTIME_FUNCTION(cudaThreadSynchronize, (), ()) { return cuCtxSynchronize(); }
CUDART_EXPORT cudaDeviceReset() {
  int bad = cuInit(0);
  if (!bad)
    bad = cuDevicePrimaryCtxReset_v2(0);
  forgetContext();
  return leave(bad);
}
RUNTIME_FUNCTION(cudaDeviceGetLimit, (size_t *value, int limit), (value, limit)) {
  return cuCtxGetLimit(value, limit);
}
RUNTIME_FUNCTION(cudaDeviceSetLimit, (int limit, size_t value), (limit, value)) {
  return cuCtxSetLimit(limit, value);
}
RUNTIME_FUNCTION(cudaDeviceGetCacheConfig, (int *config), (config)) { return cuCtxGetCacheConfig(config); }
RUNTIME_FUNCTION(cudaDeviceSetCacheConfig, (int config), (config)) { return cuCtxSetCacheConfig(config); }
RUNTIME_FUNCTION(cudaDeviceGetStreamPriorityRange, (int *least, int *greatest), (least, greatest)) {
  return cuCtxGetStreamPriorityRange(least, greatest);
}
RUNTIME_FUNCTION(cudaCtxResetPersistingL2Cache, (), ()) { return cudaSuccess; }
CUDART_EXPORT cudaProfilerStart() { return cudaSuccess; }
CUDART_EXPORT cudaProfilerStop() { return cudaSuccess; }

// --- The structure of properties, which grew from version to version

namespace {
class Fields {
public:
  Fields(void *out, int layout) : start(static_cast<char *>(out)), at(start), layout(layout) {}

  template <typename T> void put(T value) {
    at = start + (size_t(at - start) + alignof(T) - 1) / alignof(T) * alignof(T);
    memcpy(at, &value, sizeof value);
    at += sizeof value;
  }
  void bytes(const void *from, size_t n) {
    memcpy(at, from, n);
    at += n;
  }
  static int of(int attribute) {
    int value = 0;
    cuDeviceGetAttribute(&value, attribute, 0);
    return value;
  }
  void attributes(std::initializer_list<int> numbers) {
    for (int number : numbers)
      put(of(number));
  }
  void size(int attribute) { put(size_t(of(attribute))); }
  /// Fields that CUDA 13 left out.
  void until12(int attribute) {
    if (layout < 13)
      put(of(attribute));
  }

private:
  char *start, *at;

public:
  const int layout;
};
} // namespace

/// `layout`: 11, 12 or 13. The numbers are those of Attributes.def.
static cudaError_t properties(void *out, int device, int layout) {
  if (!out)
    return cudaErrorInvalidValue;
  if (cudaError_t bad = check(device))
    return bad;
  // Without what only later layouts have; the rest of what is reserved stays the caller's.
  constexpr size_t sizes[] = {728, 1032, 1008};
  memset(out, 0, sizes[layout - 11]);
  Fields f(out, layout);
  char name[256] = {};
  cuDeviceGetName(name, sizeof name, device);
  f.bytes(name, sizeof name);
  CUuuid uuid = {};
  cuDeviceGetUuid_v2(&uuid, device);
  f.bytes(&uuid, sizeof uuid);
  f.bytes("\0\0\0\0\0\0\0\0", 8); // luid, of Windows
  f.put(0u);
  size_t total = 0;
  cuDeviceTotalMem_v2(&total, device);
  f.put(total);
  f.size(8);
  f.attributes({12, 10});
  f.size(11);
  f.attributes({1, 2, 3, 4, 5, 6, 7});
  f.until12(13);
  f.size(9);
  f.attributes({75, 76});
  f.size(14);
  f.size(51);
  f.until12(15);
  f.attributes({16});
  f.until12(17);
  f.attributes({18, 19});
  f.until12(20);
  f.attributes({21, 77});
  f.until12(69);
  f.attributes({22, 23, 73, 74, 70, 71, 72, 45, 46, 24, 25, 26, 47, 48, 49, 52, 42, 43, 27,
                28, 29, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68});
  f.size(30);
  f.attributes({31, 32, 33, 34, 50, 35, 40, 41});
  f.until12(36);
  f.attributes({37, 38, 108, 39, 78, 79, 80});
  f.size(81);
  f.attributes({82, 83, 84, 85, 86});
  f.until12(87);
  f.attributes({88, 89, 90, 91, 95});
  f.until12(96);
  f.size(97);
  f.attributes({100, 101, 106, 109});
  f.size(111);
  if (layout >= 12)
    f.attributes({99, 112, 113, 114, 115, 116, 117, 118, 119, 121, 125, 120, 129});
  if (layout >= 13)
    f.attributes({130, 131, 133, 134, 139, 140, 143});
  return cudaSuccess;
}
RUNTIME_FUNCTION(cudaGetDeviceProperties, (void *out, int device), (out, device)) {
  return properties(out, device, TEGULA_CUDART == 12 ? 11 : TEGULA_CUDART);
}
RUNTIME_FUNCTION(cudaGetDeviceProperties_v2, (void *out, int device), (out, device)) {
  return properties(out, device, 12);
}

} // namespace tegula::cudart
