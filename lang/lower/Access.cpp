//===- Access.cpp - attributes and subscripts ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Impl.h"

#include "llvm/ADT/StringExtras.h"

namespace tegula::lang {

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

static int mantissaWidth(DType type) {
  switch (type.scalar) {
  case ScalarKind::F8E4M3: return 3;
  case ScalarKind::F8E5M2: return 2;
  case ScalarKind::F16: return 10;
  case ScalarKind::BF16: return 7;
  case ScalarKind::F32: return 23;
  default: return 52;
  }
}

std::optional<Value> dtypeMethod(const Value &value, std::string_view name) {
  auto *block = value.asBlockType();
  DType type = block ? block->element : *value.asDType();
  auto is = [&](ScalarKind kind) { return Value::boolean(!block && !type.isPointer && type.scalar == kind); };
  if (name == "is_block")
    return Value::boolean(block != nullptr);
  if (name == "is_ptr")
    return Value::boolean(!block && type.isPointer);
  if (name == "is_const")
    return Value::boolean(!block && type.isConst);
  if (name == "is_floating")
    return Value::boolean(!block && isFloating(type));
  if (name == "is_standard_floating")
    return Value::boolean(!block && isFloating(type) && !isFp8(type));
  if (name == "is_int")
    return Value::boolean(!block && isInteger(type));
  if (name == "is_int_signed")
    return Value::boolean(!block && isSignedInt(type));
  if (name == "is_int_unsigned")
    return Value::boolean(!block && isUnsigned(type));
  if (name == "is_fp8")
    return Value::boolean(!block && isFp8(type));
  if (name == "is_bool")
    return is(ScalarKind::I1);
  if (name == "is_void")
    return is(ScalarKind::Void);
  if (name.starts_with("is_")) {
    ScalarKind kind = scalarKindNamed(name.substr(3));
    if (kind != ScalarKind::Void)
      return is(kind);
    for (const char *other : {"fp8e4b8", "fp8e4b15", "fp8e5b16"})
      if (name.substr(3) == other)
        return Value::boolean(false);
  }
  bool integer = isInteger(type);
  int bits = bitWidth(type);
  if (name == "get_int_max_value" && integer)
    return Value::integer(isUnsigned(type) ? (Constant::Int(1) << bits) - 1
                                           : (Constant::Int(1) << (bits - 1)) - 1);
  if (name == "get_int_min_value" && integer)
    return Value::integer(isUnsigned(type) ? Constant::Int(0) : -(Constant::Int(1) << (bits - 1)));
  if (name == "kind" && !type.isPointer)
    return Value::integer(isBool(type) ? 0 : integer ? 1 : 2);
  return std::nullopt;
}

static Value shapeValue(llvm::ArrayRef<int64_t> shape) {
  Values items;
  for (int64_t extent : shape)
    items.push_back(Value::integer(extent));
  return Value::tuple(std::move(items));
}

std::optional<Value> dtypeAttribute(Lowering &l, const Value &value, const std::string &name, Span span) {
  (void)l;
  (void)span;
  auto *block = value.asBlockType();
  DType type = block ? block->element : *value.asDType();
  if (name == "scalar")
    return Value(type);
  if (block && name == "element_ty")
    return Value(type);
  if (block && name == "shape")
    return shapeValue(block->shape);
  if (block && (name == "numel" || name == "nbytes")) {
    int64_t count = 1;
    for (int64_t extent : block->shape)
      count *= extent;
    return Value::integer(name == "numel" ? count : count * (bitWidth(type) / 8));
  }
  if (name == "element_ty" && type.isPointer)
    return Value(pointee(type));
  if (name == "name")
    return Value::string(repr(value));
  if (name == "primitive_bitwidth")
    return Value::integer(bitWidth(type));
  if (name == "itemsize")
    return Value::integer(bitWidth(type) / 8);
  if (name == "int_bitwidth" && isInteger(type))
    return Value::integer(bitWidth(type));
  if (name == "int_signedness" && isInteger(type))
    return Value::string(isUnsigned(type) ? "unsigned" : "signed");
  if (name == "fp_mantissa_width" && isFloating(type))
    return Value::integer(mantissaWidth(type));
  if (name == "const" && type.isPointer)
    return Value::boolean(type.isConst);
  // Methods are functions of nothing but the type: known already, called later.
  if (dtypeMethod(value, name))
    return Value(BoundMethod{value, "dtype." + name});
  if (name == "with_element_ty" || name == "get_block_shapes")
    return Value(BoundMethod{value, "dtype." + name});
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static std::optional<Value> tensorAttribute(Lowering &l, const Value &object, const std::string &name,
                                            Span span) {
  const Tensor &tensor = object.tensor();
  if (name == "dtype")
    return Value(tensor.type);
  if (name == "shape")
    return shapeValue(tensor.shape());
  if (name == "numel")
    return Value::integer(tensor.numel());
  if (name == "type")
    return tensor.isScalar() ? Value(tensor.type) : Value(BlockType{tensor.type, Shape(tensor.shape())});
  if (name == "T") {
    if (tensor.rank() != 2)
      l.fail(Diag::bad_transpose, span, {describe(object)});
    Shape shape{tensor.shape()[1], tensor.shape()[0]};
    return Value(tile::TransOp::create(l.b(), l.loc(span), l.type(tensor.type, shape), tensor.value,
                                       llvm::ArrayRef<int32_t>{1, 0}),
                 tensor.type);
  }
  std::string method = findMethod(name);
  if (method.empty())
    return std::nullopt;
  return Value(BoundMethod{object, method});
}

/// What to write instead of an attribute that is not there: " (did you mean ...)" and a help.
static std::pair<std::string, std::string> attributeHelp(const Value &object, const std::string &name) {
  if (object.isComposite())
    return {"", object.tuple().fields.empty()
                    ? "A tuple is indexed: x[0]."
                    : "Its fields are " + llvm::join(object.tuple().fields, ", ") + "."};
  if (!object.isTensor())
    return {"", "A dtype has .scalar, .element_ty, .primitive_bitwidth and the like."};
  // What arrays of other libraries have.
  static const std::pair<std::string_view, const char *> elsewhere[] = {
      {"mean", "Write tl.sum(x, axis) / n."},
      {"astype", "Write x.to(dtype)."},
      {"float", "Write x.to(tl.float32)."},
      {"half", "Write x.to(tl.float16)."},
      {"double", "Write x.to(tl.float64)."},
      {"int", "Write x.to(tl.int32)."},
      {"long", "Write x.to(tl.int64)."},
      {"size", "A tile has x.shape and x.numel; the sizes of a tensor are arguments of the kernel."},
      {"stride", "Pass the strides of the tensor as arguments of the kernel."},
      {"device", "A kernel runs on one device: there is nothing to ask for."},
      {"data_ptr", "The argument is the pointer."},
      {"contiguous", "A tile has no strides. Make the tensor contiguous before the launch."},
      {"clone", "Assign it to another name: values do not change."},
      {"any", "Write tl.max(x.to(tl.int32), axis) != 0."},
      {"all", "Write tl.min(x.to(tl.int32), axis) != 0."},
      {"transpose", "Write x.trans(...)."},
      {"t", "Write x.T."},
      {"unsqueeze", "Write tl.expand_dims(x, axis), or x[:, None]."},
      {"squeeze", "Write tl.reshape(x, shape)."},
      {"item", "Reduce the tile to a scalar, for example with tl.sum."},
  };
  for (auto [other, help] : elsewhere)
    if (name == other)
      return {"", help};
  std::string near = nearest(
      name, {"dtype",  "shape",  "numel",   "type",   "T",       "to",          "sum",          "max",  "min",
             "argmax", "argmin", "reshape", "trans",  "permute", "expand_dims", "broadcast_to", "cast", "exp",
             "log",    "sqrt",   "abs",     "cumsum", "sort",    "gather",      "store",        "split"});
  return {near.empty() ? "" : " (did you mean '" + near + "'?)",
          "A tile has .dtype, .shape, .numel, .type, .T, and functions of tl as methods."};
}

Value Lowering::attribute(const Value &object, const std::string &name, Span span) {
  std::optional<Value> found;
  if (object.isTensor()) {
    found = tensorAttribute(*this, object, name, span);
  } else if (object.asDType() || object.asBlockType()) {
    found = dtypeAttribute(*this, object, name, span);
  } else if (auto *module = object.get<Constant::Module>()) {
    if (module->isLanguage)
      return languageMember(module->path.empty() ? name : module->path + "." + name, span);
    auto &resolver = impl().frame().function->resolver;
    auto member = resolver ? resolver->attribute(*module, name) : std::nullopt;
    if (!member)
      fail(Diag::undefined_attribute, span,
           {name, repr(object), "",
            "Check the spelling, and that the module has it when the kernel is compiled."});
    impl().dependencies.push_back({resolver, module->path + "." + name, member->value});
    if (auto *opaque = std::get_if<Constant::Opaque>(&member->value.value))
      fail(Diag::opaque_global, span, {module->path + "." + name, opaque->what});
    return Value(member->value);
  } else if (object.isComposite()) {
    const auto &fields = object.tuple().fields;
    for (size_t i = 0; i < fields.size(); ++i)
      if (fields[i] == name)
        return object.items()[i];
    if (!object.isTuple())
      found = descriptorAttribute(object, name);
  }
  // A constant is its own `.value`; its methods are those of the language's functions (`x.to(...)`).
  if (!found && object.isConstexpr() && name == "value")
    return object;
  if (!found && object.isNumber()) {
    if (name == "type" || name == "dtype")
      return Value(defaultType(object, span));
    if (name == "shape")
      return Value::tuple({});
    if (std::string method = findMethod(name); !method.empty())
      return Value(BoundMethod{object, method});
  }
  if (found)
    return *found;
  auto [near, help] = attributeHelp(object, name);
  fail(Diag::undefined_attribute, span, {name, describe(object), near, help});
}

//===----------------------------------------------------------------------===//
// Subscripts
//===----------------------------------------------------------------------===//

/// Python's slice.indices() for a sequence of `length`.
static std::vector<size_t> sliceIndices(Lowering &l, const SliceValue &slice, int64_t length, Span span) {
  auto part = [&](const Value &v, int64_t otherwise) {
    return v.isNone() ? otherwise : l.constexprInt(v, "slice", span);
  };
  int64_t step = part(slice.step, 1);
  if (step == 0)
    l.fail(Diag::bad_slice, span, {"the step is 0"});
  auto clamp = [&](int64_t i, int64_t low, int64_t high) {
    if (i < 0)
      i += length;
    return std::min(std::max(i, low), high);
  };
  std::vector<size_t> indices;
  if (step > 0) {
    int64_t start = clamp(part(slice.start, 0), 0, length), stop = clamp(part(slice.stop, length), 0, length);
    for (int64_t i = start; i < stop; i += step)
      indices.push_back(i);
  } else {
    int64_t start = slice.start.isNone() ? length - 1 : clamp(part(slice.start, 0), -1, length - 1);
    int64_t stop = slice.stop.isNone() ? -1 : clamp(part(slice.stop, 0), -1, length - 1);
    for (int64_t i = start; i > stop; i += step)
      indices.push_back(i);
  }
  return indices;
}

static Value tupleSubscript(Lowering &l, const Value &object, const Value &index, Span span) {
  const Values &items = object.items();
  if (auto *slice = index.asSlice()) {
    Values picked;
    for (size_t i : sliceIndices(l, *slice, items.size(), span))
      picked.push_back(items[i]);
    return Value::tuple(std::move(picked));
  }
  int64_t i = l.constexprInt(index, "index", span), length = items.size();
  if (i < -length || i >= length)
    l.fail(Diag::index_out_of_range, span, {std::to_string(i), std::to_string(length)});
  return items[i < 0 ? i + length : i];
}

static Value tensorSubscript(Lowering &l, const Value &object, const Value &index, Span span) {
  Values single{index};
  const Values &indices = index.isTuple() ? index.items() : single;
  int rank = object.tensor().rank(), given = 0;
  for (const Value &i : indices)
    given += i.asSlice() ? 1 : 0;
  auto whole = [](const Value &v) {
    auto *slice = v.asSlice();
    return slice && slice->start.isNone() && slice->stop.isNone() && slice->step.isNone();
  };
  Tensor result = object.tensor();
  int dim = 0, used = 0;
  for (const Value &i : indices) {
    if (used > rank)
      break;
    if (i.isNone()) {
      result = l.expandDims(result, dim++, span);
    } else if (i.isEllipsis()) {
      dim += rank - given;
      used += rank - given;
    } else if (whole(i)) {
      ++dim;
      ++used;
    } else {
      l.fail(object.tensor().type.isPointer ? Diag::pointer_index : Diag::bad_tensor_index, span,
             {i.asSlice() ? "a slice with bounds" : describe(i), describe(object)});
    }
  }
  if (used > rank)
    l.fail(Diag::too_many_indices, span, {std::to_string(used), describe(object), std::to_string(rank)});
  return result;
}

Value Lowering::subscript(const Value &object, const Value &index, Span span) {
  if (object.isTensor())
    return tensorSubscript(*this, object, index, span);
  if (object.isTuple())
    return tupleSubscript(*this, object, index, span);
  if (auto *s = object.asString()) {
    Values letters;
    for (char c : *s)
      letters.push_back(Value::string(std::string(1, c)));
    Value picked = tupleSubscript(*this, Value::tuple(letters), index, span);
    if (!picked.isTuple())
      return picked;
    std::string text;
    for (const Value &letter : picked.items())
      text += *letter.asString();
    return Value::string(text);
  }
  fail(Diag::not_subscriptable, span,
       {describe(object), object.isCallable() ? "A kernel calls a jit function without a grid: f(x, y)."
                                              : "Tuples are indexed by constants, tiles by ':' and None."});
}

} // namespace tegula::lang
