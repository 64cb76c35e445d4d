//===- Dot.cpp - products: packing, and loops around the micro-kernel ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

//
// A (row-major, K contiguous) and B (panels of nr columns: for each k, nr elements) are evaluated into the arena, C is
// there already or is evaluated into it, with rows and columns padded to whole register blocks. What stands in the
// padding only ever reaches padding.
//

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tegula::cpu {

static ElementKind kindOf(Type element) {
  if (element.isF64())
    return ElementKind::F64;
  return isa<IntegerType>(element) ? ElementKind::I32 : ElementKind::F32;
}

/// Evaluates a tile into a buffer in a nest with lanes along one dimension.
void Engine::pack(Value value, llvm::ArrayRef<int64_t> writeStrides,
                  llvm::function_ref<void(const Chunk &, Val, int laneDim)> write) {
  beginNest();
  auto shape = tile::shapeOf(value.getType());
  LaneSpec spec = chooseLanes(shape, value, false, writeStrides);
  if (spec.count > 1) {
    spec.dim = int(shape.size()) - 1;
    spec.count = 1;
  }
  nest(shape, spec, [&](const Chunk &chunk) { write(chunk, evalAt(value, chunk), spec.dim); });
}

void Engine::emitDot(tile::DotOp op) {
  auto resultType = op.getResult().getType();
  Type element = resultType.getElementType();
  bool fits = element.isF32() || element.isF64() || element.isInteger(32);
  if (!fits || tile::elementType(op.getA().getType()) != element ||
      tile::elementType(op.getB().getType()) != element)
    unsupported(op);
  ElementKind kind = kindOf(element);
  MicroShape micro = microShape(target, kind);
  auto shapeA = tile::shapeOf(op.getA().getType()), shapeC = tile::shapeOf(resultType);
  int rank = shapeC.size();
  int64_t batch = rank == 3 ? shapeC[0] : 1, m = shapeC[rank - 2], n = shapeC[rank - 1], k = shapeA[rank - 1];
  int64_t rows = llvm::alignTo(m, micro.mr), columns = llvm::alignTo(n, micro.nr),
          size = element.getIntOrFloatBitWidth() / 8;

  // C
  Buffer c;
  Value target = plan.inPlace(op);
  if (target)
    c = buffers.lookup(target);
  else
    c = makeBuffer(resultType, micro.mr, micro.nr);
  auto held = buffers.find(op.getC());
  if (held == buffers.end() || held->second.offset != c.offset)
    materialiseInto(op.getC(), c, nullptr);

  // A: as it lies in its buffer if it fits.
  Buffer a;
  auto packed = buffers.find(op.getA());
  bool direct = packed != buffers.end() && packed->second.strides[rank - 1] == 1 && m % micro.mr == 0;
  if (direct) {
    a = packed->second;
  } else {
    // Rows a power of two apart would share few sets of the cache.
    int64_t stride = llvm::alignTo(k, 16) + (llvm::isPowerOf2_64(llvm::alignTo(k, 16)) && k >= 64 ? 16 : 0);
    a.element = element;
    a.strides = {stride, 1};
    if (rank == 3)
      a.strides.insert(a.strides.begin(), rows * stride);
    a.bytes = batch * rows * stride * size;
    a.offset = arena.allocate(a.bytes + lanes * size);
    pack(op.getA(), a.strides,
         [&](const Chunk &chunk, Val val, int) { writeBuffer(a, chunk.point, val, chunk.active); });
  }

  // B: [batch][columns / nr][k][nr]
  Buffer panels;
  panels.element = element;
  panels.strides = {k * columns, k * micro.nr, micro.nr, 1};
  panels.bytes = batch * k * columns * size;
  panels.offset = arena.allocate(panels.bytes + lanes * size);
  SmallVector<int64_t, 3> along{micro.nr, 1};
  if (rank == 3)
    along.insert(along.begin(), k * columns);
  pack(op.getB(), along, [&](const Chunk &chunk, Val val, int laneDim) {
    auto [panel, column] = divided(chunk.point[rank - 1], micro.nr);
    Point point{rank == 3 ? chunk.point[0] : constantIndex(0), panel, chunk.point[rank - 2], column};
    // Lanes beyond the last column fall into the padding.
    writeBuffer(panels, point, val, laneDim == rank - 1 ? nullptr : chunk.active);
  });

  multiply(kind, a, panels, c, batch, rows, columns, k);
  if (!direct)
    arena.release(a.offset);
  arena.release(panels.offset);
  buffers[op.getResult()] = c;
}

void Engine::multiply(ElementKind kind, const Buffer &a, const Buffer &panels, const Buffer &c, int64_t batch,
                      int64_t rows, int64_t columns, int64_t k) {
  beginNest();
  MicroShape micro = microShape(target, kind);
  size_t last = c.strides.size() - 1;
  llvm::Type *type = memoryType(c.element);
  auto loop = [&](int64_t count, llvm::function_ref<void(llvm::Value *)> body) {
    if (count == 1)
      return body(b.getInt64(0));
    Loop loop = openLoop(b.getInt64(0), b.getInt64(count), 1, {}, false);
    body(loop.iv);
    Carried none;
    closeLoop(loop, none);
  };
  auto advance = [&](llvm::Value *pointer, llvm::Value *index, int64_t stride) {
    return b.CreateGEP(type, pointer, b.CreateMul(index, b.getInt64(stride)));
  };
  llvm::Value *baseA = bufferBase(a), *baseB = bufferBase(panels), *baseC = bufferBase(c);
  loop(batch, [&](llvm::Value *z) {
    llvm::Value *planeA = last == 2 ? advance(baseA, z, a.strides[0]) : baseA;
    llvm::Value *planeB = advance(baseB, z, panels.strides[0]);
    llvm::Value *planeC = last == 2 ? advance(baseC, z, c.strides[0]) : baseC;
    loop(columns / micro.nr, [&](llvm::Value *j) {
      llvm::Value *panel = advance(planeB, j, panels.strides[1]);
      llvm::Value *columnC = advance(planeC, j, micro.nr);
      loop(rows / micro.mr, [&](llvm::Value *i) {
        emitMicroKernel(b, target, kind, micro, advance(planeA, i, micro.mr * a.strides[last - 1]),
                        a.strides[last - 1], panel, advance(columnC, i, micro.mr * c.strides[last - 1]),
                        c.strides[last - 1], k);
      });
    });
  });
}

} // namespace tegula::cpu
