//===- CompileTest.cpp - from source to a run, through memory and disk ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Api.h"
#include "ir/Settings.h"
#include "lang/lower/ModuleResolver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace tegula::api {

namespace fs = std::filesystem;

namespace {

constexpr const char *addSource = R"(import tegula
import tegula.language as tl

SCALE: tl.constexpr = 2.0


@tegula.jit
def scaled(x):
    return x * SCALE


@tegula.jit
def add(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    tl.device_assert(n > 0, "n must be positive")
    tl.store(out_ptr + offsets, scaled(x) + y, mask=mask)
)";

/// One module in "one process": a resolver of its own.
struct Module {
  std::shared_ptr<lang::ModuleResolver> resolver;
  std::shared_ptr<const lang::JitFunction> function;
  Request request;

  explicit Module(std::string source = addSource, const std::string &backend = "cpu",
                  const char *name = "add") {
    resolver = lang::ModuleResolver::parse("k.py", std::move(source));
    function = resolver->function(name);
    request.function = function.get();
    for (const char *pointer : {"x_ptr", "y_ptr", "out_ptr"})
      request.arguments.push_back({pointer, std::nullopt, lang::parseDType("*fp32"), 16, {}});
    request.arguments.push_back({"n", std::nullopt, lang::parseDType("i32"), 1, {}});
    block(64);
    request.target.backend = backend;
    request.target.arch = backend == "cpu" ? "native" : "";
  }
  void block(long size) {
    if (request.arguments.size() == 5)
      request.arguments.pop_back();
    request.arguments.push_back({"BLOCK", lang::Constant{lang::Constant::Int(size)}, {}, 1, {}});
  }
};

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

/// out = factor * x + y on n elements?
void expectRight(CompiledKernel &kernel, int n, float factor, int block = 64) {
  std::vector<float> x(size_t(n) + 1), y(size_t(n) + 1), out(size_t(n) + 1, -1.0f);
  std::iota(x.begin(), x.end(), 0.0f);
  std::iota(y.begin(), y.end(), 100.0f);
  uint64_t slots[] = {uint64_t(x.data()), uint64_t(y.data()), uint64_t(out.data()), uint64_t(n)};
  kernel.launch({(n + block - 1) / block, 1, 1}, slots);
  for (size_t i = 0; i < size_t(n); ++i)
    ASSERT_EQ(out[i], factor * x[i] + y[i]) << i;
  EXPECT_EQ(out[size_t(n)], -1.0f);
}

struct CompileTest : testing::Test {
  fs::path folder;
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tegula-compile-test-XXXXXX").string();
    ASSERT_TRUE(mkdtemp(name.data()));
    folder = name;
    setSetting("cacheDir", (folder / "cache").string());
    setSetting("dumpDir", (folder / "dump").string());
  }
  void TearDown() override {
    reloadSettings();
    fs::remove_all(folder);
  }
};

} // namespace

TEST_F(CompileTest, CompilesAndRuns) {
  for (const char *backend : {"cpu", "reference"}) {
    Module module(addSource, backend);
    auto kernel = compile(module.request);
    EXPECT_FALSE(kernel->cacheHit);
    EXPECT_EQ(kernel->metadata().name, "add");
    EXPECT_EQ(kernel->metadata().numArguments, 4);
    EXPECT_EQ(kernel->metadata().writtenArguments, std::vector<int>{2});
    for (int n : {0, 1, 63, 64, 65, 1000})
      expectRight(*kernel, n, 2);
    EXPECT_NE(kernel->stage("tile").find("tile.store"), std::string::npos);
    EXPECT_THROW(kernel->stage("ptx"), Error);
    EXPECT_FALSE(kernel->times.empty());
  }
}

TEST_F(CompileTest, OnceInMemoryOnceOnDisk) {
  Module module;
  auto kernel = compile(module.request);
  EXPECT_EQ(compile(module.request), kernel);
  std::string llir = kernel->stage("llir"), object = kernel->stage("obj"), hash = kernel->metadata().hash;
  kernel.reset();
  Module later; // as another process would
  auto again = compile(later.request);
  EXPECT_TRUE(again->cacheHit);
  EXPECT_TRUE(again->times.empty());
  EXPECT_EQ(again->metadata().hash, hash);
  EXPECT_EQ(again->metadata().writtenArguments, std::vector<int>{2});
  EXPECT_EQ(again->stage("obj"), object);
  EXPECT_EQ(again->stage("llir"), llir);
  EXPECT_NE(again->stage("asm").find(".text"), std::string::npos);
  expectRight(*again, 1000, 2);
}

TEST_F(CompileTest, AChangedGlobalIsAnotherKernel) {
  Module two, three(replaced(addSource, "= 2.0", "= 3.0"));
  for (int round = 0; round < 2; ++round) {
    auto a = compile(two.request), b = compile(three.request);
    EXPECT_NE(a, b);
    EXPECT_EQ(a->cacheHit, round == 1);
    EXPECT_EQ(b->cacheHit, round == 1);
    expectRight(*a, 100, 2);
    expectRight(*b, 100, 3);
  }
  Module helper(replaced(addSource, "x * SCALE", "x * SCALE * SCALE"));
  auto c = compile(helper.request);
  EXPECT_FALSE(c->cacheHit);
  expectRight(*c, 100, 4);
}

TEST_F(CompileTest, DamagedEntriesAreCompiledAnew) {
  Module module;
  compile(module.request).reset();
  for (auto &entry : fs::directory_iterator(folder / "cache")) {
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(200);
    file.put('!');
  }
  auto kernel = compile(module.request);
  EXPECT_FALSE(kernel->cacheHit);
  expectRight(*kernel, 100, 2);
  kernel.reset();
  EXPECT_TRUE(compile(module.request)->cacheHit);
}

TEST_F(CompileTest, ManyThreadsOneKernel) {
  Module module;
  std::vector<std::shared_ptr<CompiledKernel>> kernels(8);
  std::vector<std::thread> threads;
  for (auto &kernel : kernels)
    threads.emplace_back([&] { kernel = compile(module.request); });
  for (auto &thread : threads)
    thread.join();
  for (auto &kernel : kernels)
    EXPECT_EQ(kernel, kernels[0]);
}

TEST_F(CompileTest, ManyThreadsManyKernels) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([i] {
      Module module;
      for (int round = 0; round < 10; ++round) {
        int block = 8 * (i + 1) + round;
        module.block(block);
        expectRight(*compile(module.request), 333, 2, block);
      }
    });
  for (auto &thread : threads)
    thread.join();
}

TEST_F(CompileTest, StagesOutliveTheFunction) {
  std::shared_ptr<CompiledKernel> kernel;
  {
    Module module;
    kernel = compile(module.request);
  }
  EXPECT_NE(kernel->stage("tile").find("2.000000e+00"), std::string::npos);
  EXPECT_NE(kernel->stage("llir").find("define"), std::string::npos);
}

TEST_F(CompileTest, AMistakeIsACompileError) {
  Module module(replaced(addSource, "scaled(x) + y", "scaled(x) + z"));
  try {
    compile(module.request);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), ErrorKind::Compile);
    EXPECT_NE(std::string(error.what()).find("k.py:19:"), std::string::npos) << error.what();
  }
}

TEST_F(CompileTest, DumpAndOverride) {
  setSetting("dump", "all");
  Module module;
  auto kernel = compile(module.request);
  std::string stem = (folder / "dump" / ("add-" + kernel->metadata().hash.substr(0, 12))).string();
  for (const char *stage : {".tile", ".llir", ".asm", ".obj"})
    EXPECT_GT(fs::file_size(stem + stage), 100u) << stage;
  kernel.reset();
  setSetting("dump", "");
  // Every stage can be put back in, one at a time.
  for (const char *stage : {".tile", ".llir", ".asm", ".obj"}) {
    fs::path chosen = folder / "override" / stage;
    fs::create_directories(chosen);
    fs::copy_file(stem + stage, chosen / (fs::path(stem).filename().string() + stage));
    setSetting("overrideDir", chosen.string());
    auto replacedKernel = compile(module.request);
    EXPECT_FALSE(replacedKernel->cacheHit);
    expectRight(*replacedKernel, 100, 2);
  }
  // And is really used.
  fs::path chosen = folder / "override" / "bad";
  fs::create_directories(chosen);
  std::ofstream(chosen / (fs::path(stem).filename().string() + ".llir")) << "nonsense";
  setSetting("overrideDir", chosen.string());
  try {
    compile(module.request);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.diagnostic().id, Diag::stage_override_bad);
  }
}

TEST_F(CompileTest, ABugLeavesAReproducer) {
  setSetting("dump", "llir");
  Module module;
  auto kernel = compile(module.request);
  std::string file = "add-" + kernel->metadata().hash.substr(0, 12) + ".llir";
  std::string text = kernel->stage("llir");
  kernel.reset();
  setSetting("dump", "");
  // An instruction that this back end has no code for.
  size_t body = text.find("\n", text.find("{", text.find("define void @add"))) + 1;
  body = text.find("\n", body) + 1;
  text.insert(
      body,
      "  %odd = call double @llvm.nvvm.ex2.approx.d(double 1.0)\n  store volatile double %odd, ptr %0\n");
  text += "\ndeclare double @llvm.nvvm.ex2.approx.d(double)\n";
  std::ofstream(folder / "dump" / file) << text;
  setSetting("overrideDir", (folder / "dump").string());
  for (int round = 0; round < 2; ++round)
    try {
      compile(module.request);
      FAIL();
    } catch (const Error &error) {
      EXPECT_EQ(error.kind(), ErrorKind::Internal);
      std::string help = error.diagnostic().nextStep;
      size_t start = help.find(folder.string());
      ASSERT_NE(start, std::string::npos) << help;
      fs::path bundle = help.substr(start, help.rfind('.') - start);
      for (const char *part : {"kernel.py", "request.json", "command.sh", "llvm.ll"})
        EXPECT_TRUE(fs::exists(bundle / part)) << part;
    }
  setSetting("overrideDir", "");
  expectRight(*compile(module.request), 100, 2); // the process goes on
}

TEST_F(CompileTest, ContextsAreRecycled) {
  setSetting("alwaysCompile", "1");
  Module module;
  for (int i = 0; i < 300; ++i) {
    module.block(16 + i % 2);
    module.request.target = {i % 50 ? "reference" : "cpu", i % 50 ? "" : "native", 1};
    expectRight(*compile(module.request), 33, 2, 16 + i % 2);
  }
}

TEST_F(CompileTest, AssertionsLiveInDebugOnly) {
  Module plain, checked;
  checked.request.options.debug = true;
  uint64_t slots[] = {0, 0, 0, 0};
  compile(plain.request)->launch({3, 1, 1}, slots);
  try {
    compile(checked.request)->launch({3, 1, 1}, slots);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.kind(), ErrorKind::Device);
    EXPECT_NE(std::string(error.what()).find("n must be positive"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("k.py:18"), std::string::npos) << error.what();
  }
}

/// The message of the Error that `body` throws, which must be of this row; empty: none.
static std::string messageOf(Diag id, const std::function<void()> &body) {
  try {
    body();
  } catch (const Error &error) {
    EXPECT_EQ(error.diagnostic().id, id) << error.what();
    return error.diagnostic().message;
  }
  return {};
}

TEST_F(CompileTest, MessagesNameWhatIsWrong) {
  Module module;
  module.request.target.backend = "tpu";
  EXPECT_EQ(messageOf(Diag::target_unknown, [&] { compile(module.request); }), "there is no target 'tpu'");
  module.request.target.backend = "cpu";
  auto kernel = compile(module.request);
  EXPECT_EQ(messageOf(Diag::stage_unknown, [&] { kernel->stage("ptx"); }),
            "a kernel for cpu has no stage 'ptx'");
  uint64_t slots[4] = {};
  for (const char *backend : {"cpu", "reference"}) {
    module.request.target = {backend, *backend == 'c' ? "native" : "", 1};
    EXPECT_EQ(messageOf(Diag::launch_bad_grid, [&] { compile(module.request)->launch({2, -1, 1}, slots); }),
              "a grid has 1 to 3 dimensions of 0 to 2147483647 programs, got (2, -1, 1)");
  }
  std::ofstream(folder / "file") << "no folder";
  setSetting("dump", "all");
  setSetting("dumpDir", (folder / "file").string());
  module.block(32);
  EXPECT_EQ(messageOf(Diag::dump_failed, [&] { compile(module.request); }).substr(0, 32),
            "cannot write the stage 'tile' to");
}

TEST_F(CompileTest, CodeForAnotherProcessorIsNotRun) {
  Module module;
#if defined(__x86_64__)
  module.request.target.arch = "aarch64";
#else
  module.request.target.arch = "x86-64-v3";
#endif
  auto kernel = compile(module.request);
  EXPECT_GT(kernel->stage("asm").size(), 100u);
  uint64_t slots[4] = {};
  EXPECT_EQ(messageOf(Diag::launch_foreign_code, [&] { kernel->launch({1, 1, 1}, slots); }),
            "'add' was compiled for " + module.request.target.arch + ", which this machine cannot run");
}

/// A resolver of globals that runs out of memory, at the name that it is told.
struct Greedy : lang::Resolver {
  std::shared_ptr<lang::Resolver> inner;
  std::optional<Found> lookup(const std::string &name) override {
    return name == "SCALE" ? throw std::bad_alloc() : inner->lookup(name);
  }
  std::optional<Found> attribute(const lang::Constant::Module &module, const std::string &name) override {
    return inner->attribute(module, name);
  }
};

TEST_F(CompileTest, OutOfMemoryWhileCompiling) {
  for (const char *backend : {"cpu", "reference"}) {
    Module module(replaced(addSource, "scaled(x) + y", "SCALE * x + y"), backend);
    auto greedy = std::make_shared<Greedy>();
    greedy->inner = module.resolver;
    lang::JitFunction function(module.function->source, module.function->qualifiedName, greedy);
    Request request = module.request;
    request.function = &function;
    EXPECT_EQ(messageOf(Diag::compile_out_of_memory, [&] { compile(request); }),
              "out of memory while compiling 'add'");
    expectRight(*compile(module.request), 100, 2); // the process goes on
  }
}

TEST_F(CompileTest, AForkedChildCompilesAndRuns) {
  Module module;
  auto kernel = compile(module.request);
  expectRight(*kernel, 100000, 2);
  pid_t child = fork();
  if (child == 0) {
    alarm(30);
    expectRight(*kernel, 100000, 2);
    module.block(128);
    expectRight(*compile(module.request), 100000, 2, 128);
    _exit(HasFailure() ? 1 : 0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

} // namespace tegula::api
