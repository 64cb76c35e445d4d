//===- Access.h - what a memory instruction touches ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/emulator/ptx/Machine.h"

namespace tegula::ptx {

/// What a chooser keeps in `Instr::extra` of a memory instruction.
struct Access {
  Space space = Space::generic;
  uint8_t bytes = 4; ///< of an element
  uint8_t count = 1; ///< elements of a vector
  bool isSigned = false;
  bool ordered = false; ///< volatile, acquire, release …: a loop of these may be spinning
  MemoryOrder order = MemoryOrder::weak;
  MemoryScope scope = MemoryScope::gpu;
  bool isFloat = false;
  bool isBfloat = false;
  uint8_t packed = 1;    ///< numbers in an element: f16x2
  uint8_t operation = 0; ///< of an atomic
  bool noReturn = false; ///< red
};

enum class Atomic : uint8_t { add, exch, cas, min, max, inc, dec, band, bor, bxor };

/// The address of each lane in the access's space, offset included.
void laneAddresses(WarpState &w, const Instr &i, int source, int64_t offset, bool symbol, uint64_t *out);

/// Whether all of it lies before the end; an address near the top of all memory does not wrap around.
inline bool endsIn(uint64_t address, uint32_t bytes, uint64_t end) {
  return address < end && bytes <= end - address;
}

/// The host address of `bytes` at `address` of `lane`, or null after a finding.
uint8_t *locate(WarpState &w, const Instr &i, Space space, uint64_t address, uint32_t bytes, int lane,
                bool write);

enum class Touch : uint8_t { read, write, atomic, asyncWrite };

/// What the lanes of w.mask are about to touch.
struct Accessed {
  Space space = Space::generic;
  const uint64_t *address = nullptr; ///< of each lane, in the space
  uint32_t bytes = 4;                ///< of a lane
  Touch touch = Touch::read;
  bool strong = false; ///< atomic, volatile, relaxed …: two of them are no race
  MemoryOrder order = MemoryOrder::weak;
  MemoryScope scope = MemoryScope::gpu;
  const uint8_t *values = nullptr; ///< `bytes` of each lane that are to be written, where known
  uint32_t aligned = 1;            ///< accesses that are not are reported elsewhere
  bool cas = false;
  bool continued = false; ///< part of a request that has been counted
};

/// Checks and counters of a memory instruction; before it is done.
void observe(WarpState &w, const Instr &i, const Accessed &a);
/// After a strong read has been done.
void observeAcquire(WarpState &w, const Instr &i, const Accessed &a);

// Parts of observe, for one space each; addresses are valid.
void checkShared(WarpState &w, const Instr &i, const Accessed &a);
void checkGlobal(WarpState &w, const Instr &i, const Accessed &a);
void checkWritten(WarpState &w, const Instr &i, const Accessed &a); ///< of fresh global memory
void checkLocal(WarpState &w, const Instr &i, const Accessed &a);
void countAccess(WarpState &w, const Instr &i, const Accessed &a);

bool isOneOf(std::string_view s, std::initializer_list<std::string_view> list);
[[noreturn]] void badModifier(const Spelling &s, const Instr &i, std::string_view modifier);
[[noreturn]] void badType(const Spelling &s, const Instr &i);
std::string spelled(const Spelling &s);

bool chooseAtomic(const Spelling &s, Instr &i, Keeper &keeper);
bool chooseAsyncCopy(const Spelling &s, Instr &i, Keeper &keeper);
bool chooseMbarrier(const Spelling &s, Instr &i, Keeper &keeper);
bool chooseMatrixMemory(const Spelling &s, Instr &i, Keeper &keeper);

/// Sets bytes and what kind of number a type such as "f16x2" is; false if `type` is no type.
bool parseType(std::string_view type, Access &access);
/// Sets the scope; false if `m` names none.
bool parseScope(std::string_view m, MemoryScope &scope);
/// Sets the space; false if `m` names none.
bool parseSpace(std::string_view m, Space &space);

} // namespace tegula::ptx
