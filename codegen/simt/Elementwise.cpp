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

static bool roundsToNearest(Operation *op) {
  if (auto convert = dyn_cast<tile::FpToFpOp>(op))
    return convert.getRounding() != tile::Rounding::TowardZero;
  auto truncate = cast<arith::TruncFOp>(op);
  return truncate.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) ==
         arith::RoundingMode::to_nearest_even;
}

/// A conversion to 16 or 8 bits writes two elements at once where the target can.
bool Emitter::emitNarrowing(Operation *op) {
  if (!isa<arith::TruncFOp, tile::FpToFpOp>(op) || !roundsToNearest(op))
    return false;
  Value source = op->getOperand(0), result = op->getResult(0);
  Type from = tile::elementType(source.getType()), to = tile::elementType(result.getType());
  unsigned count = registersOf(result), bits = registerBits(to);
  if (bits > 16 || registerBits(from) <= bits || count % (32 / bits))
    return false;
  TileValue registers;
  registers.pack = 32 / bits;
  llvm::DenseMap<std::pair<llvm::Value *, llvm::Value *>, llvm::Value *> made;
  SmallVector<llvm::Value *, 2> pairs;
  for (unsigned reg = 0; reg < count; reg += 2) {
    llvm::Value *low = element(source, reg), *high = element(source, reg + 1);
    llvm::Value *&pair = made[{low, high}];
    if (!pair)
      pair = target.narrowPair(b, low, high, from, to);
    if (!pair)
      return false;
    pairs.push_back(pair);
    if (pairs.size() * 2 == registers.pack) {
      registers.parts.push_back({bits == 16 ? pair : join(pairs), 0});
      pairs.clear();
    }
  }
  set(result, std::move(registers));
  return true;
}

/// A conversion of packed 8-bit floats to 16 or 32 bits reads two elements at once where the target can.
bool Emitter::emitWidening(Operation *op) {
  if (!isa<arith::ExtFOp, tile::FpToFpOp>(op))
    return false;
  Value source = op->getOperand(0), result = op->getResult(0);
  Type from = tile::elementType(source.getType()), to = tile::elementType(result.getType());
  if (registerBits(from) != 8 || !(to.isF16() || to.isF32()) || tile(source).pack != 4)
    return false;
  TileValue registers;
  registers.pack = to.isF16() ? 2 : 1;
  for (const Part &word : tile(source).parts)
    for (unsigned half : {0, 1}) {
      llvm::Value *pair = target.widenPair(b, extract(word.base, half, 16), from);
      if (!pair)
        return false;
      if (to.isF16()) {
        registers.parts.push_back({pair, 0});
        continue;
      }
      for (unsigned index : {0, 1}) {
        llvm::Value *single = b.CreateBitCast(extract(pair, index, 16), b.getHalfTy());
        registers.parts.push_back({b.CreateFPExt(single, b.getFloatTy()), 0});
      }
    }
  set(result, std::move(registers));
  return true;
}

void Emitter::emitElementwise(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto dense = dyn_cast<SplatElementsAttr>(constant.getValue());
    if (!dense)
      unsupported(op);
    return emitSplat(op->getResult(0),
                     cpu::constantOf(dense.getSplatValue<Attribute>(), registerType(dense.getElementType())));
  }
  if (op->getNumResults() != 1 || op->getNumRegions())
    unsupported(op);
  if (emitNarrowing(op) || emitWidening(op))
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
