//===- Kernel.cpp - the entry function, the loop over programs, operations in order ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

#include "codegen/cpu/Elementwise.h"

#include "llvm/IR/Verifier.h"

using namespace mlir;

namespace tegula::cpu {

Engine::Engine(func::FuncOp kernel, llvm::Module &module, const Target &target, const Options &options)
    : kernel(kernel), module(module), context(module.getContext()), target(target), options(options),
      isaFacts(isaOf(target)), plan(kernel, options), b(context), lanes(std::max(4, target.vectorBits / 32)) {
  beginNest();
}

void Engine::unsupported(Operation *op) {
  throw Error(Diag::codegen_unsupported_op, {"cpu", op->getName().getStringRef().str()});
}

int64_t Engine::emit(llvm::StringRef name) {
  llvm::Type *pointer = b.getPtrTy();
  auto *type =
      llvm::FunctionType::get(b.getVoidTy(), {pointer, pointer, b.getInt64Ty(), b.getInt64Ty()}, false);
  function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module);
  std::string width = std::to_string(target.vectorBits);
  function->addFnAttr("prefer-vector-width", width);
  function->addFnAttr("min-legal-vector-width", width);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->addParamAttr(0, llvm::Attribute::NoAlias);
  function->addParamAttr(1, llvm::Attribute::NoAlias);
  launch = function->getArg(0);
  scratch = function->getArg(1);
  b.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
  auto slot = [&](int64_t offset) { return b.CreateGEP(b.getInt8Ty(), launch, b.getInt64(offset)); };
  for (int axis = 0; axis < 3; ++axis)
    gridSizes[axis] = b.CreateLoad(b.getInt32Ty(), slot(offsetof(Launch, grid) + 4 * axis));
  llvm::Value *arguments = b.CreateLoad(pointer, slot(offsetof(Launch, arguments)));
  for (auto [i, argument] : llvm::enumerate(kernel.getArguments())) {
    llvm::Value *at = b.CreateGEP(b.getInt64Ty(), arguments, b.getInt64(i));
    if (isa<FloatType, IndexType, tile::PtrType>(argument.getType()) || argument.getType().isInteger()) {
      llvm::Value *value = b.CreateLoad(memoryType(argument.getType()), at);
      scalars[argument] = fromMemory(value, argument.getType());
    }
  }
  emitProgram();
  return arena.size();
}

/// for (id = first; id < last && !stopped; ++id) with the three coordinates of id kept beside it.
void Engine::emitProgram() {
  llvm::Value *first = function->getArg(2), *last = function->getArg(3);
  auto wide = [&](llvm::Value *value) { return b.CreateZExt(value, b.getInt64Ty()); };
  llvm::Value *gx = wide(gridSizes[0]), *gy = wide(gridSizes[1]);
  auto *start = llvm::BasicBlock::Create(context, "start", function);
  auto *head = llvm::BasicBlock::Create(context, "program", function);
  auto *run = llvm::BasicBlock::Create(context, "run", function);
  auto *done = llvm::BasicBlock::Create(context, "done");
  b.CreateCondBr(b.CreateICmpSLT(first, last), start, done);
  b.SetInsertPoint(start);
  llvm::Value *rest = b.CreateUDiv(first, gx);
  llvm::Value *begin[3] = {b.CreateTrunc(b.CreateURem(first, gx), b.getInt32Ty()),
                           b.CreateTrunc(b.CreateURem(rest, gy), b.getInt32Ty()),
                           b.CreateTrunc(b.CreateUDiv(rest, gy), b.getInt32Ty())};
  b.CreateBr(head);
  b.SetInsertPoint(head);
  llvm::PHINode *id = b.CreatePHI(b.getInt64Ty(), 2), *at[3];
  id->addIncoming(first, start);
  for (int axis = 0; axis < 3; ++axis) {
    at[axis] = b.CreatePHI(b.getInt32Ty(), 2);
    at[axis]->addIncoming(begin[axis], start);
    programIds[axis] = at[axis];
  }
  program = id;
  auto *stopped =
      b.CreateLoad(b.getInt32Ty(), b.CreateGEP(b.getInt8Ty(), launch, b.getInt64(offsetof(Launch, stopped))));
  stopped->setAlignment(llvm::Align(4));
  stopped->setAtomic(llvm::AtomicOrdering::Monotonic);
  b.CreateCondBr(b.CreateICmpNE(stopped, b.getInt32(0)), done, run);
  b.SetInsertPoint(run);
  if (!kernel.getBody().hasOneBlock())
    unsupported(kernel);
  emitBlock(kernel.getBody().front());

  llvm::Value *next = b.CreateAdd(id, b.getInt64(1), "", true, true);
  llvm::Value *x = b.CreateAdd(at[0], b.getInt32(1));
  llvm::Value *wrapX = b.CreateICmpEQ(x, gridSizes[0]);
  llvm::Value *y = b.CreateAdd(at[1], b.CreateZExt(wrapX, b.getInt32Ty()));
  llvm::Value *wrapY = b.CreateICmpEQ(y, gridSizes[1]);
  llvm::Value *z = b.CreateAdd(at[2], b.CreateZExt(wrapY, b.getInt32Ty()));
  llvm::BasicBlock *latch = b.GetInsertBlock();
  id->addIncoming(next, latch);
  at[0]->addIncoming(b.CreateSelect(wrapX, b.getInt32(0), x), latch);
  at[1]->addIncoming(b.CreateSelect(wrapY, b.getInt32(0), y), latch);
  at[2]->addIncoming(z, latch);
  b.CreateCondBr(b.CreateICmpSLT(next, last), head, done);
  function->insert(function->end(), done);
  b.SetInsertPoint(done);
  b.CreateRetVoid();
}

void Engine::emitBlock(Block &block) {
  for (Operation &op : block) {
    if (op.hasTrait<OpTrait::IsTerminator>())
      return;
    emitOp(&op);
    releaseAfter(&op);
  }
}

llvm::Value *Engine::scalar(Value value) {
  auto it = scalars.find(value);
  if (it != scalars.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  unsupported(op ? op : kernel.getOperation());
}

void Engine::emitOp(Operation *op) {
  beginNest();
  if (auto store = dyn_cast<tile::StoreOp>(op))
    return emitStore(store);
  if (auto reduce = dyn_cast<tile::ReduceOp>(op))
    return emitReduce(reduce);
  if (auto scan = dyn_cast<tile::ScanOp>(op))
    return emitScan(scan);
  if (auto dot = dyn_cast<tile::DotOp>(op))
    return emitDot(dot);
  if (auto gather = dyn_cast<tile::GatherOp>(op))
    return emitGather(gather);
  if (auto sort = dyn_cast<tile::SortOp>(op))
    return emitSort(sort);
  if (auto histogram = dyn_cast<tile::HistogramOp>(op))
    return emitHistogram(histogram);
  if (auto rmw = dyn_cast<tile::AtomicRmwOp>(op))
    return emitAtomicRmw(rmw);
  if (auto cas = dyn_cast<tile::AtomicCasOp>(op))
    return emitAtomicCas(cas);
  if (auto print = dyn_cast<tile::PrintOp>(op))
    return emitPrint(print);
  if (auto assertion = dyn_cast<tile::AssertOp>(op))
    return emitAssert(assertion);
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return emitFor(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return emitIf(branch);
  if (auto loop = dyn_cast<scf::WhileOp>(op))
    return emitWhile(loop);
  if (isa<tile::AssumeOp, tile::EntryTokenOp, tile::JoinTokensOp, tile::BarrierOp>(op))
    return;
  if (op->getNumResults() && tile::isTile(op->getResult(0).getType())) {
    bool known =
        isElementwise(op) ||
        isa<arith::ConstantOp, tile::MakeRangeOp, tile::LoadOp, tile::SplatOp, tile::BroadcastOp,
            tile::ExpandDimsOp, tile::ReshapeOp, tile::TransOp, tile::JoinOp, tile::SplitOp, tile::CatOp>(op);
    if (!known)
      unsupported(op);
    for (Value result : op->getResults())
      if (tile::isTile(result.getType()) && plan.form(result) == Form::Own)
        materialise(result);
    return;
  }
  emitScalarOp(op);
}

void Engine::emitScalarOp(Operation *op) {
  if (op->getNumResults() == 0 || op->getNumRegions())
    unsupported(op);
  Value result = op->getResult(0);
  if (auto load = dyn_cast<tile::LoadOp>(op))
    return emitScalarLoad(load);
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    scalars[result] = constantOf(constant.getValue(), elementLLVMType(context, result.getType()));
    return;
  }
  if (auto id = dyn_cast<tile::ProgramIdOp>(op)) {
    scalars[result] = programIds[id.getAxis()];
    return;
  }
  if (auto count = dyn_cast<tile::NumProgramsOp>(op)) {
    scalars[result] = gridSizes[count.getAxis()];
    return;
  }
  if (op->getName().getStringRef() == "ub.poison") {
    scalars[result] = llvm::Constant::getNullValue(elementLLVMType(context, result.getType()));
    return;
  }
  if (!isElementwise(op) || op->getNumResults() != 1)
    unsupported(op);
  SmallVector<llvm::Value *, 4> operands;
  for (Value operand : op->getOperands())
    operands.push_back(scalar(operand));
  llvm::Value *value = emitElementwise(b, op, operands, 1, target);
  if (!value)
    unsupported(op);
  scalars[result] = value;
}

Kernel emitKernel(ModuleOp module, const Target &target, const Options &options, llvm::LLVMContext &context) {
  OwningOpRef<ModuleOp> copy = module.clone();
  Operation *kernel = tile::kernelOf(*copy);
  if (!kernel)
    throw Error(Diag::internal_error, {"the module holds no kernel", "the dumped tile IR"});
  auto function = cast<func::FuncOp>(kernel);
  Kernel result;
  result.entry = function.getName().str();
  result.module = std::make_unique<llvm::Module>(result.entry, context);
  result.module->setTargetTriple(llvm::Triple(target.triple));
  prepare(function);
  Engine engine(function, *result.module, target, options);
  result.scratchBytes = engine.emit(result.entry);
  return result;
}

} // namespace tegula::cpu
