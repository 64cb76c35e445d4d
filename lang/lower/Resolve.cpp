//===- Resolve.cpp - what a name stands for ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/ForkSafe.h"
#include "lang/lower/Impl.h"

#include <algorithm>

namespace tegula::lang {

//===----------------------------------------------------------------------===//
// Names of a body
//===----------------------------------------------------------------------===//

/// Python's own functions that a kernel may call by their bare names.
static bool isPythonName(const std::string &name) { return findBuiltin("builtins." + name) != nullptr; }

static std::vector<std::string> knownNames(const Scope &scope) {
  std::vector<std::string> names;
  for (const auto &[name, variable] : scope)
    names.push_back(name);
  for (const BuiltinDef &def : pythonBuiltins())
    if (std::string_view(def.name).starts_with("builtins."))
      names.push_back(def.name + 9);
  names.insert(names.end(), {"tl", "True", "False", "None"});
  return names;
}

std::string nearest(std::string_view name, const std::vector<std::string> &candidates) {
  std::string best;
  size_t limit = name.size() < 4 ? 2 : 3; // distances below it count
  for (const std::string &candidate : candidates) {
    // Insertions, deletions, substitutions and swaps of two neighbours cost 1 each.
    std::vector<size_t> row(candidate.size() + 1), above, aboveThat;
    for (size_t j = 0; j <= candidate.size(); ++j)
      row[j] = j;
    for (size_t i = 1; i <= name.size(); ++i) {
      aboveThat = std::move(above);
      above = row;
      row[0] = i;
      for (size_t j = 1; j <= candidate.size(); ++j) {
        row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (name[i - 1] != candidate[j - 1])});
        if (i > 1 && j > 1 && name[i - 1] == candidate[j - 2] && name[i - 2] == candidate[j - 1])
          row[j] = std::min(row[j], aboveThat[j - 2] + 1);
      }
    }
    if (row.back() < limit && row.back() < name.size()) {
      limit = row.back();
      best = candidate;
    }
  }
  return best;
}

static std::string hint(const std::string &near) {
  return near.empty() ? "" : " (did you mean '" + near + "'?)";
}

Value Lowering::Impl::readName(const std::string &name, Span span) {
  auto it = scope().find(name);
  if (it != scope().end()) {
    const Variable &variable = it->second;
    if (!variable.poison)
      return variable.value;
    Diagnostic diagnostic = makeDiagnostic(variable.poison->id, span, variable.poison->args);
    diagnostic.notes = variable.poison->notes;
    failWith(std::move(diagnostic));
  }
  auto &resolver = frame().function->resolver;
  if (resolver) {
    auto found = resolver->lookup(name);
    if (found) {
      bool plain = std::holds_alternative<bool>(found->value.value) ||
                   std::holds_alternative<double>(found->value.value) ||
                   std::holds_alternative<Constant::Int>(found->value.value) ||
                   std::holds_alternative<std::string>(found->value.value);
      if (auto *tuple = std::get_if<Constant::Tuple>(&found->value.value))
        plain = tuple->fields.empty();
      if (plain && !found->isConstexpr)
        l.fail(Diag::global_not_constexpr, span, {name, repr(Value(found->value))});
      if (auto *opaque = std::get_if<Constant::Opaque>(&found->value.value))
        l.fail(Diag::opaque_global, span, {name, opaque->what});
      dependencies.push_back({resolver, name, found->value});
      return Value(found->value);
    }
  }
  if (isPythonName(name))
    return Value::builtin("builtins." + name);
  l.fail(Diag::undefined_name, span, {name, hint(nearest(name, knownNames(scope())))});
}

void Lowering::Impl::assign(const std::string &name, Value value, Span span) {
  scope()[name] = Variable{std::move(value), span, nullptr, nullptr};
}

const Value *Lowering::Impl::hidden(std::string_view name) {
  auto it = scope().find(name);
  return it == scope().end() ? nullptr : &it->second.value;
}

void Lowering::Impl::setHidden(std::string_view name, Value value, Span span) {
  assign(std::string(name), std::move(value), span);
}

//===----------------------------------------------------------------------===//
// Members of the language
//===----------------------------------------------------------------------===//

/// Triton's modules are all reached through `tl` too: tl.core.load, tl.math.exp, tl.extra.cuda.libdevice.exp.
static std::string canonical(std::string_view name) {
  for (std::string_view prefix : {"core.", "standard.", "random.", "language."})
    if (name.starts_with(prefix))
      return canonical(name.substr(prefix.size()));
  for (std::string_view prefix : {"extra.cuda.libdevice", "extra.hip.libdevice", "libdevice"})
    if (name.starts_with(prefix))
      return "extra.libdevice" + std::string(name.substr(prefix.size()));
  return std::string(name);
}

/// Classes that a kernel names in `isinstance` or an annotation only.
static bool isClassName(std::string_view name) {
  return name == "tensor" || name == "dtype" || name == "pointer_type" || name == "block_type" ||
         name == "const" || name == "constexpr" || name == "tuple" || name == "range" ||
         name == "static_range";
}

static std::vector<std::string> languageNames() {
  std::vector<std::string> names = stdFunctionNames();
  for (auto group : allBuiltins())
    for (const BuiltinDef &def : group)
      names.emplace_back(def.name);
  for (ScalarKind kind = ScalarKind::Void; kind <= ScalarKind::F64;
       kind = static_cast<ScalarKind>(static_cast<int>(kind) + 1))
    names.emplace_back(longName(kind));
  return names;
}

static bool isNamespace(const std::string &name) {
  for (std::string_view known : {"core", "standard", "random", "math", "extra", "extra.cuda", "extra.hip",
                                 "extra.libdevice", "target_info", "language"})
    if (name == known)
      return true;
  std::string prefix = name + ".";
  for (const auto &[constant, value] : namedStringConstants())
    if (std::string_view(constant).starts_with(prefix))
      return true;
  auto names = languageNames();
  return std::any_of(names.begin(), names.end(), [&](const std::string &n) { return n.starts_with(prefix); });
}

std::optional<Constant> languageConstant(std::string_view dottedName) {
  if (dottedName == "pi32_t")
    return Constant{pointerTo(ScalarKind::I32)};
  // Short names are types of a signature, not names of the language.
  ScalarKind kind = scalarKindNamed(dottedName);
  if (dottedName == "void" || (kind != ScalarKind::Void && dottedName == longName(kind)))
    return Constant{scalarType(kind)};
  for (const auto &[name, value] : namedStringConstants())
    if (dottedName == name)
      return Constant{std::string(value)};
  return std::nullopt;
}

std::optional<Value> findLanguageMember(const std::string &dottedName) {
  std::string name = canonical(dottedName);
  auto member = [&](std::string_view n) -> std::optional<Value> {
    if (auto constant = languageConstant(n))
      return Value(*constant);
    if (findBuiltin(n) || isClassName(n))
      return Value::builtin(std::string(n));
    if (auto fn = stdFunction(n))
      return Value::function(fn);
    return std::nullopt;
  };
  if (!name.starts_with("builtins."))
    if (auto value = member(name))
      return *value;
  // tl.math.exp is tl.exp and the other way round; libdevice has both under its own names.
  size_t dot = name.rfind('.');
  std::string last = dot == std::string::npos ? name : name.substr(dot + 1);
  if (name.starts_with("math.") || name.starts_with("extra.libdevice.")) {
    if (auto value = member("math." + last))
      return *value;
    if (auto value = member(last))
      return *value;
  } else if (dot == std::string::npos) {
    if (auto value = member("math." + last); value && last != "abs")
      return *value;
  }
  if (isNamespace(name))
    return Value(Constant{Constant::Module{true, name, nullptr}});
  return std::nullopt;
}

Value Lowering::languageMember(const std::string &dottedName, Span span) {
  if (auto value = findLanguageMember(dottedName))
    return *value;
  std::string name = canonical(dottedName);
  if (constexpr std::string_view python = "builtins."; dottedName.starts_with(python)) {
    std::string list;
    for (const BuiltinDef &def : pythonBuiltins())
      if (std::string_view name = def.name; name.starts_with(python))
        list += (list.empty() ? "" : ", ") + std::string(name.substr(python.size()));
    fail(Diag::python_function, span, {dottedName.substr(python.size()), list});
  }
  fail(Diag::undefined_language_member, span, {dottedName, hint(nearest(name, languageNames()))});
}

//===----------------------------------------------------------------------===//
// Places and failures
//===----------------------------------------------------------------------===//

std::string Lowering::Impl::frameNote(const Frame &frame) const {
  return "in '" + frame.function->qualifiedName + "', called from here";
}

void Lowering::Impl::failWith(Diagnostic diagnostic) {
  // What is wrong inside of a library function is wrong with its call: the user's own text is shown.
  size_t user = frames.size();
  while (user > 1 && llvm::StringRef(frames[user - 1]->function->source.file).starts_with("<tegula>/"))
    --user;
  if (user < frames.size())
    diagnostic.span = frames[user]->callSite;
  const Frame *last = nullptr;
  for (size_t i = user; i-- > 1;) {
    bool repeated = last && last->callSite.source == frames[i]->callSite.source &&
                    last->callSite.begin == frames[i]->callSite.begin;
    if (!repeated) // a recursion comes by the same place again and again
      diagnostic.notes.push_back({frames[i]->callSite, frameNote(*frames[i])});
    last = frames[i].get();
  }
  throw Error(std::move(diagnostic));
}

void Lowering::fail(Diag id, Span span, const std::vector<std::string> &args) {
  state->failWith(makeDiagnostic(id, span, args));
}

mlir::Location Lowering::loc(Span span) {
  auto &frames = state->frames;
  Frame *frame = frames.empty() ? nullptr : frames.back().get();
  // Line and column are found by walking the text, so each place is looked up once.
  mlir::LocationAttr &plain = state->places[{span.source, span.begin}];
  if (!plain)
    plain = span ? mlir::LocationAttr(
                       mlir::FileLineColLoc::get(context(), span.source->file, span.line(), span.column()))
                 : mlir::LocationAttr(builder.getUnknownLoc());
  mlir::Location location(plain);
  if (!frame || !frame->caller)
    return location;
  return mlir::CallSiteLoc::get(location, mlir::Location(frame->caller));
}

Lowering::Lowering(mlir::MLIRContext &context, const Options &options,
                   std::function<void(const std::string &)> print)
    : builder(&context), opts(options), printer(std::move(print)), state(std::make_unique<Impl>(*this)) {}
Lowering::~Lowering() = default;

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

JitFunction::JitFunction(SourceFile source, std::string qualifiedName, std::shared_ptr<Resolver> resolver)
    : source(std::move(source)), qualifiedName(std::move(qualifiedName)), resolver(std::move(resolver)) {}

const Function &JitFunction::ast() const {
  // Library functions are shared by every compilation of the process.
  static auto &mutex = *new ForkSafeMutex;
  std::lock_guard lock(mutex);
  if (!tree)
    tree = parseFunction(source);
  return *tree;
}

} // namespace tegula::lang
