//===- Passes.h - the target-neutral passes and their pipeline ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace mlir {
class OpPassManager;
}

namespace tegula::passes {

std::unique_ptr<mlir::Pass> createFormFmaPass();
std::unique_ptr<mlir::Pass> createMemoryOrderPass();
/// For tests and for reading; no target runs it.
std::unique_ptr<mlir::Pass> createPrintAxisInfoPass();
/// Unit-stride and whole-range facts are asked of the IR by targets themselves; this pass only tidies: canonical
/// patterns, common subexpressions, loop-invariant code, dead code.
void buildTilePipeline(mlir::OpPassManager &manager, bool fpFusion);

/// The pipeline for one context, kept from kernel to kernel: building its patterns costs more than running it on a
/// small kernel.
class TilePipeline {
public:
  TilePipeline(mlir::MLIRContext &context, bool fpFusion);
  ~TilePipeline();
  /// Throws std::runtime_error when a pass fails, which is a bug. `verify`: the IR is verified after each pass.
  void run(mlir::ModuleOp module, bool verify);

private:
  struct State;
  std::unique_ptr<State> state;
};

/// The same for one module only. Throws std::runtime_error when a pass fails, which is a bug.
void runTilePipeline(mlir::ModuleOp module, bool fpFusion);

/// Registers passes and pipelines for tegula-opt.
void registerPasses();

} // namespace tegula::passes
