//===- Decoder.h - how a function becomes a Routine: the steps ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// DecodeOperands.cpp makes drafts: instructions with virtual registers. Flow.cpp finds basic blocks and where branches
// reconverge, Allocate.cpp gives slots, Decode.cpp lays out memory and lets the choosers give handlers.

#pragma once

#include "driver/emulator/ptx/Program.h"
#include "ir/diag/Diagnostic.h"

#include <map>

namespace tegula::ptx {

/// A virtual register (an index into Function::registers, or a temporary behind them), a constant, or nothing.
using Virtual = uint32_t;
constexpr Virtual noVirtual = 0xffffffffu;
constexpr Virtual constantFlag = 0x80000000u;
inline bool isConstant(Virtual v) { return v != noVirtual && (v & constantFlag); }

struct Draft {
  Instr instr; ///< complete but for slots and handler; present slots are 0, predicates are final
  Spelling spelling;
  Virtual dst = noVirtual;
  Virtual src[4] = {noVirtual, noVirtual, noVirtual, noVirtual};
  std::vector<Virtual> list;
  int32_t callIndex = -1;      ///< into Program::calls; its Passed::slot are places in `passed`
  std::vector<Virtual> passed; ///< results, then arguments; noVirtual for those in memory
  size_t results = 0;          ///< how many of `passed` are results
  bool fallsThrough = true;
};

/// A function on its way.
struct Lowered {
  std::vector<Draft> drafts;
  std::vector<uint8_t> width; ///< of each virtual register in bytes: 4, 8 or 16; 0: a predicate
  std::vector<Slot> predicateOf;
  std::vector<std::pair<uint8_t, uint64_t>> constants; ///< width, value
  uint32_t predicates = 0;
  std::vector<int32_t> first; ///< of each instruction of the Function: its first draft; one more for the end
};

class Decoder;

/// First drafts of the blocks, and their successors; -1 is the exit.
struct Blocks {
  std::vector<int32_t> first, of;
  std::vector<std::vector<int32_t>> next;
};
Blocks findBlocks(const Lowered &lowered);
/// The immediate post-dominator of each block; -1: the exit.
std::vector<int32_t> postDominators(const Blocks &blocks);

/// Gives every virtual register a slot; fills the slots of the drafts, `constants` and `slots` of the routine.
struct Allocation {
  std::vector<Slot> slot, constantSlot;
  uint32_t slots = 0;
  bool fits = true;
};
Allocation allocate(const Lowered &lowered, const Blocks &blocks);

class Decoder {
public:
  Decoder(Module module, const DecodeOptions &options);
  std::unique_ptr<Program> run();

private:
  friend class FunctionDecoder;
  void placeVariables();
  void initialise(const Variable &variable, uint64_t address);
  void layOutShared();
  void layOutFunction(int32_t index);
  void decodeFunction(int32_t index);
  void choose(const Spelling &spelling, Instr &in);
  uint64_t sharedAddress(const Variable &variable, int32_t variableIndex, int32_t function) const;

  const DecodeOptions &options;
  std::unique_ptr<Program> program;
};

/// One function's operands.
class FunctionDecoder {
public:
  FunctionDecoder(Decoder &decoder, int32_t index)
      : program(*decoder.program), decoder(decoder),
        function(program.module.functions[static_cast<size_t>(index)]), index(index) {}
  Lowered run();

private:
  struct Types {
    std::string_view first, last;
    int firstBytes = 4, lastBytes = 4; ///< 0: pred
    bool wide = false, fp64 = false;
  };
  [[noreturn]] void badOperand(const Operand &operand, const std::string &wanted);
  void instruction(const Instruction &from);
  void call(const Instruction &from, Draft &draft);
  void flow(const Instruction &from, Draft &draft, size_t k);
  void result(const Operand &operand, char code, Draft &draft);
  void source(const Operand &operand, char code, Draft &draft, int &k);
  void address(const Operand &operand, Draft &draft, int k);
  void fragments(const Operand &operand, char code, Draft &draft, int which);
  void checkCounts(const Instruction &from, const Draft &draft);
  int bytesFor(char code) const;
  std::string_view typeFor(char code) const;
  bool checkRegister(const Operand &operand, char code, int bytes);
  Virtual value(const Operand &operand, char code, int bytes, uint8_t *registerBytes);
  Virtual constant(int bytes, uint64_t value);
  Virtual temporary(int bytes);
  Virtual special(std::string_view name, int bytes, int64_t addend);
  Virtual narrowed(Virtual wide);
  Slot predicate(const Operand &operand);
  uint64_t constantValue(const Operand &operand, char code, int bytes);
  uint64_t addressOf(const Operand &operand) const;
  void push(Draft draft);
  Draft fresh(std::string_view opcode) const;

  Program &program;
  Decoder &decoder;
  const Function &function;
  int32_t index;
  Lowered lowered;
  const Instruction *current = nullptr;
  Types types;
  std::map<std::pair<uint8_t, uint64_t>, Virtual> known;
};

} // namespace tegula::ptx
