//===- HostCalls.cpp - device_print and device_assert ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

#include <numeric>

using namespace mlir;

namespace tegula::cpu {

static PrintType printType(Type element, bool isSigned) {
  if (isa<tile::PtrType>(element))
    return PrintType::Pointer;
  if (element.isInteger(1))
    return PrintType::I1;
  if (auto integer = dyn_cast<IntegerType>(element)) {
    switch (integer.getWidth()) {
    case 8: return isSigned ? PrintType::I8 : PrintType::U8;
    case 16: return isSigned ? PrintType::I16 : PrintType::U16;
    case 32: return isSigned ? PrintType::I32 : PrintType::U32;
    default: return isSigned ? PrintType::I64 : PrintType::U64;
    }
  }
  if (isa<Float8E4M3FNType>(element))
    return PrintType::F8E4M3;
  if (isa<Float8E5M2Type>(element))
    return PrintType::F8E5M2;
  return element.isF16()    ? PrintType::F16
         : element.isBF16() ? PrintType::BF16
         : element.isF32()  ? PrintType::F32
                            : PrintType::F64;
}

/// A slot of the function's frame.
static llvm::Value *frameSlot(llvm::Function *function, llvm::Type *type) {
  llvm::BasicBlock &entry = function->getEntryBlock();
  llvm::IRBuilder<> builder(&entry, entry.begin());
  return builder.CreateAlloca(type);
}

void Engine::emitPrint(tile::PrintOp op) {
  llvm::Type *pointer = b.getPtrTy();
  auto *type = llvm::FunctionType::get(
      b.getVoidTy(),
      {pointer, b.getInt64Ty(), pointer, b.getInt32Ty(), b.getInt32Ty(), b.getInt32Ty(), pointer}, false);
  auto callee = module.getOrInsertFunction("tegula_cpu_print", type);
  llvm::Value *prefix = b.CreateGlobalString(op.getPrefix(), "prefix");
  llvm::Value *hex = b.getInt32(op.getHex());
  int count = op.getArgs().size();
  if (count == 0)
    b.CreateCall(callee, {launch, program, prefix, hex, b.getInt32(0), b.getInt32(0),
                          llvm::ConstantPointerNull::get(b.getPtrTy())});
  auto *record = llvm::StructType::get(context, {pointer, pointer, b.getInt32Ty(), b.getInt32Ty()});
  for (auto [i, arg] : llvm::enumerate(op.getArgs())) {
    Type element = tile::elementType(arg.getType());
    auto shape = tile::shapeOf(arg.getType());
    Buffer buffer = makeBuffer(arg.getType());
    if (tile::isTile(arg.getType())) {
      materialiseInto(arg, buffer, nullptr);
    } else {
      beginNest();
      writeBuffer(buffer, {}, {scalar(arg), 0, false}, nullptr);
    }
    llvm::Value *slot = frameSlot(function, record);
    auto *extents = llvm::ConstantDataArray::get(
        context, llvm::ArrayRef<uint64_t>(reinterpret_cast<const uint64_t *>(shape.data()), shape.size()));
    llvm::Value *shapeGlobal = llvm::ConstantPointerNull::get(b.getPtrTy());
    if (!shape.empty())
      shapeGlobal = new llvm::GlobalVariable(module, extents->getType(), true,
                                             llvm::GlobalValue::PrivateLinkage, extents, "shape");
    b.CreateStore(b.CreateGEP(b.getInt8Ty(), scratch, b.getInt64(buffer.offset)),
                  b.CreateStructGEP(record, slot, 0));
    b.CreateStore(shapeGlobal, b.CreateStructGEP(record, slot, 1));
    b.CreateStore(b.getInt32(shape.size()), b.CreateStructGEP(record, slot, 2));
    bool isSigned = i < op.getIsSigned().size() ? op.getIsSigned()[i] : true;
    b.CreateStore(b.getInt32(int32_t(printType(element, isSigned))), b.CreateStructGEP(record, slot, 3));
    b.CreateCall(callee, {launch, program, prefix, hex, b.getInt32(i), b.getInt32(count), slot});
    arena.release(buffer.offset);
  }
}

/// Finds the first false element, then reports it once.
void Engine::emitAssert(tile::AssertOp op) {
  llvm::Type *pointer = b.getPtrTy();
  auto *type = llvm::FunctionType::get(
      b.getVoidTy(), {pointer, b.getInt64Ty(), pointer, pointer, b.getInt32Ty(), b.getInt64Ty()}, false);
  auto callee = module.getOrInsertFunction("tegula_cpu_assert_failed", type);
  llvm::Value *first = frameSlot(function, b.getInt64Ty());
  llvm::Value *none = b.getInt64(std::numeric_limits<int64_t>::max());
  beginNest();
  b.CreateStore(none, first);
  auto shape = tile::shapeOf(op.getCondition().getType());
  SmallVector<int> dims(shape.size());
  std::iota(dims.begin(), dims.end(), 0);
  Point point(shape.size());
  forEach(dims, shape, point, [&] {
    llvm::Value *holds = eval(op.getCondition(), point).value;
    llvm::Value *at = shape.empty() ? b.getInt64(0) : linearise(point, shape).value;
    llvm::Value *before = b.CreateLoad(b.getInt64Ty(), first);
    llvm::Value *failed = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, before, at);
    b.CreateStore(b.CreateSelect(holds, before, failed), first);
  });
  llvm::Value *element = b.CreateLoad(b.getInt64Ty(), first);
  auto *fail = llvm::BasicBlock::Create(context, "failed", function);
  auto *next = llvm::BasicBlock::Create(context, "holds", function);
  b.CreateCondBr(b.CreateICmpEQ(element, none), next, fail);
  b.SetInsertPoint(fail);
  std::string file;
  int line = 0;
  op->getLoc()->walk([&](Location loc) {
    if (auto at = dyn_cast<FileLineColLoc>(loc)) {
      file = at.getFilename().str();
      line = at.getLine();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  b.CreateCall(callee, {launch, program, b.CreateGlobalString(op.getMessage(), "message"),
                        b.CreateGlobalString(file, "file"), b.getInt32(line), element});
  b.CreateBr(next);
  b.SetInsertPoint(next);
}

} // namespace tegula::cpu
