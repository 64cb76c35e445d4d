//===- Signatures.cpp - the functions of the language, for stubs and documentation ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Signatures.h"

#include "lang/lower/builtins/Common.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <set>

namespace tegula::lang {
namespace {

std::string textOf(const Expr &expr) {
  if (!expr.span)
    return "";
  return expr.span.source->text.substr(expr.span.begin, expr.span.end - expr.span.begin);
}

/// "(input, axis: tl.constexpr = None, *, keep_dims=False)" from a tree.
std::string signatureOf(const Function &function) {
  std::string text;
  bool keywordOnly = false;
  for (const Param &param : function.params) {
    if (!text.empty())
      text += ", ";
    if (param.kind == Param::Kind::KeywordOnly && !keywordOnly)
      text += "*, ";
    keywordOnly |= param.kind == Param::Kind::KeywordOnly || param.kind == Param::Kind::VarPositional;
    if (param.kind == Param::Kind::VarPositional)
      text += "*";
    if (param.kind == Param::Kind::VarKeyword)
      text += "**";
    text += param.name;
    if (param.annotation)
      text += ": " + textOf(*param.annotation);
    if (param.defaultValue)
      text += (param.annotation ? " = " : "=") + textOf(*param.defaultValue);
  }
  return "(" + text + ")";
}

llvm::json::Object entry(std::string_view name, std::string_view signature, std::string_view doc,
                         bool isMethod, bool supported) {
  return llvm::json::Object{{"name", std::string(name)},
                            {"signature", std::string(signature)},
                            {"doc", std::string(doc)},
                            {"isMethod", isMethod},
                            {"supported", supported}};
}

/// A private helper has an underscore before its last part; Python's own functions are not ours to document.
bool isPublic(std::string_view name) {
  return !name.starts_with("builtins.") && name.substr(name.rfind('.') + 1).front() != '_';
}

} // namespace

std::string builtinSignaturesJson() {
  std::set<std::string_view> missing;
  for (const BuiltinDef &def : unsupportedBuiltins())
    missing.insert(def.name);
  llvm::json::Array all;
  for (std::span<const BuiltinDef> group : allBuiltins())
    for (const BuiltinDef &def : group)
      if (isPublic(def.name))
        all.push_back(entry(def.name, def.signature, def.doc, def.isMethod, !missing.count(def.name)));
  for (const std::string &name : stdFunctionNames()) {
    if (!isPublic(name))
      continue;
    const Function &function = stdFunction(name)->ast();
    all.push_back(entry(name, signatureOf(function), function.docstring, findMethod(name) == name, true));
  }
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(all));
  return text;
}

} // namespace tegula::lang
