//===- Checks.cpp - names of the checks --------===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Checks.h"
#include "ir/diag/Diagnostic.h"

namespace tegula::ptx {

namespace {
struct Row {
  const char *name;
  bool on;
  const char *help;
};
constexpr Row rows[] = {
#define CHECK(id, name, on, help) {name, on, help},
#include "driver/emulator/ptx/Checks.def"
#undef CHECK
};
static_assert(std::size(rows) == size_t(Check::count) && std::size(rows) <= 32);
} // namespace

const char *checkName(Check check) { return rows[size_t(check)].name; }
const char *checkHelp(Check check) { return rows[size_t(check)].help; }
bool onByDefault(Check check) { return rows[size_t(check)].on; }

uint32_t ChecksWanted::defaultKinds() {
  uint32_t kinds = 0;
  for (size_t k = 0; k < std::size(rows); k++)
    kinds |= uint32_t(rows[k].on) << k;
  return kinds;
}

ChecksWanted parseChecks(std::string_view text) {
  ChecksWanted wanted;
  bool first = true;
  auto refuse = [&](std::string_view word) {
    std::string names;
    for (const Row &row : rows)
      names += (names.empty() ? "" : ", ") + std::string(row.name);
    throw Error(Diag::emulator_checks, {std::string(word), names});
  };
  while (first || !text.empty()) {
    size_t comma = text.find(',');
    std::string_view word = text.substr(0, comma);
    if (comma != std::string_view::npos && comma + 1 == text.size())
      refuse(text);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (first) {
      first = false;
      if (word != "off" && word != "on" && word != "fatal")
        refuse(word);
      wanted.mode = word == "off" ? Checks::off : word == "on" ? Checks::on : Checks::fatal;
      continue;
    }
    size_t k = 0;
    while (k < std::size(rows) && (word.size() < 2 || word.substr(1) != rows[k].name))
      k++;
    if (k == std::size(rows) || (word[0] != '+' && word[0] != '-'))
      refuse(word);
    wanted.kinds = word[0] == '+' ? wanted.kinds | 1u << k : wanted.kinds & ~(1u << k);
  }
  return wanted;
}

} // namespace tegula::ptx
