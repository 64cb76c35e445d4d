//===- Impl.h - the walk over a function's tree ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A function body is walked once, with a scope of names. Control flow of the run time becomes scf regions:
//
//     if n > 0:                  %x, %exit = scf.if %c -> (...) { ...; yield %x1, true } else { yield %x0, false }
//         x = 1; return          scf.if %exit { ... } else { <rest of the block> }
//     <rest of the block>
//
// `break`, `continue` and `return` set hidden variables ("break:1", "return") that join like any other, and say by a
// Flow what can have happened; what follows is put into the arm that falls through, or under a test of the flags.
//

#pragma once

#include "lang/lower/Lowering.h"

#include "mlir/IR/Region.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSet.h"

#include <map>
#include <set>

namespace tegula::lang {

/// Why a name cannot be read although the source assigns it.
struct Poison {
  Diag id;
  std::vector<std::string> args;
  std::vector<Diagnostic::Note> notes;
};

struct Variable {
  Value value;
  Span assigned;
  std::shared_ptr<const Poison> poison; ///< set: reading it is an error
  const Stmt *constexprStmt = nullptr;  ///< set by `x: tl.constexpr = ...`
};

using Scope = std::map<std::string, Variable, std::less<>>;

/// What can have happened when a statement ends.
struct Flow {
  bool falls = true;
  bool breaks = false, continues = false, returns = false;
  bool exits() const { return breaks || continues || returns; }
  static Flow exit(bool b, bool c, bool r) { return {false, b, c, r}; }
  /// After one or the other.
  Flow operator|(Flow o) const {
    return {falls || o.falls, breaks || o.breaks, continues || o.continues, returns || o.returns};
  }
  /// After this and then, where it fell, `next`.
  Flow then(Flow next) const {
    return {falls && next.falls, breaks || next.breaks, continues || next.continues, returns || next.returns};
  }
};

/// The statements from `next` on of a block.
struct Rest {
  const Block *block = nullptr;
  size_t next = 0;
  bool empty() const { return !block || next >= block->size(); }
};

/// A body that is being walked: the kernel, or a function inlined into it.
struct Frame {
  const JitFunction *function = nullptr;
  Span callSite;             ///< empty for the kernel
  mlir::LocationAttr caller; ///< of the call site, the calls around it included; null for the kernel
  Scope scope;
  std::set<std::string> pendingConstexpr; ///< bare `x: tl.constexpr`
  /// Where control goes on after the present statement, innermost last: for liveness at joins.
  struct Continuation {
    Rest rest;
    const Stmt *loop = nullptr; ///< set: the body of this loop, which may run again
  };
  std::vector<Continuation> continuations;
  struct Loop {
    std::string breakFlag, continueFlag;
  };
  std::vector<Loop> loops;
};

inline constexpr std::string_view returnFlag = "return";
inline constexpr std::string_view returnValue = "return value";

/// Iterations of one unrolled loop, and items of a range taken apart.
inline constexpr int64_t mostUnrolled = 65536;

/// Counts the operations that a kernel becomes. It must not throw: MLIR calls it.
struct OperationCounter : mlir::OpBuilder::Listener {
  int64_t count = 0;
  void notifyOperationInserted(mlir::Operation *, mlir::OpBuilder::InsertPoint) override { ++count; }
};

struct Lowering::Impl {
  explicit Impl(Lowering &lowering) : l(lowering) { l.b().setListener(&operations); }

  Lowering &l;
  std::vector<std::unique_ptr<Frame>> frames;
  std::vector<Dependency> dependencies;
  int dryRuns = 0; ///< inside a walk whose result is thrown away: nothing is printed
  int loopCount = 0;
  OperationCounter operations;
  int64_t statements = 0; ///< walked, each time again
  /// No text may compile for minutes: unrolled loops and inlined calls end in an error.
  void checkSize(Span span);
  llvm::DenseMap<std::pair<const SourceFile *, uint32_t>, mlir::LocationAttr> places;

  Frame &frame() { return *frames.back(); }
  Scope &scope() { return frame().scope; }

  //--- Names (Resolve.cpp) ---------------------------------------------------------------//
  Value readName(const std::string &name, Span span);
  Value globalName(Resolver &resolver, const std::shared_ptr<Resolver> &owner, const std::string &name,
                   Span span, bool anyKind);
  void assign(const std::string &name, Value value, Span span);
  const Value *hidden(std::string_view name);
  void setHidden(std::string_view name, Value value, Span span);

  //--- Expressions (Expressions.cpp) --------------------------------------------------------//
  Value eval(const Expr &expr);
  Value evalBoolOp(const Expr &expr);
  Value evalCompare(const Expr &expr);
  Value evalIfExp(const Expr &expr);
  Value evalCall(const Expr &expr);
  Value evalListComp(const Expr &expr);
  Value evalFString(const Expr &expr);
  /// The items of a tuple, or the numbers of a range that is known when compiling.
  Values sequence(const Value &value, Span span);
  Value parseInt(const Expr &expr);

  //--- Statements (Statements.cpp) -------------------------------------------------------------//
  Flow execBlock(const Block &block);
  Flow execRest(Rest rest);
  /// After a statement with `flow`: nothing, the rest, or the rest under a test of the flags.
  Flow goOn(Flow flow, Rest rest, Span span);
  /// `rest` is what follows in the block; a statement that walked it itself clears it.
  Flow exec(const Stmt &stmt, Rest &rest);
  void execAssign(const Stmt &stmt);
  void execAugAssign(const Stmt &stmt);
  void execAnnAssign(const Stmt &stmt);
  Flow execReturn(const Stmt &stmt);
  Flow execIf(const Stmt &stmt, Rest &rest);
  Flow execFor(const Stmt &stmt, Rest &rest);
  Flow execWhile(const Stmt &stmt, Rest &rest);
  void unpack(const Expr &target, const Value &value, Span span);
  /// What `x = value` stores: numbers become tensors.
  Value assigned(const Value &value, Span span);
  static bool isConstexprAnnotation(const Expr *annotation);

  //--- Control flow (ControlFlow.cpp, Loops.cpp) --------------------------------------------------//
  struct Arm {
    std::unique_ptr<mlir::Region> region;
    Scope scope;
    Flow flow;
  };
  /// Walks `walk` into a region of its own with a copy of the scope.
  Arm walkArm(Span span, llvm::ArrayRef<mlir::Type> blockArgs, llvm::function_ref<Flow(mlir::Block &)> walk);
  /// Makes the scf.if of two arms and joins their scopes into the present one.
  Flow joinArms(mlir::Value condition, Arm &thenArm, Arm &elseArm, Span span);
  /// Is `name` read after the present statement?
  bool isLive(const std::string &name);
  /// Names whose value on entry `stmt` may read.
  const llvm::StringSet<> &namesRead(const Stmt &stmt);
  /// The exit flags that `flow` may have set, or-ed; a constant if it is known.
  Value exitCondition(Flow flow, Span span);
  Flow guarded(Flow flow, mlir::Value exited, llvm::function_ref<Flow()> rest, Span span);
  /// i1 of a flag's value.
  mlir::Value flagValue(const Value &flag, Span span);

  /// What a loop carries: the variables, and the flags of its exits.
  struct LoopPlan {
    std::vector<std::string> names;
    Flow flow; ///< of the body, exits included
  };
  LoopPlan planLoop(const Stmt &stmt, llvm::ArrayRef<mlir::Type> blockArgs,
                    llvm::function_ref<Flow(mlir::Block &)> body, Span span);
  void prepareCarried(const std::string &name, const Value &final, Span span);
  std::vector<mlir::Value> carriedValues(const LoopPlan &plan);
  /// Puts `values` into the carried variables of the present scope.
  void bindCarried(const LoopPlan &plan, llvm::ArrayRef<mlir::Value> values);
  /// The carried variables at the end of the body, checked against what they were at its start.
  std::vector<mlir::Value> yieldedValues(const LoopPlan &plan, const Scope &start, Span span);
  Flow loopBody(const Stmt &stmt);
  void enterLoop();
  void resetFlags(Span span);
  Flow lowerFor(const Stmt &stmt, const RangeValue &range);
  Flow lowerStructuredFor(const Stmt &stmt, const RangeValue &range, Tensor start, Tensor stop, Tensor step,
                          bool down, LoopPlan &plan);
  Flow lowerStaticFor(const Stmt &stmt, const Values &items);
  Flow lowerWhile(const Stmt &stmt, LoopPlan &plan, Span span, llvm::function_ref<Value()> test,
                  llvm::function_ref<Flow()> body);
  Flow afterLoop(const Stmt &stmt, Flow body, bool endless);

  //--- Calls (Calls.cpp) ------------------------------------------------------------------------------//
  Value callFunction(const std::shared_ptr<const JitFunction> &function, CallArgs args, Span span);
  Value callBuiltin(const BuiltinDef &def, CallArgs args, Span span);
  Value defaultOf(const JitFunction &function, const Param &param);
  /// Walks the body of the frame on top; gives the returned value.
  Value walkBody(Span span);
  std::string frameNote(const Frame &frame) const;
  /// Throws with a note for each inlined call.
  [[noreturn]] void failWith(Diagnostic diagnostic);

private:
  llvm::DenseMap<const Stmt *, std::unique_ptr<llvm::StringSet<>>> readsOfStmt;
};

//===----------------------------------------------------------------------===//
// Constants, as Python computes them (Constants.cpp)
//===----------------------------------------------------------------------===//

Value foldBinary(Lowering &l, BinaryOp op, const Value &a, const Value &b, Span span);
Value foldCompare(Lowering &l, CompareOp op, const Value &a, const Value &b, Span span);
Value foldUnary(Lowering &l, UnaryOp op, const Value &a, Span span);
/// Python's bool(); nullopt when it depends on the run time.
std::optional<bool> truthOf(const Value &value);
/// The same value of the same kind (1 and True differ; NaN is itself).
bool sameValue(const Value &a, const Value &b);
/// An integer or bool constant.
std::optional<Constant::Int> integerOf(const Value &value);
std::optional<double> numberOf(const Value &value);

/// `type.name` of an element type or block type; nullopt if there is no such property.
std::optional<Value> dtypeAttribute(Lowering &l, const Value &type, const std::string &name, Span span);
/// What a dtype's method (`is_floating`, ...) gives: they are bound as BoundMethod with the name "dtype.<name>".
std::optional<Value> dtypeMethod(const Value &type, std::string_view name);

/// The nearest of `candidates` if it is near enough to be a misspelling.
std::string nearest(std::string_view name, const std::vector<std::string> &candidates);

} // namespace tegula::lang
