//===- Emulator.h - emulated GPUs, for the bindings ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/emulator/ptx/Emulator.h" // IWYU pragma: export

#include <string>
#include <vector>

namespace tegula::api {

/// A row of the table of emulated boards.
struct EmulatedDevice {
  std::string arch, board;
  uint64_t memory = 0;
  int multiprocessors = 0, sharedPerSm = 0, threadsPerSm = 0;
};
std::vector<EmulatedDevice> emulatedDevices();

} // namespace tegula::api
