//===- ParseBody.cpp - what stands between the braces of a function ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A label may be used before it is declared, and blocks may declare a label that an outer one declares too. So a use
// makes an entry in the scope it stands in; when the scope closes without a declaration, the entry becomes an alias of
// the one in the enclosing scope. What is left at the end of the function is an unknown name.

#include "driver/emulator/ptx/Parser.h"

#include <algorithm>
#include <bit>
#include <unordered_set>

namespace tegula::ptx {

static constexpr size_t mostRegisters = 1 << 18;
static constexpr size_t deepestScopes = 200;
static constexpr int deepestOperand = 8;

bool isSpecialRegister(std::string_view name) {
  static const std::unordered_set<std::string_view> names = {"%tid",
                                                             "%ntid",
                                                             "%ctaid",
                                                             "%nctaid",
                                                             "%laneid",
                                                             "%warpid",
                                                             "%nwarpid",
                                                             "%smid",
                                                             "%nsmid",
                                                             "%gridid",
                                                             "%lanemask_eq",
                                                             "%lanemask_le",
                                                             "%lanemask_lt",
                                                             "%lanemask_ge",
                                                             "%lanemask_gt",
                                                             "%clock",
                                                             "%clock_hi",
                                                             "%clock64",
                                                             "%globaltimer",
                                                             "%globaltimer_lo",
                                                             "%globaltimer_hi",
                                                             "%total_smem_size",
                                                             "%aggr_smem_size",
                                                             "%dynamic_smem_size",
                                                             "%is_explicit_cluster",
                                                             "%clusterid",
                                                             "%nclusterid",
                                                             "%cluster_ctaid",
                                                             "%cluster_nctaid",
                                                             "%cluster_ctarank",
                                                             "%cluster_nctarank",
                                                             "%current_graph_exec",
                                                             "%reserved_smem_offset_begin",
                                                             "%reserved_smem_offset_end",
                                                             "%reserved_smem_offset_cap",
                                                             "%reserved_smem_offset_0",
                                                             "%reserved_smem_offset_1",
                                                             "%pm0",
                                                             "%pm1",
                                                             "%pm2",
                                                             "%pm3",
                                                             "%pm4",
                                                             "%pm5",
                                                             "%pm6",
                                                             "%pm7"};
  return names.count(name) || name.starts_with("%envreg");
}

// --- Scopes

void Parser::openScope() {
  if (scopes.size() > deepestScopes)
    fail(Diag::ptx_limit, {"the depth of blocks", std::to_string(deepestScopes)});
  scopes.emplace_back();
}

void Parser::closeScope() {
  Scope inner = std::move(scopes.back());
  scopes.pop_back();
  for (auto [name, index] : inner.labels)
    if (current->labels[static_cast<size_t>(index)].instruction < 0)
      if (auto [at, isNew] = scopes.back().labels.try_emplace(name, index); !isNew)
        aliases[static_cast<size_t>(index)] = at->second;
}

int32_t Parser::labelIndex(std::string_view name) {
  auto [at, isNew] = scopes.back().labels.try_emplace(name, static_cast<int32_t>(current->labels.size()));
  if (isNew) {
    current->labels.push_back({name, -1});
    aliases.push_back(-1);
    labelLines.push_back(token.line);
  }
  return at->second;
}

void Parser::label(std::string_view name, uint32_t line) {
  Label &label = current->labels[static_cast<size_t>(labelIndex(name))];
  if (label.instruction >= 0)
    failAt(line, Diag::ptx_repeated, {std::string(name)});
  label.instruction = static_cast<int32_t>(current->instructions.size());
}

void Parser::rewriteLabels(Operand &operand) {
  if (operand.kind == Operand::Kind::label)
    while (aliases[static_cast<size_t>(operand.index)] >= 0)
      operand.index = aliases[static_cast<size_t>(operand.index)];
  for (Operand &part : operand.parts)
    rewriteLabels(part);
}

void Parser::finishLabels() {
  for (size_t i = 0; i < current->labels.size(); i++)
    if (current->labels[i].instruction < 0 && aliases[i] < 0)
      failAt(labelLines[i], Diag::ptx_name, {std::string(current->labels[i].name)});
  for (Instruction &instruction : current->instructions)
    for (Operand &operand : instruction.operands)
      rewriteLabels(operand);
  for (Table &table : current->tables)
    if (table.kind == Table::Kind::branchTargets)
      for (int32_t &target : table.targets)
        while (aliases[static_cast<size_t>(target)] >= 0)
          target = aliases[static_cast<size_t>(target)];
}

int32_t Parser::addRegisters(Type type, uint32_t count) {
  if (current->registers.size() + count > mostRegisters)
    fail(Diag::ptx_limit, {"the number of registers", std::to_string(mostRegisters)});
  int32_t first = static_cast<int32_t>(current->registers.size());
  current->registers.resize(current->registers.size() + count, {std::string_view(), type});
  return first;
}

void Parser::registers() {
  uint8_t vector = 1;
  if (token.isDotted("v2") || token.isDotted("v4")) {
    vector = token.isDotted("v2") ? 2 : 4;
    advance();
  }
  Type type;
  if (token.kind != Token::Kind::dotted || !parseType(token.word(), type))
    expected("a type such as .b32");
  advance();
  do {
    uint32_t line = token.line;
    std::string_view name = expectName("the name of a register");
    Scope &scope = scopes.back();
    if (vector == 1 && accept('<')) {
      uint32_t count = static_cast<uint32_t>(expectInteger("a number of registers", mostRegisters));
      expect('>');
      int32_t first = addRegisters(type, count);
      for (uint32_t i = 0; i < count; i++)
        current->registers[static_cast<size_t>(first) + i].name = name;
      if (!scope.ranges.try_emplace(name, Range{name, count, first}).second)
        failAt(line, Diag::ptx_repeated, {std::string(name)});
      continue;
    }
    Name entry{vector > 1 ? Name::Kind::vectorRegister : Name::Kind::reg, addRegisters(type, vector), vector};
    for (uint8_t i = 0; i < vector; i++)
      current->registers[static_cast<size_t>(entry.index) + i].name = name;
    if (!scope.names.try_emplace(name, entry).second)
      failAt(line, Diag::ptx_repeated, {std::string(name)});
  } while (accept(','));
  expect(';');
}

const Parser::Name *Parser::lookUp(std::string_view name, Name &scratch) const {
  for (size_t i = scopes.size(); i-- > 0;) {
    const Scope &scope = scopes[i];
    if (!scope.ranges.empty()) {
      uint64_t number = 0, unit = 1;
      for (size_t end = name.size();
           end > 1 && name[end - 1] >= '0' && name[end - 1] <= '9' && unit <= 1000000; end--) {
        number += unit * static_cast<uint64_t>(name[end - 1] - '0');
        unit *= 10;
        if (name[end - 1] == '0' && end != name.size()) // %r05 is no register of a range
          continue;
        auto at = scope.ranges.find(name.substr(0, end - 1));
        if (at != scope.ranges.end() && number < at->second.count) {
          scratch = {Name::Kind::reg, at->second.first + static_cast<int32_t>(number), 1};
          return &scratch;
        }
      }
    }
    if (auto at = scope.names.find(name); at != scope.names.end())
      return &at->second;
  }
  return nullptr;
}

// --- Statements

void Parser::body() {
  expect('{');
  size_t outermost = scopes.size();
  while (scopes.size() > outermost || !token.is('}')) {
    if (token.kind == Token::Kind::end)
      expected("`}`");
    statement();
  }
  finishLabels();
  current->instructions.shrink_to_fit();
  expect('}');
}

void Parser::statement() {
  if (token.kind == Token::Kind::name) {
    Lexer ahead = lexer;
    Token word = token;
    if (ahead.next().is(':')) {
      advance();
      advance();
      if (token.isDotted("branchtargets") || token.isDotted("calltargets") || token.isDotted("callprototype"))
        table(word.text);
      else
        label(word.text, word.line);
      return;
    }
    return instruction(false);
  }
  if (token.is('@'))
    return instruction(true);
  if (accept('{'))
    return openScope();
  if (token.is('}')) {
    advance();
    return closeScope();
  }
  if (accept(';'))
    return;
  if (token.kind != Token::Kind::dotted || !directiveInBody())
    expected("an instruction");
}

bool Parser::directiveInBody() {
  Variable variable;
  variable.line = token.line;
  if (acceptDotted("loc"))
    location();
  else if (acceptDotted("reg"))
    registers();
  else if (token.isDotted("shared") || token.isDotted("local") || token.isDotted("param") ||
           token.isDotted("global") || token.isDotted("const")) {
    variable.space = token.isDotted("shared")   ? Space::shared
                     : token.isDotted("local")  ? Space::local
                     : token.isDotted("param")  ? Space::param
                     : token.isDotted("global") ? Space::global
                                                : Space::constant;
    advance();
    variables(variable, true);
  } else if (token.isDotted("extern") || token.isDotted("weak") || token.isDotted("visible")) {
    linkage(variable);
    if (!acceptDotted("shared"))
      expected("`.shared`");
    variable.space = Space::shared;
    variables(variable, true);
  } else if (acceptDotted("pragma")) {
    do {
      if (token.kind != Token::Kind::string)
        expected("a string");
      advance();
    } while (accept(','));
    expect(';');
  } else if (acceptDotted("file"))
    fileDirective();
  else
    fail(Diag::ptx_directive, {std::string(token.text)});
  return true;
}

/// .loc file line column [, function_name label [+ offset], inlined_at file line column]
void Parser::location() {
  uint32_t line = token.line;
  file = static_cast<uint32_t>(expectInteger("the number of a file", 1u << 20));
  sourceLine = static_cast<uint32_t>(expectInteger("a line", 0xffffffff));
  expectInteger("a column", 0xffffffff);
  if (token.is(',') && token.line == line)
    skipLine();
}

void Parser::table(std::string_view name) {
  Table table;
  table.name = name;
  table.line = token.line;
  table.kind = token.isDotted("branchtargets") ? Table::Kind::branchTargets
               : token.isDotted("calltargets") ? Table::Kind::callTargets
                                               : Table::Kind::callPrototype;
  advance();
  if (table.kind == Table::Kind::callPrototype) {
    // The callee's own declaration says the same; sizes are checked when the call runs.
    while (!token.is(';')) {
      if (token.kind == Token::Kind::end || token.is('{') || token.is('}'))
        expected("`;`");
      advance();
    }
  } else
    do {
      uint32_t line = token.line;
      std::string_view target = expectName("a name");
      if (table.kind == Table::Kind::branchTargets)
        table.targets.push_back(labelIndex(target));
      else if (auto at = moduleFunctions.find(target); at != moduleFunctions.end())
        table.targets.push_back(at->second);
      else
        failAt(line, Diag::ptx_name, {std::string(target)});
    } while (accept(','));
  expect(';');
  Name entry{Name::Kind::table, static_cast<int32_t>(current->tables.size()), 1};
  current->tables.push_back(std::move(table));
  if (!scopes.back().names.try_emplace(name, entry).second)
    fail(Diag::ptx_repeated, {std::string(name)});
}

void Parser::instruction(bool guarded) {
  Instruction instruction;
  Name scratch;
  if (guarded) {
    advance();
    instruction.guardNegated = accept('!');
    uint32_t line = token.line;
    std::string_view name = expectName("a predicate");
    const Name *found = lookUp(name, scratch);
    if (!found)
      failAt(line, Diag::ptx_name, {std::string(name)});
    if (found->kind != Name::Kind::reg ||
        current->registers[static_cast<size_t>(found->index)].type != Type::pred)
      failAt(line, Diag::ptx_syntax, {"a predicate register", "`" + std::string(name) + "`"});
    instruction.guard = found->index;
  }
  instruction.line = token.line;
  instruction.file = file;
  instruction.sourceLine = sourceLine;
  instruction.opcode = expectName("an instruction");
  while (token.kind == Token::Kind::dotted) {
    instruction.modifiers.push_back(token.word());
    advance();
  }
  bool isCall = instruction.opcode == "call";
  if (!token.is(';'))
    do
      instruction.operands.push_back(operand(isCall));
    while (accept(','));
  expect(';');
  current->instructions.push_back(std::move(instruction));
}

// --- Operands

void Parser::list(std::vector<Operand> &parts, char close, int depth) {
  if (accept(close))
    return;
  do
    parts.push_back(operand(false, depth + 1));
  while (accept(','));
  expect(close);
}

Operand Parser::operand(bool groups, int depth) {
  if (depth > deepestOperand)
    fail(Diag::ptx_limit, {"the depth of an operand", std::to_string(deepestOperand)});
  Operand result;
  const char *start = token.text.data();
  if (accept('[')) {
    result = address(depth);
  } else if (accept('{')) {
    result.kind = Operand::Kind::vector;
    list(result.parts, '}', depth);
  } else if (groups && accept('(')) {
    result.kind = Operand::Kind::group;
    list(result.parts, ')', depth);
  } else if (token.is('!')) {
    Lexer ahead = lexer;
    if (ahead.next().kind == Token::Kind::name) {
      advance();
      result = named(depth);
      result.negated = true;
      if (result.kind != Operand::Kind::reg)
        expected("a predicate");
    } else {
      Value value = constant(depth);
      result.value = value.integer();
    }
  } else if (token.kind == Token::Kind::name && token.text != "WARP_SZ") {
    result = named(depth);
  } else {
    Value value = constant(depth);
    result.kind = value.isReal ? Operand::Kind::real : Operand::Kind::integer;
    result.isSingle = value.isSingle;
    result.value = value.integer();
  }
  const char *end = token.text.data();
  if (token.kind == Token::Kind::end || token.kind == Token::Kind::bad || end < start)
    end = start;
  while (end > start && static_cast<unsigned char>(end[-1]) <= ' ')
    end--;
  result.text = std::string_view(start, static_cast<size_t>(end - start));
  return result;
}

/// An identifier and what may follow it: a selector, an offset, a second result.
Operand Parser::named(int depth) {
  Operand result;
  std::string_view name = token.text;
  advance();
  result.text = name;
  if (name == "_") {
    result.kind = Operand::Kind::sink;
  } else {
    resolve(result, name);
    if (token.kind == Token::Kind::dotted && token.adjacent) {
      if (result.kind == Operand::Kind::special)
        result.text = std::string_view(name.data(), name.size() + token.text.size());
      else if (result.kind == Operand::Kind::vector) {
        static constexpr std::string_view names[] = {"x", "y", "z", "w", "r", "g", "b", "a"};
        size_t i =
            static_cast<size_t>(std::find(std::begin(names), std::end(names), token.word()) - names) & 3;
        if (std::find(std::begin(names), std::end(names), token.word()) == std::end(names) ||
            i >= result.parts.size())
          expected("an element: .x, .y, .z or .w");
        Operand part = result.parts[i];
        result = part;
      } else if (result.kind == Operand::Kind::reg)
        result.selector = token.word();
      else
        expected("`,` or `;`");
      advance();
    }
  }
  if (result.kind == Operand::Kind::variable && (token.is('+') || token.is('-')))
    result.value = constant(depth).integer(); // a unary sign: + 4, +-4
  if (token.is('|') && (result.kind == Operand::Kind::reg || result.kind == Operand::Kind::sink)) {
    advance();
    uint32_t line = token.line;
    std::string_view second = expectName("a predicate");
    Operand other;
    if (second == "_")
      result.pairKind = 2;
    else {
      resolve(other, second);
      if (other.kind != Operand::Kind::reg)
        failAt(line, Diag::ptx_syntax, {"a predicate", "`" + std::string(second) + "`"});
      result.pairKind = 1;
      result.pair = other.index;
    }
  }
  return result;
}

void Parser::resolve(Operand &operand, std::string_view name) {
  Name scratch;
  if (const Name *found = lookUp(name, scratch)) {
    operand.index = found->index;
    switch (found->kind) {
    case Name::Kind::reg: operand.kind = Operand::Kind::reg; return;
    case Name::Kind::variable: operand.kind = Operand::Kind::variable; return;
    case Name::Kind::table: operand.kind = Operand::Kind::table; return;
    case Name::Kind::vectorRegister:
      operand.kind = Operand::Kind::vector;
      for (uint8_t i = 0; i < found->vector; i++) {
        Operand part;
        part.kind = Operand::Kind::reg;
        part.index = found->index + i;
        part.text = name;
        operand.parts.push_back(part);
      }
      return;
    }
  }
  if (name[0] == '%') {
    if (!isSpecialRegister(name))
      fail(Diag::ptx_name, {std::string(name)});
    operand.kind = Operand::Kind::special;
    return;
  }
  if (auto at = moduleVariables.find(name); at != moduleVariables.end()) {
    operand.kind = Operand::Kind::variable;
    operand.index = at->second;
  } else if (auto f = moduleFunctions.find(name); f != moduleFunctions.end()) {
    operand.kind = Operand::Kind::function;
    operand.index = f->second;
  } else {
    operand.kind = Operand::Kind::label;
    operand.index = labelIndex(name);
  }
}

/// After `[`: base, base + constant, or a constant; then, of tensors and textures, more operands.
Operand Parser::address(int depth) {
  Operand result, base;
  result.kind = Operand::Kind::address;
  if (token.kind == Token::Kind::name && token.text != "WARP_SZ") {
    base.text = token.text;
    std::string_view name = token.text;
    advance();
    resolve(base, name);
    if (base.kind != Operand::Kind::reg && base.kind != Operand::Kind::variable)
      expected("a register or a variable as the base of an address");
    if (token.is('+') || token.is('-'))
      result.value = constant(depth).integer();
  } else {
    base.kind = Operand::Kind::integer;
    Value value = constant(depth);
    if (value.isReal)
      expected("an integer");
    result.value = value.integer();
  }
  result.parts.push_back(std::move(base));
  if (accept(','))
    list(result.parts, ']', depth);
  else
    expect(']');
  return result;
}

} // namespace tegula::ptx
