//===- Statements.cpp - assignments, returns, blocks ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Impl.h"

namespace tegula::lang {

using Kind = Stmt::Kind;

Flow Lowering::Impl::execBlock(const Block &block) { return execRest({&block, 0}); }

Flow Lowering::Impl::execRest(Rest rest) {
  while (!rest.empty()) {
    const Stmt &stmt = *(*rest.block)[rest.next++];
    Rest after = rest;
    frame().continuations.push_back({after, nullptr});
    Flow flow = exec(stmt, after);
    frame().continuations.pop_back();
    if (!after.block || !flow.falls)
      return flow;
    if (flow.exits())
      return goOn(flow, rest, stmt.span);
  }
  return Flow();
}

Flow Lowering::Impl::goOn(Flow flow, Rest rest, Span span) {
  if (!flow.falls || rest.empty())
    return flow;
  if (!flow.exits())
    return execRest(rest);
  Value exited = exitCondition(flow, span);
  if (auto known = truthOf(exited)) {
    if (!*known)
      return flow.then(execRest(rest));
    flow.falls = false;
    return flow;
  }
  return guarded(flow, exited.tensor().value, [&] { return execRest(rest); }, span);
}

static std::string textOf(Span span) { return span.source->text.substr(span.begin, span.end - span.begin); }

void Lowering::Impl::checkSize(Span span) {
  constexpr int64_t mostOperations = 1 << 15, mostStatements = 1 << 20;
  if (operations.count > mostOperations)
    l.fail(Diag::too_much_code, span, {std::to_string(mostOperations) + " operations"});
  if (++statements > mostStatements)
    l.fail(Diag::too_much_code, span, {std::to_string(mostStatements) + " statements"});
}

Flow Lowering::Impl::exec(const Stmt &stmt, Rest &rest) {
  checkSize(stmt.span);
  switch (stmt.kind) {
  case Kind::Expr:
    if (stmt.value->kind != Expr::Kind::Str) // a docstring in the middle
      eval(*stmt.value);
    return Flow();
  case Kind::Assign: execAssign(stmt); return Flow();
  case Kind::AugAssign: execAugAssign(stmt); return Flow();
  case Kind::AnnAssign: execAnnAssign(stmt); return Flow();
  case Kind::If: return execIf(stmt, rest);
  case Kind::For: return execFor(stmt, rest);
  case Kind::While: return execWhile(stmt, rest);
  case Kind::Return: return execReturn(stmt);
  case Kind::Break:
  case Kind::Continue: {
    bool isBreak = stmt.kind == Kind::Break;
    if (frame().loops.empty())
      l.fail(Diag::internal_error, stmt.span, {"a break outside a loop", ""}); // the parser refuses it
    auto &loop = frame().loops.back();
    setHidden(isBreak ? loop.breakFlag : loop.continueFlag, Value::boolean(true), stmt.span);
    return Flow::exit(isBreak, !isBreak, false);
  }
  case Kind::Pass: return Flow();
  case Kind::Assert: {
    Value test = eval(*stmt.value);
    Value message = stmt.annotation ? eval(*stmt.annotation) : Value::string("");
    l.callNamed("device_assert", {test, message}, stmt.span);
    return Flow();
  }
  case Kind::Raise:
    l.fail(Diag::raise_reached, stmt.span, {stmt.value ? ": " + textOf(stmt.value->span) : std::string()});
  case Kind::With: l.fail(Diag::unsupported_statement, stmt.span, {"with"});
  }
  return Flow();
}

//===----------------------------------------------------------------------===//
// Assignment
//===----------------------------------------------------------------------===//

bool Lowering::Impl::isConstexprAnnotation(const Expr *annotation) {
  if (!annotation)
    return false;
  switch (annotation->kind) {
  case Expr::Kind::Name:
  case Expr::Kind::Attribute: return annotation->text == "constexpr";
  case Expr::Kind::Str: return annotation->text == "constexpr" || annotation->text.ends_with(".constexpr");
  default: return false;
  }
}

Value Lowering::Impl::assigned(const Value &value, Span span) {
  if (value.isNumber())
    return l.toTensor(value, span);
  if (!value.isTuple())
    return value;
  Values items;
  for (const Value &item : value.items())
    items.push_back(assigned(item, span));
  return Value::tuple(std::move(items), value.tuple().fields);
}

void Lowering::Impl::unpack(const Expr &target, const Value &value, Span span) {
  switch (target.kind) {
  case Expr::Kind::Name: assign(target.text, value, target.span); return;
  case Expr::Kind::Starred: unpack(*target.items[0], value, span); return;
  case Expr::Kind::Tuple:
  case Expr::Kind::List: break;
  default: l.fail(Diag::bad_target, target.span);
  }
  if (!value.isTuple())
    l.fail(Diag::not_iterable, span, {describe(value)});
  size_t targets = target.items.size(), values = value.items().size(), star = targets;
  for (size_t i = 0; i < targets; ++i)
    if (target.items[i]->kind == Expr::Kind::Starred)
      star = i;
  bool fits = star == targets ? values == targets : values + 1 >= targets;
  if (!fits)
    l.fail(Diag::unpack_count, span, {std::to_string(targets - (star < targets)), std::to_string(values)});
  for (size_t i = 0; i < targets; ++i) {
    size_t after = targets - 1 - i; // targets behind this one
    if (i < star) {
      unpack(*target.items[i], value.items()[i], span);
    } else if (i > star) {
      unpack(*target.items[i], value.items()[values - 1 - after], span);
    } else {
      Values many(value.items().begin() + i, value.items().begin() + (values - after));
      unpack(*target.items[i], Value::tuple(std::move(many)), span);
    }
  }
}

void Lowering::Impl::execAssign(const Stmt &stmt) {
  Value value = eval(*stmt.value);
  for (const ExprPtr &target : stmt.targets) {
    bool constexprName = target->kind == Expr::Kind::Name && frame().pendingConstexpr.erase(target->text);
    unpack(*target, constexprName ? value : assigned(value, stmt.value->span), stmt.value->span);
  }
}

void Lowering::Impl::execAugAssign(const Stmt &stmt) {
  const Expr &target = *stmt.targets[0];
  if (target.kind != Expr::Kind::Name)
    l.fail(Diag::bad_target, target.span);
  Value old = readName(target.text, target.span);
  Value value = eval(*stmt.value);
  Value result = l.binary(stmt.binary, old, value, stmt.span);
  assign(target.text, assigned(result, stmt.span), stmt.span);
}

void Lowering::Impl::execAnnAssign(const Stmt &stmt) {
  const Expr &target = *stmt.targets[0];
  bool isConstexpr = isConstexprAnnotation(stmt.annotation.get());
  if (!stmt.value) {
    if (isConstexpr && target.kind == Expr::Kind::Name)
      frame().pendingConstexpr.insert(target.text);
    return;
  }
  Value value = eval(*stmt.value);
  if (!isConstexpr || target.kind != Expr::Kind::Name) {
    unpack(target, assigned(value, stmt.value->span), stmt.value->span);
    return;
  }
  auto it = scope().find(target.text);
  if (it != scope().end() && !it->second.poison && it->second.constexprStmt != &stmt) {
    Diagnostic diagnostic = makeDiagnostic(Diag::constexpr_reassigned, stmt.span, {target.text});
    diagnostic.notes.push_back({it->second.assigned, "'" + target.text + "' was set here"});
    failWith(std::move(diagnostic));
  }
  scope()[target.text] = Variable{std::move(value), target.span, nullptr, &stmt};
}

Flow Lowering::Impl::execReturn(const Stmt &stmt) {
  Value value = stmt.value ? eval(*stmt.value) : Value::none();
  if (frames.size() == 1 && !value.isNone())
    l.fail(Diag::kernel_returns_value, stmt.span, {describe(value)});
  setHidden(returnValue, value, stmt.value ? stmt.value->span : stmt.span);
  setHidden(returnFlag, Value::boolean(true), stmt.span);
  return Flow::exit(false, false, true);
}

} // namespace tegula::lang
