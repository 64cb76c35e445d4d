//===- MicroKernel.cpp - the register-blocked inner part of a product ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For every k: mr broadcasts of A times nr / lanes vectors of B, added to mr x nr accumulators that live in registers
// from the first k to the last.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/MicroKernel.h"
#include "codegen/cpu/LaneBuilder.h"

#include "llvm/IR/Function.h"

using namespace llvm;

namespace tegula::cpu {

static unsigned elementBits(ElementKind kind) { return kind == ElementKind::F64 ? 64 : 32; }

MicroShape microShape(const Target &target, ElementKind kind) {
  int lanes = target.vectorBits / int(elementBits(kind));
  // 32 registers hold 16 accumulators well; 16 registers hold 8. Two vectors of B a row: enough independent chains
  // to hide the latency of an fma, and fewer loads than fmas. Rows are a power of two, as nearly all tiles are.
  bool manyRegisters = target.vectorBits == 512 || !isaOf(target).x86;
  return {manyRegisters ? 8 : 4, 2 * lanes};
}

namespace {

struct Block {
  IRBuilderBase &b;
  const Isa &isa;
  ElementKind kind;
  MicroShape shape;
  Type *element, *vector;
  unsigned lanes;
  int64_t lda;

  int columns() const { return shape.nr / int(lanes); }

  Value *at(Value *base, int64_t index) const {
    return index == 0 ? base : b.CreateConstInBoundsGEP1_64(element, base, uint64_t(index));
  }
  Value *multiplyAdd(Value *x, Value *y, Value *sum) const {
    if (kind == ElementKind::I32)
      return b.CreateAdd(b.CreateMul(x, y), sum);
    if (isa.fma)
      return b.CreateIntrinsic(vector, Intrinsic::fma, {x, y, sum});
    return b.CreateFAdd(b.CreateFMul(x, y), sum);
  }
  /// One k: `a` and `bRow` point at A[0][k] and B[k][0].
  void step(Value *a, Value *bRow, int64_t k, MutableArrayRef<Value *> sums) const {
    Align align(element->getPrimitiveSizeInBits() / 8);
    SmallVector<Value *, 4> row;
    for (int j = 0; j < columns(); ++j)
      row.push_back(b.CreateAlignedLoad(vector, at(bRow, k * shape.nr + j * int(lanes)), align));
    for (int i = 0; i < shape.mr; ++i) {
      Value *x = b.CreateVectorSplat(lanes, b.CreateAlignedLoad(element, at(a, i * lda + k), align));
      for (int j = 0; j < columns(); ++j)
        sums[i * columns() + j] = multiplyAdd(x, row[j], sums[i * columns() + j]);
    }
  }
};

} // namespace

void emitMicroKernel(IRBuilderBase &b, const Target &target, ElementKind kind, MicroShape shape, Value *a,
                     int64_t lda, Value *bPanel, Value *c, int64_t ldc, int64_t k) {
  IRBuilderBase::FastMathFlagGuard guard(b);
  b.clearFastMathFlags();
  unsigned lanes = unsigned(target.vectorBits) / elementBits(kind);
  Type *element = kind == ElementKind::F32   ? b.getFloatTy()
                  : kind == ElementKind::F64 ? b.getDoubleTy()
                                             : b.getInt32Ty();
  Block block{b, isaOf(target), kind, shape, element, FixedVectorType::get(element, lanes), lanes, lda};
  Align align(elementBits(kind) / 8);
  int columns = block.columns();

  auto eachSum = [&](auto &&visit) {
    for (int i = 0; i < shape.mr; ++i)
      for (int j = 0; j < columns; ++j)
        visit(unsigned(i * columns + j), block.at(c, i * ldc + j * int(lanes)));
  };
  SmallVector<Value *, 32> sums(unsigned(shape.mr * columns));
  // Sums start at zero and are added to C at the end: products are rounded against each other, not against all of C.
  eachSum([&](unsigned i, Value *) { sums[i] = Constant::getNullValue(block.vector); });

  constexpr int64_t unroll = 4;
  int64_t trips = k / unroll;
  if (trips > 1) {
    LLVMContext &context = b.getContext();
    BasicBlock *before = b.GetInsertBlock();
    Function *f = before->getParent();
    auto *loop = BasicBlock::Create(context, "micro", f),
         *after = BasicBlock::Create(context, "micro.end", f);
    b.CreateBr(loop);
    b.SetInsertPoint(loop);
    PHINode *left = b.CreatePHI(b.getInt64Ty(), 2), *aNow = b.CreatePHI(b.getPtrTy(), 2),
            *bNow = b.CreatePHI(b.getPtrTy(), 2);
    SmallVector<PHINode *, 32> carried;
    for (Value *&sum : sums) {
      carried.push_back(b.CreatePHI(block.vector, 2));
      carried.back()->addIncoming(sum, before);
      sum = carried.back();
    }
    for (int64_t u = 0; u < unroll; ++u)
      block.step(aNow, bNow, u, sums);
    Value *leftNext = b.CreateSub(left, b.getInt64(1));
    Value *aNext = block.at(aNow, unroll), *bNext = block.at(bNow, unroll * shape.nr);
    left->addIncoming(b.getInt64(trips), before), left->addIncoming(leftNext, loop);
    aNow->addIncoming(a, before), aNow->addIncoming(aNext, loop);
    bNow->addIncoming(bPanel, before), bNow->addIncoming(bNext, loop);
    for (unsigned i = 0; i < sums.size(); ++i)
      carried[i]->addIncoming(sums[i], loop);
    b.CreateCondBr(b.CreateICmpNE(leftNext, b.getInt64(0)), loop, after);
    b.SetInsertPoint(after);
    a = aNext, bPanel = bNext, k -= trips * unroll;
  }
  for (int64_t u = 0; u < k; ++u)
    block.step(a, bPanel, u, sums);
  eachSum([&](unsigned i, Value *p) {
    Value *before = b.CreateAlignedLoad(block.vector, p, align);
    b.CreateAlignedStore(
        kind == ElementKind::I32 ? b.CreateAdd(before, sums[i]) : b.CreateFAdd(before, sums[i]), p, align);
  });
}

} // namespace tegula::cpu
