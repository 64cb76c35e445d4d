//===- Dot.cpp - products of tiles ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Common.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace tegula::lang {
namespace {

tile::InputPrecision precisionArg(Lowering &l, BoundArgs &args) {
  const Value &given = args["input_precision"], &allowTf32 = args["allow_tf32"];
  if (!given.isNone() && !allowTf32.isNone())
    l.fail(Diag::dot_two_precisions, args.span("allow_tf32"));
  if (!allowTf32.isNone())
    return l.constexprBool(allowTf32, "allow_tf32", args.span("allow_tf32")) ? tile::InputPrecision::TF32
                                                                             : tile::InputPrecision::IEEE;
  // Case does not count: Triton takes "TF32" as well as "tf32".
  if (const std::string *text = given.asString(); text && !text->empty()) {
    if (auto found = tile::symbolizeInputPrecision(llvm::StringRef(*text).lower()))
      return *found;
  }
  optionArg(l, args, "input_precision", {"tf32", "tf32x3", "ieee", "bf16x3", "bf16x6"});
  if (auto asked = tile::symbolizeInputPrecision(l.options().inputPrecision))
    return *asked;
  return l.options().backend == "cuda" ? tile::InputPrecision::TF32 : tile::InputPrecision::IEEE;
}

bool isProductType(DType t) {
  switch (t.scalar) {
  case ScalarKind::I8:
  case ScalarKind::F16:
  case ScalarKind::BF16:
  case ScalarKind::F32:
  case ScalarKind::F64: return !t.isPointer;
  default: return isFp8(t);
  }
}

/// The result's type for operands of type `a`: int32 of int8; fp32 of bf16 and fp32; fp64 of fp64; fp32 or on request
/// fp16 of fp16 and 8-bit floats.
DType resultType(Lowering &l, BoundArgs &args, DType a, const std::optional<Tensor> &acc) {
  std::optional<DType> wanted;
  if (!args["out_dtype"].isNone())
    wanted = l.constexprDType(args["out_dtype"], "out_dtype", args.span("out_dtype"));
  else if (acc)
    wanted = acc->type;
  if (a.scalar == ScalarKind::I8)
    return scalarType(ScalarKind::I32);
  if (wanted && wanted->scalar == ScalarKind::BF16)
    l.fail(Diag::dot_out_dtype, args.span(args.given("out_dtype") ? "out_dtype" : "acc"),
           {describe(*wanted, {})});
  if (a.scalar == ScalarKind::F32 || a.scalar == ScalarKind::BF16)
    return scalarType(ScalarKind::F32);
  if (a.scalar == ScalarKind::F64)
    return a;
  DType out = wanted.value_or(scalarType(ScalarKind::F32));
  if (out != scalarType(ScalarKind::F32) && out != scalarType(ScalarKind::F16))
    l.fail(Diag::dot_out_dtype, args.span(args.given("out_dtype") ? "out_dtype" : "acc"),
           {describe(out, {})});
  return out;
}

void checkOperands(Lowering &l, BoundArgs &args, const Tensor &a, const Tensor &b, Span span) {
  bool types = isProductType(a.type) && isProductType(b.type) &&
               (a.type == b.type || (isFp8(a.type) && isFp8(b.type)));
  if (!types)
    l.fail(Diag::dot_types, span, {describe(a), describe(b)});
  int rank = a.rank();
  bool fits = rank >= 2 && b.rank() == rank && a.shape().back() == b.shape()[rank - 2] &&
              a.shape().drop_back(2) == b.shape().drop_back(2);
  if (!fits)
    l.fail(Diag::dot_shapes, span, {describe(a), describe(b)});
}

Value lowerDot(Lowering &l, BoundArgs &args, Span span) {
  Tensor a = tileArg(l, args, "input"), b = tileArg(l, args, "other");
  checkOperands(l, args, a, b, span);
  Shape shape(a.shape().begin(), a.shape().end());
  shape.back() = b.shape().back();

  std::optional<Tensor> acc;
  if (!args["acc"].isNone())
    acc = tileArg(l, args, "acc");
  DType type = resultType(l, args, a.type, acc);
  if (acc && (acc->type != type || acc->shape() != llvm::ArrayRef<int64_t>(shape)))
    l.fail(Diag::dot_accumulator, args.span("acc"), {describe(type, shape), describe(*acc)});
  if (!acc)
    acc =
        l.splat(isFloating(type) ? l.constant(Value::floating(0), type, span) : l.intConstant(0, type, span),
                shape, span);

  int64_t imprecise = 0;
  if (const Value &given = args["max_num_imprecise_acc"]; !given.isNone()) {
    imprecise = l.constexprInt(given, "max_num_imprecise_acc", args.span("max_num_imprecise_acc"));
    if (isFp8(a.type) && (imprecise < 0 || imprecise > a.shape().back()))
      l.fail(Diag::dot_imprecise, args.span("max_num_imprecise_acc"),
             {std::to_string(a.shape().back()), std::to_string(imprecise)});
    imprecise = isFp8(a.type) ? imprecise : 0;
  }
  // More than one batch dimension becomes one.
  auto flat = [&](Tensor t) {
    int rank = t.rank();
    if (rank <= 3)
      return t;
    int64_t batch = 1;
    for (int i = 0; i < rank - 2; ++i)
      batch *= t.shape()[i];
    return reshapeTo(l, t, {batch, t.shape()[rank - 2], t.shape()[rank - 1]}, span);
  };
  Tensor left = flat(a), right = flat(b), start = flat(*acc);
  auto op = tile::DotOp::create(l.b(), l.loc(span), start.value.getType(), left.value, right.value,
                                start.value, precisionArg(l, args), uint32_t(imprecise));
  return reshapeTo(l, Tensor{op.getResult(), type}, shape, span);
}

constexpr BuiltinDef table[] = {
    {"dot",
     "(input, other, acc=None, input_precision=None, allow_tf32=None, max_num_imprecise_acc=None, "
     "out_dtype=None)",
     "acc plus the matrix product over the last two dimensions; dimensions before them are a batch. Any "
     "extents from 1.",
     false, lowerDot},
};

} // namespace

std::span<const BuiltinDef> dotBuiltins() { return table; }

} // namespace tegula::lang
