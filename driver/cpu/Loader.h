//===- Loader.h - from an object file to code that can be called ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// JITLink, the linker under LLVM's ORC, used directly: one object, one synchronous link, symbols from one table. What
// ORC adds (sessions, dylibs, lazy compiles, their locks) has no use here, costs start-up time in a process that takes
// all kernels from the cache, and its locks would have to be survived by a forked child.
//
//===----------------------------------------------------------------------===//

#pragma once

#include <memory>
#include <string_view>

namespace tegula::cpu {

/// Machine code in memory; unmapped when this goes.
class LoadedObject {
public:
  virtual ~LoadedObject() = default;
  void *entry = nullptr;
};

/// Links `object` (ELF) against cpu::runtimeSymbols() and nothing else. Throws Error (internal) when it is damaged, lacks
/// `entry`, or wants another symbol.
std::unique_ptr<LoadedObject> loadObject(std::string_view object, std::string_view entry);

} // namespace tegula::cpu
