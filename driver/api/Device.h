//===- Device.h - where launches go ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
//     cpu, reference      this machine's memory and processors
//     cuda:0, cuda:1 ...  NVIDIA GPUs; kernels see their memory
//     emu:sm_80 ...       emulated NVIDIA GPUs; kernels see this machine's memory
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/api/Api.h"

namespace tegula::api {

enum class DeviceKind : uint8_t { Cpu, Reference, Cuda, Emulated };

/// Lives as long as the process.
struct Device {
  DeviceKind kind;
  int number;    ///< of a GPU among its kind
  uint8_t index; ///< small, and of no other device of this process
  std::string name;
  Target target; ///< what to compile for

  bool seesHostMemory() const { return kind != DeviceKind::Cuda; }
};

/// Throws Error: launch_unknown_device; what the driver lacks for GPUs (device_no_driver, device_missing, ...).
const Device &deviceNamed(const std::string &name);
/// GPU number `number`, as deviceNamed("cuda:...").
const Device &cudaDevice(int number);
/// GPUs of this machine; 0 where there is no driver. Never throws.
int cudaDeviceCount();
/// The GPU that is current on this thread (of PyTorch, CuPy); 0 where none is. Throws Error.
int currentCudaDevice();
/// Every device that deviceNamed() gives on this machine.
std::vector<std::string> deviceNames();

/// Whether a kernel on this GPU can reach the address: memory of a GPU, managed or pinned memory. Some 20 ns for one
/// that was asked for before.
bool isReachable(const Device &device, uint64_t address);

/// What a device has; of no meaning, and 0, where it is no GPU.
struct DeviceFacts {
  std::string name;
  int sm = 0; ///< compute capability without the point
  int multiprocessors = 0, sharedPerBlock = 0, sharedPerMultiprocessor = 0, registersPerBlock = 0;
  int threadsPerMultiprocessor = 0, threadsPerBlock = 0, warpSize = 1;
};
DeviceFacts deviceFacts(const Device &device);

/// Waits for everything that was launched on the device.
void synchronize(const Device &device);

/// Times on a GPU, by events of its stream: start, launches, stop, as often as wanted; then milliseconds of each.
class GpuTimer {
public:
  /// `flushBytes`: memory that flush() overwrites, to push other data out of the caches; 0: none. Throws Error.
  GpuTimer(const Device &device, uint64_t stream, size_t flushBytes);
  ~GpuTimer();
  GpuTimer(const GpuTimer &) = delete;
  void flush();
  void start();
  void stop();
  /// Waits for the last.
  std::vector<double> milliseconds();

private:
  struct State;
  std::unique_ptr<State> state;
};

/// Folders where packages of the running interpreter lie, to look for an assembler in; asked once, without locks.
void setPackageFolders(std::vector<std::string> (*folders)());

} // namespace tegula::api
