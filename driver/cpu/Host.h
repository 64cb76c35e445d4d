//===- Host.h - what the runtime functions find behind Launch::host ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/CpuAbi.h"

#include <array>
#include <mutex>
#include <optional>
#include <string>

namespace tegula::cpu {

struct AssertFailure {
  std::string message, file;
  int line = 0;
  std::array<int64_t, 3> program{};
  int64_t element = 0;
};

/// One launch's; written by every thread of the grid, read by the launching one.
struct Host {
  std::mutex mutex;
  std::string printed;                  ///< lines not yet handed to the sink
  std::optional<AssertFailure> failure; ///< the first
};

/// (x, y, z) of a program number.
std::array<int64_t, 3> programId(const Launch &launch, int64_t program);

/// The lines that device_print writes for `value`, each ended by a newline.
std::string printedLines(const Launch &launch, int64_t program, const char *prefix, bool hex, int index,
                         int count, const PrintValue *value);

inline void requestStop(Launch &launch) { __atomic_store_n(&launch.stopped, 1, __ATOMIC_RELAXED); }
inline bool isStopped(const Launch &launch) {
  return __atomic_load_n(&launch.stopped, __ATOMIC_RELAXED) != 0;
}

} // namespace tegula::cpu
