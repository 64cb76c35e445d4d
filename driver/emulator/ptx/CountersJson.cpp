//===- CountersJson.cpp - what a launch did, as JSON ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/CounterNames.h"

#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace tegula::ptx {

namespace {

/// What visit() writes: an object, from first to last.
class Json {
public:
  std::string text = "{";

  template <typename T> void value(const char *name, const T &v) {
    key(name);
    put(v);
  }
  template <typename Body> void object(const char *name, Body body) {
    key(name);
    nest('{', '}', [&] { body(*this); });
  }
  template <typename Items, typename Each> void list(const char *name, const Items &items, Each each) {
    key(name);
    nest('[', ']', [&] {
      for (auto &item : items) {
        separate();
        nest('{', '}', [&] { each(*this, item); });
      }
    });
  }

private:
  bool first = true;

  void separate() {
    if (!first)
      text += ", ";
    first = false;
  }
  template <typename Body> void nest(char open, char close, Body body) {
    text += open;
    first = true;
    body();
    text += close;
    first = false;
  }
  void key(const char *name) {
    separate();
    put(std::string_view(name));
    text += ": ";
  }
  void put(uint64_t number) { text += std::to_string(number); }
  void put(uint32_t number) { text += std::to_string(number); }
  void put(double number) {
    char digits[32];
    snprintf(digits, sizeof digits, "%.17g", number);
    text += digits;
  }
  void put(std::string_view string) {
    text += '"';
    for (char c : string) {
      if (c == '"' || c == '\\')
        text += '\\';
      if (static_cast<unsigned char>(c) < 32) {
        char escape[8];
        snprintf(escape, sizeof escape, "\\u%04x", c);
        text += escape;
      } else {
        text += c;
      }
    }
    text += '"';
  }
  template <size_t n> void put(const uint32_t (&numbers)[n]) {
    nest('[', ']', [&] {
      for (uint32_t number : numbers)
        separate(), put(number);
    });
  }
};

} // namespace

std::string toJson(const Counters &counters) {
  Json json;
  visit(json, counters);
  return json.text + '}';
}

bool appendJson(const std::string &path, const Counters &counters) {
  std::string line = toJson(counters) + '\n';
  // One write, so that lines of several processes do not mix.
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0)
    return false;
  bool ok = write(file, line.data(), line.size()) == ssize_t(line.size());
  return close(file) == 0 && ok;
}

} // namespace tegula::ptx
