//===- Shapes.cpp - constants, ranges, and operations that move elements ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/reference/Interpreter.h"
#include "ir/ops/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace tegula::tile;

namespace tegula::reference {

static uint64_t attributeBits(Attribute value) {
  if (auto number = dyn_cast<FloatAttr>(value))
    return number.getValue().bitcastToAPInt().getZExtValue();
  return cast<IntegerAttr>(value).getValue().getZExtValue();
}

void Interpreter::runConstant(Operation *op) {
  auto constant = cast<arith::ConstantOp>(op);
  Block out(constant.getType());
  if (auto elements = dyn_cast<DenseElementsAttr>(constant.getValue())) {
    int64_t i = 0;
    for (Attribute value : elements.getValues<Attribute>())
      out.cells[i++] = exactCell(attributeBits(value), out.kind);
  } else {
    out.cells[0] = exactCell(attributeBits(constant.getValue()), out.kind);
  }
  values[constant.getResult()] = std::move(out);
}

void Interpreter::runProgramId(Operation *op) {
  Block out(op->getResult(0).getType());
  out.cells[0].bits = uint64_t(id[cast<ProgramIdOp>(op).getAxis()]);
  values[op->getResult(0)] = std::move(out);
}

void Interpreter::runNumPrograms(Operation *op) {
  Block out(op->getResult(0).getType());
  out.cells[0].bits = uint64_t(grid[cast<NumProgramsOp>(op).getAxis()]);
  values[op->getResult(0)] = std::move(out);
}

void Interpreter::runRange(Operation *op) {
  Block out(op->getResult(0).getType());
  int32_t start = int32_t(cast<MakeRangeOp>(op).getStart());
  for (int64_t i = 0; i < out.size(); ++i)
    out.cells[i].bits = uint32_t(start + i);
  values[op->getResult(0)] = std::move(out);
}

void Interpreter::runSplat(Operation *op) {
  Block out(op->getResult(0).getType());
  std::fill(out.cells.begin(), out.cells.end(), get(op->getOperand(0)).cells[0]);
  values[op->getResult(0)] = std::move(out);
}

/// Row-major strides.
static SmallVector<int64_t, 4> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t, 4> strides(shape.size(), 1);
  for (int i = int(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/// Fills `out`: its element at index x is the source's at sum over d of x[d] * sourceStride[d].
static void gatherByStrides(const Block &src, Block &out, ArrayRef<int64_t> sourceStride) {
  SmallVector<int64_t, 4> index(out.shape.size(), 0);
  for (Cell &cell : out.cells) {
    int64_t from = 0;
    for (size_t d = 0; d < index.size(); ++d)
      from += index[d] * sourceStride[d];
    cell = src.cells[from];
    for (int d = int(index.size()) - 1; d >= 0 && ++index[d] == out.shape[d]; --d)
      index[d] = 0;
  }
}

void Interpreter::runBroadcast(Operation *op) {
  const Block &src = get(op->getOperand(0));
  Block out(op->getResult(0).getType());
  auto strides = stridesOf(src.shape);
  for (size_t d = 0; d < strides.size(); ++d)
    if (src.shape[d] == 1)
      strides[d] = 0;
  gatherByStrides(src, out, strides);
  values[op->getResult(0)] = std::move(out);
}

void Interpreter::runSameCells(Operation *op) {
  Block out(op->getResult(0).getType());
  out.cells = get(op->getOperand(0)).cells;
  values[op->getResult(0)] = std::move(out);
}

void Interpreter::runTrans(Operation *op) {
  const Block &src = get(op->getOperand(0));
  Block out(op->getResult(0).getType());
  auto strides = stridesOf(src.shape);
  SmallVector<int64_t, 4> permuted;
  for (int32_t from : cast<TransOp>(op).getOrder())
    permuted.push_back(strides[from]);
  gatherByStrides(src, out, permuted);
  values[op->getResult(0)] = std::move(out);
}

void Interpreter::runJoin(Operation *op) {
  Block out(op->getResult(0).getType());
  const Block &a = get(op->getOperand(0)), &b = get(op->getOperand(1));
  for (int64_t i = 0; i < a.size(); ++i) {
    out.cells[2 * i] = a.cells[i];
    out.cells[2 * i + 1] = b.cells[i];
  }
  values[op->getResult(0)] = std::move(out);
}

void Interpreter::runSplit(Operation *op) {
  for (int half = 0; half < 2; ++half) {
    Block out(op->getResult(half).getType());
    for (int64_t i = 0; i < out.size(); ++i)
      out.cells[i] = get(op->getOperand(0)).cells[2 * i + half];
    values[op->getResult(half)] = std::move(out);
  }
}

void Interpreter::runCat(Operation *op) {
  Block out(op->getResult(0).getType());
  const Block &a = get(op->getOperand(0)), &b = get(op->getOperand(1));
  std::copy(a.cells.begin(), a.cells.end(), out.cells.begin());
  std::copy(b.cells.begin(), b.cells.end(), out.cells.begin() + a.size());
  values[op->getResult(0)] = std::move(out);
}

} // namespace tegula::reference
