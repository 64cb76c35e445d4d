//===- ControlFlow.cpp - conditionals, joins, liveness ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Join.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace tegula::lang {

//===----------------------------------------------------------------------===//
// Arms
//===----------------------------------------------------------------------===//

Lowering::Impl::Arm Lowering::Impl::walkArm(Span span, llvm::ArrayRef<mlir::Type> blockArgs,
                                            llvm::function_ref<Flow(mlir::Block &)> walk) {
  Arm arm;
  arm.region = std::make_unique<mlir::Region>();
  auto *block = new mlir::Block();
  arm.region->push_back(block);
  mlir::Location location = l.loc(span);
  for (mlir::Type type : blockArgs)
    block->addArgument(type, location);
  mlir::OpBuilder::InsertionGuard guard(l.b());
  l.b().setInsertionPointToEnd(block);
  Scope saved = scope();
  arm.flow = walk(*block);
  arm.scope = std::move(scope());
  scope() = std::move(saved);
  return arm;
}

Value Lowering::Impl::exitCondition(Flow flow, Span span) {
  Value result = Value::boolean(false);
  auto add = [&](std::string_view name) {
    const Value *flag = hidden(name);
    if (!flag)
      return;
    if (auto known = truthOf(*flag)) {
      if (*known)
        result = *flag;
      return;
    }
    if (auto known = truthOf(result)) {
      if (!*known)
        result = *flag;
      return;
    }
    result = l.arith(ArithOp::Or, result.tensor(), flag->tensor(), span);
  };
  if (flow.returns)
    add(returnFlag);
  if (flow.breaks)
    add(frame().loops.back().breakFlag);
  if (flow.continues)
    add(frame().loops.back().continueFlag);
  return result;
}

/// The rest under a test of the flags that `flow` may have set; in there none of them is.
Flow Lowering::Impl::guarded(Flow flow, mlir::Value exited, llvm::function_ref<Flow()> rest, Span span) {
  std::vector<std::string> flags;
  if (flow.returns)
    flags.emplace_back(returnFlag);
  if (flow.breaks)
    flags.push_back(frame().loops.back().breakFlag);
  if (flow.continues)
    flags.push_back(frame().loops.back().continueFlag);
  Arm gone = walkArm(span, {}, [&](mlir::Block &) {
    if (flags.size() == 1)
      setHidden(flags[0], Value::boolean(true), span);
    return Flow::exit(flow.breaks, flow.continues, flow.returns);
  });
  Arm here = walkArm(span, {}, [&](mlir::Block &) {
    for (const std::string &flag : flags)
      setHidden(flag, Value::boolean(false), span);
    return rest();
  });
  return joinArms(exited, gone, here, span);
}

mlir::Value Lowering::Impl::flagValue(const Value &flag, Span span) {
  if (!flag.isTensor())
    return l.intConstant(*truthOf(flag), scalarType(ScalarKind::I1), span).value;
  Tensor t = flag.tensor();
  if (t.isScalar())
    return t.value;
  // A tile of one element as a condition: its element.
  Value one = l.callNamed("reshape", {flag, Value::tuple({Value::integer(1)})}, span);
  one = l.callNamed("sum", {l.cast(one, scalarType(ScalarKind::I32), span), Value::integer(0)}, span);
  return l.toBool(one, span).value;
}

Flow Lowering::Impl::execIf(const Stmt &stmt, Rest &rest) {
  Value test = eval(*stmt.value);
  if (auto truth = truthOf(test))
    return execBlock(*truth ? stmt.body : stmt.orElse);
  if (test.tensor().numel() != 1)
    l.fail(Diag::ambiguous_truth, stmt.value->span, {describe(test)});
  Span span = stmt.value->span;
  mlir::Value condition = flagValue(l.toBool(test, span), span);
  Arm thenArm = walkArm(span, {}, [&](mlir::Block &) { return execBlock(stmt.body); });
  Arm elseArm = walkArm(span, {}, [&](mlir::Block &) { return execBlock(stmt.orElse); });
  // What follows goes into the one arm that reaches it: `if pid >= n: return` needs no flag.
  if (!rest.empty() && thenArm.flow.falls != elseArm.flow.falls) {
    Arm &arm = thenArm.flow.falls ? thenArm : elseArm;
    frame().continuations.back().rest = {};
    mlir::OpBuilder::InsertionGuard guard(l.b());
    l.b().setInsertionPointToEnd(&arm.region->back());
    std::swap(scope(), arm.scope);
    arm.flow = goOn(arm.flow, rest, stmt.span);
    std::swap(scope(), arm.scope);
    rest = {};
  }
  return joinArms(condition, thenArm, elseArm, span);
}

//===----------------------------------------------------------------------===//
// Joins
//===----------------------------------------------------------------------===//

namespace {
bool isHidden(std::string_view name) {
  return name == returnFlag || name == returnValue || name == "if value" ||
         name.find(':') != std::string_view::npos;
}
bool isFlag(std::string_view name) {
  return name == returnFlag || name.starts_with("break:") || name.starts_with("continue:");
}

std::shared_ptr<const Poison> maybeUndefined(const std::string &name, const Variable &set) {
  return std::make_shared<Poison>(
      Poison{Diag::maybe_undefined, {name}, {{set.assigned, "it is set here, on one way only"}}});
}
/// Nothing but a return: no name is read after it.
bool hasLeft(const Flow &flow) { return !flow.falls && !flow.breaks && !flow.continues; }

/// Brings the scopes of two arms together.
struct Joiner {
  Lowering::Impl &impl;
  Lowering &l;
  mlir::Value condition;
  Lowering::Impl::Arm &thenArm, &elseArm;
  Span span;
  std::vector<mlir::Value> thenValues, elseValues;
  std::vector<std::pair<std::string, JoinNode>> nodes;
  Scope joined;

  using Arm = Lowering::Impl::Arm;

  template <typename Fn> auto atEnd(Arm &arm, Fn fn) {
    mlir::OpBuilder::InsertionGuard guard(l.b());
    l.b().setInsertionPointToEnd(&arm.region->back());
    return fn();
  }
  /// Region::isAncestor would run past a region that belongs to no operation yet.
  bool inside(Arm &arm, mlir::Value value) {
    for (mlir::Region *region = value.getParentRegion(); region;) {
      if (region == arm.region.get())
        return true;
      mlir::Operation *parent = region->getParentOp();
      region = parent ? parent->getParentRegion() : nullptr;
    }
    return false;
  }

  JoinNode result(mlir::Value a, mlir::Value b, DType type) {
    JoinNode node;
    node.index = static_cast<int>(thenValues.size());
    node.type = type;
    thenValues.push_back(a);
    elseValues.push_back(b);
    return node;
  }

  /// The value of one arm; the other leaves it open (it never gets to where it is read).
  JoinNode oneSided(const Value &value, Arm &from, bool fromThen) {
    if (value.isComposite()) {
      JoinNode node;
      node.isTuple = true;
      node.keep = value;
      for (const Value &item : value.items())
        node.items.push_back(oneSided(item, from, fromThen));
      return node;
    }
    if (!value.isTensor() || !inside(from, value.tensor().value))
      return JoinNode::same(value);
    const Tensor &t = value.tensor();
    mlir::Value filler = atEnd(fromThen ? elseArm : thenArm, [&] { return placeholder(l, t, span).value; });
    return fromThen ? result(t.value, filler, t.type) : result(filler, t.value, t.type);
  }

  std::optional<JoinNode> both(const Value &a, const Value &b) {
    if (sameValue(a, b))
      return JoinNode::same(a);
    if (a.isComposite() && b.isComposite()) {
      if (a.items().size() != b.items().size() || a.tuple().fields != b.tuple().fields ||
          a.tuple().kind != b.tuple().kind)
        return std::nullopt;
      JoinNode node;
      node.isTuple = true;
      node.keep = a;
      for (size_t i = 0; i < a.items().size(); ++i) {
        auto item = both(a.items()[i], b.items()[i]);
        if (!item)
          return std::nullopt;
        node.items.push_back(std::move(*item));
      }
      return node;
    }
    auto isLeaf = [](const Value &v) { return v.isTensor() || v.isNumber(); };
    if (!isLeaf(a) || !isLeaf(b))
      return std::nullopt;
    if (a.get<bool>() && b.get<bool>() && *a.get<bool>())
      return JoinNode::same(Value(condition, scalarType(ScalarKind::I1)));
    Tensor x = atEnd(thenArm, [&] { return l.toTensor(a, span); });
    Tensor y = atEnd(elseArm, [&] { return l.toTensor(b, span); });
    if (x.type != y.type || x.shape() != y.shape())
      return std::nullopt;
    return result(x.value, y.value, x.type);
  }

  /// Decides what `name` is after the arms; null: the arm does not have it.
  void join(const std::string &name, const Variable *a, const Variable *b) {
    bool hiddenName = isHidden(name);
    if (!hiddenName && !impl.isLive(name))
      return;
    if (isFlag(name)) {
      static const Variable off{Value::boolean(false), {}, nullptr, nullptr};
      a = a ? a : &off;
      b = b ? b : &off;
    }
    // Whose value does not matter: the arm that has left, or gives no return value.
    bool aOpen =
        name == returnValue ? !thenArm.flow.returns : hasLeft(thenArm.flow) || (!a && !thenArm.flow.falls);
    bool bOpen =
        name == returnValue ? !elseArm.flow.returns : hasLeft(elseArm.flow) || (!b && !elseArm.flow.falls);
    if (isFlag(name))
      aOpen = bOpen = false;
    if (a && b && !a->poison && !b->poison && sameValue(a->value, b->value)) {
      joined[name] = *a;
      return;
    }
    // An open arm gives what it has if that fits, so that nothing is made up for it.
    if ((aOpen || bOpen) && name != returnValue && a && b && !a->poison && !b->poison)
      if (auto node = both(a->value, b->value)) {
        nodes.emplace_back(name, std::move(*node));
        joined[name] = *(aOpen ? b : a);
        return;
      }
    if (aOpen || bOpen) {
      const Variable *from = aOpen && bOpen ? nullptr : aOpen ? b : a;
      if (!from)
        return;
      joined[name] = *from;
      if (!from->poison)
        nodes.emplace_back(name, oneSided(from->value, aOpen ? elseArm : thenArm, !aOpen));
      return;
    }
    if (!a || !b) {
      const Variable *set = a ? a : b;
      joined[name] =
          Variable{Value(), set->assigned, set->poison ? set->poison : maybeUndefined(name, *set), nullptr};
      return;
    }
    if (a->poison || b->poison) {
      joined[name] = a->poison ? *a : *b;
      return;
    }
    if (auto node = both(a->value, b->value)) {
      nodes.emplace_back(name, std::move(*node));
      joined[name] = Variable{Value(), a->assigned, nullptr, a->constexprStmt};
      return;
    }
    joined[name] = mismatch(name, *a, *b);
  }

  Variable mismatch(const std::string &name, const Variable &a, const Variable &b) {
    Diag id = name == returnValue ? Diag::return_types : Diag::branch_types;
    Poison poison{id, {name, describe(a.value), describe(b.value)}, {}};
    std::string_view what = name == returnValue ? "returned here" : "set here";
    poison.notes.push_back({a.assigned, describe(a.value) + " is " + std::string(what)});
    poison.notes.push_back({b.assigned, describe(b.value) + " is " + std::string(what)});
    if (name == returnValue) {
      Diagnostic diagnostic = makeDiagnostic(id, a.assigned, {describe(a.value), describe(b.value)});
      diagnostic.notes = poison.notes;
      impl.failWith(std::move(diagnostic));
    }
    return Variable{Value(), a.assigned, std::make_shared<Poison>(std::move(poison)), nullptr};
  }
};
} // namespace

Flow Lowering::Impl::joinArms(mlir::Value condition, Arm &thenArm, Arm &elseArm, Span span) {
  Joiner joiner{*this, l, condition, thenArm, elseArm, span, {}, {}, {}, {}};
  auto lookup = [](Scope &scope, const std::string &name) -> const Variable * {
    auto it = scope.find(name);
    return it == scope.end() ? nullptr : &it->second;
  };
  for (auto &[name, variable] : thenArm.scope)
    joiner.join(name, &variable, lookup(elseArm.scope, name));
  for (auto &[name, variable] : elseArm.scope)
    if (!lookup(thenArm.scope, name))
      joiner.join(name, nullptr, &variable);

  Flow flow = thenArm.flow | elseArm.flow;
  std::vector<mlir::Value> results;
  bool empty = thenArm.region->front().empty() && elseArm.region->front().empty();
  if (!joiner.thenValues.empty() || !empty) {
    std::vector<mlir::Type> types;
    for (mlir::Value v : joiner.thenValues)
      types.push_back(v.getType());
    for (auto [arm, values] :
         {std::pair(&thenArm, &joiner.thenValues), std::pair(&elseArm, &joiner.elseValues)}) {
      mlir::OpBuilder::InsertionGuard guard(l.b());
      l.b().setInsertionPointToEnd(&arm->region->back());
      if (arm == &thenArm || !types.empty() || !arm->region->front().empty())
        mlir::scf::YieldOp::create(l.b(), l.loc(span), *values);
    }
    auto ifOp = mlir::scf::IfOp::create(l.b(), l.loc(span), types, condition, /*addThenBlock=*/false,
                                        /*addElseBlock=*/false);
    ifOp.getThenRegion().takeBody(*thenArm.region);
    if (!elseArm.region->front().empty())
      ifOp.getElseRegion().takeBody(*elseArm.region);
    results.assign(ifOp.getResults().begin(), ifOp.getResults().end());
  }
  for (auto &[name, node] : joiner.nodes)
    joiner.joined[name].value = node.build(results);
  scope() = std::move(joiner.joined);
  return flow;
}

//===----------------------------------------------------------------------===//
// Join nodes
//===----------------------------------------------------------------------===//

Value JoinNode::build(llvm::ArrayRef<mlir::Value> results) const {
  if (isTuple) {
    Values values;
    for (const JoinNode &item : items)
      values.push_back(item.build(results));
    return keep.withItems(std::move(values));
  }
  return index < 0 ? keep : Value(results[index], type);
}

Tensor placeholder(Lowering &l, const Tensor &like, Span span) {
  if (like.type.isPointer) {
    Tensor zero = l.intConstant(0, scalarType(ScalarKind::I64), span);
    return l.splat(l.cast(zero, like.type, span), like.shape(), span);
  }
  return l.splat(l.constant(Value::integer(0), like.type, span), like.shape(), span);
}

} // namespace tegula::lang
