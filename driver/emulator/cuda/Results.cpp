//===- Results.cpp - exceptions to results, and what is said on stderr ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Api.h"
#include "ir/ForkSafe.h"
#include "ir/Settings.h"
#include "ir/diag/Diagnostic.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <unistd.h>

namespace tegula::cuda {

const char *resultName(CUresult code) {
  switch (code) {
#define RESULT(name, value, text)                                                                            \
  case value: return #name;
#include "driver/emulator/cuda/Results.def"
#undef RESULT
  default: return nullptr;
  }
}

const char *resultText(CUresult code) {
  switch (code) {
#define RESULT(name, value, text)                                                                            \
  case value: return text;
#include "driver/emulator/cuda/Results.def"
#undef RESULT
  default: return nullptr;
  }
}

void say(const std::string &text) {
  std::string line = "tegula: " + text + "\n";
  size_t at = 0;
  while (at < line.size()) {
    ssize_t n = write(STDERR_FILENO, line.data() + at, line.size() - at);
    if (n <= 0)
      return;
    at += size_t(n);
  }
}

void sayOnce(const std::string &key, const std::string &text) {
  static ForkSafeMutex &mutex = *new ForkSafeMutex;
  static auto &said = *new std::set<std::string>;
  {
    std::lock_guard lock(mutex);
    if (!said.insert(key).second)
      return;
  }
  say(text);
}

bool logging() {
  static std::atomic<int> on{-1};
  int now = on.load(std::memory_order_relaxed);
  if (now < 0) {
    try {
      now = settings().emuLog;
    } catch (const Error &) {
      now = 0; // cuInit says what is wrong
    }
    on = now;
  }
  return now;
}

void logCall(const char *function, const std::string &arguments, CUresult result) {
  const char *name = resultName(result);
  say(std::string(function) + "(" + arguments + ") = " + (name ? name : std::to_string(result)));
}

/// The result that a real driver gives for what stopped a kernel or a module.
static CUresult resultOf(const Error &error) {
  const Diagnostic &d = error.diagnostic();
  switch (d.id) {
  case Diag::emulator_assert: return CUDA_ERROR_ASSERT;
  case Diag::emulator_deadlock: return CUDA_ERROR_LAUNCH_TIMEOUT;
  case Diag::emulator_trap: return CUDA_ERROR_LAUNCH_FAILED;
  case Diag::emulator_launch: return CUDA_ERROR_INVALID_VALUE;
  case Diag::emulator_no_kernel: return CUDA_ERROR_NOT_FOUND;
  case Diag::emulator_arch:
  case Diag::emulator_checks:
  case Diag::setting_bad_value: return CUDA_ERROR_INVALID_DEVICE;
  case Diag::image_no_ptx: return CUDA_ERROR_NO_BINARY_FOR_GPU;
  case Diag::image_unknown: return CUDA_ERROR_INVALID_IMAGE;
  case Diag::image_damaged: return CUDA_ERROR_INVALID_IMAGE;
  case Diag::ptx_version: return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
  case Diag::emulator_finding:
    if (d.message.starts_with("misaligned"))
      return CUDA_ERROR_MISALIGNED_ADDRESS;
    for (const char *kind : {"global-out-of-bounds", "shared-out-of-bounds", "local-out-of-bounds",
                             "param-out-of-bounds", "use-after-free"})
      if (d.message.starts_with(kind))
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    return CUDA_ERROR_LAUNCH_FAILED;
  default: break;
  }
  switch (error.kind()) {
  case ErrorKind::Compile: return CUDA_ERROR_INVALID_PTX;
  case ErrorKind::Unsupported: return CUDA_ERROR_NOT_SUPPORTED;
  case ErrorKind::OutOfResources: return CUDA_ERROR_OUT_OF_MEMORY;
  case ErrorKind::Launch: return CUDA_ERROR_INVALID_VALUE;
  case ErrorKind::Device: return CUDA_ERROR_LAUNCH_FAILED;
  case ErrorKind::Internal: break;
  }
  return CUDA_ERROR_UNKNOWN;
}

CUresult resultOfException(const char *function) {
  std::string where = function ? std::string(function) + ": " : std::string();
  try {
    throw;
  } catch (const Failure &f) {
    if (!f.text.empty())
      say(where + f.text);
    return f.code;
  } catch (const Error &e) {
    say(where + e.what());
    return resultOf(e);
  } catch (const std::bad_alloc &) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  } catch (const std::exception &e) {
    say(where + e.what());
    return CUDA_ERROR_UNKNOWN;
  }
}

} // namespace tegula::cuda
