//===- Module.cpp - a kernel on a GPU, ready to be launched ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/cuda/Module.h"

#include "ir/diag/Diagnostic.h"

namespace tegula::cuda {

namespace {

// Numbers of the driver's interface (cuda.h).
enum FunctionAttribute : int {
  attributeMaxThreads = 0,
  attributeStaticShared = 1,
  attributeLocal = 3,
  attributeRegisters = 4,
  attributeDynamicShared = 8,
};
enum JitOption : int { jitErrorLog = 5, jitErrorLogSize = 6, jitGenerateLineInfo = 12 };

constexpr int64_t freeShared = 48 << 10; ///< what a block may have without asking for it
constexpr int warpSize = 32;

} // namespace

void checkFits(const Code &code, const std::string &device, int64_t sharedLimit, int threadLimit) {
  int threads = code.numWarps * warpSize;
  if (threads > threadLimit)
    throw Error(Diag::gpu_threads, {code.name, std::to_string(threads), device, std::to_string(threadLimit),
                                    std::to_string(threadLimit / warpSize)});
  if (code.sharedBytes > sharedLimit)
    throw Error(Diag::gpu_shared_memory, {code.name, std::to_string(code.sharedBytes), device,
                                          std::to_string(sharedLimit), code.advice});
}

void checkGrid(const std::array<int64_t, 3> &grid, const std::string &device) {
  static constexpr int64_t most[] = {INT32_MAX, 65535, 65535};
  for (size_t axis = 0; axis < 3; ++axis) {
    if (grid[axis] < 0 || grid[axis] > INT32_MAX)
      throw Error(Diag::launch_bad_grid, {std::to_string(grid[axis]) + " programs along one of them"});
    if (grid[axis] > most[axis]) [[unlikely]]
      throw Error(Diag::gpu_grid,
                  {device, std::to_string(most[axis]), std::to_string(axis), std::to_string(grid[axis])});
  }
}

static void loadModule(LoadedKernel &loaded, const Code &code) {
  char log[4096] = "";
  int options[] = {jitErrorLog, jitErrorLogSize, jitGenerateLineInfo};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log), reinterpret_cast<void *>(uintptr_t(1))};
  const Functions &f = driver();
  Result result = present(f.loadModule, "loadModule")(&loaded.module, code.image, 3, options, values);
  if (result != 0 && log[0])
    throw Error(Diag::device_bad_image, {loaded.device->shownName(), std::string(log)});
  check(result, "loadModule", loaded.device);
  check(present(f.getFunction, "getFunction")(&loaded.function, loaded.module, code.entry.c_str()),
        "getFunction", loaded.device);
}

std::unique_ptr<LoadedKernel> load(const Device &device, const Code &code) {
  checkFits(code, device.shownName(), device.sharedPerBlock, device.threadsPerBlock);
  CurrentContext current(device);
  auto loaded = std::make_unique<LoadedKernel>();
  loaded->device = &device;
  loaded->threads = unsigned(code.numWarps * warpSize);
  loaded->sharedBytes = unsigned(code.sharedBytes);
  loadModule(*loaded, code);
  auto ask = [&](int &field, FunctionAttribute attribute) {
    CUDA_CALL(&device, functionAttribute, &field, attribute, loaded->function);
  };
  int staticShared = 0;
  ask(staticShared, attributeStaticShared);
  ask(loaded->registers, attributeRegisters);
  ask(loaded->localBytes, attributeLocal);
  ask(loaded->threadsAtMost, attributeMaxThreads);
  Code whole = code;
  whole.sharedBytes += staticShared;
  checkFits(whole, device.shownName(), device.sharedPerBlock, device.threadsPerBlock);
  if (loaded->threadsAtMost < int(loaded->threads))
    throw Error(Diag::gpu_registers,
                {code.name, std::to_string(loaded->registers), std::to_string(loaded->threads),
                 device.shownName(), std::to_string(loaded->threadsAtMost), code.advice});
  if (whole.sharedBytes > freeShared)
    CUDA_CALL(&device, setFunctionAttribute, loaded->function, attributeDynamicShared, int(code.sharedBytes));
  return loaded;
}

void launch(const LoadedKernel &kernel, const std::array<int64_t, 3> &grid, uint64_t stream, bool cooperative,
            void **arguments) {
  CurrentContext current(*kernel.device);
  if ((grid[1] | grid[2]) > 65535 || grid[0] > INT32_MAX || (grid[0] | grid[1] | grid[2]) < 0) [[unlikely]]
    checkGrid(grid, kernel.device->shownName());
  const Functions &f = driver();
  auto x = unsigned(grid[0]), y = unsigned(grid[1]), z = unsigned(grid[2]);
  auto *onStream = reinterpret_cast<Stream>(stream);
  if (cooperative) [[unlikely]]
    return check(present(f.launchCooperative, "launchCooperative")(
                     kernel.function, x, y, z, kernel.threads, 1, 1, kernel.sharedBytes, onStream, arguments),
                 "launchCooperative", kernel.device);
  check(present(f.launch, "launch")(kernel.function, x, y, z, kernel.threads, 1, 1, kernel.sharedBytes,
                                    onStream, arguments, nullptr),
        "launch", kernel.device);
}

} // namespace tegula::cuda
