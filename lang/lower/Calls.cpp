//===- Calls.cpp - binding of arguments, inlining ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/ForkSafe.h"
#include "lang/lower/Impl.h"

#include <unordered_map>

namespace tegula::lang {

//===----------------------------------------------------------------------===//
// Binding
//===----------------------------------------------------------------------===//

namespace {
/// Arguments to parameters, as Python binds them.
struct Binder {
  Lowering &l;
  const std::string &name; ///< of the function, for messages
  const std::vector<Param> &params;
  CallArgs &args;
  Span call;
  std::vector<BoundArgs::Item> items;

  std::string signatureText() const {
    std::string text = name + "(";
    bool first = true;
    for (const Param &p : params) {
      text += first ? "" : ", ";
      first = false;
      text += p.kind == Param::Kind::VarPositional ? "*" : p.kind == Param::Kind::VarKeyword ? "**" : "";
      text += p.name;
      text += p.defaultValue ? "=..." : "";
    }
    return text + ")";
  }

  void bind(llvm::function_ref<std::optional<Value>(const Param &)> defaultOf) {
    size_t next = 0;
    for (const Param &p : params) {
      BoundArgs::Item item{p.name, Value(), call, false};
      if (p.kind == Param::Kind::Positional && next < args.positional.size()) {
        item.value = args.positional[next].value;
        item.span = args.positional[next++].span;
        item.given = true;
      } else if (p.kind == Param::Kind::VarPositional) {
        Values rest;
        for (; next < args.positional.size(); ++next) {
          rest.push_back(args.positional[next].value);
          item.given = true;
        }
        item.value = Value::tuple(std::move(rest));
      }
      items.push_back(std::move(item));
    }
    if (next < args.positional.size())
      l.fail(Diag::too_many_arguments, args.positional[next].span,
             {name, std::to_string(next), std::to_string(args.positional.size()), signatureText()});
    Values extra;
    std::vector<std::string> extraNames;
    for (auto &[keyword, actual] : args.keywords) {
      BoundArgs::Item *item = nullptr;
      bool variadic = false;
      for (size_t i = 0; i < params.size(); ++i) {
        if (params[i].name == keyword && params[i].kind != Param::Kind::VarPositional &&
            params[i].kind != Param::Kind::VarKeyword)
          item = &items[i];
        variadic |= params[i].kind == Param::Kind::VarKeyword;
      }
      if (!item && variadic) {
        extra.push_back(actual.value);
        extraNames.push_back(keyword);
        continue;
      }
      if (!item) {
        std::vector<std::string> names;
        for (const Param &p : params)
          names.push_back(p.name);
        std::string near = nearest(keyword, names);
        l.fail(Diag::unknown_argument, actual.span,
               {name, keyword, near.empty() ? "" : " (did you mean '" + near + "'?)", signatureText()});
      }
      if (item->given)
        l.fail(Diag::duplicate_argument, actual.span, {name, keyword});
      *item = {item->name, actual.value, actual.span, true};
    }
    for (size_t i = 0; i < params.size(); ++i) {
      if (params[i].kind == Param::Kind::VarKeyword)
        items[i].value = Value::tuple(extra, extraNames);
      if (items[i].given || params[i].kind == Param::Kind::VarPositional ||
          params[i].kind == Param::Kind::VarKeyword)
        continue;
      auto value = defaultOf(params[i]);
      if (!value)
        l.fail(Diag::missing_argument, call, {name, params[i].name, signatureText()});
      items[i].value = std::move(*value);
    }
  }
};

bool hasTensor(const Value &value) {
  if (!value.isComposite())
    return value.isTensor();
  for (const Value &item : value.items())
    if (hasTensor(item))
      return true;
  return false;
}

/// The signature of a builtin as a tree, parsed once in the process.
const Function &signatureOf(const BuiltinDef &def) {
  struct Entry {
    SourceFile source;
    std::unique_ptr<Function> function;
  };
  static auto &mutex = *new ForkSafeMutex;
  static auto *cache = new std::unordered_map<const BuiltinDef *, std::unique_ptr<Entry>>;
  std::lock_guard lock(mutex);
  auto &entry = (*cache)[&def];
  if (!entry) {
    auto made = std::make_unique<Entry>();
    made->source = {"<tegula>", 1, std::string("def f") + def.signature + ":\n    pass\n"};
    made->function = parseFunction(made->source);
    entry = std::move(made);
  }
  return *entry->function;
}
} // namespace

const BoundArgs::Item &BoundArgs::item(std::string_view name) const {
  for (const Item &item : items)
    if (item.name == name)
      return item;
  throw Error(Diag::internal_error, call,
              {std::string(builtin->name) + " has no parameter " + std::string(name), ""});
}

//===----------------------------------------------------------------------===//
// Functions of the language
//===----------------------------------------------------------------------===//

static std::string dotted(const Expr &expr) {
  if (expr.kind == Expr::Kind::Name)
    return expr.text == "tl" ? "" : expr.text;
  if (expr.kind != Expr::Kind::Attribute)
    return "";
  std::string object = dotted(*expr.items[0]);
  return object.empty() ? expr.text : object + "." + expr.text;
}

Value Lowering::Impl::callBuiltin(const BuiltinDef &def, CallArgs args, Span span) {
  std::string name = def.name;
  if (name.starts_with("builtins."))
    name = name.substr(9);
  const Function &signature = signatureOf(def);
  Binder binder{l, name, signature.params, args, span, {}};
  binder.bind([&](const Param &param) -> std::optional<Value> {
    if (!param.defaultValue)
      return std::nullopt;
    const Expr &value = *param.defaultValue;
    if (value.kind == Expr::Kind::Name || value.kind == Expr::Kind::Attribute)
      return l.languageMember(dotted(value), span);
    return eval(value);
  });
  for (size_t i = 0; i < signature.params.size(); ++i)
    if (isConstexprAnnotation(signature.params[i].annotation.get()) && hasTensor(binder.items[i].value))
      l.fail(Diag::expected_constexpr, binder.items[i].span,
             {"'" + binder.items[i].name + "' of '" + name + "'", "a constant",
              describe(binder.items[i].value)});
  BoundArgs bound;
  bound.builtin = &def;
  bound.call = span;
  bound.items = std::move(binder.items);
  return def.lower(l, bound, span);
}

//===----------------------------------------------------------------------===//
// Jit functions
//===----------------------------------------------------------------------===//

static constexpr size_t deepestInlining = 64, deepestRecursion = 16;

Value Lowering::Impl::defaultOf(const JitFunction &function, const Param &param) {
  for (const auto &[name, value] : function.defaults)
    if (name == param.name)
      return Value(value);
  return eval(*param.defaultValue);
}

Value Lowering::Impl::callFunction(const std::shared_ptr<const JitFunction> &function, CallArgs args,
                                   Span span) {
  size_t same = 0;
  for (const auto &frame : frames)
    same += frame->function == function.get();
  if (same > deepestRecursion || frames.size() > deepestInlining) {
    // One round: from the last call of this function on.
    std::string chain = function->qualifiedName;
    for (size_t i = frames.size(); i-- > 0;) {
      chain = frames[i]->function->qualifiedName + " -> " + chain;
      if (frames[i]->function == function.get() || frames.size() - i > 8)
        break;
    }
    l.fail(Diag::recursion, span, {function->qualifiedName, chain});
  }
  const Function &tree = function->ast();
  auto callee = std::make_unique<Frame>();
  callee->function = function.get();
  callee->callSite = span;
  callee->caller = l.loc(span);
  Binder binder{l, function->qualifiedName, tree.params, args, span, {}};
  binder.bind([&](const Param &param) -> std::optional<Value> {
    bool known = param.defaultValue != nullptr;
    for (const auto &[name, value] : function->defaults)
      known |= name == param.name;
    if (!known)
      return std::nullopt;
    // A default sees the callee's world, not the caller's.
    frames.push_back(std::move(callee));
    Value value = defaultOf(*function, param);
    callee = std::move(frames.back());
    frames.pop_back();
    return value;
  });
  for (size_t i = 0; i < tree.params.size(); ++i)
    callee->scope[tree.params[i].name] =
        Variable{binder.items[i].value, binder.items[i].span, nullptr, nullptr};
  frames.push_back(std::move(callee));
  Value result = walkBody(span);
  frames.pop_back();
  return result;
}

Value Lowering::Impl::walkBody(Span span) {
  const Function &tree = frame().function->ast();
  Flow flow = execBlock(tree.body);
  const Value *value = hidden(returnValue);
  if (!flow.returns || !value)
    return Value::none();
  if (flow.falls && !value->isNone())
    l.fail(Diag::missing_return, span, {frame().function->qualifiedName, describe(*value)});
  return *value;
}

//===----------------------------------------------------------------------===//
// Calls of anything
//===----------------------------------------------------------------------===//

static Value callDTypeMethod(Lowering &l, const BoundMethod &method, const CallArgs &args, Span span) {
  std::string name = method.name.substr(6);
  if (name == "with_element_ty" && args.positional.size() == 1) {
    DType element = l.constexprDType(args.positional[0].value, "element_ty", span);
    if (auto *block = method.self.asBlockType())
      return Value(BlockType{element, block->shape});
    return Value(element);
  }
  if (name == "get_block_shapes")
    return *dtypeAttribute(l, method.self, "shape", span);
  if (!args.positional.empty() || !args.keywords.empty())
    l.fail(Diag::too_many_arguments, span,
           {name, "0", std::to_string(args.positional.size() + args.keywords.size()), name + "()"});
  return *dtypeMethod(method.self, name);
}

static Value callHost(Lowering &l, const HostFunction &function, const CallArgs &args, Span span) {
  auto known = [&](const Actual &actual) {
    if (!actual.value.isConstexpr() || actual.value.asBlockType())
      l.fail(Diag::expected_constexpr, actual.span,
             {"an argument of '" + function.name + "'", "a value", describe(actual.value)});
    return actual.value.toConstant();
  };
  std::vector<Constant> positional;
  std::vector<std::pair<std::string, Constant>> keywords;
  for (const Actual &actual : args.positional)
    positional.push_back(known(actual));
  for (const auto &[name, actual] : args.keywords)
    keywords.emplace_back(name, known(actual));
  HostFunction::Outcome outcome = function.call(positional, keywords);
  if (!outcome.failure.empty())
    l.fail(Diag::host_call_failed, span, {function.name, outcome.failure});
  if (auto *opaque = std::get_if<Constant::Opaque>(&outcome.value.value))
    l.fail(Diag::host_call_result, span, {function.name, opaque->what});
  return Value(std::move(outcome.value));
}

Value Lowering::call(const Value &callee, CallArgs args, Span span) {
  if (auto function = callee.asFunction())
    return state->callFunction(function, std::move(args), span);
  if (auto function = callee.asHostFunction())
    return callHost(*this, *function, args, span);
  if (auto *method = callee.asMethod()) {
    if (method->name.starts_with("dtype."))
      return callDTypeMethod(*this, *method, args, span);
    args.positional.insert(args.positional.begin(), Actual{method->self, span});
    if (const BuiltinDef *def = findBuiltin(method->name))
      return state->callBuiltin(*def, std::move(args), span);
    return state->callFunction(stdFunction(method->name), std::move(args), span);
  }
  if (auto *builtin = callee.get<Constant::Builtin>()) {
    if (const BuiltinDef *def = findBuiltin(builtin->name))
      return state->callBuiltin(*def, std::move(args), span);
    Value member = languageMember(builtin->name, span);
    if (!member.get<Constant::Builtin>())
      return call(member, std::move(args), span);
  }
  fail(Diag::not_callable, span, {describe(callee)});
}

Value Lowering::call(const Value &callee, llvm::ArrayRef<Value> args, Span span) {
  CallArgs actuals;
  for (const Value &arg : args)
    actuals.positional.push_back({arg, span});
  return call(callee, std::move(actuals), span);
}

Value Lowering::callNamed(std::string_view dottedName, llvm::ArrayRef<Value> args, Span span,
                          std::vector<std::pair<std::string, Value>> keywords) {
  CallArgs actuals;
  for (const Value &arg : args)
    actuals.positional.push_back({arg, span});
  for (auto &[name, value] : keywords)
    actuals.keywords.push_back({name, {value, span}});
  if (const BuiltinDef *def = findBuiltin(dottedName))
    return state->callBuiltin(*def, std::move(actuals), span);
  return call(languageMember(std::string(dottedName), span), std::move(actuals), span);
}

} // namespace tegula::lang
