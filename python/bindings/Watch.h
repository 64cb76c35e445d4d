//===- Watch.h - noticing that a global of a kernel changed ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "python/bindings/Function.h"

namespace tegula::python {

/// Notes what the names that the kernel took from outside are bound to. False if one changed while it was compiled.
bool watchDependencies(Entry &entry);

/// Whether every name is bound to what it was; if not, the kernel is to be compiled anew (which refuses a plain number
/// that is not declared tl.constexpr). A value that was replaced by an equal one is taken as the new one.
bool unchanged(Entry &entry);

void releaseWatches(Entry &entry);

} // namespace tegula::python
