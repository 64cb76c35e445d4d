//===- Select.cpp - from the spelling of an arithmetic instruction to its handler ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Handlers.h"
#include "ir/diag/Diagnostic.h"

#include <unordered_map>
#include <unordered_set>

namespace tegula::ptx {
namespace {

struct Table {
  std::vector<Row> rows;
  std::unordered_map<std::string_view, const Row *> byKey;
  std::unordered_set<std::string_view> opcodes;

  Table() {
    addIntegerRows(rows);
    addFloatRows(rows);
    addHalfRows(rows);
    for (const Row &row : rows) {
      byKey.emplace(row.key, &row);
      opcodes.insert(std::string_view(row.key).substr(0, row.key.find('.')));
    }
  }
};
const Table &table() {
  static const Table built;
  return built;
}

/// The direction that a rounding modifier names, or -1.
int roundingOf(std::string_view modifier) {
  constexpr std::string_view names[] = {"rn", "rz", "rm", "rp"};
  for (int i = 0; i < 4; i++)
    if (modifier == names[i])
      return i;
  return -1;
}

} // namespace

std::string keyOf(const Spelling &spelling) {
  std::string key(spelling.opcode);
  for (std::string_view modifier : spelling.modifiers) {
    if (roundingOf(modifier) >= 0)
      continue;
    key += '.';
    key += modifier;
  }
  return key;
}

void unknownForm(const Spelling &spelling, const Instr &instr) {
  std::string text(spelling.opcode);
  for (std::string_view modifier : spelling.modifiers)
    text += "." + std::string(modifier);
  throw Error(Diag::emulator_type, {"line " + std::to_string(instr.line), text});
}

bool chooseArithmetic(const Spelling &spelling, Instr &instr, Keeper &keeper) {
  const Table &known = table();
  auto found = known.byKey.find(keyOf(spelling));
  if (found == known.byKey.end()) {
    if (chooseBits(spelling, instr, keeper) || chooseCompare(spelling, instr, keeper) ||
        chooseConvert(spelling, instr, keeper) || chooseVideo(spelling, instr, keeper))
      return true;
    if (known.opcodes.contains(spelling.opcode))
      unknownForm(spelling, instr);
    return false;
  }
  const Row &row = *found->second;
  instr.run = row.handler;
  instr.pipe = row.pipe;
  int roundings = 0;
  for (std::string_view modifier : spelling.modifiers) {
    int direction = roundingOf(modifier);
    if (direction < 0)
      continue;
    if (++roundings > 1 || !row.rounds || (direction > 0 && !row.directed))
      unknownForm(spelling, instr);
    if (direction > 0) {
      instr.run = row.directed;
      instr.variant = static_cast<uint32_t>(direction);
    }
  }
  if (row.needed && roundings == 0)
    unknownForm(spelling, instr);
  return true;
}

} // namespace tegula::ptx
