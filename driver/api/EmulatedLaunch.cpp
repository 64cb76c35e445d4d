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

#include "llvm/Support/JSON.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tegula::api {

static thread_local std::vector<EmulatedLaunch> *recorder = nullptr;

void recordEmulatedInto(std::vector<EmulatedLaunch> *list) { recorder = list; }

ptx::Checks emulatorChecks(const std::string &text) {
  if (text == "off")
    return ptx::Checks::off;
  if (text == "on")
    return ptx::Checks::on;
  if (text == "fatal")
    return ptx::Checks::fatal;
  throw Error(Diag::setting_bad_value, {"TEGULA_EMU_CHECKS", text, "off, on or fatal"});
}

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

static llvm::json::Object jsonOf(const ptx::Counters &c) {
  llvm::json::Object pipes;
  for (size_t p = 0; p < size_t(ptx::Pipe::count); ++p)
    if (c.byPipe[p])
      pipes[ptx::pipeName(ptx::Pipe(p))] = c.byPipe[p];
  return llvm::json::Object{{"instructions", c.instructions},
                            {"lane_instructions", c.lanes},
                            {"by_pipe", std::move(pipes)},
                            {"global_requests", c.globalRequests},
                            {"global_sectors", c.globalSectors},
                            {"global_sectors_ideal", c.globalSectorsIdeal},
                            {"global_bytes", c.globalBytes},
                            {"shared_requests", c.sharedRequests},
                            {"shared_wavefronts", c.sharedWavefronts},
                            {"shared_wavefronts_ideal", c.sharedWavefrontsIdeal},
                            {"shared_bytes", c.sharedBytes},
                            {"barriers", c.barriers}};
}

/// One line of JSON a launch.
static void writeCounters(const std::string &path, const EmulatedLaunch &launch) {
  llvm::json::Value line =
      llvm::json::Object{{"kernel", launch.kernel},
                         {"device", launch.device},
                         {"grid", llvm::json::Array{launch.grid[0], launch.grid[1], launch.grid[2]}},
                         {"block", llvm::json::Array{launch.numWarps * 32, 1, 1}},
                         {"counters", jsonOf(launch.report.counters)}};
  std::string text;
  llvm::raw_string_ostream(text) << line << '\n';
  FILE *file = std::fopen(path.c_str(), "ae");
  bool ok = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if ((file && std::fclose(file) != 0) || !ok)
    throw Error(Diag::emulated_counters, {path, std::strerror(errno)});
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
  options.checks = emulatorChecks(chosen.emuChecks);
  options.counters = recorder || !chosen.emuCounters.empty();
  options.lazyAsync = chosen.emuLazy;
  options.seed = uint64_t(chosen.emuSeed);
  options.threads = unsigned(cpu::numThreads());
  std::string printed;
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
  if (!chosen.emuCounters.empty())
    writeCounters(chosen.emuCounters, done);
  if (recorder)
    recorder->push_back(std::move(done));
}

} // namespace tegula::api
