//===- GlobalOrder.h - which accesses of global memory the threads of a block must wait for ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The operations of a block happen one after the other, but each thread goes on when its own part is done. What another
// thread has read or written before is waited for only where that can be told from the values:
//
//     load %p       store %p, ...     no wait: each element is read and written by one thread
//     load %p       store %q, ...     a wait if %q may point to what %p does (AliasClasses)
//     load %s       store %s, ...     a wait if %s is a scalar: every thread reads, one writes
//     store %p      atomic add %f     a wait if the atomic releases; what stands after one that acquires waits for it
//
// In a loop %p is another value the next time round, if it is made inside. Where it goes on by more than the tile covers,
// an iteration touches nothing that an earlier one touched through the same pointers.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "passes/AliasClasses.h"

namespace tegula::passes {

struct GlobalAccess {
  /// Threads that make it: all that hold an element, one for each element, or one for all.
  enum class By : uint8_t { Holders, Owners, First };

  mlir::Value pointer; ///< null: known no more
  int aliasClass = 0;
  bool isClassKnown = false, isWrite = false, acquires = false, releases = false;
  bool isDistinct = false; ///< no two elements have one address
  By by = By::Holders;
  /// Of an earlier iteration of `apartIn`: what these pointers do not point to now.
  mlir::Value apartFrom;
  mlir::Operation *apartIn = nullptr;
  /// Of an atomic whose old values nobody reads, and of which only the set of operations matters.
  std::optional<tile::RmwKind> unordered;

  friend bool operator==(const GlobalAccess &, const GlobalAccess &) = default;
  /// Whether this access, which stands later, must wait for `earlier` in other threads.
  bool mustWaitFor(const GlobalAccess &earlier) const;
  /// What the access is for the next iteration of a loop.
  void goAround(mlir::Operation *loop);
};

class GlobalOrder {
public:
  explicit GlobalOrder(mlir::func::FuncOp kernel) : classes(kernel) {}
  /// None: the operation does not access global memory.
  std::optional<GlobalAccess> accessOf(mlir::Operation *op) const;

private:
  AliasClasses classes;
};

} // namespace tegula::passes
