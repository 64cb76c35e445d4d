//===- Shapes.cpp - constants, ranges, operations that move elements, reductions, hints ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/axis/Transfer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <numeric>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::passes {

static ArrayRef<int64_t> shapeOfResult(Transfer &t) { return shapeOf(t.op->getResult(0).getType()); }

/// Everything but the runs.
static void copyNumber(Facts &to, const Facts &from) {
  to.min = from.min, to.max = from.max, to.root = from.root;
  to.zeros = from.zeros, to.ones = from.ones, to.divisor = from.divisor;
}

/// A result that has the operand's elements, some of them or some of them often.
template <typename Move> static void moved(Transfer &t, Facts &result, Move move) {
  const Facts &source = t.operand(0);
  copyNumber(result, source);
  result.runs.clear();
  move(source.at(Tier::Proved), [&](Run run) { result.runs.push_back(run); });
  if (!source.usually.empty())
    move(source.at(Tier::Usual), [&](Run run) { result.usually.push_back(run); });
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

static constexpr int64_t mostScanned = 4096;

static void constant(Transfer &t) {
  Facts &r = t.result();
  Attribute value = cast<arith::ConstantOp>(t.op).getValue();
  auto numberOf = [&](const APInt &bits) {
    return r.width == 1 ? int64_t(bits.getZExtValue()) : bits.getSExtValue();
  };
  auto elements = dyn_cast<DenseElementsAttr>(value);
  if (auto splat = dyn_cast<SplatElementsAttr>(value)) {
    for (Run &run : r.runs)
      run.length = 0;
    value = splat.getSplatValue<Attribute>();
    elements = {};
  }
  if (auto integer = dyn_cast<IntegerAttr>(value))
    r.min = r.max = numberOf(integer.getValue());
  if (!elements || !r.isInteger() || elements.getNumElements() > mostScanned)
    return;
  r.min = highest(r.width), r.max = lowest(r.width), r.divisor = 0;
  for (const APInt &bits : elements.getValues<APInt>()) {
    int64_t number = numberOf(bits);
    r.min = std::min(r.min, number), r.max = std::max(r.max, number);
    r.divisor = std::gcd(r.divisor, number < 0 ? 0 - uint64_t(number) : uint64_t(number));
  }
}

static void programId(Transfer &t) {
  t.result().min = 0;
  t.result().max = std::max<int64_t>(0, t.options.maxPrograms[cast<ProgramIdOp>(t.op).getAxis()] - 1);
}

static void numPrograms(Transfer &t) {
  t.result().min = 1;
  t.result().max = std::max<int64_t>(1, t.options.maxPrograms[cast<NumProgramsOp>(t.op).getAxis()]);
}

static void makeRange(Transfer &t) {
  auto range = cast<MakeRangeOp>(t.op);
  int64_t start = int32_t(range.getStart()), end = int32_t(range.getEnd());
  Facts &r = t.result();
  r.min = start, r.max = end - 1;
  r.runs[0] = {1, 0, uint64_t(std::abs(start))};
}

//===----------------------------------------------------------------------===//
// Movements
//===----------------------------------------------------------------------===//

static void splat(Transfer &t) {
  Facts &r = t.result();
  copyNumber(r, t.operand(0));
  for (Run &run : r.runs)
    run = {0, 0, r.divisor};
}

static void broadcast(Transfer &t) {
  ArrayRef<int64_t> from = shapeOf(t.op->getOperand(0).getType()), to = shapeOfResult(t);
  moved(t, t.result(), [&](ArrayRef<Run> runs, auto add) {
    for (size_t d = 0; d < to.size(); ++d)
      add(from[d] == to[d] ? runs[d] : Run{0, 0, t.operand(0).divisor});
  });
}

static void expandDims(Transfer &t) {
  size_t axis = cast<ExpandDimsOp>(t.op).getAxis();
  moved(t, t.result(), [&](ArrayRef<Run> runs, auto add) {
    for (size_t d = 0; d <= runs.size(); ++d)
      add(d == axis ? Run{0, 0, t.operand(0).divisor} : runs[d - (d > axis)]);
  });
}

static void trans(Transfer &t) {
  moved(t, t.result(), [&](ArrayRef<Run> runs, auto add) {
    for (int32_t from : cast<TransOp>(t.op).getOrder())
      add(runs[from]);
  });
}

static void split(Transfer &t) {
  for (Facts &half : t.out)
    moved(t, half, [&](ArrayRef<Run> runs, auto add) {
      for (const Run &run : runs.drop_back())
        add(run);
    });
}

/// Along every other dimension a line of the result is a line of one of the two.
static Run oneOfBoth(Transfer &t, const Run &a, const Run &b) {
  uint64_t length = a.stride == b.stride ? std::gcd(a.length, b.length) : 1;
  Run x = cut(t.operand(0), a, length), y = cut(t.operand(1), b, length);
  return {x.stride, length, std::gcd(x.divisor, y.divisor)};
}

/// Number facts of a result whose elements come from both operands.
static void mixed(Transfer &t) {
  Facts both = t.operand(0);
  both.join(t.operand(1));
  copyNumber(t.result(), both);
}

static void join(Transfer &t) {
  mixed(t);
  const Facts &a = t.operand(0), &b = t.operand(1);
  size_t last = a.runs.size();
  bool isSame = t.op->getOperand(0) == t.op->getOperand(1);
  Tiered(t).fill([&](Tiered &at, size_t d) -> Run {
    if (d < last)
      return oneOfBoth(t, at.runs(0)[d], at.runs(1)[d]);
    if (isSame)
      return {0, 0, a.divisor};
    if (a.constant() && b.constant() && a.width > 1)
      return {wrapped((__int128)*b.constant() - *a.constant(), a.width), 0, a.divisor};
    return {};
  });
}

static void cat(Transfer &t) {
  mixed(t);
  uint64_t half = uint64_t(shapeOf(t.op->getOperand(0).getType())[0]);
  Tiered(t).fill([&](Tiered &at, size_t d) -> Run {
    Run a = at.runs(0)[d];
    const Run &b = at.runs(1)[d];
    if (d > 0)
      return oneOfBoth(t, a, b);
    // Runs begin anew at the seam, so their length must divide the first half.
    a = cut(t.operand(0), a, std::gcd(a.length, half));
    return oneOfBoth(t, a, b);
  });
}

/// Elements of the operand in another order, or some of them.
static void picked(Transfer &t) {
  const Facts &source = t.operand(0);
  // A pointer is at some distance from its root wherever it stands.
  copyNumber(t.result(), source);
}

static void histogram(Transfer &t) {
  t.result().min = 0;
  t.result().max = cast<HistogramOp>(t.op).getSrc().getType().getNumElements();
}

//===----------------------------------------------------------------------===//
// Reshape: groups of dimensions of equal product are merged into one and cut again
//===----------------------------------------------------------------------===//

/// Two neighbouring dimensions as one, row-major.
static Run merged(const Facts &facts, const Run &outer, int64_t outerExtent, const Run &inner,
                  int64_t innerExtent) {
  uint64_t extent = uint64_t(innerExtent);
  if (innerExtent == 1)
    return outer;
  if (outerExtent == 1)
    return inner;
  if (inner.length != 0) // the pieces must end where a line ends
    return cut(facts, inner, std::gcd(inner.length, extent));
  // Both are uniform over whole lines: one run goes on into the next line if that begins one step after its end.
  if (outer.stride == wrapped((__int128)inner.stride * innerExtent, facts.width ? facts.width : 64) &&
      outer.length != 1)
    return {inner.stride, outer.length * extent, bothDivide(outer.divisor, inner.divisor)};
  return {inner.stride, extent, inner.divisor};
}

/// The first and the second of two dimensions that a run is cut into.
static std::pair<Run, Run> divided(const Facts &facts, const Run &run, int64_t outerExtent,
                                   int64_t innerExtent) {
  uint64_t extent = uint64_t(innerExtent);
  if (innerExtent == 1)
    return {run, Run{0, 0, facts.divisor}};
  if (outerExtent == 1)
    return {Run{0, 0, facts.divisor}, run};
  Run inner = cut(facts, run, std::gcd(run.length, extent));
  if (inner.length == extent)
    inner.length = 0;
  if (run.length % extent != 0)
    return {Run{}, inner};
  // First elements of lines at any place of the inner dimension: the start of a run and up to extent - 1 steps.
  Run outer{wrapped((__int128)run.stride * innerExtent, facts.width ? facts.width : 64), run.length / extent,
            cut(facts, run, 1).divisor};
  return {outer, inner};
}

static void reshapeGroup(const Facts &facts, ArrayRef<Run> runs, ArrayRef<int64_t> from, ArrayRef<int64_t> to,
                         SmallVectorImpl<Run> &out) {
  if (from == to) {
    llvm::append_range(out, runs);
    return;
  }
  Run all{0, 0, facts.divisor};
  int64_t extent = 1;
  for (size_t i = from.size(); i-- > 0;) {
    all = merged(facts, runs[i], from[i], all, extent);
    extent *= from[i];
    if (int64_t(all.length) >= extent)
      all.length = 0;
  }
  for (int64_t first : to) {
    extent /= first;
    auto [outer, inner] = divided(facts, all, first, extent);
    out.push_back(outer);
    all = inner;
  }
}

static void reshape(Transfer &t) {
  ArrayRef<int64_t> from = shapeOf(t.op->getOperand(0).getType()), to = shapeOfResult(t);
  moved(t, t.result(), [&](ArrayRef<Run> runs, auto add) {
    SmallVector<Run, 4> out;
    size_t i = 0, j = 0;
    while (i < from.size() || j < to.size()) {
      size_t i0 = i, j0 = j;
      int64_t left = i < from.size() ? from[i++] : 1, right = j < to.size() ? to[j++] : 1;
      while (left != right)
        left < right ? left *= from[i++] : right *= to[j++];
      reshapeGroup(t.operand(0), runs.slice(i0, i - i0), from.slice(i0, i - i0), to.slice(j0, j - j0), out);
    }
    for (const Run &run : out)
      add(run);
  });
}

//===----------------------------------------------------------------------===//
// Reductions of integers by one operation
//===----------------------------------------------------------------------===//

static void reduce(Transfer &t) {
  auto op = cast<ReduceOp>(t.op);
  if (op.getSrcs().size() != 1 || !t.operand(0).isInteger())
    return;
  const Facts &a = t.operand(0);
  Facts &r = t.result();
  Operation *combined = op.getCombine().front().getTerminator()->getOperand(0).getDefiningOp();
  Block &block = op.getCombine().front();
  bool isPlain =
      combined && combined->getNumOperands() == 2 &&
      ((combined->getOperand(0) == block.getArgument(0) && combined->getOperand(1) == block.getArgument(1)) ||
       (combined->getOperand(0) == block.getArgument(1) && combined->getOperand(1) == block.getArgument(0)));
  int64_t axis = op.getAxis(), count = shapeOf(op.getSrcs()[0].getType())[axis];
  if (isPlain && isa<arith::MaxSIOp, arith::MinSIOp, arith::MaxUIOp, arith::MinUIOp>(combined)) {
    copyNumber(r, a); // one of the elements
  } else if (isPlain && isa<arith::AddIOp>(combined) && r.width > 1) {
    bool wraps = !fits((__int128)a.min * count, (__int128)a.max * count, r.width);
    if (!wraps)
      r.min = a.min * count, r.max = a.max * count;
    r.divisor = wraps ? powerOfTwo(a.divisor, r.width) : a.divisor;
  } else if (isPlain && isa<arith::AndIOp, arith::OrIOp>(combined)) {
    r.zeros = a.zeros, r.ones = a.ones;
    if (a.min >= 0 && isa<arith::AndIOp>(combined))
      r.min = 0, r.max = a.max;
  }
  // Lines of equal columns reduce to equal elements.
  Tiered(t).fill([&](Tiered &at, size_t d) {
    const Run &run = at.runs(0)[d + (int64_t(d) >= axis)];
    return run.stride == 0 ? Run{0, run.length, 1} : Run{};
  });
}

void addShapeRules(Rules &rules) {
  auto add = [&]<typename Op>(Op *, Rule rule) { rules[TypeID::get<Op>()] = rule; };
#define RULE(Op, rule) add(static_cast<Op *>(nullptr), rule)
  RULE(arith::ConstantOp, constant);
  RULE(ProgramIdOp, programId);
  RULE(NumProgramsOp, numPrograms);
  RULE(MakeRangeOp, makeRange);
  RULE(SplatOp, splat);
  RULE(BroadcastOp, broadcast);
  RULE(ExpandDimsOp, expandDims);
  RULE(TransOp, trans);
  RULE(SplitOp, split);
  RULE(JoinOp, join);
  RULE(CatOp, cat);
  RULE(ReshapeOp, reshape);
  RULE(ReduceOp, reduce);
  RULE(GatherOp, picked);
  RULE(SortOp, picked);
  RULE(HistogramOp, histogram);
#undef RULE
}

//===----------------------------------------------------------------------===//
// Dispatch
//===----------------------------------------------------------------------===//

/// `tl.multiple_of` and its like: what the user promises beside what is known.
static void applyHints(Transfer &t) {
  auto values = [&](StringRef name) {
    auto attribute = t.op->getAttrOfType<DenseI32ArrayAttr>(name);
    return attribute ? attribute.asArrayRef() : ArrayRef<int32_t>();
  };
  auto multiples = values(TileDialect::multipleOfAttr), contiguous = values(TileDialect::maxContiguousAttr),
       constant = values(TileDialect::maxConstancyAttr);
  Facts &r = t.result();
  if (r.runs.empty()) {
    if (!multiples.empty() && multiples[0] > 0 && r.width)
      r.divisor = bothDivide(r.divisor, uint64_t(multiples[0]));
    return;
  }
  Type type = t.op->getResult(0).getType();
  int64_t step = r.isPointer ? pointeeBytes(elementType(type)) : 1;
  auto apply = [&](MutableArrayRef<Run> runs) {
    for (size_t d = 0; d < runs.size(); ++d) {
      auto promise = [&](ArrayRef<int32_t> lengths, int64_t stride) {
        if (d >= lengths.size() || lengths[d] <= 1)
          return;
        Run &run = runs[d];
        uint64_t length = uint64_t(lengths[d]);
        bool isLonger =
            run.length != 0 && (run.stride != stride || run.length == 1 || length % run.length == 0);
        if (isLonger)
          run = {stride, length, run.stride == stride ? run.divisor : 1};
      };
      promise(contiguous, step);
      promise(constant, 0);
      if (d < multiples.size() && multiples[d] > 0)
        runs[d].divisor = bothDivide(runs[d].divisor, uint64_t(multiples[d]));
    }
  };
  apply(r.runs);
  apply(r.usually);
}

static bool isElementwise(Operation *op) { return op->hasTrait<OpTrait::Elementwise>() || isa<FpToFpOp>(op); }

void transfer(Transfer &t) {
  static const Rules rules = [] {
    Rules all;
    addArithmeticRules(all);
    addDivisionRules(all);
    addShapeRules(all);
    return all;
  }();
  auto rule = rules.find(t.op->getName().getTypeID());
  if (rule != rules.end())
    rule->second(t);
  else if (isElementwise(t.op) && t.out.size() == 1)
    Tiered(t).fill([&](Tiered &at, size_t d) {
      uint64_t length = 0;
      for (size_t i = 0; i < t.in.size(); ++i)
        if (!t.in[i]->runs.empty())
          length = std::gcd(length, at.runs(unsigned(i))[d].stride == 0 ? at.runs(unsigned(i))[d].length : 1);
      return Run{0, length, 1};
    });
  if (t.out.size() == 1 && !t.op->getDiscardableAttrDictionary().empty())
    applyHints(t);
  for (auto [facts, result] : llvm::zip(t.out, t.op->getResults()))
    facts.tighten(result.getType());
}

} // namespace tegula::passes
