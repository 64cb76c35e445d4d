//===- ParseStmt.cpp - statements ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/parse/Parser.h"

namespace tegula::lang {

using Kind = Stmt::Kind;

static StmtPtr makeStmt(Kind kind, Span span) { return std::make_unique<Stmt>(kind, span); }

//===----------------------------------------------------------------------===//
// Blocks and lines
//===----------------------------------------------------------------------===//

/// From the colon on. `what` names the statement for the error about a missing block.
Block Parser::parseBlock(std::string_view what, Span header) {
  expectOp(":");
  Nest nest(*this);
  Block block;
  if (!is(TokenKind::Newline)) {
    parseSimpleLine(block);
    return block;
  }
  take();
  if (!is(TokenKind::Indent))
    refuse(Diag::syntax_no_block, header, {std::string(what)});
  take();
  while (!is(TokenKind::Dedent))
    parseStatement(block);
  take();
  return block;
}

void Parser::parseStatement(Block &out) {
  if (is(TokenKind::Indent))
    refuse(Diag::syntax_unexpected_indent, peek().span);
  if (StmtPtr compound = parseCompound())
    out.push_back(std::move(compound));
  else
    parseSimpleLine(out);
}

/// `a; b; c` and the end of the line.
void Parser::parseSimpleLine(Block &out) {
  do
    out.push_back(parseSimple());
  while (acceptOp(";") && !is(TokenKind::Newline));
  expectNewline();
}

//===----------------------------------------------------------------------===//
// Simple statements
//===----------------------------------------------------------------------===//

/// Throws if a statement of Python begins here that kernels do not have.
void Parser::refuseStatement() {
  static constexpr struct {
    std::string_view text;
    Diag id;
  } table[] = {
      {"del", Diag::syntax_del},        {"global", Diag::syntax_global}, {"nonlocal", Diag::syntax_nonlocal},
      {"try", Diag::syntax_try},        {"class", Diag::syntax_class},   {"async", Diag::syntax_async},
      {"def", Diag::syntax_nested_def}, {"import", Diag::syntax_import}, {"from", Diag::syntax_import}};
  const Token &t = peek();
  if (t.kind == TokenKind::Op && t.text == "@")
    refuse(Diag::syntax_nested_def, t.span);
  if (t.kind != TokenKind::Keyword)
    return;
  for (const auto &row : table)
    if (t.text == row.text)
      refuse(row.id, t.span, {std::string(t.text)});
}

StmtPtr Parser::parseSimple() {
  refuseStatement();
  const Token &t = peek();
  if (t.kind != TokenKind::Keyword)
    return parseAssignment();
  uint32_t begin = t.span.begin;
  if (t.text == "break" || t.text == "continue") {
    bool isBreak = t.text == "break";
    Token word = take();
    if (loops == 0)
      refuse(Diag::syntax_outside_loop, word.span, {std::string(word.text)});
    return makeStmt(isBreak ? Kind::Break : Kind::Continue, word.span);
  }
  if (t.text == "pass")
    return makeStmt(Kind::Pass, take().span);
  if (t.text == "return") {
    take();
    ExprPtr value;
    if (!is(TokenKind::Newline) && !isOp(";"))
      value = parseExprList();
    StmtPtr stmt = makeStmt(Kind::Return, from(begin));
    stmt->value = std::move(value);
    return stmt;
  }
  // Allowed where a constant condition keeps it from being reached, so the lowering refuses it.
  if (t.text == "raise") {
    take();
    ExprPtr value;
    if (!is(TokenKind::Newline) && !isOp(";"))
      value = parseTest();
    if (value && acceptKeyword("from"))
      parseTest();
    StmtPtr stmt = makeStmt(Kind::Raise, from(begin));
    stmt->value = std::move(value);
    return stmt;
  }
  if (t.text == "assert") {
    take();
    ExprPtr test = parseTest(), message;
    if (acceptOp(","))
      message = parseTest();
    StmtPtr stmt = makeStmt(Kind::Assert, from(begin));
    stmt->value = std::move(test);
    stmt->annotation = std::move(message);
    return stmt;
  }
  bool isStatement = t.text == "if" || t.text == "for" || t.text == "while" || t.text == "with" ||
                     t.text == "elif" || t.text == "else" || t.text == "except" || t.text == "finally";
  if (isStatement)
    fail("a statement");
  return parseAssignment();
}

/// An expression, or any assignment.
StmtPtr Parser::parseAssignment() {
  uint32_t begin = here();
  if (!is(TokenKind::Name) && !is(TokenKind::Keyword) && !is(TokenKind::Op) && peek().text.empty() &&
      !is(TokenKind::String))
    fail("a statement");
  ExprPtr first = parseExprList();
  const Token &t = peek();
  // `match` is a name wherever it can be one.
  bool continues =
      t.kind == TokenKind::Newline || (t.kind == TokenKind::Op && t.text != "{" && t.text != "...") ||
      (t.kind == TokenKind::Keyword && t.text != "None" && t.text != "True" && t.text != "False");
  bool isMatch = first->kind == Expr::Kind::Name && first->text == "match" && !continues;
  bool isMatchCall = first->kind == Expr::Kind::Call && first->items[0]->text == "match" && isOp(":");
  if (isMatch || isMatchCall)
    refuse(Diag::syntax_match, Span{&source, begin, begin + 5});
  if (t.kind == TokenKind::Op) {
    if (t.text == ":")
      return parseAnnotated(std::move(first), begin);
    bool isAugmented = t.text.size() >= 2 && t.text.back() == '=' && t.text != "==" && t.text != "!=" &&
                       t.text != "<=" && t.text != ">=" && t.text != ":=";
    if (isAugmented)
      return parseAugmented(std::move(first), begin);
  }
  if (!isOp("=")) {
    StmtPtr stmt = makeStmt(Kind::Expr, from(begin));
    stmt->value = std::move(first);
    return stmt;
  }
  std::vector<ExprPtr> targets;
  ExprPtr value = std::move(first);
  while (acceptOp("=")) {
    checkTarget(*value);
    targets.push_back(std::move(value));
    value = parseExprList();
  }
  StmtPtr stmt = makeStmt(Kind::Assign, from(begin));
  stmt->targets = std::move(targets);
  stmt->value = std::move(value);
  return stmt;
}

StmtPtr Parser::parseAugmented(ExprPtr target, uint32_t begin) {
  checkTarget(*target, /*single=*/true);
  std::string_view op = take().text;
  op.remove_suffix(1);
  BinaryOp binary = BinaryOp::Add;
  while (op != spelling(binary)) // the lexer makes no others
    binary = BinaryOp(int(binary) + 1);
  ExprPtr value = parseExprList();
  StmtPtr stmt = makeStmt(Kind::AugAssign, from(begin));
  stmt->targets.push_back(std::move(target));
  stmt->value = std::move(value);
  stmt->binary = binary;
  return stmt;
}

StmtPtr Parser::parseAnnotated(ExprPtr target, uint32_t begin) {
  checkTarget(*target, /*single=*/true);
  take();
  ExprPtr annotation = parseTest(), value;
  if (acceptOp("="))
    value = parseExprList();
  StmtPtr stmt = makeStmt(Kind::AnnAssign, from(begin));
  stmt->targets.push_back(std::move(target));
  stmt->annotation = std::move(annotation);
  stmt->value = std::move(value);
  return stmt;
}

static const char *describe(const Expr &expr) {
  switch (expr.kind) {
  case Expr::Kind::Int:
  case Expr::Kind::Float:
  case Expr::Kind::Str:
  case Expr::Kind::FString: return "a literal";
  case Expr::Kind::Bool: return expr.truth ? "True" : "False";
  case Expr::Kind::None: return "None";
  case Expr::Kind::Ellipsis: return "'...'";
  case Expr::Kind::Call: return "the result of a call";
  case Expr::Kind::Compare: return "a comparison";
  case Expr::Kind::IfExp: return "a conditional expression";
  case Expr::Kind::ListComp: return "a list comprehension";
  case Expr::Kind::Tuple: return "several names here";
  case Expr::Kind::List: return "a list here";
  case Expr::Kind::Starred: return "a starred expression here";
  default: return "the result of an operator";
  }
}

/// Throws unless `target` can be assigned to; `single`: a tuple cannot.
void Parser::checkTarget(const Expr &target, bool single) {
  using K = Expr::Kind;
  if (target.kind == K::Name || target.kind == K::Attribute || target.kind == K::Subscript)
    return;
  if (single || (target.kind != K::Tuple && target.kind != K::List))
    refuse(Diag::syntax_assign_target, target.span, {describe(target)});
  int stars = 0;
  for (const ExprPtr &item : target.items) {
    bool isStarred = item->kind == K::Starred;
    stars += isStarred;
    if (stars > 1)
      refuse(Diag::syntax_assign_target, item->span, {"two starred names"});
    checkTarget(isStarred ? *item->items[0] : *item);
  }
}

//===----------------------------------------------------------------------===//
// Compound statements
//===----------------------------------------------------------------------===//

/// Null if the next token begins none.
StmtPtr Parser::parseCompound() {
  refuseStatement();
  if (isKeyword("if"))
    return parseIf();
  if (isKeyword("for"))
    return parseFor();
  if (isKeyword("while"))
    return parseWhile();
  if (isKeyword("with"))
    return parseWith();
  return nullptr;
}

ExprPtr Parser::parseCondition() {
  ExprPtr test = parseTest();
  if (isOp("="))
    refuse(Diag::syntax_assign_in_test, peek().span);
  return test;
}

void Parser::parseElse(Block &out) {
  Token word = take();
  if (isKeyword("if"))
    refuse(Diag::syntax_else_if, word.span.to(peek().span));
  out = parseBlock("'else'", word.span);
}

/// At `if` or `elif`. An `elif` is an `if` alone in the else block, so a long chain is a deep tree.
StmtPtr Parser::parseIf() {
  Nest nest(*this);
  Token word = take();
  ExprPtr test = parseCondition();
  StmtPtr stmt = makeStmt(Kind::If, from(word.span.begin));
  stmt->value = std::move(test);
  stmt->body = parseBlock("'" + std::string(word.text) + "'", stmt->span);
  if (isKeyword("elif"))
    stmt->orElse.push_back(parseIf());
  else if (isKeyword("else"))
    parseElse(stmt->orElse);
  return stmt;
}

StmtPtr Parser::parseFor() {
  Token word = take();
  ExprPtr target = parseTargetList();
  expectKeyword("in");
  ExprPtr iterable = parseExprList();
  StmtPtr stmt = makeStmt(Kind::For, from(word.span.begin));
  stmt->targets.push_back(std::move(target));
  stmt->value = std::move(iterable);
  {
    Scoped<int> inLoop(loops, loops + 1);
    stmt->body = parseBlock("'for'", stmt->span);
  }
  if (isKeyword("else"))
    parseElse(stmt->orElse);
  return stmt;
}

StmtPtr Parser::parseWhile() {
  Token word = take();
  ExprPtr test = parseCondition();
  StmtPtr stmt = makeStmt(Kind::While, from(word.span.begin));
  stmt->value = std::move(test);
  {
    Scoped<int> inLoop(loops, loops + 1);
    stmt->body = parseBlock("'while'", stmt->span);
  }
  if (isKeyword("else"))
    parseElse(stmt->orElse);
  return stmt;
}

/// `context as name, ...`
void Parser::parseWithItems(Stmt &with) {
  do {
    if (isOp(")"))
      return;
    with.contexts.push_back(parseTest());
    with.targets.push_back(nullptr);
    if (acceptKeyword("as")) {
      with.targets.back() = parseStarOr(&Parser::parsePostfix);
      checkTarget(*with.targets.back());
    }
  } while (acceptOp(","));
}

StmtPtr Parser::parseWith() {
  Token word = take();
  StmtPtr stmt = makeStmt(Kind::With, word.span);
  bool isParenthesised = false;
  if (isOp("(")) {
    // Either parentheses around all items, or those of the first item's expression.
    State state = save();
    try {
      take();
      parseWithItems(*stmt);
      isParenthesised = acceptOp(")") && isOp(":") && !stmt->contexts.empty();
    } catch (const Error &) {
    }
    if (!isParenthesised) {
      restore(state);
      stmt->contexts.clear();
      stmt->targets.clear();
    }
  }
  if (!isParenthesised)
    parseWithItems(*stmt);
  stmt->span = from(word.span.begin);
  stmt->body = parseBlock("'with'", stmt->span);
  return stmt;
}

} // namespace tegula::lang
