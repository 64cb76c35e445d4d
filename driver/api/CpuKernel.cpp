//===- CpuKernel.cpp - a kernel as machine code of this processor ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Kernel.h"
#include "driver/api/Reproducer.h"
#include "driver/cpu/Grid.h"
#include "driver/cpu/Loader.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <atomic>

namespace tegula::api {

//===----------------------------------------------------------------------===//
// Processors
//===----------------------------------------------------------------------===//

/// Code for another processor may be compiled and looked at; running it would end the process.
static void checkRunnable(const Job &job) {
  if (job.cpuTarget.isHost)
    return;
  static constexpr std::pair<const char *, std::array<const char *, 4>> levels[] = {
      {"x86-64-v2", {"sse4.2", "popcnt", "ssse3", "cx16"}},
      {"x86-64-v3", {"avx2", "bmi2", "fma", "f16c"}},
      {"x86-64-v4", {"avx512f", "avx512bw", "avx512dq", "avx512vl"}},
  };
  llvm::Triple host(llvm::sys::getProcessTriple()), wanted(job.cpuTarget.triple);
  bool runs = host.getArch() == wanted.getArch() && host.isOSLinux() == wanted.isOSLinux();
  auto features = llvm::sys::getHostCPUFeatures();
  for (auto &[level, needs] : levels)
    if (job.target.arch == level)
      for (const char *need : needs)
        runs &= features.lookup(need);
  if (!runs)
    throw Error(Diag::launch_foreign_code, {job.name(), job.target.arch});
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

namespace {

class CpuKernel final : public ImageKernel {
public:
  CpuKernel(Job theJob, Built built, bool hit) : ImageKernel(std::move(theJob), std::move(built), hit) {
    code.name = meta.name;
    code.scratchBytes = image.scratchBytes;
  }

  void launch(const Launch &launch) override {
    if (!ready.load(std::memory_order_acquire)) [[unlikely]]
      load();
    cpu::runGrid(code, launch.grid, launch.slots);
  }

  double expectedNs(int64_t programs) const override {
    float known = code.nsPerProgram.load(std::memory_order_relaxed);
    return known < 0 ? -1 : double(known) * double(programs);
  }

private:
  void load() {
    std::lock_guard lock(mutex);
    if (ready.load(std::memory_order_relaxed))
      return;
    checkRunnable(job);
    reportingBugs(job, [&] { loaded = cpu::loadObject(image.kept.at(Stage::Obj), image.entry); });
    code.entry = reinterpret_cast<cpu::Entry>(loaded->entry);
    ready.store(true, std::memory_order_release);
  }

  cpu::Code code;
  std::atomic<bool> ready{false};
  std::unique_ptr<cpu::LoadedObject> loaded;
};

} // namespace

std::shared_ptr<CompiledKernel> makeCpuKernel(Job job, Built built, bool cacheHit) {
  return std::make_shared<CpuKernel>(std::move(job), std::move(built), cacheHit);
}

} // namespace tegula::api
