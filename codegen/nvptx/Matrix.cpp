//===- Matrix.cpp - mma and ldmatrix ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Assembly.h"
#include "codegen/nvptx/NvptxTarget.h"
#include "codegen/nvptx/Products.h"

#include "llvm/IR/IRBuilder.h"

using namespace llvm;

namespace tegula::nvptx {

/// The instructions of a product: those with the same operand of A side by side, sums of their own.
std::vector<simt::MatrixStep> NvptxTarget::matrixSteps(tile::MmaOp op) const {
  MmaTiling tiling = tilingNamed(op.getInstruction());
  const MmaInstruction &mma = *tiling.instruction;
  auto fragment = [&](Operand operand, mlir::Type type) {
    return *TiledFragment::of(operand, tile::layoutOf(type).dims(), tiling);
  };
  TiledFragment a = fragment(Operand::A, op.getA().getType()), b = fragment(Operand::B, op.getB().getType()),
                c = fragment(Operand::C, op.getType());
  unsigned pack = std::max(1u, 32u / mma.elementBits);
  auto wordsOf = [&](const TiledFragment &whole, uint32_t batch, uint32_t row, uint32_t column,
                     unsigned elements) {
    SmallVector<SmallVector<unsigned>> words;
    for (unsigned first = 0; first < elements / 32; first += pack) {
      words.emplace_back();
      for (unsigned i = 0; i < pack; ++i)
        words.back().push_back(whole.registerOf(batch, row, column, first + i));
    }
    return words;
  };
  std::vector<simt::MatrixStep> steps;
  for (uint32_t batch = 0; batch < c.batches(); ++batch)
    for (uint32_t k = 0; k < a.columnRepeats(); ++k)
      for (uint32_t row = 0; row < c.rowRepeats(); ++row)
        for (uint32_t column = 0; column < c.columnRepeats(); ++column) {
          simt::MatrixStep step;
          step.a = wordsOf(a, batch, row, k, unsigned(mma.m) * mma.k);
          step.b = wordsOf(b, batch, k, column, unsigned(mma.k) * mma.n);
          bool isPacked = tile::elementType(op.getType()).isF16();
          for (unsigned i = 0; i < unsigned(mma.m) * mma.n / 32; i += isPacked ? 2 : 1)
            step.c.push_back(c.registerOf(batch, row, column, i));
          steps.push_back(std::move(step));
        }
  return steps;
}

/// f32 operands are rounded to tf32: the unit would cut them off.
Value *NvptxTarget::matrixOperand(IRBuilderBase &b, tile::MmaOp op, ArrayRef<Value *> words) const {
  mlir::Type element = tile::elementType(op.getA().getType());
  if (element.isF64())
    return words.size() == 1 ? words[0]
                             : b.CreateOr(b.CreateZExt(words[0], b.getInt64Ty()),
                                          b.CreateShl(b.CreateZExt(words[1], b.getInt64Ty()), 32));
  if (!element.isF32())
    return words[0];
  Assembly convert(b);
  std::string to = convert.results(b.getInt32Ty());
  std::string from = convert.operand(b.CreateBitCast(words[0], b.getFloatTy()));
  return convert.emit("cvt.rna.tf32.f32 " + to + ", " + from, /*hasSideEffects=*/false);
}

static std::string typeName(mlir::Type type) {
  if (type.isF16())
    return "f16";
  if (type.isBF16())
    return "bf16";
  if (type.isF32())
    return "f32";
  if (type.isF64())
    return "f64";
  if (mlir::isa<mlir::Float8E4M3FNType>(type))
    return "e4m3";
  if (mlir::isa<mlir::Float8E5M2Type>(type))
    return "e5m2";
  return type.isInteger(8) ? "s8" : "s32";
}

void NvptxTarget::emitMatrixStep(IRBuilderBase &b, tile::MmaOp op, ArrayRef<Value *> left,
                                 ArrayRef<Value *> right, MutableArrayRef<Value *> sums) const {
  mlir::Type sumType = tile::elementType(op.getType());
  auto operandName = [](mlir::Type type) { return type.isF32() ? std::string("tf32") : typeName(type); };
  std::string text = "mma.sync.aligned." + op.getInstruction().split(' ').first.str() + ".row.col." +
                     typeName(sumType) + "." + operandName(tile::elementType(op.getA().getType())) + "." +
                     operandName(tile::elementType(op.getB().getType())) + "." + typeName(sumType) + " ";
  Type *word = sumType.isF32() ? b.getFloatTy() : sumType.isF64() ? b.getDoubleTy() : b.getInt32Ty();
  SmallVector<Value *> a(left), c(right);
  if (sumType.isF64())
    for (auto *each : {&a, &c})
      for (Value *&value : *each)
        value = b.CreateBitCast(value, b.getDoubleTy());
  // The sums are not tied to the results: copies between virtual registers would be instructions of PTX.
  Assembly product(b);
  text += product.results(word, unsigned(sums.size()), /*asVector=*/true);
  for (ArrayRef<Value *> each : {ArrayRef<Value *>(a), ArrayRef<Value *>(c), ArrayRef<Value *>(sums)})
    text += ", " + product.operands(each, /*asVector=*/true);
  product.emit(text, /*hasSideEffects=*/false)->setConvergent();
  for (auto [i, sum] : enumerate(sums))
    sum = product.result(unsigned(i));
}

void NvptxTarget::loadMatrices(IRBuilderBase &b, std::pair<Value *, int64_t> place, bool transposed,
                               MutableArrayRef<Value *> words) const {
  Assembly load(b);
  std::string to = load.results(b.getInt32Ty(), unsigned(words.size()), /*asVector=*/true);
  std::string from = load.address(place.first, place.second);
  load.emit("ldmatrix.sync.aligned.m8n8.x" + std::to_string(words.size()) + (transposed ? ".trans" : "") +
            ".shared.b16 " + to + ", " + from)
      ->setConvergent();
  for (auto [i, value] : enumerate(words))
    value = load.result(unsigned(i));
}

} // namespace tegula::nvptx
