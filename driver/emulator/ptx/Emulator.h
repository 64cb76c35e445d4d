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

#include "driver/emulator/ptx/Checks.h"
#include "driver/emulator/ptx/Counters.h"
#include "driver/emulator/ptx/Program.h"
#include "ir/diag/Diagnostic.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace tegula::ptx {

struct LaunchSettings {
  uint32_t grid[3] = {1, 1, 1};
  uint32_t block[3] = {1, 1, 1};
  uint32_t sharedBytes = 0; ///< dynamic
  bool cooperative = false; ///< all blocks are resident at once
  ChecksWanted checks;
  bool counters = false;
  bool lazyAsync = true;                          ///< cp.async lands at its wait; else at once
  uint64_t seed = 0;                              ///< 0: warps in turn; else a random order and quantum
  unsigned threads = 0;                           ///< host threads; 0: one a core
  bool hardwareAccumulate = false;                ///< Accumulate::hardware of Matrix.h
  std::function<void(const std::string &)> print; ///< of vprintf; stdout where empty
  bool hostWrites =
      false; ///< the host may write to memory while kernels run: what spins is not taken for a deadlock
  uint64_t instructionLimit = 0; ///< instructions of warps, about; an error beyond; 0: none
  std::function<bool()>
      interrupted; ///< asked every 50 ms or so by the thread that launches: true ends the launch
};

/// Who else took part in a race.
struct OtherParty {
  std::string who, where; ///< in words
  std::string file;
  uint32_t ptxLine = 0, line = 0;
  uint32_t block[3] = {0, 0, 0}, thread[3] = {0, 0, 0};
};

/// Something that a check found.
struct Finding {
  std::string kind; ///< "global-out-of-bounds", "shared-race", …: the rows of Checks.def
  std::string text; ///< a sentence with kernel, line, block, thread and the other party
  std::string kernel, file;
  uint32_t ptxLine = 0, sourceLine = 0;
  uint32_t block[3] = {0, 0, 0}, thread[3] = {0, 0, 0};
  bool hasOther = false;
  OtherParty other;
  uint64_t count = 1; ///< how often at this line
};

/// What a fatal check throws.
class FindingError : public Error {
public:
  explicit FindingError(Finding finding)
      : Error(Diag::emulator_finding, {finding.kind, finding.text}), finding(std::move(finding)) {}
  const Finding finding;
};

struct Report {
  std::vector<Finding> findings;
  Counters counters;
};

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
    bool constant = false;
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

  /// 256-byte aligned. `fresh`: the checks report reads of what neither a kernel nor `written` has written.
  uint64_t allocate(uint64_t bytes, bool fresh = false);
  /// Its place stays known, to find uses after it; `later`: the caller frees it. False if it is no live allocation.
  bool release(uint64_t address, bool later = false);
  void registerRange(uint64_t address, uint64_t bytes, std::string name, bool fresh = false);
  /// The host has written there.
  void written(uint64_t address, uint64_t bytes);
  void unregisterRange(uint64_t address);

  struct Range {
    uint64_t begin = 0, end = 0;
    bool freed = false, owned = false, constant = false;
    std::string name;
    std::shared_ptr<uint8_t[]> written; ///< of fresh ranges: a byte for each
  };
  /// The range that holds the address; false if none does.
  bool find(uint64_t address, Range &range) const;
  /// Every range of now, sorted.
  std::vector<Range> ranges() const;

private:
  mutable std::mutex mutex;
  std::map<uint64_t, Range> table;
  std::atomic<bool> usesHeap{false};
};

} // namespace tegula::ptx
