//===- Counters.cpp - sums over the instructions of a program ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Counters.h"
#include "driver/emulator/ptx/Boards.h"
#include "driver/emulator/ptx/Program.h"

#include <algorithm>
#include <cstdio>
#include <map>

namespace tegula::ptx {

const char *pipeName(Pipe pipe) {
  static constexpr const char *names[] = {
      "alu",          "fma",        "fp16",        "fp64",         "transcendental",
      "convert",      "matrix",     "load global", "store global", "load shared",
      "store shared", "load local", "store local", "constant",     "atomic",
      "async copy",   "warp",       "barrier",     "control",      "move"};
  static_assert(std::size(names) == size_t(Pipe::count));
  return names[size_t(pipe)];
}

namespace {

enum class Unit : uint8_t {
#define UNIT(id, name, ...) id,
#include "driver/emulator/ptx/Throughput.def"
#undef UNIT
  count
};
struct UnitRow {
  const char *name;
  double rate[5];
};
constexpr UnitRow units[] = {
#define UNIT(id, name, ...) {name, {__VA_ARGS__}},
#include "driver/emulator/ptx/Throughput.def"
#undef UNIT
};

double rateOf(Unit unit, int sm) { return units[size_t(unit)].rate[boardOf(sm)->index()]; }

/// Where an instruction goes besides the schedulers; issue: nowhere.
Unit unitOf(Pipe pipe) {
  switch (pipe) {
  case Pipe::alu:
  case Pipe::move: return Unit::alu;
  case Pipe::fma: return Unit::fma;
  case Pipe::fp16: return Unit::fp16;
  case Pipe::fp64: return Unit::fp64;
  case Pipe::transcendental:
  case Pipe::convert: return Unit::xu;
  case Pipe::matrix: return Unit::tensor;
  case Pipe::barrier:
  case Pipe::control: return Unit::issue;
  default: return Unit::lsu;
  }
}

struct MatrixShapeText {
  uint64_t multiplyAdds = 0;
  double costOfOne = 1; ///< multiply-adds of f16 that take the time of one
};
/// From the text of an mma or wmma.mma: its modifiers have the shape and the types.
MatrixShapeText matrixShape(std::string_view text, int sm) {
  MatrixShapeText result;
  std::string word(text);
  for (size_t at = word.find(".m"); at != std::string::npos; at = word.find(".m", at + 1)) {
    unsigned m, n, k;
    if (sscanf(word.c_str() + at, ".m%un%uk%u", &m, &n, &k) == 3) {
      result.multiplyAdds = uint64_t(m) * n * k;
      break;
    }
  }
  auto has = [&](const char *type) { return word.find(type) != std::string::npos; };
  if (has(".f64"))
    result.costOfOne = sm == 80 ? 16 : 256;
  else if (has(".b1"))
    result.costOfOne = 1.0 / 16;
  else if (has(".s4") || has(".u4"))
    result.costOfOne = 0.25;
  else if (has(".s8") || has(".u8") || has(".e4m3") || has(".e5m2"))
    result.costOfOne = 0.5;
  else if (has(".tf32"))
    result.costOfOne = 2;
  return result;
}

void addBlocks(Counters &c, const Program &program, size_t routine, const uint64_t *executions,
               const uint64_t *lanes) {
  const Routine &r = program.routines[routine];
  for (size_t b = 0; b < r.blocks.size(); b++) {
    size_t first = size_t(r.blocks[b]),
           end = b + 1 < r.blocks.size() ? size_t(r.blocks[b + 1]) : r.code.size();
    if (first >= end || !executions[first])
      continue;
    BlockCounters block;
    block.function = r.name;
    block.block = uint32_t(b);
    block.firstPtxLine = r.code[first].line;
    block.lastPtxLine = r.code[end - 1].line;
    block.size = uint32_t(end - first);
    block.executions = executions[first];
    block.lanes = lanes[first];
    for (size_t k = first; k < end; k++) {
      const Instr &i = r.code[k];
      block.instructions += executions[k];
      if (!i.sourceLine)
        continue;
      if (block.file.empty())
        if (auto file = program.module.files.find(i.file); file != program.module.files.end())
          block.file = file->second;
      block.firstSourceLine =
          block.firstSourceLine ? std::min(block.firstSourceLine, i.sourceLine) : i.sourceLine;
      block.lastSourceLine = std::max(block.lastSourceLine, i.sourceLine);
    }
    c.blocks.push_back(std::move(block));
  }
}

} // namespace

void sumUp(Counters &c, const Program &program, const std::vector<uint32_t> &firstInstr,
           const std::vector<uint64_t> &executions, const std::vector<uint64_t> &lanes,
           const std::vector<MemoryCounts> &memory) {
  double cycles[size_t(Unit::count)] = {};
  uint64_t byUnit[size_t(Unit::count)] = {};
  std::map<std::pair<std::string, uint32_t>, LineCounters> lines;
  for (size_t f = 0; f < program.routines.size(); f++) {
    const Routine &r = program.routines[f];
    for (size_t k = 0; k < r.code.size(); k++) {
      size_t at = firstInstr[f] + k;
      const Instr &i = r.code[k];
      if (!executions[at])
        continue;
      LineCounters line;
      line.function = r.name;
      if (auto file = program.module.files.find(i.file); i.sourceLine && file != program.module.files.end())
        line.file = file->second;
      line.ptxLine = i.line;
      line.sourceLine = i.sourceLine;
      line.block = i.block;
      line.pipe = i.pipe;
      line.instructions = executions[at];
      line.lanes = lanes[at];
      line.memory = memory[at];
      c.instructions += line.instructions;
      c.lanes += line.lanes;
      c.byPipe[size_t(i.pipe)] += line.instructions;
      c.memory += line.memory;
      Unit unit = unitOf(i.pipe);
      byUnit[size_t(Unit::issue)] += line.instructions;
      if (unit == Unit::tensor) {
        MatrixShapeText shape = matrixShape(program.module.lineText(i.line), program.sm);
        c.matrixOperations += line.instructions;
        c.multiplyAdds += line.instructions * shape.multiplyAdds;
        byUnit[size_t(unit)] += line.instructions;
        cycles[size_t(unit)] += double(line.instructions * shape.multiplyAdds) * shape.costOfOne;
      } else if (unit != Unit::issue) {
        byUnit[size_t(unit)] += line.instructions;
        cycles[size_t(unit)] += double(line.instructions) * warpSize;
      }
      if (i.sourceLine) {
        LineCounters &sum = lines[{line.file, line.sourceLine}];
        uint64_t instructions = sum.instructions + line.instructions, all = sum.lanes + line.lanes;
        MemoryCounts moved = sum.memory;
        moved += line.memory;
        if (!sum.instructions)
          sum = line;
        sum.instructions = instructions;
        sum.lanes = all;
        sum.memory = moved;
      }
      c.perInstruction.push_back(std::move(line));
    }
    addBlocks(c, program, f, executions.data() + firstInstr[f], lanes.data() + firstInstr[f]);
  }
  for (auto &[key, line] : lines)
    c.perLine.push_back(line);
  cycles[size_t(Unit::issue)] = double(c.instructions) * warpSize;
  cycles[size_t(Unit::shared)] = double(c.memory.shared.units) * warpSize;
  byUnit[size_t(Unit::shared)] = c.memory.shared.requests;
  for (size_t u = 0; u < size_t(Unit::count); u++)
    if (byUnit[u])
      c.bounds.push_back({units[u].name, byUnit[u], cycles[u] / rateOf(static_cast<Unit>(u), program.sm)});
  std::stable_sort(c.bounds.begin(), c.bounds.end(), [](auto &a, auto &b) { return a.cycles > b.cycles; });
}

// --- The table

std::string table(const Counters &c) {
  std::string out;
  char row[256];
  auto add = [&](const char *format, auto... values) {
    snprintf(row, sizeof row, format, values...);
    out += row;
  };
  using ull = unsigned long long;
  add("kernel %s on %s, grid (%u, %u, %u), block (%u, %u, %u)\n", c.kernel.c_str(), c.arch.c_str(), c.grid[0],
      c.grid[1], c.grid[2], c.block[0], c.block[1], c.block[2]);
  add("%-28s %14llu  (%.1f active lanes)\n", "instructions of warps", ull(c.instructions), c.activeLanes());
  for (size_t p = 0; p < size_t(Pipe::count); p++)
    if (c.byPipe[p])
      add("  %-26s %14llu\n", pipeName(static_cast<Pipe>(p)), ull(c.byPipe[p]));
  if (c.barriers)
    add("%-28s %14llu\n", "barriers", ull(c.barriers));
  if (c.matrixOperations)
    add("%-28s %14llu  (%llu multiply-adds)\n", "matrix operations", ull(c.matrixOperations),
        ull(c.multiplyAdds));
  for (const MemoryCounts::Space &s : MemoryCounts::spaces)
    if (const MemoryCount &m = c.memory.*s.count; m.requests)
      add("%-6s %12llu requests %14llu bytes %12llu %s, ideal %llu (%.2f a request)\n", s.name,
          ull(m.requests), ull(m.bytes), ull(m.units), s.units, ull(m.ideal),
          double(m.units) / double(m.requests));
  out += "busy at least, if one multiprocessor ran all:\n";
  for (const UnitBound &b : c.bounds)
    add("  %-26s %14.0f clocks  (%llu instructions)\n", b.unit.c_str(), b.cycles, ull(b.instructions));
  std::vector<LineCounters> hottest = c.perLine.empty() ? c.perInstruction : c.perLine;
  std::stable_sort(hottest.begin(), hottest.end(),
                   [](auto &a, auto &b) { return a.instructions > b.instructions; });
  if (hottest.size() > 12)
    hottest.resize(12);
  out += "lines with the most instructions:\n";
  for (const LineCounters &l : hottest) {
    std::string place = l.sourceLine
                            ? l.file.substr(l.file.rfind('/') + 1) + ":" + std::to_string(l.sourceLine)
                            : "PTX line " + std::to_string(l.ptxLine);
    add("  %-34s %12llu  %5.1f lanes", place.c_str(), ull(l.instructions),
        double(l.lanes) / double(l.instructions));
    if (l.memory.global.requests)
      add("  %llu sectors, ideal %llu", ull(l.memory.global.units), ull(l.memory.global.ideal));
    if (l.memory.shared.requests)
      add("  %llu wavefronts, ideal %llu", ull(l.memory.shared.units), ull(l.memory.shared.ideal));
    out += "\n";
  }
  return out;
}

} // namespace tegula::ptx
