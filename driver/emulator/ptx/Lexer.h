//===- Lexer.h - PTX text into words ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <cstdint>
#include <string_view>

namespace tegula::ptx {

struct Token {
  enum class Kind : uint8_t { end, name, dotted, integer, real, single, string, mark, bad };
  Kind kind = Kind::end;
  bool adjacent = false; ///< nothing between it and the token before it: `%tid` `.x`
  char mark = 0;         ///< of a mark: the character; two-character operators are two adjacent marks
  uint32_t line = 1;
  std::string_view text; ///< as written
  uint64_t value = 0;    ///< integer; bits of a double; low 32 bits of a single

  /// A dotted word without its dot, a string without its quotes.
  std::string_view word() const {
    if (kind == Kind::dotted)
      return text.substr(1);
    return kind == Kind::string ? text.substr(1, text.size() - 2) : text;
  }
  bool is(char c) const { return kind == Kind::mark && mark == c; }
  bool isDotted(std::string_view w) const { return kind == Kind::dotted && text.substr(1) == w; }
};

/// Gives one token after the other; never throws: what is no PTX is a token of kind `bad`.
class Lexer {
public:
  explicit Lexer(std::string_view text) : at(text.data()), limit(text.data() + text.size()) {}
  Token next();

private:
  bool skipSpace(); ///< false at an unfinished comment
  void number(Token &token);
  const char *at, *limit;
  uint32_t line = 1;
};

} // namespace tegula::ptx
