//===- Shared.cpp - tiles in shared memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/simt/Emitter.h"
#include "ir/layout/MatrixAccess.h"

using namespace mlir;

namespace tegula::simt {

/// Byte offset of a buffer from the start of the block's shared memory: a slot of a ring is not known before it runs.
void Emitter::emitAlloc(tile::AllocOp op) {
  buffers[op.getResult()] = Part{nullptr, int64_t(op.getOffset().value_or(0))};
}

void Emitter::emitSlot(tile::SlotOp op) {
  Part ring = buffers.lookup(op.getRing());
  int64_t bytes = cast<tile::SharedType>(op.getRing().getType()).slotBytes();
  llvm::Value *index = scalar(op.getIndex());
  if (auto *constant = llvm::dyn_cast<llvm::ConstantInt>(index)) {
    buffers[op.getResult()] = {ring.base, ring.offset + constant->getSExtValue() * bytes};
    return;
  }
  llvm::Value *offset = arith(llvm::Instruction::Mul, index, b.getInt32(bytes));
  buffers[op.getResult()] = {ring.base ? arith(llvm::Instruction::Add, ring.base, offset) : offset,
                             ring.offset};
}

/// Address of shared memory as an i32, made once.
llvm::Value *Emitter::sharedStart() {
  if (!sharedBase) {
    llvm::IRBuilderBase::InsertPointGuard guard(b);
    b.SetInsertPoint(entryEnd);
    sharedBase = target.sharedMemory(b, module);
    zeros[sharedBase] = 15 | ~llvm::maskTrailingOnes<uint64_t>(32);
  }
  return sharedBase;
}

/// The exclusive or of masked and shifted copies of the thread's number, and constants that flip bits of it.
llvm::Value *Emitter::sharedOffset(llvm::ArrayRef<layout::SharedAccess::Term> terms, uint32_t flips) {
  for (auto &[known, knownFlips, value] : sharedOffsets)
    if (knownFlips == flips && known.size() == terms.size() &&
        llvm::all_of(llvm::zip(known, terms), [](auto pair) {
          auto &[a, c] = pair;
          return a.mask == c.mask && a.shift == c.shift;
        }))
      return value;
  llvm::IRBuilderBase::InsertPointGuard guard(b);
  b.SetInsertPoint(entryEnd);
  llvm::Value *sum = nullptr;
  if (flips) {
    if (llvm::Value *base = sharedOffset(terms, 0))
      sum = arith(llvm::Instruction::Xor, base, b.getInt32(flips));
    else
      sum = b.getInt32(flips);
  } else {
    for (const layout::SharedAccess::Term &term : terms) {
      llvm::Value *bits = arith(llvm::Instruction::And, thread, b.getInt32(term.mask));
      if (term.shift)
        bits = arith(term.shift > 0 ? llvm::Instruction::Shl : llvm::Instruction::LShr, bits,
                     b.getInt32(std::abs(term.shift)));
      bool apart = sum && (knownZero(sum) | knownZero(bits)) == ~uint64_t(0);
      sum = !sum ? bits : arith(apart ? llvm::Instruction::Add : llvm::Instruction::Xor, sum, bits);
    }
  }
  sharedOffsets.push_back({{terms.begin(), terms.end()}, flips, sum});
  return sum;
}

/// Where an access of a thread begins: an address and a constant.
Part Emitter::sharedPlace(const layout::SharedAccess &access, uint32_t number, const Part &buffer) {
  llvm::Value *base = sharedStart();
  if (llvm::Value *offset = sharedOffset(access.terms(), access.flips(number)))
    base = entrySum(base, offset);
  if (buffer.base)
    base = b.CreateAdd(base, buffer.base);
  return {base, buffer.offset + access.immediate(number)};
}

/// A sum of two values of the entry block, there and once.
llvm::Value *Emitter::entrySum(llvm::Value *a, llvm::Value *c) {
  llvm::Value *&sum = entrySums[{a, c}];
  if (!sum) {
    llvm::IRBuilderBase::InsertPointGuard guard(b);
    b.SetInsertPoint(entryEnd);
    sum = arith(llvm::Instruction::Add, a, c);
  }
  return sum;
}

/// A product of a value of the entry block and a constant, there and once.
llvm::Value *Emitter::entryProduct(llvm::Value *value, int64_t factor) {
  llvm::IRBuilderBase::InsertPointGuard guard(b);
  b.SetInsertPoint(entryEnd);
  llvm::Value *&product = entrySums[{value, b.getInt64(factor)}];
  if (!product)
    product = arith(llvm::Instruction::Mul, value, b.getInt32(uint32_t(factor)));
  return product;
}

void Emitter::emitSharedStore(tile::SharedStoreOp op) {
  auto type = cast<tile::SharedType>(op.getTo().getType());
  unsigned bits = tile::memoryBits(type.getElementType());
  Part buffer = buffers.lookup(op.getTo());
  if (!tile::isTile(op.getValue().getType())) { // a scalar, by one thread
    Words words = toWords({asInteger(scalar(op.getValue()))}, bits);
    target.storeShared(b, {sharedStart(), buffer.offset}, bits / 8, b.CreateICmpEQ(thread, b.getInt32(0)),
                       words);
    return;
  }
  const layout::Layout &layout = layoutOf(op.getValue());
  if (isByIndex(op.getValue(), type))
    return storeByIndex(op);
  layout::SharedAccess access(layout, type.getLayout().getLayout(), bits);
  llvm::Value *mine = owner(layout);
  for (uint32_t number = 0; number < access.accesses(); ++number) {
    SmallVector<unsigned> registers;
    for (uint32_t i = 0; i < access.vector(); ++i)
      registers.push_back(access.registerOf(number, i));
    auto [base, offset] = sharedPlace(access, number, buffer);
    target.storeShared(b, {base, offset}, access.vectorBytes(), mine, wordsOf(op.getValue(), registers));
  }
}

void Emitter::emitSharedLoad(tile::SharedLoadOp op) {
  auto type = cast<tile::SharedType>(op.getFrom().getType());
  Type element = type.getElementType();
  unsigned bits = tile::memoryBits(element);
  Part buffer = buffers.lookup(op.getFrom());
  if (!tile::isTile(op.getResult().getType())) {
    Words got(std::max(1u, bits / 32), nullptr);
    target.loadShared(b, {sharedStart(), buffer.offset}, bits / 8, nullptr, got);
    TileValue registers;
    appendWords(registers, got, 1, element);
    scalars[op.getResult()] = registers.parts[0].base;
    return;
  }
  if (isByIndex(op.getResult(), type))
    return loadByIndex(op);
  if (loadMatrices(op))
    return;
  const layout::Layout &layout = layoutOf(op.getResult());
  layout::SharedAccess access(layout, type.getLayout().getLayout(), bits);
  unsigned vector = access.vector();
  SmallVector<llvm::Value *> elements(access.accesses() * vector); // by access and element
  SmallVector<SmallVector<llvm::Value *>> packed;
  bool whole = bits < 32 && access.keepsRuns(32 / bits) && !element.isInteger(1);
  TileValue registers;
  for (uint32_t number = 0; number < access.accesses(); ++number) {
    Words got(std::max(1u, vector * bits / 32), nullptr);
    auto [base, offset] = sharedPlace(access, number, buffer);
    target.loadShared(b, {base, offset}, access.vectorBytes(), nullptr, got);
    if (whole) {
      packed.push_back({got.begin(), got.end()});
      continue;
    }
    TileValue part;
    appendWords(part, got, vector, element);
    for (uint32_t i = 0; i < vector; ++i)
      elements[number * vector + i] = part.parts[i].base;
  }
  if (whole) {
    unsigned pack = 32 / bits;
    registers.pack = pack;
    for (unsigned reg = 0; reg < layout.registers(); reg += pack) {
      auto [number, at] = access.placeOf(reg);
      registers.parts.push_back({packed[number][at / pack], 0});
    }
  } else {
    for (unsigned reg = 0; reg < layout.registers(); ++reg) {
      auto [number, at] = access.placeOf(reg);
      registers.parts.push_back({elements[number * vector + at], 0});
    }
  }
  set(op.getResult(), std::move(registers));
}

/// Each thread copies the elements whose pointers it holds.
void Emitter::emitAsyncCopy(tile::AsyncCopyOp op) {
  auto type = cast<tile::SharedType>(op.getTo().getType());
  const layout::Layout &layout = layoutOf(op.getPtr());
  unsigned bits = tile::memoryBits(type.getElementType()), width = op.getVector();
  layout::SharedAccess access(layout, type.getLayout().getLayout(), bits);
  Part buffer = buffers.lookup(op.getTo());
  Access from;
  from.bytes = width * bits / 8;
  from.predicate = owner(layout);
  from.cache = op.getCache().value_or("");
  for (uint32_t number = 0; number < access.accesses(); ++number) {
    Part to = sharedPlace(access, number, buffer);
    for (unsigned at = 0; at < access.vector(); at += width) {
      unsigned first = access.registerOf(number, at);
      VectorMask mask = vectorMask(op.getMask(), first, width, tile::maskKindOf(op));
      llvm::Value *read = nullptr;
      if (mask.uniform && mask.all)
        read = b.CreateSelect(mask.all, b.getInt32(from.bytes), b.getInt32(0));
      else if (!mask.uniform) // true up to a border
        for (llvm::Value *each : mask.each) {
          llvm::Value *mine = b.CreateSelect(each, b.getInt32(bits / 8), b.getInt32(0));
          read = read ? b.CreateAdd(read, mine) : mine;
        }
      Part pointer = part(op.getPtr(), first);
      from.pointer = pointer.base;
      from.offset = pointer.offset;
      target.beginCopy(b, {to.base, to.offset + int64_t(at * bits / 8)}, from, read);
    }
  }
}

/// Fragments of matrix units by whole 8 x 8 matrices. False: the memory was not made for it.
bool Emitter::loadMatrices(tile::SharedLoadOp op) {
  auto type = cast<tile::SharedType>(op.getFrom().getType());
  unsigned bits = tile::memoryBits(type.getElementType());
  const layout::Layout &layout = layoutOf(op.getResult());
  if (bits > 32 || type.getElementType().isInteger(1))
    return false;
  for (bool transposed : {false, true}) {
    auto access = layout::MatrixAccess::match(layout, type.getLayout().getLayout(), bits, transposed);
    if (!access)
      continue;
    SmallVector<SmallVector<llvm::Value *>> got;
    for (uint32_t number = 0; number < access->instructions(); ++number) {
      SmallVector<llvm::Value *> words(access->matrices(), nullptr);
      Part place = sharedPlace(access->addresses(), number, buffers.lookup(op.getFrom()));
      target.loadMatrices(b, {place.base, place.offset}, transposed, words);
      got.push_back(std::move(words));
    }
    TileValue registers;
    unsigned pack = 32 / bits;
    registers.pack = pack;
    for (unsigned reg = 0; reg < layout.registers(); reg += pack) {
      auto [number, matrix] = access->placeOf(reg);
      llvm::Value *word = got[number][matrix];
      registers.parts.push_back(
          {pack == 1 ? fromInteger(word, registerType(type.getElementType())) : word, 0});
    }
    set(op.getResult(), std::move(registers));
    return true;
  }
  return false;
}

/// Whether memory has the elements in the order of their indices in the tile, whatever digits the layout cuts these into.
bool Emitter::isByIndex(Value value, tile::SharedType type) {
  const layout::SharedLayout &memory = type.getLayout().getLayout();
  return memory.flatBits() == 0 && layoutOf(value).dims() != memory.dims();
}

/// Where register `reg` lies in a row-major memory of the tile's own extents, and whether it is an element at all.
std::pair<Part, llvm::Value *> Emitter::placeByIndex(Value value, unsigned reg, const Part &buffer) {
  const layout::Layout &layout = layoutOf(value);
  ArrayRef<int64_t> shape = tile::shapeOf(value.getType());
  layout::Index index = layout.index(reg, 0, 0);
  int64_t stride = tile::memoryBits(tile::elementType(value.getType())) / 8, offset = buffer.offset;
  llvm::Value *base = sharedStart(), *isInside = nullptr;
  for (unsigned d = shape.size(); d-- > 0; stride *= shape[d]) {
    offset += index[d] * stride;
    if (llvm::Value *threads = threadPart(layout, d))
      base = entrySum(base, entryProduct(threads, stride));
    isInside = both(isInside, isElement(layout, d, index[d], shape[d]));
  }
  if (buffer.base)
    base = b.CreateAdd(base, buffer.base);
  return {{base, offset}, isInside};
}

void Emitter::storeByIndex(tile::SharedStoreOp op) {
  const layout::Layout &layout = layoutOf(op.getValue());
  llvm::Value *mine = owner(layout);
  unsigned bits = tile::memoryBits(tile::elementType(op.getValue().getType()));
  uint32_t copies = layout.freeBits()[layout::Input::Register];
  Part buffer = buffers.lookup(op.getTo());
  buffer.offset += int64_t(op.getFirst().value_or(0)) * bits / 8;
  for (unsigned reg = 0; reg < layout.registers(); ++reg) {
    if (reg & copies)
      continue;
    auto [place, isInside] = placeByIndex(op.getValue(), reg, buffer);
    target.storeShared(b, {place.base, place.offset}, bits / 8, both(mine, isInside),
                       words(op.getValue(), reg, 1));
  }
}

void Emitter::loadByIndex(tile::SharedLoadOp op) {
  Type element = tile::elementType(op.getResult().getType());
  unsigned bits = tile::memoryBits(element);
  TileValue registers;
  for (unsigned reg = 0; reg < registersOf(op.getResult()); ++reg) {
    auto [place, isInside] = placeByIndex(op.getResult(), reg, buffers.lookup(op.getFrom()));
    Words got(std::max(1u, bits / 32), nullptr);
    target.loadShared(b, {place.base, place.offset}, bits / 8, isInside, got);
    appendWords(registers, got, 1, element);
  }
  set(op.getResult(), std::move(registers));
}

} // namespace tegula::simt
