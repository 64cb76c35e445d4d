//===- Contexts.cpp - primary contexts, contexts, limits ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Driver.h"
#include "driver/emulator/cuda/Reports.h"
#include "driver/emulator/cuda/Stream.h"

namespace tegula::cuda {

static void needDevice(CUdevice device) { need(device == 0, CUDA_ERROR_INVALID_DEVICE); }
constexpr unsigned contextFlags = 0xff;

// --- Primary contexts

CU_FUNCTION(init, cuDevicePrimaryCtxRetain, (CUcontext * context, CUdevice device), (context, device)) {
  need(context);
  needDevice(device);
  *context = Driver::get().retainPrimary().get();
  return CUDA_SUCCESS;
}

static CUresult releasePrimary(CUdevice device) {
  needDevice(device);
  Driver::get().releasePrimary();
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuDevicePrimaryCtxRelease, (CUdevice device), (device)) { return releasePrimary(device); }
CU_FUNCTION(init, cuDevicePrimaryCtxRelease_v2, (CUdevice device), (device)) {
  return releasePrimary(device);
}

static CUresult resetPrimary(CUdevice device) {
  needDevice(device);
  Driver::get().resetPrimary();
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuDevicePrimaryCtxReset, (CUdevice device), (device)) { return resetPrimary(device); }
CU_FUNCTION(init, cuDevicePrimaryCtxReset_v2, (CUdevice device), (device)) { return resetPrimary(device); }

static CUresult setPrimaryFlags(CUdevice device, unsigned flags) {
  needDevice(device);
  need(!(flags & ~contextFlags));
  Driver::get().setPrimaryFlags(flags);
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuDevicePrimaryCtxSetFlags, (CUdevice device, unsigned flags), (device, flags)) {
  return setPrimaryFlags(device, flags);
}
CU_FUNCTION(init, cuDevicePrimaryCtxSetFlags_v2, (CUdevice device, unsigned flags), (device, flags)) {
  return setPrimaryFlags(device, flags);
}

CU_FUNCTION(init, cuDevicePrimaryCtxGetState, (CUdevice device, unsigned *flags, int *active),
            (device, flags, active)) {
  need(flags && active);
  needDevice(device);
  *active = Driver::get().primaryActive(*flags);
  return CUDA_SUCCESS;
}

// --- Contexts

static CUresult create(CUcontext *context, unsigned flags, CUdevice device) {
  need(context && !(flags & ~contextFlags));
  needDevice(device);
  auto made = Driver::get().makeContext(flags);
  contextStack().push_back(made);
  *context = made.get();
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuCtxCreate_v2, (CUcontext * context, unsigned flags, CUdevice device),
            (context, flags, device)) {
  return create(context, flags, device);
}
CU_FUNCTION(init, cuCtxCreate_v3,
            (CUcontext * context, void *affinity, int count, unsigned flags, CUdevice device),
            (context, affinity, count, flags, device)) {
  need(!count, CUDA_ERROR_NOT_SUPPORTED);
  return create(context, flags, device);
}
CU_FUNCTION(init, cuCtxCreate_v4,
            (CUcontext * context, const void *parameters, unsigned flags, CUdevice device),
            (context, parameters, flags, device)) {
  struct Parameters {
    const void *affinity;
    int count;
    const void *cig;
  };
  if (auto *p = static_cast<const Parameters *>(parameters))
    need(!p->count && !p->cig, CUDA_ERROR_NOT_SUPPORTED);
  return create(context, flags, device);
}

CU_FUNCTION(init, cuCtxDestroy_v2, (CUcontext context), (context)) {
  auto found = Driver::get().contexts.get(context, CUDA_ERROR_INVALID_CONTEXT);
  need(!found->primary, CUDA_ERROR_INVALID_CONTEXT);
  auto &stack = contextStack();
  if (!stack.empty() && stack.back() == found)
    stack.pop_back();
  Driver::get().destroyContext(found);
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxDetach, (CUcontext context), (context)) {
  auto found = Driver::get().contexts.get(context, CUDA_ERROR_INVALID_CONTEXT);
  if (!found->primary)
    Driver::get().destroyContext(found);
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxPushCurrent_v2, (CUcontext context), (context)) {
  contextStack().push_back(Driver::get().contexts.get(context, CUDA_ERROR_INVALID_CONTEXT));
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxPopCurrent_v2, (CUcontext * context), (context)) {
  auto &stack = contextStack();
  need(!stack.empty(), CUDA_ERROR_INVALID_CONTEXT);
  if (context)
    *context = stack.back().get();
  stack.pop_back();
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxSetCurrent, (CUcontext context), (context)) {
  auto &stack = contextStack();
  std::shared_ptr<Context> found;
  if (context)
    found = Driver::get().contexts.get(context, CUDA_ERROR_INVALID_CONTEXT);
  if (!stack.empty())
    stack.pop_back();
  if (found)
    stack.push_back(std::move(found));
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxGetCurrent, (CUcontext * context), (context)) {
  need(context);
  auto &stack = contextStack();
  *context = stack.empty() || !Driver::get().contexts.find(stack.back().get()) ? nullptr : stack.back().get();
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxGetDevice, (CUdevice * device), (device)) {
  need(device);
  currentContext();
  *device = 0;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxGetDevice_v2, (CUdevice * device, CUcontext context), (device, context)) {
  need(device);
  if (context)
    Driver::get().contexts.get(context, CUDA_ERROR_INVALID_CONTEXT);
  else
    currentContext();
  *device = 0;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxGetFlags, (unsigned *flags), (flags)) {
  need(flags);
  *flags = currentContext()->flags;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxSetFlags, (unsigned flags), (flags)) {
  need(!(flags & ~contextFlags));
  currentContext()->flags = flags;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxGetId, (CUcontext context, unsigned long long *id), (context, id)) {
  need(id);
  *id =
      (context ? Driver::get().contexts.get(context, CUDA_ERROR_CONTEXT_IS_DESTROYED) : currentContext())->id;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxGetApiVersion, (CUcontext context, unsigned *version), (context, version)) {
  need(version);
  if (context)
    Driver::get().contexts.get(context, CUDA_ERROR_INVALID_CONTEXT);
  else
    currentContext();
  *version = 3020;
  return CUDA_SUCCESS;
}

static CUresult synchronise(const std::shared_ptr<Context> &context) {
  drain(context.get());
  checkContext(*context);
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuCtxSynchronize, (), ()) { return synchronise(currentContext()); }
CU_FUNCTION(init, cuCtxSynchronize_v2, (CUcontext context), (context)) {
  return synchronise(context ? Driver::get().contexts.get(context, CUDA_ERROR_INVALID_CONTEXT)
                             : currentContext());
}

// --- Limits and preferences: kept and given back, the emulator has no use for most of them

CU_FUNCTION(init, cuCtxGetLimit, (size_t *value, int limit), (value, limit)) {
  need(value);
  auto context = currentContext();
  auto it = context->limits.find(limit);
  need(it != context->limits.end(), CUDA_ERROR_UNSUPPORTED_LIMIT);
  *value = it->second;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxSetLimit, (int limit, size_t value), (limit, value)) {
  auto context = currentContext();
  need(context->limits.contains(limit), CUDA_ERROR_UNSUPPORTED_LIMIT);
  context->limits[limit] = value;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxGetCacheConfig, (int *config), (config)) {
  need(config);
  *config = currentContext()->cacheConfig;
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuCtxSetCacheConfig, (int config), (config)) {
  need(config >= 0 && config <= 3);
  currentContext()->cacheConfig = config;
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuCtxGetSharedMemConfig, (int *config), (config)) {
  need(config);
  *config = 1; // banks of 4 bytes
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuCtxSetSharedMemConfig, (int config), (config)) {
  need(config >= 0 && config <= 2);
  currentContext();
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxGetStreamPriorityRange, (int *least, int *greatest), (least, greatest)) {
  currentContext();
  if (least)
    *least = 0;
  if (greatest)
    *greatest = -5;
  return CUDA_SUCCESS;
}

CU_FUNCTION(init, cuCtxResetPersistingL2Cache, (), ()) {
  currentContext();
  return CUDA_SUCCESS;
}

// --- Peers: there is one device

CU_FUNCTION(context, cuCtxEnablePeerAccess, (CUcontext peer, unsigned flags), (peer, flags)) {
  Driver::get().contexts.get(peer, CUDA_ERROR_INVALID_CONTEXT);
  fail(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED);
}
CU_FUNCTION(context, cuCtxDisablePeerAccess, (CUcontext peer), (peer)) {
  Driver::get().contexts.get(peer, CUDA_ERROR_INVALID_CONTEXT);
  fail(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED);
}

// --- Profiling: nothing to switch

CU_FUNCTION(nothing, cuProfilerStart, (), ()) { return CUDA_SUCCESS; }
CU_FUNCTION(nothing, cuProfilerStop, (), ()) { return CUDA_SUCCESS; }

} // namespace tegula::cuda
