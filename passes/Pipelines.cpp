//===- Pipelines.cpp - the order of the target-neutral passes ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

#include <stdexcept>

using namespace mlir;

namespace tegula::passes {

void buildTilePipeline(OpPassManager &manager, bool fpFusion) {
  // Folding first: it makes equal what the front end wrote in two ways, so that CSE sees it once.
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createLoopInvariantCodeMotionPass());
  // After CSE: a product that two sums shared must be seen as shared. Before tokens: it moves nothing.
  if (fpFusion)
    manager.addPass(createFormFmaPass());
  // Last: every pass above may add or drop memory operations' users, none may run between tokens and their readers.
  manager.addPass(createMemoryOrderPass());
}

struct TilePipeline::State {
  PassManager manager;
  State(MLIRContext &context, bool fpFusion) : manager(&context, ModuleOp::getOperationName()) {
    manager.enableVerifier(false);
    buildTilePipeline(manager, fpFusion);
  }
};

TilePipeline::TilePipeline(MLIRContext &context, bool fpFusion)
    : state(std::make_unique<State>(context, fpFusion)) {}
TilePipeline::~TilePipeline() = default;

void TilePipeline::run(ModuleOp module, bool verify) {
  state->manager.enableVerifier(verify);
  if (failed(state->manager.run(module)))
    throw std::runtime_error("the tile pipeline failed on a verified module");
}

void runTilePipeline(ModuleOp module, bool fpFusion) {
  TilePipeline(*module.getContext(), fpFusion).run(module, false);
}

void registerPasses() {
  registerPass([] { return createFormFmaPass(); });
  registerPass([] { return createMemoryOrderPass(); });
  registerPass([] { return createPrintAxisInfoPass(); });
  registerCanonicalizerPass();
  registerCSEPass();
  registerLoopInvariantCodeMotionPass();
  PassPipelineRegistration<>("tile-pipeline", "what every target runs on tile IR",
                             [](OpPassManager &manager) { buildTilePipeline(manager, /*fpFusion=*/true); });
}

} // namespace tegula::passes
