//===- Operators.cpp - arithmetic, comparison, selection on tensors ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Impl.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace tegula::lang {

using namespace mlir;

ArithOp arithOp(BinaryOp op) {
  switch (op) {
  case BinaryOp::Sub: return ArithOp::Sub;
  case BinaryOp::Mul: return ArithOp::Mul;
  case BinaryOp::Div: return ArithOp::TrueDiv;
  case BinaryOp::FloorDiv: return ArithOp::FloorDiv;
  case BinaryOp::Mod: return ArithOp::Mod;
  case BinaryOp::Shl: return ArithOp::Shl;
  case BinaryOp::Shr: return ArithOp::Shr;
  case BinaryOp::And: return ArithOp::And;
  case BinaryOp::Or: return ArithOp::Or;
  case BinaryOp::Xor: return ArithOp::Xor;
  default: return ArithOp::Add;
  }
}

Tensor Lowering::arith(ArithOp op, Tensor a, Tensor b, Span span) {
  DType type = a.type;
  bool isFloat = isFloating(type), isUns = isUnsigned(type);
  Location at = loc(span);
  auto make = [&]<typename OpTy>(OpTy *) -> Tensor {
    return {OpTy::create(builder, at, a.value, b.value), type};
  };
#define TEGULA_MAKE(OpTy) make(static_cast<mlir::arith::OpTy *>(nullptr))
  // 8-bit floats have no arithmetic of their own: it is done in fp32 and rounded.
  if (isFp8(type)) {
    DType f32 = scalarType(ScalarKind::F32);
    return cast(arith(op, cast(a, f32, span), cast(b, f32, span), span), type, span);
  }
  switch (op) {
  case ArithOp::Add: return isFloat ? TEGULA_MAKE(AddFOp) : TEGULA_MAKE(AddIOp);
  case ArithOp::Sub: return isFloat ? TEGULA_MAKE(SubFOp) : TEGULA_MAKE(SubIOp);
  case ArithOp::Mul: return isFloat ? TEGULA_MAKE(MulFOp) : TEGULA_MAKE(MulIOp);
  // GPUs may take their fast division, as for Triton's `/`: see ir/MathUlp.def.
  case ArithOp::TrueDiv:
    return {mlir::arith::DivFOp::create(builder, at, a.value, b.value, mlir::arith::FastMathFlags::afn),
            type};
  case ArithOp::RoundedDiv: return TEGULA_MAKE(DivFOp);
  case ArithOp::FloorDiv: return isUns ? TEGULA_MAKE(DivUIOp) : TEGULA_MAKE(DivSIOp);
  case ArithOp::Mod:
    return isFloat ? TEGULA_MAKE(RemFOp) : isUns ? TEGULA_MAKE(RemUIOp) : TEGULA_MAKE(RemSIOp);
  case ArithOp::And: return TEGULA_MAKE(AndIOp);
  case ArithOp::Or: return TEGULA_MAKE(OrIOp);
  case ArithOp::Xor: return TEGULA_MAKE(XOrIOp);
  case ArithOp::Shl: return TEGULA_MAKE(ShLIOp);
  case ArithOp::Shr: return isUns ? TEGULA_MAKE(ShRUIOp) : TEGULA_MAKE(ShRSIOp);
  }
#undef TEGULA_MAKE
  return a;
}

Tensor Lowering::addPointer(Tensor pointer, Tensor offset, Span span) {
  broadcast(pointer, offset, span);
  // Offsets are signed: an unsigned one keeps its value in 64 bits.
  if (isUnsigned(offset.type) && bitWidth(offset.type) < 64)
    offset = cast(offset, scalarType(ScalarKind::I64), span);
  return {tile::AddPtrOp::create(builder, loc(span), pointer.value, offset.value), pointer.type};
}

/// Pointers: p + i, i + p, p - i.
static Tensor pointerArithmetic(Lowering &l, BinaryOp op, const Value &x, const Value &y, Span span) {
  auto [a, b] = l.promoteBoth(x, y, span, false, true);
  bool both = a.type.isPointer && b.type.isPointer;
  bool add = op == BinaryOp::Add && !both;
  bool sub = op == BinaryOp::Sub && a.type.isPointer && !b.type.isPointer;
  if (!add && !sub)
    l.fail(Diag::bad_pointer_operands, span, {describe(x), describe(y)});
  if (b.type.isPointer)
    std::swap(a, b);
  if (!sub)
    return l.addPointer(a, b, span);
  if (isUnsigned(b.type))
    b = l.cast(b, scalarType(ScalarKind::I64), span);
  Tensor zero = l.splat(l.intConstant(0, b.type, span), b.shape(), span);
  return l.addPointer(a, l.arith(ArithOp::Sub, zero, b, span), span);
}

/// Adds, subtracts or multiplies in 64 bits as well and asserts that nothing was lost.
static void assertNoOverflow(Lowering &l, ArithOp op, Tensor a, Tensor b, Span span) {
  if (!l.options().sanitizeOverflow || !isInteger(a.type) || bitWidth(a.type) >= 64 || isBool(a.type))
    return;
  DType wide = scalarType(ScalarKind::I64);
  Tensor exact = l.arith(op, l.cast(a, wide, span), l.cast(b, wide, span), span);
  Tensor again = l.cast(l.cast(exact, a.type, span), wide, span);
  Tensor fits = l.compareTensors(CompareOp::Eq, exact, again, span);
  tile::AssertOp::create(l.b(), l.loc(span), fits.value, "integer overflow of " + toString(a.type));
}

Value Lowering::binary(BinaryOp op, const Value &a, const Value &b, Span span) {
  if (!a.isTensor() && !b.isTensor())
    return foldBinary(*this, op, a, b, span);
  for (const Value *v : {&a, &b})
    if (!v->isTensor() && !v->isNumber())
      fail(Diag::bad_operands, span, {spelling(op), describe(a), describe(b)});
  if (op == BinaryOp::Pow || op == BinaryOp::MatMul)
    fail(Diag::no_tensor_operator, span,
         {spelling(op), op == BinaryOp::Pow ? "Use tl.exp and tl.log, or multiply." : "Use tl.dot."});
  bool pointers = (a.isTensor() && a.tensor().type.isPointer) || (b.isTensor() && b.tensor().type.isPointer);
  if (pointers)
    return pointerArithmetic(*this, op, a, b, span);
  bool divOrMod = op == BinaryOp::Div || op == BinaryOp::FloorDiv || op == BinaryOp::Mod;
  auto [x, y] = promoteBoth(a, b, span, divOrMod);
  bool bits = op == BinaryOp::And || op == BinaryOp::Or || op == BinaryOp::Xor || op == BinaryOp::Shl ||
              op == BinaryOp::Shr;
  if (isFloating(x.type) && (bits || op == BinaryOp::FloorDiv))
    fail(Diag::integers_only, span, {spelling(op), describe(a), describe(b)});
  if (op == BinaryOp::Div && isInteger(x.type)) {
    x = cast(x, scalarType(ScalarKind::F32), span);
    y = cast(y, scalarType(ScalarKind::F32), span);
  }
  if (op == BinaryOp::Shr) {
    // Signed or not is what the left operand is, as a C programmer would read it.
    DType left = a.isTensor() ? a.tensor().type : x.type;
    bool arithmetic = isSignedInt(left);
    if (arithmetic == isUnsigned(x.type)) {
      mlir::Value v = arithmetic
                          ? mlir::Value(mlir::arith::ShRSIOp::create(builder, loc(span), x.value, y.value))
                          : mlir::Value(mlir::arith::ShRUIOp::create(builder, loc(span), x.value, y.value));
      return Value(v, x.type);
    }
    return arith(ArithOp::Shr, x, y, span);
  }
  if (op == BinaryOp::Add || op == BinaryOp::Sub || op == BinaryOp::Mul)
    assertNoOverflow(*this, arithOp(op), x, y, span);
  return arith(arithOp(op), x, y, span);
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

Tensor Lowering::compareTensors(CompareOp op, Tensor a, Tensor b, Span span) {
  DType boolean = scalarType(ScalarKind::I1);
  Location at = loc(span);
  if (isFp8(a.type)) {
    a = cast(a, scalarType(ScalarKind::F32), span);
    b = cast(b, scalarType(ScalarKind::F32), span);
  }
  if (isFloating(a.type)) {
    using P = mlir::arith::CmpFPredicate;
    P p = op == CompareOp::Eq   ? P::OEQ
          : op == CompareOp::Ne ? P::UNE
          : op == CompareOp::Lt ? P::OLT
          : op == CompareOp::Le ? P::OLE
          : op == CompareOp::Gt ? P::OGT
                                : P::OGE;
    return {mlir::arith::CmpFOp::create(builder, at, p, a.value, b.value), boolean};
  }
  using P = mlir::arith::CmpIPredicate;
  bool u = isUnsigned(a.type);
  P p = op == CompareOp::Eq   ? P::eq
        : op == CompareOp::Ne ? P::ne
        : op == CompareOp::Lt ? (u ? P::ult : P::slt)
        : op == CompareOp::Le ? (u ? P::ule : P::sle)
        : op == CompareOp::Gt ? (u ? P::ugt : P::sgt)
                              : (u ? P::uge : P::sge);
  return {mlir::arith::CmpIOp::create(builder, at, p, a.value, b.value), boolean};
}

Value Lowering::compare(CompareOp op, const Value &a, const Value &b, Span span) {
  bool isTest = op == CompareOp::Is || op == CompareOp::IsNot;
  if (isTest || (!a.isTensor() && !b.isTensor()))
    return foldCompare(*this, op, a, b, span);
  bool in = op == CompareOp::In || op == CompareOp::NotIn;
  for (const Value *v : {&a, &b})
    if (in || (!v->isTensor() && !v->isNumber()))
      fail(Diag::bad_operands, span, {spelling(op), describe(a), describe(b)});
  auto pointer = [](const Value &v) { return v.isTensor() && v.tensor().type.isPointer; };
  if (pointer(a) && pointer(b)) {
    // Addresses compare as unsigned integers.
    DType address = scalarType(ScalarKind::U64);
    return compare(op, cast(a, address, span), cast(b, address, span), span);
  }
  auto [x, y] = promoteBoth(a, b, span);
  return compareTensors(op, x, y, span);
}

//===----------------------------------------------------------------------===//
// Unary, selection
//===----------------------------------------------------------------------===//

Value Lowering::unary(UnaryOp op, const Value &a, Span span) {
  if (!a.isTensor())
    return foldUnary(*this, op, a, span);
  Tensor x = a.tensor();
  DType boolean = scalarType(ScalarKind::I1);
  if (op == UnaryOp::Not) {
    Tensor truth = toBool(a, span);
    Tensor ones = splat(intConstant(1, boolean, span), truth.shape(), span);
    return arith(ArithOp::Xor, truth, ones, span);
  }
  if (op == UnaryOp::Plus)
    return a;
  if (x.type.isPointer || (op == UnaryOp::Invert && isFloating(x.type)))
    fail(Diag::bad_operand, span, {spelling(op), describe(a)});
  if (op == UnaryOp::Invert) {
    Tensor ones = splat(intConstant(-1, x.type, span), x.shape(), span);
    return arith(ArithOp::Xor, x, ones, span);
  }
  if (isFp8(x.type)) {
    DType f32 = scalarType(ScalarKind::F32);
    return cast(unary(op, cast(a, f32, span), span), x.type, span);
  }
  if (isFloating(x.type))
    return Value(mlir::arith::NegFOp::create(builder, loc(span), x.value), x.type);
  Tensor zero = splat(intConstant(0, x.type, span), x.shape(), span);
  return arith(ArithOp::Sub, zero, x, span);
}

Tensor Lowering::select(Tensor condition, Tensor x, Tensor y, Span span) {
  return {mlir::arith::SelectOp::create(builder, loc(span), condition.value, x.value, y.value), x.type};
}

Value Lowering::where(const Value &condition, const Value &x, const Value &y, Span span) {
  Tensor c = toBool(condition, span);
  Tensor a, b;
  bool pointers = (x.isTensor() && x.tensor().type.isPointer) || (y.isTensor() && y.tensor().type.isPointer);
  if (pointers) {
    a = toTensor(x, span);
    b = toTensor(y, span);
    if (a.type != b.type)
      fail(Diag::bad_pointer_operands, span, {describe(x), describe(y)});
    broadcast(a, b, span);
  } else {
    std::tie(a, b) = promoteBoth(x, y, span);
  }
  broadcast(c, a, span);
  b = broadcastTo(b, a.shape(), span);
  if (c.shape() != a.shape())
    c = broadcastTo(c, a.shape(), span);
  return select(c, a, b, span);
}

} // namespace tegula::lang
