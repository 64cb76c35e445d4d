//===- GpuKernel.cpp - a kernel for GPUs of one architecture, real or emulated ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Device.h"
#include "driver/api/EmulatedLaunch.h"
#include "driver/api/Kernel.h"
#include "driver/api/Reproducer.h"
#include "driver/cuda/Module.h"

#include <algorithm>
#include <array>
#include <atomic>

namespace tegula::api {

/// What to lower when the kernel needs too much: "num_stages (now 3), or a block size (BN=256, BM=128)".
static std::string advice(const Job &job) {
  std::vector<std::pair<lang::Constant::Int, std::string>> sizes;
  for (const lang::Argument &argument : job.arguments)
    if (argument.constant)
      if (auto *n = std::get_if<lang::Constant::Int>(&argument.constant->value); n && *n >= 16)
        sizes.emplace_back(-*n, argument.name + "=" + std::to_string((long long)(*n)));
  std::stable_sort(sizes.begin(), sizes.end(), [](auto &a, auto &b) { return a.first < b.first; });
  std::string list;
  for (auto &[size, text] : sizes)
    list += (list.empty() ? "" : ", ") + text;
  std::string blocks = list.empty() ? "the block sizes" : "a block size (" + list + ")";
  if (job.options.numStages < 2)
    return blocks;
  return "num_stages (now " + std::to_string(job.options.numStages) + "), or " + blocks;
}

namespace {

class GpuKernel final : public ImageKernel {
public:
  GpuKernel(Job theJob, Built built, bool hit) : ImageKernel(std::move(theJob), std::move(built), hit) {
    meta.options.numWarps = image.numWarps;
    meta.registers = image.registers;
    meta.spills = image.spills;
    if (image.kept.contains(Stage::Cubin) && job.assembler)
      meta.assembler = job.assembler->name();
    names = runtimeArguments(job.arguments);
  }

  void prepare(const Device &device) override {
    if (device.kind == DeviceKind::Emulated)
      loadOnEmulated(device);
    else
      loadOn(device);
  }

  void measure() override {
    std::lock_guard lock(mutex);
    auto assembler = cuda::findAssembler();
    if (meta.registers >= 0 || !assembler)
      return;
    cuda::Assembled made = assembler->assemble(
        {image.kept.at(Stage::Ptx), job.gpuTarget.name(), job.settings.lineInfo, meta.name});
    meta.registers = made.registers;
    meta.spills = made.spills;
  }

  void launch(const Launch &launch) override {
    const Device &device = launch.device ? *launch.device : cudaDevice(currentCudaDevice());
    if (launch.grid[0] == 0 || launch.grid[1] == 0 || launch.grid[2] == 0)
      return;
    if (device.kind == DeviceKind::Emulated)
      return launchOnEmulated(device, launch);
    size_t number = size_t(device.number);
    cuda::LoadedKernel *ready =
        number < loaded.size() ? loaded[number].load(std::memory_order_acquire) : nullptr;
    if (!ready) [[unlikely]]
      ready = loadOn(device);
    llvm::SmallVector<void *, 32> arguments(names.size());
    for (size_t i = 0; i < arguments.size(); ++i)
      arguments[i] = const_cast<uint64_t *>(launch.slots + i);
    cuda::launch(*ready, launch.grid, launch.stream, launch.cooperative, arguments.data());
  }

private:
  cuda::Code code() const {
    auto cubin = image.kept.find(Stage::Cubin);
    const std::string &text = cubin != image.kept.end() ? cubin->second : image.kept.at(Stage::Ptx);
    return {meta.name, image.entry, text.c_str(), image.sharedBytes, image.numWarps, advice(job)};
  }

  cuda::LoadedKernel *loadOn(const Device &device) {
    size_t number = size_t(device.number);
    if (device.kind != DeviceKind::Cuda || number >= loaded.size() ||
        nvptx::targetNamed(device.target.arch).sm != job.gpuTarget.sm)
      throw Error(Diag::launch_foreign_code, {job.name(), job.gpuTarget.name()});
    std::lock_guard lock(mutex);
    if (cuda::LoadedKernel *ready = loaded[number].load(std::memory_order_relaxed))
      return ready;
    owned.push_back(cuda::load(cuda::device(device.number), code()));
    loaded[number].store(owned.back().get(), std::memory_order_release);
    if (meta.registers < 0) {
      meta.registers = owned.back()->registers;
      meta.spills = owned.back()->localBytes / 4;
    }
    return owned.back().get();
  }

  std::shared_ptr<ptx::LoadedModule> loadOnEmulated(const Device &device) {
    DeviceFacts facts = deviceFacts(device);
    if (job.gpuTarget.sm > facts.sm)
      throw Error(Diag::launch_foreign_code, {job.name(), job.gpuTarget.name()});
    std::lock_guard lock(mutex);
    if (!emulated || emulatedOn != &device) {
      cuda::checkFits(code(), device.name, facts.sharedPerBlock, facts.threadsPerBlock);
      reportingBugs(job, [&] { emulated = loadEmulated(image, device); });
      emulatedOn = &device;
    }
    return emulated;
  }

  void launchOnEmulated(const Device &device, const Launch &launch) {
    std::shared_ptr<ptx::LoadedModule> module = loadOnEmulated(device);
    cuda::checkGrid(launch.grid, device.name);
    launchEmulated({*module, image, job.function->source, names, meta.name}, device, launch);
  }

  std::vector<std::string> names;                             ///< of the run-time arguments
  std::array<std::atomic<cuda::LoadedKernel *>, 64> loaded{}; ///< by number of the GPU
  std::vector<std::unique_ptr<cuda::LoadedKernel>> owned;
  std::shared_ptr<ptx::LoadedModule> emulated;
  const Device *emulatedOn = nullptr;
};

} // namespace

std::shared_ptr<CompiledKernel> makeGpuKernel(Job job, Built built, bool cacheHit) {
  return std::make_shared<GpuKernel>(std::move(job), std::move(built), cacheHit);
}

} // namespace tegula::api
