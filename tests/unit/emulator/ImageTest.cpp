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
  for (std::string file :
       {fat({{1, 75, head}, {2, 80, packImage({head, {}}, {}, 80)}}), packImage({head, {}}, {}, 80)})
    for (size_t at = 4; at < file.size(); at++)
      for (char value : {'\0', '\1', '\x7f', '\xff'}) {
        std::string wrong = file;
        wrong[at] = value;
        errorOf([&] { read(wrong); });
      }
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
