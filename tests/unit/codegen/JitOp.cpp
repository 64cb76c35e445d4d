//===- JitOp.cpp - one element-wise operation, compiled and run over arrays ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/JitOp.h"

#include "codegen/cpu/Elementwise.h"
#include "ir/ops/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace tegula::cpu::test {

[[noreturn]] static void fail(const std::string &message) {
  errs() << message << "\n";
  std::abort();
}

template <typename T> static T must(Expected<T> value) {
  if (!value)
    fail(toString(value.takeError()));
  return static_cast<T &&>(*value);
}

static void must(llvm::Error error) {
  if (error)
    fail(toString(std::move(error)));
}

static orc::LLJIT &session() {
  static auto *jit = must(orc::LLJITBuilder().create()).release();
  return *jit;
}

Jit::Jit(const Target &target, const std::function<void(llvm::Module &)> &write) {
  LLVMContext context;
  Module module("test", context);
  write(module);
  if (verifyModule(module, &errs()))
    fail("the module does not verify");
  optimise(module, target);
  if (keepAssembly)
    text = emitAssembly(module, target);
  std::string object = emitObject(module, target);
  static int count = 0;
  orc::LLJIT &jit = session();
  orc::JITDylib &library = must(jit.createJITDylib("op" + std::to_string(count++)));
  orc::SymbolMap symbols;
  for (RuntimeSymbol symbol : runtimeSymbols())
    symbols[jit.mangleAndIntern(symbol.name)] = {orc::ExecutorAddr::fromPtr(symbol.address),
                                                 JITSymbolFlags::Exported};
  must(library.define(orc::absoluteSymbols(std::move(symbols))));
  must(jit.addObjectFile(library, MemoryBuffer::getMemBufferCopy(object)));
  entry = must(jit.lookup(library, "f")).toPtr<void *>();
}

/// f(out, in[], n): the operation over arrays, `lanes` elements a turn.
static void writeLoop(Module &module, mlir::Operation *op, unsigned lanes, const Target &target) {
  LLVMContext &context = module.getContext();
  IRBuilder<> b(context);
  auto *type = FunctionType::get(b.getVoidTy(), {b.getPtrTy(), b.getPtrTy(), b.getInt64Ty()}, false);
  Function *f = Function::Create(type, GlobalValue::ExternalLinkage, "f", module);
  auto *entry = BasicBlock::Create(context, "", f), *loop = BasicBlock::Create(context, "", f),
       *done = BasicBlock::Create(context, "", f);
  auto vec = [&](Type *t) { return lanes == 1 ? t : FixedVectorType::get(t, lanes); };
  b.SetInsertPoint(entry);
  std::vector<Value *> bases;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    bases.push_back(b.CreateLoad(b.getPtrTy(), b.CreateConstGEP1_64(b.getPtrTy(), f->getArg(1), i)));
  b.CreateBr(loop);
  b.SetInsertPoint(loop);
  PHINode *index = b.CreatePHI(b.getInt64Ty(), 2);
  std::vector<Value *> operands;
  for (unsigned i = 0; i < op->getNumOperands(); ++i) {
    Type *element = elementLLVMType(context, op->getOperand(i).getType());
    Type *stored = element->isIntegerTy(1) ? b.getInt8Ty() : element;
    Value *v = b.CreateAlignedLoad(vec(stored), b.CreateGEP(stored, bases[i], index), Align(1));
    operands.push_back(stored == element ? v : b.CreateTrunc(v, vec(element)));
  }
  Value *result = emitElementwise(b, op, operands, lanes, target);
  if (!result)
    fail("not element-wise");
  Type *element = elementLLVMType(context, op->getResult(0).getType());
  if (result->getType() != vec(element))
    fail("wrong type of the result");
  if (element->isIntegerTy(1)) {
    element = b.getInt8Ty();
    result = b.CreateZExt(result, vec(element));
  }
  b.CreateAlignedStore(result, b.CreateGEP(element, f->getArg(0), index), Align(1));
  Value *next = b.CreateAdd(index, b.getInt64(lanes));
  index->addIncoming(b.getInt64(0), entry);
  index->addIncoming(next, loop);
  b.CreateCondBr(b.CreateICmpULT(next, f->getArg(2)), loop, done);
  b.SetInsertPoint(done);
  b.CreateRetVoid();
}

static void writeOperation(Module &module, const std::string &operation,
                           const std::vector<std::string> &types, unsigned lanes, const Target &target) {
  static auto *context = [] {
    auto *c = new mlir::MLIRContext(mlir::MLIRContext::Threading::DISABLED);
    tile::loadDialects(*c);
    return c;
  }();
  std::string text = "func.func @f(";
  for (size_t i = 0; i + 1 < types.size(); ++i)
    text += std::string(i ? ", " : "") + "%" + char('a' + i) + ": " + types[i];
  text += ") -> " + types.back() + " {\n%r = " + operation + "\nreturn %r : " + types.back() + "\n}";
  auto parsed = mlir::parseSourceString<mlir::ModuleOp>(text, context);
  if (!parsed)
    fail("cannot parse " + text);
  auto function = *parsed->getOps<mlir::func::FuncOp>().begin();
  writeLoop(module, &function.getBody().front().front(), lanes, target);
}

std::string compileOp(const std::string &operation, const std::vector<std::string> &types, unsigned lanes,
                      const Target &target) {
  LLVMContext context;
  Module module("test", context);
  writeOperation(module, operation, types, lanes, target);
  optimise(module, target);
  return emitObject(module, target);
}

JitOp::JitOp(const std::string &operation, std::vector<std::string> types, unsigned lanes,
             const Target &target)
    : jit(std::make_unique<Jit>(target,
                                [&](Module &m) { writeOperation(m, operation, types, lanes, target); })) {}

void JitOp::run(void *out, std::vector<const void *> in, size_t n) const {
  reinterpret_cast<void (*)(void *, const void *const *, int64_t)>(jit->address())(out, in.data(),
                                                                                   int64_t(n));
}

} // namespace tegula::cpu::test
