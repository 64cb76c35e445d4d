//===- Nvptx.h - tile IR to PTX ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace tegula::nvptx {

struct Target {
  int sm = 80;
  /// "sm_80", "sm_90a": what PTX and its assembler are told.
  std::string name() const;
};
/// "80", "sm_80", "90" …; throws Error for an architecture that Tegula does not compile for.
Target targetNamed(const std::string &arch);

struct Options {
  int numWarps = 4, numStages = 3;
  int maxRegisters = 0; ///< of a thread; 0: the assembler's choice
  bool debug = false, lineInfo = true;
};

struct Kernel {
  std::unique_ptr<llvm::Module> module;
  std::string entry;
  int64_t sharedBytes = 0; ///< dynamic
  int numWarps = 4;
};

/// Tile IR becomes laid-out IR: every tile has a layout.
void layOut(mlir::ModuleOp module, const Target &target, const Options &options);
/// Laid-out IR becomes target-ready IR: nothing is left to decide.
void makeTargetReady(mlir::ModuleOp module, const Target &target, const Options &options);
Kernel emitKernel(mlir::ModuleOp module, const Target &target, const Options &options,
                  llvm::LLVMContext &context);
std::string emitPtx(llvm::Module &module, const Target &target);

} // namespace tegula::nvptx
