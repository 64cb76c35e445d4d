//===- ptx_parser.cpp - libFuzzer: any text is a program or an error with a line, never a crash or a hang ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// ninja -C build ptx-parser-fuzz && build/tests/ptx-parser-fuzz -max_len=65536 -timeout=20 CORPUS
// A good corpus is a folder of real PTX files. What parses and decodes is run as well: every kernel once, on a block of 48
// threads whose pointers lead to a small buffer, with checks and counters, for at most some thousand instructions.

#include "driver/emulator/ptx/Emulator.h"
#include "ir/diag/Diagnostic.h"

#include <cstdlib>
#include <cstring>

extern "C" const char *__asan_default_options() { return "allocator_may_return_null=1:detect_leaks=0"; }

static void runKernels(tegula::ptx::Emulator &gpu, const tegula::ptx::LoadedModule &module, size_t seed) {
  using namespace tegula;
  alignas(256) static uint8_t buffer[8192];
  memset(buffer, 0, sizeof buffer);
  gpu.registerRange(reinterpret_cast<uint64_t>(buffer), sizeof buffer, "buffer");
  int kernels = 0;
  for (const ptx::Routine &routine : module.program().routines) {
    if (!routine.isEntry || routine.code.empty() || kernels++ == 4)
      continue;
    std::vector<uint8_t> arguments((routine.argumentBytes + 7) / 8 * 8);
    uint64_t pointer = reinterpret_cast<uint64_t>(buffer) + sizeof buffer / 2;
    for (size_t k = 0; k < arguments.size(); k += 8)
      memcpy(arguments.data() + k, &pointer, 8);
    ptx::LaunchSettings settings;
    settings.block[0] = 48;
    settings.grid[0] = 2;
    settings.threads = 1;
    settings.seed = seed % 3;
    settings.lazyAsync = seed % 2;
    settings.checks = seed % 5 ? ptx::Checks::on : ptx::Checks::off;
    settings.counters = true;
    settings.instructionLimit = 4000;
    settings.print = [](const std::string &) {};
    try {
      ptx::Report report = gpu.launch(module, routine.name, settings, arguments);
      if (ptx::table(report.counters).empty())
        std::abort();
    } catch (const Error &error) {
      if (std::string_view(error.what()).size() < 10)
        std::abort();
    }
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace tegula;
  ptx::Emulator gpu;
  std::shared_ptr<ptx::LoadedModule> module;
  try {
    module = gpu.load(std::string(reinterpret_cast<const char *>(data), size), "sm_89", "fuzz");
  } catch (const Error &error) {
    if (std::string_view(error.what()).find("fuzz:") == std::string_view::npos)
      std::abort(); // an error without a line
    return 0;
  }
  runKernels(gpu, *module, size);
  return 0;
}
