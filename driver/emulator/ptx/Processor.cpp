//===- Processor.cpp - what the emulator's code runs on ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Processor.h"
#include "ir/diag/Diagnostic.h"

namespace tegula::ptx {

bool processorFits() {
#ifdef __x86_64__
  return __builtin_cpu_supports("x86-64-v3");
#else
  return true;
#endif
}

void requireProcessor(bool fits) {
  if (!fits)
    throw Error(Diag::emulator_processor);
}

} // namespace tegula::ptx
