//===- InsertBarriers.cpp - threads wait where they read what others wrote ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The kernel is walked in order with the accesses since the last barrier. An access that conflicts with one of them (same
// bytes, at least one a write) gets a barrier before it, after which nothing is open:
//
//     shared_store %x, %a          open: write a
//     sync                         <- shared_load reads a
//     shared_load %a               open: read a
//     sync                         <- shared_store writes a
//     shared_store %y, %a
//
// A loop is walked until what is open at its end is known at its beginning; arms of a branch are joined. For accesses of
// global memory GlobalOrder.h says which of them wait for which.
//
// Two slots of a ring whose distances differ modulo the number of slots are different memory, within one iteration. What
// an iteration leaves open is seen by the next one with its distance one less.
//
// Test: tests/passes/insert-barriers.mlir
//
//===----------------------------------------------------------------------===//

#include "passes/GlobalOrder.h"
#include "passes/GpuPasses.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace tegula::passes {
namespace {

struct Access {
  Operation *ring = nullptr;  ///< the allocation; null: global memory
  int64_t begin = 0, end = 0; ///< bytes of the whole ring
  int64_t slots = 1;
  std::optional<int64_t> distance = {}; ///< of the slot; none: any of them
  bool isWrite = false;
  std::optional<GlobalAccess> global = {};

  friend bool operator==(const Access &, const Access &) = default;

  /// `other` stands earlier.
  bool conflicts(const Access &other) const {
    if (global || other.global)
      return global && other.global && global->mustWaitFor(*other.global);
    if (!isWrite && !other.isWrite)
      return false;
    if (end <= other.begin || other.end <= begin)
      return false;
    if (ring == other.ring && distance && other.distance && slots > 1)
      return (*distance - *other.distance) % slots == 0;
    return true;
  }
};

using Open = SmallVector<Access, 8>;

Access accessOf(Value buffer, bool isWrite) {
  std::optional<int64_t> distance;
  while (auto slot = buffer.getDefiningOp<tile::SlotOp>()) {
    if (auto given = slot.getDistance())
      distance = *given;
    buffer = slot.getRing();
  }
  auto alloc = buffer.getDefiningOp<tile::AllocOp>();
  auto type = alloc.getType();
  int64_t begin = int64_t(alloc.getOffset().value_or(0));
  return {alloc, begin, begin + type.getSlots() * type.slotBytes(), type.getSlots(), distance, isWrite};
}

class Inserter {
public:
  explicit Inserter(func::FuncOp kernel) : kernel(kernel), globalOrder(kernel) {}

  void run() {
    Open open;
    walk(kernel.getBody().front(), open);
    for (Operation *op : before) {
      OpBuilder builder(op);
      tile::SyncOp::create(builder, op->getLoc());
    }
  }

private:
  static void join(Open &open, ArrayRef<Access> other) {
    for (const Access &access : other)
      if (!llvm::is_contained(open, access))
        open.push_back(access);
  }

  SmallVector<Access, 2> accessesOf(Operation *op) const {
    SmallVector<Access, 2> list;
    if (std::optional<GlobalAccess> global = globalOrder.accessOf(op)) {
      list.emplace_back();
      list.back().global = global;
    }
    if (auto store = dyn_cast<tile::SharedStoreOp>(op))
      list.push_back(accessOf(store.getTo(), true));
    else if (auto load = dyn_cast<tile::SharedLoadOp>(op))
      list.push_back(accessOf(load.getFrom(), false));
    else if (auto gather = dyn_cast<tile::SharedGatherOp>(op))
      list.push_back(accessOf(gather.getFrom(), false));
    else if (auto count = dyn_cast<tile::SharedCountOp>(op))
      list.push_back(accessOf(count.getTo(), true));
    else if (auto copy = dyn_cast<tile::AsyncCopyOp>(op))
      list.push_back(accessOf(copy.getTo(), true));
    else if (auto wait = dyn_cast<tile::AsyncWaitOp>(op)) {
      for (Value landed : wait.getLanded())
        list.push_back(accessOf(landed, true));
    } else if (auto product = dyn_cast<tile::MmaOp>(op)) {
      for (Value operand : {product.getA(), product.getB()})
        if (isa<tile::SharedType>(operand.getType()))
          list.push_back(accessOf(operand, false));
    }
    return list;
  }

  void walk(Block &block, Open &open) {
    for (Operation &op : block) {
      if (isa<tile::SyncOp, tile::BarrierOp>(op)) {
        open.clear();
        continue;
      }
      if (op.getNumRegions() && isa<scf::ForOp, scf::IfOp, scf::WhileOp>(op)) {
        walkRegions(&op, open);
        continue;
      }
      SmallVector<Access, 2> mine = accessesOf(&op);
      if (mine.empty())
        continue;
      bool isWait = isa<tile::AsyncWaitOp>(op);
      // What has landed is open as a write; waiting for it is in no conflict itself.
      if (before.contains(&op)) {
        open.clear();
      } else if (!isWait && llvm::any_of(mine, [&](const Access &access) {
                   return llvm::any_of(open, [&](const Access &other) { return access.conflicts(other); });
                 })) {
        before.insert(&op);
        open.clear();
      }
      join(open, mine);
    }
  }

  void walkRegions(Operation *op, Open &open) {
    if (auto branch = dyn_cast<scf::IfOp>(op)) {
      Open otherwise = open;
      walk(*branch.thenBlock(), open);
      if (branch.elseBlock())
        walk(*branch.elseBlock(), otherwise);
      join(open, otherwise);
      return;
    }
    // Until nothing new comes around.
    for (;;) {
      size_t known = open.size();
      Open inside = open;
      for (Region &region : op->getRegions())
        walk(region.front(), inside);
      for (Access &access : inside) {
        if (access.distance) // matters modulo the slots only
          access.distance = ((*access.distance - 1) % access.slots + access.slots) % access.slots;
        // A pointer that is made in the loop is another one in the next iteration.
        if (access.global)
          access.global->goAround(op);
      }
      join(open, inside);
      if (open.size() == known)
        return;
    }
  }

  func::FuncOp kernel;
  GlobalOrder globalOrder;
  llvm::SetVector<Operation *> before;
};

} // namespace

void insertBarriers(func::FuncOp kernel) { Inserter(kernel).run(); }

} // namespace tegula::passes
