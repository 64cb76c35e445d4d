//===- Lexer.h - a kernel's source as tokens ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Tokens are made one at a time and only when the parser asks, so that whatever follows a function is never looked at:
// its text may be anything. The places of all tokens are byte offsets into the source.
//
//     if a:  # why          Keyword(if) Name(a) Op(:) Newline
//         b = (1 +          Indent Name(b) Op(=) Op(() Int(1) Op(+)
//              2)           Int(2) Op()) Newline
//     c                     Dedent Name(c) Newline End
//
// An f-string is one token, FString, for its opening quotes. The parser then reads the literal text with `fstringText`,
// the expressions as usual tokens, and what follows a ':' with `fstringFormat`.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/diag/Diagnostic.h"

#include <string>
#include <string_view>
#include <vector>

namespace tegula::lang {

enum class TokenKind : uint8_t {
  Name,
  Keyword,
  Int,
  Float,
  Imaginary,
  String,
  Bytes,
  FString,
  Op,
  Newline,
  Indent,
  Dedent,
  End
};

struct Token {
  TokenKind kind = TokenKind::End;
  bool raw = false; ///< String, FString: with the prefix `r`
  Span span;
  std::string_view
      text; ///< As written. String: what is between the quotes; FString: prefix and opening quotes
};

class Lexer {
public:
  /// What to do with a line that is indented less than the first one: the text ends there (a function cut out of
  /// a file), or it is a mistake (a whole file).
  enum class Outside : uint8_t { End, Mistake };

  Lexer(const SourceFile &source, Outside outside);

  Token next();

  /// Appends the text of the f-string that `open` begins, up to a `{` (true) or the closing quotes (false), and skips
  /// those. Without `out` the text is only skipped.
  bool fstringText(const Token &open, std::string *out);
  /// Reads what follows ':' in a replacement field of the f-string, up to the closing brace, which is not skipped.
  std::string fstringFormat(const Token &open);
  /// Skips the f-string that `open` begins.
  void skipFString(const Token &open);

  struct Bracket {
    char open;
    uint32_t at;
    char quote; ///< of the f-string whose replacement field this is; 0: any other bracket
  };
  const std::vector<Bracket> &openBrackets() const { return brackets; }

  /// What the next token will be taken from.
  uint32_t position() const { return uint32_t(pos); }

private:
  struct Indent {
    int column; ///< a tab goes to the next multiple of 8 ...
    int strict; ///< ... and counts as 1. The two orders must agree, or the meaning hangs on the width of a tab
  };

  const SourceFile *source;
  std::string_view text;
  size_t pos = 0;
  Outside outside;
  bool atLineStart = true;
  bool ended = false;        ///< met a line outside of the text
  bool afterOperand = false; ///< the last token may end an expression
  bool insideLine = false;   ///< the line at `pos` has a token already
  int dedents = 0;           ///< to be given next
  std::vector<Indent> indents;
  std::vector<Bracket> brackets;

  char at(size_t i) const { return i < text.size() ? text[i] : '\0'; }
  size_t newlineLength(size_t i) const;
  Span span(size_t begin, size_t end) const { return {source, uint32_t(begin), uint32_t(end)}; }
  Token token(TokenKind kind, size_t begin, size_t end) const;

  bool startLine(Token &out);
  Indent measureIndent();
  void skipBlanks();
  void skipContinuation();
  Token word();
  Token number();
  void endNumber(size_t begin, bool lacksDigits);
  size_t digits(size_t i, int base) const;
  Token string(size_t begin, bool raw, bool bytes);
  void skipEscape();
  size_t stringEnd(size_t begin, size_t quote);
  Token op();
  void closeBracket(char closer);
  [[noreturn]] void unterminated(size_t begin, size_t end, std::string_view quotes) const;
  [[noreturn]] void unknownCharacter() const;
};

/// The error for a bracket without its partner.
Error unclosedBracket(const SourceFile &source, const Lexer::Bracket &bracket);

/// Length of the identifier at `i`, 0 if there is none. Identifiers are ASCII and the letters of living scripts that
/// Python's normalisation (NFKC) leaves as they are.
size_t identifierLength(std::string_view text, size_t i);

/// The code point at `i` and its length in bytes; length 0 if the bytes are not UTF-8.
struct CodePoint {
  uint32_t value;
  uint32_t length;
};
CodePoint decodeUtf8(std::string_view text, size_t i);

/// Values of literals.
std::string decodeString(const Token &token);
/// Decodes the escape at `text[i]`, which is a backslash, to the end of `out`; returns the place behind it.
size_t decodeEscape(const SourceFile &source, size_t i, std::string &out);
/// "12" or "0x1f" from any integer literal.
std::string decodeInt(std::string_view text);
double decodeFloat(std::string_view text);

} // namespace tegula::lang
