//===- BackendTest.cpp - the micro-kernel, code generation, its failures ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Elementwise.h"
#include "codegen/cpu/MicroKernel.h"
#include "tests/unit/codegen/JitOp.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsAArch64.h"
#include "llvm/IR/Module.h"

#include <gtest/gtest.h>

using namespace tegula::cpu;
using namespace tegula::cpu::test;
using namespace llvm;

template <typename T> static void checkMicroKernel(const char *arch, ElementKind kind, int64_t k) {
  tegula::cpu::Target target = targetNamed(arch);
  MicroShape shape = microShape(target, kind);
  int64_t lda = k + 3, ldc = shape.nr + 5;
  Jit jit(target, [&](Module &module) {
    IRBuilder<> b(module.getContext());
    auto *type = FunctionType::get(b.getVoidTy(), {b.getPtrTy(), b.getPtrTy(), b.getPtrTy()}, false);
    Function *f = Function::Create(type, GlobalValue::ExternalLinkage, "f", module);
    b.SetInsertPoint(BasicBlock::Create(module.getContext(), "", f));
    emitMicroKernel(b, target, kind, shape, f->getArg(0), lda, f->getArg(1), f->getArg(2), ldc, k);
    b.CreateRetVoid();
  });
  std::vector<T> a(size_t(shape.mr * lda)), b(size_t(k * shape.nr)), c(size_t(shape.mr * ldc)), want;
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = T(int(i * 7 % 11) - 5);
  for (size_t i = 0; i < b.size(); ++i)
    b[i] = T(int(i * 5 % 13) - 6);
  for (size_t i = 0; i < c.size(); ++i)
    c[i] = T(i);
  want = c;
  for (int64_t i = 0; i < shape.mr; ++i)
    for (int64_t j = 0; j < shape.nr; ++j)
      for (int64_t x = 0; x < k; ++x)
        want[size_t(i * ldc + j)] += a[size_t(i * lda + x)] * b[size_t(x * shape.nr + j)];
  reinterpret_cast<void (*)(T *, T *, T *)>(jit.address())(a.data(), b.data(), c.data());
  EXPECT_EQ(c, want) << arch
                     << " k = " << k; // small integers: exact in any order, and nothing else is written
}

TEST(CpuBackend, MicroKernel) {
  for (const char *arch : {"native", "x86-64"})
    for (int64_t k : {1, 3, 4, 8, 17, 64}) {
      checkMicroKernel<float>(arch, ElementKind::F32, k);
      checkMicroKernel<double>(arch, ElementKind::F64, k);
      checkMicroKernel<int32_t>(arch, ElementKind::I32, k);
    }
}

/// A function that calls an instruction of another processor, or none.
static void writeModule(Module &module, bool foreign) {
  IRBuilder<> b(module.getContext());
  auto *type = FixedVectorType::get(b.getFloatTy(), 4);
  Function *f =
      Function::Create(FunctionType::get(type, {type}, false), GlobalValue::ExternalLinkage, "f", module);
  b.SetInsertPoint(BasicBlock::Create(module.getContext(), "", f));
  Value *v = f->getArg(0);
  b.CreateRet(foreign ? b.CreateIntrinsic(Intrinsic::aarch64_neon_frecpe, {type}, {v}) : b.CreateFAdd(v, v));
}

TEST(CpuBackend, AFailureIsAnErrorAndTheNextCompileWorks) {
  tegula::cpu::Target target = targetNamed("x86-64-v3");
  for (int round = 0; round < 3; ++round) {
    LLVMContext context;
    Module bad("bad", context), good("good", context);
    writeModule(bad, true);
    writeModule(good, false);
    try {
      emitObject(bad, target);
      ADD_FAILURE() << "no error";
    } catch (const tegula::Error &error) {
      EXPECT_EQ(error.diagnostic().id, tegula::Diag::codegen_backend_failed);
      EXPECT_NE(std::string(error.what()).find("LLVM cannot compile this kernel: Cannot select"),
                std::string::npos)
          << error.what();
    }
    optimise(good, target);
    EXPECT_NE(emitAssembly(good, target).find("vaddps"), std::string::npos);
  }
}

TEST(CpuBackend, UnknownProcessor) {
  try {
    targetNamed("z80");
    ADD_FAILURE() << "no error";
  } catch (const tegula::Error &error) {
    EXPECT_EQ(error.diagnostic().id, tegula::Diag::codegen_unknown_arch);
    EXPECT_EQ(error.diagnostic().message, "'z80' is no processor that Tegula compiles for");
  }
}

TEST(CpuBackend, TargetsByName) {
  EXPECT_EQ(targetNamed("x86-64").vectorBits, 128);
  EXPECT_EQ(targetNamed("x86-64-v3").vectorBits, 256);
  EXPECT_EQ(targetNamed("x86-64-v4").vectorBits, 512);
  EXPECT_EQ(targetNamed("aarch64").vectorBits, 128);
  EXPECT_TRUE(targetNamed("native").isHost);
  EXPECT_NE(targetNamed("x86-64-v3").features.find("+fma"), std::string::npos);
  EXPECT_NE(targetNamed("x86-64-v3").features.find("+sse2"), std::string::npos);
}

/// Every kind of operation goes through selection for processors that this machine is not.
TEST(CpuBackend, OtherProcessors) {
  const std::vector<std::pair<const char *, std::vector<std::string>>> operations = {
      {"math.exp %a : f32", {"f32", "f32"}},
      {"math.sin %a : f32", {"f32", "f32"}},
      {"math.erf %a : f16", {"f16", "f16"}},
      {"math.tan %a : f64", {"f64", "f64"}},
      {"math.fma %a, %b, %c : bf16", {"bf16", "bf16", "bf16", "bf16"}},
      {"math.fma %a, %b, %c : f64", {"f64", "f64", "f64", "f64"}},
      {"math.round %a : f32", {"f32", "f32"}},
      {"arith.divsi %a, %b : i32", {"i32", "i32", "i32"}},
      {"arith.remui %a, %b : i64", {"i64", "i64", "i64"}},
      {"arith.maxnumf %a, %b : f32", {"f32", "f32", "f32"}},
      {"arith.truncf %a : f64 to f16", {"f64", "f16"}},
      {"tile.fp_to_fp %a rtne : f32 -> f8E4M3FN", {"f32", "f8E4M3FN"}},
      {"tile.fp_to_fp %a rtne : f8E5M2 -> bf16", {"f8E5M2", "bf16"}},
      {"arith.select %a, %b, %c : bf16", {"i1", "bf16", "bf16", "bf16"}},
      {"arith.sitofp %a : i64 to bf16", {"i64", "bf16"}},
      {"tile.mulhi_u %a, %b : i64", {"i64", "i64", "i64"}},
  };
  for (const char *arch : {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"})
    for (auto &[operation, types] : operations)
      for (unsigned lanes : {1, 4, 16})
        EXPECT_FALSE(compileOp(operation, types, lanes, targetNamed(arch)).empty())
            << arch << " " << operation;
}
