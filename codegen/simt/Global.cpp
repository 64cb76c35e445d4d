//===- Global.cpp - loads and stores of global memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A thread's registers are read and written in vectors, as `plan-access` found them provable. A mask that is not the same
// for all of a vector keeps the vector where it is true throughout; the lanes at its border go through a cold block:
//
//     @all  ld.v4 {x0, x1, x2, x3}
//     @some and not all:  cold:  @m0 ld x0   @m1 ld x1   ...
//

#include "codegen/simt/Emitter.h"

#include "llvm/IR/MDBuilder.h"

using namespace mlir;

namespace tegula::simt {

/// True in the one thread that stands for all that hold the same elements; null: every thread holds its own.
llvm::Value *Emitter::owner(const layout::Layout &layout) {
  layout::InputBits free = layout.freeBits();
  uint32_t copies = free[layout::Input::Lane] | free[layout::Input::Warp]
                                                    << layout.inBits(layout::Input::Lane);
  if (!copies)
    return nullptr;
  return b.CreateICmpEQ(b.CreateAnd(thread, b.getInt32(copies)), b.getInt32(0));
}

llvm::Value *Emitter::both(llvm::Value *a, llvm::Value *c) {
  auto isTrue = [](llvm::Value *v) {
    auto *constant = llvm::dyn_cast_or_null<llvm::ConstantInt>(v);
    return !v || (constant && constant->isOne());
  };
  if (isTrue(a))
    return isTrue(c) ? nullptr : c;
  return isTrue(c) ? a : b.CreateAnd(a, c);
}

VectorMask Emitter::vectorMask(Value mask, unsigned first, unsigned width, tile::MaskKind kind) {
  VectorMask result;
  if (!mask)
    return result;
  if (kind == tile::MaskKind::Uniform || width == 1) {
    result.all = result.some = both(element(mask, first), nullptr);
    return result;
  }
  result.uniform = true;
  for (unsigned i = 0; i < width; ++i) {
    result.each.push_back(element(mask, first + i));
    result.uniform &= result.each[i] == result.each[0];
  }
  if (result.uniform) {
    result.all = result.some = both(result.each[0], nullptr);
    return result;
  }
  if (kind ==
      tile::MaskKind::Prefix) { // true up to a border: the last element speaks for all, the first for some
    result.all = result.each.back();
    result.some = result.each.front();
    return result;
  }
  result.all = result.some = result.each[0];
  for (llvm::Value *each : llvm::drop_begin(result.each)) {
    result.all = b.CreateAnd(result.all, each);
    result.some = b.CreateOr(result.some, each);
  }
  return result;
}

/// Runs `cold` where the condition holds, which is rare. `values` are what it changes.
void Emitter::coldPath(llvm::Value *condition, MutableArrayRef<llvm::Value *> values,
                       llvm::function_ref<void()> cold) {
  llvm::BasicBlock *before = b.GetInsertBlock();
  auto *rare = llvm::BasicBlock::Create(context, "cold", function);
  auto *next = llvm::BasicBlock::Create(context, "next", function);
  b.CreateCondBr(condition, rare, next, llvm::MDBuilder(context).createBranchWeights(1, 1000));
  SmallVector<llvm::Value *> kept(values.begin(), values.end());
  b.SetInsertPoint(rare);
  cold();
  llvm::BasicBlock *end = b.GetInsertBlock();
  b.CreateBr(next);
  b.SetInsertPoint(next);
  for (auto [value, old] : llvm::zip(values, kept)) {
    llvm::PHINode *phi = b.CreatePHI(old->getType(), 2);
    phi->addIncoming(old, before);
    phi->addIncoming(value, end);
    value = phi;
  }
}

void Emitter::emitLoad(tile::LoadOp op) {
  if (!tile::isTile(op.getPtr().getType()))
    return emitScalarLoad(op);
  Type element = tile::elementType(op.getResult().getType());
  unsigned bits = tile::memoryBits(element), count = registersOf(op.getResult()), width = tile::vectorOf(op);
  unsigned perVector = std::max(1u, width * bits / 32), bytes = width * bits / 8;
  Access access;
  access.isVolatile = op.getIsVolatile();
  access.cache = op.getCache().value_or("");
  access.evict = op.getEvict().value_or("");
  TileValue registers;
  registers.pack = bits < 32 && !element.isInteger(1) && (width * bits) % 32 == 0 ? 32 / bits : 1;
  SmallVector<llvm::Value *> all; // words of the tile
  SmallVector<VectorMask> masks;
  llvm::Value *anyPartial = nullptr;
  auto at = [&](unsigned reg) {
    Part pointer = part(op.getPtr(), reg);
    access.pointer = pointer.base;
    access.offset = pointer.offset;
  };
  for (unsigned first = 0; first < count; first += width) {
    VectorMask mask = vectorMask(op.getMask(), first, width, tile::maskKindOf(op));
    at(first);
    access.bytes = bytes;
    access.predicate = mask.all;
    Words others(perVector, nullptr);
    if (op.getOther() && mask.all)
      others = words(op.getOther(), first, width);
    Words got(perVector, nullptr);
    target.loadGlobal(b, access, others, got);
    llvm::append_range(all, got);
    if (!mask.uniform) {
      llvm::Value *partial = b.CreateAnd(mask.some, b.CreateNot(mask.all));
      anyPartial = anyPartial ? b.CreateOr(anyPartial, partial) : partial;
    }
    masks.push_back(std::move(mask));
  }
  if (anyPartial)
    coldPath(anyPartial, all, [&] {
      for (auto [v, mask] : llvm::enumerate(masks)) {
        if (mask.uniform)
          continue;
        loadOneByOne(op, access, unsigned(v) * width, width, mask,
                     MutableArrayRef<llvm::Value *>(all).slice(v * perVector, perVector));
      }
    });
  for (unsigned v = 0; v * width < count; ++v)
    appendWords(registers, ArrayRef<llvm::Value *>(all).slice(v * perVector, perVector), width, element);
  set(op.getResult(), std::move(registers));
}

/// The elements of a vector of which only some are to be read; the others keep what `words` has.
void Emitter::loadOneByOne(tile::LoadOp op, Access access, unsigned first, unsigned width,
                           const VectorMask &mask, MutableArrayRef<llvm::Value *> words) {
  Type type = tile::elementType(op.getResult().getType());
  unsigned bits = tile::memoryBits(type);
  llvm::Value *notAll = b.CreateNot(mask.all);
  access.bytes = bits / 8;
  SmallVector<llvm::Value *> elements;
  for (unsigned i = 0; i < width; ++i) {
    Part pointer = part(op.getPtr(), first + i);
    access.pointer = pointer.base;
    access.offset = pointer.offset;
    access.predicate = b.CreateAnd(mask.each[i], notAll);
    if (bits >= 32) {
      auto mine = words.slice(i * bits / 32, bits / 32);
      Words kept(mine.begin(), mine.end());
      target.loadGlobal(b, access, kept, mine);
      continue;
    }
    llvm::Value *kept = extract(words[i * bits / 32], i % (32 / bits), bits), *got = nullptr;
    target.loadGlobal(b, access, kept, got);
    elements.push_back(got);
  }
  if (bits < 32)
    for (auto [word, joined] : llvm::zip(words, toWords(elements, bits)))
      word = joined;
}

void Emitter::emitScalarLoad(tile::LoadOp op) {
  Type element = op.getResult().getType();
  unsigned bits = tile::memoryBits(element);
  Access access;
  access.pointer = scalar(op.getPtr());
  access.bytes = bits / 8;
  access.isVolatile = op.getIsVolatile();
  access.cache = op.getCache().value_or("");
  access.evict = op.getEvict().value_or("");
  access.predicate = op.getMask() ? both(scalar(op.getMask()), nullptr) : nullptr;
  unsigned count = std::max(1u, bits / 32);
  Words others(count, nullptr), got(count, nullptr);
  if (op.getOther() && access.predicate)
    others = toWords({asInteger(scalar(op.getOther()))}, bits);
  target.loadGlobal(b, access, others, got);
  TileValue registers;
  appendWords(registers, got, 1, element);
  scalars[op.getResult()] = registers.parts[0].base;
}

void Emitter::emitStore(tile::StoreOp op) {
  Access access;
  access.cache = op.getCache().value_or("");
  access.evict = op.getEvict().value_or("");
  Type element = tile::elementType(op.getValue().getType());
  unsigned bits = tile::memoryBits(element);
  if (!tile::isTile(op.getPtr().getType())) {
    access.pointer = scalar(op.getPtr());
    access.bytes = bits / 8;
    access.predicate =
        both(op.getMask() ? scalar(op.getMask()) : nullptr, b.CreateICmpEQ(thread, b.getInt32(0)));
    target.storeGlobal(b, access, toWords({asInteger(scalar(op.getValue()))}, bits));
    return;
  }
  const layout::Layout &layout = layoutOf(op.getPtr());
  llvm::Value *mine = owner(layout);
  unsigned width = tile::vectorOf(op), count = layout.registers();
  uint32_t copies = layout.freeBits()[layout::Input::Register];
  llvm::Value *anyPartial = nullptr;
  SmallVector<std::pair<unsigned, VectorMask>> partials;
  auto at = [&](unsigned reg) {
    Part pointer = part(op.getPtr(), reg);
    access.pointer = pointer.base;
    access.offset = pointer.offset;
  };
  for (unsigned first = 0; first < count; first += width) {
    if (first & copies)
      continue;
    VectorMask mask = vectorMask(op.getMask(), first, width, tile::maskKindOf(op));
    at(first);
    access.bytes = width * bits / 8;
    access.predicate = both(mask.all, mine);
    target.storeGlobal(b, access, words(op.getValue(), first, width));
    if (mask.uniform)
      continue;
    llvm::Value *partial = both(b.CreateAnd(mask.some, b.CreateNot(mask.all)), mine);
    anyPartial = anyPartial ? b.CreateOr(anyPartial, partial) : partial;
    partials.push_back({first, std::move(mask)});
  }
  if (!anyPartial)
    return;
  coldPath(anyPartial, {}, [&] {
    access.bytes = bits / 8;
    for (auto &[first, mask] : partials)
      for (unsigned i = 0; i < width; ++i) {
        at(first + i);
        access.predicate = both(b.CreateAnd(mask.each[i], b.CreateNot(mask.all)), mine);
        target.storeGlobal(b, access, words(op.getValue(), first + i, 1));
      }
  });
}

} // namespace tegula::simt
