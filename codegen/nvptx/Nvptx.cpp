//===- Nvptx.cpp - a place holder until code generation is here ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Nvptx.h"

#include "ir/diag/Diagnostic.h"

#include "llvm/IR/Module.h"

namespace tegula::nvptx {

[[noreturn]] static void missing() { throw Error(Diag::codegen_unsupported_op, {"cuda", "any kernel"}); }

void layOut(mlir::ModuleOp, const Target &, const Options &) { missing(); }
void makeTargetReady(mlir::ModuleOp, const Target &, const Options &) { missing(); }
Kernel emitKernel(mlir::ModuleOp, const Target &, const Options &, llvm::LLVMContext &) { missing(); }
std::string emitPtx(llvm::Module &, const Target &) { missing(); }

} // namespace tegula::nvptx
