//===- Buffers.cpp - tiles in the scratch arena ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tegula::cpu {

int64_t Arena::allocate(int64_t bytes) {
  bytes = llvm::alignTo(std::max<int64_t>(bytes, 1), 64);
  int64_t offset = 64;
  auto at = live.begin();
  for (; at != live.end(); ++at) {
    if (at->offset - offset >= bytes)
      break;
    offset = at->offset + at->bytes;
  }
  live.insert(at, Block{offset, bytes});
  top = std::max(top, offset + bytes);
  return offset;
}

void Arena::release(int64_t offset) {
  auto at = llvm::find_if(live, [&](const Block &block) { return block.offset == offset; });
  if (at != live.end())
    live.erase(at);
}

/// A buffer for a tile, row-major. The last two dimensions may be padded to multiples (for products).
/// A chunk may be read beyond the last row's end: there is room for that.
Buffer Engine::makeBuffer(Type tile, int64_t rowPad, int64_t columnPad) {
  auto shape = tile::shapeOf(tile);
  Buffer buffer;
  buffer.element = tile::elementType(tile);
  buffer.strides.resize(shape.size());
  int64_t elements = 1;
  for (int i = int(shape.size()) - 1, last = i; i >= 0; --i) {
    buffer.strides[i] = elements;
    int64_t extent = shape[i];
    if (i == last && columnPad)
      extent = llvm::alignTo(extent, columnPad);
    if (i == last - 1 && rowPad)
      extent = llvm::alignTo(extent, rowPad);
    elements *= extent;
  }
  int64_t size =
      memoryType(buffer.element)->isPointerTy() ? 8 : memoryType(buffer.element)->getScalarSizeInBits() / 8;
  buffer.bytes = elements * size;
  buffer.offset = arena.allocate(buffer.bytes + lanes * size);
  return buffer;
}

void Engine::releaseAfter(Operation *op) {
  for (Value value : plan.releasedAfter(op)) {
    auto it = buffers.find(value);
    if (it != buffers.end())
      arena.release(it->second.offset);
  }
}

llvm::Value *Engine::bufferBase(const Buffer &buffer) {
  At at(*this, 0);
  return b.CreateGEP(b.getInt8Ty(), scratch, b.getInt64(buffer.offset));
}

bool Engine::sameBuffer(Value a, Value c) const {
  auto x = buffers.find(a), y = buffers.find(c);
  return x != buffers.end() && y != buffers.end() && x->second.offset == y->second.offset;
}

Engine::Place Engine::placeOf(const Buffer &buffer, const Point &point) {
  llvm::Type *type = memoryType(buffer.element);
  Place place;
  place.pointer = {bufferBase(buffer), 0, false};
  SmallVector<std::pair<Index, int64_t>, 4> dims;
  bool scattered = false;
  int64_t step = 0;
  for (size_t k = 0; k < point.size(); ++k) {
    Index index = point[k];
    // Collapsed lanes over dense dimensions are consecutive elements.
    size_t last = k;
    while (last + 1 < point.size() && point[last + 1].collapsed == point[last].collapsed + 1 &&
           point[last].collapsed)
      ++last;
    if (last > k) {
      SmallVector<int64_t, 4> extents(last - k + 1, 0);
      for (size_t i = k + 1; i <= last; ++i)
        extents[i - k] = buffer.strides[i] ? buffer.strides[i - 1] / buffer.strides[i] : 0;
      for (const FlatLane &flat : flatLanes)
        if (flat.parts.size() == extents.size() && flat.parts[0] == index.value)
          extents[0] = flat.extents[0];
      if (const FlatLane *flat = flatLaneAt(ArrayRef<Index>(point).slice(k), extents)) {
        index = flat->index;
        k = last;
      }
    }
    scattered |= index.general;
    step += index.step * buffer.strides[k];
    dims.push_back({index, buffer.strides[k]});
  }
  if (scattered) {
    Index all = constantIndex(0);
    for (auto &[index, stride] : dims)
      all = sum(all, scaled(index, stride));
    all = general(all);
    place.general = {all.value, all.level, true};
    return place;
  }
  place.step = step;
  // Outer indices first: their part of the address is computed once a row.
  std::sort(dims.begin(), dims.end(), [](auto &a, auto &c) { return a.first.level < c.first.level; });
  for (auto &[index, stride] : dims) {
    if (auto *constant = llvm::dyn_cast<llvm::ConstantInt>(index.value); constant && constant->isZero())
      continue;
    place.pointer.level = std::max(place.pointer.level, index.level);
    At at(*this, place.pointer.level);
    llvm::Value *base = index.value, *extra = nullptr;
    if (auto *add = llvm::dyn_cast<llvm::BinaryOperator>(base))
      if (add->getOpcode() == llvm::Instruction::Add && llvm::isa<llvm::ConstantInt>(add->getOperand(1))) {
        base = add->getOperand(0);
        extra = add->getOperand(1);
      }
    auto advance = [&](llvm::Value *by) {
      llvm::Value *offset = stride == 1 ? by : b.CreateMul(by, b.getInt64(stride));
      place.pointer.value = b.CreateGEP(type, place.pointer.value, offset);
    };
    advance(base);
    if (extra)
      advance(extra);
  }
  return place;
}

Val Engine::readBuffer(const Buffer &buffer, const Point &point) {
  llvm::Type *type = memoryType(buffer.element);
  Place place = placeOf(buffer, point);
  if (place.step == std::optional<int64_t>(0)) {
    At at(*this, place.pointer.level);
    return {fromMemory(b.CreateAlignedLoad(type, place.pointer.value, llvm::Align(1)), buffer.element),
            place.pointer.level, false};
  }
  if (place.step == std::optional<int64_t>(1)) {
    At at(*this, place.pointer.level);
    llvm::Value *value =
        b.CreateAlignedLoad(llvm::FixedVectorType::get(type, lanes), place.pointer.value, llvm::Align(1));
    return {fromMemory(value, buffer.element), place.pointer.level, true};
  }
  Val pointers{nullptr, 0, true};
  llvm::Value *mask = active;
  if (place.step) {
    pointers.level = place.pointer.level;
    At at(*this, pointers.level);
    pointers.value = b.CreateGEP(type, place.pointer.value, iota(b.getInt64Ty(), *place.step));
  } else {
    pointers.level = place.general.level;
    At at(*this, pointers.level);
    auto *wide = llvm::FixedVectorType::get(b.getInt64Ty(), lanes);
    pointers.value = b.CreateGEP(type, place.pointer.value, b.CreateZExt(place.general.value, wide));
  }
  // Lanes beyond the tile would read beyond the buffer; the lane predicate belongs to the innermost level.
  if (mask)
    pointers.level = level();
  Val got = gather(type, pointers, mask, nullptr);
  At at(*this, got.level);
  return {fromMemory(got.value, buffer.element), got.level, true};
}

void Engine::writeBuffer(const Buffer &buffer, const Point &point, Val value, llvm::Value *mask) {
  llvm::Type *type = memoryType(buffer.element);
  if (uniform(point)) {
    Place place = placeOf(buffer, point);
    b.CreateAlignedStore(toMemory(value.value, buffer.element), place.pointer.value, llvm::Align(1));
    return;
  }
  Place place = placeOf(buffer, point);
  llvm::Value *vector = toMemory(widen(value).value, buffer.element);
  if (place.step == std::optional<int64_t>(1)) {
    return maskedStore(vector, place.pointer.value, mask);
  }
  for (unsigned lane = 0; lane < lanes; ++lane) {
    llvm::Value *offset =
        place.step ? b.getInt64(*place.step * lane)
                   : b.CreateZExt(b.CreateExtractElement(place.general.value, lane), b.getInt64Ty());
    llvm::Value *pointer = b.CreateGEP(type, place.pointer.value, offset);
    if (mask)
      pointer = b.CreateSelect(b.CreateExtractElement(mask, lane), pointer, scratch);
    b.CreateAlignedStore(b.CreateExtractElement(vector, lane), pointer, llvm::Align(1));
  }
}

/// Evaluates a whole tile into a buffer that stands for it from then on.
void Engine::materialise(Value value) {
  if (buffers.count(value))
    return;
  Buffer buffer = makeBuffer(value.getType());
  materialiseInto(value, buffer, value.getDefiningOp());
  buffers[value] = buffer;
}

/// `sink`: the operation whose side outputs are written as well; null if it has none.
void Engine::materialiseInto(Value value, const Buffer &buffer, Operation *sink) {
  beginNest();
  if (sink)
    beginSides(sink);
  auto shape = tile::shapeOf(value.getType());
  SmallVector<Value, 4> roots{value};
  LaneSpec spec = chooseLanes(shape, roots, false, buffer.strides);
  nest(shape, spec, [&](const Chunk &chunk) {
    Val val = evalAt(value, chunk);
    writeBuffer(buffer, chunk.point, val, chunk.active);
    if (sink)
      writeSides(sink, chunk);
  });
  if (sink)
    endSides(sink);
}

// Side outputs get their buffers before the nest and stand for their values only after it.
void Engine::beginSides(Operation *sink) {
  for (Value value : plan.sideOutputs(sink))
    pendingSides.push_back({value, makeBuffer(value.getType())});
}

void Engine::writeSides(Operation *sink, const Chunk &chunk) {
  if (plan.sideOutputs(sink).empty())
    return;
  for (auto &[value, buffer] : pendingSides)
    writeBuffer(buffer, chunk.point, evalAt(value, chunk), chunk.active);
}

void Engine::endSides(Operation *sink) {
  if (plan.sideOutputs(sink).empty())
    return;
  for (auto &[value, buffer] : pendingSides)
    buffers[value] = buffer;
  pendingSides.clear();
}

} // namespace tegula::cpu
