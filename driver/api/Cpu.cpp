//===- Cpu.cpp - the steps from tile IR to an object of a processor ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Kernel.h"
#include "driver/api/LlvmWork.h"
#include "driver/api/Reproducer.h"
#include "driver/cpu/Loader.h"
#include "ir/ForkSafe.h"

#include "llvm/Support/TargetSelect.h"

namespace tegula::api {

static constexpr const char *replay = "llc-22 -O2 llvm.ll";

static void makeLlir(Work &work) {
  const Job &job = work.job;
  work.llvm = std::make_unique<LlvmWork>();
  LlvmWork &llvm = *work.llvm;
  watchIr(
      "codegen.tile", "tegula-opt codegen.tile", [&] { return printTile(*work.tile->module); },
      [&] {
        Timed timed(work.times, "llir");
        cpu::Options options{job.options.pull, job.options.debug};
        cpu::Kernel kernel = cpu::emitKernel(*work.tile->module, job.cpuTarget, options, llvm.context);
        llvm.module = std::move(kernel.module);
        work.image.entry = std::move(kernel.entry);
        work.image.scratchBytes = kernel.scratchBytes;
      });
  watchLlvm(llvm, replay, [&] {
    if (job.settings.verify)
      llvm.verify();
    Timed timed(work.times, "optimise");
    cpu::optimise(*llvm.module, job.cpuTarget);
  });
  llvm.check();
}

static void makeAsm(Work &work) { work.text = cpu::emitAssembly(*work.llvm->module, work.job.cpuTarget); }

/// A module of nothing but `work.text`: LLVM's own way from assembly to an object.
static void assemble(Work &work) {
  LLVMInitializeX86AsmParser();
  LLVMInitializeAArch64AsmParser();
  LlvmWork &llvm = *work.llvm;
  llvm::Module module("override", llvm.context);
  module.setTargetTriple(llvm.module->getTargetTriple());
  module.setDataLayout(llvm.module->getDataLayout());
  module.setModuleInlineAsm(work.text);
  work.text = cpu::emitObject(module, work.job.cpuTarget);
  llvm.check();
}

static void makeObj(Work &work) {
  if (work.replaced && work.replaced->first == Stage::Asm)
    return blameFile(Stage::Asm, work.replaced->second, [&] { assemble(work); });
  Timed timed(work.times, "obj");
  watchLlvm(*work.llvm, replay, [&] { work.text = cpu::emitObject(*work.llvm->module, work.job.cpuTarget); });
  work.llvm->check();
}

static bool replaceObj(Work &work, Stage stage) {
  if (!replaceText(work, stage))
    return false;
  // Now and not at the first launch, where nobody knows any more whose object it is.
  if (work.job.cpuTarget.isHost)
    blameFile(stage, work.replaced->second, [&] { cpu::loadObject(work.text, work.image.entry); });
  return true;
}

/// Asking a processor for its features reads files and many registers: once a process.
static cpu::Target cachedTarget(const std::string &arch) {
  static auto &mutex = *new ForkSafeMutex;
  static auto &known = *new std::map<std::string, cpu::Target>;
  std::lock_guard lock(mutex);
  auto at = known.find(arch);
  if (at == known.end())
    at = known.emplace(arch, cpu::targetNamed(arch)).first;
  return at->second;
}

static void resolve(Job &job, ByteWriter &key) {
  if (job.target.arch == "native" && !job.settings.cpuArch.empty())
    job.target.arch = job.settings.cpuArch;
  job.cpuTarget = cachedTarget(job.target.arch);
  key.text(job.cpuTarget.triple);
  key.text(job.cpuTarget.cpu);
  key.text(job.cpuTarget.features);
  key.pod(job.cpuTarget.vectorBits);
}

static constexpr Step steps[] = {
    {Stage::Tile, makeTile, replaceTileIr},
    {Stage::Llir, makeLlir, replaceLlvmIr},
    {.stage = Stage::Asm, .make = makeAsm, .replace = replaceText, .isAside = true},
    {.stage = Stage::Obj, .make = makeObj, .replace = replaceObj, .isKept = true},
};

constinit const Backend cpuBackend = {"cpu", steps, true, resolve, makeCpuKernel};

} // namespace tegula::api
