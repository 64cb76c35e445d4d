//===- Emulator.cpp - modules, memory, launches ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Emulator.h"
#include "driver/emulator/ptx/Boards.h"
#include "driver/emulator/ptx/Machine.h"
#include "driver/emulator/ptx/Processor.h"
#include "ir/diag/Diagnostic.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace tegula::ptx {

// --- Modules

const Routine *LoadedModule::entry(std::string_view name) const {
  const Routine *r = decoded->find(name);
  return r && r->isEntry ? r : nullptr;
}

std::pair<uint64_t, uint64_t> LoadedModule::variable(std::string_view name) const {
  for (const Placed &p : variables)
    if (p.name == name)
      return {p.address, p.bytes};
  return {0, 0};
}

static int smOf(const std::string &arch) {
  if (const Board *board = boardOf(arch))
    return board->sm;
  throw Error(Diag::emulator_arch, {arch});
}

std::shared_ptr<LoadedModule> Emulator::load(std::string ptx, const std::string &arch, std::string name) {
  requireProcessor();
  auto loaded = std::make_shared<LoadedModule>();
  DecodeOptions options;
  options.sm = smOf(arch);
  options.place = [&](const tegula::ptx::Variable &v) -> uint64_t {
    uint64_t align = std::max<uint64_t>(v.align, 16);
    LoadedModule::Placed placed;
    placed.name = std::string(v.name);
    placed.bytes = v.bytes;
    placed.constant = v.space == Space::constant;
    placed.memory = std::make_unique<uint8_t[]>(v.bytes + align + 16);
    placed.address = (reinterpret_cast<uint64_t>(placed.memory.get()) + align - 1) & ~(align - 1);
    uint64_t address = placed.address;
    loaded->variables.push_back(std::move(placed));
    return address;
  };
  loaded->decoded = decode(parse(std::move(ptx), std::move(name)), options);
  return loaded;
}

// --- Memory

/// A byte for each of a fresh range.
static std::shared_ptr<uint8_t[]> nothingWritten(uint64_t bytes, bool fresh) {
  return fresh ? std::make_shared<uint8_t[]>(std::max<uint64_t>(bytes, 1)) : nullptr;
}

uint64_t Emulator::allocate(uint64_t bytes, bool fresh) {
  uint64_t size = (bytes + 511) & ~uint64_t(255); // room behind, so that neighbours never touch
  void *memory = std::aligned_alloc(256, size);
  if (!memory)
    return 0;
  uint64_t address = reinterpret_cast<uint64_t>(memory);
  std::lock_guard lock(mutex);
  // The host may hand out again what was released long ago.
  auto from = table.lower_bound(address);
  while (from != table.end() && from->first < address + size)
    from = table.erase(from);
  table[address] = {
      address, address + bytes, false, true, false, "an allocation", nothingWritten(bytes, fresh)};
  return address;
}

bool Emulator::release(uint64_t address, bool later) {
  std::lock_guard lock(mutex);
  auto it = table.find(address);
  if (it == table.end() || !it->second.owned || it->second.freed)
    return false;
  if (!later)
    std::free(reinterpret_cast<void *>(address));
  it->second.freed = true;
  it->second.written = nullptr; // as large as the allocation; a launch that looks has its own hold on it
  return true;
}

void Emulator::registerRange(uint64_t address, uint64_t bytes, std::string name, bool fresh) {
  std::lock_guard lock(mutex);
  auto it = table.find(address);
  if (it != table.end() && !it->second.freed && it->second.end >= address + bytes)
    return;
  // What was released there long ago is the host's again.
  for (auto from = table.lower_bound(address); from != table.end() && from->first < address + bytes;)
    from = from->second.freed ? table.erase(from) : std::next(from);
  table[address] = {
      address, address + bytes, false, false, false, std::move(name), nothingWritten(bytes, fresh)};
}

void Emulator::written(uint64_t address, uint64_t bytes) {
  std::lock_guard lock(mutex);
  auto after = table.upper_bound(address);
  if (after == table.begin())
    return;
  Range &range = std::prev(after)->second;
  if (range.written && address < range.end)
    memset(range.written.get() + (address - range.begin), 1, std::min(bytes, range.end - address));
}

bool Emulator::find(uint64_t address, Range &range) const {
  std::lock_guard lock(mutex);
  auto after = table.upper_bound(address);
  if (after == table.begin() || address >= std::prev(after)->second.end)
    return false;
  range = std::prev(after)->second;
  return true;
}

void Emulator::unregisterRange(uint64_t address) {
  std::lock_guard lock(mutex);
  table.erase(address);
}

std::vector<Emulator::Range> Emulator::ranges() const {
  std::lock_guard lock(mutex);
  std::vector<Range> all;
  for (auto &[begin, range] : table)
    all.push_back(range);
  return all;
}

// --- Launches

static void checkLaunch(const Routine &entry, const LaunchSettings &s, uint32_t shared, int sm,
                        size_t arguments) {
  auto refuse = [&](const std::string &why) { throw Error(Diag::emulator_launch, {entry.name, why}); };
  uint64_t threads = uint64_t(s.block[0]) * s.block[1] * s.block[2];
  if (!threads || !s.grid[0] || !s.grid[1] || !s.grid[2])
    refuse("a size of the grid or the block is 0");
  if (threads > 1024 || s.block[2] > 64 || s.block[0] > 1024 || s.block[1] > 1024)
    refuse("a block of " + std::to_string(threads) + " threads; the most is 1024");
  if (s.grid[0] > 0x7fffffff || s.grid[1] > 65535 || s.grid[2] > 65535)
    refuse("the grid is too large");
  if (int most = boardOf(sm)->attribute(Attribute::MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
      shared > uint32_t(most))
    refuse(std::to_string(shared) + " bytes of shared memory; sm_" + std::to_string(sm) + " has " +
           std::to_string(most));
  if (arguments < entry.argumentBytes)
    refuse("its parameters take " + std::to_string(entry.argumentBytes) + " bytes, " +
           std::to_string(arguments) + " were given");
  if (!entry.ast)
    return;
  const uint32_t *most = entry.ast->maxThreads, *required = entry.ast->requiredThreads;
  if (most[0] && threads > uint64_t(most[0]) * std::max(most[1], 1u) * std::max(most[2], 1u))
    refuse("a block of " + std::to_string(threads) + " threads; its .maxntid allows " +
           std::to_string(uint64_t(most[0]) * std::max(most[1], 1u) * std::max(most[2], 1u)));
  for (int d = 0; d < 3; d++)
    if (required[0] && s.block[d] != std::max(required[d], 1u))
      refuse("the block differs from its .reqntid");
}

Report Emulator::launch(const LoadedModule &module, const std::string &name, const LaunchSettings &settings,
                        const std::vector<uint8_t> &arguments) {
  const Routine *entry = module.entry(name);
  if (!entry) {
    std::string names;
    for (const Routine &r : module.program().routines)
      if (r.isEntry)
        names += (names.empty() ? "" : ", ") + r.name;
    throw Error(Diag::emulator_no_kernel, {name, names.empty() ? "none" : names});
  }
  LaunchState launch;
  launch.emulator = this;
  launch.module = &module;
  launch.entry = entry;
  launch.settings = settings;
  launch.arguments = arguments;
  launch.sharedBytes =
      settings.sharedBytes ? entry->dynamicSharedOffset + settings.sharedBytes : entry->sharedBytes;
  launch.sharedBytes = std::max(launch.sharedBytes, entry->sharedBytes);
  checkLaunch(*entry, settings, launch.sharedBytes, module.program().sm, arguments.size());
  launch.threadsPerBlock = settings.block[0] * settings.block[1] * settings.block[2];
  launch.warpsPerBlock = (launch.threadsPerBlock + warpSize - 1) / warpSize;
  launch.blocks = uint64_t(settings.grid[0]) * settings.grid[1] * settings.grid[2];
  launch.checks = settings.checks.mode != Checks::off;
  launch.fromHeap = usesHeap.load();
  launch.ranges = ranges();
  for (auto &range : launch.ranges)
    launch.anyFresh = launch.anyFresh || range.written;
  for (auto &v : module.variables)
    launch.ranges.push_back(
        {v.address, v.address + v.bytes, false, false, v.constant, "variable `" + v.name + "`", nullptr});
  if (uint64_t at = reinterpret_cast<uint64_t>(launch.gridWorkspace); settings.cooperative)
    launch.ranges.push_back(
        {at, at + sizeof launch.gridWorkspace, false, false, false, "the workspace of grid.sync()", nullptr});
  std::sort(launch.ranges.begin(), launch.ranges.end(), [](auto &a, auto &b) { return a.begin < b.begin; });
  runLaunch(launch);
  usesHeap = launch.fromHeap.load();
  for (uint64_t address : launch.freed)
    std::free(reinterpret_cast<void *>(address));
  if (launch.failure)
    std::rethrow_exception(launch.failure);
  Report report;
  report.counters = std::move(launch.counters);
  report.counters.kernel = entry->name;
  report.counters.arch = "sm_" + std::to_string(module.program().sm);
  std::copy(settings.grid, settings.grid + 3, report.counters.grid);
  std::copy(settings.block, settings.block + 3, report.counters.block);
  for (auto &[key, finding] : launch.findings)
    report.findings.push_back(std::move(finding));
  return report;
}

} // namespace tegula::ptx
