//===- Reports.cpp - what checks found and what launches counted ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Reports.h"
#include "driver/emulator/cuda/Driver.h"

#include <map>
#include <mutex>

namespace tegula::cuda {

namespace {
struct Kept {
  std::mutex mutex;
  std::map<std::tuple<std::string, std::string, uint32_t>, ptx::Finding>
      fresh; ///< by kind, kernel and PTX line
};
Kept &kept() {
  static Kept &it = *new Kept;
  return it;
}

} // namespace

static void appendCounters(const ptx::Counters &counters) {
  const std::string &path = Driver::get().countersFile();
  if (!ptx::appendJson(path, counters))
    sayOnce("counters", "counters cannot be written to " + path);
}

void keepReport(const ptx::LaunchSettings &settings, ptx::Report report) {
  if (settings.counters)
    appendCounters(report.counters);
  if (report.findings.empty())
    return;
  Kept &k = kept();
  std::lock_guard lock(k.mutex);
  for (ptx::Finding &f : report.findings) {
    auto [at, isNew] = k.fresh.try_emplace({f.kind, f.kernel, f.ptxLine}, f);
    if (!isNew)
      at->second.count += f.count;
  }
}

void printFindings() {
  Kept &k = kept();
  decltype(k.fresh) fresh;
  {
    std::lock_guard lock(k.mutex);
    fresh.swap(k.fresh);
  }
  for (auto &[key, f] : fresh)
    say(f.kind + ": " + f.text +
        (f.count > 1 ? " (" + std::to_string(f.count) + " times at this place)" : ""));
}

} // namespace tegula::cuda
