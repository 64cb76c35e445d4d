//===- Value.h - what an expression evaluates to while lowering ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A kernel's source is walked once. Each expression gives a Value: known now (a constant, a type, a function, a
// tuple of values) or known when the kernel runs (a Tensor: an MLIR scalar or ranked tensor with the element type
// the user sees, signedness included, which MLIR's signless integers do not have).
//
// MLIR types: I8 and U8 are both i8, and so on; I1 is i1; a pointer to T is !tile.ptr<T>. A bool in memory is a
// byte: a pointer to I1 is !tile.ptr<i8>, so `load` turns i8 into i1 by `!= 0` and `store` widens i1 to i8. The
// DType of such a pointer stays *i1.
//

#pragma once

#include "lang/Lang.h"

#include "mlir/IR/Value.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tegula::lang {

class Value;
using Shape = llvm::SmallVector<int64_t, 4>;
using Values = std::vector<Value>;

/// A value of the run time: `value` is a scalar or a ranked tensor of the MLIR type of `type`.
struct Tensor {
  mlir::Value value;
  DType type;

  llvm::ArrayRef<int64_t> shape() const; ///< empty for a scalar
  int rank() const { return static_cast<int>(shape().size()); }
  bool isScalar() const { return rank() == 0; }
  int64_t numel() const;
};

/// `x.type`: an element type with a shape; and what `tl.block_type(...)` gives.
struct BlockType {
  DType element;
  Shape shape;
};

/// What a `for` may run over: range, tl.range (isStatic false), tl.static_range (isStatic true).
struct RangeValue;

/// `a:b:c` of a subscript; a missing part is None.
struct SliceValue;

/// `x.sum`, a method without its call: `self` and the dotted name under tl ("sum").
struct BoundMethod;

struct TupleValue {
  Values items;
  std::vector<std::string> fields; ///< of a named tuple, else empty
  /// What the fields are together, such as "block pointer": no tuple to the user, and only the functions that make
  /// and take it look inside. Empty: a plain tuple.
  std::string kind;
};

struct EllipsisValue {};

class Value {
public:
  Value() : data(Constant{Constant::None{}}) {}
  Value(Tensor tensor) : data(tensor) {}
  Value(mlir::Value value, DType type) : data(Tensor{value, type}) {}
  /// A Constant::Tuple becomes a TupleValue, so that there is one form of tuple only.
  Value(Constant constant);
  Value(DType type) : Value(Constant{type}) {}
  Value(BlockType type) : data(std::move(type)) {}
  Value(EllipsisValue e) : data(e) {}
  Value(RangeValue range);
  Value(SliceValue slice);
  Value(BoundMethod method);

  static Value none() { return Value(); }
  static Value boolean(bool v) { return Value(Constant{v}); }
  static Value integer(Constant::Int v) { return Value(Constant{v}); }
  static Value floating(double v) { return Value(Constant{v}); }
  static Value string(std::string v) { return Value(Constant{std::move(v)}); }
  static Value tuple(Values items, std::vector<std::string> fields = {});
  static Value object(std::string kind, Values items, std::vector<std::string> fields);
  static Value function(std::shared_ptr<const JitFunction> fn) { return Value(Constant{std::move(fn)}); }
  static Value builtin(std::string dottedName) {
    return Value(Constant{Constant::Builtin{std::move(dottedName)}});
  }

  bool isTensor() const { return std::holds_alternative<Tensor>(data); }
  const Tensor &tensor() const { return std::get<Tensor>(data); }
  const Tensor *asTensor() const { return std::get_if<Tensor>(&data); }

  /// A value of several: a tuple, or an object of a `kind`. What joins and carries values asks this.
  bool isComposite() const { return std::holds_alternative<std::shared_ptr<const TupleValue>>(data); }
  bool isTuple() const { return isComposite() && tuple().kind.empty(); }
  bool isObject(std::string_view kind) const { return isComposite() && tuple().kind == kind; }
  const TupleValue &tuple() const { return *std::get<std::shared_ptr<const TupleValue>>(data); }
  /// The same fields and kind with other items.
  Value withItems(Values items) const;
  const Values &items() const { return tuple().items; }

  const BlockType *asBlockType() const { return std::get_if<BlockType>(&data); }
  const RangeValue *asRange() const;
  const SliceValue *asSlice() const;
  const BoundMethod *asMethod() const;
  bool isEllipsis() const { return std::holds_alternative<EllipsisValue>(data); }

  /// A single constant (never a tuple).
  const Constant *asConstant() const { return std::get_if<Constant>(&data); }
  template <typename T> const T *get() const {
    auto *c = asConstant();
    return c ? std::get_if<T>(&c->value) : nullptr;
  }
  bool isNone() const { return get<Constant::None>() != nullptr; }
  bool isNumber() const { return get<bool>() || get<Constant::Int>() || get<double>(); }
  const DType *asDType() const { return get<DType>(); }
  const std::string *asString() const { return get<std::string>(); }
  std::shared_ptr<const JitFunction> asFunction() const {
    auto *f = get<std::shared_ptr<const JitFunction>>();
    return f ? *f : nullptr;
  }
  std::shared_ptr<const HostFunction> asHostFunction() const {
    auto *f = get<std::shared_ptr<const HostFunction>>();
    return f ? *f : nullptr;
  }
  /// A jit function, a function of the language, a method or a type: something that can be called.
  bool isCallable() const;
  /// Known now through and through: a constant, or a tuple of such.
  bool isConstexpr() const;
  /// The constant again (a tuple becomes Constant::Tuple). Only if isConstexpr() and not a block type.
  Constant toConstant() const;

private:
  std::variant<Constant, Tensor, std::shared_ptr<const TupleValue>, BlockType,
               std::shared_ptr<const RangeValue>, std::shared_ptr<const SliceValue>,
               std::shared_ptr<const BoundMethod>, EllipsisValue>
      data;
};

struct RangeValue {
  Value start, stop, step;
  bool isStatic = false;
  /// Hints of tl.range, kept as attributes of the loop ("tile.num_stages" ...); None or a constant.
  std::vector<std::pair<std::string, Value>> hints;
};

struct SliceValue {
  Value start, stop, step;
};

struct BoundMethod {
  Value self;
  std::string name;
};

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

bool isFloating(DType type);  ///< any float, 8-bit ones included; false for pointers
bool isInteger(DType type);   ///< any integer, I1 included; false for pointers
bool isUnsigned(DType type);  ///< U8 ... U64 and I1
bool isSignedInt(DType type); ///< I8 ... I64
bool isFp8(DType type);
inline bool isBool(DType type) { return !type.isPointer && type.scalar == ScalarKind::I1; }
/// 1, 8, 16, 32, 64; a pointer has 64.
int bitWidth(DType type);
inline DType scalarType(ScalarKind kind) { return DType{kind, false, false}; }
inline DType pointerTo(ScalarKind kind) { return DType{kind, true, false}; }
/// What a pointer points to.
inline DType pointee(DType type) { return DType{type.scalar, false, false}; }
/// The MLIR type of a scalar or pointer (see the note on bools at the top).
mlir::Type mlirType(mlir::MLIRContext *context, DType type);
/// The same with a shape; an empty shape gives the scalar.
mlir::Type mlirType(mlir::MLIRContext *context, DType type, llvm::ArrayRef<int64_t> shape);

/// For messages: "fp32[16, 32]", "i32", "constexpr 4", "tuple of (i32, None)", "function 'f'".
std::string describe(const Value &value);
/// "fp32[16, 32]"; a scalar has no brackets.
std::string describe(DType type, llvm::ArrayRef<int64_t> shape);
/// As Python's repr() of a constant: what static_print and f-strings use (`str` of a string has no quotes).
std::string repr(const Value &value);
std::string str(const Value &value);

} // namespace tegula::lang
