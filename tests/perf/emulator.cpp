//===- emulator.cpp - how fast the emulator runs, measured without Python ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// One number a line, for tests/tools/emu-bench, and something for a profiler to look at:
//
//   emulator loop fma|integer off|on       lane-instructions a second of a named loop, 8 warps, one host thread
//   emulator decode FILE...                seconds to parse and decode each
//   emulator run FILE KERNEL GRID BLOCK SHARED off|on THREADS ARGUMENT...
//                                          seconds of a launch; an argument is i:NUMBER, f:NUMBER, z:BYTES (zeros),
//                                          h:COUNT or s:COUNT (random f16 or f32), p (a null pointer)
//
// Each is the least of several repetitions.

#include "driver/emulator/ptx/Emulator.h"
#include "ir/diag/Diagnostic.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

using namespace tegula::ptx;

namespace {

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The least time of some calls: for at least half a second, and at least three.
template <class Call> double least(Call call) {
  double best = 1e9, end = seconds() + 0.5;
  for (int k = 0; k < 3 || seconds() < end; k++) {
    double before = seconds();
    call();
    best = std::min(best, seconds() - before);
  }
  return best;
}

std::string kernel(const std::string &body) {
  return R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry loop(.param .u64 out, .param .u32 rounds)
{
  .reg .pred %p<2>;
  .reg .b32 %r<12>;
  .reg .f32 %f<12>;
  .reg .b64 %rd<4>;
  ld.param.u64 %rd1, [out];
  ld.param.u32 %r1, [rounds];
  mov.u32 %r2, %tid.x;
  mov.u32 %r3, 0;
  mov.u32 %r4, %r2;
  mov.u32 %r5, %r2;
  cvt.rn.f32.u32 %f1, %r2;
  mov.f32 %f2, 0f3F7FFFFE;
  mov.f32 %f3, 0f3A83126F;
  mov.f32 %f4, %f1;
  mov.f32 %f5, %f1;
  mov.f32 %f6, %f1;
  mov.f32 %f7, %f1;
AGAIN:
)" + body +
         R"(
  add.s32 %r3, %r3, 1;
  setp.lt.u32 %p1, %r3, %r1;
  @%p1 bra AGAIN;
  add.f32 %f8, %f4, %f5;
  add.f32 %f9, %f6, %f7;
  add.f32 %f8, %f8, %f9;
  mov.b32 %r6, %f8;
  xor.b32 %r6, %r6, %r5;
  mul.wide.u32 %rd2, %r2, 4;
  add.s64 %rd3, %rd1, %rd2;
  st.global.u32 [%rd3], %r6;
  ret;
}
)";
}

/// Sixteen multiply-adds a round, in four chains.
std::string fmaLoop() {
  std::string body;
  for (int i = 0; i < 16; i++) {
    std::string f = "%f" + std::to_string(4 + i % 4);
    body += "  fma.rn.f32 " + f + ", " + f + ", %f2, %f3;\n";
  }
  return kernel(body);
}
/// Sixteen integer instructions a round: a generator of random numbers, shifts, logic and sums.
std::string integerLoop() {
  std::string body;
  for (int i = 0; i < 4; i++)
    body += R"(  mad.lo.s32 %r4, %r4, 1664525, 1013904223;
  shr.u32 %r6, %r4, 13;
  xor.b32 %r5, %r5, %r6;
  add.s32 %r5, %r5, %r4;
)";
  return kernel(body);
}

template <class T> void append(std::vector<uint8_t> &bytes, T value) {
  bytes.resize((bytes.size() + sizeof(T) - 1) / sizeof(T) * sizeof(T));
  const auto *from = reinterpret_cast<const uint8_t *>(&value);
  bytes.insert(bytes.end(), from, from + sizeof(T));
}

int loop(const std::string &name, bool checks) {
  constexpr uint32_t rounds = 20000, warps = 8, inLoop = 19;
  Emulator gpu;
  auto module = gpu.load(name == "fma" ? fmaLoop() : integerLoop(), "sm_80");
  LaunchSettings settings;
  settings.block[0] = warps * 32;
  settings.threads = 1;
  settings.checks = checks ? Checks::on : Checks::off;
  std::vector<uint8_t> arguments;
  append(arguments, gpu.allocate(warps * 32 * 4));
  append(arguments, rounds);
  double best = least([&] { gpu.launch(*module, "loop", settings, arguments); });
  std::printf("%.1f\n", double(rounds) * inLoop * warps * 32 / best);
  return 0;
}

std::string contents(const char *path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string archOf(const std::string &ptx) {
  size_t at = ptx.find(".target ");
  return at == std::string::npos ? "" : ptx.substr(at + 8, 5);
}

int run(char **words, int count) {
  Emulator gpu;
  std::string text = contents(words[0]);
  auto module = gpu.load(text, archOf(text));
  LaunchSettings settings;
  std::sscanf(words[2], "%u,%u,%u", &settings.grid[0], &settings.grid[1], &settings.grid[2]);
  settings.block[0] = uint32_t(std::atoi(words[3]));
  settings.sharedBytes = uint32_t(std::atoi(words[4]));
  settings.checks = !std::strcmp(words[5], "on") ? Checks::on : Checks::off;
  settings.threads = unsigned(std::atoi(words[6]));
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<uint8_t> arguments;
  for (int k = 7; k < count; k++) {
    const char *value = words[k] + (words[k][1] ? 2 : 1);
    switch (words[k][0]) {
    case 'i': append(arguments, std::atoi(value)); break;
    case 'f': append(arguments, float(std::atof(value))); break;
    case 'p': append(arguments, uint64_t(0)); break;
    default: {
      uint64_t n = uint64_t(std::atoll(value)), bytes = n * (words[k][0] == 'h'   ? 2
                                                             : words[k][0] == 's' ? 4
                                                                                  : 1);
      uint64_t at = gpu.allocate(bytes);
      std::memset(reinterpret_cast<void *>(at), 0, bytes);
      for (uint64_t j = 0; j < n && words[k][0] != 'z'; j++)
        if (words[k][0] == 'h')
          reinterpret_cast<_Float16 *>(at)[j] = _Float16(normal(random));
        else
          reinterpret_cast<float *>(at)[j] = normal(random);
      append(arguments, at);
    }
    }
  }
  std::printf("%.6f\n", least([&] { gpu.launch(*module, words[1], settings, arguments); }));
  return 0;
}

int decodeAll(char **paths, int count) {
  for (int k = 0; k < count; k++) {
    std::string text = contents(paths[k]), arch = archOf(text);
    Emulator gpu;
    std::printf("%.6f\n", least([&] { gpu.load(text, arch); }));
  }
  return 0;
}

} // namespace

int main(int count, char **words) {
  try {
    std::string what = count > 1 ? words[1] : "";
    if (what == "loop" && count == 4)
      return loop(words[2], !std::strcmp(words[3], "on"));
    if (what == "decode" && count > 2)
      return decodeAll(words + 2, count - 2);
    if (what == "run" && count > 8)
      return run(words + 2, count - 2);
  } catch (const tegula::Error &error) {
    std::fprintf(stderr, "%s\n", error.diagnostic().message.c_str());
    return 1;
  }
  std::fprintf(stderr, "see the head of tests/perf/emulator.cpp\n");
  return 2;
}
