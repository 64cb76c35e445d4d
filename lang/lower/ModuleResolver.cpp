//===- ModuleResolver.cpp - names of a Python file, without Python ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/ModuleResolver.h"

#include "lang/lower/Impl.h"

#include "mlir/IR/MLIRContext.h"

#include <charconv>

namespace tegula::lang {

namespace {
using Found = Resolver::Found;

/// What a function of the file holds: the file's names for as long as somebody else keeps the file.
class Forwarder : public Resolver {
public:
  explicit Forwarder(std::weak_ptr<ModuleResolver> target) : target(std::move(target)) {}
  std::optional<Found> lookup(const std::string &name) override {
    auto resolver = target.lock();
    return resolver ? resolver->lookup(name) : std::nullopt;
  }
  std::optional<Found> attribute(const Constant::Module &module, const std::string &name) override {
    auto resolver = target.lock();
    return resolver ? resolver->attribute(module, name) : std::nullopt;
  }

private:
  std::weak_ptr<ModuleResolver> target;
};

bool isPackage(std::string_view root) { return root == "tegula" || root == "triton"; }

/// "tegula.language.math" is tl.math; nullopt for modules that are not the language.
std::optional<std::string> languagePath(const std::string &module) {
  size_t dot = module.find('.');
  if (dot == std::string::npos || !isPackage(std::string_view(module).substr(0, dot)))
    return std::nullopt;
  std::string rest = module.substr(dot + 1);
  if (rest == "language")
    return "";
  if (rest.starts_with("language."))
    return rest.substr(9);
  return std::nullopt;
}

Constant moduleConstant(const std::string &module) {
  if (auto path = languagePath(module))
    return Constant{Constant::Module{true, *path, nullptr}};
  return Constant{Constant::Module{false, module, nullptr}};
}

/// `tl.name` as a constant; nullopt if there is none.
std::optional<Constant> languageName(const std::string &name) {
  auto value = findLanguageMember(name);
  return value ? std::optional<Constant>(value->toConstant()) : std::nullopt;
}
} // namespace

std::shared_ptr<ModuleResolver> ModuleResolver::parse(std::string path, std::string text) {
  auto resolver = std::shared_ptr<ModuleResolver>(new ModuleResolver);
  resolver->source = SourceFile{std::move(path), 1, std::move(text)};
  const SourceFile &source = resolver->source;
  ModuleAst module = parseModule(source);
  for (const auto &import : module.imports)
    resolver->addImport(import.module, import.member, import.as);
  auto forwarder = std::make_shared<Forwarder>(resolver->weak_from_this());
  for (const auto &tree : module.functions) {
    // Each function keeps the text from its first decorator on; the parser stops where it ends.
    uint32_t begin = tree->decorators.empty() ? tree->span.begin : tree->decorators.front()->span.begin;
    size_t line = source.text.rfind('\n', begin);
    size_t start = line == std::string::npos ? 0 : line + 1;
    int firstLine = 1;
    for (size_t i = 0; i < start; ++i)
      firstLine += source.text[i] == '\n';
    SourceFile part{source.file, firstLine, source.text.substr(start)};
    resolver->functions[tree->name] = std::make_shared<JitFunction>(std::move(part), tree->name, forwarder);
  }
  for (const auto &stmt : module.assignments)
    resolver->addAssignment(*stmt);
  return resolver;
}

void ModuleResolver::addImport(const std::string &module, const std::string &member, const std::string &as) {
  if (member.empty()) {
    // `import tegula.language` binds `tegula`.
    std::string name = as.empty() ? module.substr(0, module.find('.')) : as;
    names[name] = Found{moduleConstant(as.empty() ? name : module), true};
    return;
  }
  std::string name = as.empty() ? member : as;
  if (auto path = languagePath(module)) {
    std::string dotted = path->empty() ? member : *path + "." + member;
    auto value = languageName(dotted);
    names[name] = Found{value ? *value : Constant{Constant::Opaque{"no part of '" + module + "'"}}, true};
    return;
  }
  names[name] = Found{moduleConstant(module + "." + member), true};
}

/// Constants only: what a file computes with Python's own means is not known here.
std::optional<Found> ModuleResolver::evaluate(const Expr &expr) {
  static mlir::MLIRContext *context = new mlir::MLIRContext(mlir::MLIRContext::Threading::DISABLED);
  static const Options options;
  Lowering l(*context, options, {});
  JitFunction world(source, "module", shared_from_this());
  auto frame = std::make_unique<Frame>();
  frame->function = &world;
  for (const auto &[name, found] : names)
    frame->scope[name] = Variable{Value(found.value), expr.span, nullptr, nullptr};
  l.impl().frames.push_back(std::move(frame));
  try {
    bool wrapped =
        expr.kind == Expr::Kind::Call && Lowering::Impl::isConstexprAnnotation(expr.items[0].get());
    Value value = l.impl().eval(expr);
    if (value.isConstexpr() && !value.asBlockType())
      return Found{value.toConstant(), wrapped};
  } catch (const Error &) {
    // Such a name is not defined for kernels, and they are told so when they use it.
  }
  return std::nullopt;
}

void ModuleResolver::addAssignment(const Stmt &stmt) {
  if (!stmt.value)
    return;
  auto found = evaluate(*stmt.value);
  if (!found)
    found = Found{Constant{Constant::Opaque{"not a constant"}}, false};
  if (stmt.kind == Stmt::Kind::AnnAssign)
    found->isConstexpr |= Lowering::Impl::isConstexprAnnotation(stmt.annotation.get());
  for (const ExprPtr &target : stmt.targets)
    if (target->kind == Expr::Kind::Name)
      names[target->text] = *found;
}

std::shared_ptr<const JitFunction> ModuleResolver::function(const std::string &name) const {
  auto it = functions.find(name);
  return it == functions.end() ? nullptr : it->second;
}

std::vector<std::string> ModuleResolver::functionNames() const {
  std::vector<std::string> result;
  for (const auto &[name, fn] : functions)
    result.push_back(name);
  return result;
}

std::optional<Found> ModuleResolver::lookup(const std::string &name) {
  if (auto fn = function(name))
    return Found{Constant{fn}, true};
  auto it = names.find(name);
  if (it == names.end())
    return std::nullopt;
  return it->second;
}

std::optional<Found> ModuleResolver::attribute(const Constant::Module &module, const std::string &name) {
  // tegula.language, tegula.constexpr...: a package whose `language` is the language.
  if (isPackage(module.path) && name == "language")
    return Found{Constant{Constant::Module{true, "", nullptr}}, true};
  if (isPackage(module.path))
    if (auto value = languageName(name))
      return Found{*value, true};
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Signatures
//===----------------------------------------------------------------------===//

static Argument parseArgument(const std::string &text) {
  size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Error(Diag::bad_signature, {text});
  Argument result;
  result.name = text.substr(0, equals);
  std::string value = text.substr(equals + 1);
  auto whole = [&](auto &number) {
    auto end = std::from_chars(value.data(), value.data() + value.size(), number);
    return end.ec == std::errc() && end.ptr == value.data() + value.size();
  };
  double number = 0;
  int64_t integer = 0;
  if (value == "None")
    result.constant = Constant{Constant::None{}};
  else if (value == "True" || value == "False")
    result.constant = Constant{value == "True"};
  else if (whole(integer))
    result.constant = Constant{Constant::Int(integer)};
  else if (whole(number))
    result.constant = Constant{number};
  else if (value.size() >= 2 && value.front() == '\'' && value.back() == '\'')
    result.constant = Constant{value.substr(1, value.size() - 2)};
  else if (value.starts_with("tl."))
    result.constant = Constant{parseDType(value.substr(3))};
  else {
    if (size_t colon = value.find(':'); colon != std::string::npos) {
      result.divisibility = std::max(1, std::atoi(value.c_str() + colon + 1));
      value.resize(colon);
    }
    result.type = parseDType(value);
  }
  return result;
}

std::vector<Argument> parseSignature(std::string_view text) {
  std::vector<Argument> arguments;
  while (!text.empty()) {
    size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    if (!part.empty())
      arguments.push_back(parseArgument(std::string(part)));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return arguments;
}

} // namespace tegula::lang
