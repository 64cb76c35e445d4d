//===- Stages.h - the stages of a kernel, and what makes one of the other ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A backend is a row of steps, each of which makes its stage of the stage before:
//
//     cpu        tile ─▶ llir ─▶ (asm) ─▶ obj
//     cuda       tile ─▶ laid-out ─▶ target-ready ─▶ llir ─▶ ptx ─▶ cubin
//     reference  tile
//
// Compiling runs the whole row; showing a stage runs it that far; a file in TEGULA_OVERRIDE_DIR takes the place of what
// a step made. The steps of a backend stand in one list (Cpu.cpp, Cuda.cpp, ReferenceKernel.cpp).
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/api/Image.h"
#include "driver/api/Job.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <span>

namespace tegula::passes {
class TilePipeline;
}

namespace tegula::api {

using Printer = std::function<void(const std::string &)>;

/// An MLIR context with what is dear to make; used by one thread at a time.
struct Workshop {
  Workshop();
  ~Workshop();
  mlir::MLIRContext context;
  std::unique_ptr<passes::TilePipeline> pipelines[2]; ///< without and with fma formation
  int kernels = 0;                                    ///< compiled in it so far
};

/// Takes a workshop from a pool and gives it back; after 256 kernels it is thrown away instead, as a context never
/// forgets a type, an attribute or a location.
class WorkshopLease {
public:
  WorkshopLease();
  ~WorkshopLease();
  WorkshopLease(WorkshopLease &&) = default;
  Workshop *operator->() const { return workshop.get(); }

private:
  std::unique_ptr<Workshop> workshop;
};

/// Tile IR in one of its stages.
struct TileModule {
  WorkshopLease workshop; ///< outlives `module`
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

struct LlvmWork;

/// A compile on its way. What the last step made is in `tile`, `llvm` or `text`, by the form of its stage.
struct Work {
  Work(const Job &job, const Printer &print);
  ~Work();

  const Job &job;
  const Printer &print; ///< gets the lines of static_print; may be empty
  StageTimes times;
  std::optional<TileModule> tile;
  std::vector<lang::Dependency> dependencies;
  std::unique_ptr<LlvmWork> llvm;
  std::string text;
  Image image; ///< its facts fill up from step to step

  /// The last stage whose place a file of TEGULA_OVERRIDE_DIR took, and that file.
  std::optional<std::pair<Stage, std::string>> replaced;
};

struct Step {
  Stage stage;
  /// Makes it of the stage before. Text and bytes are not made where a file takes their place.
  void (*make)(Work &work);
  /// Takes the file of TEGULA_OVERRIDE_DIR in this stage's place, if there is one; throws Error (stage_override_bad).
  bool (*replace)(Work &work, Stage stage);
  bool isKept = false;      ///< its content goes into the image
  bool isAside = false;     ///< not on the way to the next stage, unless a file takes its place
  bool standsAlone = false; ///< a file in its place needs nothing of the stages between tile and this
};

/// A finished compile.
struct Built {
  Image image;
  std::optional<TileModule> tile; ///< where the last stage is tile IR
  std::vector<lang::Dependency> dependencies;
  StageTimes times;
};

/// What compiles for one kind of device.
struct Backend {
  const char *name;
  std::span<const Step> steps; ///< the first makes the stage "tile"
  bool onDisk;                 ///< its images are kept there
  /// Finds the target of a job by its arch, and writes what code depends on into the key. Throws Error.
  void (*resolve)(Job &job, ByteWriter &key);
  /// `job.function` is replaced by a frozen copy, for the stages that are made when asked for.
  std::shared_ptr<CompiledKernel> (*load)(Job job, Built built, bool cacheHit);
};
extern const Backend cpuBackend, cudaBackend, referenceBackend;
/// Throws Error (target_unknown).
const Backend &backendNamed(const std::string &name);

/// The whole row of steps.
Built build(const Job &job, const Printer &print);
/// The content of one stage, made anew.
std::string makeStage(const Job &job, Stage stage);
/// The stage of this name among those of the job's backend, less those that `image` lacks; throws Error (stage_unknown).
Stage stageNamed(const Job &job, const Image &image, const std::string &name);
std::vector<std::string> stageNames(const Job &job, const Image &image);

/// Writes the stages of a kernel that TEGULA_DUMP names.
void dumpStages(const Job &job, CompiledKernel &kernel);
/// The replacement of a stage in TEGULA_OVERRIDE_DIR: its content and its path.
std::optional<std::pair<std::string, std::string>> overrideOf(const Job &job, Stage stage);

// The parts of steps.

/// The first step of every backend: lowers the source, runs the passes, takes a file in its place.
void makeTile(Work &work);
/// Step::replace by form. `replaceText` also for bytes.
bool replaceTileIr(Work &work, Stage stage);
bool replaceLlvmIr(Work &work, Stage stage);
bool replaceText(Work &work, Stage stage);
/// The text of tile IR in any of its stages.
std::string printTile(mlir::ModuleOp module);

/// Adds a row to the times when it goes.
class Timed {
public:
  Timed(StageTimes &times, const char *name);
  ~Timed();

private:
  StageTimes &times;
  const char *name;
  int64_t start;
};

/// Collects what MLIR reports in a context, instead of printing it.
class MlirMessages {
public:
  explicit MlirMessages(mlir::MLIRContext &context);
  ~MlirMessages();
  std::string text;

private:
  struct Handler;
  std::unique_ptr<Handler> handler;
};

/// Runs `body`, which works on what a user put in place of a stage: what fails there is no bug of ours.
void blameFile(Stage stage, const std::string &path, llvm::function_ref<void()> body);

} // namespace tegula::api
