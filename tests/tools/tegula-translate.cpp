//===- tegula-translate.cpp - a kernel of a Python file as tile IR ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
//     tegula-translate file.py --kernel add --signature "x=*fp32:16,n=i32,BLOCK=64"
//
// The signature's form is parseSignature's.
// Diagnostics go to standard error; with --expect-error they go to standard output and the exit status is 0.
//

#include "codegen/nvptx/Nvptx.h"
#include "ir/ops/Tile.h"
#include "lang/lower/ModuleResolver.h"
#include "passes/Passes.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>

using namespace tegula;
using namespace tegula::lang;

namespace {
struct Command {
  std::string file, kernel, signature;
  Options options;
  bool expectError = false, locations = false;
  int times = 0;                   ///< lower this often more and say how long one takes
  std::string arch, stage = "ptx"; ///< --arch sm_80: compile on to a stage of that GPU
  nvptx::Options gpu;
};

[[noreturn]] void usage(const std::string &why) {
  std::cerr
      << "tegula-translate: " << why
      << "\nusage: tegula-translate FILE.py --kernel NAME --signature \"x=*fp32:16,n=i32,BLOCK=64\" "
         "[--fp-fusion=true|false] "
         "[--arch sm_80 [--stage tile|laid-out|target-ready|llir|ptx] [--num-warps N] [--num-stages N]] "
         "[--debug] [--disjoint] [--sanitize-overflow] [--locations] [--time TIMES] [--expect-error]\n";
  exit(2);
}

Command parse(int argc, char **argv) {
  Command command;
  for (int i = 1; i < argc; ++i) {
    std::string arg = argv[i];
    auto next = [&] {
      return i + 1 < argc ? std::string(argv[++i]) : (usage(arg + " needs a value"), std::string());
    };
    if (arg == "--kernel")
      command.kernel = next();
    else if (arg == "--signature")
      command.signature = next();
    else if (arg.starts_with("--fp-fusion"))
      command.options.fpFusion = !arg.ends_with("=false");
    else if (arg == "--debug")
      command.options.debug = true;
    else if (arg == "--disjoint")
      command.options.disjoint = true;
    else if (arg == "--sanitize-overflow")
      command.options.sanitizeOverflow = true;
    else if (arg == "--expect-error")
      command.expectError = true;
    else if (arg == "--time")
      command.times = std::max(0, std::atoi(next().c_str()));
    else if (arg == "--arch")
      command.arch = next();
    else if (arg == "--stage")
      command.stage = next();
    else if (arg == "--num-warps")
      command.gpu.numWarps = std::atoi(next().c_str());
    else if (arg == "--num-stages")
      command.gpu.numStages = std::atoi(next().c_str());
    else if (arg == "--locations")
      command.locations = true;
    else if (arg.starts_with("--"))
      usage("unknown option " + arg);
    else
      command.file = arg;
  }
  if (command.file.empty() || command.kernel.empty())
    usage("a file and --kernel are needed");
  return command;
}

/// The stage of a GPU kernel as text.
void compileFor(const Command &command, mlir::ModuleOp module) {
  nvptx::Target target = nvptx::targetNamed(command.arch);
  passes::runTilePipeline(module, command.options.fpFusion);
  auto print = [&](llvm::StringRef stage) {
    if (command.stage == stage)
      module->print(llvm::outs());
    return command.stage == stage;
  };
  if (print("tile"))
    return;
  nvptx::layOut(module, target, command.gpu);
  if (print("laid-out"))
    return;
  nvptx::makeTargetReady(module, target, command.gpu);
  if (print("target-ready"))
    return;
  llvm::LLVMContext context;
  nvptx::Kernel kernel = nvptx::emitKernel(module, target, command.gpu, context);
  if (command.stage == "llir")
    kernel.module->print(llvm::outs(), nullptr);
  else
    llvm::outs() << nvptx::emitPtx(*kernel.module, target);
}

void translate(const Command &command) {
  std::ifstream stream(command.file);
  if (!stream)
    usage("cannot read " + command.file);
  std::stringstream text;
  text << stream.rdbuf();
  auto module = ModuleResolver::parse(command.file, text.str());
  auto kernel = module->function(command.kernel);
  if (!kernel)
    usage("no function '" + command.kernel + "' in " + command.file);
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  tile::loadDialects(context);
  Lowered lowered = lowerKernel(context, *kernel, parseSignature(command.signature), command.options,
                                [](const std::string &line) { std::cout << line; });
  std::cout.flush();
  if (command.times) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < command.times; ++i)
      lowerKernel(context, *kernel, parseSignature(command.signature), command.options);
    std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    std::cerr << took.count() / command.times << " us a lowering\n";
    return;
  }
  if (!command.arch.empty())
    return compileFor(command, *lowered.module);
  mlir::OpPrintingFlags flags;
  if (command.locations)
    flags.enableDebugInfo(true, false);
  lowered.module->print(llvm::outs(), flags);
  llvm::outs() << "\n";
}
} // namespace

int main(int argc, char **argv) {
  Command command = parse(argc, argv);
  try {
    translate(command);
  } catch (const Error &error) {
    (command.expectError ? std::cout : std::cerr) << error.what() << "\n";
    return command.expectError ? 0 : 1;
  }
  if (command.expectError) {
    std::cerr << "tegula-translate: an error was expected\n";
    return 1;
  }
  return 0;
}
