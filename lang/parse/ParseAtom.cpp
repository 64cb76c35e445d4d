//===- ParseAtom.cpp - names, literals, brackets, f-strings ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/parse/Parser.h"

namespace tegula::lang {

using Kind = Expr::Kind;

//===----------------------------------------------------------------------===//
// Atoms
//===----------------------------------------------------------------------===//

/// As Python sees the name: the one letter of our range that NFKC changes is changed.
std::string Parser::identifier(const Token &name) const {
  std::string text(name.text);
  for (size_t i = text.find("\xc2\xb5"); i != std::string::npos; i = text.find("\xc2\xb5", i))
    text.replace(i, 2, "\xce\xbc");
  return text;
}

ExprPtr Parser::parseAtom() {
  const Token &t = peek();
  uint32_t begin = t.span.begin;
  switch (t.kind) {
  case TokenKind::Name: {
    Token name = take();
    ExprPtr expr = make(Kind::Name, begin);
    expr->text = identifier(name);
    return expr;
  }
  case TokenKind::Int: {
    Token number = take();
    ExprPtr expr = make(Kind::Int, begin);
    expr->text = decodeInt(number.text);
    return expr;
  }
  case TokenKind::Float: {
    Token number = take();
    ExprPtr expr = make(Kind::Float, begin);
    expr->number = decodeFloat(number.text);
    return expr;
  }
  case TokenKind::Imaginary:
    if (!lenient)
      refuse(Diag::syntax_imaginary, t.span, {std::string(t.text)});
    take();
    return opaque(begin);
  case TokenKind::Bytes:
    if (!lenient)
      refuse(Diag::syntax_bytes, t.span);
    while (is(TokenKind::Bytes))
      take();
    return opaque(begin);
  case TokenKind::String:
  case TokenKind::FString: return parseStrings();
  case TokenKind::Keyword: return parseKeywordAtom();
  case TokenKind::Op:
    if (t.text == "(")
      return parseParenthesised();
    if (t.text == "[")
      return parseList();
    if (t.text == "{")
      return parseBraces();
    if (t.text == "...") {
      take();
      return make(Kind::Ellipsis, begin);
    }
    break;
  default: break;
  }
  fail("an expression");
}

ExprPtr Parser::parseKeywordAtom() {
  Token t = peek();
  uint32_t begin = t.span.begin;
  if (t.text == "True" || t.text == "False") {
    take();
    ExprPtr expr = make(Kind::Bool, begin);
    expr->truth = t.text == "True";
    return expr;
  }
  if (t.text == "None") {
    take();
    return make(Kind::None, begin);
  }
  if (t.text == "lambda")
    refuse(Diag::syntax_lambda, t.span);
  if (t.text == "await")
    refuse(Diag::syntax_await, t.span);
  if (t.text == "yield")
    refuse(Diag::syntax_yield, t.span);
  fail("an expression");
}

ExprPtr Parser::parseLambda() {
  Token word = take();
  if (!lenient)
    refuse(Diag::syntax_lambda, word.span);
  skipOperand({":"});
  expectOp(":");
  parseTest();
  return opaque(word.span.begin);
}

/// At the `for` of `element for ...` without square brackets.
void Parser::refuseGenerator(ExprPtr &element, uint32_t begin) {
  if (!isKeyword("for") && !isKeyword("async"))
    return;
  if (!lenient)
    refuse(Diag::syntax_generator, peek().span);
  skipOperand();
  element = opaque(begin);
}

ExprPtr Parser::parseParenthesised() {
  uint32_t begin = take().span.begin;
  if (acceptOp(")"))
    return make(Kind::Tuple, begin);
  uint32_t firstBegin = here();
  ExprPtr first = parseStarOr(&Parser::parseTest);
  refuseGenerator(first, firstBegin);
  bool isTuple = isOp(",");
  std::vector<ExprPtr> items = nodes(std::move(first));
  while (acceptOp(",") && !isOp(")"))
    items.push_back(parseStarOr(&Parser::parseTest));
  if (!isOp(")"))
    fail("',' or ')'");
  take();
  if (isTuple)
    return make(Kind::Tuple, begin, std::move(items));
  if (items[0]->kind == Kind::Starred)
    refuse(Diag::syntax_starred, items[0]->span);
  return std::move(items[0]);
}

ExprPtr Parser::parseList() {
  uint32_t begin = take().span.begin;
  std::vector<ExprPtr> items;
  while (!isOp("]")) {
    items.push_back(parseStarOr(&Parser::parseTest));
    if (items.size() == 1 && (isKeyword("for") || isKeyword("async")))
      return parseComprehension(begin, std::move(items[0]));
    if (!acceptOp(","))
      break;
  }
  if (!isOp("]"))
    fail("',' or ']'");
  take();
  return make(Kind::List, begin, std::move(items));
}

ExprPtr Parser::parseComprehension(uint32_t begin, ExprPtr element) {
  if (element->kind == Kind::Starred)
    refuse(Diag::syntax_starred, element->span);
  if (isKeyword("async") && !lenient)
    refuse(Diag::syntax_async, peek().span);
  ExprPtr target, iterable, condition;
  if (acceptKeyword("for")) {
    target = parseTargetList();
    expectKeyword("in");
    iterable = parseOr();
    if (acceptKeyword("if"))
      condition = parseOr();
  }
  bool isSimple = !isKeyword("for") && !isKeyword("if") && !isKeyword("async");
  if (!isSimple) {
    if (!lenient)
      refuse(Diag::syntax_comprehension, peek().span);
    skipOperand();
  }
  if (!isOp("]"))
    fail("']'");
  take();
  if (!isSimple)
    return opaque(begin);
  return make(Kind::ListComp, begin,
              nodes(std::move(element), std::move(target), std::move(iterable), std::move(condition)));
}

ExprPtr Parser::parseBraces() {
  Token open = take();
  if (!lenient) {
    bool isDict = isOp("}") || isOp("**");
    if (!isDict && !isOp("*")) {
      parseTest();
      isDict = isOp(":");
    }
    if (!isDict && !isOp("*") && !isOp(",") && !isOp("}") && !isKeyword("for"))
      fail("',' or '}'");
    refuse(isDict ? Diag::syntax_dict : Diag::syntax_set, open.span);
  }
  skipOperand();
  if (!isOp("}"))
    fail("'}'");
  take();
  return opaque(open.span.begin);
}

//===----------------------------------------------------------------------===//
// Strings
//===----------------------------------------------------------------------===//

/// Adds text behind the pieces, to the last one if that is text too.
static void addText(std::vector<ExprPtr> &pieces, std::string text, Span span) {
  if (text.empty())
    return;
  if (!pieces.empty() && pieces.back()->kind == Kind::Str && pieces.back()->format.empty()) {
    pieces.back()->text += text;
    pieces.back()->span = pieces.back()->span.to(span);
    return;
  }
  pieces.push_back(std::make_unique<Expr>(Kind::Str, span));
  pieces.back()->text = std::move(text);
}

/// One or more strings side by side, f-strings among them or not.
ExprPtr Parser::parseStrings() {
  uint32_t begin = here();
  bool hasFString = false;
  std::string text;
  std::vector<ExprPtr> pieces;
  while (is(TokenKind::String) || is(TokenKind::FString)) {
    Token t = take();
    if (t.kind == TokenKind::FString) {
      if (!hasFString)
        addText(pieces, std::exchange(text, {}), from(begin));
      hasFString = true;
      parseFString(t, pieces);
    } else if (hasFString) {
      addText(pieces, decodeString(t), t.span);
    } else {
      text += decodeString(t);
    }
  }
  if (hasFString)
    return make(Kind::FString, begin, std::move(pieces));
  ExprPtr expr = make(Kind::Str, begin);
  expr->text = std::move(text);
  return expr;
}

void Parser::parseFString(const Token &open, std::vector<ExprPtr> &pieces) {
  for (;;) {
    uint32_t begin = lexer.position();
    std::string text;
    bool hasField = lexer.fstringText(open, &text);
    uint32_t end = lexer.position();
    addText(pieces, std::move(text), {&source, begin, hasField ? end - 1 : end});
    lastEnd = end;
    if (!hasField)
      return;
    ExprPtr field = parseFStringField(open, pieces);
    if (field->kind == Kind::Str && field->format.empty())
      field->format = "!s"; // so that text behind is not joined to an expression that is a string
    pieces.push_back(std::move(field));
  }
}

/// From behind `{` to behind `}`. `{x=}` adds its text to the pieces.
ExprPtr Parser::parseFStringField(const Token &open, std::vector<ExprPtr> &pieces) {
  uint32_t begin = lexer.position();
  if (isOp("}") || isOp(":") || isOp("!"))
    refuse(Diag::syntax_fstring_empty, {&source, begin - 1, peek().span.end});
  ExprPtr value = parseExprList();
  bool shows = acceptOp("=");
  if (shows) {
    uint32_t end = here(); // blanks behind the '=' are text as well
    addText(pieces, source.text.substr(begin, end - begin), {&source, begin, end});
  }
  std::string format;
  if (acceptOp("!")) {
    const Token &letter = peek();
    if (letter.kind != TokenKind::Name || (letter.text != "r" && letter.text != "s" && letter.text != "a"))
      refuse(Diag::syntax_fstring_conversion, letter.span, {found()});
    format = "!" + std::string(take().text);
  }
  if (isOp(":")) {
    take();
    format += ":" + lexer.fstringFormat(open);
  } else if (shows && format.empty()) {
    format = "!r";
  }
  if (!isOp("}"))
    fail("'}'");
  take();
  if (value->format.empty())
    value->format = std::move(format);
  return value;
}

} // namespace tegula::lang
