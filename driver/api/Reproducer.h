//===- Reproducer.h - what an internal error leaves behind ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/api/Job.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace tegula::api {

/// Some IR that a failing step was working on, and the command that does this step again.
struct WatchedIr {
  std::string file;    ///< "passes.tile", "codegen.tile", "llvm.ll", "kernel.ptx"
  std::string command; ///< uses `file`
  std::string text;
};

/// Runs `body`. Should it fail by a bug (an internal error, which codegen also makes of LLVM's fatal errors, or an
/// unexpected exception), `print` is called before anything is freed and what it gives is kept for the reproducer. The
/// innermost watch counts.
void watchIr(const char *file, const char *command, llvm::function_ref<std::string()> print,
             llvm::function_ref<void()> body);

/// Runs `body`. What is no user error becomes an internal_error that names a folder with source, request, IR, versions
/// and a command. Exceptions of unknown types pass: they are a resolver's own (Python's).
void reportingBugs(const Job &job, llvm::function_ref<void()> body);

} // namespace tegula::api
