//===- MathLibraryTest.cpp - the functions that are linked into GPU kernels ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/MathLibrary.h"
#include "codegen/nvptx/Nvptx.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/TargetParser/Triple.h"

#include <gtest/gtest.h>

using namespace tegula;

namespace {

struct Taken {
  std::string name, arguments;
};

std::vector<Taken> allTaken() {
  return {
#define TAKE(name, arguments) {#name, #arguments},
#include "codegen/nvptx/MathLibrary.def"
#undef TAKE
  };
}

/// A function that calls some of the library.
class MathLibrary : public ::testing::Test {
protected:
  llvm::LLVMContext context;
  llvm::Module module{"test", context};
  llvm::IRBuilder<> b{context};

  void SetUp() override {
    module.setTargetTriple(llvm::Triple("nvptx64-nvidia-cuda"));
    auto *type =
        llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy(1), b.getDoubleTy(), b.getFloatTy()}, false);
    auto *f = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, "kernel", module);
    b.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", f));
  }
  llvm::Value *call(const Taken &taken) {
    llvm::Function *f = module.getFunction("kernel");
    llvm::SmallVector<llvm::Value *> arguments(taken.arguments.size(),
                                               f->getArg(taken.arguments[0] == 'd' ? 1 : 2));
    llvm::Value *value = nvptx::callMathLibrary(b, taken.name, arguments);
    if (value)
      b.CreateStore(value, f->getArg(0), /*isVolatile=*/true);
    return value;
  }
  void link() {
    b.CreateRetVoid();
    nvptx::linkMathLibrary(module);
    ASSERT_FALSE(llvm::verifyModule(module, &llvm::errs()));
  }
  int definitions() {
    int count = 0;
    for (const llvm::Function &f : module)
      count += !f.isDeclaration();
    return count;
  }
};

} // namespace

TEST_F(MathLibrary, NothingIsLinkedForNothing) {
  EXPECT_EQ(call({"no_such_function", "d"}), nullptr);
  EXPECT_EQ(call({"exp", "f"}), nullptr); // f32 has instructions
  link();
  EXPECT_EQ(definitions(), 1);
  EXPECT_TRUE(module.global_empty());
}

TEST_F(MathLibrary, OnlyWhatIsCalledIsLinked) {
  ASSERT_TRUE(call({"exp", "d"}));
  ASSERT_TRUE(call({"exp", "d"}));
  link();
  EXPECT_EQ(definitions(), 2);
  EXPECT_TRUE(module.getFunction("_Z3expd")->hasInternalLinkage());
  EXPECT_EQ(module.global_size(), 2u); // two parts of 2^(j/64)
}

TEST_F(MathLibrary, FunctionsAreWhole) {
  for (const Taken &taken : allTaken())
    ASSERT_TRUE(call(taken)) << taken.name << taken.arguments;
  link();
  for (const llvm::Function &f : module) {
    EXPECT_TRUE(!f.isDeclaration() || f.isIntrinsic()) << f.getName().str();
    for (const llvm::Instruction &i : llvm::instructions(f)) {
      // Undefined outside of the integers' range, where PTX is not.
      EXPECT_FALSE((llvm::isa<llvm::FPToSIInst, llvm::FPToUIInst>(i))) << f.getName().str();
      EXPECT_FALSE(llvm::isa<llvm::FPMathOperator>(i) && i.hasAllowContract()) << f.getName().str();
      auto *called = llvm::dyn_cast<llvm::CallBase>(&i);
      EXPECT_FALSE(called && called->getIntrinsicID() == llvm::Intrinsic::fmuladd) << f.getName().str();
    }
  }
  for (const llvm::GlobalVariable &table : module.globals())
    EXPECT_EQ(table.getAddressSpace(), 1u) << table.getName().str();
}

TEST_F(MathLibrary, EveryArchitectureTakesIt) {
  for (const Taken &taken : allTaken())
    call(taken);
  link();
  std::string ptx = nvptx::emitPtx(module, nvptx::targetNamed("sm_75"));
  EXPECT_NE(ptx.find("_Z3powdd"), std::string::npos);
  EXPECT_EQ(ptx.find(".extern"), std::string::npos);
}
