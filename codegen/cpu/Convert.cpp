//===- Convert.cpp - conversions between float types ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every narrowing goes through f32 and integer arithmetic. Instructions are used only where they are exact for
// denormals too: vcvtps2ph is, vcvtneps2bf16 flushes them (Intel SDM) and is not.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Elementwise.h"
#include "codegen/cpu/LaneBuilder.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace llvm;

namespace tegula::cpu {

//===----------------------------------------------------------------------===//
// Rounding helpers of LaneBuilder
//===----------------------------------------------------------------------===//

/// The neighbour of the f32 `rounded` (made from `exact` to nearest) on the other side of `exact`, where `take` holds.
static Value *stepTo(const LaneBuilder &l, Value *rounded, Value *exact, Value *take) {
  Value *back = l.b.CreateFPExt(rounded, l.f64());
  Value *tooSmall = l.b.CreateFCmpOLT(l.abs(back), l.abs(exact));
  Value *step = l.b.CreateSelect(tooSmall, l.i32(1), l.i32(0xffffffffu));
  Value *bits = l.bits(rounded);
  return l.asF32(l.b.CreateSelect(take, l.b.CreateAdd(bits, step), bits));
}

Value *LaneBuilder::narrowToOdd(Value *v) const {
  Value *rounded = b.CreateFPTrunc(v, f32());
  Value *inexact = b.CreateFCmpONE(b.CreateFPExt(rounded, f64()), v);
  Value *even = b.CreateICmpEQ(b.CreateAnd(bits(rounded), i32(1)), i32(0));
  return stepTo(*this, rounded, v, b.CreateAnd(inexact, even));
}

Value *LaneBuilder::narrowTowardZero(Value *v) const {
  Value *rounded = b.CreateFPTrunc(v, f32());
  // An infinity stays one; a finite value that became infinite steps back to the largest finite one.
  Value *tooLarge = b.CreateFCmpOGT(abs(b.CreateFPExt(rounded, f64())), abs(v));
  return stepTo(*this, rounded, v, tooLarge);
}

Value *addToOdd(const LaneBuilder &l, Value *x, Value *y) {
  // Knuth's two-sum: s + error == x + y exactly. Infinities make `error` NaN, and the ordered compare skips them.
  IRBuilderBase &b = l.b;
  Value *s = b.CreateFAdd(x, y);
  Value *yPart = b.CreateFSub(s, x);
  Value *xPart = b.CreateFSub(s, yPart);
  Value *error = b.CreateFAdd(b.CreateFSub(x, xPart), b.CreateFSub(y, yPart));
  Value *inexact = b.CreateFCmpONE(error, l.c64(0));
  Value *bits = l.bits(s);
  Value *even = b.CreateICmpEQ(b.CreateAnd(bits, l.ci(64, 1)), l.ci(64, 0));
  Value *sameSign = b.CreateICmpSGE(b.CreateXor(bits, l.bits(error)), l.ci(64, 0));
  Value *step = b.CreateSelect(sameSign, l.ci(64, 1), l.ci(64, ~uint64_t(0)));
  return l.asF64(b.CreateSelect(b.CreateAnd(inexact, even), b.CreateAdd(bits, step), bits));
}

Value *LaneBuilder::fmaThroughF64(Value *x, Value *y, Value *z) const {
  Value *product = b.CreateFMul(b.CreateFPExt(x, f64()), b.CreateFPExt(y, f64())); // exact: 48 bits
  return b.CreateFPTrunc(addToOdd(*this, product, b.CreateFPExt(z, f64())), f32());
}

Value *LaneBuilder::fma(Value *x, Value *y, Value *z) const {
  Type *type = x->getType();
  if (isa.fma)
    return b.CreateIntrinsic(type, Intrinsic::fma, {x, y, z});
  if (type->isFPOrFPVectorTy() && type->getScalarType()->isDoubleTy())
    return emitLibm(*this, "fma", {x, y, z});
  return fmaThroughF64(x, y, z);
}

Value *LaneBuilder::mad(Value *x, Value *y, Value *z) const {
  Type *type = x->getType();
  if (isa.fma)
    return b.CreateIntrinsic(type, Intrinsic::fma, {x, y, z});
  if (type->getScalarType()->isDoubleTy())
    return b.CreateFAdd(b.CreateFMul(x, y), z);
  Value *product = b.CreateFMul(b.CreateFPExt(x, f64()), b.CreateFPExt(y, f64()));
  return b.CreateFPTrunc(b.CreateFAdd(product, b.CreateFPExt(z, f64())), f32());
}

Value *LaneBuilder::poly(Value *x, std::initializer_list<double> coefficients) const {
  const double *c = coefficients.end() - 1;
  Value *sum = c32(*c);
  while (c != coefficients.begin())
    sum = mad(sum, x, c32(*--c));
  return sum;
}

//===----------------------------------------------------------------------===//
// Small formats
//===----------------------------------------------------------------------===//

namespace {

/// A format with fewer bits than f32, below its sign bit.
struct Format {
  unsigned exponentBits, mantissaBits;
  uint32_t maxFinite, infinity, nan; ///< codes; infinity 0: none, saturate
  unsigned width() const { return exponentBits + mantissaBits + 1; }
  unsigned bias() const { return (1u << (exponentBits - 1)) - 1; }
};

constexpr Format halfFormat = {5, 10, 0x7bff, 0x7c00, 0x7e00};
// cvt.satfinite: infinities too become the largest finite value.
constexpr Format e5m2Format = {5, 2, 0x7b, 0, 0x7e};
constexpr Format e4m3Format = {4, 3, 0x7e, 0, 0x7f};

double powerOfTwo(int exponent) { return std::ldexp(1.0, exponent); }

} // namespace

/// f32 to a code of `format` in i32 lanes.
static Value *narrowBits(const LaneBuilder &l, Value *x, const Format &format, bool towardZero) {
  IRBuilderBase &b = l.b;
  Value *u = l.bits(x);
  Value *a = b.CreateAnd(u, l.i32(0x7fffffff));
  unsigned shift = 23 - format.mantissaBits;

  // Normal results: round the mantissa in place; a carry runs into the exponent as it should.
  Value *normal = a;
  if (!towardZero) {
    Value *lastKept = b.CreateAnd(b.CreateLShr(a, shift), l.i32(1));
    normal = b.CreateAdd(b.CreateAdd(a, l.i32((1u << (shift - 1)) - 1)), lastKept);
  }
  normal = b.CreateSub(b.CreateLShr(normal, shift), l.i32((127 - format.bias()) << format.mantissaBits));

  // Denormal results: in units of the smallest one the value is below 2^mantissaBits; adding 2^23 rounds it.
  Value *scaled = b.CreateFMul(l.asF32(a), l.c32(powerOfTwo(int(format.bias() - 1 + format.mantissaBits))));
  Value *shifted = b.CreateFAdd(scaled, l.c32(8388608.0));
  Value *denormal = b.CreateSub(l.bits(shifted), l.i32(0x4b000000));
  if (towardZero) {
    Value *roundedUp = b.CreateFCmpOGT(b.CreateFSub(shifted, l.c32(8388608.0)), scaled);
    denormal = b.CreateSub(denormal, b.CreateZExt(roundedUp, l.ints(32)));
  }
  Value *isNormal = b.CreateICmpUGE(a, l.i32((128 - format.bias()) << 23));
  Value *code = b.CreateSelect(isNormal, normal, denormal);

  uint32_t limit = format.infinity && !towardZero ? format.infinity : format.maxFinite;
  code = b.CreateBinaryIntrinsic(Intrinsic::umin, code, l.i32(limit));
  if (format.infinity && towardZero)
    code = b.CreateSelect(b.CreateICmpEQ(a, l.i32(0x7f800000)), l.i32(format.infinity), code);
  code = b.CreateSelect(b.CreateICmpUGT(a, l.i32(0x7f800000)), l.i32(format.nan), code);
  Value *sign = b.CreateAnd(b.CreateLShr(u, 32 - format.width()), l.i32(1u << (format.width() - 1)));
  return b.CreateOr(code, sign);
}

static Value *narrowToBF16(const LaneBuilder &l, Value *x, bool towardZero) {
  IRBuilderBase &b = l.b;
  Value *u = l.bits(x);
  Value *high = b.CreateLShr(u, 16);
  Value *rounded = high;
  if (!towardZero) {
    Value *lastKept = b.CreateAnd(high, l.i32(1));
    rounded = b.CreateLShr(b.CreateAdd(b.CreateAdd(u, l.i32(0x7fff)), lastKept), 16);
  }
  // A NaN keeps its high bits and gets the quiet one: those alone could be all zero, an infinity.
  Value *code = b.CreateSelect(b.CreateFCmpUNO(x, x), b.CreateOr(high, l.i32(0x40)), rounded);
  return b.CreateTrunc(code, l.ints(16));
}

/// The bits of an f16 (i16 lanes) as f32.
static Value *widenHalfBits(const LaneBuilder &l, Value *code) {
  IRBuilderBase &b = l.b;
  if (l.isa.f16)
    return b.CreateFPExt(b.CreateBitCast(code, l.f16()), l.f32());
  Value *u = b.CreateZExt(code, l.ints(32));
  Value *a = b.CreateAnd(u, l.i32(0x7fff));
  // Read as an f32 the exponent is short by 112; the product normalises denormals.
  Value *scaled = l.bits(b.CreateFMul(l.asF32(b.CreateShl(a, 13)), l.c32(powerOfTwo(112))));
  Value *special = b.CreateICmpUGE(a, l.i32(0x7c00));
  Value *magnitude = b.CreateSelect(special, b.CreateOr(b.CreateShl(a, 13), l.i32(0x7f800000)), scaled);
  return l.asF32(b.CreateOr(magnitude, b.CreateShl(b.CreateAnd(u, l.i32(0x8000)), 16)));
}

/// Any float to f32, exactly; f64 is not for here.
static Value *widenToF32(const LaneBuilder &l, Value *v, mlir::Type from) {
  IRBuilderBase &b = l.b;
  if (from.isF32())
    return v;
  if (from.isF16())
    return widenHalfBits(l, v);
  if (from.isBF16())
    return l.asF32(b.CreateShl(b.CreateZExt(v, l.ints(32)), 16));
  Value *u = b.CreateZExt(v, l.ints(16));
  if (mlir::isa<mlir::Float8E5M2Type>(from))
    return widenHalfBits(l, b.CreateShl(u, 8));
  // E4M3FN: as an f16 with an exponent that is short by 8.
  Value *a = b.CreateAnd(u, l.ci(16, 0x7f));
  Value *sign = b.CreateShl(b.CreateAnd(u, l.ci(16, 0x80)), 8);
  Value *wide = b.CreateFMul(widenHalfBits(l, b.CreateOr(b.CreateShl(a, 7), sign)), l.c32(256));
  Value *nan = ConstantFP::getQNaN(l.f32());
  return b.CreateSelect(b.CreateICmpEQ(a, l.ci(16, 0x7f)), nan, wide);
}

static Value *narrowFromF32(const LaneBuilder &l, Value *x, mlir::Type to, bool towardZero) {
  IRBuilderBase &b = l.b;
  if (to.isF32())
    return x;
  if (to.isBF16())
    return narrowToBF16(l, x, towardZero);
  if (to.isF16()) {
    if (l.isa.f16 && !towardZero)
      return l.bits(b.CreateFPTrunc(x, l.f16()));
    return b.CreateTrunc(narrowBits(l, x, halfFormat, towardZero), l.ints(16));
  }
  const Format &format = mlir::isa<mlir::Float8E5M2Type>(to) ? e5m2Format : e4m3Format;
  return b.CreateTrunc(narrowBits(l, x, format, towardZero), l.ints(8));
}

Value *emitConvertFloat(IRBuilderBase &builder, Value *value, mlir::Type from, mlir::Type to, bool towardZero,
                        const Target &target) {
  if (from == to)
    return value;
  IRBuilderBase::FastMathFlagGuard guard(builder);
  builder.clearFastMathFlags();
  auto *vector = dyn_cast<FixedVectorType>(value->getType());
  LaneBuilder l(builder, vector ? vector->getNumElements() : 1, isaOf(target));
  if (!from.isF64()) {
    Value *wide = widenToF32(l, value, from);
    return to.isF64() ? builder.CreateFPExt(wide, l.f64()) : narrowFromF32(l, wide, to, towardZero);
  }
  if (to.isF32())
    return towardZero ? l.narrowTowardZero(value) : builder.CreateFPTrunc(value, l.f32());
  return narrowFromF32(l, l.narrowToOdd(value), to, towardZero);
}

} // namespace tegula::cpu
