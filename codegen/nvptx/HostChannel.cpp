//===- HostChannel.cpp - vprintf and __assertfail ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// System calls of the device (CUDA C++ Programming Guide, "Formatted Output", "Assertion"): the driver gives them bodies.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/NvptxTarget.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace tegula::nvptx {

/// A text in global memory, once a module, as a generic pointer.
static Constant *textOf(IRBuilderBase &b, StringRef text, unsigned space) {
  Module &module = *b.GetInsertBlock()->getModule();
  Constant *data = ConstantDataArray::getString(b.getContext(), text);
  GlobalVariable *variable = nullptr;
  for (GlobalVariable &each : module.globals())
    if (each.isConstant() && each.hasInitializer() && each.getInitializer() == data)
      variable = &each;
  if (!variable)
    variable = new GlobalVariable(module, data->getType(), true, GlobalValue::PrivateLinkage, data, "text",
                                  nullptr, GlobalValue::NotThreadLocal, space);
  return ConstantExpr::getAddrSpaceCast(variable, b.getPtrTy());
}

/// Arguments lie in local memory as a struct of C has them, floats as doubles.
void NvptxTarget::print(IRBuilderBase &b, StringRef format, ArrayRef<Value *> values) const {
  Function *kernel = b.GetInsertBlock()->getParent();
  Module &module = *kernel->getParent();
  Value *arguments = ConstantPointerNull::get(b.getPtrTy());
  if (!values.empty()) {
    SmallVector<Type *> types;
    for (Value *value : values)
      types.push_back(value->getType());
    auto *type = StructType::get(b.getContext(), types);
    // One room for all that print the same.
    AllocaInst *room = nullptr;
    for (Instruction &each : kernel->getEntryBlock())
      if (auto *found = dyn_cast<AllocaInst>(&each); found && found->getAllocatedType() == type)
        room = found;
    if (!room) {
      IRBuilder<> entry(&kernel->getEntryBlock(), kernel->getEntryBlock().begin());
      room = entry.CreateAlloca(type);
      room->setAlignment(Align(8));
    }
    for (auto [i, value] : enumerate(values))
      b.CreateStore(value, b.CreateStructGEP(type, room, unsigned(i)));
    arguments = room;
  }
  auto function = module.getOrInsertFunction("vprintf", b.getInt32Ty(), b.getPtrTy(), b.getPtrTy());
  b.CreateCall(function, {textOf(b, format, globalSpace), arguments});
}

void NvptxTarget::assertFailed(IRBuilderBase &b, StringRef message, StringRef file, int line) const {
  Function *kernel = b.GetInsertBlock()->getParent();
  auto function =
      kernel->getParent()->getOrInsertFunction("__assertfail", b.getVoidTy(), b.getPtrTy(), b.getPtrTy(),
                                               b.getInt32Ty(), b.getPtrTy(), b.getInt64Ty());
  b.CreateCall(function, {textOf(b, message, globalSpace), textOf(b, file, globalSpace), b.getInt32(line),
                          textOf(b, kernel->getName(), globalSpace), b.getInt64(1)});
}

} // namespace tegula::nvptx
