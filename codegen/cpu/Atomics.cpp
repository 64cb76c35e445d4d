//===- Atomics.cpp - atomic operations, an element at a time in index order ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

#include "codegen/cpu/Elementwise.h"

#include <numeric>

using namespace mlir;

namespace tegula::cpu {

static llvm::AtomicOrdering orderingOf(tile::MemSem sem) {
  switch (sem) {
  case tile::MemSem::Relaxed: return llvm::AtomicOrdering::Monotonic;
  case tile::MemSem::Acquire: return llvm::AtomicOrdering::Acquire;
  case tile::MemSem::Release: return llvm::AtomicOrdering::Release;
  default: return llvm::AtomicOrdering::AcquireRelease;
  }
}

static llvm::AtomicOrdering failureOf(llvm::AtomicOrdering ordering) {
  return llvm::AtomicCmpXchgInst::getStrongestFailureOrdering(ordering);
}

/// Runs `element` for every element that is not masked out, and keeps what it gives if anything reads it.
void Engine::atomicNest(Operation *op, Value pointers, Value mask, Value result,
                        llvm::function_ref<llvm::Value *(llvm::Value *, const Point &)> element) {
  bool isTile = tile::isTile(pointers.getType());
  bool kept = isTile && !plan.consumers(result).empty();
  beginNest();
  Buffer buffer;
  if (kept)
    buffer = makeBuffer(result.getType());
  auto one = [&](const Point &point) {
    llvm::Value *pointer = eval(pointers, point).value;
    llvm::Value *condition = mask ? eval(mask, point).value : nullptr;
    // What the element needs is evaluated before the branch, so that nothing of it is remembered from inside only.
    for (Value operand : op->getOperands())
      if (!isa<tile::TokenType>(operand.getType()))
        eval(operand, point);
    llvm::Value *value;
    if (condition) {
      llvm::BasicBlock *before = b.GetInsertBlock();
      auto *run = llvm::BasicBlock::Create(context, "atomic", function);
      auto *next = llvm::BasicBlock::Create(context, "next");
      b.CreateCondBr(condition, run, next);
      b.SetInsertPoint(run);
      llvm::Value *got = element(pointer, point);
      llvm::BasicBlock *end = b.GetInsertBlock();
      b.CreateBr(next);
      function->insert(function->end(), next);
      b.SetInsertPoint(next);
      llvm::PHINode *phi = b.CreatePHI(got->getType(), 2);
      phi->addIncoming(llvm::Constant::getNullValue(got->getType()), before);
      phi->addIncoming(got, end);
      value = phi;
    } else {
      value = element(pointer, point);
    }
    if (kept)
      writeBuffer(buffer, point, {value, level(), false}, nullptr);
    else if (!isTile)
      scalars[result] = value;
  };
  if (!isTile)
    return one({});
  auto shape = tile::shapeOf(pointers.getType());
  SmallVector<int> dims(shape.size());
  std::iota(dims.begin(), dims.end(), 0);
  Point point(shape.size());
  forEach(dims, shape, point, [&] { one(point); });
  if (kept)
    buffers[result] = buffer;
}

llvm::Value *Engine::atomicElement(tile::AtomicRmwOp op, llvm::Value *pointer, llvm::Value *value) {
  Type type = tile::elementType(op.getValue().getType());
  llvm::AtomicOrdering ordering = orderingOf(op.getSem());
  bool isFloat = isa<FloatType>(type);
  unsigned bits = type.isInteger(1) ? 8 : type.getIntOrFloatBitWidth();
  llvm::Type *word = b.getIntNTy(bits);
  llvm::Align align(bits / 8);
  auto simple = [&](llvm::AtomicRMWInst::BinOp kind) {
    llvm::Value *raw = type.isInteger(1) ? b.CreateZExt(value, word)
                       : isFloat         ? b.CreateBitCast(value, word)
                                         : value;
    llvm::Value *old = b.CreateAtomicRMW(kind, pointer, raw, align, ordering);
    return isFloat ? b.CreateBitCast(old, value->getType()) : fromMemory(old, type);
  };
  using K = tile::RmwKind;
  using R = llvm::AtomicRMWInst;
  if (op.getKind() == K::Xchg)
    return simple(R::Xchg);
  if (!isFloat) {
    switch (op.getKind()) {
    case K::And: return simple(R::And);
    case K::Or: return simple(R::Or);
    case K::Xor: return simple(R::Xor);
    case K::Add: return simple(R::Add);
    case K::Max: return simple(R::Max);
    case K::Min: return simple(R::Min);
    case K::UMax: return simple(R::UMax);
    case K::UMin: return simple(R::UMin);
    default: unsupported(op);
    }
  }
  FloatOp how;
  switch (op.getKind()) {
  case K::FAdd:
  case K::Add: how = FloatOp::Add; break;
  case K::Max: how = FloatOp::MaxNum; break;
  case K::Min: how = FloatOp::MinNum; break;
  default: unsupported(op);
  }
  if (bits == 8)
    unsupported(op);
  // Compare and swap until nobody came between.
  auto *start = b.CreateLoad(word, pointer);
  start->setAlignment(align);
  start->setAtomic(llvm::AtomicOrdering::Monotonic);
  llvm::BasicBlock *before = b.GetInsertBlock();
  auto *loop = llvm::BasicBlock::Create(context, "cas", function);
  auto *done = llvm::BasicBlock::Create(context, "swapped", function);
  b.CreateBr(loop);
  b.SetInsertPoint(loop);
  llvm::PHINode *seen = b.CreatePHI(word, 2);
  seen->addIncoming(start, before);
  llvm::Value *old = b.CreateBitCast(seen, value->getType());
  llvm::Value *next = emitFloatBinary(b, how, old, value, type, target);
  llvm::Value *swap =
      b.CreateAtomicCmpXchg(pointer, seen, b.CreateBitCast(next, word), align, ordering, failureOf(ordering));
  seen->addIncoming(b.CreateExtractValue(swap, 0), b.GetInsertBlock());
  b.CreateCondBr(b.CreateExtractValue(swap, 1), done, loop);
  b.SetInsertPoint(done);
  return old;
}

void Engine::emitAtomicRmw(tile::AtomicRmwOp op) {
  atomicNest(op, op.getPtr(), op.getMask(), op.getResult(), [&](llvm::Value *pointer, const Point &point) {
    return atomicElement(op, pointer, eval(op.getValue(), point).value);
  });
}

void Engine::emitAtomicCas(tile::AtomicCasOp op) {
  Type type = tile::elementType(op.getValue().getType());
  unsigned bits = isa<tile::PtrType>(type) ? 64 : type.isInteger(1) ? 8 : type.getIntOrFloatBitWidth();
  llvm::Type *word = b.getIntNTy(bits);
  llvm::AtomicOrdering ordering = orderingOf(op.getSem());
  atomicNest(
      op, op.getPtr(), {}, op.getResult(), [&](llvm::Value *pointer, const Point &point) -> llvm::Value * {
        auto raw = [&](Value value) {
          llvm::Value *element = eval(value, point).value;
          if (type.isInteger(1))
            return b.CreateZExt(element, word);
          return element->getType()->isPointerTy() ? b.CreatePtrToInt(element, word)
                                                   : b.CreateBitCast(element, word);
        };
        llvm::Value *swap = b.CreateAtomicCmpXchg(pointer, raw(op.getCompare()), raw(op.getValue()),
                                                  llvm::Align(bits / 8), ordering, failureOf(ordering));
        llvm::Value *old = b.CreateExtractValue(swap, 0);
        if (type.isInteger(1))
          return fromMemory(old, type);
        llvm::Type *wanted = elementLLVMType(context, type);
        return wanted->isPointerTy() ? b.CreateIntToPtr(old, wanted) : b.CreateBitCast(old, wanted);
      });
}

} // namespace tegula::cpu
