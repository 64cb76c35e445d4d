//===- Loader.cpp - from an object file to code that can be called ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/cpu/Loader.h"

#include "codegen/cpu/Cpu.h"
#include "ir/diag/Diagnostic.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ExecutionEngine/JITLink/JITLink.h"
#include "llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h"
#include "llvm/Support/MemoryBuffer.h"

#include <unistd.h>

using namespace llvm;
using namespace llvm::jitlink;

namespace tegula::cpu {

namespace {

const StringMap<void *> &runtimeTable() {
  static const StringMap<void *> &table = *[] {
    auto *map = new StringMap<void *>;
    for (const RuntimeSymbol &symbol : runtimeSymbols())
      (*map)[symbol.name] = symbol.address;
    return map;
  }();
  return table;
}

/// Code pages of one object. Its own memory manager: nothing is shared, so nothing is locked, also after fork().
struct Loaded final : LoadedObject {
  InProcessMemoryManager memory{uint64_t(sysconf(_SC_PAGESIZE))};
  JITLinkMemoryManager::FinalizedAlloc alloc;

  ~Loaded() override {
    if (alloc)
      consumeError(memory.deallocate(std::move(alloc)));
  }
};

/// Every callback comes before link() returns, on this thread.
class Context final : public JITLinkContext {
public:
  Context(Loaded &loaded, StringRef entry, std::string &failure)
      : JITLinkContext(nullptr), loaded(loaded), entry(entry), failure(failure) {}

  JITLinkMemoryManager &getMemoryManager() override { return loaded.memory; }
  void notifyFailed(llvm::Error error) override { failure = toString(std::move(error)); }

  void lookup(const LookupMap &symbols, std::unique_ptr<JITLinkAsyncLookupContinuation> then) override {
    AsyncLookupResult result;
    for (auto &[name, flags] : symbols) {
      auto at = runtimeTable().find(*name);
      if (at == runtimeTable().end())
        return then->run(make_error<StringError>("compiled code wants the unknown symbol '" + *name + "'",
                                                 inconvertibleErrorCode()));
      result[name] = {orc::ExecutorAddr::fromPtr(at->second), JITSymbolFlags::Exported};
    }
    then->run(std::move(result));
  }

  llvm::Error notifyResolved(LinkGraph &graph) override {
    for (Symbol *symbol : graph.defined_symbols())
      if (symbol->hasName() && *symbol->getName() == entry)
        loaded.entry = symbol->getAddress().toPtr<void *>();
    if (loaded.entry)
      return llvm::Error::success();
    return make_error<StringError>("compiled code lacks its entry '" + entry + "'", inconvertibleErrorCode());
  }

  void notifyFinalized(JITLinkMemoryManager::FinalizedAlloc alloc) override {
    loaded.alloc = std::move(alloc);
  }

private:
  Loaded &loaded;
  StringRef entry;
  std::string &failure;
};

} // namespace

std::unique_ptr<LoadedObject> loadObject(std::string_view object, std::string_view entry) {
  auto loaded = std::make_unique<Loaded>();
  std::string failure;
  MemoryBufferRef buffer(object, "kernel");
  auto graph = createLinkGraphFromObject(buffer, std::make_shared<orc::SymbolStringPool>());
  if (graph)
    link(std::move(*graph), std::make_unique<Context>(*loaded, entry, failure));
  else
    failure = toString(graph.takeError());
  if (!failure.empty() || !loaded->entry)
    throw tegula::Error(Diag::internal_error, {"the linker refused compiled code: " + failure});
  return loaded;
}

} // namespace tegula::cpu
