//===- Scratch.cpp - scratch memory of a thread ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/cpu/Scratch.h"

#include <algorithm>

#include <sys/mman.h>
#include <unistd.h>

namespace tegula::cpu {

namespace {
constexpr int64_t kept = int64_t(64) << 20;

/// Pages come from mmap whatever the size: 64-byte alignment for free, and a failure is a return value.
struct Arena {
  std::byte *data = nullptr;
  int64_t size = 0;

  ~Arena() { release(); }

  void release() {
    if (data)
      munmap(data, size_t(size));
    data = nullptr;
    size = 0;
  }

  std::byte *grow(int64_t bytes) {
    release();
    // Linux hands out more than there is and kills the process later; more than the machine has is refused here.
    int64_t physical = int64_t(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
    if (bytes > physical)
      return nullptr;
    int64_t rounded = (std::max<int64_t>(bytes, 1 << 16) + 0xffff) & ~int64_t(0xffff);
    void *pages = mmap(nullptr, size_t(rounded), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
      return nullptr;
    data = static_cast<std::byte *>(pages);
    size = rounded;
    return data;
  }
};

thread_local Arena arena;
} // namespace

std::byte *scratch(int64_t bytes) {
  if (bytes <= arena.size)
    return arena.data;
  return arena.grow(bytes);
}

void trimScratch() {
  if (arena.size > kept)
    arena.release();
}

} // namespace tegula::cpu
