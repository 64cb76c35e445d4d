//===- Access.cpp - loads and stores of global memory ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

#include "codegen/cpu/Elementwise.h"

using namespace mlir;

namespace tegula::cpu {

// Masked-out scalar accesses go to the first bytes of the scratch arena: no branch is needed for them.

llvm::Type *Engine::memoryType(Type element) {
  return element.isInteger(1) ? b.getInt8Ty() : elementLLVMType(context, element);
}

static bool isBool(Type element) { return element.isInteger(1); }

llvm::Value *Engine::fromMemory(llvm::Value *value, Type element) {
  return isBool(element) ? b.CreateICmpNE(value, llvm::Constant::getNullValue(value->getType())) : value;
}

llvm::Value *Engine::toMemory(llvm::Value *value, Type element) {
  if (!isBool(element))
    return value;
  llvm::Type *type = value->getType();
  return b.CreateZExt(value, type->isVectorTy()
                                 ? llvm::cast<llvm::VectorType>(type)->getWithNewType(b.getInt8Ty())
                                 : b.getInt8Ty());
}

llvm::Value *Engine::both(llvm::Value *a, llvm::Value *c) {
  auto isTrue = [](llvm::Value *value) {
    auto *constant = llvm::dyn_cast_or_null<llvm::Constant>(value);
    return !value || (constant && constant->isAllOnesValue());
  };
  if (isTrue(a))
    return isTrue(c) ? nullptr : c;
  if (isTrue(c))
    return a;
  return b.CreateAnd(a, c);
}

/// Stores the lanes of a vector that the mask picks (null: all).
void Engine::maskedStore(llvm::Value *vector, llvm::Value *pointer, llvm::Value *mask) {
  if (!mask) {
    b.CreateAlignedStore(vector, pointer, llvm::Align(1));
    return;
  }
  // LLVM 22 stores four bytes for a narrow element when a constant mask picks one lane after a truncation.
  if (auto *constant = llvm::dyn_cast<llvm::Constant>(mask)) {
    SmallVector<unsigned, 16> set;
    for (unsigned lane = 0; lane < lanes; ++lane)
      if (llvm::Constant *bit = constant->getAggregateElement(lane); bit && bit->isOneValue())
        set.push_back(lane);
    if (set.size() == 1) {
      llvm::Value *element = b.CreateExtractElement(vector, uint64_t(set[0]));
      b.CreateAlignedStore(element, b.CreateGEP(element->getType(), pointer, b.getInt64(set[0])),
                           llvm::Align(1));
      return;
    }
  }
  b.CreateMaskedStore(vector, pointer, llvm::Align(1), mask);
}

/// Loads a vector from any addresses; lanes without mask give `other` (zero if null).
Val Engine::gather(llvm::Type *type, Val pointers, llvm::Value *mask, llvm::Value *other) {
  auto *vector = llvm::FixedVectorType::get(type, lanes);
  Val result{nullptr, pointers.level, true};
  At at(*this, result.level);
  unsigned bits = type->isPointerTy() ? 64 : type->getScalarSizeInBits();
  if (isaFacts.avx2 && bits >= 32) {
    llvm::Value *through = other ? other : llvm::Constant::getNullValue(vector);
    llvm::Value *all =
        mask ? mask : llvm::ConstantInt::getTrue(llvm::FixedVectorType::get(b.getInt1Ty(), lanes));
    result.value = b.CreateMaskedGather(vector, pointers.value, llvm::Align(bits / 8), all, through);
    return result;
  }
  llvm::Value *value = llvm::PoisonValue::get(vector);
  for (unsigned lane = 0; lane < lanes; ++lane) {
    llvm::Value *pointer = b.CreateExtractElement(pointers.value, lane);
    if (mask)
      pointer = b.CreateSelect(b.CreateExtractElement(mask, lane), pointer, scratch);
    value = b.CreateInsertElement(value, b.CreateAlignedLoad(type, pointer, llvm::Align(1)), lane);
  }
  if (mask)
    value = b.CreateSelect(mask, value, other ? other : llvm::Constant::getNullValue(vector));
  result.value = value;
  return result;
}

/// Stores to any addresses, lane after lane: of equal addresses the last one stays.
void Engine::scatter(llvm::Value *value, Val pointers, llvm::Value *mask) {
  llvm::Type *type = value->getType()->getScalarType();
  unsigned bits = type->isPointerTy() ? 64 : type->getScalarSizeInBits();
  if (isaFacts.avx512 && bits >= 32) {
    llvm::Value *all =
        mask ? mask : llvm::ConstantInt::getTrue(llvm::FixedVectorType::get(b.getInt1Ty(), lanes));
    b.CreateMaskedScatter(value, pointers.value, llvm::Align(bits / 8), all);
    return;
  }
  for (unsigned lane = 0; lane < lanes; ++lane) {
    llvm::Value *pointer = b.CreateExtractElement(pointers.value, lane);
    if (mask)
      pointer = b.CreateSelect(b.CreateExtractElement(mask, lane), pointer, scratch);
    b.CreateAlignedStore(b.CreateExtractElement(value, lane), pointer, llvm::Align(1));
  }
}

Val Engine::evalLoad(tile::LoadOp op, const Point &point) {
  Type element = tile::elementType(op.getResult().getType());
  llvm::Type *type = memoryType(element);
  int64_t size = type->isPointerTy() ? 8 : type->getScalarSizeInBits() / 8;
  auto step = stepOf(op.getPtr(), point);
  Val mask{nullptr, 0, false}, other{nullptr, 0, false};
  if (op.getMask())
    mask = eval(op.getMask(), point);
  if (op.getOther())
    other = eval(op.getOther(), point);
  bool masked = mask.value && both(mask.value, nullptr);
  Val result;

  if (step == std::optional<int64_t>(0) && !mask.wide && !other.wide) { // one element for all lanes
    Val pointer = affinePointer(op.getPtr(), point, 0);
    result.level = std::max({pointer.level, mask.level, other.level, loadFloor});
    At at(*this, result.level);
    llvm::Value *from = masked ? b.CreateSelect(mask.value, pointer.value, scratch) : pointer.value;
    auto *load = b.CreateAlignedLoad(type, from, llvm::Align(1), op.getIsVolatile());
    result.value = fromMemory(load, element);
    if (masked)
      result.value =
          b.CreateSelect(mask.value, result.value,
                         other.value ? other.value : llvm::Constant::getNullValue(result.value->getType()));
    return result;
  }

  result.wide = true;
  bool consecutive = step == std::optional<int64_t>(size);
  Val pointer = consecutive ? affinePointer(op.getPtr(), point, size) : widen(eval(op.getPtr(), point));
  result.level = std::max({pointer.level, mask.level, other.level, loadFloor});
  // The lane predicate belongs to the innermost level.
  llvm::Value *lanesIn = masked || active ? active : nullptr;
  if (lanesIn)
    result.level = level();
  mask = masked ? widen(mask) : Val{};
  if (other.value)
    other = widen(other);
  At at(*this, result.level);
  llvm::Value *all = both(mask.value, lanesIn);
  llvm::Value *through = other.value && all ? toMemory(other.value, element) : nullptr;
  if (!consecutive) {
    Val got = gather(type, {pointer.value, result.level, true}, all, through);
    result.value = fromMemory(got.value, element);
    return result;
  }
  auto *vector = llvm::FixedVectorType::get(type, lanes);
  llvm::Value *value;
  if (all)
    value = b.CreateMaskedLoad(vector, pointer.value, llvm::Align(1), all,
                               through ? through : llvm::Constant::getNullValue(vector));
  else
    value = b.CreateAlignedLoad(vector, pointer.value, llvm::Align(1), op.getIsVolatile());
  result.value = fromMemory(value, element);
  return result;
}

void Engine::emitScalarLoad(tile::LoadOp op) {
  Type element = op.getResult().getType();
  llvm::Type *type = memoryType(element);
  llvm::Value *pointer = scalar(op.getPtr());
  llvm::Value *mask = op.getMask() ? scalar(op.getMask()) : nullptr;
  if (mask)
    pointer = b.CreateSelect(mask, pointer, scratch);
  llvm::Value *value =
      fromMemory(b.CreateAlignedLoad(type, pointer, llvm::Align(1), op.getIsVolatile()), element);
  if (mask) {
    llvm::Value *other =
        op.getOther() ? scalar(op.getOther()) : llvm::Constant::getNullValue(value->getType());
    value = b.CreateSelect(mask, value, other);
  }
  scalars[op.getResult()] = value;
}

void Engine::emitStore(tile::StoreOp op) {
  Type element = tile::elementType(op.getValue().getType());
  if (!tile::isTile(op.getPtr().getType())) {
    llvm::Value *pointer = scalar(op.getPtr());
    if (op.getMask())
      pointer = b.CreateSelect(scalar(op.getMask()), pointer, scratch);
    b.CreateAlignedStore(toMemory(scalar(op.getValue()), element), pointer, llvm::Align(1));
    return;
  }
  beginNest();
  beginSides(op);
  SmallVector<Value, 4> roots{op.getPtr(), op.getValue()};
  auto shape = tile::shapeOf(op.getPtr().getType());
  // Elements with one address are written in row-major order; the order is free only if there are none.
  LaneSpec spec = chooseLanes(shape, roots, true);
  if (shape.size() > 1 && spec.count == 1 && provablyInjective(op.getPtr()))
    spec = chooseStoreLanes(op, spec);
  if (plan.sideOutputs(op).empty())
    spec.skip = op.getMask();
  else if (op.getMask())
    spec.masks.push_back(op.getMask());
  nest(shape, spec, [&](const Chunk &chunk) {
    storeChunk(op, chunk);
    writeSides(op, chunk);
  });
  endSides(op);
}

/// Lanes along the dimension in which the pointers are consecutive.
LaneSpec Engine::chooseStoreLanes(tile::StoreOp op, const LaneSpec &rowMajor) {
  auto shape = tile::shapeOf(op.getPtr().getType());
  int64_t size = memoryType(tile::elementType(op.getValue().getType()))->getScalarSizeInBits() / 8;
  auto stepAlong = [&](int dim) {
    Point point;
    for (size_t i = 0; i < shape.size(); ++i) {
      point.push_back(constantIndex(0));
      point.back().origin = i;
    }
    point[dim].step = 1;
    return stepOf(op.getPtr(), point);
  };
  LaneSpec spec = rowMajor;
  if (stepAlong(spec.dim) == std::optional<int64_t>(size))
    return spec;
  for (int dim = 0; dim < int(shape.size()); ++dim)
    if (shape[dim] >= int64_t(lanes) && stepAlong(dim) == std::optional<int64_t>(size)) {
      spec.dim = dim;
      break;
    }
  steps.clear();
  return spec;
}

void Engine::storeChunk(tile::StoreOp op, const Chunk &chunk) {
  Type element = tile::elementType(op.getValue().getType());
  int64_t size = memoryType(element)->isPointerTy() ? 8 : memoryType(element)->getScalarSizeInBits() / 8;
  Val value = evalAt(op.getValue(), chunk);
  Val mask = op.getMask() ? evalAt(op.getMask(), chunk) : Val{};
  bool masked = mask.value && both(mask.value, nullptr);
  if (uniform(chunk.point)) {
    llvm::Value *pointer = evalAt(op.getPtr(), chunk).value;
    if (masked)
      pointer = b.CreateSelect(mask.value, pointer, scratch);
    b.CreateAlignedStore(toMemory(value.value, element), pointer, llvm::Align(1));
    return;
  }
  llvm::Value *all = both(masked ? widen(mask).value : nullptr, chunk.active);
  llvm::Value *vector = toMemory(widen(value).value, element);
  auto step = stepOf(op.getPtr(), chunk.point);
  if (step != std::optional<int64_t>(size))
    return scatter(vector, widen(evalAt(op.getPtr(), chunk)), all);
  llvm::Value *pointer = affinePointer(op.getPtr(), chunk.point, size).value;
  maskedStore(vector, pointer, all);
}

} // namespace tegula::cpu
