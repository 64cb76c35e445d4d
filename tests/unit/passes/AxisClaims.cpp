//===- AxisClaims.cpp - every claim of the axis analysis, checked while a kernel runs ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AxisClaims.h"

#include "driver/reference/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace tegula::passes;
using namespace tegula::reference;

namespace tegula::test {

static int64_t signedBits(uint64_t bits, Kind kind) {
  return kind == Kind::I1        ? int64_t(bits & 1)
         : kind == Kind::Pointer ? int64_t(bits)
                                 : signExtend(bits, kind);
}

AxisClaims::AxisClaims(func::FuncOp kernel) : kernel(kernel), info(kernel) { prepare(); }

void AxisClaims::fail(Value value, const std::string &why) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << why << ": ";
  value.print(os);
  failures.push_back(text);
}

//===----------------------------------------------------------------------===//
// Everything is asked before anything is inserted
//===----------------------------------------------------------------------===//

void AxisClaims::prepareMask(Value mask) {
  MaskClaims claims{info.alwaysTrue(mask),
                    info.alwaysFalse(mask),
                    info.maskFacts(mask),
                    info.interiorCondition(mask),
                    {},
                    {},
                    {},
                    {}};
  for (unsigned d = 0; d < tile::shapeOf(mask.getType()).size(); ++d)
    for (unsigned width : {2u, 4u, 8u, 16u}) {
      auto needs = info.uniformNeeds(mask, d, width);
      if (info.vectorUniform(mask, d, width) != (needs && needs->products.empty()))
        fail(mask, "vectorUniform and uniformNeeds differ");
      if (needs)
        claims.uniform.push_back({d, width, Tier::Proved, *needs});
    }
  if (Operation *op = mask.getDefiningOp())
    claims.loop = op->getParentOfType<scf::ForOp>();
  masks[mask] = std::move(claims);
}

void AxisClaims::prepare() {
  SmallVector<Value> all(kernel.getArguments().begin(), kernel.getArguments().end());
  kernel.walk([&](Operation *op) {
    if (isa_and_nonnull<tile::ReduceOp>(op->getParentOp()))
      return;
    llvm::append_range(all, op->getResults());
    for (Region &region : op->getRegions())
      if (!isa<tile::ReduceOp, func::FuncOp>(op))
        for (mlir::Block &block : region)
          llvm::append_range(all, block.getArguments());
    if (auto promise = dyn_cast<tile::AssumeOp>(op))
      assumed.insert(promise.getCondition());
  });
  std::vector<std::pair<Value, LoopSplit>> splits;
  for (Value value : all) {
    Type element = tile::elementType(value.getType());
    if (isa<tile::PtrType>(element)) {
      for (unsigned d = 0; d < tile::shapeOf(value.getType()).size(); ++d)
        for (Tier tier : {Tier::Proved, Tier::Usual}) {
          for (unsigned width : {2u, 4u, 8u, 16u})
            if (auto needs = info.vectorNeeds(value, d, width, tier))
              vectors[value].push_back({d, width, tier, *needs});
          if (unsigned width = info.vectorWidth(value, d, tier); width > 1) {
            Needs none;
            none.modulus = width * uint64_t(pointeeBytes(element));
            if (tier == Tier::Usual)
              none.obligations.append(info.obligations(value));
            vectors[value].push_back({d, width, tier, none});
          }
        }
    }
    if (element.isInteger(1)) {
      prepareMask(value);
      if (masks[value].loop)
        if (auto split = info.split(value, masks[value].loop))
          splits.push_back({value, *split});
    }
    if (!info.of(value).usually.empty()) {
      usualRests[value] = info.obligations(value);
      for (const Obligation &o : usualRests[value]) {
        auto &list = obligations[o.op];
        if (llvm::none_of(list, [&](auto &known) { return known.first == o; }))
          list.push_back({o, info.condition(o)});
      }
    }
  }
  for (auto &[value, claims] : vectors)
    for (const VectorClaim &claim : claims)
      for (const Obligation &o : claim.needs.obligations) {
        auto &list = obligations[o.op];
        if (llvm::none_of(list, [&](auto &known) { return known.first == o; }))
          list.push_back({o, info.condition(o)});
      }
  for (Value mask : all) {
    auto found = masks.find(mask);
    if (found == masks.end() || !found->second.interior)
      continue;
    OpBuilder builder(kernel.getContext());
    Operation *op = mask.getDefiningOp();
    op ? builder.setInsertionPoint(op)
       : builder.setInsertionPointToStart(cast<BlockArgument>(mask).getOwner());
    // The condition may be the mask itself.
    if (op &&
        llvm::none_of(found->second.interior->scalars, [&](Value v) { return v.getDefiningOp() == op; }))
      found->second.materialised = materialise(builder, kernel.getLoc(), *found->second.interior);
  }
  for (auto &[mask, split] : splits) {
    OpBuilder builder(masks[mask].loop);
    masks[mask].cut = materialise(builder, split, masks[mask].loop);
  }
}

//===----------------------------------------------------------------------===//
// A run
//===----------------------------------------------------------------------===//

bool AxisClaims::run(std::array<int64_t, 3> program, std::array<int64_t, 3> grid,
                     const std::vector<uint64_t> &slots) {
  last.clear();
  broken.clear();
  isVoid = false;
  Hooks hooks;
  hooks.observe = [this](Value value, const Block &block) { observe(value, block); };
  Interpreter interpreter(kernel, grid, slots.data(), nullptr, reference::Devices::Cpu, hooks);
  interpreter.runProgram(program);
  return !isVoid;
}

void AxisClaims::observe(Value value, const Block &block) {
  last[value] = block;
  if (isVoid)
    return;
  if (assumed.count(value) && !(block.cells[0].bits & 1)) {
    isVoid = true;
    return;
  }
  Operation *op = value.getDefiningOp();
  if (op) {
    noteObligations(op);
    for (Value operand : op->getOperands()) {
      const Facts &refined = info.at(operand, op);
      if (&refined != &info.of(operand) && last.count(operand)) {
        ++counts.refined;
        checkFacts(operand, refined, last[operand], "refined ");
      }
    }
    checkWrap(op, block);
  }
  ++counts.values;
  checkFacts(value, info.of(value), block, "");
  if (vectors.count(value))
    checkVectors(value, block);
  if (masks.count(value))
    checkMask(value, block);
}

void AxisClaims::checkFacts(Value value, const Facts &facts, const Block &block, const char *what) {
  if (facts.width) {
    uint64_t all = maskOf(facts.width);
    int64_t root = 0;
    if (facts.isPointer && facts.root)
      root = int64_t(last[facts.root].cells[0].bits);
    for (const Cell &cell : block.cells) {
      int64_t number = signedBits(cell.bits, block.kind);
      int64_t placed = facts.isPointer ? number - root : number;
      bool isRangeKnown = !facts.isPointer || facts.root;
      if (isRangeKnown && (placed < facts.min || placed > facts.max))
        return fail(value, std::string(what) + "range does not hold " + std::to_string(placed));
      if ((cell.bits & facts.zeros & all) || (~cell.bits & facts.ones & all))
        return fail(value, std::string(what) + "known bits are not those of " + std::to_string(number));
      if (facts.divisor ? number % __int128(facts.divisor) != 0 : number != 0)
        return fail(value, std::string(what) + "divisor " + std::to_string(facts.divisor) + " of " +
                               std::to_string(number));
    }
    counts.ranges +=
        facts.isInteger() && (facts.min != lowest(facts.width) || facts.max != highest(facts.width));
  }
  checkRuns(value, facts, facts.runs, block, what, counts.runs);
  if (facts.usually.empty())
    return;
  for (const Obligation &o : usualRests[value])
    if (llvm::is_contained(broken, o))
      return;
  checkRuns(value, facts, facts.usually, block, "usual ", counts.usualRuns);
}

void AxisClaims::checkRuns(Value value, const Facts &facts, ArrayRef<Run> runs, const Block &block,
                           const char *what, int64_t &count) {
  if (runs.size() != block.shape.size())
    return fail(value, "rank");
  int64_t inner = block.size();
  for (size_t d = 0; d < runs.size(); ++d) {
    const Run &run = runs[d];
    int64_t extent = block.shape[d];
    inner /= extent; // elements from one to the next along d
    count += extent > 1 && run.length != 1;
    for (int64_t i = 0; i < block.size(); ++i) {
      int64_t along = i / inner % extent;
      bool isFirst = run.length ? along % int64_t(run.length) == 0 : along == 0;
      int64_t number =
          facts.width ? signedBits(block.cells[i].bits, block.kind) : int64_t(block.cells[i].bits);
      if (isFirst && facts.width && (run.divisor ? number % __int128(run.divisor) != 0 : number != 0))
        return fail(value, std::string(what) + "divisor " + std::to_string(run.divisor) + " along " +
                               std::to_string(d) + ", element " + std::to_string(i) + " is " +
                               std::to_string(number));
      if (isFirst)
        continue;
      int64_t before = facts.width ? signedBits(block.cells[i - inner].bits, block.kind)
                                   : int64_t(block.cells[i - inner].bits);
      int64_t wanted = facts.width ? wrapped((__int128)before + run.stride, facts.width) : before;
      if (number != wanted)
        return fail(value, std::string(what) + "run along " + std::to_string(d) + ", element " +
                               std::to_string(i) + " is " + std::to_string(number) + " after " +
                               std::to_string(before));
    }
  }
}

void AxisClaims::checkWrap(Operation *op, const Block &result) {
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp, arith::TruncIOp>(op) ||
      result.kind == Kind::I1)
    return;
  for (bool isSigned : {true, false}) {
    if (info.mayWrap(op, isSigned))
      continue;
    ++counts.noWraps;
    const Block &a = last[op->getOperand(0)];
    auto read = [&](const Block &block, int64_t i) -> __int128 {
      return isSigned ? __int128(signExtend(block.cells[i].bits, block.kind)) : __int128(block.cells[i].bits);
    };
    for (int64_t i = 0; i < result.size(); ++i) {
      __int128 x = read(a, i), exact = x;
      if (!isa<arith::TruncIOp>(op)) {
        __int128 y = read(last[op->getOperand(1)], i);
        if (isa<arith::ShLIOp>(op))
          exact = x == 0 || (y >= 0 && y < 64) ? x * (__int128(1) << int(y & 63))
                                               : INT64_MIN; // nothing that fits
        else
          exact = isa<arith::AddIOp>(op) ? x + y : isa<arith::SubIOp>(op) ? x - y : x * y;
      }
      if (exact != read(result, i))
        return fail(op->getResult(0), isSigned ? "wraps" : "wraps without signs");
    }
  }
}

//===----------------------------------------------------------------------===//
// Formulas
//===----------------------------------------------------------------------===//

__int128 AxisClaims::scalar(Value value) {
  const Block &block = last[value];
  return signedBits(block.cells[0].bits, block.kind);
}

__int128 AxisClaims::numberOf(const Polynomial &polynomial) {
  __int128 sum = polynomial.constant;
  for (const Product &product : polynomial.products) {
    __int128 number = product.factor;
    for (Value value : product.scalars)
      number *= scalar(value);
    sum += number;
  }
  return sum;
}

bool AxisClaims::hold(const Needs &needs) {
  for (const Obligation &o : needs.obligations)
    if (llvm::is_contained(broken, o))
      return false;
  for (const Product &product : needs.products) {
    uint64_t number = uint64_t(product.factor); // the low bits are enough
    for (Value value : product.scalars)
      number *= uint64_t(scalar(value));
    if (number % needs.modulus != 0)
      return false;
  }
  return true;
}

bool AxisClaims::holds(const Condition &condition) {
  for (const Inequality &inequality : condition.inequalities)
    if (numberOf(inequality.less) >= numberOf(inequality.greater))
      return false;
  for (Value value : condition.scalars)
    if (scalar(value) == 0)
      return false;
  return true;
}

bool AxisClaims::obligationHolds(const Obligation &obligation) {
  const Block &block = last[obligation.value()];
  if (obligation.kind != Obligation::NoWrap)
    return llvm::all_of(block.cells, [&](const Cell &cell) {
      int64_t number = signedBits(cell.bits, block.kind);
      return obligation.kind == Obligation::NotNegative ? number >= 0 : number != 0;
    });
  int64_t inner = block.size();
  for (auto [d, run] : llvm::enumerate(info.of(obligation.value()).at(Tier::Usual))) {
    int64_t extent = block.shape[d];
    inner /= extent;
    for (int64_t i = 0; i < block.size(); ++i) {
      int64_t along = i / inner % extent;
      if (along == 0 || (run.length && along % int64_t(run.length) == 0))
        continue;
      __int128 step = __int128(signExtend(block.cells[i].bits, block.kind)) -
                      signExtend(block.cells[i - inner].bits, block.kind);
      if (step != run.stride)
        return false;
    }
  }
  return true;
}

/// Once broken, all that is made of it is open for the rest of the run.
void AxisClaims::noteObligations(Operation *op) {
  auto found = obligations.find(op);
  if (found == obligations.end())
    return;
  for (auto &[obligation, condition] : found->second) {
    bool isMet = obligationHolds(obligation);
    if (!isMet && !llvm::is_contained(broken, obligation))
      broken.push_back(obligation);
    if (condition && holds(*condition)) {
      ++counts.obligations;
      if (!isMet)
        fail(obligation.value(), "an obligation does not hold though its condition does");
    }
  }
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

void AxisClaims::checkVectors(Value pointers, const Block &block) {
  int64_t size = pointeeBytes(tile::elementType(pointers.getType()));
  for (const VectorClaim &claim : vectors[pointers]) {
    if (!hold(claim.needs))
      continue;
    claim.needs.products.empty() ? ++counts.vectors : ++counts.needs;
    int64_t inner = 1;
    for (size_t d = claim.dim + 1; d < block.shape.size(); ++d)
      inner *= block.shape[d];
    for (int64_t i = 0; i < block.size(); ++i) {
      int64_t along = i / inner % block.shape[claim.dim];
      uint64_t address = block.cells[i].bits;
      bool isRight = along % claim.width == 0 ? address % (uint64_t(size) * claim.width) == 0
                                              : address == block.cells[i - inner].bits + uint64_t(size);
      if (!isRight)
        return fail(pointers, "a vector of " + std::to_string(claim.width) + " along " +
                                  std::to_string(claim.dim) + " does not fit");
    }
  }
}

bool AxisClaims::isUniform(const Block &block, unsigned dim, unsigned width) {
  int64_t inner = 1;
  for (size_t d = dim + 1; d < block.shape.size(); ++d)
    inner *= block.shape[d];
  for (int64_t i = 0; i < block.size(); ++i)
    if (i / inner % block.shape[dim] % width != 0 &&
        (block.cells[i].bits & 1) != (block.cells[i - inner].bits & 1))
      return false;
  return true;
}

void AxisClaims::checkMask(Value mask, const Block &block) {
  MaskClaims &claims = masks[mask];
  bool isWhole = llvm::all_of(block.cells, [](const Cell &cell) { return cell.bits & 1; });
  bool isEmpty = llvm::none_of(block.cells, [](const Cell &cell) { return cell.bits & 1; });
  counts.alwaysTrue += claims.alwaysTrue && !mask.getDefiningOp<arith::ConstantOp>();
  if ((claims.alwaysTrue && !isWhole) || (claims.alwaysFalse && !isEmpty))
    fail(mask, "is not always so");
  if (claims.interior) {
    bool holding = holds(*claims.interior);
    counts.interior += holding && !claims.interior->isTrue();
    if (holding && !isWhole)
      fail(mask, "is not whole where its condition holds");
    if (claims.materialised && last.count(claims.materialised) &&
        (scalar(claims.materialised) != 0) != holding)
      fail(mask, "the condition's operations give another answer");
  }
  for (const VectorClaim &claim : claims.uniform)
    if (hold(claim.needs)) {
      counts.uniform += !claims.alwaysTrue && !claims.alwaysFalse;
      if (!isUniform(block, claim.dim, claim.width))
        fail(mask,
             "is not uniform by " + std::to_string(claim.width) + " along " + std::to_string(claim.dim));
    }
  if (claims.cut && last.count(claims.cut)) {
    __int128 i = scalar(claims.loop.getInductionVar()), low = scalar(claims.loop.getLowerBound()),
             high = scalar(claims.loop.getUpperBound()), step = scalar(claims.loop.getStep()),
             cut = scalar(claims.cut);
    counts.split += i < cut;
    if (i < cut && !isWhole)
      fail(mask, "is not whole before the cut");
    if (cut < low || cut > high || (cut != high && (cut - low) % step != 0))
      fail(mask, "the cut is no index of the loop");
  }
  // Every term by its formula.
  bool isExact = claims.facts.isComplete && !claims.facts.terms.empty();
  for (const MaskTerm &term : claims.facts.terms)
    isExact &= term.isExact;
  if (!isExact)
    return;
  ++counts.terms;
  for (int64_t e = 0; e < block.size(); ++e) {
    bool wanted = llvm::all_of(claims.facts.scalars, [&](Value value) { return scalar(value) != 0; });
    for (const MaskTerm &term : claims.facts.terms) {
      __int128 number = numberOf(term.base);
      int64_t rest = e;
      for (size_t d = block.shape.size(); d-- > 0; rest /= block.shape[d])
        number += __int128(term.coefficients[d]) * (rest % block.shape[d]);
      wanted &= number < numberOf(term.bound);
    }
    if (wanted != bool(block.cells[e].bits & 1))
      return fail(mask, "element " + std::to_string(e) + " is not what the terms say");
  }
}

} // namespace tegula::test
