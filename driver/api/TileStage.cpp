//===- TileStage.cpp - from source to tile IR: the first step of every backend ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Stages.h"

#include "driver/api/Reproducer.h"
#include "ir/ForkSafe.h"
#include "ir/ops/Tile.h"
#include "passes/AliasClasses.h"
#include "passes/Passes.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <set>

namespace tegula::api {

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

Workshop::Workshop() : context(mlir::MLIRContext::Threading::DISABLED) {
  tile::loadDialects(context);
  for (bool fuse : {false, true})
    pipelines[fuse] = std::make_unique<passes::TilePipeline>(context, fuse);
}
Workshop::~Workshop() = default;

namespace {
struct WorkshopPool {
  ForkSafeMutex mutex;
  std::vector<std::unique_ptr<Workshop>> idle;
};
/// Never destroyed: taking a context apart at exit costs milliseconds and gains nothing.
WorkshopPool &workshops() {
  static WorkshopPool &it = *new WorkshopPool;
  return it;
}
} // namespace

WorkshopLease::WorkshopLease() {
  {
    std::lock_guard lock(workshops().mutex);
    auto &idle = workshops().idle;
    if (!idle.empty()) {
      workshop = std::move(idle.back());
      idle.pop_back();
    }
  }
  if (!workshop)
    workshop = std::make_unique<Workshop>();
}

WorkshopLease::~WorkshopLease() {
  if (!workshop || ++workshop->kernels >= 256)
    return;
  std::lock_guard lock(workshops().mutex);
  workshops().idle.push_back(std::move(workshop));
}

//===----------------------------------------------------------------------===//
// Tile IR
//===----------------------------------------------------------------------===//

/// The pointer arguments that may be written through; nullopt when a pointer cannot be traced to one.
static std::optional<std::vector<int>> writtenArguments(mlir::ModuleOp module) {
  auto kernel = llvm::dyn_cast_or_null<mlir::func::FuncOp>(tile::kernelOf(module));
  if (!kernel)
    return std::nullopt;
  passes::AliasClasses classes(kernel);
  std::set<int> written;
  bool known = true;
  auto note = [&](mlir::Value pointer) {
    int argument = classes.argumentOf(pointer);
    known &= argument >= 0;
    written.insert(argument);
  };
  kernel.walk([&](mlir::Operation *op) {
    if (auto store = llvm::dyn_cast<tile::StoreOp>(op))
      note(store.getPtr());
    else if (auto rmw = llvm::dyn_cast<tile::AtomicRmwOp>(op))
      note(rmw.getPtr());
    else if (auto cas = llvm::dyn_cast<tile::AtomicCasOp>(op))
      note(cas.getPtr());
  });
  if (!known)
    return std::nullopt;
  return std::vector<int>(written.begin(), written.end());
}

std::string printTile(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  module->print(out, mlir::OpPrintingFlags().enableDebugInfo(false));
  return text;
}

static lang::Options languageOptions(const Job &job) {
  lang::Options options;
  options.numWarps = job.options.numWarps;
  options.numStages = job.options.numStages;
  options.debug = job.options.debug;
  options.fpFusion = job.options.fpFusion;
  options.disjoint = job.options.disjoint;
  options.backend = job.target.backend;
  options.inputPrecision = job.settings.f32Default;
  return options;
}

static void lowerAndRunPasses(Work &work) {
  const Job &job = work.job;
  TileModule &tile = *work.tile;
  {
    Timed timed(work.times, "tile");
    auto lowered = lang::lowerKernel(tile.workshop->context, *job.function, job.arguments,
                                     languageOptions(job), work.print);
    tile.module = std::move(lowered.module);
    work.dependencies = std::move(lowered.dependencies);
  }
  Timed timed(work.times, "passes");
  watchIr(
      "passes.tile", "tegula-opt --tile-pipeline passes.tile", [&] { return printTile(*tile.module); },
      [&] { tile.workshop->pipelines[job.options.fpFusion]->run(*tile.module, job.settings.verify); });
}

void makeTile(Work &work) {
  TileModule &tile = work.tile.emplace();
  MlirMessages messages(tile.workshop->context);
  try {
    lowerAndRunPasses(work);
  } catch (const Error &error) {
    if (error.kind() != ErrorKind::Internal || messages.text.empty())
      throw;
    throw Error(Diag::internal_error, {error.diagnostic().message + " (" + messages.text + ")"});
  }
  replaceTileIr(work, Stage::Tile);
  if (work.job.settings.verify && mlir::failed(mlir::verify(*tile.module)))
    throw Error(Diag::internal_error, {"the verifier refused the tile IR: " + messages.text});
  // Here and not later: what other stages make of stores need not be known.
  work.image.written = writtenArguments(*tile.module);
}

bool replaceTileIr(Work &work, Stage stage) {
  auto replacement = overrideOf(work.job, stage);
  if (!replacement)
    return false;
  auto &[content, path] = *replacement;
  TileModule &tile = *work.tile;
  MlirMessages messages(tile.workshop->context);
  auto parsed = mlir::parseSourceString<mlir::ModuleOp>(content, &tile.workshop->context, path);
  if (!parsed || !tile::kernelOf(*parsed))
    throw Error(Diag::stage_override_bad,
                {stageName(stage), path, messages.text.empty() ? "it holds no kernel" : messages.text});
  tile.module = std::move(parsed);
  work.replaced = {stage, path};
  return true;
}

} // namespace tegula::api
