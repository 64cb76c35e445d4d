//===- Reports.cpp - what checks found and what launches counted ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Reports.h"
#include "driver/emulator/cuda/Driver.h"

#include <fcntl.h>
#include <map>
#include <mutex>
#include <sstream>
#include <unistd.h>

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

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (static_cast<unsigned char>(c) < 32) {
      char escape[8];
      snprintf(escape, sizeof escape, "\\u%04x", c);
      out += escape;
    } else
      out += c;
  }
  return out + '"';
}

std::string triple(const uint32_t *v) {
  return "[" + std::to_string(v[0]) + ", " + std::to_string(v[1]) + ", " + std::to_string(v[2]) + "]";
}
} // namespace

static std::string toJson(const std::string &kernel, const ptx::LaunchSettings &s, const ptx::Counters &c) {
  std::ostringstream out;
  out << "{\"kernel\": " << quoted(kernel) << ", \"grid\": " << triple(s.grid)
      << ", \"block\": " << triple(s.block) << ", \"shared\": " << s.sharedBytes
      << ", \"instructions\": " << c.instructions << ", \"lane_instructions\": " << c.lanes
      << ", \"by_pipe\": {";
  const char *comma = "";
  for (size_t p = 0; p < size_t(ptx::Pipe::count); p++)
    if (c.byPipe[p]) {
      out << comma << quoted(ptx::pipeName(static_cast<ptx::Pipe>(p))) << ": " << c.byPipe[p];
      comma = ", ";
    }
  out << "}";
  const std::pair<const char *, const ptx::MemoryCount &> spaces[] = {
      {"global", c.memory.global}, {"shared", c.memory.shared}, {"local", c.memory.local}};
  for (auto &[space, m] : spaces) {
    const char *unit = space == std::string("shared") ? "wavefronts" : "sectors";
    out << ", \"" << space << "_requests\": " << m.requests << ", \"" << space << "_" << unit << "\": " << m.units
        << ", \"" << space << "_" << unit << "_ideal\": " << m.ideal << ", \"" << space << "_bytes\": " << m.bytes;
  }
  out << ", \"barriers\": " << c.barriers << ", \"matrix_operations\": " << c.matrixOperations << "}\n";
  return out.str();
}

static void appendCounters(const std::string &line) {
  const std::string &path = Driver::get().countersFile();
  // One write, so that lines of several processes do not mix.
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0 || write(file, line.data(), line.size()) != ssize_t(line.size()))
    sayOnce("counters", "counters cannot be written to " + path);
  if (file >= 0)
    close(file);
}

void keepReport(const std::string &kernel, const ptx::LaunchSettings &settings, ptx::Report report) {
  if (settings.counters)
    appendCounters(toJson(kernel, settings, report.counters));
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
