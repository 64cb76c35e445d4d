//===- PythonBuiltins.cpp - min, len, range and the like ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Impl.h"

#include <charconv>
#include <cmath>

namespace tegula::lang {

namespace {
using Int = Constant::Int;

/// The operands of min and max: the arguments, or the items of the only one.
Values operands(Lowering &l, BoundArgs &args, Span span) {
  const Values &given = args["args"].items();
  bool one = given.size() == 1 && given[0].isTuple();
  const Values &values = one ? given[0].items() : given;
  if (values.size() < (one ? 1 : 2))
    l.fail(Diag::too_few_operands, span, {std::string(args.builtin->name).substr(9)});
  return values;
}

Value extremum(Lowering &l, BoundArgs &args, Span span, const char *function, CompareOp better) {
  Values values = operands(l, args, span);
  Value best = values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    if (best.isTensor() || values[i].isTensor())
      best = l.callNamed(function, {best, values[i]}, span);
    else if (*truthOf(l.compare(better, values[i], best, span)))
      best = values[i];
  }
  return best;
}
Value lowerMin(Lowering &l, BoundArgs &args, Span span) {
  return extremum(l, args, span, "minimum", CompareOp::Lt);
}
Value lowerMax(Lowering &l, BoundArgs &args, Span span) {
  return extremum(l, args, span, "maximum", CompareOp::Gt);
}

Value lowerAbs(Lowering &l, BoundArgs &args, Span span) {
  const Value &x = args["x"];
  if (x.isTensor())
    return l.callNamed("abs", {x}, span);
  bool negative = numberOf(x) && (*numberOf(x) < 0 || std::signbit(*numberOf(x)));
  return l.unary(negative ? UnaryOp::Minus : UnaryOp::Plus, x, span);
}

Value lowerLen(Lowering &l, BoundArgs &args, Span span) {
  const Value &x = args["x"];
  if (x.isTuple())
    return Value::integer(x.items().size());
  if (auto *s = x.asString())
    return Value::integer(s->size());
  l.fail(Diag::no_length, span, {describe(x)});
}

Value makeRange(BoundArgs &args, bool isStatic) {
  RangeValue range;
  bool one = args["arg2"].isNone();
  range.start = one ? Value::integer(0) : args["arg1"];
  range.stop = one ? args["arg1"] : args["arg2"];
  range.step = args["step"].isNone() ? Value::integer(1) : args["step"];
  range.isStatic = isStatic;
  return Value(std::move(range));
}
Value lowerPythonRange(Lowering &, BoundArgs &args, Span) { return makeRange(args, false); }
Value lowerStaticRange(Lowering &l, BoundArgs &args, Span span) {
  for (const char *name : {"arg1", "arg2", "step"})
    if (!args[name].isNone())
      l.constexprInt(args[name], std::string("static_range ") + name, args.span(name));
  (void)span;
  return makeRange(args, true);
}
Value lowerRange(Lowering &l, BoundArgs &args, Span span) {
  RangeValue range = *makeRange(args, false).asRange();
  for (const char *hint :
       {"num_stages", "loop_unroll_factor", "disallow_acc_multi_buffer", "flatten", "warp_specialize"}) {
    const Value &value = args[hint];
    if (!value.isNone() && !value.isNumber())
      l.constexprInt(value, hint, span);
    range.hints.emplace_back(hint, value);
  }
  return Value(std::move(range));
}

Value lowerFloat(Lowering &l, BoundArgs &args, Span span) {
  const Value &x = args["x"];
  if (auto *s = x.asString()) {
    std::string text;
    for (char c : *s)
      if (!isspace(static_cast<unsigned char>(c)))
        text += static_cast<char>(tolower(c));
    bool negative = text.starts_with("-");
    if (negative || text.starts_with("+"))
      text.erase(0, 1);
    double value = 0;
    if (text == "inf" || text == "infinity") {
      value = HUGE_VAL;
    } else if (text == "nan") {
      value = NAN;
    } else {
      auto result = std::from_chars(text.data(), text.data() + text.size(), value);
      if (text.empty() || result.ec != std::errc() || result.ptr != text.data() + text.size())
        l.fail(Diag::bad_number_text, span, {"float", repr(x)});
    }
    return Value::floating(negative ? -value : value);
  }
  return Value::floating(l.constexprFloat(x, "the argument of float()", span));
}

Value lowerInt(Lowering &l, BoundArgs &args, Span span) {
  const Value &x = args["x"];
  if (auto *d = x.get<double>()) {
    if (std::isnan(*d) || std::isinf(*d) || std::fabs(*d) > 0x1p126)
      l.fail(Diag::bad_number_text, span, {"int", repr(x)});
    return Value::integer(static_cast<Int>(*d));
  }
  if (auto *s = x.asString()) {
    int64_t value = 0;
    auto result = std::from_chars(s->data(), s->data() + s->size(), value);
    if (s->empty() || result.ec != std::errc() || result.ptr != s->data() + s->size())
      l.fail(Diag::bad_number_text, span, {"int", repr(x)});
    return Value::integer(value);
  }
  if (auto i = integerOf(x))
    return Value::integer(*i);
  l.fail(Diag::expected_constexpr, span, {"the argument of int()", "a number", describe(x)});
}

Value lowerBool(Lowering &l, BoundArgs &args, Span span) { return Value::boolean(l.truth(args["x"], span)); }
Value lowerStr(Lowering &, BoundArgs &args, Span) { return Value::string(str(args["x"])); }

Value lowerTuple(Lowering &l, BoundArgs &args, Span span) {
  const Value &items = args["items"];
  return Value::tuple(l.impl().sequence(items, span));
}

Value lowerZip(Lowering &l, BoundArgs &args, Span span) {
  Values rows;
  std::vector<Values> columns;
  size_t count = SIZE_MAX;
  for (const Value &arg : args["args"].items()) {
    columns.push_back(l.impl().sequence(arg, span));
    count = std::min(count, columns.back().size());
  }
  for (size_t i = 0; i < count && count != SIZE_MAX; ++i) {
    Values row;
    for (const Values &column : columns)
      row.push_back(column[i]);
    rows.push_back(Value::tuple(std::move(row)));
  }
  return Value::tuple(std::move(rows));
}

Value lowerEnumerate(Lowering &l, BoundArgs &args, Span span) {
  const Value &items = args["items"];
  int64_t i = l.constexprInt(args["start"], "start", span);
  Values rows;
  for (const Value &item : l.impl().sequence(items, span))
    rows.push_back(Value::tuple({Value::integer(i++), item}));
  return Value::tuple(std::move(rows));
}

/// `x.__add__(y)`: the operator by its method's name.
Value lowerOperatorMethod(Lowering &l, BoundArgs &args, Span span) {
  static const std::pair<std::string_view, BinaryOp> operators[] = {
      {"__add__", BinaryOp::Add},     {"__sub__", BinaryOp::Sub},           {"__mul__", BinaryOp::Mul},
      {"__truediv__", BinaryOp::Div}, {"__floordiv__", BinaryOp::FloorDiv}, {"__mod__", BinaryOp::Mod},
      {"__lshift__", BinaryOp::Shl},  {"__rshift__", BinaryOp::Shr},        {"__and__", BinaryOp::And},
      {"__or__", BinaryOp::Or},       {"__xor__", BinaryOp::Xor},
  };
  for (auto [name, op] : operators)
    if (name == args.builtin->name)
      return l.binary(op, args["self"], args["other"], span);
  l.fail(Diag::internal_error, span, {std::string("no operator ") + args.builtin->name, ""});
}

bool isInstance(Lowering &l, const Value &x, const Value &type, Span span) {
  if (type.isTuple()) {
    for (const Value &one : type.items())
      if (isInstance(l, x, one, span))
        return true;
    return false;
  }
  auto *builtin = type.get<Constant::Builtin>();
  std::string name = builtin ? builtin->name : "";
  if (name == "tensor")
    return x.isTensor();
  if (name == "constexpr")
    return x.asConstant() != nullptr;
  if (name == "dtype")
    return x.asDType() || x.asBlockType();
  if (name == "pointer_type")
    return x.asDType() && x.asDType()->isPointer;
  if (name == "block_type")
    return x.asBlockType() != nullptr;
  if (name == "builtins.int")
    return integerOf(x).has_value();
  if (name == "builtins.float")
    return x.get<double>() != nullptr;
  if (name == "builtins.bool")
    return x.get<bool>() != nullptr;
  if (name == "builtins.str")
    return x.asString() != nullptr;
  if (name == "builtins.tuple" || name == "builtins.list" || name == "tuple")
    return x.isTuple();
  l.fail(Diag::bad_class, span, {describe(type)});
}
Value lowerIsInstance(Lowering &l, BoundArgs &args, Span span) {
  return Value::boolean(isInstance(l, args["object"], args["classes"], span));
}

Value lowerGetAttr(Lowering &l, BoundArgs &args, Span span) {
  std::string name = l.constexprString(args["name"], "name", span);
  if (!args.given("default"))
    return l.attribute(args["object"], name, span);
  try {
    return l.attribute(args["object"], name, span);
  } catch (const Error &error) {
    return args["default"];
  }
}
Value lowerHasAttr(Lowering &l, BoundArgs &args, Span span) {
  try {
    l.attribute(args["object"], l.constexprString(args["name"], "name", span), span);
    return Value::boolean(true);
  } catch (const Error &error) {
    return Value::boolean(false);
  }
}

Value lowerPrint(Lowering &l, BoundArgs &args, Span span) {
  Values values = args["args"].items();
  if (values.empty() || !values[0].asString())
    values.insert(values.begin(), Value::string(""));
  std::vector<std::pair<std::string, Value>> keywords;
  if (args.given("hex"))
    keywords.emplace_back("hex", args["hex"]);
  return l.callNamed("device_print", values, span, keywords);
}

Value lowerStaticPrint(Lowering &l, BoundArgs &args, Span span) {
  std::string text;
  std::string separator = l.constexprString(args["sep"], "sep", span);
  const Values &values = args["values"].items();
  for (size_t i = 0; i < values.size(); ++i)
    text += (i ? separator : "") + str(values[i]);
  if (l.impl().dryRuns == 0)
    l.print(text + l.constexprString(args["end"], "end", span));
  return Value::none();
}

Value lowerStaticAssert(Lowering &l, BoundArgs &args, Span span) {
  const Value &condition = args["cond"];
  auto truth = truthOf(condition);
  if (!truth)
    l.fail(Diag::expected_constexpr, args.span("cond"),
           {"the condition of static_assert", "a constant", describe(condition)});
  if (!*truth)
    l.fail(Diag::static_assert_failed, span, {args.given("msg") ? ": " + str(args["msg"]) : ""});
  return Value::none();
}

Value lowerConstexpr(Lowering &l, BoundArgs &args, Span span) {
  if (!args["value"].isConstexpr())
    l.fail(Diag::expected_constexpr, span,
           {"the argument of tl.constexpr", "a constant", describe(args["value"])});
  return args["value"];
}

#define TEGULA_OPERATOR(name) {name, "(self, other)", "The operator of that name.", true, lowerOperatorMethod}
constexpr BuiltinDef table[] = {
    TEGULA_OPERATOR("__add__"),
    TEGULA_OPERATOR("__sub__"),
    TEGULA_OPERATOR("__mul__"),
    TEGULA_OPERATOR("__truediv__"),
    TEGULA_OPERATOR("__floordiv__"),
    TEGULA_OPERATOR("__mod__"),
    TEGULA_OPERATOR("__lshift__"),
    TEGULA_OPERATOR("__rshift__"),
    TEGULA_OPERATOR("__and__"),
    TEGULA_OPERATOR("__or__"),
    TEGULA_OPERATOR("__xor__"),
    {"builtins.min", "(*args)", "The smallest argument.", false, lowerMin},
    {"builtins.max", "(*args)", "The largest argument.", false, lowerMax},
    {"builtins.abs", "(x)", "The absolute value.", false, lowerAbs},
    {"builtins.len", "(x)", "The number of items of a tuple.", false, lowerLen},
    {"builtins.range", "(arg1, arg2=None, step=None)", "Integers for a loop of the run time.", false,
     lowerPythonRange},
    {"builtins.float", "(x=0.0)", "A constant as a float.", false, lowerFloat},
    {"builtins.int", "(x=0)", "A constant as an integer.", false, lowerInt},
    {"builtins.bool", "(x=False)", "A constant as a bool.", false, lowerBool},
    {"builtins.str", "(x='')", "A constant as a string.", false, lowerStr},
    {"builtins.tuple", "(items=())", "A tuple.", false, lowerTuple},
    {"builtins.list", "(items=())", "A tuple: lists of a kernel do not change.", false, lowerTuple},
    {"builtins.zip", "(*args)", "Tuples of the first items, the second items, ...", false, lowerZip},
    {"builtins.enumerate", "(items, start=0)", "Tuples of index and item.", false, lowerEnumerate},
    {"builtins.isinstance", "(object, classes)",
     "Whether a value is a tl.tensor, a tl.constexpr, an int, ...", false, lowerIsInstance},
    {"builtins.getattr", "(object, name, default=None)", "An attribute by its name.", false, lowerGetAttr},
    {"builtins.hasattr", "(object, name)", "Whether there is an attribute of the name.", false, lowerHasAttr},
    {"builtins.print", "(*args, hex=False)", "As tl.device_print.", false, lowerPrint},
    {"range",
     "(arg1, arg2=None, step=None, num_stages=None, loop_unroll_factor=None, "
     "disallow_acc_multi_buffer=False, "
     "flatten=False, warp_specialize=False, disable_licm=False)",
     "Integers for a loop of the run time, with hints for the compiler.", false, lowerRange},
    {"static_range", "(arg1, arg2=None, step=None)", "Integers for a loop that is unrolled when compiling.",
     false, lowerStaticRange},
    {"static_print", "(*values, sep=' ', end='\\n', file=None, flush=False)", "Print when compiling.", false,
     lowerStaticPrint},
    {"static_assert", "(cond, msg='')", "Stop compiling with a message unless the constant condition holds.",
     false, lowerStaticAssert},
    {"constexpr", "(value)", "The constant itself.", false, lowerConstexpr},
    {"tuple", "(items=())", "A tuple.", false, lowerTuple},
};
} // namespace

std::span<const BuiltinDef> pythonBuiltins() { return table; }

} // namespace tegula::lang
