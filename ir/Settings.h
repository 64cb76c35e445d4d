//===- Settings.h - settings from the environment and from knobs ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tegula {

/// A snapshot of all settings. Threads read `settings()`; `setSetting` replaces it and steps `settingsEpoch()`.
struct Settings {
#define SETTING(field, type, env, fallback, changesCode, help) type field = fallback;
#include "ir/Settings.def"
#undef SETTING
};

/// The current settings: environment at the first call, then what setSetting did. A copy, safe from any thread.
Settings settings();
/// Steps at every change; launches compare it.
unsigned settingsEpoch();
/// Sets a field from text as its environment variable would. Returns what is wrong with the text, empty when it was set.
std::string setSetting(std::string_view field, std::string_view text);
/// Reads the environment again (a test changed it).
void reloadSettings();

/// One row of the table, for documentation and knobs.
struct SettingRow {
  std::string_view field, type, env, fallback, help;
  bool changesCode;
};
const std::vector<SettingRow> &settingRows();
/// The current value of a field as text; empty for an unknown field.
std::string settingText(std::string_view field);
/// "field=value;" of every setting that changes generated code: part of the cache key.
std::string settingsDigest();

} // namespace tegula
