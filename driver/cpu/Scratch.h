//===- Scratch.h - scratch memory of a thread ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <cstddef>
#include <cstdint>

namespace tegula::cpu {

/// At least `bytes` bytes of the calling thread's arena, 64-byte aligned, contents undefined; null when they cannot be
/// had. Valid until the next call of either function on this thread.
std::byte *scratch(int64_t bytes);

/// Gives an arena above 64 MB back to the system: what one big kernel needed must not stay with every thread.
void trimScratch();

} // namespace tegula::cpu
