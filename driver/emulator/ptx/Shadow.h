//===- Shadow.h - what the checks remember of memory ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Of every four bytes: the last write, and two reads by different warps or blocks, so that whoever writes next, one of
// them is another. A third reader is not kept: that can hide a race, never invent one.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace tegula::ptx {

/// One access of the past, in 64 bits; 0: there was none.
struct Stamp {
  uint64_t bits = 0;

  static constexpr uint64_t lastInstruction = (1u << 22) - 1;
  static Stamp make(uint32_t epoch, uint32_t thread, uint32_t instruction, uint8_t bytes, bool atomic) {
    uint64_t at = instruction < lastInstruction ? instruction : lastInstruction;
    return {uint64_t(epoch) << 38 | uint64_t(thread) << 28 | at << 6 | uint64_t(bytes & 15) << 2 |
            uint64_t(atomic) << 1};
  }
  explicit operator bool() const { return bits != 0; }
  uint32_t epoch() const { return uint32_t(bits >> 38); }
  uint32_t thread() const { return uint32_t(bits >> 28) & 1023; }
  uint32_t warp() const { return uint32_t(bits >> 33) & 31; }
  int lane() const { return int(bits >> 28 & 31); }
  /// In LaunchState::firstInstr.
  uint32_t instruction() const { return uint32_t(bits >> 6) & uint32_t(lastInstruction); }
  uint8_t bytes() const { return bits >> 2 & 15; } ///< which of the four
  bool atomic() const { return bits >> 1 & 1; }    ///< strong accesses of all kinds
  /// Of a read: other lanes of the warp did the same in this epoch. Of a write: it was a compare-and-swap.
  bool flag() const { return bits & 1; }
  void setFlag() { bits |= 1; }
  Stamp at(uint32_t epoch) const { return {(bits & ((uint64_t(1) << 38) - 1)) | uint64_t(epoch) << 38}; }
};

struct ShadowWord {
  Stamp write, reads[2];
};

/// Of the shared memory of a block.
struct SharedShadow {
  std::vector<ShadowWord> words;
  std::vector<uint8_t>
      state; ///< bits 0 … 3: the byte has been written; bit 4: a cp.async has not been waited for
  static constexpr uint8_t inFlight = 16;
};

/// The shadow of 4 KiB of global memory. `blocks` say whose the stamps are.
struct GlobalPage {
  static constexpr uint64_t words = 1024;
  std::atomic_flag busy;
  Stamp write[words], reads[2][words];
  uint32_t writeBlock[words], readBlock[2][words];
  uint8_t narrowScope[words / 8]; ///< the last write was atomic for its own block only
};

/// Pages are made when they are touched; host threads share them.
class GlobalShadow {
public:
  GlobalPage *page(uint64_t number) {
    Part &part = parts[number % 64];
    std::lock_guard lock(part.mutex);
    auto &made = part.pages[number];
    if (!made)
      made = std::make_unique<GlobalPage>();
    return made.get();
  }

private:
  struct Part {
    std::mutex mutex;
    std::unordered_map<uint64_t, std::unique_ptr<GlobalPage>> pages;
  };
  Part parts[64];
};

} // namespace tegula::ptx
