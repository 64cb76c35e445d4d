//===- Elementwise.cpp - element-wise operations of arith, math and tile ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One row a operation: what it costs and the function that writes it. What the language leaves undefined must still
// not trap and not differ between a scalar and a lane: a divisor 0 counts as 1, a shift by too much gives 0 or the
// sign, a float outside an integer's range saturates and NaN becomes 0.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Elementwise.h"
#include "codegen/cpu/LaneBuilder.h"

#include "ir/ops/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include "llvm/IR/IntrinsicsX86.h"

using namespace llvm;

namespace tegula::cpu {

llvm::Type *elementLLVMType(LLVMContext &context, mlir::Type element) {
  if (element.isIndex())
    return Type::getInt64Ty(context);
  if (auto integer = mlir::dyn_cast<mlir::IntegerType>(element))
    return Type::getIntNTy(context, integer.getWidth());
  // 16-bit floats stay bits until they are widened: LLVM calls the compiler's run-time library for loads and
  // selects of them on processors that lack their arithmetic.
  if (element.isF16() || element.isBF16())
    return Type::getInt16Ty(context);
  if (element.isF32())
    return Type::getFloatTy(context);
  if (element.isF64())
    return Type::getDoubleTy(context);
  if (mlir::isa<tile::PtrType>(element))
    return PointerType::getUnqual(context);
  return Type::getInt8Ty(context); // 8-bit floats
}

Constant *constantOf(mlir::Attribute attribute, Type *type) {
  if (auto integer = mlir::dyn_cast<mlir::IntegerAttr>(attribute))
    return ConstantInt::get(type->getContext(), integer.getValue().sextOrTrunc(type->getIntegerBitWidth()));
  if (auto number = mlir::dyn_cast<mlir::FloatAttr>(attribute)) {
    if (type->isIntegerTy()) // 16- and 8-bit floats are kept as their bits
      return ConstantInt::get(type->getContext(), number.getValue().bitcastToAPInt());
    return ConstantFP::get(type->getContext(), number.getValue());
  }
  return Constant::getNullValue(type);
}

namespace {

/// One operation being written.
struct Writer {
  LaneBuilder l;
  IRBuilderBase &b;
  mlir::Operation *op;
  ArrayRef<Value *> in;
  const Target &target;

  mlir::Type type(unsigned operand) const { return tile::elementType(op->getOperand(operand).getType()); }
  mlir::Type resultType() const { return tile::elementType(op->getResult(0).getType()); }
  Type *result() const { return l.vec(elementLLVMType(b.getContext(), resultType())); }
  unsigned width() const { return in[0]->getType()->getScalarSizeInBits(); }

  Value *convert(Value *v, mlir::Type from, mlir::Type to) const {
    return emitConvertFloat(b, v, from, to, false, target);
  }
  mlir::Type f32Type() const { return mlir::Float32Type::get(op->getContext()); }
  /// What arithmetic on `element` is done in: f64 itself, f32 for all others.
  mlir::Type computeType(mlir::Type element) const { return element.isF64() ? element : f32Type(); }
  Value *widened(unsigned operand) const {
    return convert(in[operand], type(operand), computeType(type(operand)));
  }
  Value *narrowed(Value *v) const { return convert(v, computeType(resultType()), resultType()); }
};

using Write = Value *(*)(const Writer &);

struct Row {
  int weight;
  Write write;
};

} // namespace

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

template <Instruction::BinaryOps opcode> static Value *writeBinary(const Writer &w) {
  return w.b.CreateBinOp(opcode, w.in[0], w.in[1]);
}
template <Intrinsic::ID id> static Value *writeBinaryIntrinsic(const Writer &w) {
  return w.b.CreateBinaryIntrinsic(id, w.in[0], w.in[1]);
}

static const APInt *constantInt(Value *v) {
  auto *constant = dyn_cast<Constant>(v);
  if (constant && constant->getType()->isVectorTy())
    constant = constant->getSplatValue();
  auto *integer = dyn_cast_or_null<ConstantInt>(constant);
  return integer ? &integer->getValue() : nullptr;
}

template <Instruction::BinaryOps opcode> static Value *writeShift(const Writer &w) {
  Value *x = w.in[0], *amount = w.in[1];
  unsigned width = w.width();
  if (const APInt *constant = constantInt(amount); constant && constant->ult(width))
    return w.b.CreateBinOp(opcode, x, amount);
  Value *inRange = w.b.CreateICmpULT(amount, w.l.ci(width, width));
  if constexpr (opcode == Instruction::AShr)
    return w.b.CreateAShr(x, w.b.CreateSelect(inRange, amount, w.l.ci(width, width - 1)));
  return w.b.CreateSelect(inRange, w.b.CreateBinOp(opcode, x, amount), w.l.ci(width, 0));
}

/// The divisor with what would trap replaced by 1.
static Value *safeDivisor(const Writer &w, bool isSigned) {
  Value *divisor = w.in[1];
  unsigned width = w.width();
  if (const APInt *constant = constantInt(divisor); constant && !constant->isZero() && !constant->isAllOnes())
    return divisor;
  Value *bad = w.b.CreateICmpEQ(divisor, w.l.ci(width, 0));
  if (isSigned) {
    Value *lowest = ConstantInt::get(divisor->getType(), APInt::getSignedMinValue(width));
    Value *overflow = w.b.CreateAnd(w.b.CreateICmpEQ(w.in[0], lowest),
                                    w.b.CreateICmpEQ(divisor, w.l.ci(width, ~uint64_t(0))));
    bad = w.b.CreateOr(bad, overflow);
  }
  return w.b.CreateSelect(bad, w.l.ci(width, 1), divisor);
}

/// The C quotient. There is no vector instruction for it; up to 32 bits the float quotient truncated is exact (the
/// distance of a / b from the next integer is at least 1 / b, far above the rounding error).
static Value *quotient(const Writer &w, Value *divisor, bool isSigned) {
  IRBuilderBase &b = w.b;
  unsigned width = w.width();
  if (w.l.lanes == 1 || width > 32 || width == 1 || constantInt(divisor))
    return isSigned ? b.CreateSDiv(w.in[0], divisor) : b.CreateUDiv(w.in[0], divisor);
  Type *wide = width <= 8 || width == 16 ? w.l.f32() : w.l.f64();
  auto toFloat = [&](Value *v) { return isSigned ? b.CreateSIToFP(v, wide) : b.CreateUIToFP(v, wide); };
  Value *q = b.CreateFDiv(toFloat(w.in[0]), toFloat(divisor));
  return isSigned ? b.CreateFPToSI(q, w.in[0]->getType()) : b.CreateFPToUI(q, w.in[0]->getType());
}

template <bool isSigned> static Value *writeDivide(const Writer &w) {
  return quotient(w, safeDivisor(w, isSigned), isSigned);
}

template <bool isSigned> static Value *writeRemainder(const Writer &w) {
  Value *divisor = safeDivisor(w, isSigned);
  if (w.l.lanes == 1)
    return isSigned ? w.b.CreateSRem(w.in[0], divisor) : w.b.CreateURem(w.in[0], divisor);
  return w.b.CreateSub(w.in[0], w.b.CreateMul(quotient(w, divisor, isSigned), divisor));
}

/// Quotient rounded down (up): the C quotient corrected where the remainder is not zero and the signs differ (agree).
template <bool up> static Value *writeRoundedDivide(const Writer &w) {
  IRBuilderBase &b = w.b;
  Value *divisor = safeDivisor(w, true);
  Value *q = quotient(w, divisor, true);
  Value *r = b.CreateSub(w.in[0], b.CreateMul(q, divisor));
  Value *zero = w.l.ci(w.width(), 0);
  Value *signsDiffer = b.CreateICmpSLT(b.CreateXor(w.in[0], divisor), zero);
  Value *needed = b.CreateAnd(b.CreateICmpNE(r, zero), up ? b.CreateNot(signsDiffer) : signsDiffer);
  Value *step = b.CreateZExt(needed, q->getType());
  return up ? b.CreateAdd(q, step) : b.CreateSub(q, step);
}

static Value *writeCeilDivideUnsigned(const Writer &w) {
  IRBuilderBase &b = w.b;
  Value *divisor = safeDivisor(w, false);
  Value *q = quotient(w, divisor, false);
  Value *exact = b.CreateICmpEQ(b.CreateMul(q, divisor), w.in[0]);
  return b.CreateAdd(q, b.CreateZExt(b.CreateNot(exact), q->getType()));
}

static Value *writeMulHiU(const Writer &w) {
  IRBuilderBase &b = w.b;
  unsigned width = w.width();
  if (width < 64 || w.l.lanes == 1) {
    Type *wide = w.l.ints(2 * width);
    Value *product = b.CreateMul(b.CreateZExt(w.in[0], wide), b.CreateZExt(w.in[1], wide));
    return b.CreateTrunc(b.CreateLShr(product, width), w.in[0]->getType());
  }
  // Schoolbook on halves: no vector unit multiplies 64 bits to 128.
  Value *low32 = w.l.ci(64, 0xffffffffu);
  Value *aLow = b.CreateAnd(w.in[0], low32), *aHigh = b.CreateLShr(w.in[0], 32);
  Value *bLow = b.CreateAnd(w.in[1], low32), *bHigh = b.CreateLShr(w.in[1], 32);
  Value *cross = b.CreateAdd(b.CreateMul(aHigh, bLow), b.CreateLShr(b.CreateMul(aLow, bLow), 32));
  Value *middle = b.CreateAdd(b.CreateMul(aLow, bHigh), b.CreateAnd(cross, low32));
  Value *high = b.CreateAdd(b.CreateMul(aHigh, bHigh), b.CreateLShr(cross, 32));
  return b.CreateAdd(high, b.CreateLShr(middle, 32));
}

static CmpInst::Predicate predicateOf(mlir::arith::CmpIPredicate predicate) {
  using P = mlir::arith::CmpIPredicate;
  switch (predicate) {
  case P::eq: return CmpInst::ICMP_EQ;
  case P::ne: return CmpInst::ICMP_NE;
  case P::slt: return CmpInst::ICMP_SLT;
  case P::sle: return CmpInst::ICMP_SLE;
  case P::sgt: return CmpInst::ICMP_SGT;
  case P::sge: return CmpInst::ICMP_SGE;
  case P::ult: return CmpInst::ICMP_ULT;
  case P::ule: return CmpInst::ICMP_ULE;
  case P::ugt: return CmpInst::ICMP_UGT;
  case P::uge: return CmpInst::ICMP_UGE;
  }
  return CmpInst::ICMP_EQ;
}

static CmpInst::Predicate predicateOf(mlir::arith::CmpFPredicate predicate) {
  using P = mlir::arith::CmpFPredicate;
  switch (predicate) {
  case P::AlwaysFalse: return CmpInst::FCMP_FALSE;
  case P::OEQ: return CmpInst::FCMP_OEQ;
  case P::OGT: return CmpInst::FCMP_OGT;
  case P::OGE: return CmpInst::FCMP_OGE;
  case P::OLT: return CmpInst::FCMP_OLT;
  case P::OLE: return CmpInst::FCMP_OLE;
  case P::ONE: return CmpInst::FCMP_ONE;
  case P::ORD: return CmpInst::FCMP_ORD;
  case P::UEQ: return CmpInst::FCMP_UEQ;
  case P::UGT: return CmpInst::FCMP_UGT;
  case P::UGE: return CmpInst::FCMP_UGE;
  case P::ULT: return CmpInst::FCMP_ULT;
  case P::ULE: return CmpInst::FCMP_ULE;
  case P::UNE: return CmpInst::FCMP_UNE;
  case P::UNO: return CmpInst::FCMP_UNO;
  case P::AlwaysTrue: return CmpInst::FCMP_TRUE;
  }
  return CmpInst::FCMP_FALSE;
}

static Value *writeCmpI(const Writer &w) {
  return w.b.CreateICmp(predicateOf(mlir::cast<mlir::arith::CmpIOp>(w.op).getPredicate()), w.in[0], w.in[1]);
}

static Value *writeCmpF(const Writer &w) {
  CmpInst::Predicate predicate = predicateOf(mlir::cast<mlir::arith::CmpFOp>(w.op).getPredicate());
  return w.b.CreateFCmp(predicate, w.widened(0), w.widened(1));
}

static Value *writeSelect(const Writer &w) { return w.b.CreateSelect(w.in[0], w.in[1], w.in[2]); }

//===----------------------------------------------------------------------===//
// Casts
//===----------------------------------------------------------------------===//

static Value *writeSignExtend(const Writer &w) { return w.b.CreateSExtOrTrunc(w.in[0], w.result()); }
static Value *writeZeroExtend(const Writer &w) { return w.b.CreateZExtOrTrunc(w.in[0], w.result()); }
static Value *writeTruncate(const Writer &w) { return w.b.CreateTrunc(w.in[0], w.result()); }

static Value *writeBitcast(const Writer &w) {
  if (w.in[0]->getType() == w.result())
    return w.in[0];
  return w.b.CreateBitCast(w.in[0], w.result());
}

static Value *writeConvert(const Writer &w) {
  bool towardZero = false;
  if (auto convert = mlir::dyn_cast<tile::FpToFpOp>(w.op))
    towardZero = convert.getRounding() == tile::Rounding::TowardZero;
  else if (auto truncate = mlir::dyn_cast<mlir::arith::TruncFOp>(w.op))
    towardZero = truncate.getRoundingmode() == mlir::arith::RoundingMode::toward_zero;
  return emitConvertFloat(w.b, w.in[0], w.type(0), w.resultType(), towardZero, w.target);
}

template <bool isSigned> static Value *writeIntToFloat(const Writer &w) {
  IRBuilderBase &b = w.b;
  mlir::Type to = w.resultType();
  Value *v = w.in[0];
  auto toFloat = [&](Value *x, Type *type) {
    return isSigned ? b.CreateSIToFP(x, type) : b.CreateUIToFP(x, type);
  };
  if (w.width() < 32)
    v = isSigned ? b.CreateSExt(v, w.l.ints(32)) : b.CreateZExt(v, w.l.ints(32));
  if (to.isF64() || to.isF32())
    return toFloat(v, w.result());
  // f16: integers that f32 rounds are beyond its range, so rounding twice is as good as once.
  if (w.width() <= 16 || to.isF16())
    return w.convert(toFloat(v, w.l.f32()), w.f32Type(), to);
  mlir::Type f64Type = mlir::Float64Type::get(w.op->getContext());
  if (w.width() <= 32)
    return w.convert(toFloat(v, w.l.f64()), f64Type, to);
  // 64 bits: the low half only decides ties, one sticky bit of it is enough.
  Value *magnitude = isSigned ? b.CreateIntrinsic(Intrinsic::abs, {v->getType()}, {v, b.getFalse()}) : v;
  Value *sticky =
      b.CreateZExt(b.CreateICmpNE(b.CreateAnd(magnitude, w.l.ci(64, 0xfffff)), w.l.ci(64, 0)), v->getType());
  Value *kept = b.CreateOr(b.CreateLShr(magnitude, 20), sticky);
  Value *large = b.CreateFMul(b.CreateUIToFP(kept, w.l.f64()), w.l.c64(0x1p20));
  Value *small = b.CreateUIToFP(magnitude, w.l.f64());
  Value *wide = b.CreateSelect(b.CreateICmpULT(magnitude, w.l.ci(64, uint64_t(1) << 32)), small, large);
  if (isSigned) {
    Value *sign = b.CreateAnd(v, ConstantInt::get(v->getType(), APInt::getSignMask(64)));
    wide = w.l.asF64(b.CreateOr(w.l.bits(wide), sign));
  }
  return w.convert(wide, f64Type, to);
}

/// Saturates, NaN gives 0. By hand, because llvm.fptosi.sat of a vector becomes a sequence of scalar conversions.
template <bool isSigned> static Value *writeFloatToInt(const Writer &w) {
  IRBuilderBase &b = w.b;
  Value *v = w.widened(0);
  Type *type = v->getType();
  unsigned width = w.result()->getScalarSizeInBits();
  if (width == 1)
    return b.CreateFCmpUNE(v, Constant::getNullValue(type));
  auto constant = [&](double value) { return cast<Constant>(ConstantFP::get(type, value)); };
  double beyond = std::ldexp(1.0, int(isSigned ? width - 1 : width));
  v = b.CreateSelect(b.CreateFCmpUNO(v, v), constant(0), v);
  v = w.l.atLeast(v, constant(isSigned ? -beyond : 0));
  // Narrow integers by way of i32, which vector units convert to.
  Type *wide = width < 32 ? w.l.ints(32) : w.result();
  auto convert = [&](Value *x) { return isSigned ? b.CreateFPToSI(x, wide) : b.CreateFPToUI(x, wide); };
  bool largestIsExact = width < unsigned(type->getScalarType()->getFPMantissaWidth());
  if (largestIsExact)
    return b.CreateTrunc(convert(w.l.atMost(v, constant(beyond - 1))), w.result());
  Value *tooLarge = b.CreateFCmpOGE(v, constant(beyond));
  Value *largest =
      ConstantInt::get(w.result(), isSigned ? APInt::getSignedMaxValue(width) : APInt::getMaxValue(width));
  return b.CreateSelect(tooLarge, largest, convert(b.CreateSelect(tooLarge, constant(0), v)));
}

static Value *writePtrToInt(const Writer &w) { return w.b.CreatePtrToInt(w.in[0], w.result()); }
static Value *writeIntToPtr(const Writer &w) { return w.b.CreateIntToPtr(w.in[0], w.result()); }
static Value *writeNothing(const Writer &w) { return w.in[0]; }

static Value *writeAddPtr(const Writer &w) {
  mlir::Type pointee = mlir::cast<tile::PtrType>(w.type(0)).getPointee();
  Type *element = elementLLVMType(w.b.getContext(), pointee);
  if (element->isIntegerTy(1))
    element = w.b.getInt8Ty();
  return w.b.CreateGEP(element, w.in[0], w.b.CreateSExtOrTrunc(w.in[1], w.l.ints(64)));
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

/// minimumNumber/maximumNumber of IEEE 754-2019 in f32 or f64: one NaN is ignored, -0 < +0.
static Value *minMaxNumber(const LaneBuilder &l, Value *x, Value *y, bool isMax) {
  IRBuilderBase &b = l.b;
  if (l.isa.avx512 && l.lanes == 16 && x->getType()->getScalarType()->isFloatTy()) {
    // vrangeps is that function but for signalling NaNs, so NaNs are masked out of it. 4 in its third operand: the
    // result has the sign of the value chosen.
    constexpr int currentRounding = 4;
    Value *notNan = b.CreateSelect(b.CreateFCmpUNO(y, y), x, y);
    Value *mask = b.CreateBitCast(b.CreateFCmpORD(x, y), b.getInt16Ty());
    return b.CreateIntrinsic(Intrinsic::x86_avx512_mask_range_ps_512, {},
                             {x, y, b.getInt32(isMax ? 5 : 4), notNan, mask, b.getInt32(currentRounding)});
  }
  Value *xBits = l.bits(x), *yBits = l.bits(y);
  Value *less = isMax ? b.CreateFCmpOGT(x, y) : b.CreateFCmpOLT(x, y);
  Value *chosen = b.CreateSelect(less, x, y);
  // Equal values differ in the sign of zero only.
  Value *zero = b.CreateBitCast(isMax ? b.CreateAnd(xBits, yBits) : b.CreateOr(xBits, yBits), x->getType());
  chosen = b.CreateSelect(b.CreateFCmpOEQ(x, y), zero, chosen);
  return b.CreateSelect(b.CreateFCmpUNO(y, y), x, chosen);
}

static Value *floatBinary(const LaneBuilder &l, FloatOp op, Value *x, Value *y) {
  IRBuilderBase &b = l.b;
  switch (op) {
  case FloatOp::Add: return b.CreateFAdd(x, y);
  case FloatOp::Sub: return b.CreateFSub(x, y);
  case FloatOp::Mul: return b.CreateFMul(x, y);
  case FloatOp::Div: return b.CreateFDiv(x, y);
  case FloatOp::MinNum: return minMaxNumber(l, x, y, false);
  case FloatOp::MaxNum: return minMaxNumber(l, x, y, true);
  case FloatOp::Minimum:
  case FloatOp::Maximum: {
    Value *number = minMaxNumber(l, x, y, op == FloatOp::Maximum);
    return b.CreateSelect(b.CreateFCmpUNO(x, y), ConstantFP::getQNaN(x->getType()), number);
  }
  }
  return nullptr;
}

template <FloatOp op> static Value *writeFloat(const Writer &w) {
  return w.narrowed(floatBinary(w.l, op, w.widened(0), w.widened(1)));
}

Value *emitFloatBinary(IRBuilderBase &builder, FloatOp op, Value *x, Value *y, mlir::Type element,
                       const Target &target) {
  IRBuilderBase::FastMathFlagGuard guard(builder);
  builder.clearFastMathFlags();
  auto *vector = dyn_cast<FixedVectorType>(x->getType());
  LaneBuilder l(builder, vector ? vector->getNumElements() : 1, isaOf(target));
  mlir::Type wide = element.isF64() ? element : mlir::Float32Type::get(element.getContext());
  auto widen = [&](Value *v) { return emitConvertFloat(builder, v, element, wide, false, target); };
  return emitConvertFloat(builder, floatBinary(l, op, widen(x), widen(y)), wide, element, false, target);
}

/// Sign operations work on the bits: exact for every format, and no conversion.
static uint64_t signMask(const Writer &w) { return uint64_t(1) << (w.width() - 1); }

static Value *writeNegF(const Writer &w) {
  return w.b.CreateBitCast(w.b.CreateXor(w.l.bits(w.in[0]), w.l.ci(w.width(), signMask(w))),
                           w.in[0]->getType());
}
static Value *writeAbsF(const Writer &w) {
  return w.b.CreateBitCast(w.b.CreateAnd(w.l.bits(w.in[0]), w.l.ci(w.width(), signMask(w) - 1)),
                           w.in[0]->getType());
}
static Value *writeCopySign(const Writer &w) {
  Value *magnitude = w.b.CreateAnd(w.l.bits(w.in[0]), w.l.ci(w.width(), signMask(w) - 1));
  Value *sign = w.b.CreateAnd(w.l.bits(w.in[1]), w.l.ci(w.width(), signMask(w)));
  return w.b.CreateBitCast(w.b.CreateOr(magnitude, sign), w.in[0]->getType());
}

static Value *writeFma(const Writer &w) {
  mlir::Type element = w.resultType();
  if (element.isF32() || element.isF64())
    return w.l.fma(w.in[0], w.in[1], w.in[2]);
  // The product of 16-bit floats is exact in f64; the sum rounded to odd may be rounded again.
  mlir::Type f64Type = mlir::Float64Type::get(w.op->getContext());
  auto wide = [&](unsigned i) { return w.convert(w.in[i], w.type(i), f64Type); };
  return w.convert(addToOdd(w.l, w.b.CreateFMul(wide(0), wide(1)), wide(2)), f64Type, element);
}

template <Intrinsic::ID id> static Value *writeFloatIntrinsic(const Writer &w) {
  return w.narrowed(w.l.unary(id, w.widened(0)));
}

static Value *writeRsqrt(const Writer &w) {
  // Two correctly rounded steps, not the reciprocal estimate, whose bits differ from vendor to vendor.
  Value *x = w.widened(0);
  return w.narrowed(w.b.CreateFDiv(ConstantFP::get(x->getType(), 1.0), w.l.unary(Intrinsic::sqrt, x)));
}

static Value *writeClampF(const Writer &w) {
  Value *low = floatBinary(w.l, FloatOp::Maximum, w.widened(0), w.widened(1));
  return w.narrowed(floatBinary(w.l, FloatOp::Minimum, low, w.widened(2)));
}

static Value *writeIsFinite(const Writer &w) {
  Value *x = w.widened(0);
  return w.b.CreateFCmpONE(w.l.abs(x), ConstantFP::getInfinity(x->getType()));
}
static Value *writeIsInf(const Writer &w) {
  Value *x = w.widened(0);
  return w.b.CreateFCmpOEQ(w.l.abs(x), ConstantFP::getInfinity(x->getType()));
}
static Value *writeIsNan(const Writer &w) {
  Value *x = w.widened(0);
  return w.b.CreateFCmpUNO(x, x);
}

/// A function of the C library's name: an expansion where there is one for f32, else a call for each lane.
static Value *mathCall(const Writer &w, StringRef name) {
  SmallVector<Value *, 2> args;
  for (unsigned i = 0; i < w.in.size(); ++i)
    args.push_back(w.widened(i));
  bool isF32 = args[0]->getType()->getScalarType()->isFloatTy();
  Value *value = isF32 && args.size() == 1 ? emitMathF32(w.l, name, args[0]) : nullptr;
  return w.narrowed(value ? value : emitLibm(w.l, name, args));
}

/// The operation's own name is the library's: math.exp is exp.
static Value *writeMath(const Writer &w) { return mathCall(w, w.op->getName().stripDialect()); }
static Value *writeRemF(const Writer &w) { return mathCall(w, "fmod"); }
static Value *writePowF(const Writer &w) { return mathCall(w, "pow"); }

static Value *writeAbsI(const Writer &w) {
  return w.b.CreateIntrinsic(Intrinsic::abs, {w.in[0]->getType()}, {w.in[0], w.b.getFalse()});
}
template <Intrinsic::ID id> static Value *writeZeroCount(const Writer &w) {
  return w.b.CreateIntrinsic(id, {w.in[0]->getType()}, {w.in[0], w.b.getFalse()});
}
static Value *writePopCount(const Writer &w) { return w.l.unary(Intrinsic::ctpop, w.in[0]); }

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

using Table = DenseMap<mlir::TypeID, Row>;

template <typename... Ops> static void add(Table &table, int weight, Write write) {
  (table.try_emplace(mlir::TypeID::get<Ops>(), Row{weight, write}), ...);
}

static void addIntegers(Table &t) {
  using namespace mlir::arith;
  using I = Instruction;
  add<AddIOp>(t, 1, writeBinary<I::Add>);
  add<SubIOp>(t, 1, writeBinary<I::Sub>);
  add<MulIOp>(t, 1, writeBinary<I::Mul>);
  add<AndIOp>(t, 1, writeBinary<I::And>);
  add<OrIOp>(t, 1, writeBinary<I::Or>);
  add<XOrIOp>(t, 1, writeBinary<I::Xor>);
  add<ShLIOp>(t, 1, writeShift<I::Shl>);
  add<ShRUIOp>(t, 1, writeShift<I::LShr>);
  add<ShRSIOp>(t, 1, writeShift<I::AShr>);
  add<DivSIOp>(t, 20, writeDivide<true>);
  add<DivUIOp>(t, 20, writeDivide<false>);
  add<RemSIOp>(t, 20, writeRemainder<true>);
  add<RemUIOp>(t, 20, writeRemainder<false>);
  add<FloorDivSIOp>(t, 24, writeRoundedDivide<false>);
  add<CeilDivSIOp>(t, 24, writeRoundedDivide<true>);
  add<CeilDivUIOp>(t, 22, writeCeilDivideUnsigned);
  add<MaxSIOp>(t, 1, writeBinaryIntrinsic<Intrinsic::smax>);
  add<MinSIOp>(t, 1, writeBinaryIntrinsic<Intrinsic::smin>);
  add<MaxUIOp>(t, 1, writeBinaryIntrinsic<Intrinsic::umax>);
  add<MinUIOp>(t, 1, writeBinaryIntrinsic<Intrinsic::umin>);
  add<CmpIOp>(t, 1, writeCmpI);
  add<SelectOp>(t, 1, writeSelect);
  add<mlir::math::AbsIOp>(t, 1, writeAbsI);
  add<mlir::math::CtPopOp>(t, 2, writePopCount);
  add<mlir::math::CountLeadingZerosOp>(t, 2, writeZeroCount<Intrinsic::ctlz>);
  add<mlir::math::CountTrailingZerosOp>(t, 3, writeZeroCount<Intrinsic::cttz>);
  add<tile::MulHiUOp>(t, 4, writeMulHiU);
}

static void addCasts(Table &t) {
  using namespace mlir::arith;
  add<ExtSIOp, IndexCastOp>(t, 1, writeSignExtend);
  add<ExtUIOp, IndexCastUIOp>(t, 1, writeZeroExtend);
  add<TruncIOp>(t, 1, writeTruncate);
  add<BitcastOp>(t, 0, writeBitcast);
  add<ExtFOp>(t, 1, writeConvert);
  add<TruncFOp, tile::FpToFpOp>(t, 4, writeConvert);
  add<SIToFPOp>(t, 1, writeIntToFloat<true>);
  add<UIToFPOp>(t, 1, writeIntToFloat<false>);
  add<FPToSIOp>(t, 3, writeFloatToInt<true>);
  add<FPToUIOp>(t, 3, writeFloatToInt<false>);
  add<tile::PtrToIntOp>(t, 0, writePtrToInt);
  add<tile::IntToPtrOp>(t, 0, writeIntToPtr);
  add<tile::PtrCastOp>(t, 0, writeNothing);
  add<tile::AddPtrOp>(t, 1, writeAddPtr);
}

static void addFloats(Table &t) {
  using namespace mlir::arith;
  namespace math = mlir::math;
  add<AddFOp>(t, 1, writeFloat<FloatOp::Add>);
  add<SubFOp>(t, 1, writeFloat<FloatOp::Sub>);
  add<MulFOp>(t, 1, writeFloat<FloatOp::Mul>);
  add<DivFOp>(t, 8, writeFloat<FloatOp::Div>);
  add<MinNumFOp>(t, 2, writeFloat<FloatOp::MinNum>);
  add<MaxNumFOp>(t, 2, writeFloat<FloatOp::MaxNum>);
  add<MinimumFOp>(t, 2, writeFloat<FloatOp::Minimum>);
  add<MaximumFOp>(t, 2, writeFloat<FloatOp::Maximum>);
  add<CmpFOp>(t, 1, writeCmpF);
  add<NegFOp>(t, 1, writeNegF);
  add<math::AbsFOp>(t, 1, writeAbsF);
  add<math::CopySignOp>(t, 1, writeCopySign);
  add<math::FmaOp>(t, 1, writeFma);
  add<math::SqrtOp>(t, 10, writeFloatIntrinsic<Intrinsic::sqrt>);
  add<math::RsqrtOp>(t, 20, writeRsqrt);
  add<math::FloorOp>(t, 1, writeFloatIntrinsic<Intrinsic::floor>);
  add<math::CeilOp>(t, 1, writeFloatIntrinsic<Intrinsic::ceil>);
  add<math::TruncOp>(t, 1, writeFloatIntrinsic<Intrinsic::trunc>);
  add<math::RoundOp>(t, 4, writeFloatIntrinsic<Intrinsic::round>);
  add<math::RoundEvenOp>(t, 1, writeFloatIntrinsic<Intrinsic::roundeven>);
  add<math::ClampFOp>(t, 2, writeClampF);
  add<math::IsFiniteOp>(t, 1, writeIsFinite);
  add<math::IsInfOp>(t, 1, writeIsInf);
  add<math::IsNaNOp>(t, 1, writeIsNan);
  add<RemFOp>(t, 200, writeRemF);
  add<math::PowFOp>(t, 400, writePowF);
  add<math::ExpOp, math::Exp2Op, math::LogOp, math::Log2Op, math::Log10Op, math::SinOp, math::CosOp,
      math::TanhOp, math::ErfOp>(t, 100, writeMath);
  add<math::AcosOp, math::AcoshOp, math::AsinOp, math::AsinhOp, math::AtanOp, math::Atan2Op, math::AtanhOp,
      math::CbrtOp, math::CoshOp, math::ErfcOp, math::ExpM1Op, math::Log1pOp, math::SinhOp, math::TanOp>(
      t, 200, writeMath);
}

static const Row *rowOf(mlir::Operation *op) {
  static const Table table = [] {
    Table t;
    addIntegers(t);
    addCasts(t);
    addFloats(t);
    return t;
  }();
  auto found = table.find(op->getName().getTypeID());
  return found == table.end() ? nullptr : &found->second;
}

bool isElementwise(mlir::Operation *op) { return rowOf(op) != nullptr; }

int elementwiseWeight(mlir::Operation *op) {
  const Row *row = rowOf(op);
  return row ? row->weight : 0;
}

Value *emitElementwise(IRBuilderBase &builder, mlir::Operation *op, ArrayRef<Value *> operands,
                       unsigned lanes, const Target &target) {
  const Row *row = rowOf(op);
  if (!row)
    return nullptr;
  IRBuilderBase::FastMathFlagGuard guard(builder);
  builder.clearFastMathFlags();
  LaneBuilder l(builder, lanes, isaOf(target));
  SmallVector<Value *, 3> splat;
  for (Value *operand : operands)
    splat.push_back(l.splat(operand));
  return row->write({l, builder, op, splat, target});
}

} // namespace tegula::cpu
