//===- Decode.cpp - where variables live, and the steps of decoding ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Decoder.h"
#include "driver/emulator/ptx/Parser.h"

#include <algorithm>
#include <cstring>

namespace tegula::ptx {

static uint64_t alignedTo(uint64_t offset, uint64_t align) {
  return align ? (offset + align - 1) / align * align : offset;
}

void *Program::bytes(size_t size) {
  size_t units = (size + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t);
  arena.push_back(std::make_unique<std::max_align_t[]>(std::max<size_t>(units, 1)));
  return arena.back().get();
}
const Routine *Program::find(std::string_view name) const {
  auto at = byName.find(name);
  return at == byName.end() ? nullptr : &routines[static_cast<size_t>(at->second)];
}

std::unique_ptr<Program> decode(Module module, const DecodeOptions &options) {
  return Decoder(std::move(module), options).run();
}

Decoder::Decoder(Module module, const DecodeOptions &options)
    : options(options), program(std::make_unique<Program>()) {
  program->module = std::move(module);
  program->sm = options.sm;
}

std::unique_ptr<Program> Decoder::run() {
  Module &module = program->module;
  if (module.target > options.sm)
    failInPtx(module, 1, Diag::ptx_version,
              {"on sm_" + std::to_string(options.sm) + ", target", std::string(module.targetText)});
  program->routines.resize(module.functions.size());
  for (size_t i = 0; i < module.functions.size(); i++) {
    program->byName.emplace(module.functions[i].name, static_cast<int32_t>(i));
    program->routines[i].name = module.functions[i].name;
    program->routines[i].isEntry = module.functions[i].isEntry;
    program->routines[i].ast = &module.functions[i];
  }
  placeVariables();
  for (size_t i = 0; i < module.functions.size(); i++)
    layOutFunction(static_cast<int32_t>(i));
  layOutShared();
  for (size_t i = 0; i < module.functions.size(); i++)
    if (module.functions[i].hasBody)
      decodeFunction(static_cast<int32_t>(i));
  return std::move(program);
}

// --- Memory

void Decoder::placeVariables() {
  Module &module = program->module;
  program->variableAddress.assign(module.variables.size(), 0);
  auto isPlaced = [](const Variable &v) { return v.space == Space::global || v.space == Space::constant; };
  for (size_t i = 0; i < module.variables.size(); i++) {
    const Variable &variable = module.variables[i];
    if (!isPlaced(variable))
      continue;
    uint64_t &address = program->variableAddress[i];
    if (options.place)
      address = options.place(variable);
    else if (!variable.isExtern) {
      if (variable.bytes > (1u << 28))
        failInPtx(module, variable.line, Diag::ptx_limit,
                  {"the size of `" + std::string(variable.name) + "`", "256 MiB"});
      address = alignedTo(reinterpret_cast<uint64_t>(program->bytes(variable.bytes + variable.align)),
                          variable.align);
    }
  }
  for (size_t i = 0; i < module.variables.size(); i++)
    if (isPlaced(module.variables[i]) && program->variableAddress[i] && !module.variables[i].isExtern)
      initialise(module.variables[i], program->variableAddress[i]);
}

void Decoder::initialise(const Variable &variable, uint64_t address) {
  uint8_t *memory = reinterpret_cast<uint8_t *>(address);
  if (!variable.data.empty())
    std::memcpy(memory, variable.data.data(), std::min<uint64_t>(variable.data.size(), variable.bytes));
  std::memset(memory + std::min<uint64_t>(variable.data.size(), variable.bytes), 0,
              variable.bytes - std::min<uint64_t>(variable.data.size(), variable.bytes));
  for (const Relocation &r : variable.relocations) {
    uint64_t value = r.function >= 0 ? functionPointerBase + 16 * static_cast<uint64_t>(r.function)
                                     : program->variableAddress[static_cast<size_t>(r.variable)];
    value = (value + static_cast<uint64_t>(r.addend)) >> r.shift;
    if (r.offset + r.bytes <= variable.bytes)
      std::memcpy(memory + r.offset, &value, r.bytes);
  }
}

/// Parameters and local variables: offsets.
void Decoder::layOutFunction(int32_t index) {
  Module &module = program->module;
  const Function &function = module.functions[static_cast<size_t>(index)];
  Routine &routine = program->routines[static_cast<size_t>(index)];
  uint64_t inFrame = 0, local = 0, arguments = 0;
  auto place = [&](int32_t v, std::vector<Passed> *list) {
    const Variable &variable = module.variables[static_cast<size_t>(v)];
    Passed passed;
    passed.bytes = static_cast<uint32_t>(variable.bytes);
    if (variable.space == Space::param) {
      uint64_t &next = function.isEntry ? arguments : inFrame;
      next = alignedTo(next, variable.align);
      passed.offset = next;
      program->variableAddress[static_cast<size_t>(v)] = next + (function.isEntry ? 0 : callParamBase);
      next += variable.bytes;
    }
    list->push_back(passed);
  };
  for (int32_t v : function.returns)
    place(v, &routine.results);
  for (int32_t v : function.params)
    place(v, &routine.params);
  for (size_t v = 0; v < module.variables.size(); v++) {
    const Variable &variable = module.variables[v];
    if (variable.function != index || (variable.space != Space::param && variable.space != Space::local))
      continue;
    int32_t id = static_cast<int32_t>(v);
    if (std::count(function.returns.begin(), function.returns.end(), id) ||
        std::count(function.params.begin(), function.params.end(), id))
      continue;
    uint64_t &next = variable.space == Space::param ? inFrame : local;
    next = alignedTo(next, variable.align);
    program->variableAddress[v] = next + (variable.space == Space::param ? callParamBase : 0);
    next += variable.bytes;
    if (next > localStride)
      failInPtx(module, variable.line, Diag::ptx_limit, {"the memory of a function", "512 KiB a thread"});
  }
  if (arguments > 32764)
    failInPtx(module, function.line, Diag::ptx_limit, {"the size of the parameters", "32764 bytes"});
  routine.argumentBytes = static_cast<uint32_t>(arguments);
  routine.paramBytes = static_cast<uint32_t>(inFrame);
  routine.localBytes = static_cast<uint32_t>(local);
}

static void markVariables(const Operand &operand, std::vector<uint8_t> &used) {
  if (operand.kind == Operand::Kind::variable)
    used[static_cast<size_t>(operand.index)] = 1;
  for (const Operand &part : operand.parts)
    markVariables(part, used);
}

/// A shared variable that only one kernel names, and no other function, is that kernel's own; others lie at the start
/// of every kernel's shared memory. Dynamic memory comes last, for all kernels at the same offset if a .func names it.
void Decoder::layOutShared() {
  Module &module = program->module;
  size_t count = module.variables.size();
  std::vector<int32_t> owner(count, -2); // -2: nobody names it, -1: common, else the kernel
  std::vector<uint8_t> used(count), inFunction(count);
  bool any = false;
  for (const Variable &variable : module.variables)
    any |= variable.space == Space::shared;
  if (!any)
    return;
  for (size_t f = 0; f < module.functions.size(); f++) {
    std::fill(used.begin(), used.end(), 0);
    for (const Instruction &instruction : module.functions[f].instructions)
      for (const Operand &operand : instruction.operands)
        markVariables(operand, used);
    for (size_t v = 0; v < count; v++)
      if (used[v] && module.variables[v].space == Space::shared) {
        inFunction[v] |= !module.functions[f].isEntry;
        owner[v] = owner[v] == -2 && module.functions[f].isEntry ? static_cast<int32_t>(f) : -1;
      }
  }
  for (const Variable &variable : module.variables) // an initialiser may hold its address
    for (const Relocation &r : variable.relocations)
      if (r.variable >= 0)
        owner[static_cast<size_t>(r.variable)] = -1;
  bool sharedDynamic = false;
  std::vector<uint64_t> size(module.functions.size(), 0);
  uint64_t common = 0, most = 0;
  auto put = [&](size_t v, uint64_t &next) {
    const Variable &variable = module.variables[v];
    next = alignedTo(next, variable.align);
    program->variableAddress[v] = next;
    next += variable.bytes;
    if (next > (1u << 24))
      failInPtx(module, variable.line, Diag::ptx_limit, {"the size of shared memory", "16 MiB"});
  };
  for (size_t v = 0; v < count; v++)
    if (module.variables[v].space == Space::shared && owner[v] == -1) {
      sharedDynamic |= module.variables[v].isUnsized && inFunction[v];
      if (!module.variables[v].isUnsized)
        put(v, common);
    }
  std::fill(size.begin(), size.end(), common);
  uint64_t align = 16;
  for (size_t v = 0; v < count; v++) {
    const Variable &variable = module.variables[v];
    if (variable.space != Space::shared)
      continue;
    if (variable.isUnsized)
      align = std::max<uint64_t>(align, variable.align);
    else if (owner[v] >= 0)
      put(v, size[static_cast<size_t>(owner[v])]);
  }
  for (uint64_t s : size)
    most = std::max(most, s);
  for (size_t f = 0; f < module.functions.size(); f++) {
    Routine &routine = program->routines[f];
    if (sharedDynamic)
      size[f] = most;
    routine.sharedBytes = static_cast<uint32_t>(size[f]);
    routine.dynamicSharedOffset = static_cast<uint32_t>(alignedTo(size[f], align));
    for (size_t v = 0; v < count; v++)
      if (module.variables[v].space == Space::shared &&
          (owner[v] == -1 || owner[v] == static_cast<int32_t>(f)))
        routine.sharedVariables.push_back(static_cast<int32_t>(v));
  }
}

uint64_t Decoder::sharedAddress(const Variable &variable, int32_t variableIndex, int32_t function) const {
  return variable.isUnsized ? program->routines[static_cast<size_t>(function)].dynamicSharedOffset
                            : program->variableAddress[static_cast<size_t>(variableIndex)];
}

// --- Functions

void Decoder::choose(const Spelling &spelling, Instr &in) {
  bool found = false;
  try {
    found = chooseArithmetic(spelling, in, *program) || chooseMatrix(spelling, in, *program) ||
            chooseMemory(spelling, in, *program) || chooseWarp(spelling, in, *program);
  } catch (const Error &error) {
    // They know the line only; the module's name and the text are to be told too.
    std::string message = error.diagnostic().message;
    size_t start = message.find("line " + std::to_string(in.line) + ": ");
    if (start != std::string::npos)
      message = message.substr(message.find(": ", start) + 2);
    failInPtx(program->module, in.line, Diag::ptx_form, {message});
  }
  if (found)
    return;
  std::string text(spelling.opcode);
  for (auto m : spelling.modifiers)
    text += "." + std::string(m);
  failInPtx(program->module, in.line, Diag::ptx_opcode, {text});
}

void Decoder::decodeFunction(int32_t index) {
  Routine &routine = program->routines[static_cast<size_t>(index)];
  const Function &function = program->module.functions[static_cast<size_t>(index)];
  Lowered lowered = FunctionDecoder(*this, index).run();
  Blocks blocks = findBlocks(lowered);
  std::vector<int32_t> dominators = postDominators(blocks);
  Allocation allocation = allocate(lowered, blocks);
  if (!allocation.fits)
    failInPtx(program->module, function.line, Diag::ptx_limit, {"the number of live registers", "65534"});
  auto slotOf = [&](Virtual v) {
    return isConstant(v) ? allocation.constantSlot[v & ~constantFlag] : allocation.slot[v];
  };
  routine.blocks = blocks.first;
  routine.slots = allocation.slots;
  routine.predicates = lowered.predicates;
  for (size_t c = 0; c < lowered.constants.size(); c++)
    routine.constants.push_back(
        {allocation.constantSlot[c], lowered.constants[c].first, lowered.constants[c].second});
  for (auto [list, passed] :
       {std::pair(&function.returns, &routine.results), std::pair(&function.params, &routine.params)})
    for (size_t k = 0; k < list->size(); k++)
      if (int32_t r = program->module.variables[static_cast<size_t>((*list)[k])].registerIndex; r >= 0) {
        (*passed)[k].slot = allocation.slot[static_cast<size_t>(r)];
        if ((*passed)[k].slot == noSlot) // never read
          (*passed)[k].bytes = 0;
      }
  routine.code.reserve(lowered.drafts.size());
  for (size_t i = 0; i < lowered.drafts.size(); i++) {
    Draft &draft = lowered.drafts[i];
    Instr &in = draft.instr;
    if (draft.dst != noVirtual)
      in.dst = slotOf(draft.dst);
    for (int k = 0; k < 4; k++)
      if (draft.src[k] != noVirtual)
        in.src[k] = slotOf(draft.src[k]);
    if (!draft.list.empty()) {
      std::vector<Slot> slots;
      for (Virtual v : draft.list)
        slots.push_back(slotOf(v));
      program->lists.push_back(std::move(slots));
      in.list = program->lists.back().data();
    }
    if (draft.callIndex >= 0) {
      CallInfo &info = program->calls[static_cast<size_t>(draft.callIndex)];
      for (size_t k = 0; k < draft.passed.size(); k++)
        if (draft.passed[k] != noVirtual)
          (k < draft.results ? info.results[k] : info.arguments[k - draft.results]).slot =
              slotOf(draft.passed[k]);
    }
    in.block = static_cast<uint32_t>(blocks.of[i]);
    if (in.control == Control::bra || in.control == Control::brx) {
      int32_t dominator = dominators[in.block];
      in.reconverge = dominator < 0 ? -1 : blocks.first[static_cast<size_t>(dominator)];
    }
    draft.spelling.sm = options.sm;
    draft.spelling.ptxVersion = program->module.version;
    choose(draft.spelling, in);
    routine.code.push_back(in);
  }
}

} // namespace tegula::ptx
