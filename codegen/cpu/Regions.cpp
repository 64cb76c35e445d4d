//===- Regions.cpp - control flow: scalars in phis, tiles in buffers ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

using namespace mlir;

namespace tegula::cpu {

static bool isScalar(Type type) { return !tile::isTile(type) && !isa<tile::TokenType>(type); }

/// Writes the tiles that a terminator hands on. `args`: in a loop, the carried tiles whose buffers are the targets:
/// one is overwritten only when no other yielded expression reads it any more.
void Engine::yieldTiles(Operation *yield, unsigned firstOperand, llvm::ArrayRef<Value> targets,
                        bool carried) {
  SmallVector<unsigned> pending;
  for (auto [i, target] : llvm::enumerate(targets))
    if (tile::isTile(target.getType()) && !sameBuffer(yield->getOperand(firstOperand + i), target))
      pending.push_back(i);
  auto conflict = [&](unsigned i) {
    if (!carried)
      return false;
    for (const Consumer &consumer : plan.consumers(targets[i])) {
      if (consumer.sink != yield)
        continue;
      unsigned reader = consumer.operand - 1 - firstOperand;
      if (reader == i ? !consumer.identity() : llvm::is_contained(pending, reader))
        return true;
    }
    return false;
  };
  struct Late {
    unsigned index;
    Buffer buffer;
  };
  SmallVector<Late> late;
  while (!pending.empty()) {
    auto it = llvm::find_if(pending, [&](unsigned i) { return !conflict(i); });
    bool direct = it != pending.end();
    unsigned i = direct ? *it : pending.front();
    Value value = yield->getOperand(firstOperand + i);
    if (direct) {
      materialiseInto(value, buffers.lookup(targets[i]), nullptr);
    } else {
      late.push_back({i, makeBuffer(value.getType())});
      materialiseInto(value, late.back().buffer, nullptr);
    }
    llvm::erase(pending, i);
  }
  for (Late &one : late) {
    copyBuffer(tile::shapeOf(targets[one.index].getType()), one.buffer, buffers.lookup(targets[one.index]));
    arena.release(one.buffer.offset);
  }
}

void Engine::copyBuffer(llvm::ArrayRef<int64_t> shape, const Buffer &from, const Buffer &to) {
  beginNest();
  nest(shape, chooseLanes(shape, {}, true), [&](const Chunk &chunk) {
    active = chunk.active;
    writeBuffer(to, chunk.point, readBuffer(from, chunk.point), chunk.active);
  });
}

void Engine::emitFor(scf::ForOp op) {
  if (canInterchange(op))
    return emitInterchanged(op);
  unsigned count = op.getInitArgs().size();
  MicroShape f32 = microShape(target, ElementKind::F32), f64 = microShape(target, ElementKind::F64);
  for (unsigned i = 0; i < count; ++i) {
    Value arg = op.getRegionIterArg(i), init = op.getInitArgs()[i];
    if (!tile::isTile(arg.getType()))
      continue;
    bool padded = plan.accumulates(arg);
    Type element = tile::elementType(arg.getType());
    MicroShape shape = element.isF64()             ? f64
                       : isa<IntegerType>(element) ? microShape(target, ElementKind::I32)
                                                   : f32;
    Buffer buffer = makeBuffer(arg.getType(), padded ? shape.mr : 0, padded ? shape.nr : 0);
    materialiseInto(init, buffer, nullptr);
    buffers[arg] = buffer;
    buffers[op.getResult(i)] = buffer;
  }
  llvm::Value *lower = scalar(op.getLowerBound()), *upper = scalar(op.getUpperBound()),
              *step = scalar(op.getStep());
  SmallVector<llvm::Value *> inits;
  for (Value init : op.getInitArgs())
    inits.push_back(isScalar(init.getType()) ? scalar(init) : nullptr);
  llvm::BasicBlock *before = b.GetInsertBlock();
  auto *body = llvm::BasicBlock::Create(context, "for", function);
  auto *exit = llvm::BasicBlock::Create(context, "endfor");
  bool isUnsigned = op.getUnsignedCmp();
  b.CreateCondBr(isUnsigned ? b.CreateICmpULT(lower, upper) : b.CreateICmpSLT(lower, upper), body, exit);
  b.SetInsertPoint(body);
  llvm::PHINode *iv = b.CreatePHI(lower->getType(), 2);
  iv->addIncoming(lower, before);
  scalars[op.getInductionVar()] = iv;
  SmallVector<llvm::PHINode *> phis(count, nullptr);
  for (unsigned i = 0; i < count; ++i) {
    if (!inits[i])
      continue;
    phis[i] = b.CreatePHI(inits[i]->getType(), 2);
    phis[i]->addIncoming(inits[i], before);
    scalars[op.getRegionIterArg(i)] = phis[i];
  }
  emitBlock(*op.getBody());
  Operation *yield = op.getBody()->getTerminator();
  SmallVector<Value> args(op.getRegionIterArgs().begin(), op.getRegionIterArgs().end());
  yieldTiles(yield, 0, args, true);
  releaseAfter(yield);

  llvm::BasicBlock *latch = b.GetInsertBlock();
  SmallVector<llvm::Value *> nexts(count, nullptr);
  for (unsigned i = 0; i < count; ++i)
    if (phis[i])
      phis[i]->addIncoming(nexts[i] = scalar(yield->getOperand(i)), latch);
  // Not `iv + step < upper`, which could wrap around.
  iv->addIncoming(b.CreateAdd(iv, step), latch);
  b.CreateCondBr(b.CreateICmpUGT(b.CreateSub(upper, iv), step), body, exit);
  function->insert(function->end(), exit);
  b.SetInsertPoint(exit);
  for (unsigned i = 0; i < count; ++i) {
    if (!phis[i])
      continue;
    llvm::PHINode *result = b.CreatePHI(inits[i]->getType(), 2);
    result->addIncoming(inits[i], before);
    result->addIncoming(nexts[i], latch);
    scalars[op.getResult(i)] = result;
  }
}

void Engine::emitIf(scf::IfOp op) {
  SmallVector<Value> results(op.getResults().begin(), op.getResults().end());
  for (Value result : results)
    if (tile::isTile(result.getType()))
      buffers[result] = makeBuffer(result.getType());
  llvm::Value *condition = scalar(op.getCondition());
  auto *then = llvm::BasicBlock::Create(context, "then", function);
  auto *otherwise = llvm::BasicBlock::Create(context, "else");
  auto *merge = llvm::BasicBlock::Create(context, "endif");
  bool hasElse = !op.getElseRegion().empty();
  b.CreateCondBr(condition, then, hasElse ? otherwise : merge);
  SmallVector<SmallVector<llvm::Value *>, 2> values;
  SmallVector<llvm::BasicBlock *, 2> ends;
  auto arm = [&](Region &region, llvm::BasicBlock *block) {
    b.SetInsertPoint(block);
    emitBlock(region.front());
    Operation *yield = region.front().getTerminator();
    yieldTiles(yield, 0, results, false);
    releaseAfter(yield);
    auto &list = values.emplace_back();
    for (Value value : yield->getOperands())
      list.push_back(isScalar(value.getType()) ? scalar(value) : nullptr);
    ends.push_back(b.GetInsertBlock());
    b.CreateBr(merge);
  };
  arm(op.getThenRegion(), then);
  if (hasElse) {
    function->insert(function->end(), otherwise);
    arm(op.getElseRegion(), otherwise);
  } else {
    delete otherwise;
  }
  function->insert(function->end(), merge);
  b.SetInsertPoint(merge);
  for (auto [i, result] : llvm::enumerate(results)) {
    if (!isScalar(result.getType()))
      continue;
    llvm::PHINode *phi = b.CreatePHI(values[0][i]->getType(), 2);
    for (size_t k = 0; k < ends.size(); ++k)
      phi->addIncoming(values[k][i], ends[k]);
    scalars[result] = phi;
  }
}

void Engine::emitWhile(scf::WhileOp op) {
  SmallVector<Value> beforeArgs(op.getBeforeArguments().begin(), op.getBeforeArguments().end());
  SmallVector<Value> afterArgs(op.getAfterArguments().begin(), op.getAfterArguments().end());
  for (auto [arg, init] : llvm::zip(beforeArgs, op.getInits())) {
    if (!tile::isTile(arg.getType()))
      continue;
    Buffer buffer = makeBuffer(arg.getType());
    materialiseInto(init, buffer, nullptr);
    buffers[arg] = buffer;
  }
  for (auto [arg, result] : llvm::zip(afterArgs, op.getResults()))
    if (tile::isTile(arg.getType())) {
      Buffer buffer = makeBuffer(arg.getType());
      buffers[arg] = buffer;
      buffers[result] = buffer;
    }

  llvm::BasicBlock *entering = b.GetInsertBlock();
  auto *head = llvm::BasicBlock::Create(context, "while", function);
  auto *body = llvm::BasicBlock::Create(context, "do");
  auto *exit = llvm::BasicBlock::Create(context, "endwhile");
  b.CreateBr(head);
  b.SetInsertPoint(head);
  SmallVector<llvm::PHINode *> phis(beforeArgs.size(), nullptr);
  for (auto [i, arg] : llvm::enumerate(beforeArgs)) {
    if (!isScalar(arg.getType()))
      continue;
    llvm::Value *init = scalar(op.getInits()[i]);
    phis[i] = b.CreatePHI(init->getType(), 2);
    phis[i]->addIncoming(init, entering);
    scalars[arg] = phis[i];
  }
  emitBlock(*op.getBeforeBody());
  auto condition = op.getConditionOp();
  yieldTiles(condition, 1, afterArgs, false);
  releaseAfter(condition);
  for (auto [value, arg, result] : llvm::zip(condition.getArgs(), afterArgs, op.getResults()))
    if (isScalar(value.getType())) {
      llvm::Value *handed = scalar(value);
      scalars[arg] = handed;
      scalars[result] = handed;
    }
  b.CreateCondBr(scalar(condition.getCondition()), body, exit);
  function->insert(function->end(), body);
  b.SetInsertPoint(body);
  emitBlock(*op.getAfterBody());
  Operation *yield = op.getAfterBody()->getTerminator();
  yieldTiles(yield, 0, beforeArgs, false);
  releaseAfter(yield);
  for (auto [i, phi] : llvm::enumerate(phis))
    if (phi)
      phi->addIncoming(scalar(yield->getOperand(i)), b.GetInsertBlock());
  b.CreateBr(head);
  function->insert(function->end(), exit);
  b.SetInsertPoint(exit);
  for (Value arg : beforeArgs)
    if (tile::isTile(arg.getType()))
      arena.release(buffers.lookup(arg).offset);
}

} // namespace tegula::cpu
