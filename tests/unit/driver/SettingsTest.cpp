//===- SettingsTest.cpp - settings from text and environment ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/Settings.h"

#include "ir/diag/Diagnostic.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

namespace tegula {

namespace {
/// Leaves the environment as it was.
struct SettingsTest : testing::Test {
  void TearDown() override {
    for (const char *name : {"TEGULA_NUM_THREADS", "TEGULA_VERIFY", "TEGULA_DUMP"})
      unsetenv(name);
    reloadSettings();
  }
};
} // namespace

TEST_F(SettingsTest, EnvironmentIsRead) {
  setenv("TEGULA_NUM_THREADS", "3", 1);
  setenv("TEGULA_VERIFY", "on", 1);
  setenv("TEGULA_DUMP", "", 1);
  reloadSettings();
  EXPECT_EQ(settings().numThreads, 3);
  EXPECT_TRUE(settings().verify);
  EXPECT_EQ(settings().dump, "");
  EXPECT_EQ(settingText("numThreads"), "3");
  EXPECT_EQ(settingText("nonsense"), "");
}

TEST_F(SettingsTest, BadEnvironmentNamesTheVariable) {
  for (const char *bad : {"many", "-1", "3x", " 3", "99999999999"}) {
    setenv("TEGULA_NUM_THREADS", bad, 1);
    reloadSettings();
    try {
      settings();
      FAIL() << bad;
    } catch (const Error &error) {
      EXPECT_EQ(error.diagnostic().id, Diag::setting_bad_value);
      EXPECT_EQ(error.diagnostic().message, "the environment variable TEGULA_NUM_THREADS is '" +
                                                std::string(bad) +
                                                "', expected an integer from 0 to 2147483647");
    }
  }
}

TEST_F(SettingsTest, SetSettingChecksAndSteps) {
  unsigned before = settingsEpoch();
  EXPECT_EQ(setSetting("verify", "maybe"), "verify is 1 or 0 (true, false, on, off, yes, no), got 'maybe'");
  EXPECT_EQ(setSetting("colour", "red"), "there is no setting 'colour'");
  EXPECT_EQ(settingsEpoch(), before);
  EXPECT_EQ(setSetting("verify", "true"), "");
  EXPECT_TRUE(settings().verify);
  EXPECT_NE(settingsEpoch(), before);
}

TEST_F(SettingsTest, DigestHoldsWhatChangesCodeOnly) {
  std::string before = settingsDigest();
  setSetting("numThreads", "7");
  EXPECT_EQ(settingsDigest(), before);
  setSetting("fpFusion", "0");
  EXPECT_NE(settingsDigest(), before);
  EXPECT_NE(settingsDigest().find("fpFusion=0;"), std::string::npos);
}

TEST_F(SettingsTest, EveryRowHasItsVariable) {
  for (const SettingRow &row : settingRows()) {
    EXPECT_TRUE(row.env.starts_with("TEGULA_")) << row.field;
    EXPECT_FALSE(row.help.empty()) << row.field;
  }
}

TEST_F(SettingsTest, ThreadsReadWhileOneWrites) {
  std::thread writer([] {
    for (int i = 0; i < 2000; ++i)
      setSetting("dumpDir", i % 2 ? "a" : std::string(100, 'b'));
  });
  for (int i = 0; i < 2000; ++i) {
    std::string seen = settings().dumpDir;
    EXPECT_TRUE(seen.empty() || seen == "a" || seen == std::string(100, 'b'));
  }
  writer.join();
  setSetting("dumpDir", "");
}

} // namespace tegula
