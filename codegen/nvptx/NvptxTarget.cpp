//===- NvptxTarget.cpp - special registers, barriers, shuffles, conversions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/NvptxTarget.h"

#include "codegen/nvptx/Elementwise.h"
#include "ir/ops/Tile.h"

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

Value *NvptxTarget::narrowPair(IRBuilderBase &b, Value *low, Value *high, mlir::Type from,
                               mlir::Type to) const {
  return nvptx::narrowPair(b, target, low, high, from, to);
}

Value *NvptxTarget::widenPair(IRBuilderBase &b, Value *pair, mlir::Type from) const {
  return nvptx::widenPair(b, target, pair, from);
}

Value *NvptxTarget::emitElement(IRBuilderBase &b, mlir::Operation *op, ArrayRef<Value *> in) const {
  if (Value *exact = emitFloat(b, target, scalarTarget, op, in))
    return exact;
  return emitMath(b, scalarTarget, op, in);
}

} // namespace tegula::nvptx
