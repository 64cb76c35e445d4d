//===- Dump.cpp - the syntax tree as text ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/parse/Dump.h"

#include <cstdio>

namespace tegula::lang {

static std::string quote(const std::string &text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (uint8_t(c) < 0x20 || c == 0x7f) {
      char code[8];
      std::snprintf(code, sizeof code, "\\x%02x", unsigned(uint8_t(c)));
      out += code;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

static std::string dumpOrNone(const ExprPtr &expr) { return expr ? dump(*expr) : "()"; }

static std::string form(std::string head, const std::vector<ExprPtr> &items) {
  std::string out = "(" + std::move(head);
  for (const ExprPtr &item : items)
    out += " " + dumpOrNone(item);
  return out + ")";
}

static std::string dumpCompare(const Expr &expr) {
  std::string out = "(compare " + dump(*expr.items[0]);
  for (size_t i = 0; i < expr.compares.size(); ++i)
    out += std::string(" ") + spelling(expr.compares[i]) + " " + dump(*expr.items[i + 1]);
  return out + ")";
}

static std::string dumpCall(const Expr &expr) {
  std::string out = form("call", expr.items);
  out.pop_back();
  for (const Keyword &keyword : expr.keywords)
    out += (keyword.name.empty() ? " (**" : " (= " + keyword.name) + " " + dump(*keyword.value) + ")";
  return out + ")";
}

static std::string dumpPlain(const Expr &expr) {
  using K = Expr::Kind;
  switch (expr.kind) {
  case K::Name:
  case K::Int: return expr.text;
  case K::Float: {
    char number[48];
    std::snprintf(number, sizeof number, "(float %.17g)", expr.number);
    return number;
  }
  case K::Str: return quote(expr.text);
  case K::Bool: return expr.truth ? "True" : "False";
  case K::None: return "None";
  case K::Ellipsis: return "...";
  case K::FString: return form("fstring", expr.items);
  case K::Tuple: return form("tuple", expr.items);
  case K::List: return form("list", expr.items);
  case K::Unary: return form(spelling(expr.unary), expr.items);
  case K::Binary: return form(spelling(expr.binary), expr.items);
  case K::BoolOp: return form(expr.truth ? "and" : "or", expr.items);
  case K::Compare: return dumpCompare(expr);
  case K::IfExp: return form("if", expr.items);
  case K::Call: return dumpCall(expr);
  case K::Attribute: return "(. " + dump(*expr.items[0]) + " " + expr.text + ")";
  case K::Subscript: return form("index", expr.items);
  case K::Slice: return form("slice", expr.items);
  case K::Starred: return form("star", expr.items);
  case K::ListComp: return form("for", expr.items);
  case K::Opaque: return "(opaque " + quote(expr.text) + ")";
  }
  return "";
}

std::string dump(const Expr &expr) {
  if (expr.format.empty())
    return dumpPlain(expr);
  return "(format " + dumpPlain(expr) + " " + quote(expr.format) + ")";
}

static void dumpStmt(std::string &out, const Stmt &stmt, int depth);

static void dumpBlock(std::string &out, const Block &block, int depth) {
  for (const StmtPtr &stmt : block)
    dumpStmt(out, *stmt, depth);
}

static std::string head(const Stmt &stmt) {
  using K = Stmt::Kind;
  std::string targets;
  for (const ExprPtr &target : stmt.targets)
    targets += " " + dumpOrNone(target);
  switch (stmt.kind) {
  case K::Expr: return "(expr " + dump(*stmt.value);
  case K::Assign: return "(assign" + targets + " " + dump(*stmt.value);
  case K::AugAssign:
    return std::string("(") + spelling(stmt.binary) + "=" + targets + " " + dump(*stmt.value);
  case K::AnnAssign:
    return "(assign" + targets + " (: " + dump(*stmt.annotation) + ") " + dumpOrNone(stmt.value);
  case K::If: return "(if " + dump(*stmt.value);
  case K::For: return "(for" + targets + " " + dump(*stmt.value);
  case K::While: return "(while " + dump(*stmt.value);
  case K::Return: return "(return" + (stmt.value ? " " + dump(*stmt.value) : "");
  case K::Break: return "(break";
  case K::Continue: return "(continue";
  case K::Pass: return "(pass";
  case K::Raise: return "(raise" + (stmt.value ? " " + dump(*stmt.value) : "");
  case K::Assert:
    return "(assert " + dump(*stmt.value) + (stmt.annotation ? " " + dump(*stmt.annotation) : "");
  case K::With: {
    std::string out = "(with";
    for (size_t i = 0; i < stmt.contexts.size(); ++i)
      out += " (" + dump(*stmt.contexts[i]) + " " + dumpOrNone(stmt.targets[i]) + ")";
    return out;
  }
  }
  return "";
}

static void dumpStmt(std::string &out, const Stmt &stmt, int depth) {
  std::string indent = "\n" + std::string(size_t(depth) * 2, ' ');
  out += indent + head(stmt);
  dumpBlock(out, stmt.body, depth + 1);
  if (!stmt.orElse.empty()) {
    out += indent + " else";
    dumpBlock(out, stmt.orElse, depth + 1);
  }
  out += ")";
}

std::string dump(const Function &function) {
  std::string out = "(def " + function.name;
  for (const ExprPtr &decorator : function.decorators)
    out += "\n  (decorator " + dump(*decorator) + ")";
  for (const Param &param : function.params) {
    static constexpr const char *stars[] = {"", " keyword-only", " *", " **"};
    out += "\n  (param " + param.name + stars[size_t(param.kind)];
    if (param.annotation)
      out += " (: " + dump(*param.annotation) + ")";
    if (param.defaultValue)
      out += " (= " + dump(*param.defaultValue) + ")";
    out += ")";
  }
  if (function.returns)
    out += "\n  (returns " + dump(*function.returns) + ")";
  if (!function.docstring.empty())
    out += "\n  (doc " + quote(function.docstring) + ")";
  dumpBlock(out, function.body, 1);
  return out + ")";
}

} // namespace tegula::lang
