//===- LoopCarry.cpp - what a loop carries ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// What a loop carries has one type. Where the text alone does not tell it (a constant that becomes a tensor, the
// value of a return), and whether a break is ever reached, a first walk of the body finds out; its result is dropped.
//

#include "lang/lower/Join.h"

namespace tegula::lang {

static void flatten(const Value &value, std::vector<Tensor> &leaves) {
  if (value.isTensor())
    leaves.push_back(value.tensor());
  if (value.isComposite())
    for (const Value &item : value.items())
      flatten(item, leaves);
}

static Value rebuild(const Value &value, llvm::ArrayRef<mlir::Value> &leaves) {
  if (value.isTensor()) {
    mlir::Value leaf = leaves.front();
    leaves = leaves.drop_front();
    return Value(leaf, value.tensor().type);
  }
  if (!value.isComposite())
    return value;
  Values items;
  for (const Value &item : value.items())
    items.push_back(rebuild(item, leaves));
  return value.withItems(std::move(items));
}

static bool allTensors(const Value &value) {
  if (!value.isComposite())
    return value.isTensor();
  for (const Value &item : value.items())
    if (!allTensors(item))
      return false;
  return true;
}

/// `initial` with each number that the body replaces made a tensor.
static Value materialise(Lowering &l, const Value &initial, const Value &final, Span span) {
  if (sameValue(initial, final))
    return initial;
  if (initial.isNumber() && (final.isTensor() || final.isNumber())) {
    DType own = l.defaultType(initial, span);
    DType type = final.isTensor() ? final.tensor().type : l.defaultType(final, span);
    bool adapts = !type.isPointer && final.isTensor() && final.tensor().isScalar() &&
                  l.promote(own, true, type, false, false, span) == type;
    return l.constant(initial, adapts ? type : own, span);
  }
  if (initial.isComposite() && final.isComposite() && initial.items().size() == final.items().size()) {
    Values items;
    for (size_t i = 0; i < initial.items().size(); ++i)
      items.push_back(materialise(l, initial.items()[i], final.items()[i], span));
    return initial.withItems(std::move(items));
  }
  return initial;
}

/// A value of this form where none is read: what the return value is before any return.
static Value placeholderLike(Lowering &l, const Value &like, Span span) {
  if (like.isTensor())
    return placeholder(l, like.tensor(), span);
  if (like.isNumber())
    return l.constant(Value::integer(0), l.defaultType(like, span), span);
  if (!like.isComposite())
    return like;
  Values items;
  for (const Value &item : like.items())
    items.push_back(placeholderLike(l, item, span));
  return like.withItems(std::move(items));
}

Lowering::Impl::LoopPlan Lowering::Impl::planLoop(const Stmt &stmt, llvm::ArrayRef<mlir::Type> blockArgs,
                                                  llvm::function_ref<Flow(mlir::Block &)> body, Span span) {
  LoopPlan plan;
  std::set<std::string> assigned;
  for (const StmtPtr &inner : stmt.body)
    namesAssigned(*inner, assigned);
  if (stmt.kind == Stmt::Kind::For)
    namesAssigned(stmt, assigned);
  LoopExits exits = exitsOf(stmt);
  bool unsure = exits.breaks || exits.returns;
  for (const std::string &name : assigned) {
    auto it = scope().find(name);
    if (it == scope().end() || it->second.poison || (!isLive(name) && !namesRead(stmt).contains(name)))
      continue;
    plan.names.push_back(name);
    unsure |= !allTensors(it->second.value);
  }
  if (!unsure)
    return plan;
  auto pending = frame().pendingConstexpr;
  ++dryRuns;
  Arm dry = walkArm(span, blockArgs, body);
  --dryRuns;
  frame().pendingConstexpr = std::move(pending);
  plan.flow = dry.flow;
  for (const std::string &name : plan.names) {
    auto it = dry.scope.find(name);
    if (it == dry.scope.end() || it->second.poison)
      continue; // said when the body is walked in earnest
    Variable &variable = scope()[name];
    variable.value = materialise(l, variable.value, it->second.value, span);
  }
  if (dry.flow.breaks)
    plan.names.push_back(frame().loops.back().breakFlag);
  if (dry.flow.returns) {
    plan.names.emplace_back(returnFlag);
    plan.names.emplace_back(returnValue);
    const Value &final = dry.scope.find(returnValue)->second.value;
    setHidden(returnFlag, l.toTensor(Value::boolean(false), span), span);
    setHidden(returnValue, placeholderLike(l, final, span), span);
  }
  if (dry.flow.breaks)
    setHidden(frame().loops.back().breakFlag, l.toTensor(Value::boolean(false), span), span);
  return plan;
}

std::vector<mlir::Value> Lowering::Impl::carriedValues(const LoopPlan &plan) {
  std::vector<Tensor> leaves;
  for (const std::string &name : plan.names)
    flatten(scope()[name].value, leaves);
  std::vector<mlir::Value> values;
  for (const Tensor &leaf : leaves)
    values.push_back(leaf.value);
  return values;
}

void Lowering::Impl::bindCarried(const LoopPlan &plan, llvm::ArrayRef<mlir::Value> values) {
  for (const std::string &name : plan.names)
    scope()[name].value = rebuild(scope()[name].value, values);
}

/// The leaves of `value` if it has the form of `start`.
static bool conform(Lowering &l, const Value &start, const Value &value, Span span,
                    std::vector<mlir::Value> &leaves) {
  if (start.isComposite()) {
    if (!value.isComposite() || value.items().size() != start.items().size() ||
        value.tuple().kind != start.tuple().kind)
      return false;
    for (size_t i = 0; i < start.items().size(); ++i)
      if (!conform(l, start.items()[i], value.items()[i], span, leaves))
        return false;
    return true;
  }
  if (!start.isTensor())
    return sameValue(start, value);
  if (value.isNumber()) {
    // A constant that the body sets (`x: tl.constexpr`, a return of a number, a flag).
    if (!start.tensor().isScalar() || start.tensor().type != l.defaultType(value, span))
      return false;
    leaves.push_back(l.constant(value, start.tensor().type, span).value);
    return true;
  }
  if (!value.isTensor() || value.tensor().type != start.tensor().type ||
      value.tensor().shape() != start.tensor().shape())
    return false;
  leaves.push_back(value.tensor().value);
  return true;
}

std::vector<mlir::Value> Lowering::Impl::yieldedValues(const LoopPlan &plan, const Scope &start, Span span) {
  std::vector<mlir::Value> leaves;
  for (const std::string &name : plan.names) {
    const Variable &before = start.find(name)->second;
    auto it = scope().find(name);
    if (it == scope().end()) {
      // Nothing reads it any more on this way; any value will do.
      std::vector<Tensor> old;
      flatten(before.value, old);
      for (const Tensor &t : old)
        leaves.push_back(t.value);
      continue;
    }
    if (it->second.poison)
      readName(name, span);
    if (conform(l, before.value, it->second.value, it->second.assigned, leaves))
      continue;
    std::string was = describe(before.value), is = describe(it->second.value);
    Diagnostic diagnostic =
        name == returnValue ? makeDiagnostic(Diag::return_types, it->second.assigned, {was, is})
                            : makeDiagnostic(Diag::loop_type_changed, it->second.assigned, {name, was, is});
    diagnostic.notes.push_back({before.assigned, describe(before.value) + " is set here, before the loop"});
    failWith(std::move(diagnostic));
  }
  return leaves;
}

} // namespace tegula::lang
