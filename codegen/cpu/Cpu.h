//===- Cpu.h - tile IR to native code ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/CpuAbi.h"
#include "ir/diag/Diagnostic.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <string>
#include <vector>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace tegula::cpu {

/// A processor to compile for.
struct Target {
  std::string triple;
  std::string cpu; ///< LLVM's name
  std::string
      features; ///< LLVM's feature string, every feature spelled out for the host (it is part of the cache key)
  int vectorBits = 128; ///< width of the registers that code is written for: 128, 256, 512
  bool isHost = false;
};

/// "native" is this machine; else "x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64". Throws Error for others.
Target targetNamed(const std::string &arch);

struct Options {
  bool pull =
      true; ///< false: every tile value is materialised where it stands, the oracle of the pulled form
  bool debug = false; ///< line tables; assertions come from the tile IR itself
};

/// A kernel as LLVM IR: one external function `entry` of type cpu::Entry.
struct Kernel {
  std::unique_ptr<llvm::Module> module;
  std::string entry;
  int64_t scratchBytes = 0; ///< of one worker thread
};

/// Lowers the kernel of `module` (tile IR after passes::runTilePipeline). Throws Error (unsupported operation).
Kernel emitKernel(mlir::ModuleOp module, const Target &target, const Options &options,
                  llvm::LLVMContext &context);

/// The short list of LLVM passes, then machine code. A TargetMachine is kept per thread and target.
void optimise(llvm::Module &module, const Target &target);
std::string emitAssembly(llvm::Module &module, const Target &target);
/// A relocatable ELF object. Undefined symbols it may have: those of `runtimeSymbols()`.
std::string emitObject(llvm::Module &module, const Target &target);

/// Functions that compiled code may call (vector math, libm, the print and assert hooks) by symbol name; the loader
/// resolves against this list and nothing else.
struct RuntimeSymbol {
  const char *name;
  void *address;
};
std::vector<RuntimeSymbol> runtimeSymbols();

} // namespace tegula::cpu
