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
// What it carries, and how a break or return is known to be reached: LoopCarry.cpp.
//

#include "lang/lower/Join.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace tegula::lang {

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
    bindCarried(plan,
                llvm::SmallVector<mlir::Value>(block.getArguments().begin(), block.getArguments().end()));
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
        setHidden("if value", Value(flagValue(l.toBool(test(), span), span), scalarType(ScalarKind::I1)),
                  span);
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
    bindCarried(plan,
                llvm::SmallVector<mlir::Value>(block.getArguments().begin(), block.getArguments().end()));
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
                               std::make_shared<Poison>(Poison{
                                   Diag::only_in_loop, {name}, {{variable.assigned, "it is set here"}}}),
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
  LoopPlan plan = planLoop(
      stmt, {l.type(type)},
      [&](mlir::Block &block) {
        setTarget(block.getArgument(0));
        return loopBody(stmt);
      },
      span);

  if (plan.flow.breaks || plan.flow.returns) {
    std::string counter = "counter:" + frame().loops.back().breakFlag;
    setHidden(counter, bounds[0], span);
    plan.names.push_back(counter);
    auto test = [&] { return l.compareTensors(CompareOp::Lt, hidden(counter)->tensor(), bounds[1], span); };
    Flow flow = lowerWhile(
        stmt, plan, span, [&]() -> Value { return test(); },
        [&] {
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
  auto loop =
      mlir::scf::ForOp::create(l.b(), l.loc(span), bounds[0].value, bounds[1].value, bounds[2].value, inits,
                               /*bodyBuilder=*/nullptr, /*unsignedCmp=*/isUnsigned(type));
  loop.getRegion().takeBody(*body.region);
  keepHints(l, loop, range, span);
  bindCarried(plan, llvm::SmallVector<mlir::Value>(loop.getResults().begin(), loop.getResults().end()));
  for (auto &[name, variable] : body.scope)
    if (!scope().count(name) && isLive(name))
      scope()[name] = Variable{Value(), variable.assigned,
                               std::make_shared<Poison>(Poison{
                                   Diag::only_in_loop, {name}, {{variable.assigned, "it is set here"}}}),
                               nullptr};
  Flow flow;
  return afterLoop(stmt, flow, false);
}

} // namespace tegula::lang
