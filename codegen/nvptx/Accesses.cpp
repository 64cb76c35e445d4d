//===- Accesses.cpp - loads and stores of global and shared memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM makes a branch a lane of a masked vector load; PTX has predicates. And LLVM would widen addresses of shared memory,
// which are 32 bits, to 64. So these are inline assembly.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/NvptxTarget.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Module.h"

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

Registers registersOf(unsigned bytes) {
  return bytes >= 4 ? Registers{bytes / 4, 32} : Registers{1, bytes * 8};
}

std::string place(unsigned operand, int64_t offset) {
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

/// One load: `address` is an i64 or i32 register, `instruction` all up to the vector and type.
void emitLoad(IRBuilderBase &b, const std::string &instruction, Value *address, int64_t offset,
              Value *predicate, Registers registers, ArrayRef<Value *> others,
              MutableArrayRef<Value *> words) {
  Type *type = registers.type(b);
  bool hasOthers = !others.empty() && others[0] && predicate;
  std::string constraints, load;
  for (unsigned i = 0; i < registers.count; ++i)
    constraints += std::string(i ? "," : "") + "=" + registers.constraint();
  constraints += address->getType()->isIntegerTy(32) ? ",r" : ",l";
  SmallVector<Value *> in{address};
  if (predicate) {
    constraints += ",b";
    in.push_back(predicate);
    load = "@$" + std::to_string(registers.count + 1) + " ";
  }
  if (hasOthers)
    for (unsigned i = 0; i < registers.count; ++i) {
      constraints += "," + std::to_string(i);
      in.push_back(b.CreateZExtOrTrunc(others[i], type));
    }
  SmallVector<Type *> inTypes;
  for (Value *value : in)
    inTypes.push_back(value->getType());
  load += instruction + registers.suffix() + " " + registers.list(0) + ", " + place(registers.count, offset) +
          ";";
  Type *result = registers.count == 1
                     ? type
                     : StructType::get(b.getContext(), SmallVector<Type *>(registers.count, type));
  auto *assembly =
      InlineAsm::get(FunctionType::get(result, inTypes, false), load, constraints, /*hasSideEffects=*/true);
  Value *got = b.CreateCall(assembly, in);
  for (unsigned i = 0; i < registers.count; ++i) {
    Value *word = registers.count == 1 ? got : b.CreateExtractValue(got, i);
    words[i] = registers.bits == 8 ? b.CreateTrunc(word, b.getInt8Ty()) : word;
  }
}

void emitStore(IRBuilderBase &b, const std::string &instruction, Value *address, int64_t offset,
               Value *predicate, Registers registers, ArrayRef<Value *> words) {
  std::string constraints = address->getType()->isIntegerTy(32) ? "r" : "l", store;
  SmallVector<Value *> in{address};
  for (Value *word : words) {
    constraints += std::string(",") + registers.constraint();
    in.push_back(b.CreateZExtOrTrunc(word, registers.type(b)));
  }
  if (predicate) {
    constraints += ",b";
    store = "@$" + std::to_string(in.size()) + " ";
    in.push_back(predicate);
  }
  SmallVector<Type *> inTypes;
  for (Value *value : in)
    inTypes.push_back(value->getType());
  store += instruction + registers.suffix() + " " + place(0, offset) + ", " + registers.list(1) + ";";
  auto *assembly = InlineAsm::get(FunctionType::get(b.getVoidTy(), inTypes, false), store, constraints,
                                  /*hasSideEffects=*/true);
  b.CreateCall(assembly, in);
}

} // namespace

void NvptxTarget::loadGlobal(IRBuilderBase &b, const simt::Access &wanted, ArrayRef<Value *> others,
                             MutableArrayRef<Value *> words) const {
  simt::Access access = inRange(b, wanted);
  emitLoad(b, "ld" + qualifiers(access), access.pointer, access.offset, access.predicate,
           registersOf(access.bytes), others, words);
}

void NvptxTarget::storeGlobal(IRBuilderBase &b, const simt::Access &wanted, ArrayRef<Value *> words) const {
  simt::Access access = inRange(b, wanted);
  emitStore(b, "st" + qualifiers(access), access.pointer, access.offset, access.predicate,
            registersOf(access.bytes), words);
}

Value *NvptxTarget::sharedMemory(IRBuilderBase &b, Module &module) const {
  // Of a size that the launch gives; its address is the same number in the 32-bit window (PTX ISA, "State Spaces").
  auto *type = ArrayType::get(b.getInt8Ty(), 0);
  auto *memory = new GlobalVariable(module, type, false, GlobalValue::ExternalLinkage, nullptr,
                                    "tegula_shared", nullptr, GlobalValue::NotThreadLocal, sharedSpace);
  memory->setAlignment(Align(16));
  return b.CreateTrunc(b.CreatePtrToInt(memory, b.getInt64Ty()), b.getInt32Ty());
}

void NvptxTarget::loadShared(IRBuilderBase &b, std::pair<Value *, int64_t> place, unsigned bytes,
                             Value *predicate, MutableArrayRef<Value *> words) const {
  emitLoad(b, "ld.shared", place.first, place.second, predicate, registersOf(bytes), {}, words);
}

void NvptxTarget::storeShared(IRBuilderBase &b, std::pair<Value *, int64_t> place, unsigned bytes,
                              Value *predicate, ArrayRef<Value *> words) const {
  emitStore(b, "st.shared", place.first, place.second, predicate, registersOf(bytes), words);
}

void NvptxTarget::countShared(IRBuilderBase &b, std::pair<Value *, int64_t> where, Value *predicate) const {
  std::string text = "red.shared.add.u32 " + place(0, where.second) + ", 1;";
  SmallVector<Value *> in{where.first};
  if (predicate) {
    text = "@$1 " + text;
    in.push_back(predicate);
  }
  SmallVector<Type *> types;
  for (Value *value : in)
    types.push_back(value->getType());
  auto *type = FunctionType::get(b.getVoidTy(), types, false);
  b.CreateCall(InlineAsm::get(type, text, predicate ? "r,b" : "r", /*hasSideEffects=*/true), in);
}

/// PTX ISA, "cp.async": of 16 bytes past the first-level cache unless the program wants it there.
void NvptxTarget::beginCopy(IRBuilderBase &b, std::pair<Value *, int64_t> place, const simt::Access &wanted,
                            Value *read) const {
  simt::Access access = inRange(b, wanted);
  std::string text = access.bytes == 16 && access.cache != ".ca" ? "cp.async.cg" : "cp.async.ca",
              constraints = "r,l";
  text += ".shared.global " + tegula::nvptx::place(0, place.second) + ", " +
          tegula::nvptx::place(1, access.offset) + ", " + std::to_string(access.bytes);
  SmallVector<Value *> in{place.first, access.pointer};
  if (read) {
    text += ", $" + std::to_string(in.size());
    in.push_back(read);
    constraints += ",r";
  }
  if (access.predicate) {
    text = "@$" + std::to_string(in.size()) + " " + text;
    in.push_back(access.predicate);
    constraints += ",b";
  }
  SmallVector<Type *> types;
  for (Value *value : in)
    types.push_back(value->getType());
  b.CreateCall(InlineAsm::get(FunctionType::get(b.getVoidTy(), types, false), text + ";", constraints,
                              /*hasSideEffects=*/true),
               in);
}

static void plainAssembly(IRBuilderBase &b, const std::string &text) {
  auto *type = FunctionType::get(b.getVoidTy(), false);
  b.CreateCall(InlineAsm::get(type, text, "~{memory}", /*hasSideEffects=*/true));
}

void NvptxTarget::commitCopies(IRBuilderBase &b) const { plainAssembly(b, "cp.async.commit_group;"); }

void NvptxTarget::waitForCopies(IRBuilderBase &b, unsigned pending) const {
  plainAssembly(b, "cp.async.wait_group " + std::to_string(pending) + ";");
}

} // namespace tegula::nvptx
