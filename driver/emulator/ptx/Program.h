//===- Program.h - a module made ready to run ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// `decode` turns a parsed module into arrays of Instr (Exec.h): every name is an address or a slot, every virtual
// register has a slot shared with others that are never live together, every branch knows where its lanes meet again.
//
// Addresses. `.global` and `.const` variables have absolute addresses that the caller of `decode` gives (host memory).
// `.shared`: offsets from the start of the block's shared memory; variables of the kernel, then dynamic memory
// (`dynamicSharedOffset`). `.param`: a kernel's parameters are offsets below `callParamBase` into its arguments; the
// parameters of a .func, and the .param variables that a body declares for its calls, are `callParamBase` + an offset
// into the bytes that each lane has in the frame (`Routine::paramBytes`). `.local`: offsets into the frame's bytes of a
// lane (`Routine::localBytes`); as frames nest, the address of a local variable is made by an inserted
// `mov %r, %local_base` whose `imm` is to be added to the frame's place in the local space.

#pragma once

#include "driver/emulator/ptx/Ast.h"
#include "driver/emulator/ptx/Exec.h"

#include <deque>
#include <functional>
#include <memory>

namespace tegula::ptx {

constexpr uint64_t callParamBase = 0x100000;
constexpr uint64_t localStride = 512 * 1024; ///< local memory of a thread
/// The value of a pointer to function number i is functionPointerBase + 16 * i.
constexpr uint64_t functionPointerBase = 0x00f0000000000000;

/// A constant that the machine writes to all lanes of a slot when it makes a frame.
struct Constant {
  Slot slot = noSlot;
  uint8_t bytes = 4; ///< 4 (all narrower ones too) or 8
  uint64_t value = 0;
};

/// A formal parameter or result, or what a call gives for it.
struct Passed {
  uint64_t offset = 0; ///< in the frame's param bytes (without callParamBase), if `slot` is noSlot
  uint32_t bytes = 0;
  Slot slot = noSlot; ///< passed in a register (a constant's slot for an immediate)
};

/// `Instr::extra` of a call. `function` is -1 for a call through a register: src[0] then holds the function pointer, and
/// arguments go to the callee's `params` by position.
struct CallInfo {
  int32_t function = -1;
  std::string_view builtin; ///< vprintf, __assertfail, malloc, free …: called functions without a body
  std::vector<Passed> results, arguments;
};

/// A function ready to run.
struct Routine {
  std::string name;
  bool isEntry = false;
  const Function *ast = nullptr; ///< directives such as .maxntid
  std::vector<Instr> code;       ///< ends with ret or exit
  std::vector<int32_t> blocks;   ///< first instruction of each basic block
  std::vector<Constant> constants;
  uint32_t slots = 0; ///< of a frame, constants included
  uint32_t predicates = 0;
  uint32_t localBytes = 0, paramBytes = 0; ///< each lane's, in a frame
  std::vector<Passed> params, results;     ///< of a kernel: offset into its arguments
  uint32_t argumentBytes = 0;              ///< of a kernel
  uint32_t sharedBytes = 0;                ///< static
  uint32_t dynamicSharedOffset = 0;
  std::vector<int32_t> sharedVariables; ///< of a kernel: those laid out in its shared memory
};

struct Program : Keeper {
  Module module;
  int sm = 80;
  std::vector<Routine> routines; ///< same indices as Module::functions; no code where there is no body
  std::vector<uint64_t> variableAddress; ///< same indices as Module::variables: in the space of each
  std::unordered_map<std::string_view, int32_t> byName;
  std::deque<std::unique_ptr<std::max_align_t[]>> arena;
  std::deque<CallInfo> calls;
  std::deque<std::vector<Slot>> lists;
  std::deque<std::vector<int32_t>> lists32;

  void *bytes(size_t size) override;
  const Routine *find(std::string_view name) const;
};

struct DecodeOptions {
  int sm = 80; ///< the architecture run on
  /// Memory for a `.global` or `.const` variable of the module; the decoder then writes its initial bytes there. Extern
  /// ones: found by name, 0 for unknown. Without one the program owns them.
  std::function<uint64_t(const Variable &)> place;
};

/// Throws tegula::Error for an instruction, modifier or operand that is unknown or unsupported, with its line.
std::unique_ptr<Program> decode(Module module, const DecodeOptions &options);

} // namespace tegula::ptx
