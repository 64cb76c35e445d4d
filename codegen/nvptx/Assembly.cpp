//===- Assembly.cpp - one instruction of PTX in LLVM IR ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Assembly.h"

#include "llvm/IR/InlineAsm.h"

using namespace llvm;

namespace tegula::nvptx {

/// As LLVM's NVPTX back end names kinds of registers.
static char kindOf(Type *type) {
  if (type->isPointerTy() || type->isIntegerTy(64))
    return 'l';
  if (type->isFloatTy())
    return 'f';
  if (type->isDoubleTy())
    return 'd';
  return type->isIntegerTy(1) ? 'b' : type->isIntegerTy(16) ? 'h' : 'r';
}

static std::string listed(unsigned first, unsigned count, bool asVector) {
  std::string text = asVector ? "{" : "";
  for (unsigned i = 0; i < count; ++i)
    text += (i ? ", $" : "$") + std::to_string(first + i);
  return text + (asVector ? "}" : "");
}

void Assembly::add(Value *value, const std::string &constraint) {
  constraints += (constraints.empty() ? "" : ",") + constraint;
  in.push_back(value);
}

std::string Assembly::results(Type *type, unsigned count, bool asVector) {
  resultType = type;
  resultCount = count;
  for (unsigned i = 0; i < count; ++i)
    constraints += std::string(i ? ",=" : "=") + kindOf(type);
  return listed(0, count, asVector || count > 1);
}

std::string Assembly::operand(Value *value) { return operands(value); }

std::string Assembly::operands(ArrayRef<Value *> values, bool asVector) {
  unsigned first = resultCount + unsigned(in.size());
  for (Value *value : values)
    add(value, {kindOf(value->getType())});
  return listed(first, unsigned(values.size()), asVector || values.size() > 1);
}

std::string Assembly::address(Value *address, int64_t offset) {
  if (offset != int32_t(offset)) {
    address = b.CreateGEP(b.getInt8Ty(), address, b.getInt64(offset));
    offset = 0;
  }
  std::string text = "[" + operand(address);
  if (offset)
    text += (offset < 0 ? " - " : " + ") + std::to_string(std::abs(offset));
  return text + "]";
}

void Assembly::setOther(unsigned number, Value *value) { add(value, std::to_string(number)); }

void Assembly::setPredicate(Value *predicate) {
  if (predicate)
    guard = "@" + operand(predicate) + " ";
}

CallInst *Assembly::emit(const std::string &text, bool hasSideEffects) {
  Type *type = b.getVoidTy();
  if (resultCount == 1)
    type = resultType;
  else if (resultCount > 1)
    type = StructType::get(b.getContext(), SmallVector<Type *>(resultCount, resultType));
  SmallVector<Type *> types;
  for (Value *value : in)
    types.push_back(value->getType());
  call = b.CreateCall(
      InlineAsm::get(FunctionType::get(type, types, false), guard + text + ";", constraints, hasSideEffects),
      in);
  return call;
}

Value *Assembly::result(unsigned number) {
  return resultCount == 1 ? call : b.CreateExtractValue(call, number);
}

} // namespace tegula::nvptx
