//===- ParseConstant.cpp - constant expressions and initialisers ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Parser.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace tegula::ptx {

static constexpr int deepest = 100; // parentheses: a damaged text must not exhaust the stack

double Parser::Value::real() const {
  if (isSingle)
    return std::bit_cast<float>(static_cast<uint32_t>(bits));
  if (isReal)
    return std::bit_cast<double>(bits);
  return isUnsigned ? static_cast<double>(bits) : static_cast<double>(static_cast<int64_t>(bits));
}

int64_t Parser::Value::integer() const { return static_cast<int64_t>(bits); }

/// Two marks that touch form the operators of two characters.
std::string_view Parser::binaryOperator(int &precedence) {
  if (token.kind != Token::Kind::mark)
    return {};
  Lexer ahead = lexer;
  Token second = ahead.next();
  bool two = second.kind == Token::Kind::mark && second.adjacent;
  static constexpr struct {
    std::string_view text;
    int precedence;
  } table[] = {{"||", 1}, {"&&", 2}, {"==", 6}, {"!=", 6}, {"<=", 7}, {">=", 7},
               {"<<", 8}, {">>", 8}, {"|", 3},  {"^", 4},  {"&", 5},  {"<", 7},
               {">", 7},  {"+", 9},  {"-", 9},  {"*", 10}, {"/", 10}, {"%", 10}};
  for (const auto &row : table)
    if (row.text[0] == token.mark && (row.text.size() == 1 || (two && row.text[1] == second.mark))) {
      precedence = row.precedence;
      return row.text;
    }
  return {};
}

Parser::Value Parser::apply(std::string_view op, Value a, Value b, bool &divisionByZero) {
  Value result;
  auto truth = [&](bool value) {
    result.bits = value;
    return result;
  };
  char c = op[0];
  bool two = op.size() == 2;
  if (a.isReal || b.isReal) {
    double x = a.real(), y = b.real();
    if (two)
      switch (c) {
      case '=': return truth(x == y);
      case '!': return truth(x != y);
      case '<': return truth(x <= y);
      case '>': return truth(x >= y);
      case '&': return truth(x != 0 && y != 0);
      default: return truth(x != 0 || y != 0);
      }
    result.isReal = true;
    double value = c == '+' ? x + y : c == '-' ? x - y : c == '*' ? x * y : c == '/' ? x / y : std::nan("");
    if (c == '<' || c == '>') {
      result.isReal = false;
      return truth(c == '<' ? x < y : x > y);
    }
    result.bits = std::bit_cast<uint64_t>(value);
    return result;
  }
  uint64_t x = a.bits, y = b.bits;
  int64_t sx = static_cast<int64_t>(x), sy = static_cast<int64_t>(y);
  bool isUnsigned = result.isUnsigned = a.isUnsigned || b.isUnsigned;
  auto less = [&](bool orEqual) {
    return isUnsigned ? (orEqual ? x <= y : x < y) : (orEqual ? sx <= sy : sx < sy);
  };
  if (op == "||" || op == "&&")
    return truth(c == '|' ? x || y : x && y);
  if (op == "==" || op == "!=")
    return truth((x == y) == (c == '='));
  if (op == "<<" || op == ">>") {
    result.isUnsigned = a.isUnsigned;
    if (c == '<')
      result.bits = y > 63 ? 0 : x << y;
    else
      result.bits = a.isUnsigned ? (y > 63 ? 0 : x >> y) : static_cast<uint64_t>(sx >> (y > 63 ? 63 : y));
    return result;
  }
  switch (c) {
  case '<': return truth(less(two));
  case '>': return truth(!less(!two));
  case '|': result.bits = x | y; break;
  case '^': result.bits = x ^ y; break;
  case '&': result.bits = x & y; break;
  case '+': result.bits = x + y; break;
  case '-': result.bits = x - y; break;
  case '*': result.bits = x * y; break;
  default: // / and %
    if (y == 0)
      divisionByZero = true;
    else if (isUnsigned)
      result.bits = c == '/' ? x / y : x % y;
    else if (sy == -1) // the smallest integer divided by -1 overflows
      result.bits = c == '/' ? 0 - x : 0;
    else
      result.bits = static_cast<uint64_t>(c == '/' ? sx / sy : sx % sy);
  }
  return result;
}

Parser::Value Parser::conditional(int depth) {
  if (depth > deepest)
    fail(Diag::ptx_limit, {"the depth of an expression", std::to_string(deepest)});
  Value condition = binary(1, depth + 1);
  if (!accept('?'))
    return condition;
  Value first = conditional(depth + 1);
  expect(':');
  Value second = conditional(depth + 1);
  return condition.bits ? first : second;
}

Parser::Value Parser::binary(int precedence, int depth) {
  Value left = unary(depth);
  for (;;) {
    int found = 0;
    std::string_view op = binaryOperator(found);
    if (op.empty() || found < precedence)
      return left;
    uint32_t line = token.line;
    advance();
    if (op.size() == 2)
      advance();
    Value right = binary(found + 1, depth + 1);
    bool divisionByZero = false;
    left = apply(op, left, right, divisionByZero);
    if (divisionByZero)
      failAt(line, Diag::ptx_syntax, {"a divisor that is not zero", "0"});
  }
}

Parser::Value Parser::unary(int depth) {
  if (depth > deepest)
    fail(Diag::ptx_limit, {"the depth of an expression", std::to_string(deepest)});
  Value value;
  switch (token.kind) {
  case Token::Kind::integer:
    value.bits = token.value;
    value.isUnsigned = token.text.back() == 'U' || static_cast<int64_t>(token.value) < 0;
    advance();
    return value;
  case Token::Kind::real:
  case Token::Kind::single:
    value.isReal = true;
    value.isSingle = token.kind == Token::Kind::single;
    value.bits = token.value;
    advance();
    return value;
  case Token::Kind::name:
    if (token.text != "WARP_SZ")
      break;
    value.bits = 32;
    advance();
    return value;
  case Token::Kind::mark: {
    char c = token.mark;
    if (c == '(') {
      advance();
      if (token.isDotted("s64") || token.isDotted("u64")) { // a cast
        bool isUnsigned = token.isDotted("u64");
        advance();
        expect(')');
        value = unary(depth + 1);
        if (!value.isReal)
          value.isUnsigned = isUnsigned;
        return value;
      }
      value = conditional(depth + 1);
      expect(')');
      return value;
    }
    if (c != '-' && c != '+' && c != '~' && c != '!')
      break;
    advance();
    value = unary(depth + 1);
    if (c == '!')
      return {false, false, false, value.isReal ? value.real() == 0 : value.bits == 0};
    if (c == '+')
      return value;
    if (value.isReal)
      value.bits ^= uint64_t(1) << (value.isSingle ? 31 : 63);
    else
      value.bits = c == '-' ? 0 - value.bits : ~value.bits;
    return value;
  }
  default: break;
  }
  expected("a constant");
}

// --- Initialisers

void Parser::initialiser(Variable &variable) {
  uint64_t element = 0;
  if (token.is('{'))
    initialiserList(variable, element, 0);
  else
    initialiserElement(variable, element++);
  uint64_t width = static_cast<uint64_t>(bytesOf(variable.type));
  if (variable.isUnsized)
    variable.bytes = element * width * (variable.vector > 1 ? 1 : 1);
}

void Parser::initialiserList(Variable &variable, uint64_t &element, int depth) {
  if (depth > 8)
    fail(Diag::ptx_limit, {"the depth of an initialiser", "8"});
  expect('{');
  if (accept('}'))
    return;
  do {
    if (token.is('{'))
      initialiserList(variable, element, depth + 1);
    else
      initialiserElement(variable, element++);
  } while (accept(','));
  expect('}');
}

/// name, name+4, generic(name)+4
int64_t Parser::initialiserSymbol(Variable &variable, Relocation &relocation) {
  bool isGeneric = token.text == "generic";
  uint32_t line = token.line;
  std::string_view name = expectName("a name");
  if (isGeneric && accept('(')) {
    name = expectName("a name");
    expect(')');
  }
  if (auto at = moduleVariables.find(name); at != moduleVariables.end())
    relocation.variable = at->second;
  else if (auto f = moduleFunctions.find(name); f != moduleFunctions.end())
    relocation.function = f->second;
  else if (name == variable.name)
    relocation.variable = static_cast<int32_t>(module.variables.size());
  else
    failAt(line, Diag::ptx_name, {std::string(name)});
  if (token.is('+') || token.is('-')) {
    Value offset = unary(0);
    return offset.integer();
  }
  return 0;
}

void Parser::initialiserElement(Variable &variable, uint64_t element) {
  uint64_t width = static_cast<uint64_t>(bytesOf(variable.type)), offset = element * width;
  if (!variable.isUnsized && offset + width > variable.bytes)
    expected("no more values than the variable has");
  auto put = [&](uint64_t bits) {
    if (variable.data.size() < offset + width)
      variable.data.resize(offset + width);
    std::memcpy(variable.data.data() + offset, &bits, std::min<uint64_t>(width, 8));
  };
  Relocation relocation;
  relocation.offset = offset;
  relocation.bytes = static_cast<uint8_t>(std::min<uint64_t>(width, 8));
  if (token.kind == Token::Kind::name && token.text != "WARP_SZ") {
    relocation.addend = initialiserSymbol(variable, relocation);
    variable.relocations.push_back(relocation);
    return put(0);
  }
  if (token.kind == Token::Kind::integer) { // 0xFF00(name): one byte of an address
    uint64_t mask = token.value;
    Lexer ahead = lexer;
    if (ahead.next().is('(') && mask) {
      advance();
      advance();
      relocation.addend = initialiserSymbol(variable, relocation);
      expect(')');
      relocation.shift = static_cast<uint8_t>(std::countr_zero(mask));
      variable.relocations.push_back(relocation);
      return put(0);
    }
  }
  Value value = constant();
  switch (variable.type) {
  case Type::f32:
    return put(value.isSingle ? value.bits : std::bit_cast<uint32_t>(static_cast<float>(value.real())));
  case Type::f64: return put(std::bit_cast<uint64_t>(value.real()));
  default:
    if (value.isReal && !(value.isSingle && width == 4) && !(!value.isSingle && width == 8))
      expected("an integer");
    put(value.bits);
  }
}

} // namespace tegula::ptx
