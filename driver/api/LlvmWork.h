//===- LlvmWork.h - a kernel as LLVM IR, on its way through a compile ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/api/Stages.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

namespace tegula::api {

/// A fresh LLVMContext: freeing it frees everything, and no compile sees another's.
struct LlvmWork {
  llvm::LLVMContext context;
  std::string messages;                 ///< errors that LLVM reported
  std::unique_ptr<llvm::Module> module; ///< after `context`: destroyed before it

  LlvmWork();
  /// Throws Error (internal_error) when LLVM reported something.
  void check() const;
  /// Throws Error (internal_error) when LLVM's verifier refuses the module.
  void verify() const;
};

std::string printLlvm(const llvm::Module &module);

/// Runs `body`, which works on the LLVM IR; `command` does the same with the file llvm.ll.
void watchLlvm(const LlvmWork &work, const char *command, llvm::function_ref<void()> body);

} // namespace tegula::api
