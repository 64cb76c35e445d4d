//===- Shadow.h - what the race checks remember of shared memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace tegula::ptx {

struct Instr;

/// One access of the past. `epoch` 0: there was none.
struct PastAccess {
  uint32_t epoch = 0;     ///< the warp's own clock then
  uint32_t laneEpoch = 0; ///< orders lanes of the same warp
  uint8_t warp = 0, lane = 0;
  bool atomic = false;
  bool narrow = false; ///< of less than the word: two of them may touch different bytes, and are not compared
  const Instr *at = nullptr;
};

/// Shadow of four bytes. Two readers of different warps are kept: whoever writes next, one of them is another warp.
struct ShadowWord {
  PastAccess write, reads[2];
  uint8_t initialised = 0; ///< a bit a byte
  uint8_t inFlight = 0;    ///< a cp.async has not been waited for
};

/// One access to global memory. Blocks are ordered only by atomics and fences: `signals` is how many of them the block
/// had done; if it did another one since, and the one who comes later did one as well, they are taken as ordered.
struct GlobalAccess {
  uint64_t block = 0; ///< its number + 1; 0: none
  uint32_t signals = 0;
  uint32_t epoch = 0; ///< the warp's clock, as for shared memory
  uint32_t thread = 0;
  uint32_t laneEpoch = 0;
  bool atomic = false, narrow = false;
  const Instr *at = nullptr;
};
struct GlobalWord {
  GlobalAccess write, read;
};

/// The shadow of global memory, made by pages of 1024 words when they are touched; host threads share it.
class GlobalShadow {
public:
  static constexpr uint64_t pageWords = 1024;
  struct Part {
    std::mutex mutex;
    std::unordered_map<uint64_t, std::unique_ptr<GlobalWord[]>> pages;
  };
  Part &part(uint64_t page) { return parts[page % 64]; }

private:
  Part parts[64];
};

} // namespace tegula::ptx
