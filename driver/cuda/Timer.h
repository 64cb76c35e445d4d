//===- Timer.h - time on a GPU ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/cuda/Driver.h"

namespace tegula::cuda {

/// Pairs of events in a stream. Not for several threads at once.
class Timer {
public:
  /// `flushBytes` of memory for flush(); 0: none. Throws Error.
  Timer(const Device &device, uint64_t stream, size_t flushBytes);
  ~Timer();
  Timer(const Timer &) = delete;
  /// Overwrites the memory, which pushes other data out of the caches.
  void flush();
  void start() { record(); }
  void stop() { record(); }
  /// Of each pair of start and stop; waits for the last.
  std::vector<double> milliseconds();

private:
  void record();

  const Device &device;
  Stream stream;
  uint64_t memory = 0;
  size_t bytes;
  std::vector<Event> events;
};

} // namespace tegula::cuda
