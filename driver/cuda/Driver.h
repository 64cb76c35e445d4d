//===- Driver.h - NVIDIA's driver, loaded when it is first needed ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Nothing of CUDA is needed to build Tegula or to import it: libcuda.so.1 is opened at the first use of a GPU. A process
// that was forked after that cannot use a GPU any more (CUDA's own rule) and is told so.
//
//===----------------------------------------------------------------------===//

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tegula::cuda {

using Result = int; ///< a CUresult
using Context = struct CudaContext *;
using Module = struct CudaModule *;
using Function = struct CudaFunction *;
using Stream = struct CudaStream *;
using Event = struct CudaEvent *;

/// Pointers to the driver's functions; null: this driver lacks it.
struct Functions {
#define CUDA_FUNCTION(name, symbol, ...) Result (*name)(__VA_ARGS__) = nullptr;
#include "driver/cuda/Functions.def"
#undef CUDA_FUNCTION
};

/// A GPU of this machine, its primary context retained.
struct Device {
  int number = 0;
  int handle = 0;
  Context context = nullptr;
  int major = 0, minor = 0; ///< compute capability
  std::string name;
  int sharedPerBlock = 0; ///< the most that a block can be given, by asking for it
  int sharedPerSm = 0, registersPerBlock = 0, multiprocessors = 0, threadsPerSm = 0, threadsPerBlock = 0;

  std::string shownName() const { return "cuda:" + std::to_string(number); }
};

/// The functions; the driver is loaded and initialised at the first call. Throws Error: device_no_driver, device_none,
/// device_forked, device_error.
const Functions &driver();
/// How many GPUs there are; 0 without a driver, looked for once. Never throws.
int deviceCount();
/// The GPU whose context is current on this thread; 0 where none is. Throws Error.
int currentDevice();
/// GPU `number`, its context made at the first call. Throws Error (device_missing, and those of driver()).
const Device &device(int number);

/// Throws Error for a result that is not 0: device_kernel_failed for what a kernel did wrong (the context is lost then),
/// device_out_of_memory, device_error. `what` names the call.
void check(Result result, const char *what, const Device *device = nullptr);

/// Calls a function of the driver by its name in Functions.def: CUDA_CALL(device, recordEvent, event, stream).
#define CUDA_CALL(device, name, ...)                                                                         \
  ::tegula::cuda::check(::tegula::cuda::present(::tegula::cuda::driver().name, #name)(__VA_ARGS__), #name,   \
                        device)
[[noreturn]] void failAbsent(const char *name);
template <typename F> F present(F function, const char *name) {
  if (!function)
    failAbsent(name);
  return function;
}

/// A process forked from one that used a GPU; device_forked is thrown from then on.
inline bool forked = false;
[[noreturn]] void failForked();
inline void checkNotForked() {
  if (forked) [[unlikely]]
    failForked();
}

/// Makes a device's context the current one of this thread while it lives. A thread without any keeps that of GPU 0, as
/// CUDA's runtime would choose.
class CurrentContext {
public:
  explicit CurrentContext(const Device &device);
  ~CurrentContext();
  CurrentContext(const CurrentContext &) = delete;

private:
  const Functions &f;
  Context before = nullptr;
  bool changed = false;
};

/// Whether kernels on the device can reach the address. Remembers good answers: some 10 ns for one that it gave before.
bool isReachable(const Device &device, uint64_t address);

/// Waits for all work of the device.
void synchronize(const Device &device);

} // namespace tegula::cuda
