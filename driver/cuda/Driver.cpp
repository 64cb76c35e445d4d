//===- Driver.cpp - NVIDIA's driver, loaded when it is first needed ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/cuda/Driver.h"

#include "ir/ForkSafe.h"
#include "ir/diag/Diagnostic.h"

#include <array>
#include <atomic>

#include <dlfcn.h>

namespace tegula::cuda {

namespace {

// Numbers of the driver's interface (cuda.h).
enum : Result {
  invalidValue = 1,
  outOfMemory = 2,
  deinitialized = 4,
  noDevice = 100,
  invalidImage = 200,
  noBinaryForGpu = 209,
  invalidPtx = 218,
  unsupportedPtxVersion = 222,
  launchOutOfResources = 701,
  cooperativeTooLarge = 720,
};
enum Attribute : int {
  maxThreadsPerBlock = 1,
  maxRegistersPerBlock = 12,
  multiprocessorCount = 16,
  maxThreadsPerMultiprocessor = 39,
  computeMajor = 75,
  computeMinor = 76,
  sharedPerMultiprocessor = 81,
  sharedPerBlockOptIn = 97,
};
constexpr int devicePointer = 3; // CU_POINTER_ATTRIBUTE_DEVICE_POINTER

constexpr int mostDevices = 256;

struct State {
  ForkSafeMutex mutex{[this] { forked = ready.load(); }};
  std::atomic<bool> ready{false};
  Functions functions;
  int count = 0;
  std::array<std::atomic<Device *>, mostDevices> devices{}; ///< never freed
};
State &state() {
  static State &it = *new State;
  return it;
}

/// Kernels did it: the context is unusable from then on.
bool isKernelsFault(Result result) {
  return result == 700 || result == 702 ||
         (result >= 709 && result <= 719 && result != 711 && result != 712 && result != 713);
}

std::string textOf(Result result) {
  const Functions &f = state().functions;
  const char *name = nullptr, *text = nullptr;
  if (f.errorName)
    f.errorName(result, &name);
  if (f.errorString)
    f.errorString(result, &text);
  return std::string(text ? text : "unknown error") + " (" + (name ? name : "error") + ", " +
         std::to_string(result) + ")";
}

void resolve(Functions &f, void *library) {
#define CUDA_FUNCTION(name, symbol, ...)                                                                     \
  f.name = reinterpret_cast<Result (*)(__VA_ARGS__)>(dlsym(library, #symbol));
#include "driver/cuda/Functions.def"
#undef CUDA_FUNCTION
}

void load(State &s) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw Error(Diag::device_no_driver, {dlerror()});
  resolve(s.functions, library);
  if (!s.functions.init || !s.functions.deviceCount)
    throw Error(Diag::device_no_driver, {"libcuda.so.1 has no cuInit"});
  Result result = s.functions.init(0);
  if (result == 0)
    result = s.functions.deviceCount(&s.count);
  if (result == noDevice || (result == 0 && s.count == 0))
    throw Error(Diag::device_none);
  check(result, "init");
  s.ready.store(true, std::memory_order_release);
}

} // namespace

const Functions &driver() {
  State &s = state();
  if (!s.ready.load(std::memory_order_acquire)) [[unlikely]] {
    std::lock_guard lock(s.mutex);
    if (!s.ready.load(std::memory_order_relaxed))
      load(s);
  }
  checkNotForked();
  return s.functions;
}

void failForked() { throw Error(Diag::device_forked); }

void failAbsent(const char *name) { throw Error(Diag::device_old_driver, {name}); }

int deviceCount() {
  static const int count = [] {
    try {
      driver();
      return state().count;
    } catch (const Error &) {
      return 0;
    }
  }();
  return count;
}

int currentDevice() {
  const Functions &f = driver();
  Context context = nullptr;
  int handle = 0;
  bool known = f.currentContext && f.currentContext(&context) == 0 && context && f.contextDevice &&
               f.contextDevice(&handle) == 0;
  // A handle of the driver is the number of the device.
  return known ? handle : 0;
}

const Device &device(int number) {
  State &s = state();
  checkNotForked();
  if (number >= 0 && number < mostDevices)
    if (Device *known = s.devices[size_t(number)].load(std::memory_order_acquire))
      return *known;
  const Functions &f = driver();
  if (number < 0 || number >= std::min(s.count, mostDevices))
    throw Error(Diag::device_missing, {"cuda:" + std::to_string(number), std::to_string(s.count)});
  auto fresh = std::make_unique<Device>();
  fresh->number = number;
  CUDA_CALL(nullptr, deviceGet, &fresh->handle, number);
  auto ask = [&](int &field, Attribute attribute) {
    CUDA_CALL(nullptr, deviceAttribute, &field, attribute, fresh->handle);
  };
  ask(fresh->major, computeMajor);
  ask(fresh->minor, computeMinor);
  ask(fresh->sharedPerBlock, sharedPerBlockOptIn);
  ask(fresh->sharedPerSm, sharedPerMultiprocessor);
  ask(fresh->registersPerBlock, maxRegistersPerBlock);
  ask(fresh->multiprocessors, multiprocessorCount);
  ask(fresh->threadsPerSm, maxThreadsPerMultiprocessor);
  ask(fresh->threadsPerBlock, maxThreadsPerBlock);
  char name[256] = "";
  if (f.deviceName && f.deviceName(name, sizeof name - 1, fresh->handle) == 0)
    fresh->name = name;
  CUDA_CALL(nullptr, retainContext, &fresh->context, fresh->handle);
  std::lock_guard lock(s.mutex);
  std::atomic<Device *> &place = s.devices[size_t(number)];
  if (!place.load(std::memory_order_relaxed))
    place.store(fresh.release(), std::memory_order_release);
  return *place.load(std::memory_order_relaxed);
}

void check(Result result, const char *what, const Device *device) {
  if (result == 0) [[likely]]
    return;
  std::string where = device ? device->shownName() : "the driver";
  if (isKernelsFault(result))
    throw Error(Diag::device_kernel_failed, {where, textOf(result)});
  if (result == outOfMemory)
    throw Error(Diag::device_out_of_memory, {where, textOf(result)});
  if (result == invalidImage || result == noBinaryForGpu || result == invalidPtx ||
      result == unsupportedPtxVersion)
    throw Error(Diag::device_bad_image, {where, textOf(result)});
  if (result == cooperativeTooLarge || result == launchOutOfResources)
    throw Error(Diag::device_launch_resources, {where, textOf(result)});
  throw Error(Diag::device_error, {where, what, textOf(result)});
}

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

CurrentContext::CurrentContext(const Device &device) : f(driver()) {
  check(present(f.currentContext, "currentContext")(&before), "currentContext", &device);
  if (before == device.context) [[likely]]
    return;
  check(present(f.setContext, "setContext")(device.context), "setContext", &device);
  changed = before || device.number != 0;
}

CurrentContext::~CurrentContext() {
  if (changed)
    f.setContext(before);
}

void synchronize(const Device &device) {
  CurrentContext current(device);
  CUDA_CALL(&device, synchronize, );
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

bool isReachable(const Device &device, uint64_t address) {
  // A table of good answers, by address; a lost update or a collision costs a question. An answer that has become wrong,
  // because memory was freed and the host got the address, costs a worse error message: it is for those only.
  static std::array<std::atomic<uint64_t>, 1024> known;
  uint64_t mark = (address << 8 | uint64_t(device.number & 0xFF)) + 1;
  std::atomic<uint64_t> &place = known[(address * 0x9E3779B97F4A7C15ull) >> 54];
  if (place.load(std::memory_order_relaxed) == mark && !forked)
    return true;
  CurrentContext current(device);
  uint64_t onDevice = 0;
  const Functions &f = driver();
  Result result = present(f.pointerAttribute, "pointerAttribute")(&onDevice, devicePointer, address);
  if (result == invalidValue)
    return false;
  check(result, "pointerAttribute", &device);
  place.store(mark, std::memory_order_relaxed);
  return true;
}

} // namespace tegula::cuda
