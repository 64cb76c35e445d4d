//===- Parser.h - recursive descent over the tokens ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// One function per rule of Python's grammar, from the loosest binding to the tightest:
//
//     test        a if b else c          parseTest
//     or, and     a or b and c           parseOr, parseAnd
//     not         not a                  parseNot
//     comparison  a < b not in c         parseComparison
//     binary      a | b ^ c ... * d      parseBinary, by a table of strengths
//     unary       -a, a ** -b            parseUnary
//     postfix     a.b(c)[d]              parsePostfix
//     atom        a, 1, "s", (a), [a]    parseAtom
//
// The next token is made only when a rule looks at it (`peek`).
//
//===----------------------------------------------------------------------===//

#pragma once

#include "lang/parse/Ast.h"
#include "lang/parse/Lexer.h"

#include <initializer_list>
#include <string_view>

namespace tegula::lang {

/// A vector of nodes, which a braced list cannot make since they only move.
template <typename... T> std::vector<ExprPtr> nodes(T... parts) {
  std::vector<ExprPtr> out;
  out.reserve(sizeof...(parts));
  (out.push_back(std::move(parts)), ...);
  return out;
}

class Parser {
public:
  /// Open brackets, blocks and right-recursive operators around a place.
  static constexpr int maxNesting = 200;
  /// Levels of one expression's tree; more than maxNesting because `a + b + c ...` adds a level for each operator.
  static constexpr int maxHeight = 500;

  Parser(const SourceFile &source, Lexer::Outside outside) : source(source), lexer(source, outside) {}

  std::unique_ptr<Function> parseOnlyFunction();
  ModuleAst parseModule();

private:
  const SourceFile &source;
  Lexer lexer;
  Token token;
  bool hasToken = false;
  uint32_t lastEnd = 0; ///< of the last token that is no end of line
  int nesting = 0;
  int loops = 0;
  /// Constructs that a kernel cannot use become Kind::Opaque instead of an error.
  bool lenient = false;

  /// Counts a level for as long as it lives.
  class Nest {
  public:
    Nest(Parser &parser);
    ~Nest() { --parser.nesting; }
    Nest(const Nest &) = delete;

  private:
    Parser &parser;
  };

  /// Sets a variable for as long as it lives.
  template <typename T> class Scoped {
  public:
    Scoped(T &variable, T value) : variable(variable), saved(variable) { variable = value; }
    ~Scoped() { variable = saved; }
    Scoped(const Scoped &) = delete;

  private:
    T &variable;
    T saved;
  };

  // Parser.cpp: tokens
  const Token &peek();
  Token take();
  bool isOp(std::string_view text) { return peek().kind == TokenKind::Op && peek().text == text; }
  bool isKeyword(std::string_view text) { return peek().kind == TokenKind::Keyword && peek().text == text; }
  bool is(TokenKind kind) { return peek().kind == kind; }
  bool acceptOp(std::string_view text);
  bool acceptKeyword(std::string_view text);
  void expectOp(std::string_view text);
  void expectKeyword(std::string_view text);
  Token expectName(std::string_view what);
  void expectNewline();
  std::string found();
  [[noreturn]] void fail(std::string_view what);
  [[noreturn]] void refuse(Diag id, Span span, const std::vector<std::string> &args = {});
  bool closesLater(const Lexer::Bracket &bracket);
  void skipOperand(std::initializer_list<std::string_view> stops = {});
  Span from(uint32_t begin) const { return {&source, begin, std::max(begin, lastEnd)}; }
  uint32_t here() { return peek().span.begin; }
  ExprPtr make(Expr::Kind kind, uint32_t begin, std::vector<ExprPtr> items = {});
  ExprPtr opaque(uint32_t begin);

  // ParseExpr.cpp
  ExprPtr parseTest();
  ExprPtr parseOr();
  ExprPtr parseAnd();
  ExprPtr parseNot();
  ExprPtr parseComparison();
  ExprPtr parseBinary(int strength);
  ExprPtr parseUnary();
  ExprPtr parsePostfix();
  ExprPtr parseCall(ExprPtr callee, uint32_t begin);
  void parseArgument(Expr &call, std::string_view &lastSpecial);
  ExprPtr parseSubscript(ExprPtr object, uint32_t begin);
  ExprPtr parseIndex();
  ExprPtr parseStarOr(ExprPtr (Parser::*rule)());
  ExprPtr parseExprList();
  ExprPtr parseTargetList();
  ExprPtr parseBitwise() { return parseBinary(0); }

  // ParseAtom.cpp
  ExprPtr parseAtom();
  ExprPtr parseKeywordAtom();
  ExprPtr parseParenthesised();
  ExprPtr parseList();
  ExprPtr parseComprehension(uint32_t begin, ExprPtr element);
  ExprPtr parseBraces();
  ExprPtr parseLambda();
  ExprPtr parseStrings();
  void parseFString(const Token &open, std::vector<ExprPtr> &pieces);
  ExprPtr parseFStringField(const Token &open, std::vector<ExprPtr> &pieces);
  void refuseGenerator(ExprPtr &element, uint32_t begin);
  std::string identifier(const Token &name) const;

  // ParseStmt.cpp
  Block parseBlock(std::string_view what, Span header);
  void parseStatement(Block &out);
  StmtPtr parseCompound();
  void parseSimpleLine(Block &out);
  StmtPtr parseSimple();
  StmtPtr parseAssignment();
  StmtPtr parseAugmented(ExprPtr target, uint32_t begin);
  StmtPtr parseAnnotated(ExprPtr target, uint32_t begin);
  StmtPtr parseIf();
  StmtPtr parseFor();
  StmtPtr parseWhile();
  StmtPtr parseWith();
  void parseWithItems(Stmt &with);
  void parseElse(Block &out);
  ExprPtr parseCondition();
  void refuseStatement();
  void checkTarget(const Expr &target, bool single = false);

  // ParseFunction.cpp
  void parseDecorators(std::vector<ExprPtr> &out);
  std::unique_ptr<Function> parseFunction(std::vector<ExprPtr> decorators);
  void parseHeader(Function &function);
  void parseParams(Function &function);
  Param parseParam(Param::Kind kind);
  void parseBody(Function &function);
  void skipLogicalLine();
  void skipStatement(ModuleAst &module);
  void parseModuleStatement(ModuleAst &module);
  void parseModuleFunction(ModuleAst &module);
  void parseModuleAssignment(ModuleAst &module);
  void parseImport(ModuleAst &module);
  std::string parseDotted();

  /// To try a rule and come back.
  struct State {
    Lexer lexer;
    Token token;
    bool hasToken;
    uint32_t lastEnd;
  };
  State save() const { return {lexer, token, hasToken, lastEnd}; }
  void restore(const State &state);
};

} // namespace tegula::lang
