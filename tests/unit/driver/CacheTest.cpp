//===- CacheTest.cpp - the compile cache on disk ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Cache.h"

#include "ir/Settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tegula::api {

namespace fs = std::filesystem;

namespace {

struct CacheTest : testing::Test {
  fs::path folder;
  Digest key = digestOf("a key");

  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tegula-cache-test-XXXXXX").string();
    ASSERT_TRUE(mkdtemp(name.data()));
    folder = name;
    ASSERT_EQ(setSetting("cacheDir", (folder / "a" / "b").string()), "");
  }
  void TearDown() override {
    reloadSettings();
    fs::remove_all(folder);
  }

  fs::path file() const { return folder / "a" / "b" / entryName(key, EntryKind::Kernel); }
  std::optional<std::string> read() const { return readEntry(key, EntryKind::Kernel); }
  bool write(std::string_view payload) const { return writeEntry(key, EntryKind::Kernel, payload); }
  size_t files() const { return size_t(std::distance(fs::directory_iterator(folder / "a" / "b"), {})); }
};

std::string slurp(const fs::path &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void spill(const fs::path &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

} // namespace

TEST_F(CacheTest, ComesBack) {
  EXPECT_FALSE(read());
  for (std::string payload :
       {std::string(), std::string("code"), std::string(1 << 20, 'x'), std::string("\0\1\2", 3)}) {
    ASSERT_TRUE(write(payload));
    EXPECT_EQ(read(), payload);
    EXPECT_EQ(files(), 1u); // no temporary is left
  }
  EXPECT_FALSE(readEntry(key, EntryKind::Variants));
  EXPECT_FALSE(readEntry(digestOf("another"), EntryKind::Kernel));
}

TEST_F(CacheTest, FolderIsPrivate) {
  ASSERT_TRUE(write("x"));
  struct stat info;
  ASSERT_EQ(stat((folder / "a" / "b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(CacheTest, EveryTruncationIsAMiss) {
  ASSERT_TRUE(write("some machine code"));
  std::string whole = slurp(file());
  for (size_t size = 0; size < whole.size(); ++size) {
    spill(file(), whole.substr(0, size));
    EXPECT_FALSE(read()) << size;
  }
  spill(file(), whole + "x");
  EXPECT_FALSE(read());
  ASSERT_TRUE(write("some machine code")); // rewritten
  EXPECT_EQ(read(), "some machine code");
}

TEST_F(CacheTest, EveryFlippedBitIsAMiss) {
  ASSERT_TRUE(write("some machine code"));
  std::string whole = slurp(file());
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] ^= char(1 << bit % 8);
    spill(file(), damaged);
    // The reserved word is covered too.
    EXPECT_FALSE(read()) << bit;
  }
}

TEST_F(CacheTest, EntryOfAnotherKeyIsAMiss) {
  Digest other = digestOf("another");
  ASSERT_TRUE(writeEntry(other, EntryKind::Kernel, "other"));
  fs::rename(folder / "a" / "b" / entryName(other, EntryKind::Kernel), file());
  EXPECT_FALSE(read());
}

TEST_F(CacheTest, WhatOthersMayWriteIsNotTrusted) {
  ASSERT_TRUE(write("x"));
  chmod(file().c_str(), 0666);
  EXPECT_FALSE(read());
  chmod(file().c_str(), 0644);
  EXPECT_TRUE(read());
  chmod((folder / "a" / "b").c_str(), 0777);
  EXPECT_FALSE(read());
  EXPECT_FALSE(write("y"));
  chmod((folder / "a" / "b").c_str(), 0750);
  EXPECT_TRUE(read());
  if (geteuid() == 0) {
    ASSERT_EQ(chown(file().c_str(), 12345, 12345), 0);
    EXPECT_FALSE(read());
    ASSERT_TRUE(write("mine"));
    EXPECT_EQ(read(), "mine");
    ASSERT_EQ(chown((folder / "a" / "b").c_str(), 12345, 12345), 0);
    EXPECT_FALSE(read());
    EXPECT_FALSE(write("y"));
  }
}

TEST_F(CacheTest, LinksAndFoldersInPlaceOfAnEntry) {
  ASSERT_TRUE(write("x"));
  std::string whole = slurp(file());
  spill(folder / "elsewhere", whole);
  fs::remove(file());
  fs::create_symlink(folder / "elsewhere", file());
  EXPECT_FALSE(read());
  ASSERT_TRUE(write("y")); // replaces the link, not what it points to
  EXPECT_EQ(read(), "y");
  EXPECT_EQ(slurp(folder / "elsewhere"), whole);
  fs::remove(file());
  fs::create_directory(file());
  EXPECT_FALSE(read());
  EXPECT_FALSE(write("z"));
  fs::remove(file());
  ASSERT_EQ(mkfifo(file().c_str(), 0600), 0);
  EXPECT_FALSE(read());
}

TEST_F(CacheTest, FolderThatCannotBe) {
  spill(folder / "a", "a file");
  EXPECT_FALSE(read());
  EXPECT_FALSE(write("x"));
  setSetting("cacheDir", "/proc/nothing/here");
  EXPECT_FALSE(read());
  EXPECT_FALSE(write("x"));
}

TEST_F(CacheTest, RemovedFolderIsMadeAgain) {
  ASSERT_TRUE(write("x"));
  fs::remove_all(folder / "a");
  EXPECT_FALSE(read());
  ASSERT_TRUE(write("y"));
  EXPECT_EQ(read(), "y");
}

TEST_F(CacheTest, ManyProcessesAtOnce) {
  std::vector<pid_t> children;
  for (int i = 0; i < 20; ++i) {
    pid_t child = fork();
    if (child == 0) {
      alarm(60);
      bool ok = true;
      for (int round = 0; round < 30; ++round) {
        std::string payload(size_t(1000 + 997 * ((i + round) % 7)), char('a' + (i + round) % 7));
        ok &= write(payload);
        auto seen = read();
        ok &= seen && seen->size() == size_t(1000 + 997 * ((*seen)[0] - 'a')) &&
              seen->find_first_not_of((*seen)[0]) == std::string::npos;
      }
      _exit(ok ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(files(), 1u);
}

} // namespace tegula::api
