//===- Literal.cpp - values of literals, letters of identifiers ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/parse/Lexer.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace tegula::lang {

//===----------------------------------------------------------------------===//
// Characters
//===----------------------------------------------------------------------===//

CodePoint decodeUtf8(std::string_view text, size_t i) {
  auto byte = [&](size_t k) { return k < text.size() ? uint32_t(uint8_t(text[k])) : 0u; };
  uint32_t first = byte(i);
  if (first < 0x80)
    return {first, i < text.size() ? 1u : 0u};
  uint32_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4)
    return {0, 0};
  uint32_t value = first & (0x7fu >> length);
  for (uint32_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xc0) != 0x80)
      return {0, 0};
    value = value << 6 | (byte(i + k) & 0x3f);
  }
  static constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
    return {0, 0};
  return {value, length};
}

static void encodeUtf8(uint32_t c, std::string &out) {
  if (c < 0x80) {
    out += char(c);
    return;
  }
  int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static constexpr uint32_t lead[] = {0, 0xc0, 0xe0, 0xf0};
  out += char(lead[more] | c >> (6 * more));
  while (more-- > 0)
    out += char(0x80 | (c >> (6 * more) & 0x3f));
}

/// Letters outside of ASCII that NFKC maps to themselves, so that names compare by their bytes. The micro sign (U+00B5)
/// is the one exception; the parser maps it.
static bool isLetter(uint32_t c) {
  struct Range {
    uint32_t first, last;
  };
  static constexpr Range ranges[] = {
      {0xb5, 0xb5},     {0xc0, 0xd6},     {0xd8, 0xf6},     {0xf8, 0x131},    {0x134, 0x13e},
      {0x141, 0x148},   {0x14a, 0x17e},   {0x180, 0x1c3},   {0x1cd, 0x1f0},   {0x1f4, 0x24f},
      {0x250, 0x2af},   {0x370, 0x373},   {0x376, 0x377},   {0x386, 0x386},   {0x388, 0x38a},
      {0x38c, 0x38c},   {0x38e, 0x3a1},   {0x3a3, 0x3cf},   {0x3d7, 0x3ef},   {0x400, 0x481},
      {0x48a, 0x52f},   {0x531, 0x556},   {0x561, 0x586},   {0x5d0, 0x5ea},   {0x620, 0x64a},
      {0x904, 0x939},   {0xe01, 0xe30},   {0x10d0, 0x10fa}, {0x1e00, 0x1e99}, {0x1ea0, 0x1eff},
      {0x3041, 0x3096}, {0x30a1, 0x30fa}, {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xac00, 0xd7a3}};
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](Range r) { return c >= r.first && c <= r.last; });
}

size_t identifierLength(std::string_view text, size_t i) {
  size_t begin = i;
  while (i < text.size()) {
    char c = text[i];
    char lower = char(c | 0x20);
    if (c == '_' || (lower >= 'a' && lower <= 'z' && uint8_t(c) < 0x80) ||
        (i > begin && c >= '0' && c <= '9')) {
      ++i;
      continue;
    }
    if (uint8_t(c) < 0x80)
      break;
    CodePoint point = decodeUtf8(text, i);
    if (point.length == 0 || !isLetter(point.value))
      break;
    i += point.length;
  }
  return i - begin;
}

//===----------------------------------------------------------------------===//
// Strings
//===----------------------------------------------------------------------===//

static int hexDigit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  char lower = char(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static size_t decodeHexEscape(const SourceFile &source, size_t i, std::string &out) {
  const std::string &text = source.text;
  size_t count = text[i + 1] == 'x' ? 2 : text[i + 1] == 'u' ? 4 : 8;
  uint32_t value = 0;
  size_t end = i + 2;
  while (end < text.size() && end < i + 2 + count && hexDigit(text[end]) >= 0)
    value = value << 4 | uint32_t(hexDigit(text[end++]));
  auto refuse = [&](std::string why) {
    throw Error(Diag::syntax_bad_escape, {&source, uint32_t(i), uint32_t(end)},
                {text.substr(i, end - i), why});
  };
  if (end != i + 2 + count)
    refuse(std::to_string(count) + " hexadecimal digits must follow '" + text.substr(i, 2) + "'");
  if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
    refuse("there is no character of that number");
  encodeUtf8(value, out);
  return end;
}

size_t decodeEscape(const SourceFile &source, size_t i, std::string &out) {
  const std::string &text = source.text;
  char c = i + 1 < text.size() ? text[i + 1] : '\0';
  static constexpr std::string_view letters = "\\'\"abfnrtv", values = "\\'\"\a\b\f\n\r\t\v";
  if (size_t k = letters.find(c); k != std::string_view::npos && c) {
    out += values[k];
    return i + 2;
  }
  if (c == '\n')
    return i + 2;
  if (c == '\r' && i + 2 < text.size() && text[i + 2] == '\n')
    return i + 3;
  if (c == 'x' || c == 'u' || c == 'U')
    return decodeHexEscape(source, i, out);
  if (c == 'N')
    throw Error(Diag::syntax_named_escape, {&source, uint32_t(i), uint32_t(i + 2)});
  if (c >= '0' && c <= '7') {
    uint32_t value = 0;
    size_t end = i + 1;
    while (end < text.size() && end < i + 4 && text[end] >= '0' && text[end] <= '7')
      value = value * 8 + uint32_t(text[end++] - '0');
    encodeUtf8(value, out);
    return end;
  }
  out += '\\'; // Python keeps an unknown escape as it is written
  return i + 1;
}

std::string decodeString(const Token &token) {
  const SourceFile &source = *token.span.source;
  size_t begin = size_t(token.text.data() - source.text.data());
  size_t end = begin + token.text.size();
  std::string out;
  out.reserve(token.text.size());
  for (size_t i = begin; i < end;) {
    char c = source.text[i];
    if (c == '\\' && !token.raw) {
      i = decodeEscape(source, i, out);
      continue;
    }
    if (c != '\r' || i + 1 >= end || source.text[i + 1] != '\n') // a line of a file ends in "\n" for Python
      out += c;
    ++i;
  }
  return out;
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

static std::string withoutUnderscores(std::string_view text) {
  std::string out(text);
  std::erase(out, '_');
  return out;
}

std::string decodeInt(std::string_view written) {
  std::string text = withoutUnderscores(written);
  char kind = text.size() > 1 ? char(text[1] | 0x20) : '0';
  int bits = kind == 'x' ? 4 : kind == 'o' ? 3 : kind == 'b' ? 1 : 0;
  if (bits == 0) {
    size_t first = text.find_first_not_of('0');
    return first == std::string::npos ? "0" : text.substr(first);
  }
  // From the last digit: collect bits, give out four at a time.
  std::string reversed;
  uint32_t pending = 0;
  int count = 0;
  for (size_t i = text.size(); i-- > 2;) {
    pending |= uint32_t(hexDigit(text[i])) << count;
    count += bits;
    for (; count >= 4; count -= 4, pending >>= 4)
      reversed += "0123456789abcdef"[pending & 15];
  }
  reversed += "0123456789abcdef"[pending & 15];
  reversed.resize(std::max<size_t>(1, reversed.find_last_not_of('0') + 1));
  return "0x" + std::string(reversed.rbegin(), reversed.rend());
}

double decodeFloat(std::string_view written) {
  std::string text = withoutUnderscores(written);
  double value = 0;
  auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc::result_out_of_range)
    return value;
  // Too large is infinite, too small is zero. Which of the two: the decimal exponent of the first digit that is not 0.
  size_t e = std::min(text.find_first_of("eE"), text.size());
  size_t point = std::min(text.find('.'), e);
  size_t first = text.find_first_of("123456789");
  long long exponent = 0;
  if (e < text.size()) {
    size_t digits = e + 1 + (text[e + 1] == '+');
    auto parsed = std::from_chars(text.data() + digits, text.data() + text.size(), exponent);
    if (parsed.ec != std::errc())
      exponent = text[e + 1] == '-' ? -1000000000000 : 1000000000000;
  }
  exponent += (long long)point - (long long)first;
  return exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
}

} // namespace tegula::lang
