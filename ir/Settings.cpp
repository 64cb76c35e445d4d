//===- Settings.cpp - settings from the environment and from knobs ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/Settings.h"

#include "ir/ForkSafe.h"
#include "ir/diag/Diagnostic.h"

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <memory>

namespace tegula {

//===----------------------------------------------------------------------===//
// Text to value and back, one overload a type of the table
//===----------------------------------------------------------------------===//

/// Sets `out`, or returns what was expected instead of `text`.
static const char *parse(std::string_view text, bool &out) {
  for (const char *yes : {"1", "true", "True", "yes", "on"})
    if (text == yes)
      return out = true, nullptr;
  for (const char *no : {"0", "false", "False", "no", "off"})
    if (text == no)
      return out = false, nullptr;
  return "1 or 0 (true, false, on, off, yes, no)";
}

static const char *parse(std::string_view text, int &out) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    return "an integer from 0 to 2147483647";
  out = value;
  return nullptr;
}

static const char *parse(std::string_view text, std::string &out) {
  if (text.find('\0') != text.npos)
    return "a text without a zero byte";
  out = text;
  return nullptr;
}

static std::string print(bool value) { return value ? "1" : "0"; }
static std::string print(int value) { return std::to_string(value); }
static std::string print(const std::string &value) { return value; }

//===----------------------------------------------------------------------===//
// The current snapshot
//===----------------------------------------------------------------------===//

namespace {
struct State {
  ForkSafeMutex mutex;
  std::shared_ptr<const Settings> current; ///< null: the environment is to be read
};
std::atomic<unsigned> epoch{1};

State &state() {
  static State &it = *new State;
  return it;
}
} // namespace

/// An empty variable counts as unset, as in most tools that users know.
template <typename T> static void readVariable(const char *name, T &field) {
  const char *text = std::getenv(name);
  if (!text || !*text)
    return;
  if (const char *expected = parse(std::string_view(text), field))
    throw Error(Diag::setting_bad_value, {name, text, expected});
}

static std::shared_ptr<const Settings> readEnvironment() {
  auto fresh = std::make_shared<Settings>();
#define SETTING(field, type, env, fallback, changesCode, help) readVariable(env, fresh->field);
#include "ir/Settings.def"
#undef SETTING
  return fresh;
}

static std::shared_ptr<const Settings> snapshot() {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (!s.current)
    s.current = readEnvironment();
  return s.current;
}

Settings settings() { return *snapshot(); }

unsigned settingsEpoch() { return epoch.load(std::memory_order_acquire); }

std::string setSetting(std::string_view field, std::string_view text) {
  auto fresh = std::make_shared<Settings>();
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (!s.current)
    s.current = readEnvironment();
  *fresh = *s.current;
  const char *expected = nullptr;
  bool known = false;
#define SETTING(name, type, env, fallback, changesCode, help)                                                \
  if (field == #name) {                                                                                      \
    known = true;                                                                                            \
    expected = parse(text, fresh->name);                                                                     \
  }
#include "ir/Settings.def"
#undef SETTING
  if (!known)
    return "there is no setting '" + std::string(field) + "'";
  if (expected)
    return std::string(field) + " is " + expected + ", got '" + std::string(text) + "'";
  s.current = std::move(fresh);
  epoch.fetch_add(1, std::memory_order_acq_rel);
  return {};
}

void reloadSettings() {
  State &s = state();
  std::lock_guard lock(s.mutex);
  s.current = nullptr;
  epoch.fetch_add(1, std::memory_order_acq_rel);
}

//===----------------------------------------------------------------------===//
// The table as data
//===----------------------------------------------------------------------===//

const std::vector<SettingRow> &settingRows() {
  static const std::vector<SettingRow> rows = {
#define SETTING(field, type, env, fallback, changesCode, help)                                               \
  {#field, #type, env, #fallback, help, changesCode},
#include "ir/Settings.def"
#undef SETTING
  };
  return rows;
}

std::string settingText(std::string_view field) {
  auto now = snapshot();
#define SETTING(name, type, env, fallback, changesCode, help)                                                \
  if (field == #name)                                                                                        \
    return print(now->name);
#include "ir/Settings.def"
#undef SETTING
  return {};
}

std::string settingsDigest() {
  auto now = snapshot();
  std::string out;
#define SETTING(field, type, env, fallback, changesCode, help)                                               \
  if (changesCode)                                                                                           \
    out += #field "=" + print(now->field) + ";";
#include "ir/Settings.def"
#undef SETTING
  return out;
}

} // namespace tegula
