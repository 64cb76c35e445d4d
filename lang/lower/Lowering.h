//===- Lowering.h - the meaning of the language, shared by operators and builtins ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// One Lowering makes one kernel. Operators (the core) and functions of triton.language (builtins/*.cpp) are
// written on the same primitives: materialise, promote, broadcast, cast, combine.
//
//     static Value lowerWhere(Lowering &l, BoundArgs &args, Span span) {
//       return l.where(args["condition"], args["x"], args["y"], span);
//     }
//     static constexpr BuiltinDef table[] = {
//         {"where", "(condition, x, y)", "Pick x where the condition holds, else y.", false, lowerWhere},
//     };
//     std::span<const BuiltinDef> selectBuiltins() { return table; }
//

#pragma once

#include "ir/ops/Tile.h"
#include "lang/lower/Value.h"

#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tegula::lang {

class Lowering;
class BoundArgs;

//===----------------------------------------------------------------------===//
// The table of functions
//===----------------------------------------------------------------------===//

struct BuiltinDef {
  /// Dotted under tl: "load", "math.exp", "extra.libdevice.exp"; Python's own are "builtins.min".
  const char *name;
  /// As in a `def`: "(pointer, mask=None, other=None, cache_modifier='')". `*args`, `*`, `**kw` work. A parameter
  /// annotated `: constexpr` must be known when compiling (a tensor is refused with a message that names it).
  /// Arguments are bound by it before `lower` is called.
  const char *signature;
  const char *doc;
  /// Also `x.name(...)`, x bound to the first parameter.
  bool isMethod;
  Value (*lower)(Lowering &, BoundArgs &, Span);
};

/// The groups, each in one file of builtins/. A new group is added here and in BuiltinTable.cpp.
std::span<const BuiltinDef>
programBuiltins(); ///< program_id, num_programs, debug_barrier, assume, hints, static_*, device_*
std::span<const BuiltinDef> creationBuiltins();   ///< arange, full, zeros, cast/to, ...
std::span<const BuiltinDef> shapeBuiltins();      ///< reshape, trans, join, ...
std::span<const BuiltinDef> memoryBuiltins();     ///< load, store, atomics
std::span<const BuiltinDef> descriptorBuiltins(); ///< make_block_ptr, advance, make_tensor_descriptor, ...
/// A member of a block pointer or tensor descriptor that is no field of it: its type, or a method.
std::optional<Value> descriptorAttribute(const Value &object, const std::string &name);
/// A tensor descriptor of base, shape, strides, block shape and padding, as a launch gives them.
Value descriptorObject(Lowering &l, Values items);
std::span<const BuiltinDef> mathBuiltins();   ///< exp, ..., minimum, maximum, fma, umulhi, where, clamp
std::span<const BuiltinDef> reduceBuiltins(); ///< reduce, associative_scan, histogram, ...
std::span<const BuiltinDef> dotBuiltins();    ///< dot, dot_scaled
std::span<const BuiltinDef>
typeBuiltins(); ///< pointer_type, block_type, target_info.*, ... (whatever is left)
/// Python's own functions (core): builtins.min, builtins.range, ... and tl.range, tl.static_range, tl.static_assert,
/// tl.static_print, tl.constexpr, tl.tuple.
std::span<const BuiltinDef> pythonBuiltins();

/// Every group, in the order above: for stubs and documentation.
std::span<const std::span<const BuiltinDef>> allBuiltins();
/// Null when there is none of that name. Hashed.
const BuiltinDef *findBuiltin(std::string_view dottedName);
/// The method `x.name`: a BuiltinDef with isMethod, or a library function decorated `@tensor_member`; empty string
/// if there is none, else the dotted name under tl.
std::string findMethod(std::string_view name);

/// A constant of the language by its dotted name: dtypes ("float32", "void", "pi32_t"), and whatever builtins/
/// adds ("PropagateNan.ALL"); nullopt when there is none.
std::optional<Constant> languageConstant(std::string_view dottedName);
/// builtins/ may add named constants here (dotted name, value): strings and numbers that stand for enumerations.
std::span<const std::pair<const char *, const char *>> namedStringConstants();

/// `tl.<dottedName>`, under any of the names that it goes by; nullopt when the language has no such member.
std::optional<Value> findLanguageMember(const std::string &dottedName);

/// A file of the library written in the language (lang/std/*.py), embedded at build time. A line `# space: math`
/// puts its functions into that namespace under tl.
struct StdFile {
  const char *name;
  const char *text;
};
std::span<const StdFile> stdFiles();
/// The library function tl.<dottedName>; null when there is none. Parsed at its first call. It sees `tl`, and the
/// other functions of its file by their bare names.
std::shared_ptr<const JitFunction> stdFunction(std::string_view dottedName);
/// Every library function by its dotted name (for stubs).
std::vector<std::string> stdFunctionNames();

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

/// One argument of a call, with its place.
struct Actual {
  Value value;
  Span span;
};

struct CallArgs {
  std::vector<Actual> positional;
  std::vector<std::pair<std::string, Actual>> keywords;
};

/// The arguments of a builtin after binding: by parameter name. `*args` is a tuple; a default is filled in.
class BoundArgs {
public:
  const BuiltinDef *builtin = nullptr;
  Span call;
  struct Item {
    std::string name;
    Value value;
    Span span; ///< of the call where the default was taken
    bool given = false;
  };
  std::vector<Item> items;

  /// A parameter of the signature (a name that is not in it is a bug: internal_error).
  const Value &operator[](std::string_view name) const { return item(name).value; }
  Span span(std::string_view name) const { return item(name).span; }
  bool given(std::string_view name) const { return item(name).given; }
  const Item &item(std::string_view name) const;
};

//===----------------------------------------------------------------------===//
// The lowering of one kernel
//===----------------------------------------------------------------------===//

enum class ArithOp : uint8_t { Add, Sub, Mul, TrueDiv, RoundedDiv, FloorDiv, Mod, And, Or, Xor, Shl, Shr };
ArithOp arithOp(BinaryOp op); ///< not for Pow, MatMul

class Lowering {
public:
  Lowering(mlir::MLIRContext &context, const Options &options,
           std::function<void(const std::string &)> print);
  ~Lowering();
  Lowering(const Lowering &) = delete;

  mlir::OpBuilder &b() { return builder; }
  mlir::MLIRContext *context() { return builder.getContext(); }
  const Options &options() const { return opts; }
  /// The place of `span` with the chain of inlined calls (FileLineColLoc in CallSiteLocs).
  mlir::Location loc(Span span);
  /// Where static_print goes.
  void print(const std::string &text) {
    if (printer)
      printer(text);
  }

  /// Throws Error with a note for each inlined call on the way here.
  [[noreturn]] void fail(Diag id, Span span, const std::vector<std::string> &args = {});

  //--- Types -----------------------------------------------------------------//
  mlir::Type type(DType t) { return mlirType(context(), t); }
  mlir::Type type(DType t, llvm::ArrayRef<int64_t> shape) { return mlirType(context(), t, shape); }
  /// The type that a Python number takes when nothing else decides: bool i1; int i32, u32, i64, u64 (first that
  /// fits); float fp32, fp64 if fp32 cannot hold it.
  DType defaultType(const Value &number, Span span);
  /// The common type of an operation (weak: the operand is a Python number).
  DType promote(DType a, bool aWeak, DType b, bool bWeak, bool divOrMod, Span span);

  //--- Making tensors ----------------------------------------------------------//
  /// A tensor stays; a number becomes a scalar of its default type. Anything else: error.
  Tensor toTensor(const Value &value, Span span);
  /// A number as a scalar of `type` (range-checked for integers).
  Tensor constant(const Value &number, DType type, Span span);
  Tensor intConstant(int64_t v, DType type, Span span);
  /// `value` (a scalar) in every element.
  Tensor splat(Tensor scalar, llvm::ArrayRef<int64_t> shape, Span span);
  /// Repeats dimensions of extent 1; a scalar is splat. Leading dimensions are added if `shape` has more.
  Tensor broadcastTo(Tensor value, llvm::ArrayRef<int64_t> shape, Span span);
  /// Both to their common shape (leading dimensions are added as Triton does).
  void broadcast(Tensor &a, Tensor &b, Span span);
  Tensor expandDims(Tensor value, int axis, Span span);

  //--- Conversions ---------------------------------------------------------------//
  /// Triton's `cast`: every pair of integer, float, pointer types; "" or "rtne" or "rtz". A number is made in the type.
  Tensor cast(const Value &value, DType type, Span span, std::string_view rounding = "");
  /// Same bits, another type of the same width.
  Tensor bitcast(Tensor value, DType type, Span span);
  /// x != 0 (pointers included).
  Tensor toBool(const Value &value, Span span);

  //--- Operators --------------------------------------------------------------------//
  /// With constant folding as Python when both are constants; else promotion, broadcasting and the operation.
  Value binary(BinaryOp op, const Value &a, const Value &b, Span span);
  Value compare(CompareOp op, const Value &a, const Value &b, Span span);
  Value unary(UnaryOp op, const Value &a, Span span);
  /// Promotes (arithmetic types) and broadcasts; numbers are materialised. What binary operators and functions of
  /// two tensors (minimum, ...) start with.
  std::pair<Tensor, Tensor> promoteBoth(const Value &a, const Value &b, Span span, bool divOrMod = false,
                                        bool allowPointers = false);
  /// The plain operation on two tensors of one type and shape.
  Tensor arith(ArithOp op, Tensor a, Tensor b, Span span);
  Tensor compareTensors(CompareOp op, Tensor a, Tensor b, Span span);
  Tensor addPointer(Tensor pointer, Tensor offset, Span span);
  /// tl.where: condition to i1, x and y promoted, all broadcast.
  Value where(const Value &condition, const Value &x, const Value &y, Span span);
  /// arith.select on values of one type; the condition is i1, scalar or of the same shape.
  Tensor select(Tensor condition, Tensor x, Tensor y, Span span);

  //--- Access -------------------------------------------------------------------------//
  /// `object.name`: properties of tensors and types, members of namespaces, fields, methods.
  Value attribute(const Value &object, const std::string &name, Span span);
  /// `object[index]`.
  Value subscript(const Value &object, const Value &index, Span span);

  //--- Calls --------------------------------------------------------------------------//
  /// A jit function (inlined at the insertion point), a function of the language, a method, a type.
  Value call(const Value &callee, CallArgs args, Span span);
  Value call(const Value &callee, llvm::ArrayRef<Value> args, Span span);
  /// A function of the language (builtin or library) by its dotted name.
  Value callNamed(std::string_view dottedName, llvm::ArrayRef<Value> args, Span span,
                  std::vector<std::pair<std::string, Value>> keywords = {});
  /// tl.<dottedName>: constant, builtin, library function or namespace; undefined_member error if there is none.
  Value languageMember(const std::string &dottedName, Span span);

  //--- Taking constants out of arguments ---------------------------------------------------//
  // `what` names the argument in the error: "axis", "num_stages".
  /// An integer known when compiling (True and False count as 1 and 0).
  int64_t constexprInt(const Value &value, std::string_view what, Span span);
  bool constexprBool(const Value &value, std::string_view what, Span span);
  std::string constexprString(const Value &value, std::string_view what, Span span);
  double constexprFloat(const Value &value, std::string_view what, Span span);
  DType constexprDType(const Value &value, std::string_view what, Span span);
  /// An integer or a tuple of integers, each >= 1; checks that the number of elements is at most 2^31 - 1.
  Shape constexprShape(const Value &value, std::string_view what, Span span);
  /// An integer or a tuple of integers of any sign.
  Shape constexprInts(const Value &value, std::string_view what, Span span);
  /// -rank <= axis < rank, made non-negative.
  int constexprAxis(const Value &value, int rank, Span span);
  /// The truth of a constant as Python's bool(); error for a tensor.
  bool truth(const Value &value, Span span);

  //--- Core's own ---------------------------------------------------------------------------//
  struct Impl;
  Impl &impl() { return *state; }

private:
  mlir::OpBuilder builder;
  const Options &opts;
  std::function<void(const std::string &)> printer;
  std::unique_ptr<Impl> state;
};

} // namespace tegula::lang
