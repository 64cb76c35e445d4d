//===- Nvptx.h - tile IR to PTX ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
//     tile ─ layOut ─▶ laid-out ─ makeTargetReady ─▶ target-ready ─ emitKernel ─▶ LLVM IR ─ emitPtx ─▶ PTX
//
// A kernel's parameters are its run-time arguments in order and nothing else: pointers of 8 bytes, integers and floats
// by their width, i1 as a byte. It is launched with numWarps * 32 threads and `sharedBytes` of dynamic shared memory.
// It prints through vprintf and stops through __assertfail.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace tegula::nvptx {

/// A GPU to compile for, by its compute capability without the point.
struct Target {
  int sm = 80;
  std::string name() const; ///< "sm_80"; "sm_90a" where the instructions of one architecture alone are used
  std::string features() const; ///< LLVM's, beside those that come with the name
};

/// "80", "sm_80", "90a", ...: one of 75, 80, 86, 87, 89, 90, 100, 103, 120, 121. Throws Error for others.
Target targetNamed(const std::string &arch);

struct Options {
  int numWarps = 4, numStages = 3;
  int maxRegisters = 0; ///< of a thread; 0: no limit but the architecture's
  bool debug = false;
  bool lineInfo = true;
};

/// A kernel as LLVM IR.
struct Kernel {
  std::unique_ptr<llvm::Module> module;
  std::string entry;
  int64_t sharedBytes = 0; ///< dynamic
  int numWarps = 4;
};

void layOut(mlir::ModuleOp module, const Target &target, const Options &options);
void makeTargetReady(mlir::ModuleOp module, const Target &target, const Options &options);
Kernel emitKernel(mlir::ModuleOp module, const Target &target, const Options &options,
                  llvm::LLVMContext &context);
std::string emitPtx(llvm::Module &module, const Target &target);

} // namespace tegula::nvptx
