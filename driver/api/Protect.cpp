//===- Protect.cpp - LLVM's fatal errors without the end of the process ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Protect.h"

#include "llvm/Support/ErrorHandling.h"

#include <csetjmp>
#include <cstdio>
#include <utility>

namespace tegula::api {

// What llvm::CrashRecoveryContext does, less its signal handlers: a crash by a signal belongs to the process (Python's
// faulthandler, a debugger). LLVM is built without exceptions, so the way back is a jump.
static thread_local jmp_buf *wayBack = nullptr;
static thread_local void (*atPlace)() = nullptr;
static thread_local char fatalText[512];

[[noreturn]] static void jumpBack() {
  jmp_buf *to = wayBack;
  wayBack = nullptr;
  _longjmp(*to, 1);
}

static void onFatalError(void *, const char *reason, bool) {
  if (!wayBack)
    return; // LLVM goes on to abort, as it would without us
  // A second fatal error while the first is looked at: the first one counts.
  if (auto look = std::exchange(atPlace, nullptr)) {
    std::snprintf(fatalText, sizeof fatalText, "%s", reason);
    look();
  }
  jumpBack();
}

static bool install() {
  llvm::install_fatal_error_handler(onFatalError, nullptr);
  return true;
}

namespace {
struct Restore {
  jmp_buf *before;
  ~Restore() { wayBack = before; }
};
} // namespace

static void runBody(llvm::function_ref<void()> body, jmp_buf *before) {
  Restore restore{before};
  body();
}

std::string protect(llvm::function_ref<void()> body, void (*onFatal)()) {
  static bool installed = install();
  (void)installed;
  jmp_buf here;
  jmp_buf *const before = wayBack;
  if (_setjmp(here) == 0) {
    wayBack = &here;
    atPlace = onFatal;
    runBody(body, before);
    return {};
  }
  wayBack = before;
  return *fatalText ? fatalText : "LLVM gave up";
}

} // namespace tegula::api
