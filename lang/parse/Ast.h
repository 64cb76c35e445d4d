//===- Ast.h - the syntax tree of a kernel's source ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The part of Python's grammar that a kernel may use, a span on every node.
//
//     def f(x, n, BLOCK: tl.constexpr = 4):        Function{name "f", params ...}
//         m = x < n                                 Assign{targets {Name m}, value Compare{x, [<], [n]}}
//         tl.store(x + 1, m, mask=m)                ExprStmt{Call{Attribute{tl, store}, args, keywords}}
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/diag/Diagnostic.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tegula::lang {

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;
using StmtPtr = std::unique_ptr<Stmt>;
using Block = std::vector<StmtPtr>;

enum class BinaryOp : uint8_t { Add, Sub, Mul, Div, FloorDiv, Mod, Pow, MatMul, Shl, Shr, And, Or, Xor };
enum class UnaryOp : uint8_t { Plus, Minus, Invert, Not };
enum class CompareOp : uint8_t { Eq, Ne, Lt, Le, Gt, Ge, Is, IsNot, In, NotIn };

/// The token as written: "+", "//", "not in" ...
const char *spelling(BinaryOp op);
const char *spelling(UnaryOp op);
const char *spelling(CompareOp op);

struct Keyword {
  std::string name; ///< empty: `**value`
  ExprPtr value;
  Span span;
};

struct Expr {
  enum class Kind : uint8_t {
    Name,
    Int,
    Float,
    Str,
    Bool,
    None,
    Ellipsis,
    FString,
    Tuple,
    List,
    Unary,
    Binary,
    BoolOp,
    Compare,
    IfExp,
    Call,
    Attribute,
    Subscript,
    Slice,
    Starred,
    ListComp,
    Opaque ///< what a kernel has no use for (a lambda, a dictionary ...), `text` as written; only in decorators,
           ///< annotations and defaults of parameters, and assignments of a module
  };

  Kind kind;
  Span span;

  std::string
      text; ///< Name: identifier; Attribute: member; Str: value; Int: digits as a decimal or 0x number
  double number = 0;               ///< Float
  bool truth = false;              ///< Bool; BoolOp: true for `and`, false for `or`
  BinaryOp binary{};               ///< Binary
  UnaryOp unary{};                 ///< Unary
  std::vector<CompareOp> compares; ///< Compare: one between each two of `items`
  /// Tuple, List, BoolOp, Compare: the operands. Unary: {x}. Binary: {a, b}. IfExp: {test, then, else}.
  /// Call: {callee, positional...}. Attribute: {object}. Subscript: {object, index}. Slice: {start, stop, step}, each may be null.
  /// Starred: {x}. FString: the pieces, Str or any expression. ListComp: {element, target, iterable, condition or null}.
  std::vector<ExprPtr> items;
  std::vector<Keyword> keywords; ///< Call
  std::string format;            ///< A piece of an FString: what follows the expression, such as "!r:>4"
  uint16_t height = 1;           ///< Levels of the tree from here down; the parser refuses more than 500

  Expr(Kind k, Span s) : kind(k), span(s) {}
};

struct Stmt {
  enum class Kind : uint8_t {
    Expr,
    Assign,
    AugAssign,
    AnnAssign,
    If,
    For,
    While,
    Return,
    Break,
    Continue,
    Pass,
    Assert,
    Raise,
    With
  };

  Kind kind;
  Span span; ///< If, For, While, With: of the header, up to the colon

  std::vector<ExprPtr>
      targets; ///< Assign: every target of `a = b = v`; AugAssign, AnnAssign, For: one. With: the `as` names (may be null).
  ExprPtr
      value; ///< Expr, Assign, AugAssign, AnnAssign (may be null), Return and Raise (may be null); If, While, Assert: the test; For: the iterable
  ExprPtr annotation;            ///< AnnAssign; Assert: the message (may be null)
  BinaryOp binary{};             ///< AugAssign
  std::vector<ExprPtr> contexts; ///< With: the context expressions
  Block body;
  Block orElse; ///< If: else; For, While: the `else` of a loop

  Stmt(Kind k, Span s) : kind(k), span(s) {}
};

struct Param {
  enum class Kind : uint8_t { Positional, KeywordOnly, VarPositional, VarKeyword };
  std::string name;
  Kind kind = Kind::Positional;
  Span span;
  ExprPtr annotation;   ///< may be null
  ExprPtr defaultValue; ///< may be null
};

struct Function {
  std::string name;
  Span span; ///< of `def name(...)`
  std::vector<ExprPtr> decorators;
  std::vector<Param> params;
  ExprPtr returns; ///< annotation; may be null
  std::string docstring;
  Block body;
  /// Only from parseModule, whose functions may be the host's and never compiled: the first mistake, to be thrown when
  /// the function is compiled or called. The body is then empty.
  std::optional<Error> refused;
};

/// Parses the source of one function: decorators, `def`, body. The text may be indented as in a class or a closure
/// (the common indent is ignored), and may be followed by other text on the same indent level, which is not read.
/// `source` must outlive the tree. Throws Error with the place of the first mistake.
std::unique_ptr<Function> parseFunction(const SourceFile &source);

/// Parses a whole file of functions, imports and constant assignments: what a C++ server compiles from. `assignments`
/// and `imports` are left to the caller.
struct ModuleAst {
  std::vector<std::unique_ptr<Function>> functions;
  std::vector<StmtPtr> assignments; ///< NAME = expression
  struct Import {
    std::string module; ///< dotted
    std::string member; ///< empty for `import module`
    std::string as;
    Span span;
  };
  std::vector<Import> imports;
};
ModuleAst parseModule(const SourceFile &source);

} // namespace tegula::lang
