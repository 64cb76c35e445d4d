//===- Key.h - what a specialisation depends on, as packed words, and a table of them ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A key is a row of 64-bit words: one for the options, then for each parameter a tag with its facts, followed by the
// bits of what a constexpr holds. Values of different types never share a key: 1, True and 1.0 differ by their tag,
// 0.0 and -0.0 by their bits, and every NaN has the same bits. Keys are compared word by word after the hash.

#pragma once

#include "lang/Lang.h"

#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <vector>

namespace tegula::python {

enum class Tag : uint8_t {
  // Known when running; a slot each. Payload: scalar kind in bits 0-7, const in bit 8, multiple of 16 in bit 9.
  Tensor = 1,
  Int,
  Float,
  Bool,
  Tuple, ///< payload: length in bits 0-23, class of a named tuple above; its items follow
  // Known when compiling.
  ConstNone = 16,
  ConstBool,     ///< payload: the value
  ConstInt,      ///< a word follows
  ConstWideInt,  ///< two words follow
  ConstFloat,    ///< a word follows
  ConstText,     ///< payload: number of bytes, which follow eight a word
  ConstDType,    ///< payload: scalar kind in bits 0-7, pointer in bit 8, const in bit 9
  ConstFunction, ///< a word follows: its number
  ConstBuiltin,  ///< as ConstText
  ConstTuple     ///< as Tuple
};

using Key = llvm::SmallVector<uint64_t, 96>;

inline uint64_t keyWord(Tag tag, uint64_t payload = 0) { return static_cast<uint64_t>(tag) | payload << 8; }

inline uint64_t hashKey(const Key &key) {
  uint64_t h = 0x9E3779B97F4A7C15ull;
  for (uint64_t word : key) {
    h = (h ^ word) * 0xD6E8FEB86659FD93ull;
    h ^= h >> 32;
  }
  return h;
}

struct Entry;

/// Open addressing; holds at most half its capacity.
class KernelTable {
public:
  Entry *find(uint64_t hash, const Key &key) const;
  void insert(Entry *entry);
  void clear();

private:
  std::vector<Entry *> slots;
  size_t used = 0;
};

} // namespace tegula::python
