//===- Library.cpp - the tables of functions of the language ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Impl.h"

#include <mutex>
#include <unordered_map>

namespace tegula::lang {

std::span<const std::span<const BuiltinDef>> allBuiltins() {
  static const std::span<const BuiltinDef> groups[] = {
      programBuiltins(), creationBuiltins(), shapeBuiltins(), memoryBuiltins(), descriptorBuiltins(),
      mathBuiltins(),    reduceBuiltins(),   dotBuiltins(),   typeBuiltins(),   pythonBuiltins(),
  };
  return groups;
}

const BuiltinDef *findBuiltin(std::string_view dottedName) {
  static const auto *table = [] {
    auto *map = new std::unordered_map<std::string_view, const BuiltinDef *>;
    for (auto group : allBuiltins())
      for (const BuiltinDef &def : group)
        map->emplace(def.name, &def);
    return map;
  }();
  auto it = table->find(dottedName);
  return it == table->end() ? nullptr : it->second;
}

//===----------------------------------------------------------------------===//
// The library written in the language
//===----------------------------------------------------------------------===//

std::span<const StdFile> stdFiles() {
  static constexpr StdFile files[] = {
#include "lang/std/files.inc"
      {nullptr, nullptr},
  };
  return std::span(files).first(std::size(files) - 1);
}

namespace {
/// Library functions see `tl`, each other, and Python's own functions.
class StdResolver : public Resolver {
public:
  std::string space;
  std::optional<Found> lookup(const std::string &name) override {
    if (name == "tl")
      return Found{Constant{Constant::Module{true, "", nullptr}}, true};
    auto fn = space.empty() ? nullptr : stdFunction(space + "." + name);
    if (!fn)
      fn = stdFunction(name);
    if (fn)
      return Found{Constant{fn}, true};
    return std::nullopt;
  }
  std::optional<Found> attribute(const Constant::Module &, const std::string &) override {
    return std::nullopt;
  }
};

struct StdEntry {
  std::shared_ptr<const JitFunction> function;
  bool isMethod = false;
};

/// Functions are cut out of their files by their first columns and parsed when first called: a process that uses
/// none of them pays for the cut only.
class StdLibrary {
public:
  static const StdLibrary &get() {
    static const StdLibrary *library = new StdLibrary;
    return *library;
  }
  std::unordered_map<std::string, StdEntry> functions;
  std::vector<std::string> names;

private:
  StdLibrary() {
    for (const StdFile &file : stdFiles())
      cut(file);
  }

  void cut(const StdFile &file) {
    std::string_view text = file.text;
    auto resolver = std::make_shared<StdResolver>();
    static constexpr std::string_view mark = "# space: ";
    size_t start = 0, first = std::string_view::npos;
    int line = 1, firstLine = 0;
    bool method = false;
    std::string name;
    auto close = [&](size_t end) {
      if (name.empty())
        return;
      std::string dotted = resolver->space.empty() ? name : resolver->space + "." + name;
      SourceFile source{std::string("<tegula>/") + file.name, firstLine,
                        std::string(text.substr(first, end - first))};
      functions[dotted] = {std::make_shared<JitFunction>(std::move(source), name, resolver), method};
      names.push_back(dotted);
      name.clear();
      first = std::string_view::npos;
      method = false;
    };
    for (; start < text.size(); ++line) {
      size_t end = text.find('\n', start);
      if (end == std::string_view::npos)
        end = text.size();
      std::string_view row = text.substr(start, end - start);
      if (row.starts_with(mark))
        resolver->space = row.substr(mark.size());
      bool isDef = row.starts_with("def "), isDecorator = row.starts_with("@");
      if (isDef || isDecorator) {
        if (!name.empty())
          close(start);
        if (first == std::string_view::npos) {
          first = start;
          firstLine = line;
        }
        method |= row.starts_with("@tensor_member");
        if (isDef)
          name = row.substr(4, row.find('(') - 4);
      }
      start = end + 1;
    }
    close(text.size());
  }
};
} // namespace

std::shared_ptr<const JitFunction> stdFunction(std::string_view dottedName) {
  const auto &functions = StdLibrary::get().functions;
  auto it = functions.find(std::string(dottedName));
  return it == functions.end() ? nullptr : it->second.function;
}

std::vector<std::string> stdFunctionNames() { return StdLibrary::get().names; }

std::string findMethod(std::string_view name) {
  const BuiltinDef *def = findBuiltin(name);
  if (!def)
    def = findBuiltin("math." + std::string(name));
  if (def && def->isMethod)
    return def->name;
  const auto &functions = StdLibrary::get().functions;
  auto it = functions.find(std::string(name));
  return it != functions.end() && it->second.isMethod ? std::string(name) : std::string();
}

} // namespace tegula::lang
