//===- Gpu.h - a small kernel on the emulated GPU, for tests ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/emulator/ptx/Emulator.h"

#include <cstring>

namespace tegula::ptx {

struct Gpu {
  Emulator emulator;
  LaunchSettings settings;
  std::vector<uint8_t> arguments;

  template <class T> Gpu &pass(T value) {
    size_t at = (arguments.size() + sizeof(T) - 1) / sizeof(T) * sizeof(T);
    arguments.resize(at + sizeof(T));
    memcpy(arguments.data() + at, &value, sizeof(T));
    return *this;
  }
  template <class T> Gpu &pass(std::vector<T> &data) {
    emulator.registerRange(reinterpret_cast<uint64_t>(data.data()), data.size() * sizeof(T), "data");
    return pass(reinterpret_cast<uint64_t>(data.data()));
  }
  Report run(const std::string &parameters, const std::string &body, const std::string &outside = "") {
    std::string text = ".version 8.4\n.target sm_80\n.address_size 64\n" + outside + "\n.visible .entry k(" +
                       parameters + ")\n{\n" + body + "\nret;\n}\n";
    auto module = emulator.load(text, "sm_80");
    return emulator.launch(*module, "k", settings, arguments);
  }
};

inline const char *onePointer = ".param .u64 p0";
inline const char *prologue = R"(
  .reg .b32 %r<32>; .reg .b64 %rd<16>; .reg .pred %p<8>; .reg .f32 %f<8>;
  ld.param.u64 %rd0, [p0];
  mov.u32 %r0, %tid.x;
  mul.wide.u32 %rd1, %r0, 4;
  add.s64 %rd2, %rd0, %rd1;
)";

inline Report runOne(Gpu &gpu, std::vector<uint32_t> &data, const std::string &body,
                     const std::string &outside = "") {
  gpu.pass(data);
  return gpu.run(onePointer, prologue + body, outside);
}

} // namespace tegula::ptx
