//===- ReferenceKernel.cpp - a kernel for the interpreter of tile IR ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Kernel.h"
#include "driver/cpu/Grid.h"
#include "driver/reference/Reference.h"

namespace tegula::api {

namespace {

class ReferenceKernel final : public CompiledKernel {
public:
  ReferenceKernel(const Job &job, Built built) : tile(std::move(*built.tile)) {
    meta.name = job.name();
    meta.target = job.target;
    meta.options = job.options;
    meta.hash = job.hash;
    meta.numArguments = int(runtimeArguments(job.arguments).size());
    meta.writtenArguments = std::move(built.image.written);
    dependencies = std::move(built.dependencies);
    times = std::move(built.times);
    text = printTile(*tile.module);
  }

  std::vector<std::string> stageNames() const override { return {"tile"}; }

  const std::string &stage(const std::string &name) override {
    if (name != "tile")
      throw Error(Diag::stage_unknown, {"reference", name, "tile"});
    return text;
  }

  void launch(const Launch &launch) override {
    // The module's context is for one thread at a time.
    std::lock_guard lock(mutex);
    if (cpu::programsOf(launch.grid) == 0)
      return;
    reference::Hooks hooks;
    hooks.print = [](const std::string &line) { cpu::writeOut(line.ends_with('\n') ? line : line + "\n"); };
    hooks.interrupted = [look = cpu::InterruptPoll()]() mutable { return look.isDue() && look.ask(); };
    reference::run(*tile.module, launch.grid, launch.slots, hooks);
  }

private:
  TileModule tile;
  std::string text;
  std::mutex mutex;
};

} // namespace

std::shared_ptr<CompiledKernel> makeReferenceKernel(Job job, Built built, bool) {
  return std::make_shared<ReferenceKernel>(job, std::move(built));
}

static constexpr Step steps[] = {{Stage::Tile, makeTile, replaceTileIr}};

constinit const Backend referenceBackend = {"reference", steps, false, [](Job &, ByteWriter &) {},
                                            makeReferenceKernel};

} // namespace tegula::api
