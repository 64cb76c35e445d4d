//===- AxisInfo.cpp - questions to the analysis ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/AxisInfo.h"

#include "passes/axis/Forms.h"

#include <bit>
#include <numeric>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::passes {

AxisInfo::AxisInfo(func::FuncOp kernel, Options options)
    : analysis(std::make_unique<Analysis>(kernel, options)), forms(std::make_unique<Forms>(*analysis)) {}
AxisInfo::~AxisInfo() = default;

const Facts &AxisInfo::of(Value value) const { return analysis->of(value); }
const Facts &AxisInfo::at(Value value, Operation *where) const { return analysis->at(value, where); }

/// The length of the runs of a stride along a dimension, in elements.
static int64_t lengthOf(const Facts &facts, Value value, unsigned dim, int64_t stride, Tier tier) {
  ArrayRef<int64_t> shape = shapeOf(value.getType());
  if (dim >= shape.size())
    return 1;
  const Run &run = facts.at(tier)[dim];
  if (shape[dim] == 1 || run.stride != stride)
    return 1;
  return run.length ? int64_t(run.length) : shape[dim];
}

int64_t AxisInfo::contiguity(Value value, unsigned dim, Tier tier) const {
  Type element = elementType(value.getType());
  return lengthOf(of(value), value, dim, isa<PtrType>(element) ? pointeeBytes(element) : 1, tier);
}

int64_t AxisInfo::constancy(Value value, unsigned dim, Tier tier) const {
  return lengthOf(of(value), value, dim, 0, tier);
}

uint64_t AxisInfo::divisibility(Value value, unsigned dim, Tier tier) const {
  const Facts &facts = of(value);
  return dim < facts.runs.size() ? facts.at(tier)[dim].divisor : facts.divisor;
}

bool AxisInfo::varies(Value value, unsigned dim) const {
  const Facts &facts = of(value);
  return dim < facts.runs.size() && !(facts.runs[dim].stride == 0 && facts.runs[dim].length == 0);
}

bool AxisInfo::mayWrap(Operation *op, bool isSigned) const { return mayWrapAt(*analysis, op, isSigned); }

bool AxisInfo::addIsOr(Value value, uint64_t addend) const {
  const Facts &facts = of(value);
  return facts.width && (addend & ~facts.zeros) == 0;
}

unsigned AxisInfo::vectorWidth(Value pointers, unsigned dim, Tier tier) const {
  ArrayRef<int64_t> shape = shapeOf(pointers.getType());
  int64_t size = pointeeBytes(elementType(pointers.getType()));
  if (dim >= shape.size() || contiguity(pointers, dim, tier) == 1)
    return 1;
  const Run &run = of(pointers).at(tier)[dim];
  // A vector lies within a run, and the last one within the tile.
  uint64_t length = std::gcd(run.length, uint64_t(shape[dim]));
  Run piece = cut(of(pointers), run, length);
  uint64_t width = std::min<uint64_t>(length & (~length + 1), uint64_t(std::max<int64_t>(1, 16 / size)));
  uint64_t aligned = piece.divisor ? piece.divisor & (~piece.divisor + 1) : 16;
  return unsigned(std::max<uint64_t>(1, std::min(width, aligned / uint64_t(size))));
}

std::optional<Needs> AxisInfo::vectorNeeds(Value pointers, unsigned dim, unsigned width, Tier tier) const {
  if (width <= vectorWidth(pointers, dim, tier) && std::has_single_bit(width)) {
    Needs none;
    none.modulus = uint64_t(width) * uint64_t(pointeeBytes(elementType(pointers.getType())));
    if (tier == Tier::Usual && width > vectorWidth(pointers, dim))
      none.obligations.append(obligations(pointers));
    return none;
  }
  return forms->vectorNeeds(pointers, dim, width, tier);
}

SmallVector<Obligation> AxisInfo::obligations(Value value) const { return analysis->obligationsOf(value); }

std::optional<Condition> AxisInfo::condition(const Obligation &obligation) const {
  return forms->conditionOf(obligation);
}

MaskFacts AxisInfo::maskFacts(Value mask) const { return forms->maskFacts(mask); }
bool AxisInfo::alwaysTrue(Value mask) const { return forms->alwaysTrue(mask); }
bool AxisInfo::alwaysFalse(Value mask) const { return of(mask).constant() == 0; }

bool AxisInfo::vectorUniform(Value mask, unsigned dim, unsigned width) const {
  auto needs = forms->uniformNeeds(mask, dim, width);
  return needs && needs->products.empty();
}

std::optional<Needs> AxisInfo::uniformNeeds(Value mask, unsigned dim, unsigned width) const {
  return forms->uniformNeeds(mask, dim, width);
}

std::optional<Condition> AxisInfo::interiorCondition(Value mask) const {
  return forms->interiorCondition(mask);
}
std::optional<LoopSplit> AxisInfo::split(Value mask, scf::ForOp loop) const {
  return forms->split(mask, loop);
}

} // namespace tegula::passes
