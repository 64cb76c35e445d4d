//===- Products.cpp - which matrix instructions compute a product, and how it is cut ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Products.h"

#include "ir/diag/Diagnostic.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <numeric>

using namespace mlir;

namespace tegula::nvptx {

using layout::Dims;
using layout::Layout;

std::string nameOf(const MmaTiling &tiling) {
  const MmaInstruction &mma = *tiling.instruction;
  return llvm::formatv("m{0}n{1}k{2} {3} {4}x{5}", unsigned(mma.m), unsigned(mma.n), unsigned(mma.k),
                       mma.operands, 1u << tiling.warpBitsM, 1u << tiling.warpBitsN);
}

MmaTiling tilingNamed(llvm::StringRef name) {
  unsigned m = 0, n = 0, k = 0, warpsM = 0, warpsN = 0;
  llvm::StringRef rest = name;
  auto number = [&](char before, unsigned &value) {
    return rest.consume_front(llvm::StringRef(&before, 1)) && !rest.consumeInteger(10, value);
  };
  MmaTiling tiling;
  bool isGood = number('m', m) && number('n', n) && number('k', k) && rest.consume_front(" ");
  auto [operands, warps] = rest.split(' ');
  rest = warps;
  if (isGood && !rest.consumeInteger(10, warpsM) && number('x', warpsN))
    tiling.instruction = findMma(operands, m, n, k);
  if (!tiling.instruction)
    throw Error(Diag::codegen_unsupported_op, {"cuda", "tile.mma " + name.str()});
  tiling.warpBitsM = unsigned(std::countr_zero(warpsM));
  tiling.warpBitsN = unsigned(std::countr_zero(warpsN));
  return tiling;
}

/// As the table of instructions names operands of these types; empty: there is none.
static llvm::StringRef operandsOf(tile::DotOp op, const Target &target) {
  Type a = tile::elementType(op.getA().getType()), b = tile::elementType(op.getB().getType()),
       c = tile::elementType(op.getType());
  auto isFloat8 = [](Type type) { return isa<Float8E4M3FNType, Float8E5M2Type>(type); };
  if (isFloat8(a) && isFloat8(b) && c.isF32())
    return "e4m3";
  if (a != b)
    return "";
  if (a.isF16() && (c.isF32() || c.isF16()))
    return "f16";
  if (a.isBF16() && c.isF32())
    return "bf16";
  if (a.isF32() && c.isF32() && op.getInputPrecision() == tile::InputPrecision::TF32)
    return "tf32";
  if (a.isF64() && c.isF64())
    return "f64";
  if (a.isInteger(8) && c.isInteger(32))
    return "s8";
  return "";
}

std::vector<DotPlan> matrixPlans(tile::DotOp op, const Target &target, unsigned warps) {
  std::vector<DotPlan> plans;
  llvm::StringRef operands = operandsOf(op, target);
  if (operands.empty())
    return plans;
  auto shapeA = tile::shapeOf(op.getA().getType()), shapeB = tile::shapeOf(op.getB().getType()),
       shapeC = tile::shapeOf(op.getType());
  size_t rank = shapeC.size();
  auto m = double(shapeC[rank - 2]), n = double(shapeC[rank - 1]), k = double(shapeA[rank - 1]),
       batches = rank == 3 ? double(shapeC[0]) : 1;
  unsigned warpBits = unsigned(std::countr_zero(warps));
  for (const MmaInstruction &mma : llvm::reverse(mmaInstructions())) { // the largest k first
    if (mma.operands != operands || mma.sm > target.sm ||
        (mma.m == 8 && target.sm >= 80 && mma.elementBits == 8))
      continue;
    if (mma.sm == 90 && target.sm != 90)
      continue; // f64 shapes of one architecture
    auto padded = [&](ArrayRef<int64_t> shape, unsigned rows, unsigned columns) {
      SmallVector<unsigned> minBits(rank, 0);
      minBits[rank - 2] = llvm::Log2_32(rows);
      minBits[rank - 1] = llvm::Log2_32(columns);
      return layout::fitDims(shape, minBits);
    };
    Dims dimsA = padded(shapeA, mma.m, mma.k), dimsB = padded(shapeB, mma.k, mma.n),
         dimsC = padded(shapeC, mma.m, mma.n);
    for (unsigned alongM = 0; alongM <= warpBits; ++alongM) {
      MmaTiling tiling;
      tiling.instruction = &mma;
      tiling.warpBitsM = alongM;
      tiling.warpBitsN = warpBits - alongM;
      auto a = TiledFragment::of(Operand::A, dimsA, tiling), b = TiledFragment::of(Operand::B, dimsB, tiling),
           c = TiledFragment::of(Operand::C, dimsC, tiling);
      if (!a || !b || !c)
        continue;
      double rows = std::ceil(m / double(mma.m << tiling.warpBitsM)),
             columns = std::ceil(n / double(mma.n << tiling.warpBitsN)), deep = k / mma.k;
      // A tensor core takes 256 multiply-adds of 16 bits a cycle (NVIDIA A100 white paper, 2020); operands come by words.
      double product = double(mma.m) * mma.n * mma.k * mma.elementBits / (256 * 16);
      double words = deep * (rows * mma.m * mma.k + columns * mma.n * mma.k) * mma.elementBits / (32.0 * 32);
      plans.push_back({a->layout(), b->layout(), c->layout(), nameOf(tiling),
                       batches * (rows * columns * deep * product + words)});
    }
    if (!plans.empty())
      break;
  }
  llvm::stable_sort(plans, [](const DotPlan &x, const DotPlan &y) { return x.cycles < y.cycles; });
  if (plans.size() > 4)
    plans.resize(4);
  return plans;
}

DotPlan fmaPlan(tile::DotOp op, unsigned warps) {
  auto shape = tile::shapeOf(op.getType());
  Dims dimsA = layout::fitDims(tile::shapeOf(op.getA().getType())),
       dimsB = layout::fitDims(tile::shapeOf(op.getB().getType())), dims = layout::fitDims(shape);
  unsigned rank = shape.size(), rows = rank - 2, columns = rank - 1;
  SmallVector<uint32_t> perThread(rank, 1);
  perThread[rows] = std::min(4u, 1u << dims[rows].bits);
  perThread[columns] = std::min(4u, 1u << dims[columns].bits);
  SmallVector<unsigned> order(rank);
  std::iota(order.rbegin(), order.rend(), 0);
  DotPlan plan;
  plan.c = Layout::distributed(dims, perThread, order, 5, unsigned(std::countr_zero(warps)));
  plan.a = plan.c.collapsed(1u << columns).removeZeroRegisters().layout.broadcastTo(dimsA);
  plan.b = plan.c.collapsed(1u << rows).removeZeroRegisters().layout.broadcastTo(dimsB);
  plan.instruction = "fma";
  plan.cycles = double(plan.c.registers()) * double(tile::shapeOf(op.getA().getType())[columns]);
  return plan;
}

} // namespace tegula::nvptx
