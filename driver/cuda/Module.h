//===- Module.h - a kernel on a GPU, ready to be launched ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/cuda/Driver.h"

#include <array>
#include <memory>

namespace tegula::cuda {

/// What is needed of a compiled kernel. The texts live as long as the loaded kernel.
struct Code {
  std::string name; ///< for messages
  std::string entry;
  const char *image; ///< a cubin, or PTX that ends in a zero byte
  int64_t sharedBytes = 0;
  int numWarps = 4;
  std::string
      advice; ///< what to lower when it does not fit: "num_stages (now 3), or a block size (BM=128, BN=256)"
};

/// A kernel in the primary context of one GPU.
struct LoadedKernel {
  const Device *device = nullptr;
  Module module = nullptr;
  Function function = nullptr;
  unsigned threads = 0, sharedBytes = 0;
  int registers = 0, localBytes = 0, threadsAtMost = 0;

  LoadedKernel() = default;
  LoadedKernel(const LoadedKernel &) = delete;
  /// Leaves the module: an entry may be freed while the interpreter ends, after the driver.
  ~LoadedKernel() = default;
};

/// Loads the code, and says before any launch what does not fit. Throws Error (gpu_shared_memory, gpu_registers,
/// gpu_threads, device_bad_image, ...).
std::unique_ptr<LoadedKernel> load(const Device &device, const Code &code);

/// Puts the grid into the stream. `arguments` as cuLaunchKernel takes them. Throws Error.
void launch(const LoadedKernel &kernel, const std::array<int64_t, 3> &grid, uint64_t stream, bool cooperative,
            void **arguments);

/// What a kernel with these needs would fail by on a device with these limits. Throws Error (gpu_shared_memory,
/// gpu_threads).
void checkFits(const Code &code, const std::string &device, int64_t sharedLimit, int threadLimit);
/// Throws Error (launch_bad_grid, gpu_grid).
void checkGrid(const std::array<int64_t, 3> &grid, const std::string &device);

} // namespace tegula::cuda
