//===- Expressions.cpp - expressions to values ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Impl.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace tegula::lang {

using Kind = Expr::Kind;

Value Lowering::Impl::parseInt(const Expr &expr) {
  const std::string &text = expr.text;
  bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  Constant::Int value = 0;
  for (char c : std::string_view(text).substr(hex ? 2 : 0)) {
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0)
      continue; // an underscore
    if (__builtin_mul_overflow(value, Constant::Int(hex ? 16 : 10), &value) ||
        __builtin_add_overflow(value, Constant::Int(digit), &value))
      l.fail(Diag::constant_overflow, expr.span, {"literal", text, text});
  }
  return Value::integer(value);
}

Value Lowering::Impl::eval(const Expr &expr) {
  switch (expr.kind) {
  case Kind::Name: return readName(expr.text, expr.span);
  case Kind::Int: return parseInt(expr);
  case Kind::Float: return Value::floating(expr.number);
  case Kind::Str: return Value::string(expr.text);
  case Kind::Bool: return Value::boolean(expr.truth);
  case Kind::None: return Value::none();
  case Kind::Ellipsis: return Value(EllipsisValue{});
  case Kind::FString: return evalFString(expr);
  case Kind::Tuple:
  case Kind::List: {
    Values items;
    for (const ExprPtr &item : expr.items) {
      if (item->kind != Kind::Starred) {
        items.push_back(eval(*item));
        continue;
      }
      Value many = eval(*item->items[0]);
      if (!many.isTuple())
        l.fail(Diag::not_iterable, item->span, {describe(many)});
      items.insert(items.end(), many.items().begin(), many.items().end());
    }
    return Value::tuple(std::move(items));
  }
  case Kind::Unary: return l.unary(expr.unary, eval(*expr.items[0]), expr.span);
  case Kind::Binary: {
    Value a = eval(*expr.items[0]);
    Value b = eval(*expr.items[1]);
    return l.binary(expr.binary, a, b, expr.span);
  }
  case Kind::BoolOp: return evalBoolOp(expr);
  case Kind::Compare: return evalCompare(expr);
  case Kind::IfExp: return evalIfExp(expr);
  case Kind::Call: return evalCall(expr);
  case Kind::Attribute: return l.attribute(eval(*expr.items[0]), expr.text, expr.span);
  case Kind::Subscript: {
    Value object = eval(*expr.items[0]);
    return l.subscript(object, eval(*expr.items[1]), expr.span);
  }
  case Kind::Slice: {
    auto part = [&](size_t i) {
      return i < expr.items.size() && expr.items[i] ? eval(*expr.items[i]) : Value::none();
    };
    Value start = part(0), stop = part(1), step = part(2);
    return Value(SliceValue{start, stop, step});
  }
  case Kind::ListComp: return evalListComp(expr);
  case Kind::Starred:
    l.fail(Diag::internal_error, expr.span, {"a star outside a sequence", ""}); // the parser refuses it
  case Kind::Opaque: l.fail(Diag::unsupported_statement, expr.span, {expr.text});
  }
  l.fail(Diag::internal_error, expr.span, {"unknown expression", ""});
}

/// `and`, `or` of what is known are decided now, and what cannot matter is not walked; run-time operands are both
/// evaluated.
Value Lowering::Impl::evalBoolOp(const Expr &expr) {
  bool isAnd = expr.truth;
  std::optional<Value> result;
  Value last;
  for (const ExprPtr &item : expr.items) {
    Value value = eval(*item);
    last = value;
    if (auto truth = truthOf(value)) {
      if (*truth != isAnd) // decides, whatever stood before
        return value;
      continue;
    }
    if (!result) {
      result = value;
      continue;
    }
    Tensor a = l.toBool(*result, expr.span), b = l.toBool(value, expr.span);
    l.broadcast(a, b, expr.span);
    result = l.arith(isAnd ? ArithOp::And : ArithOp::Or, a, b, expr.span);
  }
  return result ? *result : last;
}

Value Lowering::Impl::evalCompare(const Expr &expr) {
  Value left = eval(*expr.items[0]);
  std::optional<Value> result;
  for (size_t i = 0; i < expr.compares.size(); ++i) {
    Value right = eval(*expr.items[i + 1]);
    Value one = l.compare(expr.compares[i], left, right, expr.span);
    left = right;
    if (auto truth = truthOf(one)) {
      if (!*truth)
        return one;
      if (!result)
        result = one;
      continue;
    }
    if (!result || !result->isTensor()) {
      result = one;
      continue;
    }
    Tensor a = l.toBool(*result, expr.span), b = l.toBool(one, expr.span);
    l.broadcast(a, b, expr.span);
    result = l.arith(ArithOp::And, a, b, expr.span);
  }
  return *result;
}

Value Lowering::Impl::evalIfExp(const Expr &expr) {
  Value test = eval(*expr.items[0]);
  if (auto truth = truthOf(test))
    return eval(*expr.items[*truth ? 1 : 2]);
  if (test.tensor().numel() != 1)
    l.fail(Diag::ambiguous_truth, expr.items[0]->span, {describe(test)});
  mlir::Value condition = flagValue(l.toBool(test, expr.span), expr.span);
  // The value goes through the join of the arms under a name no source can have.
  static constexpr std::string_view slot = "if value";
  Scope saved = scope();
  auto walk = [&](const Expr &e) {
    return walkArm(expr.span, {}, [&](mlir::Block &) {
      setHidden(slot, eval(e), e.span);
      return Flow();
    });
  };
  Arm thenArm = walk(*expr.items[1]);
  Arm elseArm = walk(*expr.items[2]);
  // A number takes the other side's type: `x if c else 0.0`.
  Value a = thenArm.scope.find(slot)->second.value, b = elseArm.scope.find(slot)->second.value;
  auto adapt = [&](Arm &arm, const Value &number, const Value &other) {
    if (!number.isNumber() || !other.isTensor() || !other.tensor().isScalar() ||
        other.tensor().type.isPointer)
      return;
    mlir::OpBuilder::InsertionGuard guard(l.b());
    l.b().setInsertionPointToEnd(&arm.region->back());
    DType own = l.defaultType(number, expr.span);
    arm.scope.find(slot)->second.value =
        l.constant(number, l.promote(own, true, other.tensor().type, false, false, expr.span), expr.span);
  };
  adapt(thenArm, a, b);
  adapt(elseArm, b, a);
  joinArms(condition, thenArm, elseArm, expr.span);
  Variable joined = scope().find(slot)->second;
  scope() = std::move(saved); // an expression sets no names
  if (joined.poison)
    l.fail(Diag::if_value_types, expr.span, {describe(a), describe(b)});
  return joined.value;
}

Values Lowering::Impl::sequence(const Value &value, Span span) {
  if (value.isTuple())
    return value.items();
  auto *range = value.asRange();
  if (!range)
    l.fail(Diag::not_iterable, span, {describe(value)});
  int64_t start = l.constexprInt(range->start, "start", span),
          stop = l.constexprInt(range->stop, "stop", span), step = l.constexprInt(range->step, "step", span);
  if (step == 0)
    l.fail(Diag::zero_step, span);
  Values items;
  for (Constant::Int i = start; step > 0 ? i < stop : i > stop; i += step) {
    items.push_back(Value::integer(i));
    if (int64_t(items.size()) > mostUnrolled)
      l.fail(Diag::too_many_unrolled, span, {std::to_string(mostUnrolled)});
  }
  return items;
}

Value Lowering::Impl::evalListComp(const Expr &expr) {
  Values elements = sequence(eval(*expr.items[2]), expr.items[2]->span);
  Scope saved = scope();
  Values results;
  for (const Value &element : elements) {
    checkSize(expr.span);
    unpack(*expr.items[1], element, expr.span);
    bool keep = true;
    if (expr.items.size() > 3 && expr.items[3])
      keep = l.truth(eval(*expr.items[3]), expr.items[3]->span);
    if (keep)
      results.push_back(eval(*expr.items[0]));
  }
  scope() = std::move(saved);
  return Value::tuple(std::move(results));
}

Value Lowering::Impl::evalFString(const Expr &expr) {
  std::string text;
  for (const ExprPtr &piece : expr.items) {
    if (piece->kind == Kind::Str) {
      text += piece->text;
      continue;
    }
    Value value = eval(*piece);
    if (!value.isConstexpr())
      l.fail(Diag::expected_constexpr, piece->span,
             {"a piece of an f-string", "a constant", describe(value)});
    text += str(value);
  }
  return Value::string(std::move(text));
}

Value Lowering::Impl::evalCall(const Expr &expr) {
  Value callee = eval(*expr.items[0]);
  CallArgs args;
  for (size_t i = 1; i < expr.items.size(); ++i) {
    const Expr &item = *expr.items[i];
    if (item.kind != Kind::Starred) {
      args.positional.push_back({eval(item), item.span});
      continue;
    }
    Value many = eval(*item.items[0]);
    for (const Value &v : sequence(many, item.span))
      args.positional.push_back({v, item.span});
  }
  for (const Keyword &keyword : expr.keywords) {
    Value value = eval(*keyword.value);
    if (!keyword.name.empty()) {
      args.keywords.push_back({keyword.name, {value, keyword.span}});
      continue;
    }
    // `**options`: a named tuple is the only mapping there is.
    if (!value.isTuple() || value.tuple().fields.size() != value.items().size())
      l.fail(Diag::not_a_mapping, keyword.span, {describe(value)});
    for (size_t i = 0; i < value.items().size(); ++i)
      args.keywords.push_back({value.tuple().fields[i], {value.items()[i], keyword.span}});
  }
  return l.call(callee, std::move(args), expr.span);
}

} // namespace tegula::lang
