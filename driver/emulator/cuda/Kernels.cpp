//===- Kernels.cpp - what a kernel is: attributes, parameters, occupancy ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Module.h"
#include "driver/emulator/cuda/Stream.h"
#include "driver/emulator/cuda/Types.h"

#include <algorithm>

namespace tegula::cuda {

// --- Attributes

uint32_t Function::threadLimit() const {
  uint32_t most = 1024;
  if (const ptx::Function *ast = entry->ast) {
    const uint32_t *n = ast->maxThreads[0] ? ast->maxThreads : ast->requiredThreads;
    if (n[0])
      most = n[0] * std::max(n[1], 1u) * std::max(n[2], 1u);
  }
  return std::min(most, 1024u);
}

static uint32_t constantBytes(const Function &f) {
  uint64_t sum = 0;
  for (const ptx::Variable &v : f.loaded->program().module.variables)
    if (v.function < 0 && v.space == ptx::Space::constant)
      sum += v.bytes;
  return uint32_t(sum);
}

static int attributeOf(const Function &f, int attribute) {
  switch (attribute) {
  case 0: return int(f.threadLimit());
  case 1: return int(f.staticShared());
  case 2: return int(constantBytes(f));
  case 3: return f.info.localBytes;
  case 4: return f.info.registers;
  case 5: return f.loaded->program().module.version;
  case 6: return Driver::get().device().sm;
  case 7: return 0; // global loads are not cached otherwise than asked for
  case 8: return f.dynamicSharedLimit;
  case 9: return f.carveout;
  case 10:
  case 11:
  case 12:
  case 13:
  case 14:
  case 15: return 0; // clusters
  default: fail(CUDA_ERROR_INVALID_VALUE);
  }
}

static void setAttribute(Function &f, int attribute, int value) {
  if (attribute == 8) {
    need(value >= 0 && int64_t(value) + f.staticShared() <= Driver::get().device().attribute(97));
    f.dynamicSharedLimit = value;
  } else if (attribute == 9) {
    need(value >= -1 && value <= 100);
    f.carveout = value;
  } else {
    fail(CUDA_ERROR_INVALID_VALUE);
  }
}

static std::shared_ptr<Function> functionOf(CUfunction handle) { return functions.get(handle); }

CU_FUNCTION(context, cuFuncGetAttribute, (int *value, int attribute, CUfunction f), (value, attribute, f)) {
  need(value);
  *value = attributeOf(*functionOf(f), attribute);
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuFuncSetAttribute, (CUfunction f, int attribute, int value), (f, attribute, value)) {
  setAttribute(*functionOf(f), attribute, value);
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuKernelGetAttribute, (int *value, int attribute, CUkernel f, CUdevice device),
            (value, attribute, f, device)) {
  need(value);
  need(device == 0, CUDA_ERROR_INVALID_DEVICE);
  *value = attributeOf(*functionOf(f), attribute);
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuKernelSetAttribute, (int attribute, int value, CUkernel f, CUdevice device),
            (attribute, value, f, device)) {
  need(device == 0, CUDA_ERROR_INVALID_DEVICE);
  setAttribute(*functionOf(f), attribute, value);
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuFuncSetCacheConfig, (CUfunction f, int config), (f, config)) {
  need(config >= 0 && config <= 3);
  functionOf(f)->cacheConfig = config;
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuKernelSetCacheConfig, (CUkernel f, int config, CUdevice device), (f, config, device)) {
  need(config >= 0 && config <= 3);
  functionOf(f)->cacheConfig = config;
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuFuncSetSharedMemConfig, (CUfunction f, int config), (f, config)) {
  functionOf(f);
  need(config >= 0 && config <= 2);
  return CUDA_SUCCESS;
}

CU_FUNCTION(context, cuFuncGetModule, (CUmodule * module, CUfunction f), (module, f)) {
  need(module);
  *module = functionOf(f)->module;
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuKernelGetLibrary, (CUlibrary * library, CUkernel f), (library, f)) {
  need(library);
  *library = functionOf(f)->module;
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuKernelGetFunction, (CUfunction * f, CUkernel kernel), (f, kernel)) {
  need(f);
  currentContext();
  *f = functionOf(kernel).get();
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuFuncGetName, (const char **name, CUfunction f), (name, f)) {
  need(name);
  *name = functionOf(f)->name.c_str();
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuKernelGetName, (const char **name, CUkernel f), (name, f)) {
  need(name);
  *name = functionOf(f)->name.c_str();
  return CUDA_SUCCESS;
}

static CUresult parameterInfo(CUfunction handle, size_t index, size_t *offset, size_t *size) {
  auto f = functionOf(handle);
  need(offset && index < f->entry->params.size());
  *offset = f->entry->params[index].offset;
  if (size)
    *size = f->entry->params[index].bytes;
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuFuncGetParamInfo, (CUfunction f, size_t index, size_t *offset, size_t *size),
            (f, index, offset, size)) {
  return parameterInfo(f, index, offset, size);
}
CU_FUNCTION(init, cuKernelGetParamInfo, (CUkernel f, size_t index, size_t *offset, size_t *size),
            (f, index, offset, size)) {
  return parameterInfo(f, index, offset, size);
}
CU_FUNCTION(init, cuFuncIsLoaded, (int *loaded, CUfunction f), (loaded, f)) {
  need(loaded);
  functionOf(f);
  *loaded = 1;
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuFuncLoad, (CUfunction f), (f)) {
  functionOf(f);
  return CUDA_SUCCESS;
}

// --- Occupancy (the rules of the CUDA C++ guide and of its occupancy calculator)

int activeBlocks(const Function &f, int threads, size_t dynamicShared) {
  const Device &d = Driver::get().device();
  if (uint32_t(threads) > f.threadLimit())
    return 0;
  auto up = [](int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; };
  int64_t warps = (threads + 31) / 32;
  int64_t byWarps = d.attribute(39) / 32 / warps;
  // Registers are given to a warp in pieces of 256.
  int64_t perWarp = up(std::max(f.info.registers, 1) * 32, 256);
  int64_t byRegisters = d.attribute(82) / 4 / perWarp * 4 / warps; // of four schedulers
  int64_t unit = d.sm == 75 ? 256 : 128;
  int64_t shared = up(int64_t(f.staticShared()) + int64_t(dynamicShared) + d.attribute(111), unit);
  int64_t byShared = shared ? d.attribute(81) / shared : d.attribute(106);
  return int(std::min({byWarps, byRegisters, byShared, int64_t(d.attribute(106))}));
}

static CUresult maxActive(int *blocks, CUfunction f, int threads, size_t shared) {
  need(blocks && threads > 0);
  *blocks = activeBlocks(*functionOf(f), threads, shared);
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuOccupancyMaxActiveBlocksPerMultiprocessor,
            (int *blocks, CUfunction f, int threads, size_t shared), (blocks, f, threads, shared)) {
  return maxActive(blocks, f, threads, shared);
}
CU_FUNCTION(context, cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags,
            (int *blocks, CUfunction f, int threads, size_t shared, unsigned flags),
            (blocks, f, threads, shared, flags)) {
  need(flags <= 1);
  return maxActive(blocks, f, threads, shared);
}

using SharedOfThreads = size_t (*)(int);
static CUresult potentialBlock(int *grid, int *block, CUfunction handle, SharedOfThreads sharedOf,
                               size_t shared, int limit) {
  need(grid && block);
  auto f = functionOf(handle);
  int most = int(f->threadLimit());
  if (limit > 0)
    most = std::min(most, limit);
  int bestThreads = 0, bestBlocks = 0;
  // The largest block of those that keep the most threads busy.
  for (int threads = (most + 31) / 32 * 32; threads > 0; threads -= 32) {
    int n = std::min(threads, most);
    int blocks = activeBlocks(*f, n, sharedOf ? sharedOf(n) : shared);
    if (blocks * n > bestBlocks * bestThreads) {
      bestThreads = n;
      bestBlocks = blocks;
    }
  }
  *block = bestThreads;
  *grid = bestBlocks * Driver::get().device().attribute(16);
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuOccupancyMaxPotentialBlockSize,
            (int *grid, int *block, CUfunction f, SharedOfThreads sharedOf, size_t shared, int limit),
            (grid, block, f, sharedOf, shared, limit)) {
  return potentialBlock(grid, block, f, sharedOf, shared, limit);
}
CU_FUNCTION(context, cuOccupancyMaxPotentialBlockSizeWithFlags,
            (int *grid, int *block, CUfunction f, SharedOfThreads sharedOf, size_t shared, int limit,
             unsigned flags),
            (grid, block, f, sharedOf, shared, limit, flags)) {
  need(flags <= 1);
  return potentialBlock(grid, block, f, sharedOf, shared, limit);
}

CU_FUNCTION(context, cuOccupancyAvailableDynamicSMemPerBlock,
            (size_t *bytes, CUfunction handle, int blocks, int threads), (bytes, handle, blocks, threads)) {
  need(bytes && blocks > 0 && threads > 0);
  const Device &d = Driver::get().device();
  auto f = functionOf(handle);
  int64_t unit = d.sm == 75 ? 256 : 128;
  int64_t each = d.attribute(81) / blocks / unit * unit - d.attribute(111) - f->staticShared();
  each = std::min<int64_t>(each, d.attribute(97) - int64_t(f->staticShared()));
  *bytes = size_t(std::max<int64_t>(each, 0));
  return CUDA_SUCCESS;
}

} // namespace tegula::cuda
