//===- LaneBuilder.h - arithmetic on one value or on a vector of them ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/cpu/Isa.h"

#include "llvm/IR/IRBuilder.h"

#include <initializer_list>

namespace tegula::cpu {

/// An IRBuilder that knows how many lanes every value has. Constants come splat.
class LaneBuilder {
public:
  llvm::IRBuilderBase &b;
  const unsigned lanes;
  const Isa &isa;

  LaneBuilder(llvm::IRBuilderBase &builder, unsigned lanes, const Isa &isa)
      : b(builder), lanes(lanes), isa(isa) {}

  llvm::Type *vec(llvm::Type *scalar) const {
    return lanes == 1 ? scalar : llvm::FixedVectorType::get(scalar, lanes);
  }
  llvm::Type *f16() const { return vec(b.getHalfTy()); }
  llvm::Type *f32() const { return vec(b.getFloatTy()); }
  llvm::Type *f64() const { return vec(b.getDoubleTy()); }
  llvm::Type *ints(unsigned bits) const { return vec(b.getIntNTy(bits)); }

  llvm::Constant *c32(double value) const { return llvm::ConstantFP::get(f32(), value); }
  llvm::Constant *c64(double value) const { return llvm::ConstantFP::get(f64(), value); }
  llvm::Constant *ci(unsigned bits, uint64_t value) const {
    return llvm::ConstantInt::get(ints(bits), llvm::APInt(bits, value, false, true));
  }
  llvm::Constant *i32(uint32_t value) const { return ci(32, value); }

  /// A scalar in every lane; a vector as it is.
  llvm::Value *splat(llvm::Value *v) const {
    return lanes == 1 || v->getType()->isVectorTy() ? v : b.CreateVectorSplat(lanes, v);
  }
  /// The bits of a float as an integer of the same width.
  llvm::Value *bits(llvm::Value *v) const {
    return v->getType()->isIntOrIntVectorTy() ? v
                                              : b.CreateBitCast(v, ints(v->getType()->getScalarSizeInBits()));
  }
  llvm::Value *asF32(llvm::Value *v) const { return b.CreateBitCast(v, f32()); }
  llvm::Value *asF64(llvm::Value *v) const { return b.CreateBitCast(v, f64()); }

  llvm::Value *unary(llvm::Intrinsic::ID id, llvm::Value *v) const {
    return b.CreateIntrinsic(v->getType(), id, {v});
  }
  llvm::Value *abs(llvm::Value *v) const { return unary(llvm::Intrinsic::fabs, v); }
  /// `magnitude` (not negative) with the sign of `sign`, both f32.
  llvm::Value *withSignOf(llvm::Value *magnitude, llvm::Value *sign) const {
    llvm::Value *s = b.CreateAnd(bits(sign), i32(0x80000000u));
    return asF32(b.CreateOr(bits(magnitude), s));
  }
  /// The smaller (greater) of `v` and a constant; a NaN passes. One minps (maxps) each.
  llvm::Value *atMost(llvm::Value *v, llvm::Constant *limit) const {
    return b.CreateSelect(b.CreateFCmpOLT(limit, v), limit, v);
  }
  llvm::Value *atLeast(llvm::Value *v, llvm::Constant *limit) const {
    return b.CreateSelect(b.CreateFCmpOGT(limit, v), limit, v);
  }

  /// a * b + c with one rounding, on every target (f32, f64).
  llvm::Value *fma(llvm::Value *x, llvm::Value *y, llvm::Value *z) const;
  /// The same where the target has it; elsewhere f32 goes through f64, which may round twice. For polynomials.
  llvm::Value *mad(llvm::Value *x, llvm::Value *y, llvm::Value *z) const;
  /// c0 + c1 x + c2 x^2 + ... by Horner's rule (f32).
  llvm::Value *poly(llvm::Value *x, std::initializer_list<double> coefficients) const;

  /// f64 to f32 rounded to odd: a second rounding to at most 22 bits then gives what one rounding would.
  llvm::Value *narrowToOdd(llvm::Value *f64Value) const;
  llvm::Value *narrowTowardZero(llvm::Value *f64Value) const;

private:
  llvm::Value *fmaThroughF64(llvm::Value *x, llvm::Value *y, llvm::Value *z) const;
};

/// x + y of f64 values that is rounded to odd (the last bit says "inexact"): exact enough to round once more.
llvm::Value *addToOdd(const LaneBuilder &l, llvm::Value *x, llvm::Value *y);

//===----------------------------------------------------------------------===//
// MathFunctions.cpp: f32 functions as instructions, and everything else by libm
//===----------------------------------------------------------------------===//

/// An f32 function as straight-line code (sin and cos: a call of an internal function with a branch for huge
/// arguments). Null if there is no expansion of that name ("exp", "exp2", "log", "log2", "log10", "sin", "cos", "tanh", "erf").
llvm::Value *emitMathF32(const LaneBuilder &l, llvm::StringRef name, llvm::Value *x);
bool hasMathF32(llvm::StringRef name);

/// sin or cos of f32 below `sineLimit` in size, as straight-line code: the quick part of what emitMathF32 writes.
llvm::Value *emitQuickSine(const LaneBuilder &l, llvm::Value *x, bool cosine);
constexpr double sineLimit = 100000;

/// A call of the C library's function for each lane ("exp", "atan2", "fmod" ...), f32 or f64.
llvm::Value *emitLibm(const LaneBuilder &l, llvm::StringRef name, llvm::ArrayRef<llvm::Value *> args);

} // namespace tegula::cpu
