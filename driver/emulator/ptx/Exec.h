//===- Exec.h - what every instruction's handler sees: registers, a warp, an instruction ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Registers. A frame's registers are slots of 128 bytes: slot `s` is 32 lanes of 32 bits. A register of 8, 16 or 32
// bits takes one slot (narrow ones zero-extended; readers may look only at the low bits), one of 64 bits two adjacent
// slots that hold 32 × u64 (not two halves), one of 128 bits four that hold 32 × {lo, hi}. Predicates are not slots but
// a u32 of 32 lanes each, in an array of their own. A constant operand is a slot as well: the decoder lists the
// constants of a function and the machine fills them (all lanes alike) when a frame is made; so a handler never asks
// where an operand comes from. A special register as an operand becomes a `mov` before the instruction.
//
// A handler runs one instruction for the lanes in `warp.mask` (the guard is already applied; never 0) and must leave
// the other lanes of its results as they are. Destinations may be the same slots as sources.

#pragma once

#include <cstddef>
#include <new>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tegula::ptx {

constexpr int warpSize = 32;
constexpr uint32_t allLanes = 0xffffffffu;
using Slot = uint16_t;
constexpr Slot noSlot = 0xffff;

struct Instr;
struct WarpState;
using Handler = void (*)(WarpState &, const Instr &);

/// Instructions that the interpreter's loop does itself, because they change the flow or the state of the warp.
enum class Control : uint8_t {
  none, ///< `run` does all
  bra,  ///< to `target`; divergent ones meet again at `reconverge`
  brx,  ///< to `list32[index in src[0]]`
  call, ///< `extra` is a CallInfo
  ret,
  exit,
  trap,
  barrier, ///< `run` looks at it, the scheduler holds the warp: bar.*, barrier.*
  sync,  ///< needs all lanes of a member mask in src[memberMask] together: shfl, vote, bar.warp.sync, mma ...
  yield, ///< nanosleep
};

/// Classes for the counters; one instruction has one.
enum class Pipe : uint8_t {
  alu,
  fma,
  fp16,
  fp64,
  transcendental,
  convert,
  matrix,
  loadGlobal,
  storeGlobal,
  loadShared,
  storeShared,
  loadLocal,
  storeLocal,
  constant,
  atomic,
  asyncCopy,
  warp,
  barrier,
  control,
  move,
  count
};

struct Instr {
  Handler run = nullptr;      ///< null only for the Control ones that need none
  Handler observed = nullptr; ///< memory instructions: the same with checks and counters; else null
  Slot dst = noSlot;          ///< first result (slot)
  Slot dst2 = noSlot;         ///< a second one
  Slot src[4] = {noSlot, noSlot, noSlot, noSlot};
  Slot dstPred = noSlot;  ///< predicate result: setp p, shfl d|p, elect, vote.any/all, testp, isspacep, match
  Slot dstPred2 = noSlot; ///< setp p|q
  Slot srcPred = noSlot;  ///< predicate operand: selp, setp.and, vote, bar.red; -1 where none
  Slot guard = noSlot;    ///< predicate of @p
  bool guardNegated = false;
  bool srcPredNegated = false;
  bool addressIsSymbol = false; ///< [symbol + imm]: no register; `imm` is then the whole address in its space
  Control control = Control::none;
  Pipe pipe = Pipe::alu;
  uint8_t dstBytes = 4; ///< width of the register of dst (of each register of a vector)
  uint8_t srcBytes[4] = {4, 4, 4, 4};
  uint8_t addressSrc = 0; ///< which src holds the address of a memory operand
  int64_t imm = 0;        ///< offset of an address; else what the chooser of the handler put there
  int64_t imm2 = 0;       ///< offset of a second address operand (the source of cp.async)
  bool address2IsSymbol = false;
  int8_t memberSource = -1; ///< Control::sync: the src that holds the member mask; -1: all live lanes
  int32_t target = -1;      ///< index of an instruction
  int32_t reconverge = -1;  ///< index of the first instruction of the immediate post-dominator; -1: the exit
  /// The registers of vector operands {a, b, …}, one after the other: those of the destination first, then those of
  /// each source in order. `parts[0]` is the number of the destination's, `parts[1+k]` of source k; 0 for an operand
  /// that is no vector (it is in dst / src[k]). A sink `_` is noSlot. For b32x4 brackets and mma alike.
  const Slot *list = nullptr;
  uint8_t parts[5] = {0, 0, 0, 0, 0};
  const int32_t *list32 = nullptr;   ///< targets of brx.idx
  uint32_t listSize = 0;             ///< how many
  const void *extra = nullptr;       ///< what the chooser of the handler needs; made by `Chooser::keep`
  uint32_t variant = 0;              ///< small things the chooser of the handler encodes
  uint32_t line = 0;                 ///< in the PTX text
  uint32_t file = 0, sourceLine = 0; ///< of the .loc in force; 0 where none
  uint32_t block = 0;                ///< basic block, for the counters
};

/// What a chooser of handlers knows of an instruction: `fma.rn.ftz.f32` has opcode "fma", modifiers {"rn","ftz","f32"}.
/// Operands are in the Instr. The views live as long as the module's text.
struct Spelling {
  std::string_view opcode;
  std::vector<std::string_view> modifiers;
  std::vector<std::string_view>
      operands;        ///< operand texts as written, for those with immediates such as `0x33`
  int sm = 80;         ///< of the architecture run on: 75 … 89
  int ptxVersion = 80; ///< 8.0 → 80
};

/// Owner of what `extra` points to; lives as long as the program.
class Keeper {
public:
  virtual ~Keeper() = default;
  virtual void *bytes(size_t size) = 0; ///< zeroed, aligned to 16
  template <class T> const T *keep(const T &value) { return new (bytes(sizeof(T))) T(value); }
};

/// Choosers: each sets `run` (and what it needs: observed, control, pipe, variant, extra, imm) and returns true; false
/// when the opcode is not its own. Throws tegula::Error for an unknown modifier or a type that the opcode does not take.
bool chooseArithmetic(const Spelling &spelling, Instr &instr, Keeper &keeper); // Arithmetic*.cpp
bool chooseMatrix(const Spelling &spelling, Instr &instr,
                  Keeper &keeper); // Matrix*.cpp: mma, wmma.mma, movmatrix
bool chooseMemory(const Spelling &spelling, Instr &instr,
                  Keeper &keeper); // Memory.cpp: ld st atom cp.async … also
                                   // ldmatrix, stmatrix, wmma.load/store
bool chooseWarp(const Spelling &spelling, Instr &instr,
                Keeper &keeper); // Warp.cpp: shfl vote match, bar, mov of
                                 // special registers, flow

struct BlockState;
struct Frame;

struct WarpState {
  uint32_t *regs = nullptr;  ///< slots of the current frame, aligned to 128 bytes
  uint32_t *preds = nullptr; ///< predicates of the current frame
  uint32_t mask = 0;         ///< lanes that run this instruction
  uint32_t carry = 0;        ///< CC.CF of each lane
  uint8_t accumulate = 1;    ///< an `Accumulate` of Matrix.h
  bool stop = false; ///< set by a handler that wants the loop to look at the warp before the next instruction
  uint32_t active = 0;   ///< lanes of the split that runs (guard not applied)
  uint32_t existing = 0; ///< lanes of the block in this warp (the last warp may have fewer)
  uint32_t alive = 0;    ///< of those, the ones that have not exited
  uint32_t index = 0;    ///< number of the warp in its block
  uint32_t pc = 0;       ///< of the instruction after this one
  Frame *frame = nullptr;
  BlockState *block = nullptr;
};

// --- Access to registers

inline uint32_t *lanes32(WarpState &w, Slot s) {
  return static_cast<uint32_t *>(__builtin_assume_aligned(w.regs + size_t(s) * warpSize, 128));
}
inline uint64_t *lanes64(WarpState &w, Slot s) { return reinterpret_cast<uint64_t *>(lanes32(w, s)); }

/// One lane of a register of 1, 2, 4 or 8 bytes, zero-extended.
inline uint64_t readLane(WarpState &w, Slot s, int bytes, int lane) {
  if (bytes == 8)
    return lanes64(w, s)[lane];
  uint32_t v = lanes32(w, s)[lane];
  return bytes == 4 ? v : bytes == 2 ? v & 0xffff : v & 0xff;
}
/// Writes the low `bytes` of `value`.
inline void writeLane(WarpState &w, Slot s, int bytes, int lane, uint64_t value) {
  if (bytes == 8)
    lanes64(w, s)[lane] = value;
  else
    lanes32(w, s)[lane] = bytes == 4   ? uint32_t(value)
                          : bytes == 2 ? uint32_t(value) & 0xffff
                                       : uint32_t(value) & 0xff;
}
/// Sets the lanes of a predicate that run this instruction.
inline void writePred(WarpState &w, Slot p, uint32_t lanes) {
  if (p != noSlot)
    w.preds[p] = (w.preds[p] & ~w.mask) | (lanes & w.mask);
}
inline uint32_t readPred(WarpState &w, Slot p, bool negated) { return negated ? ~w.preds[p] : w.preds[p]; }

} // namespace tegula::ptx
