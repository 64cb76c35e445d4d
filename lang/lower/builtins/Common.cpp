//===- Common.cpp - what the groups of functions share ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Common.h"

using namespace mlir;

namespace tegula::lang {

std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::string publicName(const BuiltinDef &def) {
  std::string_view name = def.name;
  constexpr std::string_view python = "builtins.";
  return name.starts_with(python) ? std::string(name.substr(python.size())) : "tl." + std::string(name);
}

Tensor tensorArg(Lowering &l, BoundArgs &args, std::string_view name) {
  const Value &value = args[name];
  if (!value.isTensor() && !value.isNumber())
    l.fail(Diag::argument_not_tensor, args.span(name),
           {std::string(name), publicName(*args.builtin), describe(value)});
  return l.toTensor(value, args.span(name));
}

Tensor tileArg(Lowering &l, BoundArgs &args, std::string_view name) {
  Tensor t = tensorArg(l, args, name);
  if (t.isScalar())
    l.fail(Diag::argument_not_tile, args.span(name),
           {std::string(name), publicName(*args.builtin), describe(t)});
  return t;
}

Tensor pointerArg(Lowering &l, BoundArgs &args, std::string_view name) {
  const Tensor *t = args[name].asTensor();
  if (!t || !t->type.isPointer)
    l.fail(Diag::argument_not_pointer, args.span(name),
           {std::string(name), publicName(*args.builtin), describe(args[name])});
  return *t;
}

std::optional<Tensor> maskArg(Lowering &l, BoundArgs &args, std::string_view name) {
  const Value &value = args[name];
  if (value.isNone())
    return std::nullopt;
  if (const bool *known = value.get<bool>(); known && *known)
    return std::nullopt;
  Tensor mask = tensorArg(l, args, name);
  if (!isBool(mask.type))
    l.fail(Diag::mask_not_bool, args.span(name), {publicName(*args.builtin), describe(value)});
  return mask;
}

Value spread(BoundArgs &args, std::string_view name) {
  const Value &all = args[name];
  if (all.isTuple() && all.items().size() == 1 && all.items()[0].isTuple())
    return all.items()[0];
  return all;
}

std::string optionArg(Lowering &l, BoundArgs &args, std::string_view name,
                      std::initializer_list<const char *> allowed) {
  const Value &value = args[name];
  if (value.isNone())
    return "";
  const std::string *text = value.asString();
  if (text && text->empty())
    return "";
  std::string list;
  for (const char *option : allowed) {
    if (text && *text == option)
      return *text;
    list += (list.empty() ? "'" : ", '") + std::string(option) + "'";
  }
  l.fail(Diag::bad_option, args.span(name),
         {std::string(name), publicName(*args.builtin), list, text ? "'" + *text + "'" : describe(value)});
}

/// Does the number stay what it is in `type`?
static bool fits(const Value &number, DType type) {
  if (isFloating(type))
    return true;
  const Constant::Int *i = number.get<Constant::Int>();
  if (!i || !isInteger(type) || isBool(type))
    return number.get<bool>() && isInteger(type);
  int bits = bitWidth(type);
  Constant::Int high = Constant::Int(1) << (isUnsigned(type) ? bits : bits - 1);
  return *i < high && *i >= (isUnsigned(type) ? Constant::Int(0) : -high);
}

Tensor castArg(Lowering &l, BoundArgs &args, std::string_view name, DType to, std::string_view rounding) {
  const Value &value = args[name];
  if (value.isNumber() && rounding.empty() && fits(value, to))
    return l.cast(value, to, args.span(name));
  return l.cast(Value(tensorArg(l, args, name)), to, args.span(name), rounding);
}

Tensor reshapeTo(Lowering &l, Tensor value, llvm::ArrayRef<int64_t> shape, Span span) {
  if (value.shape() == shape)
    return value;
  if (value.isScalar())
    return l.splat(value, shape, span);
  if (shape.empty())
    return toScalar(l, value, span);
  auto type = l.type(value.type, shape);
  return {tile::ReshapeOp::create(l.b(), l.loc(span), type, value.value), value.type};
}

Tensor permuteTo(Lowering &l, Tensor value, llvm::ArrayRef<int32_t> order, Span span) {
  Shape shape;
  bool identity = true;
  for (auto [i, from] : llvm::enumerate(order)) {
    shape.push_back(value.shape()[from]);
    identity &= from == int32_t(i);
  }
  if (identity)
    return value;
  return {tile::TransOp::create(l.b(), l.loc(span), l.type(value.type, shape), value.value, order),
          value.type};
}

Tensor toScalar(Lowering &l, Tensor value, Span span) {
  if (value.isScalar())
    return value;
  Tensor line = reshapeTo(l, value, {value.numel()}, span);
  Location loc = l.loc(span);
  auto reduce = tile::ReduceOp::create(l.b(), loc, ValueRange{line.value}, 0);
  OpBuilder::InsertionGuard guard(l.b());
  Type element = l.type(value.type);
  mlir::Block *block = l.b().createBlock(&reduce.getCombine(), {}, {element, element}, {loc, loc});
  tile::CombineReturnOp::create(l.b(), loc, ValueRange{block->getArgument(0)});
  return {reduce.getResult(0), value.type};
}

} // namespace tegula::lang
