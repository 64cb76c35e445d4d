//===- Emulator.h - an emulated NVIDIA GPU that runs PTX text ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Global memory is the host's memory: an address in PTX is a host address. Ranges that kernels may touch are made known
// with `allocate` or `registerRange`; with checks on, an access outside of all of them is a finding.
//
//   Emulator gpu;
//   auto module = gpu.load(ptx, "sm_80");
//   Report report = gpu.launch(*module, "kernel", {.grid = {4, 1, 1}, .block = {128, 1, 1}}, arguments);

#pragma once

#include "driver/emulator/ptx/Program.h"
#include "ir/diag/Diagnostic.h"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace tegula::ptx {

enum class Checks : uint8_t { off, on, fatal };

struct LaunchSettings {
  uint32_t grid[3] = {1, 1, 1};
  uint32_t block[3] = {1, 1, 1};
  uint32_t sharedBytes = 0; ///< dynamic
  bool cooperative = false; ///< all blocks are resident at once
  Checks checks = Checks::off;
  bool counters = false;
  bool lazyAsync = true;                          ///< cp.async lands at its wait; else at once
  uint64_t seed = 0;                              ///< 0: warps in turn; else a random order and quantum
  unsigned threads = 0;                           ///< host threads; 0: one a core
  bool hardwareAccumulate = false;                ///< Accumulate::hardware of Matrix.h
  std::function<void(const std::string &)> print; ///< of vprintf; stdout where empty
};

/// Something that a check found.
struct Finding {
  std::string kind; ///< "global-out-of-bounds", "shared-race", …: the rows of Checks.def
  std::string text; ///< a sentence with kernel, line, block, thread and the other party
  std::string kernel, file;
  uint32_t ptxLine = 0, sourceLine = 0;
  uint32_t block[3] = {0, 0, 0}, thread[3] = {0, 0, 0};
  uint64_t count = 1; ///< how often at this line
};

/// What a fatal check throws.
class FindingError : public Error {
public:
  explicit FindingError(Finding finding)
      : Error(Diag::emulator_finding, {finding.kind, finding.text}), finding(std::move(finding)) {}
  const Finding finding;
};

struct LineCounters {
  uint32_t ptxLine = 0, sourceLine = 0, block = 0;
  uint64_t instructions = 0, lanes = 0;
};

struct Counters {
  uint64_t instructions = 0; ///< of warps
  uint64_t lanes = 0;        ///< lane-instructions
  uint64_t byPipe[size_t(Pipe::count)] = {};
  uint64_t globalRequests = 0, globalSectors = 0, globalSectorsIdeal = 0, globalBytes = 0;
  uint64_t sharedRequests = 0, sharedWavefronts = 0, sharedWavefrontsIdeal = 0, sharedBytes = 0;
  uint64_t barriers = 0;
  std::vector<LineCounters> lines; ///< one for each instruction that ran
};

struct Report {
  std::vector<Finding> findings;
  Counters counters;
};

const char *pipeName(Pipe pipe);

/// A module in the emulator's memory.
class LoadedModule {
public:
  const Program &program() const { return *decoded; }
  const Routine *entry(std::string_view name) const;
  /// Host address and size of a global or const variable; {0, 0} if there is none.
  std::pair<uint64_t, uint64_t> variable(std::string_view name) const;

private:
  friend class Emulator;
  std::unique_ptr<Program> decoded;
  struct Placed {
    std::string name;
    std::unique_ptr<uint8_t[]> memory;
    uint64_t address = 0, bytes = 0;
  };
  std::vector<Placed> variables;
};

class Emulator {
public:
  /// `arch`: "sm_75", "sm_80", "sm_86", "sm_87", "sm_89". Throws tegula::Error.
  std::shared_ptr<LoadedModule> load(std::string ptx, const std::string &arch, std::string name = "<ptx>");
  /// `arguments`: the bytes of the kernel's parameters, laid out as PTX says. Throws for a wrong launch and for traps.
  Report launch(const LoadedModule &module, const std::string &entry, const LaunchSettings &settings,
                const std::vector<uint8_t> &arguments);

  uint64_t allocate(uint64_t bytes); ///< 256-byte aligned, uninitialised for the checks
  void release(uint64_t address);    ///< kept for a while, to find uses after it
  void registerRange(uint64_t address, uint64_t bytes, std::string name);
  void unregisterRange(uint64_t address);

  struct Range {
    uint64_t begin = 0, end = 0;
    bool freed = false, owned = false;
    std::string name;
  };
  /// Every range of now, sorted.
  std::vector<Range> ranges() const;

private:
  mutable std::mutex mutex;
  std::map<uint64_t, Range> table;
};

} // namespace tegula::ptx
