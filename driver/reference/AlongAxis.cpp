//===- AlongAxis.cpp - reductions and scans ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A reduction is a balanced binary tree over the logical index. The bound of a sum is for any order of addition:
// gamma(n) * sum |x|, gamma(n) = n u / (1 - n u) (Higham, section 4.2); other combinations take the tree's own
// bound times n / log2(n), the most that a chain of n can exceed it by.
//
//===----------------------------------------------------------------------===//

#include "driver/reference/Interpreter.h"
#include "ir/ops/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/bit.h"

#include <cmath>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::reference {

Interpreter::Cells Interpreter::combine(Region &region, const Cells &left, const Cells &right) {
  mlir::Block &block = region.front();
  for (size_t i = 0; i < left.size(); ++i) {
    for (auto [argument, cell] : {std::pair(block.getArgument(i), &left[i]),
                                  std::pair(block.getArgument(i + left.size()), &right[i])}) {
      Block scalar(argument.getType());
      scalar.cells[0] = *cell;
      values[argument] = std::move(scalar);
    }
  }
  runBlock(block);
  Cells out;
  for (Value value : block.getTerminator()->getOperands())
    out.push_back(get(value).cells[0]);
  return out;
}

Interpreter::Cells Interpreter::reduceRange(Region &region, ArrayRef<Cells> line) {
  if (line.size() == 1)
    return line[0];
  size_t half = line.size() / 2;
  Cells left = reduceRange(region, line.take_front(half));
  return combine(region, left, reduceRange(region, line.drop_front(half)));
}

/// Whether the region is one float addition of its two arguments.
static bool isFloatSum(Region &region) {
  mlir::Block &block = region.front();
  auto sum = block.getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  return block.getNumArguments() == 2 && sum && sum.getLhs() != sum.getRhs() &&
         isa<BlockArgument>(sum.getLhs()) && isa<BlockArgument>(sum.getRhs());
}

/// What the terms of a sum say of its rounding.
struct Interpreter::Terms {
  double magnitudes = 0, errors = 0;
  int quantum = 4096; ///< every term is a multiple of 2^quantum
  int64_t count = 0;

  void add(const Shadow &term) {
    magnitudes += std::fabs(term.value);
    errors += term.error;
    ++count;
    int exponent;
    double fraction = std::frexp(term.value, &exponent);
    if (fraction != 0 && std::isfinite(term.value))
      quantum = std::min(quantum, exponent - 53 +
                                      int(llvm::countr_zero(uint64_t(std::fabs(std::ldexp(fraction, 53))))));
  }
  /// No partial sum needs more bits than the format has: any order gives the same.
  bool isExact(Kind kind) const {
    return errors == 0 && std::ldexp(magnitudes, -quantum) <= 1 / unitRoundoff(kind);
  }
};

/// Widens the bound of one result from the tree's order to any order.
void Interpreter::allowAnyOrder(Cell &cell, Kind kind, bool isSum, const Terms &terms) {
  if (!isFloat(kind) || terms.count < 2 || !std::isfinite(cell.shadow.value))
    return;
  if (!isSum) {
    double levels = std::max(1.0, std::log2(double(terms.count)));
    cell.shadow.error *= std::max(1.0, double(terms.count) / levels);
  } else if (terms.isExact(kind)) {
    cell.shadow.error = 0;
  } else {
    double nu = double(terms.count) * unitRoundoff(kind);
    double gamma = nu < 0.5 ? nu / (1 - nu) : 1.0;
    cell.shadow.error = gamma * (terms.magnitudes + terms.errors) + terms.errors;
  }
}

namespace {
/// The lines of a tile along an axis: `count` of them, element j of line i at start(i) + j * stride.
struct Lines {
  int64_t extent, stride, count;
  Lines(ArrayRef<int64_t> shape, int32_t axis) : extent(shape[axis]), stride(1), count(1) {
    for (size_t d = axis + 1; d < shape.size(); ++d)
      stride *= shape[d];
    for (size_t d = 0; d < shape.size(); ++d)
      count *= int32_t(d) == axis ? 1 : shape[d];
  }
  int64_t start(int64_t line) const { return line / stride * stride * extent + line % stride; }
};
} // namespace

void Interpreter::runReduce(Operation *op) {
  auto reduce = cast<ReduceOp>(op);
  Lines lines(get(reduce.getSrcs()[0]).shape, reduce.getAxis());
  SmallVector<const Block *> srcs;
  std::vector<Block> outs;
  for (Value src : reduce.getSrcs())
    srcs.push_back(&values.find(src)->second);
  for (Value result : reduce.getResults())
    outs.emplace_back(result.getType());
  bool isSum = isFloatSum(reduce.getCombine());
  // Combining writes the region's values, which may move the table: the sources are copied out line by line.
  for (int64_t l = 0; l < lines.count; ++l) {
    std::vector<Cells> line;
    Terms terms;
    for (size_t k = 0; k < srcs.size(); ++k)
      srcs[k] = &values.find(reduce.getSrcs()[k])->second;
    for (int64_t j = 0; j < lines.extent; ++j) {
      Cells cells;
      for (const Block *src : srcs)
        cells.push_back(src->cells[lines.start(l) + j * lines.stride]);
      terms.add(cells[0].shadow);
      line.push_back(std::move(cells));
    }
    Cells result = reduceRange(reduce.getCombine(), line);
    for (size_t k = 0; k < outs.size(); ++k) {
      allowAnyOrder(result[k], outs[k].kind, isSum, terms);
      outs[k].cells[l] = result[k];
    }
  }
  for (size_t k = 0; k < outs.size(); ++k)
    values[reduce.getResult(k)] = std::move(outs[k]);
}

void Interpreter::runScan(Operation *op) {
  auto scan = cast<ScanOp>(op);
  Lines lines(get(scan.getSrcs()[0]).shape, scan.getAxis());
  std::vector<Block> outs;
  for (Value src : scan.getSrcs())
    outs.push_back(get(src));
  bool isSum = isFloatSum(scan.getCombine());
  for (int64_t l = 0; l < lines.count; ++l) {
    Cells running;
    Terms terms;
    for (int64_t j = 0; j < lines.extent; ++j) {
      int64_t at = lines.start(l) + (scan.getReverse() ? lines.extent - 1 - j : j) * lines.stride;
      Cells cells;
      for (Block &out : outs)
        cells.push_back(out.cells[at]);
      terms.add(cells[0].shadow);
      running = j == 0 ? cells : combine(scan.getCombine(), running, cells);
      for (size_t k = 0; k < outs.size(); ++k) {
        outs[k].cells[at] = running[k];
        if (isSum)
          allowAnyOrder(outs[k].cells[at], outs[k].kind, true, terms);
      }
    }
  }
  for (size_t k = 0; k < outs.size(); ++k)
    values[scan.getResult(k)] = std::move(outs[k]);
}

//===----------------------------------------------------------------------===//
// Elements by index, in order, counted
//===----------------------------------------------------------------------===//

void Interpreter::runGather(Operation *op) {
  auto gather = cast<GatherOp>(op);
  const Block &src = get(gather.getSrc()), &indices = get(gather.getIndices());
  Block out(op->getResult(0).getType());
  Lines from(src.shape, gather.getAxis()), to(out.shape, gather.getAxis());
  for (int64_t l = 0; l < to.count; ++l)
    for (int64_t j = 0; j < to.extent; ++j) {
      int64_t at = to.start(l) + j * to.stride;
      const Cell &index = indices.cells[at];
      uint64_t place = std::min(index.bits, uint64_t(from.extent - 1));
      out.cells[at] = src.cells[from.start(l) + int64_t(place) * from.stride];
      out.cells[at].shadow.undecided |= index.shadow.undecided;
    }
  values[op->getResult(0)] = std::move(out);
}

/// -1, 0, 1: NaN after all numbers, -0 before +0.
static int compareCells(const Cell &a, const Cell &b, Kind kind, bool isSigned) {
  auto order = [](auto x, auto y) { return int(x > y) - int(x < y); };
  if (!isFloat(kind))
    return isSigned ? order(signExtend(a.bits, kind), signExtend(b.bits, kind)) : order(a.bits, b.bits);
  double x = decode(a.bits, kind), y = decode(b.bits, kind);
  if (std::isnan(x) || std::isnan(y))
    return order(std::isnan(x), std::isnan(y));
  return x == y ? order(std::signbit(y), std::signbit(x)) : order(x, y);
}

void Interpreter::runSort(Operation *op) {
  auto sort = cast<SortOp>(op);
  Block out = get(op->getOperand(0));
  int64_t extent = out.shape.back();
  for (auto line = out.cells.begin(); line != out.cells.end(); line += extent) {
    // If no value is off by more than e, neither is the k-th largest: two orders differ by 2 e at most.
    double error = 0;
    bool undecided = false;
    for (auto cell = line; cell != line + extent; ++cell) {
      error = std::max(error, cell->shadow.error);
      undecided |= cell->shadow.undecided;
    }
    std::stable_sort(line, line + extent, [&](const Cell &a, const Cell &b) {
      int order = compareCells(a, b, out.kind, sort.getIsSigned());
      return sort.getDescending() ? order > 0 : order < 0;
    });
    for (auto cell = line; cell != line + extent; ++cell) {
      if (isFloat(out.kind) && error > 0)
        cell->shadow = {decode(cell->bits, out.kind), 2 * error, undecided};
      cell->shadow.undecided = undecided;
    }
  }
  values[op->getResult(0)] = std::move(out);
}

void Interpreter::runHistogram(Operation *op) {
  auto histogram = cast<HistogramOp>(op);
  const Block &src = get(histogram.getSrc());
  Block out(op->getResult(0).getType());
  for (int64_t i = 0; i < src.size(); ++i) {
    const Cell &cell = src.cells[i];
    bool counts = !histogram.getMask() || get(histogram.getMask()).cells[i].bits;
    int64_t bin = signExtend(cell.bits, src.kind);
    if (counts && bin >= 0 && bin < out.size())
      ++out.cells[bin].bits;
    if (cell.shadow.undecided || (histogram.getMask() && get(histogram.getMask()).cells[i].shadow.undecided))
      for (Cell &any : out.cells)
        any.shadow.undecided = true;
  }
  values[op->getResult(0)] = std::move(out);
}

} // namespace tegula::reference
