//===- Emitter.cpp - the kernel's function, its blocks, scalar operations ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/simt/Emitter.h"

#include "codegen/cpu/Elementwise.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace tegula::simt {

Emitter::Emitter(func::FuncOp kernel, llvm::Module &module, const SimtTarget &target, const Group &group)
    : kernel(kernel), module(module), context(module.getContext()), target(target), group(group), b(context) {
}

void Emitter::unsupported(Operation *op) {
  throw Error(Diag::codegen_unsupported_op, {target.name().str(), op->getName().getStringRef().str()});
}

llvm::Type *Emitter::registerType(Type element) {
  if (isa<tile::PtrType>(element))
    return b.getPtrTy(target.globalSpace);
  return cpu::elementLLVMType(context, element);
}

unsigned Emitter::registerBits(Type element) {
  return isa<tile::PtrType>(element) ? 64 : registerType(element)->getScalarSizeInBits();
}

/// Parameters are the run-time arguments in order: pointers, integers and floats as wide as they are, i1 a byte.
void Emitter::emit(llvm::StringRef name, bool withLines) {
  SmallVector<llvm::Type *> parameters;
  for (Type type : kernel.getArgumentTypes())
    if (!isa<tile::TokenType>(type))
      parameters.push_back(type.isInteger(1) ? b.getInt8Ty() : registerType(type));
  auto *type = llvm::FunctionType::get(b.getVoidTy(), parameters, false);
  function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  target.markKernel(*function, group);
  if (withLines) {
    lines.emplace(module, *function, kernel.getLoc());
    b.SetCurrentDebugLocation(lines->at(kernel.getLoc()));
  }
  b.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
  thread = target.threadIndex(b, group);
  zeros[thread] = ~uint64_t(uint32_t(group.warps) * target.warpSize - 1);
  unsigned next = 0;
  for (auto argument : kernel.getArguments()) {
    if (isa<tile::TokenType>(argument.getType()))
      continue;
    llvm::Value *value = function->getArg(next++);
    if (argument.getType().isInteger(1))
      value = b.CreateTrunc(value, b.getInt1Ty());
    scalars[argument] = value;
  }
  if (!kernel.getBody().hasOneBlock())
    unsupported(kernel);
  // Thread parts of indices go to the entry, which ends in a branch from the start: they may be asked for anywhere.
  auto *body = llvm::BasicBlock::Create(context, "body", function);
  entryEnd = b.CreateBr(body);
  b.SetInsertPoint(body);
  emitBlock(kernel.getBody().front());
  b.CreateRetVoid();
  if (lines)
    lines->finish();
}

void Emitter::emitBlock(Block &block) {
  for (Operation &op : block) {
    if (op.hasTrait<OpTrait::IsTerminator>())
      return;
    if (lines)
      b.SetCurrentDebugLocation(lines->at(op.getLoc()));
    emitOp(&op);
  }
}

llvm::Value *Emitter::scalar(Value value) {
  auto it = scalars.find(value);
  if (it != scalars.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  unsupported(op ? op : kernel.getOperation());
}

void Emitter::emitOp(Operation *op) {
  static const llvm::DenseMap<TypeID, void (*)(Emitter &, Operation *)> table = [] {
    llvm::DenseMap<TypeID, void (*)(Emitter &, Operation *)> t;
    auto add = [&]<typename Op>(void (*emit)(Emitter &, Operation *)) { t[TypeID::get<Op>()] = emit; };
    add.operator()<tile::LoadOp>([](Emitter &e, Operation *op) { e.emitLoad(cast<tile::LoadOp>(op)); });
    add.operator()<tile::StoreOp>([](Emitter &e, Operation *op) { e.emitStore(cast<tile::StoreOp>(op)); });
    add.operator()<tile::AtomicRmwOp>(
        [](Emitter &e, Operation *op) { e.emitAtomicRmw(cast<tile::AtomicRmwOp>(op)); });
    add.operator()<tile::AtomicCasOp>(
        [](Emitter &e, Operation *op) { e.emitAtomicCas(cast<tile::AtomicCasOp>(op)); });
    add.operator()<tile::AllocOp>([](Emitter &e, Operation *op) { e.emitAlloc(cast<tile::AllocOp>(op)); });
    add.operator()<tile::SlotOp>([](Emitter &e, Operation *op) { e.emitSlot(cast<tile::SlotOp>(op)); });
    add.operator()<tile::SharedStoreOp>(
        [](Emitter &e, Operation *op) { e.emitSharedStore(cast<tile::SharedStoreOp>(op)); });
    add.operator()<tile::SharedLoadOp>(
        [](Emitter &e, Operation *op) { e.emitSharedLoad(cast<tile::SharedLoadOp>(op)); });
    add.operator()<tile::ReduceRegistersOp>(
        [](Emitter &e, Operation *op) { e.emitReduceRegisters(cast<tile::ReduceRegistersOp>(op)); });
    add.operator()<tile::ReduceLanesOp>(
        [](Emitter &e, Operation *op) { e.emitReduceLanes(cast<tile::ReduceLanesOp>(op)); });
    add.operator()<tile::AsyncCopyOp>(
        [](Emitter &e, Operation *op) { e.emitAsyncCopy(cast<tile::AsyncCopyOp>(op)); });
    add.operator()<tile::AsyncCommitOp>([](Emitter &e, Operation *) { e.target.commitCopies(e.b); });
    add.operator()<tile::AsyncWaitOp>([](Emitter &e, Operation *op) {
      e.target.waitForCopies(e.b, cast<tile::AsyncWaitOp>(op).getPending());
    });
    add.operator()<tile::ScanRunsOp>(
        [](Emitter &e, Operation *op) { e.emitScanRuns(cast<tile::ScanRunsOp>(op)); });
    add.operator()<tile::RunEndsOp>(
        [](Emitter &e, Operation *op) { e.emitRunEnds(cast<tile::RunEndsOp>(op)); });
    add.operator()<tile::ScanJoinOp>(
        [](Emitter &e, Operation *op) { e.emitScanJoin(cast<tile::ScanJoinOp>(op)); });
    add.operator()<tile::GatherOp>([](Emitter &e, Operation *op) { e.emitGather(cast<tile::GatherOp>(op)); });
    add.operator()<tile::SharedGatherOp>(
        [](Emitter &e, Operation *op) { e.emitSharedGather(cast<tile::SharedGatherOp>(op)); });
    add.operator()<tile::SharedCountOp>(
        [](Emitter &e, Operation *op) { e.emitSharedCount(cast<tile::SharedCountOp>(op)); });
    add.operator()<tile::SortKeysOp>(
        [](Emitter &e, Operation *op) { e.emitSortKeys(cast<tile::SortKeysOp>(op)); });
    add.operator()<tile::SortedValuesOp>(
        [](Emitter &e, Operation *op) { e.emitSortedValues(cast<tile::SortedValuesOp>(op)); });
    add.operator()<tile::SortStepsOp>(
        [](Emitter &e, Operation *op) { e.emitSortSteps(cast<tile::SortStepsOp>(op)); });
    add.operator()<tile::PrintOp>([](Emitter &e, Operation *op) { e.emitPrint(cast<tile::PrintOp>(op)); });
    add.operator()<tile::AssertOp>([](Emitter &e, Operation *op) { e.emitAssert(cast<tile::AssertOp>(op)); });
    add.operator()<tile::MmaOp>([](Emitter &e, Operation *op) { e.emitMma(cast<tile::MmaOp>(op)); });
    add.operator()<scf::ForOp>([](Emitter &e, Operation *op) { e.emitFor(cast<scf::ForOp>(op)); });
    add.operator()<scf::IfOp>([](Emitter &e, Operation *op) { e.emitIf(cast<scf::IfOp>(op)); });
    add.operator()<scf::WhileOp>([](Emitter &e, Operation *op) { e.emitWhile(cast<scf::WhileOp>(op)); });
    auto move = [](Emitter &e, Operation *op) { e.emitMove(op->getOperand(0), op->getResult(0)); };
    add.operator()<tile::PermuteOp>(move);
    add.operator()<tile::ShuffleOp>(move);
    add.operator()<tile::SyncOp>([](Emitter &e, Operation *) { e.target.barrier(e.b, e.group); });
    add.operator()<tile::BarrierOp>([](Emitter &e, Operation *) { e.target.barrier(e.b, e.group); });
    auto nothing = [](Emitter &, Operation *) {};
    add.operator()<tile::AssumeOp>(nothing);
    add.operator()<tile::EntryTokenOp>(nothing);
    add.operator()<tile::JoinTokensOp>(nothing);
    return t;
  }();
  auto found = table.find(op->getName().getTypeID());
  if (found != table.end())
    return found->second(*this, op);
  if (op->getNumResults() && tile::isTile(op->getResult(0).getType())) {
    if (emitIndexOp(op) || emitShapeOp(op))
      return;
    return emitElementwise(op);
  }
  emitScalarOp(op);
}

void Emitter::emitScalarOp(Operation *op) {
  if (op->getNumResults() != 1 || op->getNumRegions())
    unsupported(op);
  Value result = op->getResult(0);
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    scalars[result] = cpu::constantOf(constant.getValue(), registerType(result.getType()));
    return;
  }
  if (auto id = dyn_cast<tile::ProgramIdOp>(op)) {
    scalars[result] = target.programId(b, id.getAxis());
    return;
  }
  if (auto count = dyn_cast<tile::NumProgramsOp>(op)) {
    scalars[result] = target.numPrograms(b, count.getAxis());
    return;
  }
  if (op->getName().getStringRef() == "ub.poison") {
    scalars[result] = llvm::Constant::getNullValue(registerType(result.getType()));
    return;
  }
  SmallVector<llvm::Value *, 4> operands;
  for (Value operand : op->getOperands())
    operands.push_back(scalar(operand));
  scalars[result] = elementOp(op, operands);
}

} // namespace tegula::simt
