//===- Loops.cpp - for and while ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A loop carries the names that its body sets and that are read in a later iteration or after it.
//
//     for i in range(0, n):      scf.for %i = %0 to %n step %1 iter_args(%acc = %acc0)
//     ... with break, return     scf.while (%i, %acc, %left = false): go on while !left and i < n
//
// What a loop carries has one type. Where the text alone does not tell it (a constant that becomes a tensor, the
// value of a return), and whether a break is ever reached, a first walk of the body finds out; its result is dropped.
//

#include "lang/lower/Join.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace tegula::lang {

//===----------------------------------------------------------------------===//
// Carried variables
//===----------------------------------------------------------------------===//

static void flatten(const Value &value, std::vector<Tensor> &leaves) {
  if (value.isTensor())
    leaves.push_back(value.tensor());
  if (value.isTuple())
    for (const Value &item : value.items())
      flatten(item, leaves);
}

static Value rebuild(const Value &value, llvm::ArrayRef<mlir::Value> &leaves) {
  if (value.isTensor()) {
    mlir::Value leaf = leaves.front();
    leaves = leaves.drop_front();
    return Value(leaf, value.tensor().type);
  }
  if (!value.isTuple())
    return value;
  Values items;
  for (const Value &item : value.items())
    items.push_back(rebuild(item, leaves));
  return Value::tuple(std::move(items), value.tuple().fields);
}

static bool allTensors(const Value &value) {
  if (!value.isTuple())
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
  if (initial.isTuple() && final.isTuple() && initial.items().size() == final.items().size()) {
    Values items;
    for (size_t i = 0; i < initial.items().size(); ++i)
      items.push_back(materialise(l, initial.items()[i], final.items()[i], span));
    return Value::tuple(std::move(items), initial.tuple().fields);
  }
  return initial;
}

/// A value of this form where none is read: what the return value is before any return.
static Value placeholderLike(Lowering &l, const Value &like, Span span) {
  if (like.isTensor())
    return placeholder(l, like.tensor(), span);
  if (like.isNumber())
    return l.constant(Value::integer(0), l.defaultType(like, span), span);
  if (!like.isTuple())
    return like;
  Values items;
  for (const Value &item : like.items())
    items.push_back(placeholderLike(l, item, span));
  return Value::tuple(std::move(items), like.tuple().fields);
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
static bool conform(Lowering &l, const Value &start, const Value &value, Span span, std::vector<mlir::Value> &leaves) {
  if (start.isTuple()) {
    if (!value.isTuple() || value.items().size() != start.items().size())
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
  if (!value.isTensor() || value.tensor().type != start.tensor().type || value.tensor().shape() != start.tensor().shape())
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
    Diagnostic diagnostic = name == returnValue
                                ? makeDiagnostic(Diag::return_types, it->second.assigned, {was, is})
                                : makeDiagnostic(Diag::loop_type_changed, it->second.assigned, {name, was, is});
    diagnostic.notes.push_back({before.assigned, describe(before.value) + " is set here, before the loop"});
    failWith(std::move(diagnostic));
  }
  return leaves;
}

//===----------------------------------------------------------------------===//
// Bodies
//===----------------------------------------------------------------------===//

void Lowering::Impl::enterLoop() {
  std::string id = std::to_string(loopCount++);
  frame().loops.push_back({"break:" + id, "continue:" + id});
}

void Lowering::Impl::resetFlags(Span span) {
  auto &loop = frame().loops.back();
  setHidden(loop.breakFlag, Value::boolean(false), span);
  setHidden(loop.continueFlag, Value::boolean(false), span);
  setHidden(returnFlag, Value::boolean(false), span);
}

Flow Lowering::Impl::loopBody(const Stmt &stmt) {
  frame().continuations.push_back({{}, &stmt});
  resetFlags(stmt.span);
  Flow flow = execBlock(stmt.body);
  frame().continuations.pop_back();
  return flow;
}

/// The else of the loop; the loop's own flags end here.
Flow Lowering::Impl::afterLoop(const Stmt &stmt, Flow body, bool endless) {
  Flow flow;
  flow.falls = !endless || body.breaks;
  flow.returns = body.returns;
  Flow gone{body.breaks, false, false, body.returns};
  Value exited = Value::boolean(false);
  if (!stmt.orElse.empty())
    exited = exitCondition({true, body.breaks, false, body.returns}, stmt.span);
  auto loop = frame().loops.back();
  frame().loops.pop_back();
  scope().erase(loop.breakFlag);
  scope().erase(loop.continueFlag);
  auto known = truthOf(exited);
  if (stmt.orElse.empty() || endless || (known && *known))
    return flow;
  if (known)
    return execBlock(stmt.orElse);
  Arm left = walkArm(stmt.span, {}, [&](mlir::Block &) { return gone; });
  Arm here = walkArm(stmt.span, {}, [&](mlir::Block &) { return execBlock(stmt.orElse); });
  return joinArms(exited.tensor().value, left, here, stmt.span);
}

//===----------------------------------------------------------------------===//
// while
//===----------------------------------------------------------------------===//

/// May be computed where its value is not needed: no memory, no call, no division.
static bool isSafe(const Expr &expr) {
  if (expr.kind == Expr::Kind::Call || expr.kind == Expr::Kind::ListComp)
    return false;
  if (expr.kind == Expr::Kind::Binary && (expr.binary == BinaryOp::FloorDiv || expr.binary == BinaryOp::Mod))
    return false;
  for (const ExprPtr &item : expr.items)
    if (item && !isSafe(*item))
      return false;
  return true;
}

Flow Lowering::Impl::lowerWhile(const Stmt &stmt, LoopPlan &plan, Span span, llvm::function_ref<Value()> test,
                                llvm::function_ref<Flow()> body) {
  bool safeTest = stmt.kind == Stmt::Kind::For || isSafe(*stmt.value);
  std::vector<mlir::Value> inits = carriedValues(plan);
  std::vector<mlir::Type> types;
  for (mlir::Value v : inits)
    types.push_back(v.getType());
  Flow exits = plan.flow;
  bool hasExit = exits.breaks || exits.returns;
  Flow flags;
  flags.breaks = exits.breaks;
  flags.returns = exits.returns;

  Arm before = walkArm(span, types, [&](mlir::Block &block) {
    bindCarried(plan, llvm::SmallVector<mlir::Value>(block.getArguments().begin(), block.getArguments().end()));
    mlir::Value go;
    if (!hasExit) {
      go = flagValue(l.toBool(test(), span), span);
    } else if (safeTest) {
      Value going = l.unary(UnaryOp::Not, exitCondition(flags, span), span);
      go = flagValue(l.binary(BinaryOp::And, going, l.toBool(test(), span), span), span);
    } else {
      // The test must not run any more once the loop is left.
      Value left = exitCondition(flags, span);
      Arm stop = walkArm(span, {}, [&](mlir::Block &) {
        setHidden("if value", Value::boolean(false), span);
        return Flow();
      });
      Arm ask = walkArm(span, {}, [&](mlir::Block &) {
        setHidden("if value", Value(flagValue(l.toBool(test(), span), span), scalarType(ScalarKind::I1)), span);
        return Flow();
      });
      joinArms(left.tensor().value, stop, ask, span);
      go = flagValue(*hidden("if value"), span);
    }
    mlir::scf::ConditionOp::create(l.b(), l.loc(span), go, block.getArguments());
    return Flow();
  });
  Flow flow;
  Arm after = walkArm(span, types, [&](mlir::Block &block) {
    bindCarried(plan, llvm::SmallVector<mlir::Value>(block.getArguments().begin(), block.getArguments().end()));
    Scope start = scope();
    flow = body();
    mlir::scf::YieldOp::create(l.b(), l.loc(span), yieldedValues(plan, start, span));
    return flow;
  });
  auto loop = mlir::scf::WhileOp::create(l.b(), l.loc(span), types, inits);
  loop.getBefore().takeBody(*before.region);
  loop.getAfter().takeBody(*after.region);
  bindCarried(plan, llvm::SmallVector<mlir::Value>(loop.getResults().begin(), loop.getResults().end()));
  for (auto &[name, variable] : after.scope)
    if (!scope().count(name) && isLive(name))
      scope()[name] = Variable{Value(), variable.assigned,
                               std::make_shared<Poison>(Poison{Diag::only_in_loop, {name}, {{variable.assigned, "it is set here"}}}),
                               nullptr};
  return flow;
}

Flow Lowering::Impl::execWhile(const Stmt &stmt, Rest &) {
  enterLoop();
  Span span = stmt.value->span;
  auto body = [&] { return loopBody(stmt); };
  LoopPlan plan = planLoop(stmt, {}, [&](mlir::Block &) { return loopBody(stmt); }, span);
  bool endless = false;
  Flow flow = lowerWhile(
      stmt, plan, span,
      [&] {
        Value test = eval(*stmt.value);
        if (test.isTensor() && test.tensor().numel() != 1)
          l.fail(Diag::ambiguous_truth, span, {describe(test)});
        auto known = truthOf(test);
        endless = known && *known;
        return test;
      },
      body);
  return afterLoop(stmt, flow, endless);
}

//===----------------------------------------------------------------------===//
// for
//===----------------------------------------------------------------------===//

static constexpr int64_t mostUnrolled = 65536;

Flow Lowering::Impl::execFor(const Stmt &stmt, Rest &) {
  Value source = eval(*stmt.value);
  if (source.isTuple())
    return lowerStaticFor(stmt, source.items());
  auto *range = source.asRange();
  if (!range)
    l.fail(Diag::not_iterable, stmt.value->span, {describe(source)});
  if (!range->isStatic)
    return lowerFor(stmt, *range);
  int64_t start = l.constexprInt(range->start, "start", stmt.value->span);
  int64_t stop = l.constexprInt(range->stop, "stop", stmt.value->span);
  int64_t step = l.constexprInt(range->step, "step", stmt.value->span);
  if (step == 0)
    l.fail(Diag::zero_step, stmt.value->span);
  Values items;
  for (Constant::Int i = start; step > 0 ? i < stop : i > stop; i += step) {
    if (items.size() == static_cast<size_t>(mostUnrolled))
      l.fail(Diag::too_many_unrolled, stmt.value->span, {std::to_string(mostUnrolled)});
    items.push_back(Value::integer(i));
  }
  return lowerStaticFor(stmt, items);
}

Flow Lowering::Impl::lowerStaticFor(const Stmt &stmt, const Values &items) {
  enterLoop();
  Span span = stmt.span;
  auto one = [&](size_t i) {
    unpack(*stmt.targets[0], items[i], stmt.value->span);
    frame().continuations.push_back({{}, i + 1 < items.size() ? &stmt : nullptr});
    setHidden(frame().loops.back().breakFlag, Value::boolean(false), span);
    setHidden(frame().loops.back().continueFlag, Value::boolean(false), span);
    if (!hidden(returnFlag))
      setHidden(returnFlag, Value::boolean(false), span);
    Flow flow = execBlock(stmt.body);
    frame().continuations.pop_back();
    flow.falls |= flow.continues;
    flow.continues = false;
    return flow;
  };
  // The iterations after one that may have left the loop run under a test of the flags.
  std::function<Flow(size_t)> run = [&](size_t i) -> Flow {
    for (; i < items.size(); ++i) {
      Flow flow = one(i);
      if (!flow.falls)
        return flow;
      if (!flow.exits() || i + 1 == items.size()) {
        if (flow.exits())
          return flow;
        continue;
      }
      Value exited = exitCondition(flow, span);
      if (auto known = truthOf(exited)) {
        if (!*known)
          return flow.then(run(i + 1));
        flow.falls = false;
        return flow;
      }
      frame().continuations.push_back({{}, &stmt});
      Flow all = guarded(flow, exited.tensor().value, [&] { return run(i + 1); }, span);
      frame().continuations.pop_back();
      return all;
    }
    return Flow();
  };
  Flow flow = run(0);
  bool endless = !flow.falls; // only breaks and returns end it
  return afterLoop(stmt, flow, endless);
}

static void keepHints(Lowering &l, mlir::Operation *loop, const RangeValue &range, Span span) {
  for (const auto &[name, value] : range.hints) {
    std::string attr = "tile." + name;
    if (value.isNone() || (value.get<bool>() && !*value.get<bool>()))
      continue;
    if (value.get<bool>())
      loop->setAttr(attr, l.b().getUnitAttr());
    else
      loop->setAttr(attr, l.b().getI32IntegerAttr(static_cast<int32_t>(l.constexprInt(value, name, span))));
  }
}

Flow Lowering::Impl::lowerFor(const Stmt &stmt, const RangeValue &range) {
  Span span = stmt.value->span;
  if (stmt.targets[0]->kind != Expr::Kind::Name)
    l.fail(Diag::bad_target, stmt.targets[0]->span);
  Value startValue = range.start, stopValue = range.stop, stepValue = range.step;
  bool down = false;
  if (auto step = integerOf(stepValue)) {
    if (*step == 0)
      l.fail(Diag::zero_step, span);
    if (*step < 0) {
      down = true;
      stepValue = Value::integer(-*step);
      std::swap(startValue, stopValue);
    }
  }
  DType type;
  std::array<Tensor, 3> bounds;
  const Value *values[] = {&startValue, &stopValue, &stepValue};
  for (int i = 0; i < 3; ++i) {
    if (!values[i]->isTensor() && !values[i]->isNumber())
      l.fail(Diag::bad_range, span, {describe(*values[i])});
    bounds[i] = l.toTensor(*values[i], span);
    if (!isInteger(bounds[i].type) || !bounds[i].isScalar())
      l.fail(Diag::bad_range, span, {describe(*values[i])});
    type = i == 0 ? bounds[0].type : l.promote(type, false, bounds[i].type, false, false, span);
  }
  for (Tensor &bound : bounds)
    bound = l.cast(bound, type, span);

  enterLoop();
  const std::string &target = stmt.targets[0]->text;
  // The target lives on after the loop only if someone reads it there.
  bool targetLives = isLive(target);
  if (targetLives) {
    auto it = scope().find(target);
    bool fits = it != scope().end() && !it->second.poison && it->second.value.isTensor() &&
                it->second.value.tensor().type == type && it->second.value.tensor().isScalar();
    if (!fits)
      assign(target, placeholder(l, bounds[0], span), stmt.targets[0]->span);
  } else {
    scope().erase(target);
  }
  auto setTarget = [&](mlir::Value iv) {
    Tensor i{iv, type};
    if (down) // counts up from stop to start: i' = start - (i - stop)
      i = l.arith(ArithOp::Add, l.arith(ArithOp::Sub, bounds[1], i, span), bounds[0], span);
    assign(target, i, stmt.targets[0]->span);
  };
  LoopPlan plan = planLoop(stmt, {l.type(type)}, [&](mlir::Block &block) {
    setTarget(block.getArgument(0));
    return loopBody(stmt);
  }, span);

  if (plan.flow.breaks || plan.flow.returns) {
    std::string counter = "counter:" + frame().loops.back().breakFlag;
    setHidden(counter, bounds[0], span);
    plan.names.push_back(counter);
    auto test = [&] { return l.compareTensors(CompareOp::Lt, hidden(counter)->tensor(), bounds[1], span); };
    Flow flow = lowerWhile(stmt, plan, span, [&]() -> Value { return test(); }, [&] {
      Tensor i = hidden(counter)->tensor();
      setTarget(i.value);
      Flow body = loopBody(stmt);
      setHidden(counter, l.arith(ArithOp::Add, i, bounds[2], span), span);
      return body;
    });
    scope().erase(counter);
    return afterLoop(stmt, flow, false);
  }

  std::vector<mlir::Value> inits = carriedValues(plan);
  std::vector<mlir::Type> types{l.type(type)};
  for (mlir::Value v : inits)
    types.push_back(v.getType());
  Arm body = walkArm(span, types, [&](mlir::Block &block) {
    llvm::SmallVector<mlir::Value> args(block.getArguments().begin() + 1, block.getArguments().end());
    bindCarried(plan, args);
    Scope start = scope();
    setTarget(block.getArgument(0));
    Flow flow = loopBody(stmt);
    mlir::scf::YieldOp::create(l.b(), l.loc(span), yieldedValues(plan, start, span));
    return flow;
  });
  auto loop = mlir::scf::ForOp::create(l.b(), l.loc(span), bounds[0].value, bounds[1].value, bounds[2].value, inits,
                                       /*bodyBuilder=*/nullptr, /*unsignedCmp=*/isUnsigned(type));
  loop.getRegion().takeBody(*body.region);
  keepHints(l, loop, range, span);
  bindCarried(plan, llvm::SmallVector<mlir::Value>(loop.getResults().begin(), loop.getResults().end()));
  for (auto &[name, variable] : body.scope)
    if (!scope().count(name) && isLive(name))
      scope()[name] = Variable{Value(), variable.assigned,
                               std::make_shared<Poison>(Poison{Diag::only_in_loop, {name}, {{variable.assigned, "it is set here"}}}),
                               nullptr};
  Flow flow;
  return afterLoop(stmt, flow, false);
}

} // namespace tegula::lang
