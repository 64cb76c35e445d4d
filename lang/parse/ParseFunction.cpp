//===- ParseFunction.cpp - functions and whole files ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/parse/Parser.h"

#include <algorithm>

namespace tegula::lang {

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

std::unique_ptr<Function> Parser::parseOnlyFunction() {
  if (!isOp("@") && !isKeyword("def") && !isKeyword("async"))
    refuse(Diag::syntax_no_function, peek().span, {found()});
  std::vector<ExprPtr> decorators;
  parseDecorators(decorators);
  if (isKeyword("async"))
    refuse(Diag::syntax_async, peek().span);
  if (!isKeyword("def"))
    refuse(Diag::syntax_no_function, peek().span, {found()});
  return parseFunction(std::move(decorators));
}

void Parser::parseDecorators(std::vector<ExprPtr> &out) {
  Scoped<bool> anything(lenient, true);
  while (acceptOp("@")) {
    out.push_back(parseTest());
    expectNewline();
  }
}

std::unique_ptr<Function> Parser::parseFunction(std::vector<ExprPtr> decorators) {
  auto function = std::make_unique<Function>();
  function->decorators = std::move(decorators);
  parseHeader(*function);
  parseBody(*function);
  return function;
}

void Parser::parseHeader(Function &function) {
  uint32_t begin = take().span.begin;
  function.name = identifier(expectName("the name of the function"));
  Scoped<bool> anything(lenient, true);
  parseParams(function);
  function.span = from(begin);
  if (acceptOp("->"))
    function.returns = parseExprList();
}

Param Parser::parseParam(Param::Kind kind) {
  Token name = expectName("the name of a parameter");
  Param param;
  param.name = identifier(name);
  param.kind = kind;
  param.span = name.span;
  if (acceptOp(":"))
    param.annotation = kind == Param::Kind::VarPositional ? parseStarOr(&Parser::parseTest) : parseTest();
  bool takesDefault = kind == Param::Kind::Positional || kind == Param::Kind::KeywordOnly;
  if (takesDefault && acceptOp("="))
    param.defaultValue = parseTest();
  return param;
}

void Parser::parseParams(Function &function) {
  using K = Param::Kind;
  auto misplaced = [&](Span span, std::string what) { refuse(Diag::syntax_parameter_order, span, {what}); };
  std::vector<Param> &params = function.params;
  expectOp("(");
  bool keywordOnly = false, ended = false, hasSlash = false;
  while (!isOp(")")) {
    Token first = peek();
    if (ended)
      misplaced(first.span, "a parameter after '**'");
    if (acceptOp("/")) {
      if (keywordOnly || hasSlash || params.empty())
        misplaced(first.span, "'/' stands behind plain parameters, and once");
      hasSlash = true;
    } else if (acceptOp("**")) {
      params.push_back(parseParam(K::VarKeyword));
      ended = true;
    } else if (acceptOp("*")) {
      if (keywordOnly)
        misplaced(first.span, "a second '*' among the parameters");
      keywordOnly = true;
      if (!isOp(","))
        params.push_back(parseParam(K::VarPositional));
      else if (Lexer ahead = lexer; ahead.next().kind != TokenKind::Name)
        misplaced(first.span, "'*' without a keyword-only parameter behind it");
    } else {
      Param param = parseParam(keywordOnly ? K::KeywordOnly : K::Positional);
      bool afterDefault =
          !params.empty() && params.back().kind == K::Positional && params.back().defaultValue;
      if (param.kind == K::Positional && !param.defaultValue && afterDefault)
        misplaced(param.span, "a parameter without a default after one with a default");
      params.push_back(std::move(param));
    }
    if (!params.empty())
      for (size_t i = 0; i + 1 < params.size(); ++i)
        if (params[i].name == params.back().name)
          refuse(Diag::syntax_repeated_parameter, params.back().span, {params.back().name});
    if (!acceptOp(","))
      break;
  }
  if (!isOp(")"))
    fail("',' or ')'");
  take();
}

void Parser::parseBody(Function &function) {
  Scoped<int> noLoop(loops, 0);
  function.body = parseBlock("'def'", function.span);
  if (function.body.empty() || function.body[0]->kind != Stmt::Kind::Expr)
    return;
  Expr &first = *function.body[0]->value;
  if (first.kind != Expr::Kind::Str)
    return;
  function.docstring = std::move(first.text);
  function.body.erase(function.body.begin());
}

//===----------------------------------------------------------------------===//
// Whole files
//===----------------------------------------------------------------------===//

ModuleAst Parser::parseModule() {
  ModuleAst module;
  while (!is(TokenKind::End))
    parseModuleStatement(module);
  return module;
}

/// Skips to behind the end of the line.
void Parser::skipLogicalLine() {
  for (;;) {
    if (is(TokenKind::End))
      return;
    Token t = take();
    if (t.kind == TokenKind::Newline)
      return;
    if (t.kind == TokenKind::FString)
      lexer.skipFString(t);
  }
}

/// The names that a kernel must not read as constants since the file gives them other values later.
static void forget(ModuleAst &module, const std::string &name) {
  std::erase_if(module.assignments, [&](const StmtPtr &stmt) {
    return std::any_of(stmt->targets.begin(), stmt->targets.end(),
                       [&](const ExprPtr &target) { return target->text == name; });
  });
}

static void forgetTarget(ModuleAst &module, const Expr &target) {
  using K = Expr::Kind;
  if (target.kind == K::Name)
    forget(module, target.text);
  if (target.kind == K::Tuple || target.kind == K::List || target.kind == K::Starred)
    for (const ExprPtr &item : target.items)
      forgetTarget(module, *item);
}

/// Skips a line and the block that belongs to it. Names that the block may assign are forgotten, unless they are local
/// to it (class, def) or the block does not run in a file that is imported (`if __name__ == ...`).
void Parser::skipStatement(ModuleAst &module) {
  bool isScope = isKeyword("class") || isKeyword("def") || isKeyword("async");
  bool isIf = isKeyword("if");
  bool isFirst = true;
  Token previous, beforePrevious;
  for (int depth = 0;;) {
    if (is(TokenKind::End))
      return;
    if (is(TokenKind::Newline) && depth == 0) {
      take();
      if (!is(TokenKind::Indent))
        return;
    }
    Token t = take();
    depth += t.kind == TokenKind::Indent;
    if (t.kind == TokenKind::Dedent && --depth == 0)
      return;
    if (t.kind == TokenKind::FString)
      lexer.skipFString(t);
    if (isIf && !isFirst && previous.text == "if" && t.text == "__name__")
      isScope = true;
    isFirst = false;
    bool startsLine = beforePrevious.kind == TokenKind::Newline || beforePrevious.kind == TokenKind::Indent ||
                      beforePrevious.kind == TokenKind::Dedent || beforePrevious.text == ":" ||
                      beforePrevious.text == ";" || beforePrevious.kind == TokenKind::End;
    bool assigns = t.kind == TokenKind::Op && t.text.back() == '=' && t.text != "==" && t.text != "!=" &&
                   t.text != "<=" && t.text != ">=";
    if (!isScope && assigns && startsLine && previous.kind == TokenKind::Name && lexer.openBrackets().empty())
      forget(module, identifier(previous));
    beforePrevious = previous;
    previous = t;
  }
}

void Parser::parseModuleStatement(ModuleAst &module) {
  if (is(TokenKind::Indent))
    refuse(Diag::syntax_unexpected_indent, peek().span);
  if (is(TokenKind::Newline) || is(TokenKind::Dedent)) {
    take();
    return;
  }
  if (isOp("@") || isKeyword("def"))
    return parseModuleFunction(module);
  if (isKeyword("import") || isKeyword("from"))
    return parseImport(module);
  if (!is(TokenKind::Name))
    return skipStatement(module);
  State state = save();
  try {
    parseModuleAssignment(module);
  } catch (const Error &) {
    restore(state);
    skipStatement(module);
  }
}

void Parser::parseModuleFunction(ModuleAst &module) {
  std::vector<ExprPtr> decorators;
  parseDecorators(decorators);
  if (!isKeyword("def"))
    return skipStatement(module); // a class, or an `async def`
  State state = save();
  auto function = std::make_unique<Function>();
  function->decorators = std::move(decorators);
  try {
    parseHeader(*function);
    parseBody(*function);
  } catch (const Error &error) {
    if (function->name.empty()) // not even Python
      throw;
    function->refused = error;
    function->body.clear();
    restore(state);
    skipStatement(module);
  }
  module.functions.push_back(std::move(function));
}

/// A line that begins with a name. Keeps `NAME = value`, `A = B = value` and `NAME: annotation = value`.
void Parser::parseModuleAssignment(ModuleAst &module) {
  Scoped<bool> anything(lenient, true);
  Block line;
  parseSimpleLine(line);
  for (StmtPtr &stmt : line) {
    for (const ExprPtr &target : stmt->targets)
      forgetTarget(module, *target);
    bool isAssignment =
        stmt->kind == Stmt::Kind::Assign || (stmt->kind == Stmt::Kind::AnnAssign && stmt->value);
    bool toNames = std::all_of(stmt->targets.begin(), stmt->targets.end(),
                               [](const ExprPtr &target) { return target->kind == Expr::Kind::Name; });
    if (isAssignment && toNames)
      module.assignments.push_back(std::move(stmt));
  }
}

std::string Parser::parseDotted() {
  std::string text;
  while (isOp(".") || isOp("..."))
    text += take().text;
  if (!text.empty() && isKeyword("import"))
    return text; // from . import x
  text += identifier(expectName("the name of a module"));
  while (acceptOp("."))
    text += "." + identifier(expectName("the name of a module"));
  return text;
}

void Parser::parseImport(ModuleAst &module) {
  uint32_t begin = here();
  auto parseAs = [&](ModuleAst::Import &import) {
    if (acceptKeyword("as"))
      import.as = identifier(expectName("a name"));
    import.span = from(begin);
    module.imports.push_back(import);
  };
  if (acceptKeyword("import")) {
    do {
      ModuleAst::Import import;
      import.module = parseDotted();
      parseAs(import);
    } while (acceptOp(","));
  } else {
    take();
    std::string from = parseDotted();
    expectKeyword("import");
    bool hasParentheses = acceptOp("(");
    do {
      if (isOp(")"))
        break;
      ModuleAst::Import import;
      import.module = from;
      import.member = isOp("*") ? std::string(take().text) : identifier(expectName("a name"));
      parseAs(import);
    } while (acceptOp(","));
    if (hasParentheses)
      expectOp(")");
  }
  if (!acceptOp(";"))
    expectNewline();
}

} // namespace tegula::lang
