//===- Backend.cpp - LLVM's passes and machine code, for every target ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/llvm/Backend.h"

#include "ir/diag/Diagnostic.h"

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
#include "llvm/Transforms/Scalar/ADCE.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

#include <csetjmp>
#include <map>
#include <mutex>

using namespace llvm;

namespace tegula::llvmc {

//===----------------------------------------------------------------------===//
// What is kept per thread and machine
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

  explicit Backend(const Machine &wanted);
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
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
}

Backend::Backend(const Machine &wanted) {
  initialiseTargets();
  std::string message;
  Triple triple(wanted.triple);
  const llvm::Target *found = TargetRegistry::lookupTarget(triple, message);
  if (!found)
    throw Error(Diag::codegen_backend_failed, {message});
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Strict; // fma is formed in tile IR and nowhere else
  machine.reset(found->createTargetMachine(triple, wanted.cpu, wanted.features, options, Reloc::PIC_,
                                           CodeModel::Small, CodeGenOptLevel::Default));
  if (!machine)
    throw Error(Diag::codegen_backend_failed, {"no machine " + wanted.cpu});

  PassBuilder builder(machine.get());
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);

  // Vector add on a CPU: 0.06 ms. InstCombine between them costs 0.19 ms more and changed no instruction of it.
  passes.addPass(EarlyCSEPass());
  passes.addPass(SimplifyCFGPass());
  passes.addPass(ADCEPass()); // values that a loop carries and nobody reads
}

/// The backend of this thread. Not freed with it: that would run at thread exit, when LLVM's statics may be gone.
static Backend *&backendSlot(const Machine &machine) {
  thread_local auto *kept = new std::map<std::string, Backend *>();
  return (*kept)[machine.triple + "\n" + machine.cpu + "\n" + machine.features];
}

static Backend &backendOf(const Machine &machine) {
  Backend *&slot = backendSlot(machine);
  if (!slot)
    slot = new Backend(machine);
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

/// `body` on the backend of `machine`; throws Error (internal) if LLVM gives up.
static void withBackend(Module &module, const Machine &machine, function_ref<void(Backend &)> body) {
  Backend &backend = backendOf(machine);
  LLVMContext &context = module.getContext();
  std::string reported;
  auto previous = context.getDiagnosticHandler();
  context.setDiagnosticHandler(std::make_unique<CollectErrors>(reported));
  Recovery here;
  bool ended = runRecoverably(here, [&] { body(backend); });
  context.setDiagnosticHandler(std::move(previous));
  if (!ended) {
    // It was left in the middle of something: a fresh one next time, and this one leaks.
    backendSlot(machine) = nullptr;
    throw Error(Diag::codegen_backend_failed, {here.message});
  }
  if (!reported.empty())
    throw Error(Diag::codegen_backend_failed, {reported});
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

static void prepare(Module &module, TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  for (Function &f : module)
    if (!f.isDeclaration())
      f.setDoesNotThrow();
}

void optimise(Module &module, const Machine &machine) {
  withBackend(module, machine, [&](Backend &backend) {
    prepare(module, *backend.machine);
    for (Function &f : module)
      if (!f.isDeclaration())
        backend.passes.run(f, backend.functions);
    backend.loops.clear();
    backend.functions.clear();
    backend.components.clear();
    backend.modules.clear();
  });
}

namespace {

/// Leaves passes out. (TargetPassConfig::disablePass does not reach those that are added as objects.)
class ShortPassManager : public legacy::PassManager {
public:
  /// CodeGenPrepare starts over after each change: of a kernel with 26,000 instructions it is more than half of 8 s.
  ShortPassManager(const StringSet<> *unwanted, const Module &module)
      : unwanted(unwanted), isLarge(module.getInstructionCount() > 8000) {}
  void add(Pass *pass) override {
    StringRef name = pass->getPassName();
    if ((unwanted && unwanted->contains(name)) || (isLarge && name == "CodeGen Prepare"))
      delete pass;
    else
      legacy::PassManager::add(pass);
  }

private:
  const StringSet<> *unwanted;
  bool isLarge;
};

} // namespace

static std::string emit(Module &module, const Machine &wanted, CodeGenFileType type) {
  bool failed = false;
  SmallVector<char, 0> out;
  withBackend(module, wanted, [&](Backend &backend) {
    prepare(module, *backend.machine);
    TargetMachine &machine = *backend.machine;
    raw_svector_ostream stream(out);
    ShortPassManager manager(wanted.unwanted, module);
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
  return std::string(out.begin(), out.end());
}

std::string emitAssembly(Module &module, const Machine &machine) {
  return emit(module, machine, CodeGenFileType::AssemblyFile);
}

std::string emitObject(Module &module, const Machine &machine) {
  return emit(module, machine, CodeGenFileType::ObjectFile);
}

} // namespace tegula::llvmc
