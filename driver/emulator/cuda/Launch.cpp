//===- Launch.cpp - launches ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Module.h"
#include "driver/emulator/cuda/Reports.h"
#include "driver/emulator/cuda/Stream.h"

#include <algorithm>
#include <cstring>

namespace tegula::cuda {

namespace {
struct Launch {
  CUfunction function;
  const unsigned *grid, *block;
  unsigned shared;
  CUstream stream;
  void **parameters, **extra;
  bool cooperative = false;
};

/// Marks in the list that the form with a buffer of arguments takes.
constexpr uintptr_t extraEnd = 0, extraPointer = 1, extraSize = 2;
} // namespace

/// The bytes of the arguments, copied now: the caller's may change when the call is over.
static std::vector<uint8_t> argumentsOf(const Function &f, void **parameters, void **extra) {
  std::vector<uint8_t> bytes(f.entry->argumentBytes);
  if (extra) {
    need(!parameters);
    const void *buffer = nullptr;
    size_t size = 0;
    for (void **at = extra; reinterpret_cast<uintptr_t>(*at) != extraEnd; at += 2) {
      auto mark = reinterpret_cast<uintptr_t>(*at);
      need(mark == extraPointer || mark == extraSize);
      if (mark == extraPointer)
        buffer = at[1];
      else
        size = *static_cast<size_t *>(at[1]);
    }
    need(size >= bytes.size() && (buffer || bytes.empty()));
    if (!bytes.empty())
      memcpy(bytes.data(), buffer, bytes.size());
    return bytes;
  }
  need(parameters || f.entry->params.empty());
  for (size_t k = 0; k < f.entry->params.size(); k++) {
    const ptx::Passed &p = f.entry->params[k];
    need(parameters[k]);
    memcpy(bytes.data() + p.offset, parameters[k], p.bytes);
  }
  return bytes;
}

static void check(const Function &f, const Launch &l) {
  const Device &d = Driver::get().device();
  uint64_t threads = 1, blocks = 1;
  for (int k = 0; k < 3; k++) {
    need(l.grid[k] && l.block[k] && l.grid[k] <= unsigned(d.attribute(5 + k)) &&
         l.block[k] <= unsigned(d.attribute(2 + k)));
    threads *= l.block[k];
    blocks *= l.grid[k];
  }
  need(threads <= uint64_t(d.attribute(1)));
  need(threads <= f.threadLimit(), CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
  // More than 48 KiB has to be asked for with CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.
  need(l.shared <= unsigned(std::max<int>(f.dynamicSharedLimit, 0)) &&
       l.shared + f.staticShared() <= unsigned(d.attribute(97)));
  if (l.cooperative && blocks > uint64_t(activeBlocks(f, int(threads), l.shared)) * uint64_t(d.attribute(16)))
    fail(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
}

static CUresult launch(const Launch &l) {
  auto f = functions.get(l.function);
  auto stream = streamOf(l.stream);
  check(*f, l);
  ptx::LaunchSettings settings = Driver::get().launchSettings();
  std::copy(l.grid, l.grid + 3, settings.grid);
  std::copy(l.block, l.block + 3, settings.block);
  settings.sharedBytes = l.shared;
  settings.cooperative = l.cooperative;
  settings.hostWrites = Driver::get().hostSharesMemory() || hasCompany(*stream);
  enqueue(*stream, {[f, settings, bytes = argumentsOf(*f, l.parameters, l.extra)] {
                      keepReport(settings,
                                 Driver::get().emulator().launch(*f->loaded, f->name, settings, bytes));
                    },
                    {}});
  return CUDA_SUCCESS;
}

CU_STREAM_FUNCTION(context, cuLaunchKernel, _ptsz,
                   (CUfunction f, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                    unsigned blockY, unsigned blockZ, unsigned shared, CUstream stream, void **parameters,
                    void **extra),
                   (f, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, parameters, extra)) {
  unsigned grid[] = {gridX, gridY, gridZ}, block[] = {blockX, blockY, blockZ};
  return launch({f, grid, block, shared, stream, parameters, extra});
}

CU_STREAM_FUNCTION(context, cuLaunchCooperativeKernel, _ptsz,
                   (CUfunction f, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                    unsigned blockY, unsigned blockZ, unsigned shared, CUstream stream, void **parameters),
                   (f, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, parameters)) {
  unsigned grid[] = {gridX, gridY, gridZ}, block[] = {blockX, blockY, blockZ};
  return launch({f, grid, block, shared, stream, parameters, nullptr, true});
}

CU_STREAM_FUNCTION(context, cuLaunchKernelEx, _ptsz,
                   (const CUlaunchConfig *config, CUfunction f, void **parameters, void **extra),
                   (config, f, parameters, extra)) {
  need(config && (!config->count || config->attributes));
  Launch l{f, config->grid, config->block, config->sharedBytes, config->stream, parameters, extra};
  CUevent after = nullptr;
  for (unsigned k = 0; k < config->count; k++) {
    const CUlaunchAttribute &a = config->attributes[k];
    switch (a.id) {
    case 2: l.cooperative = a.value.cooperative != 0; break;
    case 4:  // cluster dimension
    case 11: // preferred cluster dimension
      for (unsigned n : a.value.clusterDim)
        need(n <= 1, CUDA_ERROR_INVALID_CLUSTER_SIZE);
      break;
    case 7:  // an event when all blocks have triggered, or
    case 12: // when the last one has begun: the end of the launch is late enough
      after = a.value.event.event;
      break;
    case 13: // a node of a graph that the device updates
      need(!a.value.flag, CUDA_ERROR_NOT_SUPPORTED);
      break;
    case 0:  // nothing
    case 1:  // access policy: a hint
    case 3:  // how the host waits
    case 5:  // how clusters are placed
    case 6:  // an earlier start than the order of the stream asks for is allowed, not owed
    case 8:  // priority
    case 9:  // memory domains: all memory is one
    case 10: // the same
    case 14: // carve-out of shared memory: a hint
    case 16: // NVLink: a hint
      break;
    default:
      fail(CUDA_ERROR_NOT_SUPPORTED, "launch attribute " + std::to_string(a.id) + " is not implemented");
    }
  }
  CUresult result = launch(l);
  if (after)
    recordEvent(*events.get(after), *streamOf(l.stream));
  return result;
}

CU_FUNCTION(context, cuLaunchCooperativeKernelMultiDevice,
            (CUDA_LAUNCH_PARAMS * list, unsigned count, unsigned flags), (list, count, flags)) {
  need(list && count == 1, CUDA_ERROR_NOT_SUPPORTED);
  return launch({list->function, list->grid, list->block, list->sharedBytes, list->stream, list->parameters,
                 nullptr, true});
}

// --- Launches as before CUDA 4: the function keeps the shape and the arguments

CU_FUNCTION(context, cuFuncSetBlockShape, (CUfunction handle, int x, int y, int z), (handle, x, y, z)) {
  need(x > 0 && y > 0 && z > 0);
  auto f = functions.get(handle);
  std::lock_guard lock(f->prepared.mutex);
  f->prepared.block[0] = unsigned(x);
  f->prepared.block[1] = unsigned(y);
  f->prepared.block[2] = unsigned(z);
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuFuncSetSharedSize, (CUfunction handle, unsigned bytes), (handle, bytes)) {
  auto f = functions.get(handle);
  std::lock_guard lock(f->prepared.mutex);
  f->prepared.shared = bytes;
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuParamSetSize, (CUfunction handle, unsigned bytes), (handle, bytes)) {
  auto f = functions.get(handle);
  std::lock_guard lock(f->prepared.mutex);
  need(bytes <= 4096);
  f->prepared.arguments.resize(bytes);
  return CUDA_SUCCESS;
}
static CUresult setParameter(CUfunction handle, int offset, const void *from, unsigned bytes) {
  auto f = functions.get(handle);
  std::lock_guard lock(f->prepared.mutex);
  need(offset >= 0 && from && uint64_t(offset) + bytes <= 4096);
  auto &arguments = f->prepared.arguments;
  arguments.resize(std::max<size_t>(arguments.size(), size_t(offset) + bytes));
  memcpy(arguments.data() + offset, from, bytes);
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuParamSetv, (CUfunction f, int offset, void *from, unsigned bytes),
            (f, offset, from, bytes)) {
  return setParameter(f, offset, from, bytes);
}
CU_FUNCTION(context, cuParamSeti, (CUfunction f, int offset, unsigned value), (f, offset, value)) {
  return setParameter(f, offset, &value, sizeof value);
}
CU_FUNCTION(context, cuParamSetf, (CUfunction f, int offset, float value), (f, offset, value)) {
  return setParameter(f, offset, &value, sizeof value);
}

static CUresult launchPrepared(CUfunction handle, int width, int height, CUstream stream) {
  need(width > 0 && height > 0);
  auto f = functions.get(handle);
  unsigned grid[] = {unsigned(width), unsigned(height), 1}, block[3], shared;
  std::vector<uint8_t> arguments;
  {
    std::lock_guard lock(f->prepared.mutex);
    std::copy(f->prepared.block, f->prepared.block + 3, block);
    shared = f->prepared.shared;
    arguments = f->prepared.arguments;
  }
  size_t size = arguments.size();
  void *extra[] = {reinterpret_cast<void *>(extraPointer), arguments.data(),
                   reinterpret_cast<void *>(extraSize), &size, nullptr};
  return launch({handle, grid, block, shared, stream, nullptr, extra});
}
CU_FUNCTION(context, cuLaunch, (CUfunction f), (f)) { return launchPrepared(f, 1, 1, nullptr); }
CU_FUNCTION(context, cuLaunchGrid, (CUfunction f, int width, int height), (f, width, height)) {
  return launchPrepared(f, width, height, nullptr);
}
CU_FUNCTION(context, cuLaunchGridAsync, (CUfunction f, int width, int height, CUstream stream),
            (f, width, height, stream)) {
  return launchPrepared(f, width, height, stream);
}

} // namespace tegula::cuda
