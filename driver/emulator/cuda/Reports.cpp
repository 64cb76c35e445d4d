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

/// Writes JSON from first to last; the keys are those of tegula.emulator's reports.
class Json {
public:
  std::string text;

  template <typename Body> Json &object(Body body) { return nest('{', '}', body); }
  template <typename Items, typename Each> Json &list(const Items &items, Each each) {
    return nest('[', ']', [&] {
      for (auto &item : items)
        separate(), each(item);
    });
  }
  Json &key(std::string_view name) {
    separate();
    text += quoted(name) + ": ";
    return *this;
  }
  Json &value(uint64_t number) {
    text += std::to_string(number);
    return *this;
  }
  Json &value(double number) {
    char digits[32];
    snprintf(digits, sizeof digits, "%.17g", number);
    text += digits;
    return *this;
  }
  Json &value(std::string_view string) {
    text += quoted(string);
    return *this;
  }
  template <size_t n> Json &value(const uint32_t (&numbers)[n]) {
    return list(numbers, [&](uint32_t number) { value(uint64_t(number)); });
  }

private:
  bool first = true;
  void separate() {
    if (!first)
      text += ", ";
    first = false;
  }
  template <typename Body> Json &nest(char open, char close, Body body) {
    text += open;
    first = true;
    body();
    text += close;
    first = false;
    return *this;
  }
};

void put(Json &json, const char *key, const ptx::MemoryCount &m, const char *units) {
  json.key(key).object([&] {
    json.key("requests").value(m.requests).key(units).value(m.units);
    json.key("ideal").value(m.ideal).key("bytes").value(m.bytes);
  });
}

void put(Json &json, const ptx::LineCounters &l, bool isInstruction) {
  json.object([&] {
    json.key("file").value(l.file).key("line").value(uint64_t(l.sourceLine));
    if (isInstruction) {
      json.key("function").value(l.function).key("ptx_line").value(uint64_t(l.ptxLine));
      json.key("block").value(uint64_t(l.block)).key("class").value(std::string_view(ptx::pipeName(l.pipe)));
    }
    json.key("instructions").value(l.instructions).key("lanes").value(l.lanes);
    if (l.memory.global.requests)
      put(json, "global", l.memory.global, "sectors");
    if (l.memory.shared.requests)
      put(json, "shared", l.memory.shared, "wavefronts");
    if (l.memory.local.requests)
      put(json, "local", l.memory.local, "sectors");
  });
}

void put(Json &json, const ptx::BlockCounters &b) {
  const uint32_t ptxLines[] = {b.firstPtxLine, b.lastPtxLine},
                 lines[] = {b.firstSourceLine, b.lastSourceLine};
  json.object([&] {
    json.key("function").value(b.function).key("block").value(uint64_t(b.block));
    json.key("ptx_lines").value(ptxLines).key("file").value(b.file).key("lines").value(lines);
    json.key("size").value(uint64_t(b.size)).key("executions").value(b.executions);
    json.key("lanes").value(b.lanes).key("instructions").value(b.instructions);
  });
}
} // namespace

static std::string toJson(const ptx::Counters &c) {
  Json json;
  json.object([&] {
    json.key("kernel").value(c.kernel).key("arch").value(c.arch).key("grid").value(c.grid);
    json.key("block").value(c.block).key("instructions").value(c.instructions);
    json.key("lane_instructions").value(c.lanes).key("active_lanes").value(c.activeLanes());
    json.key("by_class").object([&] {
      for (size_t p = 0; p < size_t(ptx::Pipe::count); p++)
        if (c.byPipe[p])
          json.key(ptx::pipeName(static_cast<ptx::Pipe>(p))).value(c.byPipe[p]);
    });
    put(json, "global", c.memory.global, "sectors");
    put(json, "shared", c.memory.shared, "wavefronts");
    put(json, "local", c.memory.local, "sectors");
    json.key("barriers").value(c.barriers).key("matrix_operations").value(c.matrixOperations);
    json.key("multiply_adds").value(c.multiplyAdds);
    json.key("by_unit").object([&] {
      for (const ptx::UnitBound &b : c.bounds)
        json.key(b.unit).object(
            [&] { json.key("instructions").value(b.instructions).key("clocks").value(b.cycles); });
    });
    json.key("by_instruction").list(c.perInstruction, [&](auto &l) { put(json, l, true); });
    json.key("by_line").list(c.perLine, [&](auto &l) { put(json, l, false); });
    json.key("by_block").list(c.blocks, [&](auto &b) { put(json, b); });
  });
  return json.text + '\n';
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

void keepReport(const ptx::LaunchSettings &settings, ptx::Report report) {
  if (settings.counters)
    appendCounters(toJson(report.counters));
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
