//===- Stages.cpp - the stages of a kernel ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Stages.h"

#include "driver/api/Reproducer.h"
#include "driver/cpu/Loader.h"
#include "ir/ops/Tile.h"
#include "passes/AliasClasses.h"
#include "passes/Passes.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"

#include <chrono>
#include <mutex>
#include <new>
#include <set>

#include <pthread.h>

namespace tegula::api {

const char *stageName(Stage stage) {
  static constexpr const char *names[] = {"tile", "llir", "asm", "obj"};
  return names[size_t(stage)];
}

std::vector<std::string> stageNames(const Target &target) {
  if (target.backend == "reference")
    return {"tile"};
  return {"tile", "llir", "asm", "obj"};
}

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

Workshop::Workshop() : context(mlir::MLIRContext::Threading::DISABLED) {
  tile::loadDialects(context);
  for (bool fuse : {false, true})
    pipelines[fuse] = std::make_unique<passes::TilePipeline>(context, fuse);
}
Workshop::~Workshop() = default;

namespace {
struct WorkshopPool {
  std::mutex mutex;
  std::vector<std::unique_ptr<Workshop>> idle;
};
/// Never destroyed: taking a context apart at exit costs milliseconds and gains nothing.
alignas(WorkshopPool) std::byte poolStorage[sizeof(WorkshopPool)];
WorkshopPool &workshops() {
  static WorkshopPool *pool = [] {
    auto *made = new (poolStorage) WorkshopPool;
    pthread_atfork([] { workshops().mutex.lock(); }, [] { workshops().mutex.unlock(); },
                   [] { new (&workshops().mutex) std::mutex; });
    return made;
  }();
  return *pool;
}
} // namespace

WorkshopLease::WorkshopLease() {
  {
    std::lock_guard lock(workshops().mutex);
    auto &idle = workshops().idle;
    if (!idle.empty()) {
      workshop = std::move(idle.back());
      idle.pop_back();
    }
  }
  if (!workshop)
    workshop = std::make_unique<Workshop>();
}

WorkshopLease::~WorkshopLease() {
  if (!workshop || ++workshop->kernels >= 256)
    return;
  std::lock_guard lock(workshops().mutex);
  workshops().idle.push_back(std::move(workshop));
}

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

namespace {
/// Adds a row when it goes.
class Timed {
public:
  Timed(StageTimes &times, const char *name)
      : times(times), name(name), start(std::chrono::steady_clock::now()) {}
  ~Timed() {
    std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
    times.emplace_back(name, spent.count());
  }

private:
  StageTimes &times;
  const char *name;
  std::chrono::steady_clock::time_point start;
};

/// Collects what MLIR reports instead of printing it.
class MlirMessages {
public:
  explicit MlirMessages(mlir::MLIRContext &context)
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          text += (text.empty() ? "" : "; ") + diagnostic.str();
          return mlir::success();
        }) {}
  std::string text;

private:
  mlir::ScopedDiagnosticHandler handler;
};
} // namespace

//===----------------------------------------------------------------------===//
// Tile IR
//===----------------------------------------------------------------------===//

/// The pointer arguments that may be written through; nullopt when a pointer cannot be traced to one.
static std::optional<std::vector<int>> writtenArguments(mlir::ModuleOp module) {
  auto kernel = llvm::dyn_cast_or_null<mlir::func::FuncOp>(tile::kernelOf(module));
  if (!kernel)
    return std::nullopt;
  passes::AliasClasses classes(kernel);
  std::set<int> written;
  bool known = true;
  auto note = [&](mlir::Value pointer) {
    int argument = classes.argumentOf(pointer);
    known &= argument >= 0;
    written.insert(argument);
  };
  kernel.walk([&](mlir::Operation *op) {
    if (auto store = llvm::dyn_cast<tile::StoreOp>(op))
      note(store.getPtr());
    else if (auto rmw = llvm::dyn_cast<tile::AtomicRmwOp>(op))
      note(rmw.getPtr());
    else if (auto cas = llvm::dyn_cast<tile::AtomicCasOp>(op))
      note(cas.getPtr());
  });
  if (!known)
    return std::nullopt;
  return std::vector<int>(written.begin(), written.end());
}

static std::string printTile(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  module->print(out, mlir::OpPrintingFlags().enableDebugInfo(false));
  return text;
}

static void replaceTile(const Job &job, TileModule &tile) {
  auto replacement = overrideOf(job, Stage::Tile);
  if (!replacement)
    return;
  MlirMessages messages(tile.workshop->context);
  auto parsed = mlir::parseSourceString<mlir::ModuleOp>(replacement->first, &tile.workshop->context,
                                                        replacement->second);
  if (!parsed || !tile::kernelOf(*parsed))
    throw Error(Diag::stage_override_bad,
                {"tile", replacement->second, messages.text.empty() ? "it holds no kernel" : messages.text});
  tile.module = std::move(parsed);
}

TileModule makeTile(const Job &job, StageTimes &times,
                    const std::function<void(const std::string &)> &print) {
  TileModule tile;
  MlirMessages messages(tile.workshop->context);
  lang::Options options;
  options.numWarps = job.options.numWarps;
  options.numStages = job.options.numStages;
  options.debug = job.options.debug;
  options.fpFusion = job.options.fpFusion;
  options.disjoint = job.options.disjoint;
  options.backend = job.target.backend;
  try {
    {
      Timed timed(times, "tile");
      auto lowered = lang::lowerKernel(tile.workshop->context, *job.function, job.arguments, options, print);
      tile.module = std::move(lowered.module);
      tile.dependencies = std::move(lowered.dependencies);
    }
    Timed timed(times, "passes");
    watchIr(
        "passes.tile", "tegula-opt --tile-pipeline passes.tile", [&] { return printTile(*tile.module); },
        [&] { tile.workshop->pipelines[job.options.fpFusion]->run(*tile.module, job.settings.verify); });
  } catch (const Error &error) {
    if (error.kind() != ErrorKind::Internal || messages.text.empty())
      throw;
    throw Error(Diag::internal_error, {error.diagnostic().message + " (" + messages.text + ")"});
  }
  replaceTile(job, tile);
  if (job.settings.verify && mlir::failed(mlir::verify(*tile.module)))
    throw Error(Diag::internal_error, {"the verifier refused the tile IR: " + messages.text});
  tile.written = writtenArguments(*tile.module);
  return tile;
}

//===----------------------------------------------------------------------===//
// LLVM IR and machine code
//===----------------------------------------------------------------------===//

namespace {
/// A fresh LLVMContext: freeing it frees everything, and no compile sees another's.
struct LlvmWork {
  llvm::LLVMContext context;
  std::string messages;
  cpu::Kernel kernel; ///< after `context`: destroyed before it

  LlvmWork() {
    // Without a handler LLVM prints errors and ends the process.
    context.setDiagnosticHandlerCallBack(
        [](const llvm::DiagnosticInfo *info, void *to) {
          if (info->getSeverity() != llvm::DS_Error)
            return;
          llvm::raw_string_ostream out(*static_cast<std::string *>(to));
          llvm::DiagnosticPrinterRawOStream printer(out);
          info->print(printer);
          out << "; ";
        },
        &messages);
  }
};
} // namespace

static void checkMessages(const LlvmWork &work) {
  if (!work.messages.empty())
    throw Error(Diag::internal_error, {"LLVM reported: " + work.messages});
}

static void replaceLlir(const Job &job, LlvmWork &work) {
  auto replacement = overrideOf(job, Stage::Llir);
  if (!replacement)
    return;
  llvm::SMDiagnostic error;
  auto parsed = llvm::parseAssemblyString(replacement->first, error, work.context);
  std::string why = parsed ? "" : error.getMessage().str() + " in line " + std::to_string(error.getLineNo());
  if (parsed && !parsed->getFunction(work.kernel.entry))
    why = "it lacks the function '" + work.kernel.entry + "'";
  if (!why.empty())
    throw Error(Diag::stage_override_bad, {"llir", replacement->second, why});
  parsed->setDataLayout(work.kernel.module->getDataLayout());
  parsed->setTargetTriple(work.kernel.module->getTargetTriple());
  work.kernel.module = std::move(parsed);
}

static std::string printLlvm(llvm::Module &module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  module.print(out, nullptr);
  return text;
}

/// Runs `body`, which works on the LLVM IR.
static void watchLlvm(LlvmWork &work, llvm::function_ref<void()> body) {
  watchIr("llvm.ll", "llc-22 -O2 llvm.ll", [&] { return printLlvm(*work.kernel.module); }, body);
}

static void makeLlir(const Job &job, TileModule &tile, LlvmWork &work, StageTimes &times) {
  watchIr(
      "codegen.tile", "tegula-opt codegen.tile", [&] { return printTile(*tile.module); },
      [&] {
        Timed timed(times, "llir");
        work.kernel =
            cpu::emitKernel(*tile.module, job.cpuTarget, {job.options.pull, job.options.debug}, work.context);
      });
  watchLlvm(work, [&] {
    if (job.settings.verify) {
      std::string why;
      llvm::raw_string_ostream out(why);
      if (llvm::verifyModule(*work.kernel.module, &out))
        throw Error(Diag::internal_error, {"the verifier refused the LLVM IR: " + why});
    }
    Timed timed(times, "optimise");
    cpu::optimise(*work.kernel.module, job.cpuTarget);
  });
  replaceLlir(job, work);
  checkMessages(work);
}

/// Runs `body`, which works on what a user put in place of a stage: what fails there is no bug of ours.
static void blameFile(const char *stage, const std::string &path, llvm::function_ref<void()> body) {
  try {
    body();
  } catch (const Error &error) {
    if (error.kind() != ErrorKind::Internal)
      throw;
    throw Error(Diag::stage_override_bad, {stage, path, error.diagnostic().message});
  }
}

/// A module of nothing but `text`: LLVM's own way from assembly to an object.
static std::string assemble(const Job &job, const std::string &text, LlvmWork &work) {
  LLVMInitializeX86AsmParser();
  LLVMInitializeAArch64AsmParser();
  llvm::Module module("override", work.context);
  module.setTargetTriple(work.kernel.module->getTargetTriple());
  module.setDataLayout(work.kernel.module->getDataLayout());
  module.setModuleInlineAsm(text);
  return cpu::emitObject(module, job.cpuTarget);
}

static std::string makeObject(const Job &job, LlvmWork &work, StageTimes &times) {
  if (auto replacement = overrideOf(job, Stage::Obj)) {
    // Now and not at the first launch, where nobody knows any more whose object it is.
    if (job.cpuTarget.isHost)
      blameFile("obj", replacement->second, [&] { cpu::loadObject(replacement->first, work.kernel.entry); });
    return replacement->first;
  }
  if (auto replacement = overrideOf(job, Stage::Asm)) {
    std::string object;
    blameFile("asm", replacement->second, [&] {
      object = assemble(job, replacement->first, work);
      checkMessages(work);
    });
    return object;
  }
  Timed timed(times, "obj");
  std::string object;
  watchLlvm(work, [&] { object = cpu::emitObject(*work.kernel.module, job.cpuTarget); });
  checkMessages(work);
  return object;
}

Built buildObject(const Job &job, const std::function<void(const std::string &)> &print) {
  Built built;
  reportingBugs(job, [&] {
    TileModule tile = makeTile(job, built.times, print);
    LlvmWork work;
    makeLlir(job, tile, work, built.times);
    built.object = makeObject(job, work, built.times);
    built.entry = work.kernel.entry;
    built.scratchBytes = work.kernel.scratchBytes;
    built.dependencies = std::move(tile.dependencies);
    built.written = std::move(tile.written);
  });
  return built;
}

std::string makeStage(const Job &job, Stage stage) {
  std::string text;
  reportingBugs(job, [&] {
    StageTimes times;
    TileModule tile = makeTile(job, times, {});
    if (stage == Stage::Tile) {
      text = printTile(*tile.module);
      return;
    }
    LlvmWork work;
    makeLlir(job, tile, work, times);
    if (stage == Stage::Llir) {
      text = printLlvm(*work.kernel.module);
    } else if (stage == Stage::Asm) {
      auto replacement = overrideOf(job, Stage::Asm);
      text = replacement ? replacement->first : cpu::emitAssembly(*work.kernel.module, job.cpuTarget);
    } else {
      text = makeObject(job, work, times);
    }
  });
  return text;
}

} // namespace tegula::api
