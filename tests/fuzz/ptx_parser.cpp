//===- ptx_parser.cpp - libFuzzer: any text is a program or an error with a line, never a crash ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// ninja -C build ptx-parser-fuzz && build/tests/ptx-parser-fuzz -max_len=65536 -timeout=10 CORPUS
// A good corpus is a folder of real PTX files.

#include "driver/emulator/ptx/Program.h"
#include "ir/diag/Diagnostic.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace tegula;
  try {
    ptx::Module module = ptx::parse(std::string(reinterpret_cast<const char *>(data), size), "fuzz");
    ptx::DecodeOptions options;
    options.sm = 89;
    ptx::decode(std::move(module), options);
  } catch (const Error &error) {
    if (std::string_view(error.what()).find("fuzz:") == std::string_view::npos)
      std::abort(); // an error without a line
  }
  return 0;
}
