//===- Shapes.cpp - operations that only say which register is which ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/simt/Emitter.h"

using namespace mlir;

namespace tegula::simt {

/// The result's registers are registers of the source. A packed source stays packed if whole words go along.
void Emitter::selectRegisters(Value source, Value result, llvm::function_ref<unsigned(unsigned)> from) {
  TileValue &registers = tile(source);
  unsigned count = registersOf(result), pack = registers.pack;
  TileValue out;
  out.exact = registers.exact;
  auto wholeWords = [&] {
    if (count % pack)
      return false;
    for (unsigned reg = 0; reg < count; reg += pack)
      for (unsigned i = 0; i < pack; ++i)
        if (from(reg) % pack || from(reg + i) != from(reg) + i)
          return false;
    return true;
  };
  if (pack > 1 && wholeWords()) {
    out.pack = pack;
    for (unsigned reg = 0; reg < count; reg += pack)
      out.parts.push_back(registers.parts[from(reg) / pack]);
  } else {
    for (unsigned reg = 0; reg < count; ++reg)
      out.parts.push_back(part(source, from(reg)));
  }
  set(result, std::move(out));
}

/// Two tiles in one: `from` says which of them, and the register.
void Emitter::mergeRegisters(Value left, Value right, Value result,
                             llvm::function_ref<std::pair<bool, unsigned>(unsigned)> from) {
  TileValue out;
  out.exact = tile(left).exact && tile(right).exact;
  for (unsigned reg = 0, count = registersOf(result); reg < count; ++reg) {
    auto [isRight, source] = from(reg);
    out.parts.push_back(part(isRight ? right : left, source));
  }
  set(result, std::move(out));
}

bool Emitter::emitShapeOp(Operation *op) {
  Value result = op->getResult(0);
  if (auto splat = dyn_cast<tile::SplatOp>(op)) {
    emitSplat(result, scalar(splat.getSrc()));
    return true;
  }
  auto same = [](unsigned reg) { return reg; };
  if (isa<tile::ExpandDimsOp, tile::ReshapeOp>(op)) {
    selectRegisters(op->getOperand(0), result, same);
    return true;
  }
  if (auto broadcast = dyn_cast<tile::BroadcastOp>(op)) {
    const layout::Layout &layout = layoutOf(result);
    uint32_t axes = 0;
    for (auto [d, extent] : llvm::enumerate(broadcast.getSrc().getType().getShape()))
      axes |= uint32_t(extent == 1) << d;
    selectRegisters(broadcast.getSrc(), result,
                    [&](unsigned reg) { return layout.collapsedRegister(axes, reg); });
    return true;
  }
  if (auto trans = dyn_cast<tile::TransOp>(op)) {
    SmallVector<unsigned> order(trans.getOrder().begin(), trans.getOrder().end());
    const layout::Layout &layout = layoutOf(trans.getSrc());
    selectRegisters(trans.getSrc(), result,
                    [&](unsigned reg) { return layout.transposedRegister(order, reg); });
    return true;
  }
  if (auto join = dyn_cast<tile::JoinOp>(op)) {
    const layout::Layout &layout = layoutOf(result);
    // Register 2 r + s, or wherever the layout of the result keeps the last bit in a register.
    SmallVector<std::pair<bool, unsigned>> from(layout.registers());
    for (unsigned side : {0u, 1u})
      for (unsigned reg = 0; reg < layout.registers() / 2; ++reg)
        from[layout.splitRegister(side, reg)] = {side == 1, reg};
    mergeRegisters(join.getLhs(), join.getRhs(), result, [&](unsigned reg) { return from[reg]; });
    return true;
  }
  if (auto split = dyn_cast<tile::SplitOp>(op)) {
    const layout::Layout &layout = layoutOf(split.getSrc());
    for (unsigned side : {0u, 1u})
      selectRegisters(split.getSrc(), op->getResult(side),
                      [&](unsigned reg) { return layout.splitRegister(side, reg); });
    return true;
  }
  if (auto cat = dyn_cast<tile::CatOp>(op)) {
    const layout::Layout &half = layoutOf(cat.getLhs());
    SmallVector<std::pair<bool, unsigned>> from(registersOf(result));
    for (unsigned side : {0u, 1u})
      for (unsigned reg = 0; reg < half.registers(); ++reg)
        from[half.catRegister(side, reg)] = {side == 1, reg};
    mergeRegisters(cat.getLhs(), cat.getRhs(), result, [&](unsigned reg) { return from[reg]; });
    return true;
  }
  return false;
}

} // namespace tegula::simt
