//===- Ast.h - PTX text, parsed: names resolved, nothing checked against what instructions exist ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// All string_views point into `Module::text`. Registers, variables, labels and functions are resolved by the parser,
// because PTX's scopes ({ } blocks may declare any of them anew) are gone afterwards: operands hold indices.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tegula::ptx {

enum class Space : uint8_t { generic, reg, constant, global, local, param, shared };

/// What a name is declared as; arithmetic types of instructions are modifiers, not these.
enum class Type : uint8_t {
  pred,
  b8,
  b16,
  b32,
  b64,
  b128,
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  f16,
  f16x2,
  bf16,
  bf16x2,
  f32,
  f64
};
int bytesOf(Type type); ///< 0 for pred

/// A place in an initialiser that holds the address of something.
struct Relocation {
  uint64_t offset = 0; ///< in the initialised bytes
  uint8_t bytes = 8;
  uint8_t shift = 0; ///< mask() operators: this byte of the address
  int64_t addend = 0;
  int32_t variable = -1; ///< index into Module::variables, or
  int32_t function = -1; ///< into Module::functions
};

/// A variable outside of the registers, a parameter of a function included.
struct Variable {
  std::string_view name;
  Space space = Space::global;
  Type type = Type::b8;
  uint8_t vector = 1; ///< elements of .v2, .v4
  uint32_t align = 1; ///< bytes
  uint64_t bytes = 0; ///< 0: `[]`, of a size given elsewhere (dynamic shared memory)
  bool isExtern = false, isVisible = false, isWeak = false, isCommon = false, isManaged = false;
  bool isArray = false, isUnsized = false;
  int32_t function = -1;      ///< declared inside of this one; -1: at the level of the module
  int32_t registerIndex = -1; ///< a parameter declared `.reg`: its register in the function
  std::vector<uint8_t> data;  ///< initial bytes from the start, may be shorter than `bytes` (rest 0)
  std::vector<Relocation> relocations;
  uint32_t line = 0;
};

struct Register {
  std::string_view name; ///< with `<100>`: the common prefix
  Type type = Type::b32;
};

struct Operand {
  enum class Kind : uint8_t {
    reg,     ///< `index` into Function::registers
    integer, ///< `value`
    real, ///< `value` holds the bits of a double; `isSingle`: it was 0f…, and the low 32 bits of `value` are the bits
    special,  ///< %tid.x …: `text`
    variable, ///< name of a variable + `value`: its address; `index` into Module::variables
    function, ///< `index` into Module::functions
    label,    ///< `index` into Function::labels
    table,    ///< name of a .branchtargets, .calltargets or .callprototype: `index` into Function::tables
    address, ///< [base + value]; parts[0] is the base (reg, variable, special or integer); more parts: [base, {x, y}]
    vector, ///< {a, b, …}: `parts`
    group,  ///< (a, b, …) of a call: `parts`
    sink,   ///< _
  };
  Kind kind = Kind::integer;
  bool negated = false; ///< !p
  bool isSingle = false;
  int32_t index = -1;
  int32_t pairKind = 0; ///< a|b: 0 no b, 1 register `pair`, 2 sink
  int32_t pair = -1;
  int64_t value = 0;
  std::string_view selector; ///< %r1.b0, %r1.h1 of video instructions: "b0", "h1"
  std::string_view text;     ///< as written
  std::vector<Operand> parts;
};

struct Instruction {
  std::string_view opcode;
  std::vector<std::string_view> modifiers; ///< without the dot: "rn", "ftz", "f32", "L2::128B"
  std::vector<Operand> operands;
  int32_t guard = -1; ///< register of @p
  bool guardNegated = false;
  uint32_t line = 0;
  uint32_t file = 0, sourceLine = 0; ///< .loc in force; index of .file, 0 where none
};

struct Label {
  std::string_view name;
  int32_t instruction = -1; ///< index of the instruction that follows (may be the number of instructions)
};

struct Table {
  enum class Kind : uint8_t { branchTargets, callTargets, callPrototype } kind = Kind::branchTargets;
  std::string_view name;
  std::vector<int32_t> targets; ///< labels or functions
  uint32_t line = 0;
};

struct Function {
  std::string_view name;
  bool isEntry = false, isExtern = false, isVisible = false, isWeak = false, isNoReturn = false;
  bool hasBody = false;
  std::vector<int32_t> returns, params; ///< indices into Module::variables
  std::vector<Register> registers;
  std::vector<Label> labels;
  std::vector<Table> tables;
  std::vector<Instruction> instructions;
  uint32_t maxThreads[3] = {0, 0, 0}, requiredThreads[3] = {0, 0, 0}; ///< .maxntid, .reqntid; 0: not given
  uint32_t minBlocksPerSm = 0, maxRegisters = 0;
  uint32_t line = 0;
};

struct Module {
  std::string name; ///< for messages
  std::shared_ptr<const std::string> text;
  int version = 0; ///< 8.4 → 84
  int target = 0;  ///< sm_80 → 80
  std::string_view targetText;
  int addressSize = 64;
  std::vector<Variable> variables;
  std::vector<Function> functions;
  std::unordered_map<uint32_t, std::string> files; ///< of .file

  const Function *find(std::string_view function) const;
  /// The text of a line of the PTX, for messages; 1-based.
  std::string_view lineText(uint32_t line) const;
};

/// Throws tegula::Error, with the line, for whatever is not PTX.
Module parse(std::string text, std::string name = "ptx");

} // namespace tegula::ptx
