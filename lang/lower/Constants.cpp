//===- Constants.cpp - constants computed as Python does ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Impl.h"

#include <cmath>

namespace tegula::lang {

using Int = Constant::Int;

std::optional<Int> integerOf(const Value &value) {
  if (auto *i = value.get<Int>())
    return *i;
  if (auto *b = value.get<bool>())
    return Int(*b);
  return std::nullopt;
}

std::optional<double> numberOf(const Value &value) {
  if (auto *d = value.get<double>())
    return *d;
  if (auto i = integerOf(value))
    return static_cast<double>(*i);
  return std::nullopt;
}

std::optional<bool> truthOf(const Value &value) {
  if (value.isTensor())
    return std::nullopt;
  if (value.isTuple())
    return !value.items().empty();
  if (value.isNone())
    return false;
  if (auto n = numberOf(value))
    return *n != 0;
  if (auto *s = value.asString())
    return !s->empty();
  return true;
}

bool sameValue(const Value &a, const Value &b) {
  if (a.isTensor() || b.isTensor())
    return a.isTensor() && b.isTensor() && a.tensor().value == b.tensor().value &&
           a.tensor().type == b.tensor().type;
  if (a.isComposite() || b.isComposite()) {
    if (!a.isComposite() || !b.isComposite() || a.items().size() != b.items().size() ||
        a.tuple().fields != b.tuple().fields || a.tuple().kind != b.tuple().kind)
      return false;
    for (size_t i = 0; i < a.items().size(); ++i)
      if (!sameValue(a.items()[i], b.items()[i]))
        return false;
    return true;
  }
  if (auto *x = a.asBlockType()) {
    auto *y = b.asBlockType();
    return y && x->element == y->element && x->shape == y->shape;
  }
  if (auto *x = a.asMethod()) {
    auto *y = b.asMethod();
    return y && x->name == y->name && sameValue(x->self, y->self);
  }
  if (a.isEllipsis() || b.isEllipsis())
    return a.isEllipsis() && b.isEllipsis();
  auto *x = a.asConstant(), *y = b.asConstant();
  if (!x || !y || x->value.index() != y->value.index())
    return false;
  if (a.isNone())
    return true;
  if (auto *v = a.get<bool>())
    return *v == *b.get<bool>();
  if (auto *v = a.get<Int>())
    return *v == *b.get<Int>();
  if (auto *v = a.get<double>())
    return std::memcmp(v, b.get<double>(), sizeof(double)) == 0;
  if (auto *v = a.asString())
    return *v == *b.asString();
  if (auto *v = a.asDType())
    return *v == *b.asDType();
  if (auto v = a.asFunction())
    return v == b.asFunction();
  if (auto v = a.asHostFunction())
    return v->name == b.asHostFunction()->name && v->digest == b.asHostFunction()->digest;
  if (auto *v = a.get<Constant::Builtin>())
    return v->name == b.get<Constant::Builtin>()->name;
  if (auto *v = a.get<Constant::Module>()) {
    auto *w = b.get<Constant::Module>();
    return v->isLanguage == w->isLanguage && v->path == w->path && v->handle == w->handle;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

namespace {
struct Folder {
  Lowering &l;
  const Value &a, &b;
  const char *op;
  Span span;

  [[noreturn]] void bad() { l.fail(Diag::bad_operands, span, {op, describe(a), describe(b)}); }
  [[noreturn]] void overflow() { l.fail(Diag::constant_overflow, span, {op, repr(a), repr(b)}); }
  [[noreturn]] void zero() { l.fail(Diag::constant_division_by_zero, span, {op, repr(a)}); }

  Int power(Int base, Int exponent) {
    Int result = 1;
    for (; exponent > 0; exponent >>= 1) {
      if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
        overflow();
      if (exponent > 1 && __builtin_mul_overflow(base, base, &base))
        overflow();
    }
    return result;
  }

  Value ints(BinaryOp which, Int x, Int y) {
    Int r = 0;
    switch (which) {
    case BinaryOp::Add: return __builtin_add_overflow(x, y, &r) ? (overflow(), Value()) : Value::integer(r);
    case BinaryOp::Sub: return __builtin_sub_overflow(x, y, &r) ? (overflow(), Value()) : Value::integer(r);
    case BinaryOp::Mul: return __builtin_mul_overflow(x, y, &r) ? (overflow(), Value()) : Value::integer(r);
    case BinaryOp::Div:
      if (y == 0)
        zero();
      return Value::floating(static_cast<double>(x) / static_cast<double>(y));
    case BinaryOp::FloorDiv:
    case BinaryOp::Mod: {
      if (y == 0)
        zero();
      if (y == -1)
        return which == BinaryOp::Mod ? Value::integer(0) : ints(BinaryOp::Sub, 0, x);
      Int q = x / y, m = x % y;
      if (m != 0 && (m < 0) != (y < 0)) {
        --q;
        m += y;
      }
      return Value::integer(which == BinaryOp::Mod ? m : q);
    }
    case BinaryOp::Pow:
      if (y < 0) {
        if (x == 0)
          zero();
        return Value::floating(std::pow(static_cast<double>(x), static_cast<double>(y)));
      }
      return Value::integer(power(x, y));
    case BinaryOp::Shl:
      if (y < 0)
        bad();
      if (x == 0)
        return Value::integer(0);
      if (y > 126)
        overflow();
      r = Int(1) << y;
      return __builtin_mul_overflow(x, r, &r) ? (overflow(), Value()) : Value::integer(r);
    case BinaryOp::Shr:
      if (y < 0)
        bad();
      return Value::integer(x >> (y > 127 ? 127 : static_cast<int>(y)));
    case BinaryOp::And: return Value::integer(x & y);
    case BinaryOp::Or: return Value::integer(x | y);
    case BinaryOp::Xor: return Value::integer(x ^ y);
    case BinaryOp::MatMul: break;
    }
    bad();
  }

  Value floats(BinaryOp which, double x, double y) {
    switch (which) {
    case BinaryOp::Add: return Value::floating(x + y);
    case BinaryOp::Sub: return Value::floating(x - y);
    case BinaryOp::Mul: return Value::floating(x * y);
    case BinaryOp::Div:
      if (y == 0)
        zero();
      return Value::floating(x / y);
    case BinaryOp::FloorDiv:
    case BinaryOp::Mod: {
      if (y == 0)
        zero();
      double m = std::fmod(x, y);
      double q = (x - m) / y;
      if (m != 0 && (m < 0) != (y < 0)) {
        m += y;
        q -= 1;
      } else if (m == 0) {
        m = std::copysign(0.0, y);
      }
      if (which == BinaryOp::Mod)
        return Value::floating(m);
      double floor = std::floor(q);
      if (q - floor > 0.5)
        floor += 1;
      return Value::floating(q == 0 ? std::copysign(0.0, x / y) : floor);
    }
    case BinaryOp::Pow:
      if (x == 0 && y < 0)
        zero();
      if (x < 0 && y != std::floor(y))
        bad();
      return Value::floating(std::pow(x, y));
    default: bad();
    }
  }

  Value repeat(const Value &sequence, Int times) {
    size_t length = sequence.isTuple() ? sequence.items().size() : sequence.asString()->size();
    if (times > 0 && static_cast<Int>(length) * times > 100000)
      overflow();
    if (sequence.isTuple()) {
      Values items;
      for (Int i = 0; i < times; ++i)
        items.insert(items.end(), sequence.items().begin(), sequence.items().end());
      return Value::tuple(std::move(items));
    }
    std::string text;
    for (Int i = 0; i < times; ++i)
      text += *sequence.asString();
    return Value::string(std::move(text));
  }

  Value run(BinaryOp which) {
    auto isSequence = [](const Value &v) { return v.isTuple() || v.asString(); };
    if (which == BinaryOp::Add && a.isTuple() && b.isTuple()) {
      Values items = a.items();
      items.insert(items.end(), b.items().begin(), b.items().end());
      return Value::tuple(std::move(items));
    }
    if (which == BinaryOp::Add && a.asString() && b.asString())
      return Value::string(*a.asString() + *b.asString());
    if (which == BinaryOp::Mul && isSequence(a) && integerOf(b))
      return repeat(a, *integerOf(b));
    if (which == BinaryOp::Mul && isSequence(b) && integerOf(a))
      return repeat(b, *integerOf(a));
    if (!a.isNumber() || !b.isNumber())
      bad();
    if (a.get<double>() || b.get<double>())
      return floats(which, *numberOf(a), *numberOf(b));
    bool bits = which == BinaryOp::And || which == BinaryOp::Or || which == BinaryOp::Xor;
    Value result = ints(which, *integerOf(a), *integerOf(b));
    if (bits && a.get<bool>() && b.get<bool>())
      return Value::boolean(*integerOf(result) != 0);
    return result;
  }
};

/// -1, 0, 1; 2 when unordered (NaN).
int order(const Value &a, const Value &b) {
  auto x = integerOf(a), y = integerOf(b);
  if (x && y)
    return *x < *y ? -1 : *x > *y;
  double p = *numberOf(a), q = *numberOf(b);
  return p < q ? -1 : p > q ? 1 : p == q ? 0 : 2;
}

/// Python's ==; nullopt when it depends on the run time.
std::optional<bool> equal(const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber())
    return order(a, b) == 0;
  if (a.isTuple() && b.isTuple()) {
    if (a.items().size() != b.items().size())
      return false;
    for (size_t i = 0; i < a.items().size(); ++i) {
      auto same = equal(a.items()[i], b.items()[i]);
      if (!same || !*same)
        return same;
    }
    return true;
  }
  if (a.isTensor() || b.isTensor())
    return sameValue(a, b) ? std::optional(true) : std::nullopt;
  return sameValue(a, b);
}

std::optional<int> orderOf(const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber())
    return order(a, b);
  if (a.asString() && b.asString())
    return a.asString()->compare(*b.asString()) < 0 ? -1 : *a.asString() != *b.asString();
  if (a.isTuple() && b.isTuple()) {
    for (size_t i = 0; i < a.items().size() && i < b.items().size(); ++i) {
      auto one = orderOf(a.items()[i], b.items()[i]);
      if (!one || *one != 0)
        return one;
    }
    return a.items().size() < b.items().size() ? -1 : a.items().size() > b.items().size();
  }
  return std::nullopt;
}
} // namespace

Value foldBinary(Lowering &l, BinaryOp op, const Value &a, const Value &b, Span span) {
  return Folder{l, a, b, spelling(op), span}.run(op);
}

Value foldCompare(Lowering &l, CompareOp op, const Value &a, const Value &b, Span span) {
  auto bad = [&] { l.fail(Diag::bad_operands, span, {spelling(op), describe(a), describe(b)}); };
  switch (op) {
  case CompareOp::Is:
  case CompareOp::IsNot: {
    // Small integers and strings are one object in Python too.
    return Value::boolean(sameValue(a, b) == (op == CompareOp::Is));
  }
  case CompareOp::Eq:
  case CompareOp::Ne: {
    auto same = equal(a, b);
    if (!same)
      bad();
    return Value::boolean(*same == (op == CompareOp::Eq));
  }
  case CompareOp::In:
  case CompareOp::NotIn: {
    bool found = false;
    if (a.asString() && b.asString()) {
      found = b.asString()->find(*a.asString()) != std::string::npos;
    } else if (b.isTuple()) {
      for (const Value &item : b.items()) {
        auto same = equal(a, item);
        if (!same)
          bad();
        found |= *same;
      }
    } else {
      bad();
    }
    return Value::boolean(found == (op == CompareOp::In));
  }
  default: {
    auto order = orderOf(a, b);
    if (!order)
      bad();
    bool holds = op == CompareOp::Lt   ? *order == -1
                 : op == CompareOp::Le ? *order == -1 || *order == 0
                 : op == CompareOp::Gt ? *order == 1
                                       : *order == 1 || *order == 0;
    return Value::boolean(holds);
  }
  }
}

Value foldUnary(Lowering &l, UnaryOp op, const Value &a, Span span) {
  if (op == UnaryOp::Not) {
    auto truth = truthOf(a);
    return Value::boolean(!*truth);
  }
  if (auto *d = a.get<double>()) {
    if (op != UnaryOp::Invert)
      return Value::floating(op == UnaryOp::Minus ? -*d : *d);
  } else if (auto i = integerOf(a)) {
    if (op == UnaryOp::Minus)
      return foldBinary(l, BinaryOp::Sub, Value::integer(0), Value::integer(*i), span);
    return Value::integer(op == UnaryOp::Invert ? ~*i : *i);
  }
  l.fail(Diag::bad_operand, span, {spelling(op), describe(a)});
}

//===----------------------------------------------------------------------===//
// Constants as arguments
//===----------------------------------------------------------------------===//

static std::string quote(std::string_view what) { return "'" + std::string(what) + "'"; }

int64_t Lowering::constexprInt(const Value &value, std::string_view what, Span span) {
  auto i = integerOf(value);
  if (!i)
    fail(Diag::expected_constexpr, span, {quote(what), "an integer", describe(value)});
  if (*i < INT64_MIN || *i > INT64_MAX)
    fail(Diag::integer_out_of_range, span, {repr(value), "i64"});
  return static_cast<int64_t>(*i);
}

bool Lowering::constexprBool(const Value &value, std::string_view what, Span span) {
  if (!value.isNumber() && !value.isNone())
    fail(Diag::expected_constexpr, span, {quote(what), "True or False", describe(value)});
  return *truthOf(value);
}

std::string Lowering::constexprString(const Value &value, std::string_view what, Span span) {
  if (auto *s = value.asString())
    return *s;
  fail(Diag::expected_constexpr, span, {quote(what), "a string", describe(value)});
}

double Lowering::constexprFloat(const Value &value, std::string_view what, Span span) {
  if (auto n = numberOf(value))
    return *n;
  fail(Diag::expected_constexpr, span, {quote(what), "a number", describe(value)});
}

DType Lowering::constexprDType(const Value &value, std::string_view what, Span span) {
  if (auto *t = value.asDType())
    return *t;
  if (auto *block = value.asBlockType())
    return block->element;
  if (auto *s = value.asString(); s && scalarKindNamed(*s) != ScalarKind::Void)
    return scalarType(scalarKindNamed(*s));
  fail(Diag::expected_constexpr, span, {quote(what), "a dtype such as tl.float32", describe(value)});
}

Shape Lowering::constexprInts(const Value &value, std::string_view what, Span span) {
  Shape ints;
  if (!value.isTuple()) {
    ints.push_back(constexprInt(value, what, span));
    return ints;
  }
  for (const Value &item : value.items())
    ints.push_back(constexprInt(item, what, span));
  return ints;
}

Shape Lowering::constexprShape(const Value &value, std::string_view what, Span span) {
  Shape shape = constexprInts(value, what, span);
  Int elements = 1;
  for (int64_t extent : shape) {
    if (extent < 1)
      fail(Diag::bad_shape, span, {repr(value), "each extent must be at least 1, and -1 is not worked out"});
    elements *= extent;
    if (elements > INT32_MAX)
      fail(Diag::bad_shape, span, {repr(value), "a tile has at most 2147483647 elements"});
  }
  return shape;
}

int Lowering::constexprAxis(const Value &value, int rank, Span span) {
  int64_t axis = constexprInt(value, "axis", span);
  if (axis < -rank || axis >= rank)
    fail(Diag::axis_out_of_range, span, {std::to_string(axis), std::to_string(rank)});
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

bool Lowering::truth(const Value &value, Span span) {
  if (auto t = truthOf(value))
    return *t;
  fail(Diag::expected_constexpr, span, {"this", "a condition", describe(value)});
}

} // namespace tegula::lang
