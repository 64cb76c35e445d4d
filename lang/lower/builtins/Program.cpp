//===- Program.cpp - the grid, hints, messages ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Common.h"

#include <algorithm>

using namespace mlir;

namespace tegula::lang {
namespace {

template <typename Op> Value lowerGridQuery(Lowering &l, BoundArgs &args, Span span) {
  int64_t axis = l.constexprInt(args["axis"], "axis", args.span("axis"));
  if (axis < 0 || axis > 2)
    l.fail(Diag::grid_axis, args.span("axis"), {publicName(*args.builtin), std::to_string(axis)});
  return Value(Op::create(l.b(), l.loc(span), int32_t(axis)), scalarType(ScalarKind::I32));
}

Value lowerBarrier(Lowering &l, BoundArgs &, Span span) {
  tile::BarrierOp::create(l.b(), l.loc(span), mlir::Type(), ValueRange());
  return Value::none();
}

Value lowerAssume(Lowering &l, BoundArgs &args, Span span) {
  const Value &given = args["cond"];
  if (given.isNumber()) {
    if (!l.truth(given, args.span("cond")))
      l.fail(Diag::assume_false, args.span("cond"));
    return Value::none();
  }
  Tensor condition = tensorArg(l, args, "cond");
  if (!condition.isScalar())
    l.fail(Diag::assume_not_scalar, args.span("cond"), {describe(condition)});
  tile::AssumeOp::create(l.b(), l.loc(span), l.toBool(condition, span).value);
  return Value::none();
}

/// A hint goes on the operation that defines the value; on an argument or a constant there is nothing to say.
Value lowerHint(Lowering &l, BoundArgs &args, llvm::StringRef attribute) {
  const Value &input = args["input"];
  Shape values = l.constexprInts(args["values"], "values", args.span("values"));
  if (input.isNumber())
    return input;
  Tensor t = tensorArg(l, args, "input");
  size_t rank = std::max(1, t.rank());
  if (values.size() != rank)
    l.fail(Diag::hint_length, args.span("values"),
           {publicName(*args.builtin), std::to_string(rank), describe(t), std::to_string(values.size())});
  for (int64_t value : values)
    if (value < 1 || value > INT32_MAX)
      l.fail(Diag::hint_not_positive, args.span("values"),
             {publicName(*args.builtin), std::to_string(value)});
  Operation *op = t.value.getDefiningOp();
  if (op && !op->hasTrait<OpTrait::ConstantLike>())
    op->setAttr(attribute,
                l.b().getDenseI32ArrayAttr(llvm::SmallVector<int32_t>(values.begin(), values.end())));
  return t;
}

Value lowerMultipleOf(Lowering &l, BoundArgs &args, Span) {
  return lowerHint(l, args, tile::TileDialect::multipleOfAttr);
}
Value lowerMaxContiguous(Lowering &l, BoundArgs &args, Span) {
  return lowerHint(l, args, tile::TileDialect::maxContiguousAttr);
}
Value lowerMaxConstancy(Lowering &l, BoundArgs &args, Span) {
  return lowerHint(l, args, tile::TileDialect::maxConstancyAttr);
}

/// " prefix: " before values, " prefix" alone: what devices print between the index and the value.
std::string shownPrefix(std::string prefix, bool hasValues) {
  if (hasValues) {
    while (prefix.ends_with(' '))
      prefix.pop_back();
    prefix += prefix.ends_with(':') ? " " : ": ";
  }
  return prefix.starts_with(' ') || prefix.empty() ? prefix : " " + prefix;
}

Value lowerPrint(Lowering &l, BoundArgs &args, Span span) {
  const std::string *prefix = args["prefix"].asString();
  if (!prefix)
    l.fail(Diag::print_prefix, args.span("prefix"), {describe(args["prefix"])});
  llvm::SmallVector<mlir::Value> values;
  llvm::SmallVector<bool> isSigned;
  for (const Value &arg : args["args"].items()) {
    if (!arg.isTensor() && !arg.isNumber())
      l.fail(Diag::print_value, args.span("args"), {describe(arg)});
    Tensor t = l.toTensor(arg, args.span("args"));
    values.push_back(t.value);
    isSigned.push_back(isSignedInt(t.type));
  }
  bool hex = l.constexprBool(args["hex"], "hex", args.span("hex"));
  tile::PrintOp::create(l.b(), l.loc(span), l.b().getStringAttr(shownPrefix(*prefix, !values.empty())),
                        l.b().getBoolAttr(hex), values, l.b().getDenseBoolArrayAttr(isSigned));
  return Value::none();
}

Value lowerAssert(Lowering &l, BoundArgs &args, Span span) {
  if (!l.options().debug)
    return Value::none();
  std::string message;
  if (!args["msg"].isNone())
    message = l.constexprString(args["msg"], "msg", args.span("msg"));
  Value condition = l.toBool(tensorArg(l, args, "cond"), args.span("cond"));
  if (!args["mask"].isNone()) {
    Value mask = l.toBool(tensorArg(l, args, "mask"), args.span("mask"));
    condition = l.binary(BinaryOp::Or, condition, l.unary(UnaryOp::Invert, mask, span), span);
  }
  tile::AssertOp::create(l.b(), l.loc(span), condition.tensor().value, l.b().getStringAttr(message));
  return Value::none();
}

constexpr BuiltinDef table[] = {
    {"program_id", "(axis)", "The index of this program along an axis (0, 1 or 2) of the grid.", false,
     lowerGridQuery<tile::ProgramIdOp>},
    {"num_programs", "(axis)", "The number of programs along an axis (0, 1 or 2) of the grid.", false,
     lowerGridQuery<tile::NumProgramsOp>},
    {"debug_barrier", "()", "Every memory operation before this one happens before every one after it.",
     false, lowerBarrier},
    {"assume", "(cond)", "A promise that the scalar condition holds.", false, lowerAssume},
    {"multiple_of", "(input, values)",
     "A promise that along dimension d each run starts at a multiple of values[d].", false, lowerMultipleOf},
    {"max_contiguous", "(input, values)",
     "A promise that dimension d consists of runs of values[d] consecutive integers.", false,
     lowerMaxContiguous},
    {"max_constancy", "(input, values)",
     "A promise that dimension d consists of runs of values[d] equal elements.", false, lowerMaxConstancy},
    {"device_print", "(prefix, *args, hex=False)",
     "Print the prefix and the values, an element a line, while the kernel runs.", false, lowerPrint},
    {"device_assert", "(cond, msg='', mask=None)",
     "Stop the launch with a message if an element is false where `mask` holds; only in debug mode.", false,
     lowerAssert},
};

} // namespace

std::span<const BuiltinDef> programBuiltins() { return table; }

} // namespace tegula::lang
