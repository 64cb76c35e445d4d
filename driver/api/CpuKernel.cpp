//===- CpuKernel.cpp - a kernel as machine code of this processor ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Dependencies.h"
#include "driver/api/Kernel.h"
#include "driver/api/Reproducer.h"
#include "driver/api/Stages.h"
#include "driver/cpu/Grid.h"
#include "driver/cpu/Loader.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <atomic>
#include <map>
#include <mutex>

namespace tegula::api {

//===----------------------------------------------------------------------===//
// Images
//===----------------------------------------------------------------------===//

std::string writeImage(const Image &image) {
  ByteWriter out;
  out.text(image.entry);
  out.pod(image.scratchBytes);
  out.pod(image.written.has_value());
  out.pod(uint64_t(image.written ? image.written->size() : 0));
  if (image.written)
    for (int argument : *image.written)
      out.pod(argument);
  out.text(image.object);
  return std::move(out.bytes);
}

std::optional<Image> readImage(std::string_view bytes) {
  ByteReader in(bytes);
  Image image;
  image.entry = in.text();
  image.scratchBytes = in.pod<int64_t>();
  bool known = in.pod<bool>();
  std::vector<int> written;
  for (uint64_t i = 0, count = in.pod<uint64_t>(); i < count && in.ok; ++i)
    written.push_back(in.pod<int>());
  if (known)
    image.written = std::move(written);
  image.object = in.text();
  if (!in.ok || !in.atEnd())
    return std::nullopt;
  return image;
}

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

class CpuKernel final : public CompiledKernel {
public:
  CpuKernel(Job theJob, Image theImage) : job(std::move(theJob)), image(std::move(theImage)) {
    meta.name = job.name();
    meta.target = job.target;
    meta.options = job.options;
    meta.hash = job.hash;
    meta.scratchBytes = image.scratchBytes;
    meta.numArguments = countRuntimeArguments(job.arguments);
    meta.writtenArguments = image.written;
    code.name = meta.name;
    code.scratchBytes = image.scratchBytes;
  }

  std::vector<std::string> stageNames() const override { return api::stageNames(job.target); }

  const std::string &stage(const std::string &name) override {
    for (Stage each : {Stage::Tile, Stage::Llir, Stage::Asm, Stage::Obj})
      if (name == stageName(each))
        return stage(each);
    std::string known;
    for (const std::string &each : stageNames())
      known += (known.empty() ? "" : ", ") + each;
    throw Error(Diag::stage_unknown, {job.target.backend, name, known});
  }

  void launch(std::array<int64_t, 3> grid, const uint64_t *slots) override {
    if (!ready.load(std::memory_order_acquire)) [[unlikely]]
      load();
    cpu::runGrid(code, grid, slots);
  }

  double expectedNs(int64_t programs) const override {
    float known = code.nsPerProgram.load(std::memory_order_relaxed);
    return known < 0 ? -1 : double(known) * double(programs);
  }

private:
  const std::string &stage(Stage which) {
    if (which == Stage::Obj)
      return image.object;
    std::lock_guard lock(mutex);
    auto at = texts.find(which);
    if (at == texts.end())
      at = texts.emplace(which, makeStage(job, which)).first;
    return at->second;
  }

  void load() {
    std::lock_guard lock(mutex);
    if (ready.load(std::memory_order_relaxed))
      return;
    checkRunnable(job);
    reportingBugs(job, [&] { loaded = cpu::loadObject(image.object, image.entry); });
    code.entry = reinterpret_cast<cpu::Entry>(loaded->entry);
    ready.store(true, std::memory_order_release);
  }

  Job job;
  Image image;
  cpu::Code code;
  std::atomic<bool> ready{false};
  std::mutex mutex; ///< of loading and of `texts`
  std::unique_ptr<cpu::LoadedObject> loaded;
  std::map<Stage, std::string> texts;
};

} // namespace

std::shared_ptr<CompiledKernel> makeCpuKernel(Job job, Image image,
                                              std::vector<lang::Dependency> dependencies, StageTimes times,
                                              bool cacheHit) {
  job.owned = frozen(*job.function, dependencies);
  job.function = job.owned.get();
  auto kernel = std::make_shared<CpuKernel>(std::move(job), std::move(image));
  kernel->dependencies = std::move(dependencies);
  kernel->times = std::move(times);
  kernel->cacheHit = cacheHit;
  return kernel;
}

} // namespace tegula::api
