//===- MemoryOrder.h - the order of memory operations, asked by every pass that moves one ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Tokens thread one chain an alias class through the program (pass `memory-order`):
//
//     %t0 = tile.entry_token                 each pointer argument of a `tile.disjoint` kernel is a class of its own;
//     %x, %t1 = tile.load %p after(%t0)      otherwise all pointers share one. A load comes after the last store of its
//     %t2 = tile.store %q, %x after(%t1)     class, a store after every operation of its class since and with that store.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/ops/Tile.h"

namespace tegula::passes {

/// Whether the pointer was made from arguments by `addptr` and shape operations only, and from which.
struct AliasClass {
  int id =
      0; ///< index of the class; 0 for unknown pointers and for every pointer of a kernel that is not disjoint
  bool known = false;
};

/// The first operation in `load`'s own block, after it, that must not begin before the load is done: a write that may
/// alias, a barrier, an ordered atomic, or a region operation that holds one of these. Null: none up to the block's end.
/// Reads the tokens, so it is valid after `memory-order` until the IR is changed.
mlir::Operation *firstDependent(tile::LoadOp load);

/// Whether the kernel never writes the class that the load reads (then reading an element twice is invisible).
bool readsOnlyMemory(tile::LoadOp load);

} // namespace tegula::passes
