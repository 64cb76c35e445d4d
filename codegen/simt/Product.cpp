//===- Product.cpp - products by matrix instructions, or by multiply-adds ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/simt/Emitter.h"

#include <map>

using namespace mlir;

namespace tegula::simt {

void Emitter::emitMma(tile::MmaOp op) {
  if (op.getInstruction() == "fma")
    return emitMultiplyAdds(op);
  // The sum word by word: f16 sums are packed in pairs.
  Type element = tile::elementType(op.getType());
  unsigned bits = registerBits(element), pack = bits < 32 ? 32 / bits : 1,
           count = registersOf(op.getResult());
  SmallVector<llvm::Value *> sums;
  if (pack > 1)
    for (llvm::Value *word : words(op.getC(), 0, count))
      sums.push_back(word);
  else
    for (unsigned reg = 0; reg < count; ++reg)
      sums.push_back(this->element(op.getC(), reg));
  std::map<std::pair<bool, unsigned>, llvm::Value *> operands;
  auto operand = [&](bool isRight, const SmallVector<unsigned> &registers) {
    llvm::Value *&word = operands[{isRight, registers[0]}];
    if (!word) {
      Value source = isRight ? op.getB() : op.getA();
      word = target.matrixOperand(b, op, wordsOf(source, registers));
    }
    return word;
  };
  for (const MatrixStep &step : target.matrixSteps(op)) {
    SmallVector<llvm::Value *> left, right, sum;
    for (auto &registers : step.a)
      left.push_back(operand(false, registers));
    for (auto &registers : step.b)
      right.push_back(operand(true, registers));
    for (unsigned reg : step.c)
      sum.push_back(sums[reg / pack]);
    target.emitMatrixStep(b, op, left, right, sum);
    for (auto [reg, value] : llvm::zip(step.c, sum))
      sums[reg / pack] = value;
  }
  TileValue registers;
  registers.pack = pack;
  for (llvm::Value *sum : sums)
    registers.parts.push_back({sum, 0});
  set(op.getResult(), std::move(registers));
}

/// Each register of the result on its own: the thread has its whole row of A and column of B.
void Emitter::emitMultiplyAdds(tile::MmaOp op) {
  const layout::Layout &a = layoutOf(op.getA()), &c = layoutOf(op.getResult());
  size_t rank = c.rank();
  auto registersByIndex = [&](Value value) {
    const layout::Layout &layout = layoutOf(value);
    std::map<layout::Index, unsigned, bool (*)(const layout::Index &, const layout::Index &)> map(
        [](const layout::Index &x, const layout::Index &y) {
          return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end());
        });
    for (unsigned reg = 0; reg < layout.registers(); ++reg)
      map.try_emplace(layout.index(reg, 0, 0), reg);
    return map;
  };
  auto left = registersByIndex(op.getA()), right = registersByIndex(op.getB());
  Type element = tile::elementType(op.getType());
  int64_t deep = tile::shapeOf(op.getA().getType())[a.rank() - 1];
  TileValue registers;
  for (unsigned reg = 0; reg < c.registers(); ++reg) {
    layout::Index at = c.index(reg, 0, 0), x = at, y = at;
    llvm::Value *sum = this->element(op.getC(), reg);
    for (int64_t k = 0; k < deep; ++k) {
      x[rank - 1] = k;
      y[rank - 2] = k;
      llvm::Value *l = this->element(op.getA(), left.at(x)), *r = this->element(op.getB(), right.at(y));
      sum = isa<FloatType>(element) ? b.CreateIntrinsic(llvm::Intrinsic::fma, {sum->getType()}, {l, r, sum})
                                    : b.CreateAdd(sum, b.CreateMul(l, r));
    }
    registers.parts.push_back({sum, 0});
  }
  set(op.getResult(), std::move(registers));
}

} // namespace tegula::simt
