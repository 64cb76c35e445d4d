//===- Emulator.cpp - emulated GPUs, for the bindings ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Emulator.h"

namespace tegula::api {

std::vector<EmulatedDevice> emulatedDevices() {
  std::vector<EmulatedDevice> all;
  auto of = [&](size_t row, int number, int value) {
    EmulatedDevice &d = all[row];
    if (number == 16)
      d.multiprocessors = value;
    else if (number == 39)
      d.threadsPerSm = value;
    else if (number == 81)
      d.sharedPerSm = value;
  };
#define DEVICE(sm, board, memory) all.push_back({"sm_" #sm, board, memory});
#define SAME(number, name, value)
#define EACH(number, name, a, b, c, d, e)                                                                    \
  of(0, number, a), of(1, number, b), of(2, number, c), of(3, number, d), of(4, number, e);
#include "driver/emulator/cuda/Attributes.def"
#undef DEVICE
#undef SAME
#undef EACH
  return all;
}

} // namespace tegula::api
