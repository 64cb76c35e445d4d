//===- Checks.h - which checks there are, and which a launch asks for ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tegula::ptx {

enum class Check : uint8_t {
#define CHECK(id, name, on, help) id,
#include "driver/emulator/ptx/Checks.def"
#undef CHECK
  count
};

const char *checkName(Check check);
const char *checkHelp(Check check);
bool onByDefault(Check check);

enum class Checks : uint8_t { off, on, fatal };

/// "off", "on" or "fatal", followed by `,+name` and `,-name` of single checks: "on,+same-value-race".
struct ChecksWanted {
  Checks mode = Checks::off;
  uint32_t kinds = defaultKinds(); ///< a bit each

  ChecksWanted() = default;
  ChecksWanted(Checks mode) : mode(mode) {}
  static uint32_t defaultKinds();
  bool wants(Check check) const { return kinds >> unsigned(check) & 1; }
};

/// Throws the diagnostic for what is not understood.
ChecksWanted parseChecks(std::string_view text);

} // namespace tegula::ptx
