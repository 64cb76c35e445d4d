//===- EmulatedLaunch.h - launches on emulated GPUs ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/api/Device.h"
#include "driver/api/Emulator.h"
#include "driver/api/Image.h"

namespace tegula::api {

/// What an emulated launch needs of a kernel.
struct EmulatedKernel {
  const ptx::LoadedModule &module;
  const Image &image;
  const SourceFile &source;              ///< of the kernel, for errors
  const std::vector<std::string> &names; ///< of the run-time arguments
  std::string name;
};

/// Parses and decodes the PTX for the device. Throws Error.
std::shared_ptr<ptx::LoadedModule> loadEmulated(const Image &image, const Device &device);

/// Runs the grid to its end on this machine's memory, with checks and counters as the settings say. Throws Error.
void launchEmulated(const EmulatedKernel &kernel, const Device &device, const Launch &launch);

} // namespace tegula::api
