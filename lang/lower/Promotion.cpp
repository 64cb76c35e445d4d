//===- Promotion.cpp - the common type and shape of operands ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Impl.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

namespace tegula::lang {

using Int = Constant::Int;

static std::pair<Int, Int> rangeOf(DType type) {
  int bits = bitWidth(type);
  if (isUnsigned(type))
    return {0, (Int(1) << bits) - 1};
  return {-(Int(1) << (bits - 1)), (Int(1) << (bits - 1)) - 1};
}

DType Lowering::defaultType(const Value &number, Span span) {
  if (number.get<bool>())
    return scalarType(ScalarKind::I1);
  if (auto *i = number.get<Int>()) {
    for (ScalarKind kind : {ScalarKind::I32, ScalarKind::U32, ScalarKind::I64, ScalarKind::U64}) {
      auto [low, high] = rangeOf(scalarType(kind));
      if (*i >= low && *i <= high)
        return scalarType(kind);
    }
    fail(Diag::integer_out_of_range, span, {repr(number), "any integer type"});
  }
  if (auto *d = number.get<double>()) {
    double magnitude = std::fabs(*d);
    bool fits = std::isnan(*d) || std::isinf(*d) || magnitude == 0 ||
                (magnitude >= 0x1p-126 && magnitude <= 0x1.fffffep127);
    return scalarType(fits ? ScalarKind::F32 : ScalarKind::F64);
  }
  fail(Diag::not_a_tensor, span, {describe(number)});
}

static int kindRank(DType type) { return isBool(type) ? 0 : isInteger(type) ? 1 : 2; }

/// The usual arithmetic conversions of C.
static DType promoteIntegers(DType a, DType b) {
  int x = bitWidth(a), y = bitWidth(b);
  if (isUnsigned(a) == isUnsigned(b))
    return x > y ? a : b;
  if (isUnsigned(a))
    return x >= y ? a : b;
  return y >= x ? b : a;
}

DType Lowering::promote(DType a, bool aWeak, DType b, bool bWeak, bool divOrMod, Span span) {
  if (aWeak != bWeak) {
    DType weak = aWeak ? a : b, strong = aWeak ? b : a;
    if (kindRank(weak) <= kindRank(strong))
      a = b = strong;
  }
  auto either = [&](ScalarKind kind) { return a.scalar == kind || b.scalar == kind; };
  if (either(ScalarKind::F64))
    return scalarType(ScalarKind::F64);
  bool anyFloat = isFloating(a) || isFloating(b);
  if (divOrMod && anyFloat)
    return scalarType(ScalarKind::F32);
  if (either(ScalarKind::F32))
    return scalarType(ScalarKind::F32);
  if (either(ScalarKind::F16))
    return scalarType(ScalarKind::F16);
  if (either(ScalarKind::BF16))
    return a == b ? a : scalarType(ScalarKind::F32);
  if (isFp8(a) && isFp8(b))
    return a == b ? a : scalarType(ScalarKind::F16);
  if (!isInteger(a) || !isInteger(b))
    fail(Diag::incompatible_types, span, {toString(a), toString(b)});
  if (divOrMod && isUnsigned(a) != isUnsigned(b))
    fail(Diag::mixed_signedness, span, {toString(a), toString(b)});
  return promoteIntegers(a, b);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Tensor Lowering::intConstant(int64_t v, DType type, Span span) {
  auto attr = mlir::IntegerAttr::get(this->type(type),
                                     llvm::APInt(bitWidth(type), static_cast<uint64_t>(v), true, true));
  return {mlir::arith::ConstantOp::create(builder, loc(span), attr), type};
}

Tensor Lowering::constant(const Value &number, DType type, Span span) {
  if (!number.isNumber())
    fail(Diag::not_a_tensor, span, {describe(number)});
  if (isInteger(type)) {
    auto i = integerOf(number);
    if (!i && *numberOf(number) == 0)
      i = 0;
    if (!i)
      fail(Diag::float_for_integer, span, {repr(number), toString(type)});
    if (isBool(type))
      return intConstant(*i != 0, type, span);
    auto [low, high] = rangeOf(type);
    if (*i < low && isUnsigned(type))
      fail(Diag::negative_for_unsigned, span, {repr(number), toString(type)});
    if (*i < low || *i > high)
      fail(Diag::integer_out_of_range, span, {repr(number), toString(type)});
    return intConstant(static_cast<int64_t>(*i), type, span);
  }
  if (type.isPointer) {
    Tensor address = constant(number, scalarType(ScalarKind::I64), span);
    return cast(address, type, span);
  }
  if (!isFloating(type))
    fail(Diag::not_a_tensor, span, {describe(number) + " as " + toString(type)});
  mlir::Type mlirType = this->type(type);
  const auto &semantics = mlir::cast<mlir::FloatType>(mlirType).getFloatSemantics();
  llvm::APFloat value(*numberOf(number));
  bool inexact = false;
  // 8-bit floats go through fp32 and saturate, as a conversion at run time does.
  if (isFp8(type)) {
    value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &inexact);
    llvm::APFloat largest = llvm::APFloat::getLargest(semantics);
    largest.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &inexact);
    if (!value.isNaN() && llvm::abs(value) > largest)
      value = value.isNegative() ? -largest : largest;
  }
  value.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &inexact);
  auto attr = mlir::FloatAttr::get(mlirType, value);
  return {mlir::arith::ConstantOp::create(builder, loc(span), attr), type};
}

Tensor Lowering::toTensor(const Value &value, Span span) {
  if (auto *tensor = value.asTensor())
    return *tensor;
  return constant(value, defaultType(value, span), span);
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

Tensor Lowering::splat(Tensor scalar, llvm::ArrayRef<int64_t> shape, Span span) {
  if (shape.empty())
    return scalar;
  return {builder.createOrFold<tile::SplatOp>(loc(span), type(scalar.type, shape), scalar.value),
          scalar.type};
}

Tensor Lowering::expandDims(Tensor value, int axis, Span span) {
  Shape shape(value.shape());
  if (axis < 0 || axis > static_cast<int>(shape.size()))
    fail(Diag::axis_out_of_range, span, {std::to_string(axis), std::to_string(shape.size() + 1)});
  shape.insert(shape.begin() + axis, 1);
  if (value.isScalar())
    return splat(value, shape, span);
  return {tile::ExpandDimsOp::create(builder, loc(span), type(value.type, shape), value.value, axis),
          value.type};
}

static std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Tensor Lowering::broadcastTo(Tensor value, llvm::ArrayRef<int64_t> shape, Span span) {
  if (value.isScalar())
    return splat(value, shape, span);
  if (value.shape() == shape)
    return value;
  if (value.rank() > static_cast<int>(shape.size()))
    fail(Diag::cannot_broadcast, span, {shapeText(value.shape()), shapeText(shape)});
  Tensor from = value;
  while (value.rank() < static_cast<int>(shape.size()))
    value = expandDims(value, 0, span);
  for (size_t i = 0; i < shape.size(); ++i)
    if (value.shape()[i] != shape[i] && value.shape()[i] != 1)
      fail(Diag::cannot_broadcast, span, {shapeText(from.shape()), shapeText(shape)});
  if (value.shape() == shape)
    return value;
  return {tile::BroadcastOp::create(builder, loc(span), type(value.type, shape), value.value), value.type};
}

void Lowering::broadcast(Tensor &a, Tensor &b, Span span) {
  if (a.shape() == b.shape())
    return;
  size_t rank = std::max(a.rank(), b.rank());
  Shape common(rank, 1);
  auto extent = [&](const Tensor &t, size_t i) -> int64_t {
    size_t missing = rank - t.rank();
    return i < missing ? 1 : t.shape()[i - missing];
  };
  for (size_t i = 0; i < rank; ++i) {
    int64_t x = extent(a, i), y = extent(b, i);
    if (x != y && x != 1 && y != 1)
      fail(Diag::incompatible_shapes, span,
           {shapeText(a.shape()), shapeText(b.shape()), std::to_string(i), std::to_string(x),
            std::to_string(y)});
    common[i] = x == 1 ? y : x;
  }
  a = broadcastTo(a, common, span);
  b = broadcastTo(b, common, span);
}

std::pair<Tensor, Tensor> Lowering::promoteBoth(const Value &a, const Value &b, Span span, bool divOrMod,
                                                bool allowPointers) {
  for (const Value *v : {&a, &b})
    if (!v->isTensor() && !v->isNumber())
      fail(Diag::not_a_tensor, span, {describe(*v)});
  DType x = a.isTensor() ? a.tensor().type : defaultType(a, span);
  DType y = b.isTensor() ? b.tensor().type : defaultType(b, span);
  Tensor p, q;
  if (x.isPointer || y.isPointer) {
    bool wrongPair = (x.isPointer && y.isPointer && x != y) || isFloating(x) || isFloating(y);
    if (!allowPointers || wrongPair)
      fail(Diag::bad_pointer_operands, span, {describe(a), describe(b)});
    p = toTensor(a, span);
    q = toTensor(b, span);
  } else {
    DType common = promote(x, !a.isTensor(), y, !b.isTensor(), divOrMod, span);
    p = cast(a, common, span);
    q = cast(b, common, span);
  }
  broadcast(p, q, span);
  return {p, q};
}

} // namespace tegula::lang
