//===- Cuda.cpp - the steps from tile IR to machine code of an NVIDIA GPU ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Kernel.h"
#include "driver/api/LlvmWork.h"
#include "driver/api/Reproducer.h"
#include "ir/ForkSafe.h"

#include "mlir/IR/Verifier.h"

#include <charconv>
#include <map>

namespace tegula::api {

static nvptx::Options optionsOf(const Job &job) {
  nvptx::Options options;
  options.numWarps = job.options.numWarps;
  options.numStages = job.options.numStages;
  options.maxRegisters = job.options.maxRegisters;
  options.debug = job.options.debug;
  options.lineInfo = job.settings.lineInfo;
  return options;
}

//===----------------------------------------------------------------------===//
// IR
//===----------------------------------------------------------------------===//

/// Runs `body`, which rewrites the tile IR in place; `before` names the stage that it starts from.
static void rewrite(Work &work, Stage before, Stage after, llvm::function_ref<void(mlir::ModuleOp)> body) {
  TileModule &tile = *work.tile;
  MlirMessages messages(tile.workshop->context);
  std::string file = std::string("kernel.") + stageName(before), command = "tegula-opt " + file;
  watchIr(
      file.c_str(), command.c_str(), [&] { return printTile(*tile.module); },
      [&] {
        Timed timed(work.times, stageName(after));
        body(*tile.module);
        if (work.job.settings.verify && mlir::failed(mlir::verify(*tile.module)))
          throw Error(Diag::internal_error, {"the verifier refused the IR: " + messages.text});
      });
}

static void makeLaidOut(Work &work) {
  rewrite(work, Stage::Tile, Stage::LaidOut,
          [&](mlir::ModuleOp module) { nvptx::layOut(module, work.job.gpuTarget, optionsOf(work.job)); });
}

static void makeTargetReady(Work &work) {
  rewrite(work, Stage::LaidOut, Stage::TargetReady, [&](mlir::ModuleOp module) {
    nvptx::makeTargetReady(module, work.job.gpuTarget, optionsOf(work.job));
  });
}

static void makeLlir(Work &work) {
  work.llvm = std::make_unique<LlvmWork>();
  rewrite(work, Stage::TargetReady, Stage::Llir, [&](mlir::ModuleOp module) {
    nvptx::Kernel kernel =
        nvptx::emitKernel(module, work.job.gpuTarget, optionsOf(work.job), work.llvm->context);
    work.llvm->module = std::move(kernel.module);
    work.image.entry = std::move(kernel.entry);
    work.image.sharedBytes = kernel.sharedBytes;
    work.image.numWarps = kernel.numWarps;
  });
  watchLlvm(*work.llvm, "llc-22 llvm.ll", [&] {
    if (work.job.settings.verify)
      work.llvm->verify();
  });
  work.llvm->check();
}

//===----------------------------------------------------------------------===//
// PTX
//===----------------------------------------------------------------------===//

// The first line of the stage says how to launch the kernel, so that a file in its place is whole:
//
//     // tegula: entry=add warps=4 shared=0

static constexpr std::string_view headMark = "// tegula:";

static std::string head(const Image &image) {
  return std::string(headMark) + " entry=" + image.entry + " warps=" + std::to_string(image.numWarps) +
         " shared=" + std::to_string(image.sharedBytes) + "\n";
}

/// Reads such a line into `image`; what is wrong with it, or empty.
static std::string readHead(std::string_view text, Image &image) {
  if (!text.starts_with(headMark))
    return "its first line is not like '// tegula: entry=name warps=4 shared=0'";
  text = text.substr(headMark.size(), text.find('\n') - headMark.size());
  while (!text.empty()) {
    size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end), value;
    text.remove_prefix(std::min(end + 1, text.size()));
    if (size_t at = word.find('='); at != word.npos)
      value = word.substr(at + 1);
    auto number = [&](auto &field) {
      auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), field);
      return error == std::errc() && stop == value.data() + value.size() && field >= 0;
    };
    bool good = word.empty() || (word.starts_with("warps=") && number(image.numWarps)) ||
                (word.starts_with("shared=") && number(image.sharedBytes));
    if (!good && word.starts_with("entry=") && !value.empty()) {
      image.entry = value;
      good = true;
    }
    if (!good)
      return "its first line holds '" + std::string(word) + "'";
  }
  return image.entry.empty() || image.numWarps < 1 ? "its first line lacks the entry or the warps" : "";
}

static void makePtx(Work &work) {
  watchLlvm(*work.llvm, "llc-22 llvm.ll", [&] {
    Timed timed(work.times, "ptx");
    work.text = head(work.image) + nvptx::emitPtx(*work.llvm->module, work.job.gpuTarget);
  });
  work.llvm->check();
}

static bool replacePtx(Work &work, Stage stage) {
  if (!replaceText(work, stage))
    return false;
  if (std::string why = readHead(work.text, work.image); !why.empty())
    throw Error(Diag::stage_override_bad, {stageName(stage), work.replaced->second, why});
  return true;
}

//===----------------------------------------------------------------------===//
// Machine code
//===----------------------------------------------------------------------===//

using Made = std::shared_ptr<const cuda::Assembled>;

namespace {
/// Kernels that came to the same PTX are assembled once: several configurations of a tuner often do.
struct Memory {
  ForkSafeMutex mutex;
  std::map<Digest, Made> made;
};
} // namespace

static Memory &memory() {
  static Memory &it = *new Memory;
  return it;
}

/// With the assembler of the job, or the next one where that cannot be run at all.
static Made assemble(const Job &job, const cuda::AssemblyRequest &request) {
  ByteWriter material;
  material.text(job.assembler->identity());
  material.text(request.arch);
  material.pod(request.lineInfo);
  material.text(request.ptx);
  Digest key = digestOf(material.bytes);
  Memory &known = memory();
  {
    std::lock_guard lock(known.mutex);
    if (auto at = known.made.find(key); at != known.made.end())
      return at->second;
  }
  auto tool = job.assembler;
  Made made;
  while (!made) {
    try {
      made = std::make_shared<const cuda::Assembled>(tool->assemble(request));
    } catch (const Error &error) {
      auto next = cuda::findAssemblerAfter(*tool);
      if (error.diagnostic().id != Diag::assembler_unusable || !next)
        throw;
      tool = next;
    }
  }
  std::lock_guard lock(known.mutex);
  if (known.made.size() >= 256)
    known.made.clear();
  known.made.emplace(key, made);
  return made;
}

static void makeCubin(Work &work) {
  const Job &job = work.job;
  if (!job.assembler) {
    work.text.clear();
    return;
  }
  std::string arch = job.gpuTarget.name(), command = "ptxas -v -arch=" + arch + " kernel.ptx";
  Made made;
  auto body = [&] {
    watchIr(
        "kernel.ptx", command.c_str(), [&] { return work.text; },
        [&] {
          Timed timed(work.times, "cubin");
          made = assemble(job, {work.text, arch, job.settings.lineInfo, job.name()});
        });
  };
  if (work.replaced && work.replaced->first == Stage::Ptx)
    blameFile(Stage::Ptx, work.replaced->second, body);
  else
    body();
  work.text = made->cubin;
  work.image.registers = made->registers;
  work.image.spills = made->spills;
}

//===----------------------------------------------------------------------===//
// The backend
//===----------------------------------------------------------------------===//

static void resolve(Job &job, ByteWriter &key) {
  job.gpuTarget = nvptx::targetNamed(job.target.arch);
  if (job.options.assemble)
    job.assembler = cuda::findAssembler();
  key.text(job.gpuTarget.name());
  key.text(job.assembler ? job.assembler->identity() : "");
}

static constexpr Step steps[] = {
    {Stage::Tile, makeTile, replaceTileIr},
    {.stage = Stage::LaidOut, .make = makeLaidOut, .replace = replaceTileIr, .standsAlone = true},
    {.stage = Stage::TargetReady, .make = makeTargetReady, .replace = replaceTileIr, .standsAlone = true},
    {Stage::Llir, makeLlir, replaceLlvmIr},
    {.stage = Stage::Ptx, .make = makePtx, .replace = replacePtx, .isKept = true, .standsAlone = true},
    {.stage = Stage::Cubin, .make = makeCubin, .replace = replaceText, .isKept = true},
};

constinit const Backend cudaBackend = {"cuda", steps, true, resolve, makeGpuKernel};

} // namespace tegula::api
