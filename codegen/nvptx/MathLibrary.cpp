//===- MathLibrary.cpp - math functions that a GPU has no instruction for ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/MathLibrary.h"

#include "ir/diag/Diagnostic.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/MemoryBufferRef.h"

using namespace llvm;

// MathLibraryBytes.cpp
extern "C" const char tegulaMathLibrary[], tegulaMathLibraryEnd[];

namespace tegula::nvptx {

/// Names as they are mangled: _Z3expd.
static const StringSet<> &libraryNames() {
  static const StringSet<> names = [] {
    StringSet<> set;
#define TAKE(name, arguments) set.insert(("_Z" + Twine(sizeof(#name) - 1) + #name #arguments).str());
#include "codegen/nvptx/MathLibrary.def"
#undef TAKE
    return set;
  }();
  return names;
}

Value *callMathLibrary(IRBuilderBase &b, StringRef name, ArrayRef<Value *> arguments) {
  Type *type = arguments[0]->getType();
  std::string mangled = ("_Z" + Twine(name.size()) + name).str();
  mangled.append(arguments.size(), type->isDoubleTy() ? 'd' : 'f');
  if (!libraryNames().contains(mangled))
    return nullptr;
  SmallVector<Type *> types(arguments.size(), type);
  Module &module = *b.GetInsertBlock()->getModule();
  FunctionCallee callee = module.getOrInsertFunction(mangled, FunctionType::get(type, types, false));
  auto *function = cast<Function>(callee.getCallee());
  function->setDoesNotThrow();
  function->setDoesNotAccessMemory();
  function->setWillReturn();
  return b.CreateCall(callee, arguments);
}

void linkMathLibrary(Module &module) {
  bool isNeeded = any_of(
      module, [](const Function &f) { return f.isDeclaration() && libraryNames().contains(f.getName()); });
  if (!isNeeded)
    return;
  auto fail = [](std::string what) -> Error {
    return Error(Diag::internal_error, {"the math library: " + std::move(what), "the kernel"});
  };
  StringRef bytes(tegulaMathLibrary, tegulaMathLibraryEnd - tegulaMathLibrary);
  auto library = getLazyBitcodeModule(MemoryBufferRef(bytes, "math library"), module.getContext());
  if (!library)
    throw fail(toString(library.takeError()));
  (*library)->setTargetTriple(module.getTargetTriple());
  (*library)->setDataLayout(module.getDataLayout());
  auto makeInternal = [](Module &whole, const StringSet<> &linked) {
    for (const auto &name : linked)
      if (GlobalValue *value = whole.getNamedValue(name.first()); value && !value->isDeclaration())
        value->setLinkage(GlobalValue::InternalLinkage);
  };
  if (Linker::linkModules(module, std::move(*library), Linker::LinkOnlyNeeded, makeInternal))
    throw fail("it cannot be linked");
}

} // namespace tegula::nvptx
