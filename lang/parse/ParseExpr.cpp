//===- ParseExpr.cpp - operators, calls, subscripts, lists of expressions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/parse/Parser.h"

#include <algorithm>

namespace tegula::lang {

using Kind = Expr::Kind;

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

ExprPtr Parser::parseTest() {
  Nest nest(*this);
  uint32_t begin = here();
  if (isKeyword("lambda"))
    return parseLambda();
  ExprPtr value = parseOr();
  if (isKeyword("if")) {
    take();
    ExprPtr test = parseOr();
    expectKeyword("else");
    ExprPtr otherwise = parseTest();
    value = make(Kind::IfExp, begin, nodes(std::move(test), std::move(value), std::move(otherwise)));
  }
  if (!isOp(":="))
    return value;
  if (!lenient)
    refuse(Diag::syntax_walrus, peek().span);
  take();
  parseTest();
  return opaque(begin);
}

ExprPtr Parser::parseOr() {
  uint32_t begin = here();
  ExprPtr first = parseAnd();
  if (!isKeyword("or"))
    return first;
  std::vector<ExprPtr> items = nodes(std::move(first));
  while (acceptKeyword("or"))
    items.push_back(parseAnd());
  return make(Kind::BoolOp, begin, std::move(items));
}

ExprPtr Parser::parseAnd() {
  uint32_t begin = here();
  ExprPtr first = parseNot();
  if (!isKeyword("and"))
    return first;
  std::vector<ExprPtr> items = nodes(std::move(first));
  while (acceptKeyword("and"))
    items.push_back(parseNot());
  ExprPtr expr = make(Kind::BoolOp, begin, std::move(items));
  expr->truth = true;
  return expr;
}

ExprPtr Parser::parseNot() {
  if (!isKeyword("not"))
    return parseComparison();
  Nest nest(*this);
  uint32_t begin = take().span.begin;
  ExprPtr operand = parseNot();
  ExprPtr expr = make(Kind::Unary, begin, nodes(std::move(operand)));
  expr->unary = UnaryOp::Not;
  return expr;
}

ExprPtr Parser::parseComparison() {
  static constexpr struct {
    std::string_view text;
    CompareOp op;
  } table[] = {{"==", CompareOp::Eq}, {"!=", CompareOp::Ne}, {"<", CompareOp::Lt},
               {"<=", CompareOp::Le}, {">", CompareOp::Gt},  {">=", CompareOp::Ge}};
  uint32_t begin = here();
  std::vector<ExprPtr> items = nodes(parseBinary(0));
  std::vector<CompareOp> ops;
  for (;;) {
    if (is(TokenKind::Op)) {
      auto row =
          std::find_if(std::begin(table), std::end(table), [&](auto &r) { return r.text == peek().text; });
      if (row == std::end(table))
        break;
      take();
      ops.push_back(row->op);
    } else if (acceptKeyword("in")) {
      ops.push_back(CompareOp::In);
    } else if (acceptKeyword("is")) {
      ops.push_back(acceptKeyword("not") ? CompareOp::IsNot : CompareOp::Is);
    } else if (acceptKeyword("not")) { // behind an operand it can only be `not in`
      expectKeyword("in");
      ops.push_back(CompareOp::NotIn);
    } else {
      break;
    }
    items.push_back(parseBinary(0));
  }
  if (ops.empty())
    return std::move(items[0]);
  ExprPtr expr = make(Kind::Compare, begin, std::move(items));
  expr->compares = std::move(ops);
  return expr;
}

/// All binary operators that associate to the left and bind at least as tightly as `strength`.
ExprPtr Parser::parseBinary(int strength) {
  static constexpr struct {
    std::string_view text;
    int strength;
    BinaryOp op;
  } table[] = {{"|", 0, BinaryOp::Or},   {"^", 1, BinaryOp::Xor},       {"&", 2, BinaryOp::And},
               {"<<", 3, BinaryOp::Shl}, {">>", 3, BinaryOp::Shr},      {"+", 4, BinaryOp::Add},
               {"-", 4, BinaryOp::Sub},  {"*", 5, BinaryOp::Mul},       {"/", 5, BinaryOp::Div},
               {"%", 5, BinaryOp::Mod},  {"//", 5, BinaryOp::FloorDiv}, {"@", 5, BinaryOp::MatMul}};
  uint32_t begin = here();
  ExprPtr left = parseUnary();
  while (is(TokenKind::Op)) {
    auto row =
        std::find_if(std::begin(table), std::end(table), [&](auto &r) { return r.text == peek().text; });
    if (row == std::end(table) || row->strength < strength)
      break;
    take();
    ExprPtr right = parseBinary(row->strength + 1);
    left = make(Kind::Binary, begin, nodes(std::move(left), std::move(right)));
    left->binary = row->op;
  }
  return left;
}

ExprPtr Parser::parseUnary() {
  uint32_t begin = here();
  if (isOp("-") || isOp("+") || isOp("~")) {
    Nest nest(*this);
    char c = take().text[0];
    ExprPtr operand = parseUnary();
    ExprPtr expr = make(Kind::Unary, begin, nodes(std::move(operand)));
    expr->unary = c == '-' ? UnaryOp::Minus : c == '+' ? UnaryOp::Plus : UnaryOp::Invert;
    return expr;
  }
  ExprPtr base = parsePostfix();
  if (!isOp("**"))
    return base;
  Nest nest(*this);
  take();
  ExprPtr exponent = parseUnary();
  ExprPtr expr = make(Kind::Binary, begin, nodes(std::move(base), std::move(exponent)));
  expr->binary = BinaryOp::Pow;
  return expr;
}

//===----------------------------------------------------------------------===//
// Calls, attributes, subscripts
//===----------------------------------------------------------------------===//

ExprPtr Parser::parsePostfix() {
  uint32_t begin = here();
  ExprPtr expr = parseAtom();
  for (;;) {
    if (isOp("(")) {
      expr = parseCall(std::move(expr), begin);
    } else if (isOp("[")) {
      expr = parseSubscript(std::move(expr), begin);
    } else if (acceptOp(".")) {
      Token member = expectName("a name after '.'");
      expr = make(Kind::Attribute, begin, nodes(std::move(expr)));
      expr->text = identifier(member);
    } else {
      return expr;
    }
  }
}

ExprPtr Parser::parseCall(ExprPtr callee, uint32_t begin) {
  take();
  ExprPtr call = make(Kind::Call, begin, nodes(std::move(callee)));
  std::string_view lastSpecial;
  while (!isOp(")")) {
    parseArgument(*call, lastSpecial);
    if (!acceptOp(","))
      break;
  }
  if (!isOp(")"))
    fail("',' or ')'");
  take();
  // The callee is inside the tree already; its height and that of the arguments are known only now.
  std::vector<Keyword> keywords = std::move(call->keywords);
  int height = 0;
  for (const Keyword &keyword : keywords)
    height = std::max(height, int(keyword.value->height));
  call = make(Kind::Call, begin, std::move(call->items));
  if (height >= maxHeight)
    refuse(Diag::syntax_too_deep, call->span, {std::to_string(maxHeight)});
  call->height = std::max(call->height, uint16_t(height + 1));
  call->keywords = std::move(keywords);
  return call;
}

/// One argument with no comma. `lastSpecial`: "a keyword argument" or "'**'", once one was met.
void Parser::parseArgument(Expr &call, std::string_view &lastSpecial) {
  uint32_t begin = here();
  if (acceptOp("**")) {
    ExprPtr value = parseTest();
    call.keywords.push_back({"", std::move(value), from(begin)});
    lastSpecial = "'**'";
    return;
  }
  if (acceptOp("*")) {
    if (lastSpecial == "'**'")
      refuse(Diag::syntax_argument_order, from(begin), {"'*'", "'**'"});
    ExprPtr value = parseTest();
    call.items.push_back(make(Kind::Starred, begin, nodes(std::move(value))));
    return;
  }
  Token first = peek();
  ExprPtr value = parseTest();
  bool isName = value->kind == Kind::Name && first.kind == TokenKind::Name;
  if (isName && acceptOp("=")) {
    std::string name = std::move(value->text);
    for (const Keyword &keyword : call.keywords)
      if (keyword.name == name)
        refuse(Diag::syntax_repeated_argument, first.span, {name});
    value = parseTest();
    call.keywords.push_back({std::move(name), std::move(value), from(begin)});
    if (lastSpecial.empty())
      lastSpecial = "a keyword argument";
    return;
  }
  refuseGenerator(value, begin);
  if (!lastSpecial.empty())
    refuse(Diag::syntax_argument_order, from(begin), {"a positional argument", std::string(lastSpecial)});
  call.items.push_back(std::move(value));
}

ExprPtr Parser::parseSubscript(ExprPtr object, uint32_t begin) {
  take();
  if (isOp("]"))
    fail("an index");
  uint32_t indexBegin = here();
  ExprPtr index = parseIndex();
  if (isOp(",") || index->kind == Kind::Starred) {
    std::vector<ExprPtr> items = nodes(std::move(index));
    while (acceptOp(",") && !isOp("]"))
      items.push_back(parseIndex());
    index = make(Kind::Tuple, indexBegin, std::move(items));
  }
  if (!isOp("]"))
    fail("',' or ']'");
  take();
  return make(Kind::Subscript, begin, nodes(std::move(object), std::move(index)));
}

ExprPtr Parser::parseIndex() {
  uint32_t begin = here();
  if (isOp("*"))
    return parseStarOr(&Parser::parseTest);
  ExprPtr parts[3];
  int part = 0;
  for (;; ++part) {
    if (!isOp(":") && !isOp(",") && !isOp("]"))
      parts[part] = parseTest();
    if (part == 2 || !acceptOp(":"))
      break;
  }
  if (part == 0) {
    if (!parts[0])
      fail("an index");
    return std::move(parts[0]);
  }
  return make(Kind::Slice, begin, nodes(std::move(parts[0]), std::move(parts[1]), std::move(parts[2])));
}

//===----------------------------------------------------------------------===//
// Lists of expressions
//===----------------------------------------------------------------------===//

/// `*` and an operand, or what `rule` reads.
ExprPtr Parser::parseStarOr(ExprPtr (Parser::*rule)()) {
  uint32_t begin = here();
  if (!acceptOp("*"))
    return (this->*rule)();
  ExprPtr value = parseBinary(0);
  return make(Kind::Starred, begin, nodes(std::move(value)));
}

/// What may stand on a line of its own, behind `=`, `return`, `in`: one expression, or a tuple without parentheses.
ExprPtr Parser::parseExprList() {
  uint32_t begin = here();
  ExprPtr first = parseStarOr(&Parser::parseTest);
  if (!isOp(",")) {
    if (first->kind == Kind::Starred)
      refuse(Diag::syntax_starred, first->span);
    return first;
  }
  std::vector<ExprPtr> items = nodes(std::move(first));
  while (acceptOp(",")) {
    const Token &t = peek();
    bool ends = t.kind == TokenKind::Newline || t.kind == TokenKind::End || isOp("=") || isOp(":") ||
                isOp(";") || isOp(")") || isOp("]") || isOp("}");
    if (ends)
      break;
    items.push_back(parseStarOr(&Parser::parseTest));
  }
  return make(Kind::Tuple, begin, std::move(items));
}

/// The targets of `for`, up to `in`.
ExprPtr Parser::parseTargetList() {
  uint32_t begin = here();
  ExprPtr first = parseStarOr(&Parser::parseBitwise);
  if (isOp(",")) {
    std::vector<ExprPtr> items = nodes(std::move(first));
    while (acceptOp(",") && !isKeyword("in"))
      items.push_back(parseStarOr(&Parser::parseBitwise));
    first = make(Kind::Tuple, begin, std::move(items));
  }
  checkTarget(*first);
  return first;
}

} // namespace tegula::lang
