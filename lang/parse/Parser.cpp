//===- Parser.cpp - what all rules of the grammar share ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/parse/Parser.h"

#include <algorithm>

namespace tegula::lang {

const char *spelling(BinaryOp op) {
  static constexpr const char *texts[] = {"+", "-",  "*",  "/", "//", "%", "**",
                                          "@", "<<", ">>", "&", "|",  "^"};
  return texts[size_t(op)];
}

const char *spelling(UnaryOp op) {
  static constexpr const char *texts[] = {"+", "-", "~", "not"};
  return texts[size_t(op)];
}

const char *spelling(CompareOp op) {
  static constexpr const char *texts[] = {"==", "!=", "<", "<=", ">", ">=", "is", "is not", "in", "not in"};
  return texts[size_t(op)];
}

Parser::Nest::Nest(Parser &parser) : parser(parser) {
  if (parser.nesting >= maxNesting)
    throw Error(Diag::syntax_too_deep, parser.peek().span, {std::to_string(maxNesting)});
  ++parser.nesting;
}

const Token &Parser::peek() {
  if (!hasToken) {
    token = lexer.next();
    hasToken = true;
  }
  return token;
}

Token Parser::take() {
  peek();
  hasToken = false;
  bool hasText = token.kind != TokenKind::Newline && token.kind != TokenKind::Indent &&
                 token.kind != TokenKind::Dedent && token.kind != TokenKind::End;
  if (hasText)
    lastEnd = token.span.end;
  return token;
}

bool Parser::acceptOp(std::string_view text) {
  if (!isOp(text))
    return false;
  take();
  return true;
}

bool Parser::acceptKeyword(std::string_view text) {
  if (!isKeyword(text))
    return false;
  take();
  return true;
}

void Parser::expectOp(std::string_view text) {
  if (!acceptOp(text))
    fail("'" + std::string(text) + "'");
}

void Parser::expectKeyword(std::string_view text) {
  if (!acceptKeyword(text))
    fail("'" + std::string(text) + "'");
}

Token Parser::expectName(std::string_view what) {
  if (!is(TokenKind::Name))
    fail(what);
  return take();
}

void Parser::expectNewline() {
  if (!is(TokenKind::Newline))
    fail("the end of the line");
  take();
}

/// The next token in words.
std::string Parser::found() {
  const Token &t = peek();
  switch (t.kind) {
  case TokenKind::Newline: return "the end of the line";
  case TokenKind::Indent: return "an indented line";
  case TokenKind::Dedent: return "the end of the block";
  case TokenKind::End: return "the end of the text";
  case TokenKind::String: return "a string";
  case TokenKind::FString: return "an f-string";
  case TokenKind::Bytes: return "bytes";
  default: return "'" + std::string(t.text) + "'";
  }
}

/// Whether the innermost bracket `bracket` has its partner somewhere behind the next token.
bool Parser::closesLater(const Lexer::Bracket &bracket) {
  Lexer ahead = lexer;
  auto isOpen = [&] {
    return std::any_of(ahead.openBrackets().begin(), ahead.openBrackets().end(),
                       [&](const Lexer::Bracket &b) { return b.at == bracket.at; });
  };
  try {
    if (hasToken && token.kind == TokenKind::FString)
      ahead.skipFString(token);
    while (isOpen()) {
      Token t = ahead.next();
      if (t.kind == TokenKind::End)
        return false;
      if (t.kind == TokenKind::FString)
        ahead.skipFString(t);
    }
  } catch (const Error &) {
    return false;
  }
  return true;
}

/// "expected `what`", or, where the mistake is a bracket further up that nothing closes, that.
void Parser::fail(std::string_view what) {
  const Token &t = peek();
  const std::vector<Lexer::Bracket> &open = lexer.openBrackets();
  size_t count = open.size();
  if (count && open.back().at == t.span.begin)
    --count;
  if (count && !closesLater(open[count - 1]))
    throw unclosedBracket(source, open[count - 1]);
  throw Error(Diag::syntax_expected, t.span, {std::string(what), found()});
}

void Parser::refuse(Diag id, Span span, const std::vector<std::string> &args) { throw Error(id, span, args); }

/// Skips tokens up to one of `stops`, a bracket that closes the one around here, or the end of the line.
void Parser::skipOperand(std::initializer_list<std::string_view> stops) {
  for (int depth = 0;;) {
    const Token &t = peek();
    if (t.kind == TokenKind::Newline || t.kind == TokenKind::End)
      return;
    bool isOperator = t.kind == TokenKind::Op;
    bool closes = isOperator && (t.text == ")" || t.text == "]" || t.text == "}");
    if (depth == 0 &&
        (closes || (isOperator && std::find(stops.begin(), stops.end(), t.text) != stops.end())))
      return;
    depth += isOperator && (t.text == "(" || t.text == "[" || t.text == "{");
    depth -= closes;
    Token taken = take();
    if (taken.kind == TokenKind::FString)
      lexer.skipFString(taken);
    lastEnd = std::max(lastEnd, lexer.position());
  }
}

ExprPtr Parser::make(Expr::Kind kind, uint32_t begin, std::vector<ExprPtr> items) {
  auto expr = std::make_unique<Expr>(kind, from(begin));
  int height = 0;
  for (const ExprPtr &item : items)
    height = std::max(height, item ? int(item->height) : 0);
  if (height >= maxHeight)
    throw Error(Diag::syntax_too_deep, expr->span, {std::to_string(maxHeight)});
  expr->height = uint16_t(height + 1);
  expr->items = std::move(items);
  return expr;
}

ExprPtr Parser::opaque(uint32_t begin) {
  ExprPtr expr = make(Expr::Kind::Opaque, begin);
  expr->text = source.text.substr(begin, expr->span.end - begin);
  return expr;
}

void Parser::restore(const State &state) {
  lexer = state.lexer;
  token = state.token;
  hasToken = state.hasToken;
  lastEnd = state.lastEnd;
}

std::unique_ptr<Function> parseFunction(const SourceFile &source) {
  return Parser(source, Lexer::Outside::End).parseOnlyFunction();
}

ModuleAst parseModule(const SourceFile &source) {
  return Parser(source, Lexer::Outside::Mistake).parseModule();
}

} // namespace tegula::lang
