//===- GlobalMemory.cpp - predicated vector accesses ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM makes a branch a lane of a masked vector load; PTX has predicates, so these are inline assembly.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/NvptxTarget.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"

using namespace llvm;

namespace tegula::nvptx {

namespace {

/// The registers of an access: `count` of `bits` bits; 8-bit values sit in 16-bit registers.
struct Registers {
  unsigned count, bits;
  char constraint() const { return bits == 32 ? 'r' : 'h'; }
  Type *type(IRBuilderBase &b) const { return bits == 32 ? b.getInt32Ty() : b.getInt16Ty(); }
  std::string suffix() const {
    std::string vector = count > 1 ? ".v" + std::to_string(count) : "";
    return vector + ".b" + std::to_string(bits);
  }
  std::string list(unsigned first) const {
    std::string text = count > 1 ? "{" : "";
    for (unsigned i = 0; i < count; ++i)
      text += (i ? ", $" : "$") + std::to_string(first + i);
    return text + (count > 1 ? "}" : "");
  }
};

Registers registersOf(const simt::Access &access) {
  return access.bytes >= 4 ? Registers{access.bytes / 4, 32} : Registers{1, access.bytes * 8};
}

std::string address(unsigned operand, int64_t offset) {
  std::string text = "[$" + std::to_string(operand);
  if (offset)
    text += (offset < 0 ? " - " : " + ") + std::to_string(std::abs(offset));
  return text + "]";
}

/// ".volatile" or the cache operator and the eviction priority, in the order that PTX wants them.
std::string qualifiers(const simt::Access &access) {
  if (access.isVolatile)
    return ".volatile.global";
  std::string text = ".global" + access.cache.str();
  if (!access.evict.empty())
    text += ".L1::" + access.evict.str();
  return text;
}

/// Offsets of an instruction are 32 bits wide (PTX ISA, "Addresses as operands"); larger ones go to the address.
simt::Access inRange(IRBuilderBase &b, simt::Access access) {
  if (access.offset != int32_t(access.offset)) {
    access.pointer = b.CreateGEP(b.getInt8Ty(), access.pointer, b.getInt64(access.offset));
    access.offset = 0;
  }
  return access;
}

} // namespace

void NvptxTarget::loadGlobal(IRBuilderBase &b, const simt::Access &wanted, ArrayRef<Value *> others,
                             MutableArrayRef<Value *> words) const {
  simt::Access access = inRange(b, wanted);
  Registers registers = registersOf(access);
  Type *type = registers.type(b);
  bool hasOthers = !others.empty() && others[0] && access.predicate;
  std::string constraints, load;
  for (unsigned i = 0; i < registers.count; ++i)
    constraints += std::string(i ? "," : "") + "=" + registers.constraint();
  constraints += ",l";
  SmallVector<Type *> inTypes{access.pointer->getType()};
  SmallVector<Value *> in{access.pointer};
  if (access.predicate) {
    constraints += ",b";
    in.push_back(access.predicate);
    load = "@$" + std::to_string(registers.count + 1) + " ";
  }
  if (hasOthers)
    for (unsigned i = 0; i < registers.count; ++i) {
      constraints += "," + std::to_string(i);
      in.push_back(b.CreateZExtOrTrunc(others[i], type));
    }
  inTypes.clear();
  for (Value *value : in)
    inTypes.push_back(value->getType());
  load += "ld" + qualifiers(access) + registers.suffix() + " " + registers.list(0) + ", " +
          address(registers.count, access.offset) + ";";
  Type *result = registers.count == 1 ? type : StructType::get(b.getContext(), SmallVector<Type *>(registers.count, type));
  auto *assembly = InlineAsm::get(FunctionType::get(result, inTypes, false), load, constraints, /*hasSideEffects=*/true);
  Value *got = b.CreateCall(assembly, in);
  for (unsigned i = 0; i < registers.count; ++i) {
    Value *word = registers.count == 1 ? got : b.CreateExtractValue(got, i);
    words[i] = registers.bits == 8 ? b.CreateTrunc(word, b.getInt8Ty()) : word;
  }
}

void NvptxTarget::storeGlobal(IRBuilderBase &b, const simt::Access &wanted, ArrayRef<Value *> words) const {
  simt::Access access = inRange(b, wanted);
  Registers registers = registersOf(access);
  std::string constraints = "l", store;
  SmallVector<Value *> in{access.pointer};
  for (Value *word : words) {
    constraints += std::string(",") + registers.constraint();
    in.push_back(b.CreateZExtOrTrunc(word, registers.type(b)));
  }
  if (access.predicate) {
    constraints += ",b";
    store = "@$" + std::to_string(in.size()) + " ";
    in.push_back(access.predicate);
  }
  SmallVector<Type *> inTypes;
  for (Value *value : in)
    inTypes.push_back(value->getType());
  store += "st" + qualifiers(access) + registers.suffix() + " " + address(0, access.offset) + ", " + registers.list(1) + ";";
  auto *assembly = InlineAsm::get(FunctionType::get(b.getVoidTy(), inTypes, false), store, constraints, /*hasSideEffects=*/true);
  b.CreateCall(assembly, in);
}

} // namespace tegula::nvptx
