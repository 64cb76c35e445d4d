//===- Counters.h - what a launch did, counted ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The interpreter counts executions and lanes of each instruction, memory instructions also what they moved; everything
// else here is sums over the program's instructions, made when the launch is over. An execution is that of one split of
// a warp: a warp whose lanes disagree executes both sides.

#pragma once

#include "driver/emulator/ptx/Exec.h"

#include <string>
#include <vector>

namespace tegula::ptx {

struct Program;

/// Of one space. `units` are sectors of 32 bytes (global, local) or wavefronts (shared); `ideal` is how few would do.
struct MemoryCount {
  uint64_t requests = 0, units = 0, ideal = 0, bytes = 0;
  MemoryCount &operator+=(const MemoryCount &o) {
    requests += o.requests, units += o.units, ideal += o.ideal, bytes += o.bytes;
    return *this;
  }
};
struct MemoryCounts {
  MemoryCount global, shared, local;
  struct Space {
    const char *name, *units;
    MemoryCount MemoryCounts::*count;
  };
  static const Space spaces[3];
  MemoryCounts &operator+=(const MemoryCounts &o) {
    global += o.global, shared += o.shared, local += o.local;
    return *this;
  }
};
inline constexpr MemoryCounts::Space MemoryCounts::spaces[3] = {
    {"global", "sectors", &MemoryCounts::global},
    {"shared", "wavefronts", &MemoryCounts::shared},
    {"local", "sectors", &MemoryCounts::local},
};

/// An instruction, or a line of a source file.
struct LineCounters {
  std::string function, file;
  uint32_t ptxLine = 0, sourceLine = 0, block = 0;
  Pipe pipe = Pipe::alu;
  uint64_t instructions = 0, lanes = 0;
  MemoryCounts memory;
};

/// A basic block of PTX: from its first to its last line.
struct BlockCounters {
  std::string function, file;
  uint32_t block = 0, firstPtxLine = 0, lastPtxLine = 0, firstSourceLine = 0, lastSourceLine = 0;
  uint32_t size = 0;         ///< instructions in it
  uint64_t executions = 0;   ///< by warps
  uint64_t lanes = 0;        ///< in these
  uint64_t instructions = 0; ///< executed in it
};

/// How long a multiprocessor is busy at least, by one of its parts. The rates are in Throughput.def.
struct UnitBound {
  std::string unit;
  uint64_t instructions = 0; ///< of warps
  double cycles = 0;
};

struct Counters {
  std::string kernel, arch;
  uint32_t grid[3] = {0, 0, 0}, block[3] = {0, 0, 0};
  uint64_t instructions = 0; ///< of warps
  uint64_t lanes = 0;        ///< lane-instructions
  uint64_t byPipe[size_t(Pipe::count)] = {};
  MemoryCounts memory;
  uint64_t barriers = 0;                    ///< arrivals of warps
  uint64_t matrixOperations = 0;            ///< mma and wmma.mma
  uint64_t multiplyAdds = 0;                ///< in these
  std::vector<LineCounters> perInstruction; ///< those that ran, in the order of the text
  std::vector<LineCounters> perLine;        ///< by line of the source, where `.loc` gives it
  std::vector<BlockCounters> blocks;        ///< those that ran
  std::vector<UnitBound> bounds;            ///< the longest first
  double activeLanes() const { return instructions ? double(lanes) / double(instructions) : 0; }
};

const char *pipeName(Pipe pipe);

/// Makes the sums from the counts of each instruction (numbered across the functions of the program).
void sumUp(Counters &counters, const Program &program, const std::vector<uint32_t> &firstInstr,
           const std::vector<uint64_t> &executions, const std::vector<uint64_t> &lanes,
           const std::vector<MemoryCounts> &memory);

/// A table for people.
std::string table(const Counters &counters);

/// For programs: a JSON object in one line, without its end. The names are those of CounterNames.h.
std::string toJson(const Counters &counters);
/// Appends that line to the file; false, and errno, if it cannot.
bool appendJson(const std::string &path, const Counters &counters);

} // namespace tegula::ptx
