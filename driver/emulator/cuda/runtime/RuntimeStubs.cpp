//===- RuntimeStubs.cpp - the functions of the runtime that are not implemented ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// As in Stubs.cpp: weak definitions, which those of the other files replace.

#include <atomic>
#include <cstdio>

namespace tegula::cudart {

int leave(int code);

static int notImplemented(const char *name, std::atomic<bool> &said) {
  if (!said.exchange(true))
    fprintf(stderr, "tegula: %s is not implemented by the emulated runtime\n", name);
  return leave(801); // cudaErrorNotSupported
}

#define STUB(symbol)                                                                                         \
  extern "C" __attribute__((weak, visibility("default"))) int symbol() {                                     \
    static std::atomic<bool> said{false};                                                                    \
    return notImplemented(#symbol, said);                                                                    \
  }
#define FUNCTION(name) STUB(name)
#define FUNCTION_PER_THREAD(name, suffix) STUB(name) STUB(name##suffix)
#include "driver/emulator/cuda/runtime/RuntimeFunctions.def"
#undef FUNCTION
#undef FUNCTION_PER_THREAD

} // namespace tegula::cudart
