//===- Timer.cpp - time on a GPU ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/cuda/Timer.h"

namespace tegula::cuda {

Timer::Timer(const Device &device, uint64_t stream, size_t flushBytes)
    : device(device), stream(reinterpret_cast<Stream>(stream)), bytes(flushBytes) {
  CurrentContext current(device);
  if (bytes)
    CUDA_CALL(&device, allocate, &memory, bytes);
}

Timer::~Timer() {
  if (forked)
    return;
  CurrentContext current(device);
  const Functions &f = driver();
  for (Event event : events)
    f.destroyEvent(event);
  if (memory)
    f.free(memory);
}

void Timer::flush() {
  CurrentContext current(device);
  if (memory)
    CUDA_CALL(&device, fillAsync, memory, 0, bytes, stream);
}

void Timer::record() {
  CurrentContext current(device);
  Event event = nullptr;
  present(driver().destroyEvent, "destroyEvent");
  CUDA_CALL(&device, createEvent, &event, 0);
  events.push_back(event);
  CUDA_CALL(&device, recordEvent, event, stream);
}

std::vector<double> Timer::milliseconds() {
  CurrentContext current(device);
  if (!events.empty())
    CUDA_CALL(&device, waitForEvent, events.back());
  std::vector<double> times;
  for (size_t i = 0; i + 1 < events.size(); i += 2) {
    float ms = 0;
    CUDA_CALL(&device, elapsedTime, &ms, events[i], events[i + 1]);
    times.push_back(ms);
  }
  return times;
}

} // namespace tegula::cuda
