//===- Nvptx.cpp - the pipeline from tile IR to PTX ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Nvptx.h"

#include "codegen/llvm/Backend.h"
#include "codegen/nvptx/MathLibrary.h"
#include "codegen/nvptx/NvptxTarget.h"
#include "codegen/nvptx/PassTarget.h"
#include "codegen/simt/Emitter.h"
#include "passes/GpuPasses.h"

#include "llvm/IR/Module.h"

using namespace mlir;

namespace tegula::nvptx {

static func::FuncOp kernelOf(ModuleOp module) {
  Operation *kernel = tile::kernelOf(module);
  if (!kernel)
    throw Error(Diag::internal_error, {"the module holds no kernel", "the dumped tile IR"});
  return cast<func::FuncOp>(kernel);
}

void layOut(ModuleOp module, const Target &target, const Options &options) {
  PassTarget passTarget(target);
  passes::legaliseDots(kernelOf(module), passTarget, options.numWarps);
  passes::assignLayouts(kernelOf(module), passTarget, options.numWarps);
}

void makeTargetReady(ModuleOp module, const Target &target, const Options &options) {
  func::FuncOp kernel = kernelOf(module);
  PassTarget passTarget(target);
  passes::pipelineLoops(kernel, passTarget, options.numStages);
  passes::maskPads(kernel);
  passes::planLowering(kernel, passTarget);
  int64_t bytes = passes::allocateShared(kernel);
  kernel->setAttr(tile::TileDialect::sharedBytesAttr, Builder(kernel.getContext()).getI64IntegerAttr(bytes));
  passes::insertBarriers(kernel);
}

Kernel emitKernel(ModuleOp module, const Target &target, const Options &options, llvm::LLVMContext &context) {
  func::FuncOp kernel = kernelOf(module);
  Kernel result;
  result.entry = kernel.getName().str();
  result.numWarps = options.numWarps;
  if (auto bytes = kernel->getAttrOfType<IntegerAttr>(tile::TileDialect::sharedBytesAttr))
    result.sharedBytes = bytes.getInt();
  result.module = std::make_unique<llvm::Module>(result.entry, context);
  NvptxTarget emitTarget(target, options);
  emitTarget.prepareModule(*result.module);
  simt::Group all;
  all.warps = options.numWarps;
  simt::Emitter(kernel, *result.module, emitTarget, all).emit(result.entry, options.lineInfo);
  linkMathLibrary(*result.module);
  return result;
}

std::string emitPtx(llvm::Module &module, const Target &target) {
  llvmc::Machine machine{"nvptx64-nvidia-cuda", target.name(), target.features(), nullptr};
  llvmc::optimise(module, machine);
  return llvmc::emitAssembly(module, machine);
}

} // namespace tegula::nvptx
