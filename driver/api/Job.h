//===- Job.h - one compile, from the request to the key ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/cpu/Cpu.h"
#include "codegen/nvptx/Nvptx.h"
#include "driver/api/Api.h"
#include "driver/api/Digest.h"
#include "driver/cuda/Assembler.h"
#include "ir/Settings.h"

namespace tegula::api {

struct Backend;

/// A request with the settings worked in. Holds `function` alive only when it is a frozen copy.
struct Job {
  const lang::JitFunction *function = nullptr;
  std::shared_ptr<const lang::JitFunction> owned;
  std::vector<lang::Argument> arguments;
  Target target;
  CompileOptions options; ///< what the settings force is in
  Settings settings;
  const Backend *backend = nullptr;
  cpu::Target cpuTarget;                            ///< backend "cpu"
  nvptx::Target gpuTarget;                          ///< backend "cuda"
  std::shared_ptr<const cuda::Assembler> assembler; ///< backend "cuda"; null: PTX is the last stage
  KnownResolvers resolvers;                         ///< of function and arguments
  Digest key;                                       ///< of all of the above, the values of globals excepted
  std::string hash; ///< hexadecimal; without TEGULA_OVERRIDE_DIR, so that it names dumps and overrides alike

  std::string name() const;                     ///< of the kernel: the last part of the qualified name
  bool placed() const { return options.debug; } ///< file and line get into the code
};

/// Throws Error (target_unknown).
Job makeJob(const Request &request);

/// Names of the run-time arguments, tuples flattened: items are "x[0]".
std::vector<std::string> runtimeArguments(const std::vector<lang::Argument> &arguments);

/// A text that differs between any two builds of Tegula.
const std::string &buildId();

} // namespace tegula::api
