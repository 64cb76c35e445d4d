//===- Sort.cpp - bitonic networks within a warp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/simt/Emitter.h"
#include "ir/layout/AxisDigits.h"

using namespace mlir;

namespace tegula::simt {

using layout::Input;

/// Bits of an infinity; none for integers. E4M3FN has none: its greatest number.
static std::optional<llvm::APInt> greatestOf(Type element) {
  auto real = dyn_cast<FloatType>(element);
  if (!real)
    return std::nullopt;
  const llvm::fltSemantics &semantics = real.getFloatSemantics();
  return (llvm::APFloat::semanticsHasInf(semantics) ? llvm::APFloat::getInf(semantics)
                                                    : llvm::APFloat::getLargest(semantics))
      .bitcastToAPInt();
}

/// Floats: the sign of positive numbers is set, negative ones are turned over, every NaN is above all.
void Emitter::emitSortKeys(tile::SortKeysOp op) {
  const layout::Layout &layout = layoutOf(op.getSrc());
  Type element = tile::elementType(op.getSrc().getType());
  std::optional<llvm::APInt> greatest = greatestOf(element);
  unsigned last = layout.rank() - 1;
  int64_t extent = tile::shapeOf(op.getSrc().getType())[last];
  TileValue out;
  for (unsigned reg = 0; reg < layout.registers(); ++reg) {
    llvm::Value *key = asInteger(this->element(op.getSrc(), reg));
    auto *type = llvm::cast<llvm::IntegerType>(key->getType());
    unsigned bits = type->getBitWidth();
    llvm::Value *sign = llvm::ConstantInt::get(context, llvm::APInt::getSignMask(bits));
    llvm::Value *all = llvm::Constant::getAllOnesValue(type);
    if (greatest) {
      llvm::Value *isNan =
          b.CreateICmpUGT(b.CreateAnd(key, b.CreateNot(sign)), llvm::ConstantInt::get(context, *greatest));
      llvm::Value *flip = b.CreateOr(b.CreateAShr(key, bits - 1), sign);
      key = b.CreateSelect(isNan, all, b.CreateXor(key, flip));
    } else if (op.getIsSigned()) {
      key = b.CreateXor(key, sign);
    }
    if (op.getDescending())
      key = b.CreateNot(key);
    if (llvm::Value *inside = isElement(layout, last, layout.index(reg, 0, 0)[last], extent))
      key = b.CreateSelect(inside, key, all);
    out.parts.push_back({key, 0});
  }
  set(op.getResult(), std::move(out));
}

void Emitter::emitSortedValues(tile::SortedValuesOp op) {
  Type element = tile::elementType(op.getResult().getType());
  bool isFloat = isa<FloatType>(element);
  TileValue out;
  for (unsigned reg = 0, count = registersOf(op.getResult()); reg < count; ++reg) {
    llvm::Value *value = this->element(op.getSrc(), reg);
    unsigned bits = value->getType()->getIntegerBitWidth();
    llvm::Value *sign = llvm::ConstantInt::get(context, llvm::APInt::getSignMask(bits));
    if (op.getDescending())
      value = b.CreateNot(value);
    if (isFloat) // with a sign it was a positive number
      value = b.CreateXor(value, b.CreateOr(b.CreateAShr(b.CreateNot(value), bits - 1), sign));
    else if (op.getIsSigned())
      value = b.CreateXor(value, sign);
    out.parts.push_back({fromInteger(value, registerType(element)), 0});
  }
  set(op.getResult(), std::move(out));
}

void Emitter::emitSortSteps(tile::SortStepsOp op) {
  const layout::Layout &layout = layoutOf(op.getSrc());
  auto digits = *layout::AxisDigits::of(layout, layout.rank() - 1);
  SmallVector<llvm::Value *> keys;
  for (unsigned reg = 0; reg < layout.registers(); ++reg)
    keys.push_back(element(op.getSrc(), reg));
  auto least = [&](llvm::Value *x, llvm::Value *y) {
    return b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, x, y);
  };
  auto greatest = [&](llvm::Value *x, llvm::Value *y) {
    return b.CreateBinaryIntrinsic(llvm::Intrinsic::umax, x, y);
  };
  // Whether bit `bit` of the index is set: a constant in a register, else a bit of the thread's number.
  auto isSet = [&](unsigned bit, unsigned reg) -> llvm::Value * {
    if (bit >= digits.bits.size())
      return b.getFalse();
    auto [input, at] = digits.bits[bit];
    if (input == Input::Register)
      return b.getInt1(reg >> at & 1);
    return threadParity(input == Input::Lane ? 1u << at : 1u << (at + layout.inBits(Input::Lane)));
  };
  ArrayRef<int32_t> steps = op.getSteps();
  for (size_t i = 0; i < steps.size(); i += 2) {
    unsigned up = unsigned(steps[i]) + 1, bit = unsigned(steps[i + 1]);
    auto [input, at] = digits.bits[bit];
    for (unsigned reg = 0; reg < keys.size(); ++reg) {
      llvm::Value *descends = isSet(up, reg);
      if (input == Input::Register) {
        unsigned other = reg | 1u << at;
        if (reg == other)
          continue;
        llvm::Value *low = least(keys[reg], keys[other]), *high = greatest(keys[reg], keys[other]);
        keys[reg] = b.CreateSelect(descends, high, low);
        keys[other] = b.CreateSelect(descends, low, high);
        continue;
      }
      llvm::Value *other = shuffleElement(keys[reg], 1u << at);
      llvm::Value *wantsGreater = b.CreateXor(descends, isSet(bit, reg));
      keys[reg] = b.CreateSelect(wantsGreater, greatest(keys[reg], other), least(keys[reg], other));
    }
  }
  TileValue out;
  for (llvm::Value *key : keys)
    out.parts.push_back({key, 0});
  set(op.getResult(), std::move(out));
}

} // namespace tegula::simt
