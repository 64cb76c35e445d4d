//===- Accesses.cpp - loads and stores of global and shared memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM makes a branch a lane of a masked vector load; PTX has predicates. And LLVM would widen addresses of shared memory,
// which are 32 bits, to 64. So these are inline assembly.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Assembly.h"
#include "codegen/nvptx/NvptxTarget.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace tegula::nvptx {

namespace {

/// The registers of an access: `count` of `bits` bits; 8-bit values sit in 16-bit registers.
struct Registers {
  unsigned count, bits;
  Type *type(IRBuilderBase &b) const { return bits == 32 ? b.getInt32Ty() : b.getInt16Ty(); }
  std::string suffix() const {
    std::string vector = count > 1 ? ".v" + std::to_string(count) : "";
    return vector + ".b" + std::to_string(bits);
  }
};

Registers registersOf(unsigned bytes) {
  return bytes >= 4 ? Registers{bytes / 4, 32} : Registers{1, bytes * 8};
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

/// One load: `instruction` is all up to the vector and type.
void emitLoad(IRBuilderBase &b, const std::string &instruction, Value *address, int64_t offset,
              Value *predicate, Registers registers, ArrayRef<Value *> others,
              MutableArrayRef<Value *> words) {
  Type *type = registers.type(b);
  Assembly load(b);
  std::string to = load.results(type, registers.count), from = load.address(address, offset);
  load.setPredicate(predicate);
  if (!others.empty() && others[0] && predicate)
    for (unsigned i = 0; i < registers.count; ++i)
      load.setOther(i, b.CreateZExtOrTrunc(others[i], type));
  load.emit(instruction + registers.suffix() + " " + to + ", " + from);
  for (unsigned i = 0; i < registers.count; ++i)
    words[i] = registers.bits == 8 ? b.CreateTrunc(load.result(i), b.getInt8Ty()) : load.result(i);
}

void emitStore(IRBuilderBase &b, const std::string &instruction, Value *address, int64_t offset,
               Value *predicate, Registers registers, ArrayRef<Value *> words) {
  SmallVector<Value *> values;
  for (Value *word : words)
    values.push_back(b.CreateZExtOrTrunc(word, registers.type(b)));
  Assembly store(b);
  std::string to = store.address(address, offset), from = store.operands(values);
  store.setPredicate(predicate);
  store.emit(instruction + registers.suffix() + " " + to + ", " + from);
}

} // namespace

void NvptxTarget::loadGlobal(IRBuilderBase &b, const simt::Access &access, ArrayRef<Value *> others,
                             MutableArrayRef<Value *> words) const {
  emitLoad(b, "ld" + qualifiers(access), access.pointer, access.offset, access.predicate,
           registersOf(access.bytes), others, words);
}

void NvptxTarget::storeGlobal(IRBuilderBase &b, const simt::Access &access, ArrayRef<Value *> words) const {
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
  Assembly add(b);
  std::string to = add.address(where.first, where.second);
  add.setPredicate(predicate);
  add.emit("red.shared.add.u32 " + to + ", 1");
}

/// PTX ISA, "cp.async": of 16 bytes past the first-level cache unless the program wants it there.
void NvptxTarget::beginCopy(IRBuilderBase &b, std::pair<Value *, int64_t> place, const simt::Access &access,
                            Value *read) const {
  Assembly copy(b);
  std::string text = access.bytes == 16 && access.cache != ".ca" ? "cp.async.cg" : "cp.async.ca";
  text += ".shared.global " + copy.address(place.first, place.second) + ", ";
  text += copy.address(access.pointer, access.offset) + ", " + std::to_string(access.bytes);
  if (read)
    text += ", " + copy.operand(read);
  copy.setPredicate(access.predicate);
  copy.emit(text);
}

void NvptxTarget::commitCopies(IRBuilderBase &b) const { Assembly(b).emit("cp.async.commit_group"); }

void NvptxTarget::waitForCopies(IRBuilderBase &b, unsigned pending) const {
  Assembly(b).emit("cp.async.wait_group " + std::to_string(pending));
}

} // namespace tegula::nvptx
