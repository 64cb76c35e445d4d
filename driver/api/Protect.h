//===- Protect.h - LLVM's fatal errors without the end of the process ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "llvm/ADT/STLFunctionalExtras.h"

#include <string>

namespace tegula::api {

/// Runs `body`. When LLVM gives up in it ("Cannot select ..."), comes back with its message instead of aborting; what
/// `body` had allocated is lost then, nothing else. Empty: `body` returned. Exceptions of `body` pass through. `onFatal` is called
/// in the place where LLVM gave up.
std::string protect(llvm::function_ref<void()> body, void (*onFatal)());

} // namespace tegula::api
