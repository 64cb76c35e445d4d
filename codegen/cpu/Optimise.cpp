//===- Optimise.cpp - LLVM IR to machine code of a processor ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Cpu.h"
#include "codegen/llvm/Backend.h"

#include "llvm/IR/Module.h"

using namespace llvm;

namespace tegula::cpu {

// By name, as a pass has no other public handle that is the same for all of them. Vector add, 40 instructions:
// 2.8 ms of code generation with all passes, 1.9 ms without these; the speed of the micro-kernel, of erf and of
// softmax is the same. A name that a later LLVM changes costs time and nothing else.
static const StringSet<> &unwantedPasses() {
  static const StringSet<> names = {
      // What the emitter does itself: addresses are a base and constants, invariant code stands outside its loop.
      "Canonicalize Freeze Instructions in Loops",
      "Loop Strength Reduction",
      "Constant Hoisting",
      "Interleaved Access Pass",
      // What out-of-order processors do themselves, or what never pays on a few short loops.
      "Post RA top-down list latency scheduler",
      "Machine InstCombiner",
      "Early If-Conversion",
      "X86 cmov Conversion",
      "X86 Partial Reduction",
      "X86 Domain Reassignment Pass",
      "X86 Avoid Store Forwarding Blocks",
      "Merge contiguous icmps into a memcmp",
      "Expand memcmp() to load/stores",
      "Replace intrinsics with calls to vector library",
      "Partially inline calls to library functions",
      "ObjC ARC contraction",
      // Features that no kernel uses: exceptions, garbage collection, instrumentation, hardening, variables for debuggers, AMX.
      "Prepare callbr",
      "Expand indirectbr instructions",
      "Exception handling preparation",
      "Safe Stack instrumentation pass",
      "Insert stack protectors",
      "Shadow Stack GC Lowering",
      "Lower Garbage Collection Instructions",
      "Analyze Machine Code For Garbage Collection",
      "Instrument function entry/exit with calls to e.g. mcount() (post inlining)",
      "Insert fentry calls",
      "Insert XRay ops",
      "Insert KCFI indirect call checks",
      "Implement the 'patchable-function' attribute",
      "Machine Sanitizer Binary Metadata",
      "Pseudo Probe Inserter",
      "StackMap Liveness Analysis",
      "Fixup Statepoint Caller Saved",
      "Remove Loads Into Fake Uses",
      "Stack Frame Layout Analysis",
      "Contiguously Lay Out Funclets",
      "Local Dynamic TLS Access Clean-up",
      "Register Allocation Pass Scoring",
      "Live DEBUG_VALUE analysis",
      "Remove Redundant DEBUG_VALUE analysis",
      "X86 speculative load hardening",
      "X86 Speculative Execution Side Effect Suppression",
      "X86 Load Value Injection (LVI) Load Hardening",
      "X86 Load Value Injection (LVI) Ret-Hardening",
      "X86 Return Thunks",
      "X86 Indirect Thunks",
      "X86 Indirect Branch Tracking",
      "X86 Lower Tile Copy",
      "Lower AMX type for load/store",
      "Lower AMX intrinsics",
      "Tile Register Pre-configure",
      "Tile Register Configure",
      "X86 insert wait instruction",
      "X86 Atom pad short functions",
      "X86 Suppress APX features for relocation",
  };
  return names;
}

static llvmc::Machine machineOf(const Target &target) {
  return {target.triple, target.cpu, target.features, &unwantedPasses()};
}

/// Several Intel tunings would split 512-bit vectors.
static void keepVectorsWhole(Module &module, const Target &target) {
  std::string width = std::to_string(target.vectorBits);
  for (Function &f : module) {
    if (f.isDeclaration())
      continue;
    f.addFnAttr("prefer-vector-width", width);
    f.addFnAttr("min-legal-vector-width", width);
  }
}

void optimise(Module &module, const Target &target) {
  keepVectorsWhole(module, target);
  llvmc::optimise(module, machineOf(target));
}

std::string emitAssembly(Module &module, const Target &target) {
  keepVectorsWhole(module, target);
  return llvmc::emitAssembly(module, machineOf(target));
}

std::string emitObject(Module &module, const Target &target) {
  keepVectorsWhole(module, target);
  return llvmc::emitObject(module, machineOf(target));
}

} // namespace tegula::cpu
