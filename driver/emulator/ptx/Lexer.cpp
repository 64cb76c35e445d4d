//===- Lexer.cpp ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Lexer.h"

#include <array>
#include <bit>
#include <charconv>

namespace tegula::ptx {
namespace {

enum : uint8_t { letter = 1, digit = 2, hexDigit = 4, space = 8 };

constexpr std::array<uint8_t, 256> makeClasses() {
  std::array<uint8_t, 256> classes{};
  for (int c = 'a'; c <= 'z'; c++)
    classes[c] = classes[c - 'a' + 'A'] = letter | (c <= 'f' ? hexDigit : 0);
  for (int c = '0'; c <= '9'; c++)
    classes[c] = digit | hexDigit;
  classes['_'] = classes['$'] = letter;
  classes[' '] = classes['\t'] = classes['\r'] = classes['\n'] = classes['\f'] = classes['\v'] = space;
  return classes;
}
constexpr std::array<uint8_t, 256> classes = makeClasses();

inline bool is(char c, uint8_t what) { return classes[static_cast<uint8_t>(c)] & what; }

int digitValue(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

} // namespace

bool Lexer::skipSpace() {
  for (;;) {
    while (at != limit && is(*at, space))
      line += *at++ == '\n';
    if (limit - at < 2 || at[0] != '/')
      return true;
    if (at[1] == '/') {
      while (at != limit && *at != '\n')
        at++;
    } else if (at[1] == '*') {
      for (at += 2;; at++) {
        if (limit - at < 2) {
          at = limit;
          return false;
        }
        line += *at == '\n';
        if (at[0] == '*' && at[1] == '/')
          break;
      }
      at += 2;
    } else
      return true;
  }
}

void Lexer::number(Token &token) {
  const char *start = at;
  token.kind = Token::Kind::integer;
  auto radix = [&](int base, uint8_t digits) {
    bool fits = true, any = false;
    uint64_t value = 0;
    for (; at != limit && is(*at, digits) && digitValue(*at) < base; at++, any = true) {
      fits &= value <= (~uint64_t(0) - static_cast<uint64_t>(digitValue(*at))) / static_cast<uint64_t>(base);
      value = value * static_cast<uint64_t>(base) + static_cast<uint64_t>(digitValue(*at));
    }
    token.value = value;
    if (!fits || !any)
      token.kind = Token::Kind::bad;
  };
  char second = limit - at > 1 && at[0] == '0' ? static_cast<char>(at[1] | 32) : 0;
  if (second == 'x' || second == 'f' || second == 'd') {
    at += 2;
    radix(16, hexDigit);
    if (second != 'x') {
      bool single = second == 'f';
      if (at - start != (single ? 10 : 18))
        token.kind = Token::Kind::bad;
      else
        token.kind = single ? Token::Kind::single : Token::Kind::real;
    }
  } else if (second == 'b') {
    at += 2;
    radix(2, digit);
  } else {
    const char *end = at;
    while (end != limit && is(*end, digit))
      end++;
    bool real = end != limit && (*end == '.' || (*end | 32) == 'e');
    if (real) {
      if (*end == '.')
        for (end++; end != limit && is(*end, digit); end++) {
        }
      if (end != limit && (*end | 32) == 'e') {
        end++;
        if (end != limit && (*end == '+' || *end == '-'))
          end++;
        while (end != limit && is(*end, digit))
          end++;
      }
      double value = 0;
      auto result = std::from_chars(at, end, value);
      token.kind = result.ptr == end && result.ec == std::errc() ? Token::Kind::real : Token::Kind::bad;
      token.value = std::bit_cast<uint64_t>(value);
      at = end;
    } else if (*at == '0')
      radix(8, digit);
    else
      radix(10, digit);
  }
  if (token.kind == Token::Kind::integer && at != limit && *at == 'U')
    at++;
  if (at != limit && is(*at, letter | digit)) { // 12abc
    while (at != limit && is(*at, letter | digit))
      at++;
    token.kind = Token::Kind::bad;
  }
}

Token Lexer::next() {
  Token token;
  const char *before = at;
  bool closed = skipSpace();
  token.adjacent = at == before;
  token.line = line;
  const char *start = at;
  if (!closed)
    token.kind = Token::Kind::bad;
  if (at == limit) {
    token.text = closed ? std::string_view("the end of the text") : "an unfinished comment";
    return token;
  }
  auto word = [&] {
    while (at != limit && (is(*at, letter | digit)))
      at++;
  };
  char c = *at;
  if (is(c, letter) || (c == '%' && limit - at > 1 && is(at[1], letter))) {
    token.kind = Token::Kind::name;
    at++;
    word();
  } else if (is(c, digit))
    number(token);
  else if (c == '.' && limit - at > 1 && is(at[1], letter | digit)) {
    token.kind = Token::Kind::dotted;
    at++;
    word();
    while (limit - at > 2 && at[0] == ':' && at[1] == ':' && is(at[2], letter | digit)) {
      at += 2;
      word();
    }
  } else if (c == '"') {
    token.kind = Token::Kind::string;
    for (at++; at != limit && *at != '"' && *at != '\n'; at++)
      if (*at == '\\' && limit - at > 1 && at[1] != '\n')
        at++;
    if (at != limit && *at == '"')
      at++;
    else
      token.kind = Token::Kind::bad;
  } else if (static_cast<uint8_t>(c) > 32 && static_cast<uint8_t>(c) < 127) {
    token.kind = Token::Kind::mark;
    token.mark = c;
    at++;
  } else {
    token.kind = Token::Kind::bad;
    at++;
  }
  token.text = std::string_view(start, static_cast<size_t>(at - start));
  return token;
}

} // namespace tegula::ptx
