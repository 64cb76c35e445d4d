//===- Shadow.h - what the race checks remember of shared memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <cstdint>

namespace tegula::ptx {

struct Instr;

/// One access of the past. `epoch` 0: there was none.
struct PastAccess {
  uint32_t epoch = 0;     ///< the warp's own clock then
  uint32_t laneEpoch = 0; ///< orders lanes of the same warp
  uint8_t warp = 0, lane = 0;
  bool atomic = false;
  bool narrow = false;    ///< of less than the word: two of them may touch different bytes, and are not compared
  const Instr *at = nullptr;
};

/// Shadow of four bytes. Two readers of different warps are kept: whoever writes next, one of them is another warp.
struct ShadowWord {
  PastAccess write, reads[2];
  uint8_t initialised = 0; ///< a bit a byte
  uint8_t inFlight = 0;    ///< a cp.async has not been waited for
};

} // namespace tegula::ptx
