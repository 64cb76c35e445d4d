//===- Devices.cpp - initialisation, the device and its attributes, error texts ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Driver.h"

#include <cstring>

namespace tegula::cuda {

/// The version of the driver API that is answered for: CUDA 13.0.
constexpr int driverVersion = 13000;

CU_FUNCTION(nothing, cuInit, (unsigned flags), (flags)) {
  need(flags == 0);
  Driver::get().init();
  return CUDA_SUCCESS;
}

CU_FUNCTION(nothing, cuDriverGetVersion, (int *version), (version)) {
  need(version);
  *version = driverVersion;
  return CUDA_SUCCESS;
}

CU_FUNCTION(nothing, cuGetErrorName, (CUresult code, const char **text), (code, text)) {
  need(text);
  *text = resultName(code);
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CU_FUNCTION(nothing, cuGetErrorString, (CUresult code, const char **text), (code, text)) {
  need(text);
  *text = resultText(code);
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

// --- The device

static void needDevice(CUdevice device) { need(device == 0, CUDA_ERROR_INVALID_DEVICE); }

CU_FUNCTION(init, cuDeviceGetCount, (int *count), (count)) {
  need(count);
  *count = 1;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuDeviceGet, (CUdevice * device, int ordinal), (device, ordinal)) {
  need(device);
  needDevice(ordinal);
  *device = 0;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuDeviceGetName, (char *name, int size, CUdevice device), (name, size, device)) {
  need(name && size > 0);
  needDevice(device);
  const std::string &text = Driver::get().device().name;
  strncpy(name, text.c_str(), size_t(size));
  name[size - 1] = 0;
  return CUDA_SUCCESS;
}

static CUresult uuid(CUuuid *out, CUdevice device) {
  need(out);
  needDevice(device);
  memcpy(out->bytes, "Tegula emulated ", 16);
  out->bytes[15] = uint8_t(Driver::get().device().sm);
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuDeviceGetUuid, (CUuuid * out, CUdevice device), (out, device)) {
  return uuid(out, device);
}
CU_FUNCTION(init, cuDeviceGetUuid_v2, (CUuuid * out, CUdevice device), (out, device)) {
  return uuid(out, device);
}

CU_FUNCTION(init, cuDeviceTotalMem_v2, (size_t *bytes, CUdevice device), (bytes, device)) {
  need(bytes);
  needDevice(device);
  *bytes = Driver::get().device().memory;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuDeviceGetAttribute, (int *value, int attribute, CUdevice device),
            (value, attribute, device)) {
  need(value);
  needDevice(device);
  *value = Driver::get().device().attribute(attribute);
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuDeviceComputeCapability, (int *major, int *minor, CUdevice device),
            (major, minor, device)) {
  need(major && minor);
  needDevice(device);
  *major = Driver::get().device().sm / 10;
  *minor = Driver::get().device().sm % 10;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuDeviceGetProperties, (CUdevprop * p, CUdevice device), (p, device)) {
  need(p);
  needDevice(device);
  const Device &d = Driver::get().device();
  *p = {d.attribute(1),
        {d.attribute(2), d.attribute(3), d.attribute(4)},
        {d.attribute(5), d.attribute(6), d.attribute(7)},
        d.attribute(8),
        d.attribute(9),
        d.attribute(10),
        d.attribute(11),
        d.attribute(12),
        d.attribute(13),
        d.attribute(14)};
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuDeviceGetPCIBusId, (char *id, int size, CUdevice device), (id, size, device)) {
  need(id && size > 0);
  needDevice(device);
  snprintf(id, size_t(size), "0000:00:00.0");
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuDeviceGetByPCIBusId, (CUdevice * device, const char *id), (device, id)) {
  need(device && id);
  unsigned domain = 0, bus = 0, slot = 0;
  need(sscanf(id, "%x:%x:%x", &domain, &bus, &slot) >= 2, CUDA_ERROR_INVALID_VALUE);
  need(!domain && !bus && !slot, CUDA_ERROR_INVALID_DEVICE);
  *device = 0;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuDeviceCanAccessPeer, (int *can, CUdevice device, CUdevice peer), (can, device, peer)) {
  need(can);
  needDevice(device);
  needDevice(peer);
  *can = 0;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuDeviceGetP2PAttribute, (int *value, int attribute, CUdevice device, CUdevice peer),
            (value, attribute, device, peer)) {
  need(value);
  needDevice(device);
  fail(CUDA_ERROR_INVALID_DEVICE); // there is no second one
}

CU_FUNCTION(init, cuDeviceGetTexture1DLinearMaxWidth,
            (size_t *width, int format, unsigned channels, CUdevice device),
            (width, format, channels, device)) {
  need(width);
  needDevice(device);
  *width = size_t(Driver::get().device().attribute(69));
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuDeviceGetExecAffinitySupport, (int *supported, int type, CUdevice device),
            (supported, type, device)) {
  need(supported);
  needDevice(device);
  *supported = 0;
  return CUDA_SUCCESS;
}

} // namespace tegula::cuda
