//===- AllocateShared.cpp - where in shared memory each buffer lies ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A buffer lives from its allocation to its last use; where that is in a loop that the allocation is not in, to the end of
// the loop. Buffers that live at one time lie apart, the others may share room: barriers are set for memory, not for
// buffers.
//
//     A  |-----------|                 offset 0, 512 bytes
//     B      |---|                     offset 512, 256 bytes
//     C               |-------|        offset 0: A is dead
//
// Test: tests/passes/allocate-shared.mlir
//
//===----------------------------------------------------------------------===//

#include "passes/GpuPasses.h"

using namespace mlir;

namespace tegula::passes {
namespace {

struct Buffer {
  tile::AllocOp op;
  unsigned begin, end;
  int64_t bytes, offset = 0;
};

/// The end of the outermost operation around `use` that lies in the block of `alloc`.
unsigned lastPlace(Operation *alloc, Operation *use,
                   const llvm::DenseMap<Operation *, std::pair<unsigned, unsigned>> &places) {
  while (use->getBlock() != alloc->getBlock())
    use = use->getParentOp();
  return places.lookup(use).second;
}

/// Slots of a ring are uses of the ring.
void addUses(Value buffer, SmallVectorImpl<Operation *> &uses) {
  for (Operation *user : buffer.getUsers()) {
    uses.push_back(user);
    if (auto slot = dyn_cast<tile::SlotOp>(user))
      addUses(slot.getResult(), uses);
  }
}

} // namespace

int64_t allocateShared(func::FuncOp kernel) {
  llvm::DenseMap<Operation *, std::pair<unsigned, unsigned>> places;
  unsigned now = 0;
  std::function<void(Operation *)> number = [&](Operation *op) {
    unsigned begin = now++;
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Operation &inner : block)
          number(&inner);
    places[op] = {begin, now++};
  };
  number(kernel);
  SmallVector<Buffer> buffers;
  kernel.walk([&](tile::AllocOp op) {
    SmallVector<Operation *> uses;
    addUses(op.getResult(), uses);
    unsigned begin = places.lookup(op).first, end = begin;
    for (Operation *use : uses)
      end = std::max(end, lastPlace(op, use, places));
    auto type = op.getType();
    buffers.push_back({op, begin, end, type.getSlots() * type.slotBytes()});
  });
  // Large ones first, each as low as it fits.
  SmallVector<Buffer *> order;
  for (Buffer &buffer : buffers)
    order.push_back(&buffer);
  llvm::stable_sort(order, [](Buffer *a, Buffer *c) { return a->bytes > c->bytes; });
  int64_t total = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    Buffer &mine = *order[i];
    SmallVector<std::pair<int64_t, int64_t>> taken;
    for (size_t k = 0; k < i; ++k)
      if (order[k]->begin <= mine.end && mine.begin <= order[k]->end)
        taken.push_back({order[k]->offset, order[k]->offset + order[k]->bytes});
    llvm::sort(taken);
    for (auto [from, to] : taken)
      if (from < mine.offset + mine.bytes)
        mine.offset = std::max(mine.offset, to);
    mine.op.setOffsetAttr(Builder(kernel.getContext()).getI64IntegerAttr(mine.offset));
    total = std::max(total, mine.offset + mine.bytes);
  }
  return total;
}

} // namespace tegula::passes
