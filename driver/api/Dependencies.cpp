//===- Dependencies.cpp - what a kernel took from outside, found again ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Dependencies.h"

#include <map>
#include <set>

namespace tegula::api {

using lang::Constant;
using lang::Dependency;
using lang::JitFunction;
using lang::Resolver;

namespace {

/// Looks recorded names up again. A member of a module is recorded as "<path of the module>.<member>", after the module.
class Finder {
public:
  std::optional<Resolver::Found> find(Resolver &resolver, const std::string &name) {
    size_t dot = name.rfind('.');
    if (dot == name.npos)
      return resolver.lookup(name);
    auto module = modules.find(name.substr(0, dot));
    return module == modules.end() ? std::nullopt : resolver.attribute(module->second, name.substr(dot + 1));
  }
  void note(const Constant &value) {
    if (auto *module = std::get_if<Constant::Module>(&value.value); module && !module->isLanguage)
      modules.emplace(module->path, *module);
  }

private:
  std::map<std::string, Constant::Module> modules;
};

} // namespace

static Digest digestOfValue(const Constant &value, bool isConstexpr, KnownResolvers &known, bool placed) {
  ByteWriter out;
  out.pod(isConstexpr);
  writeConstant(out, value, known, placed);
  return digestOf(out.bytes);
}

/// What the library's own functions take from their file is part of the compiler, not of the kernel.
static bool isOfLibrary(const Constant &value) {
  if (auto *module = std::get_if<Constant::Module>(&value.value))
    return module->isLanguage;
  if (auto *function = std::get_if<std::shared_ptr<const JitFunction>>(&value.value))
    return *function && (*function)->source.file.starts_with("<tegula>/");
  return std::holds_alternative<Constant::Builtin>(value.value);
}

std::optional<std::vector<DependencyKey>> describe(const std::vector<Dependency> &dependencies,
                                                   KnownResolvers known, bool placed) {
  std::vector<DependencyKey> keys;
  Finder finder;
  std::set<std::pair<const Resolver *, std::string_view>> seen;
  for (const Dependency &dependency : dependencies) {
    if (!seen.emplace(dependency.resolver.get(), dependency.name).second)
      continue;
    int number = known.find(dependency.resolver.get());
    if (number < 0 && isOfLibrary(dependency.value))
      continue;
    if (number < 0)
      return std::nullopt;
    auto found = finder.find(*dependency.resolver, dependency.name);
    if (!found)
      return std::nullopt;
    finder.note(dependency.value);
    keys.push_back({uint32_t(number), dependency.name,
                    digestOfValue(dependency.value, found->isConstexpr, known, placed)});
  }
  return keys;
}

std::optional<std::vector<Dependency>> match(const std::vector<DependencyKey> &keys, KnownResolvers known,
                                             bool placed) {
  std::vector<Dependency> out;
  Finder finder;
  for (const DependencyKey &key : keys) {
    auto resolver = known.at(key.resolver);
    auto found = resolver ? finder.find(*resolver, key.name) : std::nullopt;
    if (!found || digestOfValue(found->value, found->isConstexpr, known, placed) != key.value)
      return std::nullopt;
    finder.note(found->value);
    out.push_back({std::move(resolver), key.name, std::move(found->value)});
  }
  return out;
}

//===----------------------------------------------------------------------===//
// Frozen functions
//===----------------------------------------------------------------------===//

namespace {

/// The recorded values.
struct World {
  std::map<std::pair<const Resolver *, std::string>, Constant> values;
  std::map<const Resolver *, std::weak_ptr<Resolver>> resolvers;
};

std::shared_ptr<const JitFunction> copyOf(const std::shared_ptr<World> &world, const JitFunction &function);

class FrozenResolver final : public Resolver {
public:
  FrozenResolver(std::shared_ptr<World> world, std::shared_ptr<Resolver> live)
      : world(std::move(world)), live(std::move(live)) {}

  std::optional<Found> lookup(const std::string &name) override {
    auto found = recorded(name);
    return found ? found : live->lookup(name);
  }

  std::optional<Found> attribute(const Constant::Module &module, const std::string &name) override {
    auto found = recorded(module.path + "." + name);
    return found ? found : live->attribute(module, name);
  }

private:
  /// What is recorded was accepted by the language, so it counts as declared constexpr.
  std::optional<Found> recorded(const std::string &name) {
    auto at = world->values.find({live.get(), name});
    if (at == world->values.end())
      return std::nullopt;
    Constant value = at->second;
    freeze(value);
    return Found{std::move(value), true};
  }

  void freeze(Constant &value) {
    if (auto *function = std::get_if<std::shared_ptr<const JitFunction>>(&value.value); function && *function)
      *function = copyOf(world, **function);
    if (auto *tuple = std::get_if<Constant::Tuple>(&value.value))
      for (Constant &item : tuple->items)
        freeze(item);
  }

  std::shared_ptr<World> world;
  std::shared_ptr<Resolver> live;
};

std::shared_ptr<const JitFunction> copyOf(const std::shared_ptr<World> &world, const JitFunction &function) {
  std::shared_ptr<Resolver> resolver;
  if (function.resolver) {
    auto &slot = world->resolvers[function.resolver.get()];
    resolver = slot.lock();
    if (!resolver)
      slot = resolver = std::make_shared<FrozenResolver>(world, function.resolver);
  }
  auto copy = std::make_shared<JitFunction>(function.source, function.qualifiedName, std::move(resolver));
  copy->defaults = function.defaults;
  copy->noinline = function.noinline;
  return copy;
}

} // namespace

std::shared_ptr<const JitFunction> frozen(const JitFunction &function,
                                          const std::vector<Dependency> &dependencies) {
  auto world = std::make_shared<World>();
  for (const Dependency &dependency : dependencies)
    world->values.emplace(std::pair(dependency.resolver.get(), dependency.name), dependency.value);
  return copyOf(world, function);
}

} // namespace tegula::api
