//===- Target.cpp - the GPUs that kernels are compiled for ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Nvptx.h"

#include "ir/diag/Diagnostic.h"

namespace tegula::nvptx {

static constexpr int known[] = {75, 80, 86, 87, 89, 90, 100, 103, 120, 121};

std::string Target::name() const { return "sm_" + std::to_string(sm) + (sm >= 90 ? "a" : ""); }

/// A later PTX ISA than the architecture came with: conversions of 8-bit floats exist on sm_89 from 8.1 on (PTX ISA, cvt).
/// The version of PTX that the instructions need where LLVM takes an older one for granted: ldmatrix 6.5, products of 8-bit
/// floats 8.4 (PTX ISA, "Release Notes").
std::string Target::features() const { return sm == 75 ? "+ptx65" : sm == 89 ? "+ptx84" : ""; }

Target targetNamed(const std::string &arch) {
  for (int sm : known) {
    Target target{sm};
    std::string name = target.name(), number = std::to_string(sm);
    if (arch == name || "sm_" + arch == name || arch == number || arch == "sm_" + number)
      return target;
  }
  std::string list;
  for (int sm : known)
    list += (list.empty() ? "" : ", ") + std::to_string(sm);
  throw Error(Diag::codegen_unknown_gpu, {arch, list});
}

} // namespace tegula::nvptx
