//===- Gather.cpp - elements by index, and counts of them ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/simt/Emitter.h"
#include "ir/layout/AxisDigits.h"

using namespace mlir;

namespace tegula::simt {

using layout::Input;

/// An index as i32, inside of [0, extent): one outside, read as unsigned, is the last.
llvm::Value *Emitter::clampedIndex(Value indices, unsigned reg, int64_t extent) {
  llvm::Value *index = element(indices, reg);
  index = b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, index,
                                  llvm::ConstantInt::get(index->getType(), extent - 1));
  return b.CreateZExtOrTrunc(index, b.getInt32Ty());
}

/// Within a warp: each lane gets the element from the lane that holds it, whichever of its registers that is.
void Emitter::emitGather(tile::GatherOp op) {
  const layout::Layout &from = layoutOf(op.getSrc()), &to = layoutOf(op.getIndices());
  unsigned axis = op.getAxis(), bits = from.dims()[axis].bits;
  auto digits = *layout::AxisDigits::of(from, axis);
  uint32_t inLanes = digits.mask(Input::Lane, 0, bits);
  unsigned fromBits = from.inBits(Input::Register), toBits = to.inBits(Input::Register);
  // Registers of a row of the source, by what they are of the other dimensions.
  auto rowOf = [&](const layout::Layout &layout, unsigned reg, unsigned registerBits) {
    return std::pair(layout.collapsedRegister(1u << axis, reg) >> registerBits,
                     layout::withoutAxisBits(layout, axis, layout::lowBits(layout.dims()[axis].bits),
                                             layout.flat(reg, 0, 0)));
  };
  llvm::DenseMap<std::pair<uint32_t, uint32_t>, SmallVector<std::pair<int64_t, unsigned>>> rows;
  uint32_t copies = from.freeBits()[Input::Register];
  for (unsigned reg = 0; reg < from.registers(); ++reg)
    if (!(reg & copies))
      rows[rowOf(from, reg, fromBits)].push_back({from.index(reg, 0, 0)[axis], reg});
  uint32_t registerIndices = 0;
  for (unsigned i = 0; i < bits; ++i)
    registerIndices |= uint32_t(digits.bits[i].input == Input::Register) << i;
  registerIndices |= ~layout::lowBits(bits); // majors
  TileValue out;
  for (unsigned reg = 0; reg < to.registers(); ++reg) {
    llvm::Value *index = clampedIndex(op.getIndices(), reg, tile::shapeOf(op.getSrc().getType())[axis]);
    llvm::Value *lane = laneWith(inLanes, 0);
    for (unsigned i = 0; i < bits; ++i) {
      if (digits.bits[i].input != Input::Lane)
        continue;
      unsigned end = i + 1; // bits that stay neighbours move together
      while (end < bits && digits.bits[end].input == Input::Lane &&
             digits.bits[end].bit == digits.bits[end - 1].bit + 1)
        ++end;
      unsigned at = digits.bits[i].bit;
      llvm::Value *part = b.CreateAnd(index, layout::lowBits(end - i) << i);
      lane = b.CreateOr(lane, at >= i ? b.CreateShl(part, at - i) : b.CreateLShr(part, i - at));
      i = end - 1;
    }
    auto &row = rows[rowOf(to, reg, toBits)];
    llvm::Value *inRegisters = b.CreateAnd(index, registerIndices), *found = nullptr;
    for (auto [place, source] : row) {
      llvm::Value *each = throughWords(element(op.getSrc(), source),
                                       [&](llvm::Value *word) { return target.shuffleFrom(b, word, lane); });
      found = found ? b.CreateSelect(b.CreateICmpEQ(inRegisters, b.getInt32(uint32_t(place))), each, found)
                    : each;
    }
    out.parts.push_back({found, 0});
  }
  set(op.getResult(), std::move(out));
}

void Emitter::emitSharedGather(tile::SharedGatherOp op) {
  auto type = cast<tile::SharedType>(op.getFrom().getType());
  const layout::SharedLayout &memory = type.getLayout().getLayout();
  const layout::Layout &layout = layoutOf(op.getIndices());
  Part buffer = buffers.lookup(op.getFrom());
  unsigned bits = tile::memoryBits(type.getElementType()), axis = op.getAxis();
  llvm::Value *start = sharedStart();
  if (buffer.base)
    start = b.CreateAdd(start, buffer.base);
  TileValue out;
  for (unsigned reg = 0; reg < layout.registers(); ++reg) {
    llvm::Value *place = start;
    unsigned shift = 0;
    int64_t majors = 1;
    for (unsigned d = layout.rank(); d-- > 0;) {
      layout::Dim dim = memory.dims()[d];
      llvm::Value *index;
      if (d == axis) {
        index = clampedIndex(op.getIndices(), reg, type.getShape()[axis]);
      } else {
        index = indexAlong(layout, d, reg);
        if (layout.dims()[d].extent() > dim.extent()) // pads that the source has not
          index =
              b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, index, b.getInt32(uint32_t(dim.extent() - 1)));
      }
      // Bits within the minor part, majors above all of it (SharedLayout.h).
      llvm::Value *minor = dim.reps > 1 ? b.CreateAnd(index, layout::lowBits(dim.bits)) : index;
      if (dim.bits)
        place = b.CreateAdd(place, b.CreateMul(minor, b.getInt32((1u << shift) * bits / 8)));
      if (dim.reps > 1) {
        llvm::Value *major = b.CreateLShr(index, dim.bits);
        place = b.CreateAdd(
            place, b.CreateMul(major, b.getInt32(uint32_t((majors << memory.flatBits()) * bits / 8))));
      }
      shift += dim.bits;
      majors *= dim.reps;
    }
    Words got(std::max(1u, bits / 32), nullptr);
    target.loadShared(b, {place, buffer.offset}, bits / 8, nullptr, got);
    appendWords(out, got, 1, type.getElementType());
  }
  set(op.getResult(), std::move(out));
}

void Emitter::emitSharedCount(tile::SharedCountOp op) {
  auto type = cast<tile::SharedType>(op.getTo().getType());
  const layout::Layout &layout = layoutOf(op.getSrc());
  Part buffer = buffers.lookup(op.getTo());
  llvm::Value *start = sharedStart(), *mine = owner(layout);
  if (buffer.base)
    start = b.CreateAdd(start, buffer.base);
  uint32_t copies = layout.freeBits()[Input::Register];
  for (unsigned reg = 0; reg < layout.registers(); ++reg) {
    if (reg & copies)
      continue;
    llvm::Value *value = element(op.getSrc(), reg);
    llvm::Value *counts =
        b.CreateICmpULT(value, llvm::ConstantInt::get(value->getType(), type.getShape()[0]));
    counts = both(counts, mine);
    counts = both(counts, op.getMask() ? element(op.getMask(), reg) : nullptr);
    counts = both(counts, insideTile(op.getSrc(), reg));
    llvm::Value *offset = b.CreateShl(b.CreateZExtOrTrunc(value, b.getInt32Ty()), 2);
    target.countShared(b, {b.CreateAdd(start, offset), buffer.offset}, counts);
  }
}

} // namespace tegula::simt
