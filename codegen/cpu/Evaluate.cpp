//===- Evaluate.cpp - tile values at points ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

#include "codegen/cpu/Elementwise.h"

using namespace mlir;

namespace tegula::cpu {

llvm::Value *Engine::splat(llvm::Value *value) { return b.CreateVectorSplat(lanes, value); }

llvm::Value *Engine::iota(llvm::Type *element, int64_t step) {
  SmallVector<llvm::Constant *, 16> values;
  for (unsigned i = 0; i < lanes; ++i)
    values.push_back(llvm::ConstantInt::getSigned(element, int64_t(i) * step, true));
  return llvm::ConstantVector::get(values);
}

Val Engine::widen(Val value) {
  if (value.wide)
    return value;
  At at(*this, value.level);
  return {splat(value.value), value.level, true};
}

static bool sameKey(const Point &a, const Point &c) {
  for (auto [x, y] : llvm::zip(a, c))
    if (x.value != y.value || x.step != y.step)
      return false;
  return true;
}

Val Engine::eval(Value value, const Point &point) {
  if (!tile::isTile(value.getType()))
    return {scalar(value), scalarLevels.lookup(value), false};
  if (auto it = overrides.find(value); it != overrides.end())
    return it->second;
  for (auto &map : memo) {
    auto it = map.find(value);
    if (it == map.end())
      continue;
    for (const Memo &entry : it->second)
      if (entry.mode == mode && sameKey(entry.point, point))
        return entry.val;
  }
  Val val = evaluate(value, point);
  memo[val.level][value].push_back({point, mode, val});
  return val;
}

Val Engine::evalAt(Value value, const Chunk &chunk) {
  active = chunk.active;
  return eval(value, chunk.point);
}

Val Engine::evaluate(Value value, const Point &point) {
  if (mode == 1 && assumed(value, point)) {
    Operation *op = value.getDefiningOp();
    if (isa<arith::RemSIOp, arith::RemUIOp>(op))
      return eval(op->getOperand(0), point);
    return {b.getTrue(), 0, false};
  }
  auto buffer = buffers.find(value);
  if (buffer != buffers.end())
    return readBuffer(buffer->second, point);
  Operation *op = value.getDefiningOp();
  if (!op)
    unsupported(kernel);
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return evalConstant(constant, point);
  if (isa<tile::MakeRangeOp>(op))
    return evalRange(op, point);
  if (auto load = dyn_cast<tile::LoadOp>(op))
    return evalLoad(load, point);
  if (!isElementwise(op))
    return evalShape(op, value, point);

  SmallVector<Val, 4> operands;
  Val result;
  for (Value operand : op->getOperands()) {
    operands.push_back(eval(operand, point));
    result.level = std::max(result.level, operands.back().level);
    result.wide |= operands.back().wide;
  }
  SmallVector<llvm::Value *, 4> values;
  for (Val operand : operands)
    values.push_back(result.wide ? widen(operand).value : operand.value);
  At at(*this, result.level);
  result.value = emitElementwise(b, op, values, result.wide ? lanes : 1, target);
  if (!result.value)
    unsupported(op);
  return result;
}

Val Engine::evalRange(Operation *op, const Point &point) {
  auto range = cast<tile::MakeRangeOp>(op);
  const Index &index = point[0];
  Val result{nullptr, index.level, !index.uniform()};
  At at(*this, index.level);
  auto start = int32_t(range.getStart());
  if (index.general) {
    result.value = b.CreateAdd(index.value, splat(b.getInt32(start)));
    return result;
  }
  llvm::Value *base = b.CreateTrunc(index.value, b.getInt32Ty());
  if (start)
    base = b.CreateAdd(base, b.getInt32(start));
  result.value = result.wide ? b.CreateAdd(splat(base), iota(b.getInt32Ty(), index.step)) : base;
  return result;
}

Val Engine::evalConstant(Operation *op, const Point &point) {
  Attribute attribute = cast<arith::ConstantOp>(op).getValue();
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  llvm::Type *inRegister = elementLLVMType(context, type.getElementType());
  if (auto uniformValue = dyn_cast<SplatElementsAttr>(attribute))
    return {constantOf(uniformValue.getSplatValue<Attribute>(), inRegister), 0, false};
  auto elements = dyn_cast<DenseElementsAttr>(attribute);
  if (!elements)
    unsupported(op);
  // A table in the module, read like a buffer.
  SmallVector<llvm::Constant *> values;
  for (Attribute element : elements.getValues<Attribute>()) {
    llvm::Constant *one = constantOf(element, inRegister);
    values.push_back(
        type.getElementType().isInteger(1) ? llvm::ConstantInt::get(b.getInt8Ty(), one->isOneValue()) : one);
  }
  auto *array = llvm::ArrayType::get(values[0]->getType(), values.size());
  auto *table = new llvm::GlobalVariable(module, array, true, llvm::GlobalValue::PrivateLinkage,
                                         llvm::ConstantArray::get(array, values), "table");
  Index flat = point.empty() ? constantIndex(0) : linearise(point, type.getShape());
  if (flat.uniform()) {
    At at(*this, flat.level);
    llvm::Value *value =
        b.CreateLoad(array->getElementType(), b.CreateGEP(array->getElementType(), table, flat.value));
    return {fromMemory(value, type.getElementType()), flat.level, false};
  }
  Index all = general(flat);
  At at(*this, all.level);
  // Lanes beyond the tile read some element of it.
  llvm::Value *last = splat(b.getInt32(values.size() - 1));
  llvm::Value *index = b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, all.value, last);
  Val pointers{b.CreateGEP(array->getElementType(), table,
                           b.CreateZExt(index, llvm::FixedVectorType::get(b.getInt64Ty(), lanes))),
               all.level, true};
  Val got = gather(array->getElementType(), pointers, nullptr, nullptr);
  return {fromMemory(got.value, type.getElementType()), all.level, true};
}

bool Engine::sourcePoint(Operation *op, Value result, const Point &point, Point &source) {
  source = point;
  if (isa<tile::SplatOp>(op)) {
    source.clear();
    return true;
  }
  if (auto expand = dyn_cast<tile::ExpandDimsOp>(op)) {
    source.erase(source.begin() + expand.getAxis());
    return true;
  }
  if (auto broadcast = dyn_cast<tile::BroadcastOp>(op)) {
    auto from = broadcast.getSrc().getType().getShape(), to = broadcast.getType().getShape();
    for (size_t i = 0; i < from.size(); ++i)
      if (from[i] == 1 && to[i] != 1)
        source[i] = constantIndex(0);
    return true;
  }
  if (auto trans = dyn_cast<tile::TransOp>(op)) {
    for (auto [i, from] : llvm::enumerate(trans.getOrder()))
      source[from] = point[i];
    return true;
  }
  if (auto reshape = dyn_cast<tile::ReshapeOp>(op)) {
    source = reshaped(point, reshape.getType().getShape(), reshape.getSrc().getType().getShape());
    return true;
  }
  if (auto split = dyn_cast<tile::SplitOp>(op)) {
    source.push_back(constantIndex(result == split.getSecond() ? 1 : 0));
    return true;
  }
  return false;
}

Val Engine::evalShape(Operation *op, Value value, const Point &point) {
  Point source;
  if (sourcePoint(op, value, point, source))
    return eval(op->getOperand(0), source);
  if (!isa<tile::JoinOp, tile::CatOp>(op))
    unsupported(op);
  // Both operands are evaluated at an index that is valid for them, then one is chosen.
  Point left = point, right = point;
  Index which;
  int64_t border = 1;
  if (isa<tile::JoinOp>(op)) {
    which = point.back();
    left.pop_back();
    right.pop_back();
  } else {
    border = tile::shapeOf(op->getOperand(0).getType())[0];
    which = point[0];
    Index all = which.uniform() ? which : general(which);
    At at(*this, all.level);
    llvm::Value *half = all.general ? splat(b.getInt32(border)) : b.getInt64(border);
    llvm::Value *inLeft = b.CreateICmpULT(all.value, half);
    llvm::Value *zero = llvm::Constant::getNullValue(all.value->getType());
    left[0] = right[0] = all;
    left[0].origin = right[0].origin = -1;
    left[0].align = right[0].align = 1;
    left[0].value = b.CreateSelect(inLeft, all.value, zero);
    right[0].value = b.CreateSelect(inLeft, zero, b.CreateSub(all.value, half));
  }
  Val first = eval(op->getOperand(0), left), second = eval(op->getOperand(1), right);
  Index all = which.uniform() ? which : general(which);
  Val result{nullptr, std::max({first.level, second.level, all.level}),
             first.wide || second.wide || all.general};
  if (result.wide) {
    first = widen(first);
    second = widen(second);
  }
  At at(*this, result.level);
  llvm::Value *limit = all.general ? splat(b.getInt32(border)) : b.getInt64(border);
  result.value = b.CreateSelect(b.CreateICmpULT(all.value, limit), first.value, second.value);
  return result;
}

} // namespace tegula::cpu
