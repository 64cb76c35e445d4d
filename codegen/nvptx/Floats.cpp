//===- Floats.cpp - narrow floats, extrema and conversions by instructions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All results here have the bits that the common code gives, NaNs but for their payloads.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Elementwise.h"
#include "codegen/nvptx/Elementwise.h"
#include "ir/ops/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsNVPTX.h"

using namespace llvm;

namespace tegula::nvptx {

static bool isByte(mlir::Type type) {
  return mlir::isa<mlir::FloatType>(type) && type.getIntOrFloatBitWidth() == 8;
}

/// The type of arithmetic on floats of `type`, which registers hold as bits where it is of 16 bits; null: there is none.
/// f16 came with sm_53, f16's extrema and bf16 with sm_80.
static Type *arithmeticType(IRBuilderBase &b, const Target &target, mlir::Type type, bool extrema) {
  if (type.isF16() && (target.sm >= 80 || !extrema))
    return b.getHalfTy();
  if (type.isBF16() && target.sm >= 80)
    return b.getBFloatTy();
  return type.isF32() ? b.getFloatTy() : type.isF64() ? b.getDoubleTy() : nullptr;
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static Value *emitArithmetic(IRBuilderBase &b, mlir::Operation *op, ArrayRef<Value *> in) {
  return TypeSwitch<mlir::Operation *, Value *>(op)
      .Case<mlir::arith::AddFOp>([&](auto) { return b.CreateFAdd(in[0], in[1]); })
      .Case<mlir::arith::SubFOp>([&](auto) { return b.CreateFSub(in[0], in[1]); })
      .Case<mlir::arith::MulFOp>([&](auto) { return b.CreateFMul(in[0], in[1]); })
      .Case<mlir::math::FmaOp>([&](auto) { return b.CreateIntrinsic(in[0]->getType(), Intrinsic::fma, in); })
      .Default(nullptr);
}

/// Of -0 and +0 the instructions take +0 for the larger one, as the operations do. There is no max.NaN of f64, and sm_75
/// has none at all.
static Value *emitExtremum(IRBuilderBase &b, const Target &target, mlir::Operation *op,
                           ArrayRef<Value *> in) {
  bool isMax = mlir::isa<mlir::arith::MaximumFOp, mlir::arith::MaxNumFOp>(op);
  bool passesNan = mlir::isa<mlir::arith::MaximumFOp, mlir::arith::MinimumFOp>(op);
  if (passesNan && target.sm >= 80 && !in[0]->getType()->isDoubleTy())
    return b.CreateBinaryIntrinsic(isMax ? Intrinsic::maximum : Intrinsic::minimum, in[0], in[1]);
  Value *number =
      b.CreateBinaryIntrinsic(isMax ? Intrinsic::maximumnum : Intrinsic::minimumnum, in[0], in[1]);
  if (!passesNan)
    return number;
  return b.CreateSelect(b.CreateFCmpUNO(in[0], in[1]), ConstantFP::getQNaN(in[0]->getType()), number);
}

//===----------------------------------------------------------------------===//
// Floats to integers
//===----------------------------------------------------------------------===//

/// cvt.rzi saturates. A NaN gives 0 only from f32 to 32 bits.
static Value *emitToInteger(IRBuilderBase &b, Value *x, Type *to, bool isSigned) {
  bool isDouble = x->getType()->isDoubleTy(), isLong = to->getIntegerBitWidth() == 64;
  static constexpr Intrinsic::ID ids[2][2][2] = {{{Intrinsic::nvvm_f2ui_rz, Intrinsic::nvvm_f2i_rz},
                                                  {Intrinsic::nvvm_f2ull_rz, Intrinsic::nvvm_f2ll_rz}},
                                                 {{Intrinsic::nvvm_d2ui_rz, Intrinsic::nvvm_d2i_rz},
                                                  {Intrinsic::nvvm_d2ull_rz, Intrinsic::nvvm_d2ll_rz}}};
  Value *whole = b.CreateIntrinsic(ids[isDouble][isLong][isSigned], {x});
  if (isDouble || isLong)
    whole = b.CreateSelect(b.CreateFCmpUNO(x, x), Constant::getNullValue(whole->getType()), whole);
  unsigned width = to->getIntegerBitWidth();
  if (width >= 32)
    return whole;
  APInt most = isSigned ? APInt::getSignedMaxValue(width).sext(32) : APInt::getMaxValue(width).zext(32);
  whole = b.CreateBinaryIntrinsic(isSigned ? Intrinsic::smin : Intrinsic::umin, whole, b.getInt(most));
  if (isSigned)
    whole =
        b.CreateBinaryIntrinsic(Intrinsic::smax, whole, b.getInt(APInt::getSignedMinValue(width).sext(32)));
  return b.CreateTrunc(whole, to);
}

//===----------------------------------------------------------------------===//
// Floats to floats
//===----------------------------------------------------------------------===//

Value *narrowPair(IRBuilderBase &b, const Target &target, Value *low, Value *high, mlir::Type from,
                  mlir::Type to) {
  // The first operand of these instructions is the upper half (PTX ISA, cvt).
  if (isByte(to)) {
    bool isE5M2 = mlir::isa<mlir::Float8E5M2Type>(to);
    if (target.sm < 89 || !(from.isF32() || from.isF16()))
      return nullptr;
    if (from.isF32())
      return b.CreateIntrinsic(isE5M2 ? Intrinsic::nvvm_ff_to_e5m2x2_rn : Intrinsic::nvvm_ff_to_e4m3x2_rn,
                               {high, low});
    Value *halves = PoisonValue::get(FixedVectorType::get(b.getHalfTy(), 2));
    halves = b.CreateInsertElement(halves, b.CreateBitCast(low, b.getHalfTy()), uint64_t(0));
    halves = b.CreateInsertElement(halves, b.CreateBitCast(high, b.getHalfTy()), uint64_t(1));
    return b.CreateIntrinsic(isE5M2 ? Intrinsic::nvvm_f16x2_to_e5m2x2_rn : Intrinsic::nvvm_f16x2_to_e4m3x2_rn,
                             {halves});
  }
  if (target.sm < 80 || !from.isF32() || !(to.isF16() || to.isBF16()))
    return nullptr;
  Intrinsic::ID id = to.isBF16() ? Intrinsic::nvvm_ff2bf16x2_rn : Intrinsic::nvvm_ff2f16x2_rn;
  return b.CreateBitCast(b.CreateIntrinsic(id, {high, low}), b.getInt32Ty());
}

Value *widenPair(IRBuilderBase &b, const Target &target, Value *pair, mlir::Type from) {
  if (target.sm < 89 || !isByte(from))
    return nullptr;
  bool isE5M2 = mlir::isa<mlir::Float8E5M2Type>(from);
  Value *halves = b.CreateIntrinsic(
      isE5M2 ? Intrinsic::nvvm_e5m2x2_to_f16x2_rn : Intrinsic::nvvm_e4m3x2_to_f16x2_rn, {pair});
  return b.CreateBitCast(halves, b.getInt32Ty());
}

static Value *emitConversion(IRBuilderBase &b, const Target &target, const cpu::Target &elementTarget,
                             Value *x, mlir::Type from, mlir::Type to) {
  mlir::Type half = mlir::Float16Type::get(from.getContext()),
             single = mlir::Float32Type::get(from.getContext());
  if (isByte(from)) {
    // The other one of the pair is zero; f16 holds all 8-bit floats.
    Value *halves = widenPair(b, target, b.CreateZExt(x, b.getInt16Ty()), from);
    return halves ? cpu::emitConvertFloat(b, b.CreateTrunc(halves, b.getInt16Ty()), half, to, false,
                                          elementTarget)
                  : nullptr;
  }
  if (isByte(to)) {
    if (target.sm < 89 || from.isF64())
      return nullptr;
    if (from.isBF16()) {
      x = cpu::emitConvertFloat(b, x, from, single, false, elementTarget);
      from = single;
    }
    Value *zero = Constant::getNullValue(x->getType());
    return b.CreateTrunc(narrowPair(b, target, x, zero, from, to), b.getInt8Ty());
  }
  if (to.isBF16() && from.isF32() && target.sm >= 80)
    return b.CreateBitCast(b.CreateFPTrunc(x, b.getBFloatTy()), b.getInt16Ty());
  if (to.isF16() && from.isF64())
    return b.CreateBitCast(b.CreateFPTrunc(x, b.getHalfTy()), b.getInt16Ty());
  return nullptr;
}

//===----------------------------------------------------------------------===//
// One operation
//===----------------------------------------------------------------------===//

/// Whether a conversion rounds to nearest even, as the instructions here do.
static bool roundsToNearest(mlir::Operation *op) {
  if (auto convert = mlir::dyn_cast<tile::FpToFpOp>(op))
    return convert.getRounding() != tile::Rounding::TowardZero;
  auto truncate = mlir::dyn_cast<mlir::arith::TruncFOp>(op);
  return !truncate || truncate.getRoundingmode().value_or(mlir::arith::RoundingMode::to_nearest_even) ==
                          mlir::arith::RoundingMode::to_nearest_even;
}

Value *emitFloat(IRBuilderBase &b, const Target &target, const cpu::Target &elementTarget,
                 mlir::Operation *op, ArrayRef<Value *> operands) {
  using namespace mlir::arith;
  if (op->getNumOperands() == 0 || op->getNumResults() != 1)
    return nullptr;
  mlir::Type from = tile::elementType(op->getOperand(0).getType()),
             to = tile::elementType(op->getResult(0).getType());
  if (mlir::isa<FPToSIOp, FPToUIOp>(op)) {
    if (to.isInteger(1))
      return nullptr;
    mlir::Type wide = from.isF64() ? from : mlir::Type(mlir::Float32Type::get(op->getContext()));
    Value *x = cpu::emitConvertFloat(b, operands[0], from, wide, false, elementTarget);
    return emitToInteger(b, x, cpu::elementLLVMType(b.getContext(), to), mlir::isa<FPToSIOp>(op));
  }
  if (mlir::isa<TruncFOp, ExtFOp, tile::FpToFpOp>(op))
    return roundsToNearest(op) ? emitConversion(b, target, elementTarget, operands[0], from, to) : nullptr;
  bool extrema = mlir::isa<MaximumFOp, MinimumFOp, MaxNumFOp, MinNumFOp>(op);
  if (!extrema && !mlir::isa<AddFOp, SubFOp, MulFOp, mlir::math::FmaOp>(op))
    return nullptr;
  SmallVector<Value *, 3> values;
  if (Type *type = arithmeticType(b, target, to, extrema)) {
    for (Value *operand : operands)
      values.push_back(b.CreateBitCast(operand, type));
    Value *result = extrema ? emitExtremum(b, target, op, values) : emitArithmetic(b, op, values);
    return b.CreateBitCast(result, operands[0]->getType());
  }
  if (!extrema)
    return nullptr;
  mlir::Type single = mlir::Float32Type::get(op->getContext());
  for (Value *operand : operands)
    values.push_back(cpu::emitConvertFloat(b, operand, to, single, false, elementTarget));
  return cpu::emitConvertFloat(b, emitExtremum(b, target, op, values), single, to, false, elementTarget);
}

} // namespace tegula::nvptx
