//===- Reduce.cpp - reductions within a thread and within a warp ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/simt/Emitter.h"

using namespace mlir;

namespace tegula::simt {

/// The combine region on one pair of elements of each operand.
SmallVector<llvm::Value *, 2> Emitter::combine(Region &region, llvm::ArrayRef<llvm::Value *> left,
                                               llvm::ArrayRef<llvm::Value *> right) {
  Block &block = region.front();
  for (size_t i = 0; i < left.size(); ++i) {
    scalars[block.getArgument(i)] = left[i];
    scalars[block.getArgument(left.size() + i)] = right[i];
  }
  emitBlock(block);
  SmallVector<llvm::Value *, 2> results;
  for (Value value : block.getTerminator()->getOperands())
    results.push_back(scalar(value));
  return results;
}

/// What of two neighbours is left where the right one may be a pad: `f(left, right)` where `right`, the lowest index in it,
/// is an element of the tile, else `left`. Elements come before pads, so that the left one of two is no pad.
SmallVector<llvm::Value *, 2> Emitter::combineWithin(Region &region, llvm::ArrayRef<llvm::Value *> left,
                                                     llvm::ArrayRef<llvm::Value *> right,
                                                     llvm::Value *isElement) {
  SmallVector<llvm::Value *, 2> both = combine(region, left, right);
  if (isElement)
    for (auto [value, kept] : llvm::zip(both, left))
      value = b.CreateSelect(isElement, value, kept);
  return both;
}

/// Whether index `lowest` + what the thread's bits in `bits` contribute along `axis` is below `extent`; null: in every
/// thread, a false constant: in none.
llvm::Value *Emitter::isElement(const layout::Layout &layout, unsigned axis, int64_t lowest, int64_t extent,
                                uint32_t bits) {
  uint32_t most = 0;
  SmallVector<uint32_t, 12> bases;
  for (auto input : {layout::Input::Lane, layout::Input::Warp})
    for (uint32_t basis : layout.bases(input)) {
      bases.push_back((basis & layout.mask(axis)) >> layout.shift(axis) & bits);
      most |= bases.back();
    }
  if (lowest + most < extent)
    return nullptr;
  if (lowest >= extent)
    return b.getFalse();
  return b.CreateICmpULT(threadBits(bases), b.getInt32(uint32_t(extent - lowest)));
}

/// Whether a register holds an element of the tile and no pad; null: in every thread.
llvm::Value *Emitter::insideTile(Value value, unsigned reg) {
  const layout::Layout &layout = layoutOf(value);
  layout::Index index = layout.index(reg, 0, 0);
  llvm::Value *inside = nullptr;
  for (auto [d, extent] : llvm::enumerate(tile::shapeOf(value.getType())))
    inside = both(inside, isElement(layout, unsigned(d), index[d], extent));
  return inside;
}

/// Registers are combined in the order of their indices along the axis, neighbours first: a balanced tree.
void Emitter::emitReduceRegisters(tile::ReduceRegistersOp op) {
  const layout::Layout &layout = layoutOf(op.getSrcs()[0]);
  unsigned axis = op.getAxis(), n = op.getSrcs().size();
  // Registers of one result, by what they are of the other dimensions; each list in the order of the axis.
  llvm::MapVector<std::pair<uint32_t, uint32_t>, SmallVector<std::pair<int64_t, unsigned>>> rows;
  uint32_t copies = layout.freeBits()[layout::Input::Register];
  unsigned bits = layout.inBits(layout::Input::Register);
  int64_t extent = tile::shapeOf(op.getSrcs()[0].getType())[axis];
  for (uint32_t reg = 0; reg < layout.registers(); ++reg) {
    if (reg & copies)
      continue;
    uint32_t row = layout.collapsedRegister(1u << axis, reg) >> bits;
    uint32_t flat = layout.flat(reg, 0, 0);
    rows[{row, flat & ~layout.mask(axis)}].push_back({layout.index(reg, 0, 0)[axis], reg});
  }
  SmallVector<TileValue, 2> results(n);
  SmallVector<SmallVector<llvm::Value *, 2>> folded;
  for (auto &[row, registers] : rows) {
    llvm::sort(registers);
    struct Run {
      int64_t lowest;
      SmallVector<llvm::Value *, 2> values;
    };
    SmallVector<Run> level;
    for (auto [index, reg] : registers) {
      if (index >= extent) // pads of every thread
        break;
      level.push_back({index, {}});
      for (Value source : op.getSrcs())
        level.back().values.push_back(element(source, reg));
    }
    while (level.size() > 1) {
      SmallVector<Run> next;
      for (size_t i = 0; i + 1 < level.size(); i += 2)
        next.push_back(
            {level[i].lowest, combineWithin(op.getCombine(), level[i].values, level[i + 1].values,
                                            isElement(layout, axis, level[i + 1].lowest, extent))});
      if (level.size() % 2)
        next.push_back(level.back());
      level = std::move(next);
    }
    folded.push_back(level[0].values);
  }
  if (!tile::isTile(op->getResult(0).getType())) {
    for (unsigned i = 0; i < n; ++i)
      scalars[op->getResult(i)] = folded[0][i];
    return;
  }
  placeRows(op, rows, folded);
}

/// Gives each register of the results the row that it is.
void Emitter::placeRows(Operation *op, ReducedRows &rows,
                        llvm::ArrayRef<SmallVector<llvm::Value *, 2>> folded) {
  unsigned axis = op->getAttrOfType<IntegerAttr>("axis").getInt();
  const layout::Layout &source = layoutOf(op->getOperand(0)), &result = layoutOf(op->getResult(0));
  bool keepsAxis = result.rank() == source.rank();
  unsigned bits = result.inBits(layout::Input::Register);
  for (unsigned i = 0; i < op->getNumResults(); ++i) {
    TileValue out;
    for (uint32_t reg = 0; reg < result.registers(); ++reg) {
      uint32_t flat = result.flat(reg, 0, 0);
      if (!keepsAxis) { // room for the axis again
        uint32_t low = flat & layout::lowBits(source.shift(axis));
        flat = (flat - low) << source.dims()[axis].bits | low;
      } else {
        uint32_t low = flat & layout::lowBits(result.shift(axis));
        flat = ((flat >> (result.shift(axis) + result.dims()[axis].bits))
                << (source.shift(axis) + source.dims()[axis].bits)) |
               low;
      }
      auto found = rows.find({reg >> bits, flat});
      out.parts.push_back({folded[found - rows.begin()][i], 0});
    }
    set(op->getResult(i), std::move(out));
  }
}

/// Butterflies over the lanes that share a row.
void Emitter::emitReduceLanes(tile::ReduceLanesOp op) {
  const layout::Layout &layout = layoutOf(op.getSrcs()[0]);
  unsigned axis = op.getAxis(), n = op.getSrcs().size();
  // Lanes that differ along the axis, in the order of the axis' bits: what is near is combined first.
  bool isCommutative = tile::isCommutative(op.getCombine());
  int64_t extent = tile::shapeOf(op.getSrcs()[0].getType())[axis];
  SmallVector<std::pair<uint32_t, unsigned>> steps;
  for (auto [bit, basis] : llvm::enumerate(layout.bases(layout::Input::Lane)))
    if (basis & layout.mask(axis))
      steps.push_back({basis & layout.mask(axis), unsigned(bit)});
  llvm::sort(steps);
  SmallVector<TileValue, 2> results(n);
  for (uint32_t reg = 0; reg < layout.registers(); ++reg) {
    SmallVector<llvm::Value *, 2> values;
    for (Value source : op.getSrcs())
      values.push_back(element(source, reg));
    for (auto [basis, bit] : steps) {
      SmallVector<llvm::Value *, 2> others;
      for (llvm::Value *value : values)
        others.push_back(shuffleElement(value, 1u << bit));
      // What this step has on the right begins at this lane's bit, the lower ones clear.
      uint32_t index = basis >> layout.shift(axis);
      llvm::Value *isRightElement = isElement(layout, axis, index, extent, ~(index | (index - 1)));
      if (!isCommutative || isRightElement) {
        llvm::Value *isUpper = threadParity(1u << bit);
        SmallVector<llvm::Value *, 2> left, right;
        for (auto [mine, other] : llvm::zip(values, others)) {
          left.push_back(b.CreateSelect(isUpper, other, mine));
          right.push_back(b.CreateSelect(isUpper, mine, other));
        }
        values = combineWithin(op.getCombine(), left, right, isRightElement);
      } else {
        values = combine(op.getCombine(), values, others);
      }
    }
    for (unsigned i = 0; i < n; ++i)
      results[i].parts.push_back({values[i], 0});
  }
  for (unsigned i = 0; i < n; ++i) {
    if (tile::isTile(op->getResult(i).getType()))
      set(op->getResult(i), std::move(results[i]));
    else
      scalars[op->getResult(i)] = results[i].parts[0].base;
  }
}

/// The partner's value of any element type.
llvm::Value *Emitter::shuffleElement(llvm::Value *value, unsigned laneFlip) {
  return throughWords(value, [&](llvm::Value *word) { return target.shuffleXor(b, word, laneFlip); });
}

/// A value of any element type through something that takes i32.
llvm::Value *Emitter::throughWords(llvm::Value *value,
                                   llvm::function_ref<llvm::Value *(llvm::Value *)> each) {
  llvm::Type *type = value->getType();
  llvm::Value *bits = asInteger(value);
  unsigned width = bits->getType()->getIntegerBitWidth();
  if (width == 64) {
    llvm::Value *low = each(b.CreateTrunc(bits, b.getInt32Ty()));
    llvm::Value *high = each(b.CreateTrunc(b.CreateLShr(bits, 32), b.getInt32Ty()));
    bits = joinHalves(low, high);
  } else {
    bits = each(b.CreateZExt(bits, b.getInt32Ty()));
    bits = b.CreateTrunc(bits, b.getIntNTy(width));
  }
  return fromInteger(bits, type);
}

} // namespace tegula::simt
