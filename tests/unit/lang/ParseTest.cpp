//===- ParseTest.cpp - trees and places of the parser ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/parse/Dump.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace tegula;
using namespace tegula::lang;

namespace {

std::string parse(std::string text) {
  SourceFile source{"kernel.py", 1, std::move(text)};
  return dump(*parseFunction(source));
}

/// The tree of one expression.
std::string expr(const std::string &text) {
  SourceFile source{"kernel.py", 1, "def f():\n    _ = " + text + "\n"};
  auto function = parseFunction(source);
  return dump(*function->body.at(0)->value);
}

/// The tree of the statements of a body.
std::string body(const std::string &text) {
  std::string indented;
  for (char c : "\n" + text)
    indented += c == '\n' ? "\n    " : std::string(1, c);
  std::string out = parse("def f():" + indented + "\n");
  return out.substr(6, out.size() - 7);
}

} // namespace

TEST(Parse, Dump) {
  EXPECT_EQ(parse("def f(x, B: int = 4):\n    \"adds\"\n    y = x[:B] + 1\n"),
            "(def f\n  (param x)\n  (param B (: int) (= 4))\n  (doc \"adds\")\n"
            "  (assign y (+ (index x (slice () B ())) 1)))");
}

TEST(Parse, Precedence) {
  EXPECT_EQ(expr("a + b * c - d"), "(- (+ a (* b c)) d)");
  EXPECT_EQ(expr("a | b ^ c & d << e + f * -g ** h"), "(| a (^ b (& c (<< d (+ e (* f (- (** g h))))))))");
  EXPECT_EQ(expr("2 ** -1 ** 2"), "(** 2 (- (** 1 2)))");
  EXPECT_EQ(expr("a ** b ** c"), "(** a (** b c))");
  EXPECT_EQ(expr("a // b % c / d @ e >> f"), "(>> (@ (/ (% (// a b) c) d) e) f)");
  EXPECT_EQ(expr("~-+a"), "(~ (- (+ a)))");
  EXPECT_EQ(expr("not a and b or c and not d"), "(or (and (not a) b) (and c (not d)))");
  EXPECT_EQ(expr("a and b and c"), "(and a b c)");
  EXPECT_EQ(expr("(a and b) and c"), "(and (and a b) c)");
  EXPECT_EQ(expr("not a == b"), "(not (compare a == b))");
  EXPECT_EQ(expr("a < b <= c != d"), "(compare a < b <= c != d)");
  EXPECT_EQ(expr("a not in b is not c in d is e"), "(compare a not in b is not c in d is e)");
  EXPECT_EQ(expr("a & b == c"), "(compare (& a b) == c)");
  EXPECT_EQ(expr("a if b else c if d else e"), "(if b a (if d c e))");
  EXPECT_EQ(expr("(a + b) * c"), "(* (+ a b) c)");
}

TEST(Parse, Calls) {
  EXPECT_EQ(expr("f()"), "(call f)");
  EXPECT_EQ(expr("f(a, *b, k=c, *d, **e,)"), "(call f a (star b) (star d) (= k c) (** e))");
  EXPECT_EQ(expr("tl.load(x + i, mask=m).to(tl.float32)[None]"),
            "(index (call (. (call (. tl load) (+ x i) (= mask m)) to) (. tl float32)) None)");
}

TEST(Parse, Subscripts) {
  EXPECT_EQ(expr("x[0]"), "(index x 0)");
  EXPECT_EQ(expr("x[:, None]"), "(index x (tuple (slice () () ()) None))");
  EXPECT_EQ(expr("x[..., a:b, ::c, a::]"),
            "(index x (tuple ... (slice a b ()) (slice () () c) (slice a () ())))");
  EXPECT_EQ(expr("x[a,]"), "(index x (tuple a))");
  EXPECT_EQ(expr("x[*a]"), "(index x (tuple (star a)))");
  EXPECT_EQ(expr("x[(a, b)]"), "(index x (tuple a b))");
}

TEST(Parse, TuplesAndLists) {
  EXPECT_EQ(expr("()"), "(tuple)");
  EXPECT_EQ(expr("(a)"), "a");
  EXPECT_EQ(expr("(a,)"), "(tuple a)");
  EXPECT_EQ(expr("a,"), "(tuple a)");
  EXPECT_EQ(expr("a, *b"), "(tuple a (star b))");
  EXPECT_EQ(expr("[]"), "(list)");
  EXPECT_EQ(expr("[a, *b,]"), "(list a (star b))");
  EXPECT_EQ(expr("[i + 1 for i in x]"), "(for (+ i 1) i x ())");
  EXPECT_EQ(expr("[a for a, b in x if a not in b]"), "(for a (tuple a b) x (compare a not in b))");
}

TEST(Parse, Integers) {
  EXPECT_EQ(expr("0, 00, 1_000, 12"), "(tuple 0 0 1000 12)");
  EXPECT_EQ(expr("0xFF, 0X_0f, 0x0"), "(tuple 0xff 0xf 0x0)");
  EXPECT_EQ(expr("0o17, 0b1010_1010, 0o777_777_777_777_777_777_777_777"),
            "(tuple 0xf 0xaa 0xffffffffffffffffff)");
  EXPECT_EQ(expr("0xffff_ffff_ffff_ffff_ffff"), "0xffffffffffffffffffff");
  EXPECT_EQ(expr("123456789012345678901234567890"), "123456789012345678901234567890");
  EXPECT_EQ(expr("1if x else 0xfor y"), "(if x 1 (or 0xf y))");
}

TEST(Parse, Floats) {
  EXPECT_EQ(expr("1.5, .5, 2., 1e3, 1_0.2_5E-0_1, 0.1"),
            "(tuple (float 1.5) (float 0.5) (float 2) (float 1000) (float 1.0249999999999999) "
            "(float 0.10000000000000001))");
  EXPECT_EQ(expr("1e999, 1e-999, 4.9e-324"), "(tuple (float inf) (float 0) (float 4.9406564584124654e-324))");
  EXPECT_EQ(expr("1" + std::string(400, '0') + "."), "(float inf)");
  EXPECT_EQ(expr("0." + std::string(400, '0') + "1"), "(float 0)");
  EXPECT_EQ(expr("1e99999999999999999999"), "(float inf)");
  EXPECT_EQ(expr("012.5"), "(float 12.5)");
}

TEST(Parse, Constants) { EXPECT_EQ(expr("True, False, None, ..."), "(tuple True False None ...)"); }

TEST(Parse, Strings) {
  EXPECT_EQ(expr("'a' \"b\" r'\\n' u'c'"), "\"ab\\\\nc\"");
  EXPECT_EQ(expr("'\\n\\t\\\\\\'\\\"\\x41\\u00e9\\U0001F600\\101\\q'"),
            "\"\\x0a\\x09\\\\'\\\"A\xc3\xa9\xf0\x9f\x98\x80"
            "A\\\\q\"");
  EXPECT_EQ(expr("'''a\n'b''' '\\\nc'"), "\"a\\x0a'bc\"");
  EXPECT_EQ(expr("'\xce\xb1'"), "\"\xce\xb1\"");
  EXPECT_EQ(expr("r'\\'' ''"), "\"\\\\'\"");
}

TEST(Parse, FStrings) {
  EXPECT_EQ(expr("f'a{x}b'"), "(fstring \"a\" x \"b\")");
  EXPECT_EQ(expr("f'{x + 1:>{w}} {y!r} {z!s:4}'"),
            "(fstring (format (+ x 1) \":>{w}\") \" \" (format y \"!r\") \" \" (format z \"!s:4\"))");
  EXPECT_EQ(expr("f'{x=}{ y = :4}'"), "(fstring \"x=\" (format x \"!r\") \" y = \" (format y \":4\"))");
  EXPECT_EQ(expr("'a' f'{{{x}}}' 'b'"), "(fstring \"a{\" x \"}b\")");
  EXPECT_EQ(expr("f'{x[\"k\"]} {a != b} {x:=5}'"),
            "(fstring (index x \"k\") \" \" (compare a != b) \" \" (format x \":=5\"))");
  EXPECT_EQ(expr("f'{x['k']}'"), "(fstring (index x \"k\"))"); // as Python 3.12
  EXPECT_EQ(expr("f'''{\n  x\n}\n'''"), "(fstring x \"\\x0a\")");
  EXPECT_EQ(expr("fr'\\d{x}'"), "(fstring \"\\\\d\" x)");
  EXPECT_EQ(expr("f''"), "(fstring)");
  EXPECT_EQ(expr("f'{f\"{x}\"}'"), "(fstring (fstring x))");
}

TEST(Parse, Assignments) {
  EXPECT_EQ(body("a = b = c"), "\n  (assign a b c)");
  EXPECT_EQ(body("a, (b, *c) = [d, x.y] = e, f"),
            "\n  (assign (tuple a (tuple b (star c))) (list d (. x y)) (tuple e f))");
  EXPECT_EQ(body("a: int = 1; b: tl.constexpr"),
            "\n  (assign a (: int) 1)\n  (assign b (: (. tl constexpr)) ())");
  EXPECT_EQ(body("a += 1; a **= 2; a >>= 3; a @= b; a //= c, d"),
            "\n  (+= a 1)\n  (**= a 2)\n  (>>= a 3)\n  (@= a b)\n  (//= a (tuple c d))");
  EXPECT_EQ(body("x[0] = 1"), "\n  (assign (index x 0) 1)");
}

TEST(Parse, ControlFlow) {
  EXPECT_EQ(body("if a: b\nelif c:\n  pass\nelse: d; e"),
            "\n  (if a\n    (expr b)\n   else\n    (if c\n      (pass)\n     else\n      (expr d)\n      "
            "(expr e)))");
  EXPECT_EQ(body("for i, j in x:\n  break\nelse:\n  y"),
            "\n  (for (tuple i j) x\n    (break)\n   else\n    (expr y))");
  EXPECT_EQ(body("while a:\n\tcontinue\nelse: pass"), "\n  (while a\n    (continue)\n   else\n    (pass))");
  EXPECT_EQ(body("return\nreturn a, b"), "\n  (return)\n  (return (tuple a b))");
  EXPECT_EQ(body("assert a; assert b, 'c'"), "\n  (assert a)\n  (assert b \"c\")");
  EXPECT_EQ(body("with a as b, c: pass"), "\n  (with (a b) (c ())\n    (pass))");
  EXPECT_EQ(body("with (a as b, c,): pass"), "\n  (with (a b) (c ())\n    (pass))");
  EXPECT_EQ(body("with (a, b).c as d: pass"), "\n  (with ((. (tuple a b) c) d)\n    (pass))");
  EXPECT_EQ(body("match = 1\nmatch(x)\nmatch[0]"),
            "\n  (assign match 1)\n  (expr (call match x))\n  (expr (index match 0))");
}

TEST(Parse, Parameters) {
  EXPECT_EQ(
      parse("def f(a, /, b: int, c=1, *d, e, g: x = 2, **h) -> int: pass"),
      "(def f\n  (param a)\n  (param b (: int))\n  (param c (= 1))\n  (param d *)\n  (param e keyword-only)\n"
      "  (param g keyword-only (: x) (= 2))\n  (param h **)\n  (returns int)\n  (pass))");
  EXPECT_EQ(parse("def f(\n  a,  # one\n  *,\n  b,\n):\n  pass"),
            "(def f\n  (param a)\n  (param b keyword-only)\n  (pass))");
  EXPECT_EQ(parse("def f(a=lambda x, y: x, b: {1: 2} = 3): pass"),
            "(def f\n  (param a (= (opaque \"lambda x, y: x\")))\n  (param b (: (opaque \"{1: 2}\")) (= "
            "3))\n  (pass))");
}

TEST(Parse, Decorators) {
  EXPECT_EQ(
      parse("@autotune(\n    configs=[C({'A': 1}, w=w) for w in x for y in z],\n    key=['n'],\n)\n"
            "@heuristics({'B': lambda args: args['n']})\n@tegula.jit\ndef f(): pass\n"),
      "(def f\n  (decorator (call autotune (= configs (opaque \"[C({'A': 1}, w=w) for w in x for y in z]\")) "
      "(= key (list \"n\"))))\n"
      "  (decorator (call heuristics (opaque \"{'B': lambda args: args['n']}\")))\n"
      "  (decorator (. tegula jit))\n  (pass))");
  EXPECT_EQ(parse("@f(x for x in y)\n@g(a := 1j)\ndef f(): pass\n"),
            "(def f\n  (decorator (call f (opaque \"x for x in y\")))\n  (decorator (call g (opaque \"a := "
            "1j\")))\n  (pass))");
}

TEST(Parse, LinesAndIndentation) {
  // Indented as a whole, followed by lines further out and by anything on the same level.
  const char *tree = "(def f\n  (assign a (+ 1 2))\n  (return a))";
  EXPECT_EQ(parse("    @jit\n    def f():\n        pass\n    ) ' $ not Python\n"),
            "(def f\n  (decorator jit)\n  (pass))");
  EXPECT_EQ(parse("  def f():\n    a = 1 + 2\n    return a\n)'$"), tree);
  EXPECT_EQ(parse("def f():\n\ta = 1 + \\\n2\n\n# comment\n\treturn a # end"), tree);
  EXPECT_EQ(parse("def f():\r\n  a = (1 +  # one\r\n\r\n2)\r\n\r\n  return a\r\n"), tree);
  EXPECT_EQ(parse("\xef\xbb\xbf# \xce\xb1\n\ndef f():\n        # x\n  a = 1 + 2;\n      # y\n  return a;\n"),
            tree);
  EXPECT_EQ(parse("def f(): a = 1 + 2; return a\n?"), tree);
  EXPECT_EQ(parse("def f():\n  '''a\r\nb'''\n"), "(def f\n  (doc \"a\\x0ab\"))");
}

TEST(Parse, NamesBeyondAscii) {
  EXPECT_EQ(expr("\xce\xb1 + \xc2\xb5"), "(+ \xce\xb1 \xce\xbc)"); // the micro sign becomes mu, as in Python
}

TEST(Parse, Spans) {
  SourceFile source{"k.py", 10, "@jit\ndef f(a, b):\n    for i in a:\n        x = (a + b) * g(i,  k = 1)\n"};
  auto function = parseFunction(source);
  auto text = [&](Span span) { return source.text.substr(span.begin, span.end - span.begin); };
  EXPECT_EQ(text(function->span), "def f(a, b)");
  EXPECT_EQ(text(function->params[1].span), "b");
  const Stmt &loop = *function->body[0];
  EXPECT_EQ(text(loop.span), "for i in a");
  const Stmt &assign = *loop.body[0];
  EXPECT_EQ(text(assign.span), "x = (a + b) * g(i,  k = 1)");
  EXPECT_EQ(assign.span.line(), 13);
  EXPECT_EQ(assign.span.column(), 9);
  const Expr &product = *assign.value;
  EXPECT_EQ(text(product.span), "(a + b) * g(i,  k = 1)");
  EXPECT_EQ(text(product.items[0]->span), "a + b");
  EXPECT_EQ(text(product.items[1]->span), "g(i,  k = 1)");
  EXPECT_EQ(text(product.items[1]->keywords[0].span), "k = 1");
}

TEST(Parse, SpansInFStrings) {
  SourceFile source{"k.py", 1, "def f():\n    f'ab{x!r}c{y:>{w}}'\n"};
  auto function = parseFunction(source);
  auto text = [&](Span span) { return source.text.substr(span.begin, span.end - span.begin); };
  const Expr &string = *function->body[0]->value;
  EXPECT_EQ(text(string.span), "f'ab{x!r}c{y:>{w}}'");
  ASSERT_EQ(string.items.size(), 4u);
  EXPECT_EQ(text(string.items[0]->span), "ab");
  EXPECT_EQ(text(string.items[1]->span), "x");
  EXPECT_EQ(text(string.items[3]->span), "y");
}

TEST(Parse, DeepButLegal) {
  std::string nested = std::string(190, '(') + "a" + std::string(190, ')');
  EXPECT_EQ(expr(nested), "a");
  std::string sum = "a";
  for (int i = 0; i < 400; ++i)
    sum += " + a";
  EXPECT_EQ(expr(sum).substr(0, 6), "(+ (+ ");
}

TEST(ParseModule, KeepsFunctionsConstantsAndImports) {
  SourceFile source{"m.py", 1, R"py('''A file.'''
import a.b as c, d
from x.y import (z as w,
    v,)
from . import r; from ..s import *
A = 4
B: tl.constexpr = A * 2
C = D = {'k': lambda: 1}
P, Q = 1, 2
print('nothing'); E = 5

class K(object):
    A = 9
    def m(self):
        yield 1

@decorated
class L: pass

async def h(): await x

@tegula.jit
def kernel(x):
    '''doc'''
    return x

def host(x):
    try:
        A = f'{x!r:>{w}}'
    except (E, F) as e: raise
    else:
        pass

if __name__ == '__main__':
    A = 5
    for i in x: host({})
)py"};
  ModuleAst module = parseModule(source);
  ASSERT_EQ(module.functions.size(), 2u);
  EXPECT_EQ(dump(*module.functions[0]),
            "(def kernel\n  (decorator (. tegula jit))\n  (param x)\n  (doc \"doc\")\n  (return x))");
  EXPECT_FALSE(module.functions[0]->refused);
  EXPECT_EQ(module.functions[1]->name, "host");
  ASSERT_TRUE(module.functions[1]->refused);
  EXPECT_EQ(module.functions[1]->refused->diagnostic().id, Diag::syntax_try);
  EXPECT_TRUE(module.functions[1]->body.empty());
  std::string names;
  for (const StmtPtr &stmt : module.assignments)
    for (const ExprPtr &target : stmt->targets)
      names += target->text + " ";
  EXPECT_EQ(names, "A B C D E ");
  std::string imports;
  for (const ModuleAst::Import &import : module.imports)
    imports += import.module + ":" + import.member + ":" + import.as + " ";
  EXPECT_EQ(imports, "a.b::c d:: x.y:z:w x.y:v: .:r: ..s:*: ");
}

TEST(ParseModule, ForgetsWhatChanges) {
  SourceFile source{"m.py", 1,
                    "A = 1\nB = 1\nC = 1\nD = 1\nE = 1\nA += 1\nB, F = 2, 3\n"
                    "if x:\n    C = 2\nwith y: D = 3\nE = 5\n"};
  ModuleAst module = parseModule(source);
  ASSERT_EQ(module.assignments.size(), 1u);
  EXPECT_EQ(dump(*module.assignments[0]->value), "5");
}

TEST(ParseModule, SkipsStringsThatKernelsMayNotWrite) {
  SourceFile source{"m.py", 1, "def f():\n    x = f'\\N{BULLET} {a} \\ud800 \\{b}'\nf'\\N{BULLET}'\nX = 1\n"};
  ModuleAst module = parseModule(source);
  EXPECT_EQ(module.functions[0]->refused->diagnostic().id, Diag::syntax_named_escape);
  EXPECT_EQ(module.assignments.size(), 1u);
}

TEST(ParseModule, OneLineBlocks) {
  SourceFile source{"m.py", 1, "if a: b\nelse: c\nwhile d: e\ndef f(): pass\nx: int\nG = 1"};
  ModuleAst module = parseModule(source);
  EXPECT_EQ(module.functions.size(), 1u);
  ASSERT_EQ(module.assignments.size(), 1u);
}
