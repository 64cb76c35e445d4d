//===- Interchange.cpp - loops that only carry tiles, element by element ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
//     for off in range(0, n, BLOCK):            for each chunk of the tile:
//       s += load(p + off + range)      ->        for off in range(0, n, BLOCK):
//                                                   registers += load(...)
//
// Allowed where the body has no effect and reads the carried tiles at their own index only: then the chunks do not know
// of each other, and the accumulators stay in registers.
//

#include "codegen/cpu/Elementwise.h"
#include "codegen/cpu/Engine.h"

using namespace mlir;

namespace tegula::cpu {

static bool isScalar(Type type) { return !tile::isTile(type) && !isa<tile::TokenType>(type); }

bool Engine::canInterchange(scf::ForOp op) const {
  if (!options.pull)
    return false;
  Operation *yield = op.getBody()->getTerminator();
  llvm::ArrayRef<int64_t> shape;
  unsigned tiles = 0;
  for (auto [arg, result] : llvm::zip(op.getRegionIterArgs(), op.getResults())) {
    if (isScalar(arg.getType()) && !result.use_empty())
      return false;
    if (!tile::isTile(arg.getType()))
      continue;
    if (tiles++ && shape != tile::shapeOf(arg.getType()))
      return false;
    shape = tile::shapeOf(arg.getType());
    for (const Consumer &consumer : plan.consumers(arg))
      if (consumer.sink != yield || !consumer.identity())
        return false;
  }
  if (tiles == 0 || tiles > 4)
    return false;
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (isa<tile::JoinTokensOp, tile::EntryTokenOp, tile::AssumeOp>(inner))
      continue;
    if (inner.getNumRegions() || inner.getNumResults() == 0)
      return false;
    Value result = inner.getResult(0);
    if (!tile::isTile(result.getType())) {
      if (!isElementwise(&inner) && !isa<arith::ConstantOp, tile::ProgramIdOp, tile::NumProgramsOp>(inner))
        return false;
      continue;
    }
    if (isa<tile::ReduceOp, tile::ScanOp, tile::DotOp, tile::AtomicRmwOp, tile::AtomicCasOp>(inner))
      return false;
    for (Value value : inner.getResults())
      if (plan.form(value) != Form::Pull)
        return false;
  }
  return true;
}

void Engine::emitInterchanged(scf::ForOp op) {
  SmallVector<unsigned> tiles;
  SmallVector<Value, 4> roots;
  SmallVector<Buffer, 2> outs;
  Operation *yield = op.getBody()->getTerminator();
  for (auto [i, arg] : llvm::enumerate(op.getRegionIterArgs())) {
    if (!tile::isTile(arg.getType()))
      continue;
    tiles.push_back(i);
    roots.push_back(yield->getOperand(i));
    outs.push_back(makeBuffer(arg.getType()));
  }
  beginNest();
  auto shape = tile::shapeOf(roots[0].getType());
  LaneSpec spec = chooseLanes(shape, roots, false, outs[0].strides);
  spec.roots.clear();
  if (spec.count == 1)
    spec.unroll = std::clamp<int64_t>(shape[spec.dim] / lanes, 1, tiles.size() == 1 ? 4 : 2);
  Point point(shape.size());
  SmallVector<int> outer;
  for (int dim = 0; dim < int(shape.size()); ++dim)
    if (dim < spec.dim || dim >= spec.dim + spec.count)
      outer.push_back(dim);
  forEach(outer, shape, point, [&] {
    Carried none;
    laneLoops(point, shape, spec, none, [&](llvm::ArrayRef<Chunk> chunks, Carried &) {
      Carried sums = interchangedLoop(op, tiles, chunks);
      for (auto [u, chunk] : llvm::enumerate(chunks))
        for (size_t t = 0; t < tiles.size(); ++t) {
          llvm::Value *sum = sums[u * tiles.size() + t];
          writeBuffer(outs[t], chunk.point, {sum, level(), sum->getType()->isVectorTy()}, chunk.active);
        }
    });
  });
  for (auto [t, i] : llvm::enumerate(tiles))
    buffers[op.getResult(i)] = outs[t];
}

/// The loop itself for some chunks: scalars and the chunks' elements of the carried tiles in phis.
Carried Engine::interchangedLoop(scf::ForOp op, llvm::ArrayRef<unsigned> tiles,
                                 llvm::ArrayRef<Chunk> chunks) {
  Operation *yield = op.getBody()->getTerminator();
  auto elementAt = [&](Value value, const Chunk &chunk) {
    Val val = evalAt(value, chunk);
    return uniform(chunk.point) ? val.value : widen(val).value;
  };
  Carried inits;
  for (const Chunk &chunk : chunks)
    for (unsigned i : tiles)
      inits.push_back(elementAt(op.getInitArgs()[i], chunk));
  SmallVector<unsigned> scalarArgs;
  for (auto [i, arg] : llvm::enumerate(op.getRegionIterArgs()))
    if (isScalar(arg.getType()))
      scalarArgs.push_back(i);

  llvm::Value *lower = scalar(op.getLowerBound()), *upper = scalar(op.getUpperBound()),
              *step = scalar(op.getStep());
  llvm::BasicBlock *before = b.GetInsertBlock();
  auto *enter = llvm::BasicBlock::Create(context, "enter", function);
  auto *body = llvm::BasicBlock::Create(context, "for", function);
  auto *exit = llvm::BasicBlock::Create(context, "endfor");
  b.CreateCondBr(op.getUnsignedCmp() ? b.CreateICmpULT(lower, upper) : b.CreateICmpSLT(lower, upper), enter,
                 exit);
  b.SetInsertPoint(enter);
  b.CreateBr(body);
  levelBlocks.push_back(before);
  levelBlocks.push_back(enter);
  memo.resize(levelBlocks.size() + 1);
  int savedFloor = loadFloor;
  loadFloor = level() - 1; // a load of the body runs only if the body does
  b.SetInsertPoint(body);
  auto phiOf = [&](llvm::Value *init) {
    llvm::PHINode *phi = b.CreatePHI(init->getType(), 2);
    phi->addIncoming(init, enter);
    return phi;
  };
  auto define = [&](Value value, llvm::Value *as) {
    scalars[value] = as;
    scalarLevels[value] = level();
  };
  llvm::PHINode *iv = phiOf(lower);
  define(op.getInductionVar(), iv);
  SmallVector<llvm::PHINode *> scalarPhis, phis;
  for (unsigned i : scalarArgs) {
    scalarPhis.push_back(phiOf(scalar(op.getInitArgs()[i])));
    define(op.getRegionIterArg(i), scalarPhis.back());
  }
  for (llvm::Value *init : inits)
    phis.push_back(phiOf(init));
  for (Operation &inner : op.getBody()->without_terminator())
    if (inner.getNumResults() && isScalar(inner.getResult(0).getType())) {
      emitScalarOp(&inner);
      scalarLevels[inner.getResult(0)] = level();
    }
  Carried nexts;
  for (auto [u, chunk] : llvm::enumerate(chunks)) {
    for (auto [t, i] : llvm::enumerate(tiles)) {
      llvm::PHINode *phi = phis[u * tiles.size() + t];
      overrides[op.getRegionIterArg(i)] = {phi, level(), phi->getType()->isVectorTy()};
    }
    for (unsigned i : tiles)
      nexts.push_back(elementAt(yield->getOperand(i), chunk));
  }
  overrides.clear();
  llvm::BasicBlock *latch = b.GetInsertBlock();
  for (auto [phi, next] : llvm::zip(phis, nexts))
    phi->addIncoming(next, latch);
  for (auto [phi, i] : llvm::zip(scalarPhis, scalarArgs))
    phi->addIncoming(scalar(yield->getOperand(i)), latch);
  iv->addIncoming(b.CreateAdd(iv, step), latch);
  b.CreateCondBr(b.CreateICmpUGT(b.CreateSub(upper, iv), step), body, exit);
  function->insert(function->end(), exit);
  b.SetInsertPoint(exit);
  levelBlocks.resize(levelBlocks.size() - 2);
  memo.resize(levelBlocks.size() + 1);
  scalarLevels.clear();
  loadFloor = savedFloor;
  Carried results;
  for (auto [init, next] : llvm::zip(inits, nexts)) {
    llvm::PHINode *phi = b.CreatePHI(init->getType(), 2);
    phi->addIncoming(init, before);
    phi->addIncoming(next, latch);
    results.push_back(phi);
  }
  return results;
}

} // namespace tegula::cpu
