//===- Math.cpp - math functions by instructions and by the library ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row of the table is an operation and the functions that write it in f32, in f32 where the operation is marked as
// approximate (fastmath<afn>: `/`, tl.sqrt, libdevice's fast functions), and in f64. What a row lacks is written by the
// common code. 16-bit floats are computed in f32 and rounded.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Assembly.h"
#include "codegen/nvptx/Elementwise.h"

#include "codegen/cpu/Elementwise.h"
#include "codegen/cpu/LaneBuilder.h"
#include "codegen/nvptx/MathLibrary.h"
#include "ir/ops/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsNVPTX.h"
#include "llvm/IR/MDBuilder.h"

using namespace llvm;

namespace tegula::nvptx {
namespace {

/// One operation being written; operands of 16-bit floats are f32 already.
struct Writer {
  IRBuilderBase &b;
  const cpu::Target &elementTarget;
  mlir::Operation *op;
  ArrayRef<Value *> in;

  Type *type() const { return in[0]->getType(); }
  Constant *constant(double value) const { return ConstantFP::get(type(), value); }
  Value *call(Intrinsic::ID id, ArrayRef<Value *> arguments) const {
    return b.CreateIntrinsic(id, arguments);
  }
  Value *unary(Intrinsic::ID id, Value *x) const { return b.CreateUnaryIntrinsic(id, x); }
};

using Write = Value *(*)(const Writer &);

struct Row {
  Write single = nullptr, approximate = nullptr, wide = nullptr;
};

constexpr double log2e = 1.4426950408889634, ln2 = 0.69314718055994531;

} // namespace

/// `usual` where the condition holds, else what `rare` gives, in a branch of its own.
static Value *orRarely(const Writer &w, Value *isUsual, Value *usual, function_ref<Value *()> rare) {
  IRBuilderBase &b = w.b;
  BasicBlock *before = b.GetInsertBlock();
  auto *slow = BasicBlock::Create(b.getContext(), "rare", before->getParent());
  auto *done = BasicBlock::Create(b.getContext(), "", before->getParent());
  b.CreateCondBr(isUsual, done, slow, MDBuilder(b.getContext()).createLikelyBranchWeights());
  b.SetInsertPoint(slow);
  Value *other = rare();
  b.CreateBr(done);
  b.SetInsertPoint(done);
  PHINode *result = b.CreatePHI(w.type(), 2);
  result->addIncoming(usual, before);
  result->addIncoming(other, slow);
  return result;
}

//===----------------------------------------------------------------------===//
// Exponentials, logarithms, roots
//===----------------------------------------------------------------------===//

template <Intrinsic::ID id> static Value *writeCall(const Writer &w) { return w.call(id, w.in); }
static Value *exp2Flushed(const Writer &w, Value *x) { return w.unary(Intrinsic::nvvm_ex2_approx_ftz, x); }
static Value *writeExp(const Writer &w) {
  return w.unary(Intrinsic::nvvm_ex2_approx, w.b.CreateFMul(w.in[0], w.constant(log2e)));
}
static Value *writeExpFlushed(const Writer &w) {
  return exp2Flushed(w, w.b.CreateFMul(w.in[0], w.constant(log2e)));
}
static Value *writeExp2Flushed(const Writer &w) { return exp2Flushed(w, w.in[0]); }

static Value *writeLogApproximate(const Writer &w) {
  return w.b.CreateFMul(w.call(Intrinsic::nvvm_lg2_approx_f, w.in), w.constant(ln2));
}

/// 1 - 2 / (e^2a + 1) with a = |x|, where that does not cancel; below 0.6 a polynomial.
static Value *writeTanh(const Writer &w) {
  IRBuilderBase &b = w.b;
  Value *x = w.in[0], *a = w.unary(Intrinsic::fabs, x);
  Value *power = exp2Flushed(w, b.CreateFMul(a, w.constant(2 * log2e)));
  Value *inverse = w.call(Intrinsic::nvvm_rcp_approx_ftz_f, {b.CreateFAdd(power, w.constant(1))});
  auto fma = [&](Value *p, Value *q, Value *r) {
    return b.CreateIntrinsic(w.type(), Intrinsic::fma, {p, q, r});
  };
  Value *large = fma(inverse, w.constant(-2), w.constant(1));
  // Minimax, as in codegen/cpu/MathFunctions.cpp.
  Value *square = b.CreateFMul(a, a), *p = w.constant(-0x1.8251060p-8);
  for (double c : {0x1.54bb92p-6, -0x1.b89a04p-5, 0x1.1109bcp-3, -0x1.55553ep-2})
    p = fma(p, square, w.constant(c));
  Value *small = fma(b.CreateFMul(p, square), a, a);
  // Unordered stays with the exponential, which passes a NaN.
  Value *magnitude = b.CreateSelect(b.CreateFCmpOLT(a, w.constant(0.6)), small, large);
  return b.CreateBinaryIntrinsic(Intrinsic::copysign, magnitude, x);
}

static Value *writeTanhApproximate(const Writer &w) {
  Assembly tanh(w.b);
  std::string to = tanh.results(w.type()), from = tanh.operand(w.in[0]);
  return tanh.emit("tanh.approx.f32 " + to + ", " + from, /*hasSideEffects=*/false);
}

/// The reduction of huge arguments is a function, and the rest is written in place.
template <bool cosine> static Value *writeSine(const Writer &w) {
  cpu::LaneBuilder l(w.b, 1, cpu::isaOf(w.elementTarget));
  Value *x = w.in[0], *isUsual = w.b.CreateFCmpOLT(l.abs(x), l.c32(cpu::sineLimit));
  return orRarely(w, isUsual, cpu::emitQuickSine(l, x, cosine),
                  [&] { return cpu::emitMathF32(l, cosine ? "cos" : "sin", x); });
}

//===----------------------------------------------------------------------===//
// Division and what is left of it
//===----------------------------------------------------------------------===//

/// fmod, exactly. Where the quotient's integer part has a bit to spare, it is off by one at most, and what is left of the
/// operand is a number without rounding. The rest goes digit by digit in the library, in f64 for f32 too.
static Value *writeRemainder(const Writer &w) {
  IRBuilderBase &b = w.b;
  Value *x = w.in[0], *a = w.unary(Intrinsic::fabs, x), *c = w.unary(Intrinsic::fabs, w.in[1]);
  Value *quotient = b.CreateFDiv(a, c);
  Value *whole = w.unary(Intrinsic::trunc, quotient);
  Value *rest = b.CreateIntrinsic(w.type(), Intrinsic::fma, {b.CreateFNeg(whole), c, a});
  Value *quick = b.CreateSelect(b.CreateFCmpOLT(rest, w.constant(0)), b.CreateFAdd(rest, c), rest);
  quick = b.CreateSelect(b.CreateFCmpOLT(a, c), a, quick); // c may be infinite
  Value *isQuick = b.CreateFCmpOLT(quotient, w.constant(w.type()->isDoubleTy() ? 0x1p51 : 0x1p22));
  Value *result = orRarely(w, isQuick, quick, [&] {
    auto widen = [&](Value *v) { return b.CreateFPExt(v, b.getDoubleTy()); };
    return b.CreateFPTrunc(callMathLibrary(b, "fmod", {widen(a), widen(c)}), w.type());
  });
  return b.CreateBinaryIntrinsic(Intrinsic::copysign, result, x);
}

//===----------------------------------------------------------------------===//
// The library's
//===----------------------------------------------------------------------===//

static Value *writeLibrary(const Writer &w) {
  return callMathLibrary(w.b, w.op->getName().stripDialect(), w.in);
}

/// An odd function: libclc's f64 ones lose the sign of a zero.
static Value *writeOddLibrary(const Writer &w) {
  return w.b.CreateSelect(w.b.CreateFCmpOEQ(w.in[0], w.constant(0)), w.in[0], writeLibrary(w));
}

/// libclc's f64 pow takes y log x for an index, which must fit an integer. From 2^65 on the power is what it is at 2^65:
/// infinite or zero, or 1 where |x| is 1; and all such y are even.
static Value *writePowWide(const Writer &w) {
  IRBuilderBase &b = w.b;
  Value *y = w.in[1], *limit = w.constant(0x1p65), *least = w.constant(-0x1p65);
  y = b.CreateSelect(b.CreateFCmpOGT(y, limit), limit, y);
  y = b.CreateSelect(b.CreateFCmpOLT(y, least), least, y);
  return callMathLibrary(b, "pow", {w.in[0], y});
}

static Value *writePow(const Writer &w) { return callMathLibrary(w.b, "pow", w.in); }

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

using Table = DenseMap<mlir::TypeID, Row>;

template <typename... Ops> static void add(Table &table, Row row) {
  (table.try_emplace(mlir::TypeID::get<Ops>(), row), ...);
}

static const Table &table() {
  static const Table rows = [] {
    using namespace mlir::arith;
    namespace math = mlir::math;
    Table t;
    add<math::ExpOp>(t, {writeExp, writeExpFlushed, writeLibrary});
    add<math::Exp2Op>(t, {writeExp2Flushed, nullptr, writeLibrary});
    add<math::LogOp>(t, {nullptr, writeLogApproximate, writeLibrary});
    add<math::Log2Op>(t, {nullptr, writeCall<Intrinsic::nvvm_lg2_approx_f>, writeLibrary});
    add<math::Log10Op>(t, {nullptr, nullptr, writeLibrary});
    add<math::SinOp>(t, {writeSine<false>, writeCall<Intrinsic::nvvm_sin_approx_ftz_f>, writeOddLibrary});
    add<math::CosOp>(t, {writeSine<true>, writeCall<Intrinsic::nvvm_cos_approx_ftz_f>, writeLibrary});
    add<math::TanhOp>(t, {writeTanh, writeTanhApproximate, writeLibrary});
    add<math::ErfOp>(t, {nullptr, nullptr, writeOddLibrary});
    add<math::SqrtOp>(t, {nullptr, writeCall<Intrinsic::nvvm_sqrt_approx_f>, nullptr});
    add<math::RsqrtOp>(t, {writeCall<Intrinsic::nvvm_rsqrt_approx_f>, nullptr, nullptr});
    add<DivFOp>(t, {nullptr, writeCall<Intrinsic::nvvm_div_full>, nullptr});
    add<RemFOp>(t, {writeRemainder, nullptr, writeRemainder});
    add<math::PowFOp>(t, {writePow, nullptr, writePowWide});
    add<math::AcosOp, math::AcoshOp, math::AsinhOp, math::Atan2Op, math::AtanhOp, math::CbrtOp, math::CoshOp,
        math::ErfcOp, math::Log1pOp, math::SinhOp>(t, {writeLibrary, nullptr, writeLibrary});
    add<math::AsinOp, math::AtanOp, math::ExpM1Op, math::TanOp>(t, {writeLibrary, nullptr, writeOddLibrary});
    return t;
  }();
  return rows;
}

static bool isApproximate(mlir::Operation *op) {
  namespace arith = mlir::arith;
  auto withFlags = mlir::dyn_cast<arith::ArithFastMathInterface>(op);
  auto flags = withFlags ? withFlags.getFastMathFlagsAttr() : arith::FastMathFlagsAttr();
  return flags && arith::bitEnumContainsAll(flags.getValue(), arith::FastMathFlags::afn);
}

Value *emitMath(IRBuilderBase &b, const cpu::Target &elementTarget, mlir::Operation *op,
                ArrayRef<Value *> operands) {
  auto found = table().find(op->getName().getTypeID());
  if (found == table().end())
    return nullptr;
  mlir::Type type = tile::elementType(op->getResult(0).getType());
  bool isWide = type.isF64(), approximately = !isWide && isApproximate(op);
  const Row &row = found->second;
  Write write = isWide ? row.wide : approximately && row.approximate ? row.approximate : row.single;
  if (!write)
    return nullptr;
  mlir::Type computed = isWide ? type : mlir::Float32Type::get(op->getContext());
  SmallVector<Value *, 3> values;
  for (Value *operand : operands)
    values.push_back(cpu::emitConvertFloat(b, operand, type, computed, false, elementTarget));
  return cpu::emitConvertFloat(b, write({b, elementTarget, op, values}), computed, type, false,
                               elementTarget);
}

} // namespace tegula::nvptx
