//===- Optimise.cpp - LLVM IR to machine code ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compile time is mostly LLVM's, so the lists are short, chosen by measurement (figures beside them), and what can be
// kept is kept: a TargetMachine and the analysis managers per thread and target. No cl::opt is read or set: they
// belong to the whole process.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Isa.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Analysis/CGSCCPassManager.h"
#include "llvm/Analysis/LoopAnalysisManager.h"
#include "llvm/CodeGen/MachineModuleInfo.h"
#include "llvm/CodeGen/Passes.h"
#include "llvm/CodeGen/TargetPassConfig.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/PassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

#include <csetjmp>
#include <map>
#include <mutex>

using namespace llvm;

namespace tegula::cpu {

//===----------------------------------------------------------------------===//
// What is kept per thread and target
//===----------------------------------------------------------------------===//

namespace {

/// A target machine and the pass managers that were built for it.
struct Backend {
  std::unique_ptr<TargetMachine> machine;
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  FunctionPassManager passes;

  explicit Backend(const Target &target);
};

} // namespace

static void initialiseTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

Backend::Backend(const Target &target) {
  initialiseTargets();
  std::string message;
  Triple triple(target.triple);
  const llvm::Target *found = TargetRegistry::lookupTarget(triple, message);
  if (!found)
    throw Error(Diag::codegen_backend_failed, {message});
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Strict; // fma is formed in tile IR and nowhere else
  machine.reset(found->createTargetMachine(triple, target.cpu, target.features, options, Reloc::PIC_,
                                           CodeModel::Small, CodeGenOptLevel::Default));
  if (!machine)
    throw Error(Diag::codegen_backend_failed, {"no machine " + target.cpu});

  PassBuilder builder(machine.get());
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);

  // Vector add: 0.06 ms. InstCombine between them costs 0.19 ms more and changed no instruction of it.
  passes.addPass(EarlyCSEPass());
  passes.addPass(SimplifyCFGPass());
}

/// The backend of this thread. Not freed with it: that would run at thread exit, when LLVM's statics may be gone.
static Backend *&backendSlot(const Target &target) {
  thread_local auto *kept = new std::map<std::string, Backend *>();
  return (*kept)[target.triple + "\n" + target.cpu + "\n" + target.features];
}

static Backend &backendOf(const Target &target) {
  Backend *&slot = backendSlot(target);
  if (!slot)
    slot = new Backend(target);
  return *slot;
}

//===----------------------------------------------------------------------===//
// A failure of the back end is an Error, not the end of the process
//===----------------------------------------------------------------------===//

namespace {

/// Where report_fatal_error of this thread goes. LLVM's own CrashRecoveryContext jumps the same way, but only after
/// taking the signal handlers of the whole process.
struct Recovery {
  std::jmp_buf jump;
  std::string message;
};
thread_local Recovery *recovery = nullptr;

/// Errors that LLVM reports through the context ("ran out of registers"); by default it would exit.
struct CollectErrors : DiagnosticHandler {
  std::string &message;
  explicit CollectErrors(std::string &message) : message(message) {}
  bool handleDiagnostics(const DiagnosticInfo &info) override {
    if (info.getSeverity() == DS_Error && message.empty()) {
      raw_string_ostream stream(message);
      DiagnosticPrinterRawOStream printer(stream);
      info.print(printer);
    }
    return true;
  }
};

} // namespace

static void onFatalError(void *, const char *reason, bool) {
  if (!recovery)
    return; // not ours: LLVM goes on to its default
  recovery->message = reason;
  std::longjmp(recovery->jump, 1);
}

/// Runs `body`; false if it ended in a fatal error. Nothing here has a destructor that the jump would skip.
static bool runRecoverably(Recovery &here, function_ref<void()> body) {
  static std::once_flag once;
  std::call_once(once, [] { install_fatal_error_handler(onFatalError); });
  recovery = &here;
  bool ended = false;
  if (setjmp(here.jump) == 0) {
    body();
    ended = true;
  }
  recovery = nullptr;
  return ended;
}

/// `body` on the backend of `target`; throws Error (internal) if LLVM gives up.
static void withBackend(Module &module, const Target &target, function_ref<void(Backend &)> body) {
  Backend &backend = backendOf(target);
  LLVMContext &context = module.getContext();
  std::string reported;
  auto previous = context.getDiagnosticHandler();
  context.setDiagnosticHandler(std::make_unique<CollectErrors>(reported));
  Recovery here;
  bool ended = runRecoverably(here, [&] { body(backend); });
  context.setDiagnosticHandler(std::move(previous));
  if (!ended) {
    // It was left in the middle of something: a fresh one next time, and this one leaks.
    backendSlot(target) = nullptr;
    throw Error(Diag::codegen_backend_failed, {here.message});
  }
  if (!reported.empty())
    throw Error(Diag::codegen_backend_failed, {reported});
}

//===----------------------------------------------------------------------===//
// Middle end
//===----------------------------------------------------------------------===//

static void prepare(Module &module, const Target &target, TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  std::string width = std::to_string(target.vectorBits);
  for (Function &f : module) {
    if (f.isDeclaration())
      continue;
    // Several Intel tunings would split 512-bit vectors.
    f.addFnAttr("prefer-vector-width", width);
    f.addFnAttr("min-legal-vector-width", width);
    f.setDoesNotThrow();
  }
}

void optimise(Module &module, const Target &target) {
  withBackend(module, target, [&](Backend &backend) {
    prepare(module, target, *backend.machine);
    for (Function &f : module)
      if (!f.isDeclaration())
        backend.passes.run(f, backend.functions);
    backend.loops.clear();
    backend.functions.clear();
    backend.components.clear();
    backend.modules.clear();
  });
}

//===----------------------------------------------------------------------===//
// Code generation
//===----------------------------------------------------------------------===//

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

namespace {

/// Leaves passes out. (TargetPassConfig::disablePass does not reach those that are added as objects.)
class ShortPassManager : public legacy::PassManager {
public:
  /// CodeGenPrepare starts over after each change: of a kernel with 26,000 instructions it is more than half of 8 s.
  explicit ShortPassManager(const Module &module) : isLarge(module.getInstructionCount() > 8000) {}

  void add(Pass *pass) override {
    StringRef name = pass->getPassName();
    if (unwantedPasses().contains(name) || (isLarge && name == "CodeGen Prepare"))
      delete pass;
    else
      legacy::PassManager::add(pass);
  }

private:
  bool isLarge;
};

} // namespace

static void emit(Module &module, const Target &target, CodeGenFileType type, SmallVectorImpl<char> &out) {
  bool failed = false;
  withBackend(module, target, [&](Backend &backend) {
    prepare(module, target, *backend.machine);
    TargetMachine &machine = *backend.machine;
    raw_svector_ostream stream(out);
    ShortPassManager manager(module);
    auto *info = new MachineModuleInfoWrapperPass(&machine);
    TargetPassConfig *config = machine.createPassConfig(manager);
    config->setDisableVerify(true);
    manager.add(config);
    manager.add(info);
    failed = config->addISelPasses();
    config->addMachinePasses();
    config->setInitialized();
    failed = failed || machine.addAsmPrinter(manager, stream, nullptr, type, info->getMMI().getContext());
    if (failed)
      return;
    manager.add(createFreeMachineFunctionPass());
    manager.run(module);
  });
  if (failed)
    throw Error(Diag::codegen_backend_failed, {"the passes of code generation cannot be set up"});
}

std::string emitAssembly(Module &module, const Target &target) {
  SmallVector<char, 0> out;
  emit(module, target, CodeGenFileType::AssemblyFile, out);
  return std::string(out.begin(), out.end());
}

std::string emitObject(Module &module, const Target &target) {
  SmallVector<char, 0> out;
  emit(module, target, CodeGenFileType::ObjectFile, out);
  return std::string(out.begin(), out.end());
}

} // namespace tegula::cpu
