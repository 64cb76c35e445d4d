//===- Assembly.h - one instruction of PTX in LLVM IR ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Operands are named in the order in which they are added, results first; kinds of registers follow from LLVM's types.
//
//     Assembly a(b);
//     std::string got = a.results(b.getInt32Ty(), 2);          {$0, $1}
//     std::string from = a.address(pointer, 16);               [$2 + 16]
//     a.setPredicate(isWanted);
//     a.emit("ld.global.v2.b32 " + got + ", " + from);         @$3 ld.global.v2.b32 {$0, $1}, [$2 + 16];
//     a.result(1)
//

#pragma once

#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/IRBuilder.h"

#include <string>

namespace tegula::nvptx {

class Assembly {
public:
  explicit Assembly(llvm::IRBuilderBase &b) : b(b) {}

  /// "$0", or "{$0, $1, ...}" of several; `asVector`: of one too. Before any operand.
  std::string results(llvm::Type *type, unsigned count = 1, bool asVector = false);
  /// "$n".
  std::string operand(llvm::Value *value);
  /// "$n", or "{$n, ...}".
  std::string operands(llvm::ArrayRef<llvm::Value *> values, bool asVector = false);
  /// "[$n + offset]". An offset beyond 32 bits goes to the address, which then must be a pointer (PTX ISA, "Addresses as
  /// operands").
  std::string address(llvm::Value *address, int64_t offset);
  /// What result `number` is where the predicate is false.
  void setOther(unsigned number, llvm::Value *value);
  /// Null: always.
  void setPredicate(llvm::Value *predicate);

  /// `text` without predicate and semicolon.
  llvm::CallInst *emit(const std::string &text, bool hasSideEffects = true);
  llvm::Value *result(unsigned number = 0);

private:
  void add(llvm::Value *value, const std::string &constraint);

  llvm::IRBuilderBase &b;
  std::string constraints, guard;
  llvm::SmallVector<llvm::Value *, 8> in;
  llvm::Type *resultType = nullptr;
  unsigned resultCount = 0;
  llvm::CallInst *call = nullptr;
};

} // namespace tegula::nvptx
