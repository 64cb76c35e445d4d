//===- MathLibrary.h - math functions that a GPU has no instruction for ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// LLVM's libclc, cut down to the functions of MathLibrary.def when Tegula is built (90 KB of bitcode within the program).
// A kernel calls them by their names in the library, and what it called is linked into it as internal functions: read
// from the bitcode one by one, so that a kernel pays for its own: 0.7 ms for the first. They stay functions, which ptxas
// may inline: eight copies of an f64 exp in LLVM IR make a kernel's compile time 18 ms instead of 6.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace llvm {
class IRBuilderBase;
class Module;
class Value;
} // namespace llvm

namespace tegula::nvptx {

/// A call of the library's function of `name` (its OpenCL C name) for f32 or f64 values; null if it has none.
llvm::Value *callMathLibrary(llvm::IRBuilderBase &b, llvm::StringRef name,
                             llvm::ArrayRef<llvm::Value *> arguments);

/// Defines what functions of the library the module calls. Throws Error (internal) if it cannot be read.
void linkMathLibrary(llvm::Module &module);

} // namespace tegula::nvptx
