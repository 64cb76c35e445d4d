//===- Backend.h - LLVM's passes and machine code, for every target ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Compile time is mostly LLVM's, so the lists of passes are short, and what can be kept is kept: a TargetMachine and the
// analysis managers per thread and machine. No cl::opt is read or set: they belong to the whole process.
//

#pragma once

#include "llvm/ADT/StringSet.h"

#include <string>

namespace llvm {
class Module;
}

namespace tegula::llvmc {

/// What to generate code for.
struct Machine {
  std::string triple, cpu, features;
  /// Names of code generation passes that are left out; lives for ever.
  const llvm::StringSet<> *unwanted = nullptr;
};

/// EarlyCSE and SimplifyCFG on every function. Sets the module's triple and data layout. Throws Error (internal) if
/// LLVM gives up.
void optimise(llvm::Module &module, const Machine &machine);
std::string emitAssembly(llvm::Module &module, const Machine &machine);
/// A relocatable object.
std::string emitObject(llvm::Module &module, const Machine &machine);

} // namespace tegula::llvmc
