//===- NvptxTarget.cpp - special registers, barriers, shuffles, conversions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/NvptxTarget.h"

#include "ir/ops/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsNVPTX.h"
#include "llvm/IR/Module.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;

namespace tegula::nvptx {

NvptxTarget::NvptxTarget(const Target &target, const Options &options) : target(target), options(options) {
  scalarTarget.triple = "nvptx64-nvidia-cuda";
  scalarTarget.cpu = target.name();
}

void NvptxTarget::prepareModule(Module &module) const { module.setTargetTriple(Triple(scalarTarget.triple)); }

void NvptxTarget::markKernel(Function &kernel, const simt::Group &all) const {
  kernel.setCallingConv(CallingConv::PTX_Kernel);
  kernel.addFnAttr("nvvm.reqntid", std::to_string(all.warps * 32));
  if (options.maxRegisters)
    kernel.addFnAttr("nvvm.maxnreg", std::to_string(options.maxRegisters));
}

Value *NvptxTarget::threadIndex(IRBuilderBase &b, const simt::Group &) const {
  return b.CreateIntrinsic(Intrinsic::nvvm_read_ptx_sreg_tid_x, {});
}

Value *NvptxTarget::programId(IRBuilderBase &b, int axis) const {
  static constexpr Intrinsic::ID ids[] = {Intrinsic::nvvm_read_ptx_sreg_ctaid_x,
                                          Intrinsic::nvvm_read_ptx_sreg_ctaid_y,
                                          Intrinsic::nvvm_read_ptx_sreg_ctaid_z};
  return b.CreateIntrinsic(ids[axis], {});
}

Value *NvptxTarget::numPrograms(IRBuilderBase &b, int axis) const {
  static constexpr Intrinsic::ID ids[] = {Intrinsic::nvvm_read_ptx_sreg_nctaid_x,
                                          Intrinsic::nvvm_read_ptx_sreg_nctaid_y,
                                          Intrinsic::nvvm_read_ptx_sreg_nctaid_z};
  return b.CreateIntrinsic(ids[axis], {});
}

void NvptxTarget::barrier(IRBuilderBase &b, const simt::Group &group) const {
  b.CreateIntrinsic(Intrinsic::nvvm_barrier_cta_sync_aligned_all, {b.getInt32(group.barrier)});
}

Value *NvptxTarget::shuffleXor(IRBuilderBase &b, Value *word, unsigned mask) const {
  return b.CreateIntrinsic(Intrinsic::nvvm_shfl_sync_bfly_i32,
                           {b.getInt32(-1), word, b.getInt32(mask), b.getInt32(31)});
}

Value *NvptxTarget::shuffleUp(IRBuilderBase &b, Value *word, unsigned delta) const {
  return b.CreateIntrinsic(Intrinsic::nvvm_shfl_sync_up_i32,
                           {b.getInt32(-1), word, b.getInt32(delta), b.getInt32(0)});
}

Value *NvptxTarget::shuffleFrom(IRBuilderBase &b, Value *word, Value *lane) const {
  return b.CreateIntrinsic(Intrinsic::nvvm_shfl_sync_idx_i32, {b.getInt32(-1), word, lane, b.getInt32(31)});
}

Value *NvptxTarget::bytePermute(IRBuilderBase &b, Value *first, Value *second,
                                std::array<uint8_t, 4> selector) const {
  uint32_t nibbles = 0;
  for (unsigned i = 0; i < 4; ++i)
    nibbles |= uint32_t(selector[i]) << (4 * i);
  return b.CreateIntrinsic(Intrinsic::nvvm_prmt, {first, second, b.getInt32(nibbles)});
}

Value *NvptxTarget::narrowPair(IRBuilderBase &b, Value *low, Value *high, mlir::Type to) const {
  if (target.sm < 80)
    return nullptr;
  // The first operand of cvt.rn.f16x2.f32 is the upper half (PTX ISA, cvt).
  Intrinsic::ID id = to.isBF16() ? Intrinsic::nvvm_ff2bf16x2_rn : Intrinsic::nvvm_ff2f16x2_rn;
  return b.CreateBitCast(b.CreateIntrinsic(id, {high, low}), b.getInt32Ty());
}

static Value *approximate(IRBuilderBase &b, const char *instruction, Value *x) {
  auto *type = FunctionType::get(b.getFloatTy(), {b.getFloatTy()}, false);
  return b.CreateCall(
      InlineAsm::get(type, std::string(instruction) + " $0, $1;", "=f,f", /*hasSideEffects=*/false), {x});
}

/// Functions that the special function unit has, within the error that the PTX ISA gives for each.
Value *NvptxTarget::emitElement(IRBuilderBase &b, mlir::Operation *op, ArrayRef<Value *> in) const {
  if (op->getNumResults() != 1)
    return nullptr;
  mlir::Type type = tile::elementType(op->getResult(0).getType());
  if (mlir::isa<mlir::math::ExpOp>(op) && type.isF32())
    return approximate(b, "ex2.approx.ftz.f32",
                       b.CreateFMul(in[0], ConstantFP::get(b.getFloatTy(), 1.4426950408889634)));
  if (mlir::isa<mlir::math::Exp2Op>(op) && type.isF32())
    return approximate(b, "ex2.approx.ftz.f32", in[0]);
  if (target.sm >= 80 && mlir::isa<mlir::arith::TruncFOp>(op) && type.isBF16() &&
      in[0]->getType()->isFloatTy())
    return b.CreateBitCast(b.CreateFPTrunc(in[0], b.getBFloatTy()), b.getInt16Ty());
  return nullptr;
}

} // namespace tegula::nvptx
