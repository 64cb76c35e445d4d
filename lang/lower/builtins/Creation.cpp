//===- Creation.cpp - functions that make tiles and convert them ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Common.h"

using namespace mlir;

namespace tegula::lang {
namespace {

Value lowerArange(Lowering &l, BoundArgs &args, Span span) {
  int64_t start = l.constexprInt(args["start"], "start", args.span("start"));
  int64_t end = l.constexprInt(args["end"], "end", args.span("end"));
  if (start < INT32_MIN || start > INT32_MAX || end < INT32_MIN || end > INT32_MAX)
    l.fail(Diag::arange_too_wide, span, {std::to_string(start), std::to_string(end)});
  if (end <= start)
    l.fail(Diag::arange_empty, span, {std::to_string(start), std::to_string(end)});
  DType i32 = scalarType(ScalarKind::I32);
  auto type = cast<RankedTensorType>(l.type(i32, {end - start}));
  return Value(tile::MakeRangeOp::create(l.b(), l.loc(span), type, int32_t(start), int32_t(end)), i32);
}

Value lowerFull(Lowering &l, BoundArgs &args, Span span) {
  Shape shape = l.constexprShape(args["shape"], "shape", args.span("shape"));
  DType dtype = l.constexprDType(args["dtype"], "dtype", args.span("dtype"));
  const Value &value = args["value"];
  if (const Tensor *t = value.asTensor(); t ? t->numel() != 1 : !value.isNumber())
    l.fail(Diag::full_not_scalar, args.span("value"), {describe(value)});
  Tensor element = l.cast(value, dtype, args.span("value"));
  return l.splat(toScalar(l, element, span), shape, span);
}

Value lowerCast(Lowering &l, BoundArgs &args, Span span) {
  DType dtype = l.constexprDType(args["dtype"], "dtype", args.span("dtype"));
  bool bits = l.constexprBool(args["bitcast"], "bitcast", args.span("bitcast"));
  std::string rounding = optionArg(l, args, "fp_downcast_rounding", {"rtne", "rtz"});
  return bits ? l.bitcast(tensorArg(l, args, "input"), dtype, span)
              : castArg(l, args, "input", dtype, rounding);
}

Value lowerToTensor(Lowering &l, BoundArgs &args, Span) { return tensorArg(l, args, "x"); }

constexpr BuiltinDef table[] = {
    {"arange", "(start, end)", "The integers start, start + 1, ..., end - 1 as an int32 tile of rank 1.",
     false, lowerArange},
    {"full", "(shape, value, dtype)", "A tile with `value` in every element.", false, lowerFull},
    {"cast", "(input, dtype, fp_downcast_rounding=None, bitcast=False)",
     "The elements converted to `dtype`, or with `bitcast` their bits read as `dtype`. "
     "`fp_downcast_rounding` is 'rtne' or 'rtz'.",
     true, lowerCast},
    {"to", "(input, dtype, fp_downcast_rounding=None, bitcast=False)", "The same as `cast`, as a method.",
     true, lowerCast},
    {"to_tensor", "(x)", "A Python number as a scalar of the smallest type of 32 or 64 bits that holds it.",
     false, lowerToTensor},
};

} // namespace

std::span<const BuiltinDef> creationBuiltins() { return table; }

} // namespace tegula::lang
