//===- Processor.h - what the emulator's code runs on ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The lanes of a warp are vectors, and the code for them is compiled for x86-64-v3; the rest of Tegula runs on every
// x86-64. Whoever enters the emulator asks here first.

#pragma once

namespace tegula::ptx {

/// Whether this processor has what the emulator's code is compiled for.
bool processorFits();
/// Throws Error (emulator_processor) unless it has.
void requireProcessor(bool fits = processorFits());

} // namespace tegula::ptx
