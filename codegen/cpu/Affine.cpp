//===- Affine.cpp - indices of chunks, and how addresses advance along the lanes ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

#include "codegen/cpu/Elementwise.h"

#include <numeric>

using namespace mlir;

namespace tegula::cpu {

//===----------------------------------------------------------------------===//
// Arithmetic of indices
//===----------------------------------------------------------------------===//

Index Engine::constantIndex(int64_t value) {
  Index index;
  index.value = b.getInt64(value);
  index.origin = value == 0 ? -2 : -1;
  index.align = value == 0 ? int64_t(1) << 40 : std::abs(value);
  return index;
}

static bool isZero(const Index &index) { return index.origin == -2 && index.uniform(); }

Index Engine::scaled(const Index &index, int64_t factor) {
  if (factor == 1 || isZero(index) || !index.value)
    return index;
  if (factor == 0)
    return constantIndex(0);
  Index result = index;
  result.origin = -1;
  result.collapsed = 0;
  result.align = std::min<int64_t>(index.align * factor, int64_t(1) << 40);
  result.step = index.step * factor;
  At at(*this, index.level);
  llvm::Value *by = index.general ? splat(b.getInt32(factor)) : b.getInt64(factor);
  result.value = b.CreateMul(index.value, by);
  return result;
}

Index Engine::sum(const Index &a, const Index &c) {
  if (isZero(a) || !a.value)
    return a.value ? c : a;
  if (isZero(c) || !c.value)
    return c.value ? a : c;
  if (a.general != c.general)
    return sum(general(a), general(c));
  Index result;
  result.level = std::max(a.level, c.level);
  result.step = a.step + c.step;
  result.general = a.general;
  result.align = std::gcd(a.align, c.align);
  At at(*this, result.level);
  result.value = b.CreateAdd(a.value, c.value);
  return result;
}

/// The index of every lane as a vector of i32.
Index Engine::general(const Index &index) {
  if (index.general || !index.value)
    return index;
  Index result;
  result.level = index.level;
  result.general = true;
  At at(*this, index.level);
  llvm::Value *base = splat(b.CreateTrunc(index.value, b.getInt32Ty()));
  result.value = index.step ? b.CreateAdd(base, iota(b.getInt32Ty(), index.step)) : base;
  return result;
}

/// Quotient and remainder by a constant. Stays affine where a chunk cannot straddle a multiple of the divisor.
std::pair<Index, Index> Engine::divided(const Index &index, int64_t divisor) {
  if (divisor == 1)
    return {index, constantIndex(0)};
  if (isZero(index) || !index.value)
    return {index, index};
  Index quotient, remainder;
  quotient.level = remainder.level = index.level;
  int64_t common = std::gcd(index.align, divisor);
  bool within = index.step >= 0 && index.step * int64_t(lanes - 1) < common;
  bool across = index.step % divisor == 0;
  if (index.general || !(index.uniform() || within || across)) {
    Index all = general(index);
    At at(*this, all.level);
    llvm::Value *by = splat(b.getInt32(divisor));
    quotient.value = b.CreateUDiv(all.value, by);
    remainder.value = b.CreateURem(all.value, by);
    quotient.general = remainder.general = true;
    return {quotient, remainder};
  }
  At at(*this, index.level);
  quotient.value = b.CreateUDiv(index.value, b.getInt64(divisor));
  remainder.value = b.CreateURem(index.value, b.getInt64(divisor));
  quotient.align = index.align % divisor == 0 ? index.align / divisor : 1;
  remainder.align = common;
  if (across)
    quotient.step = index.step / divisor;
  else
    remainder.step = index.step;
  return {quotient, remainder};
}

const Engine::FlatLane *Engine::flatLaneAt(llvm::ArrayRef<Index> indices,
                                           llvm::ArrayRef<int64_t> extents) const {
  if (indices[0].collapsed != 1)
    return nullptr;
  for (const FlatLane &flat : flatLanes) {
    size_t count = flat.parts.size();
    bool all = count <= indices.size();
    for (size_t i = 0; i < count && all; ++i)
      all = indices[i].collapsed == int(i) + 1 && indices[i].value == flat.parts[i] &&
            extents[i] == flat.extents[i];
    if (all)
      return &flat;
  }
  return nullptr;
}

Index Engine::linearise(llvm::ArrayRef<Index> indices, llvm::ArrayRef<int64_t> extents) {
  Index total = constantIndex(0);
  for (size_t k = 0; k < indices.size(); ++k) {
    if (const FlatLane *flat = flatLaneAt(indices.slice(k), extents.slice(k))) {
      int64_t product = 1;
      for (int64_t extent : flat->extents)
        product *= extent;
      size_t count = flat->extents.size();
      total = sum(scaled(total, product), flat->index);
      k += count - 1;
      continue;
    }
    total = sum(scaled(total, extents[k]), indices[k]);
  }
  return total;
}

void Engine::delinearise(Index index, llvm::ArrayRef<int64_t> extents, SmallVectorImpl<Index> &out) {
  size_t begin = out.size();
  out.resize(begin + extents.size(), constantIndex(0));
  for (size_t k = extents.size() - 1; k > 0; --k) {
    auto [quotient, remainder] = divided(index, extents[k]);
    out[begin + k] = remainder;
    index = quotient;
  }
  out[begin] = index;
}

/// The point of shape `to` whose element has the row-major position that `point` has in shape `from`.
/// Dimensions are matched in groups of equal products, so that untouched ones keep their index.
Point Engine::reshaped(const Point &point, llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to) {
  Point result;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    size_t i0 = i, j0 = j;
    int64_t left = i < from.size() ? from[i++] : 1, right = j < to.size() ? to[j++] : 1;
    while (left != right) {
      if (left < right)
        left *= from[i++];
      else
        right *= to[j++];
    }
    llvm::SmallVector<Index, 4> indices;
    llvm::SmallVector<int64_t, 4> extents, wanted;
    for (size_t k = i0; k < i; ++k)
      if (from[k] != 1) {
        indices.push_back(point[k]);
        extents.push_back(from[k]);
      }
    for (size_t k = j0; k < j; ++k)
      if (to[k] != 1)
        wanted.push_back(to[k]);
    llvm::SmallVector<Index, 4> found;
    if (!wanted.empty())
      delinearise(linearise(indices, extents), wanted, found);
    size_t next = 0;
    for (size_t k = j0; k < j; ++k)
      result.push_back(to[k] == 1 ? constantIndex(0) : found[next++]);
  }
  return result;
}

bool Engine::uniform(const Point &point) {
  return llvm::all_of(point, [](const Index &index) { return index.uniform(); });
}

/// The same chunk's first lane, as a scalar point.
Point Engine::laneZero(const Point &point) {
  Point zero = point;
  for (Index &index : zero) {
    if (index.uniform())
      continue;
    if (index.general && index.value) {
      At at(*this, index.level);
      index.value = b.CreateSExt(b.CreateExtractElement(index.value, b.getInt64(0)), b.getInt64Ty());
    }
    index.step = 0;
    index.general = false;
    index.origin = -1;
    index.collapsed = 0;
  }
  return zero;
}

//===----------------------------------------------------------------------===//
// Steps of values
//===----------------------------------------------------------------------===//

static bool samePoint(const Point &a, const Point &c) {
  if (a.size() != c.size())
    return false;
  for (auto [x, y] : llvm::zip(a, c))
    if (x.value != y.value || x.step != y.step || x.general != y.general || x.origin != y.origin)
      return false;
  return true;
}

std::optional<int64_t> Engine::stepOf(Value value, const Point &point) {
  if (!tile::isTile(value.getType()) || uniform(point))
    return 0;
  for (auto &[at, step] : steps[value])
    if (samePoint(at, point))
      return step;
  std::optional<int64_t> step = computeStep(value, point);
  // A step this large comes from a hash or the like, whose values do wrap around.
  if (step && std::abs(*step) > (int64_t(1) << 31))
    step.reset();
  steps[value].push_back({point, step});
  return step;
}

static std::optional<int64_t> constantFactor(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  if (!constant) {
    auto splat = value.getDefiningOp<tile::SplatOp>();
    constant = splat ? splat.getSrc().getDefiningOp<arith::ConstantOp>() : arith::ConstantOp();
  }
  if (!constant)
    return {};
  Attribute attribute = constant.getValue();
  if (auto splat = dyn_cast<SplatElementsAttr>(attribute))
    attribute = splat.getSplatValue<Attribute>();
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return integer.getValue().getSExtValue();
  return {};
}

std::optional<int64_t> Engine::computeStep(Value value, const Point &point) {
  Operation *op = value.getDefiningOp();
  // The unpulled form is an oracle: it takes no address for granted that was stored as data.
  if (!op || (!options.pull && buffers.count(value)))
    return {};
  if (isa<tile::SplatOp>(op))
    return 0;
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return isa<SplatElementsAttr>(constant.getValue()) ? std::optional<int64_t>(0) : std::nullopt;
  if (isa<tile::MakeRangeOp>(op))
    return point[0].general ? std::nullopt : std::optional<int64_t>(point[0].step);
  if (isa<arith::AddIOp, arith::SubIOp>(op)) {
    auto left = stepOf(op->getOperand(0), point), right = stepOf(op->getOperand(1), point);
    if (!left || !right)
      return {};
    return isa<arith::AddIOp>(op) ? *left + *right : *left - *right;
  }
  if (auto add = dyn_cast<tile::AddPtrOp>(op)) {
    auto left = stepOf(add.getPtr(), point), right = stepOf(add.getOffset(), point);
    if (!left || !right)
      return {};
    Type pointee = cast<tile::PtrType>(tile::elementType(value.getType())).getPointee();
    return *left + *right * int64_t(memoryType(pointee)->getScalarSizeInBits() / 8);
  }
  if (isa<arith::MulIOp>(op)) {
    for (int side : {0, 1}) {
      auto step = stepOf(op->getOperand(side), point), other = stepOf(op->getOperand(1 - side), point);
      auto factor = constantFactor(op->getOperand(1 - side));
      if (!step || !other || *other != 0)
        continue;
      if (*step == 0)
        return 0;
      if (factor && std::abs(*factor) < (int64_t(1) << 24))
        return *step * *factor;
    }
    return {};
  }
  if (isa<arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp, arith::IndexCastOp, tile::PtrCastOp>(op))
    return stepOf(op->getOperand(0), point);
  if (isa<arith::RemSIOp, arith::RemUIOp>(op) && assumed(value, point))
    return stepOf(op->getOperand(0), point);
  if (isa<tile::BroadcastOp, tile::ExpandDimsOp, tile::TransOp, tile::ReshapeOp, tile::SplitOp>(op)) {
    Point source;
    if (sourcePoint(op, value, point, source))
      return stepOf(op->getOperand(0), source);
    return {};
  }
  if (isElementwise(op)) {
    for (Value operand : op->getOperands())
      if (stepOf(operand, point) != std::optional<int64_t>(0))
        return {};
    return 0;
  }
  return {};
}

Val Engine::affinePointer(Value pointers, const Point &point, int64_t step) {
  Point row = point;
  llvm::Value *lane = nullptr;
  int laneLevel = 0;
  for (Index &index : row) {
    if (index.uniform())
      continue;
    if (index.origin < 0 || index.general || index.step != 1 || (lane && lane != index.value))
      return eval(pointers, laneZero(point));
    lane = index.value;
    laneLevel = index.level;
    index = constantIndex(0);
  }
  Val base = eval(pointers, row);
  if (!lane || step == 0)
    return base;
  Val result{nullptr, std::max(base.level, laneLevel), false};
  At at(*this, result.level);
  // Written so that the address becomes [base + iv * size + constant].
  llvm::Value *offset = lane, *constant = nullptr;
  if (auto *add = llvm::dyn_cast<llvm::BinaryOperator>(lane))
    if (add->getOpcode() == llvm::Instruction::Add && llvm::isa<llvm::ConstantInt>(add->getOperand(1))) {
      offset = add->getOperand(0);
      constant = add->getOperand(1);
    }
  auto advance = [&](llvm::Value *pointer, llvm::Value *by) {
    bool power = step == 1 || step == 2 || step == 4 || step == 8;
    if (power)
      return b.CreateGEP(b.getIntNTy(step * 8), pointer, by);
    return b.CreateGEP(b.getInt8Ty(), pointer, b.CreateMul(by, b.getInt64(step)));
  };
  result.value = advance(base.value, offset);
  if (constant)
    result.value = advance(result.value, constant);
  return result;
}

} // namespace tegula::cpu
