//===- Findings.cpp - what checks have found, in words ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Machine.h"
#include "ir/diag/Diagnostic.h"

#include <algorithm>

namespace tegula::ptx {

namespace {

std::string triple(const uint32_t *v) {
  return "(" + std::to_string(v[0]) + ", " + std::to_string(v[1]) + ", " + std::to_string(v[2]) + ")";
}
void threadPosition(const LaunchState &launch, uint32_t thread, uint32_t *out) {
  const uint32_t *shape = launch.settings.block;
  out[0] = thread % shape[0];
  out[1] = thread / shape[0] % shape[1];
  out[2] = thread / shape[0] / shape[1];
}
void blockPosition(const LaunchState &launch, uint64_t linear, uint32_t *out) {
  const uint32_t *grid = launch.settings.grid;
  out[0] = uint32_t(linear % grid[0]);
  out[1] = uint32_t(linear / grid[0] % grid[1]);
  out[2] = uint32_t(linear / grid[0] / grid[1]);
}
std::string fileOf(const LaunchState &launch, const Instr &i) {
  const auto &files = launch.module->program().module.files;
  auto file = files.find(i.file);
  return file == files.end() ? "" : file->second;
}
/// Source line where there is one, PTX line and text.
std::string placeOf(const LaunchState &launch, const Instr &i) {
  std::string_view text = launch.module->program().module.lineText(i.line);
  size_t first = text.find_first_not_of(" \t");
  text =
      first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
  std::string ptx = "PTX line " + std::to_string(i.line) + ": " + std::string(text.substr(0, 120));
  return i.sourceLine ? fileOf(launch, i) + ":" + std::to_string(i.sourceLine) + " (" + ptx + ")"
                      : "[" + ptx + "]";
}

} // namespace

uint32_t instructionIndex(const WarpState &w, const Instr &i) {
  const LaunchState &launch = *w.block->launch;
  const Routine *routine = w.frame->function;
  return launch.firstInstr[size_t(routine - launch.module->program().routines.data())] +
         uint32_t(&i - routine->code.data());
}

const Instr &instructionAt(const LaunchState &launch, uint32_t index) {
  const auto &first = launch.firstInstr;
  size_t routine = size_t(std::upper_bound(first.begin(), first.end(), index) - first.begin()) - 1;
  return launch.module->program().routines[routine].code[index - first[routine]];
}

OtherParty otherParty(const WarpState &w, uint32_t instruction, uint64_t block, uint32_t thread) {
  const LaunchState &launch = *w.block->launch;
  OtherParty other;
  const Instr &at = instructionAt(launch, instruction);
  threadPosition(launch, thread, other.thread);
  blockPosition(launch, block, other.block);
  other.line = at.sourceLine;
  other.ptxLine = at.line;
  other.file = fileOf(launch, at);
  other.who = (block == w.block->linear ? "" : "block " + triple(other.block) + ", ") + "thread " +
              triple(other.thread);
  other.where = placeOf(launch, at);
  return other;
}

void report(WarpState &w, const Instr &i, int lane, Check kind, const std::string &what,
            const OtherParty *other) {
  BlockState &block = *w.block;
  LaunchState &launch = *block.launch;
  bool checked = launch.settings.checks.mode != Checks::off;
  if (checked && !launch.settings.checks.wants(kind))
    return;
  auto key = std::tuple(std::string(checkName(kind)), &i, other ? other->ptxLine : 0);
  if (launch.settings.checks.mode == Checks::on) {
    std::lock_guard lock(launch.mutex);
    if (auto known = launch.findings.find(key); known != launch.findings.end()) {
      known->second.count++;
      return;
    }
  }
  Finding f;
  f.kind = checkName(kind);
  f.kernel = launch.entry->name;
  f.ptxLine = i.line;
  f.sourceLine = i.sourceLine;
  f.file = fileOf(launch, i);
  std::copy(block.id, block.id + 3, f.block);
  threadPosition(launch, w.index * warpSize + uint32_t(lane), f.thread);
  f.text = "kernel " + f.kernel + ", " + placeOf(launch, i) + ", block " + triple(f.block) + ", thread " +
           triple(f.thread) + " " + what;
  if (other) {
    f.hasOther = true;
    f.other = *other;
  }
  if (launch.settings.checks.mode != Checks::on)
    throw FindingError(std::move(f));
  std::lock_guard lock(launch.mutex);
  auto [at, fresh] = launch.findings.try_emplace(std::move(key), f);
  if (!fresh)
    at->second.count++;
}

} // namespace tegula::ptx
