//===- Casts.cpp - conversions between element types ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Impl.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace tegula::lang {

using namespace mlir;

namespace {
/// One conversion of one tensor.
struct Caster {
  Lowering &l;
  Tensor x;
  DType to;
  Span span;

  Location loc() { return l.loc(span); }
  Type type(DType t) { return l.type(t, x.shape()); }
  Type result() { return type(to); }
  Tensor as(mlir::Value v) { return {v, to}; }
  template <typename OpTy> Tensor make() { return as(OpTy::create(l.b(), loc(), result(), x.value)); }
  Tensor fpToFp(tile::Rounding rounding) {
    return as(tile::FpToFpOp::create(l.b(), loc(), result(), x.value, rounding));
  }

  Tensor floats(bool towardZero) {
    int from = bitWidth(x.type), width = bitWidth(to);
    bool halves = from == 16 && width == 16;
    if (isFp8(x.type) || isFp8(to) || towardZero || halves)
      return fpToFp(towardZero ? tile::Rounding::TowardZero : tile::Rounding::NearestEven);
    return from > width ? make<arith::TruncFOp>() : make<arith::ExtFOp>();
  }

  Tensor integers() {
    int from = bitWidth(x.type), width = bitWidth(to);
    if (from == width)
      return as(x.value);
    if (from > width)
      return make<arith::TruncIOp>();
    return isUnsigned(x.type) ? make<arith::ExtUIOp>() : make<arith::ExtSIOp>();
  }

  Tensor notZero() {
    Tensor zero = x.type.isPointer ? Tensor() : l.constant(Value::integer(0), x.type, span);
    if (x.type.isPointer) {
      DType address = scalarType(ScalarKind::I64);
      x = {tile::PtrToIntOp::create(l.b(), loc(), type(address), x.value), address};
      zero = l.constant(Value::integer(0), address, span);
    }
    return l.compareTensors(CompareOp::Ne, x, l.splat(zero, x.shape(), span), span);
  }

  /// 8-bit floats and integers meet in fp32.
  Tensor through(ScalarKind middle) { return l.cast(l.cast(x, scalarType(middle), span), to, span); }
};
} // namespace

Tensor Lowering::cast(const Value &value, DType to, Span span, std::string_view rounding) {
  if (!rounding.empty() && rounding != "rtne" && rounding != "rtz")
    fail(Diag::internal_error, span, {"unknown rounding", ""});
  if (!value.isTensor())
    return constant(value, to, span);
  Tensor x = value.tensor();
  DType from = x.type;
  bool narrowing = isFloating(from) && isFloating(to) && bitWidth(to) < bitWidth(from);
  if (from == to)
    return x;
  if (!rounding.empty() && !narrowing)
    fail(Diag::rounding_without_narrowing, span, {toString(from), toString(to)});
  Caster c{*this, x, to, span};
  if (from.isPointer && to.isPointer)
    return type(from) == type(to) ? Tensor{x.value, to} : c.make<tile::PtrCastOp>();
  if (isBool(to) && !isFp8(from))
    return c.notZero();
  if (from.isPointer && isInteger(to) && bitWidth(to) == 64)
    return c.make<tile::PtrToIntOp>();
  if (isInteger(from) && to.isPointer) {
    DType address = scalarType(isUnsigned(from) ? ScalarKind::U64 : ScalarKind::I64);
    if (bitWidth(from) != 64)
      return cast(cast(x, address, span), to, span);
    return c.make<tile::IntToPtrOp>();
  }
  if (from.isPointer || to.isPointer || to.scalar == ScalarKind::Void)
    fail(Diag::cannot_cast, span, {describe(value), toString(to)});
  if (isFloating(from) && isFloating(to))
    return c.floats(rounding == "rtz");
  if (isInteger(from) && isInteger(to))
    return c.integers();
  if (isFp8(from) || isFp8(to))
    return c.through(ScalarKind::F32);
  // Half precision and integers: by way of fp32 one way, direct the other, as the bits come out the same.
  if (isFloating(from)) {
    if (bitWidth(from) == 16)
      return c.through(ScalarKind::F32);
    return isUnsigned(to) ? c.make<arith::FPToUIOp>() : c.make<arith::FPToSIOp>();
  }
  return isUnsigned(from) ? c.make<arith::UIToFPOp>() : c.make<arith::SIToFPOp>();
}

Tensor Lowering::bitcast(Tensor x, DType to, Span span) {
  if (x.type == to)
    return x;
  if (x.type.isPointer || to.isPointer)
    return cast(x, to, span);
  if (bitWidth(x.type) != bitWidth(to))
    fail(Diag::bitcast_width, span,
         {toString(x.type), std::to_string(bitWidth(x.type)), toString(to), std::to_string(bitWidth(to))});
  mlir::Type result = type(to, x.shape());
  if (x.value.getType() == result)
    return {x.value, to};
  return {arith::BitcastOp::create(builder, loc(span), result, x.value), to};
}

Tensor Lowering::toBool(const Value &value, Span span) {
  if (!value.isTensor())
    return constant(Value::boolean(truth(value, span)), scalarType(ScalarKind::I1), span);
  Tensor x = value.tensor();
  if (isFp8(x.type))
    x = cast(x, scalarType(ScalarKind::F32), span);
  return cast(x, scalarType(ScalarKind::I1), span);
}

} // namespace tegula::lang
