//===- Nest.cpp - loops, levels, lanes ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Engine.h"

#include "codegen/cpu/Elementwise.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tegula::cpu {

void Engine::beginNest() {
  levelBlocks.clear();
  memo.clear();
  memo.resize(1);
  steps.clear();
  assumptions.clear();
  flatLanes.clear();
  mode = loadFloor = 0;
  active = nullptr;
}

/// A loop that tests at its end. `guarded`: it may have no iteration, and a block before the body (a level of its own)
/// is reached only if it has one.
Loop Engine::openLoop(llvm::Value *begin, llvm::Value *end, int64_t step,
                      llvm::ArrayRef<llvm::Value *> carried, bool guarded) {
  Loop loop;
  loop.end = end;
  loop.step = step;
  loop.inits.assign(carried.begin(), carried.end());
  loop.body = llvm::BasicBlock::Create(context, "body", function);
  loop.exit = llvm::BasicBlock::Create(context, "exit");
  llvm::BasicBlock *before = b.GetInsertBlock();
  levelBlocks.push_back(before);
  loop.pushed = 1;
  if (guarded) {
    loop.guard = llvm::BasicBlock::Create(context, "enter", function, loop.body);
    b.CreateCondBr(b.CreateICmpSLT(begin, end), loop.guard, loop.exit);
    b.SetInsertPoint(loop.guard);
    levelBlocks.push_back(loop.guard);
    loop.pushed = 2;
  }
  llvm::BasicBlock *entering = b.GetInsertBlock();
  b.CreateBr(loop.body);
  b.SetInsertPoint(loop.body);
  loop.iv = b.CreatePHI(b.getInt64Ty(), 2);
  loop.iv->addIncoming(begin, entering);
  for (llvm::Value *value : carried) {
    llvm::PHINode *phi = b.CreatePHI(value->getType(), 2);
    phi->addIncoming(value, entering);
    loop.phis.push_back(phi);
  }
  memo.resize(levelBlocks.size() + 1);
  return loop;
}

/// `carried`: in, the values of the next iteration; out, those after the loop.
void Engine::closeLoop(Loop &loop, Carried &carried) {
  llvm::Value *next = b.CreateAdd(loop.iv, b.getInt64(loop.step), "", true, true);
  llvm::BasicBlock *latch = b.GetInsertBlock();
  loop.iv->addIncoming(next, latch);
  for (auto [phi, value] : llvm::zip(loop.phis, carried))
    phi->addIncoming(value, latch);
  b.CreateCondBr(b.CreateICmpSLT(next, loop.end), loop.body, loop.exit);
  function->insert(function->end(), loop.exit);
  b.SetInsertPoint(loop.exit);
  levelBlocks.resize(levelBlocks.size() - loop.pushed);
  memo.resize(levelBlocks.size() + 1);
  if (!loop.guard)
    return;
  for (size_t i = 0; i < carried.size(); ++i) {
    llvm::PHINode *phi = b.CreatePHI(carried[i]->getType(), 2);
    phi->addIncoming(loop.inits[i], loop.guard->getSinglePredecessor());
    phi->addIncoming(carried[i], latch);
    carried[i] = phi;
  }
}

void Engine::forEach(llvm::ArrayRef<int> dims, llvm::ArrayRef<int64_t> shape, Point &point,
                     llvm::function_ref<void()> body) {
  if (dims.empty())
    return body();
  int dim = dims[0];
  if (shape[dim] == 1) {
    point[dim] = constantIndex(0);
    return forEach(dims.drop_front(), shape, point, body);
  }
  Loop loop = openLoop(b.getInt64(0), b.getInt64(shape[dim]), 1, {}, false);
  point[dim] = Index{loop.iv, 0, level(), dim, 1, false};
  forEach(dims.drop_front(), shape, point, body);
  Carried none;
  closeLoop(loop, none);
}

static int64_t extentOf(llvm::ArrayRef<int64_t> shape, const LaneSpec &spec) {
  int64_t extent = 1;
  for (int i = 0; i < spec.count; ++i)
    extent *= shape[spec.dim + i];
  return extent;
}

/// Runs the body for the `unroll` chunks from `iv` on.
void Engine::runChunks(const Point &row, llvm::ArrayRef<int64_t> shape, const LaneSpec &spec, llvm::Value *iv,
                       int64_t extent, bool partial, int64_t staticStart, Carried &carried, ChunkBody body) {
  SmallVector<Chunk, 4> chunks;
  for (int u = 0; u < spec.unroll; ++u) {
    // A static start: what lies wholly outside need not run at all.
    if (staticStart >= 0 && staticStart + u * int64_t(lanes) >= extent)
      break;
    bool whole = staticStart >= 0 && staticStart + (u + 1) * int64_t(lanes) <= extent;
    Chunk chunk;
    chunk.point = row;
    llvm::Value *start = u ? b.CreateAdd(iv, b.getInt64(u * lanes), "", true, true) : iv;
    Index index{start, 1, level(), spec.dim, int64_t(lanes), false};
    if (spec.count == 1) {
      chunk.point[spec.dim] = index;
    } else {
      index.origin = -1;
      llvm::SmallVector<Index, 4> dims;
      delinearise(index, shape.slice(spec.dim, spec.count), dims);
      FlatLane flat;
      flat.extents.assign(shape.begin() + spec.dim, shape.begin() + spec.dim + spec.count);
      flat.index = index;
      for (auto [i, dim] : llvm::enumerate(dims)) {
        dim.collapsed = int(i) + 1;
        flat.parts.push_back(dim.value);
      }
      flatLanes.push_back(std::move(flat));
      std::copy(dims.begin(), dims.end(), chunk.point.begin() + spec.dim);
    }
    if (partial && !whole) {
      llvm::Value *left = b.CreateTrunc(b.CreateSub(b.getInt64(extent), start), b.getInt32Ty());
      chunk.active = b.CreateICmpSLT(iota(b.getInt32Ty(), 1), splat(left));
    }
    chunks.push_back(std::move(chunk));
  }
  body(chunks, carried);
}

void Engine::laneLoop(const Point &row, llvm::ArrayRef<int64_t> shape, const LaneSpec &spec,
                      llvm::Value *begin, llvm::Value *end, int64_t extent, bool partial, bool guarded,
                      Carried &carried, ChunkBody body) {
  Loop loop = openLoop(begin, end, int64_t(lanes) * spec.unroll, carried, guarded);
  if (mode == 1)
    loadFloor = level() - 1;
  Carried inside(loop.phis.begin(), loop.phis.end());
  runChunks(row, shape, spec, loop.iv, extent, partial, -1, inside, body);
  closeLoop(loop, inside);
  carried = inside;
  loadFloor = 0;
}

void Engine::laneLoops(const Point &row, llvm::ArrayRef<int64_t> shape, const LaneSpec &spec,
                       Carried &carried, ChunkBody body) {
  int64_t extent = extentOf(shape, spec), stride = int64_t(lanes) * spec.unroll;
  if (extent == 1) { // a single element: scalar code
    Chunk chunk;
    chunk.point = row;
    for (int i = 0; i < spec.count; ++i)
      chunk.point[spec.dim + i] = constantIndex(0);
    return body(chunk, carried);
  }
  int64_t whole = extent / stride * stride;
  SmallVector<Term, 4> terms;
  if (spec.count == 1 && options.pull) {
    Point start = row;
    start[spec.dim] = constantIndex(0);
    start[spec.dim].step = 1;
    start[spec.dim].origin = spec.dim;
    Seen seen;
    if (spec.skip)
      maskTerms(spec.skip, start, terms, true);
    for (Value mask : spec.masks)
      maskTerms(mask, start, terms, false);
    for (Value root : spec.roots)
      collectTerms(root, start, seen, terms, isa<tile::PtrType>(tile::elementType(root.getType())));
  }
  if (terms.empty()) {
    if (whole)
      laneLoop(row, shape, spec, b.getInt64(0), b.getInt64(whole), extent, false, false, carried, body);
    if (whole != extent)
      runChunks(row, shape, spec, b.getInt64(whole), extent, true, whole, carried, body);
    return;
  }
  // The leading elements for which every term is true; where the store's mask ends nothing needs to run.
  llvm::Value *limit = b.getInt64(whole), *stop = b.getInt64(extent);
  auto least = [&](llvm::Value *a, llvm::Value *c) {
    return b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, c);
  };
  for (const Term &term : terms) {
    llvm::Value *count = term.count ? term.count : b.getInt64(extent);
    if (term.uniform)
      count = b.CreateSelect(term.uniform, count, b.getInt64(0));
    limit = least(limit, count);
    if (term.skips)
      stop = least(stop, count);
  }
  limit = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, limit, b.getInt64(0));
  if (llvm::isPowerOf2_64(stride))
    limit = b.CreateAnd(limit, b.getInt64(-stride));
  else
    limit = b.CreateSub(limit, b.CreateURem(limit, b.getInt64(stride)));
  steps.clear(); // steps found before an assumption was made may be too cautious
  if (whole) {
    mode = 1;
    laneLoop(row, shape, spec, b.getInt64(0), limit, extent, false, true, carried, body);
    mode = 0;
  }
  assumptions.clear();
  steps.clear();
  laneLoop(row, shape, spec, whole ? limit : b.getInt64(0), stop, extent, whole != extent, true, carried,
           body);
}

void Engine::nest(llvm::ArrayRef<int64_t> shape, const LaneSpec &spec,
                  llvm::function_ref<void(const Chunk &)> body) {
  Point point(shape.size());
  SmallVector<int> outer;
  for (int i = 0; i < int(shape.size()); ++i)
    if (i < spec.dim || i >= spec.dim + spec.count)
      outer.push_back(i);
  if (shape.empty())
    return body(Chunk());
  forEach(outer, shape, point, [&] {
    Carried none;
    laneLoops(point, shape, spec, none, [&](llvm::ArrayRef<Chunk> chunks, Carried &) {
      for (const Chunk &chunk : chunks)
        body(chunk);
    });
  });
}

/// Sum over the memory accesses of an expression: 1 for consecutive or equal addresses, 8 for scattered ones.
int64_t Engine::accessCost(Value value, const Point &point, Seen &seen) {
  if (!tile::isTile(value.getType()) || uniform(point) || !visit(seen, value, point))
    return 0;
  auto buffer = buffers.find(value);
  if (buffer != buffers.end()) {
    int64_t step = 0;
    bool scattered = false;
    for (auto [index, stride] : llvm::zip(point, buffer->second.strides)) {
      scattered |= index.general;
      step += index.step * stride;
    }
    return scattered || (step != 0 && step != 1) ? 8 : 1;
  }
  Operation *op = value.getDefiningOp();
  if (!op || isa<arith::ConstantOp, tile::MakeRangeOp, tile::SplatOp>(op))
    return 0;
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    auto step = stepOf(load.getPtr(), point);
    Type element = tile::elementType(load.getResult().getType());
    int64_t size = memoryType(element)->getScalarSizeInBits() / 8;
    int64_t cost = step && (*step == 0 || *step == size) ? 1 : 8;
    return load.getOther() ? cost + accessCost(load.getOther(), point, seen) : cost;
  }
  Point source = point;
  if (!isElementwise(op) && !isa<tile::JoinOp, tile::CatOp>(op) && !sourcePoint(op, value, point, source))
    return 0;
  if (isa<tile::JoinOp>(op))
    source.pop_back();
  int64_t cost = 0;
  for (Value operand : op->getOperands())
    cost += accessCost(operand, source, seen);
  return cost;
}

LaneSpec Engine::chooseLanes(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<Value> roots, bool rowMajor,
                             llvm::ArrayRef<int64_t> writeStrides) {
  LaneSpec spec;
  spec.roots.assign(roots.begin(), roots.end());
  if (shape.empty())
    return spec;
  spec.dim = shape.size() - 1;
  int64_t extent = shape[spec.dim];
  while (extent < lanes && spec.dim > 0) {
    extent *= shape[--spec.dim];
    ++spec.count;
  }
  if (rowMajor || shape.size() == 1)
    return spec;
  auto price = [&](int dim) {
    Point point;
    for (size_t i = 0; i < shape.size(); ++i) {
      point.push_back(constantIndex(0));
      point.back().origin = i;
    }
    point[dim].step = 1;
    Seen seen;
    int64_t cost = 0;
    for (Value root : roots)
      cost += accessCost(root, point, seen);
    // Stores of single lanes are cheaper than gathering loads.
    if (!writeStrides.empty() && writeStrides[dim] != 1)
      cost += 5;
    return double(cost) * llvm::alignTo(shape[dim], lanes) / shape[dim];
  };
  double best = spec.count == 1 ? price(spec.dim) : 1e18;
  for (int dim = 0; dim + 1 < int(shape.size()); ++dim) {
    if (shape[dim] < int64_t(lanes))
      continue;
    double cost = price(dim);
    if (cost < best && spec.count == 1) {
      best = cost;
      spec.dim = dim;
    }
  }
  steps.clear();
  return spec;
}

} // namespace tegula::cpu
