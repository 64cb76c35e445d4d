//===- Move.cpp - elements by index, in order, counted ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"
#include "ir/CpuAbi.h"

using namespace mlir;

namespace tegula::cpu {

/// The source goes into a buffer, whose elements the nest of the result reads at their places.
void Engine::emitGather(tile::GatherOp op) {
  Value src = op.getSrc();
  auto known = buffers.find(src);
  bool own = known == buffers.end();
  Buffer from = own ? makeBuffer(src.getType()) : known->second;
  if (own)
    materialiseInto(src, from, nullptr);
  int axis = op.getAxis();
  int64_t last = tile::shapeOf(src.getType())[axis] - 1;
  auto shape = tile::shapeOf(op.getType());
  Buffer out = makeBuffer(op.getType());
  beginNest();
  LaneSpec spec = chooseLanes(shape, op.getIndices(), false, out.strides);
  nest(shape, spec, [&](const Chunk &chunk) {
    Val index = evalAt(op.getIndices(), chunk);
    Point point = chunk.point;
    {
      At at(*this, index.level);
      llvm::Type *type = index.value->getType();
      llvm::Value *limit = llvm::ConstantInt::get(type, last);
      llvm::Value *place = b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, index.value, limit);
      llvm::Type *indexType = b.getInt64Ty();
      if (index.wide)
        indexType = llvm::FixedVectorType::get(b.getInt32Ty(), lanes);
      point[axis] = Index();
      point[axis].value = b.CreateZExtOrTrunc(place, indexType);
      point[axis].level = index.level;
      point[axis].general = index.wide;
    }
    writeBuffer(out, chunk.point, readBuffer(from, point), chunk.active);
  });
  if (own)
    arena.release(from.offset);
  buffers[op.getResult()] = out;
}

void Engine::emitSort(tile::SortOp op) {
  auto type = op.getResult().getType();
  Type element = type.getElementType();
  Buffer out = makeBuffer(type);
  materialiseInto(op.getSrc(), out, nullptr);
  int32_t bytes = memoryType(element)->getScalarSizeInBits() / 8;
  SortOrder order = isa<FloatType>(element) ? SortOrder::Float
                    : op.getIsSigned()      ? SortOrder::Signed
                                            : SortOrder::Unsigned;
  uint64_t infinity = 0;
  if (auto real = dyn_cast<FloatType>(element)) {
    const llvm::fltSemantics &format = real.getFloatSemantics();
    bool finite = isa<Float8E4M3FNType>(element);
    APFloat top = finite ? APFloat::getLargest(format) : APFloat::getInf(format);
    infinity = top.bitcastToAPInt().getZExtValue();
  }
  int64_t extent = type.getShape().back(), lines = type.getNumElements() / extent;
  auto *function = llvm::FunctionType::get(b.getVoidTy(),
                                           {b.getPtrTy(), b.getInt64Ty(), b.getInt64Ty(), b.getInt32Ty(),
                                            b.getInt32Ty(), b.getInt32Ty(), b.getInt64Ty()},
                                           false);
  b.CreateCall(module.getOrInsertFunction("tegula_cpu_sort", function),
               {bufferBase(out), b.getInt64(lines), b.getInt64(extent), b.getInt32(bytes),
                b.getInt32(int32_t(order)), b.getInt32(op.getDescending()), b.getInt64(infinity)});
  buffers[op.getResult()] = out;
}

/// Element by element: counts of one bin must not be lost.
void Engine::emitHistogram(tile::HistogramOp op) {
  Buffer counts = makeBuffer(op.getType());
  int64_t bins = op.getType().getNumElements();
  b.CreateMemSet(bufferBase(counts), b.getInt8(0), counts.bytes, llvm::MaybeAlign(64));
  beginNest();
  Point point(1);
  forEach({0}, tile::shapeOf(op.getSrc().getType()), point, [&] {
    Chunk chunk;
    chunk.point = point;
    Val bin = evalAt(op.getSrc(), chunk);
    llvm::Value *index = b.CreateSExt(bin.value, b.getInt64Ty());
    llvm::Value *counted = b.CreateICmpULT(index, b.getInt64(bins));
    if (op.getMask())
      counted = b.CreateAnd(counted, evalAt(op.getMask(), chunk).value);
    // What counts nowhere adds nothing to the first bin.
    index = b.CreateSelect(counted, index, b.getInt64(0));
    llvm::Value *place = b.CreateGEP(b.getInt32Ty(), bufferBase(counts), index);
    llvm::Value *before = b.CreateAlignedLoad(b.getInt32Ty(), place, llvm::Align(4));
    b.CreateAlignedStore(b.CreateAdd(before, b.CreateZExt(counted, b.getInt32Ty())), place, llvm::Align(4));
  });
  buffers[op.getResult()] = counts;
}

} // namespace tegula::cpu
