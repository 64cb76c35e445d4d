//===- LlvmWork.cpp - a kernel as LLVM IR, on its way through a compile ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/LlvmWork.h"

#include "driver/api/Reproducer.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/SourceMgr.h"

namespace tegula::api {

LlvmWork::LlvmWork() {
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

void LlvmWork::check() const {
  if (!messages.empty())
    throw Error(Diag::internal_error, {"LLVM reported: " + messages});
}

void LlvmWork::verify() const {
  std::string why;
  llvm::raw_string_ostream out(why);
  if (llvm::verifyModule(*module, &out))
    throw Error(Diag::internal_error, {"the verifier refused the LLVM IR: " + why});
}

std::string printLlvm(const llvm::Module &module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  module.print(out, nullptr);
  return text;
}

void watchLlvm(const LlvmWork &work, const char *command, llvm::function_ref<void()> body) {
  watchIr("llvm.ll", command, [&] { return printLlvm(*work.module); }, body);
}

bool replaceLlvmIr(Work &work, Stage stage) {
  auto replacement = overrideOf(work.job, stage);
  if (!replacement)
    return false;
  auto &[content, path] = *replacement;
  LlvmWork &llvm = *work.llvm;
  llvm::SMDiagnostic error;
  auto parsed = llvm::parseAssemblyString(content, error, llvm.context);
  std::string why = parsed ? "" : error.getMessage().str() + " in line " + std::to_string(error.getLineNo());
  if (parsed && !parsed->getFunction(work.image.entry))
    why = "it lacks the function '" + work.image.entry + "'";
  if (!why.empty())
    throw Error(Diag::stage_override_bad, {stageName(stage), path, why});
  parsed->setDataLayout(llvm.module->getDataLayout());
  parsed->setTargetTriple(llvm.module->getTargetTriple());
  llvm.module = std::move(parsed);
  work.replaced = {stage, path};
  return true;
}

} // namespace tegula::api
