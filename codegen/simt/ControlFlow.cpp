//===- ControlFlow.cpp - loops and branches as basic blocks, a phi a register ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conditions and bounds are scalars: all threads of a block go the same way.
//
//===----------------------------------------------------------------------===//

#include "codegen/simt/Emitter.h"

using namespace mlir;

namespace tegula::simt {

static bool isToken(Value value) { return isa<tile::TokenType>(value.getType()); }

/// What a value carries through phis, one LLVM value a register that differs.
SmallVector<llvm::Value *> Emitter::carriedValues(Value value, unsigned pack) {
  if (isToken(value))
    return {};
  if (!tile::isTile(value.getType()))
    return {scalar(value)};
  SmallVector<llvm::Value *> values;
  unsigned count = registersOf(value);
  if (pack > 1) {
    for (llvm::Value *word : words(value, 0, count))
      values.push_back(word);
    return values;
  }
  for (unsigned reg = 0; reg < count; ++reg)
    values.push_back(element(value, reg));
  return values;
}

/// Binds `value` to what came through phis.
void Emitter::bindCarried(Value value, llvm::ArrayRef<llvm::Value *> values, unsigned pack) {
  if (isToken(value))
    return;
  if (!tile::isTile(value.getType())) {
    scalars[value] = values[0];
    return;
  }
  TileValue registers;
  registers.pack = pack;
  for (llvm::Value *each : values)
    registers.parts.push_back({each, 0});
  set(value, std::move(registers));
}

/// How a carried tile is packed: as its first value is.
unsigned Emitter::carriedPack(Value init) {
  return !isToken(init) && tile::isTile(init.getType()) ? tile(init).pack : 1;
}

void Emitter::emitFor(scf::ForOp op) {
  unsigned count = op.getInitArgs().size();
  SmallVector<unsigned> packs;
  SmallVector<SmallVector<llvm::Value *>> inits;
  for (Value init : op.getInitArgs()) {
    packs.push_back(carriedPack(init));
    inits.push_back(carriedValues(init, packs.back()));
  }
  llvm::Value *lower = scalar(op.getLowerBound()), *upper = scalar(op.getUpperBound()),
              *step = scalar(op.getStep());
  llvm::BasicBlock *before = b.GetInsertBlock();
  auto *body = llvm::BasicBlock::Create(context, "for", function);
  auto *exit = llvm::BasicBlock::Create(context, "endfor");
  bool isUnsigned = op.getUnsignedCmp();
  // The test stands at the end; before the first iteration it is made once.
  b.CreateCondBr(isUnsigned ? b.CreateICmpULT(lower, upper) : b.CreateICmpSLT(lower, upper), body, exit);
  b.SetInsertPoint(body);
  llvm::PHINode *iv = b.CreatePHI(lower->getType(), 2);
  iv->addIncoming(lower, before);
  scalars[op.getInductionVar()] = iv;
  zeros[iv] = llvm::maskTrailingOnes<uint64_t>(
      std::min(llvm::countr_one(knownZero(lower)), llvm::countr_one(knownZero(step))));
  SmallVector<SmallVector<llvm::PHINode *>> phis(count);
  for (unsigned i = 0; i < count; ++i) {
    SmallVector<llvm::Value *> bound;
    for (llvm::Value *init : inits[i]) {
      phis[i].push_back(b.CreatePHI(init->getType(), 2));
      phis[i].back()->addIncoming(init, before);
      bound.push_back(phis[i].back());
    }
    bindCarried(op.getRegionIterArg(i), bound, packs[i]);
  }
  emitBlock(*op.getBody());
  Operation *yield = op.getBody()->getTerminator();
  SmallVector<SmallVector<llvm::Value *>> nexts;
  for (unsigned i = 0; i < count; ++i)
    nexts.push_back(carriedValues(yield->getOperand(i), packs[i]));
  // Not `iv + step < upper`, which could wrap around.
  llvm::Value *left = b.CreateSub(upper, iv);
  llvm::Value *next = b.CreateAdd(iv, step);
  llvm::Value *more = b.CreateICmpUGT(left, step);
  llvm::BasicBlock *latch = b.GetInsertBlock();
  b.CreateCondBr(more, body, exit);
  iv->addIncoming(next, latch);
  for (unsigned i = 0; i < count; ++i)
    for (auto [phi, value] : llvm::zip(phis[i], nexts[i]))
      phi->addIncoming(value, latch);
  function->insert(function->end(), exit);
  b.SetInsertPoint(exit);
  for (unsigned i = 0; i < count; ++i) {
    SmallVector<llvm::Value *> bound;
    for (auto [init, value] : llvm::zip(inits[i], nexts[i])) {
      llvm::PHINode *phi = b.CreatePHI(init->getType(), 2);
      phi->addIncoming(init, before);
      phi->addIncoming(value, latch);
      bound.push_back(phi);
    }
    bindCarried(op.getResult(i), bound, packs[i]);
  }
}

void Emitter::emitIf(scf::IfOp op) {
  auto *then = llvm::BasicBlock::Create(context, "then", function);
  auto *otherwise = op.elseBlock() ? llvm::BasicBlock::Create(context, "else") : nullptr;
  auto *join = llvm::BasicBlock::Create(context, "endif");
  b.CreateCondBr(scalar(op.getCondition()), then, otherwise ? otherwise : join);
  struct Arm {
    llvm::BasicBlock *end;
    SmallVector<SmallVector<llvm::Value *>> values;
  };
  SmallVector<Arm, 2> arms;
  SmallVector<unsigned> packs;
  auto emitArm = [&](Block *block) {
    emitBlock(*block);
    Arm arm;
    for (auto [i, value] : llvm::enumerate(block->getTerminator()->getOperands())) {
      if (packs.size() <= i)
        packs.push_back(carriedPack(value));
      arm.values.push_back(carriedValues(value, packs[i]));
    }
    arm.end = b.GetInsertBlock();
    b.CreateBr(join);
    arms.push_back(std::move(arm));
  };
  b.SetInsertPoint(then);
  emitArm(op.thenBlock());
  if (otherwise) {
    function->insert(function->end(), otherwise);
    b.SetInsertPoint(otherwise);
    emitArm(op.elseBlock());
  }
  function->insert(function->end(), join);
  b.SetInsertPoint(join);
  for (unsigned i = 0; i < op.getNumResults(); ++i) {
    SmallVector<llvm::Value *> bound;
    for (size_t k = 0; k < arms[0].values[i].size(); ++k) {
      llvm::PHINode *phi = b.CreatePHI(arms[0].values[i][k]->getType(), 2);
      for (Arm &arm : arms)
        phi->addIncoming(arm.values[i][k], arm.end);
      bound.push_back(phi);
    }
    bindCarried(op.getResult(i), bound, packs[i]);
  }
}

void Emitter::emitWhile(scf::WhileOp op) {
  SmallVector<unsigned> packs;
  SmallVector<SmallVector<llvm::Value *>> inits;
  for (Value init : op.getInits()) {
    packs.push_back(carriedPack(init));
    inits.push_back(carriedValues(init, packs.back()));
  }
  llvm::BasicBlock *before = b.GetInsertBlock();
  auto *head = llvm::BasicBlock::Create(context, "while", function);
  b.CreateBr(head);
  b.SetInsertPoint(head);
  SmallVector<SmallVector<llvm::PHINode *>> phis(inits.size());
  for (unsigned i = 0; i < inits.size(); ++i) {
    SmallVector<llvm::Value *> bound;
    for (llvm::Value *init : inits[i]) {
      phis[i].push_back(b.CreatePHI(init->getType(), 2));
      phis[i].back()->addIncoming(init, before);
      bound.push_back(phis[i].back());
    }
    bindCarried(op.getBeforeArguments()[i], bound, packs[i]);
  }
  emitBlock(*op.getBeforeBody());
  // The condition hands its values on to the body and to the results alike: made before the branch, they dominate both.
  auto condition = op.getConditionOp();
  for (auto [i, value] : llvm::enumerate(condition.getArgs())) {
    unsigned pack = carriedPack(value);
    auto values = carriedValues(value, pack);
    bindCarried(op.getAfterArguments()[i], values, pack);
    bindCarried(op.getResult(i), values, pack);
  }
  auto *body = llvm::BasicBlock::Create(context, "do", function);
  auto *exit = llvm::BasicBlock::Create(context, "endwhile");
  b.CreateCondBr(scalar(condition.getCondition()), body, exit);
  b.SetInsertPoint(body);
  emitBlock(*op.getAfterBody());
  Operation *yield = op.getAfterBody()->getTerminator();
  SmallVector<SmallVector<llvm::Value *>> nexts;
  for (unsigned i = 0; i < inits.size(); ++i)
    nexts.push_back(carriedValues(yield->getOperand(i), packs[i]));
  llvm::BasicBlock *latch = b.GetInsertBlock();
  b.CreateBr(head);
  for (unsigned i = 0; i < inits.size(); ++i)
    for (auto [phi, value] : llvm::zip(phis[i], nexts[i]))
      phi->addIncoming(value, latch);
  function->insert(function->end(), exit);
  b.SetInsertPoint(exit);
}

} // namespace tegula::simt
