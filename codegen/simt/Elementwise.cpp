//===- Elementwise.cpp - one operation an element, equal ones once ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Elementwise.h"
#include "codegen/simt/Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/Hashing.h"

#include <unordered_map>

using namespace mlir;

namespace tegula::simt {

llvm::Value *Emitter::elementOp(Operation *op, llvm::ArrayRef<llvm::Value *> operands) {
  if (llvm::Value *own = target.emitElement(b, op, operands))
    return own;
  llvm::Value *value = cpu::emitElementwise(b, op, operands, 1, target.elementTarget());
  if (!value)
    unsupported(op);
  return value;
}

namespace {

/// The operands of one element; registers with equal ones share the result.
struct Operands {
  SmallVector<Part, 3> parts;
  bool operator==(const Operands &other) const { return parts == other.parts; }
};
struct OperandsHash {
  size_t operator()(const Operands &o) const {
    size_t hash = 0;
    for (const Part &part : o.parts)
      hash = llvm::hash_combine(hash, part.base, part.offset);
    return hash;
  }
};

} // namespace

/// A conversion to 16 bits writes two elements at once where the target can.
bool Emitter::emitNarrowing(Operation *op) {
  Value source = op->getOperand(0), result = op->getResult(0);
  Type to = tile::elementType(result.getType());
  unsigned count = registersOf(result);
  if (!isa<arith::TruncFOp>(op) || registerBits(to) != 16 || count % 2 ||
      !tile::elementType(source.getType()).isF32())
    return false;
  TileValue registers;
  registers.pack = 2;
  llvm::DenseMap<std::pair<llvm::Value *, llvm::Value *>, llvm::Value *> made;
  for (unsigned reg = 0; reg < count; reg += 2) {
    llvm::Value *low = element(source, reg), *high = element(source, reg + 1);
    llvm::Value *&word = made[{low, high}];
    if (!word)
      word = target.narrowPair(b, low, high, to);
    if (!word)
      return false;
    registers.parts.push_back({word, 0});
  }
  set(result, std::move(registers));
  return true;
}

void Emitter::emitElementwise(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto dense = dyn_cast<SplatElementsAttr>(constant.getValue());
    if (!dense)
      unsupported(op);
    return emitSplat(op->getResult(0), constantOf(dense.getSplatValue<Attribute>(), dense.getElementType()));
  }
  if (op->getNumResults() != 1 || op->getNumRegions())
    unsupported(op);
  if (emitNarrowing(op))
    return;
  Value result = op->getResult(0);
  std::unordered_map<Operands, llvm::Value *, OperandsHash> made;
  TileValue registers;
  for (unsigned reg = 0, count = registersOf(result); reg < count; ++reg) {
    Operands operands;
    for (Value operand : op->getOperands())
      operands.parts.push_back(tile::isTile(operand.getType()) ? part(operand, reg)
                                                               : Part{scalar(operand), 0});
    llvm::Value *&value = made[operands];
    if (!value) {
      SmallVector<llvm::Value *, 3> values;
      for (auto [operand, each] : llvm::zip(op->getOperands(), operands.parts))
        values.push_back(materialise(each, tile::elementType(operand.getType())));
      value = elementOp(op, values);
    }
    registers.parts.push_back({value, 0});
  }
  set(result, std::move(registers));
}

/// The same value in every element: an integer constant is all offset.
void Emitter::emitSplat(Value result, llvm::Value *value) {
  Part part{value, 0};
  if (auto *constant = llvm::dyn_cast<llvm::ConstantInt>(value); constant && constant->getBitWidth() >= 32)
    part = {nullptr, constant->getSExtValue()};
  TileValue registers;
  registers.exact = true;
  registers.parts.assign(registersOf(result), part);
  set(result, std::move(registers));
}

} // namespace tegula::simt
