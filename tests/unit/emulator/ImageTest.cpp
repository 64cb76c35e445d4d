//===- ImageTest.cpp - PTX in fat binaries and ELF files, and texts that are linked ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Image.h"
#include "driver/emulator/ptx/Ast.h"
#include "ir/diag/Diagnostic.h"

#include "gtest/gtest.h"

#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

using namespace tegula::cuda;
using tegula::Diag;

namespace {

const std::string head = ".version 7.0\n.target sm_75\n.address_size 64\n";

Diag errorOf(const std::function<void()> &run, std::string *text = nullptr) {
  try {
    run();
  } catch (const tegula::Error &error) {
    if (text)
      *text = error.what();
    return error.diagnostic().id;
  }
  return Diag::count;
}

struct Entry {
  uint16_t kind = 1; ///< 1 PTX, 2 ELF
  uint32_t arch = 75;
  std::string data;
  uint64_t flags = 0, plainSize = 0;
};

std::string fat(const std::vector<Entry> &entries) {
  std::string body;
  auto put = [](std::string &to, auto value) {
    to.append(reinterpret_cast<const char *>(&value), sizeof value);
  };
  for (const Entry &e : entries) {
    put(body, e.kind);
    put(body, uint16_t(0x101));
    put(body, uint32_t(64));
    put(body, uint64_t(e.data.size()));
    put(body, uint32_t(e.flags & 0xa000 ? e.data.size() : 0));
    put(body, uint32_t(0));
    put(body, uint32_t(9)); // versions
    put(body, e.arch);
    put(body, uint64_t(0)); // name
    put(body, e.flags);
    put(body, uint64_t(0));
    put(body, e.plainSize);
    body += e.data;
  }
  std::string file;
  put(file, uint32_t(0xba55ed50));
  put(file, uint16_t(1));
  put(file, uint16_t(16));
  put(file, uint64_t(body.size()));
  return file + body;
}

Image read(const std::string &file, int sm = 80) { return readImage(file.data(), file.size(), sm); }

TEST(Image, TextWithAndWithoutASize) {
  EXPECT_EQ(read(head).ptx, head);
  EXPECT_EQ(readImage(head.c_str(), 0, 80).ptx, head);
  EXPECT_EQ(errorOf([] { read("no code at all"); }), Diag::image_unknown);
  EXPECT_EQ(errorOf([] { readImage("", 0, 80); }), Diag::image_unknown);
}

TEST(Image, FatBinaryChoosesTheNewestThatRuns) {
  std::string file = fat({{1, 75, head + "// a\n"}, {1, 80, head + "// b\n"}, {1, 89, head + "// c\n"}});
  EXPECT_EQ(read(file, 75).ptx, head + "// a\n");
  EXPECT_EQ(read(file, 87).ptx, head + "// b\n");
  EXPECT_EQ(read(file, 89).ptx, head + "// c\n");
  EXPECT_EQ(readImage(file.data(), 0, 80).ptx, head + "// b\n");
  struct {
    uint32_t magic = 0x466243b1, version = 1;
    const char *data;
    const void *rest = nullptr;
  } wrapper;
  wrapper.data = file.data();
  EXPECT_EQ(readImage(&wrapper, 0, 75).ptx, head + "// a\n");
}

TEST(Image, WithoutPtxThatRuns) {
  std::string text;
  EXPECT_EQ(errorOf([&] { read(fat({{1, 90, head}, {2, 80, packImage({}, {}, 80)}}), 80); }, &text),
            Diag::image_no_ptx);
  EXPECT_NE(text.find("PTX for sm_90, machine code for sm_80"), std::string::npos) << text;
  EXPECT_EQ(errorOf([&] { read(fat({})); }), Diag::image_no_ptx);
}

TEST(Image, Lz4) {
  // Five literals, then nine bytes from five back (they overlap), then the rest as literals.
  std::string packed("\x55"
                     "abcde"
                     "\x05\x00"
                     "\x30"
                     "xyz",
                     12);
  std::string plain = "abcde" + std::string("abcdeabcd") + "xyz";
  EXPECT_EQ(errorOf([&] { read(fat({{1, 75, packed, 0x2000, plain.size() + 1}})); }), Diag::image_damaged);
  EXPECT_EQ(errorOf([&] { read(fat({{1, 75, packed.substr(0, 3), 0x2000, plain.size()}})); }),
            Diag::image_damaged);
  EXPECT_EQ(read(fat({{1, 75, packed, 0x2000, plain.size()}})).ptx, plain);
}

TEST(Image, EveryTruncationIsAnError) {
  std::string file = fat({{1, 75, head, 0, 0}, {1, 80, head + head, 0, 0}});
  for (size_t n = 4; n < file.size(); n++) {
    std::string cut(file.data(), n);
    EXPECT_NE(errorOf([&] { read(cut); }), Diag::count) << n;
  }
  std::string elf = packImage({head, {{"k", {12, 8}}}}, {}, 80);
  for (size_t n = 4; n < elf.size(); n++) {
    std::string cut(elf.data(), n);
    EXPECT_NE(errorOf([&] { read(cut); }), Diag::count) << n;
  }
}

TEST(Image, DamagedBytesAreNoCrash) {
  for (const std::string &file :
       {fat({{1, 75, head}, {2, 80, packImage({head, {}}, {}, 80)}}), packImage({head, {}}, {}, 80)})
    for (size_t at = 4; at < file.size(); at++)
      for (char value : {'\0', '\1', '\x7f', '\xff'}) {
        std::string wrong = file;
        wrong[at] = value;
        errorOf([&] { read(wrong); });
      }
}

std::string zstd(const std::string &plain) {
  std::string packed(ZSTD_compressBound(plain.size()), 0);
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
  return packed;
}

TEST(Image, Zstd) {
  std::string plain = head + head + head, packed = zstd(plain);
  EXPECT_EQ(read(fat({{1, 75, packed, 0x8000, plain.size()}})).ptx, plain);
  for (size_t size : {plain.size() - 1, plain.size() + 1, size_t(1) << 29, size_t(1) << 40})
    EXPECT_EQ(errorOf([&] { read(fat({{1, 75, packed, 0x8000, size}})); }), Diag::image_damaged);
  EXPECT_EQ(errorOf([&] { read(fat({{1, 75, packed.substr(0, 20), 0x8000, plain.size()}})); }),
            Diag::image_damaged);
}

/// Several changes at once, in numbers of all widths; where the size is given, and where the headers have to say it.
TEST(Image, RandomDamageIsNoCrash) {
  std::string text = head + head + head,
              cubin = packImage({head, {{"k", {12, 8}}}}, packImage({}, {}, 80), 80);
  const std::string files[] = {cubin, fat({{2, 80, cubin}, {1, 75, zstd(text), 0x8000, text.size()}}),
                               fat({{1, 70, head}, {1, 75, "\xf0\x10" + std::string(31, 'x'), 0x2000, 31}})};
  std::mt19937 random(1);
  size_t errors = 0;
  for (int round = 0; round < 30000; round++) {
    std::string wrong = files[round % 3];
    for (unsigned changes = 1 + random() % 3; changes; changes--) {
      uint64_t value = uint64_t(random()) << 32 | random();
      size_t width = size_t(1) << random() % 4;
      value = random() % 2 ? value >> random() % 64 : ~(value >> random() % 64);
      if (size_t at = 4 + random() % (wrong.size() - 4); at + width <= wrong.size())
        memcpy(&wrong[at], &value, width);
    }
    if (random() % 2)
      wrong.resize(4 + random() % (wrong.size() - 4));
    auto exact = std::make_unique<char[]>(wrong.size()); // the address sanitizer watches its end
    memcpy(exact.get(), wrong.data(), wrong.size());
    errors += errorOf([&] { readImage(exact.get(), wrong.size(), 80); }) != Diag::count;
  }
  EXPECT_GT(errors, 15000u);
}

/// Without a size the end cannot be known; what is not there at all is.
TEST(Image, SizesBeyondMemoryAreErrors) {
  const auto page = size_t(sysconf(_SC_PAGESIZE));
  char *pages = static_cast<char *>(
      mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(pages, MAP_FAILED);
  ASSERT_EQ(munmap(pages + page, page), 0);
  for (const std::string &file : {packImage({head, {}}, {}, 80), fat({{1, 75, head}})})
    for (size_t n = 8; n < file.size(); n++) {
      char *at = pages + page - n;
      memcpy(at, file.data(), n);
      EXPECT_EQ(errorOf([&] { readImage(at, 0, 80); }), Diag::image_damaged) << n;
    }
  struct {
    uint32_t magic = 0x466243b1, version = 1;
    const void *data;
  } wrapper;
  for (const void *data : {static_cast<const void *>(nullptr), static_cast<const void *>(pages + page),
                           static_cast<const void *>(pages)}) {
    wrapper.data = data;
    EXPECT_EQ(errorOf([&] { readImage(&wrapper, 0, 80); }), Diag::image_damaged);
  }
  munmap(pages, page);
}

TEST(Image, CubinsCarryPtx) {
  Image image{head, {{"k", {12, 8}}, {"other", {255, 0}}}};
  std::string first = packImage(image, {}, 80);
  EXPECT_EQ(elfSize(reinterpret_cast<const uint8_t *>(first.data())), first.size());
  // A cubin that carries some other text: as with the real tool's, the rest of the file stays.
  std::string file = packImage(image, packImage({}, {}, 80), 80);
  for (const std::string &f : {first, file}) {
    Image got = readImage(f.data(), 0, 80);
    EXPECT_EQ(got.ptx, head);
    EXPECT_EQ(got.info.at("k").registers, 12);
    EXPECT_EQ(got.info.at("k").localBytes, 8);
    EXPECT_EQ(got.info.at("other").registers, 255);
  }
  EXPECT_EQ(read(fat({{2, 80, first}})).ptx, head);
  std::string text;
  std::string bare = packImage({}, {}, 80);
  EXPECT_EQ(errorOf([&] { read(bare); }, &text), Diag::image_no_ptx);
  EXPECT_NE(text.find("the cubin holds machine code"), std::string::npos) << text;
}

TEST(LinkTexts, PrivateNamesStayApart) {
  std::string function = ".func helper() { ret; }\n.global .u32 state = 1;\n";
  std::string one = head + function + ".visible .entry a() { call helper; ret; }\n// helper\n";
  std::string two = head + function + ".visible .entry b() { call helper; ret; }\n";
  tegula::ptx::Module m = tegula::ptx::parse(linkTexts({one, two}));
  EXPECT_EQ(m.functions.size(), 4u);
  EXPECT_EQ(m.variables.size(), 2u);
  EXPECT_NE(m.variables[0].name, m.variables[1].name);
  EXPECT_TRUE(m.find("a") && m.find("b"));
}

TEST(LinkTexts, DeclarationsMeetDefinitions) {
  std::string uses =
      ".version 7.0\n.target sm_75\n.address_size 64\n.extern .func f();\n.extern .global .u32 g;\n"
      ".weak .func w() { ret; }\n.entry k() { call f; call w; ret; }\n";
  std::string defines = ".version 8.4\n.target sm_80\n.address_size 64\n.visible .func f() { ret; }\n"
                        ".visible .global .u32 g = 7;\n.weak .func w() { ret; }\n";
  for (auto &texts : {std::vector{uses, defines}, std::vector{defines, uses}}) {
    tegula::ptx::Module m = tegula::ptx::parse(linkTexts(texts));
    EXPECT_EQ(m.version, 84);
    EXPECT_EQ(m.target, 80);
    EXPECT_TRUE(m.find("f")->hasBody);
    ASSERT_EQ(m.variables.size(), 1u);
    EXPECT_FALSE(m.variables[0].isExtern);
  }
  EXPECT_EQ(errorOf([&] { linkTexts({defines, defines}); }), Diag::link_twice);
}

TEST(LinkTexts, FilesGoOnCounting) {
  std::string one = head + ".file 1 \"one.cu\"\n.entry a() { .loc 1 5 0\nret; }\n";
  std::string two = head + ".file 1 \"two.cu\"\n.file 2 \"x.h\"\n.entry b() { .loc 2 6 0\nret; }\n";
  tegula::ptx::Module m = tegula::ptx::parse(linkTexts({one, two}));
  EXPECT_EQ(m.files.at(1), "one.cu");
  EXPECT_EQ(m.files.at(2), "two.cu");
  EXPECT_EQ(m.files.at(3), "x.h");
  EXPECT_EQ(m.find("b")->instructions[0].file, 3u);
  EXPECT_EQ(m.find("b")->instructions[0].sourceLine, 6u);
}

} // namespace
