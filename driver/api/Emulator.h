//===- Emulator.h - emulated GPUs, for the bindings ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/emulator/ptx/Boards.h"       // IWYU pragma: export
#include "driver/emulator/ptx/CounterNames.h" // IWYU pragma: export
#include "driver/emulator/ptx/Emulator.h"     // IWYU pragma: export

#include <array>

namespace tegula::api {

/// One launch on an emulated device.
struct EmulatedLaunch {
  std::string kernel, device;
  std::array<int64_t, 3> grid{};
  int numWarps = 0;
  ptx::Report report;
};

/// Launches on emulated devices by this thread are counted and put there, until it is called with null.
void recordEmulatedInto(std::vector<EmulatedLaunch> *list);

/// Memory that kernels on emulated devices may touch though no argument leads to it: what a table of pointers names.
/// Counted: as often unshared as shared.
void shareMemory(uint64_t low, uint64_t high);
void unshareMemory(uint64_t low, uint64_t high);

} // namespace tegula::api
