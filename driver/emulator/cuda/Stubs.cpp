//===- Stubs.cpp - the functions that are not implemented, and where all of them are ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Each function of the table is defined here weakly; the definitions of the other files take precedence when the
// library is linked. So a function that nobody has written is there, says so and refuses: never a wrong answer.

#include "driver/emulator/cuda/Api.h"

#include <string_view>

namespace tegula::cuda {

static CUresult notImplemented(const char *name) {
  sayOnce(name, std::string(name) + " is not implemented by the emulated driver");
  if (logging())
    logCall(name, "...", CUDA_ERROR_NOT_SUPPORTED);
  return CUDA_ERROR_NOT_SUPPORTED;
}

#define STUB(symbol)                                                                                         \
  extern "C" __attribute__((weak, visibility("default"))) CUresult symbol() {                                \
    return notImplemented(#symbol);                                                                          \
  }
#define FUNCTION(name, since, symbol) STUB(symbol)
#define FUNCTION_PER_THREAD(name, since, symbol, suffix) STUB(symbol) STUB(symbol##suffix)
#include "driver/emulator/cuda/Functions.def"
#undef FUNCTION
#undef FUNCTION_PER_THREAD

namespace {
struct Entry {
  std::string_view name;
  int since;
  CUresult (*function)(), (*perThread)();
};
constexpr Entry entries[] = {
#define FUNCTION(name, since, symbol) {#name, since, &symbol, nullptr},
#define FUNCTION_PER_THREAD(name, since, symbol, suffix) {#name, since, &symbol, &symbol##suffix},
#include "driver/emulator/cuda/Functions.def"
#undef FUNCTION
#undef FUNCTION_PER_THREAD
};
constexpr uint64_t perThreadFlag = 2;
} // namespace

Lookup lookUp(std::string_view name, int version, uint64_t flags, void **function) {
  const Entry *best = nullptr;
  bool known = false;
  for (const Entry &e : entries) {
    if (e.name != name)
      continue;
    known = true;
    if (e.since <= version && (!best || e.since > best->since))
      best = &e;
  }
  *function = nullptr;
  if (!best)
    return known ? Lookup::versionTooLow : Lookup::notFound;
  *function =
      reinterpret_cast<void *>((flags & perThreadFlag) && best->perThread ? best->perThread : best->function);
  return Lookup::found;
}

} // namespace tegula::cuda
