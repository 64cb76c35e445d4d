//===- Api.h - how a function of the driver API is written ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//   CU_FUNCTION(context, cuMemFree_v2, (CUdeviceptr address), (address)) { ...; return CUDA_SUCCESS; }
//
// exports the function. Its body runs behind `invoke`, which refuses calls before cuInit, calls in a forked child, calls
// without a context and calls in a context that a kernel has broken, turns exceptions into results, and logs. Bodies
// throw Failure or tegula::Error; nothing is thrown across the exported function.

#pragma once

#include "driver/emulator/cuda/Types.h"

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace tegula::cuda {

/// A result that is not CUDA_SUCCESS, on its way out of a function. The text, if any, is said on stderr.
struct Failure {
  CUresult code;
  std::string text = {};
};

[[noreturn]] inline void fail(CUresult code, std::string text = {}) { throw Failure{code, std::move(text)}; }
inline void need(bool condition, CUresult code = CUDA_ERROR_INVALID_VALUE) {
  if (!condition)
    fail(code);
}

/// What has to hold before a function's body runs.
enum class Needs {
  nothing,
  init,    ///< cuInit was called
  context, ///< and a context is current, which no kernel has broken
};

/// Throws Failure where it does not hold.
void require(Needs needs);
/// Turns the exception in flight into a result and says its text.
CUresult resultOfException(const char *function);
bool logging();
void logCall(const char *function, const std::string &arguments, CUresult result);
/// Says a sentence on stderr, in one piece.
void say(const std::string &text);
/// The same, once in the life of the process for each `key`.
void sayOnce(const std::string &key, const std::string &text);

const char *resultName(CUresult code); ///< null where there is none
const char *resultText(CUresult code);

template <typename T> std::string describe(T value) {
  char text[32];
  if constexpr (std::is_class_v<T>)
    return "{...}";
  else if constexpr (std::is_convertible_v<T, const char *>)
    return value ? '"' + std::string(value, std::char_traits<char>::length(value)) + '"' : "NULL";
  else if constexpr (std::is_pointer_v<T>)
    snprintf(text, sizeof text, "%p", reinterpret_cast<const void *>(value));
  else if constexpr (std::is_floating_point_v<T>)
    snprintf(text, sizeof text, "%g", double(value));
  else if constexpr (sizeof(T) == 8)
    snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  else
    snprintf(text, sizeof text, "%lld", static_cast<long long>(value));
  return text;
}

template <typename F, typename... A>
CUresult invoke(const char *name, Needs needs, F body, const std::tuple<A...> &arguments) {
  CUresult result;
  try {
    require(needs);
    result = std::apply(body, arguments);
  } catch (...) {
    result = resultOfException(name);
  }
  if (logging()) {
    std::string text;
    std::apply([&](auto... a) { ((text += (text.empty() ? "" : ", ") + describe(a)), ...); }, arguments);
    logCall(name, text, result);
  }
  return result;
}

/// What cuGetProcAddress says of a name.
enum class Lookup : int { found = 0, notFound = 1, versionTooLow = 2 };
Lookup lookUp(std::string_view name, int version, uint64_t flags, void **function);

/// While it lives, the default stream of this thread's calls is the thread's own.
struct PerThreadDefault {
  PerThreadDefault();
  ~PerThreadDefault();
  bool before;
};

#define CU_EXPORT extern "C" __attribute__((visibility("default"))) CUresult

#define CU_FUNCTION(needs, name, parameters, arguments)                                                      \
  static CUresult do_##name parameters;                                                                      \
  CU_EXPORT name parameters { return invoke(#name, Needs::needs, &do_##name, std::make_tuple arguments); }   \
  static CUresult do_##name parameters

/// A function with a twin for the per-thread default stream.
#define CU_STREAM_FUNCTION(needs, name, suffix, parameters, arguments)                                       \
  static CUresult do_##name parameters;                                                                      \
  CU_EXPORT name parameters { return invoke(#name, Needs::needs, &do_##name, std::make_tuple arguments); }   \
  CU_EXPORT name##suffix parameters {                                                                        \
    PerThreadDefault scope;                                                                                  \
    return name arguments;                                                                                   \
  }                                                                                                          \
  static CUresult do_##name parameters

} // namespace tegula::cuda
