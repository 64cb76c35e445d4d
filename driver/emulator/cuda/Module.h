//===- Module.h - code that was loaded, its kernels and their attributes ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/emulator/cuda/Driver.h"
#include "driver/emulator/cuda/Image.h"

namespace tegula::cuda {

struct Function {
  std::string name;
  Module *module = nullptr;
  std::shared_ptr<ptx::LoadedModule> loaded; ///< keeps what the kernel needs while launches are queued
  const ptx::Routine *entry = nullptr;
  KernelInfo info; ///< registers as the real ptxas counted them, else an estimate
  std::atomic<int> dynamicSharedLimit{0}, carveout{-1}, cacheConfig{0};

  /// What the functions before CUDA 4 set one after the other, for cuLaunch.
  struct Prepared {
    std::mutex mutex;
    unsigned block[3] = {1, 1, 1}, shared = 0;
    std::vector<uint8_t> arguments;
  } prepared;

  uint32_t threadLimit() const; ///< of a block, by .maxntid and registers
  uint32_t staticShared() const { return entry->sharedBytes; }
};

struct Module {
  Context *context = nullptr; ///< null for a library
  std::shared_ptr<ptx::LoadedModule> loaded;
  std::map<std::string, std::shared_ptr<Function>, std::less<>> functions;
  std::vector<uint64_t> variables; ///< addresses, known to the driver as memory
};

extern Registry<Module> &modules;
extern Registry<Function> &functions;

/// Blocks of a kernel that fit on a multiprocessor.
int activeBlocks(const Function &function, int threads, size_t dynamicShared);

} // namespace tegula::cuda
