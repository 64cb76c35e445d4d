//===- Device.cpp - where launches go ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Device.h"

#include "driver/cuda/Assembler.h"
#include "driver/cuda/Timer.h"
#include "driver/emulator/ptx/Boards.h"
#include "ir/ForkSafe.h"

#include <array>
#include <atomic>
#include <charconv>
#include <deque>

namespace tegula::api {

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

namespace {
struct Devices {
  ForkSafeMutex mutex;
  std::deque<Device> list; ///< only grows, so that references stay good
};
Devices &devices() {
  static Devices &it = *new Devices;
  return it;
}

/// With the table locked.
const Device *lookUp(const std::string &name) {
  for (const Device &device : devices().list)
    if (device.name == name)
      return &device;
  return nullptr;
}

const Device *findDevice(const std::string &name) {
  std::lock_guard lock(devices().mutex);
  return lookUp(name);
}

const Device &addDevice(DeviceKind kind, int number, const std::string &name, Target target) {
  std::lock_guard lock(devices().mutex);
  if (const Device *known = lookUp(name))
    return *known;
  auto &list = devices().list;
  if (list.size() > 255)
    throw Error(Diag::launch_unknown_device, {name});
  list.push_back({kind, number, uint8_t(list.size()), name, std::move(target)});
  return list.back();
}
} // namespace

const Device &cudaDevice(int number) {
  static std::array<std::atomic<const Device *>, 64> known;
  cuda::checkNotForked();
  bool isSmall = number >= 0 && size_t(number) < known.size();
  if (isSmall)
    if (const Device *device = known[size_t(number)].load(std::memory_order_acquire))
      return *device;
  const cuda::Device &gpu = cuda::device(number);
  std::string arch = std::to_string(gpu.major * 10 + gpu.minor);
  const Device &device = addDevice(DeviceKind::Cuda, number, gpu.shownName(), {"cuda", arch, 32});
  if (isSmall)
    known[size_t(number)].store(&device, std::memory_order_release);
  return device;
}

/// "emu:sm_80" and "emu:80".
static const Device *emulatedDevice(std::string arch) {
  if (!arch.starts_with("sm_"))
    arch = "sm_" + arch;
  const ptx::Board *board = ptx::boardOf(arch);
  return board ? &addDevice(DeviceKind::Emulated, board->sm, "emu:" + arch,
                            {"cuda", std::to_string(board->sm), 32})
               : nullptr;
}

const Device &deviceNamed(const std::string &name) {
  if (const Device *known = findDevice(name); known && known->kind != DeviceKind::Cuda)
    return *known;
  size_t colon = name.find(':');
  std::string family = name.substr(0, colon), rest = colon == name.npos ? "" : name.substr(colon + 1);
  if (name == "cpu" || name == "cpu:0")
    return addDevice(DeviceKind::Cpu, 0, "cpu", {"cpu", "native", 1});
  if (name == "reference")
    return addDevice(DeviceKind::Reference, 0, "reference", {"reference", "", 1});
  if (family == "cuda") {
    int number = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (rest.empty() ? colon == name.npos : error == std::errc() && end == rest.data() + rest.size())
      return cudaDevice(number);
  }
  if (family == "emu")
    if (const Device *device = emulatedDevice(rest))
      return *device;
  throw Error(family == "hip" ? Diag::launch_device_not_built : Diag::launch_unknown_device, {name});
}

int currentCudaDevice() { return cuda::currentDevice(); }
int cudaDeviceCount() { return cuda::deviceCount(); }

std::vector<std::string> deviceNames() {
  std::vector<std::string> names = {"cpu"};
  for (int i = 0; i < cuda::deviceCount(); ++i)
    names.push_back("cuda:" + std::to_string(i));
  for (const ptx::Board &board : ptx::boards())
    names.push_back("emu:" + board.arch());
  names.emplace_back("reference");
  return names;
}

bool isReachable(const Device &device, uint64_t address) {
  return device.seesHostMemory() || cuda::isReachable(cuda::device(device.number), address);
}

void synchronize(const Device &device) {
  if (device.kind == DeviceKind::Cuda)
    cuda::synchronize(cuda::device(device.number));
}

DeviceFacts deviceFacts(const Device &device) {
  if (device.kind == DeviceKind::Cuda) {
    const cuda::Device &gpu = cuda::device(device.number);
    return {gpu.name,
            gpu.major * 10 + gpu.minor,
            gpu.multiprocessors,
            gpu.sharedPerBlock,
            gpu.sharedPerSm,
            gpu.registersPerBlock,
            gpu.threadsPerSm,
            gpu.threadsPerBlock,
            32};
  }
  if (device.kind == DeviceKind::Emulated) {
    using ptx::Attribute;
    const ptx::Board &board = *ptx::boardOf(device.number);
    return {std::string(board.name) + " (emulated)",
            board.sm,
            board.attribute(Attribute::MULTIPROCESSOR_COUNT),
            board.attribute(Attribute::MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
            board.attribute(Attribute::MAX_SHARED_MEMORY_PER_MULTIPROCESSOR),
            board.attribute(Attribute::MAX_REGISTERS_PER_BLOCK),
            board.attribute(Attribute::MAX_THREADS_PER_MULTIPROCESSOR),
            board.attribute(Attribute::MAX_THREADS_PER_BLOCK),
            board.attribute(Attribute::WARP_SIZE)};
  }
  return {device.name, 0, numThreads(), 0, 0, 0, 0, 0, 1};
}

struct GpuTimer::State : cuda::Timer {
  using Timer::Timer;
};
GpuTimer::GpuTimer(const Device &device, uint64_t stream, size_t flushBytes) {
  if (device.kind != DeviceKind::Cuda)
    throw Error(Diag::emulated_bench, {device.name});
  state = std::make_unique<State>(cuda::device(device.number), stream, flushBytes);
}
GpuTimer::~GpuTimer() = default;
void GpuTimer::flush() { state->flush(); }
void GpuTimer::start() { state->start(); }
void GpuTimer::stop() { state->stop(); }
std::vector<double> GpuTimer::milliseconds() { return state->milliseconds(); }

void setPackageFolders(std::vector<std::string> (*folders)()) { cuda::setPackageFolders(folders); }

} // namespace tegula::api
