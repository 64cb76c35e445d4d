//===- ParseErrorTest.cpp - every diagnostic of the parser, with its text and place ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/parse/Ast.h"

#include <gtest/gtest.h>

#include <set>

using namespace tegula;
using namespace tegula::lang;

namespace {

/// `code`: a whole function if it begins with a letter of "def", "@" or a blank; else a statement of a body.
/// The mistake stands between «» in it.
struct Case {
  Diag id;
  std::string code;
  std::string message;
};

std::string deep(const char *open, int count, const char *inner, const char *close) {
  std::string out;
  for (int i = 0; i < count; ++i)
    out += open;
  out += inner;
  for (int i = 0; i < count; ++i)
    out += close;
  return out;
}

const std::vector<Case> &cases() {
  using D = Diag;
  static const std::vector<Case> list = {
      {D::syntax_expected, "x = 1 «2»", "expected the end of the line, found '2'"},
      {D::syntax_expected, "x = a +«\n»", "expected an expression, found the end of the line"},
      {D::syntax_expected, "f(a «b»)", "expected ',' or ')', found 'b'"},
      {D::syntax_expected, "f(a,\n  b\n  «c»)", "expected ',' or ')', found 'c'"},
      {D::syntax_expected, "x[«]»", "expected an index, found ']'"},
      {D::syntax_expected, "x = a == «not» b", "expected an expression, found 'not'"},
      {D::syntax_expected, "x = a if b«\n»", "expected 'else', found the end of the line"},
      {D::syntax_expected, "if a«\n»  pass", "expected ':', found the end of the line"},
      {D::syntax_expected, "for x «+=» y: pass", "expected 'in', found '+='"},
      {D::syntax_expected, "«else»: pass", "expected a statement, found 'else'"},
      {D::syntax_expected, "x«.1»", "expected the end of the line, found '.1'"},
      {D::syntax_expected, "x = f'{a «b»}'", "expected '}', found 'b'"},
      {D::syntax_no_function, "@jit\n«class» K: pass", "decorators and 'def'), found 'class'"},
      {D::syntax_no_function, "def_ = «»", "decorators and 'def'), found 'def_'"},
      {D::syntax_unknown_character, "x = a «$» b", "unexpected character '$'"},
      {D::syntax_unknown_character, "x = a «\xc3\x97» b", "unexpected character '\xc3\x97' (U+00D7)"},
      {D::syntax_unknown_character, "x = a«\xc2\xa0»+ b", "unexpected character U+00A0"},
      {D::syntax_unknown_character, "x = «\xe2\x80\x9c»a\xe2\x80\x9d", "(U+201C)"},
      {D::syntax_invalid_utf8, "x = «\xff»", "not valid UTF-8"},
      {D::syntax_invalid_utf8, "x = 'a«\xe2»'", "not valid UTF-8"},
      {D::syntax_c_operator, "x = a «&&» b", "'&&' is not an operator of Python"},
      {D::syntax_c_operator, "x = a «||» b", "'||' is not an operator of Python"},
      {D::syntax_c_operator, "x = «!»b", "'!' is not an operator of Python"},
      {D::syntax_continuation, "x = a + «\\» \n  b", "after the line continuation '\\'"},
      {D::syntax_tabs, "def f():\n        a\n«\t»b\n", "other tabs and spaces"},
      {D::syntax_tabs, "def f():\n  if a:\n        b\n« \t»c\n", "other tabs and spaces"},
      {D::syntax_unindent, "def f():\n  if a:\n      b\n«    »c\n", "matches no block above it"},
      {D::syntax_unexpected_indent, "def f():\n  a\n«    »b", "unexpected indentation"},
      {D::syntax_no_block, "«if a»:\nb", "expected an indented block after 'if'"},
      {D::syntax_no_block, "if a: b\n«else»:\nb", "expected an indented block after 'else'"},
      {D::syntax_no_block, "«def f(x)»:\nx", "expected an indented block after 'def'"},
      {D::syntax_unclosed, "x = f«(»a, b\ny = 2", "'(' is never closed"},
      {D::syntax_unclosed, "x = «[»a, b +\nif y:\n  z", "'[' is never closed"},
      {D::syntax_unclosed, "x = f«(»a,", "'(' is never closed"},
      {D::syntax_mismatched, "x = (a, b«]»", "']' does not close '('"},
      {D::syntax_unopened, "x = a«)»", "')' closes no bracket"},
      {D::syntax_too_deep, "x = " + deep("(", 199, "«(»", ")"), "nested more than 200 levels deep"},
      {D::syntax_too_deep, "x = " + deep("-", 198, "«-»1", ""), "nested more than 200 levels deep"},
      {D::syntax_too_deep, "x = «a" + deep(" + a", 499, " + a»", " + a"), "nested more than 500 levels deep"},
      {D::syntax_bad_number, "x = «0x»", "'0x' is not a number: digits must follow '0x'"},
      {D::syntax_bad_number, "x = «012»", "no leading zeros"},
      {D::syntax_bad_number, "x = «1_»", "single underscores may stand between its digits only"},
      {D::syntax_bad_number, "x = «1__2»", "single underscores"},
      {D::syntax_bad_number, "x = «0b12»", "'2' is no part of such a number"},
      {D::syntax_bad_number, "x = «1.5f»", "'f' is no part of such a number"},
      {D::syntax_imaginary, "x = 1 + «2.5j»",
       "complex numbers such as '2.5j' are not part of the kernel language"},
      {D::syntax_bytes, "x = «b'a'»", "bytes are not part of the kernel language"},
      {D::syntax_unterminated_string, "x = «'abc»", "this string is never closed"},
      {D::syntax_unterminated_string, "x = «'''»abc\ndef", "this string is never closed"},
      {D::syntax_unterminated_string, "x = «f'abc»", "this string is never closed"},
      {D::syntax_bad_escape, "x = 'a«\\x1»'", "2 hexadecimal digits must follow '\\x'"},
      {D::syntax_bad_escape, "x = '«\\ud800»'", "there is no character of that number"},
      {D::syntax_named_escape, "x = '«\\N»{BULLET}'", "names of characters ('\\N{...}')"},
      {D::syntax_fstring_unclosed, "x = f'a«{»b'", "this '{' of the f-string is never closed"},
      {D::syntax_fstring_unclosed, "x = f'a«{»b:>4'", "this '{' of the f-string is never closed"},
      {D::syntax_fstring_unclosed, "x = f'a«{»'", "this '{' of the f-string is never closed"},
      {D::syntax_fstring_unclosed, "x = f'a«{»(b)", "this '{' of the f-string is never closed"},
      {D::syntax_fstring_brace, "x = f'a«}»'", "single '}' in the text of an f-string"},
      {D::syntax_fstring_empty, "x = f'a«{}»'", "expected an expression between the braces of the f-string"},
      {D::syntax_fstring_conversion, "x = f'{a!«b»}'",
       "expected 'r', 's' or 'a' after '!' in an f-string, found 'b'"},
      {D::syntax_walrus, "x = (y «:=» 1)", "':=' is not part of the kernel language"},
      {D::syntax_lambda, "x = f(«lambda» a: a)", "'lambda' is not part of the kernel language"},
      {D::syntax_dict, "x = «{»'a': 1}", "dictionaries are not part of the kernel language"},
      {D::syntax_dict, "x = «{»}", "dictionaries are not part of the kernel language"},
      {D::syntax_dict, "x = «{»a: b for a in c}", "dictionaries are not part of the kernel language"},
      {D::syntax_set, "x = «{»a, b}", "sets are not part of the kernel language"},
      {D::syntax_generator, "x = sum(a «for» a in b)",
       "generator expressions are not part of the kernel language"},
      {D::syntax_generator, "x = (a «for» a in b)",
       "generator expressions are not part of the kernel language"},
      {D::syntax_comprehension, "x = [a for a in b «for» c in d]", "has one 'for' and at most one 'if'"},
      {D::syntax_comprehension, "x = [a for a in b if c «if» d]", "has one 'for' and at most one 'if'"},
      {D::syntax_await, "«await» x", "'await' is not part of the kernel language"},
      {D::syntax_yield, "«yield» x", "'yield' is not part of the kernel language"},
      {D::syntax_yield, "x = «yield»", "'yield' is not part of the kernel language"},
      {D::syntax_del, "«del» x", "'del' is not part of the kernel language"},
      {D::syntax_global, "«global» x", "'global' is not part of the kernel language"},
      {D::syntax_nonlocal, "«nonlocal» x", "'nonlocal' is not part of the kernel language"},
      {D::syntax_try, "«try»:\n  x\nfinally: y", "'try' is not part of the kernel language"},
      {D::syntax_class, "«class» K: pass", "'class' is not part of the kernel language"},
      {D::syntax_import, "«import» math", "'import' is not part of the kernel language"},
      {D::syntax_import, "«from» math import pi", "'from' is not part of the kernel language"},
      {D::syntax_async, "«async» with a: pass", "'async' is not part of the kernel language"},
      {D::syntax_async, "@jit\n«async» def f(): pass", "'async' is not part of the kernel language"},
      {D::syntax_match, "«match» x:\n  case 1: pass", "'match' is not part of the kernel language"},
      {D::syntax_match, "«match» (x):\n  case 1: pass", "'match' is not part of the kernel language"},
      {D::syntax_match, "«match» {a: b}:\n  case 1: pass", "'match' is not part of the kernel language"},
      {D::syntax_nested_def, "«def» g(): pass",
       "a function inside a kernel is not part of the kernel language"},
      {D::syntax_nested_def, "«@»jit\ndef g(): pass",
       "a function inside a kernel is not part of the kernel language"},
      {D::syntax_assign_target, "«1» = x", "cannot assign to a literal"},
      {D::syntax_assign_target, "a, «f(b)» = x", "cannot assign to the result of a call"},
      {D::syntax_assign_target, "«a + b» = x", "cannot assign to the result of an operator"},
      {D::syntax_assign_target, "«a == b» = x", "cannot assign to a comparison"},
      {D::syntax_assign_target, "«None» = x", "cannot assign to None"},
      {D::syntax_assign_target, "«a, b» += x", "cannot assign to several names here"},
      {D::syntax_assign_target, "*a, «*b» = x", "cannot assign to two starred names"},
      {D::syntax_assign_target, "for «f(x)» in y: pass", "cannot assign to the result of a call"},
      {D::syntax_assign_in_test, "if a «=» 1: pass", "'=' assigns and is no condition"},
      {D::syntax_else_if, "if a: b\n«else if» c: d", "'else if' is not Python"},
      {D::syntax_starred, "x = «*a»", "a starred expression needs a tuple"},
      {D::syntax_starred, "x = («*a»)", "a starred expression needs a tuple"},
      {D::syntax_outside_loop, "«break»", "'break' outside of a loop"},
      {D::syntax_outside_loop, "for i in x: pass\nelse: «continue»", "'continue' outside of a loop"},
      {D::syntax_argument_order, "f(a=1, «b»)", "a positional argument after a keyword argument"},
      {D::syntax_argument_order, "f(**a, «b»)", "a positional argument after '**'"},
      {D::syntax_argument_order, "f(**a, «*»b)", "'*' after '**'"},
      {D::syntax_repeated_argument, "f(a=1, b=2, «a»=3)", "argument 'a' is given twice"},
      {D::syntax_parameter_order, "def f(a=1, «b»): pass",
       "a parameter without a default after one with a default"},
      {D::syntax_parameter_order, "def f(**a, «b»): pass", "a parameter after '**'"},
      {D::syntax_parameter_order, "def f(*a, «*», b): pass", "a second '*' among the parameters"},
      {D::syntax_parameter_order, "def f(a, «*», ): pass", "'*' without a keyword-only parameter"},
      {D::syntax_parameter_order, "def f(«/», a): pass", "'/' stands behind plain parameters"},
      {D::syntax_repeated_parameter, "def f(a, b, «a»): pass", "two parameters are named 'a'"},
  };
  return list;
}

/// The text of the case as a function, with the place of its mistake.
std::string expand(const Case &test, size_t &begin, size_t &end) {
  std::string code = test.code;
  bool isWhole = code.starts_with("def") || code.starts_with("«def f") || code.starts_with("@jit");
  std::string text;
  if (isWhole) {
    text = code;
  } else {
    text = "def f():\n    ";
    for (char c : code)
      text += c == '\n' ? "\n    " : std::string(1, c);
  }
  begin = text.find("«");
  text.erase(begin, 2);
  end = text.find("»");
  text.erase(end, 2);
  return text;
}

} // namespace

TEST(ParseError, EachHasItsTextAndPlace) {
  for (const Case &test : cases()) {
    size_t begin, end;
    SourceFile source{"kernel.py", 1, expand(test, begin, end)};
    if (test.code.starts_with("def_"))
      begin = 0, end = 4;
    try {
      parseFunction(source);
      ADD_FAILURE() << "no error: " << test.code;
    } catch (const Error &error) {
      const Diagnostic &d = error.diagnostic();
      EXPECT_NE(d.message.find(test.message), std::string::npos) << test.code << "\n" << error.what();
      std::string_view marked = std::string_view(source.text).substr(d.span.begin, d.span.end - d.span.begin);
      EXPECT_EQ(d.span.begin, begin) << error.what();
      if (source.text[begin] != '\n') // the marks lie around the indentation of the next line as well
        EXPECT_EQ(d.span.end, end) << marked << "\n" << error.what();
      EXPECT_EQ(d.id, test.id) << test.code << "\n" << error.what();
      bool saysWhatToDo = !d.nextStep.empty() || d.id == Diag::syntax_expected;
      EXPECT_TRUE(saysWhatToDo) << error.what();
      EXPECT_EQ(d.message.find("?"), std::string::npos) << "a text without its argument: " << error.what();
    }
  }
}

TEST(ParseError, NoneIsUntested) {
  std::set<Diag> tested;
  for (const Case &test : cases())
    tested.insert(test.id);
  for (int id = 0; id < int(Diag::count); ++id)
    if (row(Diag(id)).id.starts_with("syntax_"))
      EXPECT_TRUE(tested.count(Diag(id))) << row(Diag(id)).id;
}

TEST(ParseError, MismatchShowsTheOpeningBracket) {
  SourceFile source{"kernel.py", 1, "def f():\n    x = (a,\n         b]\n"};
  try {
    parseFunction(source);
    FAIL();
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(), "kernel.py:3:11: error: ']' does not close '('\n"
                               " 3 |          b]\n"
                               "   |           ^\n"
                               "kernel.py:2:9: note: the bracket is opened here\n"
                               " 2 |     x = (a,\n"
                               "   |         ^\n"
                               "help: Write ')' here, or change the opening bracket.\n");
  }
}

/// Nothing that is built from deep repetition may exhaust the stack.
TEST(ParseError, DepthIsBounded) {
  const char *repeated[] = {
      "(",    "[",       "{",          "-",  "not ",    "a**",  "a if b else ", "f(",     "x[",   "f'{",
      "a.b",  "a+(",     "(a,",        "~(", "lambda:", "f(k=", "[a for a in ", "a<(",    "x[0]", "f()",
      "a, (", "if a:\n", "a or not (", "**", "*",       "\\\n", "(a:=",         "f\"{x:{"};
  for (const char *part : repeated)
    for (std::string start : {"def f():\n  ", "@", "def f(a=", "def f():\n  x = ", "x = "}) {
      std::string text = start;
      for (int i = 0; i < 20000; ++i)
        text += part;
      SourceFile source{"kernel.py", 1, text};
      for (bool whole : {false, true})
        try {
          if (whole)
            parseModule(source);
          else
            parseFunction(source);
        } catch (const Error &) {
        }
    }
  std::string blocks = "def f():\n", chain = "def f():\n  if a: b\n";
  for (int i = 1; i < 2000; ++i) {
    blocks += std::string(size_t(i), ' ') + "if a:\n";
    chain += "  elif a: b\n";
  }
  EXPECT_THROW(parseFunction(SourceFile{"k.py", 1, blocks}), Error);
  EXPECT_THROW(parseFunction(SourceFile{"k.py", 1, chain}), Error);
}

/// Every prefix of a text, and the text with any byte changed, is a tree or an Error.
TEST(ParseError, MutilatedText) {
  const std::string text =
      "@jit(a={'b': lambda c: c})\ndef f(x, *, B: tl.constexpr = 4):\n    '''doc'''\n"
      "    if x[0, ::2] < 0x1f:\n        y = f'{x!r:>{B}} {{' \"\\x41\"\n"
      "    elif not x: return (1.5e3, *x)\n    for i in range(3):\n\ty += [i for i in x if i]\n"
      "    with a as b: pass\n    z = g(x, k=1) ** -2 # end\n";
  const std::string bytes = "\n\t \\'\"{}()[]:=!#@,.0xefb\xce\xff*";
  auto tryBoth = [](const std::string &text) {
    SourceFile source{"k.py", 1, text};
    try {
      parseFunction(source);
    } catch (const Error &error) {
      EXPECT_LE(error.diagnostic().span.end, text.size() + 1);
    }
    try {
      parseModule(source);
    } catch (const Error &) {
    }
  };
  for (size_t i = 0; i <= text.size(); ++i) {
    tryBoth(text.substr(0, i));
    for (char c : bytes) {
      std::string changed = text;
      if (i < text.size())
        changed[i] = c;
      tryBoth(changed);
    }
  }
}
