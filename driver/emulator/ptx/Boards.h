//===- Boards.h - the emulated devices ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace tegula::ptx {

/// By the numbers and names of CUDA's device attributes.
enum class Attribute : int {
#define DEVICE(sm, board, memory)
#define SAME(number, name, value) name = (number),
#define EACH(number, name, ...) name = (number),
#include "driver/emulator/ptx/Attributes.def"
#undef DEVICE
#undef SAME
#undef EACH
};

/// The board whose figures an architecture shows: a row of Attributes.def.
struct Board {
  int sm;
  const char *name;
  uint64_t memory; ///< bytes

  int attribute(Attribute which) const { return *attribute(int(which)); }
  /// Nothing for an unknown number.
  std::optional<int> attribute(int number) const;
  std::string arch() const { return "sm_" + std::to_string(sm); }
  /// Of its row, from 0: tables of other figures go by it.
  size_t index() const;
};

std::span<const Board> boards();
/// Null where there is none. The second form takes "sm_80".
const Board *boardOf(int sm);
const Board *boardOf(const std::string &arch);

} // namespace tegula::ptx
