//===- Math.cpp - element-wise functions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Common.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace tegula::lang {
namespace {

bool isWideFloat(DType t) { return isFloating(t) && bitWidth(t) >= 32; }

void requireType(Lowering &l, BoundArgs &args, bool ok, std::string_view name, const char *takes,
                 const Tensor &given) {
  if (!ok)
    l.fail(Diag::argument_bad_type, args.span(name), {publicName(*args.builtin), takes, describe(given)});
}

template <typename Op> Value lowerUnary(Lowering &l, BoundArgs &args, Span span) {
  Tensor x = tensorArg(l, args, "x");
  requireType(l, args, isWideFloat(x.type), "x", "fp32 or fp64", x);
  return Tensor{Op::create(l.b(), l.loc(span), x.value), x.type};
}

/// A function that GPUs have a fast instruction for, of less accuracy: they may take it.
template <typename Op> Value lowerApproximate(Lowering &l, BoundArgs &args, Span span) {
  Tensor x = tensorArg(l, args, "x");
  requireType(l, args, isWideFloat(x.type), "x", "fp32 or fp64", x);
  return Tensor{Op::create(l.b(), l.loc(span), x.value, arith::FastMathFlags::afn), x.type};
}

Value lowerSqrtRn(Lowering &l, BoundArgs &args, Span span) {
  Tensor x = tensorArg(l, args, "x");
  requireType(l, args, x.type == scalarType(ScalarKind::F32), "x", "fp32", x);
  return Tensor{math::SqrtOp::create(l.b(), l.loc(span), x.value), x.type};
}

Value lowerAbs(Lowering &l, BoundArgs &args, Span span) {
  Tensor x = tensorArg(l, args, "x");
  requireType(l, args, !x.type.isPointer, "x", "numbers", x);
  if (isUnsigned(x.type))
    return x;
  if (isSignedInt(x.type))
    return Tensor{math::AbsIOp::create(l.b(), l.loc(span), x.value), x.type};
  if (!isFp8(x.type))
    return Tensor{math::AbsFOp::create(l.b(), l.loc(span), x.value), x.type};
  // No arithmetic has 8-bit floats: clear the sign bit.
  Tensor bits = l.bitcast(x, scalarType(ScalarKind::U8), span);
  Tensor rest = l.broadcastTo(l.intConstant(0x7F, bits.type, span), x.shape(), span);
  return l.bitcast(l.arith(ArithOp::And, bits, rest, span), x.type, span);
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

template <BinaryOp op> Value lowerOperator(Lowering &l, BoundArgs &args, Span span) {
  return l.binary(op, args["x"], args["y"], span);
}

/// (x + (div - 1)) // div by the operators' own rules, so that constants stay constants.
Value lowerCdiv(Lowering &l, BoundArgs &args, Span span) {
  Value less = l.binary(BinaryOp::Sub, args["div"], Value::integer(1), span);
  return l.binary(BinaryOp::FloorDiv, l.binary(BinaryOp::Add, args["x"], less, span), args["div"], span);
}

Value lowerLogical(Lowering &l, BoundArgs &args, Span span, BinaryOp op) {
  Tensor x = tensorArg(l, args, "x"), y = tensorArg(l, args, "y");
  return l.binary(op, l.toBool(x, args.span("x")), l.toBool(y, args.span("y")), span);
}
Value lowerLogicalAnd(Lowering &l, BoundArgs &args, Span span) {
  return lowerLogical(l, args, span, BinaryOp::And);
}
Value lowerLogicalOr(Lowering &l, BoundArgs &args, Span span) {
  return lowerLogical(l, args, span, BinaryOp::Or);
}

bool propagatesNan(Lowering &l, BoundArgs &args) {
  return optionArg(l, args, "propagate_nan", {"none", "all"}) == "all";
}

Tensor larger(Lowering &l, Tensor a, Tensor b, bool nan, Span span) {
  Location loc = l.loc(span);
  if (isFloating(a.type))
    return {nan ? mlir::Value(arith::MaximumFOp::create(l.b(), loc, a.value, b.value))
                : mlir::Value(arith::MaxNumFOp::create(l.b(), loc, a.value, b.value)),
            a.type};
  return {isUnsigned(a.type) ? mlir::Value(arith::MaxUIOp::create(l.b(), loc, a.value, b.value))
                             : mlir::Value(arith::MaxSIOp::create(l.b(), loc, a.value, b.value)),
          a.type};
}

Tensor smaller(Lowering &l, Tensor a, Tensor b, bool nan, Span span) {
  Location loc = l.loc(span);
  if (isFloating(a.type))
    return {nan ? mlir::Value(arith::MinimumFOp::create(l.b(), loc, a.value, b.value))
                : mlir::Value(arith::MinNumFOp::create(l.b(), loc, a.value, b.value)),
            a.type};
  return {isUnsigned(a.type) ? mlir::Value(arith::MinUIOp::create(l.b(), loc, a.value, b.value))
                             : mlir::Value(arith::MinSIOp::create(l.b(), loc, a.value, b.value)),
          a.type};
}

void requireNumbers(Lowering &l, BoundArgs &args, std::initializer_list<const char *> names) {
  for (const char *name : names)
    if (!args[name].isNumber()) {
      Tensor t = tensorArg(l, args, name);
      requireType(l, args, !t.type.isPointer && !isFp8(t.type), name,
                  "integers or floats of at least 16 bits", t);
    }
}

template <Tensor (*pick)(Lowering &, Tensor, Tensor, bool, Span)>
Value lowerExtremum(Lowering &l, BoundArgs &args, Span span) {
  requireNumbers(l, args, {"x", "y"});
  auto [x, y] = l.promoteBoth(args["x"], args["y"], span);
  return pick(l, x, y, propagatesNan(l, args), span);
}

Value lowerFdiv(Lowering &l, BoundArgs &args, Span span) {
  bool ieee = l.constexprBool(args["ieee_rounding"], "ieee_rounding", args.span("ieee_rounding"));
  bool approx = l.constexprBool(args["approx"], "approx", args.span("approx"));
  if (ieee && approx)
    l.fail(Diag::fdiv_two_roundings, span);
  requireNumbers(l, args, {"x", "y"});
  auto [x, y] = l.promoteBoth(args["x"], args["y"], span, /*divOrMod=*/true);
  requireType(l, args, isFloating(x.type), "x", "floats", x);
  if (approx)
    requireType(l, args, x.type == scalarType(ScalarKind::F32), "x", "fp32 when approx is set", x);
  return l.arith(ieee ? ArithOp::RoundedDiv : ArithOp::TrueDiv, x, y, span);
}

Value lowerDivRn(Lowering &l, BoundArgs &args, Span span) {
  requireNumbers(l, args, {"x", "y"});
  auto [x, y] = l.promoteBoth(args["x"], args["y"], span);
  requireType(l, args, x.type == scalarType(ScalarKind::F32), "x", "fp32", x);
  return l.arith(ArithOp::RoundedDiv, x, y, span);
}

template <typename Op> Value lowerFloats(Lowering &l, BoundArgs &args, Span span) {
  requireNumbers(l, args, {"x", "y"});
  auto [x, y] = l.promoteBoth(args["x"], args["y"], span);
  requireType(l, args, isWideFloat(x.type), "x", "fp32 or fp64", x);
  return Tensor{Op::create(l.b(), l.loc(span), x.value, y.value), x.type};
}

/// The exponent may be an integer tensor, as in CUDA's powi.
Value lowerPow(Lowering &l, BoundArgs &args, Span span) {
  Tensor x = tensorArg(l, args, "x");
  requireType(l, args, isWideFloat(x.type), "x", "fp32 or fp64", x);
  Tensor y = l.cast(args["y"], x.type, args.span("y"));
  l.broadcast(x, y, span);
  return Tensor{math::PowFOp::create(l.b(), l.loc(span), x.value, y.value), x.type};
}

Value lowerUmulhi(Lowering &l, BoundArgs &args, Span span) {
  for (const char *name : {"x", "y"})
    if (!args[name].isNumber()) {
      Tensor t = tensorArg(l, args, name);
      requireType(l, args, isInteger(t.type) && bitWidth(t.type) >= 32, name,
                  "int32, uint32, int64 or uint64", t);
    }
  auto [x, y] = l.promoteBoth(args["x"], args["y"], span);
  requireType(l, args, isInteger(x.type) && bitWidth(x.type) >= 32, "x", "int32, uint32, int64 or uint64", x);
  return Tensor{tile::MulHiUOp::create(l.b(), l.loc(span), x.value.getType(), x.value, y.value), x.type};
}

//===----------------------------------------------------------------------===//
// Three operands
//===----------------------------------------------------------------------===//

/// Promotes three operands: tensors among themselves, numbers among themselves, then one against the other, so that
/// the order of the operands does not matter and no number is rounded to a type that is not the last.
std::array<Tensor, 3> promoteThree(Lowering &l, BoundArgs &args, std::array<const char *, 3> names,
                                   Span span) {
  std::optional<DType> tensors, numbers;
  for (const char *name : names) {
    const Value &value = args[name];
    bool weak = value.isNumber();
    DType type = weak ? l.defaultType(value, args.span(name)) : tensorArg(l, args, name).type;
    std::optional<DType> &group = weak ? numbers : tensors;
    group = group ? l.promote(*group, weak, type, weak, false, span) : type;
  }
  DType type = !numbers   ? *tensors
               : !tensors ? *numbers
                          : l.promote(*tensors, false, *numbers, true, false, span);
  std::array<Tensor, 3> out;
  for (int i = 0; i < 3; ++i)
    out[i] = l.cast(args[names[i]], type, args.span(names[i]));
  l.broadcast(out[0], out[1], span);
  l.broadcast(out[0], out[2], span);
  l.broadcast(out[1], out[2], span);
  return out;
}

Value lowerClamp(Lowering &l, BoundArgs &args, Span span) {
  requireNumbers(l, args, {"x", "min", "max"});
  auto [x, low, high] = promoteThree(l, args, {"x", "min", "max"}, span);
  bool nan = propagatesNan(l, args);
  return smaller(l, larger(l, x, low, nan, span), high, nan, span);
}

Value lowerFma(Lowering &l, BoundArgs &args, Span span) {
  requireNumbers(l, args, {"x", "y", "z"});
  auto [x, y, z] = promoteThree(l, args, {"x", "y", "z"}, span);
  requireType(l, args, isFloating(x.type), "x", "floats", x);
  return Tensor{math::FmaOp::create(l.b(), l.loc(span), x.value, y.value, z.value), x.type};
}

Value lowerWhere(Lowering &l, BoundArgs &args, Span span) {
  return l.where(args["condition"], args["x"], args["y"], span);
}

/// A promise that `x` is zero where `mask` holds: checked in debug mode, else nothing.
Value lowerExpectZero(Lowering &l, BoundArgs &args, Span span) {
  if (l.options().debug) {
    Value zero = l.compare(CompareOp::Eq, args["x"], Value::integer(0), span);
    Value free = l.unary(UnaryOp::Invert, l.toBool(args["mask"], args.span("mask")), span);
    l.callNamed("device_assert",
                {l.binary(BinaryOp::Or, zero, free, span),
                 Value::string("expect_zero: an element under the mask is not zero")},
                span);
  }
  return args["x"];
}

/// What `tl.math` holds too.
constexpr BuiltinDef mathTable[] = {
    {"exp", "(x)", "e to the power x.", true, lowerUnary<math::ExpOp>},
    {"exp2", "(x)", "2 to the power x.", true, lowerUnary<math::Exp2Op>},
    {"log", "(x)", "Natural logarithm.", true, lowerUnary<math::LogOp>},
    {"log2", "(x)", "Logarithm to base 2.", true, lowerUnary<math::Log2Op>},
    {"cos", "(x)", "Cosine.", true, lowerUnary<math::CosOp>},
    {"sin", "(x)", "Sine.", true, lowerUnary<math::SinOp>},
    {"sqrt", "(x)", "Square root.", true, lowerApproximate<math::SqrtOp>},
    {"sqrt_rn", "(x)", "Square root of fp32, rounded to nearest even.", true, lowerSqrtRn},
    {"rsqrt", "(x)", "1 / sqrt(x).", true, lowerUnary<math::RsqrtOp>},
    {"erf", "(x)", "Error function.", true, lowerUnary<math::ErfOp>},
    {"floor", "(x)", "The next integer at or below x, as a float.", true, lowerUnary<math::FloorOp>},
    {"ceil", "(x)", "The next integer at or above x, as a float.", true, lowerUnary<math::CeilOp>},
    {"abs", "(x)", "Absolute value.", true, lowerAbs},
    {"fdiv", "(x, y, ieee_rounding=False, approx=False)", "x / y of floats.", false, lowerFdiv},
    {"div_rn", "(x, y)", "x / y of fp32, rounded to nearest even.", false, lowerDivRn},
    {"umulhi", "(x, y)", "The high half of the unsigned product.", false, lowerUmulhi},
    {"fma", "(x, y, z)", "x * y + z rounded once.", false, lowerFma},
};

/// CUDA's names. The fast ones are as accurate as the others on the CPU, and approximate on GPUs.
constexpr BuiltinDef libdeviceTable[] = {
    {"extra.libdevice.tanh", "(x)", "Hyperbolic tangent.", false, lowerUnary<math::TanhOp>},
    {"extra.libdevice.expm1", "(x)", "exp(x) - 1, exact near 0.", false, lowerUnary<math::ExpM1Op>},
    {"extra.libdevice.log1p", "(x)", "log(1 + x), exact near 0.", false, lowerUnary<math::Log1pOp>},
    {"extra.libdevice.log10", "(x)", "Logarithm to base 10.", false, lowerUnary<math::Log10Op>},
    {"extra.libdevice.tan", "(x)", "Tangent.", false, lowerUnary<math::TanOp>},
    {"extra.libdevice.acos", "(x)", "Arc cosine.", false, lowerUnary<math::AcosOp>},
    {"extra.libdevice.asin", "(x)", "Arc sine.", false, lowerUnary<math::AsinOp>},
    {"extra.libdevice.atan", "(x)", "Arc tangent.", false, lowerUnary<math::AtanOp>},
    {"extra.libdevice.acosh", "(x)", "Inverse hyperbolic cosine.", false, lowerUnary<math::AcoshOp>},
    {"extra.libdevice.asinh", "(x)", "Inverse hyperbolic sine.", false, lowerUnary<math::AsinhOp>},
    {"extra.libdevice.atanh", "(x)", "Inverse hyperbolic tangent.", false, lowerUnary<math::AtanhOp>},
    {"extra.libdevice.cosh", "(x)", "Hyperbolic cosine.", false, lowerUnary<math::CoshOp>},
    {"extra.libdevice.sinh", "(x)", "Hyperbolic sine.", false, lowerUnary<math::SinhOp>},
    {"extra.libdevice.erfc", "(x)", "1 - erf(x), exact where erf(x) is near 1.", false,
     lowerUnary<math::ErfcOp>},
    {"extra.libdevice.cbrt", "(x)", "Cube root.", false, lowerUnary<math::CbrtOp>},
    {"extra.libdevice.atan2", "(x, y)", "The angle of the point (y, x).", false, lowerFloats<math::Atan2Op>},
    {"extra.libdevice.pow", "(x, y)", "x to the power y.", false, lowerPow},
    {"extra.libdevice.trunc", "(x)", "The next integer towards 0, as a float.", false,
     lowerUnary<math::TruncOp>},
    {"extra.libdevice.rint", "(x)", "The nearest integer, ties to even, as a float.", false,
     lowerUnary<math::RoundEvenOp>},
    {"extra.libdevice.nearbyint", "(x)", "The nearest integer, ties to even, as a float.", false,
     lowerUnary<math::RoundEvenOp>},
    {"extra.libdevice.copysign", "(x, y)", "x with the sign of y.", false, lowerFloats<math::CopySignOp>},
    {"extra.libdevice.fmod", "(x, y)", "What is left of x / y, with the sign of x.", false,
     lowerFloats<arith::RemFOp>},
    {"extra.libdevice.fast_expf", "(x)", "e to the power x.", false, lowerApproximate<math::ExpOp>},
    {"extra.libdevice.fast_logf", "(x)", "Natural logarithm.", false, lowerApproximate<math::LogOp>},
    {"extra.libdevice.fast_log2f", "(x)", "Logarithm to base 2.", false, lowerApproximate<math::Log2Op>},
    {"extra.libdevice.fast_sinf", "(x)", "Sine.", false, lowerApproximate<math::SinOp>},
    {"extra.libdevice.fast_cosf", "(x)", "Cosine.", false, lowerApproximate<math::CosOp>},
    {"extra.libdevice.fast_tanhf", "(x)", "Hyperbolic tangent.", false, lowerApproximate<math::TanhOp>},
};

constexpr BuiltinDef table[] = {
    {"add", "(x, y, sanitize_overflow=True)", "x + y.", false, lowerOperator<BinaryOp::Add>},
    {"sub", "(x, y, sanitize_overflow=True)", "x - y.", false, lowerOperator<BinaryOp::Sub>},
    {"mul", "(x, y, sanitize_overflow=True)", "x * y.", false, lowerOperator<BinaryOp::Mul>},
    {"cdiv", "(x, div)", "x / div rounded up, for a non-negative x and a positive div.", true, lowerCdiv},
    {"logical_and", "(x, y)", "Both are not zero.", true, lowerLogicalAnd},
    {"logical_or", "(x, y)", "At least one is not zero.", true, lowerLogicalOr},
    {"minimum", "(x, y, propagate_nan='none')",
     "The smaller one; of a number and a NaN the number, or with PropagateNan.ALL the NaN.", false,
     lowerExtremum<smaller>},
    {"maximum", "(x, y, propagate_nan='none')",
     "The larger one; of a number and a NaN the number, or with PropagateNan.ALL the NaN.", false,
     lowerExtremum<larger>},
    {"clamp", "(x, min, max, propagate_nan='none')", "x, but at least `min` and at most `max`.", false,
     lowerClamp},
    {"where", "(condition, x, y)", "x where the condition holds, else y.", false, lowerWhere},
    {"expect_zero", "(x, mask)",
     "x, with a promise that it is zero where `mask` holds (checked in debug mode).", false, lowerExpectZero},
};

} // namespace

std::span<const BuiltinDef> mathBuiltins() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const BuiltinDef &def : mathTable)
      out.push_back("math." + std::string(def.name));
    return out;
  }();
  static const std::vector<BuiltinDef> all = [] {
    std::vector<BuiltinDef> rows(std::begin(table), std::end(table));
    rows.insert(rows.end(), std::begin(mathTable), std::end(mathTable));
    rows.insert(rows.end(), std::begin(libdeviceTable), std::end(libdeviceTable));
    for (size_t i = 0; i < names.size(); ++i) {
      rows.push_back(mathTable[i]);
      rows.back().name = names[i].c_str();
      rows.back().isMethod = false;
    }
    return rows;
  }();
  return all;
}

std::span<const std::pair<const char *, const char *>> namedStringConstants() {
  static constexpr std::pair<const char *, const char *> names[] = {{"PropagateNan.ALL", "all"},
                                                                    {"PropagateNan.NONE", "none"}};
  return names;
}

} // namespace tegula::lang
