//===- Stages.h - the stages of a kernel ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
//     source ─ lang, passes ─▶ "tile" ─ codegen ─▶ "llir" ─▶ "asm" | "obj"
//
// Each stage is the input of the next, so a file that replaces one (TEGULA_OVERRIDE_DIR) is compiled on from there.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/api/Job.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace tegula::passes {
class TilePipeline;
}

namespace tegula::api {

enum class Stage : uint8_t { Tile, Llir, Asm, Obj };
const char *stageName(Stage stage);
/// Of a target, in order: "tile" alone for the reference device.
std::vector<std::string> stageNames(const Target &target);

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

/// Tile IR after the passes, as code generation and the reference device take it.
struct TileModule {
  WorkshopLease workshop; ///< outlives `module`
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<lang::Dependency> dependencies;
  std::optional<std::vector<int>> written; ///< Metadata::writtenArguments
};

/// `print` gets the lines of static_print; empty: nobody.
TileModule makeTile(const Job &job, StageTimes &times, const std::function<void(const std::string &)> &print);

/// A finished compile for the CPU.
struct Built {
  std::string entry, object;
  int64_t scratchBytes = 0;
  std::vector<lang::Dependency> dependencies;
  std::optional<std::vector<int>> written;
  StageTimes times;
};
Built buildObject(const Job &job, const std::function<void(const std::string &)> &print);

/// The text of a stage, made anew.
std::string makeStage(const Job &job, Stage stage);

/// Writes the stages that TEGULA_DUMP names; `text` makes one.
void dumpStages(const Job &job, const std::function<const std::string &(const std::string &)> &text);
/// The replacement of a stage in TEGULA_OVERRIDE_DIR: its text and its path.
std::optional<std::pair<std::string, std::string>> overrideOf(const Job &job, Stage stage);

} // namespace tegula::api
