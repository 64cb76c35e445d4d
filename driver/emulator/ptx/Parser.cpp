//===- Parser.cpp - the level of the module ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Parser.h"

#include <algorithm>
#include <bit>

namespace tegula::ptx {

static constexpr uint64_t largestVariable = uint64_t(1) << 34; // bytes

static constexpr struct {
  std::string_view word;
  Type type;
  int bytes;
} types[] = {
    {"pred", Type::pred, 0}, {"b8", Type::b8, 1},         {"b16", Type::b16, 2}, {"b32", Type::b32, 4},
    {"b64", Type::b64, 8},   {"b128", Type::b128, 16},    {"u8", Type::u8, 1},   {"u16", Type::u16, 2},
    {"u32", Type::u32, 4},   {"u64", Type::u64, 8},       {"s8", Type::s8, 1},   {"s16", Type::s16, 2},
    {"s32", Type::s32, 4},   {"s64", Type::s64, 8},       {"f16", Type::f16, 2}, {"f16x2", Type::f16x2, 4},
    {"bf16", Type::bf16, 2}, {"bf16x2", Type::bf16x2, 4}, {"f32", Type::f32, 4}, {"f64", Type::f64, 8}};

int bytesOf(Type type) { return types[static_cast<size_t>(type)].bytes; }

bool parseType(std::string_view word, Type &type) {
  for (const auto &row : types)
    if (row.word.size() == word.size() && row.word[0] == word[0] && row.word == word) {
      type = row.type;
      return true;
    }
  return false;
}

const Function *Module::find(std::string_view function) const {
  for (const Function &f : functions)
    if (f.name == function)
      return &f;
  return nullptr;
}

std::string_view Module::lineText(uint32_t line) const {
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  for (uint32_t i = 1; i < line; i++) {
    size_t end = rest.find('\n');
    if (end == std::string_view::npos)
      return {};
    rest.remove_prefix(end + 1);
  }
  rest = rest.substr(0, rest.find('\n'));
  while (!rest.empty() && static_cast<unsigned char>(rest.front()) <= ' ')
    rest.remove_prefix(1);
  while (!rest.empty() && static_cast<unsigned char>(rest.back()) <= ' ')
    rest.remove_suffix(1);
  return rest;
}

void failInPtx(const Module &module, uint32_t line, Diag id, std::vector<std::string> args) {
  std::string text(module.lineText(line).substr(0, 300));
  for (char &c : text) // a damaged text must not damage the terminal
    if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > '~')
      c = c == '\t' ? ' ' : '?';
  args.insert(args.begin(), module.name + ":" + std::to_string(line));
  args.push_back("`" + text + "`");
  throw Error(id, args);
}

Module parse(std::string text, std::string name) { return Parser(std::move(text), std::move(name)).run(); }

Parser::Parser(std::string text, std::string name) : lexer(std::string_view()) {
  module.name = std::move(name);
  // A text read from a C string may carry its closing zero, and cuLink gives it on purpose.
  while (!text.empty() && text.back() == '\0')
    text.pop_back();
  module.text = std::make_shared<const std::string>(std::move(text));
  lexer = Lexer(*module.text);
}

Module Parser::run() {
  advance();
  header();
  while (token.kind != Token::Kind::end)
    topLevel();
  return std::move(module);
}

// --- Words

void Parser::fail(Diag id, std::vector<std::string> args) const { failAt(token.line, id, std::move(args)); }
void Parser::failAt(uint32_t line, Diag id, std::vector<std::string> args) const {
  failInPtx(module, line, id, std::move(args));
}

void Parser::expected(const std::string &what) const {
  std::string found(token.text.substr(0, 60));
  for (char &c : found)
    if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > '~')
      c = '?';
  fail(Diag::ptx_syntax, {what, token.kind == Token::Kind::end ? found : "`" + found + "`"});
}

bool Parser::accept(char c) {
  if (!token.is(c))
    return false;
  advance();
  return true;
}
void Parser::expect(char c) {
  if (!accept(c))
    expected(std::string("`") + c + "`");
}
bool Parser::acceptDotted(std::string_view word) {
  if (!token.isDotted(word))
    return false;
  advance();
  return true;
}
std::string_view Parser::expectName(const char *what) {
  if (token.kind != Token::Kind::name)
    expected(what);
  std::string_view text = token.text;
  advance();
  return text;
}
uint64_t Parser::expectInteger(const char *what, uint64_t most) {
  if (token.kind != Token::Kind::integer)
    expected(what);
  uint64_t value = token.value;
  if (value > most)
    fail(Diag::ptx_limit, {std::string(token.text), std::to_string(most)});
  advance();
  return value;
}

void Parser::skipLine() {
  uint32_t line = token.line;
  while (token.line == line && token.kind != Token::Kind::end)
    advance();
}

void Parser::skipBraces() {
  expect('{');
  for (int depth = 1; depth > 0; advance()) {
    if (token.kind == Token::Kind::end)
      expected("`}`");
    depth += token.is('{') ? 1 : token.is('}') ? -1 : 0;
    if (depth == 0)
      break;
  }
  expect('}');
}

// --- Module

void Parser::header() {
  if (!acceptDotted("version"))
    expected("`.version`");
  std::string text(token.text);
  if (token.kind != Token::Kind::real || text.size() < 3 || text.size() > 4 || text[1] != '.')
    expected("a version such as 8.4");
  module.version = (text[0] - '0') * 10 + std::min(std::atoi(text.c_str() + 2), 9);
  if (module.version < 30)
    fail(Diag::ptx_version, {"PTX version", text});
  advance();
  if (!acceptDotted("target"))
    expected("`.target`");
  do {
    Token word = token;
    std::string_view name = expectName("a target such as sm_80");
    if (name.starts_with("sm_") && module.target == 0) {
      module.targetText = name;
      for (char c : name.substr(3)) {
        if (c < '0' || c > '9')
          break;
        module.target = std::min(module.target * 10 + (c - '0'), 1000);
      }
    } else if (name != "debug" && name != "texmode_unified" && name != "texmode_independent" &&
               name != "map_f64_to_f32")
      failAt(word.line, Diag::ptx_version, {"target", std::string(name)});
  } while (accept(','));
  if (module.target < 20)
    fail(Diag::ptx_version, {"target", std::string(module.targetText)});
  if (acceptDotted("address_size")) {
    if (uint64_t size = expectInteger("64", 64); size != 64)
      fail(Diag::ptx_version, {"address size", std::to_string(size)});
  }
}

void Parser::linkage(Variable &variable) {
  for (;; advance()) {
    if (token.isDotted("extern"))
      variable.isExtern = true;
    else if (token.isDotted("visible"))
      variable.isVisible = true;
    else if (token.isDotted("weak"))
      variable.isWeak = true;
    else if (token.isDotted("common"))
      variable.isCommon = true;
    else
      return;
  }
}

static bool parseSpace(const Token &token, Space &space) {
  static constexpr std::pair<std::string_view, Space> spaces[] = {
      {"global", Space::global}, {"const", Space::constant}, {"shared", Space::shared},
      {"local", Space::local},   {"param", Space::param},    {"reg", Space::reg}};
  for (auto [word, s] : spaces)
    if (token.isDotted(word)) {
      space = s;
      return true;
    }
  return false;
}

void Parser::topLevel() {
  if (token.kind != Token::Kind::dotted)
    expected("a directive");
  Variable prototype;
  prototype.line = token.line;
  linkage(prototype);
  if (token.isDotted("entry") || token.isDotted("func")) {
    bool isEntry = token.isDotted("entry");
    advance();
    function(isEntry, prototype);
  } else if (parseSpace(token, prototype.space) && prototype.space != Space::reg &&
             prototype.space != Space::param) {
    advance();
    variables(prototype, false);
  } else if (acceptDotted("file")) {
    fileDirective();
  } else if (acceptDotted("section")) {
    if (token.kind != Token::Kind::dotted)
      expectName("a section's name");
    else
      advance();
    skipBraces();
  } else if (acceptDotted("pragma")) {
    // A wish to the compiler; none changes what a program computes.
    do {
      if (token.kind != Token::Kind::string)
        expected("a string");
      advance();
    } while (accept(','));
    expect(';');
  } else
    fail(Diag::ptx_directive, {std::string(token.text)});
}

void Parser::fileDirective() {
  uint64_t index = expectInteger("the number of a file", 1u << 20);
  if (token.kind != Token::Kind::string)
    expected("the name of a file");
  module.files[static_cast<uint32_t>(index)] = std::string(token.word());
  advance();
  while (accept(',')) // time stamp, size
    expectInteger("a number", ~uint64_t(0));
}

/// From the address space on: attributes, type, name, array, initialiser; several names by commas.
void Parser::variables(Variable prototype, bool inFunction) {
  if (prototype.space == Space::constant && accept('[')) { // a bank, of old versions
    expectInteger("a bank", 10);
    expect(']');
  }
  prototype.align = 0;
  typeAndAttributes(prototype);
  do {
    Variable variable = prototype;
    variable.line = token.line;
    variable.name = expectName("the name of a variable");
    variable.bytes = static_cast<uint64_t>(bytesOf(variable.type)) * variable.vector;
    if (variable.align == 0)
      variable.align = static_cast<uint32_t>(variable.bytes);
    arraySuffix(variable);
    if (token.is('=')) {
      if (inFunction || (variable.space != Space::global && variable.space != Space::constant))
        expected("`;`: only .global and .const variables have initialisers");
      advance();
      initialiser(variable);
    }
    if (variable.isUnsized && !variable.isExtern && variable.bytes == 0)
      expected("a size: only extern arrays may leave it open");
    variable.function = inFunction ? currentIndex : -1;
    declare(std::move(variable));
  } while (accept(','));
  expect(';');
}

void Parser::typeAndAttributes(Variable &variable) {
  bool haveType = false;
  while (token.kind == Token::Kind::dotted) {
    std::string_view word = token.word();
    if (word == "align") {
      advance();
      uint64_t align = expectInteger("an alignment", 1u << 16);
      if (!std::has_single_bit(align))
        fail(Diag::ptx_syntax, {"a power of two", std::to_string(align)});
      variable.align = static_cast<uint32_t>(align);
      continue;
    }
    if (word == "v2" || word == "v4") {
      variable.vector = word == "v2" ? 2 : 4;
    } else if (word == "attribute") {
      advance();
      expect('(');
      do {
        if (acceptDotted("managed"))
          variable.isManaged = true;
        else if (acceptDotted("unified")) {
          expect('(');
          expectInteger("a number", ~uint64_t(0));
          expect(',');
          expectInteger("a number", ~uint64_t(0));
          expect(')');
        } else
          fail(Diag::ptx_directive, {std::string(token.text)});
      } while (accept(','));
      expect(')');
      continue;
    } else if (word == "ptr" && haveType && variable.space == Space::param) {
      // What a pointer parameter points to: a promise that nothing here needs.
      Space ignored;
      advance();
      if (parseSpace(token, ignored))
        advance();
      if (acceptDotted("align"))
        expectInteger("an alignment", 1u << 30);
      continue;
    } else if (!haveType && parseType(word, variable.type)) {
      haveType = true;
      if (variable.type == Type::pred && variable.space != Space::reg)
        fail(Diag::ptx_directive, {".pred"});
    } else
      fail(Diag::ptx_directive, {std::string(token.text)});
    advance();
  }
  if (!haveType)
    expected("a type such as .b32");
}

void Parser::arraySuffix(Variable &variable) {
  while (accept('[')) {
    variable.isArray = true;
    if (accept(']')) {
      if (variable.isUnsized || (variable.bytes == 0 && variable.isArray))
        expected("a size");
      variable.isUnsized = true;
      continue;
    }
    uint32_t line = token.line;
    Value count = constant();
    expect(']');
    if (count.isReal || count.integer() < 0 ||
        (count.integer() > 0 && variable.bytes > largestVariable / static_cast<uint64_t>(count.integer())))
      failAt(line, Diag::ptx_limit, {"the size of `" + std::string(variable.name) + "`", "16 GiB"});
    variable.bytes *= static_cast<uint64_t>(count.integer());
  }
  if (variable.isUnsized) // [] or [][4]: the initialiser or the launch gives it
    variable.bytes = 0;
}

int32_t Parser::declare(Variable variable) {
  int32_t index = static_cast<int32_t>(module.variables.size());
  if (variable.function < 0) {
    auto [at, isNew] = moduleVariables.try_emplace(variable.name, index);
    if (!isNew) {
      Variable &old = module.variables[static_cast<size_t>(at->second)];
      bool repeatable = old.isExtern || variable.isExtern || (old.isCommon && variable.isCommon);
      if (!repeatable || old.space != variable.space)
        failAt(variable.line, Diag::ptx_repeated, {std::string(variable.name)});
      if (old.isExtern)
        old = std::move(variable);
      return at->second;
    }
    if (moduleFunctions.count(variable.name))
      failAt(variable.line, Diag::ptx_repeated, {std::string(variable.name)});
  } else if (!scopes.back().names.try_emplace(variable.name, Name{Name::Kind::variable, index, 1}).second)
    failAt(variable.line, Diag::ptx_repeated, {std::string(variable.name)});
  module.variables.push_back(std::move(variable));
  return index;
}

// --- Functions

void Parser::parameters(std::vector<int32_t> &list, const char *what) {
  list.clear();
  if (accept(')'))
    return;
  do {
    Variable variable;
    if (!parseSpace(token, variable.space) ||
        (variable.space != Space::param && variable.space != Space::reg))
      expected(what);
    advance();
    variable.align = 0;
    typeAndAttributes(variable);
    variable.line = token.line;
    variable.name = expectName("the name of a parameter");
    variable.bytes = static_cast<uint64_t>(bytesOf(variable.type)) * variable.vector;
    if (variable.align == 0)
      variable.align = std::max<uint32_t>(1, static_cast<uint32_t>(variable.bytes));
    arraySuffix(variable);
    if (variable.bytes > 32768)
      fail(Diag::ptx_limit, {"the size of `" + std::string(variable.name) + "`", "32 KiB"});
    variable.function = currentIndex;
    if (variable.space == Space::reg) {
      variable.registerIndex = addRegisters(variable.type, 1);
      current->registers.back().name = variable.name;
      if (!scopes.back()
               .names.try_emplace(variable.name, Name{Name::Kind::reg, variable.registerIndex, 1})
               .second)
        fail(Diag::ptx_repeated, {std::string(variable.name)});
      list.push_back(static_cast<int32_t>(module.variables.size()));
      module.variables.push_back(std::move(variable));
    } else if (variable.name == "_" && scopes.back().names.count("_")) {
      list.push_back(static_cast<int32_t>(module.variables.size()));
      module.variables.push_back(std::move(variable));
    } else
      list.push_back(declare(std::move(variable)));
  } while (accept(','));
  expect(')');
}

void Parser::function(bool isEntry, const Variable &flags) {
  Function fresh;
  fresh.isEntry = isEntry;
  fresh.line = flags.line;
  current = &fresh;
  registerCount = 0;
  scopes.assign(1, {});
  aliases.clear();
  labelLines.clear();
  file = sourceLine = 0;
  currentIndex = static_cast<int32_t>(module.functions.size());
  while (acceptDotted("attribute")) {
    expect('(');
    while (!token.is(')')) {
      if (token.kind == Token::Kind::end)
        expected("`)`");
      advance();
    }
    expect(')');
  }
  if (!isEntry && accept('('))
    parameters(fresh.returns, "a result: .param or .reg");
  uint32_t nameLine = token.line;
  fresh.name = expectName("the name of a function");
  auto [at, isNew] = moduleFunctions.try_emplace(fresh.name, currentIndex);
  if (!isNew) { // a prototype came before; its parameters are not used any more
    currentIndex = at->second;
    for (int32_t index : fresh.returns)
      module.variables[static_cast<size_t>(index)].function = currentIndex;
  } else if (moduleVariables.count(fresh.name))
    failAt(nameLine, Diag::ptx_repeated, {std::string(fresh.name)});
  else
    module.functions.emplace_back();
  Function &slot = module.functions[static_cast<size_t>(currentIndex)];
  if (!isNew && slot.isEntry != isEntry)
    failAt(nameLine, Diag::ptx_repeated, {std::string(fresh.name)});
  if (accept('('))
    parameters(fresh.params, "a parameter: .param or .reg");
  fresh.isExtern = flags.isExtern;
  fresh.isVisible = flags.isVisible;
  fresh.isWeak = flags.isWeak;
  directivesOfFunction();
  // Calls to itself look at the signature: it has to be there before the body.
  bool hadBody = !isNew && slot.hasBody;
  if (!token.is('{')) {
    accept(';');
    if (!hadBody)
      slot = std::move(fresh);
  } else {
    if (hadBody)
      failAt(nameLine, Diag::ptx_repeated, {std::string(fresh.name)});
    fresh.hasBody = true;
    slot = std::move(fresh);
    current = &slot;
    body();
  }
  current = nullptr;
  currentIndex = -1;
  scopes.clear();
}

void Parser::dimensions(uint32_t (&into)[3]) {
  int n = 0;
  do {
    if (n == 3)
      expected("at most three dimensions");
    into[n++] = static_cast<uint32_t>(expectInteger("a dimension", 0xffffffff));
  } while (accept(','));
  for (; n < 3; n++)
    into[n] = 1;
}

void Parser::directivesOfFunction() {
  while (token.kind == Token::Kind::dotted) {
    std::string_view word = token.word();
    Token at = token;
    advance();
    if (word == "maxntid")
      dimensions(current->maxThreads);
    else if (word == "reqntid")
      dimensions(current->requiredThreads);
    else if (word == "minnctapersm" || word == "maxnctapersm")
      current->minBlocksPerSm = static_cast<uint32_t>(expectInteger("a number", 0xffff));
    else if (word == "maxnreg")
      current->maxRegisters = static_cast<uint32_t>(expectInteger("a number", 0xffff));
    else if (word == "noreturn")
      current->isNoReturn = true;
    else if (word == "abi_preserve" || word == "abi_preserve_control")
      expectInteger("a number", 0xffff);
    else if (word == "unique") {
    } else if (word == "pragma") {
      if (token.kind != Token::Kind::string)
        expected("a string");
      advance();
      expect(';');
    } else
      failAt(at.line, Diag::ptx_directive, {std::string(at.text)});
  }
}

} // namespace tegula::ptx
