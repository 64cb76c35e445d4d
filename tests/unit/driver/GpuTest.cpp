//===- GpuTest.cpp - images, keys and assemblers of GPU kernels ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Stages.h"
#include "lang/lower/ModuleResolver.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tegula::api {

namespace fs = std::filesystem;

TEST(Image, RoundTrip) {
  Image image;
  image.entry = "add";
  image.kept = {{Stage::Ptx, ".version 8.0"},
                {Stage::Cubin, std::string("\x7f"
                                           "ELF\0\1",
                                           6)}};
  image.sharedBytes = 1 << 17;
  image.numWarps = 8;
  image.registers = 255;
  image.spills = 0;
  image.written = {{0, 3}};
  std::string bytes = writeImage(image);
  auto back = readImage(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->entry, image.entry);
  EXPECT_EQ(back->kept, image.kept);
  EXPECT_EQ(back->sharedBytes, image.sharedBytes);
  EXPECT_EQ(back->numWarps, image.numWarps);
  EXPECT_EQ(back->registers, image.registers);
  EXPECT_EQ(back->spills, image.spills);
  EXPECT_EQ(back->written, image.written);
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(readImage(std::string_view(bytes).substr(0, cut))) << cut;
  EXPECT_FALSE(readImage(bytes + "x"));
}

namespace {
struct GpuJob : testing::Test {
  fs::path folder;
  std::shared_ptr<lang::ModuleResolver> resolver =
      lang::ModuleResolver::parse("k.py", "import tegula\n\n\n@tegula.jit\ndef k(x):\n    pass\n");
  std::shared_ptr<const lang::JitFunction> function = resolver->function("k");
  Request request;

  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tegula-gpu-test-XXXXXX").string();
    ASSERT_TRUE(mkdtemp(name.data()));
    folder = name;
    request.function = function.get();
    request.arguments.push_back({"x", std::nullopt, lang::parseDType("*fp32"), 16, {}});
    request.target = {"cuda", "80", 32};
  }
  void TearDown() override {
    reloadSettings();
    fs::remove_all(folder);
  }
  std::string tool(const std::string &name, const std::string &script) {
    std::ofstream(folder / name) << "#!/bin/sh\n" << script;
    fs::permissions(folder / name, fs::perms::owner_all);
    return (folder / name).string();
  }
  std::string keyWith(const std::string &assembler) {
    EXPECT_EQ(setSetting("assembler", assembler), "");
    return makeJob(request).hash;
  }
};
} // namespace

TEST_F(GpuJob, KeyKnowsTheAssembler) {
  std::string one = tool("one", "exit 1\n"), two = tool("two", "exit 1\n");
  std::string none = keyWith("none"), first = keyWith(one);
  EXPECT_NE(none, first);
  EXPECT_NE(first, keyWith(two));
  EXPECT_EQ(first, keyWith(one));
  EXPECT_EQ(none, keyWith("none"));
  // The same path, another program.
  tool("one", "exit 2 # longer\n");
  EXPECT_NE(first, keyWith(one));
  // Who wants no machine code does not care.
  request.options.assemble = false;
  EXPECT_EQ(keyWith(one), keyWith(two));
}

TEST_F(GpuJob, KeyKnowsTargetAndOptions) {
  std::string key = keyWith("none");
  auto differs = [&](auto change) {
    Request changed = request;
    change(changed);
    return makeJob(changed).hash != key;
  };
  EXPECT_TRUE(differs([](Request &r) { r.target.arch = "86"; }));
  EXPECT_TRUE(differs([](Request &r) { r.options.numWarps = 8; }));
  EXPECT_TRUE(differs([](Request &r) { r.options.numStages = 2; }));
  EXPECT_TRUE(differs([](Request &r) { r.options.maxRegisters = 64; }));
  EXPECT_FALSE(differs([](Request &) {}));
}

TEST_F(GpuJob, RefusedTextIsABug) {
  setSetting("assembler", tool("ptxas", "echo 'ptxas x, line 3; error   : no such thing' >&2; exit 255\n"));
  auto assembler = cuda::findAssembler();
  ASSERT_TRUE(assembler);
  std::string ptx = "nonsense";
  try {
    assembler->assemble({ptx, "sm_80", true, "k"});
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.diagnostic().id, Diag::assembler_refused);
    EXPECT_EQ(error.kind(), ErrorKind::Internal);
    EXPECT_NE(error.diagnostic().message.find("ptxas refuses the PTX of this kernel: ptxas x, line 3"),
              std::string::npos);
  }
}

} // namespace tegula::api
