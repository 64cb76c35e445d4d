//===- Lexer.cpp - a kernel's source as tokens ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/parse/Lexer.h"

#include <algorithm>
#include <cstdio>

namespace tegula::lang {

static constexpr size_t maxOpenBrackets = 200;

static constexpr std::string_view keywords[] = {
    "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
    "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
    "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
    "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};

/// Longest first.
static constexpr std::string_view operators[] = {
    "**=", "//=", ">>=", "<<=", "...", "**", "//", ">>", "<<", "<=", ">=", "==", "!=", "->", "+=", "-=",
    "*=",  "/=",  "%=",  "@=",  "&=",  "|=", "^=", ":=", "+",  "-",  "*",  "/",  "%",  "@",  "&",  "|",
    "^",   "~",   "<",   ">",   "(",   ")",  "[",  "]",  "{",  "}",  ",",  ":",  ".",  ";",  "="};

template <size_t n> static bool contains(const std::string_view (&list)[n], std::string_view word) {
  return std::any_of(std::begin(list), std::end(list),
                     [&](std::string_view item) { return item[0] == word[0] && item == word; });
}

static bool isDigit(char c, int base = 10) {
  if (c >= '0' && c <= '9')
    return c - '0' < base;
  char lower = char(c | 0x20);
  return base == 16 && lower >= 'a' && lower <= 'f';
}

static char closerOf(char open) { return open == '(' ? ')' : open == '[' ? ']' : '}'; }

Error unclosedBracket(const SourceFile &source, const Lexer::Bracket &bracket) {
  Span span{&source, bracket.at, bracket.at + 1};
  if (bracket.quote)
    return Error(Diag::syntax_fstring_unclosed, span);
  return Error(Diag::syntax_unclosed, span,
               {std::string(1, bracket.open), std::string(1, closerOf(bracket.open))});
}

static Error mismatchedBracket(const SourceFile &source, const Lexer::Bracket &open, Span closer,
                               const std::string &written) {
  Error error(Diag::syntax_mismatched, closer,
              {written, std::string(1, open.open), std::string(1, closerOf(open.open))});
  error.addNote(Span{&source, open.at, open.at + 1}, "the bracket is opened here");
  return error;
}

Lexer::Lexer(const SourceFile &source, Outside outside)
    : source(&source), text(source.text), outside(outside) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") // the byte order mark
    pos = 3;
}

size_t Lexer::newlineLength(size_t i) const {
  if (at(i) == '\n')
    return 1;
  return at(i) == '\r' && at(i + 1) == '\n' ? 2 : 0;
}

Token Lexer::token(TokenKind kind, size_t begin, size_t end) const {
  Token t;
  t.kind = kind;
  t.span = span(begin, end);
  t.text = text.substr(begin, end - begin);
  return t;
}

//===----------------------------------------------------------------------===//
// Lines and indentation
//===----------------------------------------------------------------------===//

Lexer::Indent Lexer::measureIndent() {
  Indent indent{0, 0};
  bool continued = false; // the indentation of a continued line is that of its first one
  for (;; ++pos) {
    char c = at(pos);
    if (c == '\\' && newlineLength(pos + 1)) {
      continued = true;
      pos += newlineLength(pos + 1);
      continue;
    }
    if (c != ' ' && c != '\t' && c != '\f')
      return indent;
    if (continued)
      continue;
    if (c == '\f')
      indent = {0, 0};
    else
      indent = {c == '\t' ? (indent.column / 8 + 1) * 8 : indent.column + 1, indent.strict + 1};
  }
}

/// At the start of a line outside of brackets: skips lines without tokens, compares the indentation with the lines
/// above. True if that made a token.
bool Lexer::startLine(Token &out) {
  size_t begin = pos;
  Indent indent = measureIndent();
  for (;; begin = pos, indent = measureIndent()) {
    if (at(pos) == '#')
      pos = std::min(text.find('\n', pos), text.size());
    size_t newline = newlineLength(pos);
    if (!newline)
      break;
    pos += newline;
  }
  if (pos >= text.size())
    return false;
  if (indents.empty()) {
    indents.push_back(indent);
    return false;
  }
  Indent last = indents.back();
  if (indent.column > last.column) {
    if (indent.strict <= last.strict)
      throw Error(Diag::syntax_tabs, span(begin, pos));
    if (indents.size() > maxOpenBrackets)
      throw Error(Diag::syntax_too_deep, span(begin, pos), {std::to_string(maxOpenBrackets)});
    indents.push_back(indent);
    out = token(TokenKind::Indent, begin, pos);
    return true;
  }
  if (indent.column < indents.front().column && outside == Outside::End) {
    ended = true;
    dedents = int(indents.size()) - 1;
    pos = begin;
    out = next();
    return true;
  }
  while (indents.size() > 1 && indent.column < indents.back().column) {
    indents.pop_back();
    ++dedents;
  }
  if (indent.column != indents.back().column)
    throw Error(Diag::syntax_unindent, span(begin, pos));
  if (indent.strict != indents.back().strict)
    throw Error(Diag::syntax_tabs, span(begin, pos));
  if (dedents == 0)
    return false;
  --dedents;
  out = token(TokenKind::Dedent, pos, pos);
  return true;
}

void Lexer::skipContinuation() {
  if (size_t newline = newlineLength(pos + 1); newline && pos + 1 + newline < text.size())
    pos += 1 + newline;
  else
    throw Error(Diag::syntax_continuation, span(pos, pos + 1));
}

void Lexer::skipBlanks() {
  while (pos < text.size()) {
    char c = text[pos];
    if (c == ' ' || c == '\t' || c == '\f')
      ++pos;
    else if (c == '#')
      pos = std::min(text.find('\n', pos), text.size());
    else if (c == '\\')
      skipContinuation();
    else if (!brackets.empty() && newlineLength(pos))
      pos += newlineLength(pos);
    else
      return;
  }
}

Token Lexer::next() {
  if (dedents > 0) {
    --dedents;
    return token(TokenKind::Dedent, pos, pos);
  }
  if (ended)
    return token(TokenKind::End, pos, pos);
  if (atLineStart) {
    Token made;
    atLineStart = false;
    if (startLine(made))
      return made;
  }
  skipBlanks();
  if (pos >= text.size()) {
    if (!brackets.empty())
      throw unclosedBracket(*source, brackets.back());
    ended = true;
    dedents = indents.empty() ? 0 : int(indents.size()) - 1;
    return insideLine ? token(TokenKind::Newline, pos, pos) : next();
  }
  if (size_t newline = newlineLength(pos)) {
    Token line = token(TokenKind::Newline, pos, pos + newline);
    pos += newline;
    atLineStart = true;
    if (!insideLine)
      return next();
    insideLine = false;
    return line;
  }
  insideLine = true;
  char c = text[pos];
  Token made = c == '"' || c == '\''                              ? string(pos, false, false)
               : isDigit(c) || (c == '.' && isDigit(at(pos + 1))) ? number()
               : identifierLength(text, pos)                      ? word()
                                                                  : op();
  std::string_view t = made.text;
  afterOperand = made.kind == TokenKind::Op        ? t == ")" || t == "]" || t == "}" || t == "..."
                 : made.kind == TokenKind::Keyword ? t == "True" || t == "False" || t == "None"
                                                   : made.kind != TokenKind::FString;
  return made;
}

//===----------------------------------------------------------------------===//
// Words, numbers, operators
//===----------------------------------------------------------------------===//

Token Lexer::word() {
  size_t begin = pos;
  pos += identifierLength(text, pos);
  Token t = token(TokenKind::Name, begin, pos);
  if ((at(pos) == '"' || at(pos) == '\'') && t.text.size() <= 2) {
    static constexpr std::string_view prefixes[] = {"r", "u", "b", "f", "br", "rb", "fr", "rf"};
    std::string prefix(t.text);
    for (char &c : prefix)
      c = char(c | 0x20);
    auto has = [&](char c) { return prefix.find(c) != std::string::npos; };
    if (contains(prefixes, prefix)) {
      if (!has('f'))
        return string(begin, has('r'), has('b'));
      char quote = at(pos);
      pos += text.substr(pos, 3) == std::string(3, quote) ? 3 : 1;
      Token open = token(TokenKind::FString, begin, pos);
      open.raw = has('r');
      return open;
    }
  }
  if (contains(keywords, t.text))
    t.kind = TokenKind::Keyword;
  return t;
}

/// The end of the digits at `i`, with single underscores before any but a literal's first.
size_t Lexer::digits(size_t i, int base) const {
  while (isDigit(at(i), base) || (at(i) == '_' && isDigit(at(i + 1), base)))
    ++i;
  return i;
}

Token Lexer::number() {
  size_t begin = pos;
  char kind = char(at(pos + 1) | 0x20);
  if (at(pos) == '0' && (kind == 'x' || kind == 'o' || kind == 'b')) {
    int base = kind == 'x' ? 16 : kind == 'o' ? 8 : 2;
    pos = digits(begin + 2, base);
    endNumber(begin, pos == begin + 2);
    return token(TokenKind::Int, begin, pos);
  }
  TokenKind token_ = TokenKind::Int;
  pos = digits(pos, 10);
  if (at(pos) == '.') {
    token_ = TokenKind::Float;
    pos = isDigit(at(pos + 1)) ? digits(pos + 1, 10) : pos + 1;
  }
  if ((at(pos) | 0x20) == 'e') {
    size_t first = pos + 1 + (at(pos + 1) == '+' || at(pos + 1) == '-');
    if (isDigit(at(first))) {
      token_ = TokenKind::Float;
      pos = digits(first, 10);
    }
  }
  if ((at(pos) | 0x20) == 'j') {
    token_ = TokenKind::Imaginary;
    ++pos;
  }
  endNumber(begin, /*lacksDigits=*/false);
  std::string_view written = text.substr(begin, pos - begin);
  if (token_ == TokenKind::Int && written[0] == '0' &&
      written.find_first_not_of("0_") != std::string_view::npos)
    throw Error(Diag::syntax_bad_number, span(begin, pos),
                {std::string(written), "a decimal integer has no leading zeros"});
  return token(token_, begin, pos);
}

/// Throws unless the number from `begin` to `pos` is complete.
void Lexer::endNumber(size_t begin, bool lacksDigits) {
  auto refuse = [&](size_t end, std::string why) {
    throw Error(Diag::syntax_bad_number, span(begin, end),
                {std::string(text.substr(begin, end - begin)), why});
  };
  size_t end = pos; // of everything that a reader would take for the number
  while (isDigit(at(end), 10) || at(end) == '_' || identifierLength(text, end))
    end += std::max<size_t>(1, identifierLength(text, end));
  std::string_view rest = text.substr(pos, end - pos);
  if (lacksDigits)
    refuse(end, "digits must follow '" + std::string(text.substr(begin, 2)) + "'");
  // `1if x else y` is legal Python.
  static constexpr std::string_view following[] = {"and", "else", "for", "if", "in", "is", "not", "or"};
  if (rest.empty() || contains(following, rest))
    return;
  refuse(end, rest[0] == '_' ? "single underscores may stand between its digits only"
                             : "'" + std::string(rest) + "' is no part of such a number");
}

void Lexer::closeBracket(char closer) {
  std::string written(1, closer);
  if (brackets.empty())
    throw Error(Diag::syntax_unopened, span(pos, pos + 1), {written});
  const Bracket &last = brackets.back();
  if (closerOf(last.open) != closer) {
    if (last.quote)
      throw unclosedBracket(*source, last);
    throw mismatchedBracket(*source, last, span(pos, pos + 1), written);
  }
  brackets.pop_back();
}

Token Lexer::op() {
  size_t begin = pos;
  bool inField =
      !brackets.empty() && brackets.back().quote; // of an f-string: `x:=4` is `x` formatted with "=4"
  for (std::string_view candidate : operators) {
    bool isHere = candidate[0] == at(pos) && text.compare(pos, candidate.size(), candidate) == 0;
    if (!isHere || (inField && candidate == ":="))
      continue;
    char c = candidate[0];
    if ((c == '&' || c == '|') && candidate.size() == 1 && at(pos + 1) == c)
      throw Error(
          Diag::syntax_c_operator, span(pos, pos + 2),
          {std::string(2, c), c == '&' ? "'and', or '&' between tensors" : "'or', or '|' between tensors"});
    if (c == '(' || c == '[' || c == '{') {
      if (brackets.size() >= maxOpenBrackets)
        throw Error(Diag::syntax_too_deep, span(pos, pos + 1), {std::to_string(maxOpenBrackets)});
      brackets.push_back({c, uint32_t(pos), '\0'});
    } else if (c == ')' || c == ']' || c == '}') {
      closeBracket(c);
    }
    pos += candidate.size();
    return token(TokenKind::Op, begin, pos);
  }
  if (at(pos) != '!')
    unknownCharacter();
  if (!inField)
    throw Error(Diag::syntax_c_operator, span(pos, pos + 1), {"!", "'not', or '~' before a tensor"});
  ++pos;
  return token(TokenKind::Op, begin, pos);
}

void Lexer::unknownCharacter() const {
  CodePoint c = decodeUtf8(text, pos);
  if (c.length == 0)
    throw Error(Diag::syntax_invalid_utf8, span(pos, pos + 1));
  char number[32];
  std::snprintf(number, sizeof number, "U+%04X", unsigned(c.value));
  bool isPrintable = c.value > 0x20 && (c.value < 0x7f || c.value > 0xa0);
  std::string name = isPrintable ? "'" + std::string(text.substr(pos, c.length)) + "'" : number;
  if (isPrintable && c.value > 0x7f)
    name += std::string(" (") + number + ")";
  throw Error(Diag::syntax_unknown_character, span(pos, pos + c.length), {name});
}

//===----------------------------------------------------------------------===//
// Strings
//===----------------------------------------------------------------------===//

void Lexer::unterminated(size_t begin, size_t end, std::string_view quotes) const {
  // A string that begins where an f-string should have ended.
  for (auto bracket = brackets.rbegin(); bracket != brackets.rend(); ++bracket)
    if (bracket->quote)
      throw unclosedBracket(*source, *bracket);
  throw Error(Diag::syntax_unterminated_string, span(begin, end),
              {quotes.size() == 3 ? "three quotes (" + std::string(quotes) + ")" : std::string(quotes)});
}

/// The place of the closing quotes of the string at `begin` whose content starts at `pos`.
size_t Lexer::stringEnd(size_t begin, size_t contentBegin) {
  std::string_view quotes = text.substr(begin, contentBegin - begin);
  quotes.remove_prefix(quotes.find_first_of("\"'"));
  for (size_t i = contentBegin; i < text.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if (text.compare(i, quotes.size(), quotes) == 0)
      return i;
    if (c == '\\')
      i += std::max<size_t>(1, newlineLength(i + 1));
    else if (quotes.size() == 1 && newlineLength(i))
      unterminated(begin, i, quotes);
    if (c < 0x80)
      continue;
    CodePoint point = decodeUtf8(text, i);
    if (point.length == 0)
      throw Error(Diag::syntax_invalid_utf8, span(i, i + 1));
    i += point.length - 1;
  }
  unterminated(begin, quotes.size() == 3 ? contentBegin : text.size(), quotes);
}

/// A string whose prefix begins at `begin` and whose quotes begin at `pos`.
Token Lexer::string(size_t begin, bool raw, bool bytes) {
  char quote = at(pos);
  if (!brackets.empty() && brackets.back().quote == quote && afterOperand)
    throw unclosedBracket(*source, brackets.back());
  size_t width = text.substr(pos, 3) == std::string(3, quote) ? 3 : 1;
  size_t content = pos + width;
  size_t end = stringEnd(begin, content);
  pos = end + width;
  Token t = token(bytes ? TokenKind::Bytes : TokenKind::String, begin, pos);
  t.text = text.substr(content, end - content);
  t.raw = raw;
  return t;
}

static std::string_view quotesOf(const Token &open) {
  return open.text.substr(open.text.find_first_of("\"'"));
}

/// Skips an escape without a look at its meaning: what a kernel may not write is no mistake in text that is skipped.
void Lexer::skipEscape() {
  if (text.compare(pos, 3, "\\N{") == 0)
    pos = std::min(text.find('}', pos), text.size() - 1) + 1;
  else
    pos += 1 + (at(pos + 1) == '{' || at(pos + 1) == '}' ? 0 : std::max<size_t>(1, newlineLength(pos + 1)));
}

bool Lexer::fstringText(const Token &open, std::string *out) {
  std::string ignored;
  std::string &value = out ? *out : ignored;
  std::string_view quotes = quotesOf(open);
  while (pos < text.size()) {
    char c = text[pos];
    if (text.compare(pos, quotes.size(), quotes) == 0) {
      pos += quotes.size();
      afterOperand = true;
      return false;
    }
    if ((c == '{' || c == '}') && at(pos + 1) == c) {
      value += c;
      pos += 2;
    } else if (c == '}') {
      throw Error(Diag::syntax_fstring_brace, span(pos, pos + 1));
    } else if (c == '{') {
      if (brackets.size() >= maxOpenBrackets)
        throw Error(Diag::syntax_too_deep, span(pos, pos + 1), {std::to_string(maxOpenBrackets)});
      brackets.push_back({'{', uint32_t(pos), quotes[0]});
      ++pos;
      afterOperand = false;
      return true;
    } else if (c == '\\' && open.raw) {
      // The character behind is text, be it a quote; a brace is still one.
      bool keepsNext = at(pos + 1) == quotes[0] || at(pos + 1) == '\\';
      value += text.substr(pos, keepsNext ? 2 : 1);
      pos += keepsNext ? 2 : 1;
    } else if (c == '\\' && out) {
      pos = decodeEscape(*source, pos, value);
    } else if (c == '\\') {
      skipEscape();
    } else if (size_t newline = newlineLength(pos)) {
      if (quotes.size() == 1)
        unterminated(open.span.begin, pos, quotes);
      value += '\n';
      pos += newline;
    } else {
      CodePoint point = decodeUtf8(text, pos);
      if (point.length == 0)
        throw Error(Diag::syntax_invalid_utf8, span(pos, pos + 1));
      value += text.substr(pos, point.length);
      pos += point.length;
    }
  }
  unterminated(open.span.begin, quotes.size() == 3 ? open.span.end : text.size(), quotes);
}

std::string Lexer::fstringFormat(const Token &open) {
  std::string_view quotes = quotesOf(open);
  size_t begin = pos;
  for (int depth = 0; pos < text.size(); ++pos) {
    if (text.compare(pos, quotes.size(), quotes) == 0 || (quotes.size() == 1 && newlineLength(pos)))
      break;
    if (text[pos] == '{')
      ++depth;
    if (text[pos] == '}' && depth-- == 0)
      return std::string(text.substr(begin, pos - begin));
  }
  throw unclosedBracket(*source, brackets.back());
}

void Lexer::skipFString(const Token &open) {
  while (fstringText(open, nullptr)) {
    size_t depth = brackets.size();
    while (brackets.size() >= depth) {
      Token t = next();
      if (t.kind == TokenKind::FString)
        skipFString(t);
      else if (t.kind == TokenKind::Op && t.text == ":" && brackets.size() == depth)
        fstringFormat(open);
    }
  }
}

} // namespace tegula::lang
