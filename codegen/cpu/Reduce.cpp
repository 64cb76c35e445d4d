//===- Reduce.cpp - reductions and scans ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

//
// Along the lanes: each lane of `unroll` vectors gathers every (unroll * lanes)-th element, and the partial results are
// combined at the end. That changes the order of operands, so it is for combine functions known to be commutative.
// Across the lanes: the lanes are another dimension, and the axis is a loop inside: strictly in order.
//

using namespace mlir;

namespace tegula::cpu {

static Point without(const Point &point, int axis) {
  Point result = point;
  result.erase(result.begin() + axis);
  return result;
}

void Engine::emitReduce(tile::ReduceOp op) {
  Combine how = classify(op.getCombine());
  auto shape = tile::shapeOf(op.getSrcs()[0].getType());
  int axis = op.getAxis(), last = int(shape.size()) - 1;
  int64_t half = lanes / 2;

  SmallVector<Buffer, 2> outs;
  for (Value result : op.getResults())
    if (tile::isTile(result.getType()))
      outs.push_back(makeBuffer(result.getType()));

  int other = -1; // a dimension for the lanes that is not the axis
  for (int dim = last; dim >= 0; --dim)
    if (dim != axis && shape[dim] >= half && (other < 0 || (other != last && shape[dim] > shape[other])))
      other = dim;
  bool along =
      how.commutative && (shape.size() == 1 || (axis == last ? shape[axis] >= half || other < 0 : other < 0));

  beginSides(op);
  Carried scalarsOut;
  if (along && shape[axis] > 1)
    reduceAlongLanes(op, how, outs, scalarsOut);
  else
    reduceAcrossLanes(op, how, outs, how.vector ? other : -1, scalarsOut);
  endSides(op);
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    if (tile::isTile(result.getType()))
      buffers[result] = outs[i];
    else
      scalars[result] = scalarsOut[i];
  }
}

void Engine::reduceAlongLanes(tile::ReduceOp op, const Combine &how, llvm::ArrayRef<Buffer> outs,
                              Carried &results) {
  auto shape = tile::shapeOf(op.getSrcs()[0].getType());
  int axis = op.getAxis();
  size_t n = op.getSrcs().size();
  LaneSpec spec;
  spec.dim = axis;
  spec.unroll = std::clamp<int64_t>(shape[axis] / lanes, 1, n == 1 ? 4 : 2);
  spec.roots.assign(op.getSrcs().begin(), op.getSrcs().end());
  Point point(shape.size());
  SmallVector<int> outer;
  for (int dim = 0; dim < int(shape.size()); ++dim)
    if (dim != axis)
      outer.push_back(dim);
  forEach(outer, shape, point, [&] {
    Carried parts;
    for (int u = 0; u < spec.unroll; ++u)
      for (llvm::Constant *identity : how.identities)
        parts.push_back(splat(identity));
    laneLoops(point, shape, spec, parts, [&](llvm::ArrayRef<Chunk> chunks, Carried &carried) {
      for (auto [u, chunk] : llvm::enumerate(chunks)) {
        SmallVector<llvm::Value *, 2> values, before(carried.begin() + u * n, carried.begin() + (u + 1) * n);
        for (Value src : op.getSrcs())
          values.push_back(widen(evalAt(src, chunk)).value);
        auto next = combine(how, before, values, lanes);
        for (size_t i = 0; i < n; ++i)
          carried[u * n + i] = chunk.active ? b.CreateSelect(chunk.active, next[i], before[i]) : next[i];
        writeSides(op, chunk);
      }
    });
    // Halve the number of vectors, then of lanes.
    SmallVector<SmallVector<llvm::Value *, 2>, 4> vectors;
    for (int u = 0; u < spec.unroll; ++u)
      vectors.push_back({parts.begin() + u * n, parts.begin() + (u + 1) * n});
    while (vectors.size() > 1) {
      size_t k = (vectors.size() + 1) / 2;
      for (size_t i = 0; i + k < vectors.size(); ++i)
        vectors[i] = combine(how, vectors[i], vectors[i + k], lanes);
      vectors.resize(k);
    }
    for (unsigned width = lanes / 2; width > 0; width /= 2) {
      // The upper lanes are left open: LLVM 22 selects a wrong broadcast when they repeat the lower ones.
      SmallVector<int, 16> mask(lanes, -1);
      for (unsigned lane = 0; lane < width; ++lane)
        mask[lane] = int(lane + width);
      SmallVector<llvm::Value *, 2> upper;
      for (llvm::Value *value : vectors[0])
        upper.push_back(b.CreateShuffleVector(value, mask));
      vectors[0] = combine(how, vectors[0], upper, lanes);
    }
    for (size_t i = 0; i < n; ++i) {
      llvm::Value *value = b.CreateExtractElement(vectors[0][i], uint64_t(0));
      if (outs.empty())
        results.push_back(value);
      else
        writeBuffer(outs[i], without(point, axis), {value, level(), false}, nullptr);
    }
  });
}

/// `laneDim` -1: no lanes, one element at a time.
void Engine::reduceAcrossLanes(tile::ReduceOp op, const Combine &how, llvm::ArrayRef<Buffer> outs,
                               int laneDim, Carried &results) {
  auto shape = tile::shapeOf(op.getSrcs()[0].getType());
  int axis = op.getAxis();
  size_t n = op.getSrcs().size();
  Point point(shape.size());
  SmallVector<int> outer;
  for (int dim = 0; dim < int(shape.size()); ++dim)
    if (dim != axis && dim != laneDim)
      outer.push_back(dim);
  auto body = [&](llvm::ArrayRef<Chunk> chunks) {
    auto at = [&](const Chunk &chunk, const Index &index) {
      Chunk moved = chunk;
      moved.point[axis] = index;
      return moved;
    };
    auto valuesAt = [&](const Chunk &chunk) {
      SmallVector<llvm::Value *, 2> values;
      for (Value src : op.getSrcs()) {
        Val val = evalAt(src, chunk);
        values.push_back(uniform(chunk.point) ? val.value : widen(val).value);
      }
      writeSides(op, chunk);
      return values;
    };
    Carried parts;
    for (const Chunk &chunk : chunks)
      llvm::append_range(parts, valuesAt(at(chunk, constantIndex(0))));
    if (shape[axis] > 1) {
      Loop loop = openLoop(b.getInt64(1), b.getInt64(shape[axis]), 1, parts, false);
      Index index{loop.iv, 0, level(), axis, 1, false};
      Carried next;
      for (auto [u, chunk] : llvm::enumerate(chunks)) {
        SmallVector<llvm::Value *, 2> before(loop.phis.begin() + u * n, loop.phis.begin() + (u + 1) * n);
        auto values = valuesAt(at(chunk, index));
        llvm::append_range(next, combine(how, before, values, uniform(chunk.point) ? 1 : lanes));
      }
      closeLoop(loop, next);
      parts = next;
    }
    for (auto [u, chunk] : llvm::enumerate(chunks))
      for (size_t i = 0; i < n; ++i) {
        bool wide = parts[u * n + i]->getType()->isVectorTy();
        if (outs.empty())
          results.push_back(parts[u * n + i]);
        else
          writeBuffer(outs[i], without(chunk.point, axis), {parts[u * n + i], level(), wide}, chunk.active);
      }
  };
  forEach(outer, shape, point, [&] {
    point[axis] = Index();
    point[axis].origin = axis;
    if (laneDim < 0) {
      Chunk chunk;
      chunk.point = point;
      return body(chunk);
    }
    LaneSpec spec;
    spec.dim = laneDim;
    spec.unroll = std::clamp<int64_t>(shape[laneDim] / lanes, 1, n == 1 ? 4 : 2);
    spec.roots.assign(op.getSrcs().begin(), op.getSrcs().end());
    Carried none;
    laneLoops(point, shape, spec, none, [&](llvm::ArrayRef<Chunk> chunks, Carried &) { body(chunks); });
  });
}

void Engine::emitScan(tile::ScanOp op) {
  Combine how = classify(op.getCombine());
  auto shape = tile::shapeOf(op.getSrcs()[0].getType());
  int axis = op.getAxis(), last = int(shape.size()) - 1;
  size_t n = op.getSrcs().size();
  int laneDim = how.vector && axis != last && shape[last] >= int64_t(lanes) / 2 ? last : -1;
  SmallVector<Buffer, 2> outs;
  for (Value result : op.getResults())
    outs.push_back(makeBuffer(result.getType()));
  Point point(shape.size());
  SmallVector<int> outer;
  for (int dim = 0; dim <= last; ++dim)
    if (dim != axis && dim != laneDim)
      outer.push_back(dim);
  int64_t extent = shape[axis];
  auto body = [&](llvm::ArrayRef<Chunk> chunks) {
    auto step = [&](const Chunk &chunk, const Index &index, llvm::ArrayRef<llvm::Value *> before) {
      Chunk moved = chunk;
      moved.point[axis] = index;
      unsigned width = uniform(moved.point) ? 1 : lanes;
      SmallVector<llvm::Value *, 2> values;
      for (Value src : op.getSrcs()) {
        Val val = evalAt(src, moved);
        values.push_back(width == 1 ? val.value : widen(val).value);
      }
      if (!before.empty())
        values = combine(how, before, values, width);
      for (size_t i = 0; i < n; ++i)
        writeBuffer(outs[i], moved.point, {values[i], level(), width > 1}, moved.active);
      return values;
    };
    for (const Chunk &chunk : chunks) {
      auto first = step(chunk, constantIndex(op.getReverse() ? extent - 1 : 0), {});
      if (extent == 1)
        continue;
      Loop loop = openLoop(b.getInt64(1), b.getInt64(extent), 1, first, false);
      Index index{loop.iv, 0, level(), -1, 1, false};
      if (op.getReverse())
        index.value = b.CreateSub(b.getInt64(extent - 1), loop.iv);
      Carried next;
      SmallVector<llvm::Value *, 2> before(loop.phis.begin(), loop.phis.end());
      llvm::append_range(next, step(chunk, index, before));
      closeLoop(loop, next);
    }
  };
  forEach(outer, shape, point, [&] {
    point[axis] = Index();
    point[axis].origin = axis;
    if (laneDim < 0) {
      Chunk chunk;
      chunk.point = point;
      return body(chunk);
    }
    LaneSpec spec;
    spec.dim = laneDim;
    spec.roots.assign(op.getSrcs().begin(), op.getSrcs().end());
    Carried none;
    laneLoops(point, shape, spec, none, [&](llvm::ArrayRef<Chunk> chunks, Carried &) { body(chunks); });
  });
  for (auto [result, out] : llvm::zip(op.getResults(), outs))
    buffers[result] = out;
}

} // namespace tegula::cpu
