//===- Value.cpp - values of the language and their texts ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Value.h"

#include "ir/ops/Tile.h"

#include <charconv>
#include <cmath>

namespace tegula::lang {

llvm::ArrayRef<int64_t> Tensor::shape() const { return tile::shapeOf(value.getType()); }

int64_t Tensor::numel() const {
  int64_t n = 1;
  for (int64_t extent : shape())
    n *= extent;
  return n;
}

Value::Value(Constant constant) {
  if (auto *tuple = std::get_if<Constant::Tuple>(&constant.value)) {
    Values items;
    items.reserve(tuple->items.size());
    for (const Constant &item : tuple->items)
      items.emplace_back(item);
    data = std::make_shared<const TupleValue>(TupleValue{std::move(items), tuple->fields, {}});
  } else {
    data = std::move(constant);
  }
}
Value::Value(RangeValue range) : data(std::make_shared<const RangeValue>(std::move(range))) {}
Value::Value(SliceValue slice) : data(std::make_shared<const SliceValue>(std::move(slice))) {}
Value::Value(BoundMethod method) : data(std::make_shared<const BoundMethod>(std::move(method))) {}

Value Value::tuple(Values items, std::vector<std::string> fields) {
  Value v;
  v.data = std::make_shared<const TupleValue>(TupleValue{std::move(items), std::move(fields), {}});
  return v;
}

Value Value::object(std::string kind, Values items, std::vector<std::string> fields) {
  Value v;
  v.data =
      std::make_shared<const TupleValue>(TupleValue{std::move(items), std::move(fields), std::move(kind)});
  return v;
}
Value Value::withItems(Values items) const { return object(tuple().kind, std::move(items), tuple().fields); }

template <typename T, typename V> static const T *shared(const V &data) {
  auto *p = std::get_if<std::shared_ptr<const T>>(&data);
  return p ? p->get() : nullptr;
}
const RangeValue *Value::asRange() const { return shared<RangeValue>(data); }
const SliceValue *Value::asSlice() const { return shared<SliceValue>(data); }
const BoundMethod *Value::asMethod() const { return shared<BoundMethod>(data); }

bool Value::isCallable() const {
  return asFunction() || asHostFunction() || get<Constant::Builtin>() || asMethod();
}

bool Value::isConstexpr() const {
  if (asConstant() || asBlockType())
    return true;
  if (!isTuple())
    return false;
  for (const Value &item : items())
    if (!item.isConstexpr())
      return false;
  return true;
}

Constant Value::toConstant() const {
  if (auto *constant = asConstant())
    return *constant;
  Constant::Tuple tuple;
  if (isTuple()) {
    tuple.fields = this->tuple().fields;
    for (const Value &item : items())
      tuple.items.push_back(item.toConstant());
  }
  return Constant{std::move(tuple)};
}

//===----------------------------------------------------------------------===//
// Texts
//===----------------------------------------------------------------------===//

std::string describe(DType type, llvm::ArrayRef<int64_t> shape) {
  std::string text = toString(type);
  if (shape.empty())
    return text;
  text += '[';
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + ']';
}

static std::string intText(Constant::Int v) {
  if (v == 0)
    return "0";
  bool negative = v < 0;
  auto u = negative ? -static_cast<unsigned __int128>(v) : static_cast<unsigned __int128>(v);
  std::string digits;
  for (; u; u /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(u % 10)));
  return (negative ? "-" : "") + digits;
}

/// The shortest text that reads back as the same double, laid out as Python does.
static std::string floatText(double v) {
  if (std::isnan(v))
    return "nan";
  if (std::isinf(v))
    return v < 0 ? "-inf" : "inf";
  char buffer[64];
  double magnitude = std::fabs(v);
  bool plain = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e16);
  auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  auto result = std::to_chars(buffer, buffer + sizeof buffer, v, format);
  std::string text(buffer, result.ptr);
  if (plain && text.find('.') == std::string::npos)
    text += ".0";
  return text;
}

static std::string quoted(const std::string &s) {
  char quote = s.find('\'') != std::string::npos && s.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (char c : s) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\\' || c == quote)
      (out += '\\') += c;
    else
      out += c;
  }
  return out + quote;
}

static std::string constantText(const Constant &constant) {
  struct Visitor {
    std::string operator()(Constant::None) { return "None"; }
    std::string operator()(bool v) { return v ? "True" : "False"; }
    std::string operator()(Constant::Int v) { return intText(v); }
    std::string operator()(double v) { return floatText(v); }
    std::string operator()(const std::string &v) { return quoted(v); }
    std::string operator()(const DType &v) { return toString(v); }
    std::string operator()(const Constant::Tuple &) { return "(...)"; }
    std::string operator()(const std::shared_ptr<const JitFunction> &fn) {
      return "function '" + fn->qualifiedName + "'";
    }
    std::string operator()(const std::shared_ptr<const HostFunction> &fn) {
      return "function '" + fn->name + "'";
    }
    std::string operator()(const Constant::Module &m) {
      return "module '" + (m.isLanguage ? "tl" + (m.path.empty() ? "" : "." + m.path) : m.path) + "'";
    }
    std::string operator()(const Constant::Builtin &b) { return "function '" + b.name + "'"; }
    std::string operator()(const Constant::Opaque &o) { return o.what; }
  };
  return std::visit(Visitor{}, constant.value);
}

std::string repr(const Value &value) {
  if (auto *tensor = value.asTensor())
    return describe(tensor->type, tensor->shape());
  if (auto *block = value.asBlockType())
    return describe(block->element, block->shape);
  if (value.isComposite()) {
    if (!value.isTuple())
      return "a " + value.tuple().kind;
    std::string text = "(";
    const auto &tuple = value.tuple();
    for (size_t i = 0; i < tuple.items.size(); ++i)
      text += (i ? ", " : "") + (i < tuple.fields.size() ? tuple.fields[i] + "=" : std::string()) +
              repr(tuple.items[i]);
    return text + (tuple.items.size() == 1 ? ",)" : ")");
  }
  if (value.isEllipsis())
    return "Ellipsis";
  if (auto *range = value.asRange())
    return "range(" + repr(range->start) + ", " + repr(range->stop) + ", " + repr(range->step) + ")";
  if (value.asSlice())
    return "a slice";
  if (auto *method = value.asMethod())
    return "method '" + method->name + "' of " + describe(method->self);
  return constantText(*value.asConstant());
}

std::string str(const Value &value) {
  if (auto *s = value.asString())
    return *s;
  return repr(value);
}

std::string describe(const Value &value) {
  if (value.isNumber() || value.asString())
    return "constexpr " + repr(value);
  if (value.asDType() || value.asBlockType())
    return "dtype " + repr(value);
  if (value.isTuple()) {
    std::string text = "tuple of (";
    for (size_t i = 0; i < value.items().size(); ++i)
      text += (i ? ", " : "") + describe(value.items()[i]);
    return text + ")";
  }
  return repr(value);
}

} // namespace tegula::lang
