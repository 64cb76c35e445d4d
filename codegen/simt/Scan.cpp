//===- Scan.cpp - running combinations within a warp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The index along the axis is a number whose digits lie in registers and in lanes, in any order. Of 512 elements with
// 4 side by side in a thread and four times that,
//
//     512 reg 1 2 128 256 lane 4 8 16 32 64        digits, from the lowest: 4 registers, 32 lanes, 4 registers
//
// each digit scans what the digits below it sum up to:
//
//     4 registers   x0, x0+x1, ...                               the last goes up
//     32 lanes      the last of each lane, by 5 shuffles         the total goes up; the lane before gives what precedes
//     4 registers   t0, t0+t1, ...                               the one before is what precedes
//
// and on the way back each element is combined once with all that precedes. Left and right stay in the order of the axis.
//

#include "codegen/simt/Emitter.h"
#include "ir/layout/AxisDigits.h"

using namespace mlir;

namespace tegula::simt {

using layout::Input;

class Emitter::Scanner {
public:
  /// One element of each operand; none at all where `values` is empty.
  struct Item {
    SmallVector<llvm::Value *, 2> values;
    llvm::Value *valid = nullptr; ///< null: always
    bool isNone() const { return values.empty(); }
  };
  using Items = SmallVector<Item, 8>;

  Scanner(Emitter &e, tile::ScanRunsOp op)
      : e(e), op(op), layout(e.layoutOf(op.getSrcs()[0])), axis(op.getAxis()), isReverse(op.getReverse()),
        runExtent(op.getRun()), digits(*layout::AxisDigits::of(layout, axis)) {
    unsigned bits = layout.dims()[axis].bits, end = bits;
    isWhole = op.getRun() == layout.dims()[axis].extent();
    if (!isWhole)
      end = llvm::Log2_32(op.getRun());
    for (unsigned at = 0; at < end;) {
      Segment segment{digits.bits[at].input == Input::Lane, at, at};
      while (segment.end < end && digits.bits[segment.end].input == digits.bits[at].input)
        ++segment.end;
      segments.push_back(segment);
      at = segment.end;
    }
    // Majors count above all bits, in registers.
    if (isWhole && layout.dims()[axis].reps > 1 && (segments.empty() || segments.back().isLanes))
      segments.push_back({false, bits, bits});
  }

  void run() {
    unsigned count = layout.registers();
    SmallVector<Item> results(count);
    for (auto &registers : rows()) {
      Items items;
      for (unsigned reg : registers)
        items.push_back(itemOf(reg));
      Items scanned = op.getExclusive() ? exclusive(items, 0) : inclusive(items);
      for (auto [reg, item] : llvm::zip(registers, scanned))
        results[reg] = std::move(item);
    }
    for (unsigned i = 0; i < op.getSrcs().size(); ++i) {
      Value result = op->getResult(i);
      llvm::Type *type = e.registerType(tile::elementType(result.getType()));
      TileValue out;
      for (unsigned reg = 0; reg < count; ++reg) // nothing stands before the first: any value does
        out.parts.push_back(
            {results[reg].isNone() ? llvm::Constant::getNullValue(type) : results[reg].values[i], 0});
      e.set(result, std::move(out));
    }
  }

private:
  /// Bits of the index that lie in one kind of place; of the last one in registers, the majors too.
  struct Segment {
    bool isLanes;
    unsigned begin, end;
  };

  /// The registers of each run that a thread has a part of, in the order of the scan.
  SmallVector<SmallVector<unsigned>> rows() const {
    unsigned bits = layout.inBits(Input::Register);
    uint32_t along = digits.mask(Input::Register, 0, unsigned(digits.bits.size()));
    llvm::MapVector<std::tuple<uint32_t, uint32_t, int64_t>, SmallVector<std::pair<int64_t, unsigned>>> found;
    for (unsigned reg = 0; reg < layout.registers(); ++reg) {
      int64_t index = layout.index(reg, 0, 0)[axis];
      uint32_t major = layout.collapsedRegister(1u << axis, reg) >> bits;
      found[{major, reg & layout::lowBits(bits) & ~along, index / runExtent}].push_back({index, reg});
    }
    SmallVector<SmallVector<unsigned>> all;
    for (auto &[key, list] : found) {
      llvm::sort(list);
      if (isReverse)
        std::reverse(list.begin(), list.end());
      all.emplace_back();
      for (auto [index, reg] : list)
        all.back().push_back(reg);
    }
    return all;
  }

  Item itemOf(unsigned reg) {
    Item item;
    for (Value source : op.getSrcs())
      item.values.push_back(e.element(source, reg));
    // Pads come last, or first when it goes backwards: then they must not be combined with what follows.
    if (isReverse)
      item.valid = e.isElement(layout, axis, layout.index(reg, 0, 0)[axis],
                               tile::shapeOf(op.getSrcs()[0].getType())[axis]);
    return item;
  }

  Item join(const Item &left, const Item &right) {
    if (left.isNone() || right.isNone())
      return left.isNone() ? right : left;
    Item result;
    result.values = e.combine(op.getCombine(), left.values, right.values);
    for (auto [value, l, r] : llvm::zip(result.values, left.values, right.values)) {
      if (right.valid)
        value = e.b.CreateSelect(right.valid, value, l);
      if (left.valid)
        value = e.b.CreateSelect(left.valid, value, r);
    }
    if (left.valid && right.valid)
      result.valid = e.b.CreateOr(left.valid, right.valid);
    return result;
  }

  Item fetch(const Item &item, llvm::Value *lane) {
    auto from = [&](llvm::Value *value) {
      return e.throughWords(value, [&](llvm::Value *word) { return e.target.shuffleFrom(e.b, word, lane); });
    };
    Item result;
    for (llvm::Value *value : item.values)
      result.values.push_back(from(value));
    if (item.valid)
      result.valid = from(item.valid);
    return result;
  }

  static void require(Item &item, llvm::Value *condition, Emitter &e) {
    item.valid = item.valid ? e.b.CreateAnd(item.valid, condition) : condition;
  }

  unsigned groupSize(const Segment &segment, size_t items) const {
    bool withMajors = isWhole && &segment == &segments.back();
    return withMajors ? unsigned(items) : 1u << (segment.end - segment.begin);
  }

  /// All of the elements up to each item, itself counted in.
  Items inclusive(const Items &items) {
    if (segments.empty())
      return items;
    const Segment &segment = segments[0];
    Items mine = segment.isLanes ? Items() : withinRegisters(items, segment);
    if (segment.isLanes)
      for (const Item &item : items)
        mine.push_back(withinLanes(item, segment));
    if (segments.size() == 1)
      return mine;
    Items before = exclusive(ends(mine, segment), 1);
    size_t group = segment.isLanes ? 1 : groupSize(segment, items.size());
    for (size_t i = 0; i < mine.size(); ++i)
      mine[i] = join(before[i / group], mine[i]);
    return mine;
  }

  /// What precedes each item within its run; `items` are sums over the digits below segment `at`.
  Items exclusive(const Items &items, unsigned at) {
    if (at == segments.size())
      return Items(items.size());
    const Segment &segment = segments[at];
    bool isLast = at + 1 == segments.size();
    Items out;
    if (segment.isLanes) {
      Items sums;
      for (const Item &item : items)
        sums.push_back(withinLanes(item, segment));
      Items above = isLast ? Items(items.size()) : exclusive(ends(sums, segment), at + 1);
      auto [lane, exists] = laneBefore(segment);
      for (auto [sum, upper] : llvm::zip(sums, above)) {
        Item before = fetch(sum, lane);
        require(before, exists, e);
        out.push_back(join(upper, before));
      }
      return out;
    }
    Items sums = withinRegisters(items, segment);
    size_t group = groupSize(segment, items.size());
    Items above = isLast ? Items(items.size() / group) : exclusive(ends(sums, segment), at + 1);
    for (size_t i = 0; i < items.size(); ++i)
      out.push_back(join(above[i / group], i % group ? sums[i - 1] : Item()));
    return out;
  }

  Items withinRegisters(const Items &items, const Segment &segment) {
    size_t group = groupSize(segment, items.size());
    Items out;
    for (size_t i = 0; i < items.size(); ++i)
      out.push_back(i % group ? join(out[i - 1], items[i]) : items[i]);
    return out;
  }

  /// Step i combines blocks of 2^i lanes: the later half of each pair with the sum of the earlier one.
  Item withinLanes(const Item &item, const Segment &segment) {
    Item sum = item;
    uint32_t lower = 0;
    for (unsigned i = segment.begin; i < segment.end; ++i) {
      uint32_t bit = 1u << digits.bits[i].bit;
      llvm::Value *lane = e.laneWith(bit | lower, isReverse ? bit : lower);
      llvm::Value *isLater = e.threadParity(bit);
      if (isReverse)
        isLater = e.b.CreateNot(isLater);
      Item earlier = fetch(sum, lane);
      require(earlier, isLater, e);
      sum = join(earlier, sum);
      lower |= bit;
    }
    return sum;
  }

  /// The sums of whole groups.
  Items ends(const Items &sums, const Segment &segment) {
    Items out;
    if (segment.isLanes) {
      uint32_t mask = digits.mask(Input::Lane, segment.begin, segment.end);
      for (const Item &sum : sums)
        out.push_back(fetch(sum, e.laneWith(mask, isReverse ? 0 : mask)));
      return out;
    }
    size_t group = groupSize(segment, sums.size());
    for (size_t i = group - 1; i < sums.size(); i += group)
      out.push_back(sums[i]);
    return out;
  }

  /// The lane whose digit is one less (more, backwards), and whether there is one.
  std::pair<llvm::Value *, llvm::Value *> laneBefore(const Segment &segment) {
    SmallVector<uint32_t, 12> bases(layout.inBits(Input::Lane), 0);
    for (unsigned i = segment.begin; i < segment.end; ++i)
      bases[digits.bits[i].bit] = 1u << (i - segment.begin);
    llvm::Value *digit = e.threadBits(bases);
    llvm::IRBuilderBase::InsertPointGuard guard(e.b);
    e.b.SetInsertPoint(e.entryEnd);
    llvm::IRBuilder<> &b = e.b;
    llvm::Value *one = b.getInt32(1);
    llvm::Value *changed = b.CreateXor(digit, isReverse ? b.CreateAdd(digit, one) : b.CreateSub(digit, one));
    llvm::Value *flips = nullptr;
    for (unsigned i = segment.begin; i < segment.end;) {
      // Bits that are neighbours in the lane's number too go together.
      unsigned end = i + 1;
      while (end < segment.end && digits.bits[end].bit == digits.bits[end - 1].bit + 1)
        ++end;
      unsigned from = i - segment.begin, to = digits.bits[i].bit;
      llvm::Value *bits = b.CreateAnd(changed, layout::lowBits(end - i) << from);
      bits = to >= from ? b.CreateShl(bits, to - from) : b.CreateLShr(bits, from - to);
      flips = flips ? b.CreateOr(flips, bits) : bits;
      i = end;
    }
    llvm::Value *last = b.getInt32(isReverse ? layout::lowBits(segment.end - segment.begin) : 0);
    return {b.CreateXor(b.CreateAnd(e.thread, e.target.warpSize - 1), flips), b.CreateICmpNE(digit, last)};
  }

  Emitter &e;
  tile::ScanRunsOp op;
  const layout::Layout &layout;
  unsigned axis;
  bool isReverse, isWhole;
  int64_t runExtent;
  layout::AxisDigits digits;
  SmallVector<Segment> segments;
};

/// The lane's number with the bits of `mask` replaced by those of `bits`.
llvm::Value *Emitter::laneWith(uint32_t mask, uint32_t bits) {
  llvm::IRBuilderBase::InsertPointGuard guard(b);
  b.SetInsertPoint(entryEnd);
  llvm::Value *lane = b.CreateAnd(thread, (target.warpSize - 1) & ~mask);
  return bits & mask ? b.CreateOr(lane, bits & mask) : lane;
}

void Emitter::emitScanRuns(tile::ScanRunsOp op) { Scanner(*this, op).run(); }

void Emitter::emitRunEnds(tile::RunEndsOp op) {
  const layout::Layout &from = layoutOf(op.getSrc()), &to = layoutOf(op.getResult());
  unsigned axis = op.getAxis(), runBits = llvm::Log2_32(op.getRun());
  unsigned fromBits = from.inBits(Input::Register), toBits = to.inBits(Input::Register);
  auto digits = *layout::AxisDigits::of(from, axis);
  uint32_t inRegisters = digits.mask(Input::Register, 0, runBits),
           inLanes = digits.mask(Input::Lane, 0, runBits);
  uint32_t wanted = op.getReverse() ? 0 : inRegisters;
  llvm::DenseMap<std::pair<uint32_t, uint32_t>, llvm::Value *> ends;
  for (unsigned reg = 0; reg < from.registers(); ++reg) {
    if ((reg & inRegisters) != wanted)
      continue;
    uint32_t flat = layout::withoutAxisBits(from, axis, layout::lowBits(runBits), from.flat(reg, 0, 0));
    llvm::Value *&end = ends[{reg >> fromBits, flat}];
    if (end)
      continue;
    end = element(op.getSrc(), reg);
    if (inLanes) {
      llvm::Value *lane = laneWith(inLanes, op.getReverse() ? 0 : inLanes);
      end = throughWords(end, [&](llvm::Value *word) { return target.shuffleFrom(b, word, lane); });
    }
  }
  TileValue out;
  for (unsigned reg = 0; reg < to.registers(); ++reg)
    out.parts.push_back({ends.lookup({reg >> toBits, to.flat(reg, 0, 0)}), 0});
  set(op.getResult(), std::move(out));
}

void Emitter::emitScanJoin(tile::ScanJoinOp op) {
  const layout::Layout &layout = layoutOf(op.getSrcs()[0]), &runs = layoutOf(op.getBefore()[0]);
  unsigned axis = op.getAxis(), runBits = llvm::Log2_32(op.getRun()), n = op.getSrcs().size();
  unsigned bits = layout.inBits(Input::Register), runsBits = runs.inBits(Input::Register);
  int64_t count = llvm::divideCeil(tile::shapeOf(op.getSrcs()[0].getType())[axis], op.getRun());
  llvm::DenseMap<std::pair<uint32_t, uint32_t>, unsigned> registerOf;
  for (unsigned reg = 0; reg < runs.registers(); ++reg)
    registerOf.try_emplace({reg >> runsBits, runs.flat(reg, 0, 0)}, reg);
  // The number of the run: what warps count, and a constant.
  SmallVector<uint32_t, 12> bases;
  for (Input input : {Input::Lane, Input::Warp})
    for (uint32_t basis : layout.bases(input))
      bases.push_back((basis & layout.mask(axis)) >> layout.shift(axis) >> runBits);
  llvm::Value *number = threadBits(bases);
  SmallVector<TileValue, 2> results(n);
  for (unsigned reg = 0; reg < layout.registers(); ++reg) {
    int64_t constant = layout.index(reg, 0, 0)[axis] >> runBits;
    SmallVector<llvm::Value *, 2> before, mine;
    uint32_t flat = layout::withoutAxisBits(layout, axis, layout::lowBits(runBits), layout.flat(reg, 0, 0));
    unsigned from = registerOf.lookup({reg >> bits, flat});
    for (unsigned i = 0; i < n; ++i) {
      before.push_back(element(op.getBefore()[i], from));
      mine.push_back(element(op.getSrcs()[i], reg));
    }
    llvm::Value *run = number ? b.CreateAdd(number, b.getInt32(constant)) : b.getInt32(constant);
    llvm::Value *hasBefore = op.getReverse() ? b.CreateICmpULT(run, b.getInt32(count - 1))
                             : constant > 0  ? b.getTrue()
                                             : b.CreateICmpNE(run, b.getInt32(0));
    SmallVector<llvm::Value *, 2> joined = combine(op.getCombine(), before, mine);
    for (unsigned i = 0; i < n; ++i)
      results[i].parts.push_back({b.CreateSelect(hasBefore, joined[i], mine[i]), 0});
  }
  for (unsigned i = 0; i < n; ++i)
    set(op->getResult(i), std::move(results[i]));
}

} // namespace tegula::simt
