//===- Values.cpp - the registers of tiles ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/simt/Emitter.h"

using namespace mlir;

namespace tegula::simt {

TileValue &Emitter::tile(Value value) {
  auto it = tiles.find(value);
  if (it != tiles.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  unsupported(op ? op : kernel.getOperation());
}

void Emitter::set(Value value, TileValue registers) {
  assert(registers.parts.size() * registers.pack == layoutOf(value).registers());
  tiles[value] = std::move(registers);
}

llvm::Value *Emitter::materialise(const Part &part, Type element) {
  llvm::Type *type = registerType(element);
  if (part.offset == 0)
    return part.base ? part.base : llvm::Constant::getNullValue(type);
  if (type->isPointerTy())
    return b.CreateGEP(b.getInt8Ty(), part.base, b.getInt64(part.offset));
  llvm::Constant *offset = llvm::ConstantInt::get(type, uint64_t(part.offset), /*IsSigned=*/true);
  return part.base ? arith(llvm::Instruction::Add, part.base, offset) : offset;
}

Part Emitter::part(Value value, unsigned reg) {
  TileValue &registers = tile(value);
  if (registers.pack == 1)
    return registers.parts[reg];
  unsigned bits = registerType(tile::elementType(value.getType()))->getIntegerBitWidth();
  return {extract(registers.parts[reg / registers.pack].base, reg % registers.pack, bits), 0};
}

llvm::Value *Emitter::element(Value value, unsigned reg) {
  return materialise(part(value, reg), tile::elementType(value.getType()));
}

/// `bits` bits of a word, as an integer of that width.
llvm::Value *Emitter::extract(llvm::Value *word, unsigned index, unsigned bits) {
  if (word->getType()->getIntegerBitWidth() < 32) // an access of two bytes
    return b.CreateTrunc(index ? b.CreateLShr(word, bits * index) : word, b.getIntNTy(bits));
  auto *vector = llvm::FixedVectorType::get(b.getIntNTy(bits), 32 / bits);
  return b.CreateExtractElement(b.CreateBitCast(word, vector), uint64_t(index));
}

/// Narrow elements side by side in an i32 word, the first lowest.
llvm::Value *Emitter::join(llvm::ArrayRef<llvm::Value *> elements) {
  llvm::Type *type = elements[0]->getType();
  unsigned bits = type->getIntegerBitWidth();
  llvm::Value *word = llvm::PoisonValue::get(llvm::FixedVectorType::get(type, 32 / bits));
  for (auto [i, element] : llvm::enumerate(elements))
    word = b.CreateInsertElement(word, element, i);
  return b.CreateBitCast(word, b.getInt32Ty());
}

llvm::Value *Emitter::asInteger(llvm::Value *value) {
  llvm::Type *type = value->getType();
  if (type->isPointerTy())
    return b.CreatePtrToInt(value, b.getInt64Ty());
  if (type->isIntegerTy(1))
    return b.CreateZExt(value, b.getInt8Ty());
  return type->isIntegerTy() ? value : b.CreateBitCast(value, b.getIntNTy(type->getScalarSizeInBits()));
}

Emitter::Words Emitter::words(Value value, unsigned first, unsigned count) {
  TileValue &registers = tile(value);
  Type element = tile::elementType(value.getType());
  Words result;
  unsigned bits = tile::memoryBits(element);
  if (registers.pack > 1 && first % registers.pack == 0 && count % registers.pack == 0) {
    for (unsigned i = first / registers.pack; i < (first + count) / registers.pack; ++i)
      result.push_back(registers.parts[i].base);
    return result;
  }
  Words each;
  for (unsigned i = first; i < first + count; ++i)
    each.push_back(asInteger(this->element(value, i)));
  return toWords(each, bits);
}

/// The same of any registers: packed words where they are just such a word.
Emitter::Words Emitter::wordsOf(Value value, llvm::ArrayRef<unsigned> registers) {
  bool inOrder = true;
  for (auto [i, reg] : llvm::enumerate(registers))
    inOrder &= reg == registers[0] + i;
  if (inOrder)
    return words(value, registers[0], registers.size());
  Words each;
  for (unsigned reg : registers)
    each.push_back(asInteger(element(value, reg)));
  return toWords(each, tile::memoryBits(tile::elementType(value.getType())));
}

/// Integers of `bits` bits each as memory has them: i32 words, or one narrower integer.
Emitter::Words Emitter::toWords(llvm::ArrayRef<llvm::Value *> elements, unsigned bits) {
  Words result;
  if (bits == 32)
    return Words(elements.begin(), elements.end());
  if (bits == 64) {
    for (llvm::Value *element : elements) {
      result.push_back(b.CreateTrunc(element, b.getInt32Ty()));
      result.push_back(b.CreateTrunc(b.CreateLShr(element, 32), b.getInt32Ty()));
    }
    return result;
  }
  unsigned pack = 32 / bits;
  if (elements.size() < pack) {
    if (elements.size() == 1)
      return {elements[0]};
    // Two bytes.
    llvm::Value *low = b.CreateZExt(elements[0], b.getInt16Ty());
    llvm::Value *high = b.CreateShl(b.CreateZExt(elements[1], b.getInt16Ty()), 8);
    return {b.CreateOr(low, high)};
  }
  for (size_t i = 0; i < elements.size(); i += pack)
    result.push_back(join(elements.slice(i, pack)));
  return result;
}

/// The words that memory gave for `count` elements, as registers of a tile: packed where they are whole words.
void Emitter::appendWords(TileValue &registers, llvm::ArrayRef<llvm::Value *> words, unsigned count,
                          Type element) {
  llvm::Type *type = registerType(element);
  unsigned bits = tile::memoryBits(element);
  if (bits == 64) {
    for (unsigned i = 0; i < count; ++i)
      registers.parts.push_back({fromInteger(joinHalves(words[2 * i], words[2 * i + 1]), type), 0});
    return;
  }
  if (registers.pack > 1) {
    for (llvm::Value *word : words)
      registers.parts.push_back({word, 0});
    return;
  }
  if (bits == 32 || count == 1) {
    for (llvm::Value *word : words)
      registers.parts.push_back({fromInteger(word, type), 0});
    return;
  }
  for (unsigned i = 0; i < count; ++i) {
    llvm::Value *value = extract(words[i * bits / 32], i % (32 / bits), bits);
    registers.parts.push_back({fromInteger(value, type), 0});
  }
}

llvm::Value *Emitter::fromInteger(llvm::Value *value, llvm::Type *type) {
  if (type->isPointerTy())
    return b.CreateIntToPtr(value, type);
  if (type->isIntegerTy(1))
    return b.CreateICmpNE(value, b.getInt8(0));
  return b.CreateBitCast(value, type);
}

llvm::Value *Emitter::joinHalves(llvm::Value *low, llvm::Value *high) {
  llvm::Value *both = llvm::PoisonValue::get(llvm::FixedVectorType::get(b.getInt32Ty(), 2));
  both = b.CreateInsertElement(both, low, uint64_t(0));
  both = b.CreateInsertElement(both, high, uint64_t(1));
  return b.CreateBitCast(both, b.getInt64Ty());
}

} // namespace tegula::simt
