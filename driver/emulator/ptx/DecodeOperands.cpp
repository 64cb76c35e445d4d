//===- DecodeOperands.cpp - from parsed instructions to drafts with virtual registers ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Handlers trust what they are given: after this file every operand that an instruction needs is there, and every
// register is wide enough for what is read from it or written to it.

#include "driver/emulator/ptx/Decoder.h"
#include "driver/emulator/ptx/Parser.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

namespace tegula::ptx {
namespace {

struct Shape {
  std::string_view result, sources;
};
const Shape *shapeOf(std::string_view opcode, const std::vector<std::string_view> &modifiers) {
  static const std::unordered_map<std::string_view, Shape> table = {
#define OPCODE(name, result, sources) {name, {result, sources}},
#include "driver/emulator/ptx/Opcodes.def"
#undef OPCODE
  };
  std::string name(opcode);
  const Shape *found = nullptr;
  for (size_t k = 0;; k++) {
    if (auto at = table.find(name); at != table.end())
      found = &at->second;
    if (k == modifiers.size() || k == 2)
      return found;
    name += '.';
    name += modifiers[k];
  }
}

/// -1: no type
int typeBytes(std::string_view word) {
  Type type;
  if (parseType(word, type))
    return bytesOf(type);
  if (word == "tf32" || word == "e4m3x4" || word == "e5m2x4")
    return 4;
  return word == "e4m3x2" || word == "e5m2x2" ? 2 : -1;
}
int classOf(int bytes) { return bytes == 16 ? 16 : bytes == 8 ? 8 : 4; }

bool has(const std::vector<std::string_view> &modifiers, std::string_view word) {
  return std::find(modifiers.begin(), modifiers.end(), word) != modifiers.end();
}

} // namespace

void FunctionDecoder::badOperand(const Operand &operand, const std::string &wanted) {
  std::string opcode(current->opcode);
  for (auto m : current->modifiers)
    opcode += "." + std::string(m);
  failInPtx(program.module, current->line, Diag::ptx_operand,
            {"`" + std::string(operand.text) + "`", opcode, wanted});
}

int FunctionDecoder::bytesFor(char code) const {
  switch (code) {
  case '2': return 2;
  case '8': return 8;
  case 't':
  case 'u':
  case '*':
  case 'c': return types.lastBytes;
  case 'f': return types.firstBytes;
  case 'w': return types.wide ? types.lastBytes * 2 : types.lastBytes;
  case 'v': return types.fp64 ? 8 : 4;
  default: return 4;
  }
}
std::string_view FunctionDecoder::typeFor(char code) const {
  return code == 'f'                                                               ? types.first
         : code == 't' || code == 'u' || code == '*' || code == 'c' || code == 'w' ? types.last
                                                                                   : std::string_view();
}

Virtual FunctionDecoder::constant(int bytes, uint64_t value) {
  uint8_t width = bytes == 8 ? 8 : 4;
  if (bytes < 8)
    value &= (uint64_t(1) << (8 * bytes)) - 1;
  auto [at, isNew] =
      known.try_emplace({width, value}, constantFlag | static_cast<Virtual>(lowered.constants.size()));
  if (isNew)
    lowered.constants.push_back({width, value});
  return at->second;
}
Virtual FunctionDecoder::temporary(int bytes) {
  lowered.width.push_back(static_cast<uint8_t>(classOf(bytes)));
  lowered.predicateOf.push_back(noSlot);
  return static_cast<Virtual>(lowered.width.size() - 1);
}

Draft FunctionDecoder::fresh(std::string_view opcode) const {
  Draft draft;
  draft.spelling.opcode = opcode;
  draft.instr.line = current->line;
  draft.instr.file = current->file;
  draft.instr.sourceLine = current->sourceLine;
  return draft;
}
void FunctionDecoder::push(Draft draft) { lowered.drafts.push_back(std::move(draft)); }

/// A `mov` from a special register to a temporary, before the instruction.
Virtual FunctionDecoder::special(std::string_view name, int bytes, int64_t addend) {
  Draft draft = fresh("mov");
  draft.spelling.modifiers = {bytes == 8 ? "u64" : "u32"};
  draft.spelling.operands = {"%temporary", name};
  draft.dst = temporary(bytes);
  draft.instr.dst = 0;
  draft.instr.dstBytes = static_cast<uint8_t>(classOf(bytes));
  draft.instr.imm = addend;
  Virtual result = draft.dst;
  push(std::move(draft));
  return result;
}
/// The low half of a 64-bit register, for a conversion that names a narrower type.
Virtual FunctionDecoder::narrowed(Virtual wide) {
  Draft draft = fresh("cvt");
  draft.spelling.modifiers = {"u32", "u64"};
  draft.spelling.operands = {"%temporary", "%wide"};
  draft.src[0] = wide;
  draft.instr.src[0] = 0;
  draft.instr.srcBytes[0] = 8;
  draft.dst = temporary(4);
  draft.instr.dst = 0;
  Virtual result = draft.dst;
  push(std::move(draft));
  return result;
}

Slot FunctionDecoder::predicate(const Operand &operand) {
  if (operand.kind != Operand::Kind::reg || lowered.predicateOf[static_cast<size_t>(operand.index)] == noSlot)
    badOperand(operand, "a predicate register");
  return lowered.predicateOf[static_cast<size_t>(operand.index)];
}

/// False: no register. Throws for one of the wrong width.
bool FunctionDecoder::checkRegister(const Operand &operand, char code, int bytes) {
  if (operand.kind != Operand::Kind::reg)
    return false;
  uint8_t width = lowered.width[static_cast<size_t>(operand.index)];
  int needed = classOf(bytes);
  bool hinted = code == 'x' && has(current->modifiers, "L2::cache_hint");
  bool wider = (code == '*' || code == 'c' || hinted) && width > needed;
  if (width == 0 || (width != needed && !wider))
    badOperand(operand,
               "a register of " + std::to_string(needed * 8) + " bits" + (needed == 4 ? " or less" : ""));
  return true;
}

uint64_t FunctionDecoder::addressOf(const Operand &operand) const {
  if (operand.kind == Operand::Kind::function)
    return functionPointerBase + 16 * static_cast<uint64_t>(operand.index);
  const Variable &variable = program.module.variables[static_cast<size_t>(operand.index)];
  uint64_t base = variable.space == Space::shared
                      ? decoder.sharedAddress(variable, operand.index, index)
                      : program.variableAddress[static_cast<size_t>(operand.index)];
  return base + static_cast<uint64_t>(operand.value);
}

uint64_t FunctionDecoder::constantValue(const Operand &operand, char code, int bytes) {
  std::string_view type = typeFor(code);
  uint64_t value = static_cast<uint64_t>(operand.value);
  if (operand.kind == Operand::Kind::integer) {
    if ((type == "f32" || type == "f64") && current->opcode != "mov" && code != '*')
      badOperand(operand, "a floating-point constant");
    return value;
  }
  if (operand.kind != Operand::Kind::real)
    badOperand(operand, "a register or a constant");
  if (bytes == 2)
    badOperand(operand, "an integer that holds the bits");
  double real =
      operand.isSingle ? std::bit_cast<float>(static_cast<uint32_t>(value)) : std::bit_cast<double>(value);
  if (bytes == 8)
    return operand.isSingle && type != "f64" ? value & 0xffffffff : std::bit_cast<uint64_t>(real);
  return operand.isSingle ? value & 0xffffffff : std::bit_cast<uint32_t>(static_cast<float>(real));
}

/// A source that is one value: a register, a constant, a special register, an address.
Virtual FunctionDecoder::value(const Operand &operand, char code, int bytes, uint8_t *registerBytes) {
  *registerBytes = static_cast<uint8_t>(classOf(bytes));
  if (operand.negated)
    badOperand(operand, "a value, which cannot be negated");
  if (checkRegister(operand, code, bytes)) {
    Virtual v = static_cast<Virtual>(operand.index);
    if (code == 'c' && lowered.width[v] > classOf(bytes)) {
      if (lowered.width[v] != 8)
        badOperand(operand, "a register of at most 64 bits");
      return narrowed(v);
    }
    *registerBytes = static_cast<uint8_t>(bytesOf(function.registers[v].type));
    return v;
  }
  if (bytes == 16)
    badOperand(operand, "a register of 128 bits");
  if (operand.kind == Operand::Kind::special)
    return special(operand.text, bytes, 0);
  if (operand.kind == Operand::Kind::variable || operand.kind == Operand::Kind::function) {
    if (bytes < 4)
      badOperand(operand, "a value of " + std::to_string(bytes * 8) + " bits");
    bool local = operand.kind == Operand::Kind::variable &&
                 program.module.variables[static_cast<size_t>(operand.index)].space == Space::local;
    if (operand.kind == Operand::Kind::variable &&
        program.module.variables[static_cast<size_t>(operand.index)].space == Space::reg)
      badOperand(operand, "a variable in memory");
    return local ? special("%local_base", bytes, static_cast<int64_t>(addressOf(operand)))
                 : constant(bytes, addressOf(operand));
  }
  return constant(bytes, constantValue(operand, code, bytes));
}

void FunctionDecoder::address(const Operand &operand, Draft &draft, int k) {
  if (operand.kind != Operand::Kind::address)
    badOperand(operand, "an address in brackets");
  if (operand.parts.size() != 1)
    badOperand(operand, "an address without coordinates: tensors and textures are not supported");
  const Operand &base = operand.parts[0];
  bool second = false;
  for (int j = 0; j < k; j++)
    second |= j == draft.instr.addressSrc && (draft.src[j] != noVirtual || draft.instr.addressIsSymbol);
  int64_t offset = operand.value;
  bool symbol = base.kind != Operand::Kind::reg;
  if (base.kind == Operand::Kind::variable) {
    Operand whole = base;
    whole.value = operand.value;
    if (program.module.variables[static_cast<size_t>(base.index)].space == Space::local) {
      draft.src[k] = special("%local_base", 8, static_cast<int64_t>(addressOf(whole)));
      draft.instr.src[k] = 0;
      draft.instr.srcBytes[k] = 8;
      symbol = false;
      offset = 0;
    } else
      offset = static_cast<int64_t>(addressOf(whole));
  } else if (base.kind == Operand::Kind::reg) {
    uint8_t width = lowered.width[static_cast<size_t>(base.index)];
    int bytes = bytesOf(function.registers[static_cast<size_t>(base.index)].type);
    if ((width != 4 && width != 8) || bytes < 4)
      badOperand(operand, "an address of 32 or 64 bits");
    draft.src[k] = static_cast<Virtual>(base.index);
    draft.instr.src[k] = 0;
    draft.instr.srcBytes[k] = width;
  }
  if (second) {
    draft.instr.imm2 = offset;
    draft.instr.address2IsSymbol = symbol;
  } else {
    draft.instr.addressSrc = static_cast<uint8_t>(k);
    draft.instr.imm = offset;
    draft.instr.addressIsSymbol = symbol;
  }
}

/// {a, b, …} of the result (which = 0) or of source which - 1.
void FunctionDecoder::fragments(const Operand &operand, char code, Draft &draft, int which) {
  bool isResult = which == 0;
  int bytes = bytesFor(code);
  if (code == 'u') { // mov between a register and its parts
    if (operand.parts.size() < 2 || bytes % static_cast<int>(operand.parts.size()))
      badOperand(operand, "two or four parts");
    bytes /= static_cast<int>(operand.parts.size());
  }
  if (operand.parts.empty() || operand.parts.size() > 64 || which > 4)
    badOperand(operand, "a list of registers");
  uint8_t common = 0;
  for (const Operand &part : operand.parts) {
    uint8_t registerBytes = static_cast<uint8_t>(classOf(bytes));
    Virtual v;
    if (part.kind == Operand::Kind::sink && isResult) {
      v = temporary(common ? common : bytes);
    } else if (isResult) {
      if (!checkRegister(part, code, bytes))
        badOperand(part, "a register");
      v = static_cast<Virtual>(part.index);
      registerBytes = static_cast<uint8_t>(bytesOf(function.registers[v].type));
      if (!common)
        common = registerBytes;
    } else {
      v = value(part, code, bytes, &registerBytes);
      if (!isConstant(v) && !common)
        common = registerBytes;
    }
    if (common && classOf(registerBytes) != classOf(common))
      badOperand(part, "as wide as the parts before it");
    draft.list.push_back(v);
  }
  draft.instr.parts[which] = static_cast<uint8_t>(operand.parts.size());
  if (isResult)
    draft.instr.dstBytes = common ? common : static_cast<uint8_t>(classOf(bytes));
  else
    draft.instr.srcBytes[which - 1] = common ? common : static_cast<uint8_t>(classOf(bytes));
}

void FunctionDecoder::result(const Operand &operand, char code, Draft &draft) {
  Instr &in = draft.instr;
  bool wantsPredicate = code == 'p' || ((code == 't' || code == 'u') && types.lastBytes == 0);
  if (code == 'x' && operand.kind == Operand::Kind::reg)
    wantsPredicate = lowered.width[static_cast<size_t>(operand.index)] == 0;
  if (operand.pairKind && code != 'p' && code != '4' && !(code == 't' && current->opcode == "lop3"))
    badOperand(operand, "one register");
  if (operand.negated || !operand.selector.empty())
    badOperand(operand, "a whole register");
  Slot second = operand.pairKind == 1 ? lowered.predicateOf[static_cast<size_t>(operand.pair)] : noSlot;
  if (operand.pairKind == 1 && second == noSlot)
    badOperand(operand, "a pair with a predicate");
  if (wantsPredicate) {
    if (operand.kind != Operand::Kind::sink)
      in.dstPred = predicate(operand);
    in.dstPred2 = second;
    return;
  }
  in.dstPred = second;
  if (operand.kind == Operand::Kind::vector && (code == '*' || code == 'u' || code == 'v'))
    return fragments(operand, code, draft, 0);
  int bytes = bytesFor(code);
  in.dst = 0;
  if (operand.kind == Operand::Kind::sink) {
    draft.dst = temporary(bytes);
    in.dstBytes = static_cast<uint8_t>(classOf(bytes));
    return;
  }
  if (!checkRegister(operand, code, bytes))
    badOperand(operand, "a register");
  draft.dst = static_cast<Virtual>(operand.index);
  in.dstBytes = static_cast<uint8_t>(bytesOf(function.registers[draft.dst].type));
}

void FunctionDecoder::source(const Operand &operand, char code, Draft &draft, int &k) {
  Instr &in = draft.instr;
  if (operand.pairKind)
    badOperand(operand, "one register");
  bool wantsPredicate = code == 'p' || ((code == 't' || code == 'u') && types.lastBytes == 0);
  bool isPredicate =
      operand.kind == Operand::Kind::reg && lowered.predicateOf[static_cast<size_t>(operand.index)] != noSlot;
  if (code == 'x')
    wantsPredicate = isPredicate;
  if (wantsPredicate && (isPredicate || code == 'p' || current->opcode != "mov")) {
    if (in.srcPred == noSlot) {
      in.srcPred = predicate(operand);
      in.srcPredNegated = operand.negated;
    } else if (code == 't' && !operand.negated) {
      in.src[1] = predicate(operand); // the second operand of and.pred
    } else
      badOperand(operand, "left out");
    return;
  }
  if (k > 3) { // a cache policy behind four operands: a hint
    if (code != '8')
      badOperand(operand, "left out");
    return;
  }
  if (code == 'a')
    return address(operand, draft, k++);
  if (code == 'i') {
    if (operand.kind != Operand::Kind::integer)
      badOperand(operand, "an integer");
    k++;
    return;
  }
  if (operand.kind == Operand::Kind::vector && (code == '*' || code == 'u' || code == 'v')) {
    fragments(operand, code, draft, k + 1);
    k++;
    return;
  }
  if (current->opcode == "mov" && operand.kind == Operand::Kind::special) {
    in.src[0] = noSlot; // the handler of `mov` finds the special register in the spelling
    k++;
    return;
  }
  int bytes = wantsPredicate ? 4 : bytesFor(code);
  draft.src[k] = value(operand, code, bytes, &in.srcBytes[k]);
  in.src[k] = 0;
  k++;
}

/// What depends on the modifiers: how many operands there must be.
void FunctionDecoder::checkCounts(const Instruction &from, const Draft &draft) {
  const auto &m = from.modifiers;
  const Instr &in = draft.instr;
  auto wrong = [&](const std::string &wanted) {
    failInPtx(program.module, from.line, Diag::ptx_operands,
              {std::string(from.opcode), wanted, std::to_string(from.operands.size())});
  };
  std::string_view op = from.opcode;
  if (op == "ld" || op == "ldu" || op == "st" || op == "atom" || op == "red") {
    int count = has(m, "v8") ? 8 : has(m, "v4") ? 4 : has(m, "v2") ? 2 : 1;
    int given = op == "st" || op == "red" ? in.parts[2] : in.parts[0];
    if ((given ? given : 1) != count || (op == "atom" && in.parts[0] && in.parts[2] != in.parts[0]))
      wrong(std::to_string(count) + " registers as");
    bool cas = has(m, "cas");
    if (op == "atom" && from.operands.size() != (cas ? 4u : 3u) && !has(m, "L2::cache_hint"))
      wrong(cas ? "4" : "3");
    if (cas && in.src[2] == noSlot)
      wrong("4");
  }
  if (op == "ldmatrix" || op == "stmatrix") {
    int count = has(m, "x4") ? 4 : has(m, "x2") ? 2 : 1, given = op == "ldmatrix" ? in.parts[0] : in.parts[2];
    if (given != count && !(given == 0 && count == 1))
      wrong(std::to_string(count) + " registers as");
  }
  if ((op == "set" || op == "setp") &&
      (has(m, "and") || has(m, "or") || has(m, "xor")) != (in.srcPred != noSlot))
    wrong(in.srcPred == noSlot ? "4" : "3");
  if (op == "lop3" && (has(m, "and") || has(m, "or")) != (in.srcPred != noSlot))
    wrong(in.srcPred == noSlot ? "6" : "5");
  if ((op == "shfl" || op == "vote") && has(m, "sync") != (from.operands.size() == (op == "shfl" ? 5u : 3u)))
    wrong(op == "shfl" ? (has(m, "sync") ? "5" : "4") : (has(m, "sync") ? "3" : "2"));
  if ((op == "bar" || op == "barrier") && has(m, "red") && in.srcPred == noSlot)
    wrong("3 or 4");
  if ((op == "bar" || op == "barrier") && has(m, "arrive") && in.src[1] == noSlot)
    wrong("2");
  if (op == "cvt" && !has(m, "pack") &&
      (types.first.ends_with("x2") && types.last == "f32") != (from.operands.size() == 3))
    wrong(from.operands.size() == 3 ? "2" : "3");
  if (op == "cvt" && has(m, "pack") && (types.last == "b32") != (from.operands.size() == 4))
    wrong(types.last == "b32" ? "4" : "3");
  bool predicates = types.lastBytes == 0 && (op == "and" || op == "or" || op == "xor");
  if (predicates && in.src[1] == noSlot)
    wrong("3 predicates as");
}

void FunctionDecoder::flow(const Instruction &from, Draft &draft, size_t k) {
  const Operand &operand = from.operands[k];
  if (operand.kind == Operand::Kind::label) {
    draft.instr.target = function.labels[static_cast<size_t>(operand.index)].instruction;
    return;
  }
  if (operand.kind != Operand::Kind::table ||
      function.tables[static_cast<size_t>(operand.index)].kind != Table::Kind::branchTargets ||
      from.opcode != "brx")
    badOperand(operand, from.opcode == "brx" ? "the name of a .branchtargets" : "a label");
  std::vector<int32_t> targets;
  for (int32_t label : function.tables[static_cast<size_t>(operand.index)].targets)
    targets.push_back(function.labels[static_cast<size_t>(label)].instruction);
  program.lists32.push_back(std::move(targets));
  draft.instr.list32 = program.lists32.back().data();
  draft.instr.listSize = static_cast<uint32_t>(program.lists32.back().size());
}

void FunctionDecoder::call(const Instruction &from, Draft &draft) {
  size_t at = 0;
  const auto &operands = from.operands;
  const Operand *results = nullptr, *arguments = nullptr;
  if (at < operands.size() && operands[at].kind == Operand::Kind::group)
    results = &operands[at++];
  if (at == operands.size())
    failInPtx(program.module, from.line, Diag::ptx_operands, {"call", "a function and its", "none"});
  const Operand &callee = operands[at++];
  if (at < operands.size() && operands[at].kind == Operand::Kind::group)
    arguments = &operands[at++];
  if (at < operands.size() && operands[at].kind != Operand::Kind::table)
    badOperand(operands[at], "a .callprototype or .calltargets");
  if (at + 1 < operands.size())
    badOperand(operands[at + 1], "left out");
  CallInfo info;
  const Function *known = nullptr;
  if (callee.kind == Operand::Kind::function) {
    info.function = callee.index;
    known = &program.module.functions[static_cast<size_t>(callee.index)];
    if (known->isEntry)
      badOperand(callee, "a .func");
    if (!known->hasBody)
      info.builtin = known->name;
  } else {
    if (!checkRegister(callee, '8', 8))
      badOperand(callee, "a function or a register");
    draft.src[0] = static_cast<Virtual>(callee.index);
    draft.instr.src[0] = 0;
    draft.instr.srcBytes[0] = 8;
  }
  auto pass = [&](const Operand &operand, std::vector<Passed> &list, bool isResult) {
    Passed passed;
    Virtual v = noVirtual;
    if (operand.kind == Operand::Kind::variable) {
      const Variable &variable = program.module.variables[static_cast<size_t>(operand.index)];
      uint64_t address = program.variableAddress[static_cast<size_t>(operand.index)];
      if (variable.space != Space::param || variable.function != index || address < callParamBase)
        badOperand(operand, "a .param variable of this function");
      passed.offset = address - callParamBase;
      passed.bytes = static_cast<uint32_t>(variable.bytes);
    } else if (operand.kind == Operand::Kind::reg) {
      v = static_cast<Virtual>(operand.index);
      if (lowered.width[v] != 4 && lowered.width[v] != 8)
        badOperand(operand, "a register of at most 64 bits");
      passed.bytes = lowered.width[v];
    } else if (!isResult && (operand.kind == Operand::Kind::integer || operand.kind == Operand::Kind::real)) {
      size_t formal = list.size();
      int bytes = 4;
      if (known && formal < known->params.size())
        bytes = classOf(static_cast<int>(std::min<uint64_t>(
            8, program.module.variables[static_cast<size_t>(known->params[formal])].bytes)));
      v = constant(bytes, constantValue(operand, '4', bytes));
      passed.bytes = static_cast<uint32_t>(bytes);
    } else
      badOperand(operand, "a .param variable or a register");
    list.push_back(passed);
    draft.passed.push_back(v);
  };
  if (results)
    for (const Operand &operand : results->parts)
      pass(operand, info.results, true);
  draft.results = draft.passed.size();
  if (arguments)
    for (const Operand &operand : arguments->parts)
      pass(operand, info.arguments, false);
  if (known &&
      (known->returns.size() != info.results.size() || known->params.size() != info.arguments.size()) &&
      (known->hasBody || info.arguments.size() > known->params.size()))
    failInPtx(program.module, from.line, Diag::ptx_operands,
              {std::string(known->name),
               std::to_string(known->returns.size()) + " results and " + std::to_string(known->params.size()),
               std::to_string(info.results.size()) + " and " + std::to_string(info.arguments.size())});
  draft.callIndex = static_cast<int32_t>(program.calls.size());
  program.calls.push_back(std::move(info));
  draft.instr.extra = &program.calls.back();
}

void FunctionDecoder::instruction(const Instruction &from) {
  current = &from;
  const Shape *shape = shapeOf(from.opcode, from.modifiers);
  bool isCall = from.opcode == "call";
  if (!shape && !isCall) {
    std::string text(from.opcode);
    for (auto m : from.modifiers)
      text += "." + std::string(m);
    failInPtx(program.module, from.line, Diag::ptx_opcode, {text});
  }
  types = {};
  for (std::string_view m : from.modifiers) {
    if (int bytes = typeBytes(m); bytes >= 0) {
      if (types.first.empty()) {
        types.first = m;
        types.firstBytes = bytes;
      }
      types.last = m;
      types.lastBytes = bytes;
    }
    types.wide |= m == "wide";
    types.fp64 |= m == "f64";
  }
  Draft draft = fresh(from.opcode);
  draft.spelling.modifiers = from.modifiers;
  for (const Operand &operand : from.operands)
    draft.spelling.operands.push_back(operand.text);
  if (from.guard >= 0) {
    draft.instr.guard = lowered.predicateOf[static_cast<size_t>(from.guard)];
    draft.instr.guardNegated = from.guardNegated;
  }
  static constexpr std::pair<std::string_view, Control> flows[] = {
      {"bra", Control::bra}, {"brx", Control::brx}, {"ret", Control::ret}, {"exit", Control::exit}};
  for (auto [name, control] : flows)
    if (from.opcode == name)
      draft.instr.control = control;
  if (isCall) {
    call(from, draft);
    return push(std::move(draft));
  }
  size_t given = from.operands.size(), at = 0, optional = shape->sources.find('?');
  size_t sources = shape->sources.size() - (optional != std::string_view::npos);
  size_t needed = shape->result.size() + (optional == std::string_view::npos ? sources : optional);
  if (given < needed || given > shape->result.size() + sources)
    failInPtx(program.module, from.line, Diag::ptx_operands,
              {std::string(from.opcode), std::to_string(needed) + (given < needed ? "" : " or so"),
               std::to_string(given)});
  if (!shape->result.empty())
    result(from.operands[at++], shape->result[0], draft);
  int k = 0;
  for (char code : shape->sources) {
    if (code == '?')
      continue;
    if (at == given)
      break;
    if (code == 'l' || code == 'b')
      flow(from, draft, at++);
    else
      source(from.operands[at++], code, draft, k);
  }
  checkCounts(from, draft);
  if (draft.instr.control == Control::ret) // results in registers are read when the function returns
    for (int32_t v : function.returns)
      if (int32_t r = program.module.variables[static_cast<size_t>(v)].registerIndex; r >= 0)
        draft.passed.push_back(static_cast<Virtual>(r));
  push(std::move(draft));
}

Lowered FunctionDecoder::run() {
  for (const Register &r : function.registers) {
    bool isPredicate = r.type == Type::pred;
    lowered.width.push_back(isPredicate ? 0 : static_cast<uint8_t>(classOf(bytesOf(r.type))));
    lowered.predicateOf.push_back(isPredicate ? static_cast<Slot>(std::min(lowered.predicates, 0xfffeu))
                                              : noSlot);
    lowered.predicates += isPredicate;
  }
  if (lowered.predicates > 0xfffe)
    failInPtx(program.module, function.line, Diag::ptx_limit, {"the number of predicates", "65534"});
  lowered.drafts.reserve(function.instructions.size() + function.instructions.size() / 4 + 16);
  for (const Instruction &from : function.instructions) {
    lowered.first.push_back(static_cast<int32_t>(lowered.drafts.size()));
    instruction(from);
  }
  lowered.first.push_back(static_cast<int32_t>(lowered.drafts.size()));
  Instruction end; // a body may end without one
  end.opcode = function.isEntry ? "exit" : "ret";
  end.line = function.instructions.empty() ? function.line : function.instructions.back().line;
  instruction(end);
  for (Draft &draft : lowered.drafts) {
    if (draft.instr.target >= 0)
      draft.instr.target = lowered.first[static_cast<size_t>(draft.instr.target)];
    if (draft.instr.listSize)
      for (uint32_t k = 0; k < draft.instr.listSize; k++) {
        int32_t &target = const_cast<int32_t *>(draft.instr.list32)[k];
        target = lowered.first[static_cast<size_t>(target)];
      }
  }
  return std::move(lowered);
}

} // namespace tegula::ptx
