//===- SimtTarget.h - what a GPU writes in its own way ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emitter writes LLVM IR for one thread; whatever the vendor's instruction set spells in its own way is asked here.
// All values are those of one thread. Words are i32 (or narrower in an access of 1 or 2 bytes).
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/ops/Tile.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <array>
#include <cstdint>
#include <optional>

namespace llvm {
class Function;
class IRBuilderBase;
class Module;
class Type;
class Value;
} // namespace llvm

namespace mlir {
class Operation;
class Type;
} // namespace mlir

namespace tegula::cpu {
struct Target;
}

namespace tegula::simt {

/// The warps that run a piece of code together. One group of all warps is the default; a specialised kernel has several.
struct Group {
  int warps = 4;
  int firstWarp = 0;
  int barrier = 0;
};

/// One access of global memory by a thread: `bytes` (1, 2, 4, 8 or 16) at `pointer` + `offset`.
struct Access {
  llvm::Value *pointer = nullptr; ///< of address space 1
  int64_t offset = 0;
  unsigned bytes = 4;
  llvm::Value *predicate = nullptr; ///< null: always
  bool isVolatile = false;
  llvm::StringRef cache, evict; ///< "", ".ca", ".cg" …; "", "evict_first", "evict_last"
};

/// One atomic operation of a thread on the element at `pointer` + `offset`. Values are integers as wide as the element is in
/// memory.
struct AtomicAccess {
  llvm::Value *pointer = nullptr; ///< of address space 1
  int64_t offset = 0;
  mlir::Type element;
  llvm::Value *predicate = nullptr; ///< null: always
  tile::MemSem sem = tile::MemSem::Relaxed;
  tile::MemScope scope = tile::MemScope::Gpu;
  bool isUsed = true; ///< whether anything reads the old value
};

/// One matrix instruction: for each word of its operands the registers of the tiles that it is made of, and the register of
/// each word of the sum (its first element's).
struct MatrixStep {
  llvm::SmallVector<llvm::SmallVector<unsigned>> a, b;
  llvm::SmallVector<unsigned> c;
};

class SimtTarget {
public:
  virtual ~SimtTarget() = default;

  unsigned warpSize = 32;
  unsigned sharedSpace = 3, globalSpace = 1;

  /// As a user knows it: "cuda".
  virtual llvm::StringRef name() const = 0;
  virtual void prepareModule(llvm::Module &module) const = 0;
  virtual void markKernel(llvm::Function &kernel, const Group &all) const = 0;

  // Where a thread is.
  virtual llvm::Value *threadIndex(llvm::IRBuilderBase &b, const Group &all) const = 0; ///< in its block, i32
  virtual llvm::Value *programId(llvm::IRBuilderBase &b, int axis) const = 0;
  virtual llvm::Value *numPrograms(llvm::IRBuilderBase &b, int axis) const = 0;

  // Between threads.
  virtual void barrier(llvm::IRBuilderBase &b, const Group &group) const = 0;
  virtual llvm::Value *shuffleXor(llvm::IRBuilderBase &b, llvm::Value *word, unsigned mask) const = 0;
  virtual llvm::Value *shuffleUp(llvm::IRBuilderBase &b, llvm::Value *word, unsigned delta) const = 0;
  virtual llvm::Value *shuffleFrom(llvm::IRBuilderBase &b, llvm::Value *word, llvm::Value *lane) const = 0;

  // Global memory. `others`: what masked-out words are, null where that is undefined.
  virtual void loadGlobal(llvm::IRBuilderBase &b, const Access &access, llvm::ArrayRef<llvm::Value *> others,
                          llvm::MutableArrayRef<llvm::Value *> words) const = 0;
  virtual void storeGlobal(llvm::IRBuilderBase &b, const Access &access,
                           llvm::ArrayRef<llvm::Value *> words) const = 0;

  /// The old value: 0 where the predicate is false, null or anything where it is not used.
  virtual llvm::Value *atomicRmw(llvm::IRBuilderBase &b, const AtomicAccess &access, tile::RmwKind kind,
                                 llvm::Value *value) const = 0;
  virtual llvm::Value *atomicCas(llvm::IRBuilderBase &b, const AtomicAccess &access, llvm::Value *compare,
                                 llvm::Value *value) const = 0;

  // Shared memory. Addresses are i32; `place` is an address and a constant.
  virtual llvm::Value *sharedMemory(llvm::IRBuilderBase &b,
                                    llvm::Module &module) const = 0; ///< where it begins
  virtual void loadShared(llvm::IRBuilderBase &b, std::pair<llvm::Value *, int64_t> place, unsigned bytes,
                          llvm::Value *predicate, llvm::MutableArrayRef<llvm::Value *> words) const = 0;
  virtual void storeShared(llvm::IRBuilderBase &b, std::pair<llvm::Value *, int64_t> place, unsigned bytes,
                           llvm::Value *predicate, llvm::ArrayRef<llvm::Value *> words) const = 0;

  // Copies from global to shared memory that go on while the thread does.
  /// Of `access.bytes` (4, 8, 16) to `place`; `read`: how many of them are read, the rest zeros (null: all).
  virtual void beginCopy(llvm::IRBuilderBase &b, std::pair<llvm::Value *, int64_t> place,
                         const Access &access, llvm::Value *read) const = 0;
  /// The copies begun since the last commit become a group.
  virtual void commitCopies(llvm::IRBuilderBase &b) const = 0;
  virtual void waitForCopies(llvm::IRBuilderBase &b, unsigned pending) const = 0;

  /// Adds one to an i32, as one step.
  virtual void countShared(llvm::IRBuilderBase &b, std::pair<llvm::Value *, int64_t> place,
                           llvm::Value *predicate) const = 0;

  // The host channel.
  /// `format` as printf takes it; values are i32, i64 or double.
  virtual void print(llvm::IRBuilderBase &b, llvm::StringRef format,
                     llvm::ArrayRef<llvm::Value *> values) const = 0;
  /// Ends the launch.
  virtual void assertFailed(llvm::IRBuilderBase &b, llvm::StringRef message, llvm::StringRef file,
                            int line) const = 0;

  // Matrix units.
  /// 8 x 8 matrices of 16-byte rows; each lane gives the address of a row.
  virtual void loadMatrices(llvm::IRBuilderBase &b, std::pair<llvm::Value *, int64_t> place, bool transposed,
                            llvm::MutableArrayRef<llvm::Value *> words) const = 0;
  virtual std::vector<MatrixStep> matrixSteps(tile::MmaOp op) const = 0;
  /// An operand's word as the instruction wants it.
  virtual llvm::Value *matrixOperand(llvm::IRBuilderBase &b, tile::MmaOp op,
                                     llvm::ArrayRef<llvm::Value *> words) const = 0;
  virtual void emitMatrixStep(llvm::IRBuilderBase &b, tile::MmaOp op, llvm::ArrayRef<llvm::Value *> left,
                              llvm::ArrayRef<llvm::Value *> right,
                              llvm::MutableArrayRef<llvm::Value *> sums) const = 0;

  /// Byte i of the result is byte selector[i] of {first, second}, numbered 0 to 7.
  virtual llvm::Value *bytePermute(llvm::IRBuilderBase &b, llvm::Value *first, llvm::Value *second,
                                   std::array<uint8_t, 4> selector) const = 0;

  /// A vendor's own way for an element-wise operation on scalars; null: the common one.
  virtual llvm::Value *emitElement(llvm::IRBuilderBase &b, mlir::Operation *op,
                                   llvm::ArrayRef<llvm::Value *> operands) const = 0;
  /// Two values of type `from` rounded to nearest even to the narrower `to`, as an i32 of 16-bit or an i16 of 8-bit floats
  /// with the first in the low half; null: no such way.
  virtual llvm::Value *narrowPair(llvm::IRBuilderBase &b, llvm::Value *low, llvm::Value *high,
                                  mlir::Type from, mlir::Type to) const = 0;
  /// An i16 of two 8-bit floats as an i32 of two f16; null: no such way.
  virtual llvm::Value *widenPair(llvm::IRBuilderBase &b, llvm::Value *pair, mlir::Type from) const = 0;
  /// What the common element-wise code is written for.
  virtual const cpu::Target &elementTarget() const = 0;
};

} // namespace tegula::simt
