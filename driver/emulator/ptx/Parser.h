//===- Parser.h - the parser's state, for the files that implement it ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/emulator/ptx/Ast.h"
#include "driver/emulator/ptx/Lexer.h"
#include "ir/diag/Diagnostic.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace tegula::ptx {

/// Recursive descent with one token of lookahead. Parser.cpp: the module; ParseBody.cpp: what stands between the braces
/// of a function; ParseConstant.cpp: constant expressions and initialisers.
class Parser {
public:
  Parser(std::string text, std::string name);
  Module run();

private:
  struct Name {
    enum class Kind : uint8_t { reg, vectorRegister, variable, table } kind = Kind::reg;
    int32_t index = -1;
    uint8_t vector = 1;
  };
  /// `.reg .b32 %r<100>` declares %r0 … %r99: one range.
  struct Range {
    std::string_view prefix;
    uint32_t count = 0;
    int32_t first = 0;
  };
  struct Scope {
    std::unordered_map<std::string_view, Name> names;
    std::unordered_map<std::string_view, Range> ranges;
    std::unordered_map<std::string_view, int32_t> labels;
  };
  struct Value { ///< of a constant expression
    bool isReal = false, isSingle = false, isUnsigned = false;
    uint64_t bits = 0;
    double real() const;
    int64_t integer() const;
  };

  // Words
  void advance() { token = lexer.next(); }
  bool accept(char c);
  void expect(char c);
  bool acceptDotted(std::string_view word);
  std::string_view expectName(const char *what);
  uint64_t expectInteger(const char *what, uint64_t most);
  [[noreturn]] void expected(const std::string &what) const;
  [[noreturn]] void fail(Diag id, std::vector<std::string> args) const;
  [[noreturn]] void failAt(uint32_t line, Diag id, std::vector<std::string> args) const;
  void skipLine();
  void skipBraces();

  // Module
  void header();
  void topLevel();
  void linkage(Variable &variable);
  void function(bool isEntry, const Variable &flags);
  void parameters(std::vector<int32_t> &list, const char *what);
  void directivesOfFunction();
  void dimensions(uint32_t (&into)[3]);
  void variables(Variable prototype, bool inFunction);
  void typeAndAttributes(Variable &variable);
  void arraySuffix(Variable &variable);
  int32_t declare(Variable variable);
  void fileDirective();

  // Constants
  Value constant(int depth = 0) { return conditional(depth); }
  Value conditional(int depth);
  Value binary(int precedence, int depth);
  Value unary(int depth);
  std::string_view binaryOperator(int &precedence);
  static Value apply(std::string_view op, Value a, Value b, bool &divisionByZero);
  void initialiser(Variable &variable);
  void initialiserList(Variable &variable, uint64_t &element, int depth);
  void initialiserElement(Variable &variable, uint64_t element);
  int64_t initialiserSymbol(Variable &variable, Relocation &relocation);

  // Bodies
  void body();
  void statement();
  bool directiveInBody();
  void registers();
  void location();
  void label(std::string_view name, uint32_t line);
  void table(std::string_view name);
  void openScope();
  void closeScope();
  void finishLabels();
  int32_t labelIndex(std::string_view name);
  int32_t addRegisters(Type type, uint32_t count);
  void instruction(bool guarded);
  Operand operand(bool groups, int depth = 0);
  Operand named(int depth);
  Operand address(int depth);
  void list(std::vector<Operand> &parts, char close, int depth);
  void resolve(Operand &operand, std::string_view name);
  const Name *lookUp(std::string_view name, Name &scratch) const;
  void rewriteLabels(Operand &operand);

  Module module;
  Lexer lexer;
  Token token;
  Function *current = nullptr;
  int32_t currentIndex = -1;
  std::vector<Scope> scopes;    ///< of the function; outermost first
  std::vector<int32_t> aliases; ///< labels: the one of an enclosing scope that a name turned out to mean
  std::vector<uint32_t> labelLines;
  std::unordered_map<std::string_view, int32_t> moduleVariables, moduleFunctions;
  uint32_t file = 0, sourceLine = 0;
  size_t registerCount = 0;
};

/// Throws tegula::Error; {0} and the text of the line are added to the arguments.
[[noreturn]] void failInPtx(const Module &module, uint32_t line, Diag id, std::vector<std::string> args);

bool parseType(std::string_view word, Type &type);
bool isSpecialRegister(std::string_view name);

} // namespace tegula::ptx
