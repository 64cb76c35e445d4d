//===- Split.cpp - how many leading chunks of a lane loop need no masks ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

//
// A mask is a conjunction of comparisons of values that are affine along the lanes:
//
//     pid * BLOCK + range < n      is true for the first  n - pid * BLOCK  elements of the tile
//     row < M                      is the same for all lanes: all elements or none
//     x % n                        is x for as long as 0 <= x < n
//
// The main loop covers the chunks for which all of them hold and evaluates them as `true` (and `%` as its operand).
// As in Triton's axis analysis, index arithmetic is taken not to wrap around inside a tile.
//

using namespace mlir;

namespace tegula::cpu {

Engine::Signature Engine::signature(const Point &point) {
  Signature result;
  for (const Index &index : point)
    result.push_back({index.general ? -1 : index.origin, index.step});
  return result;
}

/// Whether this is the first visit.
bool Engine::visit(Seen &seen, Value value, const Point &point) {
  auto &list = seen[value];
  Signature at = signature(point);
  if (llvm::is_contained(list, at))
    return false;
  list.push_back(std::move(at));
  return true;
}

void Engine::assume(Value value, const Point &point) { assumptions[value].push_back(signature(point)); }

bool Engine::assumed(Value value, const Point &point) const {
  auto it = assumptions.find(value);
  if (it == assumptions.end())
    return false;
  auto wanted = signature(point);
  for (auto &[origin, step] : wanted)
    if (origin == -1)
      return false;
  return llvm::is_contained(it->second, wanted);
}

/// Whether a value can be evaluated before the lane loop: nothing in it depends on an index that is not known yet.
bool Engine::known(Value value, const Point &point, int depth) {
  if (!tile::isTile(value.getType()))
    return true;
  if (llvm::all_of(point, [](const Index &index) { return index.value; }))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || depth > 40 || buffers.count(value) || isa<tile::LoadOp, tile::MakeRangeOp>(op))
    return llvm::all_of(point, [](const Index &index) { return index.value; });
  if (isa<tile::SplatOp, arith::ConstantOp>(op))
    return true;
  Point source = point;
  if (isa<tile::ReshapeOp, tile::JoinOp, tile::CatOp>(op))
    return false;
  sourcePoint(op, value, point, source);
  return llvm::all_of(op->getOperands(), [&](Value operand) { return known(operand, source, depth + 1); });
}

/// `address`: the value is part of an address, where leaving out a remainder pays.
void Engine::collectTerms(Value value, const Point &point, Seen &seen, SmallVectorImpl<Term> &terms,
                          bool address) {
  // A buffer is read as it is; what filled it is done.
  Operation *op = value.getDefiningOp();
  if (!op || !tile::isTile(value.getType()) || isa<tile::SplatOp, arith::ConstantOp, tile::MakeRangeOp>(op) ||
      buffers.count(value) || !visit(seen, value, point))
    return;
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    if (load.getMask())
      maskTerms(load.getMask(), point, terms, false);
    collectTerms(load.getPtr(), point, seen, terms, true);
    return;
  }
  if (isa<arith::RemSIOp, arith::RemUIOp>(op)) {
    if (address)
      remainderTerm(op, point, terms);
    return;
  }
  if (isa<tile::ReshapeOp, tile::JoinOp, tile::CatOp, tile::SplatOp, tile::SplitOp>(op))
    return;
  Point source = point;
  sourcePoint(op, value, point, source);
  for (Value operand : op->getOperands())
    collectTerms(operand, source, seen, terms, address);
}

void Engine::maskTerms(Value mask, const Point &point, SmallVectorImpl<Term> &terms, bool skips) {
  if (!tile::isTile(mask.getType()) || assumed(mask, point))
    return;
  Operation *op = mask.getDefiningOp();
  if (!op || buffers.count(mask))
    return;
  if (isa<arith::AndIOp>(op)) {
    maskTerms(op->getOperand(0), point, terms, skips);
    maskTerms(op->getOperand(1), point, terms, skips);
    return;
  }
  if (isa<tile::BroadcastOp, tile::ExpandDimsOp, tile::TransOp>(op)) {
    Point source;
    sourcePoint(op, mask, point, source);
    maskTerms(op->getOperand(0), source, terms, skips);
    return;
  }
  if (isa<tile::SplatOp>(op)) {
    terms.push_back({nullptr, scalar(op->getOperand(0)), skips});
    assume(mask, point);
    return;
  }
  if (auto cmp = dyn_cast<arith::CmpIOp>(op))
    if (compareTerm(cmp, point, terms, skips))
      assume(mask, point);
}

bool Engine::compareTerm(arith::CmpIOp cmp, const Point &point, SmallVectorImpl<Term> &terms, bool skips) {
  using P = arith::CmpIPredicate;
  Value lhs = cmp.getLhs(), rhs = cmp.getRhs();
  auto left = stepOf(lhs, point), right = stepOf(rhs, point);
  if (!left || !right || !known(lhs, point) || !known(rhs, point))
    return false;
  for (const Index &index : point)
    if (index.general || index.origin == -1)
      return false;
  P predicate = cmp.getPredicate();
  int64_t advance = *left - *right; // of lhs - rhs, from lane to lane
  Point start = laneZero(point);
  if (uniform(point) || (*left == 0 && *right == 0)) {
    // The same for the whole row, whatever it compares.
    Val all = eval(cmp.getResult(), start);
    if (all.wide || all.level > level())
      return false;
    terms.push_back({nullptr, all.value, skips});
    return true;
  }
  if (predicate == P::sgt || predicate == P::sge || predicate == P::ugt || predicate == P::uge) {
    std::swap(lhs, rhs);
    advance = -advance;
  }
  bool orEqual = predicate == P::sle || predicate == P::sge || predicate == P::ule || predicate == P::uge;
  bool isUnsigned = predicate == P::ult || predicate == P::ule || predicate == P::ugt || predicate == P::uge;
  if (predicate == P::eq || predicate == P::ne || (isUnsigned && advance < 0))
    return false;
  Val first = eval(lhs, start), second = eval(rhs, start);
  if (first.wide || second.wide || isa<IndexType>(tile::elementType(lhs.getType())))
    return false;
  auto extend = [&](llvm::Value *value) {
    return isUnsigned ? b.CreateZExt(value, b.getInt64Ty()) : b.CreateSExt(value, b.getInt64Ty());
  };
  // lhs + advance * i < rhs  <=>  advance * i < distance
  llvm::Value *distance =
      b.CreateBinaryIntrinsic(llvm::Intrinsic::ssub_sat, extend(second.value), extend(first.value));
  if (orEqual)
    distance = b.CreateBinaryIntrinsic(llvm::Intrinsic::sadd_sat, distance, b.getInt64(1));
  if (advance <= 0) { // true at the start: true all along; false at the start: taken as false
    terms.push_back({nullptr, b.CreateICmpSGT(distance, b.getInt64(0)), false});
    return true;
  }
  llvm::Value *count = distance;
  if (advance != 1) {
    llvm::Value *up = b.CreateBinaryIntrinsic(llvm::Intrinsic::sadd_sat, distance, b.getInt64(advance - 1));
    count = b.CreateSelect(b.CreateICmpSGT(distance, b.getInt64(0)), b.CreateSDiv(up, b.getInt64(advance)),
                           b.getInt64(0));
  }
  // Of unsigned values only what lies below 2^63 was compared rightly.
  terms.push_back({count,
                   isUnsigned ? b.CreateAnd(b.CreateICmpSGE(extend(second.value), b.getInt64(0)),
                                            b.CreateICmpSGE(extend(first.value), b.getInt64(0)))
                              : nullptr,
                   skips && !isUnsigned});
  return true;
}

bool Engine::remainderTerm(Operation *op, const Point &point, SmallVectorImpl<Term> &terms) {
  Value dividend = op->getOperand(0), divisor = op->getOperand(1);
  auto step = stepOf(dividend, point), other = stepOf(divisor, point);
  if (!step || !other || *step <= 0 || *other != 0 || !known(dividend, point) || !known(divisor, point) ||
      assumed(op->getResult(0), point))
    return false;
  for (const Index &index : point)
    if (index.general || index.origin == -1)
      return false;
  Point start = laneZero(point);
  Val first = eval(dividend, start), bound = eval(divisor, start);
  bool isUnsigned = isa<arith::RemUIOp>(op);
  auto extend = [&](llvm::Value *value) {
    return isUnsigned ? b.CreateZExt(value, b.getInt64Ty()) : b.CreateSExt(value, b.getInt64Ty());
  };
  llvm::Value *from = extend(first.value), *to = extend(bound.value);
  llvm::Value *left = b.CreateBinaryIntrinsic(llvm::Intrinsic::ssub_sat, to, from);
  llvm::Value *count = *step == 1 ? left : b.CreateSDiv(left, b.getInt64(*step));
  llvm::Value *sane = b.CreateAnd(b.CreateICmpSGE(from, b.getInt64(0)), b.CreateICmpSGT(to, b.getInt64(0)));
  terms.push_back({count, sane, false});
  assume(op->getResult(0), point);
  return true;
}

} // namespace tegula::cpu
