//===- EmulatedLaunch.cpp - launches on emulated GPUs ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/EmulatedLaunch.h"

#include "driver/cpu/Grid.h"
#include "driver/cpu/Pool.h"
#include "ir/ForkSafe.h"
#include "ir/Settings.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tegula::api {

static thread_local std::vector<EmulatedLaunch> *recorder = nullptr;

void recordEmulatedInto(std::vector<EmulatedLaunch> *list) { recorder = list; }

std::shared_ptr<ptx::LoadedModule> loadEmulated(const Image &image, const Device &device) {
  return ptx::Emulator().load(image.kept.at(Stage::Ptx), device.name.substr(device.name.find(':') + 1),
                              image.entry);
}

//===----------------------------------------------------------------------===//
// What goes in
//===----------------------------------------------------------------------===//

/// The slots as the bytes of the kernel's parameters.
static std::vector<uint8_t> packArguments(const EmulatedKernel &kernel, const ptx::Routine &entry,
                                          const uint64_t *slots) {
  if (entry.params.size() != kernel.names.size())
    throw Error(Diag::emulator_launch, {kernel.image.entry, "it has " + std::to_string(entry.params.size()) +
                                                                " parameters, the kernel has " +
                                                                std::to_string(kernel.names.size())});
  std::vector<uint8_t> bytes(entry.argumentBytes);
  for (size_t i = 0; i < entry.params.size(); ++i)
    std::memcpy(bytes.data() + entry.params[i].offset, &slots[i],
                std::min<size_t>(entry.params[i].bytes, sizeof slots[i]));
  return bytes;
}

namespace {
struct Reach {
  uint64_t low, high;
  std::string name;
};
struct Shared {
  ForkSafeMutex mutex;
  std::vector<Reach> list;
};
} // namespace

static Shared &shared() {
  static Shared &it = *new Shared;
  return it;
}

void shareMemory(uint64_t low, uint64_t high) {
  std::lock_guard lock(shared().mutex);
  shared().list.push_back({low, high, "shared memory of the host"});
}

void unshareMemory(uint64_t low, uint64_t high) {
  std::lock_guard lock(shared().mutex);
  auto &list = shared().list;
  auto at = std::find_if(list.begin(), list.end(), [&](auto &r) { return r.low == low && r.high == high; });
  if (at != list.end())
    list.erase(at);
}

/// What the kernel may touch, as ranges that do not overlap: where arguments do, they are one.
static std::vector<Reach> reachOf(const EmulatedKernel &kernel, const Launch &launch) {
  constexpr uint64_t unknownExtent = uint64_t(1) << 40;
  std::vector<Reach> all;
  {
    std::lock_guard lock(shared().mutex);
    all = shared().list;
  }
  for (size_t i = 0; i < launch.rangeCount; ++i) {
    const ArgumentRange &range = launch.ranges[i];
    bool known = range.low != 0 || range.high != 0;
    uint64_t low = known ? range.low : launch.slots[range.argument];
    uint64_t high = known ? range.high : low + unknownExtent;
    all.push_back({low, high, "argument '" + kernel.names[range.argument] + "'"});
  }
  std::stable_sort(all.begin(), all.end(), [](auto &a, auto &b) { return a.low < b.low; });
  std::vector<Reach> merged;
  for (Reach &each : all) {
    if (merged.empty() || each.low >= merged.back().high) {
      merged.push_back(std::move(each));
      continue;
    }
    Reach &last = merged.back();
    last.high = std::max(last.high, each.high);
    if (last.name.find(each.name) == std::string::npos)
      last.name += " and " + each.name;
  }
  return merged;
}

//===----------------------------------------------------------------------===//
// What comes out
//===----------------------------------------------------------------------===//

/// The text of a finding as an error at its line in the kernel's source, where that is known.
[[noreturn]] static void failFinding(const EmulatedKernel &kernel, const ptx::FindingError &error) {
  const ptx::Finding &finding = error.finding;
  const SourceFile &source = kernel.source;
  int line = int(finding.sourceLine) - source.firstLine;
  Span span;
  if (finding.sourceLine && line >= 0 && finding.file == source.file) {
    size_t begin = 0;
    while (line-- > 0 && begin != source.text.npos)
      begin = source.text.find('\n', begin) + 1;
    size_t end = std::min(source.text.find('\n', begin), source.text.size());
    begin = std::min(source.text.find_first_not_of(' ', begin), end);
    span = {&source, uint32_t(begin), uint32_t(end)};
  }
  throw Error(Diag::emulator_finding, span, {finding.kind, finding.text});
}

static void tellFindings(const Device &device, const ptx::Report &report) {
  for (const ptx::Finding &finding : report.findings) {
    std::string times = finding.count > 1 ? " (" + std::to_string(finding.count) + " times)" : "";
    std::fprintf(stderr, "tegula: %s: %s: %s%s\n", device.name.c_str(), finding.kind.c_str(),
                 finding.text.c_str(), times.c_str());
  }
}

//===----------------------------------------------------------------------===//
// The launch
//===----------------------------------------------------------------------===//

void launchEmulated(const EmulatedKernel &kernel, const Device &device, const Launch &launch) {
  Settings chosen = settings();
  const ptx::Routine *entry = kernel.module.entry(kernel.image.entry);
  if (!entry)
    throw Error(Diag::emulator_no_kernel, {kernel.image.entry, "another"});
  ptx::LaunchSettings options;
  for (size_t axis = 0; axis < 3; ++axis)
    options.grid[axis] = uint32_t(launch.grid[axis]);
  options.block[0] = uint32_t(kernel.image.numWarps * 32);
  options.sharedBytes = uint32_t(kernel.image.sharedBytes);
  options.cooperative = launch.cooperative;
  options.checks = ptx::parseChecks(chosen.emuChecks);
  options.counters = recorder || !chosen.emuCounters.empty();
  options.lazyAsync = chosen.emuLazy;
  options.seed = uint64_t(chosen.emuSeed);
  options.threads = unsigned(cpu::numThreads());
  std::string printed;
  options.interrupted = [poll = cpu::InterruptPoll()] { return poll.ask(); };
  options.print = [&printed](const std::string &text) { printed += text; };
  // A device of this launch alone: launches at once do not see each other's arguments.
  ptx::Emulator emulator;
  for (const Reach &reach : reachOf(kernel, launch))
    emulator.registerRange(reach.low, reach.high - reach.low, reach.name);
  EmulatedLaunch done{kernel.name, device.name, launch.grid, kernel.image.numWarps, {}};
  // What was printed comes before the error that ended the kernel.
  auto flush = [&] {
    if (!printed.empty())
      cpu::writeOut(printed);
    printed.clear();
  };
  try {
    done.report = emulator.launch(kernel.module, kernel.image.entry, options,
                                  packArguments(kernel, *entry, launch.slots));
  } catch (const ptx::FindingError &error) {
    flush();
    failFinding(kernel, error);
  } catch (...) {
    flush();
    throw;
  }
  flush();
  tellFindings(device, done.report);
  if (const std::string &path = chosen.emuCounters;
      !path.empty() && !ptx::appendJson(path, done.report.counters))
    throw Error(Diag::emulated_counters, {path, std::strerror(errno)});
  if (recorder)
    recorder->push_back(std::move(done));
}

} // namespace tegula::api
