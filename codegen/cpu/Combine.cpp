//===- Combine.cpp - combine functions of reductions and scans ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

#include "codegen/cpu/Elementwise.h"

using namespace mlir;

namespace tegula::cpu {

/// A float constant in the form that registers hold: its bits for the 16- and 8-bit formats.
static llvm::Constant *floatConstant(const llvm::APFloat &value, llvm::Type *type) {
  if (type->isIntegerTy())
    return llvm::ConstantInt::get(type->getContext(), value.bitcastToAPInt());
  return llvm::ConstantFP::get(type->getContext(), value);
}

/// Lowest or highest value of an element type.
static llvm::Constant *extreme(Type element, llvm::Type *type, bool lowest, bool isSigned) {
  if (auto real = dyn_cast<FloatType>(element)) {
    const llvm::fltSemantics &semantics = real.getFloatSemantics();
    // E4M3FN has no infinity.
    bool infinite = llvm::APFloat::semanticsHasInf(semantics);
    return floatConstant(infinite ? llvm::APFloat::getInf(semantics, lowest)
                                  : llvm::APFloat::getLargest(semantics, lowest),
                         type);
  }
  unsigned bits = type->getIntegerBitWidth();
  llvm::APInt value =
      isSigned ? (lowest ? llvm::APInt::getSignedMinValue(bits) : llvm::APInt::getSignedMaxValue(bits))
               : (lowest ? llvm::APInt::getZero(bits) : llvm::APInt::getMaxValue(bits));
  return llvm::ConstantInt::get(type->getContext(), value);
}

/// The identity of a commutative operation, or null: combining it with x gives x, bit for bit.
static llvm::Constant *identityOf(Operation *op, llvm::Type *type) {
  Type element = op->getResult(0).getType();
  if (auto real = dyn_cast<FloatType>(element)) {
    const llvm::fltSemantics &semantics = real.getFloatSemantics();
    if (isa<arith::AddFOp>(op))
      return floatConstant(llvm::APFloat::getZero(semantics, /*Negative=*/true), type);
    if (isa<arith::MulFOp>(op))
      return floatConstant(llvm::APFloat::getOne(semantics), type);
    if (isa<arith::MaxNumFOp, arith::MinNumFOp>(op)) // the other operand is taken where one is NaN
      return floatConstant(llvm::APFloat::getQNaN(semantics), type);
    if (isa<arith::MaximumFOp, arith::MinimumFOp>(op))
      return extreme(element, type, isa<arith::MaximumFOp>(op), true);
    return nullptr;
  }
  if (isa<arith::AddIOp, arith::OrIOp, arith::XOrIOp>(op))
    return llvm::ConstantInt::get(type, 0);
  if (isa<arith::MulIOp>(op))
    return llvm::ConstantInt::get(type, 1);
  if (isa<arith::AndIOp>(op))
    return llvm::Constant::getAllOnesValue(type);
  if (isa<arith::MaxSIOp, arith::MinSIOp>(op))
    return extreme(element, type, isa<arith::MaxSIOp>(op), true);
  if (isa<arith::MaxUIOp, arith::MinUIOp>(op))
    return extreme(element, type, isa<arith::MaxUIOp>(op), false);
  return nullptr;
}

/// (value, index) pairs where the greater (or smaller) value wins and the smaller index of equal values:
///   c = v0 > v1 | (v0 == v1 & i0 < i1);  return select(c, v0, v1), select(c, i0, i1)
static bool matchArgExtreme(Block &block, bool &greatest, bool &isSigned) {
  auto ret = cast<tile::CombineReturnOp>(block.getTerminator());
  if (ret.getValues().size() != 2)
    return false;
  auto value = ret.getValues()[0].getDefiningOp<arith::SelectOp>();
  auto index = ret.getValues()[1].getDefiningOp<arith::SelectOp>();
  Value v0 = block.getArgument(0), i0 = block.getArgument(1), v1 = block.getArgument(2),
        i1 = block.getArgument(3);
  if (!value || !index || value.getCondition() != index.getCondition() || value.getTrueValue() != v0 ||
      value.getFalseValue() != v1 || index.getTrueValue() != i0 || index.getFalseValue() != i1)
    return false;
  auto either = value.getCondition().getDefiningOp<arith::OrIOp>();
  if (!either)
    return false;
  for (int side : {0, 1}) {
    Operation *order = either->getOperand(side).getDefiningOp();
    auto tie = either->getOperand(1 - side).getDefiningOp<arith::AndIOp>();
    if (!order || !tie || order->getNumOperands() != 2 || order->getOperand(0) != v0 ||
        order->getOperand(1) != v1)
      continue;
    bool ordered = false, equal = false, first = false;
    if (auto cmp = dyn_cast<arith::CmpFOp>(order)) {
      greatest = cmp.getPredicate() == arith::CmpFPredicate::OGT;
      ordered = greatest || cmp.getPredicate() == arith::CmpFPredicate::OLT;
      isSigned = true;
    } else if (auto cmp = dyn_cast<arith::CmpIOp>(order)) {
      using P = arith::CmpIPredicate;
      P predicate = cmp.getPredicate();
      greatest = predicate == P::sgt || predicate == P::ugt;
      isSigned = predicate == P::sgt || predicate == P::slt;
      ordered = greatest || predicate == P::slt || predicate == P::ult;
    }
    for (Value part : tie->getOperands()) {
      Operation *cmp = part.getDefiningOp();
      if (!cmp || cmp->getNumOperands() != 2)
        return false;
      bool onValues = cmp->getOperand(0) == v0 && cmp->getOperand(1) == v1;
      bool onIndices = cmp->getOperand(0) == i0 && cmp->getOperand(1) == i1;
      if (auto f = dyn_cast<arith::CmpFOp>(cmp))
        equal |= onValues && f.getPredicate() == arith::CmpFPredicate::OEQ;
      if (auto i = dyn_cast<arith::CmpIOp>(cmp)) {
        equal |= onValues && i.getPredicate() == arith::CmpIPredicate::eq;
        first |= onIndices && i.getPredicate() == arith::CmpIPredicate::slt;
      }
    }
    if (ordered && equal && first)
      return true;
  }
  return false;
}

Engine::Combine Engine::classify(Region &region) {
  Combine how;
  how.block = &region.front();
  auto ret = cast<tile::CombineReturnOp>(how.block->getTerminator());
  how.vector = true;
  for (Operation &op : how.block->without_terminator())
    how.vector &= isa<arith::ConstantOp>(op) || (isElementwise(&op) && op.getNumResults() == 1);
  unsigned n = ret.getValues().size();
  auto elementOf = [&](unsigned i) { return ret.getValues()[i].getType(); };
  auto typeOf = [&](unsigned i) { return elementLLVMType(context, elementOf(i)); };
  bool componentwise = true;
  for (unsigned i = 0; i < n && componentwise; ++i) {
    Operation *op = ret.getValues()[i].getDefiningOp();
    Value left = how.block->getArgument(i), right = how.block->getArgument(n + i);
    componentwise = op && op->getBlock() == how.block && op->getNumOperands() == 2 &&
                    ((op->getOperand(0) == left && op->getOperand(1) == right) ||
                     (op->getOperand(0) == right && op->getOperand(1) == left));
    llvm::Constant *identity = componentwise ? identityOf(op, typeOf(i)) : nullptr;
    componentwise &= identity != nullptr;
    how.identities.push_back(identity);
  }
  bool greatest, isSigned;
  if (componentwise) {
    how.commutative = how.vector;
  } else if (how.vector && n == 2 && matchArgExtreme(*how.block, greatest, isSigned)) {
    how.commutative = true;
    how.identities = {extreme(elementOf(0), typeOf(0), greatest, isSigned),
                      extreme(elementOf(1), typeOf(1), false, true)};
  }
  return how;
}

/// Combines `width` independent pairs (1: scalars, else vectors of `lanes`).
SmallVector<llvm::Value *, 2> Engine::combine(const Combine &how, llvm::ArrayRef<llvm::Value *> left,
                                              llvm::ArrayRef<llvm::Value *> right, unsigned width) {
  auto ret = cast<tile::CombineReturnOp>(how.block->getTerminator());
  SmallVector<llvm::Value *, 2> results;
  if (!how.vector) { // control flow in it: scalar code, as of the kernel itself
    for (size_t i = 0; i < left.size(); ++i) {
      scalars[how.block->getArgument(i)] = left[i];
      scalars[how.block->getArgument(left.size() + i)] = right[i];
    }
    auto savedBlocks = std::move(levelBlocks);
    auto savedMemo = std::move(memo);
    int savedMode = mode, savedFloor = loadFloor;
    emitBlock(*how.block);
    levelBlocks = std::move(savedBlocks);
    memo = std::move(savedMemo);
    mode = savedMode;
    loadFloor = savedFloor;
    for (Value value : ret.getValues())
      results.push_back(scalar(value));
    return results;
  }
  llvm::DenseMap<Value, llvm::Value *> values;
  for (size_t i = 0; i < left.size(); ++i) {
    values[how.block->getArgument(i)] = left[i];
    values[how.block->getArgument(left.size() + i)] = right[i];
  }
  auto find = [&](Value value) {
    auto it = values.find(value);
    return it == values.end() ? scalar(value) : it->second;
  };
  for (Operation &op : how.block->without_terminator()) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      values[op.getResult(0)] =
          constantOf(constant.getValue(), elementLLVMType(context, op.getResult(0).getType()));
      continue;
    }
    SmallVector<llvm::Value *, 4> operands;
    for (Value operand : op.getOperands())
      operands.push_back(find(operand));
    values[op.getResult(0)] = emitElementwise(b, &op, operands, width, target);
    if (!values[op.getResult(0)])
      unsupported(&op);
  }
  for (Value value : ret.getValues()) {
    llvm::Value *result = find(value);
    results.push_back(width > 1 && !result->getType()->isVectorTy() ? splat(result) : result);
  }
  return results;
}

} // namespace tegula::cpu
