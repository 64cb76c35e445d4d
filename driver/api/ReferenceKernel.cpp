//===- ReferenceKernel.cpp - a kernel for the interpreter of tile IR ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Kernel.h"
#include "driver/api/Reproducer.h"
#include "driver/api/Stages.h"
#include "driver/cpu/Grid.h"
#include "driver/reference/Reference.h"

#include "llvm/Support/raw_ostream.h"

#include <mutex>

namespace tegula::api {

namespace {

class ReferenceKernel final : public CompiledKernel {
public:
  ReferenceKernel(const Job &job, TileModule theTile) : tile(std::move(theTile)) {
    meta.name = job.name();
    meta.target = job.target;
    meta.options = job.options;
    meta.hash = job.hash;
    meta.numArguments = countRuntimeArguments(job.arguments);
    meta.writtenArguments = tile.written;
    dependencies = tile.dependencies;
    llvm::raw_string_ostream out(text);
    (*tile.module)->print(out, mlir::OpPrintingFlags().enableDebugInfo(false));
  }

  std::vector<std::string> stageNames() const override { return {"tile"}; }

  const std::string &stage(const std::string &name) override {
    if (name != "tile")
      throw Error(Diag::stage_unknown, {"reference", name, "tile"});
    return text;
  }

  void launch(std::array<int64_t, 3> grid, const uint64_t *slots) override {
    // The module's context is for one thread at a time.
    std::lock_guard lock(mutex);
    if (cpu::programsOf(grid) == 0)
      return;
    reference::Hooks hooks;
    hooks.print = [](const std::string &line) { cpu::writeOut(line.ends_with('\n') ? line : line + "\n"); };
    hooks.interrupted = [look = cpu::InterruptPoll()]() mutable { return look.isDue() && look.ask(); };
    reference::run(*tile.module, grid, slots, hooks);
  }

private:
  TileModule tile;
  std::string text;
  std::mutex mutex;
};

} // namespace

std::shared_ptr<CompiledKernel> makeReferenceKernel(Job job,
                                                    const std::function<void(const std::string &)> &print) {
  std::shared_ptr<ReferenceKernel> kernel;
  reportingBugs(job, [&] {
    StageTimes times;
    kernel = std::make_shared<ReferenceKernel>(job, makeTile(job, times, print));
    kernel->times = std::move(times);
  });
  return kernel;
}

} // namespace tegula::api
