//===- Lang.h - from a function's source text to tile IR ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A kernel is compiled from: its source, a resolver for the names that it takes from outside, and a
// specialisation (what is known of each argument). No Python is needed: the resolver of the Python package
// looks into globals and closures, the one of a C++ server into the file's own module level.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/diag/Diagnostic.h"
#include "lang/parse/Ast.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tegula::lang {

/// Element types by Triton's short names: i1 i8 i16 i32 i64 u8 u16 u32 u64 fp8e4nv fp8e5 fp16 bf16 fp32 fp64.
/// `Void` is tl.void (no value). Long names (int1, uint8, float16, bfloat16, ...) are what `tl.` calls them.
enum class ScalarKind : uint8_t {
  Void,
  I1,
  I8,
  I16,
  I32,
  I64,
  U8,
  U16,
  U32,
  U64,
  F8E4M3,
  F8E5M2,
  F16,
  BF16,
  F32,
  F64
};

const char *shortName(ScalarKind kind);
const char *longName(ScalarKind kind);
/// Accepts short and long names; Void when the name is unknown.
ScalarKind scalarKindNamed(std::string_view name);

/// A type a user can name: a scalar, or a pointer to a scalar.
struct DType {
  ScalarKind scalar = ScalarKind::Void;
  bool isPointer = false;
  bool isConst = false; ///< of a pointer: not to be written through
  friend bool operator==(const DType &, const DType &) = default;
};
/// "fp32", "*fp16", "*kfp32" (const). Throws Error for an unknown one.
DType parseDType(std::string_view text);
std::string toString(DType type);

class JitFunction;
class HostFunction;

/// A value known when compiling: constexpr arguments, globals, literals.
struct Constant {
  struct None {};
  /// A namespace of the language ("", "math", "extra.libdevice", ...) or another module of the resolver's world.
  struct Module {
    bool isLanguage = false;
    std::string path;             ///< of the language: "" is tl itself, "math" is tl.math
    const void *handle = nullptr; ///< of others: the resolver's own handle
  };
  /// A function of the language by its dotted name under tl: "load", "math.exp"; or a Python builtin the language
  /// knows: "builtins.min", "builtins.range"...
  struct Builtin {
    std::string name;
  };
  struct Tuple {
    std::vector<Constant> items;
    std::vector<std::string> fields; ///< of a named tuple, else empty
  };
  /// Something a kernel cannot use; `what` says which ("a list", "an object of class Foo") for the error.
  struct Opaque {
    std::string what;
  };
  using Int = __int128;
  std::variant<None, bool, Int, double, std::string, DType, Tuple, std::shared_ptr<const JitFunction>,
               std::shared_ptr<const HostFunction>, Module, Builtin, Opaque>
      value;
};

/// A function that a kernel calls while it is compiled, with constants (`constexpr_function`).
class HostFunction {
public:
  HostFunction(std::string name, std::string digest) : name(std::move(name)), digest(std::move(digest)) {}
  virtual ~HostFunction() = default;
  struct Outcome {
    Constant value;
    std::string failure; ///< what it raised, such as "ValueError: no such format"; empty: it gave `value`
  };
  virtual Outcome call(const std::vector<Constant> &positional,
                       const std::vector<std::pair<std::string, Constant>> &keywords) const = 0;

  const std::string name;
  const std::string digest; ///< of its text and of all that it reads: equal digests, equal functions
};

/// Where names come from that a kernel does not define itself.
class Resolver {
public:
  virtual ~Resolver() = default;
  /// The value of a global or closure name; nullopt if undefined. `isConstexpr` says that the user declared it
  /// tl.constexpr (annotation or wrapper): other numbers and tuples are refused by the language (as Triton does).
  struct Found {
    Constant value;
    bool isConstexpr = false;
  };
  virtual std::optional<Found> lookup(const std::string &name) = 0;
  /// `module.name` for a Constant::Module that is not the language.
  virtual std::optional<Found> attribute(const Constant::Module &module, const std::string &name) = 0;
};

/// A function with its tree, parsed once and shared by every specialisation and caller.
class JitFunction {
public:
  JitFunction(SourceFile source, std::string qualifiedName, std::shared_ptr<Resolver> resolver);
  /// Throws Error on a syntax mistake, at the first call only; the tree is cached.
  const Function &ast() const;

  const SourceFile source;
  const std::string qualifiedName;
  const std::shared_ptr<Resolver> resolver;
  /// Default values as Python evaluated them when the function was defined, by parameter name;
  /// parameters not found here fall back to the tree's default expression.
  std::vector<std::pair<std::string, Constant>> defaults;
  bool noinline = false;

private:
  mutable std::unique_ptr<Function> tree;
};

/// What is known of one kernel argument.
struct Argument {
  std::string name;
  /// Set: a constexpr (this includes integers specialised to 1, and None). Else `type` is the run-time type.
  std::optional<Constant> constant;
  DType type;
  int divisibility = 1;             ///< 16 when the value (or address) is known to be a multiple of 16
  std::vector<Argument> tupleItems; ///< a tuple argument: its items, in order (type is Void then)
  bool isDescriptor = false; ///< a tensor descriptor: base, shape, strides, block_shape, padding as the items
};

struct Options {
  int numWarps = 4;
  int numStages = 3;
  bool debug = false;    ///< device_assert lives
  bool fpFusion = true;  ///< recorded in the module; the pass `form-fma` acts on it
  bool disjoint = false; ///< written pointer arguments overlap no other (launch-time fact)
  bool sanitizeOverflow = false;
  std::string backend = "cpu"; ///< tl.target_info, and what `input_precision` defaults to
  std::string inputPrecision;  ///< of dots that name none; empty: as the backend
};

/// A name that a specialisation took from outside: recorded while lowering, for the cache key and for noticing a
/// changed global. In first-use order, those of inlined functions included.
struct Dependency {
  std::shared_ptr<Resolver> resolver;
  std::string name;
  Constant value;
};

struct Lowered {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<Dependency> dependencies;
};

/// Lowers one specialisation to a verified module with one `func.func` marked tile.kernel, named after the function,
/// whose arguments are the run-time arguments in order (tuples flattened). static_print goes to `print`.
/// Throws Error (compile, unsupported). `context` must have tile::loadDialects done.
Lowered lowerKernel(mlir::MLIRContext &context, const JitFunction &function,
                    const std::vector<Argument> &arguments, const Options &options,
                    const std::function<void(const std::string &)> &print = {});

} // namespace tegula::lang
