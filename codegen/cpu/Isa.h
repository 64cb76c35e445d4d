//===- Isa.h - what a target's instruction set offers ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/cpu/Cpu.h"

namespace tegula::cpu {

/// The few facts that change which code is written; LLVM's selection knows the rest.
struct Isa {
  bool x86 = false;
  bool sse41 = false;  ///< roundps
  bool fma = false;    ///< a fused multiply-add as an instruction
  bool f16 = false;    ///< conversion f16 <-> f32 as an instruction
  bool avx2 = false;   ///< gathers of 4- and 8-byte elements
  bool avx512 = false; ///< F, BW, DQ and VL: masked loads and stores of all element sizes, vscalefps
};

/// Read from the feature string; the last answer is kept per thread, so asking for each operation is cheap.
const Isa &isaOf(const Target &target);

} // namespace tegula::cpu
