//===- CpuTest.cpp - whole kernels of tile IR, compiled and run ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Cpu.h"
#include "ir/ops/Tile.h"
#include "passes/Passes.h"

#include "mlir/Parser/Parser.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

using namespace tegula;
using namespace tegula::cpu;

namespace {

mlir::MLIRContext &mlirContext() {
  static auto *context = [] {
    auto *c = new mlir::MLIRContext(mlir::MLIRContext::Threading::DISABLED);
    tile::loadDialects(*c);
    return c;
  }();
  return *context;
}

/// A kernel compiled for one target; `text` is the body of a module with one function @kernel.
class Compiled {
public:
  Compiled(const std::string &text, const std::string &arch, bool pull) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &mlirContext());
    if (!module)
      throw std::runtime_error("cannot parse the kernel");
    passes::runTilePipeline(*module, true);
    Target target = targetNamed(arch);
    llvm::LLVMContext context;
    Options options;
    options.pull = pull;
    Kernel kernel = emitKernel(*module, target, options, context);
    EXPECT_FALSE(llvm::verifyModule(*kernel.module, &llvm::errs()));
    scratch.resize(size_t(kernel.scratchBytes) + 128);
    optimise(*kernel.module, target);
    instructions = kernel.module->getInstructionCount();
    std::string object = emitObject(*kernel.module, target);
    static auto *jit = llvm::cantFail(llvm::orc::LLJITBuilder().create()).release();
    static int count = 0;
    auto &library = llvm::cantFail(jit->createJITDylib("kernel" + std::to_string(count++)));
    llvm::orc::SymbolMap symbols;
    for (RuntimeSymbol symbol : runtimeSymbols())
      symbols[jit->mangleAndIntern(symbol.name)] = {llvm::orc::ExecutorAddr::fromPtr(symbol.address),
                                                    llvm::JITSymbolFlags::Exported};
    llvm::cantFail(library.define(llvm::orc::absoluteSymbols(std::move(symbols))));
    llvm::cantFail(jit->addObjectFile(library, llvm::MemoryBuffer::getMemBufferCopy(object)));
    entry = llvm::cantFail(jit->lookup(library, kernel.entry)).toPtr<Entry>();
  }

  void run(int programs, std::vector<uint64_t> arguments) {
    Launch launch{{programs, 1, 1}, 0, arguments.data(), nullptr};
    auto at = (reinterpret_cast<uintptr_t>(scratch.data()) + 63) & ~uintptr_t(63);
    entry(&launch, reinterpret_cast<std::byte *>(at), 0, programs);
  }

  size_t instructions = 0;

private:
  Entry entry = nullptr;
  std::vector<std::byte> scratch;
};

template <typename T> uint64_t address(std::vector<T> &data, size_t at = 0) {
  return reinterpret_cast<uint64_t>(data.data() + at);
}

/// Every target that this machine runs, in both forms.
void everyForm(const std::string &text, const std::function<void(Compiled &)> &check) {
  std::vector<std::string> targets{"native"};
#ifdef __x86_64__
  targets.push_back("x86-64");
  if (__builtin_cpu_supports("x86-64-v3"))
    targets.push_back("x86-64-v3");
#endif
  for (const std::string &arch : targets)
    for (bool pull : {true, false}) {
      SCOPED_TRACE(arch + (pull ? " pulled" : " unpulled"));
      Compiled kernel(text, arch, pull);
      check(kernel);
    }
}

/// `%T` is replaced by `tensor<N x`, `%N` by the extent.
std::string withExtent(std::string text, int64_t n) {
  for (const auto &[from, to] : {std::pair<std::string, std::string>{"<Nx", "<" + std::to_string(n) + "x"},
                                 {" to N ", " to " + std::to_string(n) + " "}})
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  return text;
}

std::string addKernel(int64_t block) {
  return withExtent("func.func @kernel(%x: !tile.ptr<f32>, %y: !tile.ptr<f32>, %o: !tile.ptr<f32>, %n: i32) "
                    "attributes {tile.kernel, tile.disjoint} {\n"
                    "  %pid = tile.program_id 0\n  %block = arith.constant " +
                        std::to_string(block) +
                        " : i32\n"
                        R"(
  %start = arith.muli %pid, %block : i32
  %starts = tile.splat %start : i32 -> tensor<Nxi32>
  %range = tile.make_range 0 to N : tensor<Nxi32>
  %i = arith.addi %starts, %range : tensor<Nxi32>
  %ns = tile.splat %n : i32 -> tensor<Nxi32>
  %m = arith.cmpi slt, %i, %ns : tensor<Nxi32>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<Nx!tile.ptr<f32>>
  %ys = tile.splat %y : !tile.ptr<f32> -> tensor<Nx!tile.ptr<f32>>
  %os = tile.splat %o : !tile.ptr<f32> -> tensor<Nx!tile.ptr<f32>>
  %xp = tile.addptr %xs, %i : tensor<Nx!tile.ptr<f32>>, tensor<Nxi32>
  %yp = tile.addptr %ys, %i : tensor<Nx!tile.ptr<f32>>, tensor<Nxi32>
  %op = tile.addptr %os, %i : tensor<Nx!tile.ptr<f32>>, tensor<Nxi32>
  %a = tile.load %xp mask %m : tensor<Nx!tile.ptr<f32>> -> tensor<Nxf32> mask type tensor<Nxi1>
  %b = tile.load %yp mask %m : tensor<Nx!tile.ptr<f32>> -> tensor<Nxf32> mask type tensor<Nxi1>
  %c = arith.addf %a, %b : tensor<Nxf32>
  tile.store %op, %c mask %m : tensor<Nx!tile.ptr<f32>>, tensor<Nxf32> mask type tensor<Nxi1>
  return
})",
                    block);
}

TEST(CpuEngine, TailsOfOddExtents) {
  for (int block : {1, 7, 16, 48, 80, 781, 1024})
    everyForm(addKernel(block), [&](Compiled &kernel) {
      for (int n : {0, 1, block - 1, block, block + 1, 3 * block - 2}) {
        std::vector<float> x(4 * block + 8), y(x.size()), o(x.size(), -1);
        std::iota(x.begin(), x.end(), 1);
        std::iota(y.begin(), y.end(), 100);
        kernel.run((n + block - 1) / block, {address(x), address(y), address(o), uint64_t(int64_t(n))});
        for (int i = 0; i < int(o.size()); ++i)
          ASSERT_EQ(o[i], i < n ? x[i] + y[i] : -1) << "block " << block << ", n " << n << ", element " << i;
      }
    });
}

TEST(CpuEngine, CodeDoesNotGrowWithTheBlock) {
  Compiled small(addKernel(1024), "native", true), large(addKernel(1 << 20), "native", true);
  EXPECT_EQ(small.instructions, large.instructions);
}

/// Copies x[source] to x[target] with index expressions over %i; one buffer, no promise of disjointness.
std::string moveKernel(int64_t n, const std::string &source, const std::string &target) {
  return withExtent("func.func @kernel(%x: !tile.ptr<i32>, %y: !tile.ptr<i32>) attributes {tile.kernel} {\n"
                    "  %i = tile.make_range 0 to N : tensor<Nxi32>\n  %last = arith.constant dense<" +
                        std::to_string(n - 1) + R"(> : tensor<Nxi32>
  %one = arith.constant dense<1> : tensor<Nxi32>
  %up = arith.addi %i, %one : tensor<Nxi32>
  %back = arith.subi %last, %i : tensor<Nxi32>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<Nx!tile.ptr<i32>>
  %ys = tile.splat %y : !tile.ptr<i32> -> tensor<Nx!tile.ptr<i32>>
  %p = tile.addptr %xs, )" +
                        source + R"( : tensor<Nx!tile.ptr<i32>>, tensor<Nxi32>
  %q = tile.addptr %ys, )" +
                        target + R"( : tensor<Nx!tile.ptr<i32>>, tensor<Nxi32>
  %v = tile.load %p : tensor<Nx!tile.ptr<i32>> -> tensor<Nxi32>
  tile.store %q, %v : tensor<Nx!tile.ptr<i32>>, tensor<Nxi32>
  return
})",
                    n);
}

TEST(CpuEngine, OverlappingViews) {
  for (int n : {1, 7, 33, 100})
    for (bool reverse : {false, true})
      everyForm(moveKernel(n, "%i", reverse ? "%back" : "%up"), [&](Compiled &kernel) {
        std::vector<int> x(n + 4);
        std::iota(x.begin(), x.end(), 0);
        kernel.run(1, {address(x), address(x)});
        for (int i = 0; i < n; ++i)
          ASSERT_EQ(x[reverse ? n - 1 - i : i + 1], i) << "n " << n << ", element " << i;
      });
}

TEST(CpuEngine, TransposeInPlace) {
  const char *text = R"(func.func @kernel(%x: !tile.ptr<i32>) attributes {tile.kernel} {
  %r = tile.make_range 0 to 20 : tensor<20xi32>
  %c = arith.constant dense<20> : tensor<20x20xi32>
  %a = tile.expand_dims %r at 1 : tensor<20xi32> -> tensor<20x1xi32>
  %b = tile.expand_dims %r at 0 : tensor<20xi32> -> tensor<1x20xi32>
  %i = tile.broadcast %a : tensor<20x1xi32> -> tensor<20x20xi32>
  %j = tile.broadcast %b : tensor<1x20xi32> -> tensor<20x20xi32>
  %ic = arith.muli %i, %c : tensor<20x20xi32>
  %jc = arith.muli %j, %c : tensor<20x20xi32>
  %rows = arith.addi %ic, %j : tensor<20x20xi32>
  %columns = arith.addi %jc, %i : tensor<20x20xi32>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<20x20x!tile.ptr<i32>>
  %p = tile.addptr %xs, %rows : tensor<20x20x!tile.ptr<i32>>, tensor<20x20xi32>
  %q = tile.addptr %xs, %columns : tensor<20x20x!tile.ptr<i32>>, tensor<20x20xi32>
  %v = tile.load %p : tensor<20x20x!tile.ptr<i32>> -> tensor<20x20xi32>
  tile.store %q, %v : tensor<20x20x!tile.ptr<i32>>, tensor<20x20xi32>
  return
})";
  everyForm(text, [&](Compiled &kernel) {
    std::vector<int> x(400);
    std::iota(x.begin(), x.end(), 0);
    kernel.run(1, {address(x)});
    for (int i = 0; i < 20; ++i)
      for (int j = 0; j < 20; ++j)
        ASSERT_EQ(x[j * 20 + i], i * 20 + j);
  });
}

TEST(CpuEngine, TwoStoresWithSwappedSources) {
  std::string text =
      withExtent(R"(func.func @kernel(%x: !tile.ptr<i32>, %y: !tile.ptr<i32>) attributes {tile.kernel} {
  %i = tile.make_range 0 to N : tensor<Nxi32>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<Nx!tile.ptr<i32>>
  %ys = tile.splat %y : !tile.ptr<i32> -> tensor<Nx!tile.ptr<i32>>
  %p = tile.addptr %xs, %i : tensor<Nx!tile.ptr<i32>>, tensor<Nxi32>
  %q = tile.addptr %ys, %i : tensor<Nx!tile.ptr<i32>>, tensor<Nxi32>
  %a = tile.load %p : tensor<Nx!tile.ptr<i32>> -> tensor<Nxi32>
  %b = tile.load %q : tensor<Nx!tile.ptr<i32>> -> tensor<Nxi32>
  tile.store %p, %b : tensor<Nx!tile.ptr<i32>>, tensor<Nxi32>
  tile.store %q, %a : tensor<Nx!tile.ptr<i32>>, tensor<Nxi32>
  return
})",
                 37);
  everyForm(text, [&](Compiled &kernel) {
    for (int shift : {0, 5, 40}) {
      std::vector<int> x(100), want(100);
      std::iota(x.begin(), x.end(), 0);
      want = x;
      std::vector<int> a(want.begin(), want.begin() + 37), b(want.begin() + shift, want.begin() + shift + 37);
      std::copy(b.begin(), b.end(), want.begin());
      std::copy(a.begin(), a.end(), want.begin() + shift);
      kernel.run(1, {address(x), address(x, shift)});
      ASSERT_EQ(x, want) << "shift " << shift;
    }
  });
}

TEST(CpuEngine, SumsAndMaximaOfOddExtents) {
  for (int n : {1, 7, 16, 48, 80, 781}) {
    std::string text = withExtent(
        R"(func.func @kernel(%x: !tile.ptr<f32>, %o: !tile.ptr<f32>) attributes {tile.kernel, tile.disjoint} {
  %i = tile.make_range 0 to N : tensor<Nxi32>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<Nx!tile.ptr<f32>>
  %p = tile.addptr %xs, %i : tensor<Nx!tile.ptr<f32>>, tensor<Nxi32>
  %v = tile.load %p : tensor<Nx!tile.ptr<f32>> -> tensor<Nxf32>
  %s = tile.reduce(%v) along 0 : (tensor<Nxf32>) -> f32 {
  ^bb0(%a: f32, %b: f32):
    %r = arith.addf %a, %b : f32
    tile.combine_return %r : f32
  }
  %m = tile.reduce(%v) along 0 : (tensor<Nxf32>) -> f32 {
  ^bb0(%a: f32, %b: f32):
    %r = arith.maxnumf %a, %b : f32
    tile.combine_return %r : f32
  }
  %one = arith.constant 1 : i32
  %q = tile.addptr %o, %one : !tile.ptr<f32>, i32
  tile.store %o, %s : !tile.ptr<f32>, f32
  tile.store %q, %m : !tile.ptr<f32>, f32
  return
})",
        n);
    everyForm(text, [&](Compiled &kernel) {
      std::vector<float> x(n), o(2);
      for (int i = 0; i < n; ++i)
        x[i] = float((i * 37) % 101) - 200;
      kernel.run(1, {address(x), address(o)});
      ASSERT_EQ(o[0], std::accumulate(x.begin(), x.end(), 0.0f)) << n;
      ASSERT_EQ(o[1], *std::max_element(x.begin(), x.end())) << n;
    });
  }
}

TEST(CpuEngine, ProductsOfOddShapes) {
  for (auto [m, n, k] : {std::array<int, 3>{1, 1, 1}, {7, 5, 3}, {16, 32, 16}, {33, 47, 19}, {8, 96, 1}}) {
    auto shape = [](int a, int b) { return "tensor<" + std::to_string(a) + "x" + std::to_string(b) + "x"; };
    std::string text = "func.func @kernel(%a: !tile.ptr<f32>, %b: !tile.ptr<f32>, %o: !tile.ptr<f32>) "
                       "attributes {tile.kernel} {\n";
    auto pointers = [&](const std::string &name, int rows, int columns) {
      int count = rows * columns;
      std::string flat = "tensor<" + std::to_string(count) + "x", full = shape(rows, columns);
      return "  %" + name + "i = tile.make_range 0 to " + std::to_string(count) + " : " + flat + "i32>\n  %" +
             name + "s = tile.splat %" + name + " : !tile.ptr<f32> -> " + flat + "!tile.ptr<f32>>\n  %" +
             name + "f = tile.addptr %" + name + "s, %" + name + "i : " + flat + "!tile.ptr<f32>>, " + flat +
             "i32>\n  %" + name + "p = tile.reshape %" + name + "f : " + flat + "!tile.ptr<f32>> -> " + full +
             "!tile.ptr<f32>>\n";
    };
    text += pointers("a", m, k) + pointers("b", k, n) + pointers("o", m, n);
    text += "  %x = tile.load %ap : " + shape(m, k) + "!tile.ptr<f32>> -> " + shape(m, k) + "f32>\n";
    text += "  %y = tile.load %bp : " + shape(k, n) + "!tile.ptr<f32>> -> " + shape(k, n) + "f32>\n";
    text += "  %z = tile.load %op : " + shape(m, n) + "!tile.ptr<f32>> -> " + shape(m, n) + "f32>\n";
    text += "  %d = tile.dot %x, %y, %z ieee : " + shape(m, k) + "f32>, " + shape(k, n) + "f32> -> " +
            shape(m, n) + "f32>\n";
    text += "  tile.store %op, %d : " + shape(m, n) + "!tile.ptr<f32>>, " + shape(m, n) + "f32>\n  return\n}";
    everyForm(text, [&, m = m, n = n, k = k](Compiled &kernel) {
      std::vector<float> a(m * k), b(k * n), o(m * n), want(m * n);
      for (size_t i = 0; i < a.size(); ++i)
        a[i] = float(i % 7) - 3;
      for (size_t i = 0; i < b.size(); ++i)
        b[i] = float(i % 5) - 2;
      for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j) {
          o[i * n + j] = want[i * n + j] = float(i - j);
          for (int l = 0; l < k; ++l)
            want[i * n + j] += a[i * k + l] * b[l * n + j];
        }
      kernel.run(1, {address(a), address(b), address(o)});
      ASSERT_EQ(o, want) << m << " x " << n << " x " << k;
    });
  }
}

/// Two carried tiles that change places: neither may be overwritten before it was read.
TEST(CpuEngine, CarriedTilesThatSwap) {
  std::string text = withExtent(
      R"(func.func @kernel(%x: !tile.ptr<i32>, %o: !tile.ptr<i32>, %n: i32) attributes {tile.kernel, tile.disjoint} {
  %i = tile.make_range 0 to N : tensor<Nxi32>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<Nx!tile.ptr<i32>>
  %p = tile.addptr %xs, %i : tensor<Nx!tile.ptr<i32>>, tensor<Nxi32>
  %os = tile.splat %o : !tile.ptr<i32> -> tensor<Nx!tile.ptr<i32>>
  %q = tile.addptr %os, %i : tensor<Nx!tile.ptr<i32>>, tensor<Nxi32>
  %v = tile.load %p : tensor<Nx!tile.ptr<i32>> -> tensor<Nxi32>
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %r:2 = scf.for %k = %zero to %n step %one iter_args(%a = %v, %b = %i) -> (tensor<Nxi32>, tensor<Nxi32>) : i32 {
    %s = arith.addi %a, %b : tensor<Nxi32>
    scf.yield %b, %s : tensor<Nxi32>, tensor<Nxi32>
  }
  tile.store %q, %r#1 : tensor<Nx!tile.ptr<i32>>, tensor<Nxi32>
  return
})",
      21);
  everyForm(text, [&](Compiled &kernel) {
    for (int n : {0, 1, 2, 7}) {
      std::vector<int> x(21), o(21);
      std::iota(x.begin(), x.end(), 5);
      kernel.run(1, {address(x), address(o), uint64_t(n)});
      for (int i = 0; i < 21; ++i) {
        int a = x[i], b = i;
        for (int k = 0; k < n; ++k)
          std::tie(a, b) = std::pair(b, a + b);
        ASSERT_EQ(o[i], b) << "n " << n;
      }
    }
  });
}

TEST(CpuEngine, OtherProcessorsGetCode) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(addKernel(1000), &mlirContext());
  passes::runTilePipeline(*module, true);
  for (const char *arch : {"aarch64", "x86-64-v2", "x86-64-v4"}) {
    llvm::LLVMContext context;
    Target target = targetNamed(arch);
    Kernel kernel = emitKernel(*module, target, {}, context);
    optimise(*kernel.module, target);
    EXPECT_FALSE(emitObject(*kernel.module, target).empty()) << arch;
  }
}

TEST(CpuEngine, AnUnknownOperationIsAnError) {
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>("func.func @kernel(%n: i32) attributes {tile.kernel} {\n  "
                                              "func.call @kernel(%n) : (i32) -> ()\n  return\n}",
                                              &mlirContext());
  ASSERT_TRUE(module);
  llvm::LLVMContext context;
  try {
    emitKernel(*module, targetNamed("native"), {}, context);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.diagnostic().id, Diag::codegen_unsupported_op);
    EXPECT_NE(std::string(error.what()).find("func.call"), std::string::npos);
  }
}

} // namespace
