//===- Atomics.cpp - atomic operations, each by the one thread that owns the element ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Only the owner has the old value; where other threads want it as well, plan-lowering sends it through shared memory.
//
//===----------------------------------------------------------------------===//

#include "codegen/simt/Emitter.h"

using namespace mlir;

namespace tegula::simt {

/// An element as memory has it; of a scalar `reg` says nothing.
llvm::Value *Emitter::memoryInteger(Value value, unsigned reg) {
  return asInteger(tile::isTile(value.getType()) ? element(value, reg) : scalar(value));
}

void Emitter::emitAtomic(Operation *op, Value pointers, Value mask, AtomicAccess access,
                         llvm::function_ref<llvm::Value *(const AtomicAccess &, unsigned)> element) {
  Value result = op->getResult(0);
  access.element = tile::elementType(result.getType());
  access.isUsed = !result.use_empty();
  llvm::Type *type = registerType(access.element);
  if (!tile::isTile(pointers.getType())) {
    access.pointer = scalar(pointers);
    access.predicate = both(mask ? scalar(mask) : nullptr, b.CreateICmpEQ(thread, b.getInt32(0)));
    llvm::Value *old = element(access, 0);
    if (access.isUsed)
      scalars[result] = fromInteger(old, type);
    return;
  }
  const layout::Layout &layout = layoutOf(pointers);
  llvm::Value *mine = owner(layout);
  uint32_t copies = layout.freeBits()[layout::Input::Register];
  unsigned bits = layout.inBits(layout::Input::Register);
  llvm::DenseMap<std::pair<uint32_t, uint32_t>, llvm::Value *> old; // by major and minor index in thread 0
  for (unsigned reg = 0; reg < layout.registers(); ++reg) {
    if (reg & copies)
      continue;
    Part pointer = part(pointers, reg);
    access.pointer = pointer.base;
    access.offset = pointer.offset;
    access.predicate = both(mask ? this->element(mask, reg) : nullptr, mine);
    if (isa<tile::AtomicCasOp>(op)) // it has no mask to leave pads out
      access.predicate = both(access.predicate, insideTile(pointers, reg));
    llvm::Value *got = element(access, reg);
    if (access.isUsed)
      old[{reg >> bits, layout.flat(reg, 0, 0)}] = fromInteger(got, type);
  }
  if (!access.isUsed)
    return;
  TileValue registers;
  for (unsigned reg = 0; reg < layout.registers(); ++reg)
    registers.parts.push_back({old.lookup({reg >> bits, layout.flat(reg, 0, 0)}), 0});
  set(result, std::move(registers));
}

void Emitter::emitAtomicRmw(tile::AtomicRmwOp op) {
  AtomicAccess access;
  access.sem = op.getSem();
  access.scope = op.getScope();
  emitAtomic(op, op.getPtr(), op.getMask(), access, [&](const AtomicAccess &each, unsigned reg) {
    return target.atomicRmw(b, each, op.getKind(), memoryInteger(op.getValue(), reg));
  });
}

void Emitter::emitAtomicCas(tile::AtomicCasOp op) {
  AtomicAccess access;
  access.sem = op.getSem();
  access.scope = op.getScope();
  emitAtomic(op, op.getPtr(), {}, access, [&](const AtomicAccess &each, unsigned reg) {
    return target.atomicCas(b, each, memoryInteger(op.getCompare(), reg), memoryInteger(op.getValue(), reg));
  });
}

} // namespace tegula::simt
